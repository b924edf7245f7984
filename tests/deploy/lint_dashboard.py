#!/usr/bin/env python3
"""The rules of grafana/dashboard-linter for Grafana's JSON, and some of our own that its texts only recommend.

usage: lint_dashboard.py FILE.json...    prints a line for each finding; status 1 when there is one
Exceptions are read from the file .lint next to a dashboard, in dashboard-linter's format.

Of our own: Triton's counters have no _total, so they are known by name and may only be in rate(), irate(),
increase(), resets() or changes(); a panel's title is unique; panels do not overlap; every variable is used; descriptions end a sentence; the
uid is stable and the JSON holds no id of an installation.
"""
import json, os, re, sys
import yaml

UNITS = {"none", "short", "percent", "percentunit", "bytes", "decbytes", "Bps", "ns", "µs", "ms", "s", "m", "h", "d", "ops", "reqps", "rps", "cps",
         "watt", "joule", "celsius", "hertz", "bool", "dtdurations"}
OURS = {"$datasource", "${datasource}"}
WITH_UNITS = ("timeseries", "stat", "gauge", "bargauge", "heatmap", "table")
FUNCTIONS = r"(?:rate|irate|increase|resets|changes)\("
COUNTER = re.compile(r"\b((?:nv_inference\w*_(?:us|success|failure|count)|nv_energy_consumption|nv_cache_num_\w+|\w+_total|\w+_seconds_(?:bucket|count|sum)|\w+_size_(?:bucket|count|sum)))\{")
GAUGES = {"nv_inference_pending_request_count"}
SELECTOR = re.compile(r"([a-zA-Z_:][\w:]*)\{([^}]*)\}")
WORDS = {"sum", "avg", "min", "max", "count", "by", "on", "or", "and", "unless", "le", "group_left", "ignoring", "bool", "offset", "without"}


def uid(datasource):
    return (datasource.get("uid") if isinstance(datasource, dict) else datasource) or ""


def excluded(path, dashboard):
    """{rule: function of a panel's title} from the .lint file."""
    lint = os.path.join(os.path.dirname(path), ".lint")
    if not os.path.exists(lint):
        return {}
    with open(lint, encoding="utf-8") as f:
        rules = (yaml.safe_load(f) or {}).get("exclusions") or {}
    out = {}
    for rule, body in rules.items():
        assert body.get("reason"), f"{lint}: the exclusion of {rule} has no reason"
        entries = body.get("entries") or [{}]
        out[rule] = [e for e in entries if e.get("dashboard", dashboard) == dashboard]
    return out


def panels_of(dashboard):
    for p in dashboard["panels"]:
        yield p
        yield from p.get("panels", [])


