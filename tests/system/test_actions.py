"""Every action of a rule, through the whole gateway, read by another parser."""

import email
import email.policy
import os
import random
import re

import pytest

from tests.rig.gateway import OUTSIDE_ADDRESS
from tests.rig.samples import EICAR, header, multipart, plain, zipped
from tests.rig.sender import send
from tests.rig.service import wait_for
from tests.system import action_rules as act

pytestmark = pytest.mark.sandbox

A = "a@outside.example"


@pytest.fixture(scope="module")
def gw(gateway):
    act.install(gateway)
    return gateway


@pytest.fixture
def box(ident):
    """box("key", ...): an address that the rules of these keys treat."""
    return lambda *keys: act.address(keys, "act-" + ident)


def incoming(gw, rcpts, raw, sender=A, **kw):
    rcpts = [rcpts] if isinstance(rcpts, str) else rcpts
    r = send(gw.ext_port, sender, rcpts, raw, source=OUTSIDE_ADDRESS, **kw)
    assert r.accepted, r
    return re.search(r"queued as (\w+)", r.final[0].text).group(1)


def record_of(gw, queue_id):
    return wait_for(lambda: [r for r in gw.records()
                             if r.get("queue_id") == queue_id],
                    "event record of %s" % queue_id)[-1]


def parsed(delivery):
    return email.message_from_bytes(
        delivery.data, policy=email.policy.default.clone(raise_on_defect=True))


def through(gw, rcpt, raw, **kw):
    incoming(gw, rcpt, raw, **kw)
    return gw.sink.wait_for_rcpt(rcpt)


def mail(rcpt, ident, content, sender=A, extra=()):
    """content: header lines of the body, an empty one, the body."""
    lines = header(sender, rcpt, ident, extra)
    return ("\r\n".join(lines) + "\r\n").encode() + content


def notices(gw, to, ident):
    return [d for d in gw.sink.deliveries + gw.internet.deliveries
            if to in d.addresses and ident.encode() in d.data]


# ---- modify field ----

def test_field_is_replaced_whole(gw, box, ident):
    rcpt = box("comments")
    raw = plain(A, rcpt, ident, "Hello", extra=[
        "Comments: one", "X-Between: stays  so", "comments: two\r\n folded"])
    d = through(gw, rcpt, raw)
    assert d.fields("Comments") == ["the only one"]
    assert b"\r\nX-Between: stays  so\r\n" in d.data
    assert b"folded" not in d.data


def test_macros_in_fields(gw, box, ident):
    one, two, other = box("field"), box("field", "m1"), box("m2")
    d = None
    incoming(gw, [one, two, other], plain(A, one, ident, "Hello"))
    d = gw.sink.wait_for_rcpt(one)
    got = re.sub(r"\s+", " ", parsed(d)["X-Act"]).split("|")
    assert got[0] == A and got[1] == OUTSIDE_ADDRESS
    assert got[2] == "%s, %s" % (one, two)
    assert got[3] == "%s, %s, %s" % (one, two, other)
    assert got[4] == "act field" and got[5].startswith("<")
    assert got[6] == "__UNKNOWN__" and re.fullmatch(r"\d+", got[7])
    assert got[8] == "" and re.match(r"\d", got[9]) and got[10]


def test_rule_info_and_spam_info(gw, box, ident):
    rcpt = box("info", "m1")
    d = through(gw, rcpt, plain(A, rcpt, ident, "Hello"))
    info = d.field("X-Act-Info")
    assert re.search(r"Rule: act info +Receiver: %s +Action: " %
                     re.escape(rcpt), info), info
    assert "Rule: act m1" in info
    assert d.field("X-Act-Spam").startswith("Spam detection results:")
    assert all(len(line) <= 78 for line in d.header.split(b"\r\n")
               if b"Action" in line)


