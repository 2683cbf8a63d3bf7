"""Many mails through a gateway at a time, and what came out of each.

What is compared is everything: a mail has to come out as it was sent, with
nothing but whole header fields of ours and of Postfix on top of it.
"""

import os
import re
import threading
import time

from tests.bench.mails import CORPUS, crlf
from tests.rig.gateway import INSIDE_ADDRESS, OUTSIDE_ADDRESS
from tests.rig.sender import Client

SENDER = "somebody@outside.example"
PER_CONNECTION = 100
STALL_SECONDS = 60      # nothing at all arrives that long: it never will
RECORDS_SECONDS = 0.5   # records give no event: looked at this often at least


def corpus(*parts):
    return os.path.join(CORPUS, *parts)


def as_sent(raw):
    """A mail as SMTP carries it: no mbox line, CRLF, a line end at the end."""
    raw = crlf(raw)
    return raw if raw.endswith(b"\r\n") else raw + b"\r\n"


def mail_of(path):
    with open(path, "rb") as f:
        return as_sent(f.read())


def without_field(raw, name):
    """Without every header field of that name (a rule may remove it)."""
    header, blank, body = raw.partition(b"\r\n\r\n")
    return re.sub(rb"(?im)^%s:.*\r\n([ \t].*\r\n)*" % name.encode(), b"",
                  header + b"\r\n") + blank[2:] + body


def added_on_top(sent, got):
    """Names of the fields in front of `sent`, lower case; None: what follows
    them is not `sent`."""
    if not got.endswith(sent):
        return None
    top = got[:len(got) - len(sent)]
    if top and not top.endswith(b"\r\n"):
        return None
    names = []
    for line in re.sub(rb"\r\n[ \t]", b" ", top).split(b"\r\n")[:-1]:
        name, colon, _ = line.partition(b":")
        if not colon or not name:
            return None
        names.append(name.decode("latin-1").lower())
    return names


def first_difference(sent, got):
    """For people: where the mail begins to be another one."""
    got = got[max(got.find(sent[:60]), 0):]
    at = next((i for i, (a, b) in enumerate(zip(sent, got)) if a != b),
              min(len(sent), len(got)))
    return "at byte %d: sent %r, came out %r" % (
        at, sent[max(at - 30, 0):at + 40], got[max(at - 30, 0):at + 40])


class Passage:
    """carry({name: mail}) -> {name: delivery}; what was refused, was held or
    never arrived is not in it."""

    def __init__(self, gateway, ident, outgoing=False, connections=4):
        self.gateway, self.ident = gateway, ident
        self.connections = connections
        if outgoing:
            self.where, self.source = gateway.int_port, INSIDE_ADDRESS
            self.domain, self.sink = "outside.example", gateway.internet
        else:
            self.where, self.source = gateway.ext_port, OUTSIDE_ADDRESS
            self.domain, self.sink = "in.example", gateway.sink
        self.refused = {}               # {name: replies}
        self.held = {}                  # {name: event record}

    def address(self, n):
        return "%s-%d@%s" % (self.ident, n, self.domain)

    def _send(self, share):
        for at in range(0, len(share), PER_CONNECTION):
            with Client(self.where, source=self.source, timeout=120) as c:
                for name, rcpt, raw in share[at:at + PER_CONNECTION]:
                    r = c.send(SENDER, [rcpt], raw, mail="BODY=8BITMIME")
                    if not r.accepted:
                        self.refused[name] = r

    def carry(self, mails):
        todo = [(name, self.address(n), raw)
                for n, (name, raw) in enumerate(mails.items())]
        threads = [threading.Thread(target=self._send, args=(
            todo[n::self.connections],)) for n in range(self.connections)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        names = {rcpt: name for name, rcpt, _ in todo
                 if name not in self.refused}
        return self._collect(names)

    def _look_at_records(self, names, at):
        """Notes what was held; returns the number of records read."""
        records = self.gateway.records()
        for record in records[at:]:
            for rcpt in record["recipients"]:
                if rcpt["result"] != "accepted" and rcpt["addr"] in names:
                    self.held[names[rcpt["addr"]]] = record
        return len(records)

    def _collect(self, names):
        found, seen, read = {}, 0, 0
        changed = time.monotonic()
        while time.monotonic() < changed + STALL_SECONDS:
            before = len(found) + len(self.held)
            read = self._look_at_records(names, read)
            with self.sink.changed:
                for d in self.sink.deliveries[seen:]:
                    if d.addresses[0] in names:
                        found[names[d.addresses[0]]] = d
                seen = len(self.sink.deliveries)
                if len(found) + len(self.held) >= len(names):
                    break
                self.sink.changed.wait(RECORDS_SECONDS)
            if len(found) + len(self.held) > before:
                changed = time.monotonic()
        return found
