#!/usr/bin/env python3
"""gRPC as clients see it: every data type raw and typed, order in streams, deadlines, cancellation, large messages, hostile bytes."""
import os, queue, socket, struct, threading, time
import grpc, numpy as np, onnx, onnx.helper as oh
import tritonclient.grpc as tg
from tritonclient.grpc import service_pb2 as pb, service_pb2_grpc as stubs
from check import run, server
from test_serve import TYPES, echo, resnet_like

CONTENTS = {"BOOL": "bool_contents", "INT8": "int_contents", "INT16": "int_contents", "INT32": "int_contents", "INT64": "int64_contents",
            "UINT8": "uint_contents", "UINT16": "uint_contents", "UINT32": "uint_contents", "UINT64": "uint64_contents",
            "FP32": "fp32_contents", "FP64": "fp64_contents", "BYTES": "bytes_contents"}


def stub(s):
    big = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    return stubs.GRPCInferenceServiceStub(grpc.insecure_channel(f"127.0.0.1:{s.grpc}", options=big))


def request(model, x, **kw):
    r = pb.ModelInferRequest(model_name=model, **kw)
    i = r.inputs.add()
    i.name, i.datatype = "INPUT0", "FP32"
    i.shape.extend(x.shape)
    r.raw_input_contents.append(x.tobytes())
    return r


def code_of(call):
    try:
        call()
    except grpc.RpcError as e:
        return e.code(), e.details()
    raise AssertionError("the call succeeded")


def test_every_type_typed_and_raw(tmp):
    for t in TYPES:
        echo(tmp, "echo_" + t.lower(), t)
    with server(tmp) as s:
        c = stub(s)
        for t, field in CONTENTS.items():
            values = {"BOOL": [True, False, True], "BYTES": [b"a", b"", b"\0\xff"], "FP32": [0.5, -1, 3e8], "FP64": [0.1, -2.5, 1e300],
                      "INT8": [-128, 0, 127], "INT16": [-32768, 0, 32767]}.get(t, [0, 7, 100])
            r = pb.ModelInferRequest(model_name="echo_" + t.lower(), id="7")
            i = r.inputs.add()
            i.name, i.datatype = "INPUT0", t
            i.shape.extend([1, 3])
            getattr(i.contents, field).extend(values)
            a = c.ModelInfer(r)
            assert a.id == "7" and a.model_version == "1" and list(a.outputs[0].shape) == [1, 3]
            if t == "BYTES":
                assert a.raw_output_contents[0] == b"".join(struct.pack("<I", len(v)) + v for v in values)
                continue
            kind = np.dtype({"FP32": "f4", "FP64": "f8", "BOOL": "?"}.get(t) or t.lower())
            assert np.frombuffer(a.raw_output_contents[0], kind).tolist() == values, t
            del i.contents.bool_contents[:]
            i.ClearField("contents")
            r.raw_input_contents.append(np.array(values, kind).tobytes())
            assert c.ModelInfer(r).raw_output_contents == a.raw_output_contents


def test_answers_of_a_stream_keep_their_order_and_errors_leave_it_open(tmp):
    echo(tmp, "m")
    resnet_like(tmp)
    slow, fast = np.ones((4, 64, 32, 32), np.float32), np.ones((1, 2), np.float32)
    with server(tmp) as s:
        asks = []
        for i in range(40):
            asks.append(request("conv" if i % 3 == 0 else "m" if i % 3 == 1 else "nope", slow if i % 3 == 0 else fast, id=str(i)))
        answers = list(stub(s).ModelStreamInfer(iter(asks)))
        assert [a.infer_response.id for a in answers] == [str(i) for i in range(40)]
        for i, a in enumerate(answers):
            assert ("unknown model" in a.error_message) == (i % 3 == 2), a
            assert i % 3 == 2 or a.infer_response.parameters["triton_final_response"].bool_param


