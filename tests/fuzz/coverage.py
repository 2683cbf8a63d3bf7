#!/usr/bin/python3
"""`make fuzz-coverage`: which lines of lib/mail the inputs of the tree reach.

    coverage.py [--build DIR] [--folder pmgd/lib/mail] [--least PERCENT]
                [--missing FILE]

With PMG_CORPUS set, the mails below that folder go through the targets of
messages, too, and the figure is then not the tree's own. --missing lists the
lines of one file that nothing reached. Fails below --least.
"""

import argparse
import json
import os
import subprocess
import sys

import targets

FLAGS = "-fprofile-instr-generate -fcoverage-mapping"
MAIL_TARGETS = ("mime", "edit", "content")
BATCH = 500             # files on one command line


def build(folder):
    targets.make("VARIANT=release", "O=" + os.path.relpath(
        folder, targets.TOP), "CC=clang", "CFLAGS=-O1 " + FLAGS,
        "LDFLAGS=" + FLAGS, "fuzzers")


def replay(folder, name, what, number):
    profile = os.path.join(folder, "profile", "%s-%d.raw" % (name, number))
    subprocess.run(
        [os.path.join(folder, "fuzz", name)] + what, check=True,
        env=dict(os.environ, LLVM_PROFILE_FILE=profile), cwd=targets.TOP,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return profile


def mails():
    top = os.environ.get("PMG_CORPUS")
    found = []
    for folder, _, files in os.walk(top) if top else ():
        found += [os.path.join(folder, f) for f in files]
    return sorted(found)


def profiles(folder):
    raw = []
    os.makedirs(os.path.join(folder, "profile"), exist_ok=True)
    for name in targets.names():
        if targets.seeds(name):
            raw.append(replay(folder, name, targets.seeds(name), 0))
    files = mails()
    for name in set(MAIL_TARGETS) & set(targets.names()):
        for i in range(0, len(files), BATCH):
            raw.append(replay(folder, name, files[i:i + BATCH], 1 + i))
    merged = os.path.join(folder, "profile", "merged")
    subprocess.run(["llvm-profdata", "merge", "-sparse", "-o", merged] + raw,
                   check=True)
    return merged


def llvm_cov(what, folder, merged, *args):
    objects = [os.path.join(folder, "fuzz", n) for n in targets.names()]
    argv = ["llvm-cov", what, objects[0]]
    for o in objects[1:]:
        argv += ["-object", o]
    return subprocess.run(
        argv + ["-instr-profile=" + merged] + list(args), check=True,
        cwd=targets.TOP, stdout=subprocess.PIPE).stdout.decode()


def show_missing(folder, merged, path):
    text = llvm_cov("show", folder, merged, "-sources", path)
    for line in text.splitlines():
        number, _, rest = line.partition("|")
        count, _, source = rest.partition("|")
        if count.strip() == "0":
            print("%s:%s:%s" % (path, number.strip(), source))


def table(data, prefix, least):
    lines = covered = 0
    print("%-32s %6s %8s %7s" % ("file", "lines", "reached", ""))
    for f in sorted(data["files"], key=lambda f: f["filename"]):
        name = os.path.relpath(os.path.join(targets.TOP, f["filename"]),
                               targets.TOP)
        if not name.startswith(prefix + "/") or not name.endswith(".c"):
            continue
        s = f["summary"]["lines"]
        lines += s["count"]
        covered += s["covered"]
        print("%-32s %6d %8d %5.1f %%" % (
            os.path.basename(name), s["count"], s["covered"],
            100 * s["covered"] / max(s["count"], 1)))
    share = 100 * covered / max(lines, 1)
    print("%-32s %6d %8d %5.1f %%" % (prefix, lines, covered, share))
    if share < least:
        print("less than %g %%" % least)
    return share >= least


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--build", default=os.path.join(targets.TOP,
                                                   "build/coverage"))
    p.add_argument("--folder", default="pmgd/lib/mail")
    p.add_argument("--least", type=float, default=85)
    p.add_argument("--missing")
    args = p.parse_args()
    folder = os.path.abspath(args.build)
    build(folder)
    merged = profiles(folder)
    if args.missing:
        show_missing(folder, merged, args.missing)
        return 0
    data = json.loads(llvm_cov("export", folder, merged, "-summary-only"))
    return 0 if table(data["data"][0], args.folder, args.least) else 1


if __name__ == "__main__":
    sys.exit(main())
