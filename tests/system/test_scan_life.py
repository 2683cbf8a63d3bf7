"""pmgd-scan: databases that come and go, faults, the sandbox, the end.

A sanitizer or test build (PMG_TEST_HOOKS) also runs the tests of its fault
hooks.
"""
import base64
import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import threading
import time

import pytest

# scan and shared are fixtures.
from tests.system.scan_daemon import (
    EICAR, FAILED, NOT_READY, PROG, REQUEST, SECOND, VIRUS, Scan, hooks,
    mail, mail64, sanitized, scan, shared, sig, zipped)


# -------------------------------------------------------------- life cycle

def test_not_ready_until_databases_come(scan):
    s = scan(signatures=False)
    r = s.scan(EICAR)
    assert r.result == NOT_READY
    assert r.detail.startswith("virus database not loaded yet: test.cvd is "
                               "missing in")
    assert "freshclam" in r.detail
    st = s.status()
    assert st["ready"] == 0 and st["detail"] == r.detail
    # A silent peer does not hold up the others.
    with contextlib.closing(s.connect()):
        assert s.scan(EICAR).result == NOT_READY
    s.signature("other.ndb", sig("Other", SECOND))
    time.sleep(1.5)
    assert s.scan(EICAR).result == NOT_READY
    s.signature("test.ndb", sig("Eicar-Test", EICAR))
    s.ready()
    assert s.scan(EICAR).result == VIRUS


def test_folder_of_databases_comes_later(scan):
    s = scan(signatures=False)
    s.db.rmdir()
    assert s.scan(EICAR).result == NOT_READY
    s.db.mkdir()
    s.signature("test.ndb", sig("Eicar-Test", EICAR))
    s.ready()


def test_too_old(scan):
    s = scan("--max-age", "3", signatures=False)
    s.signature("test.ndb", sig("Eicar-Test", EICAR))
    old = time.time() - 10 * 86400
    os.utime(s.db / "test.ndb", (old, old))
    r = s.wait(lambda: [x for x in [s.scan(EICAR)] if "too old" in x.detail])
    assert r[0].result == NOT_READY and "10 days ago" in r[0].detail
    os.utime(s.db / "test.ndb")
    (s.db / "x.tmp").touch()
    s.signature("test.ndb", sig("Eicar-Test", EICAR))
    s.ready()


def test_reload_under_load(scan):
    """No failure, no gap; afterwards the new signature is found."""
    s = scan().ready()
    stop, bad, n = threading.Event(), [], [0]

    def loop():
        while not stop.is_set():
            r = s.scan(mail64(EICAR))
            n[0] += 1
            if r is None or r.result != VIRUS:
                bad.append(r)
    threads = [threading.Thread(target=loop) for _ in range(4)]
    for t in threads:
        t.start()
    old = s.loaders()
    for i in range(3):
        s.signature("new%d.ndb" % i, sig("Second-%d" % i, SECOND + b"%d" % i))
        s.wait(lambda: s.scan(SECOND + b"%d" % i).result == VIRUS)
    s.wait(lambda: len(s.loaders()) == 1)
    stop.set()
    for t in threads:
        t.join()
    assert bad == [] and n[0] > 100
    assert s.loaders() != old
    st = s.status()
    assert st["signatures"] == 4 and st["crashed"] == 0
    assert len(s.scanners()) == 2


def test_broken_third_party_file_is_left_out(scan):
    s = scan().ready()
    (s.db / "junk.ndb").write_text("this is no signature\n")
    s.signature("more.ndb", sig("Second", SECOND))
    s.wait(lambda: s.scan(SECOND).result == VIRUS)
    assert s.scan(EICAR).result == VIRUS
    assert "left out" in s.status()["detail"]
    (s.db / "junk.ndb").unlink()
    s.wait(lambda: "left out" not in s.status()["detail"])


def test_broken_required_keeps_the_old_engine(scan):
    s = scan().ready()
    s.signature("test.ndb", "this is no signature\n")
    s.wait(lambda: "refused" in s.status()["detail"])
    assert s.status()["ready"] == 1
    assert s.scan(EICAR).result == VIRUS
    # Gone altogether: the loaded ones stay in use, and status says so.
    (s.db / "test.ndb").unlink()
    s.wait(lambda: "missing" in s.status()["detail"])
    assert s.scan(EICAR).result == VIRUS
    s.signature("test.ndb", sig("Eicar-Again", EICAR))
    s.wait(lambda: s.scan(EICAR).name.startswith("Eicar-Again"))


