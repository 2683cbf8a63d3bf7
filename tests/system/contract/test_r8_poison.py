"""R8: a mail that crashes its worker, with others in flight: exactly the
guilty one is parked."""

import os

import pytest

from tests.rig.gateway import Gateway

from ..conftest import evidence, rig_root
from .load import Load, check, count, figures, make_mail, without_one_delivery

pytestmark = pytest.mark.contract

IN_FLIGHT = 8
GOOD = count(100, 1000)
POISON = {"p0": "crash", "p1": "crash", "p2": "hang"}
TIMEOUT = 10    # filter-timeout: a worker that hangs is ended then


@pytest.fixture(scope="module")
def poisoned():
    folder = evidence("r8")
    sink_log = os.path.join(folder, "sink.jsonl")
    with Gateway(rig_root("r8"), with_postfix=False, workers=IN_FLIGHT,
                 sink_log=sink_log,
                 conf={"mail": {"filter-timeout": TIMEOUT},
                       "clamav": {"scantime": TIMEOUT // 2},
                       "spam": {"spamd_timeout": TIMEOUT // 2}}) as g:
        load = Load(g, folder, where=g.filter_in, lmtp=True,
                    threads=IN_FLIGHT)
        mails = [("g%d" % n, make_mail("g%d" % n)) for n in range(GOOD)]
        for place, (ident, hook) in enumerate(POISON.items()):
            mails.insert(10 * place + 4, (ident, make_mail(
                ident, extra=["X-PMG-Test: " + hook])))
        load.run(mails)
        load.collect()
        yield g, load, folder, sink_log


def innocent_parked(verdict):
    return [i for i in verdict["parked"] if i not in POISON]


def test_nothing_is_lost(poisoned):
    _, load, _, sink_log = poisoned
    status, verdict, out = load.check(sink_log)
    figures("R8", good=GOOD, poison=len(POISON), parked=verdict["parked"],
            duplicates=verdict["duplicates"], lost=len(verdict["lost"]),
            no_reply=verdict["no_reply"])
    assert status == 0, out
    assert verdict["acked"] == GOOD + len(POISON)


def test_exactly_the_guilty_are_parked(poisoned):
    _, load, _, sink_log = poisoned
    verdict = load.check(sink_log)[1]
    assert set(verdict["parked"]) == set(POISON)
    assert not innocent_parked(verdict)
    assert verdict["at_sink"] == GOOD


def test_pmgd_itself_lived_on(poisoned):
    g = poisoned[0]
    assert g.services["pmgd"].alive()


def test_control_an_innocent_in_quarantine_is_seen(poisoned):
    """A good mail whose row says poison must be noticed."""
    import json
    _, load, folder, sink_log = poisoned
    path = os.path.join(folder, "quarantine.json")
    with open(path) as f:
        saved = f.read()
    fake = os.path.join(folder, "fake")
    data = make_mail("g1")
    with open(fake, "wb") as f:
        f.write(data)
    rows = json.loads(saved) + [{"path": fake, "size": len(data),
                                 "kind": "poison"}]
    try:
        with open(path, "w") as f:
            json.dump(rows, f)
        assert innocent_parked(load.check(sink_log)[1]) == ["g1"]
    finally:
        with open(path, "w") as f:
            f.write(saved)


def test_control_a_lost_mail_is_seen(poisoned):
    _, load, folder, sink_log = poisoned
    damaged = without_one_delivery(sink_log, folder, "g2")
    assert check(folder, damaged, load.path)[1]["lost"] == ["g2"]
