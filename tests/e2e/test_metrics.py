#!/usr/bin/env python3
"""The metrics page as Prometheus sees it: families, types and labels; values that move; figures of the process, of limits and of GPUs
(from a library that stands in for the driver's); what --metrics-config and the other options change."""
import http.client, math, os, re, socket, subprocess, time, urllib.request
from check import ROOT, nereid, run, server
from test_serve import ask, echo
import numpy as np

SERIES = re.compile(r'^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')


class Page:
    """A scrape, parsed strictly: {family: type}, {family: help} and {(name, labels): value}."""

    def __init__(self, port):
        r = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10)
        assert r.headers["Content-Type"] == "text/plain; charset=utf-8", r.headers
        self.text = r.read().decode()
        self.types, self.helps, self.values, now = {}, {}, {}, None
        assert self.text.endswith("\n")
        for line in self.text[:-1].split("\n"):
            if line.startswith("# HELP "):
                now, text = line[7:].split(" ", 1)
                assert now not in self.helps and text, line
                self.helps[now] = text
            elif line.startswith("# TYPE "):
                name, kind = line[7:].split(" ")
                assert name == now and kind in ("counter", "gauge", "histogram", "summary"), line
                self.types[name] = kind
            else:
                name, labels, value = SERIES.match(line).groups()
                pairs = LABEL.findall(labels or "")
                assert "".join(f'{k}="{v}",' for k, v in pairs).rstrip(",") == (labels or ""), line
                base = re.sub("_(bucket|sum|count)$", "", name) if self.types[now] in ("histogram", "summary") else name
                assert base == now, f"{line} is not under its family, but under {now}"
                key = name, tuple(sorted(pairs))
                assert key not in self.values, line
                self.values[key] = float(value)
        for name, kind in self.types.items():
            if kind == "histogram":
                self.check_histogram(name)

    def check_histogram(self, name):
        """Buckets rise up to the count, which is that of +Inf."""
        series = {}
        for (n, labels), v in self.values.items():
            if n == name + "_bucket":
                rest = tuple(x for x in labels if x[0] != "le")
                series.setdefault(rest, []).append((float(dict(labels)["le"]), v))
        assert series
        for rest, buckets in series.items():
            assert buckets == sorted(buckets) and [v for _, v in buckets] == sorted(v for _, v in buckets), (name, buckets)
            assert buckets[-1] == (math.inf, self.values[name + "_count", rest])

    def get(self, name, **labels):
        return self.values[name, tuple(sorted(labels.items()))]

    def has(self, name):
        return name in self.types


def types_of_the_table():
    text = re.sub(r"/\*.*?\*/", "", open(f"{ROOT}/src/tables/metrics.def").read(), flags=re.S)
    return {m[1]: (m[2], m[3]) for m in re.finditer(r'X\(\w+,\s*"(\w+)",\s*"(\w+)",\s*"([^"]+)"\)', text)}


def fake_driver(tmp, *flags):
    os.makedirs(f"{tmp}/lib", exist_ok=True)
    subprocess.run(["cc", "-shared", "-fPIC", "-w", *flags, "-o", f"{tmp}/lib/libnvidia-ml.so.1", f"{ROOT}/tests/fixtures/fake_nvml.c"], check=True)
    return f"{tmp}/lib"


class environment:
    def __init__(self, **values):
        self.values = values

    def __enter__(self):
        self.before = {k: os.environ.get(k) for k in self.values}
        os.environ.update(self.values)

    def __exit__(self, *_):
        for k, v in self.before.items():
            os.environ.pop(k) if v is None else os.environ.__setitem__(k, v)


def until(fn, seconds=10):
    end = time.time() + seconds
    while not fn():
        assert time.time() < end, "it did not come to pass"
        time.sleep(0.05)


