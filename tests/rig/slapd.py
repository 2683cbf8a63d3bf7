"""A real OpenLDAP server on loopback, with a company's directory in it.

It looks like what customers have: accounts with aliases as Exchange keeps them
(proxyAddresses), groups in groups and in a circle, memberOf, posixGroups; and
it gives 500 entries at a time, as Active Directory gives 1,000.
"""

import base64
import os
import shutil
import signal
import socket
import subprocess
import threading

from .service import RigError, wait_for

BASE = "dc=corp,dc=example"
READER = "cn=reader," + BASE
LIMITED = "cn=limited," + BASE
PASSWORD = "r\u00e4d er%1"
ACCOUNTS = 5000

# What Active Directory has and OpenLDAP's own schemas have not.
SCHEMA = """
attributetype ( 1.3.6.1.4.1.99999.1.1 NAME 'proxyAddresses'
 EQUALITY caseExactMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.3.6.1.4.1.99999.1.2 NAME 'sAMAccountName'
 EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.3.6.1.4.1.99999.1.3 NAME 'memberOf'
 EQUALITY distinguishedNameMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.12 )
attributetype ( 1.3.6.1.4.1.99999.1.4 NAME 'primaryGroupID'
 EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 )
attributetype ( 1.3.6.1.4.1.99999.1.5 NAME 'primaryGroupToken'
 EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 )
objectclass ( 1.3.6.1.4.1.99999.2.1 NAME 'adLike' SUP top AUXILIARY
 MAY ( proxyAddresses $ sAMAccountName $ memberOf $ primaryGroupID
 $ primaryGroupToken ) )
"""

