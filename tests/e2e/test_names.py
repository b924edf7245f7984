#!/usr/bin/env python3
"""The program by other programs' names: trtexec with a tutorial's command lines, and tritonserver; as links and as first arguments."""
import contextlib, json, os, re, subprocess, time, urllib.request
from check import NEREID, free_port, nereid, run
from test_program import make_mnist

TRTEXEC = os.path.join(os.path.dirname(NEREID), "trtexec")
TRITON = os.path.join(os.path.dirname(NEREID), "tritonserver")


def trtexec(*args, good=True, program=(TRTEXEC,), **kw):
    p = subprocess.run([*program, *args], capture_output=True, text=True, timeout=120, **kw)
    assert good == (p.returncode == 0), p.stdout + p.stderr
    first, last = p.stdout.splitlines()[0], p.stdout.splitlines()[-1]
    assert first.startswith("&&&& RUNNING TensorRT.trtexec ["), first
    assert last.startswith(f"&&&& {'PASSED' if good else 'FAILED'} TensorRT.trtexec ["), last
    assert args[0] in first and args[0] in last
    return p


def mnist(tmp):
    make_mnist(f"{tmp}/data", 500)
    nereid("train", "mnist", "--data", f"{tmp}/data", "--output", f"{tmp}/m.safetensors")
    nereid("export", "mnist", "--weights", f"{tmp}/m.safetensors", "-o", f"{tmp}/mnist_mlp.onnx")


def resnet(tmp):
    nereid("export", "resnet50", "--weights", "random:1", "-o", f"{tmp}/resnet50.onnx")


SHORT = ("--duration=0.2", "--warmUp=20")


def test_the_tutorial_builds_mnist(tmp):
    mnist(tmp)
    p = trtexec("--onnx=mnist_mlp.onnx", "--saveEngine=mnist_mlp.plan", "--minShapes=input:1x1x28x28", "--optShapes=input:8x1x28x28",
                "--maxShapes=input:32x1x28x28", "--fp16", "--workspace=1024", *SHORT, cwd=tmp)
    assert "--workspace has no effect here: " in p.stdout
    assert re.search(r"precisions allowed: fp32 fp16", p.stdout)
    assert re.search(r"layer +fc1 +Gemm +\w+ +fp32 ", p.stdout), p.stdout
    assert re.search(r"\[I\] Throughput: [\d.e+]+ qps", p.stdout)
    time_re = r"[\d.e-]+ ms"
    assert re.search(rf"\[I\] Latency: min = {time_re}, max = {time_re}, mean = {time_re}, median = {time_re}, percentile\(90%\) = {time_re}, "
                     rf"percentile\(95%\) = {time_re}, percentile\(99%\) = {time_re}\n", p.stdout), p.stdout
    ms = {k: float(v) for k, v in re.findall(r"([a-z]+(?:\(\d+%\))?) = ([\d.e-]+) ms", next(x for x in p.stdout.splitlines() if "Latency: min" in x))}
    assert ms["min"] <= ms["median"] <= ms["percentile(90%)"] <= ms["percentile(95%)"] <= ms["percentile(99%)"] <= ms["max"] and ms["min"] <= ms["mean"]
    assert re.search(r"\[I\] Total Host Walltime: [\d.]+ s", p.stdout)
    assert os.path.getsize(f"{tmp}/mnist_mlp.plan") > 400000
    nereid("inspect", f"{tmp}/mnist_mlp.plan")


def test_the_tutorial_builds_resnet50(tmp):
    resnet(tmp)
    p = trtexec("--onnx=resnet50.onnx", "--saveEngine=resnet50.plan", "--minShapes=input:1x3x224x224", "--optShapes=input:8x3x224x224",
                "--maxShapes=input:16x3x224x224", "--fp16", "--memPoolSize=workspace:4096", "--buildOnly", "--builderOptimizationLevel=0", cwd=tmp)
    assert "Skipped inference phase" in p.stdout and "Throughput" not in p.stdout
    layers = re.findall(r"layer +\S+ +\S+ +\S+ +(fp\d+|bf16|int8) ", p.stdout)
    assert len(layers) >= 53, p.stdout


