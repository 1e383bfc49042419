# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# What `find_package(domino)` finds after `cmake --install`.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_DATADIR}/cmake/domino)
write_basic_package_version_file(domino-config-version.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)

install(DIRECTORY include/domino DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS domino EXPORT domino-targets)
install(EXPORT domino-targets NAMESPACE domino:: DESTINATION ${package_dir})
install(FILES cmake/domino-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/domino-config-version.cmake
        DESTINATION ${package_dir})
