#!/usr/bin/env python3
"""Writes the Grafana dashboards next to it: overview, gpu, capacity, alerts.

usage: gen.py            writes the four files
       gen.py --check    status 1, and a sentence, when a file is not what would be written
       gen.py --queries  prints a JSON object a line for each query, with job nereid and all else at everything:
                         {"dashboard", "panel", "expr", "needs", "only"}; needs is "", "gpu" (NVIDIA's driver) or
                         "alert" (an alert that fires), and only is "Nereid" where Triton has not the metric:
                         without them the query is right to be empty

Queries follow grafana/dashboard-linter: each selector has job and instance, rates are over $__rate_interval. Where
Triton has the metric, the query is on Triton's name, so those panels work with NVIDIA's server as well: means are
Triton's counters, percentiles are Nereid's histograms. A divisor is "(x > 0)": no traffic gives no point.
"""
import json, os, sys

HERE = os.path.dirname(os.path.abspath(__file__))
R = "$__rate_interval"
DS = {"type": "prometheus", "uid": "$datasource"}
S = 'job=~"$job", instance=~"$instance", pod=~"$pod"'
M = S + ', model=~"$model", version=~"$version"'
GOOD, WARN, BAD = "green", "orange", "red"
BY_MODEL, MV, POD = "sum by (model, version)", "{{model}} v{{version}}", "{{pod}} {{instance}}"


def rate(metric, select=M, more=""):
    return f"rate({metric}{{{select}{more}}}[{R}])"


def worked(select):
    """Processors at work: what event loops spend looking for the next request is to be had for requests."""
    return f"({rate('process_cpu_seconds_total', select)} - {rate('nereid_busy_poll_seconds_total', select)})"


def over(a, b):
    return f"{a} / ({b} > 0)"


def model_rate(metric, more=""):
    return f"{BY_MODEL} ({rate(metric, M, more)})"


def model_mean(counter):
    """Mean seconds of a request, by model, from Triton's counter of microseconds."""
    return over(f"{model_rate(counter)} / 1e6", model_rate("nv_inference_request_success"))


def mean(counter):
    return over(f"sum({rate(counter)}) / 1e6", f"sum({rate('nv_inference_request_success')})")


def quantile(q, histogram, by="le"):
    return f"histogram_quantile({q}, sum by ({by}) ({rate(histogram + '_bucket')}))"


OWN = ("nereid_", "process_", "slo_latency")                # metrics that Triton does not have
FAILED = 'reason!="CANCELED"'
ALL_RATE = f"sum({rate('nv_inference_request_success')}) + sum({rate('nv_inference_request_failure', M, ', ' + FAILED)})"
FAILED_SHARE = over(f"sum({rate('nv_inference_request_failure', M, ', ' + FAILED)})", ALL_RATE)
MODEL_FAILED = over(model_rate("nv_inference_request_failure", ", " + FAILED),
                    model_rate("nv_inference_request_success") + " + " + model_rate("nv_inference_request_failure", ", " + FAILED))


def panel(kind, title, text, unit, *targets, needs="", **more):
    """targets: (expression, legend). more: steps=[(value, colour)], max, stack, columns={refId: (name, unit)}, decimals."""
    return dict(kind=kind, title=title, text=text, unit=unit, targets=targets, needs=needs, more=more)


def stat(*a, **k):
    return panel("stat", *a, **k)


def lines(*a, **k):
    return panel("timeseries", *a, **k)


def heat(*a, **k):
    return panel("heatmap", *a, **k)


def table(*a, **k):
    return panel("table", *a, **k)


