#!/usr/bin/env python3
"""tools/deploycheck: the checkout is clean, and made-up trees show that each kind of mistake is seen at its line and that what is right is not."""
import os, re, shutil, subprocess, sys, time
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from check import ROOT, run

TOOL = os.path.join(ROOT, "tools", "deploycheck")
TABLES = {
    "src/tables/words.def": '/* X(NAME, text) */\nX(SERVE, "serve", "", "serve")\nX(TRAIN, "train", "mnist", "train")\n',
    "src/tables/options.def": 'X(SERVE, MODEL_REPOSITORY, "model-repository", "DIR", NULL, "+folder, of models")\n'
                              'X(SERVE, HTTP_PORT, "http-port", "PORT", "8000", "")\nX(SERVE, GRPC_PORT, "grpc-port", "PORT", "8001", "")\n'
                              'X(SERVE, METRICS_PORT, "metrics-port", "PORT", "8002", "")\nX(SERVE, RATE_LIMIT, "rate-limit", "MODE", "off", "")\n'
                              'X(TRAIN, EPOCHS, "epochs", "N", "1", "passes")\n',
    "src/tables/later.def": 'X(RATE_LIMIT, REFUSE, "not yet")\n',
    "src/tables/trtexec.def": 'X(ONNX, "onnx", "FILE", NULL, USE, "the model (ONNX)")\nX(FP16, "fp16", NULL, NULL, USE,\n\t"allow fp16")\n',
    "src/tables/metrics.def": 'X(A, "nv_inference_count", "counter", "")\nX(B, "nereid_request_duration_seconds", "histogram",\n  "Time")\n',
    "src/front/routes.def": '/* X(method, "/v2/not/there") */\nX(GET, "/v2/health/ready", ready, HEALTH)\nX(GET, "/v2/models/{m}", model, METADATA)\n'
                            'X(GET, "/v2/models/{m}/versions/{v}", model, METADATA)\n',
    "src/front/metrics.c": 'put("{model=\\"%s\\",le=\\"%s\\"}"); getenv("NEREID_CACHE");\n',
    "deploy/names.def": 'NODE_PORT(http, 30080, "HTTP")\nNODE_PORT(metrics, 30082, "metrics")\nPORT(9090, "Prometheus")\nPOD_LABEL("name")\nAPP("nereid")\n'
                        'LABEL("model", PROGRAM)\nLABEL("le", PROGRAM)\nLABEL("job", TARGET)\nSTACK("prometheus")\nFOREIGN("nv_cache_util", "Triton")\n',
}


def tree(tmp, files):
    for name, text in {**TABLES, **files}.items():
        os.makedirs(os.path.dirname(os.path.join(tmp, name)), exist_ok=True)
        open(os.path.join(tmp, name), "w").write(text)


def findings(tmp, files, *options):
    """Lines that the tool prints for a tree, without the count; its exit status must agree."""
    tree(tmp, files)
    p = subprocess.run([sys.executable, TOOL, "--root", tmp, *options], capture_output=True, text=True, timeout=30)
    *lines, count = p.stdout.splitlines()
    assert p.returncode == bool(lines) and not p.stderr, p.stdout + p.stderr
    assert count.endswith(" failed"), count
    return lines


def good(tmp, name, text):
    lines = findings(tmp, {name: text})
    os.remove(os.path.join(tmp, name))
    assert not lines, (text, lines)


def bad(tmp, name, text, line, *parts):
    lines = findings(tmp, {name: text})
    os.remove(os.path.join(tmp, name))
    assert len(lines) == 1 and lines[0].startswith(f"{name}:{line}: ") and all(x in lines[0] for x in parts) and "; " in lines[0], (text, lines)


POD = """spec:
  containers:
    - name: nereid
      image: {image}
      # scraped by the flag --model-repository
      args:
        - {first}
        - {flag}
      ports:
        - name: http
          containerPort: 8000
        - name: metrics
          containerPort: 8002
"""


def test_the_checkout_is_clean_and_quick(tmp):
    start = time.monotonic()
    p = subprocess.run([sys.executable, TOOL], capture_output=True, text=True, timeout=60)
    assert p.returncode == 0, p.stdout
    assert time.monotonic() - start < 10  # under one second on an idle machine


