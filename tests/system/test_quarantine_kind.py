"""Which quarantine a mail goes to: users may release from that for spam."""

from tests.rig.samples import GTUBE, plain
from tests.rig.sender import send

SENDER = "a@outside.example"


def nested(raw, times):
    for _ in range(times):
        raw = b"Subject: outer\r\nContent-Type: message/rfc822\r\n\r\n" + raw
    return raw


def kinds(bare, rcpt, raw):
    r = send(bare.filter_in, SENDER, [rcpt], raw, lmtp=True)
    assert [x.code for x in r.final] == [250]
    return [row["kind"] for row in bare.quarantined(rcpt)]


def test_spam_and_what_may_hide_a_virus(bare, ident):
    spam, deep = ident + "s@in.example", ident + "d@in.example"
    assert kinds(bare, spam, plain(SENDER, spam, ident, GTUBE)) == ["spam"]
    assert kinds(bare, deep, nested(
        plain(SENDER, deep, ident, "Hello."), 120)) == ["virus"]
    assert not bare.sink.to(deep)
