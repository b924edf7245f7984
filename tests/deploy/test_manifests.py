#!/usr/bin/env python3
"""deploy/helm, deploy/k8s and deploy/kserve with Python alone: values and their schema, the rendered base, the overlays, KServe's runtime.

What needs helm, kubeconform and kustomize is in tests/deploy/charts.py: ./dev charts.
"""
import copy, glob, os, re, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
sys.path.insert(0, HERE)
import jsonschema, kubernetes_validate, yaml
from check import run
import manifests
from manifests import CHART, DEPLOY, ROOT, load, read

VERSIONS = ["1.29", "1.31", "1.33", "1.35", "1.37"]
OVERLAYS = ["tutorial", "cpu", "gpu"]                      # monitoring is looked at in test_monitoring.py and charts.py
SCHEMA = yaml.safe_load(read("deploy/helm/nereid/values.schema.json"))
VALUES = load("deploy/helm/nereid/values.yaml")[0]


def program_version():
    return re.search(r'#define NRD_VERSION "([^"]+)"', read("include/nereid/nereid.h"))[1]


def merged(over, base=VALUES):
    """Values as helm lays a file over the chart's own."""
    out = copy.deepcopy(base)
    for k, v in over.items():
        out[k] = merged(v, out[k]) if isinstance(v, dict) and isinstance(out.get(k), dict) else v
    return out


def wrong(values):
    return [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in jsonschema.Draft7Validator(SCHEMA).iter_errors(values)]


def closed(schema, path=()):
    """Paths of the objects in which only known words may stand."""
    if schema.get("additionalProperties") is False and "properties" in schema:
        yield path
    for k, v in schema.get("properties", {}).items():
        yield from closed(v, path + (k,))


def at(values, path):
    for p in path:
        values = values[p]
    return values


def refused(objects, part, check, *args):
    """That a check finds what was made wrong, and says so."""
    try:
        check(objects, *args)
    except AssertionError as e:
        assert part in str(e), f"refused, but with: {e}"
        return
    raise AssertionError(f"not found: {part}")


def test_values_fit_their_schema(tmp):
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert wrong(VALUES) == []
    files = sorted(glob.glob(f"{CHART}/ci/*-values.yaml"))
    assert len(files) >= 8, files
    for f in files:
        assert wrong(merged(load(f)[0])) == [], f"{f}: {wrong(merged(load(f)[0]))}"


def test_schema_and_values_have_the_same_words(tmp):
    for path in closed(SCHEMA):
        schema = SCHEMA
        for p in path:
            schema = schema["properties"][p]
        words, optional = set(schema["properties"]), {"global"} if not path else set()
        if path[:1] == ("probes",) and len(path) == 2:     # what Kubernetes has a default for
            optional = {"initialDelaySeconds", "timeoutSeconds", "successThreshold"}
        have = set(at(VALUES, path))
        assert have <= words and words - have <= optional, f"{'/'.join(path)}: {words ^ have}"


def test_unknown_words_and_bad_values_are_refused(tmp):
    paths = list(closed(SCHEMA))
    assert len(paths) >= 30, len(paths)
    for path in paths:
        v = copy.deepcopy(VALUES)
        at(v, path)["bogus"] = 1
        assert any("bogus" in w for w in wrong(v)), f"{'/'.join(path)} takes a word that it does not know"
    bad = [{"models": {"source": "ftp"}}, {"server": {"flavor": "torch"}}, {"server": {"image": {"tag": "latest"}}},
           {"server": {"image": {"digest": "sha256:1"}}}, {"server": {"shutdownDelay": -1}}, {"server": {"extraArgs": ["log-verbose=1"]}},
           {"server": {"extraEnv": [{"value": "x"}]}}, {"server": {"extraEnv": [{"name": "A", "value": "1", "valueFrom": {"x": {}}}]}},
           {"replicaCount": "2"}, {"gpu": {"count": -1}}, {"resources": {"limits": {"memory": "lots"}}}, {"service": {"nodePorts": {"http": 8000}}},
           {"service": {"type": "ExternalName"}}, {"autoscaling": {"minReplicas": 0}}, {"autoscaling": {"queuedRequests": "4m"}},
           {"podLabels": {"app.kubernetes.io/name": "x"}}, {"tls": {"secretName": None}}, {"models": {"hostPath": {"path": "srv"}}},
           {"models": {"s3": {"endpoint": "minio:9000"}}}, {"monitoring": {"podMonitor": {"interval": "15"}}},
           {"gateway": {"hostnames": ["https://x"]}}, {"tolerations": [{"effect": "Never"}]}, {"networkPolicy": {"from": [{}]}},
           {"rollingUpdate": {"maxSurge": "a half"}}, {"imagePullSecrets": ["registry"]}]
    for b in bad:
        assert wrong(merged(b)), f"taken: {b}"


