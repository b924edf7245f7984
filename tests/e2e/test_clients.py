#!/usr/bin/env python3
"""The official client, whole: http, grpc, http.aio and grpc.aio, and the shared-memory utilities. The same questions go through each of
the four; the last test fails when a public method, or a parameter of one, was called by no test here (client_cover.py finds them)."""
import asyncio, base64, contextlib, gzip, inspect, io, json, os, queue, signal, ssl, subprocess, sys, time, types, urllib.request
import gevent, grpc, ml_dtypes, numpy as np
from google.protobuf.json_format import MessageToDict
import tritonclient.grpc as tg, tritonclient.grpc.aio as tga, tritonclient.grpc.auth as ga, tritonclient.http as th, tritonclient.http.aio as tha
import tritonclient.http.auth as ha, tritonclient.utils as utils, tritonclient.utils.shared_memory as shm
from check import run, server
from client_cover import Cover
from test_tls import certificate, options

COMPAT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "compat")
COVER = Cover(__file__, "tritonclient")
for module in (th, tg, tha, tga, ha, ga, utils, shm):
    COVER.watch_module(module, made_by_library=("InferResult", "InferAsyncRequest", "Request", "InferenceServerClientBase", "SharedMemoryRegion"))
# parents of what is watched: their methods count where they are inherited
COVER.wanted = {n: p for n, p in COVER.wanted.items() if ".InferenceServerClientBase." not in n}

TYPES = {"BOOL": [True, False, True], "BYTES": [b"a", b"", "\u00e9\"\\".encode()], "FP32": [0.5, -1, 3e8], "FP64": [0.1, -2.5, 1e300],
         "FP16": [1.5, -2, 65504], "BF16": [1.5, -2, 3e8], "INT8": [-128, 0, 127], "UINT8": [0, 7, 255], "INT16": [-32768, 0, 32767],
         "UINT16": [0, 7, 65535], "INT32": [-2**31, 0, 2**31 - 1], "UINT32": [0, 7, 2**32 - 1], "INT64": [-2**63, 0, 2**63 - 1],
         "UINT64": [0, 7, 2**64 - 1]}


class Way:
    """One of the four clients. `wire` names the protocol."""

    def __init__(self, module, wire):
        self.module, self.wire, self.http = module, wire, wire == "http"

    @contextlib.asynccontextmanager
    async def client(self, s, **kw):
        made = self.module.InferenceServerClient(f"localhost:{getattr(s, self.wire)}", **kw)
        if hasattr(made, "__aenter__"):
            async with made as c:
                yield c
        else:
            with made as c:
                yield c

    def tensor(self, x, name="INPUT0", **kw):
        i = self.module.InferInput(name, list(x.shape), utils.np_to_triton_dtype(x.dtype))
        assert i.set_data_from_numpy(x, **kw) is i
        return i

    def wanted(self, name="OUTPUT0", **kw):
        return self.module.InferRequestedOutput(name, **kw)


WAYS = [Way(th, "http"), Way(tg, "grpc"), Way(tha, "http"), Way(tga, "grpc")]


async def value(answer):
    return await answer if inspect.isawaitable(answer) else answer


def extra(method):
    """What every call is given that takes it; no answer may change by it. Made anew, as clients write into it."""
    all_of_it = {"headers": {"x-trace-of-the-test": "1"}, "query_params": {"who": "a&b", "n": 2}, "client_timeout": 30.0}
    return {k: v for k, v in all_of_it.items() if k in inspect.signature(method).parameters}


async def call(method, *args, **kw):
    return await value(method(*args, **{**extra(method), **kw}))


async def ask(method, *args, **kw):
    """The answer of a method that reads, as a dict, after checking that a plain call and, with gRPC, both its forms agree."""
    got = await call(method, *args, **kw)
    if "as_json" in inspect.signature(method).parameters:
        message, got = got, await call(method, *args, as_json=True, **kw)
        assert MessageToDict(message, preserving_proto_field_name=True) == got
    assert type(await value(method(*args, **kw))) is type(message if "message" in locals() else got)
    return got


