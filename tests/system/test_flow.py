"""Mail through the whole gateway: what ends where, and why."""

import re

import pytest

from tests.rig.gateway import OUTSIDE_ADDRESS
from tests.rig.samples import EICAR, GTUBE, multipart, plain, zipped
from tests.rig.sender import Client, send
from tests.rig.service import wait_for

pytestmark = pytest.mark.sandbox

A = "a@outside.example"


def incoming(gateway, rcpt, raw, sender=A, **kw):
    r = send(gateway.ext_port, sender, [rcpt], raw, source=OUTSIDE_ADDRESS,
             **kw)
    assert r.accepted, r
    return re.search(r"queued as (\w+)", r.final[0].text).group(1)


def record_of(gateway, queue_id):
    """The event record of a message, when it is there."""
    def look():
        return [r for r in gateway.records()
                if r.get("queue_id") == queue_id]
    return wait_for(look, "event record of %s" % queue_id)[-1]


def test_clean_mail_arrives(gateway, ident):
    rcpt = ident + "@in.example"
    qid = incoming(gateway, rcpt, plain(A, rcpt, ident, "Hello"))
    d = gateway.sink.wait_for_rcpt(rcpt)
    assert d.sender == A and d.field("Subject") == ident
    record = record_of(gateway, qid)
    assert record["recipients"][0]["result"] == "accepted"
    assert record["virus"]["state"] == "clean"
    assert record["spam"]["state"] == "scored"
    assert record["client"]["addr"] == OUTSIDE_ADDRESS


def test_client_is_told_along(gateway, ident):
    """XFORWARD: Postfix's second smtpd logs the first one's client."""
    rcpt = ident + "@in.example"
    qid = incoming(gateway, rcpt, plain(A, rcpt, ident, "Hello"),
                   helo="mx.outside.example")
    d = gateway.sink.wait_for_rcpt(rcpt)
    assert "[%s]" % OUTSIDE_ADDRESS in d.fields("Received")[-1]
    lines = [x for x in gateway.postfix.log_lines()
             if "orig_queue_id=%s" % qid in x]
    assert lines and "orig_client=" in lines[0] and \
        "[%s]" % OUTSIDE_ADDRESS in lines[0]


def test_reply_names_the_logid(gateway, ident):
    rcpt = ident + "@in.example"
    qid = incoming(gateway, rcpt, plain(A, rcpt, ident, "Hello"))
    gateway.sink.wait_for_rcpt(rcpt)
    logid = record_of(gateway, qid)["logid"]
    assert wait_for(lambda: [
        x for x in gateway.postfix.log_lines() if qid in x and
        "status=sent (250 2.5.0 OK (%s))" % logid in x], "the reply in the log")


def test_outgoing_mail(gateway, ident):
    rcpt = ident + "@outside.example"
    raw = plain("anna@in.example", rcpt, ident, "Hello")
    assert send(gateway.int_port, "anna@in.example", [rcpt], raw).accepted
    gateway.internet.wait_for_rcpt(rcpt)
    assert not gateway.sink.to(rcpt)


def test_stranger_may_not_relay(gateway, ident):
    rcpt = ident + "@outside.example"
    for port in (gateway.ext_port, gateway.int_port):
        r = send(port, A, [rcpt], plain(A, rcpt, ident, "Hello"),
                 source=OUTSIDE_ADDRESS)
        assert r.code in (454, 554), r


def test_dsn_parameters_end_to_end(gateway, ident):
    rcpt = ident + "@outside.example"
    raw = plain("anna@in.example", rcpt, ident, "Hello")
    assert send(gateway.int_port, "anna@in.example", [rcpt], raw,
                mail="RET=HDRS ENVID=" + ident,
                rcpt="NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Other@outside"
                ".example").accepted
    d = gateway.internet.wait_for_rcpt(rcpt)
    assert d.mail_params["RET"] == "HDRS"
    assert d.mail_params["ENVID"] == ident
    assert int(d.mail_params["SIZE"]) > len(raw)
    assert d.rcpts[0][1] == {"NOTIFY": "SUCCESS,FAILURE",
                             "ORCPT": "rfc822;Other@outside.example"}