CONF = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
include {root}/ad.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {root}/slapd.pid
sizelimit 500
TLSCACertificateFile {root}/ca.pem
TLSCertificateFile {root}/server.pem
TLSCertificateKeyFile {root}/server.key
database mdb
suffix "{base}"
rootdn "cn=root,{base}"
directory {root}/db
maxsize 268435456
limits dn.exact="{reader}" size=500 size.prtotal=unlimited
limits dn.exact="{limited}" size=500 size.prtotal=1000
access to attrs=userPassword by anonymous auth by * none
access to * by users read by * none
"""


def entry(dn, **values):
    lines = ["dn: " + dn]
    for name, many in values.items():
        for value in many if isinstance(many, (list, tuple)) else [many]:
            raw = str(value).encode()
            if raw.isascii() and raw[:1] not in b" :<":
                lines.append("%s: %s" % (name, value))
            else:
                lines.append("%s:: %s" % (
                    name, base64.b64encode(raw).decode()))
    return "\n".join(lines) + "\n"


def person(n, **more):
    uid = "user%d" % n
    values = {"objectClass": ["inetOrgPerson", "adLike"], "cn": "User %d" % n,
              "sn": str(n), "uid": uid, "mail": "%s@corp.example" % uid}
    values.update(more)
    return entry("uid=%s,ou=people,%s" % (uid, BASE), **values)


def user_dn(n):
    return "uid=user%d,ou=people,%s" % (n, BASE)


def group_dn(name):
    return "cn=%s,ou=groups,%s" % (name, BASE)


def company(accounts=ACCOUNTS):
    """LDIF. user0: everything Exchange has; 1 to 3: one kind of membership
    each; sales and its team are in staff, and staff is in its team again."""
    yield entry(BASE, objectClass=["dcObject", "organization"], dc="corp",
                o="Corp")
    for ou in ("people", "groups", "odd"):
        yield entry("ou=%s,%s" % (ou, BASE), objectClass="organizationalUnit",
                    ou=ou)
    for dn in (READER, LIMITED):
        yield entry(dn, objectClass=["organizationalRole",
                                     "simpleSecurityObject"],
                    cn=dn[3:].split(",")[0], userPassword=PASSWORD)
    yield person(0, sAMAccountName="CORP.user0", proxyAddresses=[
        "smtp:second@corp.example", "SMTP:Main.0@corp.example",
        "sip:user0@corp.example", "x500:/o=corp/cn=user0",
        "smtp:\u00fcser@corp.example"])
    yield person(1)
    yield person(2, memberOf=[group_dn("seen-only-there"),
                              group_dn("sales")])
    yield person(3, primaryGroupID=513)
    for n in range(4, accounts):
        yield person(n)
    yield entry("uid=nomail,ou=people," + BASE, objectClass="inetOrgPerson",
                cn="No Mail", sn="Mail", uid="nomail")
    yield entry("cn=No uid,ou=odd," + BASE, objectClass=["inetOrgPerson"],
                cn="No uid", sn="x", mail="first@odd.example")
    yield entry(group_dn("sales"), objectClass=["groupOfNames", "adLike"],
                cn="sales", member=[user_dn(1), group_dn("team, north")
                                    .replace("team, ", "team\\, ")])
    yield entry(group_dn("team\\, north"), objectClass="groupOfNames",
                cn="team, north", member=[user_dn(4), group_dn("staff")])
    yield entry(group_dn("staff"), objectClass="groupOfNames", cn="staff",
                member=[group_dn("sales"), user_dn(5)])
    yield entry(group_dn("unique"), objectClass="groupOfUniqueNames",
                cn="unique", uniqueMember=[user_dn(6)])
    yield entry(group_dn("posix"), objectClass="posixGroup", cn="posix",
                gidNumber=100, memberUid=["user7", "corp.user0"])
    yield entry(group_dn("domain users"),
                objectClass=["groupOfNames", "adLike"], cn="domain users",
                member=user_dn(8), primaryGroupToken=513)
    yield entry(group_dn("everybody"), objectClass="groupOfNames",
                cn="everybody", member=[user_dn(n) for n in range(accounts)])


def make_certificates(root):
    """ca.pem signed server.pem (for 127.0.0.1 only); other.pem signed
    nothing."""
    def openssl(*argv):
        subprocess.run(("openssl",) + argv, check=True, cwd=root,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for ca in ("ca", "other"):
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30",
                "-subj", "/CN=Test " + ca, "-keyout", ca + ".key",
                "-out", ca + ".pem")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=ldap",
            "-keyout", "server.key", "-out", "server.csr")
    with open(os.path.join(root, "san"), "w", encoding="ascii") as f:
        f.write("subjectAltName=IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey",
            "ca.key", "-CAcreateserial", "-days", "30", "-extfile", "san",
            "-out", "server.pem")


def free_ports(n):
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


class Slapd:
    """Slapd(folder).start() ... .stop(), or as a context manager."""

    def __init__(self, root, accounts=ACCOUNTS):
        self.root = root
        self.port, self.tls_port = free_ports(2)
        self.process = None
        make_certificates(root)
        with open(self.path("ad.schema"), "w", encoding="ascii") as f:
            f.write(SCHEMA)
        with open(self.path("slapd.conf"), "w", encoding="ascii") as f:
            f.write(CONF.format(root=root, base=BASE, reader=READER,
                                limited=LIMITED))
        self.load(company(accounts))

    def path(self, name):
        return os.path.join(self.root, name)

    def load(self, entries):
        """Replaces everything; the server must not run."""
        shutil.rmtree(self.path("db"), ignore_errors=True)
        os.mkdir(self.path("db"))
        p = subprocess.run(
            ["/usr/sbin/slapadd", "-q", "-f", self.path("slapd.conf")],
            input="\n".join(entries), text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        assert p.returncode == 0, p.stdout

    def start(self):
        self.process = subprocess.Popen(
            ["/usr/sbin/slapd", "-f", self.path("slapd.conf"), "-d", "0",
             "-h", "ldap://127.0.0.1:%d ldaps://127.0.0.1:%d"
             % (self.port, self.tls_port)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for(self.answers, "slapd to answer")
        except BaseException:
            self.stop(signal.SIGKILL)
            raise
        return self

    def answers(self):
        if self.process.poll() is not None:
            raise RigError("slapd ended with status %d"
                           % self.process.returncode)
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def stop(self, sig=signal.SIGTERM):
        if self.process is not None:
            self.process.send_signal(sig)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.stop()


class Proxy:
    """In front of a server: passes on so many of its bytes, then on_limit()
    is called and both connections are cut."""

    def __init__(self, port, limit=None, on_limit=None):
        self.target, self.limit, self.on_limit = port, limit, on_limit
        self.passed = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self.listener.close()

    def _serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.target))
            threading.Thread(target=self._up, args=(client, server),
                             daemon=True).start()
            self._down(client, server)

    @staticmethod
    def _up(client, server):
        try:
            while data := client.recv(65536):
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def _down(self, client, server):
        try:
            while data := server.recv(4096):
                if self.limit is not None:
                    data = data[:self.limit - self.passed]
                client.sendall(data)
                self.passed += len(data)
                if self.passed == self.limit:
                    if self.on_limit:
                        self.on_limit()
                    break
        except OSError:
            pass
        for s in (client, server):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()
