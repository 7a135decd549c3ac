# Installation: headers, library, command, CMake package, pkg-config file, man pages.
include(CMakePackageConfigHelpers)
set(TWILL_CONFIG_FOLDER ${CMAKE_INSTALL_LIBDIR}/cmake/twill)

install(TARGETS twill EXPORT twillTargets)
install(DIRECTORY include/twill TYPE INCLUDE FILES_MATCHING PATTERN *.h)
if(TARGET twill-command)
  install(TARGETS twill-command)
endif()
file(GLOB TWILL_MAN CONFIGURE_DEPENDS docs/man/*.1)
install(FILES ${TWILL_MAN} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES LICENSE TYPE DOC)

install(EXPORT twillTargets NAMESPACE twill:: DESTINATION ${TWILL_CONFIG_FOLDER})
configure_package_config_file(cmake/twillConfig.cmake.in twillConfig.cmake INSTALL_DESTINATION ${TWILL_CONFIG_FOLDER})
write_basic_package_version_file(twillConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/twillConfig.cmake ${PROJECT_BINARY_DIR}/twillConfigVersion.cmake
        DESTINATION ${TWILL_CONFIG_FOLDER})

# A static library must say what it rests on to everyone; a shared one carries that itself.
if(BUILD_SHARED_LIBS)
  set(TWILL_PC_PRIVATE .private)
else()
  set(TWILL_PC_STATIC "${TWILL_PC_LIBRARIES}")
endif()
file(RELATIVE_PATH TWILL_PC_UP ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(cmake/twill.pc.in twill.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/twill.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