def test_flags_in_shell(tmp):
    for text in ("tritonserver --model-repository=/models --http-port 9000 | tee --append log", "nereid train mnist --epochs 5 && helm install --wait x",
                 "FOO=1 build/nereid serve \\\n  --metrics-port=1", "trtexec --onnx=a --fp16", "kubectl get pods --no-headers -l app=nereid",
                 "kubectl scale deployment/nereid --replicas=3", "nereid --version", "nereid train --help", "a=$(nereid train --epochs 1)",
                 'helm template x "$(dirname "$0")/../helm/nereid" --skip-tests'):
        good(tmp, "deploy/x.sh", "#!/bin/sh\n" + text + "\n")
        good(tmp, "docs/x.md", "Text.\n\n```sh step=a needs=b\n" + text + "\n```\n")
    good(tmp, "deploy/x.sh", "# x.sh [--fast|--slow]\n# --slow waits.\ncase $1 in\n--fast | --slow) args+=(--build-arg x) ;;\nesac\n")
    bad(tmp, "deploy/x.sh", "# --slower waits.\ncase $1 in\n--slow) ;;\nesac\n", 1, "--slower")
    bad(tmp, "deploy/x.sh", "#!/bin/sh\ntritonserver --model-store=x\n", 2, "serve has no option --model-store")
    bad(tmp, "deploy/x.sh", "#!/bin/sh\n\nnereid train \\\n  --epoch 5\n", 3, "train has no option --epoch")
    bad(tmp, "deploy/x.sh", "kubectl get x --all && trtexec --ONNX=a\n", 1, "--ONNX", "write --onnx")
    bad(tmp, "deploy/x.sh", "nereid train $(kubectl get x --all) --fast\n", 1, "train has no option --fast")
    bad(tmp, "deploy/x.sh", "true | nereid serve --epochs 5\n", 1, "serve has no option --epochs")
    bad(tmp, "deploy/x.sh", "nereid serve --rate-limit=execution_count\n", 1, "is refused: not yet")
    good(tmp, "deploy/x.sh", "nereid serve --rate-limit=off\n")


def test_flags_in_documents(tmp):
    for text in ("With `--epochs 5`, or `kubectl apply --server-side`.", "Run helm --debug to see it.", "`./dev demo --check` stops.", "a -- b --- c",
                 "Change it: `kubectl -n x scale deployment/nereid --replicas=3`.", "`docker run nereid tritonserver --model-repository=/m`"):
        good(tmp, "docs/x.md", text + "\n")
    bad(tmp, "docs/x.md", "one\n\nGive `--epoch=3`.\n", 3, "--epoch", "or write the command")
    bad(tmp, "docs/x.md", "Give --model_repository.\n", 1, "--model_repository")
    bad(tmp, "README.md", "`nereid serve --fp16`\n", 1, "serve has no option --fp16")


def test_flags_of_containers(tmp):
    for image, first, flag in (("nereid:1", "tritonserver", "--model-repository=/m"), ("prom/prometheus:v3", "--config.file=x", "--web.enable-lifecycle"),
                               ('"{{ .Values.image }}"', "--http-port={{ .x }}", '"--grpc-port=8001"'), ("nereid:1", "trtexec", "--onnx=a"),
                               ("nereid:1", "nereid", "train"), ("nereid-e2e-tool:1", "--log-level=info", "--fast"), ("x.example.org/a/nereid-models@sha256:0", "tritonserver", "--http-port=1"), ("x/triton", "sh", "--login")):
        good(tmp, "deploy/x.yaml", POD.format(image=image, first=first, flag=flag))
    bad(tmp, "deploy/x.yaml", POD.format(image="nereid:1", first="tritonserver", flag="--model-repo=/m"), 8, "--model-repo")
    bad(tmp, "deploy/x.yaml", POD.format(image="nereid:1", first="trtexec", flag="--model-repository=/m"), 8, "trtexec has no option")
    bad(tmp, "deploy/x.yaml", POD.format(image="nereid:1", first="--http-port=1", flag="--http_port=1"), 8, "write --http-port")
    bad(tmp, "deploy/x.yaml", POD.format(image="nereid:1", first="tritonserver", flag="--rate-limit=on"), 8, "is refused: not yet")
    bad(tmp, "deploy/x.yaml", 'spec:\n  image: nereid:1\n  args: ["tritonserver", "--model=/m"]\n', 3, "--model")
    bad(tmp, "deploy/values.yaml", "extraArgs:\n  - --nothing=1\n", 2, "--nothing")
    bad(tmp, "deploy/x.yaml", "# start it with --nothing\n", 1, "--nothing")
    good(tmp, "deploy/x.yaml", "# kubectl create secret x \\\n#   --from-literal=a=b\n---\na: 1  # by helm --set a=2\n")
    bad(tmp, "deploy/Dockerfile", 'FROM --platform=x y\nCOPY --from=y a b\nRUN --mount=type=cache,target=x make\nCMD ["tritonserver", "--models=/m"]\n', 4, "--models")


