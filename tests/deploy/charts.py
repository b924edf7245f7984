#!/usr/bin/env python3
"""The chart and the overlays as helm and kustomize render them, held against the schemas of Kubernetes and of the operators: ./dev charts.

helm, kubeconform and kustomize (or kubectl, which has it inside) are taken from build/tools, PATH or $CLUSTER_HOME/bin, definitions of
others' resources from $CLUSTER_HOME/crds: tests/cluster/cluster tools makes all of them. Schemas of Kubernetes itself come with the
Python package kubernetes-validate. --missing names what is missing and tests nothing.
"""
import concurrent.futures, copy, functools, glob, json, os, re, shlex, shutil, subprocess, sys, tarfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
sys.path.insert(0, HERE)
import kubernetes_validate, yaml
from check import run
import manifests
from manifests import CHART, DEPLOY, ROOT, load, read

HOME = os.environ.get("CLUSTER_HOME", os.path.expanduser("~/.cache/one-node-cluster"))
# From the oldest that Chart.yaml takes to the newest that schemas are there for.
VERSIONS = ["1.29.0", "1.31.0", "1.33.0", "1.35.0", "1.37.0"]
CI = sorted(glob.glob(f"{CHART}/ci/*-values.yaml"))
OVERLAYS = sorted(os.path.basename(d) for d in glob.glob(f"{DEPLOY}/k8s/overlays/*"))
KINDS = {"Deployment", "Service", "ServiceAccount", "Pod", "PodDisruptionBudget", "HorizontalPodAutoscaler", "ScaledObject", "NetworkPolicy",
         "PodMonitor", "ServiceMonitor", "PrometheusRule", "ConfigMap", "Ingress", "HTTPRoute", "GRPCRoute"}
CRDS = ["PodMonitor", "ServiceMonitor", "PrometheusRule", "ScaledObject", "ClusterServingRuntime", "InferenceService", "HTTPRoute", "GRPCRoute"]
# Schemas of Kubernetes' own kinds that are rendered here, as the package kubernetes-validate names them.
BUILT_IN = [f"{k}.json" for k in (
    "namespace-v1", "service-v1", "serviceaccount-v1", "configmap-v1", "secret-v1", "pod-v1", "deployment-apps-v1", "poddisruptionbudget-policy-v1",
    "horizontalpodautoscaler-autoscaling-v2", "networkpolicy-networking-v1", "ingress-networking-v1", "clusterrole-rbac-v1", "clusterrolebinding-rbac-v1")]
# Options that Triton does not have.
OURS = {"shutdown-delay", "busy-poll-us", "api-keys", "http-use-ssl", "http-server-cert", "http-server-key", "http-use-ssl-mutual",
        "http-root-cert"}


def tool(name):
    own = [os.path.join(ROOT, "build", "tools", name), os.path.join(ROOT, "build", "tools", "usr", "bin", name)]
    for path in own + [shutil.which(name) or "", os.path.join(HOME, "bin", name)]:
        if path and os.access(path, os.X_OK):
            return path
    return None


