#!/usr/bin/env python3
"""gRPC with the tools that people have at hand: curl, nghttp and h2load, plain and over TLS; and by reflection, with nothing known before."""
import os, re, shutil, struct, subprocess
import grpc, numpy as np
from google.protobuf import descriptor_pool, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from tritonclient.grpc import service_pb2 as pb
from check import run, server
from test_serve import echo, get
from test_tls import certificate, options

HEADERS = ["-H", "content-type: application/grpc", "-H", "te: trailers"]
X = np.array([[1, 2]], np.float32)
# the wire is the same: the answer has the request's message, whose model_name it leaves empty; and a field that 2.51 does not have is
# left out of configurations unless it is set, as if it were of a oneof
KNOWN = {("inference.TraceSettingResponse", "model_name"), ("inference.ModelEnsembling", "max_inflight_requests")}


def tool(*args, good=True):
    """Runs one of them; gives its output as bytes."""
    assert shutil.which(args[0]), f"{args[0]} is missing: install the Debian packages curl and nghttp2-client (./dev test does)"
    p = subprocess.run(args, capture_output=True, timeout=120)
    assert good == (p.returncode == 0), (args, p.returncode, p.stdout[-500:], p.stderr[-500:])
    return p.stdout


def framed(message):
    data = message.SerializeToString()
    return struct.pack(">BI", 0, len(data)) + data


def infer_request(model="m", x=X):
    r = pb.ModelInferRequest(model_name=model, id="7", raw_input_contents=[x.tobytes()])
    r.inputs.add(name="INPUT0", datatype="FP32", shape=x.shape)
    return r


def file(tmp, message):
    path = os.path.join(tmp, "ask")
    with open(path, "wb") as f:
        f.write(framed(message))
    return path


def succeeded(s):
    return int(re.search(r'nv_inference_request_success\{model="m",version="1"\} (\d+)', get(s.metrics, "/metrics")[1].decode()).group(1))


def both(tmp):
    """Plain and TLS: (server, address, what curl needs)."""
    echo(tmp + "/models", "m")
    root, _ = certificate(tmp, "root")
    cert, key = certificate(tmp, "server", "root")
    with server(tmp + "/models") as s:
        yield s, f"http://127.0.0.1:{s.grpc}", ["--http2-prior-knowledge"]
    with server(tmp + "/models", *options("http", cert, key), *options("grpc", cert, key)) as s:
        yield s, f"https://localhost:{s.grpc}", ["--http2", "--cacert", root]


def test_curl_calls_and_reads_status_and_trailers(tmp):
    for s, url, how in both(tmp):
        def call(method, message):
            out = tool("curl", "-sS", *how, "-D", tmp + "/head", "-w", "%{http_version} %{http_code}", "-o", tmp + "/body", *HEADERS,
                       "--data-binary", "@" + file(tmp, message), f"{url}/inference.GRPCInferenceService/{method}")
            assert out == b"2 200", out
            with open(tmp + "/head") as h, open(tmp + "/body", "rb") as b:
                head, body = h.read(), b.read()
            return dict(re.findall(r"^([\w-]+): (.*?)\r?$", head, re.M)), body
        head, body = call("ModelInfer", infer_request())
        assert head["content-type"] == "application/grpc" and head["grpc-status"] == "0", head
        flag, n = struct.unpack(">BI", body[:5])
        answer = pb.ModelInferResponse.FromString(body[5:])
        assert (flag, n) == (0, len(body) - 5) and answer.id == "7" and answer.raw_output_contents == [X.tobytes()]
        head, body = call("ModelInfer", infer_request("nope"))
        assert head["grpc-status"] == "5" and "unknown model" in head["grpc-message"] and body == b"", head
        head, body = call("ServerLive", pb.ServerLiveRequest())
        assert head["grpc-status"] == "0" and pb.ServerLiveResponse.FromString(body[5:]).live
        head, body = call("Nothing", pb.ServerLiveRequest())
        assert head["grpc-status"] == "12" and body == b"", head


