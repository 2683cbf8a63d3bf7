"""pmg rules|who|what|when|action, against a real pmgd-store."""

import json
import re

import pytest

from tests.system.rules_tools import (                         # noqa: F401
    EMPTY, UTF8, ask, bare, gateway, gw, ok, one, refused, version)


@pytest.fixture(scope="module")
def other():
    with gateway("rules-tools-other") as g:
        yield g


@pytest.fixture
def mail(tmp_path):
    path = tmp_path / "mail.eml"
    path.write_text("From: a@news.example\nSubject: =?utf-8?q?Gro=C3=9Fe?= "
                    "Neuigkeiten\n\nhello\n")
    return str(path)


def fate(g, mail, *more, sender="a@news.example", rcpt="anna@in.example"):
    return ok(g, "rules test --in", "--from", sender, "--to", rcpt, mail,
              *more)


# ---- a whole life ----

def test_a_company_from_nothing(bare, mail):
    g = bare
    ok(g, "who add Newsletters domain news.example --subdomains")
    ok(g, "who object add Newsletters email promo@shop.example")
    ok(g, "when add", "Office hours", "timeframe", "08:00-16:00", "--days",
       "mon-fri", "--zone", "Europe/Berlin")
    ok(g, "what add Big size --min 20M")
    ok(g, "what add News field Subject", "große")
    ok(g, "action add Block block --info", "thrown away")
    ok(g, "action add Tag modify X-News yes")
    out = ok(g, "rules add", "No newsletters", "--priority", "80",
             "--direction", "in", "--from", "Newsletters", "--action",
             "Block")
    assert "not active yet" in out
    assert "no rule ended it" in fate(g, mail)
    assert "is active" in ok(g, "rules enable", "No newsletters")
    assert "No newsletters" in fate(g, mail)

    ok(g, "rules draft open")
    ok(g, "rules set", "No newsletters", "--draft", "--priority", "10")
    ok(g, "rules add", "Mark news", "--draft", "--priority", "20",
       "--direction", "in", "--what", "News", "--action", "Tag", "--active")
    ok(g, "rules disable", "No newsletters", "--draft")
    assert "Mark news" in fate(g, mail, "--draft")
    assert "Mark news" not in fate(g, mail)
    shown = ok(g, "rules draft show")
    assert "+" in shown and "Mark news" in shown
    assert "priority 80 -> 10" in shown and "active true -> false" in shown
    before = version(g)
    assert "published" in ok(g, "rules draft publish -m", "news are marked")
    assert version(g) == before + 1
    newest = ask(g, "rules versions")
    assert newest["versions"][0]["comment"] == "news are marked"
    assert newest["draft"] is None
    assert "Mark news" in fate(g, mail)
    assert "Mark news" not in fate(g, mail, "--version", str(before))

    ok(g, "rules rollback", str(before))
    assert "No newsletters" in fate(g, mail)
    assert "Nothing differs" in ok(g, "rules diff", str(before))
    assert "Mark news" in ok(g, "rules diff", str(before + 1), "live")
    table = ok(g, "rules versions")
    assert "news are marked" in table and "No draft is open" in table


def test_categories_and_modes(bare):
    g = bare
    for name in ("A", "B"):
        ok(g, "who add", name, "domain", name.lower() + ".example")
    ok(g, "action add Stop block")
    ok(g, "rules add R --priority 5 --direction both --from A --from B "
       "--action Stop --active")
    ok(g, "rules mode R from not-all")
    ok(g, "who mode A none")
    ok(g, "rules link R to A B")
    ok(g, "rules unlink R to B")
    rule = ask(g, "rules show R")
    a, b = (ask(g, "who show", n)["id"] for n in "AB")
    assert rule["from"] == {"mode": "not_all", "groups": [a, b]}
    assert rule["to"] == {"groups": [a]}
    assert ask(g, "who show A")["mode"] == "none"
    assert "none of its objects" in ok(g, "who show A")
    assert '"R"' in ok(g, "who show A")
    ok(g, "rules unlink R to A", note="matches every recipient")
    ok(g, "rules set R --no-from --to B")
    rule = ask(g, "rules show R")
    assert "from" not in rule and rule["to"] == {"groups": [b]}
    ok(g, "rules set R --name S --inactive --direction out")
    rule = ask(g, "rules show S")
    assert (rule["active"], rule["direction"]) == (False, "out")
    ok(g, "rules rename S T")
    ok(g, "rules unlink T action Stop", note="it does nothing")
    ok(g, "rules delete T")
    assert ask(g, "rules list") == []
    ok(g, "who delete A B")
    assert ask(g, "who list") == []


# ---- every type ----

