#!/usr/bin/env python3
"""Ensembles, sequences, queues with times and limits, optional inputs: as clients see them, with models made here."""
import concurrent.futures, json, os, time, urllib.error, urllib.request
import numpy as np, onnx, onnx.helper as oh
from check import run, server

FLOAT, INT32, INT64, STRING = 1, 6, 7, 8


def save(folder, name, nodes, inputs, outputs, config="", weights=()):
    """A model of one version; inputs and outputs are (name, type, dims)."""
    os.makedirs(f"{folder}/{name}/1")
    v = lambda t: oh.make_tensor_value_info(*t)
    g = oh.make_graph([oh.make_node(op, i, o, **a) for op, i, o, a in nodes], name, [v(t) for t in inputs], [v(t) for t in outputs],
                      [onnx.numpy_helper.from_array(w, n) for n, w in weights])
    onnx.save(oh.make_model(g, opset_imports=[oh.make_opsetid("", 17)], ir_version=8), f"{folder}/{name}/1/model.onnx")
    open(f"{folder}/{name}/config.pbtxt", "w").write(config)


def relu(folder, name, dims=("batch", 4), config="max_batch_size: 8"):
    save(folder, name, [("Relu", ["IN"], ["OUT"], {})], [("IN", FLOAT, dims)], [("OUT", FLOAT, dims)], config)


def slow(folder, name, config="max_batch_size: 8", layers=1):
    """A model that runs on instance threads: wide convolutions. What comes out is what goes in, plus one per layer."""
    w = np.zeros((64, 64, 3, 3), np.float32)
    for i in range(64):
        w[i, i, 1, 1] = 1
    nodes = [("Conv", [f"x{i}" if i else "IN", "w", "b"], [f"x{i + 1}" if i + 1 < layers else "OUT"], dict(pads=[1, 1, 1, 1]))
             for i in range(layers)]
    dims = ("batch", 64, 32, 32)
    save(folder, name, nodes, [("IN", FLOAT, dims)], [("OUT", FLOAT, dims)], config, [("w", w), ("b", np.ones(64, np.float32))])


def ensemble(folder, name, steps, dims, batch=8):
    os.makedirs(f"{folder}/{name}/1")
    io = lambda kind, n: f'{kind} {{ name: "{n}" data_type: TYPE_FP32 dims: {list(dims)} }} '
    text = "".join(f'step {{ model_name: "{m}" model_version: -1 input_map {{ key: "IN" value: "{i}" }} '
                   f'output_map {{ key: "OUT" value: "{o}" }} }} ' for m, i, o in steps)
    open(f"{folder}/{name}/config.pbtxt", "w").write(
        f'platform: "ensemble" max_batch_size: {batch} {io("input", "IN")}{io("output", "OUT")}ensemble_scheduling {{ {text}}}')


def body(x, types="FP32", name="IN", others=(), **parameters):
    inputs = [dict(name=name, datatype=types, shape=list(x.shape), data=x.ravel().tolist()), *others]
    return json.dumps(dict(inputs=inputs, parameters=parameters)).encode()


def post(port, model, x, *a, **k):
    """Status and answer of a request in JSON; x may be its body."""
    try:
        data = x if isinstance(x, bytes) else body(x, *a, **k)
        r = urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/models/{model}/infer", data, timeout=30)
        doc = json.load(r)
        return r.status, np.array(doc["outputs"][0]["data"]).reshape(doc["outputs"][0]["shape"])
    except urllib.error.HTTPError as e:
        return e.code, json.load(e)["error"]


def stats(port, model):
    return json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/models/{model}/stats"))["model_stats"][0]


def test_ensembles_over_inline_and_queued_models(tmp):
    relu(tmp, "fast", ("batch", 64, 32, 32))
    slow(tmp, "slow")
    ensemble(tmp, "mixed", [("fast", "c", "OUT"), ("slow", "b", "c"), ("fast", "a", "b"), ("slow", "IN", "a")], (64, 32, 32))
    ensemble(tmp, "outer", [("mixed", "IN", "m"), ("fast", "m", "OUT")], (64, 32, 32))
    with server(tmp) as s:
        def one(i):
            x = np.full((1, 64, 32, 32), float(i), np.float32)
            status, y = post(s.http, "outer" if i % 2 else "mixed", x)
            assert status == 200 and np.allclose(y, x + 2, atol=1e-4), (i, status, y)
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            list(pool.map(one, range(24)))
        assert stats(s.http, "mixed")["inference_stats"]["success"]["count"] == 24
        assert stats(s.http, "outer")["execution_count"] == 12
        assert stats(s.http, "slow")["execution_count"] == 48 and stats(s.http, "fast")["execution_count"] == 60