def test_curl_that_offers_http2_to_the_http_port_gets_http1(tmp):
    echo(tmp, "m")
    with server(tmp) as s:
        for args in (["--http2"], ["--http1.1"], ["--http2", "--data-binary", '{"INPUT0": 1}']):
            out = tool("curl", "-sS", *args, "-o", "/dev/null", "-w", "%{http_version} %{http_code}", f"http://127.0.0.1:{s.http}/v2/health/live")
            assert out == (b"1.1 405" if "--data-binary" in args else b"1.1 200"), (args, out)
        tool("curl", "-sS", "--http2-prior-knowledge", f"http://127.0.0.1:{s.http}/v2/health/live", good=False)
        assert get(s.http, "/v2/health/ready")[0] == 200


def test_nghttp_sees_the_frames_of_a_call(tmp):
    for s, url, _ in both(tmp):
        out = tool("nghttp", "-v", "-d", file(tmp, infer_request()), "-H:method: POST", "-Hcontent-type: application/grpc", "-Hte: trailers",
                   f"{url}/inference.GRPCInferenceService/ModelInfer").decode(errors="replace")
        for text in (r"recv SETTINGS frame <length=\d+", r"SETTINGS_MAX_CONCURRENT_STREAMS\(0x03\):\d+", r":status: 200", r"grpc-status: 0"):
            assert re.search(text, out), (text, out)
        data, status = out.index("recv DATA frame"), out.index("grpc-status: 0")
        assert out.index(":status: 200") < data < status and "RST_STREAM" not in out, out
        assert succeeded(s) == 1
        # several requests of one connection
        many = f"{url}/inference.GRPCInferenceService/ModelInfer"
        out = tool("nghttp", "-nv", "-m", "9", "-d", file(tmp, infer_request()), "-H:method: POST", "-Hcontent-type: application/grpc", "-Hte: trailers",
                   many).decode(errors="replace")
        assert len(re.findall(r"grpc-status: 0", out)) == 9 and out.count("Connected") == 1, out
        assert succeeded(s) == 10


def test_h2load_loses_no_request(tmp):
    for s, url, _ in both(tmp):
        asked = 0
        for clients, streams, x in ((1, 1, X), (1, 32, X), (4, 16, X), (16, 4, X), (4, 4, np.ones((1, 100000), np.float32))):
            n = 400 if x.size > 1000 else 2000
            out = tool("h2load", "-n", str(n), "-c", str(clients), "-m", str(streams), "-d", file(tmp, infer_request(x=x)), *HEADERS,
                       f"{url}/inference.GRPCInferenceService/ModelInfer").decode()
            assert re.search(rf"requests: {n} total, {n} started, {n} done, {n} succeeded, 0 failed, 0 errored, 0 timeout", out), out
            assert re.search(rf"status codes: {n} 2xx, 0 3xx, 0 4xx, 0 5xx", out), out
            got = int(re.search(r"headers \(.*\), \S+ \((\d+)\) data", out).group(1))
            assert got >= n * x.nbytes, (got, out)                 # each answer came whole
            asked += n
            assert succeeded(s) == asked, (clients, streams)       # and each was an inference


def test_h2load_of_http1(tmp):
    echo(tmp, "m")
    with server(tmp) as s:
        path = os.path.join(tmp, "ask.json")
        with open(path, "w") as f:
            f.write('{"inputs":[{"name":"INPUT0","shape":[1,2],"datatype":"FP32","data":[1,2]}]}')
        out = tool("h2load", "--h1", "-n", "2000", "-c", "8", "-d", path, "-H", "content-type: application/json",
                   f"http://127.0.0.1:{s.http}/v2/models/m/infer").decode()
        assert "2000 succeeded, 0 failed, 0 errored, 0 timeout" in out and "status codes: 2000 2xx" in out, out
        assert succeeded(s) == 2000


# ---- reflection ----

def reflected(s):
    channel = grpc.insecure_channel(f"127.0.0.1:{s.grpc}")
    db = ProtoReflectionDescriptorDatabase(channel)
    return channel, db, descriptor_pool.DescriptorPool(db)


