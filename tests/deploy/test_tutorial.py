#!/usr/bin/env python3
"""The tutorial is true: both languages have the same commands, those that need nothing but the program run and print what the guide says, and the
rest names only files, folders and options that exist.

MNIST is fetched into build/cache/mnist and kept there; `nereid fetch` checks its sums each time.
"""
import os, re, shutil, signal, subprocess, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from check import NEREID, free_port, nereid, run
import tutorial_steps as steps_of

ROOT = steps_of.ROOT
CACHE = os.path.join(ROOT, "build", "cache", "mnist")
LIMIT_S = 240


def test_both_languages_have_the_same_steps(tmp):
    english, chinese = (steps_of.load(p) for p in steps_of.GUIDES)
    for a, b in zip(english, chinese):
        assert a.key() == b.key(), f"{steps_of.GUIDES[0]}:{a.line} and {steps_of.GUIDES[1]}:{b.line} differ: {a.key()} and {b.key()}"
    assert len(english) == len(chinese), f"{len(english)} steps in English, {len(chinese)} in Chinese"
    assert len(english) > 20


def test_local_steps_run_and_print_what_the_guide_says(tmp):
    steps = [s for s in steps_of.load() if s.needs == "local"]
    for name in os.listdir(ROOT):  # the folder looks like the checkout, and what is written into demo/ stays in it
        if name not in (".git", "build", "demo"):
            os.symlink(os.path.join(ROOT, name), os.path.join(tmp, name))
    os.symlink(os.path.dirname(os.path.realpath(NEREID)), os.path.join(tmp, "build"))
    nereid("fetch", "mnist", "--dir", CACHE)
    shutil.copytree(CACHE, os.path.join(tmp, "demo", "data", "mnist"))
    env = dict(os.environ, HTTP=str(free_port()), GRPC=str(free_port()), METRICS=str(free_port()), NEREID_CACHE=os.path.join(tmp, "cache"))
    env["PATH"] = os.path.dirname(sys.executable) + os.pathsep + env["PATH"]  # the Python that has tritonclient
    env.pop("WEIGHTS", None)
    with open(os.path.join(tmp, "out"), "w+") as out:
        p = subprocess.Popen(["bash", "-c", steps_of.script(steps)], cwd=tmp, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                             start_new_session=True)
        try:
            p.wait(LIMIT_S)
        finally:
            try:
                os.killpg(p.pid, signal.SIGKILL)  # whatever a failed step left behind; the session is ours
            except ProcessLookupError:
                pass
        out.seek(0)
        text = out.read()
    printed = steps_of.split_output(text)
    last = list(printed)[-1] if printed else "none"
    assert p.returncode == 0, f"step {last} ended with status {p.returncode}:\n" + "\n".join(printed.get(last, [text])[-30:])
    for s in steps:
        lost = steps_of.missing(s, printed.get(s.name, []))
        assert lost is None, f"{steps_of.GUIDES[0]}:{s.line}: step {s.name} did not print: {lost}\nit printed:\n" + "\n".join(printed.get(s.name, []))


def logical(text):
    return re.sub(r"\\\n\s*", " ", text).split("\n")


def test_what_the_other_steps_name_exists(tmp):
    bad = []
    for s in steps_of.load():
        for line in logical(s.text):
            for path in re.findall(r"(?<![\w./-])((?:deploy|docs|tests|tools)/[\w./-]*[\w])", line):
                if not os.path.exists(os.path.join(ROOT, path)):
                    bad.append(f"step {s.name}: {path} does not exist")
            for path in re.findall(r"kubectl [^|;&]*?(?:-k|kustomize) (\S+)", re.sub(r"\$(\{OVERLAY:-cpu\}|OVERLAY\b)", "cpu", line)):
                if not os.path.exists(os.path.join(ROOT, path, "kustomization.yaml")):
                    bad.append(f"step {s.name}: {path} has no kustomization.yaml")
            for path in re.findall(r"(?:-f|--file)[= ](\S*Dockerfile\S*)", line):
                where = "deploy/docker" if f"cp deploy/docker/{path} " in s.text else ""
                if not os.path.isfile(os.path.join(ROOT, where, path)):
                    bad.append(f"step {s.name}: there is no {path}")
    assert not bad, "\n".join(bad)


def helm_values():
    """Dotted names in the chart's values.yaml; lists and maps under a name are that name."""
    names, stack = set(), []
    for line in open(os.path.join(ROOT, "deploy", "helm", "nereid", "values.yaml"), encoding="utf-8"):
        m = re.match(r"( *)([A-Za-z][\w-]*):", line)
        if m:
            stack = [x for x in stack if x[0] < len(m[1])] + [(len(m[1]), m[2])]
            names.add(".".join(x[1] for x in stack))
    return names


def commands_of_documents():
    """(document, logical line) of every sh fence in docs/ and deploy/."""
    for top in ("docs", "deploy"):
        for folder, _, names in os.walk(os.path.join(ROOT, top)):
            for name in sorted(n for n in names if n.endswith(".md")):
                path = os.path.join(folder, name)
                for body in re.findall(r"^ *```sh[^\n]*\n(.*?)^ *```$", open(path, encoding="utf-8").read(), flags=re.M | re.S):
                    for line in logical(body):
                        yield os.path.relpath(path, ROOT), line