def test_ensembles_that_cannot_be(tmp):
    relu(tmp, "fast")
    ensemble(tmp, "lost", [("nope", "IN", "OUT")], (4,))
    ensemble(tmp, "a", [("b", "IN", "OUT")], (4,))
    ensemble(tmp, "b", [("a", "IN", "OUT")], (4,))
    ensemble(tmp, "wide", [("fast", "IN", "OUT")], (5,))
    ensemble(tmp, "open", [("fast", "IN", "OUT")], (-1,))
    with server(tmp, "--exit-on-error=false", "--strict-readiness=false") as s:
        index = {m["name"]: m for m in json.load(urllib.request.urlopen(urllib.request.Request(
            f"http://127.0.0.1:{s.http}/v2/repository/index", data=b"")))}
        assert "not available or ambiguous: nope" in index["lost"]["reason"], index
        assert "circular dependency between ensembles: a -> ... -> b -> a" in index["a"]["reason"], index
        assert "inconsistent shape: [-1,5] is inferred from model wide while [-1,4]" in index["wide"]["reason"], index
        status, text = post(s.http, "open", np.zeros((1, 5)))
        assert status == 400 and text.startswith("in ensemble 'open', [request id: <id_unknown>] unexpected shape"), text
        assert post(s.http, "open", np.ones((2, 4)))[0] == 200
        assert post(s.http, "wide", np.ones((2, 4)))[0] == 404


def accumulator(folder, name, sequence, controls=(), batch=8, instances=2):
    """OUT is the sum of the sequence so far, plus what the controls say."""
    control = "".join(f'{{ name: "{n}" control [ {{ {text} }} ] }}, ' for n, _, text in controls).rstrip(", ")
    nodes, last = [("Add", ["IN", "SI"], ["sum"], {})], "sum"
    for n, t, _ in controls:
        if t == STRING:
            continue
        if t != INT32:
            nodes.append(("Cast", [n], [n + "_i"], dict(to=INT32)))
        nodes.append(("Add", [last, n if t == INT32 else n + "_i"], ["plus_" + n], {}))
        last = "plus_" + n
    nodes += [("Identity", ["sum"], ["SO"], {}), ("Identity", [last], ["OUT"], {})]
    first = ["batch"] if batch else []
    dims = first + [1]
    save(folder, name, nodes, [(n, INT32, dims) for n in ("IN", "SI")] + [(n, t, dims) for n, t, _ in controls],
         [(n, INT32, dims) for n in ("OUT", "SO")],
         f'max_batch_size: {batch} instance_group {{ count: {instances} kind: KIND_CPU }} '
         'input { name: "IN" data_type: TYPE_INT32 dims: [ 1 ] } output { name: "OUT" data_type: TYPE_INT32 dims: [ 1 ] } '
         f'sequence_batching {{ {sequence} control_input [ {control} ] '
         'state [ { input_name: "SI" output_name: "SO" data_type: TYPE_INT32 dims: [ 1 ] } ] }')


