#!/usr/bin/env python3
"""Requests for the REST front, in order, with what Triton answers to them in rest_golden.json.

rest_cases.py URL writes that file anew from a server at URL that serves models as models() makes them. The recorded answers are those of
Triton 2.51 with a backend that copies INPUTk to OUTPUTk. Cases change settings, so both sides begin fresh and take them in this order."""
import gzip, json, os, struct, sys, urllib.error, urllib.request, zlib

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "rest_golden.json")
CASES = []


def post(path, body="", method="POST", **headers):
    CASES.append((method, path, body.encode() if isinstance(body, str) else body, {k.replace("_", "-"): v for k, v in headers.items()}))


def get(path, **headers):
    CASES.append(("GET", path, None, {k.replace("_", "-"): v for k, v in headers.items()}))


INFER = "/v2/models/echo_fp32/infer"


def plain(more=""):
    return '{"inputs":[{"name":"INPUT0","datatype":"FP32","shape":[1,2],"data":[1,2]}]%s}' % more


def one(model, dtype, shape, data, more=""):
    post(f"/v2/models/{model}/infer", '{"inputs":[{"name":"INPUT0","datatype":"%s","shape":%s,"data":%s}]%s}' % (dtype, shape, data, more))


def parameters():
    for p in ('"priority":-1', '"priority":1.5', '"priority":"a"', '"timeout":-3', '"timeout":true', '"timeout":18446744073709551616', '"x":null',
              '"x":[1]', '"x":{"a":1}', '"x":1.5', '"x":18446744073709551615', '"x":"s"', '"":1', '"x":1e400', '"triton_x":1', '"headers":1',
              '"binary_data_output":1', '"binary_data_output":true', '"priority":1,"priority":"a"', '"priority":1,"timeout":7', '"sequence_id":-1',
              '"sequence_id":1.5', '"sequence_id":"x"', '"sequence_id":true', '"sequence_start":1', '"sequence_id":3,"sequence_start":true'):
        post(INFER, plain(',"parameters":{%s}' % p))
    for p in ('"parameters":[]', '"parameters":null', '"id":5', '"id":""', '"id":"a\\"b"', '"id":null'):
        post(INFER, plain("," + p))


def outputs():
    for o in ("null", "5", "[]", "[5]", "[{}]", '[{"name":5}]', '[{"name":"OUTPUT0"},{"name":"OUTPUT0"}]'):
        post(INFER, plain(',"outputs":' + o))
    for p in ("5", '{"binary_data":1}', '{"binary_data":true}', '{"classification":"2"}', '{"classification":-1}', '{"classification":0}',
              '{"classification":2}', '{"classification":4294967297}', '{"foo":1}', '{"classification":2,"shared_memory_region":"x"}',
              '{"binary_data":true,"shared_memory_region":"x"}'):
        post(INFER, plain(',"outputs":[{"name":"OUTPUT0","parameters":%s}]' % p))


