#!/usr/bin/env python3
"""nereid doctor with programs and libraries of the test's own: clusters that are good, without GPUs, out of reach or mad, ports taken,
models that load and do not, a false NVIDIA driver; the form of its JSON and its exit status."""
import json, os, shutil, socket, subprocess, time
from check import NEREID, ROOT, free_port, nereid, run

STATES = ("ok", "warn", "missing", "fail")
CHECKS = ("cpu", "cores", "memory", "shm", "ports", "cache", "repository", "driver", "cuda", "gpus", "toolkit", "containers", "minikube",
          "kubectl", "helm", "cluster", "nodes", "cluster-gpus", "device-plugin")
KUBE = "kubectl,cluster,nodes,cluster-gpus,device-plugin"


def program(tmp, name, script):
    os.makedirs(f"{tmp}/bin", exist_ok=True)
    with open(f"{tmp}/bin/{name}", "w") as f:
        f.write("#!/bin/sh\n" + script)
    os.chmod(f"{tmp}/bin/{name}", 0o755)


def ports():
    return [f"--{n}-port={free_port()}" for n in ("http", "grpc", "metrics")]


def doctor(tmp, *args, status=0, path=None, **env):
    """The findings by check. PATH has only the test's programs, so that no tool of the machine is asked."""
    os.makedirs(f"{tmp}/bin", exist_ok=True)
    env = {**os.environ, "PATH": path or f"{tmp}/bin", "NEREID_CACHE": f"{tmp}/cache", **env}
    p = subprocess.run([NEREID, "doctor", "--json", *args], capture_output=True, text=True, timeout=60, env=env)
    assert p.returncode == status, (p.returncode, p.stdout, p.stderr)
    assert p.stderr == "", p.stderr
    found = {}
    for row in json.loads(p.stdout):
        assert set(row) == {"check", "status", "needed", "text", "advice"}, row
        assert row["check"] in CHECKS and row["status"] in STATES and isinstance(row["needed"], bool), row
        assert row["text"] and (row["status"] == "ok") == (row["advice"] == ""), row
        found.setdefault(row["check"], []).append(row)
    lack = any(r["needed"] and r["status"] in ("missing", "fail") for rows in found.values() for r in rows)
    assert lack == (status == 1), (status, found)
    return found


def node(name, ready=True, gpus=None):
    allocatable = {"cpu": "8", **({"nvidia.com/gpu": str(gpus)} if gpus is not None else {})}
    return {"metadata": {"name": name}, "spec": {}, "status": {
        "allocatable": allocatable, "conditions": [{"type": "Ready", "status": "True" if ready else "False"}]}}


def plugin(ready, wanted):
    return {"metadata": {"name": "nvidia-device-plugin-daemonset", "namespace": "kube-system"},
            "spec": {"template": {"spec": {"containers": [{"image": "nvcr.io/nvidia/k8s-device-plugin:v0.16.1"}]}}},
            "status": {"desiredNumberScheduled": wanted, "numberReady": ready}}


def cluster(tmp, nodes, sets):
    answers = {"client": {"clientVersion": {"gitVersion": "v1.31.2"}}, "sets": {"items": sets}, "nodes": {"items": nodes},
               "server": {"clientVersion": {"gitVersion": "v1.31.2"}, "serverVersion": {"gitVersion": "v1.32.4"}}}
    for name, value in answers.items():
        with open(f"{tmp}/{name}.json", "w") as f:
            json.dump(value, f, indent=1)
    cat = shutil.which("cat")
    program(tmp, "kubectl", f"""case "$*" in
    "version --client --output=json") exec {cat} {tmp}/client.json ;;
    "version --output=json --request-timeout="*ms) exec {cat} {tmp}/server.json ;;
    "get nodes --output=json --request-timeout="*ms) exec {cat} {tmp}/nodes.json ;;
    "get daemonsets --all-namespaces --output=json --request-timeout="*ms) exec {cat} {tmp}/sets.json ;;
    esac
    echo "error: unknown command $*" >&2; exit 1
    """)


def test_a_good_cluster_with_gpus(tmp):
    cluster(tmp, [node("a", gpus=2), node("b", gpus=1)], [plugin(2, 2)])
    found = doctor(tmp, "--only", KUBE)
    assert {k: [r["status"] for r in v] for k, v in found.items()} == {k: ["ok"] for k in KUBE.split(",")}
    assert "v1.31.2" in found["kubectl"][0]["text"] and "v1.32.4" in found["cluster"][0]["text"]
    assert "3 nvidia.com/gpu on 2 Ready nodes" in found["cluster-gpus"][0]["text"]
    assert "kube-system/nvidia-device-plugin-daemonset is ready on 2 nodes" in found["device-plugin"][0]["text"]


