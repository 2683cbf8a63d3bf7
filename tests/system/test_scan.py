"""pmgd-scan alone, with a small signature set of its own.

Binaries: PMG_BIN_DIR (default build/release/bin). A sanitizer or test build
(PMG_TEST_HOOKS) also runs the tests of its fault hooks.
"""
import base64
import contextlib
import io
import os
import pathlib
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import zipfile

import pytest

BIN = os.environ.get("PMG_BIN_DIR", "build/release/bin")
PROG = os.path.join(BIN, "pmgd-scan")
# The standard test file, in two halves: no scanner shall find it in here.
EICAR = (b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-"
         b"ANTIVIRUS-TEST-FILE!$H+H*")
SECOND = b"this is the second pattern of the pmgd-scan test"
REQUEST, REPLY, STATUS, STATUS_REPLY = 0x101, 0x102, 0x103, 0x104
CLEAN, VIRUS, HEURISTIC, NOT_READY, FAILED, TIMEOUT = range(6)
WAIT = 30


def sig(name, data):
    return "%s:0:*:%s\n" % (name, data.hex())


def mail(body, ctype="text/plain", cte="7bit", extra=""):
    return ("From: a@example.org\r\nTo: b@example.org\r\nSubject: test\r\n"
            "%sMIME-Version: 1.0\r\nContent-Type: %s\r\n"
            "Content-Transfer-Encoding: %s\r\n\r\n"
            % (extra, ctype, cte)).encode() + body + b"\r\n"


def mail64(data, name="a.bin"):
    return mail(base64.encodebytes(data).replace(b"\n", b"\r\n"),
                'application/octet-stream; name="%s"' % name, "base64")


def zipped(data, name="eicar.com"):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr(name, data)
    return out.getvalue()


class Reply:
    def __init__(self, result, name="", detail="", version=0, cpu=0, heur=""):
        self.result, self.name, self.detail = result, name, detail
        self.version, self.cpu, self.heuristics = version, cpu, heur

    def __repr__(self):
        return "Reply(%r)" % (self.__dict__,)


def lp(s):
    return struct.pack(">I", len(s)) + s


def take_lp(b):
    n = struct.unpack(">I", b[:4])[0]
    return b[4:4 + n].decode("utf-8", "replace"), b[4 + n:]


