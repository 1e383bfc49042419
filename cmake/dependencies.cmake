# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Each dependency is an installed package where there is one, and fetched at a pinned version otherwise. CMake's own
# switches choose differently: FETCHCONTENT_SOURCE_DIR_<NAME>, CMAKE_DISABLE_FIND_PACKAGE_<Name>.
include(FetchContent)
set(FETCHCONTENT_TRY_FIND_PACKAGE_MODE OPT_IN)

FetchContent_Declare(xsimd SYSTEM
  GIT_REPOSITORY https://github.com/xtensor-stack/xsimd.git
  GIT_TAG 14.3.0 GIT_SHALLOW ON
  FIND_PACKAGE_ARGS GLOBAL)
FetchContent_MakeAvailable(xsimd)

# The rest is for our own programs alone.
if(DOMINO_BUILD_TESTS OR DOMINO_BUILD_EXAMPLES OR DOMINO_BUILD_BENCH)
  find_package(OpenMP)
  find_package(PNG) # for the test of domino/info/png.hpp, which is left out without it
  find_package(TBB QUIET) # domino/parallel/tbb.hpp, likewise

  FetchContent_Declare(Eigen3 SYSTEM
    GIT_REPOSITORY https://gitlab.com/libeigen/eigen.git
    GIT_TAG 5.0.1 GIT_SHALLOW ON
    FIND_PACKAGE_ARGS GLOBAL)
  FetchContent_MakeAvailable(Eigen3)
endif()

if(DOMINO_BUILD_TESTS)
  set(CMAKE_CXX_STANDARD 20) # for Catch2's own sources, which must agree with its headers
  FetchContent_Declare(Catch2 SYSTEM
    GIT_REPOSITORY https://github.com/catchorg/Catch2.git
    GIT_TAG v3.7.1 GIT_SHALLOW ON
    FIND_PACKAGE_ARGS GLOBAL)
  FetchContent_MakeAvailable(Catch2)
endif()

if(DOMINO_BUILD_BENCH)
  set(BENCHMARK_ENABLE_TESTING OFF)
  set(BENCHMARK_ENABLE_INSTALL OFF)
  FetchContent_Declare(benchmark SYSTEM
    GIT_REPOSITORY https://github.com/google/benchmark.git
    GIT_TAG v1.9.5 GIT_SHALLOW ON
    FIND_PACKAGE_ARGS GLOBAL)
  FetchContent_MakeAvailable(benchmark)
endif()
