"""What Nereid reads and writes as ONNX, against the onnx package's checker and ONNX Runtime.

Each case is a model made by the onnx package, in an old or new opset, with its weights as raw bytes and as
typed fields. onnx_copy reads and writes it; the copy must pass the checker and compute the same.
Run after `make build/libnereid.a`: python3 tests/e2e/test_onnx.py
"""
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper as h, numpy_helper as nh

ort.set_default_logger_severity(4)
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
rng = np.random.default_rng(0)


def N(op, i, o, **k):
    return h.make_node(op, i, o, **k)


def I(a):
    return np.array(a, np.int64)


def R(*s):
    return rng.standard_normal(s).astype(np.float32)


CASES = [
    ('conv',13,[N('Conv',['x','w','b'],['y'],pads=[1,1,1,1],strides=[2,2],auto_pad='NOTSET')],{'w':R(3,2,3,3),'b':R(3)}),
    ('gelu',20,[N('Gelu',['x'],['y'],approximate='tanh')],{}),
    ('softmax_old',11,[N('Softmax',['x'],['y'],axis=1)],{}),
    ('logsoftmax_old',9,[N('LogSoftmax',['x'],['y'],axis=3)],{}),
    ('clip_old',7,[N('Clip',['x'],['y'],min=-.2,max=.3)],{}),
    ('pad_old',7,[N('Pad',['x'],['y'],pads=[0,0,1,1,0,0,2,2],value=1.5)],{}),
    ('slice_old',9,[N('Slice',['x'],['y'],starts=[1,0],ends=[3,2],axes=[2,3])],{}),
    ('split_old',9,[N('Split',['x'],['y','z'],axis=2,split=[1,3])],{}),
    ('split_none',11,[N('Split',['x'],['y','z'],axis=2)],{}),
    ('upsample7',7,[N('Upsample',['x'],['y'],mode='nearest',scales=[1.,1.,2.,2.])],{}),
    ('upsample9',9,[N('Upsample',['x','s'],['y'],mode='linear')],{'s':np.array([1,1,2,2],np.float32)}),
    ('resize10',10,[N('Resize',['x','s'],['y'],mode='nearest')],{'s':np.array([1,1,.5,.5],np.float32)}),
    ('resize13',13,[N('Resize',['x','','s'],['y'],mode='linear',coordinate_transformation_mode='align_corners')],{'s':np.array([1,1,2,2],np.float32)}),
    ('bn8',8,[N('BatchNormalization',['x','a','b','c','d'],['y'],momentum=.9)],{k:np.abs(R(2)) for k in 'abcd'}),
    ('dropout7',7,[N('Dropout',['x'],['a'],ratio=.3),N('Relu',['a'],['y'])],{}),
    ('squeeze_old',11,[N('Unsqueeze',['x'],['a'],axes=[0]),N('Squeeze',['a'],['y'],axes=[0])],{}),
    ('reducemean13',13,[N('ReduceMean',['x'],['y'],axes=[2,3],keepdims=0)],{}),
    ('const_tensor',13,[N('ConstantOfShape',['s'],['a'],value=nh.from_array(np.array([2.5],np.float32))),N('Add',['x','a'],['y'])],{'s':I([4])}),
    ('constant',13,[N('Constant',[],['c'],value_floats=[1.,2.,3.,4.]),N('Constant',[],['d'],value_int=3),N('Gather',['c','d'],['e']),N('Mul',['x','e'],['y'])],{}),
    ('cast',13,[N('Cast',['x'],['a'],to=6),N('Cast',['a'],['y'],to=1)],{}),
    ('gemm',13,[N('Flatten',['x'],['a'],axis=1),N('Identity',['w0'],['w']),N('Gemm',['a','w','b'],['y'],alpha=.5,transB=1)],{'w0':R(5,32),'b':R(5)}),
    ('reshape',13,[N('Constant',[],['c'],value=nh.from_array(I([0,-1]))),N('Reshape',['x','c'],['y'])],{}),
    ('where',13,[N('Equal',['x','x'],['e']),N('Where',['e','x','x'],['y'])],{}),
    ('argmax',13,[N('ArgMax',['x'],['y'],axis=1)],{}),
]


def build(tool):
    flags = subprocess.run(["pkg-config", "--libs", "libuv", "libnghttp2", "openssl", "zlib"], check=True,
                           capture_output=True, text=True).stdout.split()
    subprocess.run([os.environ.get("CC_E2E", "gcc"), "-std=gnu11", "-O1", "-D_GNU_SOURCE", "-Iinclude", "-Isrc",
                    "-pthread", "-o", tool, "tests/e2e/onnx_copy.c", "build/libnereid.a", *flags, "-lm", "-ldl"],
                   check=True, cwd=ROOT)


def initialiser(name, a, typed):
    if not typed:
        return nh.from_array(a, name)
    return h.make_tensor(name, nh.from_array(a).data_type, a.shape, a.flatten().tolist())


def run(tool, where, case, typed):
    name, opset, nodes, init = case
    a, b = os.path.join(where, "in.onnx"), os.path.join(where, "out.onnx")
    y = h.make_tensor_value_info("y", 7 if name == "argmax" else 1, None)
    graph = h.make_graph(nodes, "g", [h.make_tensor_value_info("x", 1, ["N", 2, 4, 4])], [y],
                         [initialiser(k, v, typed) for k, v in init.items()])
    onnx.save(h.make_model(graph, opset_imports=[h.make_opsetid("", opset)], ir_version=8), a)
    r = subprocess.run([tool, a, b], capture_output=True, text=True)
    if r.returncode:
        return r.stdout + r.stderr
    try:
        onnx.checker.check_model(b, full_check=True)
        x = rng.standard_normal((3, 2, 4, 4)).astype(np.float32)
        want, got = (ort.InferenceSession(p).run(["y"], {"x": x})[0] for p in (a, b))
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
    except Exception as e:  # the libraries raise many kinds; each is a failed case with its text
        return str(e)
    return ""


def main():
    bad = 0
    with tempfile.TemporaryDirectory() as where:
        tool = os.path.join(where, "onnx_copy")
        build(tool)
        for case in CASES:
            for typed in (False, True):
                text = run(tool, where, case, typed)
                if text:
                    bad += 1
                    print("%s (typed=%s): %s" % (case[0], typed, text[:500]))
    print("%d passed, %d failed" % (2 * len(CASES) - bad, bad))
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