def test_what_is_wanted_decides(tmp):
    cluster(tmp, [node("a")], [])
    program(tmp, "buildah", "echo buildah version 1.28.2\n")
    found = doctor(tmp, "--for=kubernetes", *ports())
    assert set(found) == set(CHECKS) - {"repository"}
    assert found["nodes"][0]["text"] == "1 node is Ready"
    for check in ("cluster-gpus", "device-plugin", "helm", "minikube", "toolkit"):
        assert found[check][0]["status"] == "missing" and not found[check][0]["needed"], found[check]
    found = doctor(tmp, "--for=kubernetes,gpu", *ports(), status=1)
    assert found["cluster-gpus"][0]["needed"] and found["device-plugin"][0]["needed"]
    os.remove(f"{tmp}/bin/buildah")
    assert doctor(tmp, "--for=kubernetes", *ports(), status=1)["containers"][0]["status"] == "missing"
    assert not doctor(tmp, *ports())["containers"][0]["needed"]
    assert doctor(tmp, "--only=helm", status=1)["helm"][0]["needed"]


def test_nodes_and_plugins_that_are_not_ready(tmp):
    cluster(tmp, [node("a"), node("sick", ready=False, gpus=4)], [plugin(0, 1)])
    found = doctor(tmp, "--only", KUBE, status=1)
    assert found["nodes"][0]["status"] == "warn" and "not sick" in found["nodes"][0]["text"]
    assert found["cluster-gpus"][0]["status"] == "missing"
    assert found["device-plugin"][0]["status"] == "fail" and "0 of 1" in found["device-plugin"][0]["text"]
    cluster(tmp, [node("sick", ready=False)], [])
    assert doctor(tmp, "--only=nodes", status=1)["nodes"][0]["text"] == "none of 1 nodes is Ready: sick"


def test_a_cluster_that_hangs(tmp):
    program(tmp, "kubectl", f'[ "$2" = --client ] && echo \'{{"clientVersion":{{"gitVersion":"v1.31.2"}}}}\' && exit 0\n'
            f"{shutil.which('sleep')} 100 &\n{shutil.which('sleep')} 100\n")
    begin = time.monotonic()
    found = doctor(tmp, "--only", KUBE, "--timeout=0.5", status=1)
    assert time.monotonic() - begin < 5
    assert "kubectl did not end within 0.5 s" in found["cluster"][0]["text"], found["cluster"]
    assert found["kubectl"][0]["status"] == "ok" and "not known" in found["nodes"][0]["text"]


def test_a_cluster_that_refuses(tmp):
    program(tmp, "kubectl", """[ "$2" = --client ] && echo '{"clientVersion":{"gitVersion":"v1.31.2"}}' && exit 0
    echo 'E1126 13:08:10.123456   77 memcache.go:265] "Unhandled Error"' >&2
    echo 'The connection to the server 10.0.0.1:6443 was refused' >&2; exit 1
    """)
    found = doctor(tmp, "--only", KUBE, status=1)
    assert found["cluster"][0]["text"] == "no cluster answers kubectl: The connection to the server 10.0.0.1:6443 was refused"


def test_programs_that_talk_junk(tmp):
    for junk in ("echo '<html>'", "printf '\\001\\377\\033[2J'", "echo '{\"items\":'", "echo '[]'", "echo '{\"items\":[1,{},[]]}'", "exit 0",
                 "kill -9 $$", f"exec {shutil.which('cat')} /dev/zero"):
        for name in ("kubectl", "helm", "docker", "minikube", "nvidia-ctk"):
            program(tmp, name, junk + "\n")
        found = doctor(tmp, "--only", KUBE + ",helm,containers,minikube,toolkit", status=1)
        assert found["cluster"][0]["status"] == "fail", (junk, found["cluster"])
        assert found["containers"][0]["status"] == "fail", (junk, found["containers"])
        for rows in found.values():
            assert all(c >= " " for c in rows[0]["text"]), rows


def test_ports_that_are_taken(tmp):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        args = ("--only=ports", f"--grpc-port={port}", f"--http-port={free_port()}", f"--metrics-port={free_port()}")
        http, grpc, metrics = doctor(tmp, *args, status=1)["ports"]
        assert http["status"] == metrics["status"] == "ok", (http, metrics)
        assert grpc["status"] == "fail" and f"port {port} for gRPC is held by " in grpc["text"]
        assert f"(process {os.getpid()})" in grpc["text"] and "--grpc-port" in grpc["advice"], grpc
    doctor(tmp, *args)