OVERVIEW = [
    ("Health", 4, [
        stat("Servers up", "Targets that answer the scrape.", "short", (f"sum(up{{{S}}})", "up"), steps=[(0, BAD), (1, GOOD)]),
        stat("Servers ready", "Servers that answer ready (Nereid only).", "short", (f"sum(nereid_ready{{{S}}})", "ready"), steps=[(0, BAD), (1, GOOD)]),
        stat("Requests per second", "Successful and failed requests.", "reqps", (ALL_RATE, "requests")),
        stat("Failed share", "Failures other than cancelled requests, of all requests.", "percentunit", (FAILED_SHARE, "failed"),
             steps=[(0, GOOD), (0.001, WARN), (0.01, BAD)], max=1),
        stat("Mean latency", "Time in the server of a successful request.", "s", (mean("nv_inference_request_duration_us"), "mean"),
             steps=[(0, GOOD), (0.1, WARN), (0.2, BAD)]),
        stat("99th percentile", "Of the latency of successful requests (Nereid only).", "s", (quantile(0.99, "nereid_request_duration_seconds"), "p99"),
             steps=[(0, GOOD), (0.2, WARN), (1, BAD)]),
        stat("Pending requests", "Requests that wait to be executed now.", "short", (f"sum(nv_inference_pending_request_count{{{M}}})", "pending"),
             steps=[(0, GOOD), (20, WARN), (100, BAD)]),
    ]),
    ("Traffic", 8, [
        lines("Requests by model", "Successful requests a second.", "reqps", (model_rate("nv_inference_request_success"), MV)),
        lines("Failures by reason", "REJECTED: dropped by the queue policy. BACKEND: the execution failed. CANCELED: the client went away. OTHER: all else.",
              "reqps", (f"sum by (model, reason) ({rate('nv_inference_request_failure')})", "{{model}} {{reason}}")),
        lines("Refusals by reason", "What was refused before it became a request of a model (Nereid only); the reasons are in its documentation.",
              "ops", (f"sum by (reason) ({rate('nereid_refused_total', S)})", "{{reason}}")),
    ]),
    ("Latency", 8, [
        lines("Mean latency by model", "The duration counter over the number of successes, which alone move it.", "s", (model_mean("nv_inference_request_duration_us"), MV)),
        lines("Latency percentiles", "Of all selected models, from the histogram (Nereid only).", "s",
              *[(quantile(q, "nereid_request_duration_seconds"), f"p{q * 100:g}") for q in (0.5, 0.9, 0.95, 0.99)]),
        lines("99th percentile by model", "From the histogram (Nereid only).", "s",
              (quantile(0.99, "nereid_request_duration_seconds", "le, model, version"), MV)),
    ]),
    ("", 8, [
        lines("Where the time goes", "Mean of each phase of a request; together they are the mean latency.", "s",
              *[(mean(f"nv_inference_{p}_duration_us"), text) for p, text in
                (("queue", "waiting"), ("compute_input", "input"), ("compute_infer", "compute"), ("compute_output", "output"))], stack=True),
        lines("Waiting as a share of latency", "Over one half, requests wait longer than they compute.", "percentunit",
              (over(model_rate("nv_inference_queue_duration_us"), model_rate("nv_inference_request_duration_us")), MV), max=1),
        heat("Latency heatmap", "Requests a second in each bucket of latency in seconds (Nereid only).", "reqps",
             (f"sum by (le) ({rate('nereid_request_duration_seconds_bucket')})", "{{le}}")),
    ]),
    ("Queues and batches", 8, [
        lines("Pending requests by model", "Requests that wait to be executed.", "short", (f"{BY_MODEL} (nv_inference_pending_request_count{{{M}}})", MV)),
        lines("Waiting percentiles", "Time that a request waits for its model (Nereid only).", "s",
              *[(quantile(q, "nereid_queue_duration_seconds"), f"p{q * 100:g}") for q in (0.5, 0.99)]),
        lines("Computing percentiles", "Time that a request is in its model (Nereid only).", "s",
              *[(quantile(q, "nereid_compute_duration_seconds"), f"p{q * 100:g}") for q in (0.5, 0.99)]),
    ]),
    ("", 8, [
        lines("Mean batch size", "Inferences for each execution.", "short", (over(model_rate("nv_inference_count"), model_rate("nv_inference_exec_count")), MV)),
        lines("Executions per second", "Batches that ran.", "ops", (model_rate("nv_inference_exec_count"), MV)),
        heat("Batch size heatmap", "Executions a second for each batch size (Nereid only).", "ops", (f"sum by (le) ({rate('nereid_batch_size_bucket')})", "{{le}}")),
    ]),
    ("Models", 9, [
        table("Models", "One line for each version of a model. The 99th percentile is Nereid's only.", "short",
              (model_rate("nv_inference_request_success"), ""), (MODEL_FAILED, ""), (model_mean("nv_inference_request_duration_us"), ""),
              (quantile(0.99, "nereid_request_duration_seconds", "le, model, version"), ""), (model_mean("nv_inference_queue_duration_us"), ""),
              (over(model_rate("nv_inference_count"), model_rate("nv_inference_exec_count")), ""),
              (f"{BY_MODEL} (nv_inference_pending_request_count{{{M}}})", ""),
              columns=[("Requests/s", "reqps"), ("Failed", "percentunit"), ("Mean", "s"), ("p99", "s"), ("Waiting", "s"), ("Batch", "short"), ("Pending", "short")]),
    ]),
    ("", 7, [
        lines("Servers on which a model is ready", "Nereid only.", "short", (f"{BY_MODEL} (nereid_model_ready{{{M}}})", MV)),
        lines("Load time", "Seconds that the last load took, the slowest server.", "s", (f"max by (model, version) (nv_model_load_duration_secs{{{M}}})", MV)),
        lines("Servers by version", "More than one for long means that a rollout is stuck (Nereid only).", "short",
              (f"count by (version) (nereid_build_info{{{S}}})", "{{version}}")),
    ]),
]

