# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs attnax (pip install attnax==0.2.0, jax on the CPU) over many small cases and writes the
files of cases.

A line: operation, integers, "|", answer. Booleans are hex digits of four elements each, the first element in the low
bit; floats are the hex digits of their bits. Inputs that are floats are `number(seed, i)`, which the test computes too.
"""

import os
import random

os.environ["JAX_PLATFORMS"] = "cpu"
import attnax
import jax
import jax.numpy as jnp
import numpy as np
from attnax.kernels import _api, attention, score_mods
from attnax import masking
from jax._src.random import threefry2x32 as prng

M = 2**32


def number(seed, count):
    i = np.arange(count, dtype=np.uint64)
    x = (i * 2654435761 + seed * 40503 + 12345) % M
    x ^= x >> np.uint64(15)
    x = x * 2246822519 % M
    x ^= x >> np.uint64(13)
    return ((x % 33).astype(np.float32) - 16) / 8


def tensor(seed, shape):
    return jnp.asarray(number(seed, int(np.prod(shape))).reshape(shape))


def bits(a):
    flat = np.asarray(a).reshape(-1).astype(np.uint8)
    flat = np.concatenate([flat, np.zeros(-len(flat) % 4, np.uint8)]).reshape(-1, 4)
    return "".join("%x" % (r[0] | r[1] << 1 | r[2] << 2 | r[3] << 3) for r in flat)


def floats(a):
    return " ".join("%08x" % x for x in np.asarray(a, np.float32).reshape(-1).view(np.uint32))


lines = []


def put(op, ints, answer):
    lines.append(f"{op} {' '.join(str(int(i)) for i in ints)} | {answer}")


r = random.Random(3)
ids = lambda n, low, high: [r.randint(low, high) for _ in range(n)]
# few shapes: jax compiles each operation anew for each
token_shapes = [(1, 1), (2, 5), (3, 8), (1, 3)]
score_shapes = [(1, 1, 1, 1), (1, 3, 5, 2), (2, 3, 3, 8), (2, 1, 4, 4), (1, 2, 2, 7)]

# ---- mask builders
for _ in range(150):
    (B, S), pad = r.choice(token_shapes), r.choice([0, 0, 1, -1, 7])
    tokens = ids(B * S, -1, 3)
    put("padding", [B, S, pad, *tokens],
        bits(masking.make_padding_mask(jnp.asarray(tokens).reshape(B, S), pad)))
for n in [0, 1, 2, 3, 4, 5, 7, 8, 13]:
    put("causal", [n], bits(masking.make_causal_mask(n)))
for Q in [1, 3, 7]:
    for K in [0, 3, 9]:
        for W in [-1, 0, 1, 2, 3, 7, 8, 20]:
            for causal in [0, 1]:
                try:
                    answer = bits(masking.make_sliding_window_mask(Q, K, window_size=W, causal=bool(causal)))
                except ValueError:
                    answer = "error"
                put("window", [Q, K, W, causal], answer)
for _ in range(150):
    B, S = r.choice(token_shapes)
    docs = ids(B * S, -1, 2)
    put("document", [B, S, *docs], bits(masking.make_document_mask(jnp.asarray(docs).reshape(B, S))))
for _ in range(150):
    (B, S), W, present = r.choice(token_shapes), r.randint(1, 4), r.randint(0, 15)
    tokens = ids(B * S, 0, 2)
    array = jnp.asarray(tokens).reshape(B, S)
    all_masks = [masking.make_padding_mask(array), masking.make_causal_mask(S),
                 masking.make_sliding_window_mask(S, window_size=W, causal=False), masking.make_document_mask(array)]
    got = masking.combine_masks(*[m if present >> i & 1 else None for i, m in enumerate(all_masks)])
    put("combine", [B, S, W, present, *tokens],
        "none" if got is None else bits(np.broadcast_to(np.asarray(got), (B, 1, S, S))))


# ---- mask mods, by number; `p` is a parameter, `table` [batch, 8] small integers
def mask_mod(kind, p, table):
    t = jnp.asarray(table)
    return [
        lambda b, h, q, k: k <= q,
        lambda b, h, q, k: k < q,
        lambda b, h, q, k: (k <= q) & (q - k < p),
        lambda b, h, q, k: abs(q - k) < p,
        lambda b, h, q, k: (h % 2 == 0) | (k <= q),
        lambda b, h, q, k: k < t[b, 0],
        lambda b, h, q, k: (q + k) % 3 != b,
        lambda b, h, q, k: t[b, q] == t[b, k],
        lambda b, h, q, k: q // 2 == k // 2,
        lambda b, h, q, k: (q - k) % p == 0,
        lambda b, h, q, k: (k - q) // p < h,
        lambda b, h, q, k: q > 1,
    ][kind]


MASKS = 12
for _ in range(400):
    kind, p = r.randrange(MASKS), r.randint(1, 4)
    B, H, Q, K = r.choice(score_shapes)
    table = ids(B * 8, 0, 2)
    got = _api.mask_mod_to_boolean_mask(mask_mod(kind, p, np.asarray(table).reshape(B, 8)), batch=B, num_heads=H,
                                        seq_q=Q, seq_kv=K)
    assert got.shape == (B, H, Q, K)
    put("boolean", [kind, p, B, H, Q, K, *table], bits(got))


# ---- score mods, by number
def score_mod(kind, p, table, B, H, Q, K):
    t = jnp.asarray(table)
    if kind == 0: return score_mods.causal_mod()
    if kind == 1: return score_mods.sliding_window_mod(p)
    if kind == 2: return score_mods.sliding_window_mod(p, causal=False)
    if kind == 3: return score_mods.prefix_lm_mod(t[:, 0])
    if kind == 4: return score_mods.document_mask_mod(t)
    if kind == 5: return score_mods.alibi_mod(H)
    if kind == 6: return score_mods.additive_bias_mod(tensor(7, (B, H, Q, K)))
    if kind == 7: return score_mods.additive_bias_mod(tensor(8, (1, H, 1, K)))
    if kind == 8: return score_mods.additive_bias_mod(tensor(9, (B, 1, Q, 1)))
    if kind >= 9: return score_mods.mask_mod_to_score_mod(mask_mod(kind - 9, p, table))


SCORES = 9 + MASKS
for _ in range(350):
    mods = [r.choice([-1, r.randrange(SCORES), r.randrange(SCORES)]) for _ in range(r.randint(0, 3))]
    p, (B, H, Q, K) = r.randint(1, 4), r.choice(score_shapes)
    seed, table = r.randrange(1000), ids(B * 8, 0, 2)
    t = np.asarray(table).reshape(B, 8)
    made = [None if m < 0 else score_mod(m, p, t, B, H, Q, K) for m in mods]
    composed = _api.compose_score_mods(*made)
    active = [m for m in made if m is not None]
    assert (composed is None) == (not active) and (len(active) != 1 or composed is active[0])
    got = _api._apply_score_mod(tensor(seed, (B, H, Q, K)), composed)
    put("score", [p, B, H, Q, K, seed, *table, len(mods), *mods], floats(got))
for n in range(1, 49):
    put("slopes", [n], floats(score_mods.alibi_slopes(n)))

# ---- attention: mask kind or -1, broadcast over some axes; one score mod or -1; KV heads repeated as
# MultiHeadAttention does; block 0 is standard_attention
for i in range(420):
    kind, mod, p = r.choice([-1, *range(MASKS)]), r.choice([-1, *range(SCORES)]), r.randint(1, 4)
    B, Hk, group, Q, K, D = r.choice([(1, 1, 1, 1, 1, 1), (1, 1, 3, 5, 3, 4), (2, 2, 1, 2, 7, 4), (1, 2, 2, 5, 7, 1)])
    H = Hk * group
    seed, table = r.randrange(1000), ids(B * 8, 0, 2)
    t = np.asarray(table).reshape(B, 8)
    q, k, v = tensor(seed, (B, H, Q, D)), tensor(seed + 1, (B, Hk, K, D)), tensor(seed + 2, (B, Hk, K, D))
    k, v = jnp.repeat(k, group, axis=1), jnp.repeat(v, group, axis=1)
    mask = None if kind < 0 else _api.mask_mod_to_boolean_mask(mask_mod(kind, p, t), batch=B, num_heads=H, seq_q=Q,
                                                               seq_kv=K)
    change = None if mod < 0 else score_mod(mod, p, t, B, H, Q, K)
    # the block-wise one hands additive biases and document masks their whole tensors
    block = r.choice([0, 0, 3]) if mod not in (4, 6, 7, 8) and Q == 5 else 0
    f = attention.standard_attention if block == 0 else (
        lambda *a, **o: attention.memory_efficient_attention(*a, block_size=block, **o))
    put("attention", [kind, mod, p, B, H, Hk, Q, K, D, seed, block, *table],
        floats(f(q, k, v, mask=mask, score_mod=change)))

# ---- the generator
for _ in range(100):
    key, counter = [r.getrandbits(32) for _ in range(2)], [r.getrandbits(32) for _ in range(2)]
    out = prng.threefry_2x32(jnp.asarray(key, jnp.uint32), jnp.asarray(counter, jnp.uint32))
    put("threefry", [*key, *counter], " ".join("%08x" % int(x) for x in out))

here = os.path.dirname(os.path.abspath(__file__))
parts = {"scores.txt": ("score", "slopes"), "attention.txt": ("attention", "threefry"),
         "masks.txt": ("padding", "causal", "window", "document", "combine", "boolean")}
for name, operations in parts.items():
    of = [line for line in lines if line.split()[0] in operations]
    with open(os.path.join(here, name), "w") as f:
        f.write(f"# attnax {attnax.__version__}, {len(of)} cases; written by generate.py\n")
        f.write("\n".join(of) + "\n")
print(len(lines), "cases")
