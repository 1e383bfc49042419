# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs penzai (pip install penzai==0.2.5, jax on the CPU) over many small cases and writes cases.txt.

A line: operation, integers, "|", answer. Axes: 0 batch, 1 heads, 2 seq, 3 kv_seq; an array's order in memory is written
as decimal digits after a 9, so 93021 is kv_seq, batch, seq, heads. Answers are in the order batch, heads, seq, kv_seq:
booleans as in attnax's file (here: what the mask replaced), and a letter a row for the softmax over kv_seq: u uniform,
n NaN, s else.
"""

import itertools
import os
import random

os.environ["JAX_PLATFORMS"] = "cpu"
import jax
import jax.numpy as jnp
import numpy as np
import penzai
from penzai import pz
from penzai.models.transformer import sampling_mode

NAMES = ["batch", "heads", "seq", "kv_seq"]
MASKED_OUT = -2.3819763e38
r = random.Random(5)
lines = []


def put(op, ints, answer):
    lines.append(f"{op} {' '.join(str(int(i)) for i in ints)} | {answer}")


def bits(a):
    flat = np.asarray(a).reshape(-1).astype(np.uint8)
    flat = np.concatenate([flat, np.zeros(-len(flat) % 4, np.uint8)]).reshape(-1, 4)
    return "".join("%x" % (x[0] | x[1] << 1 | x[2] << 2 | x[3] << 3) for x in flat)


def named(array, axes, order):
    """`array` has `axes` (numbers, ascending); stored in `order`."""
    stored = np.transpose(array, [axes.index(a) for a in order])
    return pz.nx.wrap(jnp.asarray(stored), *[NAMES[a] for a in order])


def digits(order):
    return "9" + "".join(map(str, order))


def answer(layer, extents, order, half, inputs):
    dtype = jnp.float16 if half else jnp.float32
    x = np.arange(np.prod(extents), dtype=np.float32).reshape(extents) / 64 - 1
    logits = named(x.astype(dtype), [0, 1, 2, 3], order)
    out = layer(logits, **inputs)
    got = np.asarray(out.unwrap(*NAMES))
    assert got.dtype == dtype and got.shape == tuple(extents)
    masked = got != x.astype(dtype)
    want = np.float16(-np.inf) if half else np.float32(MASKED_OUT)
    assert (got[masked] == want).all()
    p = np.asarray(jax.nn.softmax(jnp.asarray(got)))
    rows = "".join("n" if np.isnan(row).any() else
                   "u" if masked[i].all() and np.allclose(row, 1 / len(row), rtol=1e-3) else "s"
                   for i, row in zip(np.ndindex(p.shape[:3]), p.reshape(-1, p.shape[3])))
    return bits(masked) + " " + rows


def case():
    extents = r.choice([[2, 2, 3, 4], [1, 2, 2, 3]])  # few shapes and orders: jax compiles each operation anew for each
    return extents, r.choice([[0, 1, 2, 3], [3, 0, 2, 1], [2, 3, 1, 0]]), r.randrange(2)


for _ in range(150):  # any subset of the axes may be in the mask
    extents, order, half = case()
    axes = r.choice([[0, 1, 2, 3], [0, 3], [2, 3], [0, 2, 3], [3], [1], []])
    mask = np.random.RandomState(r.randrange(10**6)).rand(*[extents[a] for a in axes]) < r.choice([0.2, 0.5, 0.8])
    mask_order = axes[::r.choice([1, -1])]
    layer = pz.nn.ApplyExplicitAttentionMask("mask", MASKED_OUT)
    put("explicit", [*extents, half, digits(order), digits(mask_order), *np.asarray(mask).reshape(-1)],
        answer(layer, extents, order, half, {"mask": named(mask, axes, mask_order)}))


def positions(extents, length_axis):
    """Positions in any state: padding in front, in the middle, behind; repeated, out of order, with gaps."""
    axes = [0, 2] if r.random() < 0.6 else [2]
    shape = [extents[0], extents[length_axis]] if len(axes) == 2 else [extents[length_axis]]
    kind = r.randrange(4)
    n = int(np.prod(shape))
    if kind == 0: flat = [i % shape[-1] for i in range(n)]
    elif kind == 1: flat = [r.randint(-1, 4) for _ in range(n)]
    elif kind == 2: flat = [-1] * n
    else: flat = [r.choice([-1, -1, 0, 1, 2, 1000000]) for _ in range(n)]
    return np.asarray(flat, np.int32).reshape(shape), axes, axes[::r.choice([1, -1])]


for windowed in [0, 1]:
    for _ in range(200 + 100 * windowed):
        extents, order, half = case()
        q_pos, q_axes, q_order = positions(extents, 2)
        kv_pos, kv_axes, kv_order = positions(extents, 3)
        inputs = {"q_in": named(q_pos, q_axes, q_order), "kv_in": named(kv_pos, kv_axes, kv_order)}
        ints = [*extents, half, digits(order), digits(q_order), digits(kv_order)]
        if windowed:
            axes = r.choice([[], [], [0], [1], [0, 1]])
            over = [extents[a] for a in axes]
            window = np.asarray([r.choice([-1, 0, 1, 2, 3, 100]) for _ in range(int(np.prod(over)))],
                                np.int32).reshape(over)
            w_order = axes[::r.choice([1, -1])]
            layer = pz.nn.ApplyCausalSlidingWindowAttentionMask(
                MASKED_OUT, int(window) if not axes else named(window, axes, w_order), "q_in", "kv_in")
            put("window", [*ints, digits(w_order), *q_pos.reshape(-1), *kv_pos.reshape(-1), *window.reshape(-1)],
                answer(layer, extents, order, half, inputs))
        else:
            layer = pz.nn.ApplyCausalAttentionMask(MASKED_OUT, "q_in", "kv_in")
            put("causal", [*ints, *q_pos.reshape(-1), *kv_pos.reshape(-1)],
                answer(layer, extents, order, half, inputs))

# ---- the position counting of KVCachingTransformerLM, chunk by chunk
seen = []


@pz.pytree_dataclass
class Recorder(pz.nn.Layer):
    def __call__(self, tokens, **inputs):
        seen.append((inputs["token_positions"].unwrap("batch", "seq"),
                     inputs["kv_token_positions"].unwrap("batch", "seq")))
        return tokens


for _ in range(120):
    B, cache_len, pad = 2, 6, r.choice([0, 0, 0, 3, -1])
    chunks, left = [], cache_len
    while left > 0 and len(chunks) < 4:
        chunks.append(r.randint(1, min(3, left)))
        left -= chunks[-1]
    model = sampling_mode.KVCachingTransformerLM(
        body=Recorder(), metadata=None, cache_len=cache_len, batch_axes={"batch": B}, pad_id=pad,
        cache_end_index=pz.StateVariable(value=0, label="end"),
        previous_tokens=pz.StateVariable(value=pz.nx.zeros({"batch": B, "seq": cache_len}, dtype=jnp.int32),
                                         label="tokens"))
    tokens, answers = [], []
    for n in chunks:
        new = np.asarray([r.choice([pad, 1, 2, 5]) for _ in range(B * n)], np.int32).reshape(B, n)
        seen.clear()
        model(pz.nx.wrap(jnp.asarray(new), "batch", "seq"))
        tokens += list(new.reshape(-1))
        answers += [str(int(x)) for a in seen[0] for x in np.asarray(a).reshape(-1)]
    put("positions", [B, cache_len, pad, len(chunks), *chunks, *tokens], " ".join(answers))

here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "cases.txt"), "w") as f:
    f.write(f"# penzai 0.2.5, {len(lines)} cases; written by generate.py\n")
    f.write("\n".join(lines) + "\n")
print(len(lines), "cases")
