#!/usr/bin/env python3
"""Send the same requests to two servers and print where the answers differ.

  compare.py REFERENCE CANDIDATE [--grpc REF_HOST:PORT CAND_HOST:PORT] [--cases FILE.py ...] [--strict] [-v]
  compare.py --record FILE REFERENCE --grpc REF_HOST:PORT        keep the reference's answers
  compare.py --replay FILE CANDIDATE --grpc CAND_HOST:PORT       compare with answers that were kept

REFERENCE and CANDIDATE are HTTP base URLs, as http://127.0.0.1:18000. Both serve the repository that models.py
writes. A case agrees when the HTTP status (or gRPC code), the JSON document and the binary tail agree, volatile fields
masked; with --strict the text of an error message must agree too. Needs: pip install tritonclient[all].
Exit status: 0 when all agree. The last line is 'N passed, N failed'.
"""
import argparse, base64, gzip, http.client, importlib.util, json, os, re, sys, urllib.parse, zlib

VOLATILE = re.compile(r"(_ns$|^ns$|last_inference|timestamp|^pid$|^server_version$|^version$|compression_size)")
BACKEND = {"platform", "backend", "default_model_filename"}   # the two repositories run on different backends


def mask(doc, key=""):
    if isinstance(doc, dict):
        return {k: "*" if VOLATILE.search(k) and not isinstance(v, (dict, list)) else mask(v, k)
                for k, v in sorted(doc.items()) if k not in BACKEND}
    if isinstance(doc, list):
        return [mask(v) for v in doc]
    if isinstance(doc, float):
        return float("%.6g" % doc)
    return doc


def rest_call(base, case):
    body, headers = case.get("body"), dict(case.get("headers", {}))
    if "json" in case:
        head = json.dumps(case["json"]).encode()
        tail = case.get("binary", b"")
        body = head + tail
        if tail or case.get("binary_header"):
            headers["Inference-Header-Content-Length"] = str(case.get("header_length", len(head)))
            headers.setdefault("Content-Type", "application/octet-stream")
    c = http.client.HTTPConnection(urllib.parse.urlsplit(base).netloc, timeout=20)
    c.request(case.get("method", "POST" if body is not None else "GET"), case["path"], body, headers)
    r = c.getresponse()
    raw, hl, coding = r.read(), r.getheader("Inference-Header-Content-Length"), r.getheader("Content-Encoding")
    c.close()
    raw = gzip.decompress(raw) if coding == "gzip" else zlib.decompress(raw) if coding == "deflate" else raw
    head, tail = (raw[:int(hl)], raw[int(hl):]) if hl else (raw, b"")
    try:
        doc = json.loads(head) if head else None
    except ValueError:
        doc = {"#text": head.decode("latin1")} if not case.get("ignore_body") else None
    return {"status": r.status, "json": doc, "tail": base64.b64encode(tail).decode(), "header_length": bool(hl),
            "type": r.getheader("Content-Type", "").split(";")[0], "encoding": coding}


def grpc_call(target, case, cache={}):
    import grpc
    from google.protobuf import json_format
    from tritonclient.grpc import service_pb2 as pb, service_pb2_grpc as stubs
    if target not in cache:
        opts = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        cache[target] = stubs.GRPCInferenceServiceStub(grpc.insecure_channel(target, options=opts))
    rpc = case["rpc"]
    req = json_format.ParseDict(case.get("message", {}), getattr(pb, rpc + "Request")())
    for raw in case.get("raw", []):
        req.raw_input_contents.append(raw)
    try:
        rep = getattr(cache[target], rpc)(req, timeout=20)
        return {"status": "OK", "json": json_format.MessageToDict(rep, preserving_proto_field_name=True)}
    except grpc.RpcError as e:
        return {"status": e.code().name, "json": {"error": e.details()}}


def differ(case, ref, cand, strict):
    out = []
    for k in ("status", "tail", "header_length", "encoding"):
        if k in ref and ref[k] != cand[k]:
            out.append(f"{k}: {ref[k]!r:.120} != {cand[k]!r:.120}")
    a, b = ref["json"], cand["json"]
    if isinstance(a, dict) and "error" in a:
        if not (isinstance(b, dict) and isinstance(b.get("error"), str) and b["error"]):
            out.append(f"no error text: {b!r:.160}")
        elif strict and a["error"] != b["error"]:
            out.append(f"error text:\n      ref  {a['error']}\n      cand {b['error']}")
    elif case.get("superset"):
        missing = [x for x in (a or {}).get("extensions", []) if x not in (b or {}).get("extensions", [])]
        if missing:
            out.append(f"extensions missing: {missing}")
    elif not case.get("ignore_body") and mask(a) != mask(b):
        out.append(f"body:\n      ref  {json.dumps(mask(a))[:600]}\n      cand {json.dumps(mask(b))[:600]}")
    return out


def cases_of(paths):
    here = os.path.dirname(os.path.abspath(__file__))
    for path in paths or [os.path.join(here, "cases.py")]:
        spec = importlib.util.spec_from_file_location("cases", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield from module.CASES


def ask(case, base, grpc):
    return grpc_call(grpc, case) if "rpc" in case else rest_call(base, case)


def compare(cases, reference, candidate, strict=False, verbose=False):
    """reference(case) and candidate(case) answer; prints differences; returns how many agree, differ, and how many
    errors there were and had the same text."""
    passed = failed = errors = same_text = 0
    for case in cases:
        try:
            ref, cand = reference(case), candidate(case)
            d = differ(case, ref, cand, strict)
            if isinstance(ref["json"], dict) and "error" in ref["json"]:
                errors += 1
                same_text += cand["json"] == ref["json"]
        except Exception as e:                           # a candidate that drops the connection has failed the case
            d = [f"{type(e).__name__}: {e}"]
        passed, failed = passed + (not d), failed + bool(d)
        if d or verbose:
            print(("DIFFERS " if d else "agrees  ") + case["name"])
            for line in d:
                print("    " + line)
    return passed, failed, errors, same_text


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("url", nargs="+")
    ap.add_argument("--grpc", nargs="*")
    ap.add_argument("--cases", nargs="*")
    ap.add_argument("--record")
    ap.add_argument("--replay")
    ap.add_argument("--strict", action="store_true")
    ap.add_argument("-v", action="store_true")
    a = ap.parse_args()
    servers = 1 if a.record or a.replay else 2
    if len(a.url) != servers or (a.grpc and len(a.grpc) != servers):
        ap.error(f"{servers} HTTP URL(s), and as many gRPC addresses or none, belong here")
    cases = [c for c in cases_of(a.cases) if a.grpc or "rpc" not in c]
    grpc = a.grpc or [None] * servers
    if a.record:
        kept = {c["name"]: ask(c, a.url[0], grpc[0]) for c in cases}
        assert len(kept) == len(cases), "two cases have one name"
        with open(a.record, "w") as f:
            f.write("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in kept.items()) + "\n}\n")
        print(f"{len(kept)} answers in {a.record}")
        return 0
    if a.replay:
        with open(a.replay) as f:
            kept = json.load(f)
    passed, failed, errors, same_text = compare(
        cases, lambda c: kept[c["name"]] if a.replay else ask(c, a.url[0], grpc[0]),
        lambda c: ask(c, a.url[-1], grpc[-1]), a.strict, a.v)
    print(f"{same_text} of {errors} error texts are the same")
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
