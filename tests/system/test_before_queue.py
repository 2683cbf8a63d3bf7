"""mail.before_queue_filtering: the client hears the verdict. The main flows,
with the real Postfix in front and behind."""

import re
import threading

import pytest

from tests.rig.gateway import OUTSIDE_ADDRESS, Gateway
from tests.rig.samples import EICAR, GTUBE, multipart, plain, zipped
from tests.rig.sender import Client, send
from tests.rig.service import wait_for

from .conftest import rig_root
from .test_smuggling import attack, ending_mail, payloads, smuggled

pytestmark = pytest.mark.sandbox

A = "a@outside.example"
BLOCKED_SENDER = "nomail@fromthisdomain.com"    # of the shipped rules


@pytest.fixture(scope="module")
def bq():
    with Gateway(rig_root("before-queue"),
                 conf={"mail": {"before_queue_filtering": 1,
                                "maxsize": 1000000}}) as g:
        yield g


def incoming(g, rcpts, raw, sender=A, **kw):
    rcpts = [rcpts] if isinstance(rcpts, str) else rcpts
    return send(g.ext_port, sender, rcpts, raw, source=OUTSIDE_ADDRESS,
                **kw).final[0]


def logid(reply):
    return re.search(r"\((\w+)\)", reply.text).group(1)


def record_of(g, id_):
    return wait_for(lambda: [r for r in g.records() if r["logid"] == id_],
                    "event record of %s" % id_)[-1]


def test_nothing_is_queued_before_the_verdict(bq, ident):
    rcpt = ident + "@in.example"
    r = incoming(bq, rcpt, plain(A, rcpt, ident, "Hello"),
                 helo="mx.outside.example")
    assert r.code == 250 and r.text.startswith("2.5.0 OK (")
    d = bq.sink.wait_for_rcpt(rcpt)
    record = record_of(bq, logid(r))
    assert record["recipients"][0]["result"] == "accepted"
    assert record["client"]["addr"] == OUTSIDE_ADDRESS
    assert record["client"]["helo"] == "mx.outside.example"
    assert "queue_id" not in record
    # One Received of each of the two smtpd, and the client in the lower one.
    assert "[%s]" % OUTSIDE_ADDRESS in d.fields("Received")[-1]
    assert any("proxy-accept" in x and logid(r) in x
               for x in bq.postfix.log_lines())


def test_blocked_is_refused(bq, ident):
    rcpt = ident + "@in.example"
    r = incoming(bq, rcpt, plain(BLOCKED_SENDER, rcpt, ident, "Hello"),
                 sender=BLOCKED_SENDER)
    assert r.code == 554 and r.text.startswith("5.7.1 BLOCKED (")
    record = record_of(bq, logid(r))
    assert record["recipients"][0]["result"] == "blocked"
    assert record["recipients"][0]["rule"] == "Blacklist"
    bq.postfix.wait_empty()
    assert not bq.sink.to(rcpt) and not bq.quarantined(rcpt)


def test_spam_is_quarantined_and_released(bq, ident):
    rcpt = ident + "@in.example"
    r = incoming(bq, rcpt, plain(A, rcpt, "win " + ident, GTUBE))
    assert r.code == 250
    rows = bq.quarantined(rcpt)
    assert [x["kind"] for x in rows] == ["spam"]
    bq.tool("pmgqm", "release", rows[0]["id"])
    assert GTUBE.encode() in bq.sink.wait_for_rcpt(rcpt).body
    bq.postfix.wait_empty()
    assert len(bq.sink.to(rcpt)) == 1


def test_virus_is_quarantined_and_the_admin_told_once(bq, ident):
    rcpt = ident + "@in.example"
    raw = multipart(A, rcpt, "invoice " + ident, "See attachment.",
                    "invoice.zip", "application/zip",
                    zipped("invoice.com", EICAR))
    assert incoming(bq, rcpt, raw).code == 250
    assert len(bq.quarantined(rcpt)) == 1

    def notices():
        return [d for d in list(bq.sink.deliveries)
                if "postmaster@in.example" in d.addresses and
                ident.encode() in d.data]
    wait_for(notices, "the notice")
    bq.postfix.wait_empty()
    assert len(notices()) == 1 and not bq.sink.to(rcpt)


def test_outgoing_virus_is_refused_and_told(bq, ident):
    rcpt, sender = ident + "@outside.example", ident + "-s@in.example"
    raw = multipart(sender, rcpt, ident, "Hello", "a.zip", "application/zip",
                    zipped("a.com", EICAR))
    r = send(bq.int_port, sender, [rcpt], raw).final[0]
    assert r.code == 554
    bq.sink.wait_for_rcpt(sender)           # the notice of the shipped rule
    bq.postfix.wait_empty()
    assert len(bq.sink.to(sender)) == 1
    assert not bq.internet.to(rcpt)


def test_dsn_parameters_end_to_end(bq, ident):
    rcpt = ident + "@outside.example"
    assert send(bq.int_port, "anna@in.example", [rcpt],
                plain("anna@in.example", rcpt, ident, "Hello"),
                mail="RET=HDRS ENVID=" + ident,
                rcpt="NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Other@outside"
                ".example").accepted
    d = bq.internet.wait_for_rcpt(rcpt)
    assert d.mail_params["RET"] == "HDRS"
    assert d.mail_params["ENVID"] == ident
    assert d.rcpts[0][1] == {"NOTIFY": "SUCCESS,FAILURE",
                             "ORCPT": "rfc822;Other@outside.example"}