def test_dsn_is_not_offered_to_the_outside(gateway):
    with Client(gateway.ext_port, source=OUTSIDE_ADDRESS) as c:
        assert "DSN" not in c.keywords and "SMTPUTF8" in c.keywords
    with Client(gateway.int_port) as c:
        assert "DSN" in c.keywords


def test_smtputf8_end_to_end(gateway, ident):
    sender, rcpt = "пользователь@пример.example", "анна-%s@in.example" % ident
    raw = plain(sender, rcpt, "Протокол " + ident, "Здравствуйте!")
    incoming(gateway, rcpt, raw, sender=sender, mail="SMTPUTF8 BODY=8BITMIME")
    d = gateway.sink.wait_for_rcpt(rcpt)
    assert d.sender == sender and "SMTPUTF8" in d.mail_params
    assert d.mail_params["BODY"] == "8BITMIME"
    assert "Здравствуйте!".encode() in d.body


def test_next_hop_refusal_becomes_a_bounce(gateway, ident):
    rcpt, sender = ident + "@in.example", ident + "-from@outside.example"
    handle = gateway.sink.script(rcpt, at="rcpt", reply="550 5.1.1 unknown")
    incoming(gateway, rcpt, plain(sender, rcpt, ident, "Hello"), sender=sender)
    bounce = gateway.internet.wait_for_rcpt(sender, 60)
    gateway.sink.unscript(handle)
    assert bounce.sender == "" and b"5.1.1" in bounce.data


def test_next_hop_busy_is_tried_again(gateway, ident):
    rcpt = ident + "@in.example"
    gateway.sink.script(rcpt, at="rcpt", reply="450 4.2.0 busy", times=1)
    incoming(gateway, rcpt, plain(A, rcpt, ident, "Hello"))
    gateway.sink.wait_for_rcpt(rcpt, 60)
    assert len(gateway.sink.to(rcpt)) == 1


def test_gtube_is_quarantined_and_released_once(gateway, ident):
    rcpt = ident + "@in.example"
    raw = plain(A, rcpt, "win " + ident, GTUBE)
    qid = incoming(gateway, rcpt, raw)
    record = record_of(gateway, qid)
    assert record["recipients"][0]["result"] == "quarantined", record
    assert record["spam"]["level"] >= 100
    rows = gateway.quarantined(rcpt)
    assert len(rows) == 1
    assert rows[0]["id"] == record["recipients"][0]["quarantine_id"]
    assert not gateway.sink.to(rcpt)

    gateway.tool("pmgqm", "release", rows[0]["id"])
    d = gateway.sink.wait_for_rcpt(rcpt)
    assert GTUBE.encode() in d.body
    gateway.tool("pmgqm", "release", rows[0]["id"], check=False)
    gateway.postfix.wait_empty()
    assert len(gateway.sink.to(rcpt)) == 1


def test_virus_in_a_zip_is_quarantined_and_the_admin_told(gateway, ident):
    rcpt = ident + "@in.example"
    raw = multipart(A, rcpt, "invoice " + ident, "See attachment.",
                    "invoice.zip", "application/zip",
                    zipped("invoice.com", EICAR))
    record = record_of(gateway, incoming(gateway, rcpt, raw))
    assert record["recipients"][0]["result"] == "quarantined", record
    assert record["virus"]["state"] == "found"
    assert "Eicar" in record["virus"]["name"]
    (row,) = gateway.quarantined(rcpt)
    kept = gateway.tool("pmgqm", "show", "--raw", row["id"], text=False)
    assert b"\r\nX-Proxmox-VInfo: " in b"\r\n" + kept.split(b"\r\n\r\n")[0]
    notice = gateway.sink.wait(
        lambda d: "postmaster@in.example" in d.addresses and
        (ident.encode() in d.data or b"Eicar" in d.data), 30, "notification")
    assert b"Eicar" in notice.data
    assert EICAR not in notice.data
    assert not gateway.sink.to(rcpt)


