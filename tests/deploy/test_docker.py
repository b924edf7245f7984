#!/usr/bin/env python3
"""deploy/docker without a container engine: what its Dockerfiles say, what the context holds, what the image's file system is and does."""
import fnmatch, json, os, re, shutil, stat, subprocess, sys, time, urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
from check import NEREID, ROOT, free_port, nereid, run
from test_program import make_mnist
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

DOCKER = os.path.join(ROOT, "deploy", "docker")
ROOTFS = os.path.join(DOCKER, "rootfs.sh")
BUILD = os.path.join(DOCKER, "build.sh")
# What every builder knows, docker without BuildKit and buildah included.
KNOWN = {"ARG", "FROM", "RUN", "COPY", "LABEL", "ENV", "USER", "EXPOSE", "STOPSIGNAL", "CMD"}


def read(path):
    with open(os.path.join(ROOT, path)) as f:
        return f.read()


def instructions(name):
    """(instruction, rest) of each line of a Dockerfile, continued lines joined."""
    text = re.sub(r"^\s*#.*\n", "", read(f"deploy/docker/{name}"), flags=re.M).replace("\\\n", " ")
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]


def test_every_builder_understands_the_dockerfiles(tmp):
    for name in "Dockerfile", "Dockerfile.models":
        assert not re.search(r"^# *(syntax|escape)=|<<|--mount|--link", read(f"deploy/docker/{name}"), re.M), "needs BuildKit"
        stages = set()
        for word, rest in instructions(name):
            assert word in KNOWN, f"{name}: {word}"
            if word == "FROM" and " AS " in rest:
                stages.add(rest.split(" AS ")[1])
            source = re.match(r"--from=(\S+)", rest)
            assert not source or source[1] in stages, f"{name}: no stage {source and source[1]}"
            assert word != "CMD" or isinstance(json.loads(rest), list), "a shell is needed for " + rest


def test_the_image_has_a_user_and_ports(tmp):
    said = instructions("Dockerfile")
    last = max(i for i, (w, _) in enumerate(said) if w == "FROM")
    final = said[last:]
    assert final[0] == ("FROM", "scratch")
    assert not any(w == "RUN" for w, _ in final), "there is no shell to run it"
    user = dict(final)["USER"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user), "Kubernetes can tell a user that is not root by number only"
    values = read("deploy/helm/nereid/values.yaml")
    assert re.search(rf"runAsUser: {user.split(':')[0]}\b", values) and re.search(rf"runAsGroup: {user.split(':')[1]}\b", values)
    assert dict(final)["EXPOSE"].split() == ["8000", "8001", "8002"]
    assert json.loads(dict(final)["CMD"]) == ["tritonserver", "--model-repository=/models"]
    assert 'licenses="Apache-2.0"' in dict(final)["LABEL"]
    version = re.search(r'#define NRD_VERSION "([^"]+)"', read("include/nereid/nereid.h"))[1]
    for name in "Dockerfile", "Dockerfile.models":
        named = re.findall(r"(?:nereid:|VERSION=)(\d+\.\d+\.\d+)", " ".join(f"{w} {r}" for w, r in instructions(name)))
        assert named and set(named) == {version}, (name, named)


def test_the_image_is_built_with_the_packages_of_dev(tmp):
    packages = next(r for w, r in instructions("Dockerfile") if w == "RUN").split("--no-install-recommends")[1].split()
    setup = re.search(r"^setup_build\(\) \{(.*?)^\}", read("dev"), re.M | re.S)[1]
    needed = {line.split()[-1] for line in setup.splitlines() if line.strip().startswith("need ")}
    assert set(packages) == needed | {"ca-certificates"}, set(packages) ^ needed


def ignored(path, patterns):
    """As Docker reads .dockerignore: a pattern names a file or a folder from the root, the last that fits decides."""
    out = False
    for p in patterns:
        keep = p.startswith("!")
        parts = path.split("/")
        if any(fnmatch.fnmatchcase("/".join(parts[:i]), p.lstrip("!")) for i in range(1, len(parts) + 1)):
            out = not keep
    return out


def test_the_context_is_what_the_build_needs(tmp):
    patterns = [x for x in read(".dockerignore").split("\n") if x and not x.startswith("#")]
    files = subprocess.run(["git", "-C", ROOT, "ls-files"], capture_output=True, text=True).stdout.split()
    if not files:                                                       # a tree without git: an archive of a release
        files = [os.path.relpath(os.path.join(d, f), ROOT) for d, _, names in os.walk(ROOT) for f in names]
    sent = [f for f in files if not ignored(f, patterns)]
    assert "Makefile" in sent and "deploy/docker/rootfs.sh" in sent
    assert not [f for f in sent if f.startswith(("docs/", "build/", ".git/", "deploy/helm/"))]
    for f in sent:
        os.makedirs(os.path.dirname(f"{tmp}/{f}"), exist_ok=True)
        shutil.copy2(os.path.join(ROOT, f), f"{tmp}/{f}")
    # every source that a rule names is there, and whatever those include
    plan = subprocess.run(["make", "-C", tmp, "-n"], capture_output=True, text=True)
    assert plan.returncode == 0 and "src/" in plan.stdout, plan.stderr
    include = re.compile(r'^#include "([^"]+)"', re.M)
    for f in sent:
        if f.startswith("src/") and f.endswith((".c", ".h")):
            with open(f"{tmp}/{f}") as source:
                for name in include.findall(source.read()):
                    here = [f"{tmp}/{d}/{name}" for d in ("src", "include", os.path.dirname(f))]
                    assert any(map(os.path.exists, here)) or name.startswith("build/"), f"{f} includes {name}"