class Scan:
    """A running pmgd-scan with its own root folder."""

    def __init__(self, root, *args, signatures=True, conf=""):
        self.root = pathlib.Path(root)
        self.db = self.root / "var/lib/clamav"
        self.db.mkdir(parents=True)
        (self.root / "etc/pmg").mkdir(parents=True)
        (self.root / "etc/pmg/pmg.conf").write_text(conf)
        if signatures:
            self.signature("test.ndb", sig("Eicar-Test", EICAR))
        self.path = str(self.root / "run/pmg/scan/scan.sock")
        self.log_path = self.root / "log"
        self.log = open(self.log_path, "wb")
        self.proc = subprocess.Popen(
            [PROG, "-f", "--root", str(root), "--required", "test",
             "--scanners", "2", *args], stderr=self.log)

    def signature(self, name, text):
        """As freshclam does: written beside, renamed."""
        tmp = self.db / (name + ".tmp")
        tmp.write_text(text)
        tmp.rename(self.db / name)

    def text(self):
        return self.log_path.read_text(errors="replace")

    def connect(self, timeout=WAIT):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.settimeout(timeout)
        end = time.monotonic() + WAIT
        while True:
            try:
                s.connect(self.path)
                return s
            except (FileNotFoundError, ConnectionRefusedError):
                if time.monotonic() > end or self.proc.poll() is not None:
                    raise
                time.sleep(0.02)

    @staticmethod
    def send(s, kind, body, fds=()):
        head = struct.pack(">HHI", 1, kind, len(body))
        socket.send_fds(s, [head + body], list(fds)) if fds else \
            s.send(head + body)

    @staticmethod
    def recv(s):
        """(kind, body), or None when the peer closed."""
        try:
            b = s.recv(1 << 18)
        except ConnectionResetError:
            return None
        if not b:
            return None
        version, kind, n = struct.unpack(">HHI", b[:8])
        assert version == 1 and n == len(b) - 8
        return kind, b[8:]

    @staticmethod
    def request(data_len, logid="TEST1"):
        return lp(logid.encode()) + struct.pack(">Q", data_len)

    def scan_fd(self, fd, size, logid="TEST1"):
        with contextlib.closing(self.connect()) as s:
            self.send(s, REQUEST, self.request(size, logid), [fd])
            got = self.recv(s)
        if got is None:
            return None
        kind, b = got
        assert kind == REPLY
        result = b[0]
        name, b = take_lp(b[1:])
        detail, b = take_lp(b)
        version, cpu = struct.unpack(">QI", b[:12])
        heur, b = take_lp(b[12:])
        assert b == b""
        return Reply(result, name, detail, version, cpu, heur)

    def scan(self, data, logid="TEST1"):
        with tempfile.TemporaryFile() as f:
            f.write(data)
            f.flush()
            return self.scan_fd(f.fileno(), len(data), logid)

    def status(self):
        with contextlib.closing(self.connect()) as s:
            self.send(s, STATUS, b"")
            kind, b = self.recv(s)
        assert kind == STATUS_REPLY
        detail, rest = take_lp(b[1:])
        sigs, at, n, scanned, crashed = struct.unpack(">QQIQQ", rest)
        return {"ready": b[0], "detail": detail, "signatures": sigs,
                "loaded_at": at, "scanners": n, "scanned": scanned,
                "crashed": crashed}

    def wait(self, what, seconds=WAIT):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            got = what()
            if got:
                return got
            assert self.proc.poll() is None, self.text()
            time.sleep(0.05)
        pytest.fail("not in %d s:\n%s" % (seconds, self.text()))

    def ready(self, sigs=None):
        self.wait(lambda: self.status()["ready"] and
                  (sigs is None or self.status()["signatures"] == sigs))
        return self

    def pids(self, comm):
        """Processes of that name below this supervisor."""
        parents, found = {}, []
        for p in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                stat = (p / "stat").read_text()
            except OSError:
                continue
            name = stat[stat.index("(") + 1:stat.rindex(")")]
            state, ppid = stat[stat.rindex(")") + 2:].split()[:2]
            if state == "Z":
                continue
            parents[int(p.name)] = int(ppid)
            if name == comm:
                found.append(int(p.name))
        out = []
        for pid in found:
            up = pid
            while up in parents and up != self.proc.pid:
                up = parents[up]
            if up == self.proc.pid:
                out.append(pid)
        return sorted(out)

    def scanners(self):
        return self.pids("pmgd-scan:work")

    def loaders(self):
        return self.pids("pmgd-scan:load")

    def stop(self):
        if self.proc.poll() is None:
            self.proc.terminate()
        rc = self.proc.wait(WAIT + 10)
        self.log.close()
        return rc


@pytest.fixture
def scan(tmp_path):
    made = []

    def make(*args, **kw):
        made.append(Scan(tmp_path / ("root%d" % len(made)), *args, **kw))
        return made[-1]
    yield make
    for s in made:
        rc = s.stop()
        assert rc == 0, s.text()
        for bad in ("Sanitizer", "runtime error"):
            assert bad not in s.text(), s.text()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    s = Scan(tmp_path_factory.mktemp("scan"))
    s.ready()
    yield s
    assert s.stop() == 0


def hooks():
    return b"X-PMG-Test: scanner-crash" in pathlib.Path(PROG).read_bytes()


def sanitized():
    return b"__asan_init" in pathlib.Path(PROG).read_bytes()


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


@pytest.mark.parametrize("packet", [
    b"x", b"\0\2" + b"\1\1" + b"\0\0\0\0", struct.pack(">HHI", 1, REQUEST, 9),
    struct.pack(">HHI", 1, REQUEST, 4) + b"\xff\xff\xff\xff",
    struct.pack(">HHI", 1, 0x999, 0), b"\0" * 200000])
def test_broken_request(shared, packet):
    with contextlib.closing(shared.connect()) as s:
        s.send(packet)
        assert shared.recv(s) is None
    assert shared.scan(mail(b"hello")).result == CLEAN


def test_descriptors_are_closed(shared):
    pid = shared.scanners()
    n = [len(os.listdir("/proc/%d/fd" % p)) for p in pid]
    for _ in range(50):
        shared.scan(b"hello")
        with tempfile.TemporaryFile() as f, \
                contextlib.closing(shared.connect()) as s:
            shared.send(s, REQUEST, b"bad", [f.fileno()] * 4)
            assert shared.recv(s) is None
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


@pytest.mark.skipif("os.geteuid() != 0")
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
