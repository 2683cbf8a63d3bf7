"""R7: each dependency fails in turn, after-queue: what the table of
doc/RELIABILITY.md says must come out."""

import os
import re
import signal

import pytest

from tests.rig.gateway import Gateway

from ..conftest import evidence, rig_root
from .load import Load, check, count, figures, make_mail, without_one_delivery

pytestmark = pytest.mark.contract

MAILS = count(4, 200)
EVERY = re.compile("")
BUSY = (421, 450, 451, 452)


@pytest.fixture(scope="module")
def world():
    folder = evidence("r7")
    sink_log = os.path.join(folder, "sink.jsonl")
    with Gateway(rig_root("r7"), with_postfix=False, sink_log=sink_log,
                 conf={"mail": {"filter-timeout": 20},
                       "clamav": {"scantime": 5},
                       "spam": {"spamd_timeout": 5}}) as g:
        yield g, folder, sink_log


# Each failure: (break, repair), and what is expected for ham and for GTUBE.
# "unchecked": 250, delivered with X-PMG-Unchecked.

def stopped(name):
    return (lambda g: g.services[name].stop(),
            lambda g: g.services[name].start())


def frozen(name):
    def kill(g, sig):
        for pid in g.services[name].pids():
            os.kill(pid, sig)
    return (lambda g: kill(g, signal.SIGSTOP),
            lambda g: kill(g, signal.SIGCONT))


def without_signatures():
    def change(g, rename):
        s = g.services["pmgd-scan"]
        s.stop()
        a, b = (g.path("var/lib/clamav", n) for n in ("rig.ndb", "rig.away"))
        os.rename(*((a, b) if rename else (b, a)))
        s.start(wait=not rename)
        if rename:
            # It must come up; what it says instead of a verdict is tested.
            s.wait_ready(status="")
    return lambda g: change(g, True), lambda g: change(g, False)


def next_hop(**script):
    def repair(g):
        g.sink.unscript()
        # Sessions that hang are ours, not the filter's.
        for task in list(g.sink._sessions):
            g.sink._loop.call_soon_threadsafe(task.cancel)
    return lambda g: g.sink.script(EVERY, **script), repair


def no_next_hop():
    path = "var/spool/postfix/public/pmg-reinject"
    return (lambda g: os.rename(g.path(path), g.path(path + ".away")),
            lambda g: os.rename(g.path(path + ".away"), g.path(path)))


CELLS = {
    "spamd is down": (stopped("spamd"), "unchecked", "unchecked"),
    "spamd hangs": (frozen("spamd"), "unchecked", "unchecked"),
    "scanner is down": (stopped("pmgd-scan"), BUSY, BUSY),
    "scanner hangs": (frozen("pmgd-scan"), BUSY, BUSY),
    "no signatures": (without_signatures(), BUSY, BUSY),
    "store is down": (stopped("pmgd-store"), 250, BUSY),
    "store hangs": (frozen("pmgd-store"), 250, BUSY),
    "next hop is away": (no_next_hop(), BUSY, 250),
    "next hop hangs": (next_hop(action="hang"), BUSY, 250),
    "next hop busy at RCPT": (next_hop(at="rcpt", reply="450 4.2.0 busy"),
                              BUSY, 250),
    "next hop busy at the end": (next_hop(reply="451 4.3.0 busy"), BUSY, 250),
    "next hop refuses RCPT": (next_hop(at="rcpt", reply="550 5.1.1 no"),
                              (550,), 250),
    "next hop refuses at the end": (next_hop(reply="554 5.7.1 no"),
                                    (554,), 250),
    "connection lost after the dot": (next_hop(action="rst"), BUSY, 250),
    "the same, but it took the mail": (next_hop(action="rst-after"), BUSY,
                                       250),
}


@pytest.mark.parametrize("cell", CELLS)
def test_cell(world, cell):
    (break_, repair), ham, spam = CELLS[cell][0], *CELLS[cell][1:]
    g, folder, sink_log = world
    tag = "c%d" % list(CELLS).index(cell)
    here = os.path.join(folder, tag)
    load = Load(g, here, where=g.filter_in, lmtp=True, threads=2)
    mails = {"%s-%d" % (tag, n): n % 2 == 1 for n in range(MAILS)}
    break_(g)
    try:
        load.run([(i, make_mail(i, spam=s)) for i, s in mails.items()],
                 retry=False)
        during = dict(load.codes)
    finally:
        repair(g)
    for ident, is_spam in mails.items():
        want = spam if is_spam else ham
        if want == "unchecked":
            d = g.sink.wait_for_rcpt("r-%s@in.example" % ident)
            assert during[ident] == 250
            assert "spam" in (d.field("X-PMG-Unchecked") or ""), ident
        elif isinstance(want, int):
            assert during[ident] == want, (ident, during)
        else:
            assert during[ident] in want, (ident, during)
    # A mail server tries again; then everything that was not refused for
    # good must be somewhere.
    load.run([(i, make_mail(i, spam=s)) for i, s in mails.items()
              if 400 <= during[i] < 500 or during[i] == 0])
    load.collect()
    status, verdict, out = load.check(sink_log)
    figures("R7", cell=cell, mails=MAILS, codes=sorted(during.values()),
            duplicates=verdict["duplicates"], lost=len(verdict["lost"]))
    assert not verdict["lost"] and not verdict["damaged"], out
    for d in list(g.sink.deliveries):
        if b"GTUBE-STANDARD" in d.data:
            assert d.field("X-PMG-Unchecked"), "spam passed without a mark"

    # Control: the same evidence without one mail.
    ident = next((i for i in load.acked() if g.sink.to(
        "r-%s@in.example" % i)), None)
    if ident:
        damaged = without_one_delivery(sink_log, here, ident)
        status, verdict, _ = check(here, damaged, load.path)
        assert verdict["lost"] == [ident]
