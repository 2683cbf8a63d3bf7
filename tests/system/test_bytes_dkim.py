"""Signatures that verified before the gateway verify behind it.

Vectors that bring their DNS data are verified as they are. The others'
keys are not to be had any more: they, and ham, are signed here, with each
choice of fields and canonicalisation that they were signed with.
"""

import glob
import itertools
import os
import re

import pytest
import yaml

from tests.rig.gateway import Gateway
from tests.system.conftest import rig_root
from tests.system.passage import (Passage, added_on_top, as_sent, corpus,
                                  first_difference, mail_of, without_field)

dkim = pytest.importorskip("dkim", reason="no python3-dkim")

VECTORS = ("spamassassin-tdata/t/data/dkim/*",
           "spamassassin-tdata/t/data/dkim/arc/*",
           "spamassassin-tdata/t/data/nice/dkim/*",
           "rspamd-messages/test/functional/messages/*",
           "rspamd-messages/test/functional/messages/dmarc/*",
           "dkim-arc-dmarc/mailauth-fixtures/test/fixtures/*.eml")
YAML = ("dkim-arc-dmarc/arc_test_suite/tests/*.yml",
        "dkim-arc-dmarc/mailauth-fixtures/test/fixtures/arc/*.yml")
SIGNED_HAM = 200
SELECTOR, DOMAIN = b"bytes", b"signer.example"
CANON = list(itertools.product((b"relaxed", b"simple"), repeat=2))
# The gateway's own, removed from every mail (anti-spoofing): not signed here.
OURS = {b"x-spam-level"}


@pytest.fixture(scope="module")
def quick():
    with Gateway(rig_root("dkim"), with_spamd=False) as g:
        yield g


class Key:
    """A key of this run, and the DNS that has it."""

    def __init__(self):
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import rsa
        key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
        self.pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption())
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM,
            serialization.PublicFormat.SubjectPublicKeyInfo)
        self.record = b"v=DKIM1; k=rsa; p=" + b"".join(
            public.split(b"\n")[1:-2])

    def dns(self, name, timeout=5):
        wanted = SELECTOR + b"._domainkey." + DOMAIN
        return self.record if name.rstrip(b".") == wanted else b""

    def sign(self, raw, canon, fields=None, length=False):
        """The mail with one signature more on top; None: it has no From."""
        signer = dkim.DKIM(raw)
        signer.should_not_sign = set()
        try:
            return signer.sign(SELECTOR, DOMAIN, self.pem, canonicalize=canon,
                               include_headers=fields, length=length) + raw
        except dkim.ParameterError:
            return None

    def verifies(self, raw):
        """The signature on top of all others, which is ours."""
        signer = dkim.DKIM(raw)
        signatures = [h for h in signer.headers
                      if h[0].lower() == b"dkim-signature"]
        for n, field in enumerate(signatures):
            if b"d=" + DOMAIN in field[1]:
                try:
                    return signer.verify(n, dnsfunc=self.dns)
                except dkim.DKIMException:
                    return False
        return False


@pytest.fixture(scope="module")
def key():
    return Key()


def choices(raw):
    """(canonicalisation, fields) of each signature that a mail carries."""
    header = raw.partition(b"\r\n\r\n")[0] + b"\r\n"
    unfolded = re.sub(rb"\r\n[ \t]+", b" ", header)
    found = []
    for value in re.findall(
            rb"(?im)^(?:dkim|arc-message)-signature:(.*?)\r\n", unfolded):
        tags = dict((k.strip(), v.strip()) for k, _, v in
                    (t.partition(b"=") for t in value.split(b";")))
        canon = (tags.get(b"c", b"") + b"/").split(b"/")
        fields = [f.strip().lower() for f in tags.get(b"h", b"").split(b":")]
        found.append((tuple(c if c in (b"simple", b"relaxed") else b"simple"
                            for c in canon[:2]),
                      [f for f in fields if f and f not in OURS]))
    return found


def vectors():
    found = {}
    for pattern in VECTORS:
        for path in sorted(glob.glob(corpus(pattern))):
            if not os.path.isfile(path):
                continue
            raw = mail_of(path)
            if choices(raw) or "/dkim/" in path:
                found[os.path.relpath(path, corpus())] = raw
    if not found:
        pytest.skip("no corpus")
    return found


def present(raw, fields):
    """Those of the list that the mail has, as often as it has them: a field
    that is signed as absent may be one that a relay has to add."""
    names = [h[0].lower() for h in dkim.DKIM(raw).headers]
    return [f for f in fields if f in names] or None