TYPES = [
    ("who", "email a@x.example", {"value": "a@x.example"}),
    ("who", "domain x.example", {"value": "x.example"}),
    ("who", "domain y.example --subdomains",
     {"value": "y.example", "subdomains": True}),
    ("who", r"regex .*@x\.example", {"value": r".*@x\.example"}),
    ("who", "ip 2001:db8::1", {"value": "2001:db8::1"}),
    ("who", "network 192.0.2.0/24", {"value": "192.0.2.0/24"}),
    ("who", "ldap-user anna --profile dir",
     {"account": "anna", "profile": "dir"}),
    ("who", "ldap-group staff", {"group": "staff", "mode": "group"}),
    ("who", "ldap-group --mode none", {"mode": "none"}),
    ("who", "ldap-group --mode any --profile dir",
     {"mode": "any", "profile": "dir"}),
    ("who", "receiver a@x.example", {"value": "a@x.example"}),
    ("who", "receiver-domain x.example", {"value": "x.example"}),
    ("who", "receiver-regex .*", {"value": ".*"}),
    ("when", "timeframe 22:00 6:00", {"start": "22:00", "end": "06:00"}),
    ("when", "timeframe 08:00-16:00 --days sat-mon --zone Europe/Berlin",
     {"start": "08:00", "end": "16:00", "days": ["mon", "sat", "sun"],
      "zone": "Europe/Berlin"}),
    ("what", "spam 5", {"level": 5}),
    ("what", "virus", {}),
    ("what", "field Subject ^buy --top-only",
     {"field": "Subject", "value": "^buy", "top_only": True}),
    ("what", "content-type image/.* --only-content",
     {"value": "image/.*", "only_content": True}),
    ("what", r"filename .*\.exe", {"value": r".*\.exe"}),
    ("what", "archive-type text/x-java", {"value": "text/x-java"}),
    ("what", r"archive-name .*\.js", {"value": r".*\.js"}),
    ("what", "encrypted", {}),
    ("what", "unreadable", {}),
    ("what", "macros", {}),
    ("what", "ambiguous", {}),
    ("what", "limits", {}),
    ("what", "spf fail,softfail", {"results": ["fail", "softfail"]}),
    ("what", "size --min 1k --max 20M", {"min": 1024, "max": 20 << 20}),
    ("action", "accept", {}),
    ("action", "block", {}),
    ("action", "quarantine", {}),
    ("action", "notify __ADMIN__ --subject Hm --body B --attach",
     {"to": "__ADMIN__", "subject": "Hm", "body": "B", "attach": True}),
    ("action", "bcc a@x.example --original",
     {"to": "a@x.example", "original": True}),
    ("action", "modify X-Flag yes", {"field": "X-Flag", "value": "yes"}),
    ("action", "remove gone --all --quarantine",
     {"text": "gone", "all": True, "quarantine": True}),
    ("action", "disclaimer <b>Hi</b> --position start --separator --signed",
     {"disclaimer": "<b>Hi</b>", "position": "start", "separator": True,
      "signed": True}),
]


def add_all(g):
    for kind in ("who", "when", "what", "action"):
        ok(g, kind + " add All")
    for kind, words, _ in TYPES:
        ok(g, "%s object add All" % kind, *words.split())


def test_every_type(bare, other):
    g = bare
    add_all(g)
    seen = set()
    for kind, words, members in TYPES:
        # In the order in which they were added.
        objects = ask(g, "%s show All" % kind)["objects"]
        index = [w for k, w, _ in TYPES if k == kind].index(words)
        got = dict(objects[index])
        assert isinstance(got.pop("id"), int)
        assert isinstance(got.pop("otype"), int)
        name = got.pop("type")
        assert name.replace("_", "-") == words.split()[0]
        assert got == members, words
        seen.add((kind, name.replace("_", "-")))
    for kind in ("who", "when", "what", "action"):
        text = ok(g, "%s show All" % kind)
        for o in ask(g, "%s show All" % kind)["objects"]:
            assert re.search(r"^ +%d  \S" % o["id"], text, re.M)
        # --help names no type that is not tried here.
        help_text = ok(g, "%s object add --help" % kind)
        types = re.search(r"Objects:\n(.*)Options:", help_text,
                          re.S).group(1)
        for name in re.findall(r"^  (\S+)", types, re.M):
            assert (kind, name) in seen, name
    document = ok(g, "rules export")
    ok(other, "rules import -", stdin=document)
    a, b = json.loads(document), json.loads(ok(other, "rules export"))
    del a["version"], b["version"]
    assert a == b
    # What was imported compiles to the same.
    ok(other, "rules import -", stdin=EMPTY)


def test_members_are_set_one_by_one(bare):
    g = bare
    ok(g, "who add W domain x.example")
    ok(g, "action add N notify __ADMIN__ --subject S")
    who = ask(g, "who show W")["objects"][0]["id"]
    note = ask(g, "action show N")["objects"][0]["id"]
    ok(g, "who object set", str(who), "--subdomains")
    ok(g, "who object set", str(who), "z.example")
    assert ask(g, "who show W")["objects"] == [
        {"id": who, "type": "domain", "otype": 1002, "value": "z.example",
         "subdomains": True}]
    ok(g, "who object set", str(who), "--no-subdomains")
    assert "subdomains" not in ask(g, "who show W")["objects"][0]
    body = g.path("body.txt")
    with open(body, "w") as f:
        f.write("Zeile 1\nZeile 2 mit ä\n")
    ok(g, "action object set", str(note), "--body-file", body)
    got = ask(g, "action show N")["objects"][0]
    assert got["body"] == "Zeile 1\nZeile 2 mit ä\n"
    assert got["subject"] == "S"


