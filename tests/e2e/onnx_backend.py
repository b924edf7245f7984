#!/usr/bin/env python3
"""The ONNX project's own node tests (package onnx, onnx.backend.test) on our definition of the ops.

usage: tests/e2e/onnx_backend.py [--program build/nereid-ops] [--backend ref] [-v] [PATTERN]

Every node test whose single node is one of our ops becomes a case line of tests/ops (all inputs as constants), is run, and
is compared with the outputs that the ONNX project ships, by the tolerance of its own runner. Others are skipped, and counted
by reason. KNOWN lists tests that we answer differently on purpose. Ends with 1 where one fails.
"""
import argparse
import collections
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, helper, numpy_helper
from onnx.backend.test.loader import load_model_tests

ROOT = pathlib.Path(__file__).resolve().parents[2]
TYPES = {TensorProto.BOOL: "bool", TensorProto.UINT8: "uint8", TensorProto.UINT16: "uint16", TensorProto.UINT32: "uint32",
         TensorProto.UINT64: "uint64", TensorProto.INT8: "int8", TensorProto.INT16: "int16", TensorProto.INT32: "int32",
         TensorProto.INT64: "int64", TensorProto.FLOAT16: "fp16", TensorProto.FLOAT: "fp32", TensorProto.DOUBLE: "fp64",
         TensorProto.BFLOAT16: "bf16"}
NUMPY = {"BOOL": np.bool_, "UINT8": np.uint8, "UINT16": np.uint16, "UINT32": np.uint32, "UINT64": np.uint64,
         "INT8": np.int8, "INT16": np.int16, "INT32": np.int32, "INT64": np.int64, "FP16": np.float16,
         "FP32": np.float32, "FP64": np.float64, "BF16": np.uint16}
RUNTIME = "align_corners counts whole pixels, as ONNX Runtime and PyTorch do"
KNOWN = {
    "test_batchnorm_example_training_mode": "training",
    "test_batchnorm_epsilon_training_mode": "training",
    "test_training_dropout": "training",
    "test_training_dropout_default": "training",
    "test_training_dropout_default_mask": "training",
    "test_training_dropout_mask": "training",
    "test_resize_downsample_scales_linear_align_corners": RUNTIME,
    "test_resize_downsample_scales_cubic_align_corners": RUNTIME,
}


warnings.simplefilter("ignore")  # the tests' own arithmetic, while they are collected


class Skip(Exception):
    pass


def words(table):
    """The texts of an X-macro table: X(NAME, "text", ..."""
    return set(re.findall(r'^X\(\w+,\s*"([^"]+)"', (ROOT / "src/ir" / table).read_text(), re.M))


def tensor(t):
    if t.data_type not in TYPES:
        raise Skip("type " + TensorProto.DataType.Name(t.data_type).lower())
    value = np.asarray(numpy_helper.to_array(t))
    name, dims = TYPES[t.data_type], ",".join(str(d) for d in value.shape)
    if name.startswith(("fp", "bf")):
        items = ",".join("%.17g" % float(v) for v in value.reshape(-1))
    else:
        items = ",".join(str(int(v)) for v in value.reshape(-1))
    return f"{name}[{dims}]={items}"


def attribute(a):
    if a.type == AttributeProto.INT:
        return str(a.i)
    if a.type == AttributeProto.FLOAT:
        return "%.9g" % a.f
    if a.type == AttributeProto.INTS:
        return ",".join(str(i) for i in a.ints)
    if a.type == AttributeProto.STRING:
        return a.s.decode()
    if a.type == AttributeProto.TENSOR:
        return tensor(a.t)
    raise Skip(f"attribute {a.name} of a kind that we have not")


def as_tensor(value, info):
    """A data set's entry, an array or a tensor, as a tensor of the type that the model declares."""
    if isinstance(value, TensorProto):
        if value.data_type not in TYPES:
            raise Skip("type " + TensorProto.DataType.Name(value.data_type).lower())
        return value
    if not isinstance(value, (np.ndarray, np.generic)) or not info.type.HasField("tensor_type"):
        raise Skip("a value that is no tensor")
    kind = info.type.tensor_type.elem_type
    if kind not in TYPES:
        raise Skip("type " + TensorProto.DataType.Name(kind).lower())
    value = np.asarray(value)
    return helper.make_tensor("", kind, value.shape, value.tobytes(), raw=True)


