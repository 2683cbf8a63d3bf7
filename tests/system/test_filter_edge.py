"""Edges of the filter: sizes, many recipients, odd messages, long sessions."""

import contextlib
import json
import os
import re
import socket
import time

import pytest

from tests.rig.samples import EICAR, GTUBE, multipart, plain
from tests.rig.sender import Client, send
from tests.rig.service import wait_for

SENDER = "a@outside.example"


def mail(ident, text="text", extra=()):
    return plain(SENDER, "b@in.example", ident, text, extra)


def lmtp(bare, rcpts, raw, **kw):
    return send(bare.filter_in, SENDER, rcpts, raw, lmtp=True, **kw)


@contextlib.contextmanager
def settings(bare, **sections):
    bare.conf = sections
    bare.write_conf()
    try:
        yield
    finally:
        bare.conf = {}
        bare.write_conf()


def record_of(bare, word):
    return wait_for(lambda: [r for r in bare.records()
                             if word in json.dumps(r)], "record of " + word)


# ---- sizes and shapes ----

@pytest.mark.parametrize("raw", [
    b"", b"\r\n", b"Subject: header only\r\n", b"no header, no colon\r\n",
    b"\r\nbody only\r\n", b"Subject: x\r\n\r\n",
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n",
], ids=["empty", "one-eol", "header-only", "no-colon", "body-only",
        "header-and-eol", "multipart-without-parts"])
def test_odd_messages_get_their_reply(bare, ident, raw):
    """Delivered, or spam: as little text as this scores."""
    rcpt = ident + "@in.example"
    r = lmtp(bare, [rcpt], raw)
    assert [x.code for x in r.final] == [250]
    if not bare.quarantined(rcpt):
        assert bare.sink.wait_for_rcpt(rcpt).data.endswith(
            raw.split(b"\r\n\r\n", 1)[-1])


def test_dangerous_message_itself_is_replaced(bare, ident):
    """The part that a rule removes is the message as a whole."""
    rcpt = ident + "@in.example"
    raw = mail(ident, "WScript.Echo 1").replace(
        b"text/plain; charset=utf-8",
        b"application/octet-stream; name=evil.vbs")
    assert lmtp(bare, [rcpt], raw).accepted
    d = bare.sink.wait_for_rcpt(rcpt)
    assert b"WScript" not in d.data
    assert b"removed an attachment" in d.data


def test_same_recipient_twice_gets_two_replies(bare, ident):
    rcpt = ident + "@in.example"
    assert [x.code for x in lmtp(bare, [rcpt, rcpt], mail(ident)).final] == \
        [250, 250]
    spam = lmtp(bare, [rcpt, rcpt], mail(ident, GTUBE))
    assert [x.code for x in spam.final] == [250, 250]
    assert bare.quarantined(rcpt)


