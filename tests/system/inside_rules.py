"""Rules of a test, put into a gateway's database while pmgd-store is away."""

import os
import sqlite3

from tests.rig.service import wait_for

CAT_FROM, CAT_TO, CAT_WHEN, CAT_WHAT, CAT_ACTION = range(5)
IN, OUT, BOTH = range(3)
DOMAIN = 1002
LDAP_GROUP = 1005
LDAP_KNOWN_ADDRESS, LDAP_UNKNOWN_ADDRESS, LDAP_IN_GROUP = range(3)
FILENAME, ARCHIVE_TYPE, ARCHIVE_NAME = 3004, 3005, 3006
ENCRYPTED, UNREADABLE, MACROS, AMBIGUOUS, LIMITS = range(3900, 3905)
ACCEPT, BLOCK, QUARANTINE, REMOVE = 4000, 4001, 4006, 4007


def _group(db, name, category, objects):
    gid = db.execute("INSERT INTO groups (name, info, category) "
                     "VALUES (?, '', ?)", (name, category)).lastrowid
    for o in objects:
        kind, value, value2, number = (tuple(o) + ("", 0))[:4]
        db.execute("INSERT INTO objects (group_id, type, value, value2, "
                   "value3, number, number2, flags) "
                   "VALUES (?, ?, ?, ?, '', ?, 0, 0)",
                   (gid, kind, value, value2, number))
    return gid


def _rule(db, name, priority, domain, what, action):
    rid = db.execute("INSERT INTO rules (name, priority, active, direction) "
                     "VALUES (?, ?, 1, ?)", (name, priority, IN)).lastrowid
    if isinstance(domain, str):
        domain = [(DOMAIN, domain)]
    for category, objects in ((CAT_TO, domain), (CAT_WHAT, what),
                              (CAT_ACTION, [(action, "")])):
        if not objects:
            continue
        kind = CAT_FROM if category == CAT_TO else category
        db.execute("INSERT INTO rule_groups VALUES (?, ?, ?)",
                   (rid, category, _group(db, name, kind, objects)))


def change(gateway, statements=(), rules=()):
    """rules: (name, priority, domain of the recipients or who objects,
    [(what type, value)], action type). Objects: (type, value[, value2[,
    number]])."""
    published = gateway.path("var/lib/pmg/rules/rules.active")
    before = os.stat(published).st_ino
    store = gateway.services["pmgd-store"]
    store.stop()
    db = sqlite3.connect(gateway.path("var/lib/pmg/store/config.db"))
    with db:
        for text in statements:
            db.execute(text)
        for rule in rules:
            _rule(db, *rule)
        db.execute("INSERT INTO changes (time_us, actor, what) "
                   "VALUES (0, 'test', 'rules')")
    db.close()
    store.start()
    wait_for(lambda: os.stat(published).st_ino != before, "the new rules")
