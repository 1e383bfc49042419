# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""PyTorch as a participant of compare.py:  torch_worker.py sdpa|flex

FlexAttention is compiled, which needs a C++ compiler (g++) at run time.
"""
import sys

import worker


def start():
    global torch, F, flex_attention, create_block_mask
    import torch
    import torch.nn.functional as F
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    blas = "MKL" if torch.backends.mkl.is_available() else "no MKL"
    return f"{torch.__version__} ({blas}, {torch.backends.cpu.get_cpu_capability()})"


def tensors(case):
    type_ = dict(f32="float32", f16="float16", bf16="bfloat16").get(case.type)
    if not type_:
        raise ValueError("no such type")
    return (torch.from_numpy(case.read(name)).to(getattr(torch, type_))[None] for name in "qkv")


def read(output):
    return output.float().numpy()


def folded(q, case):
    """Queries of the heads that share a KV head as rows of one head: a view, [1, kv_heads, group * q_len, head_dim]."""
    return q.view(1, case.kv_heads, case.group * case.q_len, case.head_dim)


def sdpa(case):
    if case.score == "softcap":
        raise ValueError("has no score mods")
    q, k, v = tensors(case)
    ways = {}

    def way(name, q, **options):
        ways[name] = (lambda: F.scaled_dot_product_attention(q, k, v, **options)), read

    grouped = case.group > 1
    rows = folded(q, case)
    if case.sees_all:
        way("dense", q, enable_gqa=grouped)
        if grouped:
            way("heads-as-rows", rows)
    elif case.mask == "causal" and case.score == "plain" and not case.offset:
        way("is_causal", q, is_causal=True, enable_gqa=grouped)
    else:
        bias = torch.from_numpy(case.bias())[None].to(q.dtype)
        way("float-mask", q, attn_mask=bias, enable_gqa=grouped)
        if case.score == "plain":
            kept = torch.from_numpy(case.kept())[None, None]
            way("bool-mask", q, attn_mask=kept, enable_gqa=grouped)
            if grouped:
                way("heads-as-rows", rows, attn_mask=bias.repeat(1, 1, case.group, 1))
    return ways


def flex(case):
    torch._dynamo.reset()
    q, k, v = tensors(case)
    offset, prefix = case.offset, case.kv_len // 4

    def causal(b, h, q, kv):
        return kv <= q + offset

    masks = dict(dense=lambda b, h, q, kv: q >= 0, causal=causal,
                 prefix=lambda b, h, q, kv: (kv < prefix) | (kv <= q),
                 window=lambda b, h, q, kv: (kv <= q) & (q - kv < worker.WINDOW))
    if case.mask == "documents":
        ids = torch.from_numpy(case.documents())
        masks["documents"] = lambda b, h, q, kv: (ids[q] == ids[kv]) & (kv <= q)
    if case.mask == "blocks":
        live = torch.from_numpy(case.live_blocks())
        masks["blocks"] = lambda b, h, q, kv: live[q // worker.BLOCK, kv // worker.BLOCK]
    if case.mask == "boolean":
        kept = torch.from_numpy(case.kept())
        masks["boolean"] = lambda b, h, q, kv: kept[q, kv]
    mask = masks[case.mask]
    slopes = torch.from_numpy(case.slopes())
    scores = dict(plain=None, alibi=lambda s, b, h, q, kv: s + slopes[h] * (kv - q - offset),
                  softcap=lambda s, b, h, q, kv: worker.SOFTCAP * torch.tanh(s / worker.SOFTCAP))
    options = dict(score_mod=scores[case.score])
    ways = {}

    def way(name, q, **more):
        compiled = torch.compile(flex_attention, dynamic=False)
        ways[name] = (lambda: compiled(q, k, v, **options, **more)), read

    def block_mask(size, mask=mask, q_len=case.q_len):
        return create_block_mask(mask, None, None, q_len, case.kv_len, device="cpu", BLOCK_SIZE=size)

    grouped = case.group > 1
    if case.sees_all:
        way("no-block-mask", q, enable_gqa=grouped)
        if grouped:
            way("heads-as-rows", folded(q, case))
    if case.q_len > 1:
        way("blocks-of-128", q, block_mask=block_mask(128), enable_gqa=grouped)
        if case.mask in ("window", "documents"):
            way("blocks-of-64", q, block_mask=block_mask(64), enable_gqa=grouped)
        if grouped and case.mask == "causal":
            q_len = case.q_len
            rows = block_mask(128, lambda b, h, q, kv: kv <= q % q_len + offset, case.group * q_len)
            way("heads-as-rows", folded(q, case), block_mask=rows)
    return ways


if __name__ == "__main__":
    worker.serve(start, dict(sdpa=sdpa, flex=flex)[sys.argv[1]])
