#!/usr/bin/env python3
"""REST beyond plain inference: the recorded answers of Triton, and the official client's compression, classes, settings and parameters."""
import gzip, json, urllib.error, urllib.request, zlib
import numpy as np, tritonclient.http as http
import rest_cases
from check import nereid, run, server
from tritonclient.utils import InferenceServerException


def ask(port, path, data=None, **headers):
    q = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=data, headers={k.replace("_", "-"): v for k, v in headers.items()})
    try:
        r = urllib.request.urlopen(q, timeout=10)
    except urllib.error.HTTPError as e:
        r = e
    return r.status, r.read(), r.headers


def refused(text, fn, *args, **kw):
    try:
        fn(*args, **kw)
    except InferenceServerException as e:
        assert text in e.message(), e.message()
        return
    raise AssertionError(f"not refused: {text}")


def values(x, name="INPUT0"):
    i = http.InferInput(name, list(x.shape), {np.dtype("f4"): "FP32", np.dtype("i4"): "INT32"}[x.dtype])
    i.set_data_from_numpy(x)
    return i


def same(a, b):
    return a == b or json.dumps(a) == json.dumps(b)                # NaN is like NaN


def test_answers_are_those_of_triton(tmp):
    rest_cases.models(tmp)
    with open(rest_cases.GOLDEN) as f:
        golden = json.load(f)
    assert len(golden) == len(rest_cases.CASES)
    with server(tmp) as s:
        bad = [(case, want, got) for case, want in zip(rest_cases.CASES, golden)
               for got in [rest_cases.ask(f"http://127.0.0.1:{s.http}", case)] if not same(got, want)]
    for case, want, got in bad[:10]:
        print(case, "\n  want", want, "\n  got ", got)
    assert not bad, f"{len(bad)} of {len(golden)} answers differ"


def test_compression_with_the_official_client(tmp):
    rest_cases.models(tmp)
    x = np.zeros((8, 20000), np.float32)
    x[:, ::7] = 3
    with server(tmp) as s, http.InferenceServerClient(f"127.0.0.1:{s.http}") as c:
        for up in (None, "gzip", "deflate"):
            for down in (None, "gzip", "deflate"):
                r = c.infer("echo_fp32", [values(x)], request_compression_algorithm=up, response_compression_algorithm=down)
                assert np.array_equal(r.as_numpy("OUTPUT0"), x)
                assert r.get_response().get("id") is None
        body = gzip.compress(b'{"inputs":[{"name":"INPUT0","datatype":"FP32","shape":[1,20000],"data":[%s]}]}' % b",".join([b"1"] * 20000))
        code, raw, h = ask(s.http, "/v2/models/echo_fp32/infer", body, Content_Encoding="gzip", Accept_Encoding="deflate")
        assert code == 200 and h["Content-Encoding"] == "deflate" and len(raw) < 2000
        assert json.loads(zlib.decompress(raw))["outputs"][0]["data"] == [1.0] * 20000


def test_bodies_that_unpack_to_more_than_the_limit_are_refused(tmp):
    rest_cases.models(tmp)
    bomb = gzip.compress(bytes(64 << 20))
    with server(tmp, "--http-max-input-size", "1000000") as s:
        for _ in range(20):
            code, raw, _ = ask(s.http, "/v2/models/echo_fp32/infer", bomb, Content_Encoding="gzip")
            assert code == 400 and b"Decompressed data size exceeds the maximum allowed value of 1000000 bytes" in raw
        for body in (b"{}", bomb[:100], b"\x1f\x8b" + bytes(100)):
            code, raw, _ = ask(s.http, "/v2/models/echo_fp32/infer", body, Content_Encoding="gzip")
            assert code == 400 and b"cannot be decompressed" in raw, raw
        with open(f"/proc/{s.pid}/status") as f:
            peak = next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))
        assert peak < 300_000, f"{peak} KiB"