def line(test, ops, attrs):
    """The case line, and the wanted outputs."""
    model = test.model
    if len(model.graph.node) != 1:
        raise Skip("more than one node")
    node = model.graph.node[0]
    if node.domain not in ("", "ai.onnx") or node.op_type not in ops:
        raise Skip("not our op")
    inputs, outputs = test.data_sets[0]
    values = {v.name: as_tensor(x, v) for v, x in zip(model.graph.input, inputs)}
    values.update({t.name: t for t in model.graph.initializer})
    text = [node.op_type]
    for name in node.input:
        text.append(tensor(values[name]) if name else "-")
    for a in node.attribute:
        if node.op_type == "Dropout" and a.name == "seed":
            continue  # of training only
        if a.name not in attrs:
            raise Skip(f"attribute {a.name}")
        text.append(f"{a.name}={attribute(a)}")
    wanted = {list(node.output).index(v.name): as_tensor(x, v) for v, x in zip(model.graph.output, outputs)}
    if len(node.output) > 8:
        raise Skip("more than 8 outputs")
    text.append(f"@out={len(node.output)}")
    return " ".join(text), wanted


def differs(folder, got, want, test):
    raw = np.frombuffer((folder / got["file"]).read_bytes(), NUMPY[got["dtype"]]).reshape(got["shape"])
    value = np.asarray(numpy_helper.to_array(want))
    if TYPES[want.data_type].upper() != got["dtype"]:
        return f"type {got['dtype']}, wanted {TYPES[want.data_type]}"
    if raw.shape != value.shape:
        return f"shape {list(raw.shape)}, wanted {list(value.shape)}"
    if got["dtype"] == "BF16":
        raw, value = (raw.astype(np.uint32) << 16).view(np.float32), value.astype(np.float32)
    if raw.dtype.kind != "f":
        bad = raw != value
    else:
        bad = ~np.isclose(raw.astype(np.float64), value.astype(np.float64), rtol=test.rtol, atol=test.atol, equal_nan=True)
    if bad.any():
        i = tuple(int(k[0]) for k in np.nonzero(bad)) if bad.ndim else ()
        return f"{int(bad.sum())} of {bad.size} differ, at {list(i)}: {raw[i]}, wanted {value[i]}"
    return None


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--program", default=str(ROOT / "build/nereid-ops"))
    p.add_argument("--backend", default="ref")
    p.add_argument("-v", action="store_true", help="name what is skipped")
    p.add_argument("pattern", nargs="?", default="")
    o = p.parse_args()
    ops, attrs = words("ops.def"), words("attrs.def")
    todo, skipped, failed, passed = [], collections.Counter(), 0, 0
    for test in load_model_tests(kind="node"):
        if o.pattern not in test.name:
            continue
        try:
            if test.name in KNOWN:
                raise Skip(KNOWN[test.name])
            todo.append((test, *line(test, ops, attrs)))
        except Skip as why:
            skipped[str(why)] += 1
            if o.v:
                print(f"skipped: {test.name}: {why}")
    with tempfile.TemporaryDirectory() as tmp:
        folder = pathlib.Path(tmp)
        (folder / "lines").write_text("".join(text + "\n" for _, text, _ in todo))
        subprocess.run([o.program, "dump", tmp, "--file", str(folder / "lines"), "--backend", o.backend], check=True)
        for (test, text, wanted), case in zip(todo, json.loads((folder / "cases.json").read_text())):
            why = case.get("error")
            if why and o.backend != "ref":
                skipped[f"not on {o.backend}"] += 1
                continue
            for i, want in wanted.items():
                why = why or differs(folder, case["outputs"][i], want, test)
            passed += not why
            failed += bool(why)
            if why:
                print(f"failed: {test.name}: {text[:160]}\n    {why}")
    for why, n in skipped.most_common():
        print(f"skipped {n}: {why}")
    print(f"{passed} passed, {failed} failed, {sum(skipped.values())} skipped (onnx {onnx.__version__})")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
