"""Classes of disagreements over real mail, decided by machine.

Each function tells whether a disagreement of its aspect belongs to it; the
first one that does gives the class its name. doc/MIME.md says who is right.
"""

import codecs
import re


def python_text(label, body):
    """By the codec of that name, strictly; None when there is none, or when
    the text is not in it."""
    try:
        return codecs.lookup(label or "us-ascii").decode(body)[0]
    except (LookupError, UnicodeError, ValueError):
        return None


def strip_blanks(data):
    return re.sub(rb"[ \t]+(?=\r?\n|\Z)", b"", data).rstrip(b"\r\n")


def has(part, defect):
    return defect in part["defects"]


# ---- content ----

def qp_blanks_at_line_end(ours, theirs, what):
    """They keep blanks in front of a line end of quoted-printable."""
    return what["part"]["encoding"] == "quoted-printable" and \
        strip_blanks(what["a"]) == strip_blanks(what["b"])


def base64_undecoded(ours, theirs, what):
    """They give up on base64 that has a digit too few or junk in it."""
    return has(what["part"], "bad-base64") and \
        re.match(rb"[A-Za-z0-9+/]{16}", what["b"]) is not None and \
        len(what["b"]) > len(what["a"])


def same_start(a, b):
    """At least half of the shorter one."""
    n = min(len(a), len(b)) // 2
    return a[:n] == b[:n]


def base64_junk(ours, theirs, what):
    """Text stands behind the base64: each makes another junk of it, the
    bytes before are the same."""
    return has(what["part"], "bad-base64") and \
        same_start(what["a"], what["b"])


def qp_invalid(ours, theirs, what):
    """A "=" that no two hexadecimal digits follow."""
    return has(what["part"], "bad-quoted-printable") and same_start(
        *(re.sub(rb"3D|[ \t\r\n=]", b"", x) for x in (what["a"], what["b"])))


def delimiter_prefix(ours, theirs, what):
    """A line begins like the delimiter and goes on: a delimiter by RFC 2046
    5.1.1, text for them."""
    return "odd-delimiter" in ours["defects"]


# ---- tree ----

def type_not_cut(ours, theirs, what):
    """"text/plain charset=x": they take all up to the semicolon for the
    type."""
    return [t.split()[0] if t.split() else t for t in what["b"]] == what["a"]


# ---- names ----

def name_with_blanks(ours, theirs, what):
    """An unquoted name with blanks: they end it at the first one."""
    return len(what["a"]) == len(what["b"]) and all(
        x == y or (x and y and x.split()[0] == y)
        for x, y in zip(what["a"], what["b"]))


# ---- subject ----

def windows_1252(ours, theirs, what):
    """Labelled ISO-8859-1, but of Windows-1252: C1 controls for them."""
    a, b = what["a"], what["b"]
    return a is not None and b is not None and len(a) == len(b) and all(
        x == y or y.encode("latin-1", "replace").decode(
            "cp1252", "replace") == x for x, y in zip(a, b))


def undecodable(ours, theirs, what):
    """Bytes that the charset does not have: U+FFFD in ours, the rest read;
    they fall back to another charset or to escapes."""
    return what["a"] is not None and "\ufffd" in what["a"]


# ---- text ----

# What clients take these labels for (the Encoding Standard's table).
SUPERSETS = {"iso8859-1": "cp1252", "gb2312": "gb18030", "gbk": "gb18030",
             "big5": "big5hkscs", "euc_kr": "cp949", "shift_jis": "cp932",
             "iso8859-9": "cp1254", "iso8859-11": "cp874",
             "tis-620": "cp874"}


def codec(label):
    try:
        return codecs.lookup(label).name
    except (LookupError, ValueError):
        return None


def guess(body):
    """UTF-8, else Windows-1252 with the five bytes that it does not have."""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return "".join(bytes([c]).decode("cp1252", "ignore") or chr(c)
                       for c in body)


def label_no_charset(ours, theirs, what):
    """No label, or US-ASCII, over 8-bit bytes: guessed by us."""
    part = what["part"]
    return what["b"] is None and \
        codec(part["charset"] or "us-ascii") == "ascii" and \
        what["a"] == guess(part["body"])


def label_unknown(ours, theirs, what):
    """A label that they do not know: guessed by us, or known to us."""
    return what["b"] is None and codec(what["part"]["charset"]) is None


def text_in_superset(ours, theirs, what):
    """The label's superset is meant: Windows-1252 for ISO-8859-1 and so on."""
    part = what["part"]
    name = codec(part["charset"])
    if name not in SUPERSETS:
        return False
    if SUPERSETS[name] == "cp1252":
        return what["a"] == "".join(
            bytes([c]).decode("cp1252", "ignore") or chr(c)
            for c in part["body"])
    try:
        return what["a"] == part["body"].decode(SUPERSETS[name])
    except UnicodeDecodeError:
        return False


def text_not_in_charset(ours, theirs, what):
    """Bytes that the charset does not have: they read nothing, we the rest."""
    return what["b"] is None and ("\ufffd" in what["a"] or
                                  what["a"] == guess(what["part"]["body"]))


# ---- date ----

def date_half_day(ours, theirs, what):
    """AM and PM, which they do not look at."""
    return re.search(r"\d\s*[AP]M\b", what["raw"], re.I) is not None


def date_zone_odd(ours, theirs, what):
    """A zone that is none: "GMT+1", "+-0500", "01800"."""
    return re.search(r"[A-Z]{3}[+-]\d|\+-\d|\d\d\s\d{5}\b",
                     what["raw"]) is not None


def date_unread(ours, theirs, what):
    """They do not read it, we do."""
    return what["b"] is None and what["a"][0] is not None


# ---- address ----

def addresses(pairs):
    return [x for _, x in pairs]


def address_refused(ours, theirs, what):
    """One odd address, and they give the whole list up."""
    return what["b"] == []


def address_blanks(ours, theirs, what):
    """Blanks within <>: part of the address for them, dropped by us."""
    return addresses(what["a"]) == [x.replace(" ", "")
                                    for x in addresses(what["b"])]


def address_comment(ours, theirs, what):
    """A comment beside or within the name: part of it for them."""
    return "(" in what["raw"] and \
        addresses(what["a"]) == addresses(what["b"])


def address_words(ours, theirs, what):
    """No "@" at all: some words, of which they take the first for it."""
    return "@" not in what["raw"]


CLASSES = {
    "content": (qp_blanks_at_line_end, base64_undecoded, base64_junk,
                qp_invalid, delimiter_prefix),
    "tree": (type_not_cut,),
    "names": (name_with_blanks,),
    "subject": (windows_1252, undecodable),
    "text": (label_no_charset, label_unknown, text_in_superset,
             text_not_in_charset),
    "date": (date_half_day, date_zone_odd, date_unread),
    "address": (address_refused, address_words, address_comment,
                address_blanks),
}


def classify(aspect, ours, theirs, what):
    for rule in CLASSES[aspect]:
        if rule(ours, theirs, what):
            return rule.__name__.replace("_", "-")
    return None
