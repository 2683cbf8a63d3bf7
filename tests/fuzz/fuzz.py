#!/usr/bin/python3
"""`make fuzz`: every target for a while; `make fuzz-merge`: keep what it found.

    fuzz.py run [--minutes N] [--build DIR] [TARGET ...]
    fuzz.py merge [--build DIR] [TARGET ...]

run begins with the inputs of the tree and those that an earlier run left in
DIR/corpus. Whatever broke a target is in DIR/found and the exit status is 1.
merge adds to the tree the small inputs that reach what none in it reaches; it
takes nothing but what grew from the seeds of the tree.
"""

import argparse
import glob
import os
import re
import shutil
import subprocess
import sys
import time

import targets

KEEP_LEN = 4096         # bytes of an input that merge takes
NICE = ["nice", "-n", "10"]


def figure(pattern, text, default=0):
    found = re.findall(pattern, text)
    return int(found[-1]) if found else default


def run_one(name, build, seconds):
    """(executions, a second, inputs, crashes) of one run."""
    grown = os.path.join(build, "corpus", name)
    found = os.path.join(build, "found")
    os.makedirs(grown, exist_ok=True)
    os.makedirs(found, exist_ok=True)
    pattern = os.path.join(found, name + "-*")
    before = set(glob.glob(pattern))
    log = os.path.join(build, name + ".log")
    with open(log, "wb") as out:
        subprocess.run(
            NICE + [os.path.join(build, "fuzz", name),
                    "-max_total_time=%d" % seconds,
                    "-artifact_prefix=%s/%s-" % (found, name)]
            + targets.options(name, build) + [grown] + targets.seeds(name),
            stdout=out, stderr=subprocess.STDOUT, cwd=targets.TOP,
            stdin=subprocess.DEVNULL)
    with open(log, "rb") as f:
        text = f.read().decode("utf-8", "replace")
    crashes = len(set(glob.glob(pattern)) - before)
    execs = figure(r"stat::number_of_executed_units:\s*(\d+)", text)
    if crashes == 0 and execs == 0:
        crashes = 1         # it did not even get to its end
    return (execs, figure(r"stat::average_exec_per_sec:\s*(\d+)", text),
            figure(r"corp: (\d+)/", text), figure(r" cov: (\d+)", text),
            crashes)


def run(args):
    bad = 0
    row = "%-14s %12s %8s %8s %8s %8s %8s"
    print(row % ("target", "executions", "exec/s", "inputs", "edges",
                 "seconds", "crashes"), flush=True)
    for name in targets.chosen(args.target):
        start = time.monotonic()
        execs, rate, inputs, edges, crashes = run_one(
            name, args.build, int(args.minutes * 60))
        print(row % (name, execs, rate, inputs, edges,
                     round(time.monotonic() - start), crashes), flush=True)
        if crashes:
            bad += crashes
            print("    see %s/%s.log" % (args.build, name))
    return 1 if bad else 0


def merge(args):
    """The tree's inputs go first, so that only what adds to them is taken."""
    for name in targets.chosen(args.target):
        grown = os.path.join(args.build, "corpus", name)
        if not os.path.isdir(grown):
            continue
        tree = os.path.join(targets.CORPUS, name)
        os.makedirs(tree, exist_ok=True)
        work = os.path.join(args.build, "merge", name)
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(tree, work)
        had = set(os.listdir(work))
        subprocess.run(
            NICE + [os.path.join(args.build, "fuzz", name),
                    "-set_cover_merge=1", "-max_len=%d" % KEEP_LEN, work,
                    grown], check=True, cwd=targets.TOP,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        new = [f for f in os.listdir(work) if f not in had]
        for f in new:
            shutil.copy(os.path.join(work, f), os.path.join(tree, f))
        kept = glob.glob(os.path.join(tree, "*"))
        print("%-14s %4d new, %5d inputs, %8d bytes" % (
            name, len(new), len(kept), sum(map(os.path.getsize, kept))))
    return 0


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("what", choices=("run", "merge"))
    p.add_argument("--minutes", type=float, default=30)
    p.add_argument("--build", default=os.path.join(targets.TOP, "build/fuzz"))
    p.add_argument("target", nargs="*")
    args = p.parse_intermixed_args()
    args.build = os.path.abspath(args.build)
    return run(args) if args.what == "run" else merge(args)


if __name__ == "__main__":
    sys.exit(main())