CAPACITY = [
    ("How much is used", 4, [
        stat("Servers up", "Targets that answer the scrape.", "short", (f"sum(up{{{S}}})", "up"), steps=[(0, BAD), (1, GOOD)]),
        stat("CPU used", "Processor time of the servers, of what they may use (Nereid only).", "percentunit",
             (over(f"sum({worked(S)})", f"sum(nereid_cpu_limit_cores{{{S}}})"), "used"), steps=[(0, GOOD), (0.7, WARN), (0.9, BAD)], max=1),
        stat("Memory used", "Of the fullest server, of what it may use (Nereid only).", "percentunit",
             (f"max(process_resident_memory_bytes{{{S}}} / (nereid_memory_limit_bytes{{{S}}} > 0))", "used"), steps=[(0, GOOD), (0.85, WARN), (0.95, BAD)], max=1),
        stat("Servers needed", "So many servers would use 70 % of their CPU for the load of now (Nereid only).", "short",
             (f"ceil(sum({worked(S)}) / (0.7 * avg(nereid_cpu_limit_cores{{{S}}})))", "servers")),
        stat("Requests for a core", "Successful requests a second for each core in use (Nereid only).", "reqps",
             (over(f"sum({rate('nv_inference_request_success', S)})", f"sum({worked(S)})"), "requests")),
        stat("Restarts", "Of processes, in the last hour, without a new pod (Nereid only).", "short", (f"sum(changes(process_start_time_seconds{{{S}}}[1h]))", "restarts"),
             steps=[(0, GOOD), (1, WARN), (3, BAD)]),
    ]),
    ("Load", 8, [
        lines("Requests by server", "Successful requests a second; servers that differ are not balanced.", "reqps",
              (f"sum by (pod, instance) ({rate('nv_inference_request_success')})", POD)),
        lines("Inferences by model", "A request of batch n counts n.", "ops", (model_rate("nv_inference_count"), MV)),
        lines("Requests inside, by phase", "Little's law: microseconds of a phase that pass in a second, over 1e6, are the requests in that phase.", "short",
              (f"sum({rate('nv_inference_queue_duration_us')}) / 1e6", "waiting"), (f"sum({rate('nv_inference_compute_infer_duration_us')}) / 1e6", "computing")),
    ]),
    ("", 8, [
        lines("Waiting requests by server", "Little's law again, by server; an autoscaler on queue time uses this figure.", "short",
              (f"sum by (pod, instance) ({rate('nv_inference_queue_duration_us')}) / 1e6", POD)),
        lines("Pending requests by server", "Requests that wait to be executed now.", "short", (f"sum by (pod, instance) (nv_inference_pending_request_count{{{M}}})", POD)),
        lines("Processor time of a request", "Seconds of CPU for each successful request (Nereid only).", "s",
              (over(f"sum by (pod, instance) ({worked(S)})", f"sum by (pod, instance) ({rate('nv_inference_request_success', S)})"), POD)),
    ]),
    ("Processors and memory", 8, [
        lines("CPU used by server", "Of what it may use: its cgroup's limit, or the cores of the node (Nereid only).", "percentunit",
              (f"{worked(S)} / (nereid_cpu_limit_cores{{{S}}} > 0)", POD), max=1),
        lines("Memory of servers", "Resident memory and the limit (Nereid only).", "bytes", (f"process_resident_memory_bytes{{{S}}}", POD),
              (f"max(nereid_memory_limit_bytes{{{S}}})", "limit")),
        lines("Open files", "File descriptors in use, of those allowed (Nereid only).", "percentunit", (f"process_open_fds{{{S}}} / (process_max_fds{{{S}}} > 0)", POD), max=1),
    ]),
    ("", 8, [
        lines("CPU of nodes", "All processes of the node on which a server runs.", "percentunit", (f"nv_cpu_utilization{{{S}}}", POD), max=1),
        lines("Memory of nodes", "All processes of the node on which a server runs.", "percentunit",
              (f"nv_cpu_memory_used_bytes{{{S}}} / (nv_cpu_memory_total_bytes{{{S}}} > 0)", POD), max=1),
        lines("Connections", "Open connections of all servers, by protocol (Nereid only).", "short", (f"sum by (protocol) (nereid_connections{{{S}}})", "{{protocol}}")),
        lines("Up for", "Time since the process started (Nereid only).", "s", (f"time() - process_start_time_seconds{{{S}}}", POD)),
    ]),
]

