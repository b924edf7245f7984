#!/usr/bin/env python3
"""Time one epoch of the tutorial's training: `nereid train mnist` against the same loop in numpy, on one thread.

  bench/train_mnist.py [--data DIR] [--runs 5] [--nereid build/nereid]

Both train 784-128-ReLU-10 with cross-entropy and Adam 1e-3 on shuffled batches of 64 and are timed over the loop alone (reading the
files and the test are outside). The two take turns; the ratio is numpy's median over nereid's, and over 1 means that nereid is faster.
"""
import os

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"                       # before numpy is loaded
import argparse, json, platform, statistics, subprocess, tempfile, time
import numpy as np


def images(path):
    return np.fromfile(path, np.uint8, offset=16).reshape(-1, 784)


def labels(path):
    return np.fromfile(path, np.uint8, offset=8)


def train(x, y, seed, batch=64, hidden=128, rate=1e-3):
    """The loop in numpy; returns (seconds, parameters)."""
    rng = np.random.default_rng(seed)
    uniform = lambda shape, n: rng.uniform(-1 / n ** 0.5, 1 / n ** 0.5, shape).astype(np.float32)
    p = [uniform((hidden, 784), 784), uniform(hidden, 784), uniform((10, hidden), hidden), uniform(10, hidden)]
    m, v = [np.zeros_like(a) for a in p], [np.zeros_like(a) for a in p]
    start, t = time.perf_counter(), 0
    order = rng.permutation(len(x))
    for i in range(0, len(x), batch):
        rows = order[i:i + batch]
        a, label = x[rows].astype(np.float32) / np.float32(255), y[rows]
        h = np.maximum(a @ p[0].T + p[1], 0)
        z = h @ p[2].T + p[3]
        z = np.exp(z - z.max(1, keepdims=True))
        d = z / z.sum(1, keepdims=True)
        d[np.arange(len(d)), label] -= 1
        d /= np.float32(len(d))
        dh = (d @ p[2]) * (h > 0)
        t += 1
        step = np.float32(rate * (1 - 0.999 ** t) ** 0.5 / (1 - 0.9 ** t))
        for k, g in enumerate((dh.T @ a, dh.sum(0), d.T @ h, d.sum(0))):
            m[k] += np.float32(0.1) * (g - m[k])
            v[k] += np.float32(0.001) * (g * g - v[k])
            p[k] -= step * m[k] / (np.sqrt(v[k]) + np.float32(1e-8))
    return time.perf_counter() - start, p


def accuracy(p, x, y):
    h = np.maximum((x / np.float32(255)) @ p[0].T + p[1], 0)
    return float(((h @ p[2].T + p[3]).argmax(1) == y).mean())


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--data", default="data/mnist")
    ap.add_argument("--runs", type=int, default=5)
    ap.add_argument("--nereid", default="build/nereid")
    a = ap.parse_args()
    f = lambda name: os.path.join(a.data, name)
    x, y = images(f("train-images-idx3-ubyte")), labels(f("train-labels-idx1-ubyte"))
    tx, ty = images(f("t10k-images-idx3-ubyte")), labels(f("t10k-labels-idx1-ubyte"))
    ours, theirs, ours_right, theirs_right = [], [], [], []
    with tempfile.TemporaryDirectory() as tmp:
        for run in range(a.runs):
            out = subprocess.run([a.nereid, "train", "mnist", "--data", a.data, "--threads", "1", "--seed", str(run), "--json",
                                  "--output", os.path.join(tmp, "mnist.safetensors")], check=True, capture_output=True, text=True)
            report = json.loads(out.stdout.strip().splitlines()[-1])
            ours.append(report["train_seconds"])
            ours_right.append(report["accuracy"])
            seconds, p = train(x, y, run)
            theirs.append(seconds)
            theirs_right.append(accuracy(p, tx, ty))
    print(f"{platform.processor() or platform.machine()}, 1 thread, {a.runs} interleaved runs of one epoch")
    for name, s, r in (("nereid", ours, ours_right), ("numpy", theirs, theirs_right)):
        print(f"{name:7s} min {min(s):.3f} s  median {statistics.median(s):.3f} s  max {max(s):.3f} s  accuracy {min(r):.4f}..{max(r):.4f}")
    print(f"ratio numpy / nereid: {statistics.median(theirs) / statistics.median(ours):.2f}")


if __name__ == "__main__":
    main()