def rootfs(tmp, **env):
    subprocess.run([ROOTFS, NEREID, f"{tmp}/rootfs"], check=True, capture_output=True, env={**os.environ, **env})
    return f"{tmp}/rootfs"


def test_the_file_system_holds_the_program_and_no_more(tmp):
    root = rootfs(tmp)
    programs, wide = [], []
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            s = os.lstat(path)
            if stat.S_ISLNK(s.st_mode):
                inside = os.path.join(root, os.readlink(path).lstrip("/")) if os.readlink(path).startswith("/") else os.path.realpath(path)
                assert os.path.exists(inside), f"{path} leads nowhere"
                continue
            assert not s.st_mode & (stat.S_ISUID | stat.S_ISGID), f"{path} changes its user"
            if s.st_mode & 0o022:
                wide.append(path)
            if s.st_mode & 0o111 and ".so" not in name:
                programs.append(os.path.relpath(path, root))
    assert programs == ["usr/local/bin/nereid"], programs
    assert not wide, f"others may write {wide}"
    for name in "tritonserver", "trtexec":
        assert os.readlink(f"{root}/usr/local/bin/{name}") == "nereid"
    assert re.search(r"^nereid:x:65532:65532:", open(f"{root}/etc/passwd").read(), re.M)
    assert os.stat(f"{root}/tmp").st_mode & 0o7777 == 0o1777
    assert "BEGIN CERTIFICATE" in open(f"{root}/etc/ssl/certs/ca-certificates.crt").read()
    size = sum(os.lstat(os.path.join(d, f)).st_size for d, _, names in os.walk(root) for f in names)
    assert size < 30e6, f"{size} bytes"


def test_the_bill_of_materials_is_valid_and_whole(tmp):
    root = rootfs(tmp, SOURCE_DATE_EPOCH="1700000000")
    path = f"{root}/usr/share/sbom/nereid.spdx.json"
    document = parse_file(path)
    errors = validate_full_spdx_document(document)
    assert not errors, [e.validation_message for e in errors]
    assert document.creation_info.created.timestamp() == 1700000000 or document.creation_info.created.year == 2023
    listed = {p.name: p.version for p in document.packages}
    assert listed.pop("nereid") == nereid("--version").stdout.split()[1]
    # each library in it belongs to a package that is listed with the version that is installed
    needed = {"ca-certificates"}
    for line in subprocess.run(["ldd", NEREID], capture_output=True, text=True, check=True).stdout.splitlines():
        found = re.search(r"(/\S+) \(0x", line)
        if found:
            candidates = [found[1], os.path.realpath(found[1]), "/usr" + found[1]]
            owner = next((o for o in (subprocess.run(["dpkg", "-S", c], capture_output=True, text=True).stdout for c in candidates) if o), None)
            assert owner, f"no package has {found[1]}"
            needed.add(re.split(r"[:,]", owner)[0])
    assert set(listed) == needed, set(listed) ^ needed
    for name, version in listed.items():
        assert version == subprocess.run(["dpkg-query", "-W", "-f", "${Version}", name], capture_output=True, text=True).stdout.split("\n")[0], name
    again = open(path).read()
    assert open(f"{rootfs(tmp, SOURCE_DATE_EPOCH='1700000000')}/usr/share/sbom/nereid.spdx.json").read() == again, "not the same twice"


def inside(root, program, *args):
    """A command in the image's file system as its user; one who is not root gets its loader and its libraries instead."""
    if os.geteuid() == 0:
        return ["chroot", "--userspec=65532:65532", root, f"/usr/local/bin/{program}", *args]
    loader = next(os.path.join(root, d, f) for d in ("lib64", "lib") for f in os.listdir(os.path.join(root, d)) if f.startswith("ld-linux"))
    folders = {d for d, _, names in os.walk(f"{root}/usr") for n in names if ".so" in n}
    return [loader, "--argv0", program, "--library-path", ":".join(folders), f"{root}/usr/local/bin/{program}",
            *(a.replace("=/models", f"={root}/models") for a in args)]