def test_every_family_has_the_type_and_help_of_the_table(tmp):
    echo(f"{tmp}/models", "m")
    with environment(LD_LIBRARY_PATH=fake_driver(tmp)):
        with server(f"{tmp}/models", "--metrics-config", "summary_latencies=true", "--metrics-config=histogram_latencies=true") as s:
            until(lambda: Page(s.metrics).has("nv_energy_consumption"))
            page = Page(s.metrics)
    table = types_of_the_table()
    assert len(table) > 40 and set(page.types) == set(table), set(page.types) ^ set(table)
    for name, (kind, text) in table.items():
        assert (page.types[name], page.helps[name]) == (kind, text), name
    if subprocess.run(["which", "promtool"], capture_output=True).returncode == 0:
        p = subprocess.run(["promtool", "check", "metrics"], input=page.text, capture_output=True, text=True)
        ours = [x for x in (p.stdout + p.stderr).split("\n") if x.startswith(("nereid_", "process_")) or "error" in x]
        assert not ours and p.returncode in (0, 3), p.stdout + p.stderr


def test_models_move_their_counters(tmp):
    echo(f"{tmp}", "m", config='metric_tags { key: "team" value: "a\\"b" }')
    os.makedirs(f"{tmp}/broken/1")
    open(f"{tmp}/broken/1/model.onnx", "wb").write(b"not a model")
    tag = {"_team": 'a\\"b'}
    with server(tmp, "--exit-on-error=false", "--strict-readiness=false") as s:
        before = Page(s.metrics)
        assert before.get("nereid_ready") == 1
        assert before.get("nereid_model_ready", model="m", version="1", **tag) == 1
        assert before.get("nereid_model_ready", model="broken", version="1") == 0
        assert not [k for k in before.values if ("model", "broken") in k[1] and k[0] != "nereid_model_ready"]
        version = nereid("--version").stdout.split()[1]
        assert before.get("nereid_build_info", version=version) == 1
        for _ in range(3):
            ask(s.http, "m", np.ones((2, 2), np.float32))
        after = Page(s.metrics)
        m = dict(model="m", version="1", **tag)
        for name, by in (("nv_inference_request_success", 3), ("nv_inference_count", 6), ("nereid_request_duration_seconds_count", 3)):
            assert after.get(name, **m) - before.get(name, **m) == by, name
        assert after.get("nv_inference_request_duration_us", **m) > 0 and after.get("nv_model_load_duration_secs", **m) > 0
        assert all(after.get("nv_inference_request_failure", reason=r, **m) == 0 for r in ("REJECTED", "CANCELED", "BACKEND", "OTHER"))
    with server(tmp, "--exit-on-error=false") as s:
        assert Page(s.metrics).get("nereid_ready") == 0   # strict: a model is missing


def test_process_figures_are_those_of_proc(tmp):
    echo(tmp, "m")
    with server(tmp) as s:
        until(lambda: ("nv_cpu_memory_total_bytes", ()) in Page(s.metrics).values)    # the first sample of the machine
        page = Page(s.metrics)
        pid = s.pid
        rss = int(open(f"/proc/{pid}/statm").read().split()[1]) * os.sysconf("SC_PAGESIZE")
        assert abs(page.get("process_resident_memory_bytes") - rss) < 16 << 20
        assert abs(page.get("process_open_fds") - len(os.listdir(f"/proc/{pid}/fd"))) <= 2
        limit = re.search(r"Max open files\s+(\d+)", open(f"/proc/{pid}/limits").read())
        assert page.get("process_max_fds") == int(limit[1])
        stat = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
        boot = int(re.search(r"btime (\d+)", open("/proc/stat").read())[1])
        assert abs(page.get("process_start_time_seconds") - (boot + int(stat[19]) / os.sysconf("SC_CLK_TCK"))) < 0.02
        assert abs(page.get("process_start_time_seconds") - time.time()) < 60
        start = page.get("process_cpu_seconds_total")
        until(lambda: Page(s.metrics).get("process_cpu_seconds_total") > start, 20)
        total = int(re.search(r"MemTotal:\s+(\d+)", open("/proc/meminfo").read())[1]) * 1024
        assert page.get("nv_cpu_memory_total_bytes") == total and 0 < page.get("nv_cpu_memory_used_bytes") < total
        assert 0 <= page.get("nv_cpu_utilization") <= 1
        assert 1 << 20 < page.get("nereid_memory_limit_bytes") <= total
        assert 0 < page.get("nereid_cpu_limit_cores") <= len(os.sched_getaffinity(pid))
        # connections come and go
        assert page.get("nereid_connections", protocol="http") == 0 and page.get("nereid_connections", protocol="grpc") == 0
        with socket.create_connection(("127.0.0.1", s.http)) as a, socket.create_connection(("127.0.0.1", s.http)) as b, \
                socket.create_connection(("127.0.0.1", s.grpc)) as c:
            for x in (a, b, c):
                x.sendall(b"")
            until(lambda: Page(s.metrics).get("nereid_connections", protocol="http") == 2 and
                  Page(s.metrics).get("nereid_connections", protocol="grpc") == 1)
            assert Page(s.metrics).get("process_open_fds") >= page.get("process_open_fds") + 3
        until(lambda: Page(s.metrics).get("nereid_connections", protocol="http") == 0)