@pytest.mark.parametrize("subject,want", [
    ("=?utf-8?q?a=0D=0AX-Injected:_yes=0D=0A=0D=0Abody?=", None),
    ("=?utf-8?b?%s?=" % "w5zDnMOc", "[x] ÜÜÜ"),
    ("x" * 3000, "[x] " + "x" * 3000),
    ("ab " * 1000, "[x] " + ("ab " * 1000).strip()),
], ids=["injection", "utf8", "one word", "words"])
def test_subject_cannot_break_the_header(gw, box, ident, subject, want):
    rcpt = box("subject")
    raw = plain(A, rcpt, ident, "Hello").replace(
        b"Subject: " + ident.encode(), b"Subject: " + b"\r\n ".join(
            subject[i:i + 900].encode() for i in range(0, len(subject), 900))
        if " " in subject else b"Subject: " + subject[:900].encode())
    d = through(gw, rcpt, raw)
    m = parsed(d)
    assert "X-Injected" not in m and len(d.fields("Subject")) == 1
    assert all(len(line) <= 998 for line in d.data.split(b"\r\n"))
    if want is not None and len(want) < 900:
        assert m["Subject"] == want
    assert m.get_content().strip() == "Hello"


# ---- copies ----

def test_each_recipient_gets_the_steps_of_his_rules(gw, ident):
    """And recipients share a copy if, and only if, these are the same."""
    rng = random.Random(4711)
    for turn in range(6):
        want = {}
        while len(want) < 10:
            keys = [m for m in act.MARKS[:4] if rng.random() < 0.5]
            want[act.address(keys, "act-%s-%d-%d" % (
                ident, turn, len(want)))] = keys
        raw = plain(A, "undisclosed@in.example", ident, "Hello")
        incoming(gw, list(want), raw)
        copies = {}
        for rcpt, keys in want.items():
            d = gw.sink.wait_for_rcpt(rcpt)
            for n, m in enumerate(act.MARKS):
                assert d.fields("X-Mark-%d" % n) == (
                    ["act " + m] if m in keys else []), rcpt
            assert d.fields("X-Last") == keys[-1:]
            assert len(gw.sink.to(rcpt)) == 1
            copies.setdefault(tuple(keys), set()).add(id(d))
        assert all(len(one) == 1 for one in copies.values())
        assert len(set.union(*copies.values())) == len(copies)


# ---- notification ----

def test_notification(gw, box, ident):
    sender, rcpt = ident + "@outside.example", box("notify")
    incoming(gw, rcpt, plain(sender, rcpt, ident, "Hello"), sender=sender)
    gw.sink.wait_for_rcpt(rcpt)
    for to in (sender, act.SECOND_ADMIN, "postmaster@in.example"):
        wait_for(lambda: notices(gw, to, ident), "notification to " + to)
        d, = notices(gw, to, ident)
        m = parsed(d)
        assert d.sender == "" and m["Auto-Submitted"] == "auto-generated"
        assert m["Subject"] == "Über " + ident
        assert m["From"] and m["Date"] and m["Message-ID"]
        assert [a.strip() for a in m["To"].split(",")] == [
            sender, act.SECOND_ADMIN, "postmaster@in.example"]
        text = m.get_content().replace("\r\n", "\n")
        assert text.startswith("Größe: " + ident)
        assert "Rule: act notify\n  Receiver: %s\n" % rcpt in text
        assert d.data.isascii()


@pytest.mark.parametrize("sender,extra", [
    ("", []), ("robot@outside.example", ["Auto-Submitted: auto-replied"]),
    ("robot@outside.example", ["Auto-Submitted: auto-notified; a=b"])],
    ids=["bounce", "auto-replied", "auto-notified"])
def test_no_notification_loop(gw, box, ident, sender, extra):
    rcpt = box("notify")
    record = record_of(gw, incoming(gw, rcpt, plain(
        A, rcpt, ident, "Hello", extra=extra), sender=sender))
    wait_for(lambda: notices(gw, act.SECOND_ADMIN, ident), "notification")
    gw.postfix.wait_empty()
    d, = notices(gw, act.SECOND_ADMIN, ident)
    assert sorted(d.addresses) == sorted(
        [act.SECOND_ADMIN, "postmaster@in.example"])
    assert not gw.internet.to(sender or "nobody")
    assert not sender or any("automatic" in n for n in record["notes"])


