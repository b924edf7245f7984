#!/usr/bin/env python3
"""Restricted groups of endpoints and API keys, on HTTP and gRPC, with Triton's answers (recorded from 2.51) and the official client."""
import http.client, json, os, time
import grpc, numpy as np
import tritonclient.grpc as tg, tritonclient.http as th
from tritonclient.grpc import service_pb2 as pb, service_pb2_grpc as stubs
from check import nereid, run, server
from test_serve import echo


def ask(s, path, method="GET", body=None, **headers):
    c = http.client.HTTPConnection("127.0.0.1", s.http, timeout=10)
    c.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
    r = c.getresponse()
    data = r.read()
    return r.status, json.loads(data).get("error") if data[:1] == b"{" else None, r


def call(f, *args, **kw):
    try:
        f(*args, **kw)
        return None, None
    except grpc.RpcError as e:
        return e.code(), e.details()


def stub(s):
    return stubs.GRPCInferenceServiceStub(grpc.insecure_channel(f"127.0.0.1:{s.grpc}"))


def infer(client, kind, model="m", **kw):
    x = np.ones((1, 2), np.float32)
    i = kind.InferInput("INPUT0", x.shape, "FP32")
    i.set_data_from_numpy(x)
    assert (client.infer(model, [i], **kw).as_numpy("OUTPUT0") == x).all()


def test_restricted_api_and_protocol(tmp):
    echo(tmp, "m")
    with server(tmp, "--http-restricted-api=model-config,health:admin-key=secret", "--http-restricted-api", "trace:t=1",
                "--grpc-restricted-protocol=inference,health:admin-key=secret") as s:
        no = 403, "This API is restricted, expecting header 'admin-key'"
        for path, method in (("/v2/health/live", "GET"), ("/v2/models/m/config", "GET"), ("/v2/models/m/config", "POST"), ("/v2/models/m/ready", "GET"),
                             ("/v2/models/nope/versions/1/config", "GET")):
            status, error, r = ask(s, path, method)
            assert (status, error) == no and r.getheader("Content-Type") == "text/plain", (path, status, error)
            assert ask(s, path, method, admin_key="Secret")[:2] == no
            assert ask(s, path, method, Admin_Key="secret")[0] not in (403, 401)
        assert ask(s, "/v2/models/m/config", "POST", admin_key="secret")[0] == 405
        assert ask(s, "/v2/nope")[0] == 404 and ask(s, "/v2/models/m")[0] == 200
        assert ask(s, "/v2/trace/setting")[1] == "This API is restricted, expecting header 't'"
        with th.InferenceServerClient(f"127.0.0.1:{s.http}") as c:
            infer(c, th)
            assert c.is_server_live(headers={"admin-key": "secret"}) and not c.is_server_live()
        g = stub(s)
        no = grpc.StatusCode.UNAVAILABLE, "This protocol is restricted, expecting header 'triton-grpc-protocol-admin-key'"
        good = [("triton-grpc-protocol-admin-key", "secret")]
        nope = pb.ModelInferRequest(model_name="nope")
        for metadata in (None, [("admin-key", "secret")], [("triton-grpc-protocol-admin-key", "no")]):
            assert call(g.ModelInfer, nope, metadata=metadata) == no
            assert call(g.ServerLive, pb.ServerLiveRequest(), metadata=metadata) == no
            assert call(lambda: list(g.ModelStreamInfer(iter([nope]), metadata=metadata))) == no
        assert call(g.ModelInfer, nope, metadata=good)[0] == grpc.StatusCode.NOT_FOUND
        assert call(g.ServerMetadata, pb.ServerMetadataRequest()) == (None, None)
        with tg.InferenceServerClient(f"127.0.0.1:{s.grpc}") as c:
            infer(c, tg, headers=dict(good))
            assert c.is_model_ready("m", headers=dict(good))


KEYS = """# keys of the test
everything
only-m models=m     # and what is said about it
watcher groups=health,statistics,metadata
* groups=health
"""


