"""Requests for compare.py. Every dict is one case; 'rpc' marks a gRPC case."""
import struct

SIZES = dict(BOOL="?", UINT8="B", UINT16="H", UINT32="I", UINT64="Q", INT8="b", INT16="h", INT32="i", INT64="q", FP32="f", FP64="d")
MODEL = lambda dt: "echo_" + {"BYTES": "string"}.get(dt, dt.lower())
VALUES = {"BOOL": [True, False, True], "FP32": [0.5, -1.25, 3e8], "FP64": [0.1, -2.5, 1e300], "INT8": [-128, 0, 127],
          "UINT64": [0, 1, 18446744073709551615], "INT64": [-9223372036854775808, 0, 9223372036854775807]}


def pack(dt, vals):
    return b"".join(struct.pack("<" + SIZES[dt], v) for v in vals)


def bytes_tensor(vals):
    return b"".join(struct.pack("<I", len(v)) + v for v in vals)


def infer(name, model, inputs, outputs=None, binary=b"", path=None, **extra):
    doc = {"inputs": inputs}
    if outputs is not None:
        doc["outputs"] = outputs
    doc.update(extra)
    return {"name": name, "path": path or f"/v2/models/{model}/infer", "json": doc, "binary": binary}


def t(name, dt, shape, data=None, **params):
    d = {"name": name, "datatype": dt, "shape": shape}
    if data is not None:
        d["data"] = data
    if params:
        d["parameters"] = params
    return d


CASES = [
    dict(name="live", path="/v2/health/live"), dict(name="ready", path="/v2/health/ready"),
    dict(name="server metadata", path="/v2", superset=True),
    dict(name="model ready", path="/v2/models/echo_fp32/ready"),
    dict(name="model version ready", path="/v2/models/echo_fp32/versions/1/ready"),
    dict(name="unknown model ready", path="/v2/models/nope/ready"),
    dict(name="unknown version ready", path="/v2/models/echo_fp32/versions/9/ready"),
    dict(name="unknown model metadata", path="/v2/models/nope"),
    dict(name="unknown path", path="/v2/nothing/here"),
    dict(name="repository index", path="/v2/repository/index", body=b"", method="POST"),
    dict(name="repository index ready only", path="/v2/repository/index", body=b'{"ready":true}', method="POST"),
    dict(name="load refused outside explicit mode", path="/v2/repository/models/echo_fp32/load", body=b"", method="POST"),
    dict(name="wrong method", path="/v2/models/echo_fp32/infer", method="GET"),
    dict(name="statistics of one model", path="/v2/models/echo_parameters/stats"),
    dict(name="trace settings", path="/v2/trace/setting"),
    dict(name="log settings", path="/v2/logging"),
    dict(name="system shared memory status", path="/v2/systemsharedmemory/status"),
]
for m in "echo_fp32 echo_nobatch echo_fixed echo_labels echo_optional echo_reshape echo_dynamic echo_versions echo_sequence echo_ensemble echo_parameters echo_string".split():
    CASES += [dict(name=f"metadata {m}", path=f"/v2/models/{m}"), dict(name=f"config {m}", path=f"/v2/models/{m}/config")]
for dt in list(SIZES):
    v = VALUES.get(dt, [0, 7, 100])
    CASES += [
        infer(f"{dt} json", MODEL(dt), [t("INPUT0", dt, [1, 3], v)]),
        infer(f"{dt} binary in and out", MODEL(dt), [t("INPUT0", dt, [1, 3], binary_data_size=len(pack(dt, v)))],
              [{"name": "OUTPUT0", "parameters": {"binary_data": True}}], pack(dt, v)),
    ]
