"""Mails of red.py: transfer encodings, and encodings within texts."""

import base64
import quopri

from tests.rig.samples import EICAR
from tests.system.red_base import (
    CRLF, Mail, NAMED, TEXT, VIRUS, Z, attachment, b64, file_mail, hqx, mail,
    mixed, multi, part, qp, uu, uu_lines, yenc, zipped)


def encodings():
    c = b"Content-Transfer-Encoding: "
    for name, client, cte in (
            ("upper-case", "all", c + b"BASE64"),
            ("trailing-blank", "all", c + b"base64 \t"),
            ("semicolon", "Outlook", c + b"base64;"),
            ("parameter", "Outlook", c + b"base64; x=y"),
            ("comment", "JavaMail", c + b"base64 (x)"),
            ("comment-first", "JavaMail", c + b"(x)base64"),
            ("comment-within", "MIME::Tools", c + b"base(x)64"),
            ("quoted", "Outlook", c + b'"base64"'),
            ("single-quoted", "Outlook", c + b"'base64'"),
            ("backslash", "-", c + b"base\\64"),
            ("folded", "all", c + b"\r\n base64"),
            ("folded-in-token", "Outlook", c + b"base\r\n 64"),
            ("blank-in-token", "Outlook", c + b"base 64"),
            ("dash", "Outlook Express", c + b"base-64"),
            ("x-base64", "Apple Mail", c + b"x-base64"),
            ("short", "Outlook Express", c + b"b64"),
            ("vertical-tab", "Python email", c + b"\x0bbase64"),
            ("no-break-space", "Python email", c + b"\xc2\xa0base64"),
            ("nul-behind", "Outlook", c + b"base64\0"),
            ("nul-within", "Outlook", c + b"base\x0064"),
            ("list-last", "Outlook", c + b"7bit, base64"),
            ("list-first", "Outlook", c + b"base64, 7bit"),
            ("garbage-behind", "Outlook", c + b"base64xyz"),
            ("encoded-word", "Outlook", c + b"=?us-ascii?Q?base64?="),
            ("blank-before-colon", "Outlook",
             b"Content-Transfer-Encoding : base64"),
            ("no-colon", "Outlook Express", b"Content-Transfer-Encoding base64"),
            ("twice-7bit-last", "Outlook", c + b"base64\r\n" + c + b"7bit"),
            ("twice-7bit-first", "Thunderbird", c + b"7bit\r\n" + c +
             b"base64"),
            ("twice-qp-first", "Thunderbird", c + b"quoted-printable\r\n" + c +
             b"base64"),
            ("as-type-parameter", "-", b"X-Foo: a\rContent-Transfer-Encoding: "
             b"base64"),
            ("content-encoding", "Outlook Express",
             b"Content-Encoding: base64"),
            ("short-name", "Outlook Express", b"Transfer-Encoding: base64"),
            ("with-mime-prefix", "Outlook", c + b"mime/base64"),
            ("as-8bit", "Gmail", c + b"8bit")):
        yield Mail("cte " + name, client, VIRUS,
                   mixed(parts=[TEXT, attachment(cte=cte)]))