def test_twenty_megabytes(bare, ident):
    rcpt = ident + "@in.example"
    raw = mail(ident) + (b"0123456789 " * 7 + b"\r\n") * (20000000 // 79)
    # A scanner with sanitizers takes longer than it may.
    with settings(bare, admin={"clamav": 0}):
        r = lmtp(bare, [rcpt], raw)
    assert [x.code for x in r.final] == [250]
    if not bare.quarantined(rcpt):
        assert bare.sink.wait_for_rcpt(rcpt).body == \
            raw.split(b"\r\n\r\n", 1)[1]


def test_over_the_limit_one_refusal_for_each(bare, ident):
    rcpts = ["%s-%d@in.example" % (ident, n) for n in range(3)]
    with settings(bare, mail={"maxsize": 100000}), \
            Client(bare.filter_in, lmtp=True) as c:
        r = c.send(SENDER, rcpts, mail(ident, "x" * 300000))
        assert [x.code for x in r.final] == [552] * 3
        assert c.send(SENDER, rcpts[:1], mail(ident)).accepted


def test_refused_recipient_gets_no_second_reply(bare, ident):
    rcpt = ident + "@in.example"
    with Client(bare.filter_in, lmtp=True) as c:
        r = c.send(SENDER, [rcpt, "not an address", rcpt], mail(ident))
        assert [x.code for x in r.rcpt] == [250, 501, 250]
        assert [x.code for x in r.final] == [250, 250]
        assert c.command("NOOP").code == 250


# ---- many recipients ----

def test_thousand_recipients(bare, ident):
    rcpts = ["%s-%d@in.example" % (ident, n) for n in range(1000)]
    r = lmtp(bare, rcpts, mail(ident))
    assert [x.code for x in r.final] == [250] * 1000
    got = bare.sink.wait_for_rcpt(rcpts[999]).addresses
    assert got == rcpts
    assert record_of(bare, ident)[0]["nrecipients"] == 1000


def test_spam_for_many_long_recipients_is_quarantined(bare, ident):
    """More than one packet to the store holds."""
    rcpts = ["%s-%d-%s@in.example" % (ident, n, "x" * 200)
             for n in range(1000)]
    r = lmtp(bare, rcpts, mail(ident, GTUBE))
    assert {x.code for x in r.final} == {250}
    assert len(r.final) == 1000
    rows = bare.tool("pmgqm", "list", "--limit", "1000", "-o", "json")
    # Lists show the first few recipients of an entry.
    assert not [n for n in range(1000)
                if n % 50 < 20 and "%s-%d-" % (ident, n) not in rows]
    assert not [d for d in bare.sink.deliveries if rcpts[0] in d.addresses]


def test_long_refusals_for_many_recipients_all_arrive(bare, ident):
    """More reply text than any buffer holds: none may be dropped."""
    rcpts = ["%s-%d@in.example" % (ident, n) for n in range(1500)]
    script = bare.sink.script(re.compile("^%s-" % ident), at="rcpt",
                              reply="550 5.1.1 " + "no " * 300)
    try:
        with settings(bare, mail={"max_recipients": 2000}):
            r = lmtp(bare, rcpts, mail(ident))
    finally:
        bare.sink.unscript(script)
    assert [x.code for x in r.final] == [550] * 1500


# ---- what hostile text may not do ----

def test_spam_with_an_endless_subject_is_quarantined(bare, ident):
    rcpt = ident + "@in.example"
    raw = ("Subject: %s\r\nFrom: %s\r\nMessage-ID: <%s>\r\n\r\n%s\r\n" % (
        "\r\n ".join(["s" * 900] * 200), "\r\n ".join(["f" * 900] * 200),
        "\r\n ".join(["m" * 900] * 200), GTUBE)).encode()
    r = lmtp(bare, [rcpt], raw)
    assert [x.code for x in r.final] == [250]
    assert bare.quarantined(rcpt)


def test_notes_of_control_bytes_leave_an_event_record(bare, ident):
    rcpt = ident + "@in.example"
    part = ("--b\r\nContent-Type: application/octet-stream; "
            "name*=utf-8''%s.vbs\r\n\r\nx\r\n" % ("%01" * 480))
    raw = ("Subject: %s\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
           % ident + part * 70 + "--b--\r\n").encode()
    assert lmtp(bare, [rcpt], raw).accepted
    assert record_of(bare, rcpt)


def test_marks_of_ours_do_not_come_in(bare, ident):
    rcpt = ident + "@in.example"
    raw = mail(ident, extra=["X-PMG-Unchecked: av", "x-pmg-anything: 1",
                             "X-SPAM-LEVEL: forged"])
    assert lmtp(bare, [rcpt], raw).accepted
    d = bare.sink.wait_for_rcpt(rcpt)
    assert not re.search(rb"^x-pmg-", d.header, re.I | re.M)
    assert "forged" not in d.fields("X-SPAM-LEVEL")


def test_unchecked_is_marked_once(bare, ident):
    rcpt = ident + "@in.example"
    spamd = bare.services["spamd"]
    spamd.stop()
    try:
        assert lmtp(bare, [rcpt], mail(
            ident, extra=["X-PMG-Unchecked: nothing"])).accepted
    finally:
        spamd.start()
    assert bare.sink.wait_for_rcpt(rcpt).fields("X-PMG-Unchecked") == ["spam"]


def two_boundaries(ident):
    """Each delimits another file: mail programs differ."""
    text = "".join(
        "--%s\r\nContent-Type: text/plain; name=%s.txt\r\n\r\nThe report of "
        "last week is ready, see you on Monday.\r\n--%s--\r\n" % (b, b, b)
        for b in ("a", "b"))
    return mail(ident, text, extra=[
        "X-Proxmox-Broken-Message: by sender",
        "X-Proxmox-VInfo: by sender"]).replace(
            b"Content-Type: text/plain; charset=utf-8\r\n",
            b"Content-Type: multipart/mixed; boundary=a; boundary=b\r\n")


def test_broken_mime_is_held_or_marked(bare, ident):
    held, passed = ident + "h@in.example", ident + "p@in.example"
    assert lmtp(bare, [held], two_boundaries(ident)).accepted
    wait_for(lambda: bare.quarantined(held), "the ambiguous mail")
    with settings(bare, mail={"accept-broken-mime": 1}):
        assert lmtp(bare, [passed], two_boundaries(ident)).accepted
        d = bare.sink.wait_for_rcpt(passed)
    assert d.fields("X-Proxmox-Broken-Message") == ["ambiguous-boundary"]
    assert not d.fields("X-Proxmox-VInfo")
    assert not bare.quarantined(passed)


# ---- what the next hop does ----

def test_421_of_the_next_hop_is_451_here(bare, ident):
    """421 would say that this session ends, which it does not."""
    rcpt = ident + "@in.example"
    bare.sink.script(rcpt, at="rcpt", reply="421 4.3.2 going down", times=1)
    with Client(bare.filter_in, lmtp=True) as c:
        assert c.send(SENDER, [rcpt], mail(ident)).final[0].code == 451
        assert c.send(SENDER, [rcpt], mail(ident)).final[0].code == 250


def test_hanging_next_hop_parks_nobody(bare, ident):
    """Longer than mail.filter-timeout: a deferral, no strike of the mail."""
    rcpt = ident + "@in.example"
    with settings(bare, mail={"filter-timeout": 7},
                  spam={"spamd_timeout": 5}, clamav={"scantime": 5}):
        for _ in range(2):
            script = bare.sink.script(rcpt, action="hang")
            with Client(bare.filter_in, lmtp=True) as c:
                c.command("XFORWARD IDENT=Q" + ident)
                assert c.send(SENDER, [rcpt],
                              mail(ident)).final[0].code == 451
            bare.sink.unscript(script)
        with Client(bare.filter_in, lmtp=True) as c:
            c.command("XFORWARD IDENT=Q" + ident)
            assert c.send(SENDER, [rcpt], mail(ident)).accepted
    bare.sink.wait_for_rcpt(rcpt)
    assert not bare.quarantined(rcpt)


# ---- strikes ----

@pytest.mark.skipif(os.environ.get("PMG_NO_HOOKS") == "1",
                    reason="the build has no test hooks")
def test_poison_is_known_again_without_queue_id(bare, ident):
    """Before the queue: Postfix's own Received differs at each attempt."""
    rcpt = ident + "@in.example"
    final = []
    for n in range(3):
        raw = ("Received: from x (x [192.0.2.1])\r\n\tby gw; second %d\r\n"
               % n).encode() + mail(ident, extra=["X-PMG-Test: crash"])
        try:
            final = send(bare.filter_in, SENDER, [rcpt], raw).final
        except (OSError, ValueError):
            final = []
    assert [x.code for x in final] == [250]
    assert bare.quarantined(rcpt)


# ---- long sessions, long lives ----

def test_descriptors_do_not_add_up(bare, ident):
    rcpt = ident + "@in.example"
    kinds = [mail(ident), mail(ident, GTUBE), b"",
             multipart(SENDER, rcpt, ident, "x", "a.vbs",
                       "application/octet-stream", b"x" * 2000000),
             multipart(SENDER, rcpt, ident, "x", "a.com",
                       "application/octet-stream", EICAR)]
    with Client(bare.filter_in, lmtp=True) as c:
        def count():
            c.command("NOOP")       # the message before is put away
            return {p: len(os.listdir("/proc/%d/fd" % p))
                    for p in bare.services["pmgd"].pids()[1:]}
        for raw in kinds:
            assert c.send(SENDER, [rcpt], raw).accepted
        before = count()
        for n in range(40):
            assert c.send(SENDER, [rcpt], kinds[n % len(kinds)]).accepted
        after = count()
    assert {p: after[p] for p in before if p in after} == before


@pytest.mark.skipif(os.environ.get("PMG_LONG") != "1",
                    reason="takes three minutes (PMG_LONG=1)")
def test_data_after_the_time_out_are_no_commands(bare, ident):
    """A client that stalls in DATA and then goes on: what it sends is mail,
    and a mail in the mail must not be taken for commands."""
    rcpt = ident + "@in.example"
    with Client(bare.filter_in, lmtp=True, timeout=400) as c:
        c.command("MAIL FROM:<%s>" % SENDER)
        c.command("RCPT TO:<%s>" % rcpt)
        assert c.command("DATA").code == 354
        c.raw(mail(ident))
        time.sleep(185)
        with contextlib.suppress(OSError, ValueError):
            c.raw(("RSET\r\nMAIL FROM:<x@y.example>\r\nRCPT TO:<smuggled-%s>"
                   "\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\n" % rcpt).encode())
            time.sleep(3)
            c.sock.shutdown(socket.SHUT_WR)
            while c.sock.recv(65536):
                pass
    assert not bare.sink.to("smuggled-" + rcpt)
    assert not bare.quarantined("smuggled-" + rcpt)
