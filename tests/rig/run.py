"""`make run`: a whole gateway on loopback, sample mails, then a live view."""

import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
import unicodedata

from . import events, place
from .gateway import OUTSIDE_ADDRESS, TREE, Gateway, clean_up
from .samples import samples
from .sender import send
from .service import RigError

RESULT_SECONDS = 90
RESTARTS_MAX = 20       # of one service, while we watch
BEGAN = time.monotonic()


def progress(text):
    print("[%5.1f s] %s" % (time.monotonic() - BEGAN, text), flush=True)


def build():
    """make, quietly: its output is shown when it fails."""
    jobs = "-j%d" % (os.cpu_count() or 1)
    progress("building what has changed (the first time: a minute or two)")
    log = os.path.join(TREE, "build", "run-build.log")
    os.makedirs(os.path.dirname(log), exist_ok=True)
    with open(log, "w") as f:
        status = subprocess.run(["make", jobs, "all"], cwd=TREE, stdout=f,
                                stderr=subprocess.STDOUT).returncode
    if status:
        with open(log) as f:
            sys.stderr.write("".join(f.readlines()[-30:]))
        raise RigError("the build failed; all of it: " + log)


def check_port(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            raise RigError(
                "port %d of 127.0.0.1 is taken: is another `make run` "
                "alive? Else choose others: make run "
                "RUN_ARGS='--ext-port 3525 --int-port 3526'" % port)


# ---- what a record says, in words ----

def per_recipient(record):
    return record.get("recipients", [])


WORDS = {"accepted": "delivered", "quarantined": "quarantined",
         "blocked": "blocked", "deferred": "deferred, Postfix tries again",
         "rejected": "refused"}


def spam_words(spam):
    if spam.get("state") == "scored":
        hits = sorted(spam.get("hits", []), key=lambda h: -abs(h["score"]))
        return "score %.1f%s" % (spam.get("score", 0), ": " + ", ".join(
            h["name"] for h in hits[:2]) if hits else "")
    if spam.get("state") == "unchecked":
        return "NOT scored: %s" % spam.get("detail", "?")
    return ""


def virus_words(virus):
    if virus.get("state") == "found":
        return "virus %s" % virus.get("name")
    if virus.get("state") == "heuristic":
        return "suspicious: %s" % virus.get("heuristics")
    if virus.get("state") == "unchecked":
        return "NOT scanned: %s" % virus.get("detail", "?")
    return ""


def rule_words(rcpt):
    rule = rcpt.get("rule")
    if rule == "default-accept":
        return "no rule stopped it"
    return "rule %s" % rule if rule else rcpt.get("reply", "")


def removal_words(note):
    """'removed X (rule: Y)' as 'rule Y removed X'."""
    m = re.match(r"removed (.*) \(rule: (.*)\)$", note)
    return "rule %s removed %s" % (m.group(2), m.group(1)) if m else note


def outcome(record, rcpt):
    """(what became of it, why) of one recipient."""
    word = WORDS.get(rcpt.get("result"), rcpt.get("result", "?"))
    virus, spam = record.get("virus", {}), record.get("spam", {})
    if rcpt.get("result") == "quarantined":
        word += ": parked" if record.get("parked") else \
            ": virus" if virus.get("state") == "found" else ": spam"
        word += " (%s)" % rcpt.get("quarantine_id", "?")
    removed = [n for n in record.get("notes", []) if n.startswith("removed")]
    if rcpt.get("result") == "accepted" and removed:
        word += ", attachment removed"
    why = [rule_words(rcpt)] + [removal_words(n) for n in removed]
    why += [virus_words(virus), spam_words(spam)]
    return word, "; ".join(w for w in why if w)


def cell(text, width):
    """Padded or cut to a width in terminal columns."""
    out, used = "", 0
    for ch in text:
        w = 2 if unicodedata.east_asian_width(ch) in "WF" else 1
        if used + w > width:
            return out[:-1] + "…"
        out += ch
        used += w
    return out + " " * (width - used)


def columns(rows):
    """As wide as what they hold; on a terminal the last one has what is
    left, elsewhere it is never broken."""
    first, second, third = (max(len(r[i]) for r in rows) for i in range(3))
    if sys.stdout.isatty():
        room = shutil.get_terminal_size((80, 24)).columns
        third = min(third, max(20, room - first - second - 5))
    return first, second, third


def table(rows):
    rows = [("what was sent", "what became of it", "why")] + rows
    widths = columns(rows)
    for i, (name, word, why) in enumerate(rows):
        for part in textwrap.wrap(
                why, widths[2], break_on_hyphens=False) or [""]:
            print("  ".join(cell(c, w) for c, w in zip((name, word, part),
                                                       widths)).rstrip())
            name = word = ""
        if i == 0:
            print("  ".join("-" * w for w in widths))
    sys.stdout.flush()


def queue_id(result):
    m = re.search(r"queued as (\w+)", result.final[0].text) \
        if result.final else None
    return m.group(1) if m else None


def send_samples(gateway):
    """Sends them all; returns [(sample, queue id or None, reply)]."""
    sent = []
    for s in samples():
        result = send(gateway.int_port if s.outgoing else gateway.ext_port,
                      s.sender, [s.rcpt], s.raw, mail=s.mail,
                      source=None if s.outgoing else OUTSIDE_ADDRESS)
        sent.append((s, queue_id(result), result))
    return sent


def wait_records(follower, ids):
    """{queue id: record} once each of them has one, or time is up."""
    records, deadline = {}, time.monotonic() + RESULT_SECONDS
    while not set(ids) <= set(records) and time.monotonic() < deadline:
        for r in follower.new():
            records[r.get("queue_id")] = r
        time.sleep(0.05)
    return records


def report(gateway, follower):
    """The table; true when all came out as they should."""
    sent = send_samples(gateway)
    records = wait_records(follower, [q for _, q, _ in sent if q])
    rows, good = [], True
    for s, qid, result in sent:
        record = records.get(qid)
        if qid is None:
            word, why = "refused by Postfix", repr(result)
        elif record is None:
            word, why = "still waiting", "see log/mail.log"
        else:
            word, why = outcome(record, per_recipient(record)[0])
        good = good and word.startswith(s.expect)
        rows.append((s.name, word, why))
    table(rows)
    return good


def line(record):
    """One readable line for a message."""
    stamp = time.strftime("%H:%M:%S",
                          time.localtime(record.get("time", 0)))
    rcpts = per_recipient(record)
    ends = []
    for r in rcpts:
        word, why = outcome(record, r)
        text = "%s: %s (%s)" % (r.get("addr", "?"), word, why)
        if text not in ends:
            ends.append(text)
    return "%s %s %s <%s> -> %s" % (
        stamp, record.get("logid", "?"),
        "out" if record.get("dir") == "out" else "in ",
        record.get("sender", ""), "; ".join(ends))


def tell_how(gateway):
    """What can be done now."""
    progress("ready. Incoming mail: 127.0.0.1:%d (for @in.example), "
             "outgoing: 127.0.0.1:%d" % (gateway.ext_port, gateway.int_port))
    print("Logs are in %s/log. In another terminal:" % gateway.root)
    for tool, args in (("pmg", "status"), ("pmg", "why ID"),
                       ("pmg", "rules show"), ("pmgqm", "list")):
        print("    %s --root %s %s" % (os.path.relpath(gateway.program(tool)),
                                       os.path.relpath(gateway.root), args))
    print("One line for each message follows. Ctrl-C ends everything.\n",
          flush=True)


def watch(gateway, follower):
    """A line a message; what dies is started again, as systemd would."""
    gateway.supervise()
    seen = dict.fromkeys(gateway.services, 0)
    while True:
        for record in follower.new():
            print(line(record), flush=True)
        for name, s in gateway.services.items():
            if s.restarts > RESTARTS_MAX:
                raise RigError("%s ends again and again; the end of %s:\n%s"
                               % (name, s.logfile, s.tail()))
            if s.restarts != seen[name]:
                seen[name] = s.restarts
                gateway.remember()
                print("%s %s had ended and was started again"
                      % (time.strftime("%H:%M:%S"), name), flush=True)
        time.sleep(0.2)


def interrupted(signum, frame):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument("--once", action="store_true",
                        help="print the table and end; status 1 when a mail "
                        "did not end as it should")
    parser.add_argument("--ext-port", type=int, default=2525)
    parser.add_argument("--int-port", type=int, default=2526)
    parser.add_argument("--root", default=os.path.join(TREE, "build/run"))
    parser.add_argument("--no-build", action="store_true",
                        help="run what is in PMG_BIN_DIR as it is")
    args = parser.parse_args()
    for sig in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, interrupted)
    if os.geteuid() != 0:
        raise RigError("run this as root: Postfix needs it")

    if not args.no_build:
        build()
    if not place.hold(args.root):
        raise RigError("another `make run` uses %s: end it first" % args.root)
    clean_up(args.root)
    for port in (args.ext_port, args.int_port):
        check_port(port)
    root = place.choose(args.root, progress)
    gateway = Gateway(
        root, args.ext_port, args.int_port,
        bins=os.path.abspath(os.environ.get(
            "PMG_BIN_DIR", os.path.join(TREE, "build/release/bin"))),
        say=lambda text: progress("starting: " + text.strip()))
    with gateway:
        follower = events.Follower(gateway.path("var/lib/pmg/events/pmgd"))
        progress("sending the sample mails")
        good = report(gateway, follower)
        if args.once:
            return 0 if good else 1
        tell_how(gateway)
        watch(gateway, follower)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\nended")
        sys.exit(0)
    except BrokenPipeError:
        # Whoever read the output has gone; everything has been ended.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)
    except RigError as e:
        print("make run: %s" % e, file=sys.stderr)
        sys.exit(1)