GPU_NAME = "{{pod}} {{gpu_uuid}}"
GPU = [
    ("GPUs", 4, [
        stat("GPUs", "Boards that report.", "short", (f"count(nv_gpu_memory_total_bytes{{{S}}})", "GPUs"), needs="gpu"),
        stat("Utilisation", "Mean of the boards.", "percentunit", (f"avg(nv_gpu_utilization{{{S}}})", "busy"), needs="gpu", steps=[(0, GOOD), (0.9, BAD)], max=1),
        stat("Memory used", "Of the fullest board.", "percentunit", (f"max(nv_gpu_memory_used_bytes{{{S}}} / (nv_gpu_memory_total_bytes{{{S}}} > 0))", "used"),
             needs="gpu", steps=[(0, GOOD), (0.85, WARN), (0.95, BAD)], max=1),
        stat("Power", "All boards together.", "watt", (f"sum(nv_gpu_power_usage{{{S}}})", "power"), needs="gpu"),
        stat("Energy of an inference", "Joules for each inference, whatever else the boards do.", "joule",
             (over(f"sum({rate('nv_energy_consumption', S)})", f"sum({rate('nv_inference_count', S)})"), "energy"), needs="gpu"),
    ]),
    ("Boards", 9, [
        lines("Utilisation by GPU", "The share of time in which a kernel ran. HighGPUUsage fires over 90 %.", "percentunit", (f"nv_gpu_utilization{{{S}}}", GPU_NAME), needs="gpu", max=1),
        lines("Memory by GPU", "Used, and the total of the largest board.", "bytes", (f"nv_gpu_memory_used_bytes{{{S}}}", GPU_NAME),
              (f"max(nv_gpu_memory_total_bytes{{{S}}})", "total"), needs="gpu"),
        lines("Memory share by GPU", "Used memory of the board, by all processes.", "percentunit",
              (f"nv_gpu_memory_used_bytes{{{S}}} / (nv_gpu_memory_total_bytes{{{S}}} > 0)", GPU_NAME), needs="gpu", max=1),
    ]),
    ("Power and work", 9, [
        lines("Power by GPU", "Draw, and the highest limit.", "watt", (f"nv_gpu_power_usage{{{S}}}", GPU_NAME), (f"max(nv_gpu_power_limit{{{S}}})", "limit"), needs="gpu"),
        lines("Power share of limit", "Near one, the board lowers its clocks.", "percentunit", (f"nv_gpu_power_usage{{{S}}} / (nv_gpu_power_limit{{{S}}} > 0)", GPU_NAME), needs="gpu", max=1),
        lines("Energy by GPU", "Joules a second, from the board's own counter: its true mean power.", "watt", (rate("nv_energy_consumption", S), GPU_NAME), needs="gpu"),
    ]),
    ("Models", 9, [
        lines("Inferences by model", "A request of batch n counts n.", "ops", (model_rate("nv_inference_count"), MV)),
        lines("Mean compute time by model", "Without waiting, input and output.", "s", (model_mean("nv_inference_compute_infer_duration_us"), MV)),
        lines("Mean batch size", "Small batches leave a GPU unused.", "short", (over(model_rate("nv_inference_count"), model_rate("nv_inference_exec_count")), MV)),
    ]),
]

