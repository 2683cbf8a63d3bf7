"""The rule system's logic, slow and plain: rules and one message in, what has
to happen to it for each recipient out.

Written from the inventory of the reference product (pmg.md 2.1-2.4 and 3.2,
quoted below as "Ref") and from the text of issue 4 ("Issue"), before the
engine was changed and without looking at it. Where both are silent or differ,
"Qn" names the question in README.md and the decision taken there.

Nothing here is fast and nothing is shared with the engine: names of types are
those of pmgd/lib/rules/rules.h so that a person finds the way.
"""

import ipaddress
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.utils import getaddresses
from zoneinfo import ZoneInfo

ANY, ALL, NOT_ALL, NONE = "any", "all", "not_all", "none"
CATEGORIES = ("from", "to", "when", "what")

# Ref 2.2 "internal priority within a rule; final ends rule processing for
# that recipient".
ACTION_PRIORITY = {"accept": 99, "block": 98, "quarantine": 90, "notify": 89,
                   "bcc": 80, "disclaimer": 49, "remove": 40, "modify": 10}
FINAL = ("accept", "block", "quarantine")
# Once per rule, not in each copy (rules.h, struct plan_notice).
NOTICES = ("notify", "bcc")
UNREADABLE_ARCHIVE = "proxmox/unreadable-archive"
# Ref 3.2 "matched against envelope sender and ...".
LISTED_FIELDS = ("from", "envelope-sender", "resent-sender",
                 "x-envelope-from", "envelopefrom")


# ---- what an administrator wrote ----

@dataclass
class Object:
    type: str
    value: str = ""     # address, domain, network, pattern, field name ...
    regex: str = ""     # field: pattern of the value
    profile: str = ""   # LDAP
    mode: str = ""      # ldap_group: any, none, group
    low: int = 0        # spam level, first minute of the day, least size
    high: int = 0       # last minute of the day, greatest size (0 = no end)
    days: list = field(default_factory=list)    # 0 = Monday; [] = every day
    zone: str = ""      # "" = the gateway's
    results: list = field(default_factory=list)     # spf
    subdomains: bool = False
    top_only: bool = False
    only_content: bool = False
    all_parts: bool = False     # remove
    keep_copy: bool = False     # remove: to the attachment quarantine
    original: bool = False      # bcc


@dataclass
class Group:
    id: int
    objects: list
    mode: str = ANY


@dataclass
class Rule:
    id: int
    priority: int
    active: bool
    direction: str                              # in, out, both
    groups: dict                                # category -> [Group]
    modes: dict = field(default_factory=dict)   # category -> mode
    actions: list = field(default_factory=list)     # [Group]


# ---- what is known about a message ----

@dataclass
class Entry:
    """Something in a part. Depth 0: the part's own content by another
    reading. Deeper: in an archive or a document."""
    depth: int = 1
    name: str = ""
    type: str = ""              # by magic
    name_types: list = field(default_factory=list)
    flags: list = field(default_factory=list)


@dataclass
class Part:
    index: int
    parent: int = -1
    fields: list = field(default_factory=list)      # (name, decoded value)
    declared: list = field(default_factory=list)    # types
    magic: str = ""
    name_types: list = field(default_factory=list)
    names: list = field(default_factory=list)
    flags: list = field(default_factory=list)   # encrypted unreadable macros
    entries: list = field(default_factory=list)


@dataclass
class Message:
    direction: str
    sender: str
    client: str
    recipients: list
    parts: list
    time: int = 0               # seconds since 1970, UTC
    zone: str = "UTC"           # the gateway's
    size: int = 0
    spam: int = None            # None = not known
    virus: str = None
    spf: str = "none"
    ambiguous: bool = False
    limits: bool = False
    lists: list = field(default_factory=list)   # user lists: dicts, see there
    directory: list = field(default_factory=list)   # LDAP: dicts, see there


def load_rules(case):
    """The rules of a case as generate.py writes it (JSON)."""
    groups = {g["id"]: Group(g["id"], [Object(**o) for o in g["objects"]],
                             g["mode"]) for g in case["groups"]}
    rules = []
    for r in case["rules"]:
        cats = {c: [groups[g] for g in r["groups"][c]] for c in CATEGORIES}
        rules.append(Rule(r["id"], r["priority"], r["active"], r["direction"],
                          cats, r["modes"], [groups[g] for g in r["actions"]]))
    return rules


