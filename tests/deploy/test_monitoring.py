#!/usr/bin/env python3
"""deploy/monitoring and docs/runbooks: rules and their tests, configurations, routes, dashboards, manifests, and that they all fit each other.

promtool and amtool are taken from build/tools, where ./dev test unpacks them, or else from PATH.
"""
import glob, json, os, re, shutil, subprocess, sys
import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
sys.path.insert(0, HERE)
from check import ROOT, run
import lint_dashboard

HOME = os.path.join(ROOT, "deploy", "monitoring")
RULES = sorted(glob.glob(f"{HOME}/rules/*.yaml"))
CASES = sorted(glob.glob(f"{HOME}/rules/tests/*.yaml"))
DASHBOARDS = sorted(glob.glob(f"{HOME}/dashboards/*.json"))
RUNBOOKS = os.path.join(ROOT, "docs", "runbooks")
RUNBOOK_URL = "https://nereid.example.org/runbooks/"
HEADINGS = ["Meaning", "Impact", "Diagnosis", "Mitigation"]
SEVERITIES = {"critical", "warning", "info"}
PACKAGES = {"promtool": "prometheus", "amtool": "prometheus-alertmanager"}

# What others export: Prometheus itself, Triton where Nereid has no such thing, and NVIDIA's dcgm-exporter.
FOREIGN = {"up", "ALERTS", "nv_cache_num_hits_per_model", "DCGM_FI_DEV_XID_ERRORS", "DCGM_FI_DEV_GPU_TEMP", "DCGM_FI_DEV_ROW_REMAP_FAILURE"}


def tool(name):
    """The path of a command; a sentence when it is missing."""
    own = os.path.join(ROOT, "build", "tools", "usr", "bin", name)
    path = own if os.access(own, os.X_OK) else shutil.which(name)
    assert path, f"{name} is missing: ./dev test unpacks it into build/tools; by hand, install the package {PACKAGES[name]} or put {name} into PATH"
    return path


def command(name, *args, good=True):
    p = subprocess.run([tool(name), *args], capture_output=True, text=True, timeout=300)
    assert good == (p.returncode == 0), f"{name} {' '.join(args)}: status {p.returncode}\n{p.stdout}{p.stderr}"
    return p.stdout + p.stderr


def load(path):
    with open(path, encoding="utf-8") as f:
        return yaml.safe_load(f)


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def rules():
    for path in RULES:
        for group in load(path)["groups"]:
            yield from group["rules"]


def alerts():
    return [r for r in rules() if "alert" in r]


def alert_names():
    return sorted({r["alert"] for r in alerts()})


def page(alert):
    return os.path.join(RUNBOOKS, alert.lower() + ".md")


def runbook_queries():
    for path in sorted(glob.glob(f"{RUNBOOKS}/*.md")):
        for query in re.findall(r"```promql\n(.*?)```", read(path), flags=re.S):
            yield os.path.basename(path), query.strip()


def dashboard_queries():
    """(dashboard and panel, query as it is in the file)."""
    for path in DASHBOARDS:
        for p in lint_dashboard.panels_of(json.loads(read(path))):
            for t in p.get("targets", []):
                yield f"{os.path.basename(path)} {p['title']}", t["expr"]


def check_syntax(tmp, queries):
    """promtool reads all of them as rules."""
    doc = {"groups": [{"name": "queries", "rules": [{"record": f"query:{i}", "expr": q} for i, q in enumerate(queries)]}]}
    with open(f"{tmp}/queries.yaml", "w", encoding="utf-8") as f:
        json.dump(doc, f)
    out = command("promtool", "check", "rules", f"{tmp}/queries.yaml")
    assert f"SUCCESS: {len(queries)} rules found" in out, out


# ---- rules ----

def test_rules_are_clean(tmp):
    assert len(RULES) == 3 and len(alert_names()) >= 30
    out = command("promtool", "check", "rules", "--lint=all", "--lint-fatal", *RULES)
    assert out.count("SUCCESS") == 3, out


def test_rules_pass_their_tests(tmp):
    assert len(CASES) >= 7
    out = command("promtool", "test", "rules", *CASES)
    assert out.count("SUCCESS") == len(CASES), out