JM = 'job=~"$job", model=~"$model", version=~"$version"'  # burn rates are about models, so they have no instance
OURS = 'alertname=~"Nereid.+|HighLatency|HighGPUUsage"'   # whatever their job: those of boards are dcgm-exporter's


def firing(severity):
    return f'sum(ALERTS{{{OURS}, alertstate="firing", severity="{severity}"}}) or vector(0)'


def burn(what, budget, window):
    return f"max by (model, version) (model:slo_{what}_errors:ratio_rate{window}{{{JM}}}) / {budget}"


ALERTS = [
    ("Now", 4, [
        stat("Critical", "Alerts that fire and wake someone.", "short", (firing("critical"), "critical"), steps=[(0, GOOD), (1, BAD)]),
        stat("Warning", "Alerts that fire and make a ticket.", "short", (firing("warning"), "warning"), steps=[(0, GOOD), (1, WARN)]),
        stat("Info", "Alerts that fire and are sent nowhere.", "short", (firing("info"), "info"), steps=[(0, GOOD), (1, "blue")]),
        stat("Pending", "Alerts whose condition holds, and not yet for long enough.", "short",
             (f'sum(ALERTS{{{OURS}, alertstate="pending"}}) or vector(0)', "pending"), steps=[(0, GOOD), (1, WARN)]),
    ]),
    ("", 9, [
        table("Firing and pending alerts", "What to do about each is in its runbook: docs/runbooks, the file of its name.", "short",
              (f"sum by (alertname, severity, alertstate, namespace, pod, model, version, reason, gpu_uuid) (ALERTS{{{OURS}}})", ""), needs="alert"),
    ]),
    ("History", 8, [
        lines("Firing alerts by name", "Number of firing alerts.", "short", (f'sum by (alertname, severity) (ALERTS{{{OURS}, alertstate="firing"}})', "{{alertname}} {{severity}}"), needs="alert"),
        lines("Firing alerts by severity", "Number of firing alerts.", "short", *[(firing(s), s) for s in ("critical", "warning", "info")]),
        lines("Servers up", "1 when a server answers the scrape, 0 when it does not.", "short", (f"up{{{S}}}", POD)),
    ]),
    ("Objectives", 8, [
        lines("Burn of the availability budget", "1 eats the budget of 30 days in 30 days; 14.4 pages. Objective: 99.9 % of requests succeed.", "short",
              *[(burn("availability", "0.001", w), f"{MV} {w}") for w in ("5m", "1h", "6h")]),
        lines("Burn of the latency budget", "1 eats the budget of 30 days in 30 days; 14.4 pages. Objective: 99 % of requests within 200 ms (Nereid only).", "short",
              *[(burn("latency", "0.01", w), f"{MV} {w}") for w in ("5m", "1h", "6h")]),
    ]),
    ("", 5, [
        stat("Availability over three days", "Share of requests that succeed.", "percentunit",
             (f"1 - max by (model, version) (model:slo_availability_errors:ratio_rate3d{{{JM}}})", MV), steps=[(0, BAD), (0.999, GOOD)], max=1, decimals=3),
        stat("Requests within 200 ms over three days", "Share of successful requests (Nereid only).", "percentunit",
             (f"1 - max by (model, version) (model:slo_latency_errors:ratio_rate3d{{{JM}}})", MV), steps=[(0, BAD), (0.99, GOOD)], max=1, decimals=2),
    ]),
]