def test_auto_submitted_no_is_answered(gw, box, ident):
    sender, rcpt = ident + "@outside.example", box("notify")
    incoming(gw, rcpt, plain(sender, rcpt, ident, "x", extra=[
        "Auto-Submitted: no (really)"]), sender=sender)
    wait_for(lambda: notices(gw, sender, ident), "notification")


def test_notification_with_the_original(gw, box, ident):
    rcpt = box("attach", "subject")
    raw = plain(A, rcpt, ident, "Größe\n" + "x" * 990, extra=[
        "X-Act: stays as it came"])
    incoming(gw, rcpt, raw)
    wait_for(lambda: notices(gw, act.SECOND_ADMIN, ident), "notification")
    d, = notices(gw, act.SECOND_ADMIN, ident)
    m = parsed(d)
    text, original = m.iter_parts()
    assert text.get_content().strip() == "see it"
    assert original.get_content_type() == "message/rfc822"
    assert raw.rstrip(b"\r\n") in d.data


def test_notification_to_every_target(gw, box, ident):
    rcpts = [box("notifyall", "m%d" % n) for n in range(3)]
    incoming(gw, rcpts, plain(A, "x@in.example", ident, "Hello"))
    for rcpt in rcpts:
        wait_for(lambda: [d for d in gw.sink.to(rcpt)
                          if d.field("Subject") == "told"], "notification")
    d, = [d for d in gw.sink.to(rcpts[0]) if d.field("Subject") == "told"]
    assert sorted(d.addresses) == sorted(rcpts)


def test_notification_in_utf8(gw, ident):
    """An address that needs SMTPUTF8 gets it, in To as well."""
    rcpt = act.address(["notify"], "act-анна-" + ident)
    sender = "пользователь-%s@пример.example" % ident
    incoming(gw, rcpt, plain(sender, rcpt, ident, "x"), sender=sender,
             mail="SMTPUTF8 BODY=8BITMIME")
    wait_for(lambda: notices(gw, sender, ident), "notification")
    d, = notices(gw, sender, ident)
    assert "SMTPUTF8" in d.mail_params
    assert sender in d.header.decode()


# ---- BCC ----

def test_bcc_original_is_what_was_received(gw, box, ident):
    sender = ident + "@outside.example"
    rcpt = box("bcc", "subject", "footer")
    raw = plain(sender, rcpt, ident, "Hello", extra=[
        "X-Act: stays as it came"])
    incoming(gw, rcpt, raw, sender=sender)
    wait_for(lambda: notices(gw, act.ARCHIVE, ident), "blind copy")
    d, = notices(gw, act.ARCHIVE, ident)
    assert d.sender == sender and d.data.endswith(raw)
    back, = notices(gw, sender, ident)
    assert back.data.endswith(raw)
    assert gw.sink.wait_for_rcpt(rcpt).field("Subject") == "[x] " + ident


def test_bcc_of_the_changed_copy(gw, box, ident):
    for keys in (("bccnew", "subject"), ("bccnew", "subject", "block")):
        rcpt = box(*keys)
        word = "%s-%d" % (ident, len(keys))
        incoming(gw, rcpt, plain(A, rcpt, word, "Hello"))
        wait_for(lambda: notices(gw, act.ARCHIVE, word), "blind copy")
        d, = notices(gw, act.ARCHIVE, word)
        assert d.field("Subject") == "[x] " + word
    gw.postfix.wait_empty()
    assert not gw.sink.to(rcpt)


# ---- remove attachments ----

def leaves(m):
    return [(p.get_content_type(), p.get_filename(),
             p.get_payload(decode=True)) for p in m.walk()
            if not p.is_multipart()]


