"""What the tests of manifests share: a strict reader of YAML, a small kustomize, and checks that hold for every set of objects.

The small kustomize does what the overlays use and no more; a word that it does not know is an error. tests/deploy/charts.py
holds what it makes against what the real one makes.
"""
import copy, os, re
import yaml

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
DEPLOY = os.path.join(ROOT, "deploy")
CHART = os.path.join(DEPLOY, "helm", "nereid")
LABELS = ["name", "instance", "version", "component", "part-of"]
KINDS_OF_PODS = ("Deployment", "StatefulSet", "DaemonSet", "Job")
# Volumes that the restricted Pod Security Standard lets in.
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret"}


class Strict(yaml.SafeLoader):
    """Refuses a key that is there twice, which YAML's readers let pass and Kubernetes does not."""


def mapping(loader, node):
    seen = set()
    for key, _ in node.value:
        if key.value in seen:
            raise yaml.YAMLError(f"line {key.start_mark.line + 1}: the key {key.value} is there twice")
        seen.add(key.value)
    return yaml.SafeLoader.construct_mapping(loader, node, deep=True)


Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)


def parse(text):
    return [d for d in yaml.load_all(text, Loader=Strict) if d is not None]


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as f:
        return f.read()


def load(*path):
    return parse(read(*path))


def options_of_serve():
    lines = re.findall(r'^X\(SERVE,\s*\w+,\s*"([a-z0-9-]+)"', read("src", "tables", "options.def"), flags=re.M)
    assert len(lines) > 40, "src/tables/options.def is not what it was: its lines are not understood"
    return set(lines)


def name_of(o):
    return f"{o['kind']}/{o['metadata']['name']}"


def find(objects, kind, name=None):
    found = [o for o in objects if o["kind"] == kind and name in (None, o["metadata"]["name"])]
    assert len(found) == 1, f"{len(found)} objects are {kind} {name or ''}"
    return found[0]


# ---- the small kustomize ----

KNOWN = {"apiVersion", "kind", "namespace", "resources", "components", "images", "replicas", "patches"}
CLUSTER_KINDS = {"Namespace", "ClusterRole", "ClusterRoleBinding"}


def patch(target, operation):
    """One operation of a JSON patch."""
    path = [p.replace("~1", "/").replace("~0", "~") for p in operation["path"].split("/")[1:]]
    at = target
    for p in path[:-1]:
        at = at[int(p)] if isinstance(at, list) else at[p]
    key = int(path[-1]) if isinstance(at, list) else path[-1]
    if operation["op"] == "add":
        assert not isinstance(at, list), "adding to a list is not known to this kustomize"
        at[key] = operation["value"]
    elif operation["op"] == "replace":
        assert isinstance(at, list) or key in at, f"{operation['path']} is not there to be replaced"
        at[key] = operation["value"]
    elif operation["op"] == "remove":
        del at[key]
    else:
        raise AssertionError(f"operation {operation['op']} is not known to this kustomize")


def apply_patch(objects, p):
    parts = parse(p["patch"])
    if "target" not in p:
        for d in parts:
            assert d.get("$patch") == "delete", "of strategic patches this kustomize knows only deletion"
            objects.remove(find(objects, d["kind"], d["metadata"]["name"]))
        return
    target = find(objects, p["target"]["kind"], p["target"]["name"])
    for operation in parts[0]:
        patch(target, operation)


def retag(objects, image):
    for spec in pod_specs(objects).values():
        for c in containers(spec):
            name, _, tag = c["image"].partition(":")
            if name == image["name"]:
                c["image"] = f"{image.get('newName', name)}:{image.get('newTag', tag)}"


