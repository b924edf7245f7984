#!/usr/bin/env python3
"""The lint: layers, banned calls, sizes, head paragraphs, comments, assertions, tests that are missing, locks and
paths that documents name, private strings. Usage: tools/tidy.py [--ratchet | --rooms | --help]

What is not yet as it should be is listed in tools/ratchet.txt, and may only get better:
  PATH long-lines long-functions lines-over-the-limit     of a file
  untested PATH                                           a source without tests/unit/ROOM/test_FILE.c
  room NAME comment-percent checks-per-1000-lines         a room under its share: it may not fall further
--ratchet writes the list anew: run it after improving something (a note says when), read `git diff
tools/ratchet.txt`, and commit it when numbers of files fell and those of rooms rose. --rooms prints the figures of
all rooms. Exit status 1 when something is wrong; the last line is 'N passed, N failed' over files and rooms.
"""
import os, re, subprocess, sys

LINE, FUNCTION, FILE, KERNEL_FILE = 100, 70, 800, 1200
COMMENTS = 12                                              # percent of a room's lines, kernels left out
CHECKS, CHECK_ROOMS = 20, ("ir", "plan", "engine", "serve", "codec")
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


def untested(path):
    """Whether a source has no unit test of its name; variants of a template share one."""
    name = re.sub(r"(_avx2|_avx512|_c)$", "", os.path.basename(path)[:-2])
    return not os.path.exists(os.path.join(os.path.dirname("tests/unit" + path[3:]), f"test_{name}.c"))


def room_figures(files):
    """{room: [lines with a comment, lines, CHECKs]}: blank lines left out, kernels too."""
    rooms = {}
    for path in files:
        if not path.startswith("src/") or "/kernels/" in path or path.endswith(".def"):
            continue
        text = open(path, encoding="utf-8", errors="replace").read()
        code = strip_comments(text).split("\n")
        blank = re.sub(r'"(\\.|[^"\\\n])*"', '""', text)
        commented = sum(m[0].count("\n") + 1 for m in re.finditer(r"//[^\n]*|/\*.*?\*/", blank, flags=re.S))
        r = rooms.setdefault(path.split("/")[1], [0, 0, 0])
        r[0] += commented
        r[1] += sum(bool(x.strip()) for x in text.split("\n"))
        r[2] += sum(len(re.findall(r"\bD?CHECK(_MAGIC)?\(|\bUNREACHABLE\(|\bASSERT_OWNER\(", x)) for x in code)
    return {room: (100 * c // max(n, 1), 1000 * k // max(n, 1), n) for room, (c, n, k) in sorted(rooms.items())}


def check_rooms(figures, floors, bad, notes):
    """Rows for rooms that are under their share."""
    rows = []
    for room, (comments, checks, _) in figures.items():
        need = (COMMENTS, CHECKS if room in CHECK_ROOMS else 0)
        floor = floors.get(room, need)
        for have, want, may, what in zip((comments, checks), need, floor, ("% comments", "assertions per 1,000 lines")):
            if have < min(want, may):
                bad.setdefault(f"src/{room}", []).append(f"{have} {what}; it had {min(want, may)}, and {want} are wanted")
            elif have > may and may < want:
                notes.append(f"room {room}")
        if comments < need[0] or checks < need[1]:
            rows.append(f"room {room} {comments} {checks}\n")
    return rows


def check_docs(bad):
    """Locks are named in threads.md; paths that documents name are there."""
    listed = open("docs/internals/threads.md", encoding="utf-8").read()
    for path in tracked("src"):
        if path.endswith((".c", ".h")) and "pthread_mutex_t" in open(path, encoding="utf-8").read() and path not in listed:
            bad.setdefault(path, []).append("its lock is not in docs/internals/threads.md")
    for doc in tracked("*.md"):
        for m in re.finditer(r"`((?:src|tests|tools|include|bench|docs)/[\w./-]+)`", open(doc, encoding="utf-8").read()):
            if not os.path.exists(m[1]):
                bad.setdefault(doc, []).append(f"it names {m[1]}, which does not exist")


def read_ratchet():
    """(sizes by path, paths of untested sources, floors by room)."""
    files, without, floors = {}, set(), {}
    if os.path.exists("tools/ratchet.txt"):
        for line in open("tools/ratchet.txt"):
            word, *rest = line.split()
            if word == "untested":
                without.add(rest[0])
            elif word == "room":
                floors[rest[0]] = tuple(map(int, rest[1:]))
            else:
                files[word] = tuple(map(int, rest))
    return files, without, floors


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    if "--help" in sys.argv:
        print(__doc__)
        return 0
    (ratchet, without, floors), rooms, fresh, bad, notes = read_ratchet(), layers(), {}, {}, []
    files = [p for p in tracked("src", "include", "tests", "bench") if p.endswith((".c", ".h", ".def"))]
    for path in files:
        check_file(path, rooms, ratchet, fresh, lambda text, p=path: bad.setdefault(p, []).append(text))
    for path in tracked():
        if os.path.isdir(path):                            # a link to a folder, whose files are in the list themselves
            continue
        data = open(path, "rb").read()
        if path != "tools/tidy.py" and b"\0" not in data and PRIVATE.search(data.decode("utf-8", "replace")):
            bad.setdefault(path, []).append("it names a path of one machine or a registry's host")
    lacking = [p for p in files if p.startswith("src/") and p.endswith(".c") and untested(p)]
    for path in lacking:
        if path not in without:
            bad.setdefault(path, []).append("it has no unit test: tests/unit/ROOM/test_FILE.c")
    figures = room_figures(files)
    rows = check_rooms(figures, floors, bad, notes)
    check_docs(bad)
    if "--rooms" in sys.argv:
        for room, (comments, checks, lines) in figures.items():
            print(f"{room:10} {lines:6} lines {comments:3} % comments {checks:3} assertions per 1,000 lines")
    if "--ratchet" in sys.argv:
        with open("tools/ratchet.txt", "w") as f:
            f.writelines(f"{p} {a} {b} {c}\n" for p, (a, b, c) in sorted(fresh.items()))
            f.writelines(f"untested {p}\n" for p in lacking)
            f.writelines(rows)
        return 0
    notes += [p for p in sorted(ratchet) if any(a < b for a, b in zip(fresh.get(p, (0, 0, 0)), ratchet[p]))]
    notes += sorted(without - set(lacking))
    for path, texts in sorted(bad.items()):
        for t in texts:
            print(f"{path}: {t}")
    if notes:
        print(f"{len(notes)} rows of tools/ratchet.txt can be made stricter with --ratchet: {', '.join(notes[:8])}")
    print(f"{len(files) + len(figures) - len(bad)} passed, {len(bad)} failed")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