def test_smtputf8_and_8bit_end_to_end(bq, ident):
    sender, rcpt = "пользователь@пример.example", "анна-%s@in.example" % ident
    r = incoming(bq, rcpt, plain(sender, rcpt, "Протокол " + ident,
                                 "Здравствуйте!"), sender=sender,
                 mail="SMTPUTF8 BODY=8BITMIME")
    assert r.code == 250
    d = bq.sink.wait_for_rcpt(rcpt)
    assert d.sender == sender and "SMTPUTF8" in d.mail_params
    assert d.mail_params["BODY"] == "8BITMIME"
    assert "Здравствуйте!".encode() in d.body


def test_too_large(bq, ident):
    """Postfix's own limit, before the filter is asked."""
    rcpt = ident + "@in.example"
    with Client(bq.ext_port, source=OUTSIDE_ADDRESS) as c:
        size = int(c.keywords["SIZE"])
        assert c.command("MAIL FROM:<%s> SIZE=%d" % (A, size + 1)).code == 552
        c.command("RSET")
        raw = plain(A, rcpt, ident, "x" * 70)
        big = raw + (b"0" * 70 + b"\r\n") * (size // 72 - 10)
        assert len(big) < size
        assert c.send(A, [rcpt], big).final[0].code == 250
    assert len(bq.sink.wait_for_rcpt(rcpt, 60).data) > len(big)


def test_dangerous_attachment_is_removed(bq, ident):
    rcpt = ident + "@in.example"
    raw = multipart(A, rcpt, ident, "The text stays.", "pictures.vbs",
                    "text/plain", b'WScript.Echo "%s"\r\n' % ident.encode())
    assert incoming(bq, rcpt, raw).code == 250
    d = bq.sink.wait_for_rcpt(rcpt)
    assert b"The text stays." in d.body and b"REMOVED_ATTACHMENT" in d.body


def test_scanner_away_is_try_again(bq, ident):
    rcpts = [ident + "-1@in.example", ident + "-2@in.example"]
    raw = plain(A, rcpts[0], ident, "Hello")
    bq.services["pmgd-scan"].stop()
    try:
        r = incoming(bq, rcpts, raw, timeout=120)
    finally:
        bq.services["pmgd-scan"].start()
    assert 400 <= r.code < 500
    assert not any(bq.sink.to(x) for x in rcpts)
    assert incoming(bq, rcpts, raw).code == 250
    for x in rcpts:
        bq.sink.wait_for_rcpt(x)
    bq.postfix.wait_empty()
    assert [len(bq.sink.to(x)) for x in rcpts] == [1, 1]


def test_filter_away_is_try_again(bq, ident):
    rcpt = ident + "@in.example"
    # Without the rig's held sockets nobody would answer; as with systemd, the
    # connection waits until pmgd is back.
    bq.services["pmgd"].stop()
    timer = threading.Timer(1.0, bq.services["pmgd"].start)
    timer.start()
    try:
        assert incoming(bq, rcpt, plain(A, rcpt, ident, "Hello")).code == 250
    finally:
        timer.join()
    bq.sink.wait_for_rcpt(rcpt)


def test_smuggling(bq, ident):
    for name, ending in payloads().items():
        c = Client(bq.ext_port, source=OUTSIDE_ADDRESS, timeout=20)
        try:
            attack(c, "%s-%s" % (ident, name), ending)
        except (OSError, ValueError):
            pass                # cut off: fine
        c.abort()
    with Client(bq.ext_port, source=OUTSIDE_ADDRESS) as c:
        assert c.send(A, ["end-%s@in.example" % ident],
                      ending_mail(ident)).accepted
    bq.sink.wait_for_rcpt("end-%s@in.example" % ident, 60)
    bq.postfix.wait_empty()
    assert len([r for r in bq.records() if any(
        ident in x["addr"] for x in r["recipients"])]) > len(payloads()) / 2
    assert not smuggled(bq)
    assert not bq.sink.violations


def test_switched_both_ways_under_load(bq, ident):
    """Sessions that are open, and mail that is queued, survive the switch."""
    lost, sent, quit_ = [], [], threading.Event()

    def one(n):
        rcpt = "%s-%d@in.example" % (ident, n)
        raw = plain(A, rcpt, ident + str(n), "Hello")
        for _ in range(20):
            try:
                code = incoming(bq, rcpt, raw).code
            except (OSError, ValueError, IndexError):
                code = 0
            if code == 250:
                sent.append(rcpt)
                return
            quit_.wait(0.2)
        lost.append(rcpt)

    def work(k):
        n = k
        while not quit_.is_set():
            one(n)
            n += 3

    threads = [threading.Thread(target=work, args=(k,)) for k in range(3)]
    def passed(on):
        """Only mail that waits in a queue has a queue id."""
        return sum(("queue_id" in r) != bool(on) for r in bq.records()
                   if any(ident in x["addr"] for x in r["recipients"]))

    for t in threads:
        t.start()
    try:
        for on in (0, 1, 0, 1):
            had = passed(on)
            bq.conf["mail"]["before_queue_filtering"] = on
            bq.write_conf()
            bq.sync()
            bq.postfix.reload()
            assert ("smtpd_proxy_filter" in open(bq.path(
                "etc/postfix/master.cf")).read()) == bool(on)
            # Servers that Postfix had already begun go the former way.
            wait_for(lambda: passed(on) >= had + 3, "mail this way", 60)
    finally:
        quit_.set()
        for t in threads:
            t.join()
    assert not lost
    bq.postfix.wait_empty()
    missing = [x for x in sent if not bq.sink.to(x)]
    assert not missing, missing