def test_reflection_calls_every_method_of_every_service(tmp):
    echo(tmp, "m")
    with server(tmp) as s:
        channel, db, pool = reflected(s)
        asks = {"ModelInfer": {"model_name": "m", "inputs": [{"name": "INPUT0", "datatype": "FP32", "shape": [1, 2]}], "raw_input_contents": [X.tobytes()]},
                "ModelReady": {"name": "m"}, "ModelMetadata": {"name": "m"}, "ModelConfig": {"name": "m"}}
        asks["ModelStreamInfer"] = asks["ModelInfer"]
        refusals = {"RepositoryModelLoad": "not allowed", "RepositoryModelUnload": "not allowed", "SystemSharedMemoryRegister": "",
                    "CudaSharedMemoryRegister": "is necessary to register cuda shared memory region"}
        official = {m.name for m in pb.DESCRIPTOR.services_by_name["GRPCInferenceService"].methods}
        called = set()
        for service in db.get_services():
            for method in pool.FindServiceByName(service).methods:
                ask, answer = (message_factory.GetMessageClass(t) for t in (method.input_type, method.output_type))
                streams = method.client_streaming or method.server_streaming
                make = channel.stream_stream if method.client_streaming else channel.unary_stream if streams else channel.unary_unary
                call = make(f"/{service}/{method.name}", ask.SerializeToString, answer.FromString)
                message = ask(**asks.get(method.name, {}))
                if method.name == "ServerReflectionInfo":
                    message = ask(list_services="")
                try:
                    got = call(iter([message]) if method.client_streaming else message, timeout=10)
                    if method.name == "Watch":                     # goes on for as long as one listens
                        got, watch = [next(got)], got
                        watch.cancel()
                    got = list(got) if streams else [got]
                    assert method.name not in refusals and len(got) == 1, (method.full_name, got)
                    if method.name == "ModelInfer":
                        assert got[0].raw_output_contents == [X.tobytes()]
                except grpc.RpcError as e:
                    assert method.name in refusals and refusals[method.name] in e.details(), (method.full_name, e)
                    assert e.code() not in (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.UNKNOWN), e
                called.add(method.full_name)
        assert {m.rpartition(".")[2] for m in called if m.startswith("inference.")} == official
        assert {"grpc.health.v1.Health.Check", "grpc.reflection.v1alpha.ServerReflection.ServerReflectionInfo",
                "grpc.reflection.v1.ServerReflection.ServerReflectionInfo"} <= called, called


def test_reflected_messages_are_those_of_the_official_client(tmp):
    """From each method down: the same fields, numbers, types and enums, whatever messages and oneofs are called; but for KNOWN, and for
    `unused`, which stands in messages that are empty."""
    echo(tmp, "m")
    wrong, missing, seen = [], set(), set()

    def compare(theirs, ours):
        if theirs.full_name in seen:
            return
        seen.add(theirs.full_name)
        wrong.extend((theirs.full_name, f.name, "only ours") for f in ours.fields if f.name not in theirs.fields_by_name
                     and not (f.name == "unused" and not theirs.fields))
        for f in theirs.fields:
            g = ours.fields_by_name.get(f.name)
            if g is None:
                missing.add(f"{theirs.full_name}.{f.name}")
                continue
            same = [(x.number, x.type, x.is_repeated, bool(x.containing_oneof), bool(x.message_type and x.message_type.GetOptions().map_entry),
                     {v.name: v.number for v in x.enum_type.values} if x.enum_type else None) for x in (f, g)]
            if same[0] != same[1]:
                wrong.append((theirs.full_name, f.name, *same))
            elif f.message_type:
                compare(f.message_type, g.message_type)
    with server(tmp) as s:
        _, _, pool = reflected(s)
        service = pool.FindServiceByName("inference.GRPCInferenceService")
        for m in pb.DESCRIPTOR.services_by_name["GRPCInferenceService"].methods:
            mine = service.methods_by_name[m.name]
            assert (m.client_streaming, m.server_streaming) == (mine.client_streaming, mine.server_streaming), m.name
            compare(m.input_type, mine.input_type)
            compare(m.output_type, mine.output_type)
    assert {w[:2] for w in wrong} == KNOWN, wrong
    assert len(seen) > 120 and not missing, (len(seen), missing)


if __name__ == "__main__":
    run(globals())