f32 = lambda *shape, vals=None: t("INPUT0", "FP32", list(shape), vals if vals is not None else [0.0] * __import__("math").prod(shape))
CASES += [
    infer("fp16 binary", "echo_fp16", [t("INPUT0", "FP16", [1, 2], binary_data_size=4)], [{"name": "OUTPUT0", "parameters": {"binary_data": True}}], b"\x00\x3c\x00\xc0"),
    infer("bf16 binary", "echo_bf16", [t("INPUT0", "BF16", [1, 2], binary_data_size=4)], [{"name": "OUTPUT0", "parameters": {"binary_data": True}}], b"\x80\x3f\x00\xc0"),
    infer("fp16 as json is refused", "echo_fp16", [t("INPUT0", "FP16", [1, 2], [1.0, 2.0])]),
    infer("bytes json", "echo_string", [t("INPUT0", "BYTES", [1, 3], ["a", "", "grüße"])]),
    infer("bytes binary", "echo_string", [t("INPUT0", "BYTES", [1, 2], binary_data_size=len(bytes_tensor([b"ab", b"\x00\xff"])))],
          [{"name": "OUTPUT0", "parameters": {"binary_data": True}}], bytes_tensor([b"ab", b"\x00\xff"])),
    infer("bytes binary, json out", "echo_string", [t("INPUT0", "BYTES", [1, 1], binary_data_size=len(bytes_tensor([b"hello"])))], None, bytes_tensor([b"hello"])),
    infer("all outputs binary", "echo_fp32", [f32(1, 2)], parameters={"binary_data_output": True}),
    infer("nested json data", "echo_fp32", [t("INPUT0", "FP32", [2, 2], [[1, 2], [3, 4]])]),
    infer("request id", "echo_fp32", [f32(1, 2)], id="my-id-7"),
    infer("batch 8", "echo_fp32", [f32(8, 2)]),
    infer("batch 9 is too large", "echo_fp32", [f32(9, 2)]),
    infer("batch 0", "echo_fp32", [f32(0, 2)]),
    infer("no batch dimension", "echo_nobatch", [f32(3, 4)]),
    infer("wrong rank", "echo_nobatch", [f32(4)]),
    infer("wrong fixed dimension", "echo_nobatch", [f32(3, 5)]),
    infer("wrong datatype", "echo_fp32", [t("INPUT0", "INT32", [1, 2], [1, 2])]),
    infer("unknown datatype", "echo_fp32", [t("INPUT0", "FLOAT", [1, 2], [1, 2])]),
    infer("too few elements", "echo_fp32", [t("INPUT0", "FP32", [1, 3], [1, 2])]),
    infer("too many elements", "echo_fp32", [t("INPUT0", "FP32", [1, 3], [1, 2, 3, 4])]),
    infer("negative dimension", "echo_fp32", [t("INPUT0", "FP32", [1, -3], [1, 2, 3])]),
    infer("string where a number belongs", "echo_fp32", [t("INPUT0", "FP32", [1, 1], ["x"])]),
    infer("missing input", "echo_fixed", [t("INPUT0", "INT32", [1, 16], [1] * 16)]),
    infer("unknown input", "echo_fp32", [f32(1, 2), t("EXTRA", "FP32", [1, 1], [1])]),
    infer("duplicate input", "echo_fp32", [f32(1, 2), f32(1, 2)]),
    infer("unknown output", "echo_fp32", [f32(1, 2)], [{"name": "NOPE"}]),
    infer("one of two outputs", "echo_fixed", [t(f"INPUT{i}", "INT32", [1, 16], list(range(16))) for i in (0, 1)], [{"name": "OUTPUT1"}]),
    infer("no inputs", "echo_fp32", []),
    infer("classification", "echo_labels", [t("INPUT0", "FP32", [2, 10], [i * .1 for i in range(20)])], [{"name": "OUTPUT0", "parameters": {"classification": 3}}]),
    infer("optional input left out", "echo_optional", [f32(1, 4)]),
    infer("reshape", "echo_reshape", [f32(2, 4)]),
    infer("ensemble", "echo_ensemble", [f32(1, 3, vals=[1, 2, 3])]),
    infer("version 3", "echo_versions", [f32(1, 1)], path="/v2/models/echo_versions/versions/3/infer"),
    infer("version 2 is not served", "echo_versions", [f32(1, 1)], path="/v2/models/echo_versions/versions/2/infer"),
    infer("latest version by default", "echo_versions", [f32(1, 1)]),
    infer("priority and timeout", "echo_dynamic", [f32(1, 2)], parameters={"priority": 1, "timeout": 100000}),
    infer("sequence start", "echo_sequence", [t("INPUT0", "INT32", [1, 1], [5])], parameters={"sequence_id": 42, "sequence_start": True, "sequence_end": False}),
    infer("sequence end", "echo_sequence", [t("INPUT0", "INT32", [1, 1], [6])], parameters={"sequence_id": 42, "sequence_start": False, "sequence_end": True}),
    infer("sequence never started", "echo_sequence", [t("INPUT0", "INT32", [1, 1], [6])], parameters={"sequence_id": 43}),
    infer("unknown model", "nope", [f32(1, 2)]),
    dict(name="malformed json", path="/v2/models/echo_fp32/infer", body=b'{"inputs":[{"name":"INPUT0",'),
    dict(name="empty body", path="/v2/models/echo_fp32/infer", body=b"", method="POST"),
    dict(name="header length past the body", path="/v2/models/echo_fp32/infer", json={"inputs": []}, binary_header=True, header_length=9999),
    infer("binary size short of the shape", "echo_fp32", [t("INPUT0", "FP32", [1, 3], binary_data_size=8)], None, b"\0" * 8),
    infer("binary size past the body", "echo_fp32", [t("INPUT0", "FP32", [1, 3], binary_data_size=12)], None, b"\0" * 4),
    dict(infer("gzip answer", "echo_fp32", [f32(1, 2)]), headers={"Accept-Encoding": "gzip"}),
    dict(infer("no compression", "echo_fp32", [f32(1, 2)]), headers={"Accept-Encoding": "identity"}),
]
F = struct.pack("<2f", 1.5, -2)
g = lambda name, rpc, msg=None, raw=(): dict(name="grpc " + name, rpc=rpc, message=msg or {}, raw=list(raw))
IN = lambda **k: {"name": "INPUT0", "datatype": "FP32", "shape": [1, 2], **k}
CASES += [
    g("live", "ServerLive"), g("ready", "ServerReady"), g("model ready", "ModelReady", {"name": "echo_fp32"}),
    g("unknown model ready", "ModelReady", {"name": "nope"}),
    g("metadata", "ModelMetadata", {"name": "echo_fixed"}), g("config", "ModelConfig", {"name": "echo_dynamic"}),
    g("config sequence", "ModelConfig", {"name": "echo_sequence"}), g("config ensemble", "ModelConfig", {"name": "echo_ensemble"}),
    g("unknown metadata", "ModelMetadata", {"name": "nope"}), g("index", "RepositoryIndex"),
    g("statistics", "ModelStatistics", {"name": "echo_parameters"}), g("trace", "TraceSetting"), g("log", "LogSettings"),
    g("shm status", "SystemSharedMemoryStatus"),
    g("raw", "ModelInfer", {"model_name": "echo_fp32", "id": "x1", "inputs": [IN()]}, [F]),
    g("typed contents", "ModelInfer", {"model_name": "echo_fp32", "inputs": [IN(contents={"fp32_contents": [1, 2]})]}),
    g("raw and typed together", "ModelInfer", {"model_name": "echo_fp32", "inputs": [IN(contents={"fp32_contents": [1, 2]})]}, [F]),
    g("no contents", "ModelInfer", {"model_name": "echo_fp32", "inputs": [IN()]}),
    g("raw too short", "ModelInfer", {"model_name": "echo_fp32", "inputs": [IN()]}, [F[:4]]),
    g("unknown model", "ModelInfer", {"model_name": "nope", "inputs": [IN()]}, [F]),
    g("wrong datatype", "ModelInfer", {"model_name": "echo_fp32", "inputs": [IN(datatype="INT32")]}, [F]),
    g("missing input", "ModelInfer", {"model_name": "echo_fixed", "inputs": [{"name": "INPUT0", "datatype": "INT32", "shape": [1, 16]}]}, [b"\0" * 64]),
    g("batch too large", "ModelInfer", {"model_name": "echo_fp32", "inputs": [IN(shape=[9, 1])]}, [b"\0" * 36]),
    g("bytes", "ModelInfer", {"model_name": "echo_string", "inputs": [{"name": "INPUT0", "datatype": "BYTES", "shape": [1, 1]}]}, [bytes_tensor([b"hi"])]),
    g("classification", "ModelInfer", {"model_name": "echo_labels", "inputs": [{"name": "INPUT0", "datatype": "FP32", "shape": [1, 10]}],
      "outputs": [{"name": "OUTPUT0", "parameters": {"classification": {"int64_param": 2}}}]}, [struct.pack("<10f", *range(10))]),
    g("load refused", "RepositoryModelLoad", {"model_name": "echo_fp32"}),
]
