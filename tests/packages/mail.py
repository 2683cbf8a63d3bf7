#!/usr/bin/python3
"""The world outside the container of check.sh.

    mail.py sink IP PORT FILE         an SMTP server; a line in FILE per mail
    mail.py dns IP                    a name server that knows no name
    mail.py send IP PORT ID [KIND]    one mail; KIND: clean, eicar, gtube
    mail.py load IP PORT PREFIX N PER_SECOND   N mails, the sent ids on stdout
"""

import smtplib
import socketserver
import sys
import time

SENDER, RECIPIENT = "sender@outside.example", "user@inside.example"
# In two halves, so that no scanner takes this file for the real thing.
EICAR = ("X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD" +
         "-ANTIVIRUS-TEST-FILE!$H+H*")
GTUBE = ("XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD" +
         "-ANTI-UBE-TEST-EMAIL*C.34X")
TIMEOUT = 60


class Sink(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def take(self):
        """A message, to its last line; its id goes to the file first."""
        ident = ""
        for line in self.rfile:
            if line == b".\r\n":
                break
            if line.lower().startswith(b"x-test-id:") and not ident:
                ident = line.split(b":", 1)[1].strip().decode("ascii")
        else:
            return
        with open(sys.argv[4], "a") as f:
            f.write(ident + "\n")
        self.say("250 2.0.0 taken")

    def handle(self):
        self.say("220 sink.inside.example ESMTP")
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"EHLO":
                self.say("250-sink.inside.example\r\n250-8BITMIME\r\n250 DSN")
            elif verb == b"DATA":
                self.say("354 go on")
                self.take()
            elif verb == b"QUIT":
                self.say("221 2.0.0 bye")
                return
            else:
                self.say("250 2.0.0 ok")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


class NoSuchName(socketserver.DatagramRequestHandler):
    """SpamAssassin waits long for a name server that is not there."""

    def handle(self):
        query = self.rfile.read()
        if len(query) > 12:
            # answer, recursion available, NXDOMAIN; no records
            self.wfile.write(query[:2] + b"\x81\x83" + query[4:6] +
                             b"\0\0\0\0\0\0" + question(query))


def question(query):
    end = 12
    while end < len(query) and query[end]:
        end += query[end] + 1
    return query[12:end + 5]


def message(ident, kind):
    body = {"clean": "Good morning.", "gtube": GTUBE}.get(kind)
    head = ("From: Sender <%s>\r\nTo: <%s>\r\nSubject: %s %s\r\n"
            "Message-ID: <%s@outside.example>\r\n"
            "Date: %s\r\nX-Test-Id: %s\r\nMIME-Version: 1.0\r\n" % (
                SENDER, RECIPIENT, kind, ident, ident,
                time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime()),
                ident))
    if body:
        return head + "Content-Type: text/plain\r\n\r\n" + body + "\r\n"
    return (head + 'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
            "--b\r\nContent-Type: text/plain\r\n\r\nSee attachment.\r\n"
            "--b\r\nContent-Type: application/octet-stream\r\n"
            'Content-Disposition: attachment; filename="test.com"\r\n\r\n'
            + EICAR + "\r\n--b--\r\n")


def send(ip, port, ident, kind="clean"):
    with smtplib.SMTP(ip, port, "client.outside.example", TIMEOUT) as smtp:
        smtp.sendmail(SENDER, [RECIPIENT], message(ident, kind))


def load(ip, port, prefix, count, per_second):
    """At a steady pace, whatever happens on the other side. Exit status 1
    when any mail was refused: Postfix must take all of them."""
    refused = 0
    for n in range(count):
        started = time.monotonic()
        try:
            send(ip, port, "%s%d" % (prefix, n))
            print("%s%d" % (prefix, n), flush=True)
        except (OSError, smtplib.SMTPException) as e:
            print("%s%d: %s" % (prefix, n, e), file=sys.stderr)
            refused = 1
        time.sleep(max(0, started + 1 / per_second - time.monotonic()))
    return refused


def main():
    what, ip = sys.argv[1], sys.argv[2]
    port = int(sys.argv[3]) if len(sys.argv) > 3 else 53
    if what == "dns":
        with socketserver.ThreadingUDPServer((ip, port), NoSuchName) as server:
            server.serve_forever()
    elif what == "sink":
        with Server((ip, port), Sink) as server:
            server.serve_forever()
    elif what == "send":
        send(ip, port, *sys.argv[4:])
    else:
        sys.exit(load(ip, port, sys.argv[4], int(sys.argv[5]),
                      float(sys.argv[6])))


main()
