// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The main of every test: our own, since a packaged one may be compiled for an older C++ than its header is here.
#if __has_include(<catch2/catch_session.hpp>)
#include <catch2/catch_session.hpp>
int main(int argc, char** argv) { return Catch::Session().run(argc, argv); }
#else
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#endif
