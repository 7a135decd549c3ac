# Kernels: one line per instruction set. -O3 because the tile's loops must be unrolled whole; where every step is looked
# at, one copy of each loop. No bit depends on it. The files of other machines are left out of TWILL_SOURCES.
set(TWILL_KERNEL_LEVEL -O3)
if(CMAKE_C_COMPILER_ID STREQUAL GNU)
  # A tile has several ends, of which one runs: without this gcc computes the addresses of all before it chooses, and keeps
  # them in memory; and each loop is there twice, once for products that lie side by side.
  string(APPEND TWILL_KERNEL_LEVEL " -fno-code-hoisting -fno-version-loops-for-strides")
endif()
if(CMAKE_C_FLAGS MATCHES "-fsanitize|--coverage" OR CMAKE_BUILD_TYPE STREQUAL Debug)
  set(TWILL_KERNEL_LEVEL -O1)
  set(TWILL_KERNEL_FLAGS "-DTW_WATCHED_KERNELS=1 -Wno-pass-failed") # clang warns of loops that it leaves rolled
  if(CMAKE_C_COMPILER_ID MATCHES Clang)
    # else loops of unknown length are unrolled as those of known length should be, and with every access watched a file
    # takes clang 78 s instead of 11
    string(APPEND TWILL_KERNEL_FLAGS " -mllvm -pragma-unroll-threshold=0")
  endif()
endif()
set(TWILL_ISA_scalar "")
set(TWILL_ISA_avx2 "-mavx2 -mfma")
# Tuned by default, gcc keeps addresses in vector registers where those of a tile are too few: they come back behind the
# multiply-adds of the tile before, and a tile of 24 products takes 1.08 times as long (Zen 5).
set(TWILL_ISA_avx512 "-mavx512f -mavx512vl -mavx512bw -mavx512dq -mfma -mprefer-vector-width=512 -mtune=skylake-avx512")
set(TWILL_ISA_neon "")

if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  list(FILTER TWILL_SOURCES EXCLUDE REGEX "/src/kernel/(sweeps_)?avx")
endif()
if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  list(FILTER TWILL_SOURCES EXCLUDE REGEX "/src/kernel/(sweeps_)?neon")
endif()
# A page is loaded before it computes: its kernels are made small, without the stencils of common sizes and with one copy
# of each loop.
if(EMSCRIPTEN)
  set(TWILL_KERNEL_FLAGS "-Os -DTW_SMALL_KERNELS=1 -Wno-pass-failed")
endif()
foreach(isa scalar avx2 avx512 neon)
  foreach(type f32 f64)
    set_source_files_properties(src/kernel/${isa}_${type}.c PROPERTIES COMPILE_FLAGS
                                "${TWILL_KERNEL_LEVEL} ${TWILL_ISA_${isa}} ${TWILL_KERNEL_FLAGS}")
    # Plain loops become vectors only when both sides of a choice may be computed: no result depends on the flags of
    # floating-point exceptions, and none on errno.
    set_source_files_properties(src/kernel/sweeps_${isa}_${type}.c PROPERTIES COMPILE_FLAGS
                                "${TWILL_KERNEL_LEVEL} -fno-trapping-math -fno-math-errno ${TWILL_ISA_${isa}} ${TWILL_KERNEL_FLAGS}")
  endforeach()
endforeach()
