"""What pmg and pmgdb say: errors, drafts that clash, tables, completion."""

import json
import os
import pty
import re
import select
import shlex
import subprocess

from tests.system.rules_tools import (                         # noqa: F401
    UTF8, ask, gw, ok, one, refused, version)


# ---- what is wrong is told ----

ERRORS = [
    (64, "there is no command \"lsit\"; did you mean \"list\"?",
     "rules lsit"),
    (64, "there is no command \"objekt add\"; did you mean \"object add\"?",
     "who objekt add"),
    (64, "which of these?", "rules draft"),
    (64, "RULE is missing", "rules delete"),
    (64, "GROUP is missing", "rules link X from"),
    (64, "one argument too many: \"b\"", "rules rename a x b"),
    (64, "there is no option --drfat here; did you mean --draft?",
     "rules list --drfat"),
    (64, "there is no option -x here", "rules list -x"),
    (64, "--draft takes no value", "rules list --draft=1"),
    (64, "--version takes a value", "rules list --version"),
    (64, "\"abc\" is not a version", "rules list --version abc"),
    (64, "--draft and --version exclude each other",
     "rules list --draft --version 1"),
    (64, "\"yaml\" is no output format", "rules list -o yaml"),
    (64, "--priority is missing", "rules add X --direction in"),
    (64, "--direction is missing", "rules add X --priority 1"),
    (64, "\"200\" is not a priority (0 to 100",
     "rules add X --priority 200 --direction in"),
    (64, "\"inn\" is no direction",
     "rules add X --priority 1 --direction inn"),
    (64, "\"some\" is no mode (any, all, not-all",
     "who mode Blacklist some"),
    (64, "\"form\" is no category", "rules link Blacklist form Whitelist"),
    (64, "there is no who-object \"emial\"; did you mean email?",
     "who object add Blacklist emial x"),
    (64, "spam belongs into a what-group, not into a who-group",
     "who object add Blacklist spam 3"),
    (64, "email: value is missing", "who object add Blacklist email"),
    (64, "one value too many: \"b\"", "who object add Blacklist email a b"),
    (64, "email has no option --subdomains",
     "who object add Blacklist email a@x.example --subdomains"),
    (64, "ldap-group: which?", "who object add Blacklist ldap-group"),
    (64, "level: \"five\" is not a number", "what object add Virus spam five"),
    (64, "\"foo\" is none of: mon, tue",
     "when object add 'Office Hours' timeframe 8:00-9:00 --days foo"),
    (64, "nothing to set", "rules set Blacklist"),
    (64, "nothing to set", "who set Blacklist"),
    (64, "actions have no mode", "action set Block --mode all"),
    (1, "there is no rule \"Blaklist\"; did you mean \"Blacklist\"?",
     "rules delete Blaklist"),
    (1, "there is no who-group \"Whitelst\"; did you mean \"Whitelist\"?",
     "who show Whitelst"),
    (1, "there is no rule 9999", "rules show 9999"),
    (1, "\"Virus\" is a what-group, not a who-group",
     "rules link Blacklist from Virus"),
    (1, "there is no object 99999", "who object delete 99999"),
    (1, "is not the id of an object", "who object delete mail"),
    (1, "is not an e-mail address", "who object add Blacklist email nobody"),
    (1, "is not an IP network", "who object add Blacklist network ::/999"),
    (1, "cannot be used", "what object add Virus filename *.exe"),
    (1, "start: must be from 00:00 to 24:00", "when object add 'Office Hours' timeframe 25:99 26:00"),
    (1, "is used by rule \"Blacklist\"", "who delete Blacklist"),
    (1, "actions have no mode", "rules mode Blacklist action all"),
    (1, "not linked", "rules unlink Blacklist to Whitelist"),
    (1, "there is no version 99999", "rules rollback 99999"),
    (1, "there is no version 99999", "rules show --version 99999"),
    (1, "no draft is open", "rules draft show"),
    (1, "no draft is open", "rules draft publish"),
    (1, "no draft is open", "rules add X --draft --priority 1 --direction in"),
    (1, "say --yes", "rules reset"),
    (1, "No such file", "rules import /does/not/exist"),
    (1, "No such file",
     "action object add Block remove --text-file /does/not/exist"),
]


def test_errors(gw):
    before = ask(gw, "rules versions")
    for status, text, line in ERRORS:
        said = refused(gw, status, text, line)
        assert said.startswith("pmg %s" % line.split()[0])
        assert "operations[" not in said
    # None of them changed anything.
    assert ask(gw, "rules versions") == before


