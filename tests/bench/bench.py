"""make bench: pmgd beside Postfix alone and beside amavisd-new.

Each round starts, warms, loads and ends every candidate in turn, so that each
round is a set of pairs under the same conditions; medians over the rounds.
CPU is user+sys of the candidate's whole process tree; the load generator and
the sink are not in it.

usage: python3 -m tests.bench.bench [--rounds N] [--sets s40,a100k,...]
                                    [--only relay,filter,full,amavis] [--json F]
"""

import argparse
import json
import os
import statistics
import sys
import tempfile

from tests.bench import mails
from tests.bench.accounting import Meter, pss_mb
from tests.bench.candidates import Amavis, Filter, Full, Relay
from tests.bench.load import Load

CANDIDATES = {c.name: c for c in (Relay, Filter, Full, Amavis)}
# set: (mails, repetitions, clients)
SETS = {
    "s40": (lambda: mails.corpus(40), 1, 2),
    "c300": (lambda: mails.whole_corpus(300), 1, 2),
    "a100k": (lambda: mails.attachment(100_000), 12, 2),
    "a1m": (lambda: mails.attachment(1_000_000), 8, 2),
    "a10m": (lambda: mails.attachment(7_000_000), 4, 2),
}


def scan_cpu(gw):
    """Seconds of libclamav's own work, from the event records."""
    total = 0
    events = gw.path("var/lib/pmg/events/pmgd")
    for name in sorted(os.listdir(events)) if os.path.isdir(events) else []:
        with open(os.path.join(events, name), "rb") as f:
            data = f.read()
        for piece in data.split(b'"cpu_us":')[1:]:
            total += int(piece.split(b",")[0].split(b"}")[0])
    return total / 1e6


def one(cls, sets):
    """{set: figures} of one start of a candidate."""
    figures = {}
    with tempfile.TemporaryDirectory(prefix="pmg-bench-") as root:
        os.chmod(root, 0o755)
        cand = cls(root)
        with cand.gw:
            # The resolver of a test machine may lose a question: 5 s.
            cand.gw.postfix.postconf("smtpd_peername_lookup=no")
            cand.gw.postfix.reload()
            cand.settle()
            for name in sets:
                make, times, clients = SETS[name]
                batch = make()
                if batch is None:
                    figures[name] = None
                    continue
                Load(cand.gw.ext_port, cand.gw.sink, batch[:4], 2).run(
                    cand.done)          # warm: first mails load rules, caches
                whole = Meter(cand.roots())
                own = {n: Meter([pid]) for n, pid in cand.own().items()}
                scan = scan_cpu(cand.gw)
                whole.start()
                for meter in own.values():
                    meter.start()
                load = Load(cand.gw.ext_port, cand.gw.sink, batch * times,
                            clients).run(cand.done)
                n = max(len(load.latency), 1)
                spent = {k: 1000 * m.stop() / n for k, m in own.items()}
                clam = 1000 * (scan_cpu(cand.gw) - scan) / n
                figures[name] = {
                    "cpu_ms": 1000 * whole.stop() / n,
                    "own_ms": sum(spent.values()) - clam,
                    "own_by_program_ms": spent, "libclamav_ms": clam,
                    "rate": n / load.seconds,
                    "p50_ms": load.quantile(0.5),
                    "p99_ms": load.quantile(0.99),
                    "pss_mb": pss_mb(cand.roots()),
                    "own_pss_mb": pss_mb(cand.own().values()),
                    "n": n, "kept": load.kept, "failed": load.failed,
                }
    return figures


def median(rounds, cand, name, key):
    values = [r[cand][name][key] for r in rounds
              if r[cand].get(name) is not None]
    return statistics.median(values) if values else float("nan")


def table(rounds, names, sets):
    head = ("set", "candidate", "CPU ms/msg", "own ms", "msg/s", "p50 ms",
            "p99 ms", "PSS MB", "own PSS", "n", "kept", "failed")
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for s in sets:
        for c in names:
            row = [median(rounds, c, s, k) for k in (
                "cpu_ms", "own_ms", "rate", "p50_ms", "p99_ms", "pss_mb",
                "own_pss_mb", "n", "kept", "failed")]
            print("| %s | %s | %.1f | %.2f | %.1f | %.0f | %.0f | %.0f | %.0f "
                  "| %d | %d | %d |" % tuple([s, c] + row))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--sets", default=",".join(SETS))
    p.add_argument("--only", default=",".join(CANDIDATES))
    p.add_argument("--json")
    args = p.parse_args()
    names, sets = args.only.split(","), args.sets.split(",")
    rounds = []
    for i in range(args.rounds):
        rounds.append({})
        for name in names:
            print("round %d of %d: %s" % (i + 1, args.rounds, name),
                  file=sys.stderr, flush=True)
            rounds[-1][name] = one(CANDIDATES[name], sets)
    table(rounds, names, sets)
    if "full" in names and "amavis" in names:
        for s in sets:
            ratios = [r["full"][s]["cpu_ms"] / r["amavis"][s]["cpu_ms"]
                      for r in rounds if r["full"].get(s)]
            if ratios:
                print("%s: full / amavis CPU, median of pairs: %.0f %%"
                      % (s, 100 * statistics.median(ratios)))
    if args.json:
        with open(args.json, "w") as f:
            json.dump(rounds, f, indent=1)


if __name__ == "__main__":
    main()
