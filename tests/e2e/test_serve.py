#!/usr/bin/env python3
"""The server as clients see it: the official client, raw sockets with hostile bytes, metrics, a bad model beside a good one, shutdown."""
import concurrent.futures, json, os, shutil, socket, subprocess, time, urllib.error, urllib.request
import numpy as np, onnx, onnx.helper as oh, tritonclient.http as http
from check import nereid, run, server

TYPES = {"BOOL": 9, "UINT8": 2, "INT8": 3, "UINT16": 4, "INT16": 5, "INT32": 6, "INT64": 7, "FP32": 1, "FP64": 11, "UINT32": 12,
         "UINT64": 13, "FP16": 10, "BYTES": 8}


def echo(folder, name, dtype="FP32", config=None):
    """A model whose output repeats its input."""
    os.makedirs(f"{folder}/{name}/1")
    v = lambda n: oh.make_tensor_value_info(n, TYPES[dtype], ["batch", "n"])
    g = oh.make_graph([oh.make_node("Identity", ["INPUT0"], ["OUTPUT0"], "id")], "echo", [v("INPUT0")], [v("OUTPUT0")])
    onnx.save(oh.make_model(g, opset_imports=[oh.make_opsetid("", 17)], ir_version=8), f"{folder}/{name}/1/model.onnx")
    if config is not None:
        open(f"{folder}/{name}/config.pbtxt", "w").write(config)


def resnet_like(folder):
    """A model slow enough to run on instance threads: one wide convolution."""
    os.makedirs(f"{folder}/conv/1")
    rng = np.random.default_rng(0)
    w = rng.standard_normal((128, 64, 3, 3), np.float32)
    g = oh.make_graph([oh.make_node("Conv", ["INPUT0", "w"], ["OUTPUT0"], pads=[1, 1, 1, 1])], "conv",
                      [oh.make_tensor_value_info("INPUT0", 1, ["batch", 64, 32, 32])],
                      [oh.make_tensor_value_info("OUTPUT0", 1, ["batch", 128, 32, 32])], [onnx.numpy_helper.from_array(w, "w")])
    onnx.save(oh.make_model(g, opset_imports=[oh.make_opsetid("", 17)], ir_version=8), f"{folder}/conv/1/model.onnx")


def ask(port, model, x, dtype="FP32", binary=True):
    with http.InferenceServerClient(f"127.0.0.1:{port}") as c:
        i = http.InferInput("INPUT0", list(x.shape), dtype)
        i.set_data_from_numpy(x, binary_data=binary)
        return c.infer(model, [i], outputs=[http.InferRequestedOutput("OUTPUT0", binary_data=binary)]).as_numpy("OUTPUT0")


def get(port, path, data=None):
    try:
        r = urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=data), timeout=10)
        return r.status, r.read()
    except urllib.error.HTTPError as e:
        return e.code, e.read()


def raw(port, data, wait=5):
    """Sends bytes, gives what comes until the server closes or is quiet."""
    with socket.create_connection(("127.0.0.1", port), 5) as s:
        s.sendall(data)
        s.settimeout(wait)
        out = b""
        try:
            while chunk := s.recv(65536):
                out += chunk
        except (TimeoutError, ConnectionResetError):
            pass
        return out


def test_every_type_in_json_and_binary(tmp):
    for t in TYPES:
        echo(tmp, "echo_" + t.lower(), t)
    with server(tmp) as s:
        for t in TYPES:
            x = {"BYTES": np.array([[b"a", b"", "\u00e9\"\\".encode()]], object), "BOOL": np.array([[True, False, True]])}.get(t)
            if x is None:
                kind = np.dtype({"FP16": "f2", "FP32": "f4", "FP64": "f8"}.get(t) or t.lower())
                low = np.iinfo(kind).min if kind.kind in "iu" else -1.5
                high = np.iinfo(kind).max if kind.kind in "iu" else 0.1
                x = np.array([[low, 0, high]], kind)
            for binary in (True,) if t == "FP16" else (True, False):
                y = ask(s.http, "echo_" + t.lower(), x, t, binary)
                if t == "BYTES":
                    y = np.array([[v.encode() if isinstance(v, str) else v for v in row] for row in y], object)
                assert np.array_equal(x, y), (t, binary, x, y)