def base64_bodies():
    flat = base64.b64encode(Z)
    step = [Z[i:i + 10] for i in range(0, len(Z), 10)]
    padded = CRLF.join(base64.b64encode(s) for s in step)
    url = b64(zipped(EICAR, comment=b"\xfb\xff\xbf" * 9)).replace(
        b"+", b"-").replace(b"/", b"_")
    for name, client, body in (
            ("padding-inside", "Outlook, Python email", padded),
            ("padding-inside-one-line", "Outlook", padded.replace(CRLF, b"")),
            ("line-length-1", "all", b64(width=1)),
            ("line-length-3", "all", b64(width=3)),
            ("line-length-77", "all", b64(width=77)),
            ("one-line", "all", flat),
            ("blanks-between", "all", b" ".join(flat[i:i + 1] for i in range(
                len(flat)))),
            ("commas-between", "Outlook, Python email", b",".join(
                flat[i:i + 4] for i in range(0, len(flat), 4))),
            ("dots-between", "Python email", b".".join(
                flat[i:i + 5] for i in range(0, len(flat), 5))),
            ("comments-between", "Python email", b"<!>".join(
                flat[i:i + 4] for i in range(0, len(flat), 4))),
            ("minus-between", "Python email", b"-".join(
                flat[i:i + 3] for i in range(0, len(flat), 3))),
            ("8bit-between", "Outlook", b"\xe4".join(
                flat[i:i + 5] for i in range(0, len(flat), 5))),
            ("nul-between", "Outlook", b"\0".join(
                flat[i:i + 5] for i in range(0, len(flat), 5))),
            ("bare-cr-between", "all", b64().replace(b"\r\n", b"\r")),
            ("empty-lines", "all", b64().replace(b"\r\n", b"\r\n\r\n")),
            ("url-alphabet", "node mailparser", url),
            ("no-padding", "Outlook", flat.rstrip(b"=")),
            ("much-padding", "all", flat.rstrip(b"=") + b"======"),
            ("starts-with-padding", "Outlook", b"====" + flat),
            ("leading-empty-lines", "all", b"\r\n\r\n\r\n" + b64()),
            ("leading-junk-line", "Thunderbird", b"*-*-*\r\n" + b64()),
            ("trailing-text", "Outlook", b64() + b"\r\n\r\n-- \r\nfooter "
             b"added by a list\r\n"),
            ("quoted-lines", "-", b"> " + b64().replace(b"\r\n", b"\r\n> ")),
            ("indented", "all", b"\t" + b64().replace(b"\r\n", b"\r\n\t")),
            ("utf-8-bom", "Outlook", b"\xef\xbb\xbf" + b64()),
            ("soft-breaks", "Outlook", b64().replace(b"\r\n", b"=\r\n"))):
        yield Mail("base64 " + name, client, VIRUS, mixed(
            parts=[TEXT, attachment(body)]))
    twice = multi([TEXT, attachment(b64(b64()))])
    yield Mail("base64 of-multipart", "Outlook Express", VIRUS, mail(
        [b"Content-Type: multipart/mixed; boundary=b1",
         b"Content-Transfer-Encoding: base64"],
        b64(multi([TEXT, attachment()]))))
    yield Mail("base64 field-on-multipart", "MIME::Tools", VIRUS, mail(
        [b"Content-Type: multipart/mixed; boundary=b1",
         b"Content-Transfer-Encoding: base64"], multi([TEXT, attachment()])))
    yield Mail("base64 twice", "-", VIRUS, mail(
        [b"Content-Type: multipart/mixed; boundary=b1",
         b"Content-Transfer-Encoding: base64"], twice))
    yield Mail("qp of-multipart", "Outlook Express", VIRUS, mail(
        [b"Content-Type: multipart/mixed; boundary=b1",
         b"Content-Transfer-Encoding: quoted-printable"],
        qp(multi([TEXT, attachment()]))))


def qp_bodies():
    q = b"Content-Transfer-Encoding: quoted-printable"
    for name, client, body in (
            ("plain", "all", qp()),
            ("blanks-behind-soft-break", "all", qp().replace(
                b"=\r\n", b"= \t\r\n")),
            ("lower-case", "all", qp().lower()),
            ("mixed-case", "all", qp().replace(b"A", b"a")),
            ("bare-lf-soft-break", "all", qp().replace(b"=\r\n", b"=\n")),
            ("bare-cr-soft-break", "Outlook", qp().replace(b"=\r\n", b"=\r")),
            ("one-line", "all", qp().replace(b"=\r\n", b"")),
            ("nul-behind-soft-break", "Outlook", qp().replace(
                b"=\r\n", b"=\0\r\n")),
            ("8bit", "all", qp().replace(b"=FF", b"\xff")),
            ("python", "all", quopri.encodestring(Z).replace(b"\n", CRLF))):
        yield Mail("qp " + name, client, VIRUS, mixed(
            parts=[TEXT, attachment(body, q)]))


