"""Rules at rest: a real pmgd-store, asked on its socket, and a filter that
decides by what it publishes."""

import itertools
import json
import os
import signal
import sqlite3
import threading
import time

import pytest

from tests.rig import rules
from tests.rig.gateway import Gateway
from tests.rig.samples import plain
from tests.rig.sender import send
from tests.rig.service import wait_for
from tests.system.conftest import rig_root

SENDER = "somebody@outside.example"
CRASH = "X-PMG-Test: crash-before-rename"
HANG = "X-PMG-Test: compile-hang"
# Expressions of a slow set; a sanitizer build needs a second for four.
SLOW = 10000 if os.environ.get("PMG_LONG") else 100


@pytest.fixture(scope="module")
def gw():
    g = Gateway(rig_root("rules-store"), with_postfix=False, with_spamd=False,
                with_scan=False, activate=False,
                conf={"admin": {"clamav": 0}})
    with g:
        yield g


@pytest.fixture
def store(gw):
    """Shipped rules, no draft, and a connection."""
    with rules.of(gw) as s:
        if s.ask(rules.VERSIONS).value["draft"]:
            s.ask(rules.DRAFT_DISCARD)
        s.ask(rules.RESET)
        yield s


def active(gw):
    return gw.path("var/lib/pmg/rules/rules.active")


def active_version(gw):
    with open(active(gw), "rb") as f:
        return int.from_bytes(f.read(60)[52:60], "big")


def blocker(name, domain):
    """The operations for a rule that blocks mail to a domain."""
    return [
        {"op": "add", "group": {"name": name, "kind": "who", "objects": [
            {"type": "domain", "value": domain}]}},
        {"op": "add", "rule": {
            "name": name, "priority": 99, "active": True,
            "direction": "in", "to": {"groups": [name]},
            "action": {"groups": ["Block"]}}}]


def patterns(name, n):
    """A rule with n expressions that take a while to compile."""
    return [
        {"op": "add", "group": {"name": name, "kind": "what", "objects": [
            {"type": "filename",
             "value": ".*(a%d|b%d)[a-z]{2,9}x{1,%d}.*\\.ex%d" % (
                 i, i, 9 + i % 30, i)} for i in range(n)]}},
        {"op": "add", "rule": {
            "name": name, "priority": 1, "active": True, "direction": "in",
            "what": {"groups": [name]}, "action": {"groups": ["Block"]}}}]


def decided(gw, rcpt, count=itertools.count()):
    """Name of the rule that took a mail to rcpt, "" = delivered."""
    rcpt = "%d%s" % (next(count), rcpt)
    reply = send(gw.filter_in, SENDER, [rcpt],
                 plain(SENDER, rcpt, "x", "hello"), lmtp=True)
    assert reply.accepted, reply

    def record():
        return [r for r in gw.records() if r["recipients"][0]["addr"] == rcpt]
    found = wait_for(record, "the record")[0]["recipients"][0]
    return "" if found["result"] == "accepted" else found["rule"]


def test_an_edit_is_a_version_and_acts(gw, store):
    before = store.get()
    assert decided(gw, "a@one.example") == ""
    answer = store.edit(blocker("one", "one.example"), comment="no one",
                        actor="anna")
    assert answer.version == before["version"] + 1
    assert answer.value["changed"] == 3     # rule, group, object
    assert active_version(gw) == answer.version
    assert decided(gw, "a@one.example") == "one"
    assert store.rule("one")["id"] == answer.value["ids"][1]
    newest = store.ask(rules.VERSIONS).value["versions"][0]
    assert newest["version"] == answer.version
    assert newest["comment"] == "no one" and newest["changed"] == 3
    assert newest["actor"] == "anna (uid %d)" % os.getuid()
    assert abs(newest["time"] - time.time()) < 600


def test_all_or_nothing(gw, store):
    before = store.get()
    with pytest.raises(rules.Refused) as e:
        store.edit(blocker("half", "half.example") +
                   [{"op": "delete", "rule": "nobody"}])
    assert e.value.code == rules.REFUSED
    assert e.value.text == 'operations[2].rule: there is no rule "nobody"'
    assert store.get() == before


