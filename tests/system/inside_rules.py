"""Rules of a test, put into a gateway's database while pmgd-store is away."""

import os
import sqlite3

from tests.rig.service import wait_for

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


def _group(db, name, category, objects):
    gid = db.execute("INSERT INTO groups (name, info, category) "
                     "VALUES (?, '', ?)", (name, category)).lastrowid
    for o in objects:
        db.execute("INSERT INTO objects (group_id, type, value, value2, "
                   "value3, number, number2, flags) "
                   "VALUES (?, ?, ?, ?, ?, ?, 0, ?)", (gid,) + o)
    return gid


def _rule(db, name, priority, direction, to, what, action):
    rid = db.execute("INSERT INTO rules (name, priority, active, direction) "
                     "VALUES (?, ?, 1, ?)",
                     (name, priority, direction)).lastrowid
    for category, objects in ((CAT_TO, to), (CAT_WHAT, what),
                              (CAT_ACTION, action)):
        kind = CAT_FROM if category == CAT_TO else category
        if objects:
            db.execute("INSERT INTO rule_groups (rule_id, category, group_id) "
                       "VALUES (?, ?, ?)",
                       (rid, category, _group(db, name, kind, objects)))


def _short_obj(kind, value="", value2="", number=0):
    return obj(kind, value, value2, number=number)


def _short(name, priority, domain, what, action):
    to = [(DOMAIN, domain)] if isinstance(domain, str) else domain
    return rule(name, priority, [_short_obj(*o) for o in to], [obj(action)],
                [_short_obj(*o) for o in what])


def change(gateway, statements=(), rules=()):
    """rules: rule(...), or in short (name, priority, domain of the recipients
    or who objects, [(what type, value)], action type). Objects: (type, value[,
    value2[, number]])."""
    published = gateway.path("var/lib/pmg/rules/rules.active")
    before = os.stat(published).st_ino
    store = gateway.services["pmgd-store"]
    store.stop()
    db = sqlite3.connect(gateway.path("var/lib/pmg/store/config.db"))
    with db:
        for text in statements:
            db.execute(text)
        for r in rules:
            _rule(db, *(r if len(r) == 6 else _short(*r)))
        db.execute("INSERT INTO changes (time_us, actor, what) "
                   "VALUES (0, 'test', 'rules')")
    db.close()
    store.start()
    wait_for(lambda: os.stat(published).st_ino != before, "the new rules")
