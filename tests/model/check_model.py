#!/usr/bin/python3
"""The reference model itself by examples from the text, as TAP: above all of
what the engine does not know yet, so that nothing else holds it in place."""

import os
import sys
from datetime import datetime, timezone

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, TOP)
from tests.model.rules import (     # noqa: E402
    ALL, ANY, NONE, NOT_ALL, Entry, Group, Message, Object, Part, Rule,
    evaluate, user_list, when_matches)


def mail(**known):
    """Text (1), PDF (2), program (3) in a multipart (0)."""
    parts = [Part(0, declared=["multipart/mixed"],
                  fields=[("Subject", "Invoice 17"), ("From", "A <f@x>")]),
             Part(1, 0, declared=["text/plain"]),
             Part(2, 0, declared=["application/pdf"], names=["a.pdf"],
                  fields=[("Comments", "invoice")]),
             Part(3, 0, declared=["application/octet-stream"],
                  names=["b.exe"], magic="application/x-dosexec",
                  entries=[Entry(1, "dir/c.doc", flags=["macros"])])]
    known.setdefault("recipients", ["u@y.example", "v@z.example"])
    return Message(**{"direction": "in", "sender": "s@x.example",
                      "client": "192.0.2.1", "parts": parts, **known})


def what(mode, *objects, category=None, message=None):
    """Marks of a rule with these objects in one group, False = no match."""
    rule = Rule(1, 50, True, "both", {"from": [], "to": [], "when": [],
                "what": [Group(1, list(objects), mode)]},
                {"what": category or ANY}, [Group(2, [Object("remove")])])
    steps = evaluate([rule], message or mail())["groups"][0]["steps"]
    return steps[0]["marks"] if steps else False


def who(mode, *objects, **known):
    """Recipients that the group names in To."""
    rule = Rule(1, 50, True, "both", {"from": [], "when": [], "what": [],
                "to": [Group(1, list(objects), mode)]})
    found = evaluate([rule], mail(**known))["matches"]
    return found[0]["rcpt"] if found else []


def at(when, zone="UTC", frame_zone="", **frame):
    time = datetime.fromisoformat(when).replace(tzinfo=timezone.utc)
    return when_matches(Object("timeframe", zone=frame_zone, **frame),
                        mail(time=int(time.timestamp()), zone=zone))


def verdict(*lists, **known):
    return user_list(mail(lists=[dict(zip(("owner", "kind", "pattern"), e))
                                 for e in lists], **known), "u@y.example")


PDF = Object("filename", r".*\.pdf")
EXE = Object("filename", r".*\.exe")
ZIP = Object("filename", r".*\.zip")
SPAM = Object("spam", low=3)
SUBJECT = Object("field", "subject", "invoice", top_only=True)
ABSENT = Object("field", "subject", "order", top_only=True)
DESCRIBED = Object("field", "Comments", "invoice")
Y, U = Object("domain", "y.example"), Object("email", "U@y.example")
KNOWN = [{"profile": "p", "account": "anna", "addresses": ["U@y.example"],
          "groups": ["staff"]}]

