#!/usr/bin/env python3
"""Every request of tests/compat gets the answer that the real Triton gave, to the words of its errors."""
import json, os, subprocess, sys

COMPAT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "compat")
sys.path.insert(0, COMPAT)
import compare
from check import run, server


def test_answers_are_those_of_triton(tmp):
    subprocess.run([sys.executable, os.path.join(COMPAT, "models.py"), tmp + "/models", "--onnx"], check=True)
    cases = list(compare.cases_of([os.path.join(COMPAT, f) for f in ("cases.py", "cases_more.py", "cases_mutated.py")]))
    with open(os.path.join(COMPAT, "golden.json")) as f:
        golden = json.load(f)
    assert sorted(golden) == sorted(c["name"] for c in cases), "record golden.json anew: tests/compat/README.md"
    with server(tmp + "/models") as s:
        passed, failed, errors, same = compare.compare(
            cases, lambda c: golden[c["name"]], lambda c: compare.ask(c, f"http://127.0.0.1:{s.http}", f"127.0.0.1:{s.grpc}"), strict=True)
    print(f"{passed} of {len(cases)} answers agree; {same} of {errors} error texts")
    assert not failed and passed == len(cases) and errors > 100


if __name__ == "__main__":
    run(globals())
