#!/usr/bin/env python3
"""The commands of docs/tutorial.md and docs/tutorial.zh-CN.md, taken out of their fences.

  tutorial_steps.py --list                     one line a step: name, what it needs
  tutorial_steps.py --needs cluster --print    a bash script of these steps, for deploy/e2e.sh
  tutorial_steps.py --step NAME ... --print    a bash script of the steps of these names, in the guide's order
  tutorial_steps.py --check STEP FILE          whether FILE, the step's output, has what the guide promises
  tutorial_steps.py --sync                     copies the blocks of the English guide into those of the Chinese one

A block of commands begins with ```sh step=NAME needs=WHAT, what it prints with ```output step=NAME. WHAT is `source` (a build), `local` (the
program and Python), `image` (a builder of images), `cluster` (kubectl and the images in the cluster) or `internet` (what comes from outside, besides);
also=WHAT: --needs WHAT takes it too. Steps of a cluster expect the folder that `nereid prepare demo` made, and a python3 that has tritonclient. Of an output block every line must be found in the output, in this order; `...` in a line stands for anything. Lines between are free.
"""
import argparse, os, re, sys

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
GUIDES = ("docs/tutorial.md", "docs/tutorial.zh-CN.md")
NEEDS = ("source", "local", "image", "cluster", "internet")
MARK = "@@step "


class Step:
    def __init__(self, name, needs, also, line, text):
        self.name, self.needs, self.also, self.line, self.text, self.output = name, needs, also, line, text, []

    def key(self):
        return self.name, self.needs, self.also, self.text, self.output


def parse(text, path):
    """Steps of a guide; ValueError with path:line where a fence is not as described above."""
    steps, fence, body, start = [], None, [], 0
    for i, line in enumerate(text.split("\n"), 1):
        if fence is None:
            if line.startswith("```"):
                fence, body, start = line[3:].strip(), [], i
            continue
        if line != "```":
            body.append(line)
            continue
        block(steps, fence, body, f"{path}:{start}", start)
        fence = None
    if fence is not None:
        raise ValueError(f"{path}:{start}: the fence is never closed")
    return steps


def block(steps, fence, body, where, start):
    kind, *words = fence.split()
    if kind not in ("sh", "output"):
        raise ValueError(f"{where}: a fence is ```sh step=NAME needs=WHAT or ```output step=NAME, not ```{fence}")
    said = dict(w.split("=", 1) for w in words if "=" in w)
    if kind == "output":
        if not steps or steps[-1].name != said.get("step") or steps[-1].output:
            raise ValueError(f"{where}: an output block follows the step that it names, once")
        steps[-1].output = body
        return
    if set(said) - {"also"} != {"step", "needs"} or {said["needs"], said.get("also", said["needs"])} - set(NEEDS):
        raise ValueError(f"{where}: commands say step=NAME and needs= one of {', '.join(NEEDS)}, and may say also= another")
    if any(s.name == said["step"] for s in steps):
        raise ValueError(f"{where}: step {said['step']} is there twice")
    if not any(x.strip() for x in body):
        raise ValueError(f"{where}: the step has no commands")
    steps.append(Step(said["step"], said["needs"], said.get("also"), start, "\n".join(body)))


def load(path=GUIDES[0]):
    return parse(open(os.path.join(ROOT, path), encoding="utf-8").read(), path)


def script(steps):
    """One bash script; before each step it prints a line with MARK and the step's name."""
    lines = ["#!/usr/bin/env bash", "set -euo pipefail"]
    for s in steps:
        lines += ["", f"echo '{MARK}{s.name}'", s.text]
    return "\n".join(lines) + "\n"


def split_output(text):
    """{step: its lines} of what such a script printed."""
    out, name = {}, None
    for line in text.split("\n"):
        if line.startswith(MARK):
            name = line[len(MARK):]
            out[name] = []
        elif name is not None:
            out[name].append(line)
    return out


def missing(step, lines):
    """The first line of the step's output block that was not printed in its place, or None."""
    at = 0
    for want in step.output:
        if not want.strip():
            continue
        pattern = re.compile(r".*".join(re.escape(x) for x in re.split(r"\s*\.\.\.\s*", want.strip())))
        while at < len(lines) and not pattern.fullmatch(lines[at].strip()):
            at += 1
        if at == len(lines):
            return want
        at += 1
    return None


def sync():
    """The Chinese guide's blocks become those of the English one, by their first lines; its words stay."""
    fence = re.compile(r"^(```\S[^\n]*)\n(.*?)^```$", flags=re.M | re.S)
    english, chinese = (os.path.join(ROOT, p) for p in GUIDES)
    blocks = {m[1]: m[0] for m in fence.finditer(open(english, encoding="utf-8").read())}
    text = open(chinese, encoding="utf-8").read()
    fresh = fence.sub(lambda m: blocks.get(m[1], m[0]), text)
    open(chinese, "w", encoding="utf-8").write(fresh)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--guide", default=GUIDES[0])
    ap.add_argument("--needs", action="append", choices=NEEDS, default=[])
    ap.add_argument("--step", nargs="+", default=[])
    ap.add_argument("--list", action="store_true")
    ap.add_argument("--print", action="store_true")
    ap.add_argument("--sync", action="store_true")
    ap.add_argument("--check", nargs=2, metavar=("STEP", "FILE"))
    a = ap.parse_args()
    if a.sync:
        return sync()
    steps = load(a.guide)
    names = {s.name for s in steps}
    for name in a.step + (a.check or [])[:1]:
        if name not in names:
            sys.exit(f"tutorial_steps: {a.guide} has no step {name}; see --list")
    if a.check:
        lines = open(a.check[1], encoding="utf-8").read().split("\n")
        lost = missing(next(s for s in steps if s.name == a.check[0]), lines)
        if lost is not None:
            sys.exit(f"tutorial_steps: step {a.check[0]} did not print: {lost}")
        return
    chosen = [s for s in steps if (not a.needs or s.needs in a.needs or s.also in a.needs) and (not a.step or s.name in a.step)]
    if a.print:
        sys.stdout.write(script(chosen))
    elif a.list:
        for s in chosen:
            print(f"{s.name:24} {s.needs:9} line {s.line}")
    else:
        ap.error("say --list, --print, --check or --sync")


if __name__ == "__main__":
    main()
