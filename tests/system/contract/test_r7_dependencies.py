"""R7: each dependency fails in turn, after and before the queue (LMTP and
ESMTP to the filter): what the table of doc/RELIABILITY.md says must come out.
Mail with several recipients before the queue: ../test_together.py."""

import concurrent.futures
import os
import re
import signal

import pytest

from tests.rig.gateway import Gateway
from tests.rig.samples import EICAR

from ..conftest import evidence, rig_root
from .load import Load, check, count, figures, make_mail, without_one_delivery

pytestmark = pytest.mark.contract

MAILS = count(4, 200)
EVERY = re.compile("")
BUSY = (421, 450, 451, 452)
THREADS = 4
SETTINGS = {"mail": {"filter-timeout": 20}, "clamav": {"scantime": 5},
            "spam": {"spamd_timeout": 5}}


@pytest.fixture(scope="module")
def world():
    folder = evidence("r7")
    sink_log = os.path.join(folder, "sink.jsonl")
    with Gateway(rig_root("r7"), with_postfix=False, sink_log=sink_log,
                 conf=SETTINGS) as g:
        yield g, folder, sink_log


# Each failure: (break, repair), and what is expected for a mail to deliver
# and for one to quarantine. "unchecked": 250, delivered, X-PMG-Unchecked.

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

    def away(g):
        os.rename(g.path(path), g.path(path + ".away"))
        g.sink.hang_up()        # nor is a connection that a worker kept
    return away, lambda g: os.rename(g.path(path + ".away"), g.path(path))


CELLS = {
    "spamd is down": (stopped("spamd"), "unchecked", "unchecked"),
    "spamd hangs": (frozen("spamd"), "unchecked", "unchecked"),
    "no signatures": (without_signatures(), BUSY, BUSY),
    "next hop is away": (no_next_hop(), BUSY, 250),
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
# These mostly wait: side by side, each in a gateway of its own.
SLOW_CELLS = {
    "scanner is down": (stopped("pmgd-scan"), BUSY, BUSY),
    "scanner hangs": (frozen("pmgd-scan"), BUSY, BUSY),
    "store is down": (stopped("pmgd-store"), 250, BUSY),
    "store hangs": (frozen("pmgd-store"), 250, BUSY),
    "next hop hangs": (next_hop(action="hang"), BUSY, 250),
}
MODES = ("after", "before")     # the queue
ALL_SLOW = [(m, c) for m in MODES for c in SLOW_CELLS]
if not os.environ.get("PMG_LONG"):
    ALL_SLOW.remove(("before", "scanner hangs"))
    ALL_SLOW.remove(("before", "store is down"))
    ALL_SLOW.remove(("before", "next hop hangs"))


def play(g, mode, cell, row, folder, sink_log, tag):
    """Breaks, sends, repairs, sends again what was deferred, and judges."""
    (break_, repair), good, bad = row
    load = Load(g, folder, where=g.filter_in, lmtp=mode == "after",
                threads=THREADS)
    mails = {"%s-%d" % (tag, n): n % 2 == 1 for n in range(MAILS)}
    # Spam only where the test is about spamd: after that its circuit breaker
    # is open for a while, and a virus is quarantined without a score.
    about_spamd = bad == "unchecked"
    raw = {i: make_mail(i, spam=held and about_spamd,
                        virus=held and not about_spamd)
           for i, held in mails.items()}
    break_(g)
    try:
        load.run(list(raw.items()), retry=False)
        during = dict(load.codes)
    finally:
        repair(g)
    for ident, held in mails.items():
        want = bad if held else good
        if want == "unchecked":
            d = g.sink.wait_for_rcpt("r-%s@in.example" % ident)
            assert during[ident] == 250
            assert "spam" in (d.field("X-PMG-Unchecked") or ""), ident
        elif isinstance(want, int):
            assert during[ident] == want, (cell, ident, during)
        else:
            assert during[ident] in want, (cell, ident, during)
    # A mail server tries again; then everything that was not refused for
    # good must be somewhere.
    load.run([(i, raw[i]) for i in mails
              if 400 <= during[i] < 500 or during[i] == 0])
    load.collect()
    status, verdict, out = load.check(sink_log)
    figures("R7", mode=mode, cell=cell, mails=MAILS, codes=sorted(during.values()),
            duplicates=verdict["duplicates"], lost=len(verdict["lost"]))
    assert not verdict["lost"] and not verdict["damaged"], out
    assert not verdict["parked"], "a hanging peer made a mail look guilty"
    for d in list(g.sink.deliveries):
        if b"GTUBE-STANDARD" in d.data:
            assert d.field("X-PMG-Unchecked"), "spam passed without a mark"
        assert EICAR not in d.data, "a virus passed"

    # Control: the same evidence without one mail must go red.
    ident = next((i for i in load.acked() if g.sink.to(
        "r-%s@in.example" % i)), None)
    if ident:
        damaged = without_one_delivery(sink_log, folder, ident)
        status, verdict, _ = check(folder, damaged, load.path)
        assert verdict["lost"] == [ident]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("cell", CELLS)
def test_cell(world, cell, mode):
    g, folder, sink_log = world
    tag = "c%s%d" % (mode[0], list(CELLS).index(cell))
    play(g, mode, cell, CELLS[cell], os.path.join(folder, tag), sink_log, tag)


@pytest.fixture(scope="module")
def slow_results():
    """{(mode, cell): Future}, all under way."""
    def one(mode, cell):
        tag = "s%s%d" % (mode[0], list(SLOW_CELLS).index(cell))
        folder = evidence("r7-" + tag)
        sink_log = os.path.join(folder, "sink.jsonl")
        with Gateway(rig_root("r7-" + tag), with_postfix=False,
                     with_spamd=False, sink_log=sink_log,
                     conf=SETTINGS) as g:
            play(g, mode, cell, SLOW_CELLS[cell], folder, sink_log, tag)

    with concurrent.futures.ThreadPoolExecutor(len(SLOW_CELLS)) as pool:
        yield {x: pool.submit(one, *x) for x in ALL_SLOW}


@pytest.mark.parametrize("mode,cell", ALL_SLOW)
def test_slow_cell(slow_results, mode, cell):
    slow_results[mode, cell].result()
