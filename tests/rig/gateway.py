"""A whole gateway below one folder."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

from . import place
from .events import Follower
from .postfix import Postfix
from .samples import EICAR
from .service import (NotifySocket, RigError, Service, Supervisor, start_time,
                      wait_for)
from .sink import Sink

DOMAIN = "in.example"           # what the company's own mail server takes
TREE = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))

# Clients from 127.0.0.1 are the company's own; any other loopback address
# plays the Internet.
INSIDE_ADDRESS = "127.0.0.1"
OUTSIDE_ADDRESS = "127.0.0.25"


# Composed values of pmgconfig's templates that differ in a rig: a queue that
# a person or a test can watch move, and who is a stranger.
RIG_SETTINGS = {
    "ext_bind": "127.0.0.1:", "int_bind": "127.0.0.1:",
    "inet_interfaces": "127.0.0.1",
    "mynetworks": "127.0.0.1/32", "mynetworks_ext": "127.0.0.1/32",
    "fqdn": "gw.rig.example", "domain": "rig.example",
    "minimal_backoff_time": "2s", "queue_run_delay": "2s",
    "transport_retry_time": "1s",
}

# Sockets that systemd holds for each daemon (debian/units): name, type, path,
# user, group, mode.
SOCKETS = {
    "pmgd": (("in", socket.SOCK_STREAM, "filter/in.sock", "postfix", 0o660),
             ("out", socket.SOCK_STREAM, "filter/out.sock", "postfix", 0o660),
             ("control", socket.SOCK_SEQPACKET, "filter/control.sock", "root",
              0o600)),
    "pmgd-scan": (("scan", socket.SOCK_SEQPACKET, "scan/scan.sock", "pmg",
                   0o660),),
    "pmgd-store": (("store", socket.SOCK_SEQPACKET, "store/store.sock", "pmgd",
                    0o660),
                   ("admin", socket.SOCK_SEQPACKET, "store/admin.sock",
                    "root", 0o600)),
}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def bin_dir(default="build/asan/bin"):
    return os.path.abspath(os.environ.get(
        "PMG_BIN_DIR", os.path.join(TREE, default)))


class Gateway:
    """Gateway(root).start() ... .stop(), or as a context manager.

    sink: the company's own mail server (port sink_port); internet: where
    outgoing mail goes (a second sink). Without Postfix the sink stands where
    pmgd hands mail back. activate: the rig holds the sockets, as systemd does.
    """

    def __init__(self, root, ext_port=0, int_port=0, sink_port=0,
                 internet_port=0, bins=None, with_scan=True, with_spamd=True,
                 with_postfix=True, activate=True, conf=None, workers=4,
                 env=None, service_env=None, say=None, sink_log=None,
                 keep_mail=True):
        self.root = os.path.realpath(root)
        self.bins = bins or bin_dir()
        self.ext_port = ext_port or free_port()
        self.int_port = int_port or free_port()
        self.with_scan, self.with_spamd = with_scan, with_spamd
        self.with_postfix, self.activate = with_postfix, activate
        self.conf, self.workers = conf or {}, workers
        self.say = say or (lambda text: None)
        self.env = dict(os.environ)
        self.env.setdefault("ASAN_OPTIONS",
                            "detect_leaks=0:abort_on_error=1")
        self.env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
        self.env.update(env or {})
        self.service_env = service_env or {}
        self.sink = Sink(
            sink_port, log=sink_log, keep=keep_mail, path=None if with_postfix
            else self.path("var/spool/postfix/public/pmg-reinject"))
        self.internet = Sink(internet_port, keep=keep_mail)
        self.services = {}
        self.supervisor = None
        self._lay_out()
        self._records = []
        self._follower = Follower(self.path("var/lib/pmg/events/pmgd"))
        self.postfix = Postfix(self.path("etc/postfix"),
                               self.path("var/spool/postfix"),
                               self.path("log/mail.log"))

    # ---- paths ----

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    @property
    def filter_in(self):
        return self.path("run/pmg/filter/in.sock")

    @property
    def filter_out(self):
        return self.path("run/pmg/filter/out.sock")

    @property
    def spamd_socket(self):
        return self.path("run/pmg/spamd/spamd.sock")

    def program(self, name):
        return os.path.join(self.bins, name)

    def _lay_out(self):
        for folder, user, group, mode in (
                ("etc", "root", None, 0o755),
                ("etc/pmg", "root", None, 0o755),
                ("etc/postfix", "root", None, 0o755),
                ("log", "root", None, 0o755),
                ("run/pmg", "root", None, 0o755),
                ("run/pmg/filter", "pmgd", "pmg", 0o755),
                ("run/pmg/scan", "pmg-scan", None, 0o755),
                # setgid: pmgd may reach a socket that the store made itself.
                ("run/pmg/store", "pmg-store", "pmg", 0o2755),
                ("run/pmg/spamd", "pmg-spamd", None, 0o755),
                ("var/lib/pmg", "root", None, 0o755),
                ("var/lib/pmg/rules", "pmg-store", "pmg", 0o755),
                ("var/lib/pmg/ldap", "pmg-ldap", "pmg", 0o755),
                ("var/lib/pmg/store", "pmg-store", None, 0o700),
                ("var/lib/pmg/events", "root", "pmg", 0o755),
                ("var/lib/pmg/events/pmgd", "pmgd", "pmg", 0o750),
                ("var/lib/pmg/events/recent", "pmgd", "pmg", 0o750),
                ("var/lib/pmg/filter", "pmgd", None, 0o750),
                ("var/lib/pmg/spamd", "pmg-spamd", None, 0o750),
                ("var/lib/clamav", "root", None, 0o755),
                ("var/spool/pmg", "root", None, 0o755),
                ("var/spool/pmg/active", "pmgd", None, 0o700),
                ("var/spool/pmg/quarantine", "pmg-store", None, 0o700),
                ("var/spool/postfix", "root", None, 0o755),
                ("var/spool/postfix/public", "postfix", "postdrop", 0o710),
                ("var/lib/postfix", "postfix", None, 0o700)):
            place.make(self.path(folder), user, group, mode)

    # ---- configuration ----

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)

    def write_conf(self):
        """/etc/pmg of this gateway, from self.conf over the rig's own."""
        sections = {
            "mail": {"ext_port": self.ext_port, "int_port": self.int_port,
                     "relay": "127.0.0.1", "relayport": self.sink.port or 25,
                     "relaynomx": 1, "smarthost": "127.0.0.1",
                     "smarthostport": self.internet.port,
                     "greylist": 0, "spf": 0,
                     "max_filters": self.workers,
                     "filter_workers": self.workers},
            # Only what stands below the rig, and no questions to the net.
            "spam": {"use_razor": 0, "rbl_checks": 0, "use_bayes": 0,
                     "use_awl": 0, "spamd_children": 2},
            "clamav": {"databases": "rig", "database_max_age": 0},
            "admin": {"email": "postmaster@" + DOMAIN},
        }
        for section, values in self.conf.items():
            sections.setdefault(section, {}).update(values)
        lines = []
        for section, values in sections.items():
            lines.append("section: %s" % section)
            lines += ["\t%s %s" % (k, v) for k, v in values.items()
                      if v is not None]
            lines.append("")
        self.write("etc/pmg/pmg.conf", "\n".join(lines))
        self.write("etc/pmg/rig.conf", "".join(
            "%s = %s\n" % pair for pair in dict(
                RIG_SETTINGS, maillog_file=self.postfix.logfile).items()))
        self.write("etc/pmg/domains", DOMAIN + "\n")
        self.write("etc/pmg/transport", "")
        self.write("etc/pmg/mynetworks", "")

    def sync(self):
        """pmgconfig renders; then what only a rig needs."""
        self.tool("pmgconfig", "--templates",
                  os.path.join(TREE, "pmg-tools/templates"), "sync")
        self.postfix.postconf(
            # Killed children come back at once.
            "service_throttle_time=1s", "maximal_backoff_time=10s",
            "postscreen_greet_wait=1s")

    def write_clamav(self):
        """A database of one signature, EICAR, in place of main and daily."""
        self.write("var/lib/clamav/rig.ndb", "Eicar-Test-Signature:0:*:%s\n"
                   % EICAR.hex())

    # ---- tools ----

    def tool(self, name, *args, check=True, text=True):
        argv = [self.program(name), "--root", self.root] + list(args)
        p = subprocess.run(argv, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=text, env=self.env)
        if check and p.returncode:
            raise RigError("%s: exit status %d\n%s%s" % (
                " ".join(argv), p.returncode, p.stdout, p.stderr))
        return p.stdout

    def quarantine(self):
        """Rows of `pmgqm list -o json`."""
        return json.loads(self.tool("pmgqm", "list", "-o", "json"))

    def records(self):
        """Every event record so far."""
        self._records += self._follower.new()
        return self._records

    def quarantined(self, word):
        """Rows in which word occurs (the recipient of a test mail)."""
        return [r for r in self.quarantine() if word in json.dumps(r)]

    # ---- processes ----

    def _sockets(self, name):
        """The listening sockets of a daemon, made as systemd makes them."""
        held = []
        for label, kind, path, group, mode in SOCKETS[name]:
            path = self.path("run/pmg", path)
            if os.path.exists(path):
                os.unlink(path)
            s = socket.socket(socket.AF_UNIX, kind)
            s.bind(path)
            shutil.chown(path, "root", group)
            os.chmod(path, mode)
            s.listen(4096)
            held.append((label, s))
        return held

    def _add(self, name, argv, ready, **kw):
        self.services[name] = Service(
            name, argv, self.path("log", name + ".log"), ready,
            env=dict(self.env, **self.service_env.get(name, {})),
            rundir=self.path("run"), **kw)

    def _define(self):
        if self.with_spamd:
            self._add("spamd", [
                "/usr/sbin/spamd", "--local", "--nouser-config",
                "--username=pmg-spamd",
                "--helper-home-dir=" + self.path("var/lib/pmg/spamd"),
                "--siteconfigpath=" + self.path("var/lib/pmg/spamassassin"),
                "--socketpath=" + self.spamd_socket, "--socketmode=0666",
                "--max-children=2", "--min-children=2", "--min-spare=1",
                "--max-spare=2", "--syslog=stderr",
                ], self.spamd_answers)
        daemons = [("pmgd-scan", "pmg-scan", [])] if self.with_scan else []
        daemons += [("pmgd-store", "pmg-store", []),
                    ("pmgd", "pmgd", ["--workers", str(self.workers)])]
        for name, user, extra in daemons:
            self._add(name, [self.program(name), "-f", "--root", self.root,
                             "--user", user] + extra, "notify",
                      # Not only up, but with its signatures loaded.
                      status="rig.ndb" if name == "pmgd-scan" else "",
                      listen=self._sockets(name) if self.activate else ())

    def spamd_answers(self):
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(10)
                s.connect(self.spamd_socket)
                s.sendall(b"PING SPAMC/1.5\r\n\r\n")
                return b"PONG" in s.recv(200)
        except OSError:
            return False

    def _stage(self, text):
        self.say("  %s" % text)

    def start(self):
        try:
            self._clean_up_before()
            self.sink.start()
            self.internet.start()
            self.write_conf()
            self._stage("configuration")
            self.sync()
            self.write_clamav()
            self._define()
            for s in self.services.values():
                s.start(wait=False)
            self.remember()
            if self.with_postfix:
                self._stage("postfix")
                self.postfix.start()
            for s in self.services.values():
                self._stage(s.name)
                s.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def supervise(self):
        self.supervisor = Supervisor(list(self.services.values()))
        self.supervisor.start()

    def stop(self):
        """Ends everything that start() started; never raises half-way."""
        if self.supervisor:
            self.supervisor.stop()
            self.supervisor = None
        failures = []
        for end in ([self.postfix.stop] +
                    [s.close for s in reversed(self.services.values())] +
                    [self.sink.stop, self.internet.stop]):
            try:
                end()
            except Exception as e:      # go on with the rest
                failures.append(e)
        try:
            os.unlink(self.path("run/rig.pids"))
        except OSError:
            pass
        for e in failures:
            print("rig: %s" % e, file=sys.stderr)

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.stop()

    # A rig that was killed leaves its services behind; the next one in the
    # same folder ends them.

    def remember(self):
        with open(self.path("run/rig.pids"), "w") as f:
            for s in self.services.values():
                f.write("%d %s\n" % (s.pid, start_time(s.pid)))

    def _clean_up_before(self):
        clean_up(self.root)


def clean_up(root):
    """Ends what an earlier rig left running in this folder."""
    root = os.path.realpath(root)
    try:
        with open(os.path.join(root, "run/rig.pids")) as f:
            entries = [line.split() for line in f]
    except OSError:
        entries = []
    for pid, started in entries:
        if start_time(int(pid)) == started:
            os.killpg(int(pid), signal.SIGKILL)
    p = Postfix(os.path.join(root, "etc/postfix"),
                os.path.join(root, "var/spool/postfix"), "")
    if p.master_pid():
        p.stop()
