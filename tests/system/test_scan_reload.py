"""pmgd-scan: SIGHUP takes new settings, and no scan notices."""

import signal

# scan and shared are fixtures.
from tests.system.scan_daemon import (                      # noqa: F401
    CLEAN, EICAR, HEURISTIC, VIRUS, scan, shared, zipped)

DEEP = zipped(zipped(zipped(zipped(EICAR))))
SHALLOW = "section: clamav\n\tarchivemaxrec 1\n"


def conf(s, text):
    (s.root / "etc/pmg/pmg.conf").write_text(text)
    s.proc.send_signal(signal.SIGHUP)


def test_new_settings(scan):
    s = scan()
    s.ready()
    assert s.scan(DEEP).result == VIRUS
    conf(s, SHALLOW)

    def taken():
        assert s.scan(EICAR).result == VIRUS    # meanwhile and afterwards
        return s.scan(DEEP).result != VIRUS
    s.wait(taken)
    assert s.scan(DEEP).result in (CLEAN, HEURISTIC)
    conf(s, "")
    s.wait(lambda: s.scan(DEEP).result == VIRUS)


def test_broken_settings_are_refused(scan):
    s = scan()
    s.ready()
    conf(s, "section: clamav\n\tarchivemaxrec many\n")
    s.wait(lambda: "the former ones stay" in s.text())
    assert "archivemaxrec" in s.text()
    assert s.scan(DEEP).result == VIRUS


def test_other_folder_of_databases_means_a_new_start(scan):
    s = scan()
    s.ready()
    conf(s, "section: clamav\n\tdbdir /var/lib/clamav2\n")
    assert s.proc.wait(30) == 0
    assert "clamav.dbdir has changed" in s.text()
