"""Reload and restart while mail flows: none is refused."""

import threading

from tests.rig.gateway import OUTSIDE_ADDRESS
from tests.rig.samples import GTUBE, plain
from tests.rig.sender import Client, send
from tests.rig.service import wait_for


def test_reload_takes_settings_and_refuses_nothing(bare, ident):
    """SIGHUP again and again under load; SIZE shows the new setting."""
    quit_, refused, sent = threading.Event(), [], []

    def load(n):
        while not quit_.is_set():
            rcpt = "%s-%d-%d@in.example" % (ident, n, len(sent))
            try:
                r = send(bare.filter_in, "a@outside.example", [rcpt],
                         plain("a@outside.example", rcpt, ident, "Hello"),
                         lmtp=True)
                (sent if r.accepted else refused).append((rcpt, r))
            except (OSError, ValueError) as e:
                refused.append((rcpt, e))

    threads = [threading.Thread(target=load, args=(n,)) for n in range(2)]
    for t in threads:
        t.start()
    try:
        for size in (2000000, 3000000, 4000000):
            bare.conf = {"mail": {"maxsize": size}}
            bare.write_conf()
            bare.services["pmgd"].reload()

            def announced():
                with Client(bare.filter_in, lmtp=True) as c:
                    return size <= int(c.keywords["SIZE"]) < 3 * size
            wait_for(announced, "SIZE %d" % size)
    finally:
        quit_.set()
        for t in threads:
            t.join()
        bare.conf = {}
        bare.write_conf()
        bare.services["pmgd"].reload()
    assert not refused
    for rcpt, _ in sent:
        assert len(bare.sink.to(rcpt)) == 1


def test_broken_settings_change_nothing(bare, ident):
    rcpt = ident + "@in.example"
    bare.write("etc/pmg/pmg.conf", "section: mail\n\tmaxsize many\n")
    try:
        bare.services["pmgd"].reload()
        for n in range(3):
            r = send(bare.filter_in, "a@outside.example", [rcpt], plain(
                "a@outside.example", rcpt, ident, "Hello"), lmtp=True)
            assert r.accepted, r
    finally:
        bare.write_conf()
        bare.services["pmgd"].reload()


def test_store_restart_loses_nothing(gateway, ident):
    """A commit that meets a store that is away waits, here or in Postfix's
    queue, and then happens once."""
    rcpt = ident + "@in.example"
    store = gateway.services["pmgd-store"]
    store.stop()
    try:
        assert send(gateway.ext_port, "a@outside.example", [rcpt],
                    plain("a@outside.example", rcpt, ident, GTUBE),
                    source=OUTSIDE_ADDRESS).accepted
        wait_for(gateway.postfix.queued, "the mail in the queue")
    finally:
        store.start()
    wait_for(lambda: gateway.quarantined(rcpt) or gateway.postfix.flush(),
             "the mail in the quarantine", 60, step=0.5)
    assert len(gateway.quarantined(rcpt)) == 1
    assert not gateway.sink.to(rcpt)
