"""A worker keeps its connections to Postfix and to the store for the next
message; one that the other side has closed meanwhile costs nobody a deferral.
"""

import pytest

from tests.rig.samples import GTUBE, plain
from tests.rig.sender import send

SENDER = "a@outside.example"
MAILS = 8       # more than workers, so that some worker gets its second one


def pass_mails(bare, ident, count=MAILS):
    for n in range(count):
        rcpt = "%s-%d@in.example" % (ident, n)
        r = send(bare.filter_in, SENDER, [rcpt],
                 plain(SENDER, rcpt, ident + str(n), "Shall we meet at noon?"),
                 lmtp=True)
        assert [x.code for x in r.final] == [250]
        assert bare.sink.wait_for_rcpt(rcpt)


@pytest.fixture
def two_workers(bare):
    bare.conf = {"mail": {"filter_workers": "2"}}
    bare.write_conf()
    bare.services["pmgd"].stop()
    bare.services["pmgd"].start()
    yield bare
    bare.conf = {}
    bare.write_conf()
    bare.services["pmgd"].stop()
    bare.services["pmgd"].start()


def test_connection_is_kept(two_workers, ident):
    before = two_workers.sink.connections
    pass_mails(two_workers, ident)
    assert two_workers.sink.connections - before <= MAILS // 2


@pytest.mark.parametrize("words", [None, "421 4.4.2 timed out"],
                         ids=["closed", "with-421"])
def test_postfix_closed_it(two_workers, ident, words):
    pass_mails(two_workers, ident + "a")
    two_workers.sink.hang_up(words)
    pass_mails(two_workers, ident + "b")


def test_store_was_restarted(two_workers, ident):
    bare = two_workers
    for round_ in range(2):
        for n in range(MAILS):
            rcpt = "%s-%d-%d@in.example" % (ident, round_, n)
            r = send(bare.filter_in, SENDER, [rcpt],
                     plain(SENDER, rcpt, ident, GTUBE), lmtp=True)
            assert [x.code for x in r.final] == [250]
            assert bare.quarantined(rcpt)
        bare.services["pmgd-store"].stop()
        bare.services["pmgd-store"].start()