def test_routes(tmp):
    for text in ("localhost:8000/v2/health/ready", "path: /v2/models/$MODEL", "`/v2/models/{name}/versions/1`", "http://a:30080/v2/models/x", "a/b/v2/not/a/route",
                 "curl x:8002/metrics", "node:30082/metrics", "localhost:9090/metrics", "/v2/models/...",
                 "path: /v2/health/{{ $path }}", "{{ .a }}/v2/models/{{ .Values.m }}/versions/1"):
        good(tmp, "docs/x.md", text + "\n")
    bad(tmp, "docs/x.md", "\nlocalhost:8000/v2/health/redy\n", 2, "/v2/health/redy")
    bad(tmp, "deploy/x.yaml", "a:\n  path: /v2/models\n", 2, "no route /v2/models")
    bad(tmp, "docs/x.md", "/v2/models/x/versions/one\n", 1, "versions/one")
    bad(tmp, "docs/x.md", "http://localhost:8002/v2/health/ready\n", 1, "not served on port 8002", "http")
    bad(tmp, "docs/x.md", "curl node:30080/metrics\n", 1, "not served on port 30080", "metrics")


def test_metrics_and_their_labels(tmp):
    for text in ("rate(nv_inference_count[2m])", 'nereid_request_duration_seconds_bucket{model="a",le="1"}', "sum by (model, job) (nv_inference_count)",
                 "`nv_inference_*` and `nv_`", "record: model:nv_inference_count:rate5m", "nv_cache_util", "nereid_request_duration_seconds_sum"):
        good(tmp, "deploy/x.yaml", "expr: " + text + "\n")
    bad(tmp, "deploy/x.yaml", "a: 1\nexpr: nv_inference_counts\n", 2, "no metric nv_inference_counts")
    bad(tmp, "deploy/x.json", '"expr": "rate(nv_inference_count_bucket[1m])"\n', 1, "nv_inference_count_bucket")
    bad(tmp, "deploy/x.yaml", 'expr: nv_inference_count{modell="a"}\n', 1, "no label modell")
    bad(tmp, "deploy/x.json", '"expr": "nv_inference_count{gpu=\\"a\\"}"\n', 1, "no label gpu")
    bad(tmp, "deploy/x.yaml", "expr: sum by (pods) (nv_inference_count)\n", 1, "no label pods")
    bad(tmp, "docs/x.md", "`nv_gpu_*`\n", 1, "nv_gpu_")


def test_ports(tmp):
    for text in ("nodePort: 30080", "containerPort: 9090", "containerPort: 8002", "timeout: 8123", "image: x:8123"):
        good(tmp, "deploy/x.yaml", text + "\n")
    good(tmp, "docs/x.md", "It took 31000 rows; port 30082, localhost:8000.\n")
    bad(tmp, "deploy/x.yaml", "a:\n  nodePort: 30081\n", 2, "port 30081 is nobody's")
    bad(tmp, "deploy/x.yaml", "containerPort: 8003\n", 1, "8003")
    bad(tmp, "docs/x.md", "\n\nhttp://node:31234/x\n", 3, "31234")
    bad(tmp, "deploy/x.yaml", "ports:\n  - name: http\n    containerPort: 8002\n", 3, "that of metrics and is named http")
    bad(tmp, "deploy/x.yaml", "ports:\n  - nodePort: 30080\n    name: metrics\n", 2, "that of http and is named metrics")


