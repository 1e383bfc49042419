#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Justifies the numbers in include/domino/kernel/shape.hpp: compiles the kernel with other numbers, or as it was, and times all
of them in one process, interleaved with the probes of the machine.

    python3 bench/tune/tune.py                       all variants
    python3 bench/tune/tune.py step kv_tile          those that change one of these
    python3 bench/tune/tune.py step=4,kv_tile=48     this one
    python3 bench/tune/tune.py @HEAD @HEAD~3         include/ as of these commits: the first shows the noise

Prints for each variant and row the percent of what the machine allows (its multiply-adds, or its reads where these
take longer), best / median, and how many times as long as the kernel as it is it takes: the median over neighbouring
calls, which is the number to trust on a busy machine. The compiler is $CXX (g++), with $CXXFLAGS beside the flags of a
release."""

import argparse
import concurrent.futures
import ctypes
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHAPE = ROOT / "include/domino/kernel/shape.hpp"

# One constant in each, and what it needs to fit. `function.name` is a constant inside a function.
VARIANTS = [
    "",
    "step=4",
    "step=3,panel_registers=3,block_rows.most=240",
    "step=4,panel_registers=3,block_rows.most=240",
    "step=2,panel_registers=4",
    "step=12,panel_registers=1",
    "kv_tile=24",
    "kv_tile=48",
    "kv_tile=72",
    "kv_tile=120",
    "visit_keys.most_tiles=1",
    "visit_keys.most_tiles=2",
    "visit_keys.most_tiles=8",
    "block_rows.most=64",
    "block_rows.most=128",
    "block_rows.most=512",
    "thin_rows=0",
    "thin_rows=simd::width",
    "most_thin_keys=16",
    "thin_keys.few=2*1024",
    "thin_keys.few=8*1024",
]


def substitute(text, name, value):
    """`text` with `name = value`; exactly one definition of that name must stand there."""
    function, _, constant = name.rpartition(".")
    begin = text.index(f" {function}(") if function else 0
    end = text.index("\n}", begin) if function else len(text)
    definition = re.compile(rf"(constexpr (?:int|index_t) (?:[^;/]*, )?{constant} = )[^,;]+")
    changed, count = definition.subn(rf"\g<1>{value}", text[begin:end])
    if count != 1:
        sys.exit(f"{SHAPE} defines {name} {count} times")
    return text[:begin] + changed + text[end:]


def build(variant, folder):
    """Compiles a variant into a shared library; None where its numbers do not fit together."""
    place = folder / re.sub(r"\W+", "_", variant or "default")
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    if variant.startswith("@"):
        headers = subprocess.run(["git", "-C", ROOT, "archive", variant[1:], "include"], stdout=subprocess.PIPE, check=True)
        subprocess.run(["tar", "-x", "-C", place], input=headers.stdout, check=True)
    else:
        shutil.copytree(ROOT / "include", place / "include")
        text = SHAPE.read_text()
        for change in filter(None, variant.split(",")):
            text = substitute(text, *change.split("="))
        (place / SHAPE.relative_to(ROOT)).write_text(text)
    linked, library = place / "linked.so", place / "tune.so"
    command = [os.environ.get("CXX", "g++"), "-std=c++20", "-O3", "-DNDEBUG", "-march=native", "-fPIC", "-shared",
               "-fvisibility=hidden", "-I", place / "include",
               *os.environ.get("CXXFLAGS", "").split(), ROOT / "bench/tune/tune.cpp", "-o", linked]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if "error" in line]
        print(f"{variant}: {errors[0] if errors else done.stderr}", file=sys.stderr)
        return None
    shutil.copy(linked, library)  # where the linker's own file lies in memory can cost a fifth of the time
    loaded = ctypes.CDLL(str(library))
    loaded.row_name.restype = ctypes.c_char_p
    for function in ("row_flops", "row_bytes", "row_seconds", "row_sum", "fma_rate", "read_rate"):
        getattr(loaded, function).restype = ctypes.c_double
    return loaded


def figures(library, row, seconds, as_it_is, peak, reads):
    """Percent of what the machine allows, best and median; and the time against that of the kernel as it is."""
    least = max(library.row_flops(row) / peak, library.row_bytes(row) / reads)
    ratio = statistics.median(own / other for own, other in zip(seconds, as_it_is))
    return f"{100 * least / min(seconds):5.1f} /{100 * least / statistics.median(seconds):5.1f} {ratio:6.3f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("variants", nargs="*", help="names of constants, or name=value,name=value")
    parser.add_argument("--repetitions", type=int, default=15)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="compilers at once")
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / "build/tune")
    options = parser.parse_args()
    chosen = [v for v in options.variants if "=" in v or v.startswith("@")]
    names = set(options.variants) - set(chosen)
    if not options.variants or names:
        chosen += [v for v in VARIANTS if not names or names & set(re.findall(r"(\w+)=", v))]
    chosen = list(dict.fromkeys(["", *chosen]))

    print(f"compiling {len(chosen)} variants", file=sys.stderr)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        built = dict(zip(chosen, pool.map(lambda variant: build(variant, options.folder), chosen)))
    libraries = {variant: library for variant, library in built.items() if library}
    default = libraries[""]
    rows = []
    while (name := default.row_name(len(rows))) is not None:
        rows.append(name.decode())

    peak = reads = 0.0
    seconds = {(variant, row): [] for variant in libraries for row in range(len(rows))}
    for repetition in range(options.repetitions):
        print(f"repetition {repetition + 1} of {options.repetitions}", file=sys.stderr)
        for row in range(len(rows)):
            for turn in range(len(libraries)):  # each is first, second and so on in turn
                variant, library = list(libraries.items())[(turn + repetition) % len(libraries)]
                peak = max(peak, default.fma_rate())
                seconds[variant, row].append(library.row_seconds(row))
            reads = max(reads, default.read_rate())

    print(f"{peak * 1e-9:.1f} GFLOP/s, {reads * 1e-9:.1f} GB/s; best / median of {options.repetitions}, in %; times as long\n")
    width = max(map(len, libraries)) + 2
    print(" " * width + "".join(f"{row:>22}" for row in rows))
    for variant, library in libraries.items():
        line = (variant or "as it is").ljust(width)
        for row in range(len(rows)):
            expected = default.row_sum(row)
            wrong = abs(library.row_sum(row) - expected) > 1e-4 * expected
            own, as_it_is = seconds[variant, row], seconds["", row]
            line += f"{'wrong' if wrong else figures(library, row, own, as_it_is, peak, reads):>22}"
        print(line)


if __name__ == "__main__":
    main()