def test_every_choice_is_in_a_file_of_ci(tmp):
    files = [merged(load(f)[0]) for f in glob.glob(f"{CHART}/ci/*-values.yaml")] + [VALUES]

    def choices(schema, path=()):
        if "enum" in schema:
            yield path, schema["enum"]
        if schema.get("type") == "boolean":
            yield path, [True, False]
        for k, v in schema.get("properties", {}).items():
            yield from choices(v, path + (k,))
    missing = [f"{'.'.join(p)}={c}" for p, all_ in choices(SCHEMA) for c in all_ if c not in [at(f, p) for f in files]]
    # the same words mean the same to kubelet whatever the chart does
    missing = [m for m in missing if "pullPolicy" not in m]
    assert missing == [], f"no file of ci/ sets {missing}"


def test_versions_agree(tmp):
    v, chart = program_version(), load("deploy/helm/nereid/Chart.yaml")[0]
    assert chart["appVersion"] == v, f"Chart.yaml: appVersion {chart['appVersion']}, the program is {v}"
    found = {}
    for f in glob.glob(f"{DEPLOY}/**/*", recursive=True):
        if os.path.isfile(f) and "/helm/" not in f and not f.endswith((".json", ".png")):
            text = read(f)
            for m in re.findall(r"\bnereid(?:-models)?:(\d[\w.-]*)", text) + re.findall(r"newTag: (\S+)", text):
                found.setdefault(m, []).append(os.path.relpath(f, ROOT))
    assert set(found) == {v}, f"versions of images: {found}, the program is {v}"


def test_links_into_monitoring(tmp):
    for name in ("rules", "dashboards"):
        link = os.path.join(CHART, "files", name)
        assert os.path.islink(link) and not os.readlink(link).startswith("/"), f"{link} is no relative link"
        assert os.path.realpath(link) == os.path.join(DEPLOY, "monitoring", name), os.path.realpath(link)
    assert glob.glob(f"{CHART}/files/rules/*.yaml") and glob.glob(f"{CHART}/files/dashboards/*.json")


def test_templates_name_only_options_that_exist(tmp):
    text = read("deploy/helm/nereid/templates/deployment.yaml")
    given = set(re.findall(r"^\s+- --([a-z0-9-]+)", text, flags=re.M))
    assert given >= {"model-repository", "exit-timeout-secs", "shutdown-delay", "grpc-use-ssl", "http-use-ssl", "api-keys"}, given
    assert given <= manifests.options_of_serve(), given - manifests.options_of_serve()


def test_probes_ask_what_is_answered(tmp):
    routes = read("src/front/routes.def")
    for path in ("/v2/health/ready", "/v2/health/live"):
        assert f'X(GET,  "{path}"' in routes, path


def valid(objects):
    for o in objects:
        for v in VERSIONS:
            kubernetes_validate.validate(o, v, strict=True)


def test_base(tmp):
    objects = manifests.kustomize("deploy/k8s/base")
    valid(objects)
    manifests.check(objects)
    deployment, c = manifests.server(objects)
    assert sorted(o["kind"] for o in objects) == ["Deployment", "PodDisruptionBudget", "Service", "Service", "ServiceAccount"]
    assert deployment["spec"]["replicas"] == VALUES["replicaCount"] and c["image"] == f"nereid:{program_version()}"
    assert "helm" not in read("deploy/k8s/base/nereid.yaml").split("\n", 1)[1].lower(), "the base says that helm made it"
    assert all("namespace" not in o["metadata"] for o in objects), "the base has a namespace"
    # the chart's defaults, as far as Python alone sees: ./dev charts compares all of it
    given = dict(a[2:].split("=") for a in c["args"][1:])
    assert int(given["shutdown-delay"]) == VALUES["server"]["shutdownDelay"] and int(given["exit-timeout-secs"]) == VALUES["server"]["exitTimeout"]
    assert c["resources"] == VALUES["resources"] and c["securityContext"] == VALUES["securityContext"]
    assert deployment["spec"]["template"]["spec"]["securityContext"] == VALUES["podSecurityContext"]
    assert deployment["spec"]["strategy"]["rollingUpdate"] == VALUES["rollingUpdate"]


