#!/usr/bin/python3
"""Random rule sets and messages for the comparison of model and engine.

    generate.py [SEED]          prints one case as JSON

A case is a function of its seed and of the capabilities. Universes are small,
so that matches, ties and copies are frequent.
"""

import json
import random
import sys
from email.header import Header
from email.utils import encode_rfc2231

WHO = ("regex", "email", "domain", "ip", "network", "receiver",
       "receiver_domain", "receiver_regex", "ldap_group", "ldap_user")
WHAT = ("spam", "virus", "field", "content_type", "filename", "archive_type",
        "archive_name", "encrypted", "unreadable", "macros", "ambiguous",
        "limits", "spf", "size")
ACTIONS = ("accept", "block", "quarantine", "notify", "bcc", "remove",
           "disclaimer", "modify")
OPTIONS = ("modes", "subdomains", "weekdays", "zones", "top_only",
           "all_fields", "only_content", "name_types", "entries",
           "empty_groups", "folder_names", "single_part_fields",
           "spoofed_fields")
EVERYTHING = frozenset(WHO + ("timeframe",) + WHAT + ACTIONS + OPTIONS)

SENDERS = ("", "a@x.example", "A@X.example", "b@y.example", "c@sub.x.example",
           "a+t@y.example")
RECIPIENTS = ("a@x.example", "B@x.example", "c@y.example", "d@sub.y.example",
              "e@z.example")
CLIENTS = ("", "192.0.2.1", "192.0.2.77", "198.51.100.9", "2001:db8::1",
           "2001:db8:1::1")
NETWORKS = ("192.0.2.0/24", "192.0.2.64/26", "198.51.100.0/25", "0.0.0.0/0",
            "2001:db8::/48", "::/0")
ADDRESS_PATTERNS = (r"^a@", r"x\.example$", r"@sub\.", r"[+]", r"^[b-d]@.*y",
                    r"example", r"^a@x\.example$", r"a@.*", r".*@.*x\.example",
                    r"[b-d]@.*y\.EXAMPLE", r".*[+].*", r"nobody@.*",
                    r"a@x|b@y\.example")
DOMAINS = ("x.example", "Y.example", "sub.x.example", "z.example", "example")
# (name, type derived from it)
NAMES = (("a.txt", "text/plain"), ("b.PDF", "application/pdf"),
         ("c.exe", "application/x-ms-dos-executable"),
         ("d.zip", "application/zip"), ("report.pdf.exe",
         "application/x-ms-dos-executable"), ("gr\u00fc\u00dfe.pdf",
         "application/pdf"), ("exe", ""))
FOLDER_NAMES = (("dir/c.exe", "application/x-ms-dos-executable"),)
ENTRY_NAMES = (("dir/c.exe", "application/x-ms-dos-executable"),
               ("dir/sub/a.txt", "text/plain"), ("b.PDF", "application/pdf"),
               ("c.exe", "application/x-ms-dos-executable"))
NAME_PATTERNS = (r".*\.pdf", r".*\.exe", r"exe", r"a\..*", r"c", r"pdf",
                 r"c\.exe", r".*\.(zip|txt)", "gr\u00fc.*", r"[^.]*\.exe",
                 r"dir/.*")
LEAF_TYPES = ("text/plain", "text/html", "application/pdf", "image/png",
              "application/octet-stream", "application/zip")
MAGIC = ("", "", "text/plain", "application/pdf", "image/png",
         "application/x-ms-dos-executable", "application/zip")
TYPE_PATTERNS = (r"image/.*", r"application/(pdf|zip)", r"^text/", r"octet",
                 r"multipart/.*", r"^message/rfc822$", r"x-ms-dos", r"html$",
                 r"TEXT/PLAIN", r"unreadable-archive")
FIELD_NAMES = ("Subject", "x-spam", "X-Flag", "From", "Comments")
SPOOFED = ("x-spam",)      # set by rules
FIELD_VALUES = ("hello", "Invoice 17", "gr\u00fc\u00dfe aus", "yes",
                "a@x.example", "b@y.example")
