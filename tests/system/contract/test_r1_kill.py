"""R1: kill -9 of a random process each second; nothing is lost."""

import os
import random
import signal
import threading

import pytest

from tests.rig.gateway import Gateway
from tests.rig.service import wait_for

from ..conftest import evidence, rig_root
from .load import Load, check, count, figures, make_mail, without_one_delivery

pytestmark = pytest.mark.contract

IDS = count(300, 10000)
SPAM_EVERY = 10
KILLS = 25
# postlogd only writes the log that tells us what happened.
SPARED = ("postlogd",)


class Killer(threading.Thread):
    """Ends one process of the gateway each second, without warning."""

    def __init__(self, gateway, seed):
        super().__init__(daemon=True)
        self.gateway, self.random = gateway, random.Random(seed)
        self.quit, self.killed = threading.Event(), {}

    def victims(self):
        found = []
        for s in self.gateway.services.values():
            found += [(pid, s.name if pid == s.pid else s.name + " child")
                      for pid in s.pids()]
        found += [(pid, "postfix " + name) for pid, name in
                  self.gateway.postfix.children() if name not in SPARED]
        return found

    def run(self):
        # By kind, in rounds: fifty smtpd must not hide the one qmgr.
        deck = []
        while not self.quit.wait(1.0):
            kinds = {}
            for pid, name in self.victims():
                kinds.setdefault(name, []).append(pid)
            if not deck:
                deck = sorted(kinds) + ["pmgd child", "pmgd child"]
                self.random.shuffle(deck)
            name = deck.pop()
            if name not in kinds:
                continue
            try:
                os.kill(self.random.choice(kinds[name]), signal.SIGKILL)
            except ProcessLookupError:
                continue
            self.killed[name] = self.killed.get(name, 0) + 1

    def stop(self):
        self.quit.set()
        self.join()


@pytest.fixture(scope="module")
def aftermath():
    """The load, the kills, and the quiet afterwards."""
    folder = evidence("r1")
    root = rig_root("r1")
    sink_log = os.path.join(folder, "sink.jsonl")
    with Gateway(root, sink_log=sink_log,
                 keep_mail=False) as g:
        g.supervise()
        load = Load(g, folder, threads=2)
        killer = Killer(g, seed=1)
        killer.start()
        try:
            load.run([("k%d" % n, make_mail(
                "k%d" % n, size=3000, spam=n % SPAM_EVERY == 0))
                for n in range(IDS)], pace=threading.Event())
            # What is queued is on its way as well.
            wait_for(lambda: sum(killer.killed.values()) >= KILLS or
                     not g.postfix.queued(), "enough kills", 600, step=0.5)
        finally:
            killer.stop()
        wait_for(lambda: all(s.alive() for s in g.services.values()),
                 "the services to be back", 30)
        for s in g.services.values():
            if s.restarts:
                s.wait_ready()
        g.postfix.wait_empty(180)
        load.collect()
        yield load, killer, folder, sink_log


def test_nothing_is_lost(aftermath):
    load, killer, folder, sink_log = aftermath
    status, verdict, out = load.check(sink_log)
    kills = sum(killer.killed.values())
    figures("R1", ids=IDS, kills=kills, killed=killer.killed,
            duplicates=verdict["duplicates"], lost=len(verdict["lost"]),
            no_reply=verdict["no_reply"], deferred=verdict["deferred"],
            quarantined=verdict["quarantined"])
    assert status == 0, out
    assert verdict["acked"] == verdict["sent"] == IDS
    assert verdict["queued"] == 0
    assert kills >= KILLS, killer.killed
    # One kill can repeat each mail that was on its way, no more.
    assert verdict["duplicates"] <= kills * load.threads, out


def test_spam_was_quarantined_or_marked_unchecked(aftermath):
    """Nobody ever got spam that looks as if it had been scored."""
    import base64
    import json
    load, _, folder, sink_log = aftermath
    with open(sink_log) as f:
        for line in f:
            data = base64.b64decode(json.loads(line)["data"])
            if b"GTUBE-STANDARD" in data:
                assert b"X-PMG-Unchecked:" in data.split(b"\r\n\r\n")[0]


def test_control_one_lost_mail_is_seen(aftermath):
    """The same evidence with one delivery taken away must go red."""
    load, _, folder, sink_log = aftermath
    with open(sink_log) as f:
        at_sink = f.read()
    ident = next(i for i in load.acked() if "r-%s@" % i in at_sink)
    damaged = without_one_delivery(sink_log, folder, ident)
    status, verdict, _ = check(folder, damaged, load.path)
    assert status == 1 and verdict["lost"] == [ident]