def test_a_plan_is_measured(tmp):
    mnist(tmp)
    trtexec("--onnx=mnist_mlp.onnx", "--saveEngine=m.plan", "--skipInference", cwd=tmp)
    p = trtexec("--loadEngine=m.plan", "--shapes=input:8x1x28x28", "--iterations=50", "--avgRuns=5", "--useCudaGraph", "--streams=2", "--verbose",
                "--percentile=50,99.9", "--exportTimes=times.json", "--dumpProfile", "--exportProfile=layers.json", *SHORT, cwd=tmp)
    assert "percentile(99.9%)" in p.stdout and "Average on 5 runs" in p.stdout and "2 streams" in p.stdout
    times = json.load(open(f"{tmp}/times.json"))
    assert len(times) >= 100 and all(abs(t["endComputeMs"] - t["startComputeMs"] - t["computeMs"]) < 1e-3 for t in times)
    layers = json.load(open(f"{tmp}/layers.json"))
    assert layers[0] == {"count": 50} and {"fc1", "fc2"} <= {x["name"] for x in layers[1:]}
    assert abs(sum(x["percentage"] for x in layers[1:]) - 100) < 0.1


def test_without_saving_nothing_is_left(tmp):
    mnist(tmp)
    os.mkdir(f"{tmp}/t")
    trtexec("--onnx=mnist_mlp.onnx", *SHORT, cwd=tmp, env=dict(os.environ, TMPDIR=f"{tmp}/t"))
    assert os.listdir(f"{tmp}/t") == []
    p = trtexec("--onnx=mnist_mlp.onnx", cwd=tmp, good=False, env=dict(os.environ, TMPDIR="/nowhere"))
    assert "--saveEngine" in p.stderr and "TMPDIR" in p.stderr


def test_as_a_first_argument(tmp):
    mnist(tmp)
    trtexec("--onnx=mnist_mlp.onnx", "--saveEngine=m.plan", "--skipInference", program=(NEREID, "trtexec"), cwd=tmp)
    assert "--saveEngine" in subprocess.run([NEREID, "trtexec", "--help"], capture_output=True, text=True).stdout


def test_what_is_wrong_is_said(tmp):
    mnist(tmp)
    for args, text in ((("--onnx=mnist_mlp.onnx", "--optimise"), "there is no option --optimise"),
                       (("--onnx=no.onnx", "--buildOnly"), "no.onnx"),
                       (("--onnx=mnist_mlp.onnx", "--shapes=x:1x784"), "'x'"),
                       (("--onnx=mnist_mlp.onnx", "--shapes=input:1x784"), "input"),
                       (("--onnx=mnist_mlp.onnx", "--saveEngine=/nowhere/m.plan"), "/nowhere")):
        p = trtexec(*args, good=False, cwd=tmp)
        assert text in p.stderr, p.stderr


def test_tritonserver(tmp):
    mnist(tmp)
    os.makedirs(f"{tmp}/models/mnist_mlp/1")
    os.rename(f"{tmp}/mnist_mlp.onnx", f"{tmp}/models/mnist_mlp/1/model.onnx")
    for program in ((TRITON,), (NEREID, "tritonserver")):
        http, grpc, metrics = free_port(), free_port(), free_port()
        p = subprocess.Popen([*program, f"--model-repository={tmp}/models", f"--http-port={http}", f"--grpc-port={grpc}", f"--metrics-port={metrics}"],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            for _ in range(500):
                with contextlib.suppress(OSError):
                    if urllib.request.urlopen(f"http://127.0.0.1:{http}/v2/health/ready", timeout=2).status == 200:
                        break
                time.sleep(0.02)
            model = json.load(urllib.request.urlopen(f"http://127.0.0.1:{http}/v2/models/mnist_mlp", timeout=2))
            assert model["inputs"][0]["name"] == "input"
        finally:
            p.terminate()
            p.communicate(timeout=40)
        assert p.returncode == 0


if __name__ == "__main__":
    run(globals())