def inputs():
    head = '"name":"INPUT0","datatype":"FP32",'
    for i in ('"a"', '{"name":"INPUT0"}', '{%s"x":1}' % head, '{%s"shape":[1]}' % head, '{%s"shape":"x","data":[1]}' % head,
              '{%s"shape":[1.5],"data":[1]}' % head, '{%s"shape":["a"],"data":[1]}' % head, '{"name":5,"datatype":"FP32","shape":[1,1],"data":[1]}',
              '{"name":"INPUT0","datatype":5,"shape":[1,1],"data":[1]}', '{"datatype":"FP32","shape":[1,1],"data":[1]}',
              '{"name":"INPUT0","shape":[1,1],"data":[1]}', '{%s"shape":[1,1],"data":5}' % head, '{%s"shape":[1,1],"data":[null]}' % head,
              '{%s"shape":[1,1],"data":[true]}' % head, '{%s"shape":[1,1],"data":[[[1]]]}' % head,
              '{%s"shape":[1,1],"data":[1],"parameters":{"binary_data_size":4}}' % head, '{%s"shape":[1,1],"parameters":{"binary_data_size":"4"}}' % head,
              '{%s"shape":[1,1],"parameters":{"binary_data_size":-4}}' % head, '{%s"shape":[],"data":[1]}' % head, '{%s"shape":[1,0],"data":[]}' % head,
              '{"name":"INPUT0","datatype":"","shape":[1,1],"data":[1]}', '{"name":"","datatype":"FP32","shape":[1,1],"data":[1]}',
              '{%s"shape":[1,1],"data":[1e39]}' % head, '{%s"shape":[1,2,3],"data":[1,2,3,4,5,6]}' % head, '{%s"shape":[3],"data":[1,2,3]}' % head):
        post(INFER, '{"inputs":[%s]}' % i)
    for b in ("", "{", "[]", "5", "null", '"x"', "{}", '{"inputs":5}', '{"inputs":null}', '{"inputs":{}}', '{"inputs":[]}', '{"inputs":[{}]}',
              '{"inputs":[]}x', '{"a":1,}', "{'a':1}", "[1,]", '{"a"}', '{"a":tru}', '{"a":01}', '{"a":"\\x"}', '{"a":"\\ud800"}', '{"a":"\x01"}',
              '{"a":1.}', '{"a":-}', '{"a":1e}'):
        post(INFER, b)
    for dtype, model, data in (("INT8", "int8", "[300,-300,1]"), ("UINT8", "uint8", "[-1]"), ("UINT8", "uint8", "[256,1.0]"),
                               ("INT64", "int64", "[9223372036854775808]"), ("UINT64", "uint64", "[18446744073709551616]"), ("BOOL", "bool", "[1,0]"),
                               ("BOOL", "bool", "[true,5]"), ("FP64", "fp64", "[1,2.5,1e-310]"), ("BYTES", "string", '["a",5]'),
                               ("BYTES", "string", '["\\u0000","\\n\\"\\\\"]'), ("BYTES", "string", '[["a"],["b"]]'), ("INT32", "int32", "[2147483648]"),
                               ("INT16", "int16", "[40000]"), ("UINT32", "uint32", "[4294967296]"), ("FP16", "fp16", "[1]"), ("UINT32", "uint32", "[-5]")):
        one("echo_" + model, dtype, "[1,%d]" % (data.count(",") + 1), data)


def compression():
    for accept in ("gzip", "deflate", "gzip, deflate", "deflate, gzip", "gzip;q=0.5, deflate;q=0.7", "identity;q=0.5, gzip;q=0.5", "br", "*",
                   "br, gzip;q=0.1", "gzip;q=0", "GZIP", "identity, gzip", "gzip, identity", "gzip;q=abc", "gzip; q=1", "gzip;q=1.5", "x-gzip",
                   "gzip;q=0, identity;q=0", "gzip;", "br;q=1.0, gzip;q=0.8, *;q=0.1", "gzip;q=0.5;foo=1", "gzip,,deflate;q=3"):
        post(INFER, plain(), Accept_Encoding=accept)
    b = plain().encode()
    for coding, body in (("gzip", gzip.compress(b)), ("deflate", zlib.compress(b)), ("gzip", zlib.compress(b)), ("deflate", gzip.compress(b)),
                         ("gzip", gzip.compress(b) * 2), ("gzip", gzip.compress(b) + b"junk"), ("identity", b), ("br", b), ("GZIP", gzip.compress(b)),
                         ("gzip, deflate", gzip.compress(b)), ("gzip", b""), ("identity", b"")):
        post(INFER, body, Content_Encoding=coding)
    head = (b'{"inputs":[{"name":"INPUT0","datatype":"FP32","shape":[1,2],"parameters":{"binary_data_size":8}}],'
            b'"outputs":[{"name":"OUTPUT0","parameters":{"binary_data":true}}]}')
    body = head + struct.pack("<2f", 1, 2)
    for accept in ("identity", "gzip"):
        post(INFER, gzip.compress(body), Content_Encoding="gzip", Inference_Header_Content_Length=str(len(head)), Accept_Encoding=accept)
    for n in ("0", "-1", "abc", "5", "99999", "5x"):
        post(INFER, body, Inference_Header_Content_Length=n)


