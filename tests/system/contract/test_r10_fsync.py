"""R10: fsync fails once: that mail is deferred, nothing is left behind, the
next one passes. Each file-system call of a commit in turn."""

import mmap
import os
import struct
import subprocess

import pytest

from tests.rig.gateway import TREE, Gateway, bin_dir
from tests.rig.sender import send

from .. import together
from ..conftest import evidence, rig_root
from .load import Load, figures, make_mail

pytestmark = pytest.mark.contract

EIO, ENOSPC = 5, 28
# Kinds of faults.c. The n-th call of each fails, n = 1, 2, ... until no call
# is hit any more.
CALLS = (("fsync", 1, EIO), ("fdatasync", 2, EIO), ("write", 3, ENOSPC),
         ("pwrite", 4, ENOSPC), ("rename", 5, EIO), ("link", 6, EIO),
         ("truncate", 7, EIO))
MOST = 12


class Faults:
    """The page that faults.c reads."""

    FORMAT = struct.Struct("=iiii")

    def __init__(self, folder):
        self.path = os.path.join(folder, "faults")
        with open(self.path, "wb") as f:
            f.write(b"\0" * mmap.PAGESIZE)
        os.chmod(self.path, 0o666)
        with open(self.path, "r+b") as f:
            self.page = mmap.mmap(f.fileno(), mmap.PAGESIZE)
        self.library = os.path.join(folder, "faults.so")
        p = subprocess.run(
            ["gcc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o",
             self.library, os.path.join(os.path.dirname(__file__),
                                        "faults.c"), "-ldl"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert p.returncode == 0, p.stdout

    def arm(self, kind, n, error):
        self.page[:self.FORMAT.size] = self.FORMAT.pack(kind, n, error, 0)

    def disarm(self):
        """True when a call was made to fail."""
        hits = self.FORMAT.unpack(self.page[:self.FORMAT.size])[3]
        self.page[:self.FORMAT.size] = self.FORMAT.pack(0, 0, 0, 0)
        return hits > 0


def store_files(g):
    found = []
    for folder, _, names in os.walk(g.path("var/spool/pmg/quarantine")):
        found += [os.path.join(folder, n) for n in names]
    return found


def run(name, folder, bins):
    """Every failing call once. Returns the findings, [] when all is well."""
    findings, hits, faults = [], 0, Faults(folder)
    with Gateway(rig_root(name), with_postfix=False, bins=bins,
                 service_env={"pmgd-store": {
                     "LD_PRELOAD": faults.library,
                     "PMG_FAULTS": faults.path}}) as g:
        load = Load(g, folder, where=g.filter_in, lmtp=True, threads=1)
        load.attempt("warm", make_mail("warm", spam=True))
        for call, kind, error in CALLS:
            for n in range(1, MOST + 1):
                ident = "%s%d" % (call, n)
                before = set(store_files(g))
                faults.arm(kind, n, error)
                code = load.attempt(ident, make_mail(ident, spam=True))
                hit = faults.disarm()
                rows = g.quarantined("r-%s@" % ident)
                new = set(store_files(g)) - before
                if hit:
                    hits += 1
                    if code == 250 and len(rows) != 1:
                        findings.append("%s: 250 without a row" % ident)
                    if code == 250 and call in ("fsync", "fdatasync"):
                        findings.append("%s: 250 though %s failed"
                                        % (ident, call))
                    if code != 250 and rows:
                        findings.append("%s: %d but a row" % (ident, code))
                    if code != 250 and new:
                        findings.append("%s: %d but files: %s"
                                        % (ident, code, sorted(new)))
                    if code not in (250, 451):
                        findings.append("%s: reply %d" % (ident, code))
                elif code != 250 or len(rows) != 1:
                    findings.append("%s: nothing failed, yet %d"
                                    % (ident, code))
                if not g.services["pmgd-store"].alive():
                    findings.append("%s: pmgd-store died" % ident)
                    g.services["pmgd-store"].start()
                if hit and load.attempt(ident + "-next", make_mail(
                        ident + "-next", spam=True)) != 250:
                    findings.append("%s: the next mail failed too" % ident)
                if not hit:
                    break
    return findings, hits


def test_each_failing_call():
    findings, hits = run("r10", evidence("r10"), None)
    figures("R10", points=hits, wrong=len(findings))
    assert not findings, "\n".join(findings)
    assert hits >= 4


def test_control_a_store_that_ignores_errors_is_seen():
    """Row before file and no error checked: the same test must go red."""
    out = "build/broken"
    p = subprocess.run(
        ["make", "-s", "O=" + out, "VARIANT=test",
         "CPPFLAGS=-DPMG_BREAK_FSYNC_ORDER", out + "/bin/pmgd-store"],
        cwd=TREE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert p.returncode == 0, p.stdout
    folder = evidence("r10-broken")
    bins = os.path.join(folder, "bin")
    os.mkdir(bins)
    for name in os.listdir(bin_dir()):
        source = os.path.join(TREE, out, "bin") if name == "pmgd-store" \
            else bin_dir()
        os.symlink(os.path.join(source, name), os.path.join(bins, name))
    findings, hits = run("r10-broken", folder, bins)
    assert hits and any("250 though fsync failed" in f for f in findings)


def test_no_discard_without_its_record():
    """fdatasync of the event file fails once: what a rule would discard is
    deferred, before the queue for all recipients, and nobody has it."""
    folder = evidence("r10-events")
    faults = Faults(folder)
    with Gateway(rig_root("r10-events"), with_postfix=False, with_spamd=False,
                 service_env={"pmgd": {"LD_PRELOAD": faults.library,
                                       "PMG_FAULTS": faults.path}}) as g:
        together.rules(g)
        for lmtp in (False, True):
            to = together.rcpts("ev%d" % lmtp, together.PASS, together.BLOCK)
            raw = together.mail("ev%d" % lmtp)
            faults.arm(2, 1, EIO)
            r = send(g.filter_in, together.SENDER, to, raw, lmtp=lmtp).final
            assert faults.disarm()
            assert [x.code for x in r] == ([250, 451] if lmtp else [451])
            assert len(g.sink.to(to[0])) == int(lmtp)
            r = send(g.filter_in, together.SENDER, to, raw, lmtp=lmtp).final
            assert {x.code for x in r} == {250}
            assert len(g.sink.to(to[0])) == 1 + int(lmtp)
