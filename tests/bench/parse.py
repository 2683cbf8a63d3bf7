"""make bench-parse: lib/mail beside Python's email and GMime.

Sets: `corpus`, 300 mails spread evenly over ham and spam, whose mean is the
corpus's; `1m` and `50m`, one mail with an attachment. Each parser gets the same
files (CRLF), reads them all first, and then parses them and decodes every leaf
again and again; CPU time of its thread. Rounds are interleaved; medians.

usage: python3 -m tests.bench.parse [--rounds N] [--seconds S] --build DIR
"""

import argparse
import email
import os
import statistics
import subprocess
import sys
import tempfile
import time

from tests.bench import mails

SETS = {
    "corpus": lambda: mails.whole_corpus(300),
    "1m": lambda: mails.attachment(1_000_000),
    "50m": lambda: mails.attachment(50_000_000),
}
AIM_MS = 0.1            # a mail of the corpus's mean


def python_email(files, seconds):
    """What parse.c does, by the standard library."""
    batch = []
    for name in files:
        with open(name, "rb") as f:
            batch.append(f.read())
    passes, began = 0, time.thread_time()
    while True:
        for raw in batch:
            message = email.message_from_bytes(raw)
            message.get("Subject")
            for part in message.walk():
                if not part.is_multipart():
                    part.get_filename()
                    part.get_payload(decode=True)
        passes += 1
        spent = time.thread_time() - began
        if spent >= seconds:
            return len(batch), sum(map(len, batch)), passes, spent


def program(path, *args):
    def run(files, seconds):
        out = subprocess.run([path, *args, str(seconds)] + files, check=True,
                             stdout=subprocess.PIPE).stdout.split()
        return int(out[0]), int(out[1]), int(out[2]), float(out[3])
    return run


def parsers(build):
    ours = os.path.join(build, "bench/parse")
    gmime = os.path.join(build, "bench/parse_gmime")
    table = {"lib/mail": program(ours),
             "lib/mail, all readings": program(ours, "-c")}
    if os.path.exists(gmime):
        table["GMime"] = program(gmime)
    else:
        print("skipped: GMime: no libgmime-3.0-dev")
    table["Python email"] = python_email
    return table


def put_files(folder, name):
    files = []
    for i, mail in enumerate(SETS[name]() or ()):
        files.append(os.path.join(folder, "%s-%d" % (name, i)))
        with open(files[-1], "wb") as f:
            f.write(mail)
    return files


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--seconds", type=float, default=1)
    p.add_argument("--build", required=True)
    args = p.parse_args()
    table = parsers(args.build)
    mean = None
    print("| set | parser | ms/mail | MB/s |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="pmg-parse-") as folder:
        for name in SETS:
            files = put_files(folder, name)
            if not files:
                print("| %s | skipped: no corpus | | |" % name)
                continue
            rounds = [{who: run(files, args.seconds)
                       for who, run in table.items()}
                      for _ in range(args.rounds)]
            for who in table:
                n, size = rounds[0][who][:2]
                each = statistics.median(
                    r[who][3] / r[who][2] for r in rounds)
                if name == "corpus" and who == "lib/mail":
                    mean = 1000 * each / n
                print("| %s | %s | %.3f | %.0f |" % (
                    name, who, 1000 * each / n, size / each / 1e6), flush=True)
    if mean is not None:
        print("corpus mean: %.3f ms, aim <= %g ms: %s" % (
            mean, AIM_MS, "reached" if mean <= AIM_MS else "NOT REACHED"))
        return 0 if mean <= AIM_MS else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
