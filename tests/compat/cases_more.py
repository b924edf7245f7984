"""More requests for compare.py: odd paths and methods, JSON of the wrong kind, numbers at their ends, parameters, settings,
shared memory that is not there, and the same over gRPC."""
import os, struct, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cases import F, IN, bytes_tensor, f32, g, infer, t

POST = "/v2/models/echo_fp32/infer"


def raw(name, body, path=POST, **k):
    return dict(name=name, path=path, body=body.encode() if isinstance(body, str) else body, method="POST", **k)


def one(name, data, dt="FP32", model="echo_fp32", shape=(1, 1)):
    return infer(name, model, [t("INPUT0", dt, list(shape), data)])


CASES = [
    dict(name=f"{method} {path}", path=path, method=method, ignore_body=method == "HEAD")
    for method in ("PUT", "DELETE", "POST") for path in ("/v2/health/live", "/v2/models/echo_fp32", "/v2/models/echo_fp32/ready", "/v2/nothing")
] + [
    dict(name=f"get {path}", path=path) for path in (
        "/", "/v1", "/v2/", "/v2/health", "/v2/models", "/v2/models/", "/v2/models//ready", "/v2/models/echo_fp32/", "/v2/models/echo_fp32/versions",
        "/v2/models/echo_fp32/versions/", "/v2/models/echo_fp32/versions/x", "/v2/models/echo_fp32/versions/0", "/v2/models/echo_fp32/versions/-1",
        "/v2/models/echo_fp32/versions/1/config", "/v2/models/echo_fp32/versions/2/config", "/v2/models/nope/config",
        "/v2/models/nope/stats", "/v2/models/echo_fp32/versions/9/stats", "/v2/models/echo%5Ffp32", "/v2/models/echo_fp32?x=1", "/v2?x",
        "/v2/models/echo_fp32/trace/setting", "/v2/models/nope/trace/setting", "/v2/systemsharedmemory/region/none/status",
        "/v2/cudasharedmemory/status", "/v2/systemsharedmemory/region//status")
] + [
    raw("a number as the document", "1"), raw("an array as the document", "[]"), raw("null as the document", "null"), raw("an empty object", "{}"),
    raw("inputs is an object", '{"inputs":{}}'), raw("inputs is null", '{"inputs":null}'), raw("an input is a number", '{"inputs":[1]}'),
    raw("an input is empty", '{"inputs":[{}]}'), raw("name is a number", '{"inputs":[{"name":1,"shape":[1,1],"datatype":"FP32","data":[1]}]}'),
    raw("no shape", '{"inputs":[{"name":"INPUT0","datatype":"FP32","data":[1]}]}'),
    raw("no datatype", '{"inputs":[{"name":"INPUT0","shape":[1,1],"data":[1]}]}'),
    raw("no data", '{"inputs":[{"name":"INPUT0","shape":[1,1],"datatype":"FP32"}]}'),
    raw("shape is a number", '{"inputs":[{"name":"INPUT0","shape":1,"datatype":"FP32","data":[1]}]}'),
    raw("shape of texts", '{"inputs":[{"name":"INPUT0","shape":["1"],"datatype":"FP32","data":[1]}]}'),
    raw("shape of fractions", '{"inputs":[{"name":"INPUT0","shape":[1.5,1],"datatype":"FP32","data":[1]}]}'),
    raw("shape is empty", '{"inputs":[{"name":"INPUT0","shape":[],"datatype":"FP32","data":[1]}]}'),
    raw("datatype in small letters", '{"inputs":[{"name":"INPUT0","shape":[1,1],"datatype":"fp32","data":[1]}]}'),
    raw("data is a number", '{"inputs":[{"name":"INPUT0","shape":[1,1],"datatype":"FP32","data":1}]}'),
    raw("data is empty", '{"inputs":[{"name":"INPUT0","shape":[1,1],"datatype":"FP32","data":[]}]}'),
    raw("data of null", '{"inputs":[{"name":"INPUT0","shape":[1,1],"datatype":"FP32","data":[null]}]}'),
    raw("data of truth", '{"inputs":[{"name":"INPUT0","shape":[1,1],"datatype":"FP32","data":[true]}]}'),
    raw("outputs is an object", '{"inputs":[{"name":"INPUT0","shape":[1,1],"datatype":"FP32","data":[1]}],"outputs":{}}'),
    raw("an output without a name", '{"inputs":[{"name":"INPUT0","shape":[1,1],"datatype":"FP32","data":[1]}],"outputs":[{}]}'),
    raw("outputs is empty", '{"inputs":[{"name":"INPUT0","shape":[1,1],"datatype":"FP32","data":[1]}],"outputs":[]}'),
    raw("binary_data is a number", '{"inputs":[{"name":"INPUT0","shape":[1,1],"datatype":"FP32","data":[1]}],"outputs":[{"name":"OUTPUT0","parameters":{"binary_data":1}}]}'),
    raw("id is a number", '{"id":7,"inputs":[{"name":"INPUT0","shape":[1,1],"datatype":"FP32","data":[1]}]}'),
    raw("parameters is an array", '{"parameters":[],"inputs":[{"name":"INPUT0","shape":[1,1],"datatype":"FP32","data":[1]}]}'),
    raw("members nobody knows", '{"x":[1,{"y":2}],"inputs":[{"name":"INPUT0","shape":[1,1],"datatype":"FP32","data":[1],"z":0}]}'),
    raw("text behind the document", '{"inputs":[]} x'), raw("a comma too many", '{"inputs":[],}'), raw("single quotes", "{'inputs':[]}"),
    raw("bytes that are no text", b"\xff\xfe\x00"), raw("blanks around", ' \n{"inputs":[{"name":"INPUT0","shape":[1,1],"datatype":"FP32","data":[1]}]}\t '),
    raw("escapes in names", '{"inputs":[{"name":"INPUT\\u0030","shape":[1,1],"datatype":"FP32","data":[1]}]}'),
    raw("the header length is text", '{"inputs":[]}', headers={"Inference-Header-Content-Length": "many"}),
    raw("the header length is negative", '{"inputs":[]}', headers={"Inference-Header-Content-Length": "-1"}),
    one("int8 over its end", [128], "INT8", "echo_int8"), one("int8 under its end", [-129], "INT8", "echo_int8"), one("uint8 negative", [-1], "UINT8", "echo_uint8"),
    one("uint8 over its end", [256], "UINT8", "echo_uint8"), one("int32 over its end", [2**31], "INT32", "echo_int32"), one("int64 over its end", [2**63], "INT64", "echo_int64"),
    one("uint64 at its end", [2**64 - 1], "UINT64", "echo_uint64"), one("uint64 over its end", [2**64], "UINT64", "echo_uint64"),
    one("an integer with a fraction", [1.5], "INT32", "echo_int32"), one("bool from a number", [1], "BOOL", "echo_bool"),
    one("bytes from numbers", [1], "BYTES", "echo_string"), one("a large fp32", [1e39]), one("nested too deep for its shape", [[[1]]]),
    one("fp64 with many digits", [0.1234567890123456789], "FP64", "echo_fp64", (1, 1)),
    infer("data and binary size", "echo_fp32", [t("INPUT0", "FP32", [1, 1], [1], binary_data_size=4)], None, b"\0" * 4),
    infer("binary size is text", "echo_fp32", [t("INPUT0", "FP32", [1, 1], binary_data_size="4")], None, b"\0" * 4),
    infer("bytes left over", "echo_fp32", [t("INPUT0", "FP32", [1, 1], binary_data_size=4)], None, b"\0" * 8),
    infer("a bytes tensor that ends early", "echo_string", [t("INPUT0", "BYTES", [1, 2], binary_data_size=5)], None, b"\1\0\0\0a"),
    infer("classification of zero", "echo_labels", [t("INPUT0", "FP32", [1, 10], list(range(10)))], [{"name": "OUTPUT0", "parameters": {"classification": 0}}]),
    infer("classification of more than there are", "echo_labels", [t("INPUT0", "FP32", [1, 10], list(range(10)))], [{"name": "OUTPUT0", "parameters": {"classification": 99}}]),
    infer("classification without labels", "echo_fp32", [f32(1, 3)], [{"name": "OUTPUT0", "parameters": {"classification": 2}}]),
    infer("classification in binary", "echo_labels", [t("INPUT0", "FP32", [1, 10], list(range(10)))], [{"name": "OUTPUT0", "parameters": {"classification": 2, "binary_data": True}}]),
    infer("a region that nobody registered", "echo_fp32", [t("INPUT0", "FP32", [1, 1], shared_memory_region="none", shared_memory_byte_size=4)]),
    infer("an output region that nobody registered", "echo_fp32", [f32(1, 1)], [{"name": "OUTPUT0", "parameters": {"shared_memory_region": "none", "shared_memory_byte_size": 4}}]),
    infer("parameters of every kind", "echo_fp32", [f32(1, 1)], parameters={"a": "x", "b": 1, "c": True, "d": 1.5}),
    infer("a parameter with a reserved name", "echo_fp32", [f32(1, 1)], parameters={"triton_enable_empty_final_response": True}),
    infer("a negative timeout", "echo_dynamic", [f32(1, 1)], parameters={"timeout": -1}),
    infer("a priority over the levels", "echo_dynamic", [f32(1, 1)], parameters={"priority": 9}),
    infer("an output twice", "echo_fp32", [f32(1, 1)], [{"name": "OUTPUT0"}, {"name": "OUTPUT0"}]),
    infer("ensemble with a wrong input", "echo_ensemble", [t("X", "FP32", [1, 1], [1])]),
    infer("a sequence without an id", "echo_sequence", [t("INPUT0", "INT32", [1, 1], [1])]),
    infer("a sequence id of text", "echo_sequence", [t("INPUT0", "INT32", [1, 1], [1])], parameters={"sequence_id": "s", "sequence_start": True, "sequence_end": True}),
    infer("a sequence of batch two", "echo_sequence", [t("INPUT0", "INT32", [2, 1], [1, 2])], parameters={"sequence_id": 5, "sequence_start": True, "sequence_end": True}),
    raw("index asked with text for ready", '{"ready":"x"}', "/v2/repository/index"), raw("index of another repository", "", "/v2/repository/other/index"),
    raw("unload refused", "", "/v2/repository/models/echo_fp32/unload"), raw("load of an unknown model", "", "/v2/repository/models/nope/load"),
    raw("log settings that are none", '{"x":1}', "/v2/logging"), raw("log level of text", '{"log_info":"yes"}', "/v2/logging"),
    raw("log settings no json", "{", "/v2/logging"), raw("a log format nobody knows", '{"log_format":"x"}', "/v2/logging"),
    raw("trace settings that are none", '{"x":"1"}', "/v2/trace/setting"), raw("a trace level nobody knows", '{"trace_level":["X"]}', "/v2/trace/setting"),
    raw("a trace rate of text", '{"trace_rate":"often"}', "/v2/trace/setting"), raw("trace settings of an unknown model", '{"trace_rate":"5"}', "/v2/models/nope/trace/setting"),
    raw("register without a key", "{}", "/v2/systemsharedmemory/region/a/register"), raw("register a key that is not there", '{"key":"/nereid_none","offset":0,"byte_size":4}', "/v2/systemsharedmemory/region/a/register"),
    raw("unregister what is not there", "", "/v2/systemsharedmemory/region/none/unregister"), raw("unregister all", "", "/v2/systemsharedmemory/unregister"),
    raw("register cuda without a handle", "{}", "/v2/cudasharedmemory/region/a/register", ignore_body=True),
    raw("generate of an unknown model", "{}", "/v2/models/nope/generate"), raw("generate no json", "{", "/v2/models/echo_fp32/generate"),
    raw("a coding nobody knows", "{}", headers={"Content-Encoding": "br"}),
]


