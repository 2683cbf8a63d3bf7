"""User lists through the whole gateway: what each recipient gets, how soon an
edit holds, and that nothing of one is lost or half done."""

import csv
import io
import json
import os
import signal
import subprocess
import time

import pytest

from tests.rig.gateway import OUTSIDE_ADDRESS, Gateway, bin_dir
from tests.rig.samples import GTUBE, plain
from tests.rig.sender import send
from tests.rig.service import wait_for
from tests.system.conftest import rig_root

pytestmark = pytest.mark.sandbox

HEAD = "owner,kind,pattern,comment\n"


def pmg_list(gateway, *args, data=None):
    """(exit status, standard output, standard error)"""
    p = subprocess.run(
        [gateway.program("pmg"), "--root", gateway.root, "list", *args],
        input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        timeout=120)
    return p.returncode, p.stdout, p.stderr


def edit(gateway, *args, data=None):
    status, out, err = pmg_list(gateway, *args, data=data)
    assert status == 0, err
    return out


def entries(gateway, *args):
    return [(e["owner"], e["kind"], e["pattern"]) for e in json.loads(
        edit(gateway, "show", "-o", "json", *args))]


def mail(gateway, ident, rcpts, text, sender=None, header_from=None):
    """Recipient: its part of the event record."""
    sender = sender or ident + "@sender.example"
    r = send(gateway.ext_port, sender, rcpts,
             plain(header_from or sender, ", ".join(rcpts), ident, text),
             source=OUTSIDE_ADDRESS)
    assert r.accepted, r

    def records():
        found = [x for x in gateway.records() if x.get("subject") == ident]
        done = {y["addr"]: dict(y, logid=x["logid"])
                for x in found for y in x["recipients"]}
        return len(done) == len(rcpts) and done
    return wait_for(records, "the event records of " + ident)


def results(record):
    return {addr.split("@")[0].rpartition("-")[2]: r["result"]
            for addr, r in record.items()}


def test_each_recipient_by_its_own_list(gateway, ident):
    allows, blocks, plainly = [
        "%s-%s@in.example" % (ident, x) for x in ("allows", "blocks", "none")]
    sender = ident + "@sender.example"
    edit(gateway, "add", "--rcpt", allows, "--allow", sender.upper())
    edit(gateway, "add", "--rcpt", blocks, "--block", "*@sender.exampl?")
    rcpts = [allows, blocks, plainly]
    spam = mail(gateway, ident + "s", rcpts, GTUBE, sender)
    assert results(spam) == {"allows": "accepted", "blocks": "quarantined",
                             "none": "quarantined"}
    gateway.sink.wait_for_rcpt(allows)
    ham = mail(gateway, ident + "h", rcpts, "Hello", sender)
    assert results(ham) == {"allows": "accepted", "blocks": "quarantined",
                            "none": "accepted"}
    assert not gateway.sink.to(blocks)
    assert len(gateway.quarantined(blocks)) == 2
    assert ham[allows]["list"] == {"verdict": "allow", "owner": allows,
                                   "entry": sender}
    assert ham[blocks]["list"]["entry"] == "*@sender.exampl?"
    assert "list" not in ham[plainly]
    why = gateway.tool("pmg", "why", ham[blocks]["logid"])
    assert "blocked by the list of %s: *@sender.exampl?" % blocks in why
    assert "allowed by the list of %s: %s" % (allows, sender) in why


def test_domain_global_network_and_header(gateway, ident):
    """The closest list with a matching entry decides."""
    one, two = [ident + x + "@in.example" for x in ("-one", "-two")]
    sender = ident + "@%s.example" % ident
    try:
        edit(gateway, "add", "--global", "--block", OUTSIDE_ADDRESS + "/32")
        got = mail(gateway, ident + "g", [one, two], "Hello", sender)
        assert results(got) == {"one": "quarantined", "two": "quarantined"}
        assert got[one]["list"]["owner"] == ""
        edit(gateway, "add", "--domain", "in.example", "--allow",
             "@%s.example" % ident)
        got = mail(gateway, ident + "d", [one, two], GTUBE, sender)
        assert results(got) == {"one": "accepted", "two": "accepted"}
        edit(gateway, "add", "--rcpt", two, "--block", "boss@x.example")
        got = mail(gateway, ident + "f", [one, two], "Hello", sender,
                   header_from="The Boss <Boss@X.example>")
        assert results(got) == {"one": "accepted", "two": "quarantined"}
    finally:
        edit(gateway, "clear", "--global", "--block")
        edit(gateway, "clear", "--domain", "in.example", "--allow")


