#!/usr/bin/python3
"""`make fuzz-planted`: faults that are put in on purpose, and how long the
fuzz targets take to find them.

    planted.py [--minutes N] [--build DIR] [TARGET ...]

Each of tests/fuzz/planted/*.txt is a table of faults of one target:

    = what it is
    file the source that it is put into
    - the line as it is (found there once; more lines with more of these)
    + what stands there instead

A changed copy of the source is compiled into DIR/planted and linked in front
of the library; the tree is not touched. The target then runs on the inputs of
the tree until it finds something. Fails when a fault is not found in time, or
when the line it is put into is not there any more.
"""

import argparse
import glob
import os
import shlex
import shutil
import subprocess
import sys
import time

import targets

GRACE = 60              # seconds over the time that libFuzzer is given


class Fault:
    def __init__(self, target, number, what):
        self.target, self.number, self.what = target, number, what
        self.file, self.old, self.new = None, [], []

    @property
    def name(self):
        return "%s-%d" % (self.target, self.number)

    def source(self):
        """The file with the fault in it; None when the line is not there."""
        with open(os.path.join(targets.TOP, self.file), encoding="utf-8") as f:
            text = f.read()
        old, new = ("".join(line + "\n" for line in part)
                    for part in (self.old, self.new))
        if text.count(old) != 1:
            return None
        return text.replace(old, new)


def load(target):
    faults = []
    path = os.path.join(targets.HERE, "planted", target + ".txt")
    with open(path, encoding="utf-8") as f:
        for line in f.read().splitlines():
            key, _, rest = line.partition(" ")
            if key == "=":
                faults.append(Fault(target, len(faults) + 1, rest))
            elif key == "file":
                faults[-1].file = rest
            elif key in ("-", "+"):
                (faults[-1].old if key == "-" else faults[-1].new).append(rest)
            elif line and key != "#":
                raise SystemExit("%s: what is this: %s" % (path, line))
    return faults


def commands():
    """How this variant compiles and links, from its Makefile."""
    text = subprocess.run(
        ["make", "-s", "--no-print-directory", "VARIANT=fuzz",
         "fuzz-commands"], cwd=targets.TOP, check=True,
        stdout=subprocess.PIPE).stdout.decode()
    table = {}
    for line in text.splitlines():
        key, _, rest = line.partition(": ")
        table[key] = shlex.split(rest)
    return table


def build(fault, table, folder):
    os.makedirs(folder)
    source = os.path.join(folder, os.path.basename(fault.file))
    with open(source, "w", encoding="utf-8") as f:
        f.write(fault.source())
    changed = source[:-1] + "o"
    subprocess.run(table["compile"] + ["-w", "-c", "-o", changed, source],
                   cwd=targets.TOP, check=True)
    usual = fault.file[:-1] + "o"
    objects = [o for o in table[fault.target] if not o.endswith("/" + usual)]
    program = os.path.join(folder, "fuzz")
    subprocess.run(table["link"] + ["-o", program, changed] + objects +
                   table["libs"], cwd=targets.TOP, check=True)
    return program


def fuzz(argv, log, seconds):
    """True: it found something."""
    with open(log, "wb") as out:
        try:
            return subprocess.run(
                ["nice", "-n", "10"] + argv, stdout=out,
                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                cwd=targets.TOP, timeout=seconds + GRACE).returncode != 0
        except subprocess.TimeoutExpired:
            return True     # an input that never ends


def by_seed(program, fault, folder):
    """Whether an input of the tree alone shows it."""
    return fuzz([program, "-runs=0"] + targets.seeds(fault.target),
                os.path.join(folder, "seeds.log"), targets.INPUT_SECONDS * 3)


def hunt(fault, table, args):
    folder = os.path.join(args.build, "planted", fault.name)
    shutil.rmtree(folder, ignore_errors=True)
    if fault.source() is None:
        return None
    program = build(fault, table, folder)
    grown = os.path.join(folder, "corpus")
    os.makedirs(grown)
    if by_seed(program, fault, folder):
        return "by an input of the tree"
    start = time.monotonic()
    seconds = int(args.minutes * 60)
    found = fuzz([program, "-max_total_time=%d" % seconds,
                  "-artifact_prefix=%s/" % folder]
                 + targets.options(fault.target, folder)
                 + [grown] + targets.seeds(fault.target),
                 os.path.join(folder, "fuzz.log"), seconds)
    spent = time.monotonic() - start
    return "after %.0f s" % spent if found else None


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--minutes", type=float, default=5)
    p.add_argument("--build", default=os.path.join(targets.TOP, "build/fuzz"))
    p.add_argument("target", nargs="*")
    args = p.parse_intermixed_args()
    args.build = os.path.abspath(args.build)
    have = sorted(os.path.basename(f)[:-4] for f in
                  glob.glob(os.path.join(targets.HERE, "planted", "*.txt")))
    table = commands()
    missed = total = 0
    for target in args.target or have:
        for fault in load(target):
            total += 1
            when = hunt(fault, table, args)
            missed += when is None
            if when is None:
                when = "NOT FOUND" if fault.source() else "ITS LINE IS GONE"
            print("%-16s %-24s %s" % (fault.name, when, fault.what),
                  flush=True)
    print("%d of %d found" % (total - missed, total))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
