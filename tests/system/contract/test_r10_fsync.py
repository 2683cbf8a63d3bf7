"""R10: fsync fails once: that mail is deferred, nothing is left behind, the
next one passes. Each file-system call of a commit in turn."""

import os
import signal
import subprocess

import pytest

from tests.rig.gateway import TREE, Gateway, bin_dir

from ..conftest import evidence, rig_root
from .load import Load, figures, make_mail

pytestmark = pytest.mark.contract

# The n-th call of each kind fails, n = 1, 2, ... until no call is hit.
CALLS = (("fsync", "EIO"), ("fdatasync", "EIO"), ("write", "ENOSPC"),
         ("pwrite64", "ENOSPC"), ("rename,renameat,renameat2", "EIO"),
         ("linkat", "EIO"), ("sendfile,copy_file_range", "ENOSPC"))
MOST = 12


class Injector:
    """strace attached to a process: the n-th call of a kind fails once."""

    def __init__(self, pid, calls, error, n, log):
        self.log = log
        self.p = subprocess.Popen(
            ["strace", "-f", "-o", log, "-p", str(pid), "-e",
             "trace=" + calls, "-e", "inject=%s:error=%s:when=%d"
             % (calls, error, n)], stderr=subprocess.PIPE, text=True)
        # "strace: Process N attached" is the event we wait for.
        first = self.p.stderr.readline()
        if "attached" not in first:
            self.p.wait()
            raise OSError(first + self.p.stderr.read())

    def stop(self):
        """Detaches; true when a call was made to fail."""
        self.p.send_signal(signal.SIGINT)
        self.p.communicate()
        with open(self.log) as f:
            return "(INJECTED)" in f.read()


@pytest.fixture(scope="module")
def can_trace():
    log = os.path.join(evidence("strace"), "log")
    p = subprocess.Popen(["sleep", "60"])
    try:
        Injector(p.pid, "fsync", "EIO", 1, log).stop()
    except OSError as e:
        pytest.skip("strace cannot attach here: %s" % e)
    finally:
        p.kill()
        p.wait()


def store_files(g):
    found = []
    for folder, _, names in os.walk(g.path("var/spool/pmg/quarantine")):
        found += [os.path.join(folder, n) for n in names]
    return found


def run(name, folder, bins):
    """Every failing call once. Returns the findings, [] when all is well."""
    findings, hits = [], 0
    with Gateway(rig_root(name), with_postfix=False, with_spamd=True,
                 bins=bins) as g:
        load = Load(g, folder, where=g.filter_in, lmtp=True, threads=1)
        load.attempt("warm", make_mail("warm", spam=True))
        for calls, error in CALLS:
            for n in range(1, MOST + 1):
                ident = "%s%d" % (calls.split(",")[0], n)
                before = set(store_files(g))
                inj = Injector(g.services["pmgd-store"].pid, calls, error, n,
                               os.path.join(folder, ident + ".strace"))
                code = load.attempt(ident, make_mail(ident, spam=True))
                hit = inj.stop()
                rows = g.quarantined("r-%s@" % ident)
                new = set(store_files(g)) - before
                if hit:
                    hits += 1
                    if code == 250 and len(rows) != 1:
                        findings.append("%s: 250 without a row" % ident)
                    if code == 250 and calls in ("fsync", "fdatasync"):
                        findings.append("%s: 250 though %s failed"
                                        % (ident, calls))
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


def test_each_failing_call(can_trace):
    findings, hits = run("r10", evidence("r10"), None)
    figures("R10", points=hits, wrong=len(findings))
    assert not findings, "\n".join(findings)
    assert hits >= 4


def test_control_a_store_that_ignores_errors_is_seen(can_trace):
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
