"""Python's email package (policy compat32) as an oracle."""

import email
import email.header
import email.policy
import email.utils

# What Python parses like a message, but RFC 3464, 2046 do not mean so: header
# blocks of a delivery report, a fragment. They are leaves here as with gmime.
LEAVES = ("message/delivery-status", "message/partial",
          "message/disposition-notification", "message/external-body")


class Raw(email.policy.Compat32):
    """Header values as they stand there, 8-bit bytes as surrogates; compat32
    itself makes U+FFFD of those in parameters."""

    def header_fetch_parse(self, name, value):
        return value


RAW = Raw()


def guess(raw):
    """Bytes without a label, as lib/mail reads them (charset.h)."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def text_of(value):
    """A header value as text: 8-bit bytes guessed, encoded words decoded,
    each with what email.header makes of it."""
    if value is None:
        return None
    value = value.encode("utf-8", "surrogateescape")
    value = guess(value).replace("\r", "").replace("\n", "")
    try:
        pieces = email.header.decode_header(value)
    except Exception:       # its base64 of an encoded word is broken
        return value
    out = ""
    for piece, label in pieces:
        if isinstance(piece, str):
            out += piece
            continue
        try:
            out += piece.decode(label or "raw-unicode-escape")
        except (LookupError, UnicodeError):
            out += guess(piece)
    return out


def name_of(part):
    try:
        return text_of(part.get_filename())
    except Exception:       # a bug of its own on hostile parameters
        return None


def disposition_of(part):
    try:
        return part.get_content_disposition() or ""
    except Exception:
        return ""


def body_of(part):
    try:
        return part.get_payload(decode=True)
    except Exception:
        return None


def walk(message):
    yield message
    if message.is_multipart() and message.get_content_type() not in LEAVES:
        for p in message.get_payload():
            yield from walk(p)


def read(data):
    message = email.message_from_bytes(data, policy=RAW)
    parts = []
    for p in walk(message):
        fragment = p.get_content_type() in LEAVES
        leaf = fragment or not p.is_multipart()
        parts.append({
            "type": p.get_content_type(), "leaf": leaf, "name": name_of(p),
            "disposition": disposition_of(p),
            "encoding": str(p.get("content-transfer-encoding", "")),
            "body": body_of(p) if leaf and not fragment else None,
            "defects": [type(d).__name__ for d in p.defects]})
    return {"parts": parts, "subject": text_of(message.get("subject"))}


def seconds_of(date):
    """Of a Date field, since 1970 in UTC; None when it gives up."""
    if date is None:
        return None
    try:
        fields = email.utils.parsedate_tz(date)
        return None if fields is None else email.utils.mktime_tz(fields)
    except Exception:
        return None


def addresses_of(value):
    """(name, address) pairs, domains in lower case."""
    if value is None:
        return []
    value = guess(value.encode("utf-8", "surrogateescape"))
    out = []
    for name, address in email.utils.getaddresses([value]):
        local, at, domain = address.rpartition("@")
        if address:
            out.append((text_of(name), local + at + domain.lower()))
    return out
