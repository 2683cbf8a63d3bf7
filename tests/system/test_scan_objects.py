"""pmgd-scan: decoded contents beside the message."""
import contextlib
import gzip
import io
import shutil
import struct
import subprocess
import tempfile
import zipfile

import pytest

# scan and shared are fixtures.
from tests.system.scan_daemon import (
    CLEAN, EICAR, FAILED, HEURISTIC, REQUEST, UNKNOWN, VIRUS, mail, mail64,
    scan, shared, zipped)

SCAN, LIST = 1, 2
ENCRYPTED, UNREADABLE, MACROS, LIMIT, ARCHIVE = 1, 2, 4, 8, 16
NO_PART = 0xffffffff
BY_ENGINE, BY_WALK, CUT = 1, 2, 4


def names(reply):
    return sorted(f.name for f in reply.found if f.depth > 0)


def test_virus_in_an_object(shared):
    r = shared.scan_objects(mail(b"hello"), [
        (SCAN, b"hello", ""), (SCAN, zipped(EICAR), ""), (SCAN, b"x", "")])
    assert r.result == VIRUS and r.where == 1


def test_virus_in_the_message(shared):
    r = shared.scan_objects(mail(EICAR), [(SCAN | LIST, zipped(b"x"), "")])
    assert r.result == VIRUS and r.where == NO_PART
    assert r.found == []


def test_only_what_is_to_be_scanned(shared):
    r = shared.scan_objects(mail(b"hello"), [(LIST, zipped(EICAR), "a.zip")])
    assert r.result == CLEAN
    assert names(r) == ["eicar.com"]


def lzip(content):
    return subprocess.run(["lzip", "-c"], input=content, check=True,
                          stdout=subprocess.PIPE).stdout


@pytest.mark.skipif(not shutil.which("lzip"), reason="no lzip")
def test_what_only_the_walk_unpacks(shared):
    """libclamav does not know the format, and gets what came out."""
    data = zipped(lzip(zipped(EICAR)), "a.lz")
    r = shared.scan_objects(mail(b"hello"), [(LIST | SCAN, data, "a.zip")])
    assert r.result == VIRUS and r.where == 0
    r = shared.scan_objects(mail(b"hello"), [(LIST, data, "a.zip")])
    assert r.result == CLEAN
    r = shared.scan_objects(mail(b"hello"), [(LIST | SCAN, lzip(b"x"), "")])
    assert r.result == CLEAN


def test_entries(shared):
    inner = zipped(zipped(b"MZ" + bytes(100), "a/b.exe"), "inner.zip")
    r = shared.scan_objects(mail(b"hello"), [
        (LIST, b"just text", "a.txt"), (LIST, inner, "outer.zip")])
    assert (r.result, r.limits) == (CLEAN, 0)
    assert names(r) == ["a/b.exe", "inner.zip"]
    deep = [f for f in r.found if f.name == "a/b.exe"][0]
    assert deep.part == 1 and deep.depth == 2
    top = [f for f in r.found if f.part == 1 and f.depth == 0][0]
    assert top.type == "application/zip" and top.flags & ARCHIVE


def test_too_deep(shared):
    data = zipped(b"hello")
    for n in range(20):
        data = zipped(data, "%d.zip" % n)
    r = shared.scan_objects(mail(b"hello"), [(LIST, data, "a.zip")])
    assert r.limits & BY_WALK
    assert any(f.flags & LIMIT for f in r.found)
    r = shared.scan_objects(mail(b"hello"), [(SCAN, data, "a.zip")])
    assert r.limits & BY_ENGINE and r.result == HEURISTIC


def test_many_entries_fit_the_reply_or_are_told_as_cut(shared):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for n in range(900):
            z.writestr("%0200d" % n, b"")
    r = shared.scan_objects(mail(b"hello"), [(LIST, out.getvalue(), "")])
    assert r.limits & CUT
    assert len(r.found) > 500


def test_many_objects(shared):
    r = shared.scan_objects(mail(b"hello"), [(SCAN, b"x%d" % n, "n" * 64)
                                             for n in range(1500)])
    assert r.result == CLEAN


def test_no_second_file(shared):
    with tempfile.TemporaryFile() as f:
        f.write(b"hello")
        f.flush()
        r = shared.scan_fd(f.fileno(), 5, objects=[(1, SCAN, 0, 1, "")])
    assert r.result == FAILED and "no file" in r.detail


@pytest.mark.parametrize("off,size", [(0, 6), (6, 0), (5, 1),
                                      (2 ** 63, 1), (1, 2 ** 63)])
def test_object_outside_of_its_file(shared, off, size):
    with tempfile.TemporaryFile() as f:
        f.write(b"hello")
        f.flush()
        r = shared.scan_fd(f.fileno(), 5, more=[f.fileno()],
                           objects=[(1, SCAN, off, size, "")])
    assert r.result == FAILED and "outside" in r.detail


def test_a_file_that_shrinks_meanwhile(shared):
    """As for the message: an error of that scan, no crash."""
    before = shared.status()["crashed"]
    for _ in range(20):
        with tempfile.TemporaryFile() as f, \
                contextlib.closing(shared.connect()) as s:
            f.write(bytes(3000000))
            f.flush()
            shared.send(s, REQUEST, shared.request(5, objects=[
                (1, SCAN, 0, 3000000, "")]), [f.fileno(), f.fileno()])
            f.truncate(5)
            assert shared.recv(s) is not None
    assert shared.status()["crashed"] == before


def test_too_many_objects_are_refused(shared):
    with contextlib.closing(shared.connect()) as s, \
            tempfile.TemporaryFile() as f:
        body = shared.request(0, "x")[:-4] + struct.pack(">I", 1501)
        shared.send(s, REQUEST, body, [f.fileno()])
        assert shared.recv(s) == (UNKNOWN, b"")
    assert shared.scan(mail(b"hello")).result == CLEAN


def test_gzip_and_the_name(shared):
    r = shared.scan_objects(mail(b"hello"), [
        (LIST, gzip.compress(b"hello"), "a.txt.gz")])
    assert r.result == CLEAN and r.limits == 0
    assert [f for f in r.found if f.depth == 0][0].name == ""


def test_a_limit_is_not_remembered_as_clean(shared):
    """libclamav keeps hashes of what it found clean. What it did not enter
    for its depth in one mail must not count as clean in the next."""
    layers = [zipped(EICAR)]
    for n in range(12):
        layers.append(zipped(layers[-1], "%d.zip" % n))
    for _ in range(3):
        for data in layers[::-1]:
            for r in (shared.scan(mail64(data, "a.zip")),
                      shared.scan_objects(mail(b"x"), [(SCAN, data, "")])):
                assert r.result == VIRUS or r.limits & BY_ENGINE, r
        assert shared.scan(mail64(layers[0], "a.zip")).result == VIRUS
        assert shared.scan_objects(mail(b"x"), [
            (SCAN, layers[0], "")]).result == VIRUS