def test_the_image_serves_a_model(tmp):
    os.chmod(tmp, 0o755)
    root = rootfs(tmp)
    env = {"PATH": os.environ["PATH"] + ":/usr/local/bin", "NEREID_CACHE": "/var/cache/nereid"}
    for name, said in ("nereid", "nereid"), ("tritonserver", "--model-repository"), ("trtexec", "--onnx"):
        p = subprocess.run(inside(root, name, "--help"), capture_output=True, text=True, env=env)
        assert p.returncode == (name == "tritonserver") and said in p.stdout + p.stderr, f"{name}: {p.stdout}{p.stderr}"
    make_mnist(f"{tmp}/data", 500)
    nereid("train", "mnist", "--data", f"{tmp}/data", "--output", f"{tmp}/m.safetensors")
    os.makedirs(f"{root}/models/mnist_mlp/1")
    nereid("export", "mnist", "--weights", f"{tmp}/m.safetensors", "-o", f"{root}/models/mnist_mlp/1/model.onnx")
    http, grpc, metrics = free_port(), free_port(), free_port()
    server = subprocess.Popen(inside(root, "tritonserver", "--model-repository=/models", "--http-address=127.0.0.1", f"--http-port={http}",
                                   f"--grpc-port={grpc}", f"--metrics-port={metrics}"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)
    try:
        for _ in range(1000):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{http}/v2/health/ready") as answer:
                    assert answer.status == 200
                break
            except OSError:
                assert server.poll() is None, server.stdout.read()
                time.sleep(0.01)
        body = json.dumps({"inputs": [{"name": "input", "shape": [1, 1, 28, 28], "datatype": "FP32", "data": [0.5] * 784}]}).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{http}/v2/models/mnist_mlp/infer", body) as answer:
            assert len(json.load(answer)["outputs"][0]["data"]) == 10
    finally:
        server.terminate()
        text, _ = server.communicate(timeout=40)
    assert server.returncode == 0, text


def test_build_sh_says_what_is_missing(tmp):
    p = subprocess.run([BUILD, "--help"], capture_output=True, text=True)
    assert p.returncode == 0 and "--models DIR" in p.stdout and "sed" not in p.stdout
    p = subprocess.run([BUILD, "--modles", "x"], capture_output=True, text=True)
    assert p.returncode == 2 and "unknown option --modles" in p.stderr
    p = subprocess.run([BUILD, "--models"], capture_output=True, text=True)
    assert p.returncode == 2 and "--models needs a value" in p.stderr
    p = subprocess.run([BUILD, "--models", tmp], capture_output=True, text=True)
    assert p.returncode == 1 and f"there is no {tmp}/models: make it with" in p.stderr


def test_build_sh_takes_the_builder_that_works(tmp):
    """A docker whose daemon is away is passed by; what the next is asked to build names both files, the base and the version."""
    os.makedirs(f"{tmp}/bin")
    os.makedirs(f"{tmp}/m/models")
    for name, body in ("docker", "exit 1"), ("podman", "exit 1"), ("buildah", f'echo "$*" >>{tmp}/asked; for a; do case $a in docker-archive:*) a=${{a#docker-archive:}}; echo x >"${{a%%:*}}" ;; esac; done'):
        with open(f"{tmp}/bin/{name}", "w") as f:
            f.write(f"#!/bin/sh\n{body}\n")
        os.chmod(f"{tmp}/bin/{name}", 0o755)
    p = subprocess.run([BUILD, "--models", f"{tmp}/m", "--base", "a-base", "--version", "9.9.9"], capture_output=True, text=True,
                       env={**os.environ, "PATH": f"{tmp}/bin:{os.environ['PATH']}"})
    assert p.returncode == 0, p.stdout + p.stderr
    assert re.search(r"^nereid:9\.9\.9 +[\d.]+ MB compressed$", p.stdout, re.M) and re.search(r"^nereid-models:9\.9\.9 ", p.stdout, re.M), p.stdout
    asked = open(f"{tmp}/asked").read().splitlines()
    builds = [a for a in asked if a.startswith("bud ")]
    assert len(builds) == 2, asked
    assert "-f deploy/docker/Dockerfile -t nereid:9.9.9" in builds[0] and "BASE=a-base" in builds[0] and "VERSION=9.9.9" in builds[0]
    assert "-f deploy/docker/Dockerfile.models -t nereid-models:9.9.9" in builds[1] and builds[1].endswith(f"IMAGE=nereid:9.9.9 {tmp}/m")
    p = subprocess.run([BUILD], capture_output=True, text=True, env={**os.environ, "PATH": f"{tmp}/bin:{os.environ['PATH']}", "BUILDAH_ISOLATION": ""})
    assert p.returncode == 0
    os.remove(f"{tmp}/bin/buildah")
    with open(f"{tmp}/bin/buildah", "w") as f:
        f.write("#!/bin/sh\nexit 1\n")
    os.chmod(f"{tmp}/bin/buildah", 0o755)
    p = subprocess.run([BUILD], capture_output=True, text=True, env={**os.environ, "PATH": f"{tmp}/bin:{os.environ['PATH']}"})
    assert p.returncode == 1 and "none of docker, podman and buildah works here" in p.stderr, p.stderr


if __name__ == "__main__":
    run(globals())
