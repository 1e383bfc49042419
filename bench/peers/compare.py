# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Domino beside other libraries, in one interleaved run:  compare.py PROGRAM [--quick] [-o compare.json]

PROGRAM is domino_peers. Each participant is a process that is pinned to the same core and waits for its turn on
standard input. A case goes round by round: in each round every participant runs once, with a probe of the machine
before it, so that all meet the same clock and the same neighbours. README.md says how fairness is kept.
"""
import argparse
import datetime
import json
import math
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).parent
TITLES = dict(domino="Domino", eigen="Eigen, materialized", sdpa="PyTorch SDPA", flex="FlexAttention",
              ort="ONNX Runtime", ggml="ggml")
# Error allowed, relative to the root mean square of Domino's output: float32 sums differ in their order; types of 16
# and 8 bits also in what is rounded on the way. Up to COARSE such types are measured all the same, and the table says
# so: ggml adds float16 values up in float16. (There every key is visible, so no wrong mask can hide behind it.)
TOLERANCE = dict(f32=1e-3, f16=1e-2, bf16=5e-2, int8=5e-2)
COARSE = dict(f32=0, f16=0.5, bf16=0.5, int8=0.5)
PREPARE = "prepare {folder} {mask} {score} {type} {heads} {kv_heads} {q_len} {kv_len} {head_dim}"


def cases(options):
    """The rows of the table, in order."""
    def case(name, table, mask, score="plain", type_="f32", heads=options.heads, kv_heads=None, q_len=None, kv_len=4096,
             head_dim=128):
        return dict(name=name, table=table, mask=mask, score=score, type=type_, heads=heads, kv_heads=kv_heads or heads,
                    q_len=q_len or kv_len, kv_len=kv_len, head_dim=head_dim)

    prefill = [("dense", "dense", "plain"), ("causal", "causal", "plain"),
               ("8 documents, causal", "documents", "plain"), ("prefix-LM, a quarter", "prefix", "plain"),
               ("last 256 keys", "window", "plain"), ("blocks of 128, a quarter", "blocks", "plain"),
               ("ALiBi, causal", "causal", "alibi"),
               ("softcap, causal", "causal", "softcap"), ("boolean tensor", "boolean", "plain")]
    if options.quick:
        prefill = [row for row in prefill if row[0] in ("dense", "causal", "8 documents, causal", "last 256 keys")]
    made = [case(name, "prefill", mask, score, kv_len=length, head_dim=head_dim)
            for length in options.lengths for head_dim in options.head_dims for name, mask, score in prefill]
    if not options.quick:
        made += [case("16 queries", "short", "causal", heads=heads, kv_heads=8, q_len=16) for heads in (8, 32)]
        made += [case(f"{mask}, {length} queries", "short", mask, heads=384, kv_len=length, head_dim=64)
                 for length in (64, 128) for mask in ("dense", "causal")]
    for type_ in ("f32", "f16") if options.quick else ("f32", "f16", "bf16", "int8"):
        made += [case("one query", "decode", "causal", "plain", type_, 32, 8, 1, len_) for len_ in options.kv_lengths]
    if not options.quick:
        made += [case("one query", "decode", "causal", "plain", type_, 32, 32, 1, 4096) for type_ in ("f32", "f16")]
    return [c for c in made if options.only in key(c)]


def key(case):
    words = "{table} {mask} {score} {type} heads={heads}/{kv_heads} q={q_len} kv={kv_len} head_dim={head_dim}"
    return words.format(**case)


class Failed(Exception):
    pass


class Participant:
    """A worker process. When it dies, the case is lost for it, and the next case starts it again."""

    def __init__(self, name, command, core):
        self.name, self.command, self.core = name, command, core
        self.version, self.absent, self.process = None, None, None
        try:
            self.start()
        except Failed as error:
            self.absent = str(error)

    def start(self):
        # One thread for every library; huge pages for torch, which numpy has anyway.
        log = os.environ.get("DOMINO_PEERS_LOG")  # where warnings go; by default to the terminal
        environment = dict(os.environ, OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1",
                           TORCHINDUCTOR_COMPILE_THREADS="1", THP_MEM_ALLOC_ENABLE="1")
        try:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                            env=environment, stderr=open(log, "a") if log else None,
                                            preexec_fn=lambda: os.sched_setaffinity(0, {self.core}))
        except OSError as error:
            raise Failed(str(error)) from error
        self.version = self.receive()["version"]

    def receive(self, patience=900):
        clock = threading.Timer(patience, self.process.kill)
        clock.start()
        line = self.process.stdout.readline()
        clock.cancel()
        if not line:
            self.process.wait()
            raise Failed(f"died ({self.process.returncode})")
        answer = json.loads(line)
        if "no" in answer:
            raise Failed(answer["no"])
        return answer

    def ask(self, line):
        if self.process.poll() is not None:
            self.start()
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Failed("died") from None
        return self.receive()


def error_of(values, expected):
    """Largest difference, relative to the root mean square of what is expected; a NaN is infinitely wrong."""
    norm = math.sqrt(statistics.fmean(x * x for x in expected))
    worst = max(abs(a - b) if math.isfinite(a) else math.inf for a, b in zip(values, expected))
    return worst / norm


def choose(found, expected, type_):
    """The way to measure: the fastest whose output is right, else the fastest that is coarse. Returns its seconds, and
    its row with every way's seconds or why it is refused."""
    candidates, ways = [], {}
    for name, way in found.items():
        ways[name] = way.get("no") or way["seconds"]
        if "no" in way:
            continue
        error = error_of(way["sample"], expected)
        coarse = error > TOLERANCE[type_]
        if not coarse or error <= COARSE[type_]:
            candidates.append((coarse, way["seconds"], name, error))
        else:
            ways[name] = f"differs from Domino by {error:.1e} of the output's root mean square"
    if not candidates:
        raise Failed("; ".join(f"{name}: {reason}" for name, reason in ways.items()))
    coarse, seconds, name, error = min(candidates)
    return seconds, dict(way=name, ways=ways, error=error, coarse=coarse, seconds=[], by_the_clock=[])


