#!/usr/bin/env python3
"""The whole way from pixels to an answer, as `./dev demo` runs it.

  demo.py [--check] [--dir demo] [--nereid build/nereid] [--digits 1000] [--http-port 8000] [--grpc-port 8001] [--metrics-port 8002]

Prepares both models with the program (fetch, train, export, compile, lay out), starts the server, asks it over HTTP through the official client
for the class of test digits and for one batch of images, and prints what came of it. With --check it then stops the server and its
exit status tells whether everything was right; without, the server stays up until Ctrl-C.
"""
import argparse, os, signal, subprocess, sys, time, urllib.request
import numpy as np
import tritonclient.http as http


def fail(text):
    sys.exit("demo: " + text)


def wait_ready(server, base, seconds):
    """Seconds until /v2/health/ready said 200."""
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        if server.poll() is not None:
            fail(f"the server ended with status {server.returncode}; its lines are above")
        try:
            if urllib.request.urlopen(base + "/v2/health/ready", timeout=1).status == 200:
                return time.perf_counter() - start
        except OSError:
            time.sleep(0.005)
    fail(f"the server was not ready within {seconds} s")


def ask(client, model, x):
    """(output array, seconds) of one request."""
    tensor = http.InferInput("input", list(x.shape), "FP32")
    tensor.set_data_from_numpy(x)
    start = time.perf_counter()
    reply = client.infer(model, [tensor], outputs=[http.InferRequestedOutput("output")])
    return reply.as_numpy("output"), time.perf_counter() - start


def digits(client, data, count):
    x = np.fromfile(os.path.join(data, "t10k-images-idx3-ubyte"), np.uint8, offset=16, count=count * 784)
    y = np.fromfile(os.path.join(data, "t10k-labels-idx1-ubyte"), np.uint8, offset=8, count=count)
    x = (x.reshape(-1, 1, 28, 28) / np.float32(255)).astype(np.float32)
    times, right = [], 0
    for image, label in zip(x, y):
        logits, seconds = ask(client, "mnist_mlp", image[None])
        times.append(seconds)
        right += int(logits[0].argmax()) == label
    times.sort()
    print(f"mnist_mlp   {count} digits one by one: {100 * right / count:.1f} % right, median {times[len(times) // 2] * 1e6:.0f} us, "
          f"99th percentile {times[len(times) * 99 // 100] * 1e6:.0f} us a request")
    return right / count


def images(client, batch):
    x = np.random.default_rng(0).standard_normal((batch, 3, 224, 224)).astype(np.float32)
    logits, seconds = ask(client, "resnet50", x)
    one, _ = ask(client, "resnet50", x[:1])
    if logits.shape != (batch, 1000) or not np.isfinite(logits).all():
        fail(f"resnet50 answered with shape {logits.shape}, or with numbers that are not finite")
    if not np.allclose(logits[:1], one, rtol=1e-3, atol=1e-3):
        fail("resnet50 gives another answer for an image alone than in a batch")
    print(f"resnet50    one batch of {batch} images: {seconds * 1e3:.0f} ms, classes {logits.argmax(1).tolist()}")


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--check", action="store_true")
    ap.add_argument("--dir", default="demo")
    ap.add_argument("--nereid", default="build/nereid")
    ap.add_argument("--digits", type=int, default=1000)
    ap.add_argument("--http-port", type=int, default=8000)
    ap.add_argument("--metrics-port", type=int, default=8002)
    a = ap.parse_args()

    subprocess.run([a.nereid, "prepare", a.dir], check=True)
    models = os.path.join(a.dir, "models")
    server = subprocess.Popen([a.nereid, "serve", "--model-repository", models, "--http-port", str(a.http_port),
                               "--metrics-port", str(a.metrics_port)])
    try:
        base = f"http://127.0.0.1:{a.http_port}"
        ready = wait_ready(server, base, 30)
        client = http.InferenceServerClient(f"127.0.0.1:{a.http_port}")
        right = digits(client, os.path.join(a.dir, "data", "mnist"), a.digits)
        images(client, 8)
        page = urllib.request.urlopen(f"http://127.0.0.1:{a.metrics_port}/metrics").read().decode()
        seen = [line for line in page.splitlines() if line.startswith('nv_inference_request_success{model="mnist_mlp"')]
        if not seen or float(seen[0].split()[-1]) < a.digits:
            fail(f"the metrics page does not count the {a.digits} requests: {seen}")
        client.close()
        print(f"HTTP on {base}, metrics on http://127.0.0.1:{a.metrics_port}/metrics, ready {ready * 1e3:.0f} ms after start")
        if right < 0.94:
            fail(f"only {100 * right:.1f} % of the digits were right; 94 % is what one epoch gives")
        if not a.check:
            print("The server stays up; Ctrl-C stops it.")
            server.wait()
    except KeyboardInterrupt:
        pass
    finally:
        if server.poll() is None:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(35)
            except subprocess.TimeoutExpired:
                server.kill()
                fail("the server did not stop within 35 s of SIGTERM")
    if server.returncode:
        fail(f"the server ended with status {server.returncode}")
    print("demo: all right")


if __name__ == "__main__":
    main()
