# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""ONNX Runtime as a participant of compare.py: Attention (ONNX), MultiHeadAttention and GroupQueryAttention."""
import numpy as np

import worker


def start():
    global ort, helper, TensorProto
    import onnxruntime as ort
    from onnx import TensorProto, helper
    ort.set_default_logger_severity(3)
    return ort.__version__


def session(operator, arrays, outputs, type_, domain="", **attributes):
    """A model of one node; `arrays` are its inputs in order, None where one is left out."""
    types = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.float16): TensorProto.FLOAT16,
             np.dtype(np.bool_): TensorProto.BOOL, np.dtype(np.int32): TensorProto.INT32}
    names = [f"i{i}" if x is not None else "" for i, x in enumerate(arrays)]
    inputs = [helper.make_tensor_value_info(name, types[x.dtype], x.shape) for name, x in zip(names, arrays) if name]
    outs = [helper.make_tensor_value_info(name, types[np.dtype(type_)], None) for name in outputs]
    node = helper.make_node(operator, names, outputs, domain=domain, **attributes)
    model = helper.make_model(helper.make_graph([node], "g", inputs, outs), ir_version=10, opset_imports=[
        helper.make_opsetid("", 23), helper.make_opsetid("com.microsoft", 1)])
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return (ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"]),
            {name: x for name, x in zip(names, arrays) if name})


def ways(case):
    type_ = dict(f32=np.float32, f16=np.float16).get(case.type)
    if not type_:
        raise ValueError("no such type")
    q, k, v = (case.read(name).astype(type_, copy=False) for name in "qkv")
    made = {}

    def way(name, operator, arrays, read, **attributes):
        """The session is made when the way is first run, so that an operator which refuses takes no other with it."""
        state = []

        def run():
            if not state:
                state.append(session(operator, arrays, ["o"], type_, **attributes))
            return state[0][0].run(None, state[0][1])[0]

        made[name] = run, read

    def head_major(o):
        return o[0]

    def token_major(o):
        return o[0].reshape(case.q_len, case.heads, case.head_dim).transpose(1, 0, 2)

    def tokens(x):
        """[1, len, heads * head_dim]"""
        return np.ascontiguousarray(x.transpose(1, 0, 2)).reshape(1, x.shape[1], -1)

    square_causal = case.mask == "causal" and not case.offset and case.score != "alibi"
    softcap = dict(softcap=worker.SOFTCAP) if case.score == "softcap" else {}
    bias = None if case.sees_all or square_causal else case.bias()[None].astype(type_)
    causal = dict(is_causal=1) if square_causal and not case.sees_all else {}

    way("Attention", "Attention", [q[None], k[None], v[None]] + ([bias] if bias is not None else []), head_major,
        **causal, **softcap)
    if case.mask == "boolean":
        way("Attention-bool", "Attention", [q[None], k[None], v[None], case.kept()], head_major)
    if case.group > 1 and case.score == "plain":  # queries of the heads that share a KV head as rows of one head
        rows = q.reshape(1, case.kv_heads, case.group * case.q_len, case.head_dim)
        mask = [] if bias is None else [np.tile(bias, (1, 1, case.group, 1))]
        way("heads-as-rows", "Attention", [rows, k[None], v[None]] + mask,
            lambda o: o[0].reshape(case.heads, case.q_len, case.head_dim))
    if case.group == 1 and not softcap:
        way("MultiHeadAttention", "MultiHeadAttention",
            [tokens(q), tokens(k), tokens(v)] + ([None, None, bias] if bias is not None else []), token_major,
            domain="com.microsoft", num_heads=case.heads, **(dict(unidirectional=1) if causal else {}))
    if case.mask in ("causal", "window") and case.score != "alibi":
        made["GroupQueryAttention"] = (group_query(case, q, k, v, type_, tokens, softcap),
                                       lambda io: token_major(io.get_outputs()[2].numpy()))
    return made


def group_query(case, q, k, v, type_, tokens, softcap):
    """Causal attention with a KV cache that the operator appends to. Where there is a past, cache and result are one
    buffer, as in an engine: otherwise each step would copy the cache."""
    past = case.offset
    window = dict(local_window_size=worker.WINDOW) if case.mask == "window" else {}
    old_k, old_v = (x[None] if past else x[None, :, :0] for x in (k, v))
    arrays = [tokens(q), tokens(k[:, past:]), tokens(v[:, past:]), old_k, old_v,
              np.array([case.kv_len - 1], np.int32), np.array(case.kv_len, np.int32)]
    state = []

    def run():
        if not state:
            made, inputs = session("GroupQueryAttention", arrays, ["o", "new_k", "new_v"], type_,
                                   domain="com.microsoft", num_heads=case.heads, kv_num_heads=case.kv_heads,
                                   **window, **softcap)
            values = {name: ort.OrtValue.ortvalue_from_numpy(x) for name, x in inputs.items()}
            io = made.io_binding()
            for name, x in values.items():
                io.bind_ortvalue_input(name, x)
            for name, cache in (("new_k", "i3"), ("new_v", "i4")):
                if past:
                    io.bind_ortvalue_output(name, values[cache])
                else:
                    io.bind_output(name)
            io.bind_output("o")
            state.extend((made, io, values))
        state[0].run_with_iobinding(state[1])
        return state[1]

    return run


if __name__ == "__main__":
    worker.serve(start, ways)
