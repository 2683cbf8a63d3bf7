"""Bytes that no rule touches leave exactly as they came."""

import pytest

from tests.rig.gateway import OUTSIDE_ADDRESS
from tests.rig.samples import now
from tests.rig.sender import Client, send

pytestmark = pytest.mark.sandbox

BODIES = {
    "empty": b"",
    "one-line": b"hello\r\n",
    "no-last-line-end": b"hello",
    "blank-lines-at-end": b"hello\r\n\r\n\r\n",
    "dots": b".\r\n..\r\n.x\r\n...\r\n",
    "line-of-1500": b"x" * 1500 + b"\r\ny\r\n",
    "line-of-100000": b"0123456789" * 10000 + b"\r\n",
    "latin1": bytes(range(0x80, 0x100)) + b"\r\n",
    "controls": b"\x01\x02\x07\x0b\x0c\x1b\x7f\r\n",
    "trailing-blanks": b"a  \r\n\t\r\n b\t\r\n",
    "broken-mime": b"--x\r\nContent-Type: text/plain\r\n\r\ntext\r\n--x",
    "1-MB": (b"abcdefghij" * 7 + b"\r\n") * 14000,
}
HEADER = (b"Received: from a by b; " + now().encode() + b"\r\n"
          b"From:  =?utf-8?q?J=C3=B6rg?=   <a@outside.example>\r\n"
          b"To: b@in.example\r\n"
          b"Subject: folded\r\n\tand  oddly\r\n  spaced \r\n"
          b"X-Eight: \xfc\xf6\xe4\r\n"
          b"X-Long: " + b"word " * 180 + b"\r\n"
          b"Message-ID: <%s@outside.example>\r\n"
          b"Date: " + now().encode() + b"\r\n")


def same(delivery, header, body):
    want = body if body.endswith(b"\r\n") or not body else body + b"\r\n"
    assert delivery.body == want
    assert header in delivery.header


@pytest.mark.parametrize("name", BODIES)
def test_through_the_filter(bare, ident, name):
    rcpt, body = ident + "@in.example", BODIES[name]
    header = HEADER % ident.encode()
    with Client(bare.filter_in, lmtp=True) as c:
        r = c.send("a@outside.example", [rcpt], header + b"\r\n" + body,
                   mail="BODY=8BITMIME")
    assert r.accepted, r
    same(bare.sink.wait_for_rcpt(rcpt), header, body)


@pytest.mark.parametrize("name", BODIES)
def test_through_the_gateway(gateway, ident, name):
    rcpt, body = ident + "@in.example", BODIES[name]
    header = HEADER % ident.encode()
    assert send(gateway.ext_port, "a@outside.example", [rcpt],
                header + b"\r\n" + body, mail="BODY=8BITMIME",
                source=OUTSIDE_ADDRESS).accepted
    same(gateway.sink.wait_for_rcpt(rcpt, 60), header, body)
    assert not gateway.sink.violations


@pytest.mark.parametrize("pair", [(b"\r", b"CR"), (b"\n", b"LF")])
def test_bare_cr_or_lf_does_not_pass_the_filter(bare, ident, pair):
    rcpt = ident + "@in.example"
    raw = HEADER % ident.encode() + b"\r\nbare" + pair[0] + b"inside\r\n"
    with Client(bare.filter_in, lmtp=True) as c:
        r = c.send("a@outside.example", [rcpt], raw)
    if r.accepted:
        bare.sink.wait_for_rcpt(rcpt)
    else:
        assert 500 <= r.code < 600
    assert not bare.sink.violations