DASHBOARDS = {"overview": ("Nereid / Overview", OVERVIEW), "gpu": ("Nereid / GPU", GPU),
              "capacity": ("Nereid / Capacity", CAPACITY), "alerts": ("Nereid / Alerts", ALERTS)}


def options(p):
    """The options of a kind of panel."""
    if p["kind"] == "timeseries":
        return {"legend": {"displayMode": "table", "placement": "bottom", "showLegend": True, "calcs": ["mean", "max", "lastNotNull"]}, "tooltip": {"mode": "multi", "sort": "desc"}}
    if p["kind"] == "stat":
        return {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "colorMode": "value", "graphMode": "area", "textMode": "auto"}
    if p["kind"] == "heatmap":
        return {"calculate": False, "cellGap": 1, "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64}, "legend": {"show": True},
                "tooltip": {"mode": "single", "yHistogram": False}, "yAxis": {"axisPlacement": "left"}, "rowsFrame": {"layout": "auto"}}
    return {"showHeader": True, "cellHeight": "sm"}


def defaults(p):
    d, more = {"unit": p["unit"], "min": 0}, p["more"]
    for k in ("max", "decimals"):
        if k in more:
            d[k] = more[k]
    if "steps" in more:
        steps = [{"color": c, "value": None if i == 0 else v} for i, (v, c) in enumerate(more["steps"])]
        d.update(color={"mode": "thresholds"}, thresholds={"mode": "absolute", "steps": steps})
    if p["kind"] == "timeseries":
        d["custom"] = {"lineWidth": 1, "fillOpacity": 30 if more.get("stack") else 8, "showPoints": "never",
                       "stacking": {"mode": "normal" if more.get("stack") else "none", "group": "A"}}
    return d


def columns(p):
    """Of a table: units and names of its values, and what joins its queries into one line a label set."""
    names = p["more"].get("columns", [("Number", "short")])
    letters = [chr(65 + i) for i in range(len(names))]
    fields = ["Value"] if len(names) == 1 else [f"Value #{x}" for x in letters]
    overrides = [{"matcher": {"id": "byName", "options": n}, "properties": [{"id": "unit", "value": u}]} for n, u in names]
    rename = dict(zip(fields, (n for n, _ in names)))
    return overrides, [{"id": "merge", "options": {}},
                       {"id": "organize", "options": {"excludeByName": {"Time": True}, "renameByName": rename}}]


def drawn(p, number, place):
    """A panel as Grafana wants it."""
    out = {"id": number, "type": p["kind"], "title": p["title"], "description": p["text"], "datasource": DS, "gridPos": place,
           "fieldConfig": {"defaults": defaults(p), "overrides": []}, "options": options(p), "targets": []}
    for i, (expr, legend) in enumerate(p["targets"]):
        t = {"refId": chr(65 + i), "datasource": DS, "expr": expr}
        if p["kind"] == "table":
            t.update(format="table", instant=True, range=False)
        elif p["kind"] == "heatmap":
            t.update(format="heatmap", legendFormat=legend)
        else:
            t.update(legendFormat=legend)
        out["targets"].append(t)
    if p["kind"] == "table":
        out["fieldConfig"]["overrides"], out["transformations"] = columns(p)
    return out


def variable(name, label, query, everything, first=None):
    """`first`: what is chosen at first, where "all" is no choice; else all is."""
    current = {"text": [first], "value": [first]} if first else {"text": ["All"], "value": ["$__all"]}
    return {"name": name, "label": label, "type": "query", "datasource": DS, "query": query, "definition": query, "refresh": 2, "sort": 1, "includeAll": not first,
            "multi": True, "allValue": everything, "current": {"selected": True, **current}}