def kustomize(folder, objects=None):
    """The objects of a kustomization, or those given as its component changes them."""
    k = load(folder, "kustomization.yaml")[0]
    assert set(k) <= KNOWN, f"{folder}: {sorted(set(k) - KNOWN)} are not known to this kustomize"
    objects = [] if objects is None else objects
    for r in k.get("resources", []):
        path = os.path.normpath(os.path.join(folder, r))
        objects += kustomize(path) if os.path.isdir(os.path.join(ROOT, path)) else copy.deepcopy(load(path))
    for c in k.get("components", []):
        kustomize(os.path.normpath(os.path.join(folder, c)), objects)
    for p in k.get("patches", []):
        apply_patch(objects, p)
    for o in objects:
        if "namespace" in k and o["kind"] not in CLUSTER_KINDS:
            o["metadata"]["namespace"] = k["namespace"]
    for r in k.get("replicas", []):
        find(objects, "Deployment", r["name"])["spec"]["replicas"] = r["count"]
    for image in k.get("images", []):
        retag(objects, image)
    return objects


# ---- checks ----

def pod_specs(objects):
    """Name of the object: specification of its pods."""
    specs = {name_of(o): o["spec"]["template"]["spec"] for o in objects if o["kind"] in KINDS_OF_PODS}
    specs |= {name_of(o): o["spec"] for o in objects if o["kind"] == "Pod"}
    specs |= {name_of(o): o["spec"] for o in objects if o["kind"] == "ClusterServingRuntime"}
    return specs


def containers(spec):
    return spec.get("initContainers", []) + spec["containers"]


def restricted(objects, host_path=False):
    """The restricted Pod Security Standard, field by field, for all pods. host_path: whether that one volume is let through."""
    for name, spec in pod_specs(objects).items():
        pod = spec.get("securityContext", {})
        for field in ("hostNetwork", "hostPID", "hostIPC"):
            assert not spec.get(field), f"{name}: {field}"
        assert not pod.get("sysctls"), f"{name}: sysctls"
        for v in spec.get("volumes", []):
            types = set(v) - {"name"}
            assert types <= VOLUMES | ({"hostPath"} if host_path else set()), f"{name}: volume {v['name']} is of type {types}"
        for c in containers(spec):
            at, own = f"{name}, container {c['name']}", c.get("securityContext", {})
            both = {**pod, **own}
            assert both.get("runAsNonRoot") is True, f"{at}: runAsNonRoot is not true"
            assert both.get("runAsUser") != 0, f"{at}: runs as root"
            assert both.get("seccompProfile", {}).get("type") in ("RuntimeDefault", "Localhost"), f"{at}: no seccompProfile"
            assert own.get("allowPrivilegeEscalation") is False, f"{at}: allowPrivilegeEscalation is not false"
            assert "ALL" in own.get("capabilities", {}).get("drop", []), f"{at}: capabilities are not dropped"
            assert set(own.get("capabilities", {}).get("add", [])) <= {"NET_BIND_SERVICE"}, f"{at}: capabilities are added"
            assert not own.get("privileged"), f"{at}: privileged"
            assert not any(p.get("hostPort") for p in c.get("ports", [])), f"{at}: a port of the host"


def careful(objects, token=()):
    """What the standard does not ask for and we do. token: names of the pods that talk to Kubernetes."""
    for name, spec in pod_specs(objects).items():
        if not name.startswith("ClusterServingRuntime/"):
            assert spec.get("automountServiceAccountToken") is (name in token), f"{name}: its token of the service account"
        for c in containers(spec):
            at = f"{name}, container {c['name']}"
            assert c["securityContext"].get("readOnlyRootFilesystem") is True, f"{at}: its root can be written to"
            assert c.get("resources", {}).get("requests", {}).keys() >= {"cpu", "memory"}, f"{at}: requests"
            assert "memory" in c["resources"].get("limits", {}), f"{at}: no limit of memory"
            assert "cpu" not in c["resources"]["limits"], f"{at}: a limit of processor time, which throttles"
            tag = c["image"].rsplit("/", 1)[-1].rpartition(":")[2] if "@" not in c["image"] else "digest"
            assert ":" in c["image"].rsplit("/", 1)[-1] and tag not in ("latest", ""), f"{at}: image {c['image']} is not pinned"
            mounted = [m["mountPath"] for m in c.get("volumeMounts", [])]
            assert len(set(mounted)) == len(mounted), f"{at}: a path is mounted twice"
        mounts = {m["name"] for c in containers(spec) for m in c.get("volumeMounts", [])}
        volumes = [v["name"] for v in spec.get("volumes", [])]
        assert sorted(volumes) == sorted(mounts), f"{name}: volumes {volumes}, mounted {sorted(mounts)}"


