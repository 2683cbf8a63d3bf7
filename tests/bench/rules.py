"""make bench-rules: what rules cost (rules.c), as the tables of doc/BENCHMARK.md.

300 mails spread evenly over ham and spam, two recipients each; rule sets that
rules.c makes. CPU time; medians of rounds. Fails when 300 rules with 5,000
who-objects cost more than AIM_US a mail.

usage: python3 -m tests.bench.rules [--rounds N] [--seconds S] PROGRAM
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile

from tests.bench import mails

AIM = (300, 5000)
AIM_US = 500
PATTERNS = {10: 20, 300: 100, 3000: 1000}   # of as many rules
OBJECTS = (100, 1000, 5000, 10000, 100000)
MODES = 30              # per cent, in the last row


def measure(args, rules, objects, files, modes=0):
    def once():
        out = subprocess.run(
            [args.program, "-m", str(modes), str(rules), str(objects),
             str(PATTERNS[rules]), str(args.seconds)] + files, check=True,
            stdout=subprocess.PIPE).stdout.split()
        return [float(v) for v in out]
    rounds = [once() for _ in range(args.rounds)]
    return [statistics.median(v) for v in zip(*rounds)]


def compile_only(args, patterns):
    out = subprocess.run([args.program, "-n", "1", "1", str(patterns)],
                         check=True, stdout=subprocess.PIPE).stdout.split()
    return [float(v) for v in out]


def curve(args, files):
    print("| rules | who-objects | patterns | us/mail | slowest mail us | "
          "compile ms | snapshot kB | load ms |\n|---|---|---|---|---|---|---|"
          "---|")
    aim = None
    cases = [(r, o, 0) for r in PATTERNS for o in OBJECTS] + [AIM + (MODES,)]
    for rules, objects, modes in cases:
        c, load, size, _, us, worst, _ = measure(args, rules, objects, files,
                                                 modes)
        if (rules, objects, modes) == AIM + (0,):
            aim = us
        print("| %d%s | %d | %d | %.0f | %.0f | %.0f | %.0f | %.1f |" % (
            rules, ", modes" if modes else "", objects, PATTERNS[rules], us,
            worst, c, size / 1e3, load), flush=True)
    return aim


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--seconds", type=float, default=0.5)
    p.add_argument("program")
    args = p.parse_args()
    corpus = mails.whole_corpus(300)
    if not corpus:
        print("skipped: no corpus")
        return 0
    with tempfile.TemporaryDirectory(prefix="pmg-rules-") as folder:
        files = []
        for i, mail in enumerate(corpus):
            files.append(os.path.join(folder, str(i)))
            with open(files[-1], "wb") as f:
                f.write(mail)
        aim = curve(args, files)
    print("\n| patterns | compile ms | snapshot kB | load ms |\n|---|---|---|"
          "---|")
    for n in (100, 1000, 10000):
        c, load, size = compile_only(args, n)
        print("| %d | %.0f | %.0f | %.1f |" % (n, c, size / 1e3, load),
              flush=True)
    print("%d rules with %d who-objects: %.0f us a mail, aim <= %d: %s" % (
        AIM + (aim, AIM_US, "reached" if aim <= AIM_US else "NOT REACHED")))
    return 0 if aim <= AIM_US else 1


if __name__ == "__main__":
    sys.exit(main())