def measure(case, participants, options):
    """All repetitions of one case: what compare.json has for it."""
    domino = participants[0]
    result = dict(case, participants={})
    running = {}
    with tempfile.TemporaryDirectory(prefix="domino-peers-") as folder:
        command = PREPARE.format(folder=folder, **case)
        expected = None
        for p in participants:
            row = result["participants"][p.name] = {}
            if p.absent:
                row["no"] = p.absent
                continue
            try:
                answer = p.ask(command)
                expected = expected or answer["ways"]["domino"]["sample"]
                seconds, chosen = choose(answer["ways"], expected, case["type"])
                row.update(chosen)
                if p is domino:
                    result["flops"] = answer["flops"]
                if len(answer["ways"]) > 1:
                    p.ask(f"keep {row['way']}")
                running[p] = seconds
            except Failed as error:
                if p is domino:
                    raise
                row["no"] = str(error)
    element = dict(f32=4, f16=2, bf16=2, int8=1 + 4 / 32)[case["type"]]
    result["bytes"] = 2 * case["kv_heads"] * case["kv_len"] * case["head_dim"] * element
    fma, read = [], []
    for _ in range(options.repetitions * (3 if running[domino] < 0.05 else 1)):
        for p in list(running):
            row = result["participants"][p.name]
            if len(row["seconds"]) >= options.least and sum(row["seconds"]) > options.most_seconds:
                continue
            try:
                probe = domino.ask("probe")
                fma.append(probe["fma"])
                read.append(probe["read"])
                if running[p] < 0.1:
                    p.ask("run " + row["way"])  # short runs: the caches and predictors are other participants'
                answer = p.ask("run " + row["way"])
                row["seconds"].append(answer["seconds"])
                row["by_the_clock"].append(answer["clock"])
            except Failed as error:
                row["no"] = str(error)
                del running[p]
    for row in result["participants"].values():
        if row.get("seconds") and "no" not in row:
            row.update(median=statistics.median(row["seconds"]), best=min(row["seconds"]),
                       clock_median=statistics.median(row["by_the_clock"]))
    result["fma"] = dict(best=max(fma), median=statistics.median(fma))
    result["read"] = dict(best=max(read), median=statistics.median(read))
    return result