def matches(selector, labels):
    return bool(selector) and selector.items() <= labels.items()


def selected(objects, selector):
    """Names of the objects with pods that a selector means."""
    found = [name_of(o) for o in objects if o["kind"] in KINDS_OF_PODS and matches(selector, o["spec"]["template"]["metadata"]["labels"])]
    return found + [name_of(o) for o in objects if o["kind"] == "Pod" and matches(selector, o["metadata"].get("labels", {}))]


def ports_of(spec):
    ports = {p["name"]: p["containerPort"] for c in spec["containers"] for p in c.get("ports", [])}
    return ports | {p: p for p in ports.values()}


def fits(objects):
    """Selectors, ports and references among the objects."""
    names = [(o["apiVersion"], name_of(o), o["metadata"].get("namespace")) for o in objects]
    assert len(set(names)) == len(names), f"an object is there twice: {sorted(names)}"
    specs = pod_specs(objects)
    services = {o["metadata"]["name"]: o for o in objects if o["kind"] == "Service"}
    for o in objects:
        kind, spec, at = o["kind"], o.get("spec", {}), name_of(o)
        if kind in KINDS_OF_PODS:
            assert selected([o], spec["selector"]["matchLabels"]), f"{at}: does not select its own pods"
            for t in spec["template"]["spec"].get("topologySpreadConstraints", []):
                assert selected([o], t["labelSelector"]["matchLabels"]), f"{at}: spreads other pods than its own"
            account = spec["template"]["spec"].get("serviceAccountName", "default")
            own = [x["metadata"]["name"] for x in objects if x["kind"] == "ServiceAccount"]
            assert not own or account in (*own, "default"), f"{at}: service account {account} is not among {own}"
        elif kind == "Service":
            to = selected(objects, spec["selector"])
            assert len(to) == 1, f"{at}: leads to {to}"
            have = ports_of(specs[to[0]])
            for p in spec["ports"]:
                assert p["targetPort"] in have, f"{at}: target {p['targetPort']}, pods have {have}"
                if spec.get("clusterIP") == "None":
                    assert p["port"] == have[p["targetPort"]], f"{at}: a headless service cannot change a port"
                assert ("nodePort" in p) == (spec.get("type") == "NodePort"), f"{at}: node port of {p['name']}"
        elif kind in ("PodDisruptionBudget", "NetworkPolicy"):
            selector = spec["selector" if kind == "PodDisruptionBudget" else "podSelector"]["matchLabels"]
            to = selected(objects, selector)
            assert len(to) == 1, f"{at}: is about {to}"
            for p in [p for rule in spec.get("ingress", []) for p in rule["ports"]]:
                assert p["port"] in ports_of(specs[to[0]]), f"{at}: lets in to port {p['port']}, which pods lack"
        elif kind in ("HorizontalPodAutoscaler", "ScaledObject"):
            target = find(objects, "Deployment", spec["scaleTargetRef"]["name"])
            assert "replicas" not in target["spec"], f"{at}: and {name_of(target)} sets its replicas itself"
        elif kind == "PodMonitor":
            to = selected(objects, spec["selector"]["matchLabels"])
            assert len(to) == 1 and all(e["port"] in ports_of(specs[to[0]]) for e in spec["podMetricsEndpoints"]), f"{at}: watches {to}"
            assert find(objects, *to[0].split("/"))["spec"]["template"]["metadata"]["labels"][spec["jobLabel"]] == "nereid", f"{at}: job"
        elif kind == "ServiceMonitor":
            to = [s for s in services.values() if matches(spec["selector"]["matchLabels"], s["metadata"]["labels"])]
            for e in spec["endpoints"]:
                having = [s for s in to if e["port"] in [p["name"] for p in s["spec"]["ports"]]]
                assert len(having) == 1, f"{at}: {len(having)} services have the port {e['port']}, so pods are scraped so often"
                assert having[0]["metadata"]["labels"][spec["jobLabel"]] == "nereid", f"{at}: job"
        elif kind == "Ingress":
            for b in [p["backend"]["service"] for rule in spec["rules"] for p in rule["http"]["paths"]]:
                assert b["port"]["name"] in [p["name"] for p in services[b["name"]]["spec"]["ports"]], f"{at}: {b}"
        elif kind in ("HTTPRoute", "GRPCRoute"):
            for b in [b for rule in spec["rules"] for b in rule["backendRefs"]]:
                port = [p["name"] for p in services[b["name"]]["spec"]["ports"] if p["port"] == b["port"]]
                assert port == [{"HTTPRoute": "http", "GRPCRoute": "grpc"}[kind]], f"{at}: leads to port {b['port']}"


