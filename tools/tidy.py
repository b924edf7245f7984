#!/usr/bin/env python3
"""The lint: layers, banned calls, sizes, head paragraphs, one table per vocabulary, private strings. tools/tidy.py [--ratchet]

What is already over a size is listed in tools/ratchet.txt as `path long-lines long-functions file-lines`; those numbers may only fall. --ratchet writes
the list anew (use it after improving). Exit status 1 when something is wrong; the last line is 'N passed, N failed' over the files.
"""
import os, re, subprocess, sys

LINE, FUNCTION, FILE, KERNEL_FILE = 100, 70, 800, 1200
BANNED = {  # call: (why, folders where it is fine)
    r"\b(strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|gmtime|localtime|alloca)\s*\(": ("use the bounded form", ()),
    r"\b(malloc|calloc|realloc|free)\s*\(": ("use base/mem.h", ("src/base/mem.c",)),
    r"\b(exit|abort|perror|printf|puts)\s*\(": ("return a status", ("src/cli/", "src/base/panic.c", "src/base/log.c")),
    r"\b(clock_gettime|gettimeofday|time)\s*\(": ("use base/clock.h", ("src/base/clock.c",)),
    r"\b(rand|srand|random)\s*\(": ("use base/rand.h", ("src/base/rand.c",)),
}
PRIVATE = re.compile(r"(?<![\w.])/(work|root|home)/|pypi\.org|registry\.npmjs|crates\.io|deb\.debian\.org|proxy\.golang")


def tracked(*patterns):
    return subprocess.run(["git", "ls-files", *patterns], capture_output=True, text=True, check=True).stdout.split()


def layers():
    rooms = {}
    for line in open("tools/layers.txt"):
        if line.strip() and not line.startswith("#"):
            name, *allowed = line.split()
            rooms[name] = set(allowed)
    return rooms


def strip_comments(text):
    """Code without comments and strings, with the lines kept."""
    return re.sub(r'//[^\n]*|/\*.*?\*/|"(\\.|[^"\\\n])*"', lambda m: "\n" * m[0].count("\n") if m[0][0] == "/" else '""', text, flags=re.S)


def check_includes(path, text, rooms, say):
    room = path.split("/")[1]
    for m in re.finditer(r'#include "([^"]+)"', text):
        to = m[1].split("/")[0]
        if to in (room, "nereid", "tables") or to not in rooms:
            continue
        if to not in rooms[room] and m[1] not in rooms[room]:
            say(f"room {room} may not include {m[1]} (tools/layers.txt)")
        if m[1].endswith("_priv.h"):
            say(f"{m[1]} is private to room {to}")


def sizes(path, text):
    """(long lines, long functions, lines over the file's limit)."""
    lines = text.split("\n")
    long_lines = sum(len(x.replace("\t", "    ")) > LINE for x in lines)
    long_functions, start = 0, None
    for i, x in enumerate(lines):
        if x == "{":
            start = i
        elif x == "}" and start is not None:
            long_functions += i - start - 1 > FUNCTION
            start = None
    limit = KERNEL_FILE if "/kernels/" in path else FILE
    return long_lines, long_functions, max(0, len(lines) - 1 - limit)


def check_file(path, rooms, ratchet, fresh, say):
    text = open(path, encoding="utf-8", errors="replace").read()
    code = strip_comments(text)
    if path.startswith("src/") and path.count("/") >= 2:
        check_includes(path, text, rooms, say)
        for pattern, (why, fine) in BANNED.items():
            for m in re.finditer(pattern, code):
                if not path.startswith(fine or ("/",)):
                    say(f"line {code[:m.start()].count(chr(10)) + 1}: {m[1]}(): {why}")
    if path.endswith(".c") and not text.startswith("/*"):
        say("it does not begin with a paragraph that says what it is")
    if re.search(r"[ \t]+$", text, flags=re.M):
        say("blanks at the end of a line")
    got, allowed = sizes(path, text), ratchet.get(path, (0, 0, 0))
    if any(got):
        fresh[path] = got
    for have, may, what in zip(got, allowed, (f"lines over {LINE} columns", f"functions over {FUNCTION} lines", "lines too many")):
        if have > may:
            say(f"{have} {what}; {may} are allowed (tools/ratchet.txt)")


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    rooms, ratchet, fresh, bad = layers(), {}, {}, {}
    if os.path.exists("tools/ratchet.txt"):
        for line in open("tools/ratchet.txt"):
            path, *n = line.split()
            ratchet[path] = tuple(map(int, n))
    files = [p for p in tracked("src", "include", "tests", "bench") if p.endswith((".c", ".h", ".def"))]
    for path in files:
        check_file(path, rooms, ratchet, fresh, lambda text, p=path: bad.setdefault(p, []).append(text))
    for path in tracked():
        data = open(path, "rb").read()
        if path != "tools/tidy.py" and b"\0" not in data and PRIVATE.search(data.decode("utf-8", "replace")):
            bad.setdefault(path, []).append("it names a path of one machine or a registry's host")
    if "--ratchet" in sys.argv:
        with open("tools/ratchet.txt", "w") as f:
            f.writelines(f"{p} {a} {b} {c}\n" for p, (a, b, c) in sorted(fresh.items()))
        return 0
    for path, texts in sorted(bad.items()):
        for t in texts:
            print(f"{path}: {t}")
    print(f"{len(files) - len(bad)} passed, {len(bad)} failed")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