def test_broken_at_start(scan):
    s = scan(signatures=False)
    s.signature("test.ndb", "this is no signature\n")
    s.wait(lambda: "could not be loaded" in s.scan(EICAR).detail)
    assert s.scan(EICAR).result == NOT_READY
    s.signature("test.ndb", sig("Eicar-Test", EICAR))
    s.ready()


def test_hangup_reloads(scan):
    s = scan().ready()
    old = s.loaders()
    s.proc.send_signal(signal.SIGHUP)
    s.wait(lambda: s.loaders() and not set(s.loaders()) & set(old))
    assert s.scan(EICAR).result == VIRUS


# ------------------------------------------------------------------ faults

def test_killed_scanner_comes_back(scan):
    s = scan().ready()
    for _ in range(5):
        for pid in s.scanners():
            os.kill(pid, signal.SIGKILL)
        assert s.scan(EICAR).result == VIRUS
    s.wait(lambda: len(s.scanners()) == 2)
    assert s.status()["crashed"] == 10


def test_scanners_are_recycled(scan):
    """After a number of connections each is replaced, unnoticed."""
    s = scan().ready()
    old = s.scanners()
    for _ in range(2200):
        assert s.status()["ready"] == 1
    # The kernel may wake the same one each time: not all need be new.
    s.wait(lambda: len(s.scanners()) == 2 and set(s.scanners()) != set(old))
    assert s.scan(EICAR).result == VIRUS
    assert s.status()["crashed"] == 0


def test_crash_costs_one_mail(scan):
    """SIGSEGV while a scanner has a connection: that peer sees the end of
    file, everybody else is served."""
    s = scan().ready()
    with contextlib.closing(s.connect()) as victim:
        time.sleep(0.2)
        busy = [p for p in s.scanners() if os.path.exists("/proc/%d" % p)
                and sock_count(p) > 1]
        assert len(busy) == 1
        # A sanitizer would take its own signal for a finding.
        os.kill(busy[0], signal.SIGKILL if sanitized() else signal.SIGSEGV)
        assert s.recv(victim) is None
    for _ in range(10):
        assert s.scan(EICAR).result == VIRUS
    assert s.status()["crashed"] == 1
    assert "signal 11" in s.text() or sanitized()


def sock_count(pid):
    n = 0
    for fd in os.listdir("/proc/%d/fd" % pid):
        with contextlib.suppress(OSError):
            n += os.readlink("/proc/%d/fd/%s" % (pid, fd)).startswith("socket")
    return n


def test_killed_loader_comes_back(scan):
    s = scan().ready()
    for pid in s.loaders():
        os.kill(pid, signal.SIGKILL)
    s.wait(lambda: s.scan(EICAR).result == VIRUS)
    s.wait(lambda: len(s.scanners()) == 2 and s.status()["ready"])


def test_hanging_scanner_is_killed(scan):
    s = scan(conf="section: clamav\n\tscantime 1\n").ready()
    with contextlib.closing(s.connect()) as victim:
        time.sleep(0.2)
        busy = [p for p in s.scanners() if sock_count(p) > 1]
        os.kill(busy[0], signal.SIGSTOP)
        s.send(victim, REQUEST, s.request(4, "HANGS"), [0])
        assert s.scan(EICAR).result == VIRUS
        start = time.monotonic()
        assert s.recv(victim) is None
        assert time.monotonic() - start < 12
    assert s.scan(EICAR).result == VIRUS
    assert "over its time limit" in s.text()


def test_term_lets_the_current_scan_finish(scan):
    s = scan().ready()
    with contextlib.closing(s.connect()) as c, tempfile.TemporaryFile() as f:
        f.write(EICAR)
        f.flush()
        time.sleep(0.2)
        s.proc.terminate()
        # As a unit is stopped: the signal goes to every process.
        for pid in s.scanners() + s.loaders():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        time.sleep(0.5)
        s.send(c, REQUEST, s.request(len(EICAR)), [f.fileno()])
        assert s.recv(c)[1][0] == VIRUS
    assert s.proc.wait(10) == 0
    assert s.scanners() == [] and s.loaders() == []


def test_supervisor_killed(scan, tmp_path):
    """Nothing stays behind, and a new one starts over the old socket."""
    s = scan().ready()
    pids = s.scanners() + s.loaders()
    s.proc.kill()
    s.proc.wait()
    end = time.monotonic() + 10
    while any(os.path.exists("/proc/%d" % p) for p in pids):
        assert time.monotonic() < end
        time.sleep(0.05)
    s.proc = subprocess.Popen(
        [PROG, "-f", "--root", str(s.root), "--required", "test",
         "--scanners", "2"], stderr=s.log)
    s.ready()
    assert s.scan(EICAR).result == VIRUS