def load_message(case):
    m = dict(case["message"])
    m["parts"] = [Part(**{k: v for k, v in dict(
        p, index=i, entries=[Entry(**e) for e in p.get("entries", [])]).items()
        if k != "eml"}) for i, p in enumerate(m["parts"])]
    return Message(**m)


# ---- marks ----

@dataclass(frozen=True)
class Marks:
    """Ref 2.1 "For What objects the flags work on MIME-part marks (set of part
    ids; empty list = whole mail)". whole: what matched speaks of the mail, not
    of some part; parts: the parts that something named. Neither = no match.
    """
    whole: bool = False
    parts: frozenset = frozenset()

    def __bool__(self):
        return self.whole or bool(self.parts)

    def value(self):
        """As an action sees it: the parts, or None for the whole mail. Q1:
        parts that were named go before the mail as a whole."""
        return sorted(self.parts) if self.parts else None


NOTHING, WHOLE = Marks(), Marks(True)


@dataclass(frozen=True)
class Outcome:
    """Where something matches, and where its contrary does."""
    yes: Marks
    no: Marks

    def inverted(self):
        return Outcome(self.no, self.yes)


def truth(value):
    """Of a statement about the mail, an address, a time."""
    return Outcome(WHOLE, NOTHING) if value else Outcome(NOTHING, WHOLE)


def of_parts(matching, message):
    """Of a statement about parts. The contrary holds for every other part
    that has content of its own (Q2). The top of a multipart is the whole mail,
    not a part of it (Q11)."""
    named, others = set(matching), leaves(message)
    top = 0 in named and 0 not in others
    return Outcome(Marks(top, frozenset(named - {0} if top else named)),
                   NOTHING if top else Marks(False, others - named))


def leaves(message):
    parents = {p.parent for p in message.parts}
    return frozenset(p.index for p in message.parts if p.index not in parents)


def either(marks):
    """Everything that one of them names."""
    return Marks(any(m.whole for m in marks),
                 frozenset().union(*(m.parts for m in marks)))


def both(marks):
    """Each of them speaks of it: of this very part, or of the whole mail."""
    named = frozenset().union(*(m.parts for m in marks))
    return Marks(all(m.whole for m in marks),
                 frozenset(p for p in named
                           if all(m.whole or p in m.parts for m in marks)))


def combine(mode, outcomes):
    """Ref 2.1 "each category-in-rule and each group has `and` and `invert`
    (GUI: any / all / at least one does not / none match)"."""
    if not outcomes:
        # Q3: an empty group has none that matches, and none that does not.
        return truth(mode == NONE)
    any_of = Outcome(either([o.yes for o in outcomes]),
                     both([o.no for o in outcomes]))
    all_of = Outcome(both([o.yes for o in outcomes]),
                     either([o.no for o in outcomes]))
    return {ANY: any_of, ALL: all_of, NOT_ALL: all_of.inverted(),
            NONE: any_of.inverted()}[mode]


# ---- who ----

def search(pattern, text):
    """Types and fields (Q4): anywhere in the text, without case."""
    return re.search(pattern, text, re.I | re.S) is not None


def whole_match(pattern, text):
    """Ref 2.2 "Match filename (anchored, ci)"; addresses, too (Q4)."""
    return re.fullmatch(pattern, text, re.I | re.S) is not None


def domain_of(address):
    return address.rpartition("@")[2].lower() if "@" in address else ""


def domain_matches(domain, wanted, subdomains):
    """Ref 2.2 "1002 Domain (exact; no subdomains)"; Issue "domain, subdomains
    as an option" (Q5: they come besides the domain itself)."""
    wanted = wanted.lower()
    return domain != "" and (domain == wanted or (
        subdomains and domain.endswith("." + wanted)))


def in_network(client, network):
    if not client:
        return False
    address = ipaddress.ip_address(client)
    net = ipaddress.ip_network(network, strict=False)
    return address.version == net.version and address in net