def test_api_keys(tmp):
    echo(tmp + "/models", "m")
    echo(tmp + "/models", "n")
    path = os.path.join(tmp, "keys")
    with open(path, "w") as f:
        f.write(KEYS)
    with server(tmp + "/models", "--api-keys", path) as s:
        assert ask(s, "/v2/health/ready")[0] == 200
        status, error, r = ask(s, "/v2/models/m")
        assert status == 401 and "an API key is needed" in error and r.getheader("WWW-Authenticate") == "Bearer"
        assert ask(s, "/v2/health/ready", x_api_key="nobody")[:2] == (401, "the API key is not valid")
        assert ask(s, "/v2/models/n", Authorization="Bearer everything")[0] == 200
        assert ask(s, "/v2/models/m", x_api_key="only-m")[0] == 200
        assert ask(s, "/v2/models/n", x_api_key="only-m")[:2] == (403, "the API key gives no access to metadata of model n")
        assert ask(s, "/v2/models/stats", x_api_key="only-m")[0] == 403 and ask(s, "/v2/models/m/stats", x_api_key="only-m")[0] == 200
        assert ask(s, "/v2/repository/m/index", "POST", x_api_key="only-m")[0] == 403
        assert ask(s, "/v2/repository/index", "POST", x_api_key="everything")[0] == 200
        assert ask(s, "/v2/models/stats", x_api_key="watcher")[0] == 200
        assert ask(s, "/v2/models/m/infer", "POST", "{}", x_api_key="watcher")[:2] == (403, "the API key gives no access to inference of model m")
        with th.InferenceServerClient(f"127.0.0.1:{s.http}") as c:
            infer(c, th, headers={"Authorization": "Bearer only-m"})

        g = stub(s)
        key = lambda k: [("authorization", "Bearer " + k)]
        assert call(g.ServerReady, pb.ServerReadyRequest()) == (None, None)
        assert call(g.ServerMetadata, pb.ServerMetadataRequest())[0] == grpc.StatusCode.UNAUTHENTICATED
        assert call(g.ModelMetadata, pb.ModelMetadataRequest(name="n"), metadata=key("only-m")) == (
            grpc.StatusCode.PERMISSION_DENIED, "the API key gives no access to metadata of model n")
        assert call(g.ModelMetadata, pb.ModelMetadataRequest(name="m"), metadata=[("x-api-key", "only-m")]) == (None, None)
        assert call(g.ModelStatistics, pb.ModelStatisticsRequest(), metadata=key("only-m"))[0] == grpc.StatusCode.PERMISSION_DENIED
        assert call(g.ModelStatistics, pb.ModelStatisticsRequest(), metadata=key("watcher")) == (None, None)
        with tg.InferenceServerClient(f"127.0.0.1:{s.grpc}") as c:
            infer(c, tg, headers={"authorization": "Bearer only-m"})
        # the name that counts is the one that is used, and what cannot be followed is refused
        raw = grpc.insecure_channel(f"127.0.0.1:{s.grpc}").unary_unary("/inference.GRPCInferenceService/ModelMetadata")
        assert call(raw, b"\x0a\x01m\x0a\x01n", metadata=key("only-m"))[0] == grpc.StatusCode.PERMISSION_DENIED
        assert call(raw, b"\x0a\x01n\x0a\x01m", metadata=key("only-m")) == (None, None)
        for junk in (b"\x0a\x05m", b"\xff" * 12, b"\x0a\x01m\x0b\x0a\x01n\x0c", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01m"):
            assert call(raw, junk, metadata=key("only-m"))[0] == grpc.StatusCode.INTERNAL, junk

        # another file: at the latest after a second; a bad one changes nothing
        for text, k in (("fresh\n", "fresh"), ("fresh\nother models\n", "fresh"), ("last\n", "last")):
            with open(path + ".new", "w") as f:
                f.write(text)
            os.replace(path + ".new", path)
            time.sleep(1.2)
            assert ask(s, "/v2/models/m", x_api_key=k)[0] == 200, text
        assert ask(s, "/v2/models/m", x_api_key="everything")[0] == 401
    assert "the API keys in use stay" in s.text and "line 2: a key may be followed by" in s.text


def test_options_are_checked(tmp):
    echo(tmp, "m")
    for args, text in ((["--http-restricted-api=x:y=z"], "unknown restricted api 'x'"),
                       (["--grpc-restricted-protocol=health:a=b", "--grpc-restricted-protocol=trace,health:c=d"],
                        "restricted protocol 'health' can not be specified in multiple config groups"),
                       (["--grpc-restricted-protocol=health"], "--grpc-restricted-protocol option format is '<config name>:<setting>=<value>'. Got health"),
                       (["--api-keys=/nowhere"], "--api-keys: ")):
        p = nereid("serve", "--model-repository", tmp, "--http-port=20304", "--grpc-port=20305", "--metrics-port=20306", *args, good=False)
        assert text in p.stderr, p.stderr


if __name__ == "__main__":
    run(globals())
