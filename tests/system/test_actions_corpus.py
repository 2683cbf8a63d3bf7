"""Disclaimers and removed attachments in 200 real mails, read by Python.

Mails whose structure or text Python's parser cannot read before the change
are sent and must arrive, but prove nothing else.
"""

import email
import glob
import os

import pytest

from tests.bench.mails import CORPUS
from tests.rig.gateway import OUTSIDE_ADDRESS
from tests.rig.sender import Client
from tests.system import action_rules as act
from tests.system.passage import mail_of

MAILS = 200
FOLDERS = ("ham/easy_ham", "ham/hard_ham", "ham/hard_ham_2")
KEYS = ("cfooter", "cremove")
# What says that the bytes are something else than they are.
UNREADABLE_SHARE = 0.1


def has_file(path):
    with open(path, "rb") as f:
        return b"filename=" in f.read()


def mails():
    """A quarter with attachments, which are rare; else every n-th mail."""
    paths = sorted(p for folder in FOLDERS for p in glob.glob(
        os.path.join(CORPUS, folder, "*")))
    files = [p for p in paths if has_file(p)]
    files = files[::max(len(files) * 4 // MAILS, 1)][:MAILS // 4]
    rest = [p for p in paths if p not in files]
    return files + rest[::len(rest) // (MAILS - len(files))][
        :MAILS - len(files)]


def leaves(raw):
    """[(type, name, disposition, decoded bytes, charset)], in order; attached
    mails count as a whole."""
    out, todo = [], [email.message_from_bytes(raw)]
    while todo:
        p = todo.pop(0)
        if p.get_content_maintype() == "multipart" and p.is_multipart():
            todo = p.get_payload() + todo
        elif p.is_multipart():
            out.append((p.get_content_type(), p.get_filename(), "",
                        p.get_payload(0).as_bytes(), None))
        else:
            out.append((p.get_content_type(), p.get_filename(),
                        p.get_content_disposition(),
                        p.get_payload(decode=True), p.get_content_charset()))
    return out


def text_of(leaf):
    try:
        return leaf[3].decode(leaf[4] or "ascii").replace("\r\n", "\n")
    except (LookupError, UnicodeDecodeError):
        return None


def is_text(leaf):
    return leaf[0] in ("text/plain", "text/html") and not leaf[1] and \
        leaf[2] != "attachment"


@pytest.fixture(scope="module")
def carried(gateway):
    """{(key, number): (sent, got)}"""
    if not os.path.isdir(CORPUS):
        pytest.skip("no corpus")
    act.install(gateway)
    sent, got = {}, {}
    with Client(gateway.ext_port, source=OUTSIDE_ADDRESS, timeout=120) as c:
        for n, path in enumerate(mails()):
            raw = mail_of(path)
            rcpts = [act.address([key], "act-c%d-%d" % (os.getpid(), n))
                     for key in KEYS]
            r = c.send("a@outside.example", rcpts, raw, mail="BODY=8BITMIME")
            assert r.accepted, (path, r)
            sent.update((rcpt, (key, path, raw))
                        for key, rcpt in zip(KEYS, rcpts))
    gateway.postfix.wait_empty(300)
    for d in gateway.sink.deliveries:
        for rcpt in d.addresses:
            if rcpt in sent:
                got[rcpt] = d.data
    return [sent[rcpt] + (got[rcpt],) for rcpt in sent if rcpt in got]


def test_enough_arrived(carried):
    for key in KEYS:
        n = sum(1 for c in carried if c[0] == key)
        assert n >= MAILS * 0.9, (key, n)


def test_disclaimer(carried):
    added = unreadable = 0
    for key, path, raw, got in carried:
        if key != "cfooter":
            continue
        before, after = leaves(raw), leaves(got)
        assert [b[:3] for b in before] == [a[:3] for a in after], path
        lines = got.split(b"\r\n")
        old = set(raw.split(b"\r\n"))
        assert all(len(x) <= 998 or x in old for x in lines), path
        for b, a in zip(before, after):
            if b[3] == a[3]:
                continue
            assert is_text(b), path
            was, now = text_of(b), text_of(a)
            if was is None:
                unreadable += 1
                continue
            assert now is not None, path
            added += 1
            if b[0] == "text/plain":
                assert now.startswith(was.rstrip("\n")), path
                rest = now[len(was.rstrip("\n")):]
                assert rest.strip("\n") == "--\n" + "\n".join(
                    act.FOOTER_TEXT), path
            else:
                assert "EXAMPLE GmbH" in now and "ошибке" in now or \
                    "&#1086;&#1096;" in now, path
    print("disclaimers: %d parts, %d unreadable before" % (added, unreadable))
    assert added >= MAILS * 0.7
    assert unreadable <= MAILS * UNREADABLE_SHARE


def test_remove_all(carried):
    removed = 0
    for key, path, raw, got in carried:
        if key != "cremove":
            continue
        before, after = leaves(raw), leaves(got)
        assert len(before) == len(after), path
        for b, a in zip(before, after):
            if (a[1] or "").startswith("REMOVED_ATTACHMENT_") or \
                    a[3].startswith(b"The mail gateway removed"):
                assert a[0] == "text/plain" and text_of(a), path
                assert not is_text(b) or b"begin " in b[3], path
                removed += 1
            else:
                assert b == a and (is_text(b) or b[0].startswith(
                    "text/")), (path, b[:3])
    print("attachments removed: %d" % removed)
    assert removed >= 10