def ldap_matches(o, address, message):
    """Ref 2.2 "1005 LDAP group (profile + mode any | none | group; "existing
    LDAP address", "unknown LDAP address", group), 1006 LDAP user (account +
    profile)". Q6: no profile named = any of them."""
    known = [e for e in message.directory
             if o.profile in ("", e["profile"])
             and address.lower() in [a.lower() for a in e["addresses"]]]
    if o.type == "ldap_user":
        return any(e["account"] == o.value for e in known)
    if o.mode == "group":
        return any(o.value in e["groups"] for e in known)
    if o.mode == "any":
        return bool(known)
    return not known and any(o.profile in ("", e["profile"])
                             for e in message.directory)


def who_matches(o, address, client, message, is_recipient):
    """client: None for a recipient; Ref 2.2 "IP objects only make sense in
    From". Receiver kinds name recipients only (Q7)."""
    if o.type.startswith("receiver") and not is_recipient:
        return False
    if o.type in ("regex", "receiver_regex"):
        return whole_match(o.value, address)
    if o.type in ("email", "receiver"):
        return address.lower() == o.value.lower()
    if o.type in ("domain", "receiver_domain"):
        return domain_matches(domain_of(address), o.value, o.subdomains)
    if o.type in ("ip", "network"):
        return client is not None and in_network(client, o.value)
    return ldap_matches(o, address, message)


# ---- when ----

def when_matches(o, message):
    """Ref 2.2 "TimeFrame start-end HH:MM local time, may wrap midnight"; Issue
    "frames with weekdays and time zone, wrapping midnight". Q8: the last
    minute is part of it; an end not after the start is on the next day; the
    weekday is the one on which the frame began."""
    now = datetime.fromtimestamp(message.time, timezone.utc).astimezone(
        ZoneInfo(o.zone or message.zone))
    minute, today = now.hour * 60 + now.minute, now.weekday()
    yesterday = (now.date() - timedelta(days=1)).weekday()

    def day_counts(day):
        return not o.days or day in o.days
    if o.low < o.high:
        return o.low <= minute <= o.high and day_counts(today)
    return (minute >= o.low and day_counts(today)) or \
        (minute <= o.high and day_counts(yesterday))


# ---- what ----

def readings(part):
    return [e for e in part.entries if e.depth == 0]


def with_and_without_folders(names):
    """Q10"""
    return names + [n.rpartition("/")[2] for n in names]


def part_names(part):
    return with_and_without_folders(part.names +
                                    [e.name for e in readings(part)])


def part_types(part, only_content):
    """Ref 2.2 "regex on declared, magic-detected and name-derived types;
    only-content flag" (Q9)."""
    content = [part.magic] + [e.type for e in readings(part)]
    by_name = part.name_types + [t for e in readings(part)
                                 for t in e.name_types]
    return content if only_content else content + part.declared + by_name


def archive_names(part):
    """Q10: of what is inside only."""
    return with_and_without_folders([e.name for e in part.entries
                                     if e.depth > 0])


def archive_types(part):
    """Ref 2.2 "like content type, also inside archives; pseudo type for
    unreadable archive" (Q18: an encrypted one is unreadable, too)."""
    types = part_types(part, False)
    for e in part.entries:
        types = types + [e.type] + e.name_types
    closed = {"unreadable", "encrypted"} & set(part_flags(part))
    return types + [UNREADABLE_ARCHIVE] * bool(closed)


def part_flags(part):
    return part.flags + [f for e in part.entries for f in e.flags]


def one_of(test, pattern, texts):
    return any(t and test(pattern, t) for t in texts)


def field_outcome(o, message, stripped):
    """Ref 2.2 "header name, regex, case-insensitive, decoded; all MIME parts
    unless top-part-only". Q11: the top part's header speaks of the whole mail,
    any other of its part."""
    def has(part):
        return any(name.lower() == o.value.lower() and search(o.regex, value)
                   and not (part.index == 0 and name.lower() in stripped)
                   for name, value in part.fields)
    top = has(message.parts[0])
    if o.top_only:
        return truth(top)
    parts = of_parts([p.index for p in message.parts[1:] if has(p)], message)
    return Outcome(Marks(top, parts.yes.parts), NOTHING if top else parts.no)


