# How every target is compiled. Outside src/kernel nothing may be contracted to a fused multiply-add that is not
# written as one: the same bits on every machine depend on it.

set(TWILL_WARNINGS -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla -Wundef
                   -Wwrite-strings -Wconversion -Wno-sign-conversion)
if(TWILL_WERROR)
  list(APPEND TWILL_WARNINGS -Werror)
endif()

function(twill_configure target)
  target_compile_options(${target} PRIVATE ${TWILL_WARNINGS} -ffp-contract=off)
  if(TWILL_FAR)
    target_compile_definitions(${target} PRIVATE TW_FAR=${TWILL_FAR})
  endif()
endfunction()

function(twill_configure_library target)
  twill_configure(${target})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_definitions(${target} PRIVATE TW_VERSION="${PROJECT_VERSION}"
    TW_BUILD_PARTS="${TWILL_PARTS_TEXT}") # for `twill info`
  set_target_properties(${target} PROPERTIES OUTPUT_NAME twill VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  if(NOT target STREQUAL twill)
    set_target_properties(${target} PROPERTIES OUTPUT_NAME ${target})
  endif()
  twill_link_parts(${target})
endfunction()
