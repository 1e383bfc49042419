# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the engine on text:  python3 text.py FOLDER smollm2|gemma3 "The prompt" [more "prompts that go on" ...] [-- OPTIONS]

FOLDER is what fetch.py filled; ENGINE (default build/demo/examples/engine) names the program. Needs `tokenizers`, `gguf`.
With several prompts the first is shared by all others. What stands after `--` goes to the engine.
"""
import os
import subprocess
import sys

from tokenizer import TextTokenizer


def main():
    arguments, options = sys.argv[1:], []
    if "--" in arguments:
        cut = arguments.index("--")
        arguments, options = arguments[:cut], arguments[cut + 1:]
    if len(arguments) < 3:
        sys.exit(__doc__)
    folder, name, *prompts = arguments
    tokenizer = TextTokenizer(folder, name)
    ids = [tokenizer.encode(prompts[0])] + [tokenizer.encode(p)[len(tokenizer.first):] for p in prompts[1:]]
    engine = os.environ.get("ENGINE", "build/demo/examples/engine")
    answer = subprocess.run([engine, f"{folder}/{name}.model", *options], text=True, stdout=subprocess.PIPE,
                            input="\n".join(" ".join(map(str, line)) for line in ids), check=True)
    for prompt, line in zip(prompts[1:] or prompts, answer.stdout.splitlines()):
        generated = [int(x) for x in line.split()]
        if tokenizer.end in generated:
            generated = generated[:generated.index(tokenizer.end)]
        print((prompts[0] if len(prompts) > 1 else "") + prompt + tokenizer.decode(generated) + "\n")


main()
