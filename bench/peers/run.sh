#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# The comparison with other libraries, from nothing:  bench/peers/run.sh [options of compare.py, e.g. --quick]
# VENV is where Python's packages go (build/peers/venv). What cannot be installed is left out of the table.
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=${VENV:-build/peers/venv}
mkdir -p build/peers
[[ -x $venv/bin/python ]] || python3 -m venv "$venv"
install() { # install MODULE PACKAGE...: nothing where the module is there
    "$venv/bin/python" -c "import importlib.util as u, sys; sys.exit(not u.find_spec('$1'))" ||
        "$venv/bin/pip" install --quiet "${@:2}" || echo "run.sh: ${*:2} not installed"
}
install numpy numpy
install matplotlib matplotlib
install torch torch
install onnxruntime onnxruntime
install onnx onnx
install llama_cpp llama-cpp-python # compiled from its sources, which takes a while
cmake --preset bench
cmake --build --preset bench --target domino_peers
DOMINO_PEERS_LOG=${DOMINO_PEERS_LOG:-build/peers/log} \
    "$venv/bin/python" bench/peers/compare.py build/bench/bench/domino_peers -o build/peers/compare.json "$@"
"$venv/bin/python" bench/peers/render.py build/peers/compare.json --charts build/peers/charts
echo "For the README: $venv/bin/python bench/peers/render.py build/peers/compare.json --readme README.md"
