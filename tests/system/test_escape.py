"""A worker of the release build tries to get out of its sandbox, one way a
mail. Refused means: an error that the worker notes, or death by seccomp, which
costs the mail its strikes and parks it."""

import os

import pytest

from tests.rig.events import Follower
from tests.rig.gateway import OUTSIDE_ADDRESS, TREE, Gateway
from tests.rig.sender import send
from tests.rig.service import wait_for

from .conftest import rig_root

BINS = os.path.join(TREE, "build/test/bin")
WAYS = ("read-shadow", "read-passwd", "write-quarantine", "write-tmp",
        "open-memory", "connect-out", "raw-socket", "netlink-socket", "fork",
        "ptrace", "read-parent", "mount", "execve")


def result(records, way):
    """'refused', 'SUCCEEDED', 'killed' or None when it is not through yet."""
    rcpt = way + "@in.example"
    for r in records:
        if r["recipients"][0]["addr"] != rcpt:
            continue
        if r.get("parked"):
            return "killed"
        for note in r["notes"]:
            if note.startswith("escape-" + way + ": "):
                return note.split(": ")[1]
    return None


@pytest.mark.skipif(not os.path.exists(os.path.join(BINS, "pmgd")),
                    reason="build/test is not built (make VARIANT=test)")
def test_worker_stays_inside():
    with Gateway(rig_root("escape"), bins=BINS, with_spamd=False) as gw:
        for way in WAYS + ("none",):
            raw = ("From: <a@sender.example>\r\nTo: <%s@in.example>\r\n"
                   "Subject: out\r\nX-PMG-Test: escape-%s\r\n\r\nx\r\n"
                   % (way, way)).encode()
            assert send(gw.ext_port, "a@sender.example",
                        [way + "@in.example"], raw,
                        source=OUTSIDE_ADDRESS).accepted
        # A worker that does not try anything passes its mail on.
        gw.sink.wait_for_rcpt("none@in.example")
        events = Follower(gw.path("var/lib/pmg/events/pmgd"))
        seen = []

        def through():
            seen.extend(events.new())
            return all(result(seen, w) for w in WAYS)
        wait_for(through, "13 mails to end", timeout=90, step=0.2)
    ends = {w: result(seen, w) for w in WAYS}
    print(ends)
    assert {w: e for w, e in ends.items()
            if e not in ("refused", "killed")} == {}