def test_remove_matching_leaves_the_rest(gw, box, ident):
    rcpt = box("removezip")
    png = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
    raw = multipart(A, rcpt, ident, "Grüße", "p.png", "image/png", png)
    raw = raw.replace(b"--=_rig--", b"--=_rig\r\nContent-Type: application/"
                      b'octet-stream; name="=?utf-8?b?w6Q=?=.zip"\r\n\r\nPK\r\n'
                      b"--=_rig--")
    d = through(gw, rcpt, raw)
    got = leaves(parsed(d))
    assert got[1] == ("image/png", "p.png", png)
    assert got[2] == ("text/plain", "REMOVED_ATTACHMENT_1.txt",
                      "gone: ä.zip".encode())
    # Byte for byte up to the part that went.
    at = raw.index(b"--=_rig\r\nContent-Type: application/")
    assert raw[raw.index(b"MIME-Version"):at] in d.data


def test_remove_all_in_a_nested_mail(gw, box, ident):
    inner = mail(A, "inner", b'Content-Type: application/zip; name="i.zip"'
                 b"\r\n\r\nPK\r\n")
    content = (
        b'Content-Type: multipart/mixed; boundary="o"\r\n\r\n'
        b'--o\r\nContent-Type: multipart/alternative; boundary="i"\r\n\r\n'
        b"--i\r\n\r\ntext\r\n"
        b'--i\r\nContent-Type: multipart/related; boundary="r"\r\n\r\n'
        b"--r\r\nContent-Type: text/html\r\n\r\n<p>html</p>\r\n"
        b"--r\r\nContent-Type: image/png\r\n\r\nPNG\r\n--r--\r\n"
        b"--i\r\nContent-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:x\r\n"
        b"--i--\r\n"
        b"--o\r\nContent-Type: message/rfc822\r\n\r\n" + inner +
        b"--o\r\nContent-Type: text/x-python\r\n\r\nimport os\r\n"
        b"--o\r\nContent-Disposition: attachment\r\n\r\nnotes\r\n--o--\r\n")
    rcpt = box("removeall")
    d = through(gw, rcpt, mail(rcpt, ident, content))
    got = leaves(parsed(d))
    assert [t for t, _, _ in got] == [
        "text/plain", "text/html", "text/plain", "text/calendar",
        "text/plain", "text/plain", "text/plain"]
    assert [n for _, n, _ in got if n] == [
        "REMOVED_ATTACHMENT_%d.txt" % n for n in range(1, 5)]
    for gone in (b"PNG", b"PK", b"import os", b"notes"):
        assert gone not in d.body
    assert b"Rule: act removeall" in got[2][2]


@pytest.mark.parametrize("key", ["removeall", "removezip"])
def test_remove_from_a_mail_of_one_part(gw, box, ident, key):
    rcpt = box(key)
    raw = mail(rcpt, ident, b'Content-Type: application/zip; name="a.zip"\r\n'
               b"Content-Transfer-Encoding: base64\r\n\r\n" +
               b"UEsDBA==\r\n", extra=["X-Stays: yes"])
    d = through(gw, rcpt, raw)
    m = parsed(d)
    assert m.get_content_type() == "text/plain" and "a.zip" in m.get_content()
    assert m["X-Stays"] == "yes" and b"UEsDBA" not in d.data


def test_remove_the_body_text(gw, box, ident):
    rcpt = box("removetext")
    d = through(gw, rcpt, plain(A, rcpt, ident, "This text goes."))
    assert parsed(d).get_content().strip() == "no text"


def test_remove_all_takes_a_file_within_the_text(gw, box, ident):
    rcpt = box("removeall")
    d = through(gw, rcpt, plain(
        A, rcpt, ident, "See:\nbegin 644 run.dat\n#0V%T\n`\nend"))
    assert "run.dat" in parsed(d).get_content()
    assert b"#0V%T" not in d.data


def test_name_of_a_file_within_the_text(gw, box, ident):
    """The shipped rule "Block Dangerous Files" takes it."""
    rcpt = box("m1")
    d = through(gw, rcpt, plain(
        A, rcpt, ident, "See:\nbegin 644 run.vbs\n#0V%T\n`\nend"))
    assert "run.vbs" in parsed(d).get_content()