def test_late_errors_of_a_stream_end_it_where_the_client_asked_for_that(tmp):
    """As Triton: a request that is bad is answered within the stream in any case."""
    echo(tmp, "m", config="max_batch_size: 8\n"
         "dynamic_batching { default_queue_policy { timeout_action: REJECT default_timeout_microseconds: 1000000 allow_timeout_override: true } }")
    x = np.ones((1, 2), np.float32)
    late = request("m", x, id="late")
    late.parameters["timeout"].int64_param = 1
    with server(tmp) as s:
        asks = [request("nope", x, id="bad"), late, request("m", x, id="good")]
        answers = list(stub(s).ModelStreamInfer(iter(asks)))
        assert [a.infer_response.id for a in answers] == ["bad", "late", "good"]
        assert "unknown model" in answers[0].error_message and not answers[0].infer_response.model_name
        assert answers[1].error_message == "Request timeout expired" and answers[1].infer_response.model_name == "m"
        assert answers[1].infer_response.parameters["triton_final_response"].bool_param
        assert answers[2].error_message == "" and answers[2].infer_response.raw_output_contents[0] == x.tobytes()
        call = stub(s).ModelStreamInfer(iter(asks), metadata=[("triton_grpc_error", "true")])
        got = []
        code, text = code_of(lambda: [got.append(a) for a in call])
        assert code == grpc.StatusCode.UNAVAILABLE and text == "Request timeout expired", (code, text)
        assert [a.infer_response.id for a in got] == ["bad"]


def slow(folder):
    """A model that takes a small input and some ten milliseconds: forty convolutions one after another."""
    os.makedirs(f"{folder}/slow/1")
    rng = np.random.default_rng(0)
    names = ["INPUT0"] + [f"x{i}" for i in range(39)] + ["OUTPUT0"]
    weights = [onnx.numpy_helper.from_array(rng.standard_normal((64, 64 if i else 1, 3, 3), np.float32) / 24, f"w{i}") for i in range(40)]
    nodes = [oh.make_node("Conv", [names[i], f"w{i}"], [names[i + 1]], pads=[1, 1, 1, 1]) for i in range(40)]
    g = oh.make_graph(nodes, "slow", [oh.make_tensor_value_info("INPUT0", 1, ["batch", 1, 32, 32])],
                      [oh.make_tensor_value_info("OUTPUT0", 1, ["batch", 64, 32, 32])], weights)
    onnx.save(oh.make_model(g, opset_imports=[oh.make_opsetid("", 17)], ir_version=8), f"{folder}/slow/1/model.onnx")


def test_deadlines_and_cancellation_stop_what_waits(tmp):
    slow(tmp)
    x = np.ones((1, 1, 32, 32), np.float32)
    with server(tmp) as s:
        c = stub(s)
        c.ModelInfer(request("slow", x))
        calls = [c.ModelInfer.future(request("slow", x)) for _ in range(200)]
        assert code_of(lambda: c.ModelInfer(request("slow", x), timeout=0.005))[0] == grpc.StatusCode.DEADLINE_EXCEEDED
        for f in calls[1:]:
            f.cancel()
        calls[0].result()
        begin = time.time()
        c.ModelInfer(request("slow", x))
        assert time.time() - begin < 5
        stats = c.ModelStatistics(pb.ModelStatisticsRequest(name="slow")).model_stats[0]
        assert stats.inference_stats.success.count < 150, stats


def test_large_messages_go_through_both_ways(tmp):
    echo(tmp, "m")
    x = np.random.default_rng(0).standard_normal((1, 6 << 20), np.float32)
    with server(tmp) as s:
        for _ in range(3):
            a = stub(s).ModelInfer(request("m", x))
            assert a.raw_output_contents[0] == x.tobytes()


def test_compressed_requests_and_unknown_methods(tmp):
    echo(tmp, "m")
    x = np.zeros((1, 1000), np.float32)
    with server(tmp) as s:
        for kind in ("gzip", "deflate"):
            with tg.InferenceServerClient(f"127.0.0.1:{s.grpc}") as c:
                i = tg.InferInput("INPUT0", [1, 1000], "FP32")
                i.set_data_from_numpy(x)
                assert np.array_equal(c.infer("m", [i], compression_algorithm=kind).as_numpy("OUTPUT0"), x)
        channel = grpc.insecure_channel(f"127.0.0.1:{s.grpc}")
        call = channel.unary_unary("/inference.GRPCInferenceService/Nothing")
        assert code_of(lambda: call(b""))[0] == grpc.StatusCode.UNIMPLEMENTED
        call = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
        assert code_of(lambda: call(b"\xff\xff\xff"))[0] == grpc.StatusCode.INTERNAL


