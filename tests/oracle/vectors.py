"""Header values with what stalwart-mail-parser reads in them: one message is
made of each."""

import calendar
import json
import os
import re


def blanks(text):
    return " ".join((text or "").split())


def message(field, value):
    """Values that do not end in a line end get one."""
    return ("%s: %s" % (field, value.rstrip("\r\n"))).encode() + b"\n\nx\n"


def subject(expected, ours):
    return blanks(expected), blanks(ours["subject"])


def pairs(expected):
    """Groups flattened, domains in lower case, what has no address left
    out."""
    if isinstance(expected, dict):
        for key in ("List", "Group", "Address", "GroupList"):
            if key in expected:
                return pairs(expected[key])
        if "addresses" in expected:
            return pairs(expected["addresses"])
        address = expected.get("address")
        if not address:
            return []
        local, at, domain = address.rpartition("@")
        return [(blanks(expected.get("name")),
                 local + at + domain.lower() if at else address)]
    return [p for x in expected or [] for p in pairs(x)]


def address(expected, ours):
    return pairs(expected), [(blanks(n), a) for n, a in ours["from"]]


def date(expected, ours):
    seconds = None
    if expected is not None:
        offset = expected["tz_hour"] * 3600 + expected["tz_minute"] * 60
        if expected["tz_before_gmt"]:
            offset = -offset
        seconds = calendar.timegm((
            expected["year"], expected["month"], expected["day"],
            expected["hour"], expected["minute"], expected["second"])) - offset
    return seconds, (ours.get("date") or [None])[0]


def content(expected, ours):
    """Type, charset and names; the first of a parameter given twice."""
    part = ours["parts"][0]
    if expected is None:
        return ("text/plain", "", ""), (part["type"], part["charset"],
                                        part["name"] or "")
    attributes = {}
    for name, value in expected.get("attributes") or []:
        attributes.setdefault(name.lower(), value)
    kind = "%s/%s" % (expected["c_type"], expected["c_subtype"])
    if expected["c_subtype"] is None:
        kind = "text/plain"
        if part["disposition"]:
            kind, part["type"] = expected["c_type"], part["disposition"]

    want = (kind.lower(), (attributes.get("charset") or "").lower(), blanks(
        attributes.get("filename") or attributes.get("name")))
    return want, (part["type"], part["charset"], blanks(part["name"]))


KINDS = (("unstructured", "Subject", subject), ("address", "From", address),
         ("date", "Date", date), ("content_type", "Content-Type", content))


def read(folder):
    """(label, message, function of our reading that gives both sides)"""
    for name, field, compare in KINDS:
        path = os.path.join(folder, name + ".json")
        if not os.path.exists(path):
            continue
        with open(path, encoding="utf-8") as f:
            cases = json.load(f)
        for i, case in enumerate(cases):
            want = case["expected"]
            as_field = field
            if re.search(r"\n(?![ \t]|\s*\Z)", case["header"].lstrip()):
                continue        # no single header field can be this
            if compare is content and want is not None and \
                    want["c_subtype"] is None and \
                    "/" not in case["header"].split(";")[0]:
                as_field = "Content-Disposition"
            yield ("%s.json#%d" % (name, i), message(as_field, case["header"]),
                   lambda ours, c=compare, w=want: c(w, ours),
                   case["header"])