def test_plain_mail_loses_nothing(gw, box, ident):
    rcpt = box("removeall", "keep")
    raw = plain(A, rcpt, ident, "Hello, begin the day.")
    d = through(gw, rcpt, raw)
    assert d.data.endswith(raw)
    assert not gw.quarantined(rcpt)


def test_replacement_as_html(gw, box, ident):
    rcpt = box("removehtml")
    raw = multipart(A, rcpt, ident, "text", "<b>x&y</b>.zip",
                    "application/zip", b"PK")
    got = leaves(parsed(through(gw, rcpt, raw)))
    assert got[1] == ("text/html", "REMOVED_ATTACHMENT_1.html",
                      b"<p>Gone: <b>&lt;b&gt;x&amp;y&lt;/b&gt;.zip</b></p>")


def test_remove_for_a_virus_takes_every_attachment(gw, box, ident):
    """A virus names no part: nothing that may hold it stays."""
    rcpt = box("removevirus")
    raw = multipart(A, rcpt, ident, "text", "a.zip", "application/zip",
                    zipped("a.com", EICAR))
    got = leaves(parsed(through(gw, rcpt, raw)))
    assert got[0][2].strip() == b"text"
    assert got[1][1] == "REMOVED_ATTACHMENT_1.txt"
    assert b"Eicar" in got[1][2] and b"a.zip" in got[1][2]
    assert len(got) == 2


def test_a_named_file_does_not_save_a_virus_beside_it(gw, box, ident):
    """The rule looks for a virus or *.exe, and the mail has one of each."""
    rcpt = box("virusorexe")
    raw = multipart(A, rcpt, ident, "text", "a.zip", "application/zip",
                    zipped("a.com", EICAR))
    end = raw.rindex(b"\r\n--", 0, raw.rindex(b"--\r\n"))
    raw = raw[:end] + raw[end:end + raw[end:].index(b"--\r\n")] + (
        b"\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; "
        b"filename=b.exe\r\n\r\nharmless\r\n") + raw[end + 2:]
    got = leaves(parsed(through(gw, rcpt, raw)))
    assert [x[2].strip() for x in got] == [
        b"text", b"gone: a.zip", b"gone: b.exe"]


def test_a_virus_that_no_removal_reaches_is_quarantined(gw, box, ident):
    """In a mail that is nothing but text there is no attachment to remove."""
    rcpt, other = box("removevirus"), box("removevirus", "m0")
    id_ = incoming(gw, [rcpt, other], plain(A, rcpt, ident, EICAR.decode()))
    record = record_of(gw, id_)
    assert [(r["result"], r["rule"]) for r in record["recipients"]] == \
        [("quarantined", "act removevirus")] * 2
    assert "no attachment to remove, quarantined with its virus " \
        "(rule: act removevirus)" in record["notes"]
    assert [q["kind"] for q in gw.quarantined(rcpt)] == ["virus"]
    gw.postfix.wait_empty()
    assert not gw.sink.to(rcpt) and not gw.sink.to(other)


# ---- attachment quarantine ----

def test_original_is_kept(gw, box, ident):
    rcpt = box("keep")
    raw = multipart(A, rcpt, ident, "text", "a.zip", "application/zip", b"PK")
    record = record_of(gw, incoming(gw, rcpt, raw))
    d = gw.sink.wait_for_rcpt(rcpt)
    assert b"attachment quarantine" in d.body
    row, = gw.quarantined(rcpt)
    assert row["kind"] == "attachment"
    assert any(row["id"] in n for n in record["notes"])
    gw.tool("pmgqm", "release", row["id"])
    wait_for(lambda: len(gw.sink.to(rcpt)) == 2, "the released original")
    got = gw.sink.to(rcpt)[1]
    sent_id = re.search(rb"(?i)message-id: <(.*)>", raw).group(1)
    assert got.field("Message-ID") == "<pmg-aquar-%s>" % sent_id.decode()
    assert got.data.endswith(raw.replace(
        b"<" + sent_id, b"<pmg-aquar-" + sent_id))


