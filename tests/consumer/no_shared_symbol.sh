#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# no_shared_symbol.sh A.o B.o ...: no function or variable of Domino that a linker would merge is in two of them.
set -euo pipefail
mergeable() { nm --defined-only "$1" | awk '$2 ~ /[VWu]/ && $3 ~ /6domino/ { print $3 }' | sort -u; }

for object; do
    [[ -n $(mergeable "$object") ]] || { echo "$object: no symbol of Domino, so nothing was tested"; exit 1; }
done
shared=$(for object; do mergeable "$object"; done | sort | uniq -d)
[[ -z $shared ]] || { echo "in two:"; c++filt <<<"$shared"; exit 1; }
