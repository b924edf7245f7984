#!/usr/bin/env python3
"""The outside judge: every case of tests/ops/cases through ONNX Runtime, compared with our outputs.

usage: tests/ops/ort.py [--program build/nereid-ops] [--backend ref] [--tol-scale 1] [PATTERN]

The program dumps inputs and outputs of the cases; this makes a model of one node for each (and a second node for a fused
activation, an Add for a fused residual or bias), runs it on the CPU and compares. Cases marked @noort are skipped and counted
by reason. Needs the packages onnx, onnxruntime and numpy. Ends with 1 where a case differs, could not be run by us, or
could not be run by ONNX Runtime without being marked.
"""
import argparse
import collections
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper

TYPES = {
    "BOOL": (np.bool_, TensorProto.BOOL), "UINT8": (np.uint8, TensorProto.UINT8),
    "UINT16": (np.uint16, TensorProto.UINT16), "UINT32": (np.uint32, TensorProto.UINT32),
    "UINT64": (np.uint64, TensorProto.UINT64), "INT8": (np.int8, TensorProto.INT8),
    "INT16": (np.int16, TensorProto.INT16), "INT32": (np.int32, TensorProto.INT32),
    "INT64": (np.int64, TensorProto.INT64), "FP16": (np.float16, TensorProto.FLOAT16),
    "FP32": (np.float32, TensorProto.FLOAT), "FP64": (np.float64, TensorProto.DOUBLE),
    "BF16": (np.uint16, TensorProto.BFLOAT16),
}
OPSET = 21
FUSED = {1: ("Relu", {}), 2: ("LeakyRelu", {}), 3: ("Clip", {}), 4: ("Sigmoid", {}), 5: ("Tanh", {}),
         6: ("HardSwish", {}), 7: ("Gelu", {})}


def load(folder, t):
    raw = (folder / t["file"]).read_bytes()
    return np.frombuffer(raw, TYPES[t["dtype"]][0]).reshape(t["shape"])


def widen(bf16):
    return (bf16.astype(np.uint32) << 16).view(np.float32)


def tensor(name, t, value):
    return helper.make_tensor(name, TYPES[t["dtype"]][1], t["shape"], value.tobytes(), raw=True)


def layout(folder, case):
    """The two internal ops, in numpy."""
    x, y = load(folder, case["inputs"][0]), load(folder, case["outputs"][0])
    n, c = x.shape[:2]
    if case["op"].endswith("Last"):
        want = np.moveaxis(x, 1, -1)
        return want, y.reshape(want.shape)
    return np.moveaxis(x.reshape((n,) + x.shape[2:] + (c,)), -1, 1), y


def model(folder, case):
    """A model, its feeds, and the types of its outputs."""
    attrs = {k: v for k, v in case["attrs"].items() if not k.startswith("nereid.")}
    fused = {k[7:]: v for k, v in case["attrs"].items() if k.startswith("nereid.")}
    if "value" in attrs:
        v = attrs["value"]
        attrs["value"] = tensor("value", v, load(folder, v))
    inputs, inits, feeds, names, casts = [], [], {}, [], []
    for i, t in enumerate(case["inputs"]):
        if t is None:
            names.append("")
            continue
        names.append(f"x{i}")
        value = load(folder, t)
        if t["dtype"] == "BF16":  # numpy has no such type: it enters and leaves as fp32
            casts.append(helper.make_node("Cast", [f"f{i}"], [f"x{i}"], to=TensorProto.BFLOAT16))
            inputs.append(helper.make_tensor_value_info(f"f{i}", TensorProto.FLOAT, t["shape"]))
            feeds[f"f{i}"] = widen(value)
        elif t["constant"]:
            inits.append(tensor(f"x{i}", t, value))
        else:
            inputs.append(helper.make_tensor_value_info(f"x{i}", TYPES[t["dtype"]][1], t["shape"]))
            feeds[f"x{i}"] = value
    extra = None
    if (case["op"] == "Conv" and len(names) == 4) or (case["op"] == "MatMul" and len(names) == 3):
        extra = names.pop()
        while names[-1] == "":
            names.pop()
    outs = [f"y{i}" for i in range(len(case["outputs"]))]
    act = fused.get("fused_act", 0)
    first = ["t0"] + outs[1:] if extra or act else outs
    nodes = [helper.make_node(case["op"], names, first, **attrs)]
    last = "t0"
    if extra:
        nodes.append(helper.make_node("Add", [last, extra], ["t1" if act else "y0"]))
        last = "t1"
    if act:
        op, more = FUSED[act]
        ins = [last]
        if op == "LeakyRelu":
            more = {"alpha": fused["fused_alpha"]}
        if op == "Clip":
            for k in ("fused_alpha", "fused_beta"):
                inits.append(helper.make_tensor(k, TensorProto.FLOAT, [], [fused[k]]))
                ins.append(k)
        nodes.append(helper.make_node(op, ins, ["y0"], **more))
    values = []
    for i, t in enumerate(case["outputs"]):
        if t["dtype"] == "BF16":
            nodes.append(helper.make_node("Cast", [outs[i]], [f"g{i}"], to=TensorProto.FLOAT))
            values.append(helper.make_tensor_value_info(f"g{i}", TensorProto.FLOAT, None))
        else:
            values.append(helper.make_tensor_value_info(outs[i], TYPES[t["dtype"]][1], None))
    graph = helper.make_graph(casts + nodes, "case", inputs, values, inits)
    m = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
    return m, feeds


