"""What the mails of red.py are put together from."""

import base64
import binascii
import collections
import email.utils
import io
import struct
import zipfile

from tests.rig.samples import EICAR


VIRUS, NAME, OPAQUE = "virus", "name", "opaque"
Mail = collections.namedtuple("Mail", "name client expect raw")
CRLF = b"\r\n"


def zipped(content=EICAR, name="eicar.com", method=zipfile.ZIP_DEFLATED,
           extra=b"", comment=b""):
    out = io.BytesIO()
    info = zipfile.ZipInfo(name, (2026, 11, 24, 0, 0, 0))
    info.compress_type, info.extra = method, extra
    with zipfile.ZipFile(out, "w") as z:
        z.writestr(info, content)
        z.comment = comment
    return out.getvalue()


# Deflated: the test virus does not stand in it for whoever greps.
Z = zipped()


def b64(content=Z, width=76):
    flat = base64.b64encode(content)
    return CRLF.join(flat[i:i + width] for i in range(0, len(flat), width))


def qp(content=Z):
    """Every byte escaped, so that any line length and line end will do."""
    flat = [b"=%02X" % c for c in content]
    return b"=\r\n".join(b"".join(flat[i:i + 24])
                         for i in range(0, len(flat), 24))


def uu_lines(content=Z, backtick=True):
    return [binascii.b2a_uu(content[i:i + 45], backtick=backtick).rstrip(
        b"\n") for i in range(0, len(content), 45)]


def uu(content=Z, name=b"eicar.zip", begin=b"begin 644 ", backtick=True,
       end=(b"`", b"end")):
    return CRLF.join([begin + name] + uu_lines(content, backtick) + list(end))


def yenc(content=Z, name=b"eicar.zip"):
    flat = b""
    for c in content:
        c = (c + 42) & 255
        flat += bytes([61, c + 64 & 255]) if c in (0, 10, 13, 61) else (
            bytes([c]))
    lines = [flat[i:i + 120] for i in range(0, len(flat), 120)]
    if any(line.endswith(b"=") for line in lines):
        lines = [flat]
    return CRLF.join([b"=ybegin line=128 size=%d name=%s" % (
        len(content), name)] + lines + [b"=yend size=%d" % len(content)])


def hqx(content=Z, name=b"eicar.zip"):
    head = bytes([len(name)]) + name + b"\0" + b"BINA" + b"WZIP" + b"\0\0"
    head += struct.pack(">II", len(content), 0)
    raw = head + struct.pack(">H", binascii.crc_hqx(head + b"\0\0", 0))
    raw += content + struct.pack(">H", binascii.crc_hqx(content + b"\0\0", 0))
    raw = (raw + b"\0\0").replace(b"\x90", b"\x90\0")
    alphabet = (b"!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`"
                b"abcdefhijklmpqr")
    bits = "".join("{:08b}".format(c) for c in raw)
    bits += "0" * (-len(bits) % 6)
    text = bytes(alphabet[int(bits[i:i + 6], 2)]
                 for i in range(0, len(bits), 6))
    text = b":" + text + b":"
    return CRLF.join(text[i:i + 64] for i in range(0, len(text), 64))


COUNT = [0]


def head():
    COUNT[0] += 1
    return [b"From: Somebody <somebody@outside.example>",
            b"To: a@in.example", b"Subject: Report %d" % COUNT[0],
            b"Date: " + email.utils.formatdate().encode(),
            b"Message-ID: <red%d@outside.example>" % COUNT[0]]


def mail(fields, body, version=b"MIME-Version: 1.0", top=()):
    lines = list(top) + head() + ([version] if version else []) + list(fields)
    return CRLF.join(lines) + CRLF + CRLF + body


def part(fields, body):
    return CRLF.join(fields) + CRLF + CRLF + body


TEXT = part([b"Content-Type: text/plain"], b"Hello, see the attachment.")
NAMED = [b"Content-Type: application/zip; name=eicar.zip",
         b"Content-Disposition: attachment; filename=eicar.zip"]


def attachment(body=None, cte=b"Content-Transfer-Encoding: base64",
               fields=None):
    return part((NAMED if fields is None else fields) + ([cte] if cte else []),
                b64() if body is None else body)


def multi(parts, boundary=b"b1", preamble=b"", epilogue=b"", close=True):
    out = preamble
    for p in parts:
        out += b"--" + boundary + CRLF + p + CRLF
    return out + (b"--" + boundary + b"--" + CRLF if close else b"") + epilogue


def mixed(ctype=b"Content-Type: multipart/mixed; boundary=b1",
          boundary=b"b1", parts=None, **more):
    fields = [ctype] if isinstance(ctype, bytes) else ctype
    return mail(fields, multi(parts or [TEXT, attachment()], boundary,
                              **more))


def file_mail(name, content, ctype=b"application/octet-stream"):
    name = name.encode()
    return mixed(parts=[TEXT, attachment(b64(content), fields=[
        b"Content-Type: " + ctype + b'; name="' + name + b'"',
        b'Content-Disposition: attachment; filename="' + name + b'"'])])
