"""One reply for all recipients (ESMTP, before the queue): nothing is ever
committed for somebody when the reply is "try again" (reliability.md D3)."""

import concurrent.futures
import email
import os
import re
import signal
import time

import pytest

from tests.rig.gateway import Gateway
from tests.rig.samples import EICAR, plain
from tests.rig.sender import Client, send
from tests.rig.service import wait_for

from . import together
from .conftest import rig_root
from .together import (BLOCK, KEEP, PASS, QUAR, SENDER, STRIP, mail,
                       rcpts)

TIMEOUT = 12        # mail.filter-timeout
# What commits and notices may take beyond that (commit.c, filter.c).
BEYOND = 21


@pytest.fixture(scope="module")
def world():
    with Gateway(rig_root("together"), with_postfix=False, with_spamd=False,
                 conf={"mail": {"filter-timeout": TIMEOUT},
                       "spam": {"spamd_timeout": 5},
                       "clamav": {"scantime": 5}}) as g:
        together.rules(g)
        yield g


@pytest.fixture
def gw(world):
    yield world
    world.sink.unscript()
    if "ndr_on_block" in world.conf["mail"]:
        settings(world, ndr_on_block=None)


def settings(g, **values):
    """Workers read them before their next message."""
    g.conf["mail"].update(values)
    for k in [k for k, v in values.items() if v is None]:
        del g.conf["mail"][k]
    g.write_conf()


def deliver(g, to, raw, sender=SENDER, **kw):
    return send(g.filter_in, sender, to, raw, **kw).final


def records(g, rcpt):
    return [r for r in g.records()
            if any(x["addr"] == rcpt for x in r["recipients"])]


def bounce_to(g, sender):
    d = g.sink.wait_for_rcpt(sender)
    assert d.sender == ""
    return email.message_from_bytes(d.data)


# ---- what each mixture comes to ----

def test_blocked_for_all_is_refused(gw, ident):
    to = rcpts(ident, BLOCK, BLOCK)
    r = deliver(gw, to, mail(ident))
    assert [x.code for x in r] == [554]
    assert r[0].text.startswith("5.7.1 BLOCKED (")
    wait_for(lambda: records(gw, to[0]), "the record")
    assert [x["code"] for x in records(gw, to[0])[0]["recipients"]] == [554] * 2
    assert not gw.sink.to(to[0]) and not gw.quarantined(to[0])


def test_blocked_for_some_is_discarded_on_record(gw, ident):
    to = rcpts(ident, PASS, BLOCK)
    r = deliver(gw, to, mail(ident))
    assert [x.code for x in r] == [250]
    assert gw.sink.wait_for_rcpt(to[0]).addresses == [to[0]]
    wait_for(lambda: len(records(gw, to[1])) == 2, "both records")
    early, final = records(gw, to[1])
    assert early["early"] and early["recipients"][1] == {
        "addr": to[1], "result": "blocked", "rule": "Block for one", "code": 0}
    assert "early" not in final
    assert [x["result"] for x in final["recipients"]] == ["accepted", "blocked"]
    assert not gw.sink.to(SENDER), "a bounce that nobody asked for"


def test_blocked_for_some_is_told_when_wanted(gw, ident):
    settings(gw, ndr_on_block=1)
    sender = ident + "@sender.example"
    to = rcpts(ident, PASS, BLOCK, BLOCK)
    r = deliver(gw, to, mail(ident), sender=sender, mail="ENVID=x+2By RET=FULL",
                rcpt=["", "ORCPT=rfc822;Someone+2Belse@block.example",
                      "NOTIFY=NEVER"])
    assert [x.code for x in r] == [250]
    m = bounce_to(gw, sender)
    assert m.get_content_type() == "multipart/report"
    assert m["Auto-Submitted"] == "auto-replied"
    status = m.get_payload(1)
    assert status.get_content_type() == "message/delivery-status"
    head, one = status.get_payload()
    assert head["Original-Envelope-Id"] == "x+y"
    assert one["Final-Recipient"] == "rfc822; " + to[1]
    assert one["Original-Recipient"] == "rfc822;Someone+else@block.example"
    assert one["Action"] == "failed" and one["Status"] == "5.7.1"
    assert one["Diagnostic-Code"].startswith("smtp; 554 5.7.1 BLOCKED (")
    assert m.get_payload(2).get_content_type() == "text/rfc822-headers"
    # What a rule objected to does not travel.
    assert b"Content of" not in gw.sink.to(sender)[0].data