class Definitions(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """Takes "=", which is a type of its own in YAML 1.1 that nobody means, as the string that it is."""


Definitions.add_constructor("tag:yaml.org,2002:value", lambda loader, node: node.value)


@functools.lru_cache
def definitions():
    """The definitions of CRDS, by kind."""
    found = {}
    for path in sorted(glob.glob(f"{HOME}/crds/*.yaml")):
        with open(path, encoding="utf-8") as f:
            text = f.read()
        if not set(re.findall(r"^    kind: (\w+)$", text, flags=re.M)) & set(CRDS):
            continue
        for d in yaml.load_all(text, Loader=Definitions):
            if d and d["kind"] == "CustomResourceDefinition":
                found[d["spec"]["names"]["kind"]] = d
    return found


def missing():
    out = [t for t in ("helm", "kubeconform") if not tool(t)]
    if not (tool("kustomize") or tool("kubectl")):
        out.append("kustomize")
    return out + [f"the definition of {k}" for k in CRDS if k not in definitions()]


def command(*args, good=True, cwd=None):
    p = subprocess.run(args, capture_output=True, text=True, timeout=300, cwd=cwd)
    assert good == (p.returncode == 0), f"{' '.join(args)}: status {p.returncode}\n{p.stdout[-4000:]}{p.stderr[-4000:]}"
    return p.stdout if good else p.stdout + p.stderr


def template(*args, version="1.33.0", good=True, chart=CHART):
    return command(tool("helm"), "template", "nereid", chart, "-n", "serving", "--kube-version", version, *args, good=good)


def kustomized(folder):
    k = [tool("kustomize"), "build"] if tool("kustomize") else [tool("kubectl"), "kustomize"]
    return command(*k, os.path.join(ROOT, folder))


# ---- schemas of others' resources, made from their definitions ----

def closed(schema):
    """The schema with unknown words refused, as Kubernetes prunes them, and with Kubernetes' own types put into JSON schema's words."""
    s = dict(schema)
    keep = s.pop("x-kubernetes-preserve-unknown-fields", False)
    if s.pop("x-kubernetes-int-or-string", False):
        s.pop("type", None)
        s["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    if s.pop("nullable", False) and "type" in s:
        s["type"] = [s["type"], "null"]
    if s.get("format") in ("int32", "int64", "date-time", "byte", "double"):
        s.pop("format")
    if "properties" in s:
        s["properties"] = {k: closed(v) for k, v in s["properties"].items()}
        if "additionalProperties" not in s and not keep and not s.get("x-kubernetes-embedded-resource"):
            s["additionalProperties"] = False
    if isinstance(s.get("items"), dict):
        s["items"] = closed(s["items"])
    if isinstance(s.get("additionalProperties"), dict):
        s["additionalProperties"] = closed(s["additionalProperties"])
    return {k: v for k, v in s.items() if not k.startswith("x-kubernetes-")}


def built_in(version, folder):
    """Kubernetes' own schemas, each with the definitions that it refers to inside, as kubeconform follows no others."""
    own = os.path.join(os.path.dirname(kubernetes_validate.__file__), "kubernetes-json-schema", f"v{version}-local-strict")
    os.makedirs(os.path.join(folder, version))

    def content(name):
        with open(os.path.join(own, name), encoding="utf-8") as f:
            return json.loads(f.read().replace('"/api/_definitions.json#', '"#'))
    definitions = content("_definitions.json")["$defs"]
    refers = {k: set(re.findall(r'"#/\$defs/([^"]+)"', json.dumps(v))) for k, v in definitions.items()}
    for name in BUILT_IN:
        schema = content(name)
        todo, reached = set(re.findall(r'"#/\$defs/([^"]+)"', json.dumps(schema))), set()
        while todo:
            k = todo.pop()
            reached.add(k)
            todo |= refers[k] - reached
        schema["$defs"] = {k: definitions[k] for k in sorted(reached)}
        with open(os.path.join(folder, version, name), "w", encoding="utf-8") as f:
            json.dump(schema, f)


def write_schemas(folder):
    for version in VERSIONS:
        built_in(version, folder)
    for kind, d in definitions().items():
        for version in d["spec"]["versions"]:
            s = closed(version["schema"]["openAPIV3Schema"])
            s["properties"] |= {"apiVersion": {"const": f"{d['spec']['group']}/{version['name']}"}, "kind": {"const": kind}, "metadata": {"type": "object"}}
            s["required"] = sorted(set(s.get("required", [])) | {"apiVersion", "kind", "metadata"})
            with open(os.path.join(folder, f"{d['spec']['group']}_{kind.lower()}_{version['name']}.json"), "w", encoding="utf-8") as f:
                json.dump(s, f)


def conform(text, version, folder):
    """kubeconform's verdicts: nothing may be wrong, and nothing may be without a schema. How many objects there were."""
    args = [tool("kubeconform"), "-strict", "-output", "json", "-verbose", "-kubernetes-version", version,
            "-schema-location", f"{folder}/{version}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json",
            "-schema-location", folder + "/{{ .Group }}_{{ .ResourceKind }}_{{ .ResourceAPIVersion }}.json"]
    p = subprocess.run(args, input=text, capture_output=True, text=True, timeout=300)
    try:
        verdicts = json.loads(p.stdout)["resources"]
    except (ValueError, KeyError):
        raise AssertionError(f"kubeconform: status {p.returncode}\n{p.stdout[:2000]}{p.stderr[:2000]}") from None
    bad = [f"{v['kind']}/{v['name']} for {version}: {v['msg']}" for v in verdicts if v["status"] != "statusValid"]
    assert p.returncode == 0 and not bad, "\n".join(bad) or p.stderr
    return len(verdicts)


def in_parallel(function, cases):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda c: function(*c), cases))


