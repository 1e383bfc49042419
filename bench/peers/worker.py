# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the participants written in Python share: the line protocol of domino_peers.cpp, and the inputs."""
import dataclasses
import json
import math
import os
import sys
import time

import numpy as np

WINDOW = 256
BLOCK = 128
SOFTCAP = 30.0


@dataclasses.dataclass
class Case:
    """A case of the table; its inputs are the ones that Domino wrote to `folder`."""
    folder: str
    mask: str
    score: str
    type: str
    heads: int
    kv_heads: int
    q_len: int
    kv_len: int
    head_dim: int

    def __post_init__(self):
        for name in ("heads", "kv_heads", "q_len", "kv_len", "head_dim"):
            setattr(self, name, int(getattr(self, name)))
        self.group = self.heads // self.kv_heads
        self.offset = self.kv_len - self.q_len  # position of the first query
        self.scale = 1 / math.sqrt(self.head_dim)
        self.sees_all = self.mask == "dense" or (self.mask == "causal" and self.q_len == 1)

    def read(self, name):
        """q, k or v as [heads, len, head_dim] in float32. Large arrays of numpy lie in huge pages."""
        shape = (self.heads, self.q_len) if name == "q" else (self.kv_heads, self.kv_len)
        return np.fromfile(f"{self.folder}/{name}", np.float32).reshape(*shape, self.head_dim)

    def kept(self):
        """The mask [q_len, kv_len] in bools: what a library without masks of its own has to be given."""
        return np.fromfile(f"{self.folder}/mask", np.bool_).reshape(self.q_len, self.kv_len)

    def slopes(self):
        """ALiBi's, for a number of heads that is a power of two."""
        return 2.0 ** (-8.0 * np.arange(1, self.heads + 1, dtype=np.float32) / self.heads)

    def bias(self):
        """The mask as 0 and -inf in [1 or heads, q_len, kv_len], with ALiBi added where the case has it."""
        masked = np.where(self.kept(), np.float32(0), np.float32(-np.inf))[None]
        if self.score != "alibi":
            return masked
        q, kv = np.arange(self.q_len) + self.offset, np.arange(self.kv_len)
        return masked + self.slopes()[:, None, None] * (kv[None, :] - q[:, None]).astype(np.float32)[None]

    def documents(self):
        """The document of each token, from the mask: a query's first key begins its document."""
        return np.unique(self.kept().argmax(1), return_inverse=True)[1].astype(np.int32)

    def live_blocks(self):
        """Which blocks of BLOCK queries and BLOCK keys are kept."""
        return np.ascontiguousarray(self.kept()[::BLOCK, ::BLOCK])


def sample(output):
    """Elements of [heads, q_len, head_dim] at the places where domino_peers.cpp looks."""
    flat = np.asarray(output, dtype=np.float32).reshape(-1)
    return [float(x) for x in flat[(np.arange(256, dtype=np.uint64) * np.uint64(2654435761)) % np.uint64(flat.size)]]


def seconds_of(run):
    """Seconds on the core, and by the clock."""
    core, clock = time.process_time(), time.perf_counter()
    run()
    return time.process_time() - core, time.perf_counter() - clock


def best_of_few(run):
    """To choose among ways: the best of up to five runs, of fewer where they are long."""
    times = []
    while len(times) < 5 and sum(times) < 1:
        times.append(seconds_of(run)[0])
    return min(times)


def first_line(error):
    return f"{type(error).__name__}: {str(error).strip()}".splitlines()[0][:200]


def serve(start, ways):
    """Answers compare.py. start() gives the version; ways(case) gives {name: (run, read)}: run() is what is timed, and
    read(its result) is the output as [heads, q_len, head_dim]. A library that has several ways to compute a case offers
    all of them, and compare.py takes the fastest that is right."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # a library that prints must not answer

    def answer(**fields):
        print(json.dumps(fields), file=answers, flush=True)

    try:
        answer(version=start())
    except Exception as error:
        return answer(no=first_line(error))
    prepared = {}
    for line in sys.stdin:
        command, *words = line.split()
        try:
            if command == "prepare":
                prepared.clear()  # before the new inputs come
                prepared = ways(Case(*words))
                found = {}
                for name, (run, read) in list(prepared.items()):
                    try:
                        values = sample(read(run()))  # also warms up and compiles
                        found[name] = dict(seconds=best_of_few(run), sample=values)
                    except Exception as error:
                        found[name] = dict(no=first_line(error))
                        del prepared[name]
                answer(ways=found)
            elif command == "run":
                core, clock = seconds_of(prepared[words[0]][0])
                answer(seconds=core, clock=clock)
            elif command == "keep":  # the way that was chosen; the others' memory is given back
                prepared = {words[0]: prepared[words[0]]}
                answer(kept=words[0])
        except Exception as error:
            prepared = {}
            answer(no=first_line(error))
