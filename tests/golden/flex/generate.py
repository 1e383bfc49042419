# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes masks.txt and scores.txt: what FlexAttention (torch 2.14, create_mask) and attention-gym (attn_gym 0.0.17) say.

A line of masks.txt: name, its integers, "|", q_len, kv_len, "|", the mask row by row, four bits a hexadecimal digit (the
first pair is the high bit). A line of scores.txt: name, its numbers, "|", heads, q_len, kv_len, "|", the new scores of
scores that are 0.25 * ((3 h + 5 q + 7 kv) % 11) - 1.

Usage: python3 generate.py   (needs torch and attn_gym on the path)
"""
import random

import attn_gym.masks as gym
import torch
from attn_gym.masks.document_mask import length_to_offsets
from attn_gym.mods.alibi import generate_alibi_bias
from attn_gym.mods.graphormer import (
    generate_graphormer_edge_bias,
    generate_graphormer_spatial_bias,
    shortest_path_edge_types,
)
from attn_gym.mods.sandwich import generate_sandwich_bias
from torch.nn.attention.flex_attention import and_masks, create_mask, noop_mask

pick = random.Random(20261122)
masks = open("masks.txt", "w")


def record(name, numbers, mod, q_len, kv_len):
    mask = create_mask(mod, 1, 1, q_len, kv_len, device="cpu")[0, 0].flatten().int().tolist()
    mask += [0] * (-len(mask) % 4)
    digits = "".join("%x" % int("".join(map(str, mask[i : i + 4])), 2) for i in range(0, len(mask), 4))
    print(name, *numbers, "|", q_len, kv_len, "|", digits, file=masks)


def lengths(total, least=0):
    out = []
    while sum(out) < total:
        out.append(min(pick.randint(least, 8), total - sum(out)))
    return out


def sizes():
    return pick.choice([1, 2, 5, 7, 13, 16, 17, 23]), pick.choice([1, 3, 6, 8, 11, 16, 19, 24])


for _ in range(40):
    q, k = sizes()
    record("causal", [], gym.causal_mask, q, k)
    w, s = pick.randint(0, 12), pick.randint(1, 5)
    record("sliding", [w], gym.generate_sliding_window(w), q, k)
    record("dilated", [w, s], gym.generate_dilated_sliding_window(w, s), q, k)
    record("prefix", [w], gym.generate_prefix_lm_mask(w), q, k)

    n = pick.randint(1, 24)
    flags = [int(pick.random() < 0.15) for _ in range(n)]
    record("global", [w] + flags, gym.generate_global_sliding_window(w, torch.tensor(flags, dtype=torch.bool)), n, n)

    parts = lengths(n)
    cu = length_to_offsets(parts, "cpu")
    record("documents", cu.tolist(), gym.generate_doc_mask_mod(noop_mask, cu), n, n)
    record("documents_causal", cu.tolist(), gym.generate_doc_mask_mod(gym.causal_mask, cu), n, n)
    record("documents_sliding", [w] + cu.tolist(), gym.generate_doc_mask_mod(gym.generate_sliding_window(w), cu), n, n)
    record("documents_packed", cu.tolist(), gym.generate_packed_causal_doc_mask_mod(cu), n, n)
    prefix = [pick.randint(0, i) if i else 0 for i in range(len(parts))]
    prefix = [p if prefix[p] == p else i for i, p in enumerate(prefix)]
    record("shared_prefix", [len(parts)] + cu.tolist() + prefix, gym.generate_shared_prefix_mask_mod(cu, torch.tensor(prefix)), n, n)

    record("batchify_causal", [s], gym.batchify_mask_mod(gym.causal_mask, s), q, k)
    record("batchify_sliding", [w, s], gym.batchify_mask_mod(gym.generate_sliding_window(w), s), q, k)

    images, per_image = pick.randint(1, 4), pick.randint(1, 5)
    intervals = [sorted([pick.randint(0, 14), pick.randint(0, 14)]) for _ in range(images)]
    record("flamingo", [per_image] + [x for i in intervals for x in i],
           gym.generate_vision_cross_attention_mask_mod(torch.tensor(intervals), per_image), 14, images * per_image)

    nodes, p = pick.randint(1, 9), pick.randint(0, 9)
    parents = [-1] + [pick.randint(0, i - 1) for i in range(1, nodes)]
    record("tree", [p] + parents, gym.generate_jetspec_tree_causal_mask_mod(p, gym.build_tree_ancestor_matrix(parents, "cpu")), nodes, p + nodes + 2)
    record("draft", [p, s], gym.generate_jetspec_training_mask_mod(p, s), 3 * s, p + 3 * s)

    block = pick.randint(1, 5)
    record("block_diffusion", [n, block], gym.generate_block_diffusion_mask(n, block), 2 * n, 2 * n)

    side = pick.randint(3, 5)
    kw, kh = pick.choice([1, 3]), pick.choice([1, 3])
    record("natten", [side, side, kw, kh], gym.generate_natten(side, side, kw, kh), side * side, side * side)
    other = pick.choice([i for i in range(3, 7) if i != side])
    record("natten_not_square", [side, other, kw, kh], gym.generate_natten(side, other, kw, kh), side * other, side * other)
    tw, th, w2, h2 = pick.randint(1, 3), pick.randint(1, 2), pick.randint(1, 3), pick.randint(1, 3)
    cw, ch = max(tw * w2, 3 // tw * tw + (tw if 3 % tw else 0)), max(th * h2, 3 // th * th + (th if 3 % th else 0))
    record("natten_tiled", [cw, ch, kw, kh, tw, th], gym.generate_tiled_natten(cw, ch, kw, kh, tw, th), cw * ch, cw * ch)
    record("natten_morton", [4, 4, kw, kh], gym.generate_morton_natten(4, 4, kw, kh), 16, 16)

    text = pick.choice([0, 0, 1, 4])
    tw, th, tt = pick.randint(1, 3), pick.randint(1, 2), pick.randint(1, 2)
    nw, nh, nt = pick.randint(1, 3), pick.randint(1, 3), pick.randint(1, 2)
    kw, kh, kt = pick.randint(1, nw) * tw, pick.randint(1, nh) * th, pick.randint(1, nt) * tt
    if tw * nw * th * nh <= 36:
        record("sta_2d", [tw * nw, th * nh, kw, kh, tw, th, text],
               gym.generate_sta_mask_mod_2d((th * nh, tw * nw), (kh, kw), (th, tw), text), tw * nw * th * nh + text, tw * nw * th * nh + text)
    if tw * nw * th * nh * tt * nt <= 40:
        size = tw * nw * th * nh * tt * nt + text
        record("sta_3d", [tw * nw, th * nh, tt * nt, kw, kh, kt, tw, th, tt, text],
               gym.generate_sta_mask_mod_3d((tt * nt, th * nh, tw * nw), (kt, kh, kw), (tt, th, tw), text), size, size)

    prompt, frame, frames, width = pick.randint(0, 6), pick.randint(1, 7), pick.randint(1, 4), pick.randint(1, 3)
    total = prompt + frame * frames
    sink, unit = pick.random() < 0.5, pick.choice([1, 2, 4])
    record("svg_spatial", [prompt, prompt + frame if sink else prompt, width * frame // unit * unit],
           gym.generate_spatial_head_mask_mod(prompt, frames, frame, width, sink, unit), total, total)
    record("svg_temporal", [prompt, frame, width * frame // frames],
           gym.generate_temporal_head_mask_mod(prompt, frames, frame, width), total, total)

    unit, q_tiles, kv_tiles = pick.randint(1, 4), pick.randint(1, 4), pick.randint(1, 5)
    top = [[pick.randrange(kv_tiles) for _ in range(pick.randint(1, 3))] for _ in range(1)][0]
    top = [[pick.randrange(kv_tiles) for _ in top] for _ in range(q_tiles)]
    record("vsa", [unit, q_tiles, kv_tiles] + [x for row in top for x in row],
           gym.generate_vsa_mask_mod(torch.tensor([[top]]), unit), q_tiles * unit, kv_tiles * unit)
    record("and", [w, s], and_masks(gym.generate_prefix_lm_mask(w), gym.generate_sliding_window(s)), q, k)
masks.close()

with open("scores.txt", "w") as scores:

    def record_score(name, numbers, mod, heads, n):
        h, q, k = torch.arange(heads).view(-1, 1, 1), torch.arange(n).view(1, -1, 1), torch.arange(n).view(1, 1, -1)
        score = 0.25 * ((3 * h + 5 * q + 7 * k) % 11).float() - 1
        out = mod(score, torch.tensor(0), h, q, k).expand(heads, n, n).flatten().tolist()
        print(name, *numbers, "|", heads, n, n, "|", *("%.9g" % x for x in out), file=scores)

    for heads in (1, 2, 3, 8, 12):
        record_score("alibi", [heads], generate_alibi_bias(heads), heads, 6)
        record_score("sandwich", [heads, 9, 128], generate_sandwich_bias(heads, 9), heads, 6)
        record_score("sandwich", [heads, 7, 6], generate_sandwich_bias(heads, 7, 6), heads, 6)
        table = [[0.5 * pick.randint(-8, 8) for _ in range(5)] for _ in range(heads)]
        distances = [[pick.randint(0, 4) for _ in range(6)] for _ in range(6)]
        record_score("graphormer", [x for row in distances for x in row] + [x for row in table for x in row],
                     generate_graphormer_spatial_bias(torch.tensor(table), torch.tensor([distances])), heads, 6)
        edges = torch.tensor([[[int(pick.random() < 0.3) for _ in range(6)] for _ in range(6)]])
        kinds = torch.tensor([[[pick.randrange(4) for _ in range(6)] for _ in range(6)]])
        types, path = shortest_path_edge_types(edges, kinds, 3)
        weights = torch.tensor([[[0.5 * pick.randint(-8, 8) for _ in range(4)] for _ in range(3)] for _ in range(heads)])
        record_score("graphormer_edges", types.flatten().tolist() + path.flatten().tolist() + weights.flatten().tolist(),
                     generate_graphormer_edge_bias(weights, types, path), heads, 6)
    for cap in (1.0, 5.0, 50.0):
        record_score("softcap", [cap], lambda s, b, h, q, k: cap * torch.tanh(s / cap), 2, 6)