def oci(values):
    return load(values)[0].get("models", {}).get("source") == "ociImage"


# ---- the chart ----

def test_lint(tmp):
    for f in [None, *CI]:
        out = command(tool("helm"), "lint", "--strict", "--kube-version", "1.33.0", CHART, *(["-f", f] if f else []))
        assert "[ERROR]" not in out and "[WARNING]" not in out, out


def test_everything_fits_its_schema(tmp):
    write_schemas(tmp)
    cases = [(f, v) for v in VERSIONS for f in [None, *CI] if not (f and oci(f) and v < "1.31")]

    def one(values, version):
        text = template(*(["-f", values] if values else []), version=version)
        objects = manifests.parse(text)
        assert conform(text, version, tmp) == len(objects), f"{values}: kubeconform has seen another number of objects"
        return {o["kind"] for o in objects}
    kinds = set().union(*in_parallel(one, cases))
    assert kinds == KINDS, f"files of ci/ make {sorted(KINDS - kinds)} nowhere; not expected: {sorted(kinds - KINDS)}"


def test_schemas_refuse(tmp):
    write_schemas(tmp)
    good = {o["kind"]: o for o in manifests.parse(template("-f", f"{CHART}/ci/stack-values.yaml") + "\n---\n" + template("-f", f"{CHART}/ci/keda-values.yaml"))}
    changes = {"Deployment": lambda o: o["spec"].update(replica=1), "PodMonitor": lambda o: o["spec"].update(selectors={}),
               "ScaledObject": lambda o: o["spec"].update(minReplicaCount="two"), "PrometheusRule": lambda o: o["spec"]["groups"][0].update(rule=[]),
               "ServiceMonitor": lambda o: o["spec"]["endpoints"][0].update(intervall="1s"), "Service": lambda o: o["spec"]["ports"][0].update(port="x")}
    for kind, change in changes.items():
        o = copy.deepcopy(good[kind])
        change(o)
        try:
            conform(yaml.safe_dump(o), "1.33.0", tmp)
        except AssertionError as e:
            assert kind in str(e) and "could not find" not in str(e), e
        else:
            raise AssertionError(f"{kind}: a word or a type that is wrong is taken")


def test_objects_fit_each_other(tmp):
    for f in [None, *CI]:
        objects = manifests.parse(template(*(["-f", f] if f else [])))
        try:
            manifests.check(objects, host_path=bool(f) and load(f)[0].get("models", {}).get("source") == "hostPath")
            manifests.server(objects)
        except AssertionError as e:
            raise AssertionError(f"{f}: {e}") from e


def server_of(*args):
    objects = manifests.parse(template(*args))
    deployment, c = manifests.server(objects)
    return objects, deployment["spec"]["template"]["spec"], c


def test_sources_of_models(tmp):
    want = {"pvc": "persistentVolumeClaim", "hostPath": "hostPath", "ociImage": "image", "s3": "emptyDir"}
    give = {"pvc": "pvc.claimName=a", "hostPath": "hostPath.path=/a", "ociImage": "ociImage.reference=r/a:1", "s3": "s3.path=b/c"}
    for source, type_ in want.items():
        _, spec, c = server_of("--set", f"models.source={source},models.{give[source]}")
        volume, = [v for v in spec["volumes"] if v["name"] == "models"]
        assert set(volume) == {"name", type_}, f"{source}: {volume}"
        assert [m["readOnly"] for m in c["volumeMounts"] if m["mountPath"] == "/models"] == [True], source
        assert ("initContainers" in spec) == (source == "s3"), source
    _, spec, c = server_of()
    assert not [v for v in spec["volumes"] if v["name"] == "models"], "models in the image are hidden by a volume"