FIELD_PATTERNS = (r"invoice", r"^hello$", r"YES", "gr\u00fc", r"1[0-9]", r"@x",
                  r"^$|^yes", r".")
FLAGS = ("encrypted", "unreadable", "macros")
# Noon, around midnight, around the edges of the frames, both half-years.
TIMES = tuple(day + minute * 60 for day in (1700006400, 1718409600, 1709251200)
              for minute in (0, 1, 359, 360, 361, 479, 480, 481, 720, 959, 960,
                             961, 1319, 1320, 1439))
MINUTES = (0, 360, 480, 720, 960, 1320, 1439)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata")
MODES = ("any", "any", "all", "not_all", "none")


def derive_types(part):
    types = [dict(NAMES + FOLDER_NAMES)[n] for n in part["names"]]
    part["name_types"] = [t for t in types if t]


class Generator:
    def __init__(self, seed, capabilities):
        self.rnd = random.Random("model %s" % seed)
        self.can = capabilities

    def pick(self, values):
        return self.rnd.choice(values)

    def chance(self, percent, capability=None):
        hit = self.rnd.randrange(100) < percent
        return hit and (capability is None or capability in self.can)

    def types(self, universe):
        return [t for t in universe if t in self.can]

    # ---- objects ----

    def who(self):
        t = self.pick(self.types(WHO))
        o = {"type": t}
        if t in ("regex", "receiver_regex"):
            o["value"] = self.pick(ADDRESS_PATTERNS)
        elif t in ("email", "receiver"):
            o["value"] = self.pick(SENDERS[1:] + RECIPIENTS)
        elif t in ("domain", "receiver_domain"):
            o["value"] = self.pick(DOMAINS)
            o["subdomains"] = self.chance(40, "subdomains")
        elif t == "ip":
            o["value"] = self.pick(CLIENTS[1:])
        elif t == "network":
            o["value"] = self.pick(NETWORKS)
        else:
            o["profile"] = self.pick(("", "p", "q"))
            if t == "ldap_user":
                o["value"] = self.pick(("anna", "bert"))
            else:
                o["mode"] = self.pick(("any", "none", "group"))
                o["value"] = self.pick(("staff", "guests"))
        return o

    def when(self):
        o = {"type": "timeframe", "low": self.pick(MINUTES),
             "high": self.pick(MINUTES)}
        if self.chance(50, "weekdays"):
            o["days"] = sorted(self.rnd.sample(range(7), self.pick((1, 3, 6))))
        if self.chance(40, "zones"):
            o["zone"] = self.pick(ZONES)
        return o

    def what(self):
        # The one that depends on the recipient, and what has most options,
        # more often.
        t = self.pick(self.types(WHAT + ("spam", "spam", "field", "field",
                                         "filename")))
        o = {"type": t}
        if t == "spam":
            o["low"] = self.pick((0, 3, 5, 10, 100))
        elif t == "field":
            names = [n for n in FIELD_NAMES if "spoofed_fields" in self.can
                     or n.lower() not in SPOOFED]
            o["value"], o["regex"] = self.pick(names), \
                self.pick(FIELD_PATTERNS)
            o["top_only"] = "all_fields" not in self.can or \
                self.chance(40, "top_only")
        elif t in ("content_type", "archive_type"):
            o["value"] = self.pick(TYPE_PATTERNS)
            o["only_content"] = t == "content_type" and \
                self.chance(25, "only_content")
        elif t in ("filename", "archive_name"):
            o["value"] = self.pick(NAME_PATTERNS)
        elif t == "spf":
            o["results"] = self.rnd.sample(("pass", "fail", "softfail",
                                            "none"), 2)
        elif t == "size":
            o["low"], o["high"] = self.pick(((0, 1000), (1000, 0),
                                             (1000, 5000), (5001, 0)))
        return o

    def action(self):
        # The one that looks at marks, more often; final ones less.
        t = self.pick(self.types(ACTIONS + ACTIONS[3:] + ("remove",)))
        o = {"type": t}
        if t == "modify":
            o["value"] = self.pick(("X-SPAM", "X-SPAM", "Subject", "X-New"))
        elif t == "remove":
            o["all_parts"] = self.chance(40)
            o["keep_copy"] = self.chance(30)
        elif t in ("bcc", "notify"):
            o["value"] = "admin@x.example"
            o["original"] = t == "bcc" and self.chance(60)
        return o

    # ---- the rule set ----

    def group(self, number, kind, make):
        sizes = (1, 1, 2, 2, 3) + (0,) * ("empty_groups" in self.can)
        mode = self.pick(MODES) if "modes" in self.can else "any"
        return {"id": number, "kind": kind, "mode": mode,
                "objects": [make() for _ in range(self.pick(sizes))]}

    def rule(self, number, pool):
        def some(kind, counts):
            ids = pool[kind]
            n = min(self.pick(counts), len(ids))
            return self.rnd.sample(ids, n)
        modes = {c: self.pick(MODES) if "modes" in self.can else "any"
                 for c in ("from", "to", "when", "what")}
        return {"id": number, "priority": self.pick((0, 50, 60, 60, 60, 100)),
                "active": self.chance(94), "modes": modes,
                "direction": self.pick(("in", "in", "out", "both", "both",
                                        "both")),
                "groups": {"from": some("who", (0, 0, 0, 1, 2)),
                           "to": some("who", (0, 0, 1, 2, 3)),
                           "when": some("when", (0, 0, 0, 1, 2)),
                           "what": some("what", (0, 1, 2, 2, 3))},
                "actions": some("action", (0, 1, 1, 2, 3))}

    def rules(self):
        groups, pool = [], {}
        for kind, make, count in (
                ("who", self.who, 4), ("when", self.when, 2),
                ("what", self.what, 5), ("action", self.action, 5)):
            made = [self.group(len(groups) + 1 + i, kind, make)
                    for i in range(count)]
            groups += made
            pool[kind] = [g["id"] for g in made]
        numbers = self.rnd.sample(range(1, 30), self.pick((1, 3, 5, 8, 12)))
        return groups, [self.rule(n, pool) for n in numbers]

    # ---- the message ----

    def fields(self, names):
        return [[self.pick(names), self.pick(FIELD_VALUES)]
                for _ in range(self.pick((0, 1, 1, 2, 3)))]

    def entry(self):
        name, derived = self.pick((("", ""),) + ENTRY_NAMES)
        return {"depth": self.pick((0, 1, 1, 2)), "name": name,
                "type": self.pick(MAGIC),
                "name_types": [derived] if derived and
                "name_types" in self.can else [],
                "flags": self.rnd.sample(FLAGS, self.pick((0, 0, 1, 2)))}

    def entries(self):
        if not self.chance(40, "entries"):
            return []
        return [self.entry() for _ in range(self.pick((1, 2, 3)))]

    def names(self, part, percent):
        if self.chance(percent):
            names = NAMES + FOLDER_NAMES * ("folder_names" in self.can)
            chosen = self.rnd.sample(names, self.pick((1, 1, 1, 2)))
            part["names"] = [n for n, _ in chosen]
            if "name_types" in self.can:
                derive_types(part)

    def leaf(self, part):
        part["declared"] = [self.pick(LEAF_TYPES)]
        part["magic"] = self.pick(MAGIC)
        self.names(part, 60)
        part["entries"] = self.entries()
        if self.chance(15, "entries"):
            part["flags"] = self.rnd.sample(FLAGS, 1)

    def part(self, parts, parent, depth):
        """Adds a part and those in it, in document order."""
        whole = parent < 0 or parts[parent]["declared"] == ["message/rfc822"]
        names = FIELD_NAMES if whole else FIELD_NAMES[1:3] + FIELD_NAMES[4:]
        me = len(parts)
        part = {"parent": parent, "fields": self.fields(names),
                "declared": [], "names": [], "magic": "", "name_types": [],
                "flags": [], "entries": []}
        parts.append(part)
        kind = self.pick(("leaf", "leaf", "multipart", "message")
                         if parent >= 0 else ("leaf", "multipart",
                                              "multipart", "multipart"))
        if kind == "leaf" or depth >= 3:
            self.leaf(part)
            if parent < 0 and "single_part_fields" not in self.can:
                part["fields"] = []
        elif kind == "message":
            part["declared"] = ["message/rfc822"]
            self.names(part, 30)
            self.part(parts, me, depth + 1)
        else:
            part["declared"] = ["multipart/" + self.pick(
                ("mixed", "alternative", "related"))]
            self.names(part, 5)
            for _ in range(self.pick((1, 2, 2, 3))):
                self.part(parts, me, depth + 1)

    def directory(self):
        if not self.can & {"ldap_group", "ldap_user"}:
            return []
        return [{"profile": self.pick(("p", "q")),
                 "account": self.pick(("anna", "bert")),
                 "addresses": self.rnd.sample(SENDERS[1:] + RECIPIENTS, 2),
                 "groups": self.rnd.sample(("staff", "guests"),
                                           self.pick((0, 1, 2)))}
                for _ in range(self.pick((0, 1, 3, 3)))]

    def lists(self, recipients):
        if not self.chance(50):
            return []
        return [{"owner": self.pick(("", "x.example", "y.example") + tuple(
                    r.lower() for r in recipients)),
                 "kind": self.pick(("allow", "block")),
                 "pattern": self.pick((
                     "a@x.example", "*@x.example", "?@y.example", "x.example",
                     "*.example", "*", "192.0.2.0/24", "192.0.2.1",
                     "2001:db8::1"))}
                for _ in range(self.pick((1, 2, 3)))]

    def message(self):
        parts = []
        self.part(parts, -1, 0)
        recipients = self.rnd.sample(RECIPIENTS, self.pick((1, 2, 3, 4, 4)))
        return {"direction": self.pick(("in", "in", "out")),
                "sender": self.pick(SENDERS), "client": self.pick(CLIENTS),
                "recipients": recipients, "parts": parts,
                "time": self.pick(TIMES), "zone": self.pick(ZONES),
                "size": self.pick((999, 1000, 5000, 5001)),
                "spam": self.pick((None, 0, 2, 3, 5, 9, 10, 100)),
                "virus": self.pick((None, None, "Eicar")),
                "spf": self.pick(("pass", "fail", "softfail", "none")),
                "ambiguous": self.chance(20, "ambiguous"),
                "limits": self.chance(20, "limits"),
                "lists": self.lists(recipients), "directory": self.directory()}