def variables():
    machine, model = "nv_cpu_memory_total_bytes", "nv_inference_request_success"
    return [{"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "current": {"text": "Prometheus", "value": "prometheus"}},
            # Not all jobs: up and process_... are metrics of every program, of Prometheus itself too.
            variable("job", "Job", f"label_values({machine}, job)", ".+", "nereid"),
            variable("instance", "Instance", f'label_values({machine}{{job=~"$job"}}, instance)', ".+"),
            variable("pod", "Pod", f'label_values({machine}{{job=~"$job", instance=~"$instance"}}, pod)', ".*"),
            variable("model", "Model", f'label_values({model}{{job=~"$job"}}, model)', ".+"),
            variable("version", "Version", f'label_values({model}{{job=~"$job", model=~"$model"}}, version)', ".+")]


def dashboard(name):
    title, rows = DASHBOARDS[name]
    panels, y = [], 0
    for heading, height, row in rows:
        if heading:
            panels.append({"id": len(panels) + 1, "type": "row", "title": heading, "collapsed": False, "panels": [], "gridPos": {"h": 1, "w": 24, "x": 0, "y": y}})
            y += 1
        edges = [24 * i // len(row) for i in range(len(row) + 1)]
        for i, p in enumerate(row):
            panels.append(drawn(p, len(panels) + 1, {"h": height, "w": edges[i + 1] - edges[i], "x": edges[i], "y": y}))
        y += height
    links = [{"type": "dashboards", "title": "Nereid", "tags": ["nereid"], "asDropdown": True, "includeVars": True, "keepTime": True, "targetBlank": False, "url": "", "icon": "external link"}]
    return {"uid": f"nereid-{name}", "title": title, "tags": ["nereid", "triton"], "timezone": "browser", "schemaVersion": 39, "version": 1, "editable": False, "graphTooltip": 1,
            "refresh": "10s", "time": {"from": "now-30m", "to": "now"}, "annotations": {"list": []}, "links": links, "templating": {"list": variables()}, "panels": panels}


def text_of(name):
    """A line for each member, and for each panel and variable, so that a change shows as what it is."""
    def value(v):
        if isinstance(v, dict) and set(v) == {"list"}:
            return '{"list": [\n' + ",\n".join("  " + json.dumps(x, ensure_ascii=False) for x in v["list"]) + "\n ]}"
        if isinstance(v, list) and v and isinstance(v[0], dict):
            return "[\n" + ",\n".join("  " + json.dumps(x, ensure_ascii=False) for x in v) + "\n ]"
        return json.dumps(v, ensure_ascii=False)
    return "{\n" + ",\n".join(f" {json.dumps(k)}: {value(v)}" for k, v in dashboard(name).items()) + "\n}\n"


def filled(expr):
    """An expression with its variables as they are when a dashboard is opened."""
    for a, b in (("$__rate_interval", "1m"), ("$job", "nereid"), ("$instance", ".+"), ("$pod", ".*"), ("$model", ".+"), ("$version", ".+")):
        expr = expr.replace(a, b)
    return expr


def queries():
    for name, (_, rows) in DASHBOARDS.items():
        for p in (p for _, _, row in rows for p in row):
            for expr, _ in p["targets"]:
                yield {"dashboard": name, "panel": p["title"], "expr": filled(expr), "needs": p["needs"], "only": "Nereid" if any(x in expr for x in OWN) else ""}


def main(argv):
    if argv == ["--queries"]:
        for q in queries():
            print(json.dumps(q))
        return 0
    if argv not in ([], ["--check"]):
        print(__doc__)
        return 2
    stale = 0
    for name in DASHBOARDS:
        path, text = os.path.join(HERE, name + ".json"), text_of(name)
        old = open(path, encoding="utf-8").read() if os.path.exists(path) else ""
        if argv and old != text:
            print(f"{name}.json is not what gen.py writes: run {os.path.relpath(__file__)} and commit the file")
            stale += 1
        elif not argv:
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
