# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
include(CMakeFindDependencyMacro)
find_dependency(xsimd)
include(${CMAKE_CURRENT_LIST_DIR}/domino-targets.cmake)
get_target_property(domino_xsimd_dirs xsimd INTERFACE_INCLUDE_DIRECTORIES)
target_include_directories(domino::domino SYSTEM INTERFACE ${domino_xsimd_dirs})