def test_objects_move_and_go(bare):
    g = bare
    ok(g, "who add W ip ::1")
    ok(g, "who object add W ip ::2")
    ok(g, "who object add W ip ::3")
    a, b, c = (o["id"] for o in ask(g, "who show W")["objects"])
    ok(g, "who object move", str(c), "0")
    assert [o["id"] for o in ask(g, "who show W")["objects"]] == [c, a, b]
    ok(g, "who object delete", str(a), str(b))
    ok(g, "who object delete", str(c), note="never matches")
    assert ask(g, "who show W")["objects"] == []


# ---- names ----

@pytest.mark.parametrize("name", [
    "with blanks", UTF8, "42", "a:b=c", "$(touch x)", "--", "-x", "\\d"])
def test_names(bare, name):
    g = bare
    ok(g, "who add --", name, "ip", "::1")
    ok(g, "action add Stop block")
    ok(g, "rules add --priority 1 --direction in --action Stop", "--from",
       name, "--", name)
    group = ask(g, "who list")[0]
    rule = ask(g, "rules list")[0]
    assert (group["name"], rule["name"]) == (name, name)
    assert rule["from"]["groups"] == [group["id"]]
    assert name in ok(g, "who show --", name)
    assert name in ok(g, "rules list")
    ok(g, "who rename --", name, "other")
    ok(g, "rules rename --", name, "other")
    # The same one.
    assert ask(g, "who show other")["id"] == group["id"]
    assert ask(g, "rules show", str(rule["id"]))["name"] == "other"


def test_a_name_for_two(bare):
    g = bare
    document = {"rules": [
        {"name": "twin", "priority": 1, "active": False, "direction": "in"},
        {"name": "twin", "priority": 2, "active": False, "direction": "in"}],
        "groups": [{"name": "same", "kind": "who"},
                   {"name": "same", "kind": "who"},
                   {"name": "same", "kind": "what"}]}
    ok(g, "rules import -", stdin=json.dumps(document))
    ids = sorted(r["id"] for r in ask(g, "rules list"))
    said = refused(g, 1, "2 rules have the name \"twin\"",
                   "rules delete twin")
    for i in ids:
        assert re.search(r"\b%d\b" % i, said)
    ok(g, "rules delete", str(ids[0]))
    refused(g, 1, "2 who-groups have the name", "who show same")
    assert ask(g, "what show same")["kind"] == "what"
    refused(g, 1, "there is a what-group \"same\" already",
            "what add same")
    refused(g, 1, "there is a rule \"twin\" already",
            "rules add twin --priority 1 --direction in")


# ---- files of values ----

def test_thousands_are_one_edit(bare, tmp_path):
    g = bare
    path = tmp_path / "list.txt"
    values = ["user%d@partner.example" % i for i in range(5000)]
    path.write_text("# partners\n\n  first@x.example \r\n" +
                    "\n".join(values) + "\nfirst@x.example\n")
    ok(g, "who add P")
    before = version(g)
    out = ok(g, "who import P email", str(path), "-m", "new list")
    assert "5001 added, 0 deleted, 1 were there already" in out
    assert version(g) == before + 1
    assert len(ask(g, "who show P")["objects"]) == 5001
    out = ok(g, "who import P email", str(path))
    assert "nothing to do" in out
    assert version(g) == before + 1
    ids = {o["value"]: o["id"] for o in ask(g, "who show P")["objects"]}
    path.write_text("user7@partner.example\nnew@x.example\n")
    ok(g, "who object add P domain stays.example")
    out = ok(g, "who import P email --replace", str(path))
    assert "1 added, 5000 deleted, 1 were there already" in out
    left = ask(g, "who show P")["objects"]
    assert [o["value"] for o in left] == [
        "user7@partner.example", "stays.example", "new@x.example"]
    assert left[0]["id"] == ids["user7@partner.example"]
    out = ok(g, "who export P email", note="1 other object")
    assert out == "user7@partner.example\nnew@x.example\n"


def test_options_hold_for_every_line(bare):
    g = bare
    ok(g, "who add D")
    ok(g, "who import D domain - --subdomains", stdin="a.example\nb.example")
    assert [o["subdomains"] for o in ask(g, "who show D")["objects"]] == [
        True, True]
    out = ok(g, "who export D domain", note="2 other objects")
    assert out == ""
    assert ok(g, "who export D domain --subdomains") == \
        "a.example\nb.example\n"


def test_a_bad_line_changes_nothing(bare):
    g = bare
    ok(g, "who add D")
    before = version(g)
    refused(g, 1, '-: line 3: "b@" is not an e-mail address',
            "who import D email -", stdin="a@x.example\n\nb@\n")
    refused(g, 1, "-: line 1: ", "who import D ip -", stdin="1.2.3.4.5\n")
    assert version(g) == before
    refused(g, 64, "more or less than one value", "what import D field -",
            stdin="")
