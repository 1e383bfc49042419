# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""ggml as a participant of compare.py: flash_attn_ext on the CPU backend of llama-cpp-python's libraries, by ctypes.
Masks are tensors of 16 bits, as ggml wants them; queries are float32, keys and values of the case's type."""
import ctypes
import glob
import importlib.metadata
import importlib.util
import mmap
import os

import numpy as np

import worker

F32, F16, Q8_0, BF16 = 0, 1, 8, 30  # enum ggml_type
TYPES = dict(f32=F32, f16=F16, bf16=BF16, int8=Q8_0)
pointer, size, f32, i64 = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_float, ctypes.c_int64


class InitParams(ctypes.Structure):
    _fields_ = [("mem_size", size), ("mem_buffer", pointer), ("no_alloc", ctypes.c_bool)]


def start():
    global lib, backend
    package = importlib.util.find_spec("llama_cpp")
    if not package:
        raise ImportError("llama-cpp-python is not installed")
    folder = os.path.join(os.path.dirname(package.origin), "lib")
    libraries = [ctypes.CDLL(path, ctypes.RTLD_GLOBAL)
                 for name in ("base", "cpu") for path in sorted(glob.glob(f"{folder}/libggml-{name}*.so"))[:1]]
    lib = Functions(libraries)
    backend = lib.ggml_backend_cpu_init()
    lib.ggml_backend_cpu_set_n_threads(backend, 1)
    return f"{lib.ggml_version().decode()} of llama-cpp-python {importlib.metadata.version('llama-cpp-python')}"


class Functions:
    """The C functions that are called here, with their types."""
    types = dict(
        ggml_version=(ctypes.c_char_p,), ggml_backend_cpu_init=(pointer,),
        ggml_backend_cpu_set_n_threads=(None, pointer, ctypes.c_int), ggml_init=(pointer, InitParams),
        ggml_free=(None, pointer), ggml_tensor_overhead=(size,), ggml_graph_overhead=(size,),
        ggml_new_tensor_3d=(pointer, pointer, ctypes.c_int, i64, i64, i64), ggml_nbytes=(size, pointer),
        ggml_flash_attn_ext=(pointer, pointer, pointer, pointer, pointer, pointer, f32, f32, f32),
        ggml_new_graph=(pointer, pointer), ggml_build_forward_expand=(None, pointer, pointer),
        ggml_backend_cpu_buffer_from_ptr=(pointer, pointer, size),
        ggml_backend_tensor_alloc=(ctypes.c_int, pointer, pointer, pointer),
        ggml_backend_buffer_free=(None, pointer), ggml_backend_supports_op=(ctypes.c_bool, pointer, pointer),
        ggml_backend_graph_compute=(ctypes.c_int, pointer, pointer),
        ggml_quantize_chunk=(size, ctypes.c_int, pointer, pointer, i64, i64, i64, pointer))

    def __init__(self, libraries):
        for name, (result, *arguments) in self.types.items():
            function = next(getattr(library, name) for library in libraries if hasattr(library, name))
            function.restype, function.argtypes = result, arguments
            setattr(self, name, function)


class Graph:
    """One flash_attn_ext and its tensors, in memory of our own (in huge pages, as the other participants')."""

    def __init__(self, case, heads, q_len, mask):
        overhead = 16 * lib.ggml_tensor_overhead() + lib.ggml_graph_overhead()
        self.context = lib.ggml_init(InitParams(overhead, None, True))
        self.memory, self.buffers = [], []
        kv_type = TYPES[case.type]
        q = self.tensor(F32, case.read("q").reshape(heads, q_len, case.head_dim))
        k, v = (self.tensor(kv_type, case.read(name)) for name in "kv")
        m = self.tensor(F16, mask[None]) if mask is not None else None
        max_bias = 8.0 if case.score == "alibi" else 0.0
        softcap = worker.SOFTCAP if case.score == "softcap" else 0.0
        o = lib.ggml_flash_attn_ext(self.context, q, k, v, m, case.scale, max_bias, softcap)
        if not lib.ggml_backend_supports_op(backend, o):
            raise ValueError("not supported")
        self.output = self.place(o).view(np.float32).reshape(q_len, heads, case.head_dim)
        self.graph = lib.ggml_new_graph(self.context)
        lib.ggml_build_forward_expand(self.graph, o)

    def place(self, tensor):
        """Memory for the tensor, as bytes."""
        n = lib.ggml_nbytes(tensor)
        memory = mmap.mmap(-1, (n + (2 << 20) - 1) >> 21 << 21)
        memory.madvise(mmap.MADV_HUGEPAGE)
        bytes_ = np.frombuffer(memory, np.uint8)
        buffer = lib.ggml_backend_cpu_buffer_from_ptr(bytes_.ctypes.data, bytes_.size)
        if lib.ggml_backend_tensor_alloc(buffer, tensor, bytes_.ctypes.data):
            raise MemoryError("tensor_alloc")
        self.memory.append(bytes_)
        self.buffers.append(buffer)
        return bytes_[:n]

    def tensor(self, type_, values):
        """A tensor of [c, b, a] in ggml's order from values [a, b, c], float32 (or already float16)."""
        made = lib.ggml_new_tensor_3d(self.context, type_, *reversed(values.shape))
        bytes_ = self.place(made)
        values = np.ascontiguousarray(values)
        if type_ in (F32, F16):
            bytes_[:] = values.astype(np.float32 if type_ == F32 else np.float16, copy=False).reshape(-1).view(np.uint8)
        else:
            rows = values.size // values.shape[-1]
            lib.ggml_quantize_chunk(type_, values.ctypes.data, bytes_.ctypes.data, 0, rows, values.shape[-1], None)
        return made

    def run(self):
        if lib.ggml_backend_graph_compute(backend, self.graph):
            raise RuntimeError("graph_compute")
        return self.output

    def __del__(self):
        for buffer in self.buffers:
            lib.ggml_backend_buffer_free(buffer)
        lib.ggml_free(self.context)


def mask_of(case):
    """0 and -inf; with ALiBi the distances, which ggml multiplies by its slopes (they are the same)."""
    if case.sees_all:
        return None
    masked = np.where(case.kept(), np.float32(0), np.float32(-np.inf))
    if case.score == "alibi":
        masked += (np.arange(case.kv_len)[None, :] - np.arange(case.q_len)[:, None] - case.offset).astype(np.float32)
    return masked.astype(np.float16)


def ways(case):
    mask = mask_of(case)
    graph = Graph(case, case.heads, case.q_len, mask)
    made = dict(flash_attn_ext=(graph.run, lambda o: o.transpose(1, 0, 2)))
    if case.group > 1 and case.score == "plain":  # queries of the heads that share a KV head as rows of one head
        tiled = None if mask is None else np.tile(mask, (case.group, 1))
        rows = Graph(case, case.kv_heads, case.group * case.q_len, tiled)
        made["heads-as-rows"] = rows.run, lambda o: o.transpose(1, 0, 2)
    return made


if __name__ == "__main__":
    worker.serve(start, ways)
