"""Gateways for the tests.

gateway  everything: Postfix, spamd, scanner, store, filter
bare     our daemons only: a sink stands where pmgd hands mail back to Postfix
"""

import itertools
import os
import shutil
import signal
import sys

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, TOP)

from tests.rig import place                                     # noqa: E402
from tests.rig.gateway import Gateway, bin_dir, clean_up        # noqa: E402

_counter = itertools.count(1)


def _interrupt(signum, frame):
    raise KeyboardInterrupt


def pytest_configure(config):
    # `make check` ends its suites so: gateways are taken down, not left.
    signal.signal(signal.SIGTERM, _interrupt)
    for mark in (
            "contract: fault tests of the contract (make check: contract)",
            "sandbox: runs against the release build too",
            "release_only: makes no sense in a sanitizer build"):
        config.addinivalue_line("markers", mark)


def need_programs():
    missing = [name for name in ("pmgd", "pmgd-scan", "pmgd-store", "pmgqm",
                                 "pmg", "pmgconfig", "pmgdb")
               if not os.access(os.path.join(bin_dir(), name), os.X_OK)]
    if missing:
        pytest.fail("not built in %s: %s" % (bin_dir(), ", ".join(missing)))


def own_path(name):
    """A path below build/ that no other test run uses at this time."""
    variant = os.path.basename(os.path.dirname(bin_dir()))
    path = os.path.join(TOP, "build", "rig", "%s-%s" % (variant, name))
    for n in itertools.count(2):
        if place.hold(path):
            return path
        path = path.rsplit("~", 1)[0] + "~%d" % n


def rig_root(name):
    """A fresh folder for a gateway (kept after the test, with its logs)."""
    need_programs()
    wanted = own_path(name)
    clean_up(wanted)
    return place.choose(wanted, say=lambda text: None)


def evidence(name):
    """A fresh folder for what a fault test collects; kept afterwards."""
    folder = own_path(name + ".evidence")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    return folder


@pytest.fixture(scope="session")
def gateway():
    with Gateway(rig_root("full")) as g:
        yield g


@pytest.fixture(scope="session")
def _bare():
    with Gateway(rig_root("bare"), with_postfix=False, activate=False) as g:
        yield g


@pytest.fixture
def bare(_bare):
    yield _bare
    _bare.sink.unscript()


@pytest.fixture
def ident():
    """A word that no other test uses."""
    return "t%d-%d" % (os.getpid(), next(_counter))
