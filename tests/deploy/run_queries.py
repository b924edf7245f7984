#!/usr/bin/env python3
"""Runs every query of the dashboards against a real Prometheus and says which give nothing.

usage: run_queries.py URL [--gpu] [--alert] [--triton]
  --gpu     the server has a GPU: queries that need one must give data too
  --alert   an alert fires: queries that show it must give data too
  --triton  the server is NVIDIA's: panels that say "Nereid only" may be empty
Status 1 when a query fails or gives nothing, or when all that it gives is not a number.
"""
import json, os, subprocess, sys, urllib.error, urllib.parse, urllib.request

GEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "deploy", "monitoring", "dashboards", "gen.py")


def ask(url, query):
    """(samples that are numbers, samples) or an error as a sentence."""
    data = urllib.parse.urlencode({"query": query}).encode()
    try:
        with urllib.request.urlopen(f"{url}/api/v1/query", data, timeout=30) as r:
            result = json.load(r)["data"]["result"]
    except urllib.error.HTTPError as e:
        return f"Prometheus refuses it: {json.load(e).get('error')}"
    except OSError as e:
        return f"Prometheus at {url} does not answer: {e}"
    return sum(s["value"][1] != "NaN" for s in result), len(result)


def main(argv):
    urls = [a for a in argv if not a.startswith("--")]
    flags = set(argv) - set(urls)
    if len(urls) != 1 or not flags <= {"--gpu", "--alert", "--triton"}:
        print(__doc__)
        return 2
    out = subprocess.run([sys.executable, GEN, "--queries"], capture_output=True, text=True, check=True).stdout
    passed = failed = left = 0
    for q in map(json.loads, out.splitlines()):
        answer = ask(urls[0].rstrip("/"), q["expr"])
        where = f"{q['dashboard']}: {q['panel']}"
        excused = (q["needs"] and f"--{q['needs']}" not in flags) or (q["only"] and "--triton" in flags)
        if isinstance(answer, tuple) and answer[0]:
            passed += 1
        elif isinstance(answer, tuple) and excused:
            left += 1
        else:
            failed += 1
            what = answer if isinstance(answer, str) else "nothing" if not answer[1] else f"{answer[1]} samples, none of them a number"
            print(f"FAILED {where}: {what}\n  {q['expr']}")
    print(f"{left} queries are empty, as they need a GPU, a firing alert or Nereid")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