def test_an_edit_holds_for_the_next_mail(gateway, ident):
    """No restart, no wait: the reply of the tool is the promise."""
    rcpt, sender = ident + "-r@in.example", ident + "@sender.example"
    pids = gateway.services["pmgd"].pid, gateway.services["pmgd-store"].pid
    for n, (verb, kind, want) in enumerate((
            ("add", "--block", "quarantined"), ("add", "--allow", "accepted"),
            ("remove", "--allow", "accepted"),
            ("add", "--block", "quarantined"),
            ("clear", "--block", "accepted"))):
        args = () if verb == "clear" else (sender,)
        out = edit(gateway, verb, "--rcpt", rcpt, kind, *args)
        if "in effect within" in out:
            # Another edit came just before: written soon after.
            wait_for(lambda: "lists_error" in json.loads(gateway.tool(
                "pmgqm", "status", "-o", "json")) and newest(gateway),
                "lists.active")
        got = mail(gateway, "%s-%d" % (ident, n), [rcpt], "Hello", sender)
        assert results(got) == {"r": want}, (verb, kind)
    assert pids == (gateway.services["pmgd"].pid,
                    gateway.services["pmgd-store"].pid)


def newest(gateway):
    """The published file is as new as the rows."""
    status = json.loads(gateway.tool("pmgqm", "status", "-o", "json"))
    with open(gateway.path("var/lib/pmg/rules/lists.active"), "rb") as f:
        version = int.from_bytes(f.read(60)[52:], "big")
    return version == status["lists_version"] and version


def test_block_without_spamd(gateway, ident):
    """A list needs no score; nobody else loses mail because spamd is away."""
    blocks, plainly = ident + "-blocks@in.example", ident + "-none@in.example"
    sender = ident + "@sender.example"
    edit(gateway, "add", "--rcpt", blocks, "--block", "sender.example")
    spamd = gateway.services["spamd"]
    spamd.stop()
    try:
        got = mail(gateway, ident, [blocks, plainly], GTUBE, sender)
    finally:
        spamd.start()
    assert results(got) == {"blocks": "quarantined", "none": "accepted"}
    # The circuit breaker lets spamd be asked again.
    wait_for(lambda: results(mail(gateway, ident + os.urandom(4).hex(),
                                  [plainly], GTUBE)) == {
        "none": "quarantined"}, "spamd's next answer", 60)


def test_rules_test_knows_the_lists(gateway, ident):
    rcpt = ident + "@in.example"
    path = gateway.path(ident + ".eml")
    with open(path, "wb") as f:
        f.write(plain("a@x.example", rcpt, ident, "Hello"))
    edit(gateway, "add", "--rcpt", rcpt, "--allow", "x.example")
    out = gateway.tool("pmg", "rules", "test", path, "--in", "--from",
                       "a@x.example", "--to", rcpt, "--to", "b@in.example",
                       "--spam-level", "50")
    assert "assumed: the sender is on no" not in out
    assert "allowed by the list of %s: x.example" % rcpt in \
        " ".join(out.split())
    end = out[out.index("What happens"):]
    assert end.index("<%s>" % rcpt) < end.index("is delivered")
    assert "quarantine" in end


# ---- the tool ----

