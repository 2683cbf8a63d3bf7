"""Real mail through the whole gateway: not a byte of it changes.

Outgoing mail, which no rule as shipped touches, must be the same without any
exception. Incoming mail gets X-SPAM-LEVEL from the rule "Modify Header", on
top, and loses that field when it brings one along. `make check` takes every
n-th mail, PMG_LONG=1 all of them.
"""

import glob
import os

import pytest

from tests.rig.gateway import Gateway
from tests.rig.samples import plain
from tests.system.conftest import rig_root
from tests.system.passage import (Passage, added_on_top, corpus,
                                  first_difference, mail_of, without_field)

SAMPLE = 400            # mails a direction in `make check`
SCORED = 40             # with spamd, whose seconds a mail takes

# Mails that a rule as shipped changes; none may join this list unseen.
CHANGED_BY_RULE = {
    # application/x-java-applet, rule "Block Dangerous Files"
    "easy_ham/01561.4d9ed1a0103b1a90cfd91921b9014124",
}


def ham(count):
    """{name: mail}; count: None for all."""
    files = sorted(f for f in glob.glob(corpus("ham/*/*"))
                   if os.path.isfile(f))
    if not files:
        pytest.skip("no corpus")
    step = max(len(files) // count, 1) if count else 1
    return {"/".join(f.split("/")[-2:]): mail_of(f) for f in files[::step]}


def sample():
    return ham(None if os.environ.get("PMG_LONG") == "1" else SAMPLE)


@pytest.fixture(scope="module")
def quick():
    """Without spamd: mail then goes on unscored, and says so on top."""
    with Gateway(rig_root("bytes"), with_spamd=False) as g:
        yield g


def compare(mails, passage, added, expect=lambda raw: raw):
    """added: the fields that have to be on top, in order."""
    got = passage.carry(mails)
    assert not passage.refused and not passage.held
    missing = sorted(set(mails) - set(got))
    changed = {}
    for name, d in got.items():
        if added_on_top(expect(mails[name]), d.data) != added:
            changed[name] = first_difference(mails[name], d.data)
    print("\n%d mails sent, %d came out, %d not the same: %s" % (
        len(mails), len(got), len(changed), sorted(changed)))
    assert not missing
    return changed


def test_outgoing(quick, ident):
    changed = compare(sample(), Passage(quick, ident, outgoing=True),
                      ["received", "received"])
    assert not changed
    assert not quick.internet.violations


def test_incoming(quick, ident):
    changed = compare(
        sample(), Passage(quick, ident),
        ["received", "x-pmg-unchecked", "x-spam-level", "received"],
        lambda raw: without_field(raw, "X-SPAM-LEVEL"))
    assert not {k: v for k, v in changed.items() if k not in CHANGED_BY_RULE}
    assert not quick.sink.violations


def test_incoming_and_scored(gateway, ident):
    """The shipped path with everything on; a mail that is held as spam is not
    compared, and there may not be many."""
    mails = ham(SCORED)
    passage = Passage(gateway, ident, connections=2)
    got = passage.carry(mails)
    assert len(got) + len(passage.held) == len(mails)
    assert len(got) >= len(mails) * 3 // 4
    for name, d in got.items():
        want = without_field(mails[name], "X-SPAM-LEVEL")
        assert added_on_top(want, d.data) == \
            ["received", "x-spam-level", "received"], \
            first_difference(mails[name], d.data)


@pytest.mark.parametrize("outgoing", [False, True], ids=["in", "out"])
def test_field_longer_than_postfix_likes(quick, ident, outgoing):
    """Of a field of more than 100 kB Postfix would drop what is behind."""
    raw = plain("a@outside.example", "b@in.example", ident, "text", [
        "Cc: " + ",\r\n ".join("c%d@in.example" % n for n in range(20000))])
    got = Passage(quick, ident, outgoing).carry({ident: raw})
    assert added_on_top(raw, got[ident].data) is not None


def test_the_comparison_can_fail():
    """Control: one byte, one blank, one field in the wrong place."""
    sent = b"A: b\r\nC: d\r\n\r\nbody \r\n"
    assert added_on_top(sent, b"Received: x\r\n\ty\r\n" + sent) == ["received"]
    for got in (b"R: x\r\nA: b\r\nC: d\r\n\r\nbody\r\n",
                b"A: b\r\nR: x\r\nC: d\r\n\r\nbody \r\n",
                b"A: b\r\nC: d\r\nR: x\r\n\r\nbody \r\n",
                b"no field\r\n" + sent, b"R: x" + sent, sent + b"\r\n",
                b"R: x\r\n\r\n" + sent, sent.replace(b"C", b"c")):
        assert added_on_top(sent, got) is None
