// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Catch2, version 3 or 2, with the names of version 3.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
namespace Catch {
using Detail::Approx;
}
#endif