def test_adding_to_one_list_leaves_the_other(gateway, ident):
    rcpt = ident + "@in.example"
    edit(gateway, "add", "--rcpt", rcpt, "--allow", "--comment", "a, \"b\"",
         "x@y.example", "10.1.2.3/8")
    assert "1 moved" in edit(gateway, "add", "--rcpt", rcpt, "--block",
                             "X@Y.example")
    assert entries(gateway, "--rcpt", rcpt) == [
        (rcpt, "allow", "10.0.0.0/8"), (rcpt, "block", "x@y.example")]
    assert entries(gateway, "--rcpt", rcpt, "--block") == [
        (rcpt, "block", "x@y.example")]
    text = edit(gateway, "show", "--rcpt", rcpt)
    assert "For %s:" % rcpt in text and 'a, "b"' in text
    status, _, err = pmg_list(gateway, "remove", "--rcpt", rcpt, "--allow",
                              "10.0.0.0/8", "x@y.example")
    assert status == 1 and "is not on the allow list" in err
    assert len(entries(gateway, "--rcpt", rcpt)) == 2


@pytest.mark.parametrize("args,said", [
    (("add", "--rcpt", "a@b.example", "--allow", "a b@c"), "character 2"),
    (("add", "--rcpt", "a@b.example", "--block", "1.2.3.400"), "IP address"),
    (("add", "--rcpt", "*@b.example", "--block", "x.example"), "owner"),
    (("add", "--domain", "a@b.example", "--block", "x"), "not a domain"),
    (("add", "--rcpt", "a@b.example", "x.example"), "which list"),
    (("add", "--allow", "x.example"), "whose list"),
    (("add", "--global", "--allow", "--block", "x.example"), "not both"),
    (("remove", "--global", "--allow"), "at least one"),
    (("import", "/nowhere.csv"), "/nowhere.csv"),
    (("nothing",), "no such command"),
])
def test_clear_errors(gateway, args, said):
    status, out, err = pmg_list(gateway, *args)
    assert status in (1, 64) and said in err and out == ""


def test_import_is_all_or_nothing(gateway, ident):
    a, b = ident + "-a@in.example", ident + "-b@in.example"
    good = "%s,allow,*@x.example,\n%s,block,y.example,why not\n" % (a, b)
    status, _, err = pmg_list(
        gateway, "import", "-", data=HEAD + good + "%s,allow,a b,\n%s,x,y,\n"
        % (a, b))
    assert status == 1
    assert "line 4: " in err and "line 5: the kind is not" in err
    assert entries(gateway, "--rcpt", a) == []
    edit(gateway, "import", "-", data=HEAD + good)
    assert entries(gateway, "--rcpt", a) == [(a, "allow", "*@x.example")]
    # Adds; with --replace the lists that the file names hold just that.
    edit(gateway, "import", "-", data=HEAD + "%s,allow,z.example,\n" % a)
    assert len(entries(gateway, "--rcpt", a)) == 2
    edit(gateway, "import", "--replace", "-",
         data=HEAD + "%s,allow,z.example,\n" % a)
    assert entries(gateway, "--rcpt", a) == [(a, "allow", "z.example")]
    assert entries(gateway, "--rcpt", b) == [(b, "block", "y.example")]


def test_export_reads_back(gateway, ident):
    rcpt = ident + "@in.example"
    edit(gateway, "add", "--rcpt", rcpt, "--allow", "--comment",
         'my "best" friend, he says', "*@x.example", "2001:db8::1/32")
    out = edit(gateway, "export", "--rcpt", rcpt)
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [r["pattern"] for r in rows] == ["*@x.example", "2001:db8::/32"]
    assert rows[0]["comment"] == 'my "best" friend, he says'
    edit(gateway, "clear", "--rcpt", rcpt, "--allow")
    assert entries(gateway, "--rcpt", rcpt) == []
    edit(gateway, "import", "-", data=out)
    assert edit(gateway, "export", "--rcpt", rcpt) == out


def test_show_goes_over_pages(gateway, ident):
    rcpt = ident + "@in.example"
    edit(gateway, "add", "--rcpt", rcpt, "--block",
         *["s%03d@x.example" % n for n in range(350)])
    got = entries(gateway, "--rcpt", rcpt)
    assert [p for _, _, p in got] == ["s%03d@x.example" % n
                                      for n in range(350)]
    assert set(got) <= set(entries(gateway))