def test_nothing_is_removed_that_could_not_be_kept(gw, box, ident):
    rcpt = box("keep")
    raw = multipart(A, rcpt, ident, "text", "a.zip", "application/zip", b"PK")
    folder = gw.path("var/spool/pmg/quarantine/attachment")
    there = os.path.isdir(folder)
    if there:
        os.rename(folder, folder + ".away")
    with open(folder, "w"):
        pass
    try:
        record = record_of(gw, incoming(gw, rcpt, raw))
        assert record["recipients"][0]["result"] == "deferred"
        assert not gw.sink.to(rcpt)
    finally:
        os.unlink(folder)
        if there:
            os.rename(folder + ".away", folder)
    gw.postfix.flush()
    d = gw.sink.wait_for_rcpt(rcpt, 60)
    assert b"REMOVED_ATTACHMENT_1" in d.body
    assert len(gw.quarantined(rcpt)) == 1


# ---- quarantine, block ----

def test_quarantine_holds_the_changed_copy(gw, box, ident):
    rcpt = box("spamquar", "subject")
    incoming(gw, rcpt, plain(A, rcpt, ident, "Hello"))
    row = wait_for(lambda: gw.quarantined(rcpt), "quarantine")[0]
    assert row["kind"] == "spam"
    gw.tool("pmgqm", "release", row["id"])
    assert gw.sink.wait_for_rcpt(rcpt).field("Subject") == "[x] " + ident


# ---- disclaimer ----

def test_every_group_gets_its_disclaimer(gw, box, ident):
    """The reference product serves the first of several only."""
    rcpts = {box("footer"): [], box("footer", "m1"): ["act m1"],
             box("footer", "m2"): [], box("m1"): ["act m1"]}
    incoming(gw, list(rcpts), plain(A, "x@in.example", ident, "Hello"))
    for rcpt, mark in rcpts.items():
        d = gw.sink.wait_for_rcpt(rcpt)
        text = parsed(d).get_content().replace("\r\n", "\n")
        assert d.fields("X-Mark-1") == mark
        if "footer" in rcpt:
            assert text == "Hello\n--\n%s\n%s\n" % act.FOOTER_TEXT
        else:
            assert text == "Hello\n"


def test_disclaimers_at_both_ends_with_macros(gw, box, ident):
    rcpt = box("footer", "header")
    html = (b'Content-Type: multipart/alternative; boundary="b"\r\n\r\n'
            b"--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
            b"Content-Transfer-Encoding: 8bit\r\n\r\nGr\xfc\xdfe\r\n"
            b"--b\r\nContent-Type: text/html; charset=iso-8859-1\r\n"
            b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
            b"<html><head><title>t</title></head><body><p>Gr=FC=DFe</p></body>"
            b"</html><!-- </body> -->\r\n--b--\r\n")
    m = parsed(through(gw, rcpt, mail(rcpt, ident, html)))
    text, page = [p.get_content().replace("\r\n", "\n")
                  for p in m.iter_parts()]
    assert text == "External mail: %s\nGrüße\n--\n%s\n%s" % (
        (A,) + act.FOOTER_TEXT)
    assert re.search(r"<body>\s*<p>External mail: %s</p>\s*<p>Grüße</p>" %
                     re.escape(A), page)
    assert page.index("EXAMPLE GmbH") < page.index("</body>")


@pytest.mark.parametrize("key,changed", [("footer", False),
                                         ("signedtoo", True)])
def test_signed_mail(gw, box, ident, key, changed):
    content = (b'Content-Type: multipart/signed; boundary="b"; '
               b'protocol="application/pkcs7-signature"\r\n\r\n'
               b"--b\r\n\r\ntext\r\n--b\r\nContent-Type: application/"
               b"pkcs7-signature\r\n\r\nMIIB\r\n--b--\r\n")
    rcpt = box(key)
    raw = mail(rcpt, ident, content)
    assert through(gw, rcpt, raw).data.endswith(raw) != changed