@pytest.mark.skipif("not hooks()", reason="needs a build with fault hooks")
def test_poison_message(scan):
    s = scan(conf="section: clamav\n\tscantime 1\n").ready()
    bad = mail(b"hello", extra="X-PMG-Test: scanner-crash\r\n")
    hang = mail(b"hello", extra="X-PMG-Test: scanner-hang\r\n")
    assert s.scan(bad, "POISON1") is None
    assert s.scan(EICAR).result == VIRUS
    assert s.scan(hang, "POISON2") is None
    assert s.scan(EICAR).result == VIRUS
    assert "POISON1: scanner" in s.text()
    assert "POISON2: scanner" in s.text()


def test_complaints_of_libclamav_are_few(shared):
    """A message makes libclamav complain once for each of its parts."""
    parts = b"".join(
        b"--B\r\nContent-Type: application/octet-stream\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" +
        base64.encodebytes(mail(b"%d" % i, "message/partial; number=1; "
                                "total=2; id=a")) + b"\r\n"
        for i in range(100)) + b"--B--\r\n"
    before = shared.text().count("libclamav")
    assert shared.scan(mail(parts, 'multipart/mixed; boundary="B"'),
                       "NOISY") is not None
    lines = shared.text().count("libclamav") - before
    assert 1 <= lines <= 6
    assert shared.text().count("NOISY: libclamav: 95 more messages") == 1


def test_hostile_logid(scan):
    s = scan().ready()
    with tempfile.TemporaryFile() as f:
        f.write(b"x")
        f.flush()
        assert s.scan_fd(f.fileno(), 2, "a\nb\x1b[31m" * 100).result == FAILED
    assert "\x1b" not in s.text()
    assert "\nb" not in s.text()


def test_charsets_in_the_sandbox(scan):
    """Found here: libclamav's iconv() could not load its modules, so names
    and texts of VBA macros were lost."""
    files = sorted((pathlib.Path(__file__).parents[3] /
                    "shared/corpus/eicar-files").glob("*macro*"))
    if not files:
        pytest.skip("no corpus")
    s = scan(signatures=False)
    s.signature("test.ndb", sig("Name", b"REM MODULENAME: ThisDocument") +
                sig("Name", b"REM MODULENAME: ThisWorkbook"))
    s.ready()
    for f in files:
        r = s.scan(f.read_bytes())
        assert f.suffix.startswith(".pp") or r.result == VIRUS, f.name
    assert "iconv" not in s.text()


def test_scanner_sandbox(shared):
    """The running scanners, seen from outside."""
    for pid in shared.scanners():
        st = pathlib.Path("/proc/%d/status" % pid).read_text()
        assert "NoNewPrivs:\t1" in st
        assert "Seccomp:\t2" in st
        lim = pathlib.Path("/proc/%d/limits" % pid).read_text()
        assert lim.split("Max core file size")[1].split()[:2] == ["0", "0"]
        if not sanitized():
            assert "unlimited" not in \
                lim.split("Max address space")[1].split("\n")[0]


@pytest.mark.skipif("os.geteuid() != 0", reason="needs root")
def test_user():
    with tempfile.TemporaryDirectory() as top:
        os.chmod(top, 0o755)
        s = Scan(os.path.join(top, "root"), "--user", "nobody")
        try:
            s.ready()
            assert s.scan(mail64(zipped(EICAR), "a.zip")).result == VIRUS
            for pid in [s.proc.pid] + s.loaders() + s.scanners():
                st = pathlib.Path("/proc/%d/status" % pid).read_text()
                uid = st.split("Uid:")[1].split("\n")[0].split()
                assert "0" not in uid
                assert st.split("CapPrm:")[1].split()[0] == "0" * 16
        finally:
            rc = s.stop()
        assert rc == 0


def test_wrong_options():
    for args in (["--scanners", "0"], ["--max-age", "x"], ["extra"],
                 ["--nonsense"]):
        r = subprocess.run([PROG] + args, capture_output=True)
        assert r.returncode == 2 and b"usage" in r.stderr


def test_broken_configuration_is_refused(tmp_path):
    (tmp_path / "etc/pmg").mkdir(parents=True)
    (tmp_path / "etc/pmg/pmg.conf").write_text(
        "section: clamav\n\tscantime soon\n")
    r = subprocess.run([PROG, "-f", "--root", str(tmp_path)],
                       capture_output=True, timeout=20)
    assert r.returncode == 1 and b"scantime" in r.stderr