def test_metadata_config_statistics_index_and_metrics(tmp):
    echo(tmp, "m")
    with server(tmp, "--id", "box") as s:
        with http.InferenceServerClient(f"127.0.0.1:{s.http}") as c:
            assert c.is_server_live() and c.is_server_ready() and c.is_model_ready("m") and not c.is_model_ready("x")
            assert c.get_server_metadata()["name"] == "box"
            assert c.get_model_metadata("m")["inputs"] == [{"name": "INPUT0", "datatype": "FP32", "shape": [-1, -1]}]
            assert c.get_model_config("m")["max_batch_size"] == 4
            ask(s.http, "m", np.ones((3, 2), np.float32))
            stats = c.get_inference_statistics("m")["model_stats"][0]
            assert stats["inference_count"] == 3 and stats["execution_count"] == 1
            assert c.get_model_repository_index() == [{"name": "m", "version": "1", "state": "READY"}]
        page = get(s.metrics, "/metrics")[1].decode()
        assert 'nv_inference_request_success{model="m",version="1"} 1\n' in page
        assert 'nv_inference_count{model="m",version="1"} 3\n' in page
        for name in ("request_duration_seconds", "queue_duration_seconds", "compute_duration_seconds", "batch_size"):
            assert f'nereid_{name}_bucket{{le="+Inf",model="m",version="1"}} 1\n' in page
            assert f'nereid_{name}_count{{model="m",version="1"}} 1\n' in page
        assert 'nereid_batch_size_bucket{le="2",model="m",version="1"} 0\n' in page
        assert 'nereid_batch_size_bucket{le="4",model="m",version="1"} 1\n' in page
        assert 'nereid_batch_size_sum{model="m",version="1"} 3\n' in page


def test_a_bad_model_keeps_no_other_from_serving(tmp):
    echo(tmp, "good")
    os.makedirs(f"{tmp}/bad/1")
    open(f"{tmp}/bad/1/model.onnx", "wb").write(b"not a model")
    echo(tmp, "odd", config="max_batch_size: banana")
    p = nereid("serve", "--model-repository", tmp, good=False)
    assert "failed to load all models" in p.stderr
    with server(tmp, "--exit-on-error=false") as s:
        assert np.array_equal(ask(s.http, "good", np.ones((1, 1), np.float32)), [[1]])
        assert get(s.http, "/v2/health/ready")[0] == 400
        index = {m["name"]: m for m in json.loads(get(s.http, "/v2/repository/index", b"")[1])}
        assert index["bad"]["state"] == "UNAVAILABLE" and index["bad"]["reason"]
        assert "config.pbtxt" in index["odd"]["reason"]


def test_errors_are_tritons(tmp):
    echo(tmp, "m", config='max_batch_size: 4 input { name: "INPUT0" data_type: TYPE_FP32 dims: [ 2 ] } '
                          'output { name: "OUTPUT0" data_type: TYPE_FP32 dims: [ 2 ] }')
    one = lambda **k: json.dumps({"inputs": [{"name": "INPUT0", "shape": [1, 2], "datatype": "FP32", "data": [1, 2], **k}]}).encode()
    with server(tmp) as s:
        for body, status, text in (
                (one(shape=[1, 3], data=[1, 2, 3]), 400, "unexpected shape for input 'INPUT0'"), (one(shape=[5, 2], data=[0] * 10), 400, "batch-size must be <= 4"),
                (one(datatype="INT32"), 400, "data-type is 'INT32'"), (one(data=[1]), 500, "Shape does not match"), (one(data=["x", 1]), 500, "non-number"),
                (one(name="Z"), 400, "'Z'"), (b"{", 500, "failed to parse the request JSON buffer"),
                (b"[" * 200, 500, "nesting depth"), (one(shape=[1, 4611686018427387904]), 400, "byte size overflow")):
            code, reply = get(s.http, "/v2/models/m/infer", body)
            assert code == status and text in json.loads(reply)["error"], (body, code, reply)
        assert get(s.http, "/v2/models/m/versions/9/infer", one())[0] == 404
        assert get(s.http, "/v2/nothing")[0] == 404 and get(s.http, "/v2", b"x")[0] == 405
        assert get(s.http, "/v2/models/m/infer", one())[0] == 200