def test_outgoing_virus_is_blocked(gateway, ident):
    rcpt, sender = ident + "@outside.example", ident + "-s@in.example"
    raw = multipart(sender, rcpt, ident, "Hello", "a.zip", "application/zip",
                    zipped("a.com", EICAR))
    assert send(gateway.int_port, sender, [rcpt], raw).accepted
    # The shipped rule tells the sender and the administrator.
    gateway.sink.wait_for_rcpt(sender)
    gateway.postfix.wait_empty()
    assert not gateway.internet.to(rcpt)


def test_blocked_sender(gateway, ident):
    rcpt = ident + "@in.example"
    sender = "nomail@fromthisdomain.com"
    qid = incoming(gateway, rcpt, plain(sender, rcpt, ident, "Hello"),
                   sender=sender)
    record = record_of(gateway, qid)
    assert record["recipients"][0]["result"] == "blocked"
    assert record["recipients"][0]["rule"] == "Blacklist"
    assert wait_for(lambda: [
        x for x in gateway.postfix.log_lines() if qid in x and
        "250 2.7.0 BLOCKED (%s)" % record["logid"] in x], "the reply")
    gateway.postfix.wait_empty()
    assert not gateway.sink.to(rcpt) and not gateway.quarantined(rcpt)


def test_whitelisted_sender_passes_with_spam(gateway, ident):
    rcpt, sender = ident + "@in.example", "mail@fromthisdomain.com"
    incoming(gateway, rcpt, plain(sender, rcpt, ident, GTUBE), sender=sender)
    gateway.sink.wait_for_rcpt(rcpt)


def test_dangerous_attachment_is_removed(gateway, ident):
    rcpt = ident + "@in.example"
    script = b'WScript.Echo "%s"\r\n' % ident.encode()
    raw = multipart(A, rcpt, ident, "The text stays.", "pictures.vbs",
                    "text/plain", script)
    record = record_of(gateway, incoming(gateway, rcpt, raw))
    d = gateway.sink.wait_for_rcpt(rcpt)
    assert b"The text stays." in d.body
    assert b"V1NjcmlwdC5FY2hv" not in d.body        # base64 of the script
    assert b"REMOVED_ATTACHMENT" in d.body
    assert any("pictures.vbs" in n for n in record["notes"])


@pytest.mark.parametrize("name,value", [
    ("X-SPAM-LEVEL", "spoofed by sender"),
    ("x-spam-level", "spoofed by sender"),
    ("X-PMG-Unchecked", "spoofed by sender"),
    ("X-PMG-Id", "spoofed by sender"),
    ("X-PMG-Envelope-From", "spoofed by sender"),
])
def test_headers_of_ours_cannot_be_spoofed(gateway, ident, name, value):
    rcpt = ident + "@in.example"
    incoming(gateway, rcpt, plain(A, rcpt, ident, "Hello",
                                  extra=["%s: %s" % (name, value)]))
    d = gateway.sink.wait_for_rcpt(rcpt)
    assert value not in d.header.decode()
    assert d.field("Subject") == ident


def test_other_x_fields_stay(gateway, ident):
    rcpt = ident + "@in.example"
    incoming(gateway, rcpt, plain(A, rcpt, ident, "Hello",
                                  extra=["X-Mailer: old  one"]))
    d = gateway.sink.wait_for_rcpt(rcpt)
    assert b"\r\nX-Mailer: old  one\r\n" in d.data


def test_why_explains(gateway, ident):
    rcpt = ident + "@in.example"
    qid = incoming(gateway, rcpt, plain(A, rcpt, "win " + ident, GTUBE))
    logid = record_of(gateway, qid)["logid"]
    text = gateway.tool("pmg", "why", logid)
    for word in (logid, A, rcpt, "quarantine", "GTUBE"):
        assert word in text
    assert gateway.tool("pmg", "why", "0000", check=False).strip() == ""
