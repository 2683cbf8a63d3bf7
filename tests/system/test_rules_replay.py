"""pmg rules replay: what a draft would have done with the last messages."""

import json
import os
import subprocess

import pytest

from tests.rig import rules
from tests.rig.gateway import Gateway
from tests.rig.samples import plain
from tests.rig.sender import send
from tests.rig.service import wait_for
from tests.system.conftest import rig_root

SENDER = "somebody@outside.example"
KEPT = 40       # messages that are sent


@pytest.fixture(scope="module")
def gw():
    g = Gateway(rig_root("rules-replay"), with_postfix=False,
                with_spamd=False, with_scan=False, activate=False,
                conf={"admin": {"clamav": 0}})
    with g:
        for n in range(KEPT):
            rcpt = "r%d@%s.example" % (n, "odd" if n % 2 else "even")
            reply = send(g.filter_in, SENDER, [rcpt], plain(
                SENDER, rcpt, "Invoice %d" % n, "hello"), lmtp=True)
            assert reply.accepted, reply
        wait_for(lambda: len(g.records()) == KEPT, "the records")
        yield g


@pytest.fixture
def draft(gw):
    with rules.of(gw) as s:
        s.ask(rules.DRAFT_OPEN)
        yield s
        s.ask(rules.DRAFT_DISCARD)


def blocker(name, what):
    return [{"op": "add", "group": {"name": name, "kind": "what",
                                    "objects": [what]}},
            {"op": "add", "rule": {
                "name": name, "priority": 99, "active": True,
                "direction": "in", "what": {"groups": [name]},
                "action": {"groups": ["Block"]}}}]


def command(gw, *args, status):
    done = subprocess.run([gw.program("pmg"), "--root", gw.root, "rules",
                           "replay", *args], capture_output=True, text=True,
                          env=gw.env)
    assert done.returncode == status, done
    return done.stdout if status in (0, 1) else done.stderr


def replay(gw, *args, status=1):
    return json.loads(command(gw, "-o", "json", *args, status=status))


def test_a_draft_like_the_live_rules_changes_nothing(gw, draft):
    found = replay(gw, "--draft", status=0)
    assert found["messages"] == KEPT and found["changed"] == 0
    assert found["unreadable"] == 0


def test_would_have_changed_these(gw, draft):
    draft.edit(blocker("invoices", {
        "type": "field", "field": "Subject", "value": "invoice .*[05]$"}),
        target=rules.DRAFT)
    found = replay(gw, "--draft")
    assert found["changed"] == KEPT // 5
    assert [m["subject"] for m in found["list"]] == [
        "Invoice %d" % n for n in range(0, KEPT, 5)]
    one = found["list"][1]
    assert one["sender"] == SENDER and one["direction"] == "in"
    # The id is that of the log and of `pmg why`.
    assert one["logid"] == [r for r in gw.records()
                            if r["subject"] == "Invoice 5"][0]["logid"]
    (rcpt,) = one["recipients"]
    assert rcpt["recipient"] == "r5@odd.example"
    assert rcpt["before"]["end"] == "deliver"
    assert rcpt["after"] == {"end": "block", "rule": "invoices",
                             "actions": rcpt["after"]["actions"]}
    # Nothing was done.
    assert all(r["recipients"][0]["result"] == "accepted"
               for r in gw.records())


def test_only_the_last_ones(gw, draft):
    draft.edit(blocker("all", {"type": "field", "field": "Subject",
                               "value": "invoice"}), target=rules.DRAFT)
    found = replay(gw, "--draft", "--last", "7")
    assert found["messages"] == found["changed"] == 7
    assert found["list"][-1]["subject"] == "Invoice %d" % (KEPT - 1)


def test_a_version_against_another(gw):
    with rules.of(gw) as s:
        before = s.get()["version"]
        after = s.edit(blocker("v", {
            "type": "field", "field": "Subject",
            "value": "Invoice 39"})).version
        try:
            found = replay(gw, "--version", str(after), "--against",
                           str(before))
            assert [m["subject"] for m in found["list"]] == ["Invoice 39"]
            # The other way round it would have been delivered.
            found = replay(gw, "--version", str(before))
            assert found["list"][0]["recipients"][0]["after"]["end"] == \
                "deliver"
        finally:
            s.ask(rules.ROLLBACK, target=rules.at(before))


def test_what_was_not_known_is_said(gw, draft):
    """No spam level was asked for: spamd is not there."""
    draft.edit(blocker("spam", {"type": "spam", "level": 1}),
               target=rules.DRAFT)
    found = replay(gw, "--draft", status=0)
    assert found["unknown"]["spam level"] == KEPT


def test_text_for_people(gw, draft):
    draft.edit(blocker("one", {"type": "field", "field": "Subject",
                               "value": "Invoice 3$"}), target=rules.DRAFT)
    text = command(gw, "--draft", status=1)
    assert "to <r3@odd.example>" in text and "before: deliver" in text
    assert "after:  block (rule one)" in text
    assert "1 of the last %d messages would have changed." % KEPT in text


def test_no_draft_is_said(gw):
    assert "no draft" in command(gw, "--draft", status=2)


def test_damage_is_passed_over(gw, draft):
    folder = gw.path("var/lib/pmg/events/recent")
    (name,) = os.listdir(folder)
    path = os.path.join(folder, name)
    with open(path, "r+b") as f:
        whole = f.read()
        try:
            f.seek(len(whole) // 2)
            f.write(b"\xff" * 64)
            f.flush()
            found = replay(gw, "--draft", status=0)
            assert KEPT - 3 <= found["messages"] < KEPT
        finally:
            f.seek(0)
            f.write(whole)
