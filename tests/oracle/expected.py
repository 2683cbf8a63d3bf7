"""Expected output that other projects keep beside their test mails."""

import email
import json
import os
import re
import xml.etree.ElementTree

from tests.oracle import python_email


# ---- stalwart-mail-parser: one JSON for a mail ----

def stalwart_attributes(headers, field):
    for h in headers:
        if h["name"] == field and isinstance(h["value"], dict):
            value = h["value"].get("ContentType")
            if value:
                return value, {a["name"].lower(): a["value"] for a in reversed(
                    value.get("attributes") or [])}
    return {}, {}


def stalwart_part(p, digest):
    ctype, attr = stalwart_attributes(p["headers"], "content_type")
    disp, dattr = stalwart_attributes(p["headers"], "content_disposition")
    kind, body = (next(iter(p["body"].items()))
                  if isinstance(p["body"], dict) else (p["body"], None))
    default = "message/rfc822" if digest else "text/plain"
    part = {"type": default, "leaf": kind not in ("Multipart", "Message"),
            "name": dattr.get("filename", attr.get("name")),
            "disposition": (disp.get("c_type") or "").lower()}
    if ctype.get("c_type") and ctype.get("c_subtype"):
        part["type"] = "%s/%s" % (ctype["c_type"].lower(),
                                  ctype["c_subtype"].lower())
    if kind in ("Text", "Html"):
        part["text"] = body
    elif kind in ("Binary", "InlineBinary"):
        part["body"] = bytes(body)
    return part, kind, body


def stalwart_parts(message):
    """Its parts refer to each other by index; they are in document order."""
    out, digest = [], set()
    for i, p in enumerate(message["parts"]):
        part, kind, body = stalwart_part(p, i in digest)
        out.append(part)
        if part["type"] == "multipart/digest" and kind == "Multipart":
            digest.update(body)
        if kind == "Message":
            out += stalwart_parts(body)
    return out


def stalwart(path):
    with open(path, encoding="utf-8") as f:
        return stalwart_parts(json.load(f))


# ---- mime4j: XML, the decoded bodies in files beside it ----

def mime4j_part(entity, folder, digest, out):
    fields = "".join(re.sub(r"\r?\n(?=\S)", "", f.text.lstrip("\r\n")) + "\n"
                     for f in entity.findall("header/field"))
    head = email.message_from_string(fields + "\n")
    if digest:
        head.set_default_type("message/rfc822")
    part = {"type": head.get_content_type(), "leaf": True,
            "name": python_email.name_of(head),
            "disposition": python_email.disposition_of(head), "body": None}
    out.append(part)
    for child in entity:
        if child.tag in ("text-body", "binary-body"):
            with open(os.path.join(folder, child.get("name")), "rb") as f:
                part["body"] = f.read()
        elif child.tag == "message":
            part["leaf"] = False
            mime4j_part(child, folder, False, out)
        elif child.tag == "multipart":
            for body_part in child.findall("body-part"):
                part["leaf"] = False
                mime4j_part(body_part, folder, part["type"] ==
                            "multipart/digest", out)


def mime4j(path):
    out = []
    root = xml.etree.ElementTree.parse(path).getroot()
    mime4j_part(root, os.path.dirname(path), False, out)
    return out


# ---- gmime: an indented tree of types for each message of an mbox ----

def gmime_mbox(mbox, summary):
    """Pairs (bytes of the message, types of its parts)."""
    with open(mbox, "rb") as f:
        data = f.read()
    with open(summary, encoding="utf-8") as f:
        text = f.read()
    for block in re.split(r"(?m)^(?=message offsets: )", text)[1:]:
        start, end = map(int, re.match(r"message offsets: (\d+), (\d+)",
                                       block).groups())
        yield data[start:end], re.findall(r"(?m)^\s*Content-Type: (\S+)",
                                          block)
