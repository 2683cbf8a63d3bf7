"""Decoded contents reach the virus scanner also where no rule asks for more
than viruses: as the rules of an outgoing direction often are."""

import base64
import binascii

import pytest

from tests.rig.gateway import Gateway
from tests.rig.samples import EICAR
from tests.rig.sender import send
from tests.system import inside_rules as rules
from tests.system.conftest import rig_root

SENDER = "somebody@outside.example"


@pytest.fixture(scope="module")
def viruses_only():
    g = Gateway(rig_root("needs"), with_postfix=False, with_spamd=False,
                activate=False)
    with g:
        rules.activate(g, False, "Block Viruses".__ne__)
        yield g


def uuencoded(content, name=b"a.com"):
    return b"begin 644 " + name + b"\n" + b"".join(
        binascii.b2a_uu(content[at:at + 45])
        for at in range(0, len(content), 45)) + b"`\nend\n"


def mail(body, *fields):
    return b"\r\n".join((b"From: <" + SENDER.encode() + b">", b"Subject: x",
                         b"MIME-Version: 1.0") + fields + (b"", body))


HIDDEN = {
    "uuencode-in-base64": mail(
        base64.encodebytes(b"Hello.\n" + uuencoded(EICAR)),
        b"Content-Type: text/plain",
        b"Content-Transfer-Encoding: base64"),
    "two-encodings": mail(
        base64.encodebytes(EICAR),
        b"Content-Type: application/octet-stream; name=a.com",
        b"Content-Transfer-Encoding: base64",
        b"Content-Transfer-Encoding: 8bit"),
    "padding-in-the-middle": mail(
        b"".join(base64.b64encode(EICAR[at:at + 10]) + b"\r\n"
                 for at in range(0, len(EICAR), 10)),
        b"Content-Type: application/octet-stream; name=a.com",
        b"Content-Transfer-Encoding: base64"),
}


@pytest.mark.parametrize("name", sorted(HIDDEN))
def test_hidden_virus(viruses_only, ident, name):
    rcpt = ident + "@in.example"
    r = send(viruses_only.filter_in, SENDER, [rcpt], HIDDEN[name], lmtp=True)
    assert [x.code for x in r.final] == [250]
    assert [row["kind"] for row in viruses_only.quarantined(rcpt)] == ["virus"]
