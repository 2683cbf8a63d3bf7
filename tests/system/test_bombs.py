"""Mails made to exhaust their reader: each ends with a verdict, within bounds
of CPU time and memory, and nobody waits for it.

CPU time and peak memory are the kernel's own figures of the processes that
were there (schedstat, VmHWM); no bound is one of the clock on the wall.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import threading
import time

import pytest

from tests.rig.gateway import OUTSIDE_ADDRESS, Gateway
from tests.rig.samples import plain
from tests.rig.sender import Client, dot_stuff, send
from tests.rig.service import wait_for
from tests.system.bombs import BOMBS
from tests.system.conftest import rig_root

# The bounds are those of the programs as shipped.
pytestmark = pytest.mark.release_only

LONG = os.environ.get("PMG_LONG") == "1"
SENDER = "a@outside.example"
# CPU seconds. The scanner's own limit is clamav.scantime; a worker parses,
# decodes and writes once.
WORKER_CPU = 2.0
SCANNER_CPU = 20.0
# MB of peak resident memory; the loaded engine of a test has one signature.
WORKER_MEMORY = 256
SCANNER_MEMORY = 768
# The scanner needed so much for a bomb that an ordinary mail next to it has to
# be there before the bomb's end: what that takes is a tenth of it.
LONG_BOMB = 2.0
MATES = 3
UNCLEAR = "Quarantine Unclear Mail"
LIMIT_WORDS = re.compile(r"Limits\.Exceeded|limit-", re.I)


@pytest.fixture(scope="module")
def gw():
    """As installed, the scanner's temporary files are on a tmpfs below /run:
    a disk would decide how long a bomb of 100,000 small files takes."""
    g = Gateway(rig_root("bombs"))
    folder = g.path("run/pmg/scan")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755,size=512m",
                    "tmpfs", folder], check=True)
    try:
        shutil.chown(folder, "pmg-scan", "pmg-scan")
        with g:
            yield g
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture(scope="module")
def mails():
    """Each made when it is first asked for."""
    class Mails(dict):
        def __missing__(self, name):
            self[name] = BOMBS[name].make()
            return self[name]
    return Mails()


@pytest.fixture(scope="module", autouse=True)
def table():
    """Printed at the end: a line for each bomb."""
    rows = []
    yield rows
    print("\n%-40s %9s %20s %14s  %s\n%-40s %9s %6s %6s %6s %4s %4s %4s" % (
        "bomb", "bytes", "CPU s", "peak MB", "verdict", "", "",
        "worker", "scan", "spamd", "work", "scan", "spam"))
    for row in rows:
        print("%-40s %9d %6.2f %6.2f %6.2f %4d %4d %4d  %s" % row)


# ---- what the kernel counts ----

class Usage:
    """CPU time and peak memory of the processes of a service."""

    def __init__(self, service):
        self.service = service
        self.start = {}
        for pid in service.pids():
            with contextlib.suppress(OSError):
                with open("/proc/%d/clear_refs" % pid, "w") as f:
                    f.write("5")        # VmHWM begins anew
            self.start[pid] = self.cpu(pid)

    @staticmethod
    def cpu(pid):
        try:
            with open("/proc/%d/schedstat" % pid) as f:
                return int(f.read().split()[0]) / 1e9
        except OSError:
            return 0.0

    @staticmethod
    def peak(pid):
        try:
            with open("/proc/%d/status" % pid) as f:
                found = re.search(r"VmHWM:\s*(\d+) kB", f.read())
        except OSError:
            return 0
        return int(found.group(1)) // 1024 if found else 0

    def end(self):
        """CPU seconds of the busiest process, the largest peak in MB."""
        now = self.service.pids()
        cpu = [self.cpu(p) - self.start.get(p, 0.0) for p in now]
        return max(cpu), max(self.peak(p) for p in now)


DEATHS = re.compile(r"was ended by signal|exited with status|died of signal|"
                    r"ended with status|killed")


def deaths(gw):
    """What the parents say of children that did not end by themselves."""
    found = []
    for name in ("pmgd", "pmgd-scan"):
        with open(gw.services[name].logfile, errors="replace") as f:
            found += [x for x in f if DEATHS.search(x)]
    return found


class Mate(threading.Thread):
    """A few ordinary mails, one after the other, while a bomb is at work."""

    def __init__(self, gw, ident):
        super().__init__(daemon=True)
        self.gw, self.word = gw, ident
        self.enough = threading.Event()
        self.done = []                  # when each got its 250
        self.failed = []

    def run(self):
        n = 0
        while not self.enough.is_set() and n < MATES:
            n += 1
            rcpt = "%s-mate%d@in.example" % (self.word, n)
            raw = plain(SENDER, rcpt, "%s %d" % (self.word, n), "Hello")
            r = send(self.gw.filter_in, SENDER, [rcpt], raw, lmtp=True)
            if not r.accepted:
                self.failed.append(r)
            self.done.append((rcpt, time.monotonic()))


class Blast:
    """One bomb through the filter, with an ordinary mail beside it."""

    def __init__(self, gw, ident, raw):
        self.rcpt = ident + "@in.example"
        workers, scanners, spamd = (Usage(gw.services[s]) for s in (
            "pmgd", "pmgd-scan", "spamd"))
        mate = Mate(gw, ident)
        with Client(gw.filter_in, lmtp=True, timeout=300) as c:
            c.command("XFORWARD IDENT=Q" + ident)
            c.command("MAIL FROM:<%s> BODY=8BITMIME" % SENDER)
            c.command("RCPT TO:<%s>" % self.rcpt)
            assert c.command("DATA").code == 354
            c.raw(dot_stuff(raw) + b".\r\n")
            mate.start()        # the bomb is there: now the work begins
            self.reply = c.reply()
            ended = time.monotonic()
        mate.enough.set()
        mate.join()
        self.mate = mate
        self.before = [rcpt for rcpt, at in mate.done if at < ended]
        self.worker_cpu, self.worker_mb = workers.end()
        self.scanner_cpu, self.scanner_mb = scanners.end()
        self.spamd_cpu, self.spamd_mb = spamd.end()
        found = wait_for(lambda: [
            r for r in gw.records() if r["recipients"] and
            r["recipients"][0]["addr"] == self.rcpt], "record of the bomb")
        self.record = found[-1]
        self.result = self.record["recipients"][0]["result"]
        self.rule = self.record["recipients"][0].get("rule", "")

    def limits(self):
        """Whether the record says that not all was looked at."""
        r = self.record
        text = json.dumps([r["virus"], r["defects"], r.get("limits", [])])
        return sorted(set(LIMIT_WORDS.findall(text)))


@pytest.mark.parametrize("name", BOMBS)
def test_bomb(gw, ident, mails, table, name):
    b = Blast(gw, ident, mails[name])
    table.append((name, len(mails[name]), b.worker_cpu, b.scanner_cpu,
                  b.spamd_cpu, b.worker_mb, b.scanner_mb, b.spamd_mb,
                  "%s: %s" % (b.result, b.rule)))
    # A verdict, and no deferral: the sender would try for days.
    assert b.reply.code == 250, b.reply
    assert b.result in ("accepted", "quarantined")
    if b.result == "quarantined":
        assert gw.quarantined(b.rcpt)
    else:
        assert gw.sink.wait_for_rcpt(b.rcpt, 60)
        assert not b.limits()
    if BOMBS[name].held:
        assert (b.result, b.rule) == ("quarantined", UNCLEAR)
    # Bounds.
    assert b.worker_cpu < WORKER_CPU
    assert b.scanner_cpu < SCANNER_CPU
    assert b.worker_mb < WORKER_MEMORY
    assert b.scanner_mb < SCANNER_MEMORY
    assert not deaths(gw)
    # The others.
    assert not b.mate.failed
    for rcpt, _ in b.mate.done:
        gw.sink.wait_for_rcpt(rcpt, 60)
    assert b.before or b.scanner_cpu < LONG_BOMB


def incoming(gw, rcpt, raw):
    return send(gw.ext_port, SENDER, [rcpt], raw, source=OUTSIDE_ADDRESS,
                mail="BODY=8BITMIME", timeout=120)


def test_all_at_once_through_postfix(gw, ident, mails):
    """As the Internet sends them, as many at a time as there are workers:
    each is refused at once, or ends with a verdict; nothing stays queued."""
    refused, rcpts, mates = {}, {}, []
    wanted = [n for n, b in BOMBS.items() if LONG or not b.slow]
    for n, name in enumerate(wanted):
        rcpt = "%s-%d@in.example" % (ident, n)
        r = incoming(gw, rcpt, mails[name])
        if r.accepted:
            rcpts[rcpt] = name
        else:
            refused[name] = r.code
        mates.append("mate-" + rcpt)
        assert incoming(gw, mates[-1],
                        plain(SENDER, mates[-1], rcpt, "Hello")).accepted
    for rcpt in mates:
        gw.sink.wait_for_rcpt(rcpt, 120)

    def verdicts():
        found = {x["addr"]: x for r in gw.records() for x in r["recipients"]
                 if x["addr"] in rcpts}
        return found if len(found) == len(rcpts) else None
    found = wait_for(verdicts, "a verdict for each bomb", 240, step=0.2)
    print("\nrefused by Postfix: %s\ndelivered: %s" % (refused, sorted(
        rcpts[a] for a, x in found.items() if x["result"] == "accepted")))
    assert all(500 <= code < 600 for code in refused.values())
    assert {x["result"] for x in found.values()} <= {"accepted",
                                                     "quarantined"}
    gw.postfix.wait_empty(120)
    for rcpt, x in found.items():
        if x["result"] == "accepted":
            assert gw.sink.to(rcpt)
        else:
            assert gw.quarantined(rcpt)
    assert not deaths(gw)


def test_the_meters_can_show_too_much():
    """Control: a process that uses a second of CPU and 300 MB is seen."""
    class Hog:
        def __init__(self):
            self.proc = subprocess.Popen(
                ["/usr/bin/python3", "-c", "import time\ninput()\n"
                 "x = b'x' * (300 << 20)\ndel x\n"
                 "while time.process_time() < 1: pass\n"
                 "print('done', flush=True)\ninput()\n"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

        def pids(self):
            return [self.proc.pid]
    hog = Hog()
    usage = Usage(hog)
    hog.proc.stdin.write("\n")
    hog.proc.stdin.flush()
    assert hog.proc.stdout.readline() == "done\n"
    cpu, mb = usage.end()
    hog.proc.communicate("\n")
    assert cpu > 0.7 and mb > WORKER_MEMORY
