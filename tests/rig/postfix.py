"""A Postfix instance of its own: start, stop, queue, log."""

import json
import os
import signal
import subprocess

from .service import RigError, descendants, wait_for

DAEMONS = "/usr/lib/postfix/sbin"


class Postfix:
    def __init__(self, config, queue, logfile):
        self.config, self.queue, self.logfile = config, queue, logfile

    def _run(self, *argv, check=True):
        p = subprocess.run(argv, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True)
        if check and p.returncode:
            raise RigError("%s: exit status %d\n%s\n%s" % (
                " ".join(argv), p.returncode, p.stdout, self.tail()))
        return p.stdout

    def tail(self, lines=15):
        try:
            with open(self.logfile) as f:
                return "".join("    " + x for x in f.readlines()[-lines:])
        except OSError:
            return ""

    def postconf(self, *settings):
        self._run("postconf", "-c", self.config, "-e", *settings)

    def master_override(self, service, **settings):
        """-o settings of a service such as "2525/inet"."""
        for name, value in settings.items():
            self._run("postconf", "-c", self.config, "-P",
                      "%s/%s=%s" % (service, name, value))

    def get(self, name):
        return self._run("postconf", "-c", self.config, "-h", name).strip()

    def master_pid(self):
        try:
            with open(os.path.join(self.queue, "pid/master.pid")) as f:
                pid = int(f.read())
            with open("/proc/%d/cmdline" % pid, "rb") as f:
                return pid if b"master" in f.read() else None
        except (OSError, ValueError):
            return None

    def start(self):
        if self.master_pid():
            self.stop()
        # Returns when master listens on everything (master -w).
        self._run("postfix", "-c", self.config, "start")

    def reload(self):
        self._run("postfix", "-c", self.config, "reload")

    def stop(self):
        pid = self.master_pid()
        if not pid:
            return
        children = descendants(pid)
        subprocess.run(["postfix", "-c", self.config, "stop"],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if self.master_pid() == pid:
            os.kill(pid, signal.SIGKILL)
        for child in children:
            try:
                with open("/proc/%d/exe" % child, "rb"):
                    if os.readlink("/proc/%d/exe" % child).startswith(DAEMONS):
                        os.kill(child, signal.SIGKILL)
            except OSError:
                pass

    def children(self):
        """[(pid, name)] of the daemons that master runs."""
        pid = self.master_pid()
        found = []
        for child in descendants(pid) if pid else []:
            try:
                with open("/proc/%d/comm" % child) as f:
                    found.append((child, f.read().strip()))
            except OSError:
                pass
        return found

    def queued(self):
        """What `postqueue -j` tells, parsed."""
        text = self._run("postqueue", "-c", self.config, "-j", check=False)
        return [json.loads(x) for x in text.splitlines() if x.startswith("{")]

    def flush(self):
        self._run("postqueue", "-c", self.config, "-f", check=False)

    def wait_empty(self, timeout=60):
        """Until nothing is queued; the queue is flushed while it waits."""
        def empty():
            if not self.queued():
                return True
            self.flush()
            return False
        wait_for(empty, "the Postfix queue to drain", timeout, step=0.5)

    def log_lines(self):
        try:
            with open(self.logfile, errors="replace") as f:
                return f.read().splitlines()
        except OSError:
            return []