def bare_metrics(expr):
    """Metrics without a selector, so without job and instance."""
    expr = re.sub(r'"(\\.|[^"\\])*"', '""', expr)
    expr = re.sub(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", expr)
    expr = re.sub(r"\{[^}]*\}|\[[^\]]*\]", lambda m: "{}" if m[0][0] == "{" else "", expr)
    for m in re.finditer(r"[a-zA-Z_:][\w:]*", expr):
        rest = expr[m.end():].lstrip()
        if not rest.startswith(("{", "(")) and m[0] not in WORDS and not re.fullmatch(r"e\d+", m[0]):
            yield m[0]


def check_variables(d, say):
    variables = {t["name"]: t for t in d.get("templating", {}).get("list", [])}
    sources = [t for t in variables.values() if t["type"] == "datasource"]
    if len(sources) != 1 or sources[0]["name"] != "datasource" or sources[0].get("label") != "Data source" or sources[0].get("query") != "prometheus":
        say("template-datasource-rule", "", "there is not one variable datasource with the label 'Data source'")
    for name in ("job", "instance"):
        t = variables.get(name)
        if not t or t["type"] != "query" or uid(t.get("datasource")) not in OURS or t.get("label") != name.title() or not t.get("multi") or t.get("allValue") != ".+":
            say(f"template-{name}-rule", "", f"the variable {name} is not a multiple query on $datasource with its label and the value '.+' for all")
    for t in variables.values():
        if t["type"] != "query":
            continue
        if t.get("refresh") != 2:
            say("template-on-time-change-reload-rule", "", f"the variable {t['name']} is not read anew when the time changes")
        if not re.fullmatch(r"label_values\([a-zA-Z_:][\w:]*(\{.*\})?, \w+\)", t["query"]):
            say("template-label-promql-rule", "", f"the query of the variable {t['name']} is not label_values(metric, label)")
    return variables


def check_target(title, expr, say):
    if not expr.strip():
        say("target-required-rule", title, "a target is empty")
    for metric, matchers in SELECTOR.findall(expr):
        for name in ("job", "instance"):
            if f'{name}=~"${name}"' not in matchers:
                say(f"target-{name}-rule", title, f'{metric} is asked without {name}=~"${name}"')
    for metric in bare_metrics(expr):
        say("target-job-rule", title, f"{metric} is asked without a selector")
    for window in re.findall(r"\bi?rate\([^[]*\[([^\]]+)\]", expr):
        if window != "$__rate_interval":
            say("target-rate-interval-rule", title, f"a rate is over {window} and not $__rate_interval")
    for m in COUNTER.finditer(expr):
        if m[1] not in GAUGES and not re.search(FUNCTIONS + "$", expr[:m.start()]):
            say("target-counter-agg-rule", title, f"the counter {m[1]} is not inside rate, irate, increase, resets or changes")


def check_panel(p, say):
    title = p.get("title") or f"#{p.get('id')}"
    if not p.get("title") or not p.get("description"):
        say("panel-title-description-rule", title, "it has no title or no description")
    elif not p["description"].endswith((".", ")")):
        say("description", title, "its description does not end as a sentence does")
    if uid(p.get("datasource")) not in OURS:
        say("panel-datasource-rule", title, "its data source is not $datasource")
    if p["type"] in WITH_UNITS and p.get("fieldConfig", {}).get("defaults", {}).get("unit") not in UNITS:
        say("panel-units-rule", title, "it has no unit of Grafana's")
    if not p.get("targets"):
        say("panel-no-targets-rule", title, "it has no target")
    seen = set()
    for t in p.get("targets", []):
        if uid(t.get("datasource")) not in OURS:
            say("panel-datasource-rule", title, "the data source of a target is not $datasource")
        if t.get("refId") in seen:
            say("target-ref-id", title, f"two targets are {t['refId']}")
        seen.add(t.get("refId"))
        check_target(title, t.get("expr") or "", say)


def check_places(panels, say):
    """Panels lie within 24 columns and not on each other."""
    taken = {}
    for p in panels:
        g = p["gridPos"]
        if g["x"] + g["w"] > 24:
            say("places", p["title"], "it reaches over the 24th column")
        for cell in ((x, y) for x in range(g["x"], g["x"] + g["w"]) for y in range(g["y"], g["y"] + g["h"])):
            if taken.setdefault(cell, p["id"]) != p["id"]:
                say("places", p["title"], f"it lies on panel {taken[cell]}")
                break


def lint(path):
    """Findings as sentences."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    d, found = json.loads(text), []
    name = d.get("title", "")
    exceptions = excluded(path, name)

    def say(rule, title, sentence):
        for e in exceptions.get(rule, []):
            if e.get("panel", title) == title:
                return
        found.append(f"{os.path.basename(path)}: {rule}: {title + ': ' if title else ''}{sentence}")

    if d.get("editable", True):
        say("uneditable-dashboard", "", "it may be edited in Grafana")
    if not d.get("uid") or not name or not d.get("tags") or d.get("schemaVersion", 0) < 39 or "id" in d or "__inputs" in d:
        say("identity", "", "it needs a uid, a title, tags and schemaVersion 39, and may hold neither id nor __inputs")
    variables = check_variables(d, say)
    panels = list(panels_of(d))
    titles = [p["title"] for p in panels if p["type"] != "row"]
    for t in sorted({t for t in titles if titles.count(t) > 1}):
        say("titles", t, "two panels have this title")
    for p in panels:
        if p["type"] != "row":
            check_panel(p, say)
    check_places(panels, say)
    for v in variables:
        if text.count(f"${v}") + text.count(f"${{{v}}}") < 1:
            say("variables", "", f"the variable {v} is not used")
    return found


def main(paths):
    found = [x for p in paths for x in lint(p)]
    print("\n".join(found) or f"{len(paths)} dashboards are clean")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