def test_bytes_that_are_not_http2_close_the_connection(tmp):
    echo(tmp, "m")
    with server(tmp) as s:
        preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        for data in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01" + bytes(100), preface + b"\xff" * 200,
                     preface + bytes(9) + b"\0\0\4\1\5\0\0\0\1junk", preface + b"\0\0\0\4\0\0\0\0\0" * 5000,
                     preface + (b"\0\0\x08\6\0\0\0\0\0" + bytes(8)) * 5000):
            with socket.create_connection(("127.0.0.1", s.grpc), 5) as c:
                c.settimeout(5)
                try:
                    c.sendall(data)
                    while c.recv(65536):
                        pass
                except (ConnectionResetError, BrokenPipeError):
                    pass
        x = np.ones((1, 2), np.float32)
        assert stub(s).ModelInfer(request("m", x)).raw_output_contents[0] == x.tobytes()


def test_answers_are_packed_where_the_server_is_told_to(tmp):
    echo(tmp, "m")
    x = np.zeros((1, 100000), np.float32)
    with server(tmp, "--grpc-infer-response-compression-level=low") as s:
        assert np.array_equal(np.frombuffer(stub(s).ModelInfer(request("m", x)).raw_output_contents[0], np.float32), x[0])
        answers = list(stub(s).ModelStreamInfer(iter([request("m", x), request("nope", x), request("m", x[:, :1])])))
        assert [len(a.infer_response.raw_output_contents) for a in answers] == [1, 0, 1]


def test_refusals_are_counted_by_reason(tmp):
    import re, urllib.request
    echo(tmp, "m")
    with server(tmp) as s:
        count = lambda why: int(re.search(r'nereid_refused_total\{reason="%s"\} (\d+)' % why,
                                          urllib.request.urlopen(f"http://127.0.0.1:{s.metrics}/metrics").read().decode()).group(1))
        c, x = stub(s), np.ones((1, 2), np.float32)
        assert count("unknown_model") == count("invalid") == count("malformed") == count("flood") == 0
        code_of(lambda: c.ModelInfer(request("nope", x)))
        code_of(lambda: c.ModelInfer(request("m", np.ones((9, 2), np.float32))))
        with socket.create_connection(("127.0.0.1", s.http), 5) as raw:
            raw.sendall(b"NOT HTTP AT ALL\r\n\r\n")
            raw.recv(1000)
        with socket.create_connection(("127.0.0.1", s.grpc), 5) as raw:
            raw.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0" + (b"\0\0\x08\6\0\0\0\0\0" + bytes(8)) * 20)
            while raw.recv(1000):
                pass
        assert (count("unknown_model"), count("invalid"), count("malformed"), count("flood")) == (1, 1, 1, 1)


def test_reflection_lists_and_calls_the_services(tmp):
    from google.protobuf import descriptor_pool, message_factory
    from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
    echo(tmp, "m")
    with server(tmp) as s:
        channel = grpc.insecure_channel(f"127.0.0.1:{s.grpc}")
        db = ProtoReflectionDescriptorDatabase(channel)
        assert set(db.get_services()) >= {"inference.GRPCInferenceService", "grpc.health.v1.Health"}
        pool = descriptor_pool.DescriptorPool(db)
        for service in db.get_services():
            for method in pool.FindServiceByName(service).methods:
                assert method.input_type.full_name and method.output_type.full_name
        method = pool.FindServiceByName("inference.GRPCInferenceService").FindMethodByName("ModelConfig")
        ask, answer = (message_factory.GetMessageClass(t) for t in (method.input_type, method.output_type))
        call = channel.unary_unary("/inference.GRPCInferenceService/ModelConfig", ask.SerializeToString, answer.FromString)
        c = call(ask(name="m")).config
        assert c.name == "m" and c.input[0].dims == [-1] and c.input[0].DESCRIPTOR.fields_by_name["data_type"].enum_type.name == "DataType"
        # the same fields, numbers and types as the official client has
        mine = pool.FindMessageTypeByName("inference.ModelInferRequest")
        for f in pb.ModelInferRequest.DESCRIPTOR.fields:
            g = mine.fields_by_name[f.name]
            assert (f.number, f.type) == (g.number, g.type), f.name


if __name__ == "__main__":
    run(globals())