def test_models(tmp):
    nereid("export", "resnet50", "--weights", "random:1", "-o", f"{tmp}/r.onnx")
    os.makedirs(f"{tmp}/models/good/1")
    os.rename(f"{tmp}/r.onnx", f"{tmp}/models/good/1/model.onnx")
    args = ("--only=repository", "--model-repository", f"{tmp}/models")
    assert doctor(tmp, *args)["repository"][0]["text"] == "model good loads, 1 version"
    os.makedirs(f"{tmp}/models/bad/1")
    with open(f"{tmp}/models/bad/1/model.plan", "w") as f:
        f.write("not a plan")
    bad, good = doctor(tmp, *args, status=1)["repository"]
    assert bad["status"] == "fail" and bad["text"].startswith("model bad does not load: version 1: "), bad
    assert good["status"] == "ok"
    assert doctor(tmp, *args[:1], "--model-repository", f"{tmp}/none", status=1)["repository"][0]["status"] == "missing"


def library(tmp, name, source, *flags):
    os.makedirs(f"{tmp}/lib", exist_ok=True)
    subprocess.run(["gcc", "-shared", "-fPIC", "-w", *flags, "-o", f"{tmp}/lib/{name}", source], check=True)


def test_a_false_driver(tmp):
    with open(f"{tmp}/cuda.c", "w") as f:
        f.write("int cuDriverGetVersion(int *v) { *v = 12040; return 0; }\n")
    fake = os.path.join(ROOT, "tests/fixtures/fake_nvml.c")
    library(tmp, "libcuda.so.1", f"{tmp}/cuda.c")
    library(tmp, "libnvidia-ml.so.1", fake)
    at = {"LD_LIBRARY_PATH": f"{tmp}/lib"}
    found = doctor(tmp, "--only=cuda,gpus", **at)
    assert "runs CUDA up to 12.4" in found["cuda"][0]["text"]
    texts = [r["text"] for r in found["gpus"]]
    assert texts[0] == "NVIDIA's driver 550.54.15 (CUDA up to 12.4) sees 2 GPUs", texts
    assert texts[2] == "GPU 1 is Fake GPU 1 with 80 GiB of memory, 19 GiB of it in use, compute capability 9.0", texts
    found = doctor(tmp, "--only=gpus", status=1, FAKE_NVML_FAIL="nvmlInit_v2=9", **at)
    assert "no GPU can be asked" in found["gpus"][0]["text"] and "Driver Not Loaded" in found["gpus"][0]["text"], found
    library(tmp, "libnvidia-ml.so.1", fake, "-DFAKE_GPUS=0")
    assert "sees no GPU" in doctor(tmp, "--only=gpus", status=1, **at)["gpus"][0]["text"]
    with open(f"{tmp}/cuda.c", "w") as f:
        f.write("int other(void) { return 0; }\n")
    library(tmp, "libcuda.so.1", f"{tmp}/cuda.c")
    assert "no cuDriverGetVersion" in doctor(tmp, "--only=cuda", status=1, **at)["cuda"][0]["text"]


def test_text_for_people(tmp):
    p = nereid("doctor", "--only=cpu,cores", "--timeout=2")
    assert p.stdout.endswith("\nOf the checks that were named, all that is needed is there; 0 warnings.\n") or "warning" in p.stdout
    assert p.stdout.startswith(("ok       cpu ", "warn     cpu ")), p.stdout
    program(tmp, "none", "")
    p = subprocess.run([NEREID, "doctor", "--for=kubernetes", *ports()], capture_output=True, text=True, env={"PATH": f"{tmp}/bin"})
    assert p.returncode == 1 and "missing  kubectl" in p.stdout and "-> install it: " in p.stdout, p.stdout
    assert "For kubernetes: " in p.stdout.splitlines()[-1]
    assert "doctor" in nereid("--help").stdout and "--model-repository" in nereid("doctor", "--help").stdout


def test_usage(tmp):
    for args, words in ((["--for=tpu"], "cpu, gpu and kubernetes"), (["--only=x"], "there is no check 'x'; there are cpu, "),
                        (["--only=repository"], "--model-repository"), (["--timeout=0"], "--timeout 0"), (["--http-port=0"], "--http-port 0"),
                        (["--http-port=8001"], "the same port"), (["x"], "no argument"), (["--bad"], "there is no option --bad")):
        p = subprocess.run([NEREID, "doctor", *args], capture_output=True, text=True, timeout=20)
        assert p.returncode == 2 and words in p.stderr and not p.stdout, (args, p)


if __name__ == "__main__":
    run(globals())