def test_classification(tmp):
    rest_cases.models(tmp)
    x = np.array([[0, 1, 2, 3, 9, 5, 6, 7, 8, 4]], np.float32)
    with server(tmp) as s, http.InferenceServerClient(f"127.0.0.1:{s.http}") as c:
        assert "classification" in c.get_server_metadata()["extensions"]
        for binary in (True, False):
            out = http.InferRequestedOutput("OUTPUT0", binary_data=binary, class_count=2)
            got = c.infer("echo_labels", [values(x)], outputs=[out]).as_numpy("OUTPUT0")
            assert [v if isinstance(v, str) else v.decode() for v in got.ravel()] == ["9.000000:4:four", "8.000000:8:eight"], got
        code, raw, _ = ask(s.http, "/v2/models/echo_fp32/infer", b'{"inputs":[{"name":"INPUT0","datatype":"FP32","shape":[2,0],"data":[]}],'
                           b'"outputs":[{"name":"OUTPUT0","parameters":{"classification":2}}]}')      # this kills Triton
        assert code == 200 and json.loads(raw)["outputs"][0]["data"] == []
        code, raw, _ = ask(s.http, "/v2/models/echo_string/infer", b'{"inputs":[{"name":"INPUT0","datatype":"BYTES","shape":[1,1],"data":["a"]}],'
                           b'"outputs":[{"name":"OUTPUT0","parameters":{"classification":2}}]}')      # and this
        assert code == 400 and b"unsupported type 'BYTES'" in raw


def test_settings_with_the_official_client(tmp):
    rest_cases.models(tmp)
    with server(tmp) as s, http.InferenceServerClient(f"127.0.0.1:{s.http}") as c:
        start = c.get_trace_settings()
        assert start == {"trace_level": ["OFF"], "trace_rate": "1000", "trace_count": "-1", "log_frequency": "0", "trace_file": "", "trace_mode": "triton"}
        assert c.update_trace_settings("echo_fp32", {"trace_rate": "5"})["trace_rate"] == "5"
        assert c.update_trace_settings(settings={"trace_rate": "7"})["trace_rate"] == "7"
        assert c.get_trace_settings("echo_fp32")["trace_rate"] == "5" and c.get_trace_settings("echo_fp64")["trace_rate"] == "7"
        assert c.update_trace_settings("echo_fp32", {"trace_rate": None})["trace_rate"] == "7"
        refused("Request for unknown model : nope", c.get_trace_settings, "nope")
        refused("trace file name is not given", c.update_trace_settings, settings={"trace_level": ["TIMESTAMPS"]})
        assert c.update_log_settings({"log_format": "ISO8601", "log_verbose_level": 1})["log_format"] == "ISO8601"
        assert c.get_log_settings()["log_verbose_level"] == 1
        c.update_log_settings({"log_info": False})
    assert "Waiting for in-flight requests" not in s.text, "info lines are still written"


def test_loading_is_refused_outside_explicit_mode(tmp):
    rest_cases.models(tmp)
    with server(tmp) as s, http.InferenceServerClient(f"127.0.0.1:{s.http}") as c:
        refused("explicit model load / unload is not allowed", c.load_model, "echo_fp32")
        refused("explicit model load / unload is not allowed", c.unload_model, "echo_fp32")
        assert c.is_model_ready("echo_fp32")


def test_generate(tmp):
    rest_cases.models(tmp)
    with server(tmp) as s:
        code, raw, h = ask(s.http, "/v2/models/echo_string/generate", b'{"INPUT0":"hello","id":"7","temperature":0.5}')
        assert code == 200 and json.loads(raw) == {"OUTPUT0": "hello", "id": "7", "model_name": "echo_string", "model_version": "1"}
        code, raw, h = ask(s.http, "/v2/models/echo_string/generate_stream", b'{"INPUT0":"hello"}')
        assert code == 200 and h["Content-Type"] == "text/event-stream; charset=utf-8"
        assert raw.startswith(b"data: {") and raw.endswith(b"}\n\n") and json.loads(raw[6:])["OUTPUT0"] == "hello"


def test_request_parameters(tmp):
    rest_cases.models(tmp)
    x = np.ones((1, 2), np.float32)
    with server(tmp, "--http-header-forward-pattern", "x-my-.*") as s, http.InferenceServerClient(f"127.0.0.1:{s.http}") as c:
        r = c.infer("echo_fp32", [values(x)], request_id="a", priority=1, timeout=1000000, parameters={"k": "v", "n": 3, "b": True})
        assert r.get_response()["id"] == "a"
        c.infer("echo_fp32", [values(x)], headers={"X-My-Header": "1"})
        many = {f"X-My-{i}": "v" for i in range(60)}
        c.infer("echo_fp32", [values(x)], headers=many, parameters={f"p{i}": i for i in range(100)})
        refused("over 256 parameters", c.infer, "echo_fp32", [values(x)], headers=many, parameters={f"p{i}": i for i in range(200)})
    p = nereid("serve", "--model-repository", tmp, "--http-header-forward-pattern", "(", good=False)
    assert "--http-header-forward-pattern" in p.stderr and "not valid" in p.stderr, p.stderr


run(globals())
