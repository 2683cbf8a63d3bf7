#!/usr/bin/python3
"""lib/mail against Python's email and MIME::Tools over real mail, as TAP.

    differ.py [-v CLASS] CORPUS DUMP

CORPUS: folder with ham/ and spam/; DUMP: the asan build's oracle/dump. Every
disagreement has to fall into one of classes.py's, which doc/MIME.md explains.
-v prints the members of a class ("unclassified" is one, too).
"""

import argparse
import base64
import email.utils
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, TOP)
from tests.oracle import classes, python_email, record      # noqa: E402

SHOWN = 40      # members of a class, with -v


def mails(corpus):
    for top in ("ham", "spam"):
        for folder, dirs, files in os.walk(os.path.join(corpus, top)):
            dirs.sort()
            for name in sorted(files):
                recent = os.path.join("spam", "recent") in folder
                if name.endswith(".eml") if recent else name != "cmds":
                    yield os.path.join(folder, name)


def start(argv, paths, out):
    """A reader of paths, its answers to a file."""
    with open(paths, "rb") as stdin, open(out, "wb") as stdout:
        return subprocess.Popen(argv, stdin=stdin, stdout=stdout)


def answers(path):
    with open(path, encoding="utf-8") as f:
        for line in f:
            message = json.loads(line)
            for p in message.get("parts", []):
                if p.get("body") is not None:
                    p["body"] = base64.b64decode(p["body"])
            yield message


def blanks(text):
    """A header value, its folds aside."""
    return None if text is None else " ".join(text.split())


# ---- aspects: pairs (ours, theirs) of what is compared ----

def compare_tree(ours, theirs):
    a = [p["type"] for p in ours["parts"]]
    b = [p["type"] for p in theirs["parts"]]
    if a != b:
        yield "tree", {"a": a, "b": b}


def compare_names(ours, theirs):
    a = record.attachments(ours["parts"])
    b = record.attachments(theirs["parts"])
    if a != b:
        yield "names", {"a": a, "b": b}


def compare_content(ours, theirs):
    a, b = record.leaves(ours["parts"]), record.leaves(theirs["parts"])
    if len(a) != len(b):
        return
    for x, y in zip(a, b):
        if not record.same_content(x, y):
            yield "content", {"a": record.lines(x["body"]),
                              "b": record.lines(y["body"]), "part": x}


def compare_subject(ours, theirs):
    a, b = blanks(ours["subject"]), blanks(theirs["subject"])
    if a != b:
        yield "subject", {"a": a, "b": b}


def compare_text(ours, theirs):
    """Charsets: what Python's codec of that name makes of the same bytes."""
    del theirs
    for p in record.leaves(ours["parts"]):
        if "text" not in p:
            continue
        b = classes.python_text(p["charset"], p["body"])
        if b != p["text"]:
            yield "text", {"a": p["text"], "b": b, "part": p}


def compare_date(ours, theirs):
    a = ours.get("date", [None])[0]
    b = theirs.get("date")
    if a != b:
        yield "date", {"a": ours.get("date"), "b": b,
                       "raw": theirs["raw_date"]}


def compare_addresses(ours, theirs):
    for field in ("from", "to"):
        a = [(blanks(n), x) for n, x in ours[field]]
        b = [(blanks(n), x) for n, x in theirs[field]]
        if a != b:
            yield "address", {"a": a, "b": b, "raw": theirs["raw"][field]}


MIME = (compare_tree, compare_names, compare_content, compare_subject)
PYTHON = MIME + (compare_text, compare_date, compare_addresses)


def python_read(path):
    with open(path, "rb") as f:
        data = f.read()
    message = python_email.read(data)
    header = email.message_from_bytes(data, policy=python_email.RAW)
    date = header.get("date")
    message["raw_date"] = date
    message["date"] = python_email.seconds_of(date)
    message["raw"] = {}
    for field in ("from", "to"):
        value = header.get(field)
        message["raw"][field] = value
        message[field] = python_email.addresses_of(value)
    return message


class Oracle:
    def __init__(self, name, aspects):
        self.name, self.aspects = name, aspects
        self.messages = self.differ = 0
        self.found = Counter()
        self.members = {}

    def add(self, path, ours, theirs):
        self.messages += 1
        before = sum(self.found.values())
        for compare in self.aspects:
            for aspect, what in compare(ours, theirs):
                name = classes.classify(aspect, ours, theirs, what) or \
                    "unclassified"
                self.found[aspect, name] += 1
                self.members.setdefault(name, []).append((path, aspect, what))
        self.differ += sum(self.found.values()) > before


