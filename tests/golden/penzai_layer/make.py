# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes penzai_layer.txt with penzai 0.2.5:  pip install penzai==0.2.5;  python3 make.py > penzai_layer.txt

Attention layers as penzai's own builder makes them (Gemma 3's with its q and k norms put in), with random weights: what
each gives for a sequence with padding, uncached, and as KVCachingAttention in chunks of 5, 1, 1, 3 and 4.
A case is a line of names and numbers (name width heads kv_heads head_dim wavelength query_scale softcap window tokens),
then a line each: q, k, v, o weights [out, in]; q_norm, k_norm (or empty); positions; inputs; uncached; cached.
"""
import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from penzai import pz
from penzai.models.transformer.variants import llamalike_common as common

WIDTH, HEAD_DIM, CHUNKS = 8, 4, (5, 1, 1, 3, 4)
TOKENS = np.array([3, 4, 0, 5, 6, 7, 0, 8, 9, 2, 3, 4, 0, 5])  # 0 is padding
CASES = [  # name, KV heads, query heads each, wavelength, scale, softcap, window, norms
    ("llama", 3, 3, 100_000., "default", None, None, False),
    ("gemma_2b", 1, 4, 10_000., "default", None, None, False),
    ("gemma_7b", 2, 1, 10_000., "default", None, None, False),
    ("gemma2_local", 2, 2, 10_000., 144**-0.5, 2.0, 4, False),
    ("gemma2_global", 2, 2, 10_000., 144**-0.5, 2.0, None, False),
    ("gemma3_local", 1, 4, 10_000., "default", None, 3, True),
    ("gemma3_global", 1, 4, 1_000_000., "default", None, None, True),
]


def numbers(x):
    print(" ".join(f"{float(v):.9g}" for v in np.asarray(x).ravel()))


def with_norm(sequential, weight):
    """The projection, an RMS norm of each head, and the rest."""
    norm = pz.nn.RMSLayerNorm.from_config("norm", jax.random.key(2), across_axes={"projection": HEAD_DIM}, epsilon=1e-6)
    for parameter in pz.select(norm).at_instances_of(pz.Parameter).get_sequence():
        parameter.value = pz.nx.wrap(jnp.asarray(weight)).tag("projection")
    first, *rest = sequential.sublayers
    return pz.nn.Sequential([first, norm, *rest])


def main():
    rng = np.random.default_rng(0)
    positions = np.where(TOKENS != 0, np.cumsum(TOKENS != 0) - 1, -1)
    n = len(TOKENS)
    for name, kv, group, wave, scale, cap, window, norms in CASES:
        config = common.LlamalikeTransformerConfig(
            num_kv_heads=kv, query_head_multiplier=group, embedding_dim=WIDTH, projection_dim=HEAD_DIM,
            mlp_hidden_dim=8, num_decoder_blocks=1, vocab_size=10, mlp_variant="swiglu", tie_embedder_and_logits=False,
            rope_wavelength=wave, query_scaling_factor=scale, attn_logits_soft_cap=cap,
            attention_type=(common.AttentionTypeSlidingWindowCausal(window) if window
                            else common.AttentionTypeGlobalCausal()))
        layer = common.build_llamalike_attention("layer", jax.random.key(1), config)
        weights = {}

        def randomize(parameter):
            value = parameter.value
            order = [a for a in ("heads", "head_groups", "query_heads", "projection", "embedding")
                     if a in value.named_axes]
            shape = [value.named_axes[a] for a in order]
            x = rng.normal(size=shape).astype(np.float32) * 0.7
            part = parameter.label.split("/")[1].split(".")[0]
            matrix = x.reshape(-1, WIDTH)
            weights[part] = matrix.T if part == "output" else matrix
            parameter.value = pz.nx.wrap(jnp.asarray(x)).tag(*order).order_as(*value.named_axes)

        for parameter in pz.select(layer).at_instances_of(pz.Parameter).get_sequence():
            randomize(parameter)
        norm = [1 + 0.3 * rng.normal(size=HEAD_DIM).astype(np.float32) for _ in range(2)] if norms else [[], []]
        if norms:
            layer = dataclasses.replace(
                layer, input_to_query=with_norm(layer.input_to_query, norm[0]),
                input_to_key=with_norm(layer.input_to_key, norm[1]))
        x = rng.normal(size=(n, WIDTH)).astype(np.float32)
        named = pz.nx.wrap(jnp.asarray(x)).tag("seq", "embedding")
        place = pz.nx.wrap(jnp.asarray(positions)).tag("seq")
        uncached = layer(named, token_positions=place).unwrap("seq", "embedding")

        masker = (pz.nn.ApplyCausalSlidingWindowAttentionMask if window else pz.nn.ApplyCausalAttentionMask)
        split = pz.select(layer).at_instances_of(masker).apply(
            lambda m: dataclasses.replace(m, kv_positions_input_name="kv_token_positions"))
        axes = {"head_groups" if group > 1 else "heads": kv} if kv > 1 else {}
        caching = pz.nn.KVCachingAttention.from_uncached(
            split, sequence_axis="seq", cache_len=n + 3, cached_axes={**axes, "projection": HEAD_DIM},
            cache_end_index_key="end", cache_dtype=jnp.float32)
        cell_positions = np.full(n + 3, -1)
        rows, end = [], 0
        for count in CHUNKS:
            now = slice(end, end + count)
            cell_positions[now] = positions[now]
            y = caching(named[{"seq": now}], token_positions=place[{"seq": now}],
                        kv_token_positions=pz.nx.wrap(jnp.asarray(cell_positions)).tag("seq"), end=jnp.asarray(end))
            rows.append(np.asarray(y.unwrap("seq", "embedding")))
            end += count

        factor = HEAD_DIM**-0.5 if scale == "default" else scale
        print(name, WIDTH, kv * group, kv, HEAD_DIM, int(wave), repr(float(np.float32(factor))), cap or 0, window or 0, n)
        for part in ("query", "key", "value", "output"):
            numbers(weights[part])
        numbers(norm[0]), numbers(norm[1])
        numbers(positions), numbers(x), numbers(uncached), numbers(np.concatenate(rows))


main()
