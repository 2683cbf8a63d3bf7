"""The mails of red.py through the running gateway: what is not caught stands
in KNOWN with the reason, and that list may not grow."""

import collections
import shutil

import pytest

from tests.rig.gateway import Gateway
from tests.system import inside_rules as rules, red, red_base
from tests.system.conftest import rig_root
from tests.system.test_inside import Carrier, outcome, rule_of

DOMAIN = {red_base.VIRUS: "in.example", red_base.NAME: "files.example",
          red_base.OPAQUE: "encrypted.example"}
SAVED = "no mail program decodes it; only tools do, after saving"
NOT_A_NAME = "no program is known to save it as .vbs"
FIELD = "names out of this field are not looked at"
KNOWN = {
    "base64 twice": SAVED,
    "qp python": "has bare CRs, which SMTP does not carry; not analysed",
    "uu all-indented": SAVED,
    "uu encoded-name": "begin-encoded is not read",
    "uu in-utf-16": "uuencode is looked for in bytes, not in characters",
    "uu file-b64": SAVED,
    "message external-body": "nothing in it; its header's names are not read",
    "smime pem": SAVED,
    "archive zip-no-local-magic": "the walk wants the local header's mark",
    "archive zip-in-extra-field": SAVED,
    "archive 7z-deflate64": "libarchive has no Deflate64 for 7z: unreadable",
    "archive wim-name": "WIM is told as unreadable, its names are not read",
    "name 2047-no-end": NOT_A_NAME,
    "name semicolon-behind": NOT_A_NAME,
    "name folded-within": NOT_A_NAME,
    "name percent-plain": NOT_A_NAME,
    "name entity": NOT_A_NAME,
    "name zero-width": NOT_A_NAME,
    "name full-width-dot": NOT_A_NAME,
    "name content-id": FIELD,
    "name x-name": NOT_A_NAME,
}
KNOWN_MAX = 21
TOOLS = ("7z", "bsdtar", "genisoimage", "lzip", "openssl", "xorrisofs")


@pytest.fixture(scope="module")
def records():
    missing = [t for t in TOOLS if not shutil.which(t)]
    if missing:
        pytest.skip("not installed: " + ", ".join(missing))
    g = Gateway(rig_root("red"), with_postfix=False, with_spamd=False,
                activate=False)
    with g:
        rules.change(g, [
            ("Test File Name", 94, "files.example",
             [(rules.FILENAME, r".*\.vbs"), (rules.ARCHIVE_NAME,
                                             r".*\.vbs")], rules.QUARANTINE),
            ("Test Encrypted", 94, "encrypted.example",
             [(rules.ENCRYPTED, "")], rules.QUARANTINE)])
        carrier, found = Carrier(g), {}
        for expect, domain in DOMAIN.items():
            found.update(carrier.carry({m.name: m.raw for m in red.corpus()
                                        if m.expect == expect}, domain))
        yield found


def test_nothing_passes(records):
    mails = red.corpus()
    table = collections.defaultdict(collections.Counter)
    missed = set()
    for m in mails:
        result = outcome(records[m.name])
        table["%s (%s)" % (m.name.split()[0], m.expect)][
            "missed" if result == "DELIVERED" else result] += 1
        if result == "DELIVERED":
            missed.add(m.name)
    print("\n%d mails, %d missed" % (len(mails), len(missed)))
    for key in sorted(table):
        print("  %-24s %s" % (key, ", ".join("%s %d" % pair for pair in sorted(
            table[key].items()))))
    for m in mails:
        result = outcome(records[m.name])
        if m.expect == red_base.VIRUS and result not in ("virus", "DELIVERED"):
            print("  held only: %s (%s)" % (m.name, rule_of(records[m.name])))
    for m in mails:
        if m.name in missed:
            print("  missed: %s (%s)%s" % (m.name, m.client, ": " +
                  KNOWN[m.name] if m.name in KNOWN else ""))
    assert missed - set(KNOWN) == set()
    assert set(KNOWN) - missed == set(), "caught now, strike them off"
    assert len(KNOWN) <= KNOWN_MAX