def classification():
    for model, dtype, shape, k, data in (("labels", "FP32", "[1,10]", 3, "[1,2,3,4,5,5,5,0,-1,1e30]"), ("labels", "FP32", "[1,10]", 20, "[1,2,3,4,5,5,5,0,-1,1]"),
                                         ("fp32", "FP32", "[2,3]", 2, "[1,2,3,6,5,4]"), ("nobatch", "FP32", "[2,4]", 2, "[1,2,3,6,5,4,3,2]"),
                                         ("int8", "INT8", "[1,3]", 2, "[-1,2,3]"), ("uint8", "UINT8", "[1,3]", 3, "[255,2,3]"),
                                         ("int64", "INT64", "[1,3]", 2, "[-9223372036854775808,2,3]"), ("bool", "BOOL", "[1,3]", 2, "[true,false,true]"),
                                         ("uint64", "UINT64", "[1,3]", 2, "[18446744073709551615,2,3]"), ("fp64", "FP64", "[1,3]", 2, "[1e300,0.1,3]"),
                                         ("reshape", "FP32", "[2,4]", 2, "[1,2,3,6,5,4,3,2]")):
        for binary in ("false", "true"):
            one("echo_" + model, dtype, shape, data, ',"outputs":[{"name":"OUTPUT0","parameters":{"classification":%d,"binary_data":%s}}]' % (k, binary))


def settings():
    every, own = "/v2/trace/setting", "/v2/models/echo_fp32/trace/setting"
    for p in (every, own, "/v2/models/nope/trace/setting", "/v2/models/echo_fp32/versions/1/trace/setting"):
        get(p)
    for d in ("", "{}", "[]", "5", "{", '{"trace_level":["TIMESTAMPS"]}', '{"trace_level":["OFF","TENSORS"]}', '{"trace_level":["FOO"]}',
              '{"trace_level":"OFF"}', '{"trace_level":[1]}', '{"trace_level":[]}', '{"trace_level":["MIN"]}', '{"trace_level":["OFF","OFF"]}',
              '{"trace_level":null}', '{"trace_rate":"5"}', '{"trace_rate":5}', '{"trace_rate":"-1"}', '{"trace_rate":"x"}', '{"trace_rate":"0"}',
              '{"trace_rate":"4294967295"}', '{"trace_rate":"5x"}', '{"trace_rate":""}', '{"trace_rate":["7"]}', '{"trace_rate":null}', '{"trace_count":"5"}',
              '{"trace_count":"-1"}', '{"trace_count":"-2"}', '{"trace_count":"x"}', '{"trace_count":"99999999999"}', '{"trace_count":null}',
              '{"log_frequency":"5"}', '{"log_frequency":"-1"}', '{"log_frequency":"x"}', '{"log_frequency":null}', '{"trace_file":"x"}', '{"trace_file":null}',
              '{"foo":1}', '{"trace_mode":"opentelemetry"}', '{"trace_rate":"9","trace_count":"bad"}', '{"trace_file":"x","trace_rate":"x"}',
              '{"trace_rate":"3","trace_rate":"4"}', '{"trace_rate":null}'):
        post(every, d)
    for d in ('{"trace_rate":"10"}', '{"trace_level":["TENSORS"]}', '{"trace_rate":null}', '{"trace_count":"7"}'):
        post(own, d)
        get(every)
        get(own)
    post(every, '{"trace_rate":"77","trace_count":"4"}')
    get(own)
    get("/v2/models/echo_fp16/trace/setting")
    post(own, '{"trace_count":null}')
    post(every, '{"trace_rate":null,"trace_count":null}')
    get(own)
    post("/v2/models/nope/trace/setting", '{"trace_rate":"x"}')
    post(every, method="PUT")
    get("/v2/logging")
    for d in ("", "{}", "[]", "5", "{", '{"log_info":false}', '{"log_info":true}', '{"log_info":"x"}', '{"log_warning":0}', '{"log_error":null}',
              '{"log_warnings":false}', '{"log_file":"x"}', '{"log_file":""}', '{"log_file":null}', '{"log_verbose_level":1}', '{"log_verbose_level":-1}',
              '{"log_verbose_level":"1"}', '{"log_verbose_level":4294967296}', '{"log_verbose_level":4294967297}', '{"log_verbose_level":0}',
              '{"log_format":"ISO8601"}', '{"log_format":"foo"}', '{"log_format":5}', '{"log_format":null}', '{"log_format":"default"}',
              '{"log_info":false,"log_format":"bad"}', "{}", '{"log_info":true}', '{"log_warning":false,"log_error":5}', "{}", '{"log_warning":true}'):
        post("/v2/logging", d)