def test_a_wrong_threshold_fails_the_tests(tmp):
    """The tutorial's comparison with 90 is found."""
    shutil.copytree(f"{HOME}/rules", f"{tmp}/rules")
    text = read(f"{tmp}/rules/alerts.yaml")
    assert "nv_gpu_utilization > 0.9\n" in text
    with open(f"{tmp}/rules/alerts.yaml", "w", encoding="utf-8") as f:
        f.write(text.replace("nv_gpu_utilization > 0.9\n", "nv_gpu_utilization > 90\n"))
    out = command("promtool", "test", "rules", f"{tmp}/rules/tests/tutorial.yaml", good=False)
    assert "HighGPUUsage" in out, out


def test_alerts_say_what_they_should(tmp):
    for r in alerts():
        name, notes = r["alert"], r["annotations"]
        assert re.fullmatch(r"(Nereid[A-Z]\w+|HighLatency|HighGPUUsage)", name), name
        assert r["labels"]["severity"] in SEVERITIES, f"{name}: its severity is not one of {sorted(SEVERITIES)}"
        assert "for" in r, f"{name} does not say for how long"
        assert "{{" not in notes["summary"], f"{name}: the summary has to be the same for all of its alerts"
        assert "{{" in notes["description"] or name == "NereidAbsent", f"{name}: the description has no values"
        assert notes["runbook_url"] == RUNBOOK_URL + name.lower(), f"{name}: its runbook_url is not {RUNBOOK_URL}{name.lower()}"


def test_the_tutorials_alerts_keep_their_terms(tmp):
    by_name = {r["alert"]: r for r in alerts()}
    latency, gpu = by_name["HighLatency"], by_name["HighGPUUsage"]
    assert (latency["for"], latency["labels"]["severity"]) == ("2m", "warning") and latency["expr"].rstrip().endswith("> 0.2")
    assert (gpu["for"], gpu["labels"]["severity"], gpu["expr"]) == ("1m", "critical", "nv_gpu_utilization > 0.9")
    assert set(re.findall(r"\bn\w+_\w+", latency["expr"])) == {"nv_inference_request_duration_us", "nv_inference_request_success"}, \
        "HighLatency has to work on Triton, from its counters alone"


def test_every_alert_has_a_case_that_fires_and_one_that_is_silent(tmp):
    fires, silent, severities = set(), set(), set()
    for path in CASES:
        for case in load(path)["tests"]:
            for check in case.get("alert_rule_test", []):
                expected = check["exp_alerts"]
                (fires if expected else silent).add(check["alertname"])
                severities |= {(check["alertname"], e["exp_labels"]["severity"], e["exp_labels"].get("long")) for e in expected}
    names = set(alert_names())
    assert fires == names, f"without a case that fires: {sorted(names - fires)}; unknown: {sorted(fires - names)}"
    assert silent == names, f"without a silent case: {sorted(names - silent)}; unknown: {sorted(silent - names)}"
    wanted = {(r["alert"], r["labels"]["severity"], r["labels"].get("long")) for r in alerts()}
    assert severities == wanted, f"severities and windows without a case: {sorted(map(str, wanted - severities))}"


def test_idle_load_and_reset_are_cases_of_every_alert(tmp):
    cases = load(f"{HOME}/rules/tests/silence.yaml")["tests"]
    assert len(cases) == 3
    for case in cases:
        assert {c["alertname"] for c in case["alert_rule_test"]} == set(alert_names()), case["name"]


# ---- runbooks ----

def test_every_alert_has_a_runbook(tmp):
    pages = {os.path.basename(p) for p in glob.glob(f"{RUNBOOKS}/*.md")} - {"README.md"}
    assert pages == {n.lower() + ".md" for n in alert_names()}, f"pages and alerts differ: {pages ^ {n.lower() + '.md' for n in alert_names()}}"
    index = read(f"{RUNBOOKS}/README.md")
    for name in alert_names():
        text = read(page(name))
        assert text.startswith(f"# {name}\n"), f"{name}: the page begins otherwise"
        assert re.findall(r"^## (.*)$", text, flags=re.M) == HEADINGS, f"{name}: the headings are not {HEADINGS}"
        for part in re.split(r"^## .*$", text, flags=re.M)[1:]:
            assert len(part.split()) >= 4, f"{name}: a part says nothing"
        diagnosis = text.split("## Diagnosis")[1].split("## Mitigation")[0]
        assert "```sh\n" in diagnosis and "```promql\n" in diagnosis, f"{name}: the diagnosis needs commands and queries"
        assert re.search(r"^- ", text.split("## Mitigation")[1], flags=re.M), f"{name}: the mitigation is no list"
        for severity in {r["labels"]["severity"] for r in alerts() if r["alert"] == name}:
            assert severity in text.split("## Meaning")[0], f"{name}: the page does not name the severity {severity}"
        assert f"[{name}]({name.lower()}.md)" in index, f"{name} is not in docs/runbooks/README.md"


