// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The KV caches.
#pragma once

#include "domino/cache/linear.hpp"
#include "domino/cache/paged.hpp"
#include "domino/cache/ring.hpp"
