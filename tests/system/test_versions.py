"""During an upgrade programs of different versions meet: no mail must look
guilty of that, however often it comes."""

import os
import select
import socket
import struct
import threading

from tests.rig.samples import plain
from tests.rig.sender import send
from tests.system.scan_daemon import UNKNOWN

SENDER = "a@outside.example"


class OtherVersion(threading.Thread):
    """What a pmgd-scan of another version says to any request."""

    def __init__(self, path):
        super().__init__(daemon=True)
        if os.path.exists(path):
            os.unlink(path)
        self.listen = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listen.bind(path)
        os.chmod(path, 0o666)
        self.listen.listen()
        self.answered = 0
        self.wake = os.pipe()
        self.start()

    def run(self):
        while self.wake[0] not in select.select(
                [self.listen, self.wake[0]], [], [])[0]:
            conn, _ = self.listen.accept()
            with conn:
                if conn.recv(1 << 18):
                    conn.send(struct.pack(">HHI", 1, UNKNOWN, 0))
                    self.answered += 1

    def stop(self):
        os.write(self.wake[1], b"x")
        self.join()
        self.listen.close()


def test_scanner_of_another_version(bare, ident):
    rcpt = ident + "@in.example"
    service = bare.services["pmgd-scan"]

    def once():
        return [x.code for x in send(bare.filter_in, SENDER, [rcpt],
                                     plain(SENDER, rcpt, ident, "Hello."),
                                     lmtp=True).final]

    service.stop()
    other = OtherVersion(bare.path("run/pmg/scan/scan.sock"))
    try:
        for n in range(4):          # two strikes would park it
            assert once() == [451]
            assert other.answered == n + 1
    finally:
        other.stop()
        service.start()
    assert once() == [250]
    assert bare.sink.wait_for_rcpt(rcpt)
    assert not bare.quarantined(rcpt)
    with open(bare.path("log/pmgd.log"), errors="replace") as f:
        assert "of another version than pmgd" in f.read()