def test_gpu(tmp):
    _, spec, c = server_of("--set", "gpu.count=2,rollingUpdate.maxSurge=0,rollingUpdate.maxUnavailable=1")
    assert c["resources"]["limits"] == {"memory": "1Gi", "nvidia.com/gpu": "2"} and [t["key"] for t in spec["tolerations"]] == ["nvidia.com/gpu"]
    _, spec, c = server_of()
    assert "tolerations" not in spec and "nvidia.com/gpu" not in c["resources"]["limits"]
    # and without any other limit the file is still one
    o = manifests.parse(template("--set", "gpu.count=1,resources.limits=null"))
    assert manifests.find(o, "Deployment")["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"] == {"nvidia.com/gpu": "1"}


def test_triton_gets_no_option_of_ours(tmp):
    for more in ("", "tls.secretName=t"):
        _, spec, c = server_of("-f", f"{CHART}/ci/triton-values.yaml", *(["--set", more] if more else []))
        given = {a[2:].partition("=")[0] for a in c["args"][1:]}
        assert not given & OURS, f"given to Triton: {given & OURS}"
        assert c["readinessProbe"]["httpGet"]["scheme"] == "HTTP", "Triton's HTTP has no TLS"
        assert c["image"].startswith("nvcr.io/nvidia/tritonserver:")
    _, _, c = server_of("-f", f"{CHART}/ci/secure-values.yaml")
    given = {a[2:].partition("=")[0] for a in c["args"][1:]}
    assert given >= {"shutdown-delay", "api-keys", "http-use-ssl", "grpc-use-ssl", "grpc-use-ssl-mutual", "grpc-root-cert"}, given


def test_times(tmp):
    _, spec, c = server_of("--set", "server.shutdownDelay=45,server.exitTimeout=600")
    assert spec["terminationGracePeriodSeconds"] == 650 and {"--shutdown-delay=45", "--exit-timeout-secs=600"} <= set(c["args"])


def test_processor_use_says_something_where_pods_are_scaled_by_it(tmp):
    scaled = "autoscaling.kind=hpa,autoscaling.metric="
    for values, given in (("autoscaling.kind=none", False), (scaled + "cpu", True), (scaled + "queue", False)):
        _, _, c = server_of("--set", values)
        assert ("--busy-poll-us=0" in c["args"]) == given, values
    _, _, c = server_of("-f", f"{CHART}/ci/triton-values.yaml", "--set", scaled + "cpu,resources.requests.cpu=1")
    assert "--busy-poll-us=0" not in c["args"]


def test_policy_knows_the_port_of_the_store(tmp):
    for endpoint, port in {"": 443, "https://s3.example.org": 443, "http://minio.storage.svc": 80, "http://minio.storage.svc:9000": 9000}.items():
        o = manifests.parse(template("--set", f"networkPolicy.enabled=true,models.source=s3,models.s3.path=a,models.s3.endpoint={endpoint}"))
        egress = [p["port"] for rule in manifests.find(o, "NetworkPolicy")["spec"]["egress"] for p in rule["ports"]]
        assert egress == [53, 53, port], f"{endpoint}: {egress}"


def test_rules_and_dashboards_are_those_of_monitoring(tmp):
    objects = manifests.parse(template("-f", f"{CHART}/ci/stack-values.yaml"))
    rule = manifests.find(objects, "PrometheusRule", "triton-alerts")
    assert rule["metadata"]["namespace"] == "monitoring" and rule["metadata"]["labels"]["release"] == "prometheus"
    groups = [g for f in sorted(glob.glob(f"{DEPLOY}/monitoring/rules/*.yaml")) for g in load(f)[0]["groups"]]
    assert rule["spec"]["groups"] == groups, "rules were changed on their way through helm"
    shown = {k: json.loads(v) for o in objects if o["kind"] == "ConfigMap" for k, v in o["data"].items()}
    files = {"nereid-" + os.path.basename(f): json.loads(read(f)) for f in glob.glob(f"{DEPLOY}/monitoring/dashboards/*.json")}
    assert shown == files, f"{sorted(shown)} for {sorted(files)}"
    assert all(o["metadata"]["labels"]["grafana_dashboard"] == "1" for o in objects if o["kind"] == "ConfigMap")
    without = manifests.parse(template("-f", f"{CHART}/ci/stack-values.yaml", "--set-json",
                                       "monitoring.prometheusRule.labels=null", "--set-json", "monitoring.dashboards.labels=null"))
    assert "release" not in manifests.find(without, "PrometheusRule")["metadata"]["labels"]


