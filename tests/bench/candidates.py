"""The gateways that are compared, each started for itself:

relay   Postfix alone
filter  + pmgd, pmgd-scan (tiny database), pmgd-store; no rule needs spamd
full    + spamd: the product as shipped
amavis  Postfix + amavisd-new (SpamAssassin in process, clamd, the same tiny
        database, spam and viruses into its quarantine)
"""

import os
import pwd
import re
import socket
import time

from tests.rig import rules
from tests.rig.gateway import Gateway, free_port


class Base:
    """roots(): pids whose trees are the candidate; done(rcpt): waits until the
    mail to rcpt is at the sink or kept."""

    def __init__(self, root):
        self.gw = self.make(root)
        self.kept = set()

    def roots(self):
        return [self.gw.postfix.master_pid()] + [
            s.pid for s in self.gw.services.values()]

    def settle(self):
        pass

    def kept_now(self):
        return set()

    def done(self, rcpt):
        deadline = time.monotonic() + 300
        sink = self.gw.sink
        while time.monotonic() < deadline:
            with sink.changed:
                if any(rcpt in d.addresses for d in sink.deliveries[-64:]):
                    return "sink"
                sink.changed.wait(0.05)
            if rcpt in self.kept_now():
                return "kept"
        raise AssertionError("%s never arrived" % rcpt)

    def own(self):
        """{name: pid} of our own programs."""
        return {n: s.pid for n, s in self.gw.services.items()
                if n.startswith("pmgd")}


class Relay(Base):
    name = "relay"
    content_filter = ""

    def make(self, root):
        gw = Gateway(root, with_scan=False, with_spamd=False)
        sync = gw.sync

        def without_filter():
            sync()
            for line in gw.postfix._run("postconf", "-c", gw.postfix.config,
                                        "-P").splitlines():
                if "/content_filter" in line and "= pmg-" in line:
                    gw.postfix._run("postconf", "-c", gw.postfix.config, "-P",
                                    "%s=%s" % (line.split(" = ")[0],
                                               self.content_filter))
        gw.sync = without_filter
        gw._define = lambda: None
        return gw


class Filter(Base):
    name = "filter"
    spamd = False

    def make(self, root):
        self.position = 0
        return Gateway(root, with_spamd=self.spamd)

    def settle(self):
        if not self.spamd:
            self._without_spam_rules()

    def _without_spam_rules(self):
        """No active rule needs the score: then spamd is not asked."""
        with rules.of(self.gw) as store:
            store.edit([{"op": "set", "rule": r["id"],
                         "values": {"active": False}}
                        for r in store.get()["rules"] if r["active"] and
                        ("spam" in r["name"].lower() or
                         r["name"].startswith("Modify Header"))])

    def kept_now(self):
        """Recipients whose mail rests in the quarantine, from the log."""
        with open(self.gw.path("log/pmgd.log"), errors="replace") as f:
            f.seek(self.position)
            for line in f:
                m = re.search(r"(?:moved|block) mail (?:for|to) <([^>]+)>",
                              line)
                if m:
                    self.kept.add(m.group(1))
            self.position = f.tell()
        return self.kept


class Full(Filter):
    name = "full"
    spamd = True


AMAVIS = """use strict;
$MYHOME = '%(home)s'; $TEMPBASE = "$MYHOME/tmp"; $db_home = "$MYHOME/db";
$QUARANTINEDIR = "$MYHOME/virusmails"; $quarantine_subdir_levels = 1;
$daemon_user = 'amavis'; $daemon_group = 'amavis';
$pid_file = "$MYHOME/amavisd.pid"; $lock_file = "$MYHOME/amavisd.lock";
$max_servers = 4; $max_requests = 200;
$inet_socket_port = %(port)d; $inet_socket_bind = '127.0.0.1';
@inet_acl = qw(127.0.0.1);
$forward_method = 'smtp:[127.0.0.1]:%(back)d'; $notify_method = $forward_method;
$mydomain = 'in.example'; $myhostname = 'mx.in.example';
@local_domains_maps = ( [".in.example"] );
$do_syslog = 0; $logfile = '%(log)s'; $log_level = 2;
$enable_db = 0; $enable_zmq = 0; $enable_dkim_verification = 0;
$enable_dkim_signing = 0;
$sa_local_tests_only = 1; $sa_mail_body_size_limit = 262144;
$sa_tag_level_deflt = undef; $sa_tag2_level_deflt = 3; $sa_kill_level_deflt = 3;
$final_virus_destiny = D_DISCARD; $final_spam_destiny = D_DISCARD;
$final_banned_destiny = D_PASS; $final_bad_header_destiny = D_PASS;
$virus_quarantine_method = 'local:virus-%%m'; $spam_quarantine_method = 'local:spam-%%m';
$virus_quarantine_to = 'virus-quarantine'; $spam_quarantine_to = 'spam-quarantine';
$warnvirussender = 0;
@av_scanners = (['ClamAV-clamd', \\&ask_daemon,
  ["CONTSCAN {}\\n", '%(clamd)s'], qr/\\bOK$/m, qr/\\bFOUND$/m,
  qr/^.*?: (?!Infected Archive)(.*) FOUND$/m ]);
@av_scanners_backup = ();
1;
"""

