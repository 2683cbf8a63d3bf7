"""No end of data but CRLF.CRLF: nothing smuggles a second mail."""

import base64
import os
import re

import pytest

from tests.rig.gateway import OUTSIDE_ADDRESS, Gateway
from tests.rig.samples import plain
from tests.rig.sender import Client
from tests.rig.service import wait_for

from .conftest import rig_root

pytestmark = pytest.mark.sandbox

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
LAB = os.path.join(os.path.dirname(TOP), "shared", "corpus",
                   "smtp-smuggling-lab", "payloads", "payloads.yaml")
# What the literature knows beyond that list, and what a careless reader of
# lines would take for an end.
OWN = {
    "lf-lf": b"\n.\n\n", "lf-cr": b"\n.\r", "cr-lf": b"\r.\n",
    "crlf-dot-blank": b"\r\n. \r\n", "crlf-blank-dot": b"\r\n .\r\n",
    "crlf-dot-tab": b"\r\n.\t\r\n", "crcrlf": b"\r\r\n.\r\r\n",
    "lfcr": b"\n\r.\n\r", "vt": b"\x0b.\x0b", "ff": b"\x0c.\x0c",
    "nel": b"\x85.\x85", "crlf-two-dots": b"\r\n..\r\n",
    "crlf-dot-ff": b"\r\n.\x0c\r\n", "crlf-dot-eof": b"\r\n.\x1a\r\n",
    "crlf-dot-cr-x-lf": b"\r\n.\rx\n", "ls": b"\xe2\x80\xa8.\xe2\x80\xa8",
}


def payloads():
    found = dict(OWN)
    if os.path.exists(LAB):
        with open(LAB) as f:
            text = f.read()
        for name, data in re.findall(
                r'- id: (\w+)\n\s+bytes_b64: "([^"]+)"', text):
            found[name] = base64.b64decode(data)
    # Some endings are a true end of data with something before it (A7:
    # NUL CRLF.CRLF): no server can see them otherwise.
    return {n: d for n, d in found.items() if b"\r\n.\r\n" not in d}


def test_the_lab_is_there():
    if not os.path.exists(LAB):
        pytest.skip("no corpus: smtp-smuggling-lab")
    assert len(payloads()) > len(OWN)


def attack(client, ident, ending, chunk=None):
    """Sends one mail whose data hides a second transaction."""
    inner = ("MAIL FROM:<attacker@evil.test>\r\nRCPT TO:<smuggled-%s@in."
             "example>\r\nDATA\r\nSubject: smuggled\r\n\r\nevil" % ident)
    raw = ("From: a@outside.example\r\nTo: b@in.example\r\n"
           "Message-ID: <%s@x.example>\r\nSubject: outer\r\n\r\nouter"
           % ident).encode() + ending + inner.encode() + b"\r\n"
    return client.send("a@outside.example", ["outer-%s@in.example" % ident],
                       raw, stuff=False, chunk=chunk)


def ending_mail(ident):
    return plain("a@outside.example", "end-%s@in.example" % ident, ident,
                 "The last one.")


def smuggled(gateway):
    """Recipients of mails that got in as passengers of another one."""
    return [r["addr"] for record in gateway.records()
            for r in record["recipients"] if r["addr"].startswith("smuggled")]


@pytest.fixture(scope="module")
def plain_filter():
    """Without spamd: no verdict of it may hide what got through."""
    with Gateway(rig_root("smuggling"), with_postfix=False, with_spamd=False,
                 activate=False) as g:
        yield g


@pytest.mark.parametrize("chunk", [None, 1], ids=["whole", "bytewise"])
@pytest.mark.parametrize("name", payloads())
def test_filter(plain_filter, ident, name, chunk):
    g = plain_filter
    with Client(g.filter_in, lmtp=True) as c:
        r = attack(c, ident, payloads()[name], chunk)
        assert r.final[0].code in (250, 500, 501, 550, 554), r
        # The session is in step: the next command gets its own reply.
        assert c.command("NOOP").code == 250
        assert c.send("a@outside.example", ["end-%s@in.example" % ident],
                      ending_mail(ident)).accepted
    g.sink.wait_for_rcpt("end-%s@in.example" % ident)
    assert not smuggled(g)
    assert not g.sink.to("smuggled-%s@in.example" % ident)
    assert not g.sink.violations


def test_control_a_true_end_of_data_is_one(plain_filter, ident):
    """The same attack with CRLF.CRLF must get through: it is a second mail,
    and the test sees it."""
    c = Client(plain_filter.filter_in, lmtp=True)
    attack(c, ident, b"\r\n.\r\n")
    # MAIL, RCPT, DATA and the end of the second mail.
    assert [c.reply().code for _ in range(4)] == [250, 250, 354, 250]
    c.abort()
    plain_filter.sink.wait_for_rcpt("smuggled-%s@in.example" % ident)
    wait_for(lambda: smuggled(plain_filter) == ["smuggled-%s@in.example"
                                                % ident], "its record")
    plain_filter.records().clear()


def test_gateway(gateway, ident):
    """Both hops: the first may normalise, but lets nothing through."""
    for name, ending in payloads().items():
        c = Client(gateway.ext_port, source=OUTSIDE_ADDRESS, timeout=20)
        try:
            attack(c, "%s-%s" % (ident, name), ending)
        except (OSError, ValueError):
            pass                # cut off: fine
        c.abort()
    with Client(gateway.ext_port, source=OUTSIDE_ADDRESS) as c:
        assert c.send("a@outside.example", ["end-%s@in.example" % ident],
                      ending_mail(ident)).accepted
    gateway.sink.wait_for_rcpt("end-%s@in.example" % ident, 60)
    gateway.postfix.wait_empty()
    assert len([r for r in gateway.records() if any(
        ident in x["addr"] for x in r["recipients"])]) > len(payloads()) / 2
    assert not smuggled(gateway)
    assert not gateway.sink.violations
