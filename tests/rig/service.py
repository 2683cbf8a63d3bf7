"""One long-running process of the gateway: start, ready, stop, restart."""

import os
import signal
import socket
import subprocess
import threading
import time

TERM_SECONDS = 15       # a service that ignores SIGTERM is killed after this
POLL_SECONDS = 0.02     # for things that give no event (a socket appearing)


class RigError(Exception):
    """Something that the person at the keyboard has to read."""


def wait_for(condition, what, timeout=30.0, step=POLL_SECONDS):
    """Returns the first true value of condition(); RigError after timeout."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise RigError("timed out after %.0f s: %s" % (timeout, what))
        time.sleep(step)


def start_time(pid):
    """Field 22 of /proc/PID/stat: tells a reused pid from the old process."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as f:
            return f.read().rsplit(b")", 1)[1].split()[19].decode()
    except (OSError, IndexError):
        return None


def process_tree():
    """{pid: parent pid} of everything alive, zombies left out."""
    tree = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open("/proc/%s/stat" % name, "rb") as f:
                fields = f.read().rsplit(b")", 1)[1].split()
        except OSError:
            continue
        if fields[0] != b"Z":
            tree[int(name)] = int(fields[1])
    return tree


def descendants(pid, tree=None):
    """All children of pid and theirs."""
    tree = process_tree() if tree is None else tree
    found, todo = [], [pid]
    while todo:
        parent = todo.pop()
        kids = [p for p, pp in tree.items() if pp == parent]
        found += kids
        todo += kids
    return found


class NotifySocket:
    """The receiving end of sd_notify(3) for one service."""

    def __init__(self, path):
        self.path = path
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(path)
        os.chmod(path, 0o666)
        self.status, self.ready = "", False

    def forget(self):
        """Drops what an earlier run of the service said."""
        self.status, self.ready = "", False
        self.sock.setblocking(False)
        try:
            while True:
                self.sock.recv(8192)
        except BlockingIOError:
            pass

    def wait(self, done, alive, timeout):
        """Reads until done(self); alive() says if waiting has a point."""
        deadline = time.monotonic() + timeout
        self.sock.settimeout(0.25)
        while time.monotonic() < deadline:
            try:
                text = self.sock.recv(8192).decode("utf-8", "replace")
            except socket.timeout:
                if not alive():
                    return False
                continue
            for line in text.split("\n"):
                if line.startswith("STATUS="):
                    self.status = line[7:]
                self.ready = self.ready or line == "READY=1"
            if done(self):
                return True
        return False

    def close(self):
        self.sock.close()


class Service:
    """argv run with its output in logs; ready when it says so.

    ready: "notify" (sd_notify READY=1, with a STATUS= that begins so) or a
    function that becomes true.
    """

    def __init__(self, name, argv, logfile, ready, env=None, rundir="/tmp",
                 timeout=60, listen=(), status=""):
        self.name, self.argv, self.logfile = name, argv, logfile
        self.ready, self.timeout = ready, timeout
        self.env = dict(os.environ if env is None else env)
        self.listen = list(listen)      # (name, socket): socket activation
        self.status = status            # what STATUS= must begin with, too
        self.notify = None
        self.proc = None
        self.restarts = 0
        self.stopping = False
        if ready == "notify":
            self.notify = NotifySocket(os.path.join(rundir, name + ".notify"))
            self.env["NOTIFY_SOCKET"] = self.notify.path
        else:
            self.env.pop("NOTIFY_SOCKET", None)

    @property
    def pid(self):
        return self.proc.pid if self.proc else None

    def alive(self):
        return self.proc is not None and self.proc.poll() is None

    def _argv(self):
        """With LISTEN_PID, which only the process itself can know."""
        if not self.listen:
            return self.argv, ()
        fds = [s.fileno() for _, s in self.listen]
        names = ":".join(n for n, _ in self.listen)
        shuffle = (
            "import fcntl,os,sys\n"
            "fds=[int(x) for x in sys.argv[1].split(',')]\n"
            "low=3+len(fds)\n"
            "tmp=[fcntl.fcntl(f,fcntl.F_DUPFD,low) for f in fds]\n"
            "[os.dup2(f,3+i) for i,f in enumerate(tmp)]\n"
            "[os.close(f) for f in tmp]\n"
            "[os.close(f) for f in fds if f>=low]\n"
            "os.environ.update(LISTEN_PID=str(os.getpid()),"
            "LISTEN_FDS=str(len(fds)),LISTEN_FDNAMES=sys.argv[2])\n"
            "os.execv(sys.argv[3],sys.argv[3:])\n")
        return (["/usr/bin/python3", "-S", "-c", shuffle,
                 ",".join(map(str, fds)), names] + self.argv, fds)

    def start(self, wait=True):
        if self.alive():
            return
        if self.notify:
            self.notify.forget()
        self.stopping = False
        argv, fds = self._argv()
        log = open(self.logfile, "ab")
        # Its own session: Ctrl-C reaches only the rig, which then stops the
        # services in order.
        self.proc = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env=self.env, start_new_session=True, cwd="/", pass_fds=fds)
        log.close()
        if wait:
            self.wait_ready()

    def wait_ready(self, status=None):
        """status: instead of the one that it was made with."""
        begin = self.status if status is None else status
        if self.notify:
            if self.notify.wait(lambda n: n.ready and n.status.startswith(
                    begin), self.alive, self.timeout):
                return
        else:
            try:
                wait_for(lambda: self.ready() or not self.alive(),
                         self.name, self.timeout)
            except RigError:
                pass
            if self.alive() and self.ready():
                return
        if self.alive():
            state = "still starting: " + (self.notify.status if self.notify
                                          else "no answer")
        else:
            state = "exit status %s" % self.proc.returncode
        raise RigError("%s did not become ready (%s); the end of %s:\n%s"
                       % (self.name, state, self.logfile, self.tail()))

    def tail(self, lines=15):
        try:
            with open(self.logfile, "rb") as f:
                text = f.read()[-8000:].decode("utf-8", "replace")
        except OSError:
            return ""
        return "\n".join("    " + x for x in text.splitlines()[-lines:])

    def stop(self, sig=signal.SIGTERM):
        """Ends the process and what is left of its process group."""
        self.stopping = True
        if self.proc is None:
            return
        if self.alive():
            self.proc.send_signal(sig)
            try:
                self.proc.wait(TERM_SECONDS)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                self.proc.wait()
        try:
            os.killpg(self.proc.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass

    def close(self):
        """stop(), and gives up the sockets held for it."""
        self.stop()
        for _, s in self.listen:
            s.close()
        if self.notify:
            self.notify.close()

    def reload(self):
        self.proc.send_signal(signal.SIGHUP)

    def pids(self):
        """The process itself and its descendants."""
        return [self.pid] + descendants(self.pid) if self.alive() else []


class Supervisor(threading.Thread):
    """Restarts what dies, as systemd does with Restart=on-failure."""

    def __init__(self, services, delay=0.1):
        super().__init__(daemon=True, name="supervisor")
        self.services, self.delay = services, delay
        self.quit = threading.Event()

    def run(self):
        while not self.quit.wait(self.delay):
            for s in self.services:
                if s.proc is None or s.stopping or s.alive():
                    continue
                # systemd ends the whole control group of a dead service.
                try:
                    os.killpg(s.proc.pid, signal.SIGKILL)
                except (ProcessLookupError, PermissionError):
                    pass
                if self.quit.is_set():
                    return
                s.start(wait=False)
                s.restarts += 1

    def stop(self):
        self.quit.set()
        self.join()