def test_sequences_keep_state_and_order(tmp):
    start = ("START", INT32, "kind: CONTROL_SEQUENCE_START int32_false_true: [ 0, 1000 ]")
    end = ("END", INT32, "kind: CONTROL_SEQUENCE_END int32_false_true: [ 0, 2000 ]")
    number = ("ID", INT64, "kind: CONTROL_SEQUENCE_CORRID data_type: TYPE_INT64")
    accumulator(tmp, "sum", "max_sequence_idle_microseconds: 5000000 direct { }", [start, end])
    accumulator(tmp, "numbered", "oldest { max_candidate_sequences: 4 }", [number])
    with server(tmp) as s:
        def ask(model, v, **p):
            status, y = post(s.http, model, np.array([[v]]), "INT32", **p)
            return y if status != 200 else int(y[0, 0])
        def whole(k):
            out = [ask("sum", i, sequence_id=k, sequence_start=i == 0, sequence_end=i == 9) for i in range(10)]
            want = [i * (i + 1) // 2 + 1000 * (i == 0) + 2000 * (i == 9) for i in range(10)]
            assert out == want, (k, out, want)
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            list(pool.map(whole, [*range(1, 30), "text", "other text"]))
        assert ask("numbered", 1, sequence_id=70000, sequence_start=True) == 70001
        assert ask("numbered", 2, sequence_id=70000, sequence_end=True) == 70003
        assert "data-type is 'BYTES', but model 'numbered' expects 'INT64'" in ask("numbered", 1, sequence_id="x", sequence_start=True)
        first = "inference request for sequence {} to model 'sum' must specify the START flag on the first request of the sequence"
        assert ask("sum", 1, sequence_id=1) == first.format(1)
        assert ask("sum", 1, sequence_id="text") == first.format("text")
        assert ask("sum", 1) == "inference request to model 'sum' must specify a non-zero or non-empty correlation ID"
        status, text = post(s.http, "sum", np.array([[1], [2]]), "INT32", sequence_id=1, sequence_start=True)
        assert status == 400 and text == "inference request to model 'sum' must specify batch-size 1 due to requirements of sequence batcher"
        assert stats(s.http, "sum")["inference_stats"]["success"]["count"] == 310


def test_sequences_wait_for_slots_and_end_when_idle(tmp):
    accumulator(tmp, "one", "max_sequence_idle_microseconds: 500000 direct { }", batch=0, instances=1)
    with server(tmp) as s:
        def ask(v, **p):
            status, y = post(s.http, "one", np.array([v]), "INT32", **p)
            return y if status != 200 else int(y[0])
        assert ask(1, sequence_id=1, sequence_start=True) == 1
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            began = time.time()
            second = pool.submit(ask, 2, sequence_id=2, sequence_start=True)
            time.sleep(0.1)
            third = pool.submit(ask, 3, sequence_id=3, sequence_start=True, sequence_end=True)
            assert ask(5, sequence_id=1) == 6                       # it has the slot, and is heard of
            assert second.result() == 2 and third.result() == 3     # one after the other became idle
            assert time.time() - began > 0.9
        assert "must specify the START flag" in ask(1, sequence_id=1)


def test_queues_have_times_limits_and_priorities(tmp):
    policy = "default_queue_policy {{ {} }}"
    slow(tmp, "late", "max_batch_size: 8 instance_group { count: 1 kind: KIND_CPU } dynamic_batching { " + policy.format(
        "default_timeout_microseconds: 20000000 allow_timeout_override: true") + " }", layers=6)
    slow(tmp, "full", "max_batch_size: 8 instance_group { count: 1 kind: KIND_CPU } dynamic_batching { " + policy.format(
        "max_queue_size: 2") + " priority_levels: 2 default_priority_level: 2 }", layers=30)
    x = np.zeros((4, 64, 32, 32), np.float32)
    with server(tmp) as s:
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            patient = [pool.submit(post, s.http, "late", x) for _ in range(3)]
            hasty = [pool.submit(post, s.http, "late", x, timeout=1) for _ in range(4)]
            assert all(f.result()[0] == 200 for f in patient), [f.result()[0] for f in patient]
            answers = [f.result() for f in hasty]
            assert all(a == (503, "Request timeout expired") for a in answers), answers
            bodies = [body(x, priority=1 + i) for i in range(2)]
            many = [pool.submit(post, s.http, "full", bodies[i % 2]) for i in range(16)]
            codes = [f.result() for f in many]
        refused = [c[1] for c in codes if c[0] == 503]
        assert refused and all(t == "[request id: <id_unknown>] Exceeds maximum queue size" for t in refused), refused
        assert sum(c[0] == 200 for c in codes) == 16 - len(refused) >= 3
        assert stats(s.http, "late")["inference_stats"]["fail"]["count"] == 4
        assert stats(s.http, "full")["inference_stats"]["fail"]["count"] == len(refused)
        page = urllib.request.urlopen(f"http://127.0.0.1:{s.metrics}/metrics").read().decode()
        assert 'nv_inference_request_failure{model="late",reason="REJECTED",version="1"} 4' in page, page


def test_an_optional_input_that_the_model_reads(tmp):
    io = lambda k, n, x="": f'{k} {{ name: "{n}" data_type: TYPE_FP32 dims: [ 2 ] {x}}} '
    dims = ("batch", 2)
    config = "max_batch_size: 4 " + io("input", "IN") + io("input", "MORE", "optional: true") + io("output", "OUT")
    save(tmp, "reads", [("Add", ["IN", "MORE"], ["OUT"], {})], [("IN", FLOAT, dims), ("MORE", FLOAT, dims)], [("OUT", FLOAT, dims)], config)
    save(tmp, "ignores", [("Relu", ["IN"], ["OUT"], {})], [("IN", FLOAT, dims), ("MORE", FLOAT, dims)], [("OUT", FLOAT, dims)], config)
    more = dict(name="MORE", datatype="FP32", shape=[1, 2], data=[1, 2])
    with server(tmp) as s:
        assert post(s.http, "reads", np.ones((1, 2)), others=[more])[1].tolist() == [[2, 3]]
        assert post(s.http, "reads", np.ones((1, 2))) == (500, "onnx runtime error 2: Missing Input: MORE")
        assert post(s.http, "ignores", np.ones((1, 2)))[1].tolist() == [[1, 1]]


def test_what_has_no_effect_is_said(tmp):
    relu(tmp, "said", config="""max_batch_size: 8
        dynamic_batching { preferred_batch_size: [ 8 ] }
        optimization { priority: PRIORITY_MAX }
        model_warmup [ { name: "w" batch_size: 1 } ]""")
    relu(tmp, "plain")
    relu(tmp, "refused", config="""max_batch_size: 8
        batch_input [ { kind: BATCH_ELEMENT_COUNT target_name: "N" data_type: TYPE_FP32 source_input: "IN" } ]""")
    with server(tmp, "--exit-on-error=false", "--strict-readiness=false") as s:
        assert json.load(urllib.request.urlopen(f"http://127.0.0.1:{s.http}/v2/models/said", timeout=5))["name"] == "said"
    for field in ("dynamic_batching", "optimization", "model_warmup"):
        assert f"{field} of model 'said' has no effect" in s.text, s.text
    assert "of model 'plain'" not in s.text
    assert "batch_input and batch_output are not served yet; model 'refused' has them" in s.text, s.text


if __name__ == "__main__":
    run(globals())
