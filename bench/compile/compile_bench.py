#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What Domino's headers and each mask cost a compiler: user seconds, and bytes of code.

    bench/compile/compile_bench.py [--runs 5] [--masks 4] [--json build/compile.json] [--include dir:dir]

$CXX is the compiler (g++), $CXXFLAGS its flags (-std=c++20 -O2 -march=native). Each row is compiled to an object file
`runs` times, the rows one after another in each round so that a busy quarter of an hour meets all alike; the best counts.
"""

import argparse
import json
import os
import pathlib
import re
import resource
import shlex
import subprocess
import sys
import tempfile

PROJECT = pathlib.Path(__file__).resolve().parents[2]

# A mask a line, each another expression, so that each is an attention kernel of its own.
MASKS = ["causal", "last_n(1024)", "prefix_lm(100)", "chunked(64)", "dilated(64, 3)", "strided(8)", "band(10, 20)",
         "last_n_with_sinks(256, 4)"]


def headers(*names):
    return "".join(f"#include <{name}>\n" for name in names)


def attention(masks, header="domino/attention.hpp"):
    """One function for each mask, as a model's layers would call them."""
    view = "const domino::tensor_view<const float>& "
    calls = (f"void layer_{i}({view}Q, {view}K, {view}V, const domino::tensor_view<float>& O) {{\n"
             f"    domino::attention(Q, K, V, O, domino::{mask});\n}}\n" for i, mask in enumerate(masks))
    return headers(header, "domino/mask/mask.hpp") + "".join(calls)


class Row:
    def __init__(self, name, source, base=None, seconds_bar=None, code_bar=None):
        self.name, self.source, self.base = name, source, base
        self.seconds_bar, self.code_bar = seconds_bar, code_bar
        self.seconds, self.code = float("inf"), 0


def rows(masks):
    empty = Row("empty file", "")
    xsimd = Row("xsimd", headers("xsimd/xsimd.hpp"), empty)
    standard = Row("standard headers of masks and scores",
                   headers("stdexcept", "string", "vector", "array", "span"), empty)
    table = [
        empty, standard,
        Row("masks and scores", headers("domino/mask/mask.hpp", "domino/score/score.hpp"), empty, 0.4), xsimd,
        Row("attention.hpp", headers("domino/attention.hpp"), xsimd),
        Row("domino.hpp", headers("domino/domino.hpp"), xsimd, 1.0)
    ]
    before = Row("no mask", attention([]), xsimd)
    table.append(before)
    for n in range(1, masks + 1):
        row = Row(f"{n} mask{'s' if n > 1 else ''}: + {MASKS[n - 1]}", attention(MASKS[:n]), before)
        if n > 1:  # the first also instantiates what all masks share
            row.seconds_bar, row.code_bar = 1.5, 40 * 1024
        table.append(row)
        before = row
    elsewhere = attention(MASKS[:1], "domino/compiled_elsewhere.hpp")
    table.append(Row("1 mask, the kernels compiled elsewhere", elsewhere, xsimd))
    return table


def code_bytes(object_file):
    """The size of all executable sections: .text and its per-function kin."""
    listing = subprocess.run(["size", "-A", object_file], check=True, capture_output=True, text=True).stdout
    return sum(int(size) for size in re.findall(r"^\.text\S*\s+(\d+)", listing, re.MULTILINE))


def compile_once(command, row, folder):
    source, object_file = os.path.join(folder, "unit.cpp"), os.path.join(folder, "unit.o")
    pathlib.Path(source).write_text(row.source)
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run([*command, "-c", source, "-o", object_file], check=True)
    row.seconds = min(row.seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before)
    row.code = code_bytes(object_file)


def report(table):
    print(f"{'translation unit':<38}{'user s':>8}{'over base':>11}{'bar':>6}"
          f"{'code KiB':>10}{'over base':>11}{'bar':>6}")
    for row in table:
        line = f"{row.name:<38}{row.seconds:8.2f}"
        if row.base:
            line += f"{row.seconds - row.base.seconds:11.2f}{row.seconds_bar or '':>6}{row.code / 1024:10.1f}"
            line += f"{(row.code - row.base.code) / 1024:11.1f}{row.code_bar // 1024 if row.code_bar else '':>6}"
        print(line)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--masks", type=int, default=4, choices=range(1, len(MASKS) + 1), metavar=f"1..{len(MASKS)}")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--include", default="", help="where xsimd is, if the compiler does not look there by itself")
    options = parser.parse_args()

    command = shlex.split(os.environ.get("CXX", "g++"))
    command += shlex.split(os.environ.get("CXXFLAGS", "-std=c++20 -O2 -march=native")) + [f"-I{PROJECT / 'include'}"]
    for directory in options.include.split(":"):
        if directory not in ("", "/usr/include"):  # where the compiler looks anyway, and must do so last
            command += ["-isystem", directory]
    table = rows(options.masks)
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(options.runs):
            for row in table:
                compile_once(command, row, folder)
    print(shlex.join(command) + f", best of {options.runs}")
    report(table)
    if options.json:
        results = [{
            "name": row.name, "user_seconds": row.seconds, "code_bytes": row.code, "base": row.base and row.base.name,
            "seconds_bar": row.seconds_bar, "code_bytes_bar": row.code_bar
        } for row in table]
        report_file = {"command": command, "runs": options.runs, "rows": results}
        options.json.write_text(json.dumps(report_file, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