def show(oracle, name):
    for path, aspect, what in oracle.members.get(name, [])[:SHOWN]:
        print("# %s: %s: %s" % (oracle.name, aspect, path))
        if aspect in ("content", "text"):
            a, b = what["a"], what["b"]
            n = len(os.path.commonprefix([a, b])) if b is not None else 0
            print("#    ", what["part"]["type"], what["part"]["charset"],
                  what["part"]["encoding"], what["part"]["defects"], "at", n)
            print("#    ", repr(a[max(0, n - 20):n + 60]))
            print("#    ", repr(b[max(0, n - 20):n + 60] if b else b))
        else:
            for key, value in what.items():
                print("#    ", key, repr(value)[:400])


def has_mimetools():
    return subprocess.run(["perl", "-MMIME::Parser", "-e", "1"],
                          stderr=subprocess.DEVNULL).returncode == 0


def read_all(corpus, dump, scratch, verbose, problems):
    """The two oracles, filled."""
    paths = list(mails(corpus))
    listed = os.path.join(scratch, "paths")
    with open(listed, "wb") as f:
        f.write(b"".join(os.fsencode(p) + b"\n" for p in paths))
    ours_out = os.path.join(scratch, "ours")
    perl_out = os.path.join(scratch, "mimetools")
    reader = [os.path.join(HERE, "mimetools.pl")]
    if not has_mimetools():
        reader = ["sed", "s/.*/{}/"]
    running = [("dump", start([dump, "-b"], listed, ours_out)),
               (reader[0], start(reader, listed, perl_out))]
    for name, process in running:
        if process.wait() != 0:
            problems.append("%s ended with %d" % (name, process.returncode))
    python = Oracle("Python's email", PYTHON)
    tools = Oracle("MIME::Tools", MIME)
    read = 0
    for path, ours, perl in zip(paths, answers(ours_out), answers(perl_out)):
        read += 1
        python.add(path, ours, python_read(path))
        if not perl:
            continue
        if perl.get("error"):
            problems.append("mimetools.pl: %s: %s" % (path, perl["error"]))
        else:
            tools.add(path, ours, perl)
    if read != len(paths) or not paths:
        problems.append("%d of %d messages read" % (read, len(paths)))
    for oracle in (python, tools):
        if verbose:
            show(oracle, verbose)
    return python, tools


def explained(doc):
    """{class: (Python's count, MIME::Tools')} of doc/MIME.md, and for how many
    messages they hold."""
    rows = re.findall(r"(?m)^\| `([a-z0-9-]+)` \| (\d+) \| (\d+) \|", doc)
    total = re.search(r"holds (\d+) messages", doc)
    return ({name: (int(a), int(b)) for name, a, b in rows},
            int(total.group(1)) if total else 0)


def judge(oracle, column, known, total):
    """What is wrong with an oracle's classes."""
    problems = []
    counts = Counter()
    for (aspect, name), n in sorted(oracle.found.items()):
        print("# %-15s %-8s %5d %s" % (oracle.name, aspect, n, name))
        counts[name] += n
    for name, n in sorted(counts.items()):
        if name == "unclassified":
            problems.append("%d unclassified" % n)
        elif name not in known:
            problems.append("doc/MIME.md does not explain %s" % name)
    if oracle.messages == total:    # another corpus has other counts
        problems += ["%s: %d, doc/MIME.md says %d" % (
            name, counts[name], known[name][column])
            for name in sorted(known) if counts[name] != known[name][column]]
    return problems


def point(number, name, problems):
    for p in problems:
        print("# " + p)
    print("%sok %d - %s" % ("not " if problems else "", number, name))
    return bool(problems)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-v", "--verbose", metavar="CLASS")
    parser.add_argument("corpus")
    parser.add_argument("dump")
    args = parser.parse_args()
    problems = []
    scratch = tempfile.mkdtemp(prefix="oracle-")
    try:
        oracles = read_all(args.corpus, args.dump, scratch, args.verbose,
                           problems)
    finally:
        shutil.rmtree(scratch)
    bad = point(1, "every message read, no sanitizer report", problems)
    with open(os.path.join(TOP, "doc", "MIME.md"), encoding="utf-8") as f:
        known, total = explained(f.read())
    for column, oracle in enumerate(oracles):
        if not oracle.messages:
            print("ok %d - %s # SKIP libmime-tools-perl is not installed"
                  % (column + 2, oracle.name))
            continue
        bad |= point(column + 2, "%s: %d messages, %d of them differ, %d "
                     "classes, unclassified %d" % (
                         oracle.name, oracle.messages, oracle.differ,
                         len({n for _, n in oracle.found}),
                         len(oracle.members.get("unclassified", []))),
                     judge(oracle, column, known, total))
    print("1..%d" % (1 + len(oracles)))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
