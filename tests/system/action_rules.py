"""Rules for the tests of actions: who gets what is in the address.

"subject.t1-2@in.example" is treated by the rules whose key is "subject";
several keys stand behind each other: "subject.footer.t1-2@...".
"""

from tests.system import inside_rules as rules
from tests.system.inside_rules import obj, rule

SECOND_ADMIN = "second-admin@in.example"
ARCHIVE = "archive@in.example"
FOOTER = ("<p>Größe &amp; Güte: <b>EXAMPLE GmbH</b></p>"
          "<p>Если вы получили это письмо по ошибке, удалите его.</p>")
FOOTER_TEXT = ("Größe & Güte: EXAMPLE GmbH",
               "Если вы получили это письмо по ошибке, удалите его.")
HEADER = "<p>External mail: __SENDER__</p>"

# key: (actions, what)
KEYS = {
    "subject": ([obj(rules.SET_FIELD, "Subject", "[x] __SUBJECT__")], ()),
    "field": ([obj(rules.SET_FIELD, "X-Act", "__SENDER__|__SENDER_IP__|"
                   "__TARGETS__|__RECEIVERS__|__RULE__|__MSGID__|__UNKNOWN__|"
                   "__SPAMLEVEL__|__VIRUS_INFO__|__VERSION__|__FQDN__")], ()),
    "comments": ([obj(rules.SET_FIELD, "Comments", "the only one")], ()),
    "info": ([obj(rules.SET_FIELD, "X-Act-Info", "__RULE_INFO__"),
              obj(rules.SET_FIELD, "X-Act-Spam", "__SPAM_INFO__")], ()),
    "notify": ([obj(rules.NOTIFY, "__SENDER__, %s;__ADMIN__" % SECOND_ADMIN,
                    "Über __SUBJECT__", "Größe: __SUBJECT__\n\n__RULE_INFO__"),
                ], ()),
    "notifyall": ([obj(rules.NOTIFY, "__TARGETS__", "told", "x")], ()),
    "attach": ([obj(rules.NOTIFY, SECOND_ADMIN, "with __MSGID__", "see it",
                    flags=rules.ATTACH_ORIGINAL)], ()),
    "bcc": ([obj(rules.BCC, ARCHIVE + ",__SENDER__",
                 flags=rules.ORIGINAL)], ()),
    "bccnew": ([obj(rules.BCC, ARCHIVE)], ()),
    "block": ([obj(rules.BLOCK)], ()),
    "spamquar": ([obj(rules.QUARANTINE)], ()),
    "removeall": ([obj(rules.REMOVE, flags=rules.REMOVE_ALL)], ()),
    "removehtml": ([obj(rules.REMOVE, "<p>Gone: <b>__FILENAME__</b></p>",
                        flags=rules.REMOVE_ALL)], ()),
    "removezip": ([obj(rules.REMOVE, "gone: __FILENAME__")],
                  [obj(rules.FILENAME, r".*\.zip"),
                   obj(rules.CONTENT_TYPE, "application/x-zip")]),
    "removetext": ([obj(rules.REMOVE, "no text")],
                   [obj(rules.CONTENT_TYPE, "text/plain")]),
    "removevirus": ([obj(rules.REMOVE, "virus __VIRUS_INFO__ in __FILENAME__"),
                     obj(rules.ACCEPT)], [obj(rules.VIRUS)]),
    "virusorexe": ([obj(rules.REMOVE, "gone: __FILENAME__"),
                    obj(rules.ACCEPT)],
                   [obj(rules.VIRUS), obj(rules.FILENAME, r".*\.exe")]),
    "keep": ([obj(rules.REMOVE, flags=rules.REMOVE_ALL |
                  rules.QUARANTINE_COPY)], ()),
    "footer": ([obj(rules.DISCLAIMER, FOOTER, flags=rules.SEPARATOR)], ()),
    # Of the corpus: before the rules that hold spam.
    "cfooter": ([obj(rules.DISCLAIMER, FOOTER, flags=rules.SEPARATOR),
                 obj(rules.ACCEPT)], ()),
    "cremove": ([obj(rules.REMOVE, flags=rules.REMOVE_ALL),
                 obj(rules.ACCEPT)], ()),
    "header": ([obj(rules.DISCLAIMER, HEADER, flags=rules.AT_START)], ()),
    "signedtoo": ([obj(rules.DISCLAIMER, "S2", flags=rules.SIGNED_TOO)], ()),
}
# What is final, or a virus, comes first or last.
PRIORITY = {"removevirus": 99, "virusorexe": 99, "cfooter": 99, "cremove": 99,
            "block": 2, "spamquar": 2}
# Each sets one field, in this order.
MARKS = ["m%d" % n for n in range(8)]


def to(key):
    return [obj(rules.WHO_REGEX, r"(.*\.)?%s\..*" % key)]


def address(keys, ident):
    return ".".join(list(keys) + [ident]) + "@in.example"


def install(gateway):
    """Once for a gateway, however many files ask for it."""
    if getattr(gateway, "has_action_rules", False):
        return
    gateway.has_action_rules = True
    made = [rule("act " + key, PRIORITY.get(key, 70), to(key), action, what,
                 rules.BOTH) for key, (action, what) in KEYS.items()]
    made += [rule("act " + m, 60 - n, to(m), [
        obj(rules.SET_FIELD, "X-Mark-%d" % n, "__RULE__"),
        obj(rules.SET_FIELD, "X-Last", m)], ()) for n, m in enumerate(MARKS)]
    made.append(rule("act accept", 1, [obj(
        rules.WHO_REGEX, r".*\.act-.*")], [obj(rules.ACCEPT)], (), rules.BOTH))
    rules.change(gateway, rules=made)