EXAMPLES = (
    ("any: parts of all", what(ANY, PDF, EXE), [2, 3]),
    ("any: nothing", what(ANY, ZIP), False),
    ("all: one part must be both", what(ALL, PDF, EXE), False),
    ("all: the mail restricts nothing", what(ALL, SUBJECT, EXE), [3]),
    ("all: of the mail only", what(ALL, SUBJECT, SPAM,
                                   message=mail(spam=5)), None),
    ("all: not the mail", what(ALL, SPAM, EXE, message=mail(spam=2)), False),
    ("none: the other leaves", what(NONE, PDF), [1, 3]),
    ("none: all are it", what(NONE, Object("content_type", "/")), False),
    ("none: not even the mail", what(NONE, PDF, SUBJECT), False),
    ("none: of the mail", what(NONE, ABSENT), None),
    ("none: of the mail and of parts", what(NONE, ABSENT, PDF), [1, 3]),
    ("at least one does not", what(NOT_ALL, PDF, EXE), [1, 2, 3]),
    ("at least one does not: parts", what(NOT_ALL, SUBJECT, PDF), [1, 3]),
    ("at least one does not: both do", what(NOT_ALL, SUBJECT), False),
    ("category none", what(ANY, PDF, category=NONE), [1, 3]),
    ("category none of none", what(NONE, PDF, category=NONE), [2]),
    ("category none of all", what(ALL, SUBJECT, PDF, category=NONE), [1, 3]),
    ("empty group, any", what(ANY), False),
    ("empty group, all", what(ALL), False),
    ("empty group, at least one does not", what(NOT_ALL), False),
    ("empty group, none", what(NONE), None),
    ("part's field", what(ANY, DESCRIBED), [2]),
    ("part's field, top only", what(ANY, Object(
        "field", "Comments", ".", top_only=True)), False),
    ("only content: declared does not count", what(ANY, Object(
        "content_type", "octet", only_content=True)), False),
    ("only content: magic does", what(ANY, Object(
        "content_type", "dosexec", only_content=True)), [3]),
    ("name in an archive", what(ANY, Object("archive_name", r"c\.doc")), [3]),
    ("it is no name of the part", what(ANY, Object(
        "filename", r"c\.doc")), False),
    ("macros inside", what(NONE, Object("macros")), [1, 2]),
    ("size from to", what(ANY, Object("size", low=5, high=9),
                          message=mail(size=9)), None),
    ("size too large", what(ANY, Object("size", low=5, high=9),
                            message=mail(size=10)), False),
    ("SPF", what(ANY, Object("spf", results=["fail", "softfail"]),
                 message=mail(spf="softfail")), None),
    ("who any", who(ANY, Y), [0]),
    ("who none", who(NONE, Y), [1]),
    ("who all", who(ALL, Y, U), [0]),
    ("who at least one does not", who(NOT_ALL, Y, U), [1]),
    ("an IP address is no recipient", who(NONE, Object(
        "ip", "192.0.2.1")), [0, 1]),
    ("subdomains", who(ANY, Object("domain", "example", subdomains=True)),
     [0, 1]),
    ("no subdomains", who(ANY, Object("domain", "example")), []),
    ("LDAP known", who(ANY, Object("ldap_group", mode="any"),
                       directory=KNOWN), [0]),
    ("LDAP unknown", who(ANY, Object("ldap_group", mode="none"),
                         directory=KNOWN), [1]),
    ("LDAP group", who(ANY, Object("ldap_group", "staff", mode="group",
                                   profile="p"), directory=KNOWN), [0]),
    ("LDAP group of another profile", who(ANY, Object(
        "ldap_group", "staff", mode="group", profile="q"),
        directory=KNOWN), []),
    ("LDAP user", who(ANY, Object("ldap_user", "anna"),
                      directory=KNOWN), [0]),
    # 2024-06-14 is a Friday.
    ("last minute", at("2024-06-14 16:00", low=480, high=960), True),
    ("after it", at("2024-06-14 16:01", low=480, high=960), False),
    ("zone of the gateway", at("2024-06-14 07:00", "Europe/Berlin",
                               low=480, high=960), True),
    ("zone of the frame", at("2024-06-14 12:30", "Europe/Berlin", low=480,
                             high=960, frame_zone="America/New_York"), True),
    ("zone of the frame, too early", at(
        "2024-06-14 11:30", "Europe/Berlin", low=480, high=960,
        frame_zone="America/New_York"), False),
    ("Friday night on Saturday", at("2024-06-15 03:00", low=1320, high=360,
                                    days=[4]), True),
    ("Friday night on Friday morning", at(
        "2024-06-14 03:00", low=1320, high=360, days=[4]), False),
    ("allowed: pattern", verdict(("u@y.example", "allow", "*@x.exampl?")),
     "allow"),
    ("the closest list decides", verdict(
        ("", "allow", "s@x.example"), ("y.example", "block", "x.example")),
     "block"),
    ("in one list allow goes first", verdict(
        ("", "block", "*"), ("", "allow", "192.0.2.0/24")), "allow"),
    ("header From counts", verdict(("", "block", "f@x")), "block"),
    ("nobody's", verdict(("v@z.example", "block", "*")), None),
)


def main():
    bad = 0
    for number, (name, got, expected) in enumerate(EXAMPLES, 1):
        ok = got == expected and type(got) is type(expected)
        print("%sok %d - %s%s" % ("" if ok else "not ", number, name,
              "" if ok else ": %r, expected %r" % (got, expected)))
        bad += not ok
    print("1..%d" % len(EXAMPLES))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