def test_overlays(tmp):
    for name in OVERLAYS:
        objects = manifests.kustomize(f"deploy/k8s/overlays/{name}")
        valid(objects)
        manifests.check(objects)
        deployment, c = manifests.server(objects)
        gpu = c["resources"]["limits"].get("nvidia.com/gpu")
        assert gpu == (None if name == "cpu" else "1"), f"{name}: nvidia.com/gpu {gpu}"
        tolerated = [t["key"] for t in deployment["spec"]["template"]["spec"].get("tolerations", [])]
        assert tolerated == ([] if name == "cpu" else ["nvidia.com/gpu"]), f"{name}: {tolerated}"
        assert c["image"] == f"nereid-models:{program_version()}", f"{name}: {c['image']}"


def test_tutorial_is_the_tutorials(tmp):
    for name in ("tutorial", "cpu"):
        objects = manifests.kustomize(f"deploy/k8s/overlays/{name}")
        namespace = manifests.find(objects, "Namespace")
        assert namespace["metadata"]["name"] == "nereid"
        assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
        assert all(o["metadata"].get("namespace") == "nereid" for o in objects if o["kind"] != "Namespace")
        assert manifests.find(objects, "Deployment", "nereid")["spec"]["replicas"] == 1
        service = manifests.find(objects, "Service", "nereid")["spec"]
        assert service["type"] == "NodePort"
        assert [(p["name"], p["port"], p["nodePort"]) for p in service["ports"]] == [("http", 8000, 30080), ("grpc", 8001, 30081), ("metrics", 8002, 30082)]
        assert [p["nodePort"] for p in service["ports"]] == list(VALUES["service"]["nodePorts"].values())
        # one replica and a budget: its node could never be drained
        assert not [o for o in objects if o["kind"] == "PodDisruptionBudget"]


def test_kserve(tmp):
    runtime, = load("deploy/kserve/clusterservingruntime.yaml")
    service, = load("deploy/kserve/inferenceservice.yaml")
    manifests.restricted([runtime])
    manifests.careful([runtime])
    c, = runtime["spec"]["containers"]
    assert c["name"] == "kserve-container", "KServe looks for this name"
    given = dict(a[2:].split("=") for a in c["args"][1:])
    assert given.keys() <= manifests.options_of_serve(), given
    assert (given["http-port"], given["grpc-port"], given["model-store"]) == ("8080", "9000", "/mnt/models"), "what KServe expects"
    assert int(given["shutdown-delay"]) + int(given["exit-timeout-secs"]) < 30, "more than the 30 s that Kubernetes gives a pod of KServe's"
    assert runtime["spec"]["protocolVersions"] == ["v2", "grpc-v2"]
    formats = {f["name"] for f in runtime["spec"]["supportedModelFormats"]}
    assert formats == {"onnx", "triton"}, f"{formats}: only models in ONNX are served"
    model = service["spec"]["predictor"]["model"]
    assert model["runtime"] == runtime["metadata"]["name"] and model["modelFormat"]["name"] in formats
    assert model["protocolVersion"] in runtime["spec"]["protocolVersions"]
    cache = [e["value"] for e in c["env"] if e["name"] == "NEREID_CACHE"]
    assert cache == [m["mountPath"] for m in c["volumeMounts"]], "plans are kept where nothing can be written"


def test_every_file_is_one_that_can_be_read(tmp):
    for folder in ("k8s", "kserve", "helm/nereid/ci"):
        files = glob.glob(f"{DEPLOY}/{folder}/**/*.yaml", recursive=True)
        assert files, folder
        for f in files:
            load(f)
    try:
        manifests.parse("a: 1\nb: 2\na: 3\n")
    except yaml.YAMLError as e:
        assert "twice" in str(e)
    else:
        raise AssertionError("a key that is there twice is taken")