# ---- faults ----

ROWS = 40000 if os.environ.get("PMG_LONG") else 15000


def wal_size(gateway):
    try:
        return os.path.getsize(
            gateway.path("var/lib/pmg/store/config.db-wal"))
    except OSError:
        return 0


def killed_import(gateway, ident, round_, moment):
    """One import; the store dies when moment(popen) says so. Whether the tool
    was told that it is done."""
    store = gateway.services["pmgd-store"]
    data = HEAD + "".join("u%d-%s@in.example,block,s%d@%s.example,\n" % (
        n, round_, n, round_) for n in range(ROWS))
    path = gateway.path("%s-%s.csv" % (ident, round_))
    with open(path, "w") as f:
        f.write(data)
    p = subprocess.Popen(
        [gateway.program("pmg"), "--root", gateway.root, "list", "import",
         path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: moment(p), "the moment of " + round_, 120, step=0.001)
    store.stop(signal.SIGKILL)
    out, _ = p.communicate(timeout=120)
    store.start()
    return p.returncode == 0 and "%d added" % ROWS in out


def test_kill_during_import_leaves_all_or_nothing(gateway, ident):
    rcpt = ident + "@in.example"
    confirmed = []
    told = {}
    try:
        for n, size in enumerate((1, 1 << 20, 3 << 20, None)):
            edit(gateway, "add", "--rcpt", rcpt, "--allow",
                 "c%d@x.example" % n)
            confirmed.append("c%d@x.example" % n)
            before = wal_size(gateway)
            round_ = "%s-%d" % (ident, n)

            def moment(p):
                if size is None:
                    return p.poll() is not None
                return wal_size(gateway) >= before + size
            told[round_] = killed_import(gateway, ident, round_, moment)
            there = [p for _, _, p in entries(gateway)
                     if p.endswith("@%s.example" % round_)]
            assert len(there) in (0, ROWS)
            assert not told[round_] or len(there) == ROWS
            assert [p for _, _, p in entries(gateway, "--rcpt", rcpt)] == \
                confirmed
        assert any(told.values()) and not all(told.values())
        # What is published after the restart is what is in the database.
        wait_for(lambda: newest(gateway), "lists.active")
        last = "u7-" + round_ + "@in.example"
        got = mail(gateway, ident, [last], "Hello", "s7@%s.example" % round_)
        assert got[last]["result"] == "quarantined"
    finally:
        if not gateway.services["pmgd-store"].alive():
            gateway.services["pmgd-store"].start()


# ---- many rows, and the mail goes on ----

MANY = 300000 if os.environ.get("PMG_LONG") else 50000
# Of a commit while that goes on; a sanitizer build is that much slower.
COMMIT_MAX = 1.0 if "asan" not in bin_dir() else 10.0


@pytest.fixture(scope="module")
def alone():
    """A store and a filter; who is blocked goes to the quarantine."""
    g = Gateway(rig_root("user-lists"), with_postfix=False, with_spamd=False,
                with_scan=False, activate=False,
                conf={"admin": {"clamav": 0}})
    with g:
        edit(g, "add", "--global", "--block", "blocked.example")
        wait_for(lambda: newest(g), "lists.active", 60)
        yield g


def committed(gateway, ident, n):
    """Seconds until a mail is in the quarantine, as its sender sees it."""
    rcpt = "%s-%d@in.example" % (ident, n)
    began = time.monotonic()
    reply = send(gateway.filter_in, "x@blocked.example", [rcpt],
                 plain("x@blocked.example", rcpt, "x", "hello"), lmtp=True)
    took = time.monotonic() - began
    assert reply.accepted, reply
    return took


def many_rows(gateway, name, n=MANY):
    path = gateway.path(name + ".csv")
    with open(path, "w") as f:
        f.write(HEAD)
        for i in range(n):
            f.write("u%d@in.example,block,s%d@%s.example,\n" % (
                i % 1000 if i % 2 else i, i, name))
    return path


def start_list(gateway, *args):
    return subprocess.Popen(
        [gateway.program("pmg"), "--root", gateway.root, "list", *args],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_commits_go_on_during_import_and_publishing(alone, ident):
    path = many_rows(alone, ident)
    took = []
    began = time.monotonic()
    p = start_list(alone, "import", path)
    while p.poll() is None:
        took.append(committed(alone, ident, len(took)))
    out, err = p.communicate()
    print("%d commits in %.1f s, the slowest %.3f s" % (
        len(took), time.monotonic() - began, max(took)))
    assert p.returncode == 0 and "%d added" % MANY in out, err
    assert len(alone.quarantined(ident)) == len(took) > 10
    assert max(took) < COMMIT_MAX
    wait_for(lambda: newest(alone), "lists.active", 60)


def test_another_edit_waits_for_its_turn(alone, ident):
    """And reading is answered meanwhile, without what does not hold yet."""
    before = len(entries(alone))
    p = start_list(alone, "import", many_rows(alone, ident, ROWS))
    wait_for(lambda: staged(alone), "its first slice", 60, step=0.001)
    assert "%s.example" % ident not in edit(alone, "export")
    q = start_list(alone, "add", "--global", "--allow", ident + ".example")
    out, err = q.communicate(timeout=300)
    assert q.returncode == 0 and "1 added" in out, err
    out, err = p.communicate(timeout=300)
    assert p.returncode == 0 and "%d added" % ROWS in out, err
    assert len(entries(alone)) == before + ROWS + 1


def staged(gateway):
    return wal_size(gateway) > 1 << 20


def test_hangup_takes_the_import_with_it(alone, ident):
    version = json.loads(alone.tool("pmgqm", "status", "-o", "json"))[
        "lists_version"]
    p = start_list(alone, "import", many_rows(alone, ident))
    wait_for(lambda: staged(alone), "its first slice", 60, step=0.001)
    p.kill()
    p.wait()
    # Takes its turn behind what is left of the import.
    edit(alone, "add", "--global", "--allow", ident + ".example")
    assert "%s.example" % ident in edit(alone, "export", "--global")
    assert "@%s.example" % ident not in edit(alone, "export")
    assert json.loads(alone.tool("pmgqm", "status", "-o", "json"))[
        "lists_version"] > version


# ---- what the status says ----

def lists_status(gateway):
    p = subprocess.run(
        [gateway.program("pmg"), "--root", gateway.root, "status", "-o",
         "json"], stdout=subprocess.PIPE, text=True, timeout=60)
    return [(x["state"], x["text"]) for x in json.loads(p.stdout)["parts"]
            if x["part"] == "lists"]


def test_status_of_a_file_that_cannot_be_written(alone, ident):
    folder = alone.path("var/lib/pmg/rules")
    aside = folder + ".aside"
    assert lists_status(alone) == []
    os.rename(folder, aside)
    try:
        edit(alone, "add", "--global", "--allow", ident + ".example")
        wait_for(lambda: "older user lists" in str(lists_status(alone)),
                 "the error", 120)
        (state, text), = lists_status(alone)
        assert state == "yellow" and "lists.active" in text
        # The next edit is told, too, and waits for nothing.
        out = edit(alone, "add", "--global", "--allow", ident + ".test")
        assert "the filter does not know yet" in out
    finally:
        os.rename(aside, folder)
    wait_for(lambda: newest(alone) and not lists_status(alone),
             "lists.active", 120)


def test_status_of_a_damaged_file(alone, ident):
    path = alone.path("var/lib/pmg/rules/lists.active")
    with open(path, "r+b") as f:
        f.seek(100)
        f.write(b"damaged")
    (state, text), = lists_status(alone)
    assert state == "yellow" and path in text
    alone.services["pmgd-store"].reload()
    wait_for(lambda: not lists_status(alone), "the file anew", 60)