def differs(got, want, tol):
    if got.shape != want.shape:
        return f"shape {list(got.shape)}, ONNX Runtime {list(want.shape)}"
    if got.dtype != want.dtype:
        return f"type {got.dtype}, ONNX Runtime {want.dtype}"
    if want.dtype.kind != "f":
        bad = got != want
    else:
        tol = max(tol, 2e-3) if want.dtype == np.float16 else tol
        with np.errstate(all="ignore"):
            g, w = got.astype(np.float64), want.astype(np.float64)
            bad = ~((np.abs(g - w) <= tol * (1 + np.abs(w))) | (g == w) | (np.isnan(g) & np.isnan(w)))
    if not bad.any():
        return None
    i = tuple(int(k[0]) for k in np.nonzero(bad)) if bad.ndim else ()
    return f"{int(bad.sum())} of {bad.size} differ, at {list(i)}: {got[i]}, ONNX Runtime {want[i]}"


def judge(folder, case, scale):
    if "error" in case:
        return "error", case["error"]
    if case["op"].startswith("nereid."):
        want, got = layout(folder, case)
        bad = differs(got, want, 0)
        return ("failed", bad) if bad else ("passed", None)
    if case["noort"]:
        return "skipped", case["noort"]
    try:
        m, feeds = model(folder, case)
        options = ort.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        wants = ort.InferenceSession(m.SerializeToString(), options, ["CPUExecutionProvider"]).run(None, feeds)
    except Exception as e:  # whatever ONNX Runtime raises, it is the reason
        return "refused", str(e).splitlines()[0][:160]
    for i, (t, want) in enumerate(zip(case["outputs"], wants)):
        got = load(folder, t)
        got = widen(got) if t["dtype"] == "BF16" else got
        bad = differs(got, np.asarray(want), case["tol"] * scale)
        if bad:
            return "failed", f"output {i}: {bad}"
    return "passed", None


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--program", default="build/nereid-ops")
    p.add_argument("--backend", default="ref")
    p.add_argument("--tol-scale", type=float, default=1)
    p.add_argument("pattern", nargs="?")
    o = p.parse_args()
    count, reasons = collections.Counter(), collections.Counter()
    with tempfile.TemporaryDirectory() as tmp:
        folder = pathlib.Path(tmp)
        subprocess.run([o.program, "dump", tmp, "--backend", o.backend] + ([o.pattern] if o.pattern else []), check=True)
        for case in json.loads((folder / "cases.json").read_text()):
            result, why = judge(folder, case, o.tol_scale)
            if result == "error" and o.backend != "ref":
                result, why = "skipped", f"not on {o.backend}"
            count[result] += 1
            if result == "skipped":
                reasons[why] += 1
            elif result != "passed":
                print(f"{result}: {case['name']}: {case['text']}\n    {why}")
    for why, n in reasons.most_common():
        print(f"skipped {n}: {why}")
    failed = sum(n for k, n in count.items() if k not in ("passed", "skipped"))
    print(f"{count['passed']} passed, {failed} failed, {count['skipped']} skipped "
          f"(onnx {onnx.__version__}, onnxruntime {ort.__version__})")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
