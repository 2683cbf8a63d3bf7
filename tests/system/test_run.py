"""`make run`, as a person would start it."""

import os
import re
import signal
import subprocess
import sys

import pytest

from tests.rig.gateway import bin_dir, free_port
from tests.rig.samples import samples
from tests.rig.service import process_tree, wait_for

from .conftest import TOP, need_programs, own_path

pytestmark = pytest.mark.sandbox


def start(name, *args, root=None):
    need_programs()
    # The folder next to the one held: the program takes it for itself.
    root = root or own_path(name) + ".run"
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "tests.rig.run", "--root", root,
         "--no-build", "--ext-port", str(free_port()),
         "--int-port", str(free_port()), *args], cwd=TOP,
        env=dict(os.environ, PMG_BIN_DIR=bin_dir()), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT), root


def left_over(root):
    """Processes whose command line names the folder."""
    found = []
    for pid in process_tree():
        try:
            with open("/proc/%d/cmdline" % pid, "rb") as f:
                if root.encode() in f.read():
                    found.append(pid)
        except OSError:
            pass
    return found


def test_table_tells_what_became_of_each_mail():
    p, root = start("run-once", "--once")
    out = p.communicate(timeout=120)[0]
    assert p.returncode == 0, out
    for s in samples():
        line = [x for x in out.splitlines() if x.startswith(s.name)]
        assert len(line) == 1, out
        assert s.expect in line[0]
    assert re.search(r"EICAR.*Eicar-Test-Signature", out)
    assert re.search(r"GTUBE\).*score 9\d\d", out)
    assert not left_over(root)


def test_ctrl_c_ends_everything():
    p, root = start("run-ctrl-c")
    lines = []
    for line in p.stdout:
        lines.append(line)
        if "Ctrl-C" in line:
            break
    assert left_over(root), lines
    second, _ = start("", root=root)
    out = second.communicate(timeout=60)[0]
    assert second.returncode == 1 and "another `make run`" in out, out
    assert p.poll() is None
    p.send_signal(signal.SIGINT)
    p.communicate(timeout=60)
    assert p.returncode == 0
    wait_for(lambda: not left_over(root), "everything to end", 10)


def test_busy_port_is_told_in_words():
    import socket
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        p, _ = start("run-busy", "--ext-port", str(port))
        out = p.communicate(timeout=60)[0]
    assert p.returncode == 1
    assert "port %d" % port in out and "Traceback" not in out