def test_labels_of_pods_variables_and_files(tmp):
    good(tmp, "deploy/x.yaml", "app.kubernetes.io/name: nereid\nrelease: prometheus\nNEREID_CACHE: x\n# see deploy/x.yaml\n")
    bad(tmp, "deploy/x.yaml", "app.kubernetes.io/nam: nereid\n", 1, "app.kubernetes.io/nam")
    bad(tmp, "deploy/x.yaml", "app.kubernetes.io/name: neried\n", 1, "neried")
    bad(tmp, "deploy/x.yaml", "a:\n  release: stack\n", 2, "release: prometheus")
    bad(tmp, "docs/x.md", "`NEREID_CASH`\n", 1, "NEREID_CASH")
    bad(tmp, "docs/x.md", "kubectl apply -k deploy/none\n", 1, "there is no deploy/none")


MUTATIONS = (  # what is written in the checkout, what a slip makes of it, files in which it counts
    ("--exit-timeout-secs", "--exit-timeout-sec", (".yaml", ".md")), ("--model-repository", "--model-repo", (".yaml", ".md", "Dockerfile")),
    ("/v2/health/ready", "/v2/health/redy", (".yaml", ".md", ".sh")), ("nv_inference_queue_duration_us", "nv_inference_queue_duration_ms", (".yaml", ".md", ".json", ".py")),
    ("nereid_request_duration_seconds_bucket", "nereid_request_duration_seconds_buckets", (".yaml", ".md", ".json", ".py")),
    ("nodePort: 30090", "nodePort: 30099", (".yaml",)), ("app.kubernetes.io/part-of", "app.kubernetes.io/part_of", (".yaml", ".tpl")),
    ("NEREID_CACHE", "NEREID_CACHES", (".yaml", ".md", "Dockerfile")), ("deploy/monitoring", "deploy/monitor", (".yaml", ".md")))


def test_slips_in_the_real_files_are_seen(tmp):
    for top in ("deploy", "docs"):
        shutil.copytree(os.path.join(ROOT, top), os.path.join(tmp, top), symlinks=True)
    shutil.copy(os.path.join(ROOT, "README.md"), tmp)
    files = [os.path.join(f, n) for top in ("deploy", "docs") for f, _, names in os.walk(os.path.join(tmp, top)) for n in names]
    files = [p for p in files if not os.path.islink(p)]
    for old, new, ends in MUTATIONS:
        pattern, changed = re.compile(re.escape(old) + r"(?![\w-])"), {}
        for path in files:
            text = open(path, encoding="utf-8").read() if path.endswith(ends) or os.path.basename(path).startswith(ends) else ""
            if pattern.search(text):
                changed[path] = text
                open(path, "w", encoding="utf-8").write(pattern.sub(new, text))
        p = subprocess.run([sys.executable, TOOL, "--root", tmp, "--tables", ROOT], capture_output=True, text=True, timeout=60)
        told = {line.split(":")[0] for line in p.stdout.splitlines()}
        missed = sorted(os.path.relpath(x, tmp) for x in changed if os.path.relpath(x, tmp) not in told)
        assert changed and not missed, f"{old} became {new} unseen in: {missed}"
        for path, text in changed.items():
            open(path, "w", encoding="utf-8").write(text)


def test_a_label_that_the_program_does_not_write_is_told(tmp):
    lines = findings(tmp, {"deploy/names.def": TABLES["deploy/names.def"] + 'LABEL("shard", PROGRAM)\n'})
    assert len(lines) == 1 and "shard" in lines[0], lines


def test_the_table_of_the_guide_is_kept(tmp):
    page = "# Guide\n\n<!-- of src/tables/later.def, by tools/deploycheck --write -->\nold\n<!-- end -->\n\nafter\n"
    lines = findings(tmp, {"docs/migrate-from-triton.md": page})
    assert len(lines) == 1 and "run tools/deploycheck --write" in lines[0], lines
    assert not findings(tmp, {}, "--write")
    text = open(os.path.join(tmp, "docs/migrate-from-triton.md")).read()
    assert "| `--rate-limit` | the server does not start | not yet |" in text and text.endswith("<!-- end -->\n\nafter\n"), text
    assert not findings(tmp, {})


def test_links_are_not_checked_twice(tmp):
    tree(tmp, {"docs/x.md": "fine\n"})
    os.symlink(os.path.join(tmp, "docs", "gone.md"), os.path.join(tmp, "docs", "link.md"))
    assert not findings(tmp, {})


if __name__ == "__main__":
    run(globals())