def test_errors_in_documents(gw):
    refused(gw, 1, "-: line 1, column", "rules import -", stdin="{,}")
    refused(gw, 1, "-: groups[0].kind", "rules import -", stdin=json.dumps(
        {"rules": [], "groups": [{"name": "x", "kind": "y"}]}))


def test_without_store(gw, tmp_path):
    p = subprocess.run([gw.program("pmg"), "--root", str(tmp_path), "rules",
                        "list"], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, env=gw.env)
    assert p.returncode == 1
    assert "cannot reach pmgd-store" in p.stderr
    assert "systemctl status pmgd-store" in p.stderr


# ---- drafts ----

def test_a_stale_draft_is_rebased(gw):
    ok(gw, "rules draft open")
    refused(gw, 1, "there is a draft already", "rules draft open")
    ok(gw, "who add InDraft --draft")
    ok(gw, "who add Live")
    refused(gw, 1, "pmg rules draft rebase", "rules draft publish")
    assert "rebase" in ok(gw, "rules draft show")
    ok(gw, "rules draft rebase")
    ok(gw, "rules draft publish")
    names = [g["name"] for g in ask(gw, "who list")]
    assert "InDraft" in names and "Live" in names


def test_both_changed_the_same(gw):
    ok(gw, "rules draft open")
    ok(gw, "rules set Blacklist --draft --priority 50")
    ok(gw, "rules set Blacklist --priority 60")
    refused(gw, 1, "\"Blacklist\"", "rules draft rebase")
    refused(gw, 1, "say --yes", "rules draft discard")
    ok(gw, "rules draft discard --yes")
    assert ask(gw, "rules show Blacklist")["priority"] == 60
    refused(gw, 1, "no draft is open", "rules draft discard")


# ---- pmgdb ----

def test_pmgdb(gw):
    ok(gw, "who add Mine ip ::1")
    ok(gw, "rules link Whitelist to Mine")
    out = ok(gw, "dump", program="pmgdb")
    assert re.search(r"^Found RULE \d+ \(prio: 98, in, active\): Blacklist\n"
                     r"  FOUND FROM GROUP \d+: Blacklist\n"
                     r"    OBJECT \d+: .*nomail@fromthisdomain.com\n"
                     r"  FOUND ACTION GROUP \d+: Block\n"
                     r"    OBJECT \d+: ", out, re.M), out
    assert "FOUND TO GROUP" in out
    assert json.loads(ok(gw, "dump -o json", program="pmgdb"))["rules"]
    for name in ("init", "update"):
        assert "version %d" % version(gw) in ok(gw, name, program="pmgdb")
    refused(gw, 1, "pmgdb reset", "init --force", program="pmgdb")
    refused(gw, 1, "apt purge", "delete", program="pmgdb")
    refused(gw, 1, "say --yes", "reset", program="pmgdb")
    refused(gw, 64, "did you mean \"dump\"", "dmup", program="pmgdb")
    ok(gw, "reset --yes", program="pmgdb")
    assert "Mine" not in ok(gw, "who list")


# ---- completion in a real bash ----

SCRIPT = os.path.join(os.path.dirname(__file__), "../../pmg-tools",
                      "pmg.bash-completion")


def offered(g, line, program="pmg"):
    """COMPREPLY, as the completion function fills it in a bash."""
    line = line.replace(program, "%s --root %s" % (program, g.root), 1)
    script = """
        source %s
        COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDS=(%s) COMP_CWORD=1
        compopt() { echo "compopt $*"; }
        _pmg
        for c in "${COMPREPLY[@]}"; do printf '%%s\n' "$c"; done
    """ % (shlex.quote(os.path.abspath(SCRIPT)),
           shlex.quote(g.program(program)))
    p = subprocess.run(["bash", "--norc", "-c", script, "bash", line],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       text=True, env=dict(g.env, LC_ALL="C.UTF-8"))
    assert p.stderr == ""
    return p.stdout.split("\n")[:-1]


