# 64-bit ARM by Debian's cross compiler; programs run under qemu-user. Libraries beyond libc come from the folder that
# scripts/arm64-libraries fills (cmocka); the optional parts are left out.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)

set(TWILL_ARM64_LIBRARIES ${CMAKE_CURRENT_LIST_DIR}/../build-arm64-libraries)
set(CMAKE_FIND_ROOT_PATH ${TWILL_ARM64_LIBRARIES} /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_LIBDIR} ${TWILL_ARM64_LIBRARIES}/usr/lib/aarch64-linux-gnu/pkgconfig)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${TWILL_ARM64_LIBRARIES})

set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64;-L;/usr/aarch64-linux-gnu;-E
    LD_LIBRARY_PATH=${TWILL_ARM64_LIBRARIES}/usr/lib/aarch64-linux-gnu)
# gcc 12 for this machine breaks down (an internal error) on vectorising some reductions; kernels name their vectors.
set(CMAKE_C_FLAGS_INIT -fno-tree-vectorize)