def report(result):
    domino = result["participants"]["domino"]["median"]
    for name, row in result["participants"].items():
        if "median" in row:
            others = [f"{n} {w * 1e3:.2f}" if not isinstance(w, str) else f"{n} ({w})" for n, w in row["ways"].items()]
            print(f"    {TITLES[name]:20} {row['median'] * 1e3:9.2f} ms  best {row['best'] * 1e3:9.2f}  "
                  f"{row['median'] / domino:6.2f} x  by the clock {row['clock_median'] * 1e3:9.2f} ms  "
                  f"error {row['error']:.0e}  {row['way']} (ways: {', '.join(others)})", flush=True)
        else:
            print(f"    {TITLES[name]:20}         -     {row['no']}", flush=True)


def processor():
    info = dict(line.split(":", 1) for line in pathlib.Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines())
    info = {name.strip(): text.strip() for name, text in info.items()}
    flags = info.get("flags", info.get("Features", "")).split()
    return dict(name=info.get("model name", platform.machine()), family=info.get("cpu family"), model=info.get("model"),
                cores=os.cpu_count(), simd=[f for f in ("avx2", "fma", "f16c", "avx512f", "asimd") if f in flags])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the program domino_peers")
    parser.add_argument("-o", "--output", default="compare.json")
    parser.add_argument("--quick", action="store_true", help="few cases at length 1024, three repetitions")
    parser.add_argument("--only", default="", help="cases whose line has this text, e.g. 'decode causal plain f16'")
    parser.add_argument("--without", default="", help="participants to leave out, e.g. eigen,ggml")
    parser.add_argument("--lengths", default=None, help="of self-attention (4096)")
    parser.add_argument("--head-dims", default=None, help="of self-attention (64,128)")
    parser.add_argument("--kv-lengths", default=None, help="of decoding (4096,16384,65536)")
    parser.add_argument("--heads", type=int, default=8, help="of self-attention, a power of two (8)")
    parser.add_argument("--repetitions", type=int, default=None,
                        help="rounds a case, thrice as many where Domino takes less than 50 ms (11)")
    parser.add_argument("--most-seconds", type=float, default=30, help="a participant leaves a case after these (30)")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)), help="where all run (the last)")
    options = parser.parse_args()
    numbers = lambda text, default: [int(x) for x in text.split(",")] if text else default
    options.lengths = numbers(options.lengths, [1024] if options.quick else [4096])
    options.head_dims = numbers(options.head_dims, [64] if options.quick else [64, 128])
    options.kv_lengths = numbers(options.kv_lengths, [4096] if options.quick else [4096, 16384, 65536])
    options.repetitions = options.repetitions or (3 if options.quick else 11)
    options.least = min(5, options.repetitions)

    python = [sys.executable, "-u"]
    commands = dict(domino=[options.program, "domino"], eigen=[options.program, "eigen"],
                    sdpa=[*python, HERE / "torch_worker.py", "sdpa"], flex=[*python, HERE / "torch_worker.py", "flex"],
                    ort=[*python, HERE / "ort_worker.py"], ggml=[*python, HERE / "ggml_worker.py"])
    participants = []
    for name, command in commands.items():
        if name in options.without.split(","):
            continue
        participants.append(Participant(name, command, options.core))
        p = participants[-1]
        print(f"{TITLES[name]:20} {p.version or 'left out: ' + p.absent}", flush=True)
    if participants[0].name != "domino" or participants[0].absent:
        sys.exit("compare.py: nothing to compare without Domino")

    start = time.time()
    data = dict(date=datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"), processor=processor(),
                system=platform.platform(), quick=options.quick, core=options.core,
                versions={p.name: p.version for p in participants if not p.absent},
                absent={p.name: p.absent for p in participants if p.absent}, titles=TITLES, cases=[])
    for case in cases(options):
        print(f"{key(case)}  ({time.time() - start:.0f} s)", flush=True)
        try:
            data["cases"].append(measure(case, participants, options))
            report(data["cases"][-1])
        except Failed as error:
            print(f"    {error}", flush=True)
        pathlib.Path(options.output).write_text(json.dumps(data, indent=1) + "\n")
    print(f"{options.output}: {len(data['cases'])} cases, {time.time() - start:.0f} s")
    if len(data["cases"]) != len(cases(options)):
        sys.exit(1)


if __name__ == "__main__":
    main()
