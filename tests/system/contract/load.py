"""Sends test mails that the checker can follow, and asks it for a verdict."""

import hashlib
import json
import os
import random
import subprocess
import sys
import threading

from tests.rig import events
from tests.rig.gateway import OUTSIDE_ADDRESS, TREE
from tests.rig.samples import EICAR, GTUBE, now
from tests.rig.sender import Client

CHECKER = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                       "checker.py")
PACE_SECONDS = 0.08     # between mails, when the load is to take a while
ATTEMPTS = 200      # a client retries like a mail server, without its patience


def make_mail(ident, size=2000, spam=False, virus=False, extra=()):
    """A mail whose body carries its checksum in the header."""
    rnd = random.Random(ident)
    lines = ["mail %s" % ident]
    if spam:
        lines.append(GTUBE)
    if virus:
        lines.append(EICAR.decode())
    block = ["".join(rnd.choices("abcdefghij klmno", k=70)).strip() + "."
             for _ in range(min(size // 70 + 1, 100))]
    while len(lines) * 70 < size:
        lines += block
    body = ("\r\n".join(lines) + "\r\n").encode()
    head = ["From: s-%s@outside.example" % ident,
            "To: r-%s@in.example" % ident, "Subject: test %s" % ident,
            "Message-ID: <%s@test.example>" % ident,
            "Date: " + now(),
            "X-Test-Id: %s" % ident,
            "X-Test-Sha256: %s" % hashlib.sha256(body).hexdigest(), *extra]
    return ("\r\n".join(head) + "\r\n\r\n").encode() + body


def quarantine_rows(gateway):
    """Rows as the checker reads them."""
    return [{"path": gateway.path("var/spool/pmg/quarantine", r["file"]),
             "size": r["bytes"], "kind": r["kind"]}
            for r in gateway.quarantine()]


class Load:
    """Worker threads that send ids until each is acknowledged."""

    def __init__(self, gateway, folder, where=None, lmtp=False, threads=4):
        self.gateway, self.folder = gateway, folder
        self.where = where or gateway.ext_port
        self.lmtp, self.threads = lmtp, threads
        os.makedirs(folder, exist_ok=True)
        self.path = os.path.join(folder, "sender.jsonl")
        self._log = open(self.path, "w", buffering=1)
        self._lock = threading.Lock()
        self.codes = {}         # id -> last code

    def _record(self, ident, attempt, code, text=""):
        with self._lock:
            self.codes[ident] = code
            self._log.write(json.dumps({"id": ident, "attempt": attempt,
                                        "code": code, "text": text}) + "\n")

    def attempt(self, ident, raw, number=0, timeout=120):
        """One try; the code that decided it, 0 when the connection broke."""
        source = None if isinstance(self.where, str) else OUTSIDE_ADDRESS
        code, text = 0, ""
        try:
            with Client(self.where, source=source, lmtp=self.lmtp,
                        timeout=timeout) as c:
                if self.lmtp:
                    c.command("XFORWARD NAME=outside.example "
                              "ADDR=192.0.2.7 IDENT=%s" % ident.upper())
                r = c.send("s-%s@outside.example" % ident,
                           ["r-%s@in.example" % ident], raw)
                code = r.code
                text = (r.final or r.rcpt or [r.mail])[-1].text
        except (OSError, ValueError) as e:
            text = str(e)
        self._record(ident, number, code, text)
        return code

    def run(self, mails, pace=None, retry=True):
        """mails: [(id, raw)]. pace: an Event waited on between mails."""
        todo = list(reversed(mails))

        def work():
            while True:
                with self._lock:
                    if not todo:
                        return
                    ident, raw = todo.pop()
                for number in range(ATTEMPTS if retry else 1):
                    code = self.attempt(ident, raw, number)
                    if code == 250 or 500 <= code < 600:
                        break
                    if pace:
                        pace.wait(0.1)
                if pace:
                    pace.wait(PACE_SECONDS * self.threads)

        workers = [threading.Thread(target=work) for _ in range(self.threads)]
        for w in workers:
            w.start()
        for w in workers:
            w.join()

    def acked(self):
        return [i for i, c in self.codes.items() if c == 250]

    # ---- the verdict ----

    def collect(self):
        """Writes what the checker reads, besides sender and sink logs."""
        g = self.gateway
        with open(os.path.join(self.folder, "queue.jsonl"), "w") as f:
            for entry in g.postfix.queued() if g.with_postfix else ():
                f.write(json.dumps(entry) + "\n")
        with open(os.path.join(self.folder, "quarantine.json"), "w") as f:
            json.dump(quarantine_rows(g), f)
        with open(os.path.join(self.folder, "events.jsonl"), "w") as f:
            for record in events.everything(
                    g.path("var/lib/pmg/events/pmgd")):
                f.write(json.dumps(record) + "\n")

    def check(self, sink_log, sender=None):
        return check(self.folder, sink_log, sender or self.path)


def check(folder, sink_log, sender):
    """Runs the checker: (exit status, verdict, its output)."""
    verdict = os.path.join(folder, "verdict.json")
    p = subprocess.run(
        [sys.executable, CHECKER, "--sender", sender, "--sink", sink_log,
         "--queue", os.path.join(folder, "queue.jsonl"),
         "--quarantine", os.path.join(folder, "quarantine.json"),
         "--events", os.path.join(folder, "events.jsonl"),
         "--json", verdict], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True)
    if p.returncode == 2:
        raise AssertionError(p.stdout)
    with open(verdict) as f:
        return p.returncode, json.load(f), p.stdout


def without_one_delivery(sink_log, folder, ident):
    """A copy of the sink's log in which one mail is missing."""
    path = os.path.join(folder, "sink-damaged.jsonl")
    with open(sink_log) as src, open(path, "w") as dst:
        for line in src:
            if "r-%s@" % ident not in line:
                dst.write(line)
    return path


def count(in_check, in_long):
    """How many: `make check-long` sets PMG_LONG."""
    return in_long if os.environ.get("PMG_LONG") else in_check


def figures(name, **values):
    """Notes figures for doc/RELIABILITY.md: build/rig/figures.jsonl."""
    path = os.path.join(TREE, "build", "rig", "figures.jsonl")
    with open(path, "a") as f:
        f.write(json.dumps(dict(test=name, **values)) + "\n")