def test_values_given_to_the_chart_exist(tmp):
    names, seen, bad = helm_values(), 0, []
    for path, line in commands_of_documents():
        if not re.search(r"\bhelm (upgrade|install|template)\b.*deploy/helm/nereid", line):
            continue
        for file in re.findall(r"(?:-f|--values)[= ](\S+)", line):
            if not os.path.isfile(os.path.join(ROOT, file)):
                bad.append(f"{path}: there is no {file}")
        for setting in re.findall(r"--set(?:-string|-json|-file)?[= ](\S+)", line):
            for name in re.findall(r"(?:^|,)([\w.-]+)(?:\[\d+\])?=", setting.strip("'\"")):
                seen += 1
                if name not in names and name.rsplit(".", 1)[0] not in names:
                    bad.append(f"{path}: the chart has no value {name}")
    assert not bad, "\n".join(bad)
    assert seen > 10, f"only {seen} values were found, so this test tests nothing"


def test_links_of_documents_lead_somewhere(tmp):
    bad = []
    for top in ("docs", "deploy", "README.md"):
        where = os.path.join(ROOT, top)
        paths = [where] if os.path.isfile(where) else [os.path.join(f, n) for f, _, names in os.walk(where) for n in names if n.endswith(".md")]
        for path in paths:
            text = re.sub(r"^ *```.*?^ *```$", "", open(path, encoding="utf-8").read(), flags=re.M | re.S)
            for target in re.findall(r"\]\(([^)\s]+)\)", text):
                file, _, anchor = target.partition("#")
                to = os.path.normpath(os.path.join(os.path.dirname(path), file)) if file else path
                if re.match(r"[a-z]+:", target):
                    continue
                if not os.path.exists(to):
                    bad.append(f"{os.path.relpath(path, ROOT)}: {target} leads nowhere")
                elif anchor and anchor not in anchors(to):
                    bad.append(f"{os.path.relpath(path, ROOT)}: {target}: there is no such heading")
    assert not bad, "\n".join(bad)


def anchors(path):
    """Anchors of a document's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ +(.*)$", open(path, encoding="utf-8").read(), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", h)).strip().lower().replace(" ", "-") for h in heads}


def help_has(command, flag):
    p = subprocess.run([*command, "--help"], capture_output=True, text=True, timeout=30)
    text = p.stdout + p.stderr
    return re.search(r"(?<![\w-])" + re.escape(flag) + r"(?![\w-])", text) is not None


def test_options_of_helm_and_kubectl_exist_where_these_are_installed(tmp):
    bad, known = [], {"kubectl": (2, ("apply", "create", "get", "delete", "wait", "rollout", "kustomize", "label", "annotate", "logs", "patch", "scale", "restart")),
                      "helm": (2, ("install", "upgrade", "uninstall", "template", "repo", "test"))}
    for s in steps_of.load():
        for line in logical(s.text):
            for part in re.split(r"\||&&|;|\$\(|\)", line):
                words = part.split()
                if not words or words[0] not in known or not shutil.which(words[0]):
                    continue
                verb = next((w for w in words[1:] if w in known[words[0]][1]), None)
                if verb is None:
                    bad.append(f"step {s.name}: no verb that this test knows in: {part.strip()}")
                    continue
                sub = [words[0], verb] + ([words[words.index(verb) + 1]] if verb in ("rollout", "repo") or (verb == "create" and "secret" in words) else [])
                sub += ["generic"] if sub[-1] == "secret" else []
                for flag in re.findall(r"(?<!\S)(--[a-z][\w-]*)", part):
                    if not help_has(sub, flag) and not help_has([words[0], "options"][:2 if words[0] == "kubectl" else 1], flag):
                        bad.append(f"step {s.name}: {' '.join(sub)} has no option {flag}")
    assert not bad, "\n".join(bad)


def test_the_reader_of_guides_sees_mistakes(tmp):
    good = "```sh step=a needs=local\necho 1\n```\n\n```output step=a\n1\n```\n"
    assert [s.key() for s in steps_of.parse(good, "g")] == [("a", "local", None, "echo 1", ["1"])]
    for text in (good + good, good.replace("needs=local", "needs=luck"), good.replace("needs=local", "needs=local also=luck"),
                 good.replace("```sh step=a needs=local", "```sh"), good[:-4],
                 "```output step=a\n1\n```\n", "```sh step=a needs=local\n\n```\n"):
        try:
            steps_of.parse(text, "g")
        except ValueError as e:
            assert str(e).startswith("g:")
        else:
            raise AssertionError("taken as good: " + text)
    s = steps_of.parse("```sh step=a needs=local\nx\n```\n```output step=a\none ... two\nthree\n```\n", "g")[0]
    assert steps_of.missing(s, ["one and two", "between", "three"]) is None
    assert steps_of.missing(s, ["three", "one and two"]) == "three"
    assert steps_of.missing(s, ["one and two", "three or four"]) == "three"


if __name__ == "__main__":
    run(globals())
