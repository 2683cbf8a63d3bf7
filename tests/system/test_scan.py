"""pmgd-scan: verdicts and requests."""
import base64
import contextlib
import io
import os
import struct
import tempfile
import threading
import time
import zipfile

import pytest

# scan and shared are fixtures.
from tests.system.scan_daemon import (
    CLEAN, EICAR, FAILED, HEURISTIC, REQUEST, UNKNOWN, VIRUS, mail, mail64,
    scan, shared, zipped)


# ---------------------------------------------------------------- verdicts

@pytest.mark.parametrize("data", [
    EICAR, mail(EICAR), mail64(EICAR), mail64(zipped(EICAR), "a.zip"),
    mail64(zipped(zipped(EICAR), "b.zip"), "a.zip"), zipped(EICAR),
    mail(mail64(EICAR), "message/rfc822")],
    ids=["plain", "mail", "base64", "zip", "zipzip", "part", "rfc822"])
def test_virus(shared, data):
    r = shared.scan(data)
    assert r.result == VIRUS
    assert r.name.startswith("Eicar-Test")


@pytest.mark.parametrize("data", [
    b"", b"x", mail(b"hello"), mail64(zipped(b"hello"), "a.zip"),
    mail(b"\xff\x00" * 1000, "application/octet-stream", "binary")])
def test_clean(shared, data):
    r = shared.scan(data)
    assert (r.result, r.name, r.detail, r.heuristics) == (CLEAN, "", "", "")


def test_too_deep_is_a_heuristic(shared):
    data = mail64(zipped(EICAR), "a.zip")
    for _ in range(20):
        data = mail(data, "message/rfc822")
    r = shared.scan(data)
    assert r.result == HEURISTIC
    assert r.name.startswith("Heuristics.Limits.Exceeded")
    assert r.name in r.heuristics.split(",")


def test_virus_wins_over_heuristic(shared):
    """The limit is met first, the signature later."""
    deep = mail(b"hello")
    for _ in range(20):
        deep = mail(deep, "message/rfc822")
    both = mail(b"--B\r\nContent-Type: message/rfc822\r\n\r\n" + deep +
                b"\r\n--B\r\nContent-Type: application/octet-stream\r\n"
                b"Content-Transfer-Encoding: base64\r\n\r\n" +
                base64.b64encode(EICAR) + b"\r\n--B--\r\n",
                'multipart/mixed; boundary="B"')
    r = shared.scan(both)
    assert r.result == VIRUS
    assert r.name.startswith("Eicar-Test")


def test_encrypted_archive(scan):
    s = scan(conf="section: clamav\n\tarchiveblockencrypted 1\n").ready()
    z = bytearray(zipped(b"hello"))
    z[6] |= 1                           # local header: encrypted
    z[z.index(b"PK\1\2") + 8] |= 1      # central directory
    r = s.scan(mail64(bytes(z), "a.zip"))
    assert (r.result, r.name) == (HEURISTIC, "Heuristics.Encrypted.Zip")


def test_bomb_is_a_heuristic(shared):
    """300 MB of zeros in a zip in a zip: limits, not memory."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z, \
            z.open("zeros", "w") as f:
        for _ in range(300):
            f.write(bytes(1 << 20))
    r = shared.scan(mail64(zipped(out.getvalue(), "b.zip"), "a.zip"))
    assert r.result == HEURISTIC
    assert r.name.startswith("Heuristics.Limits.Exceeded")
    assert r.cpu < 30000000
    assert shared.scan(EICAR).result == VIRUS


def test_large_message(shared):
    data = mail64(os.urandom(12 << 20) + EICAR)
    assert shared.scan(data).result == VIRUS


# ---------------------------------------------------------------- requests

def test_wrong_sizes_are_not_clean(shared):
    with tempfile.TemporaryFile() as f:
        f.write(b"x" * 1000)
        f.flush()
        for size in (0, 999, 1001, 1 << 40, (1 << 64) - 1):
            r = shared.scan_fd(f.fileno(), size)
            assert r.result == FAILED and r.detail, size
        assert shared.scan_fd(f.fileno(), 1000).result == CLEAN


def test_offset_does_not_matter(shared):
    with tempfile.TemporaryFile() as f:
        f.write(EICAR)
        f.flush()
        os.lseek(f.fileno(), 0, os.SEEK_END)
        assert shared.scan_fd(f.fileno(), len(EICAR)).result == VIRUS


def test_no_file_is_not_clean(shared):
    r, w = os.pipe()
    assert shared.scan_fd(r, 10).result == FAILED
    os.close(r)
    os.close(w)
    with open("/dev/zero", "rb") as f:
        assert shared.scan_fd(f.fileno(), 10).result == FAILED
    with contextlib.closing(shared.connect()) as s:
        shared.send(s, REQUEST, shared.request(10))
        assert shared.recv(s)[1][0] == FAILED


def test_truncated_while_scanned(shared):
    """A sender that cuts and rewrites its file: never a crash."""
    before = shared.status()["crashed"]
    with tempfile.TemporaryFile() as f:
        stop = threading.Event()

        def spoil():
            while not stop.is_set():
                f.truncate(0)
                os.pwrite(f.fileno(), b"x" * 3000000, 0)
        f.write(b"x" * 3000000)
        f.flush()
        t = threading.Thread(target=spoil)
        t.start()
        for _ in range(30):
            assert shared.scan_fd(f.fileno(), 3000000) is not None
        stop.set()
        t.join()
    assert shared.status()["crashed"] == before


@pytest.mark.parametrize("packet, answer", [
    (b"x", None), (b"\0\2" + b"\1\1" + b"\0\0\0\0", None),
    (struct.pack(">HHI", 1, REQUEST, 9), None), (b"\0" * 200000, None),
    (struct.pack(">HHI", 1, REQUEST, 4) + b"\xff\xff\xff\xff",
     (UNKNOWN, b"")),
    (struct.pack(">HHI", 1, 0x999, 0), (UNKNOWN, b""))])
def test_broken_request(shared, packet, answer):
    with contextlib.closing(shared.connect()) as s:
        s.send(packet)
        assert shared.recv(s) == answer
    assert shared.scan(mail(b"hello")).result == CLEAN


def test_descriptors_are_closed(shared):
    pid = shared.scanners()
    n = [len(os.listdir("/proc/%d/fd" % p)) for p in pid]
    for _ in range(50):
        shared.scan(b"hello")
        with tempfile.TemporaryFile() as f, \
                contextlib.closing(shared.connect()) as s:
            shared.send(s, REQUEST, b"bad", [f.fileno()] * 4)
            assert shared.recv(s) == (UNKNOWN, b"")
    assert shared.scanners() == pid
    assert [len(os.listdir("/proc/%d/fd" % p)) for p in pid] == n


def test_temporary_folder_stays_empty(shared):
    for _ in range(5):
        shared.scan(mail64(zipped(b"x" * 100000), "a.zip"))
    tmp = shared.root / "run/pmg/scan/tmp"
    assert [p for p in tmp.rglob("*") if p.is_file()] == []


def test_status(shared):
    before = shared.status()
    assert before["ready"] == 1 and before["scanners"] == 2
    assert before["signatures"] == 1
    assert "test.ndb" in before["detail"]
    assert abs(before["loaded_at"] - time.time()) < 600
    shared.scan(b"hello")
    assert shared.status()["scanned"] == before["scanned"] + 1