def test_name_override_keeps_the_job(tmp):
    objects = manifests.parse(template("--set", "nameOverride=vision,monitoring.podMonitor.enabled=true,monitoring.serviceMonitor.enabled=true"))
    manifests.fits(objects)                                # among them: the job is nereid


def test_contradictions_are_refused_with_a_sentence(tmp):
    for given, sentence in {
        "models.source=pvc": "name the claim in models.pvc.claimName", "models.source=hostPath": "models.hostPath.path",
        "models.source=ociImage": "models.ociImage.reference", "models.source=s3": "models.s3.path",
        "server.flavor=triton": "name its image in server.image.repository",
        "server.flavor=triton,server.image.repository=t": "give server.image.tag",
        "server.flavor=triton,server.image.repository=t,server.image.tag=a,apiKeys.secretName=k": "apiKeys are Nereid's",
        "tls.mutual=true": "tls.mutual needs tls.secretName", "rollingUpdate.maxSurge=0": "no pod could ever be replaced",
        "server.extraArgs={--http-port=9000}": "the chart itself gives --http-port",
        "server.extraArgs={--shutdown-delay=1}": "the chart itself gives --shutdown-delay",
        "autoscaling.kind=hpa,autoscaling.minReplicas=9": "minReplicas 9 is more than maxReplicas 8",
        "autoscaling.kind=hpa,resources.requests.cpu=null": "a share of resources.requests.cpu",
        "gateway.enabled=true": "name the Gateway in gateway.parentRefs",
        "gateway.enabled=true,gateway.parentRefs[0].name=p": "give gateway.hostnames",
        "gateway.enabled=true,gateway.parentRefs[0].name=p,gateway.hostnames={a.b},gateway.grpcHostnames={a.b}": "either for HTTP or for gRPC",
        "models.sources=pvc": "sources", "gpu.count=one": "gpu.count", "server.image.tag=latest": "server.image.tag"}.items():
        out = template("--set", given, good=False)
        assert sentence in out, f"{given}: {out}"
    out = template("-f", f"{CHART}/ci/queue-values.yaml", version="1.30.0", good=False)
    assert "needs Kubernetes 1.31" in out, out
    assert "1.29" in template(version="1.28.0", good=False)


def test_commands_in_documents_render(tmp):
    """Each `helm install` and `helm upgrade` of the chart that a document shows, with its values laid over the defaults."""
    seen = 0
    for path in sorted(glob.glob(f"{ROOT}/docs/*.md") + glob.glob(f"{CHART}/README.md") + glob.glob(f"{ROOT}/README.md")):
        text = read(path).replace("\\\n", " ")
        for line in re.findall(r"^ *helm (?:install|upgrade)[^\n]* deploy/helm/nereid(?= |$)([^\n]*)", text, flags=re.M):
            words = shlex.split(line.replace("$VERSION", "0.1.0"), comments=True)
            args = [w for i, w in enumerate(words) if w in ("--set", "-f", "--values") or i and words[i - 1] in ("--set", "-f", "--values")]
            try:
                manifests.check(manifests.parse(command(tool("helm"), "template", "nereid", CHART, "--kube-version", "1.33.0", *args, cwd=ROOT)))
            except AssertionError as e:
                raise AssertionError(f"{os.path.relpath(path, ROOT)}: helm ... {line.strip()}: {e}") from e
            seen += 1
    assert seen >= 8, f"only {seen} commands found"


def test_package(tmp):
    command(tool("helm"), "package", CHART, "-d", tmp)
    path, = glob.glob(f"{tmp}/*.tgz")
    with tarfile.open(path) as t:
        files = {m.name for m in t.getmembers()}
    beside = {f for f in files if f.startswith("nereid/files/")}
    want = {"nereid/files/rules/" + os.path.basename(f) for f in glob.glob(f"{DEPLOY}/monitoring/rules/*.yaml")}
    want |= {"nereid/files/dashboards/" + os.path.basename(f) for f in glob.glob(f"{DEPLOY}/monitoring/dashboards/*.json")}
    assert beside == want, f"in the package and not wanted, or the other way: {sorted(beside ^ want)}"
    assert not any("/ci/" in f for f in files)
    assert os.path.getsize(path) < 700_000, "helm keeps a release in a Secret, which holds 1 MiB"
    f = f"{CHART}/ci/stack-values.yaml"
    assert template("-f", f, chart=path) == template("-f", f), "the package renders otherwise than the folder"