def test_a_bounce_is_not_bounced(gw, ident):
    settings(gw, ndr_on_block=1)
    to = rcpts(ident, PASS, BLOCK)
    before = len(gw.sink.deliveries)
    assert [x.code for x in deliver(gw, to, mail(ident), sender="")] == [250]
    gw.sink.wait_for_rcpt(to[0])
    wait_for(lambda: len(records(gw, to[1])) == 2, "both records")
    assert len(gw.sink.deliveries) == before + 1


@pytest.mark.parametrize("domains", [
    (PASS, QUAR), (PASS, STRIP), (PASS, STRIP, QUAR, BLOCK), (QUAR, BLOCK),
    (STRIP, PASS, PASS)], ids=" ".join)
def test_each_recipient_gets_his_own(gw, ident, domains):
    to = rcpts(ident, *domains)
    assert [x.code for x in deliver(gw, to, mail(ident))] == [250]
    for rcpt, domain in zip(to, domains):
        if domain == QUAR:
            assert [x["kind"] for x in gw.quarantined(rcpt)] == ["spam"]
        elif domain != BLOCK:
            d = gw.sink.wait_for_rcpt(rcpt)
            assert (b"verdict.txt" in d.body) == (domain == PASS or
                                                  b"Name: verdict" in d.body)
            assert (b"Q29udGVudCBvZi" in d.body) == (domain == PASS)
            assert len(gw.sink.to(rcpt)) == 1
    wait_for(lambda: not [r for r in gw.quarantined(ident)
                          if r["kind"] == "held"], "what was held to be gone")


def test_where_the_original_is_kept_is_told(gw, ident):
    """In the record, for `pmg why`, and in the log, as after the queue."""
    to = rcpts(ident, KEEP, PASS, KEEP)
    for lmtp in (True, False):
        assert deliver(gw, to, mail("%s-%d" % (ident, lmtp)),
                       lmtp=lmtp)[0].code == 250
    wait_for(lambda: len(records(gw, to[0])) == 2, "both records")
    for r in records(gw, to[0]):
        notes = [n for n in r["notes"] if "kept" in n]
        assert len(notes) == 2
        for n, rcpt in zip(notes, (to[0], to[2])):
            id_ = re.fullmatch(
                r"original for <%s> kept in the attachment quarantine: "
                r"(\w+) \(rule: Keep the original\)" % re.escape(rcpt),
                n).group(1)
            assert [q["kind"] for q in gw.quarantined(rcpt)
                    if q["id"] == id_] == ["attachment"]


def test_mails_that_say_nothing_of_themselves_are_not_taken_for_one(gw, ident):
    """A monitor's alert, without Message-ID and Date: each one comes."""
    to = rcpts(ident, PASS, STRIP)
    raw = re.sub(rb"(Message-ID|Date):[^\r]*\r\n", b"", mail(ident))
    assert b"essage-ID" not in raw and b"Date" not in raw
    for n in (1, 2):
        assert [x.code for x in deliver(gw, to, raw)] == [250]
        for rcpt in to:
            wait_for(lambda: len(gw.sink.to(rcpt)) == n,
                     "copy %d for %s" % (n, rcpt), 20)


# ---- Postfix takes it for some ----

def test_refused_for_one_goes_to_the_other(gw, ident):
    sender, to = ident + "@sender.example", rcpts(ident, PASS, PASS)
    gw.sink.script(to[1], at="rcpt", reply="550 5.1.1 nobody here")
    assert [x.code for x in deliver(gw, to, mail(ident), sender=sender)] == \
        [250]
    assert gw.sink.wait_for_rcpt(to[0]).addresses == [to[0]]
    m = bounce_to(gw, sender)
    one = m.get_payload(1).get_payload()[1]
    assert one["Final-Recipient"] == "rfc822; " + to[1]
    assert one["Status"] == "5.1.1"
    results = [x["result"] for x in records(gw, to[1])[0]["recipients"]]
    assert results == ["accepted", "rejected"]


def test_busy_for_one_is_busy_for_all(gw, ident):
    to = rcpts(ident, PASS, PASS)
    gw.sink.script(to[1], at="rcpt", reply="450 4.2.0 busy", times=1)
    assert [x.code for x in deliver(gw, to, mail(ident))] == [450]
    assert not gw.sink.to(to[0])
    assert [x.code for x in deliver(gw, to, mail(ident))] == [250]
    for rcpt in to:
        assert len(gw.sink.to(rcpt)) == 1