def carry(quick, ident, mails):
    passage = Passage(quick, ident)
    got = passage.carry(mails)
    assert not passage.refused and not passage.held
    assert set(got) == set(mails)
    return got


def compare(what, mails, got, good):
    """good(raw) -> verdict; every verdict stays, whatever it was."""
    before = {name: good(raw) for name, raw in mails.items()}
    after = {name: good(got[name].data) for name in mails}
    count = [sum(1 for v in side.values() if v is True or v == "pass")
             for side in (before, after)]
    print("\n%s: %d mails, verified before %d, after %d" % (
        what, len(mails), *count))
    assert after == before
    return count[0]


def test_vectors_come_out_as_they_are(quick, ident):
    mails = vectors()
    got = carry(quick, ident, mails)
    changed = {n: first_difference(mails[n], d.data) for n, d in got.items()
               if added_on_top(without_field(mails[n], "X-SPAM-LEVEL"),
                               d.data) is None}
    print("\n%d vectors, %d changed" % (len(mails), len(changed)))
    assert not changed


def test_vectors_signed_anew(quick, ident, key):
    mails, unsigned = {}, []
    for name, raw in vectors().items():
        for n, (canon, fields) in enumerate(choices(raw)):
            signed = key.sign(raw, canon, present(raw, fields))
            if signed is None:
                unsigned.append(name)
            else:
                mails["%s #%d" % (name, n)] = signed
    print("\nnot signed, no From: %s" % unsigned)
    assert len(unsigned) <= 2
    got = carry(quick, ident, mails)
    assert compare("vectors signed anew", mails, got, key.verifies) == \
        len(mails)


def signed_ham(key):
    """Evenly through the corpus; each canonicalisation with the usual fields,
    with all fields, and with a part of the body (l=)."""
    files = sorted(f for f in glob.glob(corpus("ham/*/*"))
                   if os.path.isfile(f))
    if not files:
        pytest.skip("no corpus")
    ways = itertools.cycle(itertools.product(CANON, ("usual", "all", "part")))
    mails = {}
    for path in files[::len(files) // (SIGNED_HAM + 20)]:
        raw = mail_of(path)
        canon, which = next(ways)
        fields = None
        if which == "all":
            fields = [h[0].lower() for h in dkim.DKIM(raw).headers
                      if h[0].lower() not in OURS]
        signed = key.sign(raw, canon, fields, which == "part")
        if signed is not None and len(mails) < SIGNED_HAM:
            mails[path] = signed
    return mails


def test_signed_ham(quick, ident, key):
    mails = signed_ham(key)
    got = carry(quick, ident, mails)
    assert compare("signed ham", mails, got, key.verifies) == SIGNED_HAM


def suites():
    """{test: (mail, DNS function)} of the yaml suites."""
    found = {}
    for path in sorted(p for pattern in YAML for p in glob.glob(
            corpus(pattern))):
        with open(path, "rb") as f:
            documents = [d for d in yaml.safe_load_all(f) if d]
        for n, doc in enumerate(documents):
            zone = dict(doc.get("txt-records") or {})
            zone = {k.encode(): re.sub(r"\s*\n\s*", "", v).encode()
                    for k, v in zone.items()}

            def dns(name, timeout=5, zone=zone):
                return zone.get(name.rstrip(b"."), b"")
            for test, body in doc["tests"].items():
                if body.get("message"):
                    found["%s:%d:%s" % (os.path.relpath(path, corpus()), n,
                                        test)] = (
                        as_sent(body["message"].encode()), dns)
    if not found:
        pytest.skip("no corpus")
    return found


def chain(raw, dns):
    """ARC's verdict."""
    return (dkim.arc_verify(raw, dnsfunc=dns)[0] or b"none").decode()


def test_arc_suites(quick, ident):
    tests = suites()
    mails = {name: raw for name, (raw, _) in tests.items()}
    got = carry(quick, ident, mails)
    back = {id(raw): name for name, raw in mails.items()}
    back.update({id(d.data): name for name, d in got.items()})
    assert compare("ARC suites", mails, got,
                   lambda raw: chain(raw, tests[back[id(raw)]][1])) > 50


def test_a_broken_signature_is_noticed(key):
    """Control: one blank in the body, one field changed."""
    raw = as_sent(b"From: <a@x.example>\nTo: <b@y.example>\nSubject: s\n\n"
                  b"body  \n")
    signed = key.sign(raw, (b"simple", b"simple"))
    assert key.verifies(signed)
    assert key.verifies(b"Received: x\r\n" + signed)
    for bad in (signed.replace(b"body  ", b"body "),
                signed.replace(b"Subject: s", b"Subject:  s")):
        assert not key.verifies(bad)