def test_time_awake_for_nothing_is_counted(tmp):
    echo(f"{tmp}/models", "m")
    for limit in (300000, 0):
        with server(f"{tmp}/models", f"--busy-poll-us={limit}") as s:
            before = Page(s.metrics)
            assert before.get("nereid_busy_poll_seconds_total") == 0
            c = http.client.HTTPConnection("127.0.0.1", s.http)

            def awake():
                for _ in range(20):
                    c.request("GET", "/v2/health/live")
                    assert c.getresponse().read() == b""
                time.sleep(0.5)
                return Page(s.metrics).get("nereid_busy_poll_seconds_total")

            if limit and len(os.sched_getaffinity(0)) > 1:
                until(lambda: awake() > 0.01, 30)      # less than that where others leave it little of the processors
            else:
                assert awake() == 0
            page = Page(s.metrics)
            spent = page.get("process_cpu_seconds_total") - before.get("process_cpu_seconds_total")
            assert page.get("nereid_busy_poll_seconds_total") < spent + 0.05, spent
            c.close()
    p = nereid("serve", "--model-repository", tmp, "--busy-poll-us=1000001", good=False)
    assert "--busy-poll-us" in p.stderr and "1000000" in p.stderr, p.stderr


def test_gpus_are_seen_through_the_drivers_library(tmp):
    echo(f"{tmp}/models", "m")
    gpu = [dict(gpu_uuid=f"GPU-00000000-0000-0000-0000-{i:012}") for i in range(2)]
    with environment(LD_LIBRARY_PATH=fake_driver(tmp)):
        with server(f"{tmp}/models", "--metrics-interval-ms", "100") as s:
            until(lambda: Page(s.metrics).has("nv_energy_consumption"))
            page = Page(s.metrics)
            assert [page.get("nv_gpu_utilization", **g) for g in gpu] == [0.25, 0.75]
            assert page.get("nv_gpu_memory_total_bytes", **gpu[0]) == 80 << 30
            assert page.get("nv_gpu_memory_used_bytes", **gpu[0]) == 19 << 30
            assert page.get("nv_gpu_power_usage", **gpu[1]) == 123.456 and page.get("nv_gpu_power_limit", **gpu[1]) == 700
            first = page.get("nv_energy_consumption", **gpu[0])
            assert 0 <= first < 1000     # since the start, not since the driver was loaded
            until(lambda: Page(s.metrics).get("nv_energy_consumption", **gpu[0]) >= first + 2)   # half a joule each 50 ms
        assert "Collecting metrics for GPU 1: Fake GPU 1" in s.text and "Collecting CPU metrics" in s.text
        with server(f"{tmp}/models", "--allow-gpu-metrics=false", "--allow-cpu-metrics=false") as s:
            time.sleep(0.3)
            page = Page(s.metrics)
            assert not [n for n in page.types if n.startswith(("nv_gpu", "nv_energy", "nv_cpu"))]
            assert page.has("process_open_fds") and page.has("nereid_memory_limit_bytes")
        assert "GPU" not in s.text and "Collecting" not in s.text
        with environment(FAKE_NVML_FAIL="nvmlDeviceGetPowerUsage=3"), server(f"{tmp}/models") as s:
            until(lambda: Page(s.metrics).has("nv_gpu_utilization"))
            assert not Page(s.metrics).has("nv_gpu_power_usage")
        with environment(FAKE_NVML_FAIL="nvmlInit_v2=9"), server(f"{tmp}/models") as s:
            time.sleep(0.3)
            assert not Page(s.metrics).has("nv_gpu_utilization") and Page(s.metrics).has("nv_cpu_utilization")
        line = [x for x in s.text.split("\n") if "No metrics of GPUs" in x]
        assert len(line) == 1 and line[0].startswith("W") and "Driver Not Loaded" in line[0], s.text
    if subprocess.run(["ldconfig", "-p"], capture_output=True, text=True).stdout.find("libnvidia-ml.so.1") < 0:
        with server(f"{tmp}/models") as s:
            time.sleep(0.3)
        line = [x for x in s.text.split("\n") if "No metrics of GPUs" in x]
        assert len(line) == 1 and line[0].startswith("I") and "no NVIDIA driver is installed" in line[0], s.text