# ---- the rendered base, the overlays, KServe ----

def test_base_is_current(tmp):
    path = dict(os.environ, PATH=os.path.dirname(tool("helm")) + os.pathsep + os.environ["PATH"])
    subprocess.run([f"{DEPLOY}/k8s/render.sh", f"{tmp}/nereid.yaml"], check=True, env=path, timeout=60)
    with open(f"{tmp}/nereid.yaml", encoding="utf-8") as f:
        assert f.read() == read("deploy/k8s/base/nereid.yaml"), "the chart has changed: run deploy/k8s/render.sh"


def by_name(objects):
    return {manifests.name_of(o): o for o in objects}


def test_overlays(tmp):
    write_schemas(tmp)
    assert OVERLAYS == ["cpu", "gpu", "monitoring", "tutorial"], OVERLAYS
    for name in OVERLAYS:
        text = kustomized(f"deploy/k8s/overlays/{name}")
        objects = manifests.parse(text)
        for version in VERSIONS:
            assert conform(text, version, tmp) == len(objects)
        manifests.check(objects, token=("Deployment/prometheus",) if name == "monitoring" else ())
        if name == "monitoring":
            ports = {o["metadata"]["name"]: o["spec"]["ports"][0]["nodePort"] for o in objects if o["kind"] == "Service"}
            assert ports == {"prometheus": 30090, "grafana": 30300, "alertmanager": 30093}, ports
            assert manifests.find(objects, "Secret", "grafana-admin")["data"].keys() == {"admin-user", "admin-password"}
            assert {o["metadata"].get("namespace") for o in objects if o["kind"] not in manifests.CLUSTER_KINDS} == {"monitoring"}
        else:
            manifests.server(objects)
            # what tests/deploy/test_manifests.py looks at without kustomize is the same
            assert by_name(objects) == by_name(manifests.kustomize(f"deploy/k8s/overlays/{name}")), name


def test_chart_and_overlays_agree(tmp):
    """The overlay and the chart with the values that mean the same: the same pods, the same services."""
    gpu = ["--set", "gpu.count=1,rollingUpdate.maxSurge=0,rollingUpdate.maxUnavailable=1,server.image.repository=nereid-models"]
    tutorial = gpu + ["-f", f"{CHART}/ci/nodeport-values.yaml"]
    for overlay, args in {"gpu": gpu, "tutorial": tutorial, "cpu": ["-f", f"{CHART}/ci/nodeport-values.yaml"]}.items():
        made = by_name(manifests.parse(kustomized(f"deploy/k8s/overlays/{overlay}")))
        chart = by_name(manifests.parse(template("--skip-tests", *args)))
        assert set(chart) == set(made) - {"Namespace/nereid"}, f"{overlay}: {set(chart) ^ set(made)}"
        for name, o in chart.items():
            labels = [o["metadata"]["labels"]] + ([o["spec"]["template"]["metadata"]["labels"]] if name.startswith("Deployment/") else [])
            for x in labels:
                assert x.pop("app.kubernetes.io/managed-by") == "Helm" and x.pop("helm.sh/chart")
            made[name]["metadata"].pop("namespace", None)
            assert o == made[name], f"{overlay}: {name} is another in the chart"


def test_kserve(tmp):
    write_schemas(tmp)
    for f in sorted(glob.glob(f"{DEPLOY}/kserve/*.yaml")):
        assert conform(read(f), "1.33.0", tmp) == 1


if __name__ == "__main__":
    lacking = missing()
    if lacking:
        print(f"missing: {', '.join(lacking)}. tests/cluster/cluster tools makes them, with Go 1.24 or later, in {HOME}; "
              "helm, kubeconform and kustomize may also lie in PATH or in build/tools")
        sys.exit(1)
    if sys.argv[1:] == ["--missing"]:
        sys.exit(0)
    run(globals())
