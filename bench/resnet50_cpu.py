#!/usr/bin/env python3
"""ResNet50 fp32 on the CPU: `nereid bench` against ONNX Runtime on the same ONNX file, in turns.

  bench/resnet50_cpu.py --onnx FILE --plan FILE [--batch 1 8] [--threads 1 2] [--rounds 5] [--seconds 2] [--openvino]

Each round runs one, then the other, on the same batch size and thread count; the figure of a round is its median time of a run. Printed are the
median over rounds in ms, images a second, and the ratio peer / nereid (over 1: nereid is faster) of each round, as min, median and max.
"""
import argparse, json, statistics, subprocess, time
import numpy as np


def onnxruntime(path, batch, threads):
    import onnxruntime as ort
    o = ort.SessionOptions()
    o.intra_op_num_threads, o.inter_op_num_threads = threads, 1
    s = ort.InferenceSession(path, o, providers=["CPUExecutionProvider"])
    feed = {s.get_inputs()[0].name: np.random.default_rng(0).standard_normal((batch, 3, 224, 224), np.float32)}
    return "onnxruntime " + ort.__version__, lambda: s.run(None, feed)


def openvino(path, batch, threads):
    import openvino as ov
    core = ov.Core()
    model = core.read_model(path)
    model.reshape({0: [batch, 3, 224, 224]})
    c = core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32", "NUM_STREAMS": 1})
    x = np.random.default_rng(0).standard_normal((batch, 3, 224, 224), np.float32)
    r = c.create_infer_request()
    return "openvino " + ov.__version__.split("-")[0], lambda: r.infer({0: x})


def timed(run, seconds):
    """Median seconds of a run, over at least `seconds` and three runs."""
    run()
    times, start = [], time.perf_counter()
    while len(times) < 3 or time.perf_counter() - start < seconds:
        t = time.perf_counter()
        run()
        times.append(time.perf_counter() - t)
    return statistics.median(times)


def nereid(a, batch, threads):
    out = subprocess.run([a.nereid, "bench", "--plan", a.plan, "--batch", str(batch), "--threads", str(threads), "--seconds", str(a.seconds),
                          "--json"], check=True, capture_output=True, text=True)
    return json.loads(out.stdout.strip().splitlines()[-1])["p50_ms"] / 1e3


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--onnx", required=True)
    ap.add_argument("--plan", required=True)
    ap.add_argument("--nereid", default="build/nereid")
    ap.add_argument("--batch", type=int, nargs="*", default=[1, 8])
    ap.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    ap.add_argument("--rounds", type=int, default=5)
    ap.add_argument("--seconds", type=float, default=2)
    ap.add_argument("--openvino", action="store_true")
    a = ap.parse_args()
    for batch in a.batch:
        for threads in a.threads:
            peers = [make(a.onnx, batch, threads) for make in [onnxruntime] + ([openvino] if a.openvino else [])]
            ours, theirs = [], {name: [] for name, _ in peers}
            for _ in range(a.rounds):
                ours.append(nereid(a, batch, threads))
                for name, run in peers:
                    theirs[name].append(timed(run, a.seconds))
            med = statistics.median(ours)
            print(f"batch {batch} threads {threads}: nereid {med * 1e3:.1f} ms, {batch / med:.1f} images/s")
            for name, times in theirs.items():
                ratio = [t / o for t, o in zip(times, ours)]
                print(f"  {name}: {statistics.median(times) * 1e3:.1f} ms; ratio min {min(ratio):.2f} median {statistics.median(ratio):.2f} max {max(ratio):.2f}", flush=True)


if __name__ == "__main__":
    main()