async def refused(text, method, *args, status=None, **kw):
    """The call raises the client's exception, with the text and, where it is given, the status of its protocol."""
    try:
        await call(method, *args, **kw)
    except utils.InferenceServerException as e:
        assert text in e.message() and text in str(e), e.message()
        assert status is None or e.status() == status, (e.status(), status)
        assert e.debug_details() is None or isinstance(e.debug_details(), (str, grpc.RpcError)), e.debug_details()
        return
    raise AssertionError(f"not refused: {text}")


def models(tmp):
    subprocess.run([sys.executable, os.path.join(COMPAT, "models.py"), tmp + "/models", "--onnx"], check=True)
    return tmp + "/models"


def each(tmp, scenario, *flags, ways=WAYS):
    """Runs a scenario with each client, on one server."""
    async def one(way, s):
        async with way.client(s) as c:
            await scenario(way, c, s)
    with server(models(tmp), *flags) as s:
        for way in ways:
            try:
                asyncio.run(asyncio.wait_for(one(way, s), 60))
            except BaseException:
                print(f"with {way.module.__name__}:")
                raise


def array(t, values):
    return np.array([values], utils.triton_to_np_dtype(t))


def same(got, want):
    got = got if got.dtype != object else np.array([v if isinstance(v, bytes) else v.encode() for v in got.ravel()], object).reshape(got.shape)
    assert got.dtype == want.dtype and got.shape == want.shape and (got == want).all(), (got, want)