def spam_matches(o, message, recipient):
    """Ref 2.2 "level >= n"; 2.4 "Spam match is per recipient: user whitelist
    removes, user blacklist forces 100"."""
    verdict = user_list(message, recipient)
    if verdict == "allow":
        return False
    level = 100 if verdict == "block" else message.spam
    return level is not None and level >= o.low


def what_outcome(o, message, recipient, stripped):
    m = message
    of_mail = {
        "spam": lambda: spam_matches(o, m, recipient),
        "virus": lambda: m.virus is not None,
        "ambiguous": lambda: m.ambiguous,
        "limits": lambda: m.limits,
        "spf": lambda: m.spf in o.results,
        "size": lambda: m.size >= o.low and (o.high == 0 or m.size <= o.high),
    }
    of_part = {
        "content_type": lambda p: one_of(search, o.value,
                                         part_types(p, o.only_content)),
        "filename": lambda p: one_of(whole_match, o.value, part_names(p)),
        "archive_type": lambda p: one_of(search, o.value, archive_types(p)),
        "archive_name": lambda p: one_of(whole_match, o.value,
                                         archive_names(p)),
        "encrypted": lambda p: "encrypted" in part_flags(p),
        "unreadable": lambda p: "unreadable" in part_flags(p),
        "macros": lambda p: "macros" in part_flags(p),
    }
    if o.type == "field":
        return field_outcome(o, message, stripped)
    if o.type in of_mail:
        return truth(of_mail[o.type]())
    return of_parts([p.index for p in m.parts if of_part[o.type](p)], m)


# ---- user lists ----

def glob(pattern, text):
    """Ref 3.2 "Patterns with * and ?"."""
    regex = "".join(".*" if c == "*" else "." if c == "?" else re.escape(c)
                    for c in pattern)
    return whole_match(regex, text)


def listed_senders(message):
    values = [v for n, v in message.parts[0].fields
              if n.lower() in LISTED_FIELDS]
    return [message.sender] + [a for _, a in getaddresses(values)]


def entry_matches(pattern, message):
    """Issue 3 "patterns with * and ?, addresses, domains, networks"."""
    try:
        return in_network(message.client, str(ipaddress.ip_network(
            pattern, strict=False)))
    except ValueError:
        pass
    senders = [a for a in listed_senders(message) if a]
    if "@" not in pattern:
        senders = [domain_of(a) for a in senders]
    return any(glob(pattern, s) for s in senders)


def user_list(message, recipient):
    """Issue 3 "allow and block per recipient, per domain, global". The lists
    are dicts: owner (address, domain, or "" for all), kind, pattern. Q12: the
    closest list with an entry that matches decides; in it allow goes first."""
    for owner in (recipient.lower(), domain_of(recipient), ""):
        kinds = [e["kind"] for e in message.lists
                 if e["owner"] == owner and
                 entry_matches(e["pattern"], message)]
        if kinds:
            return "allow" if "allow" in kinds else "block"
    return None


# ---- a rule ----

def category(rule, name, outcome):
    """outcome: of one object. Ref 2.1 "An empty From/To/When/What category
    matches all", whatever its mode; "OR inside category and group" is mode
    any."""
    groups = rule.groups[name]
    if not groups:
        return WHOLE
    return combine(rule.modes.get(name, ANY), [
        combine(g.mode, [outcome(o) for o in g.objects])
        for g in groups]).yes


def rule_marks(rule, message, recipient, stripped):
    """Ref 2.1 "AND between categories": falsy, or the marks of What."""
    if not category(rule, "from", lambda o: truth(who_matches(
            o, message.sender, message.client, message, False))):
        return NOTHING
    if not category(rule, "when", lambda o: truth(when_matches(o, message))):
        return NOTHING
    if not category(rule, "to", lambda o: truth(who_matches(
            o, recipient, None, message, True))):
        return NOTHING
    return category(rule, "what", lambda o: what_outcome(
        o, message, recipient, stripped))


