"""What the filter's sockets say, byte by byte."""

import pytest

from tests.rig.samples import plain
from tests.rig.sender import Client

pytestmark = pytest.mark.sandbox

KEYWORDS = {"PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "DSN",
            "ENHANCEDSTATUSCODES", "XFORWARD"}


def mail(ident):
    return plain("a@outside.example", "b@in.example", ident, "text")


@pytest.mark.parametrize("lmtp", [True, False], ids=["LHLO", "EHLO"])
def test_greeting_offers_all_that_we_carry(bare, lmtp):
    with Client(bare.filter_in, lmtp=lmtp) as c:
        assert c.banner.code == 220
        assert KEYWORDS <= set(c.keywords)
        offered = set(c.keywords["XFORWARD"].split())
        assert {"NAME", "ADDR", "PORT", "PROTO", "HELO", "IDENT",
                "SOURCE"} <= offered
        assert int(c.keywords["SIZE"]) > 0


def test_lmtp_gives_one_reply_for_each_recipient(bare, ident):
    rcpts = ["%s-%d@in.example" % (ident, n) for n in range(3)]
    bare.sink.script(rcpts[1], at="rcpt", reply="550 5.1.1 nobody here")
    with Client(bare.filter_in, lmtp=True) as c:
        r = c.send("a@outside.example", rcpts, mail(ident))
    assert [x.code for x in r.final] == [250, 550, 250]
    assert r.final[1].text == "5.1.1 nobody here"
    assert r.final[0].text.startswith("2.5.0 OK (")
    assert bare.sink.wait_for_rcpt(rcpts[0]).addresses == [rcpts[0], rcpts[2]]


@pytest.mark.parametrize("reply,code", [
    ("450 4.2.0 mailbox busy", 450), ("552 5.2.2 mailbox full", 552)])
def test_next_hop_refuses_at_end_of_data(bare, ident, reply, code):
    rcpt = ident + "@in.example"
    bare.sink.script(rcpt, reply=reply)
    with Client(bare.filter_in, lmtp=True) as c:
        r = c.send("a@outside.example", [rcpt], mail(ident))
    assert r.final[0].code in ((451, code) if code < 500 else (code,))
    assert not bare.sink.to(rcpt)


def test_esmtp_gives_one_reply_for_all(bare, ident):
    rcpts = ["%s-%d@in.example" % (ident, n) for n in range(2)]
    with Client(bare.filter_in) as c:
        r = c.send("a@outside.example", rcpts, mail(ident))
    assert len(r.final) == 1 and r.final[0].code == 250
    bare.sink.wait_for_rcpt(rcpts[1])


def test_pipelined_and_in_small_pieces(bare, ident):
    rcpt = ident + "@in.example"
    with Client(bare.filter_in, lmtp=True) as c:
        assert c.send("a@outside.example", [rcpt], mail(ident),
                      pipeline=True, chunk=7).accepted
    bare.sink.wait_for_rcpt(rcpt)


def test_two_mails_in_one_session(bare, ident):
    with Client(bare.filter_in, lmtp=True) as c:
        for n in range(2):
            rcpt = "%s-%d@in.example" % (ident, n)
            assert c.send("a@outside.example", [rcpt], mail(ident)).accepted
            bare.sink.wait_for_rcpt(rcpt)


def test_parameters_travel(bare, ident):
    rcpts = [ident + "-1@in.example", ident + "-2@in.example"]
    with Client(bare.filter_in, lmtp=True) as c:
        assert c.command("XFORWARD NAME=mx.outside.example ADDR=192.0.2.99 "
                         "PORT=40123").code == 250
        assert c.command("XFORWARD PROTO=ESMTP HELO=outside.example "
                         "IDENT=4ABCDEF SOURCE=REMOTE").code == 250
        assert c.send(
            "a@outside.example", rcpts, mail(ident),
            mail="SIZE=200 BODY=8BITMIME RET=HDRS ENVID=QQ+2B314",
            rcpt=["NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;B+2Bx@in.example",
                  "NOTIFY=NEVER"]).accepted
    d = bare.sink.wait_for_rcpt(rcpts[0])
    assert d.mail_params["BODY"] == "8BITMIME"
    assert d.mail_params["RET"] == "HDRS"
    assert d.mail_params["ENVID"] == "QQ+2B314"
    assert "SMTPUTF8" not in d.mail_params
    assert d.rcpts[0][1] == {"NOTIFY": "SUCCESS,FAILURE",
                             "ORCPT": "rfc822;B+2Bx@in.example"}
    assert d.rcpts[1][1] == {"NOTIFY": "NEVER"}
    for name, value in (("NAME", "mx.outside.example"),
                        ("ADDR", "192.0.2.99"), ("PROTO", "ESMTP"),
                        ("HELO", "outside.example")):
        assert d.xforward[name] == value


def test_smtputf8_travels(bare, ident):
    rcpt = "анна-%s@in.example" % ident
    with Client(bare.filter_in, lmtp=True) as c:
        assert c.send("пользователь@пример.example", [rcpt], mail(ident),
                      mail="SMTPUTF8 BODY=8BITMIME").accepted
    d = bare.sink.wait_for_rcpt(rcpt)
    assert d.sender == "пользователь@пример.example"
    assert "SMTPUTF8" in d.mail_params


@pytest.mark.parametrize("command,codes", [
    ("MAIL FROM:<a@b> SIZE=99999999999", (552,)),
    ("MAIL FROM:<a@b> WHAT=EVER", (501, 555)),
    ("RCPT TO:<b@in.example>", (503,)),
    ("DATA", (503,)),
    ("FOO", (500, 502)),
    ("NOOP", (250,)), ("RSET", (250,)), ("VRFY x", (252, 502)),
])
def test_commands_out_of_order_or_wrong(bare, command, codes):
    with Client(bare.filter_in, lmtp=True) as c:
        assert c.command(command).code in codes
        assert c.command("NOOP").code == 250


def test_mail_before_greeting_is_refused(bare):
    with Client(bare.filter_in, greet=False) as c:
        assert c.command("MAIL FROM:<a@b>").code == 503


def test_overlong_command_costs_at_most_its_session(bare):
    with Client(bare.filter_in, lmtp=True) as c:
        try:
            assert 500 <= c.command("NOOP " + "x" * 100000).code < 600
        except (BrokenPipeError, ConnectionResetError):
            pass                # cut off while it was still sending
    with Client(bare.filter_in, lmtp=True) as c:
        assert c.command("NOOP").code == 250


def test_connection_lost_in_data_delivers_nothing(bare, ident):
    rcpt = ident + "@in.example"
    c = Client(bare.filter_in, lmtp=True)
    c.command("MAIL FROM:<a@outside.example>")
    c.command("RCPT TO:<%s>" % rcpt)
    assert c.command("DATA").code == 354
    c.raw(mail(ident))
    c.abort()
    with Client(bare.filter_in, lmtp=True) as c:
        assert c.send("a@outside.example", ["after-" + rcpt],
                      mail(ident)).accepted
    bare.sink.wait_for_rcpt("after-" + rcpt)
    assert not bare.sink.to(rcpt)
