"""R6: spool, queue and quarantine on a disk that fills up."""

import os
import re
import subprocess

import pytest

from tests.rig.gateway import Gateway

from ..conftest import evidence, rig_root
from .load import Load, check, count, figures, make_mail, without_one_delivery

pytestmark = pytest.mark.contract

DISK = "64m"
MAXSIZE = 1048576
MAILS = count(150, 5000)
MAIL_SIZE = 600 * 1024


@pytest.fixture(scope="module")
def full():
    folder = evidence("r6")
    root = rig_root("r6")
    spool = os.path.join(root, "var", "spool")
    os.makedirs(spool)
    p = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=" + DISK,
                        "pmg-r6", spool], stderr=subprocess.PIPE, text=True)
    if p.returncode:
        pytest.skip("this machine does not let us mount: " + p.stderr.strip())
    try:
        yield from trouble(folder, root, spool)
    finally:
        subprocess.run(["umount", spool], check=True)


def trouble(folder, root, spool):
    sink_log = os.path.join(folder, "sink.jsonl")
    with Gateway(root, sink_log=sink_log, keep_mail=False, with_spamd=False,
                 conf={"mail": {"maxsize": MAXSIZE}}) as g:
        # Opened while there is room for it.
        ballast = os.path.join(spool, "ballast")
        weight = open(ballast, "wb", buffering=0)
        # The next hop takes nothing: the queue grows until the disk is full.
        busy = g.sink.script(re.compile(r"^r-f\d"), at="rcpt",
                             reply="450 4.2.0 busy")
        load = Load(g, folder, threads=4)
        load.run([("f%d" % n, make_mail("f%d" % n, size=MAIL_SIZE))
                  for n in range(MAILS)], retry=False)
        refused = sum(400 <= c < 500 for c in load.codes.values())
        # Not one free block: what pmgd itself does with mail and quarantine.
        with weight:
            try:
                while True:
                    weight.write(b"\0" * 4096)
            except OSError:
                pass
        direct = Load(g, os.path.join(folder, "direct"), where=g.filter_in,
                      lmtp=True, threads=1)
        hard = {}
        for n, virus in enumerate((False, True)):
            ident = "d%d" % n
            hard[ident] = direct.attempt(
                ident, make_mail(ident, size=100000, virus=virus))
        os.unlink(ballast)
        g.sink.unscript(busy)
        g.postfix.wait_empty(120)
        after = [("a%d" % n, make_mail("a%d" % n, virus=n == 0))
                 for n in range(3)]
        load.run(after)
        g.postfix.wait_empty(60)
        load.collect()
        yield g, load, direct, refused, hard, sink_log, folder


def test_nothing_is_lost(full):
    g, load, _, refused, _, sink_log, _ = full
    status, verdict, out = load.check(sink_log)
    figures("R6", mails=MAILS, refused_4xx=refused, acked=verdict["acked"],
            lost=len(verdict["lost"]), duplicates=verdict["duplicates"])
    assert status == 0, out
    assert refused > 0, "the disk never filled up"
    assert not [c for c in load.codes.values() if c >= 500]
    assert verdict["queued"] == 0


def test_pmgd_says_452_or_451_on_a_full_disk(full):
    hard = full[4]
    assert all(code in (451, 452) for code in hard.values()), hard


def test_direct_attempts_left_nothing_behind(full):
    g, _, direct, _, _, sink_log, _ = full
    assert not g.quarantined("r-d1@in.example")
    left = os.listdir(g.path("var/spool/pmg/active"))
    assert not left


def test_mail_flows_again(full):
    load = full[1]
    assert [load.codes["a%d" % n] for n in range(3)] == [250] * 3


def test_control_one_lost_mail_is_seen(full):
    _, load, _, _, _, sink_log, folder = full
    ident = [i for i in load.acked() if i.startswith("f")][0]
    damaged = without_one_delivery(sink_log, folder, ident)
    status, verdict, _ = check(folder, damaged, load.path)
    assert status == 1 and verdict["lost"] == [ident]
