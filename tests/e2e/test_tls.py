#!/usr/bin/env python3
"""TLS and mutual TLS on HTTP and gRPC with the clients that people have, and certificates that change while the server runs."""
import http.client, os, socket, ssl, subprocess, time
import grpc, numpy as np
import tritonclient.grpc as tg, tritonclient.http as th
from check import nereid, run, server
from test_serve import echo


def certificate(tmp, name, by=None):
    """NAME.pem and NAME.key, signed by that name or by itself."""
    path = lambda n, kind: os.path.join(tmp, f"{n}.{kind}")
    args = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}",
            "-keyout", path(name, "key"), "-out", path(name, "pem")]
    if by:
        args += ["-CA", path(by, "pem"), "-CAkey", path(by, "key"), "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                 "-addext", "basicConstraints=critical,CA:FALSE"]
    subprocess.run(args, check=True, capture_output=True)
    return path(name, "pem"), path(name, "key")


def options(protocol, cert, key, root=None):
    o = [f"--{protocol}-use-ssl=true", f"--{protocol}-server-cert={cert}", f"--{protocol}-server-key={key}"]
    return o + [f"--{protocol}-use-ssl-mutual=1", f"--{protocol}-root-cert={root}"] if root else o


def infer(client, kind):
    x = np.arange(300000, dtype=np.float32).reshape(2, -1)
    i = kind.InferInput("INPUT0", x.shape, "FP32")
    i.set_data_from_numpy(x)
    assert (client.infer("m", [i]).as_numpy("OUTPUT0") == x).all()


def test_clients_speak_tls(tmp):
    echo(tmp + "/models", "m")
    root, _ = certificate(tmp, "root")
    cert, key = certificate(tmp, "server", "root")
    with server(tmp + "/models", *options("http", cert, key), *options("grpc", cert, key)) as s:
        with th.InferenceServerClient(f"localhost:{s.http}", ssl=True, ssl_context_factory=lambda: ssl.create_default_context(cafile=root)) as c:
            assert c.is_server_ready()
            infer(c, th)
        with tg.InferenceServerClient(f"localhost:{s.grpc}", ssl=True, root_certificates=root) as c:
            assert c.is_server_ready()
            infer(c, tg)
        # without TLS there is nothing to be had
        plain = http.client.HTTPConnection("127.0.0.1", s.http, timeout=5)
        try:
            plain.request("GET", "/v2/health/live")
            plain.getresponse()
            raise AssertionError("plain HTTP was answered")
        except (http.client.HTTPException, ConnectionError):
            pass
        context = ssl.create_default_context(cafile=root)
        context.set_alpn_protocols(["h2"])
        with context.wrap_socket(socket.create_connection(("127.0.0.1", s.grpc)), server_hostname="localhost") as c:
            assert c.selected_alpn_protocol() == "h2" and c.version() == "TLSv1.3"
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["h2", "http/1.1"])
        with context.wrap_socket(socket.create_connection(("127.0.0.1", s.http)), server_hostname="localhost") as c:
            assert c.selected_alpn_protocol() == "http/1.1" and c.version() == "TLSv1.2"


def test_mutual_tls_wants_a_certificate(tmp):
    echo(tmp + "/models", "m")
    root, _ = certificate(tmp, "root")
    cert, key = certificate(tmp, "server", "root")
    own, own_key = certificate(tmp, "client", "root")
    with server(tmp + "/models", *options("http", cert, key, root), *options("grpc", cert, key, root)) as s:
        def context(own_cert):
            x = ssl.create_default_context(cafile=root)
            if own_cert:
                x.load_cert_chain(own, own_key)
            return x
        with th.InferenceServerClient(f"localhost:{s.http}", ssl=True, ssl_context_factory=lambda: context(True)) as c:
            infer(c, th)
        with tg.InferenceServerClient(f"localhost:{s.grpc}", ssl=True, root_certificates=root, private_key=own_key, certificate_chain=own) as c:
            infer(c, tg)
        c = http.client.HTTPSConnection("localhost", s.http, context=context(False), timeout=5)
        try:
            c.request("GET", "/v2/health/live")
            c.getresponse()
            raise AssertionError("a client without certificate was answered")
        except (ssl.SSLError, http.client.HTTPException, ConnectionError):
            pass
        with tg.InferenceServerClient(f"localhost:{s.grpc}", ssl=True, root_certificates=root) as c:
            try:
                c.is_server_ready(client_timeout=3)
                raise AssertionError("a client without certificate was answered")
            except tg.InferenceServerException:
                pass


def test_a_changed_certificate_is_used_without_a_restart(tmp):
    echo(tmp + "/models", "m")
    root, _ = certificate(tmp, "root")
    cert, key = certificate(tmp, "server", "root")
    context = ssl.create_default_context(cafile=root)

    def shown(s):
        with context.wrap_socket(socket.create_connection(("127.0.0.1", s.http)), server_hostname="localhost") as c:
            return dict(x[0] for x in c.getpeercert()["subject"])["commonName"]
    with server(tmp + "/models", *options("http", cert, key)) as s:
        kept = http.client.HTTPSConnection("localhost", s.http, context=context)
        kept.request("GET", "/v2/health/live")
        assert kept.getresponse().read() == b"" and shown(s) == "server"
        with open(cert, "w") as f:
            f.write("not a certificate")
        time.sleep(2.2)
        assert shown(s) == "server"
        for a, b in zip(certificate(tmp, "fresh", "root"), (cert, key)):
            os.replace(a, b)
        for _ in range(100):
            if shown(s) == "fresh":
                break
            time.sleep(0.1)
        assert shown(s) == "fresh"
        kept.request("GET", "/v2/health/live")
        assert kept.getresponse().status == 200
    assert "the TLS certificate in use stays: cannot load the TLS certificate" in s.text, s.text


def test_options_are_checked(tmp):
    echo(tmp + "/models", "m")
    for args, text in ((["--http-use-ssl=1"], "--http-use-ssl needs --http-server-cert and --http-server-key"),
                       (["--grpc-use-ssl-mutual=1", "--grpc-server-cert=a", "--grpc-server-key=b"], "--grpc-use-ssl-mutual needs --grpc-root-cert"),
                       (["--grpc-use-ssl=1", "--grpc-server-cert=/nowhere", "--grpc-server-key=b"],
                        "gRPC: cannot load the TLS certificate '/nowhere': No such file")):
        p = nereid("serve", "--model-repository", tmp + "/models", "--http-port=20301", "--grpc-port=20302", "--metrics-port=20303", *args, good=False)
        assert text in p.stderr, p.stderr


if __name__ == "__main__":
    run(globals())
