"""LDAP with a real slapd: pmg ldap, and what stays in use when things fail."""

import base64
import json
import os
import signal
import subprocess

import pytest

from tests.rig.gateway import bin_dir
from tests.rig.slapd import (ACCOUNTS, LIMITED, PASSWORD, READER, Proxy, Slapd,
                             company, group_dn, free_ports)

GROUPCLASS = "groupOfNames groupOfUniqueNames posixGroup"
# user0 to user4999 and one who has no account name.
ALL = ACCOUNTS + 1


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Slapd(str(tmp_path_factory.mktemp("slapd"))) as s:
        yield s


class Site:
    """A gateway's folders and `pmg` on them."""

    def __init__(self, root):
        self.root = str(root)
        os.makedirs(self.path("etc/pmg"))
        os.makedirs(self.path("var/lib/pmg/ldap"))

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def conf(self, *sections):
        """Each a dict with the profile's name as "profile"."""
        text = ""
        for s in sections:
            text += "ldap: %s\n" % s.get("profile", "corp")
            for key, value in s.items():
                if key != "profile":
                    text += "\t%s %s\n" % (key, value)
        with open(self.path("etc/pmg/ldap.conf"), "w", encoding="utf-8") as f:
            f.write(text)

    def pmg(self, *argv, rc=0):
        p = subprocess.run([os.path.join(bin_dir(), "pmg"), "--root",
                            self.root, *argv], stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True, timeout=120)
        assert p.returncode == rc, (p.returncode, p.stdout, p.stderr)
        return p.stdout + p.stderr

    def json(self, *argv):
        return json.loads(self.pmg("ldap", argv[0], "-o", "json", *argv[1:]))

    def read(self, name):
        with open(self.path("var/lib/pmg/ldap", name), "rb") as f:
            return f.read()

    def damage(self, name):
        raw = bytearray(self.read(name))
        raw[len(raw) // 2] ^= 1
        with open(self.path("var/lib/pmg/ldap", name), "wb") as f:
            f.write(raw)

    def ldap_status(self):
        p = subprocess.run([os.path.join(bin_dir(), "pmg"), "--root",
                            self.root, "status", "-o", "json"],
                           stdout=subprocess.PIPE, timeout=60)
        return [(part["state"], part["text"]) for part in
                json.loads(p.stdout)["parts"] if part["part"] == "ldap"]


def profile(port, **more):
    values = {"server1": "127.0.0.1", "port": port, "binddn": READER,
              "bindpw": base64.b64encode(PASSWORD.encode()).decode(),
              "basedn": "dc=corp,dc=example", "groupclass": GROUPCLASS}
    values.update(more)
    return values


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


@pytest.fixture
def synced(site, server):
    """A site that has everything of the server."""
    site.conf(profile(server.port))
    site.pmg("ldap", "sync")
    return site


def account(site, address):
    found = site.json("search", address)
    assert len(found) == 1
    return found[0]


def groups_of(site, address):
    return sorted(g.split(",ou=")[0][3:] for g in
                  account(site, address)["groups"])


def in_use(site):
    """What rules work with: all accounts are there, and user1 is in sales."""
    state = site.json("list")[0]
    assert state["accounts"] == ALL
    assert "sales" in groups_of(site, "user1@corp.example")
    return state


# ---- what is fetched ----

def test_everything_comes(synced):
    state = synced.json("list")[0]
    assert state["accounts"] == ALL and state["error"] == ""
    assert state["addresses"] == ALL + 3        # user0's aliases
    assert ("%d accounts" % ALL) in synced.pmg("ldap", "list")
    assert synced.ldap_status()[0][0] == "green"
    assert len(synced.json("accounts", "corp")) == ALL


def test_addresses(synced):
    a = account(synced, "Second@Corp.example")
    assert a["primary"] == "user0@corp.example"     # mail comes first
    assert a["addresses"][1] == "main.0@corp.example"   # SMTP: before smtp:
    assert sorted(a["addresses"][2:]) == ["second@corp.example",
                                          "\u00fcser@corp.example"]
    assert sorted(a["accounts"]) == ["corp.user0", "user0"]
    assert "no profile knows" in synced.pmg(
        "ldap", "search", "nobody@corp.example", rc=1)
    assert account(synced, "first@odd.example")["accounts"] == []


def test_primary_by_proxy_addresses(site, server):
    site.conf(profile(server.port, mailattr="proxyAddresses"))
    site.pmg("ldap", "sync")
    assert site.json("list")[0]["accounts"] == 1
    assert account(site, "second@corp.example")["primary"] == \
        "main.0@corp.example"


def test_groups(synced):
    """Each kind of membership, through other groups and around a circle."""
    ring = ["sales", "staff", "team\\, north"]

    def groups(n):
        return [g for g in groups_of(synced, "user%d@corp.example" % n)
                if g != "everybody"]
    assert [g.replace("\\2C", "\\,") for g in groups(1)] == ring
    assert groups(2)[0:1] == ["sales"] and "seen-only-there" in groups(2)
    assert groups(3) == ["domain users"]            # primaryGroupID
    assert len(groups(4)) == 3 and len(groups(5)) == 3
    assert groups(6) == ["unique"] and groups(7) == ["posix"]
    assert groups(0) == ["posix"]                   # by sAMAccountName
    assert groups(9) == []
    listed = {g["name"]: g for g in synced.json("groups", "corp")}
    assert listed["everybody"]["accounts"] == ACCOUNTS
    assert listed["staff"]["dn"] == group_dn("staff")
    assert listed["seen-only-there"]["accounts"] == 1


def test_group_base_and_filter(site, server):
    site.conf(profile(server.port, filter="uid=user1*",
                      groupbasedn="ou=people,dc=corp,dc=example"))
    site.pmg("ldap", "sync")
    assert site.json("list")[0]["accounts"] == 1111
    assert site.json("groups") == []
    assert "no profile knows" in site.pmg("ldap", "search",
                                          "user2@corp.example", rc=1)


def test_base_of_the_server(site, server):
    values = profile(server.port)
    del values["basedn"]
    site.conf(values)
    site.pmg("ldap", "sync")
    in_use(site)


def test_two_profiles(site, server):
    site.conf(profile(server.port, filter="uid=user1"),
              profile(server.port, profile="lab", filter="uid=user2"),
              profile(server.port, profile="off", disable=1))
    site.pmg("ldap", "sync")
    assert account(site, "user1@corp.example")["profile"] == "corp"
    assert account(site, "user2@corp.example")["profile"] == "lab"
    assert "disabled" in site.pmg("ldap", "sync", "off", rc=1)
    # Gone from ldap.conf: its data go, too.
    site.conf(profile(server.port, profile="lab", filter="uid=user2"))
    site.pmg("ldap", "sync")
    site.pmg("ldap", "search", "user1@corp.example", rc=1)
    assert not os.path.exists(site.path("var/lib/pmg/ldap/corp"))


def test_show_and_test(synced, server):
    text = synced.pmg("ldap", "show", "corp")
    assert PASSWORD not in text and "bindpw" not in text
    assert "binddn " + READER in text
    assert "500 or more accounts" in synced.pmg("ldap", "test", "corp")
    synced.conf(profile(server.port, bindpw="AAAA"))
    assert "base64" in synced.pmg("ldap", "test", "corp", rc=1)


def test_help(site):
    for command in ("ldap", "list"):
        assert site.pmg(command, "--help").startswith(
            "usage: pmg %s " % command)
    assert "--global" in site.pmg("list", "add", "--all", "x@y.example",
                                  rc=64).split("usage:")[0]


# ---- what fails ----

def failing(site, word, *argv):
    """A sync that fails harmlessly: told, shown, and nothing is lost."""
    before = site.read("ldap.active")
    old = site.read("corp")
    assert word in site.pmg("ldap", "sync", *argv)
    assert word in in_use(site)["error"]
    assert site.read("corp") == old and site.read("ldap.active") == before
    state, text = site.ldap_status()[0]
    assert state == "yellow" and word in text
    assert not os.path.exists(site.path("var/lib/pmg/ldap/corp.new"))


def test_server_away(synced, server):
    synced.conf(profile(free_ports(1)[0]))
    failing(synced, "Can't contact LDAP server")
    synced.conf(profile(server.port))
    synced.pmg("ldap", "sync")
    assert synced.ldap_status()[0][0] == "green"


def test_never_there(site):
    site.conf(profile(free_ports(1)[0]))
    site.pmg("ldap", "sync", rc=1)
    assert "match nobody" in site.ldap_status()[0][1]


def test_second_server(site, server):
    """The first name does not exist; the same port for both."""
    site.conf(profile(server.port, server1="nowhere.invalid",
                      server2="127.0.0.1"))
    site.pmg("ldap", "sync")
    assert in_use(site)["error"] == ""
    text = site.pmg("ldap", "test", "corp", rc=1)
    assert "nowhere.invalid: " in text and "127.0.0.1: works" in text


def test_wrong_password(synced, server):
    synced.conf(profile(server.port, bindpw=base64.b64encode(
        b"wrong").decode()))
    failing(synced, "binddn or bindpw is wrong")
    assert "wrong" in synced.pmg("ldap", "test", "corp", rc=1)
    values = profile(server.port)
    del values["bindpw"]
    synced.conf(values)
    failing(synced, "no bindpw")


def test_size_limit(synced, server):
    """1,000 entries come, then the server says that it gives no more."""
    synced.conf(profile(server.port, binddn=LIMITED))
    failing(synced, "no more entries than its limit")


def test_base_does_not_exist(synced, server):
    synced.conf(profile(server.port, basedn="dc=nowhere"))
    failing(synced, "base does not exist")


@pytest.mark.parametrize("mode", ["ldaps", "ldap+starttls"])
def test_certificates(site, server, mode):
    port = server.tls_port if mode == "ldaps" else server.port
    good = profile(port, mode=mode, verify=1, cafile=server.path("ca.pem"))
    site.conf(good)
    site.pmg("ldap", "sync")
    # Another authority; the name is another one; the system's authorities.
    for change in ({"cafile": server.path("other.pem")},
                   {"server1": "localhost"}, {"cafile": None}):
        values = {k: v for k, v in {**good, **change}.items()
                  if v is not None}
        site.conf(values)
        failing(site, "ldap")
        assert "annot" in site.ldap_status()[0][1] or \
            "StartTLS" in site.ldap_status()[0][1]
    # Nobody asked: taken.
    site.conf(profile(port, mode=mode, verify=0))
    site.pmg("ldap", "sync")
    assert in_use(site)["error"] == ""


def test_no_tls_where_it_is_wanted(synced, server):
    """A server that speaks no TLS there: no password goes out."""
    synced.conf(profile(server.port, mode="ldaps"))
    failing(synced, "ldaps://")


def answer_bytes(server, site):
    """How many bytes a whole sync gets."""
    proxy = Proxy(server.port)
    site.conf(profile(proxy.port))
    site.pmg("ldap", "sync")
    proxy.close()
    return proxy.passed


def test_cut_in_the_middle(synced, server):
    whole = answer_bytes(server, synced)
    assert whole > 500000
    for limit in (10, whole // 3, whole // 2, whole - 2):
        proxy = Proxy(server.port, limit=limit)
        synced.conf(profile(proxy.port))
        failing(synced, "LDAP server")
        proxy.close()
        assert proxy.passed == limit


def test_killed_in_the_middle(tmp_path):
    (tmp_path / "slapd").mkdir()
    (tmp_path / "site").mkdir()
    site = Site(tmp_path / "site")
    with Slapd(str(tmp_path / "slapd")) as own:
        site.conf(profile(own.port))
        site.pmg("ldap", "sync")
        proxy = Proxy(own.port, limit=400000,
                      on_limit=lambda: own.stop(signal.SIGKILL))
        site.conf(profile(proxy.port))
        failing(site, "LDAP server")
        assert own.process is None
        own.start()
        site.conf(profile(own.port))
        site.pmg("ldap", "sync")
        assert in_use(site)["error"] == ""
        proxy.close()


def test_half_is_gone(tmp_path):
    (tmp_path / "slapd").mkdir()
    (tmp_path / "site").mkdir()
    site = Site(tmp_path / "site")
    own = Slapd(str(tmp_path / "slapd"))
    with own:
        site.conf(profile(own.port))
        site.pmg("ldap", "sync")
    own.load(company(2000))
    with own:
        failing(site, "2001 accounts instead of 5001")
        assert "2001 accounts" in site.pmg("ldap", "sync", "--force", "corp")
        assert site.json("list")[0]["accounts"] == 2001
        # Nobody is in a group any more: as suspicious.
        site.conf(profile(own.port, groupclass="device"))
        assert "memberships" in site.pmg("ldap", "sync")
        assert "sales" in groups_of(site, "user1@corp.example")
        site.conf(profile(own.port, filter="uid=none"))
        assert "not one account" in site.pmg("ldap", "sync")


# ---- files ----

def test_damaged_files(synced, server):
    """The profile's own copy comes back from what is in use."""
    good = synced.read("corp")
    synced.conf(profile(free_ports(1)[0]))
    synced.damage("corp")
    assert "damaged" in synced.pmg("ldap", "sync")
    in_use(synced)
    assert synced.read("corp") == good
    # And the other way round.
    synced.damage("ldap.active")
    assert "damaged" in synced.pmg("ldap", "search", "user1@corp.example",
                                   rc=1)
    synced.pmg("ldap", "sync")
    in_use(synced)
    # Both: that is said, and the next sync mends it.
    synced.damage("corp")
    synced.damage("ldap.active")
    assert "no data" in synced.pmg("ldap", "sync", rc=1)
    synced.conf(profile(server.port))
    synced.pmg("ldap", "sync")
    assert in_use(synced)["error"] == ""


def test_broken_configuration(synced):
    synced.conf({"profile": "corp", "server1": "a b"})
    before = synced.read("ldap.active")
    assert "ldap.conf:2: server1" in synced.pmg("ldap", "sync", rc=1)
    assert synced.read("ldap.active") == before
    state, text = synced.ldap_status()[0]
    assert state == "yellow" and "ldap.conf:2" in text


def test_old_data_turn_yellow(synced):
    path = synced.path("var/lib/pmg/ldap/corp.state")
    with open(path, encoding="utf-8") as f:
        state = json.load(f)
    state["synced"] -= 5 * 3600
    with open(path, "w", encoding="utf-8") as f:
        json.dump(state, f)
    assert synced.ldap_status()[0][0] == "yellow"
    assert "5 hours ago" in synced.ldap_status()[0][1]


def test_usage(site):
    site.conf()
    site.pmg("ldap", rc=64)
    site.pmg("ldap", "dance", rc=64)
    site.pmg("ldap", "list", "--force", rc=64)
    assert "no profiles" in site.pmg("ldap", "list")
    site.pmg("ldap", "sync")
    assert not os.listdir(site.path("var/lib/pmg/ldap")) == ["ldap.active"]
    assert "no profile x" in site.pmg("ldap", "show", "x", rc=1)
    assert "nothing has been fetched" in site.pmg("ldap", "groups", rc=1)
