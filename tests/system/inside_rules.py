"""Rules of a test, published in a gateway."""

from tests.rig import rules as store_rules

CAT_FROM, CAT_TO, CAT_WHEN, CAT_WHAT, CAT_ACTION = range(5)
IN, OUT, BOTH = range(3)
WHO_REGEX, DOMAIN = 1000, 1002
LDAP_GROUP = 1005
LDAP_KNOWN_ADDRESS, LDAP_UNKNOWN_ADDRESS, LDAP_IN_GROUP = range(3)
SPAM, VIRUS, FIELD, CONTENT_TYPE = range(3000, 3004)
FILENAME, ARCHIVE_TYPE, ARCHIVE_NAME = 3004, 3005, 3006
ENCRYPTED, UNREADABLE, MACROS, AMBIGUOUS, LIMITS = range(3900, 3905)
ACCEPT, BLOCK, NOTIFY, SET_FIELD = range(4000, 4004)
BCC, QUARANTINE, REMOVE, DISCLAIMER = 4005, 4006, 4007, 4009
ATTACH_ORIGINAL, ORIGINAL, REMOVE_ALL, QUARANTINE_COPY, AT_START, SEPARATOR = (
    1 << n for n in range(6))
SIGNED_TOO = 512


def obj(kind, value="", value2="", value3="", number=0, flags=0):
    return kind, value, value2, value3, number, flags


def rule(name, priority, to, action, what=(), direction=IN):
    """to, what, action: objects, each category one group."""
    return name, priority, direction, to, what, action


# Names of value, value2, value3 and number in JSON (doc/RULES.md).
MEMBERS = {
    SPAM: (None, None, None, "level"), FIELD: ("field", "value"),
    NOTIFY: ("to", "subject", "body"), SET_FIELD: ("field", "value"),
    BCC: ("to",), REMOVE: ("text",), DISCLAIMER: ("disclaimer",),
    LDAP_GROUP: ("profile", "group", None, "mode"),
}
FLAGS = {ATTACH_ORIGINAL: ("attach", True), ORIGINAL: ("original", True),
         REMOVE_ALL: ("all", True), QUARANTINE_COPY: ("quarantine", True),
         AT_START: ("position", "start"), SEPARATOR: ("separator", True),
         SIGNED_TOO: ("signed", True)}


def _object(kind, value, value2, value3, number, flags):
    if kind == LDAP_GROUP:
        number = ("any", "none", "group")[number]
    names = MEMBERS.get(kind, ("value",))
    made = {"otype": kind}
    for name, given in zip(names, (value, value2, value3, number)):
        if name and given != "":
            made[name] = given
    made.update(pair for bit, pair in FLAGS.items() if flags & bit)
    return made


def _rule(name, priority, direction, to, what, action):
    """The operations that add a rule and its groups."""
    parts = [(category, kind, objects) for category, kind, objects in (
        ("to", "who", to), ("what", "what", what),
        ("action", "action", action)) if objects]
    groups = [{"op": "add", "group": {
        "name": "%s: %s" % (name, category), "kind": kind,
        "objects": [_object(*o) for o in objects]}}
        for category, kind, objects in parts]
    made = {"name": name, "priority": priority, "active": True,
            "direction": ("in", "out", "both")[direction]}
    for category, _, _ in parts:
        made[category] = {"groups": ["%s: %s" % (name, category)]}
    return groups + [{"op": "add", "rule": made}]


def _short_obj(kind, value="", value2="", number=0):
    return obj(kind, value, value2, number=number)


def _short(name, priority, domain, what, action):
    to = [(DOMAIN, domain)] if isinstance(domain, str) else domain
    return rule(name, priority, [_short_obj(*o) for o in to], [obj(action)],
                [_short_obj(*o) for o in what])


def change(gateway, rules=()):
    """rules: rule(...), or in short (name, priority, domain of the recipients
    or who objects, [(what type, value)], action type). Objects: (type, value[,
    value2[, number]])."""
    with store_rules.of(gateway) as store:
        store.edit([op for r in rules for op in _rule(
            *(r if len(r) == 6 else _short(*r)))])


def activate(gateway, active, chosen):
    """Switches the rules for whose names chosen() is true."""
    with store_rules.of(gateway) as store:
        store.edit([{"op": "set", "rule": r["id"],
                     "values": {"active": active}}
                    for r in store.get()["rules"] if chosen(r["name"])])
