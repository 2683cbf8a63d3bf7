#!/usr/bin/python3
"""Holds the user lists of lib/rules against user_list() of rules.py on random
cases. Names, patterns and networks come from a few words, so that they meet
often; how often each verdict came is printed."""

import argparse
import json
import os
import random
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))))

from tests.model import rules                                    # noqa: E402

VERDICTS = {"allow": -1, "block": 1, None: 0}
LOCALS = ["a", "b", "ab", "aa", "a.b", "news", "news-1", "ä", "x+y"]
DOMAINS = ["a.example", "b.example", "x.a.example", "ab.example", "example",
           "a-a.example"]
CLIENTS = ["10.1.2.3", "10.1.2.4", "10.2.0.1", "192.0.2.77", "2001:db8::1",
           "2001:db8:1::5", ""]
NETWORKS = ["10.1.2.3", "10.1.2.0/24", "10.1.2.3/16", "10.0.0.0/8",
            "0.0.0.0/0", "192.0.2.64/26", "192.0.2.77/32", "2001:db8::/32",
            "2001:db8::1", "2001:db8:1::/48", "::/0", "10.1.2.0/31",
            "10.128.0.0/9"]
FIELDS = ["From", "from", "Envelope-Sender", "Resent-Sender",
          "X-Envelope-From", "EnvelopeFrom", "Reply-To", "Sender", "To"]


def address(r):
    return r.choice(LOCALS) + "@" + r.choice(DOMAINS)


def any_case(r, s):
    return "".join(c.upper() if c.isascii() and r.random() < 0.1 else c
                   for c in s)


def with_wildcards(r, s):
    s = list(s)
    for _ in range(r.randint(1, 3)):
        i = r.randrange(len(s) + 1)
        kind = r.random()
        if kind < 0.3:
            s[i:i + r.randint(0, len(s))] = "*"
        elif kind < 0.6:
            s[:i] = "*"
        else:
            s[i:i + 1] = "?"
    return "".join(s)


def pattern(r):
    kind = r.random()
    if kind < 0.15:
        return r.choice(NETWORKS)
    text = address(r) if kind < 0.6 else r.choice(DOMAINS)
    if r.random() < 0.5:
        text = with_wildcards(r, text)
        # "@x" is another way to write the domain (userlist.h), and a text
        # without wildcards must be an address or a domain.
        if text.startswith("@") or not set(text) & set("*?"):
            text = "*" + text
    return any_case(r, text)


def case(r):
    owners = [address(r) for _ in range(2)] + [r.choice(DOMAINS), ""]
    rcpts = [any_case(r, r.choice(owners[:2] + [address(r)]))
             for _ in range(r.randint(1, 3))]
    many = 60 if r.random() < 0.1 else 4
    lists = [{"owner": r.choice(owners), "pattern": pattern(r),
              "kind": r.choice(["allow", "block"])}
             for _ in range(r.randint(0, many))]
    fields = []
    for _ in range(r.randint(0, 3)):
        value = ", ".join(
            r.choice(["%s", "<%s>", "Somebody <%s>", '"Doe, J" <%s>'])
            % any_case(r, address(r)) for _ in range(r.randint(1, 2)))
        fields.append((r.choice(FIELDS), value))
    return {"lists": lists, "recipients": rcpts, "fields": fields,
            "sender": any_case(r, address(r)) if r.random() < 0.8 else
            r.choice(["", "postmaster"]),
            "client": r.choice(CLIENTS)}


def expected(c):
    m = rules.Message("in", c["sender"], c["client"] or None, c["recipients"],
                      [rules.Part(0, fields=c["fields"])], lists=c["lists"])
    return [VERDICTS[rules.user_list(m, rcpt)] for rcpt in c["recipients"]]


def asked(driver, cases):
    lines = "".join(json.dumps(dict(c, header="".join(
        "%s: %s\r\n" % f for f in c["fields"]) + "\r\nx\r\n")) + "\n"
        for c in cases)
    out = subprocess.run([driver], input=lines, stdout=subprocess.PIPE,
                         text=True, check=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("-n", type=int, default=20000)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("driver")
    args = p.parse_args()
    r = random.Random(args.seed)
    cases = [case(r) for _ in range(args.n)]
    bad, count = 0, {-1: 0, 0: 0, 1: 0}
    for c, got in zip(cases, asked(args.driver, cases)):
        want = expected(c)
        for v in want:
            count[v] += 1
        if want != got:
            bad += 1
            if bad <= 5:
                print("# want %s, got %s: %s" % (want, got, json.dumps(c)))
    print("# recipients: %d allowed, %d blocked, %d neither"
          % (count[-1], count[1], count[0]))
    rare = min(count.values()) < args.n // 20
    print("%sok 1 - user lists and reference model: %d of %d cases differ%s"
          % ("not " if bad or rare else "", bad, len(cases),
             ", and they say too little" if rare else ""))
    print("1..1")
    return 1 if bad or rare else 0


if __name__ == "__main__":
    sys.exit(main())
