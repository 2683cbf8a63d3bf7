"""Mails of red.py: mails in mails, TNEF, calendars, S/MIME, HTML."""

import base64
import os
import struct
import subprocess
import tempfile
import zlib

from tests.system.red_base import (
    CRLF, Mail, NAME, NAMED, OPAQUE, TEXT, VIRUS, Z, attachment, b64,
    file_mail, mail, mixed, multi, part, qp, uu, zipped)


def tnef(content=Z, name=b"eicar.zip", extra=b""):
    def attribute(level, ident, data):
        return struct.pack("<BII", level, ident, len(data)) + data + (
            struct.pack("<H", sum(data) & 0xffff))
    return (b"\x78\x9f\x3e\x22\x01\x00" + extra +
            attribute(1, 0x00089006, b"\x00\x00\x01\x00") +
            attribute(2, 0x00069002, b"\x01\x00" + b"\xff" * 4 + bytes(8)) +
            attribute(2, 0x00018010, name + b"\0") +
            attribute(2, 0x0006800f, content))


def eml(body=None):
    return mixed() if body is None else body


def structure():
    m = b"Content-Type: message/rfc822"
    c = b"Content-Transfer-Encoding: "
    for name, client, whole in (
            ("base64", "Outlook, Thunderbird", part([m, c + b"base64"],
                                                    b64(eml()))),
            ("qp", "Outlook, Thunderbird", part(
                [m, c + b"quoted-printable"], qp(eml()))),
            ("uuencode", "Outlook", part([m, c + b"x-uuencode"],
                                         uu(eml(), b"a.eml"))),
            ("global", "Outlook", part([b"Content-Type: message/global",
                                        c + b"base64"], b64(eml()))),
            ("news", "Thunderbird", part([b"Content-Type: message/news"],
                                         eml())),
            ("x-rfc822", "-", part([b"Content-Type: message/x-rfc822"],
                                   eml())),
            ("unknown-message", "Thunderbird", part(
                [b"Content-Type: message/foo"], eml())),
            ("no-subtype", "Outlook", part([b"Content-Type: message"],
                                           eml())),
            ("lf-inside", "all", part([m, c + b"base64"],
                                      b64(eml().replace(b"\r\n", b"\n")))),
            ("blank-line-first", "Outlook", part([m], CRLF + eml())),
            ("from-line-first", "mutt", part([m], b"From x@y Tue Nov 24 "
                                             b"00:00:00 2026\r\n" + eml())),
            ("same-boundary", "all", part([m], mixed(
                b"Content-Type: multipart/mixed; boundary=b2", b"b2"))),
            ("delivery-status", "-", part(
                [b"Content-Type: message/delivery-status"],
                b"Reporting-MTA: dns; x\r\n\r\n" + uu())),
            ("rfc822-headers", "-", part(
                [b"Content-Type: text/rfc822-headers"], eml())),
            ("partial-1-of-1", "Outlook Express", part(
                [b"Content-Type: message/partial; id=x; number=1; total=1"],
                eml()))):
        yield Mail("message " + name, client, VIRUS,
                   mixed(parts=[TEXT, whole]))
    whole = eml()
    for n, piece in ((1, whole[:600]), (2, whole[600:])):
        yield Mail("message partial-%d-of-2" % n, "Outlook Express", VIRUS,
                   mail([b"Content-Type: message/partial; id=x; number=%d; "
                         b"total=2" % n], piece))
    yield Mail("message external-body", "Outlook Express", NAME, mixed(parts=[
        TEXT, part([b"Content-Type: message/external-body; access-type=URL; "
                    b'URL="http://outside.example/evil.vbs"'],
                   b"Content-Type: application/octet-stream; name=evil.vbs"
                   b"\r\n\r\n")]))
    for name, client, raw in (
            ("eml", "all", file_mail("a.eml", eml())),
            ("eml-no-name", "Apple Mail", mixed(parts=[TEXT, attachment(
                b64(eml()), fields=[b"Content-Type: "
                                    b"application/octet-stream"])])),
            ("eml-octet-stream", "Outlook", file_mail("forwarded", eml())),
            ("eml-text-type", "Gmail", mixed(parts=[TEXT, attachment(
                b64(eml()), fields=[b"Content-Type: text/plain; "
                                    b"name=a.txt"])])),
            ("eml-in-zip", "all", file_mail("a.zip", zipped(eml(),
                                                           "a.eml"))),
            ("eml-bom", "Outlook", file_mail("a.eml", b"\xef\xbb\xbf" +
                                             eml())),
            ("emlx", "Apple Mail", file_mail("a.emlx", b"%d       \n" % len(
                eml()) + eml() + b"<?xml version=\"1.0\"?>\n")),
            ("mbox", "Thunderbird, Apple Mail", file_mail(
                "mail.mbox", b"From x@y Tue Nov 24 00:00:00 2026\n" +
                mail([], b"hello") + b"\n\nFrom x@y Tue Nov 24 00:00:00 "
                b"2026\n" + eml())),
            ("mht", "Internet Explorer, Word", file_mail("a.mht", eml())),
            ("mht-as-doc", "Word", file_mail("a.doc", eml(), b"application/"
                                             b"msword")),
            ("mht-qp", "Word", mixed(parts=[TEXT, attachment(
                qp(eml()), c + b"quoted-printable", [
                    b"Content-Type: multipart/related; name=a.mht",
                    b"Content-Disposition: attachment; filename=a.mht"])])),
            ("eml-in-eml-in-eml", "all", file_mail("a.eml", file_mail(
                "b.eml", file_mail("c.eml", eml())))),
            ("multipart-in-attachment", "-", mixed(parts=[TEXT, attachment(
                b64(multi([TEXT, attachment()])), fields=[
                    b"Content-Type: multipart/mixed; boundary=b1"])]))):
        yield Mail("file " + name, client, VIRUS, raw)
    for name, client, raw in (
            ("winmail", "Outlook", file_mail("winmail.dat", tnef(),
                                             b"application/ms-tnef")),
            ("octet-stream", "Outlook", file_mail("a.bin", tnef())),
            ("no-name", "Outlook", mixed(parts=[TEXT, attachment(
                b64(tnef()), fields=[b"Content-Type: application/"
                                     b"ms-tnef"])])),
            ("text-type", "Outlook", mixed(parts=[TEXT, attachment(
                b64(tnef()), fields=[b"Content-Type: text/plain"])])),
            ("uuencoded", "Outlook", mail(
                [b"Content-Type: text/plain"], uu(tnef(), b"winmail.dat"))),
            ("in-tnef", "Outlook", file_mail("winmail.dat", tnef(
                tnef(), b"winmail.dat"))),
            ("in-zip", "-", file_mail("a.zip", zipped(tnef(),
                                                      "winmail.dat"))),
            ("eml-inside", "Outlook", file_mail("winmail.dat", tnef(
                eml(), b"a.eml"))),
            ("qp", "Outlook", mixed(parts=[TEXT, attachment(
                qp(tnef()), c + b"quoted-printable",
                [b"Content-Type: application/ms-tnef"])]))):
        yield Mail("tnef " + name, client, VIRUS, raw)
    yield Mail("tnef name", "Outlook", NAME, file_mail(
        "winmail.dat", tnef(b"x", b"evil.vbs")))
    yield Mail("smuggled html-data-uri", "browsers", VIRUS, mail(
        [b"Content-Type: text/html"],
        b'<a download="eicar.zip" href="data:application/zip;base64,' +
        base64.b64encode(Z) + b'">report</a>'))
    yield Mail("smuggled html-file-data-uri", "browsers", VIRUS, file_mail(
        "a.html", b'<html><a download="eicar.zip" href="data:application/zip;'
        b'base64,' + base64.b64encode(Z) + b'">report</a>', b"text/html"))
    yield Mail("smuggled html-file-script", "browsers", VIRUS, file_mail(
        "a.html", b'<html><script>var b=atob("' + base64.b64encode(Z) +
        b'");location=URL.createObjectURL(new Blob([b]))</script>',
        b"text/html"))
    yield Mail("smuggled svg-script", "browsers", VIRUS, file_mail(
        "a.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><script>var b='
        b'atob("' + base64.b64encode(Z) + b'")</script></svg>',
        b"image/svg+xml"))
    yield Mail("smuggled svg-data-uri", "browsers", VIRUS, file_mail(
        "a.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><a href="data:'
        b'application/zip;base64,' + base64.b64encode(Z) +
        b'" download="eicar.zip"/></svg>', b"image/svg+xml"))