def test_links_of_runbooks_lead_somewhere(tmp):
    for path in glob.glob(f"{RUNBOOKS}/*.md"):
        for target in re.findall(r"\]\(([^)]+)\)", read(path)):
            assert os.path.exists(os.path.join(RUNBOOKS, target)), f"{os.path.basename(path)} links to {target}, which is not there"


def test_queries_of_runbooks_are_promql(tmp):
    check_syntax(tmp, [q for _, q in runbook_queries()])


# ---- names ----

def exported():
    """Series of the metrics page, from the tables of the program."""
    names = set()
    for name, kind in re.findall(r'^X\(\w+,\s*"(\w+)",\s*"(\w+)"', read(f"{ROOT}/src/tables/metrics.def"), flags=re.M):
        names |= {f"{name}_{x}" for x in ("bucket", "sum", "count")} if kind == "histogram" else {name}
    assert len(names) > 20
    return names


def metrics_in(query):
    """Names of metrics in a query: what is no function, label, keyword or number."""
    query = re.sub(r'"(\\.|[^"\\])*"|\'[^\']*\'', '""', query)
    query = re.sub(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", query)
    query = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\boffset\s+\w+", " ", query)
    words = re.findall(r"(?<![\w:.])([a-zA-Z_:][\w:]*)\s*(\(?)", query)
    return {w for w, call in words if not call and w not in lint_dashboard.WORDS}


def test_every_metric_exists(tmp):
    known = exported() | FOREIGN | {r["record"] for r in rules() if "record" in r}
    places = [(r.get("alert") or r["record"], r["expr"]) for r in rules()] + list(dashboard_queries()) + list(runbook_queries())
    for path in CASES:
        for case in load(path)["tests"]:
            places += [(f"{os.path.basename(path)}: {case['name']}", s["series"]) for s in case["input_series"]]
    for path in DASHBOARDS:
        places += [(os.path.basename(path), re.sub(r"label_values\((.*), \w+\)", r"\1", v["query"])) for v in json.loads(read(path))["templating"]["list"] if v["type"] == "query"]
    unknown = {}
    for where, query in places:
        for m in metrics_in(query) - known:
            unknown.setdefault(m, []).append(where)
    assert not unknown, "neither in src/tables/metrics.def nor those of others:\n" + "\n".join(f"{m}: {', '.join(w[:3])}" for m, w in sorted(unknown.items()))
    used = {m for _, q in places for m in metrics_in(q)}
    assert FOREIGN <= used, f"listed as foreign and not used: {FOREIGN - used}"


def test_reasons_and_bounds_exist(tmp):
    text = "\n".join(read(p) for p in RULES) + "\n".join(q for _, q in list(dashboard_queries()) + list(runbook_queries()))
    reasons = set(re.findall(r'^X\(\w+,\s*"(\w+)"', read(f"{ROOT}/src/tables/refusals.def"), flags=re.M))
    asked = {x for m in re.findall(r'nereid_refused_total\{[^}]*reason=~?\\?"([\w|]+)', text) for x in m.split("|")}
    assert asked and asked <= reasons, f"reasons that src/tables/refusals.def does not have: {asked - reasons}"
    of_alerts = {x for r in alerts() for m in re.findall(r'nereid_refused_total\{reason=~"([\w|]+)', r["expr"]) for x in m.split("|")}
    assert of_alerts == reasons, f"reasons that no alert watches: {reasons - of_alerts}"
    bounds = set(re.findall(r'^X\(\w+,\s*"([\d.]+)"', read(f"{ROOT}/src/tables/buckets.def"), flags=re.M))
    asked = set(re.findall(r'le=~?"([^"]+)"', text))
    assert asked == {"0.2"} and asked <= bounds, f"bounds that src/tables/buckets.def does not have: {asked - bounds}"


# ---- configurations ----

def prometheus_config(tmp, edit=lambda job: None):
    """A copy whose rules are the repository's; `edit` may change its jobs."""
    config = load(f"{HOME}/prometheus/prometheus.yml")
    assert config["rule_files"] == ["/etc/prometheus/rules/*.yaml"]
    config["rule_files"] = [os.path.abspath(p) for p in RULES]
    for job in config["scrape_configs"]:
        edit(job)
    path = f"{tmp}/prometheus.yml"
    with open(path, "w", encoding="utf-8") as f:
        yaml.safe_dump(config, f, sort_keys=False)
    return path, config


def knows_kubernetes(tmp):
    """Debian builds promtool without Kubernetes' discovery; the image of Prometheus has it."""
    path = f"{tmp}/sd.yml"
    with open(path, "w", encoding="utf-8") as f:
        f.write("scrape_configs: [{job_name: a, kubernetes_sd_configs: [{role: pod}]}]\n")
    p = subprocess.run([tool("promtool"), "check", "config", path], capture_output=True, text=True)
    return "field kubernetes_sd_configs not found" not in p.stdout + p.stderr


def test_prometheus_takes_its_config(tmp):
    def without(job):
        if job.pop("kubernetes_sd_configs", None):
            job["static_configs"] = [{"targets": ["localhost:1"]}]
    path, config = prometheus_config(tmp, (lambda job: None) if knows_kubernetes(tmp) else without)
    out = command("promtool", "check", "config", path)
    assert out.count("SUCCESS") >= 4 and "rule files found" in out, out
    assert config["global"]["scrape_interval"] == "5s"
    found = {job["job_name"]: job.get("kubernetes_sd_configs") for job in load(f"{HOME}/prometheus/prometheus.yml")["scrape_configs"]}
    assert found["nereid"] == found["pods"] == [{"role": "pod"}]


def pod(name, address, **more):
    """A target as Kubernetes' discovery would give it; None takes a label away."""
    labels = {"annotation_prometheus_io_scrape": "true", "annotation_prometheus_io_port": "8002", "label_app_kubernetes_io_name": "nereid", "phase": "Running",
              "node_name": "worker-1", "name": name, "ip": address.rsplit(":", 1)[0].strip("[]"), **more}
    out = {f"__meta_kubernetes_pod_{k}": v for k, v in labels.items() if v is not None}
    return {"targets": [address], "labels": {**out, "__meta_kubernetes_namespace": "ml"}}


def test_pods_become_targets(tmp):
    """Real relabelling by promtool: several ports become one target, what does not ask is left out, jobs are named."""
    pods = [pod("a", "10.0.0.1:8000"), pod("a", "10.0.0.1:8001"), pod("a", "10.0.0.1:8002"), pod("quiet", "10.0.0.2:8002", annotation_prometheus_io_scrape=None),
            pod("ended", "10.0.0.3:8002", phase="Succeeded"), pod("six", "[fd00::6]:8000"), pod("other", "10.0.0.4:80", label_app_kubernetes_io_name="web", annotation_prometheus_io_port="9102",
                                                                                             annotation_prometheus_io_path="/stats"),
            pod("nameless", "10.0.0.5:9102", label_app_kubernetes_io_name=None, annotation_prometheus_io_port=None)]

    def static(job):
        if job.pop("kubernetes_sd_configs", None):
            job["static_configs"] = pods

    path, _ = prometheus_config(tmp, static)
    got = {}
    for job in ("nereid", "pods"):
        out = command("promtool", "check", "service-discovery", "--timeout=3s", path, job)
        kept = {json.dumps(t["labels"], sort_keys=True) for t in json.loads(out[out.index("["):]) if t.get("labels")}
        got[job] = sorted(({k: v for k, v in json.loads(x).items() if not k.startswith("__") or k in ("__address__", "__metrics_path__")} for x in kept), key=lambda t: t["pod"])
    base = {"namespace": "ml", "node": "worker-1"}
    assert got["nereid"] == [{**base, "job": "nereid", "pod": "a", "__address__": "10.0.0.1:8002", "instance": "10.0.0.1:8002", "__metrics_path__": "/metrics"},
                             {**base, "job": "nereid", "pod": "six", "__address__": "[fd00::6]:8002", "instance": "[fd00::6]:8002", "__metrics_path__": "/metrics"}], got["nereid"]
    assert got["pods"] == [{**base, "job": "pods", "pod": "nameless", "__address__": "10.0.0.5:9102", "instance": "10.0.0.5:9102", "__metrics_path__": "/metrics"},
                           {**base, "job": "web", "pod": "other", "__address__": "10.0.0.4:9102", "instance": "10.0.0.4:9102", "__metrics_path__": "/stats"}], got["pods"]


def alertmanager_config(tmp):
    """The file; or a copy in which the webhook has an address, for an amtool older than 0.26, where a webhook has no url_file."""
    path = f"{HOME}/alertmanager/alertmanager.yml"
    with open(f"{tmp}/hook.yml", "w", encoding="utf-8") as f:
        f.write("{route: {receiver: a}, receivers: [{name: a, webhook_configs: [{url_file: /x}]}]}\n")
    p = subprocess.run([tool("amtool"), "check-config", f"{tmp}/hook.yml"], capture_output=True, text=True)
    if "field url_file not found" not in p.stdout + p.stderr:
        assert p.returncode == 0, p.stdout + p.stderr
        return path
    config = load(path)
    for receiver in config["receivers"]:
        for hook in receiver.get("webhook_configs", []):
            hook.pop("url_file")
            hook["url"] = "http://webhook.example.org"
    with open(f"{tmp}/alertmanager.yml", "w", encoding="utf-8") as f:
        yaml.safe_dump(config, f)
    return f"{tmp}/alertmanager.yml"


def test_alertmanager_sends_alerts_where_it_should(tmp):
    path = alertmanager_config(tmp)
    command("amtool", "check-config", path)
    wanted = {"critical": "webhook,email,slack", "warning": "webhook,slack", "info": "nobody"}
    for r in alerts():
        labels = [f"{k}={v}" for k, v in {"alertname": r["alert"], **r["labels"]}.items()]
        command("amtool", "config", "routes", "test", f"--config.file={path}", f"--verify.receivers={wanted[r['labels']['severity']]}", *labels)
    command("amtool", "config", "routes", "test", f"--config.file={path}", "--verify.receivers=email", "alertname=SomeOther")
    command("amtool", "config", "routes", "test", f"--config.file={path}", "--verify.receivers=slack", "alertname=HighLatency", "severity=warning", good=False)


def test_credentials_are_files_of_the_secret(tmp):
    text = read(f"{HOME}/alertmanager/alertmanager.yml")
    files = set(re.findall(r"_file: (\S+)", text))
    assert files == {f"/etc/alertmanager/secrets/{k}" for k in ("smtp-password", "slack-url", "webhook-url")}, files
    for word in ("smtp_auth_password:", "slack_api_url:", " api_url:", " url:", "auth_password:"):
        assert word not in text, f"alertmanager.yml holds {word} itself"


def test_inhibitions_name_alerts(tmp):
    names = alert_names()
    for rule in load(f"{HOME}/alertmanager/alertmanager.yml")["inhibit_rules"]:
        for matcher in rule["source_matchers"] + rule["target_matchers"]:
            m = re.fullmatch(r'alertname =~? "(.*)"', matcher)
            if not m:
                assert matcher.startswith("severity "), matcher
                continue
            for choice in re.sub(r"Nereid\(([^)]*)\)", lambda x: "|".join("Nereid" + y for y in x[1].split("|")), m[1]).split("|"):
                assert choice in names, f"an inhibition names {choice}, which is no alert"


# ---- dashboards ----

def test_dashboards_are_those_of_the_generator(tmp):
    gen = f"{HOME}/dashboards/gen.py"
    p = subprocess.run([sys.executable, gen, "--check"], capture_output=True, text=True)
    assert p.returncode == 0, p.stdout + p.stderr
    assert {os.path.basename(d) for d in DASHBOARDS} == {"overview.json", "gpu.json", "capacity.json", "alerts.json"}
    shutil.copytree(f"{HOME}/dashboards", f"{tmp}/dashboards")
    with open(f"{tmp}/dashboards/gpu.json", "a", encoding="utf-8") as f:
        f.write(" ")
    p = subprocess.run([sys.executable, f"{tmp}/dashboards/gen.py", "--check"], capture_output=True, text=True)
    assert p.returncode == 1 and p.stdout.startswith("gpu.json is not"), p.stdout


def test_dashboards_are_clean(tmp):
    found = [x for path in DASHBOARDS for x in lint_dashboard.lint(path)]
    assert not found, "\n".join(found)
    assert len({json.loads(read(p))["uid"] for p in DASHBOARDS}) == len(DASHBOARDS)
    for path in DASHBOARDS:
        assert os.path.getsize(path) < 200 * 1024, f"{path} is too large for a ConfigMap that kubectl applies"


def spoiled(change):
    d = json.loads(read(f"{HOME}/dashboards/overview.json"))
    change(d, next(p for p in d["panels"] if p["title"] == "Requests by model"))
    return d


def test_the_linter_finds_faults(tmp):
    faults = {
        "uneditable-dashboard": lambda d, p: d.update(editable=True),
        "template-datasource-rule": lambda d, p: d["templating"]["list"].pop(0),
        "template-job-rule": lambda d, p: d["templating"]["list"].pop(1),
        "template-instance-rule": lambda d, p: d["templating"]["list"][2].update(allValue=".*"),
        "template-on-time-change-reload-rule": lambda d, p: d["templating"]["list"][3].update(refresh=1),
        "template-label-promql-rule": lambda d, p: d["templating"]["list"][3].update(query="pods"),
        "panel-title-description-rule": lambda d, p: p.pop("description"),
        "panel-datasource-rule": lambda d, p: p.update(datasource={"uid": "abc"}),
        "panel-units-rule": lambda d, p: p["fieldConfig"]["defaults"].pop("unit"),
        "panel-no-targets-rule": lambda d, p: p.update(targets=[]),
        "target-required-rule": lambda d, p: p["targets"][0].update(expr=""),
        "target-job-rule": lambda d, p: p["targets"][0].update(expr="sum(up)"),
        "target-instance-rule": lambda d, p: p["targets"][0].update(expr='up{job=~"$job"}'),
        "target-rate-interval-rule": lambda d, p: p["targets"][0].update(expr=p["targets"][0]["expr"].replace("$__rate_interval", "5m")),
        "target-counter-agg-rule": lambda d, p: p["targets"][0].update(expr='sum(nv_inference_count{job=~"$job", instance=~"$instance"})'),
        "titles": lambda d, p: p.update(title="Mean latency"),
        "places": lambda d, p: p["gridPos"].update(x=20),
        "identity": lambda d, p: d.update(id=7),
    }
    for rule, change in faults.items():
        path = f"{tmp}/overview.json"
        with open(path, "w", encoding="utf-8") as f:
            json.dump(spoiled(change), f)
        found = lint_dashboard.lint(path)
        assert any(f": {rule}: " in x for x in found), f"a fault against {rule} is not found: {found}"


def test_queries_of_dashboards_are_promql(tmp):
    queries = [q.replace("$__rate_interval", "1m") for _, q in dashboard_queries()]
    assert len(queries) > 60
    check_syntax(tmp, queries)
    out = subprocess.run([sys.executable, f"{HOME}/dashboards/gen.py", "--queries"], capture_output=True, text=True, check=True).stdout
    listed = [json.loads(x) for x in out.splitlines()]
    assert len(listed) == len(queries) and not any("$" in q["expr"] for q in listed)
    check_syntax(tmp, [q["expr"] for q in listed])


# ---- manifests ----

def manifests():
    for name in load(f"{HOME}/kustomization.yaml")["resources"]:
        with open(f"{HOME}/{name}", encoding="utf-8") as f:
            yield from (d for d in yaml.safe_load_all(f) if d)


def test_the_kustomization_holds_everything(tmp):
    k = load(f"{HOME}/kustomization.yaml")
    maps = {m["name"]: [os.path.basename(f) for f in m["files"]] for m in k["configMapGenerator"]}
    for m in k["configMapGenerator"]:
        for f in m["files"]:
            assert os.path.exists(f"{HOME}/{f}"), f"kustomization.yaml names {f}, which is not there"
    assert sorted(maps["prometheus-rules"]) == [os.path.basename(p) for p in RULES]
    assert sorted(f for n, fs in maps.items() if n.startswith("grafana-dashboard-") for f in fs) == [os.path.basename(p) for p in DASHBOARDS]
    used = set()
    for d in manifests():
        if d["kind"] == "Deployment":
            for v in d["spec"]["template"]["spec"]["volumes"]:
                sources = [v] + v.get("projected", {}).get("sources", [])
                used |= {s["configMap"]["name"] for s in sources if "configMap" in s}
    assert used == set(maps), f"ConfigMaps that are made and not mounted, or the other way round: {used ^ set(maps)}"


def test_pods_are_restricted(tmp):
    """The restricted Pod Security Standard, and what else a pod should have."""
    deployments = {d["metadata"]["name"]: d for d in manifests() if d["kind"] == "Deployment"}
    assert set(deployments) == {"prometheus", "grafana", "alertmanager"}
    namespace = next(d for d in manifests() if d["kind"] == "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for name, d in deployments.items():
        spec = d["spec"]["template"]["spec"]
        context = spec["securityContext"]
        assert context["runAsNonRoot"] and context["runAsUser"] > 0 and context["seccompProfile"]["type"] == "RuntimeDefault", name
        assert spec["automountServiceAccountToken"] == (name == "prometheus"), name
        for c in spec["containers"]:
            own = c["securityContext"]
            assert own["capabilities"] == {"drop": ["ALL"]} and own["allowPrivilegeEscalation"] is False and own["readOnlyRootFilesystem"] is True, name
            assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", c["image"]), f"{c['image']} is not pinned"
            assert c["resources"]["limits"]["memory"] and {"startupProbe", "readinessProbe", "livenessProbe"} <= set(c), name
            mounts, volumes = {m["name"] for m in c["volumeMounts"]}, {v["name"] for v in spec["volumes"]}
            assert mounts == volumes, f"{name}: volumes and mounts differ: {mounts ^ volumes}"
            paths = sorted(m["mountPath"] for m in c["volumeMounts"])
            assert not any(b.startswith(a + "/") for a in paths for b in paths), f"{name}: a volume is mounted inside another"
    args = deployments["prometheus"]["spec"]["template"]["spec"]["containers"][0]["args"]
    assert any("retention.time" in a for a in args) and any("retention.size" in a for a in args)


def test_ports_and_secrets_are_the_agreed_ones(tmp):
    ports = {d["metadata"]["name"]: d["spec"]["ports"][0]["nodePort"] for d in manifests() if d["kind"] == "Service"}
    assert ports == {"prometheus": 30090, "grafana": 30300, "alertmanager": 30093}
    secrets = {}
    for d in manifests():
        if d["kind"] == "Deployment":
            for v in d["spec"]["template"]["spec"]["volumes"]:
                if "secret" in v:
                    secrets[v["secret"]["secretName"]] = v["secret"].get("optional", False)
    assert secrets == {"grafana-admin": False, "alertmanager-receivers": True}, secrets
    grafana = read(f"{HOME}/grafana.yaml")
    assert "/etc/grafana/secrets/admin-user" in grafana and "/etc/grafana/secrets/admin-password" in grafana
    datasource = load(f"{HOME}/grafana/datasource.yaml")["datasources"][0]
    assert datasource["type"] == "prometheus" and datasource["url"] == "http://prometheus:9090"
    folder = load(f"{HOME}/grafana/dashboards.yaml")["providers"][0]["options"]["path"]
    assert f"mountPath: {folder}\n" in grafana


def test_prometheus_may_read_pods_and_nothing_else(tmp):
    role = next(d for d in manifests() if d["kind"] == "ClusterRole")
    assert role["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}]
    binding = next(d for d in manifests() if d["kind"] == "ClusterRoleBinding")
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "prometheus", "namespace": "monitoring"}]


if __name__ == "__main__":
    run(dict(globals()))
