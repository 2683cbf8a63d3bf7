#!/usr/bin/python3
"""Was a mail lost? A program that knows none of ours.

    checker.py --sender F --sink F [--queue F] [--quarantine F] [--json F]

It joins, by the id that each test mail carries in its recipient's address
(r-ID@...) and in its X-Test-Id field:

  sender      JSON lines {"id", "attempt", "code"}: each final reply; code 0:
              no reply came
  sink        JSON lines {"sender", "rcpts", "data" (base64)}: what the next
              hop took; bounces among them are recognised
  queue       JSON lines of postqueue -j
  quarantine  JSON list of rows {"path", "size", "kind"}; the first `size`
              bytes of each file are read back
  events      JSON lines of event records: a logged discard by a named rule

Exit status: 0 nothing lost and nothing damaged, 1 otherwise, 2 bad input.
A mail is damaged when its body is not the one whose SHA-256 the sender wrote
into X-Test-Sha256.
"""

import argparse
import base64
import collections
import hashlib
import json
import re
import sys

RCPT_ID = re.compile(r"\br-([0-9a-z-]+)@")


def json_lines(path):
    with open(path) as f:
        return [json.loads(x) for x in f if x.strip()]


def field(data, name):
    head = data.split(b"\r\n\r\n", 1)[0]
    m = re.search(rb"(?mi)^" + name.encode() + rb":[ \t]*([^\r\n]*)", head)
    return m.group(1).decode("ascii", "replace").strip() if m else None


def intact(data):
    """Does the body have the checksum that the header tells?"""
    want = field(data, "X-Test-Sha256")
    body = data.split(b"\r\n\r\n", 1)
    return want is not None and len(body) == 2 and \
        hashlib.sha256(body[1]).hexdigest() == want


def bounced_ids(data):
    """Ids of the mails that a delivery status notification returns."""
    if b"multipart/report" not in data:
        return []
    return re.findall(r"(?mi)^Final-Recipient:.*\br-([0-9a-z-]+)@",
                      data.decode("utf-8", "replace"))


class Places:
    """Where each id was found."""

    def __init__(self):
        self.sink = collections.Counter()
        self.queue = collections.Counter()
        self.quarantine = collections.Counter()
        self.bounce = collections.Counter()
        self.discard = collections.Counter()
        self.damaged = []
        self.parked = set()     # quarantined without having been parsed

    def found(self, ident):
        return (self.sink[ident] + self.queue[ident] + self.quarantine[ident]
                + self.bounce[ident] + self.discard[ident])

    def add_sink(self, lines):
        for line in lines:
            data = base64.b64decode(line["data"])
            returned = bounced_ids(data)
            for ident in returned:
                self.bounce[ident] += 1
            ident = None if returned else field(data, "X-Test-Id")
            if ident is None:
                continue
            if intact(data):
                self.sink[ident] += 1
            else:
                self.damaged.append("sink: %s" % ident)

    def add_queue(self, lines):
        for line in lines:
            for rcpt in line.get("recipients", []):
                m = RCPT_ID.search(rcpt.get("address", ""))
                if m:
                    self.queue[m.group(1)] += 1

    def add_quarantine(self, rows):
        for row in rows:
            try:
                with open(row["path"], "rb") as f:
                    data = f.read(row["size"])
            except OSError as e:
                self.damaged.append("quarantine: %s" % e)
                continue
            ident = field(data, "X-Test-Id")
            if ident is None:
                continue
            if intact(data):
                self.quarantine[ident] += 1
                if row.get("kind") == "poison":
                    self.parked.add(ident)
            else:
                self.damaged.append("quarantine: %s" % row["path"])

    def add_events(self, records):
        for record in records:
            for rcpt in record.get("recipients", []):
                m = RCPT_ID.search(rcpt.get("addr", ""))
                if m and rcpt.get("result") == "blocked" and rcpt.get("rule"):
                    self.discard[m.group(1)] += 1


def judge(attempts, places):
    acked = {a["id"] for a in attempts if a["code"] == 250}
    sent = {a["id"] for a in attempts}
    lost = sorted(i for i in acked if not places.found(i))
    known = set(places.sink) | set(places.quarantine) | set(places.queue)
    return {
        "sent": len(sent), "acked": len(acked), "lost": lost,
        "duplicates": sum(max(0, places.sink[i] + places.quarantine[i] - 1)
                          for i in known),
        "damaged": places.damaged,
        "phantom": sorted(known - sent),
        "at_sink": len(places.sink), "queued": len(places.queue),
        "quarantined": len(places.quarantine),
        "parked": sorted(places.parked),
        "bounced": len(places.bounce), "discarded": len(places.discard),
        "no_reply": sum(a["code"] == 0 for a in attempts),
        "deferred": sum(400 <= a["code"] < 500 for a in attempts),
    }


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--sender", required=True)
    p.add_argument("--sink", action="append", default=[])
    p.add_argument("--queue")
    p.add_argument("--quarantine")
    p.add_argument("--events")
    p.add_argument("--json")
    args = p.parse_args()
    places = Places()
    try:
        for path in args.sink:
            places.add_sink(json_lines(path))
        if args.queue:
            places.add_queue(json_lines(args.queue))
        if args.quarantine:
            with open(args.quarantine) as f:
                places.add_quarantine(json.load(f))
        if args.events:
            places.add_events(json_lines(args.events))
        verdict = judge(json_lines(args.sender), places)
    except (OSError, ValueError, KeyError) as e:
        print("checker: %s" % e, file=sys.stderr)
        return 2
    if args.json:
        with open(args.json, "w") as f:
            json.dump(verdict, f, indent=1)
    print("sent %(sent)d acked %(acked)d at sink %(at_sink)d queued "
          "%(queued)d quarantined %(quarantined)d bounced %(bounced)d "
          "discarded %(discarded)d duplicates %(duplicates)d" % verdict)
    bad = 0
    for name in ("lost", "damaged", "phantom"):
        if verdict[name]:
            bad = 1
            print("%s %d: %s" % (name.upper(), len(verdict[name]),
                                 ", ".join(verdict[name][:10])))
    return bad


if __name__ == "__main__":
    sys.exit(main())