@pytest.mark.parametrize("value,why", [
    ("[1", "line 1, column 2"),
    ([{"op": "add", "group": {"name": "g", "kind": "what", "objects": [
        {"type": "filename", "value": "x"},
        {"type": "filename", "value": "(?<=a)b"}]}}],
     'group "g": file name "(?<=a)b" cannot be used'),
])
def test_what_does_not_compile_is_refused(gw, store, value, why):
    before = os.stat(active(gw)).st_ino
    with pytest.raises(rules.Refused) as e:
        store.edit(value)
    assert e.value.code == rules.REFUSED and why in e.value.text
    assert os.stat(active(gw)).st_ino == before
    status = json.loads(gw.tool("pmgqm", "status", "-o", "json"))
    assert status["rules_error"] == ""


def test_draft_does_not_act_publish_does(gw, store):
    store.ask(rules.DRAFT_OPEN)
    with pytest.raises(rules.Refused):
        store.ask(rules.DRAFT_OPEN)
    live = store.get()["version"]
    store.edit(blocker("two", "two.example"), target=rules.DRAFT)
    assert decided(gw, "a@two.example") == ""
    assert store.get()["version"] == live
    assert "two" in [r["name"] for r in store.get(rules.DRAFT)["rules"]]
    changes = store.ask(rules.DIFF, target=rules.LIVE,
                        other=rules.DRAFT).value["changes"]
    assert [(c["kind"], c["change"]) for c in changes] == [
        ("rule", "added"), ("group", "added"), ("object", "added")]
    assert changes[2]["group_name"] == "two"
    # A dry run gets the draft compiled, and nobody else does.
    compiled = store.ask(rules.SNAPSHOT, target=rules.DRAFT).snapshot
    assert compiled[:8] == b"PMGRULES" and b"two.example" in compiled
    assert active_version(gw) == live
    answer = store.ask(rules.PUBLISH, comment="two")
    assert answer.version == live + 1 and answer.revision == 0
    assert decided(gw, "a@two.example") == "two"
    assert store.ask(rules.VERSIONS).value["draft"] is None
    with pytest.raises(rules.Refused) as e:
        store.ask(rules.PUBLISH)
    assert e.value.text == "no draft is open"


def test_draft_survives_a_restart_and_can_be_discarded(gw, store):
    store.ask(rules.DRAFT_OPEN)
    store.edit(blocker("kept", "kept.example"), target=rules.DRAFT)
    gw.services["pmgd-store"].stop()
    gw.services["pmgd-store"].start()
    with rules.of(gw) as again:
        assert "kept" in [r["name"] for r in again.get(rules.DRAFT)["rules"]]
        again.ask(rules.DRAFT_DISCARD)
        with pytest.raises(rules.Refused):
            again.get(rules.DRAFT)


def test_rollback_is_a_new_version(gw, store):
    old = store.get()
    store.edit(blocker("three", "three.example"))
    assert decided(gw, "a@three.example") == "three"
    answer = store.ask(rules.ROLLBACK, target=rules.at(old["version"]))
    assert answer.version == old["version"] + 2
    assert decided(gw, "a@three.example") == ""
    assert dict(store.get(), version=0) == dict(old, version=0)
    # And back again: ids are what they were.
    store.ask(rules.ROLLBACK, target=rules.at(old["version"] + 1))
    assert decided(gw, "a@three.example") == "three"
    with pytest.raises(rules.Refused) as e:
        store.ask(rules.ROLLBACK, target=rules.at(4711))
    assert e.value.text == "there is no version 4711"


def test_export_and_import(gw, store):
    store.edit(blocker("four", "four.example"))
    exported = store.get()
    store.ask(rules.RESET)
    assert "four" not in [r["name"] for r in store.get()["rules"]]
    store.ask(rules.IMPORT, exported)
    assert dict(store.get(), version=0) == dict(exported, version=0)
    # The same once more changes nothing, and is no version.
    before = store.get()["version"]
    assert store.ask(rules.IMPORT, exported).value["changed"] == 0
    assert store.get()["version"] == before


