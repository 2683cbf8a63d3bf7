"""What is inside of a mail, from the bytes to the rules, through the running
gateway: nothing may pass that hides a virus or a name, and no honest mail is
held for how it is written."""

import binascii
import collections
import glob
import gzip
import io
import os
import re
import shutil
import subprocess
import tarfile
import threading
import zipfile

import pytest

from tests.rig.gateway import Gateway
from tests.rig.samples import EICAR, multipart, plain
from tests.rig.sender import Client
from tests.rig.service import wait_for
from tests.system import inside_rules as rules
from tests.system.conftest import rig_root
from tests.system.passage import corpus, mail_of

SENDER = "somebody@outside.example"
CONNECTIONS = 4
PER_CONNECTION = 50
LONG = bool(os.environ.get("PMG_LONG"))
HAM = 4397 if LONG else 300
VIRUS, UNCLEAR = "Block Viruses", "Quarantine Unclear Mail"
ACTIVE = "Quarantine Active Content"


class Carrier:
    """carry({name: raw}) -> {name: event record}, over a few connections."""

    def __init__(self, gateway):
        self.gateway, self.count = gateway, 0

    def _send(self, share, failed):
        for at in range(0, len(share), PER_CONNECTION):
            with Client(self.gateway.filter_in, lmtp=True, timeout=180) as c:
                for name, rcpt, raw in share[at:at + PER_CONNECTION]:
                    r = c.send(SENDER, [rcpt], raw, mail="BODY=8BITMIME")
                    if not r.accepted:
                        failed[name] = r

    def carry(self, mails, domain="in.example"):
        todo, failed = [], {}
        for name, raw in mails.items():
            self.count += 1
            todo.append((name, "i%d@%s" % (self.count, domain), raw))
        threads = [threading.Thread(target=self._send, args=(
            todo[n::CONNECTIONS], failed)) for n in range(CONNECTIONS)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert not failed
        names = {rcpt: name for name, rcpt, _ in todo}

        def all_there():
            found = {}
            for record in self.gateway.records():
                name = names.get(record["recipients"][0]["addr"])
                if name is not None:
                    found[name] = record
            return found if len(found) == len(names) else None
        return wait_for(all_there, "%d event records" % len(names))


def rule_of(record):
    """Of the rule that took the mail, "" = delivered."""
    r = record["recipients"][0]
    return "" if r["result"] == "accepted" else r["rule"]


def outcome(record):
    if record["virus"]["state"] == "found":
        return "virus"
    return rule_of(record) or "DELIVERED"


def table(title, rows):
    """rows: {key: [outcomes]}"""
    print("\n%s" % title)
    for key in sorted(rows):
        print("  %-24s %s" % (key, ", ".join("%s %d" % pair for pair in sorted(
            collections.Counter(rows[key]).items()))))


@pytest.fixture(scope="module")
def inside():
    # Without spamd: nobody answers, and mail goes on marked.
    g = Gateway(rig_root("inside"), with_postfix=False, with_spamd=False,
                activate=False)
    with g:
        rules.change(g, [
            ("Test Encrypted", 94, "encrypted.example",
             [(rules.ENCRYPTED, "")], rules.QUARANTINE),
            ("Test Unreadable", 94, "unreadable.example",
             [(rules.UNREADABLE, "")], rules.QUARANTINE),
            ("Test Archive Name", 94, "names.example",
             [(rules.ARCHIVE_NAME, r".*\.scr")], rules.QUARANTINE),
            ("Test Archive Type", 94, "types.example",
             [(rules.ARCHIVE_TYPE, "application/x-shellscript")],
             rules.QUARANTINE),
            ("Test File Name", 94, "files.example",
             [(rules.FILENAME, r".*\.(zip|txt)")], rules.QUARANTINE)])
        yield Carrier(g)


def need(*parts):
    path = corpus(*parts)
    if not os.path.exists(path):
        pytest.skip("no corpus")
    return path


def attached(name, content, ctype="application/octet-stream"):
    return multipart(SENDER, "a@in.example", "Hello", "See attachment.", name,
                     ctype, content)


def zipped(content, name="a.bin", method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        z.writestr(name, content)
    return out.getvalue()


# ------------------------------------------------------- mime-is-broken

def broken(folder):
    found = {}
    for path in sorted(glob.glob(os.path.join(
            need("mime-is-broken", folder), "*", "*"))):
        raw = mail_of(path)
        m = re.search(rb"(?m)^Subject: \[(\d)\] (\S+) ?(\S*)", raw)
        found["%s %s" % (m.group(1).decode(), m.group(2).decode())] = raw
    return found


def test_hidden_content(inside):
    records = inside.carry(broken("hide-content.d"))
    levels, passed = collections.defaultdict(list), []
    for name, record in records.items():
        levels["level " + name[0]].append(outcome(record))
        if outcome(record) == "DELIVERED" or (
                name[0] != "0" and outcome(record) != "virus"):
            passed.append("%s: %s" % (name, outcome(record)))
    table("hide-content", levels)
    print("\n".join(passed))
    assert not [p for p in passed if p[0] != "0"]
    caught = [o for o in levels["level 0"] if o != "DELIVERED"]
    assert len(caught) >= 0.98 * len(levels["level 0"])


def test_hidden_file_names(inside):
    records = inside.carry(broken("hide-filename.d"), "files.example")
    levels, passed = collections.defaultdict(list), []
    for name, record in records.items():
        levels["level " + name[0]].append(outcome(record))
        # The one that hides nothing is called file.png.
        honest = name.endswith(".png")
        if (rule_of(record) in ("Test File Name", UNCLEAR)) == honest:
            passed.append("%s: %s" % (name, outcome(record)))
    table("hide-filename", levels)
    assert not passed, "\n".join(passed)


# ------------------------------------------------------- nesting

def eml(inner, depth):
    """Under so many message/rfc822, which have no size of their own."""
    for n in range(depth):
        inner = (b"Subject: level %d\r\nMIME-Version: 1.0\r\n"
                 b"Content-Type: message/rfc822\r\n\r\n" % n) + inner
    return inner


# Documents that put EICAR together when somebody opens them: its bytes are
# nowhere in them. They are for real signatures, and for a rule about macros.
NO_EICAR_IN_IT = re.compile(r"-(macro|dde|action|javascript)-")


def test_eicar_files(inside):
    files = {os.path.basename(p): open(p, "rb").read() for p in sorted(
        glob.glob(os.path.join(need("eicar-files"), "eicar*")))}
    records = inside.carry({n: attached(n, c) for n, c in files.items()})
    rows, passed = collections.defaultdict(list), []
    for name, record in records.items():
        rows[name.rsplit(".")[-1]].append(outcome(record))
        if not NO_EICAR_IN_IT.search(name):
            ok = outcome(record) == "virus"
        else:
            ok = rule_of(record) == ACTIVE
        if not ok:
            passed.append("%s: %s" % (name, outcome(record)))
    table("eicar-files", rows)
    assert len(records) == 28
    assert not passed


def forwarded(inner, depth):
    """The same, each in a multipart/mixed beside a text."""
    for n in range(depth):
        inner = (b"Subject: Fwd %d\r\nMIME-Version: 1.0\r\n"
                 b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n"
                 b"--b%d\r\n\r\nsee below\r\n--b%d\r\n"
                 b"Content-Type: message/rfc822\r\n\r\n" % ((n,) * 4)
                 ) + inner + b"\r\n--b%d--\r\n" % n
    return inner


def test_nested_messages(inside):
    depths = range(1, 101) if LONG else (
        1, 2, 3, 5, 10, 20, 29, 30, 31, 50, 99, 100)
    mails = {}
    for n in depths:
        mails["plain %d" % n] = eml(plain(SENDER, "a@in.example", "x",
                                          EICAR.decode()), n)
        mails["zip %d" % n] = eml(attached("a.zip", zipped(EICAR)), n)
        mails["forwarded %d" % n] = forwarded(
            plain(SENDER, "a@in.example", "x", EICAR.decode()), n)
        mails["forwarded-zip %d" % n] = forwarded(
            attached("a.zip", zipped(EICAR)), n)
    records = inside.carry(mails)
    rows = collections.defaultdict(list)
    for name, record in records.items():
        rows[name.split()[0]].append(outcome(record))
    table("EICAR under message/rfc822", rows)
    assert not [n for n, r in records.items() if outcome(r) == "DELIVERED"]


def test_honest_nesting_passes(inside):
    report = docx()
    r = inside.carry(dict(
        [("forwarded %d" % n, forwarded(attached("a.zip", zipped(
            report, "a.docx")), n)) for n in range(5)] +
        [("zip", attached("a.zip", zipped(zipped(report, "b.docx"),
                                          "a.zip"))),
         ("tar.gz", attached("a.tgz", gzip.compress(tarred(zipped(
             report, "b.docx")))))]))
    assert {n: rule_of(x) for n, x in r.items() if rule_of(x)} == {}


def tarred(content, name="a.bin"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        t.addfile(info, io.BytesIO(content))
    return out.getvalue()


def seven(content, tmp_path, name="a.bin"):
    (tmp_path / name).write_bytes(content)
    out = tmp_path / "out.7z"
    if out.exists():
        out.unlink()
    subprocess.run(["bsdtar", "--format", "7zip", "-cf", str(out), "-C",
                    str(tmp_path), name], check=True)
    return out.read_bytes()


def test_nested_archives(inside, tmp_path):
    wrap = {"zip": zipped, "gz": gzip.compress,
            "tar": tarred, "tar.gz": lambda c: gzip.compress(tarred(c))}
    if shutil.which("bsdtar"):
        wrap["7z"] = lambda c: seven(c, tmp_path)
    mails = {}
    for kind, step in wrap.items():
        content = EICAR
        for n in range(1, 31):
            content = step(content)
            mails["%s %d" % (kind, n)] = attached("a." + kind, content)
    records = inside.carry(mails)
    rows = collections.defaultdict(list)
    for name, record in records.items():
        rows[name.split()[0]].append(outcome(record))
    table("EICAR in nested archives", rows)
    assert "DELIVERED" not in sum(rows.values(), [])


# ------------------------------------------------------- properties

def encrypted_zip():
    """ZipCrypto as a header tells it; nobody has to unpack it."""
    content = os.urandom(12) + b"x" * 20
    raw = bytearray(zipped(content, "secret.txt", zipfile.ZIP_STORED))
    raw[6] |= 1
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    return bytes(raw)


def test_encrypted(inside):
    r = inside.carry({
        "encrypted": attached("a.zip", encrypted_zip()),
        "nested": attached("a.zip", zipped(encrypted_zip(), "b.zip")),
        "open": attached("a.zip", zipped(b"hello"))}, "encrypted.example")
    assert rule_of(r["encrypted"]) == "Test Encrypted"
    assert rule_of(r["nested"]) == "Test Encrypted"
    assert rule_of(r["open"]) == ""


def test_unreadable(inside):
    whole = zipped(bytes(range(256)) * 1000)
    r = inside.carry({
        "broken": attached("a.rar", b"Rar!\x1a\x07\x01\0" + bytes(100)),
        "nested": attached("a.zip", zipped(whole[:500] + whole[700:],
                                           "b.zip")),
        "bytes": attached("a.bin", bytes(range(256))),
        "open": attached("a.zip", whole)}, "unreadable.example")
    assert rule_of(r["broken"]) == "Test Unreadable"
    assert rule_of(r["nested"]) == "Test Unreadable"
    assert rule_of(r["bytes"]) == ""
    assert rule_of(r["open"]) == ""


def docx(*members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("[Content_Types].xml", "<Types/>")
        z.writestr("word/document.xml", "<document/>")
        for name in members:
            z.writestr(name, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504))
    return out.getvalue()


def test_macros(inside):
    macros = docx("word/vbaProject.bin")
    r = inside.carry({
        "with": attached("a.docm", macros),
        "renamed": attached("a.docx", macros),
        "zipped": attached("a.zip", zipped(macros, "a.docm")),
        "without": attached("a.docx", docx())})
    for name in ("with", "renamed", "zipped"):
        assert rule_of(r[name]) == ACTIVE, name
    assert rule_of(r["without"]) == ""


def test_names_in_archives(inside):
    r = inside.carry({
        "name": attached("a.zip", zipped(b"x", "folder/Evil.SCR")),
        "deep": attached("a.zip", zipped(zipped(b"x", "evil.scr"), "b.zip")),
        "tar": attached("a.tgz", gzip.compress(tarred(b"x", "evil.scr"))),
        "part": attached("a.scr", b"x"),
        "none": attached("a.zip", zipped(b"x", "scr"))}, "names.example")
    for name in ("name", "deep", "tar"):
        assert rule_of(r[name]) == "Test Archive Name", name
    assert rule_of(r["part"]) == rule_of(r["none"]) == ""


def test_types_in_archives(inside):
    script = b"#!/bin/sh\n"
    r = inside.carry({
        "inside": attached("a.zip", zipped(script, "harmless.dat")),
        "outside": attached("harmless.dat", script),
        "by name": attached("a.zip", zipped(b"x", "a.sh")),
        "none": attached("a.zip", zipped(b"x", "a.dat"))}, "types.example")
    for name in ("inside", "outside", "by name"):
        assert rule_of(r[name]) == "Test Archive Type", name
    assert rule_of(r["none"]) == ""


def uuencoded(name, content):
    lines = ["begin 644 " + name]
    lines += [line.decode().rstrip("\n") for line in (
        binascii.b2a_uu(content[i:i + 45])
        for i in range(0, len(content), 45))]
    return "\n".join(lines + ["`", "end"])


def in_a_text(text):
    return plain(SENDER, "a@in.example", "x", "Hello\n\n" + text)


def test_names_in_a_text(inside):
    r = inside.carry({
        "uu": in_a_text(uuencoded("file.zip", b"no archive")),
        "other": in_a_text(uuencoded("file.bin", b"no archive")),
        "text": in_a_text("begin 644 file.zip")}, "files.example")
    assert rule_of(r["uu"]) == "Test File Name"
    assert rule_of(r["other"]) == rule_of(r["text"]) == ""


def test_archives_in_a_text(inside):
    r = inside.carry({
        "uu": in_a_text(uuencoded("b.bin", zipped(b"x", "evil.scr"))),
        "other": in_a_text(uuencoded("b.bin", zipped(b"x", "scr")))},
        "names.example")
    assert rule_of(r["uu"]) == "Test Archive Name"
    assert rule_of(r["other"]) == ""


# ------------------------------------------------------- limits

def test_limits_are_told_in_words(inside):
    deep = b"hello"
    for _ in range(20):
        deep = zipped(deep, "a.zip")
    many = io.BytesIO()
    with zipfile.ZipFile(many, "w") as z:
        for n in range(1500):
            z.writestr("%d.txt" % n, b"x")
    r = inside.carry({
        "deep": attached("a.zip", deep),
        "many": attached("a.zip", many.getvalue()),
        "bomb": attached("a.zip", zipped(bytes(120000000))),
        "mime": eml(plain(SENDER, "a@in.example", "x", "hello"), 120)})
    for name, record in r.items():
        assert rule_of(record) == UNCLEAR, name
        assert any("limits exceeded" in n for n in record["notes"]), record
        text = inside.gateway.tool("pmg", "why", record["logid"])
        assert "limits exceeded" in text and UNCLEAR in text
        assert "Unclear Content" in text
    with open(inside.gateway.path("log/pmgd.log")) as f:
        assert "limits exceeded" in f.read()


def test_ambiguity_is_told_in_words(inside):
    raw = plain(SENDER, "a@in.example", "x", "hello").replace(
        b"Content-Type: text/plain; charset=utf-8\r\n",
        b"Content-Type: message/partial; id=x; number=1; total=2\r\n")
    r = inside.carry({"partial": raw})["partial"]
    assert rule_of(r) == UNCLEAR
    assert any("read it differently" in n for n in r["notes"])


def test_without_the_rule_it_passes(inside):
    """The rule, and nothing else, holds unclear mail."""
    raw = eml(plain(SENDER, "a@in.example", "x", "hello"), 120)
    rules.activate(inside.gateway, False, UNCLEAR.__eq__)
    try:
        assert rule_of(inside.carry({"x": raw})["x"]) == ""
    finally:
        rules.activate(inside.gateway, True, UNCLEAR.__eq__)
    assert rule_of(inside.carry({"x": raw})["x"]) == UNCLEAR


# ------------------------------------------------------- honest mail

def test_ham_is_not_held(inside):
    paths = sorted(p for p in glob.glob(os.path.join(need("ham"), "*", "*"))
                   if os.path.basename(p) != "cmds")
    step = max(1, len(paths) // HAM)
    records = inside.carry({p: mail_of(p) for p in paths[::step][:HAM]})
    held = {n: r for n, r in records.items()
            if rule_of(r) in (UNCLEAR, ACTIVE)}
    ambiguous = [n for n, r in records.items() if any(
        "read it differently" in note for note in r["notes"])]
    print("\n%d ham mails, %d held as unclear or active, %d ambiguous" % (
        len(records), len(held), len(ambiguous)))
    assert not ambiguous
    assert not held, {n: r["notes"] for n, r in held.items()}


def test_where_the_virus_was(inside):
    r = inside.carry({"x": attached("invoice.zip", zipped(EICAR))})["x"]
    assert outcome(r) == "virus"
    assert any("decoded part 2: invoice.zip" in n for n in r["notes"]), r


def test_without_the_scanner_structure_still_counts(inside):
    """admin.clamav off: what the bytes tell needs no scanner."""
    g = inside.gateway
    g.conf = {"admin": {"clamav": 0}}
    g.write_conf()
    try:
        g.services["pmgd"].reload()
        r = inside.carry({
            "deep": eml(plain(SENDER, "a@in.example", "x", "hello"), 120),
            "zip": attached("a.zip", zipped(EICAR))}, "files.example")
    finally:
        g.conf = {}
        g.write_conf()
        g.services["pmgd"].reload()
    assert rule_of(r["deep"]) == UNCLEAR
    assert rule_of(r["zip"]) == "Test File Name"