def grpc_infer(name, message, raw=(F,)):
    return g(name, "ModelInfer", {"model_name": "echo_fp32", "inputs": [IN()], **message}, raw)


CASES += [
    g("version ready", "ModelReady", {"name": "echo_fp32", "version": "1"}), g("version not there ready", "ModelReady", {"name": "echo_fp32", "version": "7"}),
    g("version of text ready", "ModelReady", {"name": "echo_fp32", "version": "x"}), g("no name ready", "ModelReady", {}),
    g("metadata of a version", "ModelMetadata", {"name": "echo_versions", "version": "3"}), g("metadata of a version not served", "ModelMetadata", {"name": "echo_versions", "version": "2"}),
    g("metadata no name", "ModelMetadata", {}), g("unknown config", "ModelConfig", {"name": "nope"}), g("config of a version not there", "ModelConfig", {"name": "echo_fp32", "version": "9"}),
    g("index ready", "RepositoryIndex", {"ready": True}), g("index of another repository", "RepositoryIndex", {"repository_name": "x"}),
    g("statistics unknown", "ModelStatistics", {"name": "nope"}), g("unload refused", "RepositoryModelUnload", {"model_name": "echo_fp32"}),
    g("trace of a model", "TraceSetting", {"model_name": "echo_fp32"}), g("trace of an unknown model", "TraceSetting", {"model_name": "nope"}),
    g("trace level nobody knows", "TraceSetting", {"settings": {"trace_level": {"value": ["X"]}}}), g("trace rate of text", "TraceSetting", {"settings": {"trace_rate": {"value": ["often"]}}}),
    g("trace setting nobody knows", "TraceSetting", {"settings": {"x": {"value": ["1"]}}}), g("log setting nobody knows", "LogSettings", {"settings": {"x": {"bool_param": True}}}),
    g("log setting of the wrong kind", "LogSettings", {"settings": {"log_info": {"string_param": "x"}}}), g("shm status of one", "SystemSharedMemoryStatus", {"name": "none"}),
    g("shm register what is not there", "SystemSharedMemoryRegister", {"name": "a", "key": "/nereid_none", "byte_size": 4}), g("shm unregister what is not there", "SystemSharedMemoryUnregister", {"name": "none"}),
    g("shm unregister all", "SystemSharedMemoryUnregister", {}), g("cuda status", "CudaSharedMemoryStatus", {}), g("cuda unregister all", "CudaSharedMemoryUnregister", {}),
    grpc_infer("no model name", {"model_name": ""}), grpc_infer("version not there", {"model_version": "9"}), grpc_infer("version of text", {"model_version": "x"}),
    grpc_infer("no inputs", {"inputs": []}, ()), grpc_infer("more raw than inputs", {}, (F, F)), grpc_infer("input twice", {"inputs": [IN(), IN()]}, (F, F)),
    grpc_infer("unknown input", {"inputs": [IN(name="X")]}), grpc_infer("no datatype", {"inputs": [IN(datatype="")]}), grpc_infer("no shape", {"inputs": [IN(shape=[])]}),
    grpc_infer("negative shape", {"inputs": [IN(shape=[1, -2])]}), grpc_infer("batch of none", {"inputs": [IN(shape=[0, 2])]}, (b"",)), grpc_infer("raw too long", {}, (F + F,)),
    grpc_infer("unknown output", {"outputs": [{"name": "X"}]}), grpc_infer("output twice", {"outputs": [{"name": "OUTPUT0"}, {"name": "OUTPUT0"}]}),
    grpc_infer("parameters", {"parameters": {"a": {"string_param": "x"}, "b": {"int64_param": "3"}, "c": {"bool_param": True}}}),
    grpc_infer("priority of text", {"parameters": {"priority": {"string_param": "x"}}}), grpc_infer("timeout of text", {"parameters": {"timeout": {"string_param": "x"}}}),
    grpc_infer("reserved parameter", {"parameters": {"triton_x": {"bool_param": True}}}), grpc_infer("classification of text", {"outputs": [{"name": "OUTPUT0", "parameters": {"classification": {"string_param": "x"}}}]}),
    grpc_infer("unknown region", {"inputs": [IN(parameters={"shared_memory_region": {"string_param": "none"}, "shared_memory_byte_size": {"int64_param": "8"}})]}, ()),
    grpc_infer("a region without a size", {"inputs": [IN(parameters={"shared_memory_region": {"string_param": "none"}})]}, ()),
    g("typed ints", "ModelInfer", {"model_name": "echo_int32", "inputs": [IN(datatype="INT32", contents={"int_contents": [1, 2]})]}),
    g("typed of the wrong kind", "ModelInfer", {"model_name": "echo_int32", "inputs": [IN(datatype="INT32", contents={"fp32_contents": [1, 2]})]}),
    g("typed too few", "ModelInfer", {"model_name": "echo_int32", "inputs": [IN(datatype="INT32", contents={"int_contents": [1]})]}),
    g("typed int8", "ModelInfer", {"model_name": "echo_int8", "inputs": [IN(datatype="INT8", contents={"int_contents": [1, -2]})]}),
    g("typed bool", "ModelInfer", {"model_name": "echo_bool", "inputs": [IN(datatype="BOOL", contents={"bool_contents": [True, False]})]}),
    g("typed bytes", "ModelInfer", {"model_name": "echo_string", "inputs": [IN(datatype="BYTES", contents={"bytes_contents": ["YQ==", ""]})]}),
    g("raw bytes that end early", "ModelInfer", {"model_name": "echo_string", "inputs": [IN(datatype="BYTES")]}, [b"\1\0\0\0a"]),
    g("fp16 raw", "ModelInfer", {"model_name": "echo_fp16", "inputs": [IN(datatype="FP16")]}, [struct.pack("<2e", 1, 2)]),
    g("ensemble", "ModelInfer", {"model_name": "echo_ensemble", "inputs": [IN()]}, [F]),
    g("sequence", "ModelInfer", {"model_name": "echo_sequence", "inputs": [{"name": "INPUT0", "datatype": "INT32", "shape": [1, 1]}],
      "parameters": {"sequence_id": {"int64_param": "77"}, "sequence_start": {"bool_param": True}, "sequence_end": {"bool_param": True}}}, [b"\5\0\0\0"]),
    g("sequence without an id", "ModelInfer", {"model_name": "echo_sequence", "inputs": [{"name": "INPUT0", "datatype": "INT32", "shape": [1, 1]}]}, [b"\5\0\0\0"]),
]