def test_refused_for_all_is_refused(gw, ident):
    to = rcpts(ident, PASS, PASS)
    for rcpt in to:
        gw.sink.script(rcpt, at="rcpt", reply="550 5.1.1 nobody here")
    r = deliver(gw, to, mail(ident))
    assert [(x.code, x.text) for x in r] == [(550, "5.1.1 nobody here")]


# ---- everything fails in turn ----

def hop(**script):
    return lambda g: g.sink.script(re.compile(""), **script)


def hop_away(g):
    path = g.path("var/spool/postfix/public/pmg-reinject")
    os.rename(path, path + ".away")
    g.sink.hang_up()


def stop(g):
    g.services["pmgd-store"].stop()


def freeze(g):
    for pid in g.services["pmgd-store"].pids():
        os.kill(pid, signal.SIGSTOP)


def kill(g):
    os.kill(g.services["pmgd-store"].pid, signal.SIGKILL)
    g.services["pmgd-store"].proc.wait()


def repair(g):
    g.sink.unscript()
    for task in list(g.sink._sessions):
        g.sink._loop.call_soon_threadsafe(task.cancel)
    path = g.path("var/spool/postfix/public/pmg-reinject")
    if os.path.exists(path + ".away"):
        os.rename(path + ".away", path)
    s = g.services["pmgd-store"]
    if s.alive():
        for pid in s.pids():
            os.kill(pid, signal.SIGCONT)
    else:
        s.start()


# (Postfix, store): what breaks.
FAULTS = {
    "postfix away": (hop_away,),
    "postfix busy at RCPT": (hop(at="rcpt", reply="451 4.3.0 busy"),),
    "postfix busy at the end": (hop(reply="451 4.3.0 busy"),),
    "postfix lost after the dot": (hop(action="rst"),),
    "postfix hangs": (hop(action="hang"),),
    "store away": (stop,),
    "store killed": (kill,),
    "store hangs": (freeze,),
    "both away": (hop_away, stop),
    "both hang": (hop(action="hang"), freeze),
}
# The others take the same ways; all with PMG_LONG.
IN_CHECK = ("postfix away", "postfix busy at the end", "postfix hangs",
            "store killed", "store hangs")
MIXTURES = [(PASS, PASS), (PASS, STRIP), (PASS, QUAR), (PASS, BLOCK),
            (PASS, STRIP, QUAR, BLOCK)]


def committed(g, to):
    """Recipients that somebody has it for. Held is committed, too."""
    kept = set()
    for row in g.quarantine():
        kept.update(r["address"] for r in row["recipients"])
    return [r for r in to if g.sink.to(r) or r in kept]


def final_count(g, rcpt):
    return len(g.sink.to(rcpt)) + len(
        [r for r in g.quarantined(rcpt) if r["kind"] != "held"])


@pytest.mark.parametrize("fault", FAULTS if os.environ.get("PMG_LONG")
                         else IN_CHECK)
def test_try_again_means_that_nobody_has_it(gw, ident, fault):
    names = ["%s-m%d" % (ident, n) for n in range(len(MIXTURES))]
    mails = [(rcpts(name, *m), m, mail(name))
             for name, m in zip(names, MIXTURES)]
    for break_ in FAULTS[fault]:
        break_(gw)
    try:
        with concurrent.futures.ThreadPoolExecutor(len(mails)) as pool:
            codes = list(pool.map(lambda x: deliver(
                gw, x[0], x[2], timeout=120)[0].code, mails))
    finally:
        repair(gw)
    for (to, domains, raw), code in zip(mails, codes):
        assert code == 250 or 400 <= code < 500, (fault, domains, code)
        needs_store = set(domains) - {PASS, BLOCK}
        if "both" in fault or ("store" in fault) == bool(needs_store):
            assert code != 250, (fault, domains)
        else:
            assert code == 250, (fault, domains)
        if code != 250:
            assert not committed(gw, to), (fault, domains)
            assert deliver(gw, to, raw)[0].code == 250
    for to, domains, _ in mails:
        for rcpt, domain in zip(to, domains):
            if domain == BLOCK:
                continue
            wait_for(lambda: final_count(gw, rcpt), "%s: %s" % (fault, rcpt),
                     60)
            assert final_count(gw, rcpt) == 1, (fault, domains, rcpt)
    assert not [r for r in gw.quarantine() if r["kind"] == "poison"]