def folded(line):
    return b"\r\n ".join(line[i:i + 74] for i in range(0, len(line), 74))


def calendars():
    attach = (b"ATTACH;FMTTYPE=application/zip;ENCODING=BASE64;VALUE=BINARY;"
              b"X-FILENAME=eicar.zip:" + base64.b64encode(Z))
    event = (b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\n"
             b"BEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Meeting\r\n%s\r\n"
             b"END:VEVENT\r\nEND:VCALENDAR\r\n")
    cal = [b"Content-Type: text/calendar; method=REQUEST; charset=utf-8"]
    card = (b"BEGIN:VCARD\r\nVERSION:%s\r\nFN:Somebody\r\n%s\r\n"
            b"END:VCARD\r\n")
    client = "Outlook, Apple Calendar, Thunderbird"
    photo = b"PHOTO;ENCODING=%s;TYPE=JPEG:" + base64.b64encode(Z)
    for name, who, raw in (
            ("folded", client, mail(cal, event % folded(attach))),
            ("one-line", client, mail(cal, event % attach)),
            ("lower-case", client, mail(cal, event % folded(
                attach.replace(b"ENCODING=BASE64", b"encoding=base64")))),
            ("quoted-parameter", client, mail(cal, event % folded(
                attach.replace(b"=BASE64", b'="BASE64"')))),
            ("in-base64", client, mail(cal + [
                b"Content-Transfer-Encoding: base64"],
                b64(event % folded(attach)))),
            ("as-file", client, file_mail("invite.ics", event %
                                          folded(attach), b"text/calendar")),
            ("octet-stream", client, file_mail("invite.ics", event %
                                               folded(attach))),
            ("data-uri", "Apple Calendar", mail(cal, event % folded(
                b"ATTACH:data:application/zip;base64," +
                base64.b64encode(Z)))),
            ("vcard-2.1", "Outlook", file_mail("a.vcf", card % (
                b"2.1", folded(photo % b"BASE64")), b"text/x-vcard")),
            ("vcard-3.0", "Apple Mail", file_mail("a.vcf", card % (
                b"3.0", folded(photo % b"b")), b"text/vcard")),
            ("vcard-4.0", "Thunderbird", file_mail("a.vcf", card % (
                b"4.0", folded(b"KEY:data:application/zip;base64," +
                               base64.b64encode(Z))), b"text/vcard"))):
        yield Mail("calendar " + name, who, VIRUS, raw)
    yield Mail("calendar name", client, NAME, mail(cal, event % folded(
        attach.replace(b"eicar.zip", b"evil.vbs"))))


