"""R2: before the queue, kill -9 of a random process each second, and clients
that hang up at every point and try again. Nothing is lost."""

import os
import threading

import pytest

from tests.rig.gateway import OUTSIDE_ADDRESS, Gateway
from tests.rig.sender import Client, dot_stuff
from tests.rig.service import wait_for

from ..conftest import evidence, rig_root
from .load import Load, check, count, figures, make_mail, without_one_delivery
from .test_r1_kill import Killer
# The same holds here, of this module's aftermath.
from .test_r1_kill import test_spam_was_quarantined_or_marked_unchecked  # noqa: F401,E501

pytestmark = pytest.mark.contract

IDS = count(120, 10000)
KILLS = 12
SPAM_EVERY = 10
# Where a client hangs up at its first try, in turn with those that do not.
POINTS = ("connect", "mail", "rcpt", "data", "half", "before the dot",
          "after the dot")
PATIENT = 7     # of so many clients that follow one another, the last ones


class Leaver(Load):
    """Clients that go away in the middle; a retry is an ordinary one."""

    def __init__(self, *args, **kw):
        super().__init__(*args, **kw)
        self.left = {p: 0 for p in POINTS}

    def attempt(self, ident, raw, number=0, timeout=120):
        turn = int(ident[1:]) % (len(POINTS) + PATIENT)
        if number > 0 or turn >= len(POINTS):
            return super().attempt(ident, raw, number, timeout)
        try:
            self._leave(ident, raw, POINTS[turn])
            with self._lock:
                self.left[POINTS[turn]] += 1
        except (OSError, ValueError):
            pass                # the gateway was killed first
        self._record(ident, number, 0, "left: " + POINTS[turn])
        return 0

    def _leave(self, ident, raw, point):
        c = Client(self.where, source=OUTSIDE_ADDRESS, timeout=120)
        try:
            for name, line in (
                    ("connect", None),
                    ("mail", "MAIL FROM:<s-%s@outside.example>" % ident),
                    ("rcpt", "RCPT TO:<r-%s@in.example>" % ident),
                    ("data", "DATA")):
                if line:
                    c.command(line)
                if name == point:
                    return
            body = dot_stuff(raw)
            c.raw(body[:len(body) // 2])
            if point == "half":
                return
            c.raw(body[len(body) // 2:])
            if point == "after the dot":
                c.raw(b".\r\n")
        finally:
            c.abort()


@pytest.fixture(scope="module")
def aftermath():
    folder = evidence("r2")
    sink_log = os.path.join(folder, "sink.jsonl")
    with Gateway(rig_root("r2"), sink_log=sink_log, keep_mail=False,
                 conf={"mail": {"before_queue_filtering": 1}}) as g:
        g.supervise()
        load = Leaver(g, folder, threads=2)
        killer = Killer(g, seed=2)
        killer.start()
        try:
            load.run([("q%d" % n, make_mail(
                "q%d" % n, size=3000, spam=n % SPAM_EVERY == 0))
                for n in range(IDS)], pace=threading.Event())
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
        wait_for(lambda: not any(r["kind"] == "held" for r in
                                 g.quarantine()), "what was held", 60)
        load.collect()
        yield load, killer, folder, sink_log


def test_nothing_is_lost(aftermath):
    load, killer, _, sink_log = aftermath
    status, verdict, out = load.check(sink_log)
    kills = sum(killer.killed.values())
    figures("R2", ids=IDS, kills=kills, killed=killer.killed, left=load.left,
            duplicates=verdict["duplicates"], lost=len(verdict["lost"]),
            no_reply=verdict["no_reply"], deferred=verdict["deferred"],
            quarantined=verdict["quarantined"])
    assert status == 0, out
    assert verdict["acked"] == verdict["sent"] == IDS
    assert verdict["queued"] == 0
    assert kills >= KILLS, killer.killed
    assert all(load.left.values()), load.left
    # One kill can repeat each mail that was on its way; who leaves without
    # waiting for the reply repeats his own.
    assert verdict["duplicates"] <= kills * load.threads + \
        load.left["after the dot"], out


def test_control_one_lost_mail_is_seen(aftermath):
    """The same evidence with one delivery taken away must go red."""
    load, _, folder, sink_log = aftermath
    with open(sink_log) as f:
        at_sink = f.read()
    ident = next(i for i in load.acked() if "r-%s@" % i in at_sink)
    damaged = without_one_delivery(sink_log, folder, ident)
    status, verdict, _ = check(folder, damaged, load.path)
    assert status == 1 and verdict["lost"] == [ident]