def test_concurrent_editors(gw, store):
    """Who has not seen the newest version overwrites nothing."""
    version = store.get()["version"]
    with rules.of(gw) as other:
        other.edit(blocker("five", "five.example"), based_on=version)
        with pytest.raises(rules.Refused) as e:
            store.edit([{"op": "set", "rule": "Virus Alert",
                         "values": {"priority": 5}}], based_on=version)
    assert e.value.code == rules.NEWER
    assert "version %d has been published" % (version + 1) in e.value.text
    # All at once: each is its own version, none is lost.
    made = []

    def one(n):
        with rules.of(gw) as s:
            made.append(s.edit(blocker("c%d" % n, "c%d.example" % n)).version)
    threads = [threading.Thread(target=one, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(made) == list(range(version + 2, version + 10))
    names = [r["name"] for r in store.get()["rules"]]
    assert all("c%d" % n in names for n in range(8))


def test_rebase(gw, store):
    store.ask(rules.DRAFT_OPEN)
    store.edit([{"op": "set", "rule": "Virus Alert",
                 "values": {"priority": 5}}], target=rules.DRAFT)
    store.edit(blocker("six", "six.example"))
    with pytest.raises(rules.Refused) as e:
        store.ask(rules.PUBLISH)
    assert e.value.code == rules.NEWER and "rebase" in e.value.text
    store.ask(rules.DRAFT_REBASE)
    store.ask(rules.PUBLISH)
    names = {r["name"]: r for r in store.get()["rules"]}
    assert names["Virus Alert"]["priority"] == 5 and "six" in names
    # Both change the same rule: it is named.
    store.ask(rules.DRAFT_OPEN)
    store.edit([{"op": "set", "rule": "six", "values": {"priority": 6}}],
               target=rules.DRAFT)
    store.edit([{"op": "set", "rule": "six", "values": {"priority": 7}}])
    with pytest.raises(rules.Refused) as e:
        store.ask(rules.DRAFT_REBASE)
    assert 'rule %d "six"' % names["six"]["id"] in e.value.text


# ---- compiling takes long ----

def commits(gw, seconds):
    """Mails that reach the quarantine within that time."""
    n, end = 0, time.monotonic() + seconds
    while time.monotonic() < end or n == 0:
        rcpt = "q%d@held.example" % n
        r = send(gw.filter_in, SENDER, [rcpt],
                 plain(SENDER, rcpt, "x%d" % n, "hello"), lmtp=True)
        assert r.accepted, r
        n += 1
    return n


def hold(store):
    """Mail to held.example goes to quarantine."""
    operations = blocker("held", "held.example")
    operations[1]["rule"]["action"] = {"groups": ["Quarantine"]}
    store.edit(operations)


def test_commits_go_on_while_a_slow_set_compiles(gw, store):
    hold(store)
    with rules.of(gw) as slow:
        began = time.monotonic()
        slow.send(rules.EDIT, patterns("slow", SLOW))
        n = 0
        slow.sock.setblocking(False)
        while True:
            n += commits(gw, 0)
            try:
                answer = slow.receive()
                break
            except BlockingIOError:
                continue
        took = time.monotonic() - began
    print("%d expressions: %.1f s, %d commits meanwhile" % (SLOW, took, n))
    assert answer.code == rules.OK, answer.text
    assert n >= 2
    assert active_version(gw) == answer.version


def test_one_after_the_other_and_readers_meanwhile(gw, store):
    with rules.of(gw) as hang, rules.of(gw) as waits:
        hang.send(rules.EDIT, blocker("h", "h.example"), comment=HANG)
        waits.send(rules.EDIT, blocker("w", "w.example"))
        # Reading does not wait for them, nor do commits.
        before = store.get()
        assert store.ask(rules.VERSIONS).value["versions"]
        assert store.ask(rules.SNAPSHOT).snapshot[:8] == b"PMGRULES"
        waits.sock.settimeout(0.2)
        with pytest.raises(OSError):
            waits.receive()
        # Who hangs up takes his request along; the next one goes on.
        hang.close()
        waits.sock.settimeout(60)
        answer = waits.receive()
    assert answer.version == before["version"] + 1
    names = [r["name"] for r in store.get()["rules"]]
    assert "w" in names and "h" not in names


def test_mail_flows_without_a_pause(gw, store):
    """Snapshot after snapshot under load: none refused, each by one version
    or the next."""
    quit_, refused, sent = threading.Event(), [], []

    def load(n):
        while not quit_.is_set():
            rcpt = "l%d-%d@flow.example" % (n, len(sent))
            try:
                r = send(gw.filter_in, SENDER, [rcpt],
                         plain(SENDER, rcpt, "x", "hello"), lmtp=True)
                (sent if r.accepted else refused).append(rcpt)
            except (OSError, ValueError) as e:
                refused.append(e)
    threads = [threading.Thread(target=load, args=(n,)) for n in range(2)]
    for t in threads:
        t.start()
    try:
        for n in range(10):
            store.edit(blocker("flow%d" % n, "flow%d.example" % n))
    finally:
        quit_.set()
        for t in threads:
            t.join()
    assert not refused and sent
    assert decided(gw, "a@flow9.example") == "flow9"


# ---- crashes ----

def killed(gw, act):
    """pmgd-store dies of act, and is started again."""
    service = gw.services["pmgd-store"]
    act()
    service.proc.wait(30)
    left = os.listdir(os.path.dirname(active(gw)))
    service.start()
    return left


def is_whole(gw, version):
    """rules.active is the newest version, and nothing else lies there."""
    wait_for(lambda: active_version(gw) == version, "version %d" % version)
    wait_for(lambda: not os.path.exists(active(gw) + ".new"),
             "no file half done")
    with rules.of(gw) as s:
        assert s.get()["version"] == version


def test_killed_between_journal_and_rename(gw, store):
    before = active_version(gw)
    with rules.of(gw) as s:
        left = killed(gw, lambda: s.send(
            rules.EDIT, blocker("crash", "crash.example"), comment=CRASH))
    assert "rules.active.new" in left
    is_whole(gw, before + 1)
    assert decided(gw, "a@crash.example") == "crash"


def test_killed_while_compiling(gw, store):
    before = active_version(gw)
    with rules.of(gw) as s:
        s.send(rules.EDIT, blocker("lost", "lost.example"), comment=HANG)
        # It runs: reading is answered, and the next edit waits.
        store.get()
        killed(gw, lambda: os.kill(gw.services["pmgd-store"].pid,
                                   signal.SIGKILL))
    is_whole(gw, before)
    assert decided(gw, "a@lost.example") == ""


def test_rows_that_do_not_compile_turn_the_status_yellow(gw, store):
    """As after an upgrade that refuses what was allowed: the last good rules
    stay, the status says so, and an edit that mends it clears it."""
    answer = store.edit(blocker("bad", "bad.example"))
    before = os.stat(active(gw)).st_ino
    gw.services["pmgd-store"].stop()
    db = sqlite3.connect(gw.path("var/lib/pmg/store/config.db"))
    with db:
        (row,) = db.execute("SELECT max(seq) FROM rule_journal WHERE content "
                            "LIKE '%bad.example%'").fetchone()
        db.execute("UPDATE rule_journal SET content = '{\"type\":\"regex\","
                   "\"value\":\"a(b\"}' WHERE seq = ?", (row,))
    db.close()
    gw.services["pmgd-store"].start()

    def status():
        return json.loads(gw.tool("pmgqm", "status", "-o", "json"))
    wait_for(lambda: status()["rules_error"], "the error")
    assert 'group "bad": regular expression "a(b"' in status()["rules_error"]
    assert os.stat(active(gw)).st_ino == before
    assert decided(gw, "a@bad.example") == "bad"
    with rules.of(gw) as s:
        bad = next(g for g in s.get()["groups"] if g["name"] == "bad")
        assert s.get()["version"] == answer.version
        s.edit([{"op": "delete", "object": bad["objects"][0]["id"]}])
    assert status()["rules_error"] == ""
    assert decided(gw, "a@bad.example") == ""
