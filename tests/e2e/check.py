"""What the end-to-end tests share: running the program, a server on free ports, and counting checks."""
import contextlib, os, signal, socket, subprocess, sys, tempfile, time, traceback, urllib.request

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
NEREID = os.environ.get("NEREID", os.path.join(ROOT, "build", "nereid"))


def nereid(*args, good=True, **kw):
    """Runs the program; returns the finished process. `good`: whether it must succeed."""
    p = subprocess.run([NEREID, *map(str, args)], capture_output=True, text=True, timeout=120, **kw)
    if good != (p.returncode == 0):
        raise AssertionError(f"nereid {' '.join(map(str, args))}: status {p.returncode}\n{p.stdout}{p.stderr}")
    return p


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def server(models, *options, status=0):
    """A server on `models`; gives it with .http and .metrics as ports, and checks that it drains and ends with `status`."""
    p, m, g = free_port(), free_port(), free_port()
    proc = subprocess.Popen([NEREID, "serve", "--model-repository", models, "--http-address", "127.0.0.1", "--http-port", str(p),
                             "--metrics-port", str(m), "--grpc-port", str(g), *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    proc.http, proc.metrics, proc.grpc = p, m, g
    for _ in range(2000):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", m), 1).close()
            break
        if proc.poll() is not None:
            raise AssertionError("the server ended: " + proc.stdout.read())
        time.sleep(0.01)
    try:
        yield proc
    finally:
        if proc.poll() is None:
            proc.send_signal(signal.SIGTERM)
        proc.text, _ = proc.communicate(timeout=40)
    if proc.returncode != status:
        raise AssertionError(f"the server ended with status {proc.returncode}: {proc.text}")


def run(tests):
    """Runs every function whose name begins with test_ and prints 'N passed, N failed'; the exit status tells too."""
    passed = failed = 0
    for name, fn in list(tests.items()):
        if not name.startswith("test_") or not callable(fn):
            continue
        try:
            with tempfile.TemporaryDirectory() as tmp:
                fn(tmp)
            passed += 1
        except Exception:
            failed += 1
            print(f"FAILED {name}")
            traceback.print_exc(file=sys.stdout)
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed != 0)