def case(seed, capabilities=EVERYTHING):
    g = Generator(seed, capabilities)
    groups, rules = g.rules()
    return {"seed": seed, "groups": groups, "rules": rules,
            "message": g.message()}


# ---- the message as bytes ----

def encoded(value):
    return value if value.isascii() else Header(value, "utf-8").encode()


def parameter(key, value):
    if value.isascii():
        return '; %s="%s"' % (key, value)
    return "; %s*=%s" % (key, encode_rfc2231(value, "utf-8"))


def header(part, number):
    lines = ["%s: %s" % (n, encoded(v)) for n, v in part["fields"]]
    ctype = part["declared"][0]
    if ctype.startswith("multipart/"):
        ctype += '; boundary="=b%d"' % number
    names = part["names"]
    if len(names) > 1:
        ctype += parameter("name", names[1])
    lines.append("Content-Type: " + ctype)
    if names:
        lines.append("Content-Disposition: attachment" +
                     parameter("filename", names[0]))
    return "\r\n".join(lines) + "\r\n\r\n"


def eml(message):
    """The bytes of the message: what lib/mail reads in them are the same
    parts, in the same order, as the model's."""
    parts = message["parts"]

    def text(number):
        part = parts[number]
        children = [i for i, p in enumerate(parts) if p["parent"] == number]
        head = header(part, number)
        if not children:
            return head + "text %d" % number
        if part["declared"][0] == "message/rfc822":
            return head + text(children[0])
        body = "".join("--=b%d\r\n%s\r\n" % (number, text(c))
                       for c in children)
        return head + body + "--=b%d--" % number
    return text(0) + "\r\n"


if __name__ == "__main__":
    made = case(sys.argv[1] if len(sys.argv) > 1 else 0)
    print(json.dumps(made, indent=1))
    print(eml(made["message"]))
