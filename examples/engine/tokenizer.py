# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The tokenizers of the three models, built with the package `tokenizers` from what their files hold."""
import pathlib

import gguf
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers

CONTROL, USER_DEFINED = 3, 4  # GGUF's types of tokens such as <bos>, and of those that go before all merging


def field(reader, key):
    return reader.fields["tokenizer.ggml." + key].contents()


def sentencepiece_merges(tokens, scores):
    """Two pieces may be merged where the whole is a token; the highest score goes first."""
    ids = {token: i for i, token in enumerate(tokens)}
    merges = []
    for token, score in zip(tokens, scores):
        parts = [(token[:i], token[i:]) for i in range(1, len(token)) if token[:i] in ids and token[i:] in ids]
        merges += [(-score, ids[a], ids[b], a, b) for a, b in parts]
    return [(a, b) for _, _, _, a, b in sorted(merges)]


class TextTokenizer:
    """encode(text) -> ids, decode(ids) -> text"""

    def __init__(self, folder, name):
        folder = pathlib.Path(folder)
        self.first = []
        if name == "minilm":
            self.tokenizer = Tokenizer.from_file(str(folder / "minilm.tokenizer.json"))
            self.tokenizer.no_truncation()
            self.tokenizer.no_padding()
            return
        reader = gguf.GGUFReader(folder / f"{name}.gguf")
        tokens = field(reader, "tokens")
        vocabulary = {token: i for i, token in enumerate(tokens)}
        if field(reader, "model") == "gpt2":
            merges = [tuple(m.split(" ")) for m in field(reader, "merges")]
            t = Tokenizer(models.BPE(vocabulary, merges))
            t.pre_tokenizer = pre_tokenizers.Sequence(
                [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
            t.decoder = decoders.ByteLevel()
        else:
            merges = sentencepiece_merges(tokens, field(reader, "scores"))
            t = Tokenizer(models.BPE(vocabulary, merges, byte_fallback=True, fuse_unk=True))
            t.normalizer = normalizers.Replace(" ", "\u2581")
            t.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()])
            self.first = [field(reader, "bos_token_id")]
        kinds = field(reader, "token_type")
        t.add_special_tokens([AddedToken(token, special=True, normalized=False)
                              for token, kind in zip(tokens, kinds) if kind == CONTROL])
        t.add_tokens([AddedToken(token, normalized=True) for token, kind in zip(tokens, kinds) if kind == USER_DEFINED])
        self.tokenizer = t
        self.end = field(reader, "eos_token_id")

    def encode(self, text):
        return self.first + self.tokenizer.encode(text).ids

    def decode(self, ids):
        return self.tokenizer.decode(list(ids), skip_special_tokens=False)
