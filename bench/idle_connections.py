#!/usr/bin/env python3
"""What idle connections cost: bench/idle_connections.py [--count 10000] [--nereid build/nereid]

Opens that many, half of them HTTP that had an answer, half gRPC that shook hands, and prints how much resident memory the server needs
for them, and the median of a request over one more connection before and with them. Status 1 when they cost over 100 MiB or the
median grew by over a quarter and 50 us. Needs a limit of open files above the count, here and in the server, which it asks for itself.
"""
import argparse, os, re, resource, socket, statistics, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "e2e"))
import check
from check import server
from test_grpc import echo

HTTP = b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n"
H2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])


def rss(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{pid}/status").read())[1]) * 1024


def median_us(port, n=2000):
    times = []
    with socket.create_connection(("127.0.0.1", port), 5) as c:
        c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(n):
            begin = time.perf_counter()
            c.sendall(HTTP)
            assert c.recv(4096).startswith(b"HTTP/1.1 200")
            times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1e6


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--count", type=int, default=10000)
    ap.add_argument("--nereid", default=check.NEREID)
    a = ap.parse_args()
    check.NEREID = a.nereid
    need = a.count + 200
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, need), max(hard, need)))
    except (ValueError, OSError):
        sys.exit(f"{need} open files are needed and the limit is {hard}: raise it (ulimit -Hn {need}, as root), or ask for fewer with --count")
    with tempfile.TemporaryDirectory() as tmp:
        echo(tmp, "m")
        with server(tmp) as s:
            median_us(s.http, 500)
            before, alone, open_ = rss(s.pid), median_us(s.http), []
            for i in range(a.count):
                # more than one address, as one has 28,000 ports towards another
                c = socket.create_connection(("127.0.0.1", s.grpc if i % 2 else s.http), 5, (f"127.0.0.{1 + i // 5000 % 200 + 1}", 0))
                c.sendall(H2 if i % 2 else HTTP)
                assert c.recv(4096)
                open_.append(c)
            time.sleep(2)                                                  # the server takes memory of idle ones back
            cost, beside = rss(s.pid) - before, median_us(s.http)
            for c in open_:
                c.close()
    print(f"{a.count} idle connections, half HTTP, half gRPC: {cost / 2**20:.1f} MiB, {cost / a.count / 1024:.2f} KiB each")
    print(f"median of a request: {alone:.1f} us without them, {beside:.1f} us with them")
    return cost > 100 << 20 or beside > 1.25 * alone + 50


if __name__ == "__main__":
    sys.exit(main())
