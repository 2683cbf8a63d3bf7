"""CPU time and memory of process trees, from /proc."""

import os

from tests.rig.service import descendants

TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pids):
    """user+sys of these processes and of the children they have reaped."""
    total = 0
    for pid in pids:
        try:
            with open("/proc/%d/stat" % pid, "rb") as f:
                fields = f.read().rsplit(b")", 1)[1].split()
        except OSError:
            continue
        total += sum(int(x) for x in fields[11:15])
    return total / TICK


def tree(roots):
    pids = set()
    for root in roots:
        pids |= {root} | set(descendants(root))
    return pids


class Meter:
    """CPU of the trees below some roots, between start() and stop().

    A process that ends is counted by its parent (cutime); what it had used
    when the meter started is taken off again. Ends are rare here: daemons
    recycle their children after many messages.
    """

    def __init__(self, roots):
        self.roots = list(roots)

    def start(self):
        self.before = cpu_seconds(tree(self.roots))

    def stop(self):
        return cpu_seconds(tree(self.roots)) - self.before


def pss_mb(roots):
    total = 0
    for pid in tree(roots):
        try:
            with open("/proc/%d/smaps_rollup" % pid) as f:
                for line in f:
                    if line.startswith("Pss:"):
                        total += int(line.split()[1])
        except OSError:
            pass
    return total / 1024
