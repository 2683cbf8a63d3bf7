"""The checker itself: it must see what it is there to see."""

import base64
import json

import pytest

from .load import check, make_mail

pytestmark = pytest.mark.contract


@pytest.fixture
def case(tmp_path):
    """Three mails: one at the sink, one in the queue, one in quarantine."""
    class Case:
        folder = str(tmp_path)
        sender = str(tmp_path / "sender.jsonl")
        sink = str(tmp_path / "sink.jsonl")
        at_sink = [make_mail("a")]
        queue = ["b"]
        held = {"c": make_mail("c")}
        acked = ["a", "b", "c"]
        events = []
        cut, kind = (), "spam"

        def run(self):
            (tmp_path / "sender.jsonl").write_text("".join(
                json.dumps({"id": i, "attempt": 0, "code": 250}) + "\n"
                for i in self.acked))
            (tmp_path / "sink.jsonl").write_text("".join(
                json.dumps({"sender": "", "rcpts": [], "data":
                            base64.b64encode(d).decode()}) + "\n"
                for d in self.at_sink))
            (tmp_path / "queue.jsonl").write_text("".join(json.dumps(
                {"recipients": [{"address": "r-%s@in.example" % i}]}) + "\n"
                for i in self.queue))
            rows = []
            for i, data in self.held.items():
                path, size = tmp_path / ("q" + i), len(data or b"")
                if i in self.cut:
                    data = data[:-1]
                if data is not None:
                    path.write_bytes(data)
                rows.append({"path": str(path), "size": size,
                             "kind": self.kind})
            (tmp_path / "quarantine.json").write_text(json.dumps(rows))
            (tmp_path / "events.jsonl").write_text("".join(
                json.dumps(e) + "\n" for e in self.events))
            return check(self.folder, self.sink, self.sender)[:2]
    return Case()


def test_all_found(case):
    status, verdict = case.run()
    assert (status, verdict["acked"], verdict["lost"]) == (0, 3, [])


def test_missing_at_the_sink_is_lost(case):
    case.at_sink = []
    status, verdict = case.run()
    assert (status, verdict["lost"]) == (1, ["a"])


def test_row_without_file_is_lost_and_damaged(case):
    case.held = {"c": None}
    status, verdict = case.run()
    assert status == 1
    assert verdict["lost"] == ["c"] and len(verdict["damaged"]) == 1


def test_cut_quarantine_file_is_damaged(case):
    case.cut = ("c",)
    status, verdict = case.run()
    assert status == 1 and verdict["damaged"]


def test_changed_body_is_damaged(case):
    case.at_sink = [make_mail("a").replace(b"mail a", b"mail b")]
    status, verdict = case.run()
    assert status == 1 and verdict["damaged"] and verdict["lost"] == ["a"]


def test_duplicate_is_counted_not_condemned(case):
    case.at_sink = [make_mail("a")] * 3
    status, verdict = case.run()
    assert (status, verdict["duplicates"]) == (0, 2)


def test_phantom(case):
    case.at_sink = [make_mail("a"), make_mail("z")]
    status, verdict = case.run()
    assert (status, verdict["phantom"]) == (1, ["z"])


def test_discard_needs_a_rule(case):
    case.queue = []
    rcpt = {"addr": "r-b@in.example", "result": "blocked", "rule": ""}
    case.events = [{"recipients": [rcpt]}]
    assert case.run()[1]["lost"] == ["b"]
    rcpt["rule"] = "Blacklist"
    assert case.run()[1]["lost"] == []


def test_bounce_counts(case):
    case.queue = []
    case.at_sink.append(
        b"Content-Type: multipart/report; boundary=x\r\n\r\n--x\r\n\r\n"
        b"Final-Recipient: rfc822; r-b@in.example\r\n--x--\r\n")
    status, verdict = case.run()
    assert (status, verdict["bounced"]) == (0, 1)


def test_parked_is_told(case):
    case.kind = "poison"
    assert case.run()[1]["parked"] == ["c"]