def uu_bodies():
    plain = [b"Content-Type: text/plain"]
    lines = uu_lines()
    text = b"Hello,\r\n\r\n"

    def join(middle, begin=b"begin 644 eicar.zip", end=(b"`", b"end")):
        return CRLF.join([begin] + list(middle) + list(end))
    counts = [b"M" + x[1:] if len(x) < 61 else x for x in lines]
    summed = [x + bytes([32 + sum(x[1:]) % 64]) for x in lines]
    stripped = [x.replace(b"`", b" ").rstrip() for x in lines]
    for name, client, body in (
            ("plain", "Outlook, Thunderbird, mutt", uu()),
            ("blanks-for-zero", "Thunderbird", uu(backtick=False)),
            ("no-end", "Outlook", uu(end=())),
            ("no-last-line", "Outlook", uu(end=(b"end",))),
            ("end-with-blanks", "Outlook", uu(end=(b"`", b"end  "))),
            ("wrong-count", "Outlook", join(counts)),
            ("checksums", "Outlook", join(summed)),
            ("stripped-blanks", "Outlook", join(stripped)),
            ("4-digits", "Outlook", uu(begin=b"begin 0644 ")),
            ("6-digits", "Outlook", uu(begin=b"begin 100644 ")),
            ("2-digits", "KMail", uu(begin=b"begin 64 ")),
            ("no-digits", "Outlook Express", uu(begin=b"begin ")),
            ("666-tabs", "Outlook", uu(begin=b"begin\t666\t")),
            ("two-blanks", "Outlook", uu(begin=b"begin  644  ")),
            ("upper-case", "Outlook", uu(begin=b"BEGIN 644 ")),
            ("no-name", "Thunderbird", uu(name=b"", begin=b"begin 644")),
            ("name-with-blanks", "Outlook", uu(name=b"my eicar file.zip")),
            ("quoted-name", "Outlook", uu(name=b'"eicar.zip"')),
            ("indented-begin", "Outlook", b"  " + uu()),
            ("all-indented", "-", b" " + uu().replace(b"\r\n", b"\r\n ")),
            ("empty-lines", "Outlook", CRLF.join(uu().split(CRLF)).replace(
                CRLF, b"\r\n\r\n")),
            ("text-within", "Outlook", join(
                lines[:1] + [b"-- cut here --"] + lines[1:])),
            ("no-empty-line-before", "Outlook", b"text\r\n" + uu()),
            ("bare-cr", "Outlook", uu().replace(b"\r\n", b"\r")),
            ("base64", "mutt", CRLF.join([b"begin-base64 644 eicar.zip",
                                          b64(), b"===="])),
            ("base64-no-end", "mutt", CRLF.join(
                [b"begin-base64 644 eicar.zip", b64()])),
            ("encoded-name", "-", CRLF.join(
                [b"begin-encoded 644 ZWljYXIuemlw"] + lines + [b"`", b"end"])),
            ("second-of-two", "Outlook", uu(b"hello", b"a.txt") + CRLF +
             uu())):
        yield Mail("uu " + name, client, VIRUS, mail(plain, text + body))
    for name, client, raw in (
            ("in-qp", "Outlook, Thunderbird", mail(plain + [
                b"Content-Transfer-Encoding: quoted-printable"],
                quopri.encodestring(uu()).replace(b"\r\n", b"\n").replace(
                    b"\n", CRLF))),
            ("in-base64", "Outlook, Thunderbird", mail(plain + [
                b"Content-Transfer-Encoding: base64"], b64(uu()))),
            ("in-html", "Outlook Express", mail([b"Content-Type: text/html"],
                                                b"<pre>\r\n" + uu())),
            ("in-preamble", "Outlook Express", mixed(
                parts=[TEXT], preamble=uu() + CRLF)),
            ("in-epilogue", "Outlook Express", mixed(
                parts=[TEXT], epilogue=uu())),
            ("no-parts", "Thunderbird, mutt", mail(
                [b"Content-Type: multipart/mixed; boundary=b1"], uu())),
            ("in-utf-16", "-", mail([
                b"Content-Type: text/plain; charset=utf-16",
                b"Content-Transfer-Encoding: base64"],
                b64(uu().decode().encode("utf-16")))),
            ("no-type", "all", mail([], uu(), version=None)),
            ("unknown-text", "Thunderbird", mail(
                [b"Content-Type: text/x-foo"], uu())),
            ("rfc822-body", "Outlook", mail(
                [b"Content-Type: message/rfc822"],
                b"Subject: x\r\n\r\n" + uu())),
            ("file-uue", "-", file_mail("a.uue", uu())),
            ("file-b64", "-", file_mail("a.b64", b64())),
            ("file-hqx", "-", file_mail(
                "a.hqx", b"(This file must be converted with BinHex 4.0)"
                b"\r\n\r\n" + hqx()))):
        yield Mail("uu " + name, client, VIRUS, raw)
    for cte in (b"x-uuencode", b"x-uue", b"uuencode", b"uue", b"X-UU",
                b"uu", b"x-uuencoded"):
        yield Mail("uu cte-" + cte.decode(), "Outlook, Thunderbird, mutt",
                   VIRUS, mixed(parts=[TEXT, attachment(
                       uu(), b"Content-Transfer-Encoding: " + cte)]))
    yield Mail("uu cte-no-begin", "mutt", VIRUS, mixed(parts=[
        TEXT, attachment(CRLF.join(lines + [b"`", b"end"]),
                         b"Content-Transfer-Encoding: x-uuencode")]))
    for cte in (b"x-yenc", b"yenc"):
        yield Mail("yenc cte-" + cte.decode(), "Thunderbird", VIRUS,
                   mixed(parts=[TEXT, attachment(
                       yenc(), b"Content-Transfer-Encoding: " + cte)]))
    yield Mail("yenc in-text", "Thunderbird, KNode", VIRUS,
               mail(plain, text + yenc()))
    for name, client, intro in (
            ("plain", "Outlook for Mac, Eudora",
             b"(This file must be converted with BinHex 4.0)\r\n"),
            ("other-words", "Eudora", b"(This file must be converted; you "
             b"knew that already.)\r\n"),
            ("old-version", "Eudora",
             b"(This file must be converted with BinHex.Hex)\r\n"),
            ("lower-case", "Eudora",
             b"(this file must be converted with binhex 4.0)\r\n"),
            ("text-before-on-line", "Eudora",
             b"-- (This file must be converted with BinHex 4.0)\r\n")):
        yield Mail("binhex " + name, client, VIRUS,
                   mail(plain, text + intro + CRLF + hqx()))
    for name, field in (
            ("type", [b"Content-Type: application/mac-binhex40; "
                      b"name=eicar.zip"]),
            ("cte", NAMED + [b"Content-Transfer-Encoding: x-binhex40"])):
        yield Mail("binhex no-intro-" + name, "Outlook for Mac", VIRUS,
                   mixed(parts=[TEXT, part(field, hqx())]))
