"""R14: death between the next hop's 250 and ours. Loss never; duplicates
exactly as many as were made, which proves that the checker counts them."""

import os

import pytest

from tests.rig.gateway import Gateway

from ..conftest import evidence, rig_root
from .load import Load, check, count, figures, make_mail, without_one_delivery

pytestmark = pytest.mark.contract

MAILS = count(20, 500)
# Two deaths park a mail: it was delivered twice, then quarantined once.
COPIES = 3


@pytest.fixture(scope="module")
def between():
    folder = evidence("r14")
    sink_log = os.path.join(folder, "sink.jsonl")
    with Gateway(rig_root("r14"), with_postfix=False,
                 sink_log=sink_log) as g:
        load = Load(g, folder, where=g.filter_in, lmtp=True, threads=4)
        load.run([("b%d" % n, make_mail("b%d" % n, extra=[
            "X-PMG-Test: die-after-reinject"])) for n in range(MAILS)])
        load.collect()
        yield load, folder, sink_log


def test_no_loss_and_exactly_the_duplicates_that_were_made(between):
    load, _, sink_log = between
    status, verdict, out = load.check(sink_log)
    figures("R14", mails=MAILS, duplicates=verdict["duplicates"],
            lost=len(verdict["lost"]))
    assert status == 0, out
    assert verdict["acked"] == MAILS
    assert verdict["duplicates"] == MAILS * (COPIES - 1)
    assert verdict["parked"] == sorted("b%d" % n for n in range(MAILS))


def test_control_a_lost_mail_is_seen(between):
    """Neither delivered nor quarantined."""
    load, folder, sink_log = between
    path = os.path.join(folder, "quarantine.json")
    with open(path) as f:
        saved = f.read()
    try:
        with open(path, "w") as f:
            f.write("[]")
        damaged = without_one_delivery(sink_log, folder, "b3")
        assert check(folder, damaged, load.path)[1]["lost"] == ["b3"]
    finally:
        with open(path, "w") as f:
            f.write(saved)
