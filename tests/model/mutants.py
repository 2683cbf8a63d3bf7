#!/usr/bin/python3
"""Would the comparison notice? Faults put into copies of the engine, as TAP.

    mutants.py [-n CASES] BUILD     (BUILD: of a release build, build/release)

For each mutant one source file is copied to BUILD/mutants, changed, compiled
and linked before the rest of libpmg.a; compare.py's cases have to tell it from
the model. The control is every such file unchanged: there they must not.
A mutant that does not apply any more is a failure: write another one.
"""

import argparse
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, TOP)
from tests.model import compare     # noqa: E402

RULES = "pmgd/lib/rules/"
# name, file, pattern (a regular expression, exactly one place), replacement
MUTANTS = (
    ("a final rule does not take its recipients", "plan.c",
     r"i < ev->ncand && t->final == NO_RULE", "i < ev->ncand"),
    ("of rules with the same priority the lower id goes first", "load.c",
     r"return a->id > b->id \? -1 : 1;", "return a->id < b->id ? -1 : 1;"),
    ("the last minute is not in the frame", "match.c",
     r"minute >= o->number && minute <= o->number2",
     "minute >= o->number && minute < o->number2"),
    ("marks of the last group instead of all", "plan.c",
     r"c->marks\[i\] \|= marks\[i\]", "c->marks[i] = marks[i]"),
    ("one copy for recipients with different ends", "plan.c",
     r"if \(x->final != y->final\)", "if (0)"),
    ("the allowlist of a recipient is forgotten", "match.c",
     r"if \(list < 0\)", "if (list < -1)"),
    ("everyone has the first recipient's lists", "match.c",
     r"f->user_list\[r\]", "f->user_list[0]"),
    ("attachments go after the disclaimer was added", "object.c",
     r"(\{ACTION_REMOVE, CAT_ACTION, -1, )40", r"\g<1>50"),
    ("To looks at the client's address, too", "plan.c",
     r"(rcpt\[rcpt\]\.addr), NULL,", r"\1, ev->f->env->client_addr,"),
    ("file names are sought, not anchored", "object.c",
     r" \|\| o->type == WHAT_FILENAME", ""),
    ("a BCC is made from the first copy, whoever it is for", "plan.c",
     r"\.group = ev->taker\[rcpt\[0\]\]\.group", ".group = 0"),
    ("fields of inactive rules are stripped", "index.c",
     r"if \(rule_applies\(rs->rule\[i\], \(enum direction\)dir\)\)",
     "if (dir >= 0)"),
    ("accept goes before block in one rule", "object.c",
     r"(\{ACTION_ACCEPT, CAT_ACTION, -1, )99", r"\g<1>97"),
    ("names in archives count for file name", "match.c",
     r"in->depth == 0 && wanted\(w, PAT_FILENAME\)",
     "wanted(w, PAT_FILENAME)"),
)


def flags(*packages):
    out = subprocess.run(["pkg-config", *packages], stdout=subprocess.PIPE,
                         text=True, check=True)
    return out.stdout.split()


class Builder:
    def __init__(self, build):
        self.build = build
        self.scratch = os.path.join(build, "mutants")
        os.makedirs(self.scratch, exist_ok=True)
        with open(os.path.join(TOP, "Makefile"), encoding="utf-8") as f:
            packages = re.search(r"^LIB_PKGS := (.*)$", f.read(), re.M)[1]
        self.packages = packages.split()

    def driver(self, name, files):
        """files: name -> changed text. Path of the driver with them."""
        sources = []
        for path, text in files.items():
            sources.append(os.path.join(self.scratch,
                                        "%s-%s" % (name, path)))
            with open(sources[-1], "w", encoding="utf-8") as f:
                f.write(text)
        driver = os.path.join(self.scratch, name)
        subprocess.run(
            ["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-DPMG_VERSION=\"0\"",
             "-I" + os.path.join(TOP, "pmgd"), "-O1", "-w",
             *flags("--cflags", *self.packages), "-o", driver, *sources,
             os.path.join(self.build, "tests/model/driver.o"),
             os.path.join(self.build, "libpmg.a"), "-Wl,--as-needed",
             *flags("--libs", *self.packages)], check=True)
        return driver


def source(path):
    with open(os.path.join(TOP, RULES, path), encoding="utf-8") as f:
        return f.read()


def first_difference(driver, count):
    """(seed, aspects) of the first case that differs, or None."""
    for found, _ in compare.run(driver, 0, count):
        if found:
            return found[0]
    return None


def control(builder, count):
    files = {path: source(path) for _, path, _, _ in MUTANTS}
    return first_difference(builder.driver("control", files), count)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("-n", type=int, default=3000, help="cases at most")
    ap.add_argument("build")
    args = ap.parse_args()
    builder, bad = Builder(args.build), 0
    found = control(builder, args.n)
    print("%sok 1 - control: the engine as it is%s" % (
        "not " if found else "", found and ": seed %d differs" % found[0]
        or ""), flush=True)
    bad += found is not None
    for number, (name, path, pattern, to) in enumerate(MUTANTS, 2):
        text, times = re.subn(pattern, to, source(path))
        if times != 1:
            what = "not ok %d - %s: found %d times in %s" % (
                number, name, times, path)
        else:
            found = first_difference(builder.driver(
                "mutant%d" % (number - 1), {path: text}), args.n)
            what = "ok %d - %s: seed %d, %s" % (
                number, name, found[0], found[1][0]) if found else \
                "not ok %d - %s: not noticed" % (number, name)
        print(what, flush=True)
        bad += what.startswith("not")
    print("1..%d" % (len(MUTANTS) + 1))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