def test_metrics_config(tmp):
    echo(f"{tmp}", "m")
    echo(f"{tmp}", "n", config='model_metrics { metric_control { metric_identifier { family: "nv_inference_first_response_histogram_ms" } '
                              'histogram_options { buckets: [ 0.5, 7 ] } } }')
    summaries = [f"nv_inference_{x}_summary_us" for x in ("request", "queue", "compute_input", "compute_infer", "compute_output")]
    latencies = [x.replace("summary", "duration") for x in summaries]
    m = dict(model="m", version="1")
    with server(tmp) as s:
        page = Page(s.metrics)
        assert all(map(page.has, latencies)) and not any(map(page.has, summaries))
        assert not page.has("nv_inference_first_response_histogram_ms")
    with server(tmp, "--metrics-config", "counter_latencies=false", "--metrics-config", "summary_latencies=true",
                "--metrics-config", "summary_quantiles=0.5:0.05,1:0.1", "--metrics-config", "histogram_latencies=true") as s:
        page = Page(s.metrics)
        assert not any(map(page.has, latencies)) and all(map(page.has, summaries)) and page.has("nv_inference_request_success")
        assert math.isnan(page.get(summaries[0], quantile="0.5", **m)) and page.get(summaries[0] + "_count", **m) == 0
        assert " Nan\n" in page.text
        for _ in range(20):
            ask(s.http, "m", np.ones((1, 2), np.float32))
        page = Page(s.metrics)
        half, most = (page.get(summaries[0], quantile=q, **m) for q in ("0.5", "1"))
        total = page.get(summaries[0] + "_sum", **m)
        assert page.get(summaries[0] + "_count", **m) == 20 and 0 < half <= most <= total * 1.02, (half, most, total)
        assert page.get(summaries[4] + "_count", **m) == 20
        name = "nv_inference_first_response_histogram_ms"
        assert page.get(name + "_count", **m) == 20 and page.get(name + "_bucket", le="100", **m) == 20
        assert [k[1][0][1] for k in page.values if k[0] == name + "_bucket" and ("model", "m") in k[1]] == ["100", "500", "2000", "5000", "+Inf"]
        assert [k[1][0][1] for k in page.values if k[0] == name + "_bucket" and ("model", "n") in k[1]] == ["0.5", "7", "+Inf"]
    for setting, text in (("nonsense", "has no '='"), ("x=1", "'x' is no setting"), ("summary_quantiles=2:0.1", "'2:0.1' is not"),
                          ("summary_quantiles=0.5", "'0.5' is not"), ("counter_latencies=maybe", "neither true nor false")):
        p = nereid("serve", "--model-repository", tmp, "--metrics-config", setting, good=False)
        assert text in p.stderr and setting in p.stderr, p.stderr


def test_many_scrapes_cost_no_memory(tmp):
    for i in range(40):
        echo(tmp, f"m{i}")
    with server(tmp) as s:
        conn = http.client.HTTPConnection("127.0.0.1", s.metrics)

        def scrape(n):
            for _ in range(n):
                conn.request("GET", "/metrics")
                size = len(conn.getresponse().read())
            return size
        size = scrape(60)
        before = Page(s.metrics).get("process_resident_memory_bytes")
        scrape(200)
        grown = Page(s.metrics).get("process_resident_memory_bytes") - before
        assert size > 50000 and grown < 4 << 20, (size, grown)


if __name__ == "__main__":
    run(globals())