def test_control_per_recipient_replies_would_duplicate(gw, ident):
    """The same mixture, told the old way: a client that can only repeat the
    whole mail delivers twice, and this is seen."""
    to = rcpts(ident, PASS, STRIP)
    gw.sink.script(to[1], reply="451 4.3.0 busy", times=1)
    for _ in range(2):
        r = send(gw.filter_in, SENDER, to, mail(ident), lmtp=True).final
    assert [x.code for x in r] == [250, 250]
    assert final_count(gw, to[0]) == 2 and final_count(gw, to[1]) == 1


def test_death_before_the_reply_is_no_second_copy(gw, ident):
    """Of a set; a transaction with Postfix cannot be found again (control)."""
    for domains, copies in (((PASS, STRIP), 1), ((PASS, PASS), 2)):
        to = rcpts("%s-%d" % (ident, copies), *domains)
        raw = mail(to[0]).replace(
            b"Subject:", b"X-PMG-Test: die-after-reinject\r\nSubject:", 1)
        for _ in range(2):
            with pytest.raises((OSError, ValueError)):
                deliver(gw, to, raw)
        wait_for(lambda: len(gw.sink.to(to[1])) >= copies, "both copies")
        assert deliver(gw, to, raw)[0].code == 250      # parked
        assert [len(gw.sink.to(x)) for x in to] == [copies] * 2


# ---- time ----

def virus(ident, rcpt):
    return plain(SENDER, rcpt, ident, EICAR.decode())


@pytest.mark.parametrize("lmtp", [True, False], ids=["LMTP", "ESMTP"])
def test_a_hanging_notice_does_not_hold_up_the_reply(gw, ident, lmtp):
    """Quarantined, and the notice hangs: the reply comes, once and in time."""
    rcpt = ident + "@in.example"
    gw.sink.script("postmaster@in.example", at="rcpt", action="hang")
    began = time.monotonic()
    r = deliver(gw, [rcpt], virus(ident, rcpt), lmtp=lmtp, timeout=120)
    took = time.monotonic() - began
    repair(gw)
    assert [x.code for x in r] == [250]
    assert took < BEYOND
    assert [x["kind"] for x in gw.quarantined(rcpt)] == ["virus"]


def test_commits_share_one_deadline(gw, ident):
    """Two copies and a Postfix that hangs: not twice the time."""
    to = rcpts(ident, PASS, STRIP)
    gw.sink.script(re.compile(ident), at="rcpt", action="hang")
    began = time.monotonic()
    r = deliver(gw, to, mail(ident), lmtp=True, timeout=120)
    took = time.monotonic() - began
    repair(gw)
    assert [x.code for x in r] == [451, 451]
    assert took < TIMEOUT + BEYOND
    assert not gw.quarantined(ident)


# ---- strikes ----

def test_strikes_go_by_the_content(gw, ident):
    """Before the queue there is no queue id, and Postfix's own field on top
    is another one each time."""
    rcpt = ident + "@in.example"
    raw = plain(SENDER, rcpt, ident, "Hello", extra=["X-PMG-Test: crash"])
    other = plain(SENDER, rcpt, ident + "x", "Hello",
                  extra=["X-PMG-Test: crash"])

    def once(n, raw):
        top = b"Received: from x by gw (Postfix)\r\n\tid %d; now\r\n" % n
        try:
            return deliver(gw, [rcpt], top + raw)[0].code
        except (OSError, ValueError):
            return 0

    assert [once(n, raw) for n in range(3)] == [0, 0, 250]
    assert [r["kind"] for r in gw.quarantined(rcpt)] == ["poison"]
    assert once(4, other) == 0, "another mail has strikes of its own"


def test_the_same_mail_tomorrow_is_another_one(gw, ident):
    """A retry is found again by its content, and is not stored twice."""
    to = rcpts(ident, QUAR)
    raw = mail(ident)
    for n in range(2):
        with Client(gw.filter_in) as c:
            assert c.send(SENDER, to, b"Received: from x\r\n\tid %d\r\n" % n +
                          raw).accepted
    assert len(gw.quarantined(to[0])) == 1
