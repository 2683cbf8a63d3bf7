"""LDAP objects of rules in a running gateway."""

import base64
import itertools
import os
import shutil

import pytest

from tests.rig.gateway import Gateway
from tests.rig.sender import send
from tests.rig.service import wait_for
from tests.rig.slapd import (PASSWORD, READER, Slapd, company, group_dn,
                             person)
from tests.system import inside_rules as rules
from tests.system.conftest import rig_root

SENDER = "somebody@outside.example"
MAIL = b"From: <somebody@outside.example>\r\nSubject: x\r\n\r\nHello.\r\n"
# The same mail again would be the same entry of the quarantine.
COUNT = itertools.count()
PEOPLE = 20
SALES = (rules.LDAP_GROUP, "corp", group_dn("sales"), rules.LDAP_IN_GROUP)
UNKNOWN = (rules.LDAP_GROUP, "corp", "", rules.LDAP_UNKNOWN_ADDRESS)
UNKNOWN_ELSEWHERE = (rules.LDAP_GROUP, "never-fetched", "",
                     rules.LDAP_UNKNOWN_ADDRESS)


def write_conf(g, port):
    path = g.path("etc/pmg/ldap.conf")
    with open(path, "w", encoding="utf-8") as f:
        f.write("ldap: corp\n\tserver1 127.0.0.1\n\tport %d\n\tbinddn %s\n"
                "\tbindpw %s\n\tgroupclass groupOfNames\n" % (
                    port, READER,
                    base64.b64encode(PASSWORD.encode()).decode()))
    os.chmod(path, 0o640)
    shutil.chown(path, "root", "pmg-ldap")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    slapd = Slapd(str(tmp_path_factory.mktemp("slapd")), PEOPLE)
    g = Gateway(rig_root("ldap"), with_postfix=False, with_spamd=False,
                with_scan=False, activate=False)
    with slapd, g:
        write_conf(g, slapd.port)
        rules.activate(g, False, bool)
        rules.change(g, [
            ("sales", 90, [SALES], [], rules.QUARANTINE),
            ("unknown", 80, [UNKNOWN, UNKNOWN_ELSEWHERE], [],
             rules.QUARANTINE)])
        yield g, slapd


def held(g, rcpt):
    """Whether a mail to rcpt goes into the quarantine."""
    before = len(g.quarantined(rcpt))
    r = send(g.filter_in, SENDER, [rcpt], MAIL + b"%d\r\n" % next(COUNT),
             lmtp=True)
    assert [x.code for x in r.final] == [250]
    return len(g.quarantined(rcpt)) > before


def test_rules_see_the_directory(site):
    g, slapd = site
    # Nothing has been fetched: nobody is unknown, and mail goes on.
    assert not held(g, "stranger@corp.example")
    g.tool("pmg", "ldap", "sync")
    owner = os.stat(g.path("var/lib/pmg/ldap/ldap.active")).st_uid
    assert owner == os.stat(g.path("var/lib/pmg/ldap")).st_uid != 0
    # The next mail knows.
    assert held(g, "stranger@corp.example")
    assert held(g, "USER1@corp.example")            # a member
    assert held(g, "user4@corp.example")            # by way of a group in it
    assert not held(g, "user9@corp.example")        # known, in no group
    assert not held(g, "Main.0@corp.example")       # an alias
    # The server goes away: everything stays.
    slapd.stop()
    try:
        g.tool("pmg", "ldap", "sync")
        assert held(g, "user1@corp.example")
        assert held(g, "stranger@corp.example")
        assert not held(g, "user9@corp.example")
    finally:
        slapd.load(list(company(PEOPLE)) + [person(77)])
        slapd.start()
    # And comes back with one more.
    assert held(g, "user77@corp.example")
    g.tool("pmg", "ldap", "sync")
    assert not held(g, "user77@corp.example")


def test_damaged_file(site):
    g, _ = site
    g.tool("pmg", "ldap", "sync")
    assert held(g, "user1@corp.example")
    path = g.path("var/lib/pmg/ldap/ldap.active")
    with open(path, "rb") as f:
        good = f.read()
    with open(path + ".bad", "wb") as f:
        f.write(good[:-1] + b"x")
    os.chmod(path + ".bad", 0o644)
    os.rename(path + ".bad", path)
    # Workers that have data keep them.
    assert held(g, "user1@corp.example")
    # New ones have none: mail goes on, LDAP objects match nobody.
    g.services["pmgd"].stop()
    g.services["pmgd"].start()
    wait_for(lambda: os.path.exists(g.filter_in), "pmgd")
    assert not held(g, "user1@corp.example")
    g.tool("pmg", "ldap", "sync")
    assert held(g, "user1@corp.example")


def test_rules_test(site, tmp_path):
    g, _ = site
    g.tool("pmg", "ldap", "sync")
    mail = tmp_path / "x.eml"
    mail.write_bytes(MAIL)
    for rcpt, rule in (("user4", "sales"), ("nobody", "unknown")):
        out = g.tool("pmg", "rules", "test", "--in", "--from", SENDER, "--to",
                     rcpt + "@corp.example", str(mail))
        assert rule in (out if isinstance(out, str) else out.stdout)