@contextlib.contextmanager
def standing_still(s):
    """The server's process is stopped meanwhile, every thread of it."""
    def stopped(task):
        with open(f"/proc/{s.pid}/task/{task}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] == "T"
    os.kill(s.pid, signal.SIGSTOP)
    try:
        while not all(map(stopped, os.listdir(f"/proc/{s.pid}/task"))):
            time.sleep(0.001)
        yield
    finally:
        os.kill(s.pid, signal.SIGCONT)


X, FIVE = np.arange(6, dtype=np.float32).reshape(2, 3), np.array([[5]], np.int32)
ALL = {"model_version": "1", "request_id": "all", "priority": 1, "timeout": 900000, "parameters": {"k": "v"}}
SEQUENCE = {"sequence_id": 3, "sequence_start": True, "sequence_end": True}


def test_server_and_models_are_described(tmp):
    async def scenario(way, c, s):
        none = "404" if way.http else "StatusCode.NOT_FOUND"
        for method, args, want in ((c.is_server_live, (), True), (c.is_server_ready, (), True), (c.is_model_ready, ("echo_fp32",), True),
                                   (c.is_model_ready, ("echo_versions", "3"), True), (c.is_model_ready, ("echo_versions", "2"), False),
                                   (c.is_model_ready, ("nope",), False)):
            assert await ask(method, *args) is want, (method, args)
        about = await ask(c.get_server_metadata)
        assert about["name"] == "the test" and about["version"] and {"classification", "statistics", "binary_tensor_data"} <= set(about["extensions"])
        assert (await ask(c.get_model_metadata, "echo_versions"))["versions"] == ["1", "3"]
        m = await ask(c.get_model_metadata, "echo_versions", model_version="3")
        assert m["name"] == "echo_versions" and m["versions"] == ["3"] and m["inputs"][0]["datatype"] == "FP32"
        assert [int(d) for d in m["inputs"][0]["shape"]] == [-1, -1]
        config = await ask(c.get_model_config, "echo_dynamic", model_version="1")
        config = config if way.http else config["config"]
        assert config["max_batch_size"] == 8 and config["dynamic_batching"]["preferred_batch_size"] == [4, 8]
        index = await ask(c.get_model_repository_index)
        index = index if way.http else index["models"]
        assert {"name": "echo_versions", "version": "3", "state": "READY"} in index and len(index) > 20
        bad = "400" if way.http else "StatusCode.INVALID_ARGUMENT"
        for method, of_model, of_version, status in (
                (c.get_model_metadata, "unknown model: 'nope' is not found", "version 2", none),
                (c.get_model_config, "unknown model: 'nope' is not found", "version 2", none),
                (c.get_inference_statistics, "requested model 'nope' is not available", "requested model version is not available", bad)):
            await refused(of_model, method, "nope", status=status)
            await refused(of_version, method, "echo_versions", model_version="2", status=status)
    each(tmp, scenario, "--id=the test")


def test_every_type_goes_through(tmp):
    async def scenario(way, c, s):
        for t, values in TYPES.items():
            x = array(t, values)
            assert utils.np_to_triton_dtype(x.dtype) == t
            name = "echo_string" if t == "BYTES" else "echo_" + t.lower()
            for binary in (True, False) if way.http and t not in ("FP16", "BF16") else (True,):
                kw = {"binary_data": binary} if way.http else {}
                i = way.tensor(x, **kw)
                assert (i.name(), i.shape(), i.datatype()) == ("INPUT0", [1, 3], t)
                r = await call(c.infer, name, [i], outputs=[way.wanted(**kw)])
                same(r.as_numpy("OUTPUT0"), x)
                assert r.as_numpy("nope") is None and r.get_output("nope") is None
                o, whole = r.get_output("OUTPUT0"), r.get_response()
                if not way.http:
                    plain = MessageToDict(o, preserving_proto_field_name=True)
                    assert r.get_output("OUTPUT0", as_json=True) in (None, plain)      # None is the mistake of client 2.73
                    assert r.get_response(as_json=True) == MessageToDict(whole, preserving_proto_field_name=True)
                    o, whole = plain, r.get_response(as_json=True)
                assert o["datatype"] == t and [int(d) for d in o["shape"]] == [1, 3] and whole["model_name"] == name
                assert not way.http or ("data" in o) is not binary
    each(tmp, scenario)


def test_requests_carry_what_a_client_can_say(tmp):
    async def scenario(way, c, s):
        packed = [{}, {"request_compression_algorithm": "gzip", "response_compression_algorithm": "deflate"},
                  {"request_compression_algorithm": "deflate", "response_compression_algorithm": "gzip"}] if way.http else [
                      {}, {"compression_algorithm": "gzip"}, {"compression_algorithm": "deflate"}]
        for kw in packed:
            r = await call(c.infer, "echo_dynamic", [way.tensor(X)], model_version="1", outputs=[way.wanted()], request_id="r-1", priority=1,
                           timeout=900000, parameters={"text": "v", "count": 3, "flag": True}, **kw)
            same(r.as_numpy("OUTPUT0"), X)
            whole = r.get_response() if way.http else r.get_response(as_json=True)
            assert (whole["id"], whole["model_version"]) == ("r-1", "1")
        for n in (7, "seven"):
            one = np.array([[5]], np.int32)
            await refused("sequence", c.infer, "echo_sequence", [way.tensor(one)], sequence_id=n)
            for start, end in ((True, False), (False, False), (False, True)):
                r = await call(c.infer, "echo_sequence", [way.tensor(one)], sequence_id=n, sequence_start=start, sequence_end=end)
                same(r.as_numpy("OUTPUT0"), one)
            await refused("sequence", c.infer, "echo_sequence", [way.tensor(one)], sequence_id=n)
        best = await call(c.infer, "echo_labels", [way.tensor(np.array([[0, 1, 2, 3, 9, 5, 6, 7, 8, 4]], np.float32))],
                          outputs=[way.wanted(class_count=2)])
        same(best.as_numpy("OUTPUT0"), np.array([[b"9.000000:4:four", b"8.000000:8:eight"]], object))
        o = way.wanted()
        assert o.name() == "OUTPUT0"
        i = way.tensor(X)
        assert i.set_shape([6, 1]) is i and i.shape() == [6, 1]
        same((await call(c.infer, "echo_fp32", [i])).as_numpy("OUTPUT0"), X.reshape(6, 1))
        bad = None if way.http else "StatusCode.INVALID_ARGUMENT"
        await refused("batch-size must be <= 8", c.infer, "echo_fp32", [way.tensor(np.zeros((9, 1), np.float32))], status=bad)
        await refused("data-type is 'INT32'", c.infer, "echo_fp32", [way.tensor(np.zeros((1, 1), np.int32))], status=bad)
        await refused("unexpected inference output 'OUTPUT7'", c.infer, "echo_fp32", [way.tensor(X)], outputs=[way.wanted("OUTPUT7")], status=bad)
        await refused("unknown model", c.infer, "nope", [way.tensor(X)], status=None if way.http else "StatusCode.NOT_FOUND")
    each(tmp, scenario)


def test_statistics_count_each_request(tmp):
    async def scenario(way, c, s):
        async def counts(**kw):
            stats, = (await ask(c.get_inference_statistics, "echo_versions", **kw))["model_stats"]
            return int(stats.get("inference_count", 0)), int(stats["inference_stats"]["success"].get("count", 0))
        before = await counts(model_version="3")
        for _ in range(5):
            await call(c.infer, "echo_versions", [way.tensor(X)], model_version="3")
        assert await counts(model_version="3") == (before[0] + 10, before[1] + 5)
        assert len((await ask(c.get_inference_statistics))["model_stats"]) > 20
    each(tmp, scenario)


def test_trace_and_log_settings(tmp):
    async def scenario(way, c, s):
        def setting(answer, name):
            return answer[name] if way.http else answer["settings"][name]["value"][0]
        async def trace(**kw):
            return setting(await ask(c.get_trace_settings, **kw), "trace_rate")
        set_trace = c.update_trace_settings
        assert await trace() == "1000"
        assert setting(await ask(set_trace, model_name="echo_fp32", settings={"trace_rate": "5"}), "trace_rate") == "5"
        assert setting(await ask(set_trace, settings={"trace_rate": "7", "trace_count": "3"}), "trace_count") == "3"
        assert (await trace(model_name="echo_fp32"), await trace(model_name="echo_fp64"), await trace()) == ("5", "7", "7")
        await ask(set_trace, model_name="echo_fp32", settings={"trace_rate": None})
        assert await trace(model_name="echo_fp32") == "7"
        await ask(set_trace, settings={"trace_rate": "1000", "trace_count": "-1"})
        await refused("Request for unknown model : nope", c.get_trace_settings, "nope")
        await refused("Request for unknown model : nope", set_trace, "nope", settings={"trace_rate": "5"})
        await refused("trace_rate", set_trace, settings={"trace_rate": "many"})

        async def log(name):
            a = await ask(c.get_log_settings)
            return a[name] if way.http else next(iter(a["settings"][name].values()))
        assert await log("log_format") == "default" and await log("log_info") is True
        await ask(c.update_log_settings, {"log_format": "ISO8601", "log_verbose_level": 1, "log_info": False})
        assert await log("log_format") == "ISO8601" and await log("log_info") is False and await log("log_verbose_level") == 1
        await ask(c.update_log_settings, settings={"log_format": "default", "log_verbose_level": 0, "log_info": True})
        assert await log("log_format") == "default"
        await refused("invalid argument for --log_format, got: x", c.update_log_settings, {"log_format": "x"})
    each(tmp, scenario)


def test_loading_is_refused_with_a_reason(tmp):
    async def scenario(way, c, s):
        status = None if way.http else "StatusCode.UNAVAILABLE"
        for config, files in ((None, None), ('{"max_batch_size": 2}', None), ('{"backend": "onnxruntime"}', {"file:1/model.onnx": b"\0\1"})):
            await refused("explicit model load / unload is not allowed", c.load_model, "echo_fp32", config=config, files=files, status=status)
        for more in (True, False):
            await refused("explicit model load / unload is not allowed", c.unload_model, "echo_fp32", unload_dependents=more, status=status)
        assert await call(c.is_model_ready, "echo_fp32")
    each(tmp, scenario)


def test_system_shared_memory(tmp):
    async def regions(c, way, *args):
        a = await ask(c.get_system_shared_memory_status, *args)
        return {r["name"]: r for r in a} if way.http else a.get("regions", {})

    async def scenario(way, c, s):
        key, n = f"/nereid-clients-{os.getpid()}", X.nbytes
        words = np.array([[b"one", b"", b"three"]], object)
        packed = utils.serialize_byte_tensor(words).item()
        assert utils.deserialize_bytes_tensor(packed).tolist() == words[0].tolist() and utils.serialized_byte_size(words) == 8
        h = shm.create_shared_memory_region("mine", key, 4 * n, create_only=True)
        assert key in shm.mapped_shared_memory_regions()
        again = shm.create_shared_memory_region(triton_shm_name="mine", shm_key=key, byte_size=4 * n, create_only=False)
        try:
            shm.set_shared_memory_region(h, [X])
            await call(c.register_system_shared_memory, "in", key, n)
            await call(c.register_system_shared_memory, "out", key, 2 * n, offset=n)
            got = await regions(c, way)
            assert set(got) == {"in", "out"} and set(await regions(c, way, "out")) == {"out"}
            assert (got["out"]["key"], int(got["out"]["offset"]), int(got["out"]["byte_size"])) == (key, n, 2 * n)
            i, o = way.module.InferInput("INPUT0", [2, 3], "FP32"), way.wanted()
            i.set_shared_memory("in", n)
            o.set_shared_memory("out", n, offset=n)
            r = await call(c.infer, "echo_fp32", [i], outputs=[o])
            assert r.get_output("OUTPUT0") is not None
            same(shm.get_contents_as_numpy(again, np.float32, [2, 3], offset=2 * n), X)
            o.unset_shared_memory()
            same((await call(c.infer, "echo_fp32", [i], outputs=[o])).as_numpy("OUTPUT0"), X)
            # strings, away from the start of the region
            shm.set_shared_memory_region(again, [np.array(packed, object)], offset=2 * n)
            i = way.module.InferInput("INPUT0", [1, 3], "BYTES")
            i.set_shared_memory("out", len(packed), offset=n)
            o.set_shared_memory("in", n)
            await call(c.infer, "echo_string", [i], outputs=[o])
            same(shm.get_contents_as_numpy(h, np.object_, [1, 3]), words)
            await refused("already in manager", c.register_system_shared_memory, "in", key, n)
            await refused("Unable to open", c.register_system_shared_memory, "q", "/nereid-is-not-there", 4)
            await refused("'nope'", c.get_system_shared_memory_status, "nope")
            i.set_shared_memory("nope", n)
            await refused("Unable to find shared memory region: 'nope'", c.infer, "echo_string", [i])
            await call(c.unregister_system_shared_memory, "in")
            assert set(await regions(c, way)) == {"out"}
            await call(c.unregister_system_shared_memory)
            assert not await regions(c, way)
        finally:
            shm.destroy_shared_memory_region(h)
            shm.destroy_shared_memory_region(again)
        assert key not in shm.mapped_shared_memory_regions() and not os.path.exists("/dev/shm" + key)
    each(tmp, scenario)


def test_cuda_shared_memory_is_refused_with_a_reason(tmp):
    async def scenario(way, c, s):
        handle = base64.b64encode(bytes(64))
        await refused("failed to register CUDA shared memory region", c.register_cuda_shared_memory, "r", handle, 0, 64)
        a = await ask(c.get_cuda_shared_memory_status)
        assert not (a if way.http else a.get("regions"))
        await refused("'r'", c.get_cuda_shared_memory_status, region_name="r")
        await call(c.unregister_cuda_shared_memory, "r")
        await call(c.unregister_cuda_shared_memory)
    each(tmp, scenario)


def test_plugins_and_headers_open_what_is_restricted(tmp):
    class Key(tg.InferenceServerClientPlugin):
        def __call__(self, request):
            request.headers["triton-grpc-protocol-key"] = "secret"

    async def scenario(way, c, s):
        text = "This API is restricted" if way.http else "This protocol is restricted"
        plugin = (ha if way.module is th else ga).BasicAuth("u", "p") if way.http else Key()
        request = types.SimpleNamespace(headers={})
        plugin(request)
        assert not way.http or request.headers == {"authorization": "Basic dTpw"}
        assert c.plugin() is None
        await refused(text, c.get_server_metadata)
        c.register_plugin(plugin)
        assert c.plugin() is plugin and (await value(c.get_server_metadata()))
        await refused("already registered", c.register_plugin, plugin)
        same((await value(c.infer("echo_fp32", [way.tensor(X)]))).as_numpy("OUTPUT0"), X)
        c.unregister_plugin()
        await refused("No plugin", c.unregister_plugin)
        await refused(text, c.get_server_metadata)
        assert await value(c.get_server_metadata(headers=request.headers))
    assert ha.BasicAuth is ga.BasicAuth
    each(tmp, scenario, "--http-restricted-api=metadata:authorization=Basic dTpw", "--grpc-restricted-protocol=metadata,inference:key=secret")


def test_bodies_made_by_hand(tmp):
    """What http clients give to those who send requests themselves."""
    async def scenario(way, c, s):
        make, parse = way.module.InferenceServerClient.generate_request_body, way.module.InferenceServerClient.parse_response_body
        for binary in (True, False):
            body, length = make([way.tensor(X, binary_data=binary)], outputs=[way.wanted(binary_data=binary)], request_id="by hand",
                                priority=1, timeout=900000, parameters={"k": "v"})
            assert (length is None) is not binary
            headers = {"Accept-Encoding": "gzip", **({"Inference-Header-Content-Length": str(length)} if length else {})}
            u = urllib.request.Request(f"http://127.0.0.1:{s.http}/v2/models/echo_dynamic/infer", data=body, headers=headers)
            with urllib.request.urlopen(u, timeout=10) as a:
                got, length, kind = a.read(), a.headers.get("Inference-Header-Content-Length"), a.headers.get("Content-Encoding")
            assert kind == "gzip" and (length is None) is not binary
            for f in (parse, th.InferResult.from_response_body):
                with contextlib.redirect_stdout(io.StringIO()) as said:
                    r = f(got, verbose=True, header_length=int(length) if length else None, content_encoding=kind)
                assert said.getvalue()
                same(r.as_numpy("OUTPUT0"), X)
                assert r.get_response()["id"] == "by hand"
        body, length = make([way.tensor(FIVE)], outputs=[way.wanted(binary_data=False)], sequence_id=9, sequence_start=True, sequence_end=True)
        u = urllib.request.Request(f"http://127.0.0.1:{s.http}/v2/models/echo_sequence/infer", data=body,
                                   headers={"Inference-Header-Content-Length": str(length)})
        assert json.loads(urllib.request.urlopen(u, timeout=10).read())["outputs"][0]["data"] == [5]
    each(tmp, scenario, ways=[WAYS[0], WAYS[2]])


def test_async_infer_of_http(tmp):
    way = WAYS[0]

    async def scenario(way, _, s):
        c = way.module.InferenceServerClient(f"127.0.0.1:{s.http}", concurrency=8, connection_timeout=10.0, network_timeout=10.0, max_greenlets=8)
        many = [c.async_infer("echo_dynamic", [way.tensor(X + i)], outputs=[way.wanted()], request_compression_algorithm="gzip",
                              response_compression_algorithm="deflate", **extra(c.async_infer), **ALL) for i in range(40)]
        for i, r in enumerate(many):
            same(r.get_result(block=True, timeout=20).as_numpy("OUTPUT0"), X + i)
        r = c.async_infer("echo_sequence", [way.tensor(FIVE)], **SEQUENCE).get_result()
        same(r.as_numpy("OUTPUT0"), FIVE)
        await refused("unknown model", c.async_infer("nope", [way.tensor(X)]).get_result)
        with standing_still(s):
            early = c.async_infer("echo_fp32", [way.tensor(X)])
            await refused("failed to obtain inference response", early.get_result, block=False)
            await refused("failed to obtain inference response", early.get_result, timeout=0.1)
        same(early.get_result().as_numpy("OUTPUT0"), X)
        c.close()
    each(tmp, scenario, ways=[way])


def test_async_infer_of_grpc(tmp):
    async def scenario(way, c, s):
        done = queue.Queue()
        for i in range(40):
            c.async_infer("echo_dynamic", [way.tensor(X + i)], lambda result, error, i=i: done.put((i, result, error)), outputs=[way.wanted()],
                          compression_algorithm="gzip", **extra(c.async_infer), **ALL)
        got = [done.get(timeout=20) for _ in range(40)]
        assert sorted(i for i, _, _ in got) == list(range(40))
        for i, result, error in got:
            assert error is None
            same(result.as_numpy("OUTPUT0"), X + i)
        answer = lambda result, error: done.put((result, error))
        c.async_infer("echo_sequence", [way.tensor(FIVE)], answer, **SEQUENCE)
        same(done.get(timeout=20)[0].as_numpy("OUTPUT0"), FIVE)
        c.async_infer("nope", [way.tensor(X)], answer)
        result, error = done.get(timeout=20)
        assert result is None and "unknown model" in error.message() and error.status() == "StatusCode.NOT_FOUND"
        # a request that is given up is answered once, by its result or by its cancellation
        image = np.zeros((16, 3, 224, 224), np.float32)
        for _ in range(5):
            c.async_infer("echo_image", [way.tensor(image)], answer).cancel()
            result, error = done.get(timeout=20)
            assert result or error.status() == "StatusCode.CANCELLED", error
        assert done.empty() and c.is_server_live()
    each(tmp, scenario, ways=[WAYS[1]])


def test_streams_of_grpc(tmp):
    async def scenario(way, c, s):
        done = queue.Queue()
        answer = lambda result, error: done.put((result, error))
        await refused("stream not available", c.async_stream_infer, "echo_fp32", [way.tensor(X)])
        for packing in (None, "gzip", "deflate"):
            c.start_stream(answer, stream_timeout=30, headers={"x-trace-of-the-test": "1"}, compression_algorithm=packing)
            await refused("cannot start another stream", c.start_stream, answer)
            for i in range(20):
                c.async_stream_infer("echo_dynamic", [way.tensor(X + i)], outputs=[way.wanted()], enable_empty_final_response=True, **ALL)
                if i % 5 == 0:
                    c.async_stream_infer("nope", [way.tensor(X)], request_id="bad")
            c.async_stream_infer("echo_sequence", [way.tensor(FIVE)], **SEQUENCE)
            c.stop_stream()                                        # waits for what was asked
            got = [done.get_nowait() for _ in range(25)]
            assert done.empty()
            for i in range(20):
                result, error = got.pop(0)
                assert error is None and result.get_response().id == "all"
                assert result.get_response().parameters["triton_final_response"].bool_param
                same(result.as_numpy("OUTPUT0"), X + i)
                if i % 5 == 0:
                    result, error = got.pop(0)
                    assert result is None and "unknown model" in error.message()
            same(got.pop(0)[0].as_numpy("OUTPUT0"), FIVE)
        c.start_stream(answer)
        c.stop_stream(cancel_requests=True)
        result, error = done.get(timeout=20)
        assert result is None and error.status() == "StatusCode.CANCELLED"
        c.start_stream(answer, stream_timeout=0.3)
        result, error = done.get(timeout=20)
        assert result is None and error.status() == "StatusCode.DEADLINE_EXCEEDED", error
        c.stop_stream()
    each(tmp, scenario, ways=[WAYS[1]])


def test_streams_of_grpc_aio(tmp):
    async def scenario(way, c, s):
        async def asks():
            for i in range(20):
                yield {"model_name": "echo_dynamic", "inputs": [way.tensor(X + i)], "outputs": [way.wanted()], **ALL}
                if i % 5 == 0:
                    yield {"model_name": "nope", "inputs": [way.tensor(X)]}
            yield {"model_name": "echo_sequence", "inputs": [way.tensor(FIVE)], **SEQUENCE}
        for packing in (None, "gzip", "deflate"):
            got = [a async for a in c.stream_infer(asks(), stream_timeout=30, headers={"x-trace-of-the-test": "1"}, compression_algorithm=packing)]
            assert len(got) == 25 and sum(1 for r, e in got if e and "unknown model" in e.message()) == 4
            good = [r for r, e in got if e is None]
            for i in range(20):
                same(good[i].as_numpy("OUTPUT0"), X + i)
            same(good[20].as_numpy("OUTPUT0"), FIVE)

        async def endless():
            while True:
                yield {"model_name": "echo_fp32", "inputs": [way.tensor(X)]}
                await asyncio.sleep(0.01)
        it = c.stream_infer(endless())
        same((await it.__anext__())[0].as_numpy("OUTPUT0"), X)
        assert it.cancel()
        try:
            while True:
                await it.__anext__()
        except asyncio.CancelledError:
            pass
        assert await c.is_server_live()
    each(tmp, scenario, ways=[WAYS[3]])


def test_many_at_once_with_asyncio(tmp):
    async def scenario(way, c, s):
        answers = await asyncio.gather(*(call(c.infer, "echo_dynamic", [way.tensor(X + i)]) for i in range(200)))
        for i, r in enumerate(answers):
            same(r.as_numpy("OUTPUT0"), X + i)
    each(tmp, scenario, ways=WAYS[2:])


def test_clients_are_made_and_closed_in_every_way(tmp):
    """Each option of the constructors, TLS and mutual TLS among them, and the explicit close()."""
    root, _ = certificate(tmp, "root")
    cert, key = certificate(tmp, "server", "root")
    own, own_key = certificate(tmp, "client", "root")
    context = ssl.create_default_context(cafile=root)
    context.load_cert_chain(own, own_key)

    def gevent_context(**_):
        x = gevent.ssl.create_default_context(cafile=root)
        x.load_cert_chain(own, own_key)
        return x
    read = lambda path: open(path, "rb").read()
    alive = tg.KeepAliveOptions(keepalive_time_ms=20000, keepalive_timeout_ms=5000, keepalive_permit_without_calls=True,
                                http2_max_pings_without_data=0)
    args = {th: [{"ssl": True, "ssl_context_factory": gevent_context, "concurrency": 2, "connection_timeout": 10.0, "network_timeout": 10.0, "verbose": True},
                 {"ssl": True, "insecure": True, "ssl_options": {"ca_certs": root, "certfile": own, "keyfile": own_key}}],
            tha: [{"ssl": True, "ssl_context": context, "conn_limit": 3, "conn_timeout": 10.0, "verbose": True}],
            tg: [{"ssl": True, "root_certificates": root, "private_key": own_key, "certificate_chain": own, "keepalive_options": alive, "verbose": True},
                 {"creds": grpc.ssl_channel_credentials(read(root), read(own_key), read(own)), "channel_args": [("grpc.max_receive_message_length", -1)]}]}
    args[tga] = args[tg]

    async def one(way, s, kw):
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            c = way.module.InferenceServerClient(f"localhost:{getattr(s, way.wire)}", **kw)
            try:
                assert await call(c.is_server_ready)
                same((await call(c.infer, "echo_fp32", [way.tensor(X)])).as_numpy("OUTPUT0"), X)
            finally:
                await value(c.close())
        assert bool(said.getvalue()) is kw.get("verbose", False)
        with contextlib.redirect_stdout(io.StringIO()):
            try:
                await call(c.is_server_live)
            except Exception as e:
                assert "closed" in str(e).lower(), repr(e)
            else:
                assert way.module is th, f"{way.module.__name__}: a closed client was answered"
    with server(models(tmp), *options("http", cert, key, root), *options("grpc", cert, key, root)) as s:
        for way in WAYS:
            for kw in args[way.module]:
                try:
                    asyncio.run(asyncio.wait_for(one(way, s, kw), 60))
                except BaseException:
                    print(f"with {way.module.__name__} and {sorted(kw)}:")
                    raise


def test_a_time_limit_ends_the_call(tmp):
    """`client_timeout`, where the server does not answer: its process is stopped for the while."""
    async def scenario(way, c, s):
        assert await call(c.is_server_live)
        with standing_still(s):
            begin = time.monotonic()
            for method, args in ((c.is_server_live, ()), (c.infer, ("echo_fp32", [way.tensor(X)]))):
                try:
                    await value(method(*args, client_timeout=0.2))
                    raise AssertionError("answered by a process that stands still")
                except utils.InferenceServerException as e:
                    assert e.status() == "StatusCode.DEADLINE_EXCEEDED", e
            assert time.monotonic() - begin < 5
        assert await call(c.is_server_live)
    each(tmp, scenario, ways=[WAYS[1], WAYS[3]])


def test_utilities_refuse_what_they_cannot_do(tmp):
    async def all_of_them():
        await refused("no", utils.raise_error, "no")
        await refused("invalid datatype", utils.serialize_byte_tensor, X)
        await refused("must be np.object_", utils.serialized_byte_size, X)
        for t in TYPES:
            assert utils.np_to_triton_dtype(np.dtype(utils.triton_to_np_dtype(t))) == t
        assert utils.triton_to_np_dtype("FP8") is None and utils.np_to_triton_dtype(np.dtype(np.complex64)) is None
    asyncio.run(all_of_them())


def test_no_public_method_is_left_out(tmp):
    assert len(COVER.wanted) > 150, len(COVER.wanted)
    calls, parameters = COVER.missing()
    assert not calls and not parameters, f"no test here calls {calls}, or gives {parameters}"
    print(f"{len(COVER.wanted)} public methods and functions of the client, {sum(map(len, COVER.wanted.values()))} parameters")


if __name__ == "__main__":
    run(globals())
