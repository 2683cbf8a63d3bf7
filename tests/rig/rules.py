"""Requests about rules to pmgd-store (pmgd/lib/proto/rules.h)."""

import array
import fcntl
import json
import os
import socket
import struct

MESSAGE, REPLY = 0x0221, 0x0222
(GET, EDIT, IMPORT, DRAFT_OPEN, DRAFT_DISCARD, DRAFT_REBASE, PUBLISH, VERSIONS,
 DIFF, ROLLBACK, RESET, SNAPSHOT) = range(1, 13)
OK, REFUSED, NEWER, FAILED = range(4)
LIVE, DRAFT = (0, 0), (1, 0)
SEALS = 1 | 2 | 4 | 8


def at(version):
    return (2, version)


class Refused(Exception):
    def __init__(self, code, text):
        super().__init__("%d: %s" % (code, text))
        self.code, self.text = code, text


class Answer:
    def __init__(self, packet, fds):
        _, kind, length = struct.unpack(">HHI", packet[:8])
        assert kind == REPLY and length == len(packet) - 8
        self.code, self.version, self.revision, in_file, size = \
            struct.unpack(">BQQBI", packet[8:30])
        self.text = packet[30:].decode()
        assert len(packet) == 30 + size
        self.snapshot = None
        for fd in fds:
            data = os.pread(fd, os.fstat(fd).st_size, 0)
            os.close(fd)
            if in_file:
                self.text = data.decode()
            else:
                self.snapshot = data

    @property
    def value(self):
        return json.loads(self.text)


def _text(s):
    data = s.encode()
    return struct.pack(">I", len(data)) + data


class Rules:
    """One connection to admin.sock. send() and receive(), or ask(), which
    raises Refused."""

    def __init__(self, path, timeout=120):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(timeout)
        self.sock.connect(path)

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, verb, value=None, target=LIVE, other=LIVE, based_on=0,
             comment="", actor="test"):
        text = "" if value is None else \
            value if isinstance(value, str) else json.dumps(value)
        fds = []
        if len(text.encode()) > 64 * 1024:
            fds = [os.memfd_create("rules", os.MFD_ALLOW_SEALING)]
            with os.fdopen(os.dup(fds[0]), "wb") as f:
                f.write(text.encode())
            fcntl.fcntl(fds[0], 1033, SEALS)
            text = ""
        body = struct.pack(">BBQBQQ", verb, *target, *other, based_on) + \
            _text(actor) + _text(comment) + bytes([bool(fds)]) + _text(text)
        self.sock.sendmsg(
            [struct.pack(">HHI", 1, MESSAGE, len(body)) + body],
            [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
            if fds else [])
        for fd in fds:
            os.close(fd)

    def receive(self):
        fds = array.array("i")
        packet, control, _, _ = self.sock.recvmsg(
            256 * 1024, socket.CMSG_SPACE(4 * fds.itemsize))
        assert packet, "disconnected"
        for level, kind, data in control:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds.frombytes(data[:len(data) - len(data) % fds.itemsize])
        return Answer(packet, fds)

    def ask(self, verb, value=None, **more):
        self.send(verb, value, **more)
        answer = self.receive()
        if answer.code != OK:
            raise Refused(answer.code, answer.text)
        return answer

    def get(self, target=LIVE):
        return self.ask(GET, target=target).value

    def edit(self, operations, **more):
        return self.ask(EDIT, operations, **more)

    def rule(self, name, target=LIVE):
        return next(r for r in self.get(target)["rules"] if r["name"] == name)


def of(gateway):
    return Rules(gateway.path("run/pmg/store/admin.sock"))