CLAMD = """LocalSocket %(clamd)s
LocalSocketMode 666
DatabaseDirectory %(db)s
Foreground yes
User amavis
MaxThreads 4
LogFile %(log)s
TemporaryDirectory /tmp
"""


class Amavis(Relay):
    name = "amavis"

    def make(self, root):
        self.port, self.back = free_port(), free_port()
        self.content_filter = "amavis:[127.0.0.1]:%d" % self.port
        gw = super().make(root)
        without_filter = gw.sync
        self.home = gw.path("amavis")

        def sync():
            without_filter()
            p = gw.postfix
            with open(os.path.join(p.config, "master.cf"), "a") as f:
                f.write(
                    "amavis unix - - n - 4 smtp\n"
                    "  -o smtp_send_xforward_command=yes\n"
                    "  -o disable_dns_lookups=yes\n"
                    "127.0.0.1:%d inet n - n - - smtpd\n"
                    "  -o content_filter=\n"
                    "  -o smtpd_authorized_xforward_hosts=127.0.0.0/8\n"
                    "  -o smtpd_client_restrictions=\n"
                    "  -o smtpd_helo_restrictions=\n"
                    "  -o smtpd_sender_restrictions=\n"
                    "  -o smtpd_data_restrictions=\n"
                    "  -o smtpd_recipient_restrictions=permit_mynetworks,"
                    "reject\n  -o mynetworks=127.0.0.0/8\n"
                    "  -o receive_override_options=no_unknown_recipient_checks"
                    "\n" % self.back)
        gw.sync = sync
        gw._define = lambda: self.define(gw)
        return gw

    def define(self, gw):
        user = pwd.getpwnam("amavis")
        for folder in ("", "tmp", "db", "virusmails", "run"):
            path = os.path.join(self.home, folder)
            os.makedirs(path, exist_ok=True)
            os.chown(path, user.pw_uid, user.pw_gid)
        for c in "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ":
            path = os.path.join(self.home, "virusmails", c)
            os.makedirs(path, exist_ok=True)
            os.chown(path, user.pw_uid, user.pw_gid)
        values = {"home": self.home, "port": self.port, "back": self.back,
                  "log": os.path.join(self.home, "amavis.log"),
                  "clamd": os.path.join(self.home, "run/clamd.sock"),
                  "db": gw.path("var/lib/clamav")}
        gw.write("etc/amavis.conf", AMAVIS % values)
        values["log"] = os.path.join(self.home, "clamd.log")
        gw.write("etc/clamd.conf", CLAMD % values)
        gw._add("clamd", ["/usr/sbin/clamd", "-c", gw.path("etc/clamd.conf")],
                lambda: os.path.exists(values["clamd"]))
        # Debian's own configuration first: its decoders, file(1) for each
        # part, its banned names and types, as our shipped rules look at them.
        debian = ["/etc/amavis/conf.d/01-debian",
                  "/etc/amavis/conf.d/20-debian_defaults"]
        argv = ["/usr/sbin/amavisd"]
        for conf in debian + [gw.path("etc/amavis.conf")]:
            argv += ["-c", conf]
        gw._add("amavis", argv + ["foreground"], self.answers)

    def answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 2) as s:
                return s.recv(100).startswith(b"220")
        except OSError:
            return False

    def kept_now(self):
        try:
            with open(os.path.join(self.home, "amavis.log"),
                      errors="replace") as f:
                f.seek(getattr(self, "position", 0))
                for line in f:
                    if "Blocked" in line:
                        self.kept |= set(re.findall(r"-> <([^>]+)>", line))
                self.position = f.tell()
        except OSError:
            pass
        return self.kept