def repository():
    for u in ("echo_fp32/load", "nope/load", "echo_fp32/unload"):
        for d in ("", "{", '{"parameters":{"foo":1}}', '{"parameters":{"config":"x"}}', '{"parameters":5}', '{"parameters":null}',
                  '{"parameters":{"unload_dependents":5}}', "[]"):
            post("/v2/repository/models/" + u, d)
    post("/v2/repository/x/models/echo_fp32/load")
    post("/v2/repository/x/models/echo_fp32/unload")
    for d in ('{"ready":1}', '{"ready":null}', "{"):
        post("/v2/repository/index", d)
    get("/v2/repository/index")
    get("/v2/repository/models/echo_fp32/load")
    post("/v2/repository/foo")


def generate(kind):
    def g(model, body, **headers):
        post(f"/v2/models/{model}/{kind}", body, **headers)
    for b in ('{"INPUT0":[1,2]}', '{"INPUT0":1}', '{"INPUT0":[]}', '{"INPUT0":[[1,2],[3,4]]}', '{"INPUT0":"x"}', '{"INPUT0":["x"]}', '{"INPUT0":null}',
              '{"INPUT0":{"a":1}}', '{"INPUT0":true}', '{"INPUT0":[1,2],"id":"abc"}', '{"INPUT0":[1,2],"id":5}', '{"INPUT0":[1,2],"id":""}',
              '{"INPUT0":[1,2],"x":5,"y":"a","z":true,"w":1.5}', '{"INPUT0":[1,2],"x":null}', '{"INPUT0":[1,2],"x":[1]}', '{"INPUT0":[[1],[2]]}',
              '{"INPUT0":[1,2],"parameters":{"a":1}}', '{"INPUT0":[1,2],"parameters":{"a":[1]}}', '{"parameters":{"INPUT0":[1,2]}}',
              '{"INPUT0":[1,2],"parameters":5}', '{"INPUT0":[1,2],"parameters":null}', '{"INPUT0":[1,2],"parameters":{"priority":"a"}}',
              '{"INPUT0":[1,2],"parameters":{"triton_x":"a"}}', '{"INPUT0":[1,2],"INPUT0":[3]}', '{"INPUT0":[1,2],"parameters":{"INPUT0":[3]}}',
              '{"INPUT0":[1,2],"parameters":{"parameters":{"a":1}}}', '{"INPUT0":[1,2],"parameters":{"id":"b"}}', '{"x":1}', '{"id":"x"}', "{}", "", "[]",
              "{", "5", '{"OUTPUT0":1,"INPUT0":2}', '{"\\u0049NPUT0":[3]}'):
        g("echo_fp32", b)
    for b in ('{"INPUT0":"hello"}', '{"INPUT0":["a","b\\u0001"]}', '{"INPUT0":5}', '{"INPUT0":""}', '{"INPUT0":["a",5]}', '{"INPUT0":[["a"]]}'):
        g("echo_string", b)
    ones = ",".join("1" * 16)
    for b in ('{"INPUT0":[%s],"INPUT1":[%s]}' % (ones, ones), '{"INPUT0":[1,1,1],"INPUT1":[%s]}' % ones, '{"INPUT0":[%s]}' % ones):
        g("echo_fixed", b)
    for m, b in (("nobatch", "[1,2,3,4,5,6,7,8]"), ("nobatch", "[1,2,3]"), ("nobatch", "[]"), ("bool", "true"), ("bool", "[true,false]"), ("fp16", "[1,2]"),
                 ("int64", "[-9223372036854775808]"), ("uint64", "[18446744073709551615, 1]"), ("uint8", "300"), ("int32", "1.5"), ("reshape", "[1,2,3,4]"),
                 ("versions/versions/1", "1"), ("fp32/versions/9", "1"), ("labels", "[1,2,3,4,5,6,7,8,9,10]")):
        g("echo_" + m, '{"INPUT0":%s}' % b)
    g("nope", '{"INPUT0":[1]}')
    for h in ({"Content_Encoding": "gzip"}, {"Content_Encoding": "identity"}, {"Accept_Encoding": "gzip"}, {"Inference_Header_Content_Length": "0"}):
        g("echo_fp32", '{"INPUT0":1}', **h)
    get(f"/v2/models/echo_fp32/{kind}")