def rule_actions(rule):
    """(group id, index of object, object), as they take effect. Ref 2.4
    "actions sorted by their priority": lowest first, so that what changes or
    reports the mail comes before what ends it (Q13: then as listed)."""
    actions = [(g.id, i, o) for g in rule.actions
               for i, o in enumerate(g.objects)]
    return sorted(actions, key=lambda a: ACTION_PRIORITY[a[2].type])


def applicable(rules, message):
    """Ref 2.1 "priority (higher is first; ties: higher ID first), active,
    direction (in/out/both)"."""
    return sorted((r for r in rules
                   if r.active and r.direction in ("both", message.direction)),
                  key=lambda r: (r.priority, r.id), reverse=True)


def stripped_fields(rules):
    """Ref 2.4 "1. For rules applicable to the direction: every incoming header
    beginning X-... that some Modify-field action would set is removed first":
    before the match phase, so What does not see it either (Q14)."""
    return {o.value.lower() for r in rules for _, _, o in rule_actions(r)
            if o.type == "modify" and o.value.lower().startswith("x-")}


# ---- the plan ----

@dataclass
class Step:
    rule: int
    action: tuple       # group id, index of object
    type: str
    all_parts: bool
    marks: list         # None = whole mail

    def same(self):
        """What makes two copies differ (Q15): the marks only where the action
        looks at them."""
        uses = self.type == "remove" and not self.all_parts
        return (self.rule, self.action,
                self.marks and tuple(self.marks) if uses else None)


@dataclass
class Fate:
    """One recipient's."""
    steps: list = field(default_factory=list)
    disposition: str = "accept"     # Ref 2.4 "6. Left over => accept"
    rule: int = None
    open: bool = True


def evaluate(rules, message):
    """Ref 2.4: "Match phase over all rules, in priority order, before any
    action runs"; "a recipient taken by a final rule is not offered to later
    rules". Nothing that an action does is looked at by a later rule, so laying
    the actions out at once gives the same plan."""
    rules = applicable(rules, message)
    stripped = stripped_fields(rules)
    fates = [Fate() for _ in message.recipients]
    matches, notices = [], []
    for rule in rules:
        taken = {}
        for i, recipient in enumerate(message.recipients):
            if fates[i].open:
                marks = rule_marks(rule, message, recipient, stripped)
                if marks:
                    taken[i] = marks.value()
        if not taken:
            continue
        matches.append({"rule": rule.id, "rcpt": sorted(taken)})
        for group, index, action in rule_actions(rule):
            apply(rule, (group, index), action, taken, fates, notices)
    return {"strip": sorted(stripped), "groups": copies(fates, message),
            "notices": notices, "matches": matches}


def apply(rule, name, action, taken, fates, notices):
    if action.type in NOTICES:
        notices.append({"rule": rule.id, "action": list(name),
                        "rcpt": sorted(taken)})
        return
    for i, marks in taken.items():
        if action.type not in FINAL:
            fates[i].steps.append(Step(rule.id, name, action.type,
                                       action.all_parts, marks))
        elif fates[i].open:
            # The first final one in order of priority counts.
            fates[i].open = False
            fates[i].disposition, fates[i].rule = action.type, rule.id


def copies(fates, message):
    """Ref 2.4 "split recipients so that a modified body is only copied when
    different recipients need different modifications"; a group ends in one
    way by one rule (rules.h, struct plan_group)."""
    groups = {}
    for i, fate in enumerate(fates):
        key = (tuple(s.same() for s in fate.steps), fate.disposition,
               fate.rule)
        groups.setdefault(key, []).append(i)
    plan = []
    for (_, disposition, rule), rcpt in groups.items():
        steps = fates[rcpt[0]].steps
        group = {"rcpt": rcpt, "disposition": disposition, "rule": rule,
                 "steps": [{"rule": s.rule, "action": list(s.action),
                            "marks": s.marks, "looks_at_marks":
                            s.type == "remove" and not s.all_parts}
                           for s in steps]}
        if disposition == "quarantine":
            # Ref 2.2 "virus quarantine if a virus was found, else spam".
            group["quarantine"] = "virus" if message.virus else "spam"
        plan.append(group)
    return plan