def ssl(*args, data=b""):
    return subprocess.run(("openssl",) + args, input=data, check=True,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout


def smime():
    with tempfile.TemporaryDirectory() as d:
        key, cert = os.path.join(d, "k"), os.path.join(d, "c")
        ssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key,
            "-out", cert, "-subj", "/CN=x", "-days", "2")
        who = ("-signer", cert, "-inkey", key)
        inner = multi([TEXT, attachment()])
        inner = b"Content-Type: multipart/mixed; boundary=b1\r\n\r\n" + inner

        def sign(data, *more):
            return ssl("cms", "-sign", "-binary", "-nodetach", "-outform",
                       "DER", *who, *more, data=data)
        signed = sign(inner)
        made = {
            "signed": signed, "streamed": sign(inner, "-stream"),
            "long-streamed": sign(b"X-Pad: " + b"a" * 20000 + CRLF + inner,
                                  "-stream"),
            "signed-lf": sign(inner.replace(b"\r\n", b"\n")),
            "only-file": sign(part(NAMED + [
                b"Content-Transfer-Encoding: base64"], b64())),
            "signed-zip": sign(Z)}
        encrypted = ssl("cms", "-encrypt", "-binary", "-outform", "DER",
                        "-aes128", cert, data=inner)
        wrapped = part([b"Content-Type: application/pkcs7-mime; "
                        b"smime-type=signed-data; name=smime.p7m",
                        b"Content-Transfer-Encoding: base64"], b64(signed))
        made["signed-twice"] = sign(wrapped)
    client = "Outlook, Apple Mail, Thunderbird"

    def p7m(data, ctype=b"application/pkcs7-mime; smime-type=signed-data"):
        return mail([b"Content-Type: " + ctype + b"; name=smime.p7m",
                     b"Content-Transfer-Encoding: base64",
                     b"Content-Disposition: attachment; filename=smime.p7m"],
                    b64(data))
    for name, data in made.items():
        yield Mail("smime " + name, client, VIRUS, p7m(data))
    yield Mail("smime x-type", client, VIRUS, p7m(
        signed, b"application/x-pkcs7-mime"))
    yield Mail("smime octet-stream", "Outlook", VIRUS, p7m(
        signed, b"application/octet-stream"))
    yield Mail("smime attached", "Outlook", VIRUS, file_mail(
        "smime.p7m", signed))
    yield Mail("smime in-rfc822", client, VIRUS, mixed(parts=[TEXT, part(
        [b"Content-Type: message/rfc822"], p7m(signed))]))
    yield Mail("smime pem", "-", VIRUS, file_mail(
        "a.pem", b"-----BEGIN PKCS7-----\n" + base64.encodebytes(signed) +
        b"-----END PKCS7-----\n"))
    yield Mail("smime encrypted", client, OPAQUE, p7m(
        encrypted, b"application/pkcs7-mime; smime-type=enveloped-data"))
    literal = b"b\x09eicar.zip" + bytes(4) + Z
    packet = b"\xcb\xff" + struct.pack(">I", len(literal)) + literal
    packed = b"\x02" + zlib.compress(packet)
    pgp = b"\xc8\xff" + struct.pack(">I", len(packed)) + packed
    armor = (b"-----BEGIN PGP MESSAGE-----\r\n\r\n" + b64(pgp) +
             b"\r\n-----END PGP MESSAGE-----\r\n")
    yield Mail("pgp not-encrypted", "Thunderbird", OPAQUE, mail(
        [b"Content-Type: text/plain"], armor))
    yield Mail("pgp not-encrypted-file", "Thunderbird", OPAQUE, file_mail(
        "a.zip.pgp", pgp, b"application/pgp-encrypted"))
