# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the installed ejkernel over small cases and writes what it answers, a line a case.

    pip install ejkernel==0.0.80.3 && JAX_PLATFORMS=cpu python generate.py [file ...]

(a quarter of an hour, most of it XLA's; XLA_FLAGS=--xla_backend_optimization_level=0 helps).

A line is `base | operation ; operation ... | answer ...`. Values: `-` none, `!` raised, `i2x3:1,2,...` integers with
their extents, `b2x3:a5` bits with their extents (hexadecimal, high bit first), `'text` with \\n for line ends, else a
number or a word.
"""
import sys
from pathlib import Path

import jax
import numpy as np

import ejkernel.types.mask as ej
from ejkernel.types.mask import MaskInfo

jnp = jax.numpy
rng = np.random.default_rng(20261122)


def coin(p=0.5):
    return rng.random() < p


def text(x):
    if x is None:
        return "-"
    if isinstance(x, str):
        return "'" + x.replace("\n", "\\n")
    x = np.asarray(x)
    if x.ndim == 0:
        return str(int(x)) if x.dtype.kind in "iub" else repr(float(x))
    extents = "x".join(map(str, x.shape))
    if x.dtype == np.bool_:
        return f"b{extents}:" + (np.packbits(x.reshape(-1)).tobytes().hex() if x.size else "")
    return f"i{extents}:" + ",".join(str(int(v)) for v in x.reshape(-1))


# ---------------------------------------------------------------------------------------------------------- inputs

SHAPES = [(1, 1, 1), (1, 6, 6), (2, 5, 5), (2, 5, 5), (2, 3, 7), (1, 7, 3), (2, 1, 6)]  # few: XLA compiles each anew


def ids(batch, length):
    rows = []
    for _ in range(batch):
        kind = rng.integers(8)
        if kind == 0:
            row = np.full(length, rng.integers(0, 3))
        elif kind == 1:
            row = np.full(length, -1)
        elif kind <= 4:  # packed, ascending
            row = np.cumsum(rng.random(length) < 0.35) + rng.integers(0, 2)
        else:  # recurring, any order
            row = rng.integers(0, 3, length)
        row = row.copy()
        if coin(0.3):
            row[length - rng.integers(0, length + 1):] = -1
        if coin(0.2):
            row[: rng.integers(0, length + 1)] = -1
        if coin(0.25):
            row[rng.integers(0, length)] = -1
        rows.append(row)
    return np.array(rows, np.int32).reshape(batch, length)


def positions(batch, length):
    return rng.integers(-1, 12, (batch, length)).astype(np.int32)


def dense(shape):
    m = rng.random(shape) < rng.choice([0.1, 0.5, 0.9])
    if coin(0.3) and m.size:
        m[..., rng.integers(0, shape[-2]), :] = False
    if coin(0.3) and m.size:
        m[..., :, rng.integers(0, shape[-1])] = False
    if coin(0.4):
        return (m * rng.choice([1, 2, -3], shape)).astype(np.int32)
    return m


def blocks(batch, heads, q_len, kv_len):
    """A mask of segments, so that ids can be recovered."""
    q, k = ids(batch, q_len), ids(batch, kv_len)
    if q_len == kv_len and coin(0.7):
        k = q
    m = (q[:, :, None] == k[:, None, :]) & (q >= 0)[:, :, None] & (k >= 0)[:, None, :]
    return np.broadcast_to(m[:, None], (batch, heads, q_len, kv_len)).copy()


def pairs(batch, length):
    out = []
    for _ in range(batch):
        start = rng.integers(0, length + 1) if coin(0.4) else 0
        out += [start, rng.integers(start, length + 1)]
    return np.array(out, np.int32)


def base(kinds="SPMNCR"):
    """A constructor's name and arguments, and the object (or None if it raised)."""
    kind = rng.choice(list(kinds))
    batch, q_len, kv_len = SHAPES[rng.integers(len(SHAPES))]
    qp = positions(batch, q_len) if coin(0.3) else None
    kp = positions(batch, kv_len) if coin(0.3) else None
    if kind == "S":
        q = ids(batch, q_len)
        k = None if q_len == kv_len and coin(0.7) else ids(batch, kv_len)
        padding = coin(0.15)
        if k is None:
            kp = positions(batch, q_len) if kp is not None else None
        if padding:
            q = (q > 0).astype(np.int32) * int(rng.integers(1, 3))
            k = None if k is None else (k > 0).astype(np.int32)
        words = ["S", text(q), text(k), text(qp), text(kp), str(int(padding))]
        make = lambda: MaskInfo.from_segments(q, k, qp, kp, is_attn_mask=padding)
    elif kind in "PMN":
        valid = coin(0.85)
        if kind == "P":
            q_len = kv_len = max(q_len, kv_len)
            m = dense((batch, 1, q_len))[:, 0]
            qp = kp = None
        elif kind == "M":
            m = dense((batch, q_len, kv_len)) if coin() else blocks(batch, 1, q_len, kv_len)[:, 0]
        else:
            heads = int(rng.integers(1, 3))
            m = dense((batch, heads, q_len, kv_len)) if coin() else blocks(batch, heads, q_len, kv_len)
        words = ["M", text(m), str(int(valid)), text(qp), text(kp)]
        make = lambda: MaskInfo.from_attention_mask(m, qp, kp, mask_is_valid=valid)
    elif kind == "C":
        cu_q = pairs(batch, q_len)
        cu_k = None if q_len == kv_len and coin() else pairs(batch, kv_len)
        max_k = None if cu_k is None else kv_len
        if cu_k is None:
            kp = None if kp is None else positions(batch, q_len)
        words = ["C", text(cu_q), str(q_len), text(cu_k), text(max_k), text(qp), text(kp)]
        make = lambda: MaskInfo.from_cu_seqlens(
            cu_q, max_q_len=q_len, cu_seqlens_kv=cu_k, max_kv_len=max_k, q_positions=qp, kv_positions=kp)
    else:
        sparsity, seed = float(rng.choice([0.0, 0.25, 0.5, 0.9, 1.0])), int(rng.integers(0, 1000))
        words = ["R", str(batch), str(q_len), str(kv_len), str(sparsity), str(seed)]
        make = lambda: MaskInfo.from_random(batch, q_len, kv_len, sparsity, seed)
    return " ".join(words), make


# ------------------------------------------------------------------------------------------------------ operations


def entry(batch, lo, hi):
    """An integer, or one a batch entry."""
    return int(rng.integers(lo, hi)) if coin(0.6) else rng.integers(lo, hi, batch).astype(np.int32)


def operation(info, kinds):
    kind = rng.choice(kinds)
    batch, q_len, kv_len = info.shape
    if kind == "causal":
        offset = 0 if coin(0.3) else entry(batch, -4, 6)
        return f"causal {text(offset)}", lambda x: x.apply_causal(offset)
    if kind == "window":
        window = int(rng.integers(0, 5)) if coin() else (int(rng.integers(0, 6)), int(rng.integers(0, 4)))
        offset = 0 if coin(0.6) else entry(batch, -3, 5)
        mode = str(rng.choice(["default", "default", "decode", "prefill"]))
        index = entry(batch, -1, q_len + 1) if mode == "decode" else None
        left, right = window if isinstance(window, tuple) else (window, "-")
        return (f"window {left} {right} {mode} {text(index)} {text(offset)}",
                lambda x: x.apply_sliding_window(window, offset=offset, mode=mode, index=index))
    if kind == "chunk":
        chunk, offset = int(rng.integers(1, 6)), 0 if coin(0.6) else int(rng.integers(-3, 4))
        return f"chunk {chunk} {offset}", lambda x: x.apply_chunked(chunk, offset)
    if kind == "types":
        low = -1 if coin(0.15) else 0
        q = rng.integers(low, 3, (batch, q_len)).astype(np.int32)
        k = None if q_len == kv_len and coin(0.7) else rng.integers(low, 3, (batch, kv_len)).astype(np.int32)
        combine = str(rng.choice(["union", "intersect", "replace"]))
        policy = str(rng.choice(["q", "kv", "both", "none"]))
        update = [None, None, True, False][rng.integers(4)]
        types = jnp.asarray(q) if k is None else (jnp.asarray(q), jnp.asarray(k))
        return (f"types {text(q)} {text(k)} {combine} {policy} {text(update)}",
                lambda x: x.apply_token_type_ids(types, combine=combine, zero_policy=policy, update_segment_ids=update))
    if kind == "lengths":
        lengths = rng.integers(0, kv_len + 2, batch).astype(np.int32)
        rows = int(rng.choice([1, 2, q_len]))
        end = lengths if coin() else rng.integers(0, q_len + 2, batch).astype(np.int32)
        window = None if coin() else int(rng.choice([0, 2, kv_len + 1]))
        return (f"lengths {text(lengths)} {rows} {text(end)} {text(window)}",
                lambda x: x.apply_kv_lengths(lengths, q_len=rows, end_index=end, sliding_window=window))
    raise AssertionError(kind)


_positions = ej._positions_from_segments_2d


def positions_without_jit(*arguments, **keywords):  # its scan would be compiled at each call
    with jax.disable_jit():
        return _positions(*arguments, **keywords)


ej._positions_from_segments_2d = positions_without_jit


def state(info):
    mask = info.get_or_compute_attention_mask()
    return [text(np.asarray(mask, bool)), text(info._q_segment_ids), text(info._kv_segment_ids),
            text(info.q_positions), text(info.kv_positions), "".join(str(int(v)) for v in info.baked_in_masks.values())]


def attempt(f):
    try:
        return f()
    except (ValueError, TypeError, IndexError):
        return ["!"]


OPERATIONS = ["causal", "window", "chunk", "types", "lengths"]


def transformations(count):
    for i in range(count):
        words, make = base()
        length = 0 if i % 10 == 0 else 1 if i % 10 < 7 else int(rng.integers(2, 4))

        def run(length=length, make=make):
            info, steps = make(), []
            try:
                for _ in range(length):
                    name, step = operation(info, OPERATIONS)
                    steps.append(name)
                    info = step(info)
                return steps, state(info)
            except (ValueError, TypeError, IndexError):
                return steps, ["!"]

        steps, answer = run()
        yield f"{words} | {' ; '.join(steps)} | {' '.join(answer)}"


def accessors(count):
    for i in range(count):
        words, make = base()
        answers, steps = [], []
        fresh = make()
        applied = operation(fresh, ["causal", "chunk"]) if coin(0.3) else None
        if applied:
            steps.append(applied[0])

        def info():
            x = make()
            return applied[1](x) if applied else x

        m = int(rng.choice([4, 8]))
        answers.append(str(m))
        answers += attempt(lambda: [text(v) for v in info().shape])
        answers.append(text(bool(info().is_multi_sequence)))
        answers.append(text(bool(info().is_self_attention())))
        answers += [text(info().q_lens), text(info().kv_lens)]
        answers.append(text(info().q_attention_mask))
        answers.append(text(info().q_position_ids))
        answers += [text(v) for v in info().get_or_compute_positions()]
        answers += [text(v) for v in info().get_or_compute_segment_ids()]
        answers += [text(v) for v in info().get_or_compute_qkv_cu_seqlens(max_segments=m)]
        answers.append(text(np.asarray(info().get_qkv_masks()[2])))
        bias = np.asarray(info().bias)
        assert set(np.unique(bias)) <= {0.0, np.finfo(np.float32).min}
        answers.append(text(bias == 0))
        yield f"{words} | {' ; '.join(steps)} | {' '.join(answers)}"


def functions(count):
    for i in range(count):
        batch, q_len, kv_len = SHAPES[rng.integers(len(SHAPES))]
        kind = ["recover", "recover", "mask", "positions", "to_pairs", "from_pairs", "attention_pairs", "cumulative",
                "chunked"][i % 9]
        if kind == "recover":
            rank, per_head = int(rng.integers(2, 5)), coin()
            m = blocks(batch, 2, q_len, kv_len) if coin(0.6) else dense((batch, 2, q_len, kv_len)) != 0
            m = m[0, 0] if rank == 2 else m[:, 0] if rank == 3 else m
            if rank == 4 and coin(0.3):
                m[:, 1] = ~m[:, 1]
            q, k = ej.mask_to_segment_ids(jnp.asarray(m), per_head)
            if rank == 2:
                q, k = q[None], k[None]
            yield f"recover {text(m)} {int(per_head)} | | {text(q)} {text(k)}"
        elif kind == "mask":
            q, k = ids(batch, q_len), ids(batch, kv_len)
            answers = ej.segment_ids_to_qkv_masks(jnp.asarray(q), jnp.asarray(k))
            yield f"mask {text(q)} {text(k)} | | {' '.join(text(np.asarray(a)) for a in answers)}"
        elif kind == "positions":
            q, pad = ids(batch, q_len), int(rng.choice([-1, 2**31 - 1, 7]))
            yield f"positions {text(q)} {pad} | | {text(ej._positions_from_segments_2d(q, pad_value=pad))}"
        elif kind == "to_pairs":
            m = dense((batch, 1, q_len))[:, 0] if coin() else cu_mask(batch, q_len)
            yield f"to_pairs {text(m)} | | {text(ej.qkv_masks_to_cu_seqlens(jnp.asarray(m))[0])}"
        elif kind == "from_pairs":
            cu = pairs(batch, kv_len) if coin(0.6) else rng.integers(0, kv_len + 1, rng.integers(0, 6)).astype(np.int32)
            if coin(0.25):  # FlashAttention's format
                cu = np.concatenate([[0], np.cumsum(rng.integers(0, 4, rng.integers(1, 5)))]).astype(np.int32)
            length = int(max(kv_len, cu.max(initial=0)))
            answer = attempt(lambda: [text(np.asarray(ej.cu_seqlens_to_mask(cu, length)))])
            yield f"from_pairs {text(cu)} {length} | | {' '.join(answer)}"
        elif kind == "attention_pairs":
            m = dense((batch, int(rng.integers(1, 3)), q_len, kv_len))
            if coin():
                m = (cu_mask(batch, q_len)[:, None, :, None] & cu_mask(batch, kv_len)[:, None, None, :]).repeat(2, 1)
                m[:, 1] &= rng.random((batch, q_len, kv_len)) < 0.9
            reduce = str(rng.choice(["any", "all", "first"]))
            q, k = ej.attention_mask_to_qkv_cu_seqlens(jnp.asarray(m), reduce_heads=reduce)
            yield f"attention_pairs {text(np.asarray(m) != 0)} {reduce} | | {text(q)} {text(k)}"
        elif kind == "cumulative":
            q, m = ids(batch, q_len), int(rng.choice([3, 6, 11]))
            yield f"cumulative {text(q)} {m} | | {text(ej._segment_ids_to_cu_seqlens(jnp.asarray(q), max_segments=m))}"
        else:
            c, o = int(rng.integers(-1, 6)), int(rng.integers(-3, 4))
            k = kv_len if coin() else None
            answer = attempt(
                lambda: [text(np.asarray(MaskInfo.create_chunked_attention_mask(c, q_len, k, o)))])
            yield f"chunked {c} {q_len} {text(k)} {o} | | {' '.join(answer)}"


def cu_mask(batch, length):
    return np.asarray(ej.cu_seqlens_to_mask(pairs(batch, length), length))


def pictures(count):
    for i in range(count):
        words, make = base("SSNMPC")
        info = make()
        heads = info.get_or_compute_attention_mask().shape[1]
        rows, columns = int(rng.integers(1, 5)), int(rng.integers(1, 5))
        b, h = int(rng.integers(0, info.batch_size)), int(rng.integers(0, heads))
        fit, most_rows, most_columns = coin(), int(rng.integers(1, 6)), int(rng.integers(1, 6))
        charset, segments = str(rng.choice(["unicode", "ascii"])), coin(0.8)
        if coin(0.05):
            b += 5
        answer = attempt(lambda: [text(info.visualize(
            (rows, columns), b, h, fit, most_rows, most_columns, charset, segments, return_str=True))])
        yield (f"{words} | picture {rows} {columns} {b} {h} {int(fit)} {most_rows} {most_columns} {charset} "
               f"{int(segments)} | {' '.join(answer)}")


def differences():
    """One case for each place where Domino answers otherwise: `name | | what ejkernel answers`."""
    row = lambda *v: jnp.asarray([v], jnp.int32)

    def case(name, *answers):
        return f"{name} | | {' '.join(text(np.asarray(a)) if a is not None else '-' for a in answers)}"

    def rebuilt(m):
        q, k = ej.mask_to_segment_ids(jnp.asarray(m, bool))
        return ej.segment_ids_to_mask((q[None], k[None]))[0, 0]

    yield case("inverted", rebuilt([[0, 1, 1], [1, 0, 0]]))
    causal = np.tril(np.ones((4, 4), bool))
    yield case("causal_ids", rebuilt(causal))
    yield case("causal_positions", *MaskInfo(_attention_mask=jnp.asarray(causal)[None, None]).get_or_compute_positions())
    heads = np.stack([np.eye(2, dtype=bool), np.ones((2, 2), bool)])[None]
    yield case("heads", *ej.mask_to_segment_ids(jnp.asarray(heads)))
    documents = row(0, 0, 1, 1)
    yield case("qkv_masks", MaskInfo.from_segments(documents).apply_causal().get_qkv_masks()[2])
    yield case("chunk_ids", MaskInfo.from_segments(documents).apply_chunked(3).q_segment_ids)
    typed = MaskInfo.from_segments(row(0, 0, 1, -1)).apply_token_type_ids(row(1, 1, 1, 1), combine="intersect")
    yield case("type_ids", typed.q_segment_ids)
    typed = MaskInfo.from_segments(row(0, 0)).apply_token_type_ids(row(0, 1), combine="replace", zero_policy="none")
    yield case("type_zero", typed.attention_mask, typed.q_segment_ids)
    typed = MaskInfo.from_segments(row(0, 0)).apply_token_type_ids(row(-1, 1), combine="replace")
    yield case("type_negative", typed.attention_mask, typed.q_segment_ids)
    yield case("pooled", *MaskInfo.from_segments(jnp.asarray([[0, 0, 1], [0, 1, 1]])).get_or_compute_qkv_cu_seqlens(max_segments=4))
    yield case("dropped", *MaskInfo.from_segments(row(0, 1, 2)).get_or_compute_qkv_cu_seqlens(max_segments=2))
    yield case("descending", *MaskInfo.from_segments(row(2, 0, 0)).get_or_compute_qkv_cu_seqlens(max_segments=3))
    yield case("gap", ej.qkv_masks_to_cu_seqlens(row(1, 0, 1))[0])
    yield case("cumulative_as_pairs", ej.cu_seqlens_to_mask(jnp.asarray([0, 3, 5, 9]), 9))
    yield case("beyond", ej.cu_seqlens_to_mask(jnp.asarray([1, 9]), 4))
    yield case("one_segment_labelled_1", MaskInfo.from_segments(row(1, 1, 1)).is_multi_sequence,
               MaskInfo.from_segments(row(1, 1, 1)).q_lens)
    yield case("packed_keys", MaskInfo.from_segments(row(0), row(0, 0, 1)).is_multi_sequence)
    rows = MaskInfo.from_segments(jnp.asarray([[0, 0, 1], [0, 1, 1]]))
    yield case("pooled_lengths", rows.q_lens)
    yield case("below_minus_one", MaskInfo.from_segments(row(0, -2)).q_attention_mask,
               MaskInfo.from_segments(row(0, -2)).attention_mask)
    yield case("given_positions", MaskInfo.from_segments(row(0, 0), q_positions=row(5, 6)).q_position_ids)
    yield case("dynamic_two", MaskInfo.dynamic_init(attention_mask=row(1, 2, 0)).q_attention_mask,
               MaskInfo.from_attention_mask(row(1, 2, 0)).q_attention_mask)
    yield case("to_bool", MaskInfo.from_segments(row(0, 0)).to_dtype(jnp.float32).to_dtype(jnp.bool_)._attention_mask.dtype == jnp.bool_)
    looked, fresh = MaskInfo.from_segments(row(0, 0)), MaskInfo.from_segments(row(0, 0))
    looked.attention_mask
    yield case("replace_after_a_look", looked.replace(q_segment_ids=row(0, 1), kv_segment_ids=row(0, 1)).attention_mask,
               fresh.replace(q_segment_ids=row(0, 1), kv_segment_ids=row(0, 1)).attention_mask)
    cache = MaskInfo.from_attention_mask(jnp.ones((1, 1, 8), bool))
    yield case("decode_one_row", cache.apply_sliding_window((2, 0), mode="decode", index=5).attention_mask)
    yield case("decode_one_row_offset", cache.apply_sliding_window((2, 0), mode="decode", index=5, offset=5).attention_mask)
    square = MaskInfo.from_segments(jnp.zeros((1, 6), jnp.int32))
    yield case("decode_offset", square.apply_sliding_window((1, 0), mode="decode", index=2, offset=2).attention_mask)
    yield case("prefill_int", square.apply_sliding_window(1, mode="prefill").attention_mask,
               square.apply_sliding_window((1, 1), mode="prefill").attention_mask)
    placed = MaskInfo.from_segments(row(0, 0, 0, 0), q_positions=row(4, 5, 6, 7), kv_positions=row(4, 5, 6, 7))
    placed = placed.apply_kv_lengths(jnp.asarray([4]), q_len=2, end_index=jnp.asarray([4]), sliding_window=3)
    yield case("stale_positions", placed.attention_mask, placed.q_positions, placed.kv_positions)
    ragged = MaskInfo.from_segments(jnp.zeros((1, 3), jnp.int32)).visualize(2, charset="ascii", return_str=True)
    yield f"ragged | | {text(ragged)}"
    wide = MaskInfo.from_segments(jnp.zeros((1, 4), jnp.int32))
    yield f"cell_size | | {text(wide.visualize(1, max_rows=2, max_cols=2, return_str=True))}"


def main():
    global rng
    folder = Path(__file__).parent
    for name, make in [("transformations", lambda: transformations(2000)), ("accessors", lambda: accessors(500)),
                       ("functions", lambda: functions(1500)), ("pictures", lambda: pictures(250)),
                       ("differences", differences)]:
        if len(sys.argv) > 1 and name not in sys.argv[1:]:
            continue
        rng = np.random.default_rng(20261122)
        lines = list(make())
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
        print(name, len(lines), sum(map(len, lines)) // 1024, "KiB", flush=True)


main()
