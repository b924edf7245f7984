#!/usr/bin/env python3
"""Clients that mean harm: slow, half-closed, oversized, ambiguous, flooding, exploding. Each limit is tried at its value and one past it, the
refusal is found in nereid_refused_total, and the server goes on answering in bounded memory. Limits that would take long or much are
tried on the build with small ones (make TINY=1), whose values are read from src/tables/limits.def."""
import contextlib, gzip, json, os, re, socket, struct, subprocess, time, urllib.request, zlib
import check
from check import ROOT, free_port, run, server
import numpy as np
from test_grpc import code_of, echo, request, stub

LIMITS = {m[1]: int(m[2]) for m in re.finditer(r"^X\((\w+),\s*\d+,\s*(\d+),", open(f"{ROOT}/src/tables/limits.def").read(), re.M)}
FULL = {m[1]: int(m[2]) for m in re.finditer(r"^X\((\w+),\s*(\d+),", open(f"{ROOT}/src/tables/limits.def").read(), re.M)}
MIB = 1 << 20


@contextlib.contextmanager
def small(models, *options):
    """A server with small limits."""
    subprocess.run(["make", "-s", "-C", ROOT, "TINY=1", "build/tiny/nereid"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    before, check.NEREID = check.NEREID, f"{ROOT}/build/tiny/nereid"
    try:
        with server(models, *options) as s:
            yield s
    finally:
        check.NEREID = before


def connect(port, timeout=10):
    c = socket.create_connection(("127.0.0.1", port), timeout)
    c.settimeout(timeout)
    return c


def send(c, data):
    with contextlib.suppress(ConnectionError):
        c.sendall(data)
        return True
    return False


def read_all(c):
    """What comes until the server closes; it must close in time."""
    out = b""
    with contextlib.suppress(ConnectionError):
        while got := c.recv(65536):
            out += got
    return out


def read_some(c):
    with contextlib.suppress(ConnectionError):
        return c.recv(65536)
    return b""


def http(port, data, timeout=10):
    with connect(port, timeout) as c:
        send(c, data)
        return read_some(c)


def status(answer):
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else 0


def refused(s, why):
    page = urllib.request.urlopen(f"http://127.0.0.1:{s.metrics}/metrics", timeout=5).read().decode()
    return int(re.search(r'nereid_refused_total\{reason="%s"\} (\d+)' % why, page)[1])


def rss(s):
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{s.pid}/status").read())[1]) * 1024


def fine(s):
    """The server still answers over both protocols."""
    x = np.ones((1, 2), np.float32)
    assert status(http(s.http, b"GET /v2/health/ready HTTP/1.1\r\nHost: x\r\n\r\n")) == 200
    assert stub(s).ModelInfer(request("m", x)).raw_output_contents[0] == x.tobytes()


@contextlib.contextmanager
def counted(s, why, at_least=1):
    before = refused(s, why)
    yield
    assert refused(s, why) >= before + at_least, (why, before, refused(s, why))


# ---- HTTP/1.1 ----

def post(body, *headers, length=None):
    return b"\r\n".join([b"POST /v2/models/m/infer HTTP/1.1", b"Host: x", b"Content-Length: %d" % (len(body) if length is None else length),
                         *headers, b"", b""]) + body


def test_head_of_a_request_at_its_limits(tmp):
    echo(tmp, "m")
    with server(tmp) as s:
        start, end = b"GET /v2/health/live HTTP/1.1\r\nX: ", b"\r\n\r\n"
        fill = FULL["HTTP_HEAD_BYTES"] - len(start + end)
        assert status(http(s.http, start + b"a" * fill + end)) == 200
        with counted(s, "head_too_large", 2):
            assert status(http(s.http, start + b"a" * (fill + 1) + end)) == 431
            assert status(http(s.http, b"GET /" + b"a" * (2 * fill))) == 431
        lines = b"GET /v2/health/live HTTP/1.1\r\n" + b"X: y\r\n" * FULL["HTTP_HEADERS"]
        assert status(http(s.http, lines + b"\r\n")) == 200
        with counted(s, "head_too_large"):
            assert status(http(s.http, lines + b"X: y\r\n\r\n")) == 431
        fine(s)


def test_bodies_at_their_limits(tmp):
    echo(tmp, "m")
    with small(tmp) as s:
        most = LIMITS["HTTP_BODY_MIB"] * MIB
        assert status(http(s.http, post(b" " * most))) in (400, 500)        # read, and found to be no JSON
        with counted(s, "body_too_large"):
            assert status(http(s.http, post(b"x", length=most + 1))) == 413
        chunk = b"4\r\nabcd\r\n"
        head = b"POST /v2/models/m/infer HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        assert status(http(s.http, head + chunk * LIMITS["HTTP_CHUNKS"] + b"0\r\n\r\n")) in (400, 500)
        with counted(s, "malformed"):
            assert status(http(s.http, head + chunk * (LIMITS["HTTP_CHUNKS"] + 1) + b"0\r\n\r\n")) == 400
        extension = b"4;" + b"x" * (LIMITS["HTTP_CHUNK_LINE"] - 1)
        assert status(http(s.http, head + extension + b"\r\nabcd\r\n0\r\n\r\n")) in (400, 500)
        with counted(s, "malformed"):
            assert status(http(s.http, head + extension + b"xxx\r\nabcd\r\n0\r\n\r\n")) == 400
        fine(s)


def test_requests_that_could_be_read_in_two_ways(tmp):
    echo(tmp, "m")
    hidden = b"GET /v2/models/m/ready HTTP/1.1\r\nHost: x\r\n\r\n"
    shapes = [
        b"Content-Length: 4\r\nTransfer-Encoding: chunked", b"Content-Length: 4\r\nContent-Length: 4", b"Content-Length: 4\r\nContent-Length: 5",
        b"Content-Length: 4,4", b"Content-Length: +4", b"Content-Length: 0x4", b"Content-Length: -4", b"Content-Length : 4", b"Content-Length: 4 4",
        b"Content-Length: 18446744073709551620", b"Transfer-Encoding: chunked, identity", b"Transfer-Encoding: xchunked", b"Transfer-Encoding: identity",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", b"Transfer-Encoding : chunked", b" Transfer-Encoding: chunked", b"X: a\r\n\tb", b"X: a\rb",
        b"X: a\0b", b"X\0: a", b"X: a\nTransfer-Encoding: chunked", b": a", b"X", b"Content-Length: ",
    ]
    chunks = [b"-1\r\n", b"0x4\r\nabcd\r\n", b" 4\r\nabcd\r\n", b"4 \r\nabcd\r\n", b"4\nabcd\r\n", b"4\r\nabcde\r\n", b"4\r\nabcd", b"ffffffffffffffffff\r\n", b"\r\n", b"4\r\nabcdX\r\n"]
    with server(tmp) as s:
        for shape in shapes:
            with connect(s.http) as c:
                send(c, b"POST /v2/models/m/infer HTTP/1.1\r\nHost: x\r\n" + shape + b"\r\n\r\n" + hidden)
                answer = read_all(c)
            assert status(answer) in (400, 501) and answer.count(b"HTTP/1.1 ") == 1, (shape, answer)
        for chunk in chunks:
            with connect(s.http) as c:
                send(c, b"POST /v2/models/m/infer HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + hidden)
                c.shutdown(socket.SHUT_WR)
                answer = read_all(c)
            assert status(answer) in (0, 400) and answer.count(b"HTTP/1.1 200") == 0, (chunk, answer)
        assert refused(s, "malformed") >= len(shapes) + len(chunks) - 3
        fine(s)


def test_clients_that_drip(tmp):
    echo(tmp, "m")
    with small(tmp) as s:
        head, body = connect(s.http, 30), connect(s.http, 30)
        grpc = connect(s.grpc, 30)
        send(head, b"GET /v2 HTT")
        send(body, post(b"{", length=100))
        send(grpc, PREFACE + SETTINGS + frame(1, 0, 1, b"\x82"))              # a header block that never ends
        begin = time.monotonic()
        before = refused(s, "timeout")
        while time.monotonic() - begin < LIMITS["HTTP_HEAD_SECONDS"] + 0.5:
            send(head, b"P")                                                # each byte in time, the whole never
            fine(s)
            time.sleep(0.2)
        assert b" 408 " in read_all(head) and b" 408 " in read_all(body)
        read_all(grpc)
        took = time.monotonic() - begin
        assert took < LIMITS["HTTP_BODY_SECONDS"] + 4, took
        assert refused(s, "timeout") >= before + 2
        fine(s)


def test_clients_that_go_in_the_middle(tmp):
    echo(tmp, "m")
    with server(tmp) as s:
        whole = post(b'{"inputs":[{"name":"INPUT0","shape":[1,2],"datatype":"FP32","data":[1,2]}]}')
        for n in range(0, len(whole), 7):
            with connect(s.http) as c:
                send(c, whole[:n])
                c.shutdown(socket.SHUT_WR)
                assert b"HTTP/1.1 200" not in read_all(c)
        with connect(s.http) as c:                                          # a whole request may be answered to who only listens
            send(c, whole)
            c.shutdown(socket.SHUT_WR)
            read_all(c)
        for n in (0, 5, 24, 30, 33, 40):
            with connect(s.grpc) as c:
                send(c, (PREFACE + SETTINGS + call(1))[:n])
                c.shutdown(socket.SHUT_WR)
                read_all(c)
        for _ in range(50):
            c = connect(s.http)
            send(c, whole)
            c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            c.close()                                                       # RST
        fine(s)


def test_idle_connections_cost_little(tmp):
    echo(tmp, "m")
    with server(tmp) as s:
        fine(s)
        before, open_ = rss(s), []
        for i in range(250):
            h, g = connect(s.http), connect(s.grpc)
            send(h, b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            send(g, PREFACE + SETTINGS)
            assert status(read_some(h)) == 200 and read_some(g)
            open_ += [h, g]
        each = (rss(s) - before) / len(open_)
        assert each < 100 * MIB / 10000, each
        fine(s)
        for c in open_:
            c.close()


def test_connections_over_the_limit(tmp):
    echo(tmp, "m")
    with small(tmp, "--http-thread-count=1") as s:
        most, open_ = LIMITS["HTTP_CONNECTIONS"], []
        with counted(s, "connections"):
            for _ in range(most + 8):
                open_.append(connect(s.http))
            closed = 0
            for c in open_:
                c.settimeout(0.2)
                send(c, b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n")
                with contextlib.suppress(TimeoutError):
                    closed += status(read_some(c)) == 0
            assert closed == 8, closed
        for c in open_:
            c.close()
        time.sleep(0.2)
        fine(s)


# ---- HTTP/2 ----

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


SETTINGS = frame(4, 0, 0)


def literal(name, value):
    """A header without Huffman code, not to be kept."""
    text = lambda s: (bytes([len(s)]) if len(s) < 127 else b"\x7f" + varint(len(s) - 127)) + s
    return b"\0" + text(name) + text(value)


def varint(n):
    out = b""
    while n >= 128:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def call(stream, *more, path=b"/inference.GRPCInferenceService/ServerLive", flags=4):
    block = b"".join(literal(*h) for h in ((b":method", b"POST"), (b":scheme", b"http"), (b":path", path), (b":authority", b"x"),
                                             (b"content-type", b"application/grpc"), (b"te", b"trailers"), *more))
    return frame(1, flags, stream, block)


def message(stream, data, flags=1, compressed=0):
    return frame(0, flags, stream, bytes([compressed]) + struct.pack(">I", len(data)) + data)


# name: (the reason that counts it, or None where it costs nothing but its bytes, and what is sent)
FLOODS = {
    "rapid resets": ("flood", b"".join(call(2 * i + 1) + frame(3, 0, 2 * i + 1, struct.pack(">I", 8)) for i in range(6000))),
    "settings": ("flood", SETTINGS * 20000),
    "pings": ("flood", frame(6, 0, 0, bytes(8)) * 20000),
    "priorities": ("flood", call(1) + frame(2, 0, 1, bytes(5)) * 20000),
    "empty data": ("flood", call(1) + frame(0, 0, 1) * 20000),
    "continuations": ("malformed", call(1, flags=0) + frame(9, 0, 1, literal(b"a", b"b")) * 40000),
    "window updates": (None, call(1) + frame(8, 0, 1, struct.pack(">I", 1)) * 40000),
    "unknown frames": (None, frame(0xbe, 0, 0) * 40000),
}


def test_floods_end_their_connection(tmp):
    echo(tmp, "m")
    with server(tmp) as s:
        fine(s)
        before = rss(s)
        for name, (why, flood) in FLOODS.items():
            count = lambda: refused(s, "flood") + refused(s, "malformed") if why == "malformed" else refused(s, why)
            had = count() if why else 0
            with connect(s.grpc, 20) as c:
                went = send(c, PREFACE + SETTINGS + flood)
                if why:
                    read_all(c)                                            # it is closed, or this times out
                    assert count() > had, name
                else:
                    assert went and read_some(c), name
            fine(s)
        # never faster than the limit of a second, but for long: the library's own limit ends it, and is counted too
        resets, had = FLOODS["rapid resets"][1], refused(s, "flood")
        with connect(s.grpc, 20) as c:
            send(c, PREFACE + SETTINGS)
            for part in range(4):
                time.sleep(1.1 if part else 0)
                send(c, resets[len(resets) // 6000 * 500 * part:][:len(resets) // 6000 * 500])
            read_all(c)
            assert refused(s, "flood") == had + 1
        fine(s)
        assert rss(s) - before < 16 * MIB, rss(s) - before


def test_windows_are_no_weapon(tmp):
    echo(tmp, "m")
    with server(tmp) as s:
        fine(s)
        before = rss(s)
        # the sum of a window passes 2^31 - 1: the connection, or the stream, is ended
        for at in (0, 1):
            with connect(s.grpc) as c:
                send(c, PREFACE + SETTINGS + call(1, path=b"/inference.GRPCInferenceService/ModelInfer") + frame(8, 0, at, struct.pack(">I", 0x7fffffff)) * 2)
                c.settimeout(3)
                got = read_some(c)
                with contextlib.suppress(TimeoutError):
                    got += read_some(c)
                kinds = frames(got)
                assert (7 if at == 0 else 3) in kinds, kinds
        # a client that opens no window: its answers wait, and no more of its calls than streams are allowed
        x = np.zeros((1, 4096), np.float32)
        body = request("m", x).SerializeToString()
        with connect(s.grpc) as c:
            send(c, PREFACE + frame(4, 0, 0, struct.pack(">HI", 4, 0)))     # INITIAL_WINDOW_SIZE 0
            for i in range(200):
                if not send(c, call(2 * i + 1, path=b"/inference.GRPCInferenceService/ModelInfer") + b"".join(
                        message_frames(2 * i + 1, body))):
                    break
            fine(s)
            assert rss(s) - before < 64 * MIB, rss(s) - before
        fine(s)


def message_frames(stream, body):
    data = b"\0" + struct.pack(">I", len(body)) + body
    for i in range(0, len(data), 16384):
        yield frame(0, 1 if i + 16384 >= len(data) else 0, stream, data[i:i + 16384])


def test_many_header_blocks_in_a_row_are_no_flood(tmp):
    """Reads that all end within a header block, as those of a busy client do."""
    echo(tmp, "m")
    many = [call(2 * i + 1, (b"a", b"x" * 4000)) + message(2 * i + 1, b"") for i in range(90)]
    with server(tmp) as s, connect(s.grpc, 20) as c:
        assert send(c, PREFACE + SETTINGS + b"".join(many))
        ends, data = 0, b""
        while ends < len(many):
            got = c.recv(65536)
            assert got, (ends, frames(data))
            data += got
            ends, at = 0, 0
            while len(data) - at >= 9:
                ends += data[at + 3] == 1 and data[at + 4] & 1
                at += 9 + int.from_bytes(data[at:at + 3], "big")
        assert 7 not in frames(data) and not refused(s, "flood") and not refused(s, "malformed")


def frames(data):
    kinds = []
    while len(data) >= 9:
        n = int.from_bytes(data[:3], "big")
        kinds.append(data[3])
        data = data[9 + n:]
    return kinds


def test_header_lists_that_explode(tmp):
    echo(tmp, "m")
    with server(tmp) as s:
        fine(s)
        before = rss(s)
        # one large header, kept in the table, then named again and again: little on the wire, much when written out
        big = b"\x40" + b"\x01a" + b"\x7f" + varint(3900 - 127) + b"b" * 3900
        for n in (4, 4000):
            with connect(s.grpc) as c:
                block = big + b"\xbe" * n
                send(c, PREFACE + SETTINGS + frame(1, 4, 1, block))
                c.settimeout(5)
                read_some(c)
        assert rss(s) - before < 16 * MIB
        fine(s)


# ---- what grows when it is unpacked, and what nests ----

def test_bombs(tmp):
    echo(tmp, "m")
    with small(tmp, f"--http-max-input-size={MIB}") as s:
        most = MIB
        fine(s)
        before = rss(s)
        for coding, pack in ((b"gzip", gzip.compress), (b"deflate", zlib.compress)):
            answer = http(s.http, post(pack(b" " * most), b"Content-Encoding: " + coding))
            assert status(answer) in (400, 500) and b"limit" not in answer, answer
            answer = http(s.http, post(pack(b" " * (most + 1)), b"Content-Encoding: " + coding))
            assert status(answer) in (400, 413) and b"limit" in answer, answer
        nested = gzip.compress(gzip.compress(b"\0" * 50 * MIB))
        assert status(http(s.http, post(nested, b"Content-Encoding: gzip"))) in (400, 413, 500)
        # over gRPC: a message that says it is packed
        with connect(s.grpc) as c:
            data = gzip.compress(b"\0" * 8 * LIMITS["UNPACKED_MIB"] * MIB)
            send(c, PREFACE + SETTINGS + call(1, (b"grpc-encoding", b"gzip"), path=b"/inference.GRPCInferenceService/ModelInfer") + message(1, data, compressed=1))
            c.settimeout(5)
            assert read_some(c)
        assert rss(s) - before < 64 * MIB, rss(s) - before
        fine(s)


def test_what_nests_too_deep(tmp):
    echo(tmp, "m")
    with server(tmp) as s:
        deep = lambda n: b'{"x":' + b"[" * (n - 1) + b"]" * (n - 1) + b',"inputs":[{"name":"INPUT0","shape":[1,2],"datatype":"FP32","data":[1,2]}]}'
        assert status(http(s.http, post(deep(FULL["JSON_DEPTH"])))) == 200
        answer = http(s.http, post(deep(FULL["JSON_DEPTH"] + 1)))
        assert status(answer) == 500 and b"nesting depth" in answer          # Triton's status and words
        assert status(http(s.http, post(b"[" * 1000000))) == 500
        # groups within groups, which protobuf must skip as unknown fields
        for n, want in ((LIMITS["PB_DEPTH"] // 2, "INVALID_ARGUMENT"), (200000, "INVALID_ARGUMENT")):
            with connect(s.grpc) as c:
                body = b"\xfb\x01" * n + b"\xfc\x01" * n
                send(c, PREFACE + SETTINGS + call(1, path=b"/inference.GRPCInferenceService/ModelInfer") + b"".join(message_frames(1, body)))
                c.settimeout(5)
                assert read_some(c), want
        fine(s)


def test_messages_at_their_limit(tmp):
    echo(tmp, "m")
    with small(tmp) as s:
        most = LIMITS["GRPC_MESSAGE_MIB"] * MIB
        for n, close in ((most, False), (most + 1, True)):
            with connect(s.grpc) as c:
                before = refused(s, "body_too_large")
                send(c, PREFACE + SETTINGS + call(1, path=b"/inference.GRPCInferenceService/ModelInfer") + frame(0, 0, 1, b"\0" + struct.pack(">I", n)))
                time.sleep(0.3)
                assert (refused(s, "body_too_large") > before) == close, n
        fine(s)


if __name__ == "__main__":
    run(globals())