def test_completion(gw):
    g = gw
    ok(g, "who add", UTF8, "ip", "::1")
    ok(g, "who add", "a:b c", "ip", "::1")
    assert offered(g, "pmg wh") == ["who", "when", "what", "why"]
    assert offered(g, "pmg rules dr") == ["draft"]
    assert offered(g, "pmg rules draft p") == ["publish"]
    assert offered(g, "pmg rules show Bl") == [
        "Blacklist", "Block\\ Viruses", "Block\\ Dangerous\\ Files",
        "Block\\ Multimedia\\ Files",
        "Block\\ Spam\\ \\(Level\\ 10\\)",
        "Block\\ outgoing\\ Spam"]
    assert offered(g, "pmg rules show \"Block V") == ["Block Viruses"]
    assert offered(g, "pmg rules show Block\\ V") == ["Block\\ Viruses"]
    assert offered(g, "pmg rules mode Blacklist f") == ["from"]
    assert offered(g, "pmg rules mode Blacklist from n") == [
        "not-all", "none"]
    # The kind of group that the category takes.
    assert "Virus" not in offered(g, "pmg rules link Blacklist from ")
    assert "Virus" in offered(g, "pmg rules link Blacklist what ")
    assert offered(g, "pmg rules add X --from W") == ["Whitelist"]
    assert offered(g, "pmg rules list --d") == ["--draft"]
    assert offered(g, "pmg rules list -o j") == ["json"]
    assert str(version(g)) in offered(g, "pmg rules show --version ")
    assert offered(g, "pmg who object add Whitelist em") == ["email"]
    assert "--subdomains" in offered(
        g, "pmg who object add Whitelist domain x --s")
    # As the shell will read them, and behind what readline keeps.
    name, = offered(g, "pmg who show B\u00fc")
    assert shlex.split(name) == [UTF8]
    assert offered(g, "pmg who show a:") == ["b\\ c"]
    assert offered(g, "pmg who show 'a:b") == ["a:b c"]
    assert offered(g, "pmg rules import x") == ["compopt -o default"]
    assert offered(g, "pmgdb d", "pmgdb") == [
        "dump", "delete"]


def test_completion_is_silent_without_store(gw, tmp_path):
    class Nowhere:
        root, env, program = str(tmp_path), gw.env, gw.program
    assert offered(Nowhere, "pmg rules show ") == []


def test_tab_in_an_interactive_bash(gw):
    """From the key to the argument that the program gets."""
    master, slave = pty.openpty()
    rc = gw.path("bashrc")
    with open(rc, "w") as f:
        f.write("PATH=%s:$PATH\nPS1='> '\nsource %s\n"
                "bind 'set bell-style none'\n" % (
                    os.path.dirname(gw.program("pmg")),
                    os.path.abspath(SCRIPT)))
    p = subprocess.Popen(
        ["bash", "--noprofile", "--rcfile", rc, "-i"], stdin=slave,
        stdout=slave, stderr=slave, start_new_session=True,
        env=dict(gw.env, LC_ALL="C.UTF-8", TERM="dumb", HISTFILE="",
                 INPUTRC="/dev/null"))
    os.close(slave)
    seen = b""

    def until(text):
        nonlocal seen
        while text not in seen:
            ready, _, _ = select.select([master], [], [], 60)
            assert ready, seen
            seen += os.read(master, 4096)
        seen = seen[seen.index(text) + len(text):]
    try:
        until(b"> ")
        os.write(master, ("pmg --root %s rules show Block\\ V\t" %
                          gw.root).encode())
        until(b"Block\\ Viruses ")
        os.write(master, b"-o json\n")
        until(b'"name": "Block Viruses"')
        os.write(master, b"exit\n")
        p.wait(60)
    finally:
        p.kill()
        p.wait()
        os.close(master)


# ---- the rest ----

def test_json_and_ids(gw):
    rules = ask(gw, "rules list")
    assert [r["priority"] for r in rules] == sorted(
        (r["priority"] for r in rules), reverse=True)
    document = json.loads(ok(gw, "rules export"))
    assert document["rules"] == rules
    assert ask(gw, "rules show") == document
    for r in rules:
        assert ask(gw, "rules show", str(r["id"])) == r
    done = ask(gw, "who add J email a@x.example")
    assert done["version"] == version(gw)
    assert ask(gw, "who show", str(done["ids"][0]))["name"] == "J"
    # Deleted ones are not given again.
    ok(gw, "who delete J")
    assert ask(gw, "who add J")["ids"][0] > done["ids"][0]


def test_tables_fit(gw):
    ok(gw, "who add", "W" * 100, "--info", "x " * 100)
    ok(gw, "who set", "W" * 100, "--mode", "not-all")
    ok(gw, "rules rename Blacklist", "An endless name " * 9)
    for line in ("rules list", "rules show", "who list", "what list",
                 "when list", "action list", "rules versions",
                 "rules show Whitelist", "action show Disclaimer",
                 "rules --help", "who --help", "action object add --help"):
        text = ok(gw, line)
        assert text.count("\n") > 1, line
        for row in text.split("\n"):
            assert len(row) < 80 or " " not in row.strip(), row


def test_shown_without_store_by_file(gw):
    shown = ok(gw, "rules show")
    assert "Blacklist" in shown and "version %d" % version(gw) in shown