def test_checks_find_what_is_wrong(tmp):
    """Each check on a base that is made wrong in one place."""
    def base():
        objects = manifests.kustomize("deploy/k8s/base")
        spec = manifests.find(objects, "Deployment")["spec"]
        return objects, spec, spec["template"]["spec"], spec["template"]["spec"]["containers"][0]

    def case(part, check, change, *args):
        objects, spec, pod, c = base()
        change(objects, spec, pod, c)
        refused(objects, part, check, *args)
    r, k, f, s = manifests.restricted, manifests.careful, manifests.fits, manifests.server
    case("runAsNonRoot", r, lambda o, d, p, c: p["securityContext"].pop("runAsNonRoot"))
    case("runs as root", r, lambda o, d, p, c: c["securityContext"].update(runAsUser=0))
    case("seccompProfile", r, lambda o, d, p, c: p["securityContext"].pop("seccompProfile"))
    case("allowPrivilegeEscalation", r, lambda o, d, p, c: c["securityContext"].pop("allowPrivilegeEscalation"))
    case("not dropped", r, lambda o, d, p, c: c["securityContext"].pop("capabilities"))
    case("added", r, lambda o, d, p, c: c["securityContext"]["capabilities"].update(add=["SYS_ADMIN"]))
    case("privileged", r, lambda o, d, p, c: c["securityContext"].update(privileged=True))
    case("hostNetwork", r, lambda o, d, p, c: p.update(hostNetwork=True))
    case("hostPath", r, lambda o, d, p, c: p["volumes"].append({"name": "x", "hostPath": {"path": "/"}}))
    case("port of the host", r, lambda o, d, p, c: c["ports"][0].update(hostPort=80))
    case("written to", k, lambda o, d, p, c: c["securityContext"].pop("readOnlyRootFilesystem"))
    case("token", k, lambda o, d, p, c: p.pop("automountServiceAccountToken"))
    case("no limit of memory", k, lambda o, d, p, c: c["resources"]["limits"].pop("memory"))
    case("throttles", k, lambda o, d, p, c: c["resources"]["limits"].update(cpu="1"))
    case("not pinned", k, lambda o, d, p, c: c.update(image="registry:5000/nereid"))
    case("not pinned", k, lambda o, d, p, c: c.update(image="nereid:latest"))
    case("volumes", k, lambda o, d, p, c: p["volumes"].pop())
    case("own pods", f, lambda o, d, p, c: d["selector"]["matchLabels"].update(x="y"))
    case("leads to []", f, lambda o, d, p, c: manifests.find(o, "Service", "nereid")["spec"]["selector"].update(x="y"))
    case("target", f, lambda o, d, p, c: manifests.find(o, "Service", "nereid")["spec"]["ports"][0].update(targetPort="web"))
    case("headless", f, lambda o, d, p, c: manifests.find(o, "Service", "nereid-headless")["spec"]["ports"][0].update(port=9))
    case("is about []", f, lambda o, d, p, c: manifests.find(o, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"].update(x="y"))
    case("service account", f, lambda o, d, p, c: p.update(serviceAccountName="x"))
    case("twice", f, lambda o, d, p, c: o.append(o[0]))
    case("seconds", lambda o: [valid_or_assert(x) for x in o], lambda o, d, p, c: c["livenessProbe"].update(seconds=1))
    case("lacks", s, lambda o, d, p, c: c["args"].append("--no-such-option=1"))
    case("/v2/health/alive", s, lambda o, d, p, c: c["livenessProbe"]["httpGet"].update(path="/v2/health/alive"))
    case("s needed", s, lambda o, d, p, c: p.update(terminationGracePeriodSeconds=40))
    case("takes away pods", s, lambda o, d, p, c: d["strategy"]["rollingUpdate"].update(maxUnavailable=1))
    case("scheme", s, lambda o, d, p, c: c["args"].append("--http-use-ssl=true"))
    case("nothing is mounted", s, lambda o, d, p, c: c["args"].append("--api-keys=/etc/nereid/keys/api-keys"))
    case("no limit", s, lambda o, d, p, c: p["volumes"][0].update(emptyDir={}))


def valid_or_assert(o):
    try:
        kubernetes_validate.validate(o, "1.33", strict=True)
    except kubernetes_validate.ValidationError as e:
        raise AssertionError(e.message) from e


if __name__ == "__main__":
    run(globals())