def paths():
    for p in ("/", "/v2/", "/v2/models", "/v2/models/", "/v2/models/echo_fp32/", "/v2/models/echo_fp32/foo", "/v2/health", "/v2/health/live/",
              "/v2/models/echo_fp32/versions/x", "/v2/models/echo_fp32/versions/1/foo", "/v2/models/echo%5Ffp32", "/v3",
              "/v2/models/echo_fp32/versions/99999999999999999999/ready", "/v2/models/echo_fp32/versions/0", "/v2/models/echo_fp32/versions/9/stats",
              "/v2/models/nope/stats", "/v2/models/echo_versions/versions/2"):
        get(p)
    for p in ("/v2", "/v2/health/live", "/v2/models/echo_fp32", "/v2/models/echo_fp32/config", "/v2/models/stats"):
        post(p)


for part in (parameters, outputs, inputs, compression, classification, settings, repository, paths):
    part()
generate("generate")
generate("generate_stream")


def models(folder):
    """The models that the cases name, made of Identity."""
    import onnx, onnx.helper as oh
    types = dict(FP32=1, UINT8=2, INT8=3, UINT16=4, INT16=5, INT32=6, INT64=7, STRING=8, BOOL=9, FP16=10, FP64=11, UINT32=12, UINT64=13)

    def model(name, dtype, dims, batch=8, n=1, out="", both="", graph=None, versions=(1,), more=""):
        shape = (["b"] if batch else []) + [f"d{i}" if d < 0 else d for i, d in enumerate(graph or dims)]
        io = lambda k: [oh.make_tensor_value_info(f"{k}{i}", types[dtype], shape) for i in range(n)]
        g = oh.make_graph([oh.make_node("Identity", [f"INPUT{i}"], [f"OUTPUT{i}"]) for i in range(n)], "echo", io("INPUT"), io("OUTPUT"))
        for v in versions:
            os.makedirs(f"{folder}/{name}/{v}")
            onnx.save(oh.make_model(g, opset_imports=[oh.make_opsetid("", 17)], ir_version=8), f"{folder}/{name}/{v}/model.onnx")
        line = lambda k, extra: ", ".join(f'{{ name: "{k}{i}" data_type: TYPE_{dtype} dims: {dims} {both} {extra} }}' for i in range(n))
        with open(f"{folder}/{name}/config.pbtxt", "w") as f:
            f.write(f'platform: "onnxruntime_onnx"\nmax_batch_size: {batch}\ninput [ {line("INPUT", "")} ]\noutput [ {line("OUTPUT", out)} ]\n{more}\n')

    for t in types:
        model("echo_" + t.lower(), t, [-1])
    model("echo_nobatch", "FP32", [-1, 4], batch=0)
    model("echo_fixed", "INT32", [16], n=2)
    model("echo_labels", "FP32", [10], out='label_filename: "labels.txt"')
    with open(f"{folder}/echo_labels/labels.txt", "w") as f:
        f.write("zero\none\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n")
    model("echo_reshape", "FP32", [4], both="reshape: { shape: [ 2, 2 ] }", graph=[2, 2])
    model("echo_versions", "FP32", [-1], versions=(1, 2, 3), more="version_policy: { specific: { versions: [ 1, 3 ] } }")


def ask(url, case):
    """[status, coding, body]: the body unpacked, as JSON where it is that, bytes behind it as hexadecimal digits."""
    method, path, body, headers = case
    q = urllib.request.Request(url + path, data=body, method=method, headers={"Content-Type": "application/octet-stream", **headers})
    try:
        r = urllib.request.urlopen(q, timeout=20)
    except urllib.error.HTTPError as e:
        r = e
    raw, coding, n = r.read(), r.headers.get("Content-Encoding"), r.headers.get("Inference-Header-Content-Length")
    if coding:
        raw = zlib.decompress(raw, 47)
    head, tail = (raw[:int(n)], raw[int(n):]) if n else (raw, b"")
    try:
        head = json.loads(head) if head else None
    except ValueError:
        head = head.decode("latin1")
    return [r.status, coding, head, tail.hex()]


if __name__ == "__main__":
    with open(GOLDEN, "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(ask(sys.argv[1], c)) for c in CASES) + "\n]\n")
    print(f"{len(CASES)} answers in {GOLDEN}")