def test_hostile_bytes_get_an_answer_or_a_close(tmp):
    echo(tmp, "m")
    with server(tmp) as s:
        cases = {b"GET / HTTP/1.1\r\nA : b\r\n\r\n": b" 400 ", b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n": b" 400 ",
                 b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n": b" 400 ", b"GET / HTTP/1.1\nHost: x\n\n": b" 400 ",
                 b"GET / HTTP/1.1\r\nX: a\r\n folded\r\n\r\n": b" 400 ", b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n\r\n": b" 431 ",
                 b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n": b" 431 ", b"GET / HTTP/9.9\r\n\r\n": b" 505 ", bytes(range(256)): b"",
                 b"POST /v2/models/m/infer HTTP/1.1\r\nContent-Length: 99999999999999\r\n\r\n": b" 413 ",
                 b"POST /v2/models/m/infer HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n": b" 400 "}
        for data, want in cases.items():
            assert want in raw(s.http, data, 2), (data[:60], want)
        two = b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n" * 3
        assert raw(s.http, two, 0.5).count(b"200 OK") == 3
        body = b'{"inputs":[{"name":"INPUT0","shape":[1,1],"datatype":"FP32","data":[7]}]}'
        chunked = b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 5]), body[i:i + 5]) for i in range(0, len(body), 5)) + b"0\r\n\r\n"
        assert b'"data":[7.0]' in raw(s.http, b"POST /v2/models/m/infer HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked, 0.5)
        assert get(s.http, "/v2/health/ready")[0] == 200


def test_large_tensors_and_instance_threads(tmp):
    resnet_like(tmp)
    with server(tmp) as s:
        x = np.random.default_rng(1).standard_normal((4, 64, 32, 32), np.float32)
        want = ask(s.http, "conv", x)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for y in pool.map(lambda i: ask(s.http, "conv", x[i % 4:i % 4 + 1]), range(40)):
                assert any(np.allclose(y[0], w, atol=1e-3) for w in want)


def copied(tmp, model, want, requests):
    """Bytes that the server moves in blocks of a page or more while it answers so many requests of eight images."""
    out = f"{tmp}/copied-{model}-{requests}"
    os.environ.update(LD_PRELOAD=f"{tmp}/count_copies.so", COUNT_COPIES=out)
    try:
        with server(f"{tmp}/models") as s:
            del os.environ["LD_PRELOAD"]
            for i in range(requests):
                x = np.full((8, 3, 224, 224), i, np.float32)
                assert np.allclose(ask(s.http, model, x), want(x))
    finally:
        os.environ.pop("LD_PRELOAD", None)
    return int(open(out).read()), x.nbytes * requests


def test_payloads_are_copied_nowhere(tmp):
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-fno-builtin", "-o", f"{tmp}/count_copies.so",
                    os.path.join(os.path.dirname(os.path.abspath(__file__)), "count_copies.c"), "-ldl"], check=True)
    for name, node, shape in (("mean", oh.make_node("ReduceMean", ["INPUT0"], ["OUTPUT0"], axes=[1, 2, 3]), ["batch", 1, 1, 1]),
                              ("same", oh.make_node("Identity", ["INPUT0"], ["OUTPUT0"]), ["batch", 3, 224, 224])):
        os.makedirs(f"{tmp}/models/{name}/1")
        g = oh.make_graph([node], name, [oh.make_tensor_value_info("INPUT0", 1, ["batch", 3, 224, 224])], [oh.make_tensor_value_info("OUTPUT0", 1, shape)])
        onnx.save(oh.make_model(g, opset_imports=[oh.make_opsetid("", 17)], ir_version=8), f"{tmp}/models/{name}/1/model.onnx")
        open(f"{tmp}/models/{name}/config.pbtxt", "w").write("max_batch_size: 8")
    # on the way in; and on the way out what repeats an input
    for name, want in ("mean", lambda x: x[:, :1, :1, :1]), ("same", lambda x: x):
        (few, _), (many, payload) = copied(tmp, name, want, 1), copied(tmp, name, want, 11)
        # but for what came with the head of a request, which fits the connection's buffer
        assert many - few < 10 * 40000 and payload > 10 * 4 << 20, (name, few, many, payload)


def test_sigterm_answers_what_is_in_flight(tmp):
    resnet_like(tmp)
    with server(tmp) as s:
        x = np.ones((4, 64, 32, 32), np.float32)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            ask(s.http, "conv", x)
            idle = socket.create_connection(("127.0.0.1", s.http))
            jobs = [pool.submit(ask, s.http, "conv", x) for _ in range(4)]
            time.sleep(0.05)
            s.terminate()
            done = [j for j in jobs if j.exception() is None or not isinstance(j.exception(), AssertionError)]
            assert len(done) == 4 and any(j.exception() is None for j in jobs)
            assert idle.recv(1) == b""


def test_shutdown_delay_serves_while_not_ready(tmp):
    echo(tmp, "m")
    with server(tmp, "--shutdown-delay", "2") as s:
        begin = time.monotonic()
        s.terminate()
        while get(s.http, "/v2/health/ready")[0] == 200:
            assert time.monotonic() - begin < 1
        assert ask(s.http, "m", np.ones((3, 2), np.float32)).sum() == 6
        assert s.wait(10) == 0 and time.monotonic() - begin >= 2


if __name__ == "__main__":
    run(globals())
