"""A gateway whose rules are changed by pmg and pmgdb: helpers, fixtures."""

import json
import shlex
import subprocess

import pytest

from tests.rig.gateway import Gateway
from tests.system.conftest import rig_root

EMPTY = '{"rules": [], "groups": []}'
UTF8 = "Büro \"Nord\" & Söhne's"     # a name


def gateway(name):
    return Gateway(rig_root(name), with_postfix=False, with_spamd=False,
                   with_scan=False, activate=False,
                   conf={"admin": {"clamav": 0}})


@pytest.fixture(scope="module")
def one():
    with gateway("rules-tools") as g:
        yield g


def run(g, line, *more, stdin=None, program="pmg"):
    """line is split as a shell does it, more are arguments as they are."""
    argv = [g.program(program), "--root", g.root] + shlex.split(line) + \
        list(more)
    return subprocess.run(argv, input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, env=dict(
                              g.env, LC_ALL="C.UTF-8"),
                          stdin=None if stdin is not None
                          else subprocess.DEVNULL)


def ok(g, line, *more, stdin=None, program="pmg", note=""):
    p = run(g, line, *more, stdin=stdin, program=program)
    assert p.returncode == 0, p.stderr
    if note:
        assert note in p.stderr
    else:
        assert p.stderr == ""
    return p.stdout


def ask(g, line, *more):
    return json.loads(run(g, line, *more, "-o", "json").stdout)


def refused(g, status, text, line, *more, stdin=None, program="pmg"):
    p = run(g, line, *more, stdin=stdin, program=program)
    assert (p.returncode, p.stdout) == (status, ""), p
    assert text in p.stderr, p.stderr
    assert "Sanitizer" not in p.stderr
    return p.stderr


def no_draft(g):
    if ask(g, "rules versions")["draft"]:
        ok(g, "rules draft discard --yes")
    return g


@pytest.fixture
def gw(one):
    """The shipped rules, no draft."""
    ok(no_draft(one), "rules reset --yes")
    return one


@pytest.fixture
def bare(one):
    """No rules at all, no draft."""
    ok(no_draft(one), "rules import -", stdin=EMPTY)
    return one


def version(g):
    return ask(g, "rules versions")["versions"][0]["version"]
