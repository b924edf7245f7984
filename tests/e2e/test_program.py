#!/usr/bin/env python3
"""The words of the program against outside judges: training on made-up digits, exports and plans against ONNX Runtime, damaged files, bad options."""
import json, os, struct
import numpy as np, onnxruntime as ort
from check import nereid, run


def make_mnist(folder, n=2000):
    """Files of MNIST's form with made-up, learnable images: class k has a bright square at place k."""
    os.makedirs(folder, exist_ok=True)
    rng = np.random.default_rng(0)
    for part, count in (("train", n), ("t10k", 500)):
        y = rng.integers(0, 10, count).astype(np.uint8)
        x = rng.integers(0, 60, (count, 28, 28)).astype(np.uint8)
        for image, k in zip(x, y):
            image[2 + k // 5 * 12:10 + k // 5 * 12, 1 + k % 5 * 5:6 + k % 5 * 5] += 180
        open(f"{folder}/{part}-images-idx3-ubyte", "wb").write(struct.pack(">IIII", 0x803, count, 28, 28) + x.tobytes())
        open(f"{folder}/{part}-labels-idx1-ubyte", "wb").write(struct.pack(">II", 0x801, count) + y.tobytes())


def train(tmp, *options):
    make_mnist(f"{tmp}/data")
    out = nereid("train", "mnist", "--data", f"{tmp}/data", "--output", f"{tmp}/m.safetensors", "--json", *options).stdout
    return json.loads(out.splitlines()[-1])


def same(a, b):
    assert a.shape == b.shape and np.all(np.abs(a - b) <= 1e-4 + 1e-4 * np.abs(b)), np.abs(a - b).max()


def infer(model, x, tmp, *options, **kw):
    np.save(f"{tmp}/x.npy", x)
    nereid("infer", model, "--input", f"{tmp}/x.npy", "--output-dir", f"{tmp}/out", *options, **kw)
    return np.load(f"{tmp}/out/output.npy")


def test_training_learns_and_is_reproducible(tmp):
    first = train(tmp, "--epochs", 5, "--threads", 1)
    weights = open(f"{tmp}/m.safetensors", "rb").read()
    again = train(tmp, "--epochs", 5, "--threads", 2)
    assert first["accuracy"] > 0.97 and again["accuracy"] == first["accuracy"]
    assert weights == open(f"{tmp}/m.safetensors", "rb").read()


def test_mnist_agrees_with_onnx_runtime(tmp):
    train(tmp)
    nereid("export", "mnist", "--weights", f"{tmp}/m.safetensors", "-o", f"{tmp}/m.onnx")
    nereid("compile", f"{tmp}/m.onnx", "-o", f"{tmp}/m.plan", "--max-shapes", "input:8x1x28x28")
    session = ort.InferenceSession(f"{tmp}/m.onnx")
    for batch in (1, 3, 8, 16):
        x = np.random.default_rng(batch).random((batch, 1, 28, 28), np.float32)
        want = session.run(None, {"input": x})[0]
        for model in ("m.onnx", "m.plan"):
            for mask in ("c", "avx2", "avx512"):
                env = dict(os.environ, NEREID_CPU_MASK=mask, NEREID_CACHE=f"{tmp}/cache")
                same(infer(f"{tmp}/{model}", x, tmp, "--threads", 1 + batch % 2, env=env), want)


def test_resnet50_agrees_with_onnx_runtime(tmp):
    nereid("export", "resnet50", "--weights", "random:1", "-o", f"{tmp}/r.onnx")
    nereid("compile", f"{tmp}/r.onnx", "-o", f"{tmp}/r.plan", "--no-tune", "--max-shapes", "input:16x3x224x224")
    session = ort.InferenceSession(f"{tmp}/r.onnx")
    for batch in (1, 3, 8, 16):
        x = np.random.default_rng(batch).standard_normal((batch, 3, 224, 224), np.float32)
        want = session.run(None, {"input": x})[0]
        for mask in ("c", "avx2", "avx512"):
            env = dict(os.environ, NEREID_CPU_MASK=mask, NEREID_CACHE=f"{tmp}/cache")
            for threads in (1, 2):
                same(infer(f"{tmp}/r.plan", x, tmp, "--threads", threads, env=env), want)


def test_a_plan_of_another_machine_is_compiled_once_and_cached(tmp):
    train(tmp)
    nereid("export", "mnist", "--weights", f"{tmp}/m.safetensors", "-o", f"{tmp}/m.onnx")
    env = dict(os.environ, NEREID_CPU_MASK="c", NEREID_CACHE=f"{tmp}/cache")
    nereid("compile", f"{tmp}/m.onnx", "-o", f"{tmp}/m.plan", env=env)
    env["NEREID_CPU_MASK"] = "avx2"
    x = np.ones((2, 1, 28, 28), np.float32)
    first = infer(f"{tmp}/m.plan", x, tmp, env=env)
    assert len(os.listdir(f"{tmp}/cache")) == 1
    assert np.array_equal(first, infer(f"{tmp}/m.plan", x, tmp, env=env))


def test_damaged_files_are_refused_with_a_sentence(tmp):
    train(tmp)
    nereid("export", "mnist", "--weights", f"{tmp}/m.safetensors", "-o", f"{tmp}/m.onnx")
    nereid("compile", f"{tmp}/m.onnx", "-o", f"{tmp}/m.plan")
    for name in ("m.onnx", "m.plan", "m.safetensors"):
        data = open(f"{tmp}/{name}", "rb").read()
        for what, bad in (("cut", data[:len(data) // 2]), ("empty", b""), ("flipped", data[:40] + bytes([data[40] ^ 255]) + data[41:])):
            path = f"{tmp}/bad-{what}-{name}"
            open(path, "wb").write(bad)
            p = (nereid("export", "mnist", "--weights", path, "-o", f"{tmp}/x.onnx", good=False) if name.endswith("safetensors")
                 else nereid("inspect", path, good=False))
            assert path in p.stderr and p.returncode == 1, p.stderr
    open(f"{tmp}/trt.plan", "wb").write(b"ftrt" + bytes(100))
    assert "nereid compile" in nereid("inspect", f"{tmp}/trt.plan", good=False).stderr
    data = open(f"{tmp}/data/train-images-idx3-ubyte", "rb").read()
    open(f"{tmp}/data/train-images-idx3-ubyte", "wb").write(data[:-1])
    assert "train-images" in nereid("train", "mnist", "--data", f"{tmp}/data", good=False).stderr


def test_bad_arguments_are_named(tmp):
    for args, text in ((["train", "cats"], "cats"), (["train", "mnist", "--epochs", "x"], "--epochs x"), (["fly"], "fly"),
                       (["bench", "--plan", f"{tmp}/none"], "none"), (["compile"], "MODEL.onnx"), (["serve"], "--model-repository"),
                       (["train", "mnist", "--no-such"], "no-such"), (["export", "resnet50"], "--weights"),
                       (["compile", "x.onnx", "--min-shapes", "input=1"], "input:1x3x224x224")):
        p = nereid(*args, good=False)
        assert text in p.stderr, (args, p.stderr)


def test_inspect_shows_layers(tmp):
    nereid("export", "resnet50", "--weights", "random:0", "-o", f"{tmp}/r.onnx")
    doc = json.loads(nereid("inspect", f"{tmp}/r.onnx", "--json").stdout)
    assert doc["inputs"][0]["shape"] == [-1, 3, 224, 224] and sum(x["op"] == "Conv" for x in doc["layers"]) == 53
    assert 7.5e9 < sum(x["flops"] for x in doc["layers"]) < 8.5e9
    assert nereid("inspect", f"{tmp}/r.onnx", "--dot").stdout.startswith("digraph")


if __name__ == "__main__":
    run(globals())
