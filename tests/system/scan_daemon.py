"""pmgd-scan alone, with a small signature set of its own: for tests of it.

Binaries: PMG_BIN_DIR (default build/release/bin).
"""
import base64
import collections
import contextlib
import io
import os
import pathlib
import socket
import struct
import subprocess
import tempfile
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
UNKNOWN = 0x1ff
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


Found = collections.namedtuple("Found", "part flags depth name type")


class Reply:
    def __init__(self, result, name="", detail="", version=0, cpu=0, heur="",
                 where=0, limits=0, found=()):
        self.result, self.name, self.detail = result, name, detail
        self.version, self.cpu, self.heuristics = version, cpu, heur
        self.where, self.limits, self.found = where, limits, found

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
    def request(data_len, logid="TEST1", objects=()):
        """objects: (part, flags, offset, length, name)"""
        return lp(logid.encode()) + struct.pack(
            ">QI", data_len, len(objects)) + b"".join(
                struct.pack(">IBQQ", *o[:4]) + lp(o[4].encode())
                for o in objects)

    def scan_fd(self, fd, size, logid="TEST1", more=(), objects=()):
        with contextlib.closing(self.connect()) as s:
            self.send(s, REQUEST, self.request(size, logid, objects),
                      [fd] + list(more))
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
        where, limits, n = struct.unpack(">IBI", b[:9])
        found, b = [], b[9:]
        for _ in range(n):
            part, flags, depth = struct.unpack(">IBB", b[:6])
            entry, b = take_lp(b[6:])
            kind, b = take_lp(b)
            found.append(Found(part, flags, depth, entry, kind))
        assert b == b""
        return Reply(result, name, detail, version, cpu, heur, where, limits,
                     found)

    def scan_objects(self, data, objects, logid="TEST1"):
        """objects: (flags, content, name), one after another in a file."""
        table, off = [], 0
        with tempfile.TemporaryFile() as f, tempfile.TemporaryFile() as g:
            f.write(data)
            f.flush()
            for part, (flags, content, name) in enumerate(objects):
                g.write(content)
                table.append((part, flags, off, len(content), name))
                off += len(content)
            g.flush()
            return self.scan_fd(f.fileno(), len(data), logid, [g.fileno()],
                                table)

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