def server(objects):
    """The pods of the server itself: labels, options, probes, ports, times, folders that can be written to."""
    deployment = [o for o in objects if o["kind"] == "Deployment" and o["metadata"]["labels"].get("app.kubernetes.io/component") == "inference"]
    assert len(deployment) == 1, "no Deployment of the server"
    deployment = deployment[0]
    for o in objects:
        if o["kind"] not in ("Namespace", "Pod"):
            have = o["metadata"].get("labels", {})
            assert all(f"app.kubernetes.io/{x}" in have for x in LABELS), f"{name_of(o)}: labels {sorted(have)}"
    assert set(deployment["spec"]["selector"]["matchLabels"]) == {"app.kubernetes.io/name", "app.kubernetes.io/instance"}
    spec = deployment["spec"]["template"]["spec"]
    c, = spec["containers"]
    assert c["args"][:2] == ["tritonserver", "--model-repository=/models"] and "command" not in c
    given = dict(a[2:].partition("=")[::2] for a in c["args"][1:])
    assert given.keys() <= options_of_serve(), f"options that src/tables/options.def lacks: {given.keys() - options_of_serve()}"
    assert {p["name"]: p["containerPort"] for p in c["ports"]} == {"http": 8000, "grpc": 8001, "metrics": 8002}
    paths = {k: c[k]["httpGet"]["path"] for k in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert paths == {"startupProbe": "/v2/health/ready", "readinessProbe": "/v2/health/ready", "livenessProbe": "/v2/health/live"}, paths
    for k in paths:
        assert c[k]["httpGet"]["port"] == "http", f"{k} asks port {c[k]['httpGet']['port']}"
        assert c[k]["httpGet"]["scheme"] == ("HTTPS" if given.get("http-use-ssl") == "true" else "HTTP"), f"{k}: scheme"
    slept = c.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", ["sleep", "0"])[1]
    assert ("shutdown-delay" in given) != (slept != "0"), "either the server waits before its ports close, or preStop does"
    wait = int(given.get("shutdown-delay", slept)) + int(given["exit-timeout-secs"])
    assert spec["terminationGracePeriodSeconds"] > wait, f"{spec['terminationGracePeriodSeconds']} s to end, {wait} s needed"
    folders = {m["mountPath"]: m for m in c["volumeMounts"]}
    volumes = {v["name"]: v for v in spec["volumes"]}
    for path in ("/tmp", "/var/cache/nereid", "/dev/shm"):
        v = volumes[folders[path]["name"]]
        assert "sizeLimit" in v["emptyDir"], f"{path} has no limit"
        assert (v["emptyDir"].get("medium") == "Memory") == (path == "/dev/shm"), f"{path}: {v}"
    for path, m in folders.items():
        assert m.get("readOnly") is True or path in ("/tmp", "/var/cache/nereid", "/dev/shm"), f"{path} can be written to"
    for a in c["args"]:
        for file in re.findall(r"=(/etc/nereid/.*)", a):
            assert os.path.dirname(file) in folders, f"{a}: nothing is mounted there"
    surge, less = (str(deployment["spec"]["strategy"]["rollingUpdate"][k]) for k in ("maxSurge", "maxUnavailable"))
    assert less == "0" or (surge == "0" and any("gpu" in k for k in c["resources"]["limits"])), "a rollout takes away pods"
    return deployment, c


def check(objects, host_path=False, token=()):
    restricted(objects, host_path)
    careful(objects, token)
    fits(objects)
