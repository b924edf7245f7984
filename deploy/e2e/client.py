#!/usr/bin/env python3
"""What the test in a cluster asks the server, with Triton's own client.

  client.py infer HOST HTTP_PORT GRPC_PORT            one request to each model over each protocol, and their agreement
  client.py load HOST HTTP_PORT GRPC_PORT MODEL CLIENTS [SECONDS] [--batch N]
        requests in a row over HTTP and gRPC, half of the clients each, until SIGTERM or for so long; then a line of JSON:
        how many were answered, which failed, the mean latency. Status 1 when one failed.
"""
import json, signal, sys, threading, time
import numpy as np
import tritonclient.grpc as grpc, tritonclient.http as http

SHAPES = {"mnist_mlp": [1, 28, 28], "resnet50": [3, 224, 224]}


def client(kind, host, ports):
    return (http if kind == "http" else grpc).InferenceServerClient(f"{host}:{ports[kind]}")


def ask(c, kind, model, x):
    m = http if kind == "http" else grpc
    i = m.InferInput("input", list(x.shape), "FP32")
    i.set_data_from_numpy(x)
    return c.infer(model, [i], outputs=[m.InferRequestedOutput("output")]).as_numpy("output")


def infer(host, ports):
    rand = np.random.default_rng(1)
    for model, shape in SHAPES.items():
        x = rand.random([2, *shape], np.float32)
        answers = []
        for kind in ports:
            c = client(kind, host, ports)
            assert c.is_server_live() and c.is_server_ready() and c.is_model_ready(model), f"{model} is not ready over {kind}"
            y = ask(c, kind, model, x)
            assert y.shape == (2, 10 if model == "mnist_mlp" else 1000) and np.isfinite(y).all(), y.shape
            answers.append(y)
            print(f"{model} over {kind}: classes {y.argmax(1).tolist()}")
        assert np.allclose(answers[0], answers[1], atol=1e-5), "HTTP and gRPC differ"


def load(host, ports, model, clients, seconds, batch):
    stop, failures, times, lock = threading.Event(), [], [], threading.Lock()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())

    def work(kind):
        x = np.full([batch, *SHAPES[model]], 0.5, np.float32)
        c = client(kind, host, ports)
        while not stop.is_set():
            begin = time.monotonic()
            try:
                ask(c, kind, model, x)
                with lock:
                    times.append(time.monotonic() - begin)
            except Exception as e:
                with lock:
                    failures.append(f"{time.strftime('%H:%M:%S')} {kind}: {type(e).__name__}: {e}")
                time.sleep(0.05)

    threads = [threading.Thread(target=work, args=("http" if i % 2 else "grpc",), daemon=True) for i in range(clients)]
    for t in threads:
        t.start()
    stop.wait(seconds)
    stop.set()
    for t in threads:
        t.join(60)
    print(json.dumps({"answered": len(times), "failed": len(failures), "mean_ms": round(1e3 * sum(times) / max(1, len(times)), 1),
                      "max_ms": round(1e3 * max(times, default=0), 1), "first_failures": failures[:5]}))
    return 1 if failures or not times else 0


def main(argv):
    batch = int(argv.pop(argv.index("--batch") + 1)) if "--batch" in argv else 1
    argv = [a for a in argv if a != "--batch"]
    if len(argv) < 4 or argv[0] not in ("infer", "load") or (argv[0] == "load" and len(argv) < 6):
        print(__doc__)
        return 2
    ports = {"http": argv[2], "grpc": argv[3]}
    if argv[0] == "infer":
        infer(argv[1], ports)
        return 0
    return load(argv[1], ports, argv[4], int(argv[5]), float(argv[6]) if len(argv) > 6 else None, batch)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
