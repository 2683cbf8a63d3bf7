"""An SMTP/LMTP client that sends exactly the bytes it is given."""

import re
import socket


class Reply:
    def __init__(self, code, lines):
        self.code, self.lines = code, lines

    @property
    def text(self):
        return "\n".join(self.lines)

    def __repr__(self):
        return "%d %s" % (self.code, self.text)


class Result:
    """What became of one transaction, reply by reply."""

    def __init__(self):
        self.mail = None
        self.rcpt = []          # replies to RCPT, in order
        self.data = None        # reply to DATA
        self.final = []         # after end of data: one, or one per recipient

    @property
    def accepted(self):
        return bool(self.final) and all(r.code == 250 for r in self.final)

    @property
    def code(self):
        """The code that decided it."""
        for r in self.final + [self.data] + self.rcpt[::-1] + [self.mail]:
            if r is not None:
                return r.code
        return 0

    def __repr__(self):
        return "mail %r rcpt %r data %r final %r" % (
            self.mail, self.rcpt, self.data, self.final)


def dot_stuff(raw):
    """RFC 5321 4.5.2, and nothing else: bare CR and LF stay."""
    return re.sub(rb"(\A|\r\n)\.", rb"\1..", raw)


def end_of_data(raw):
    return b".\r\n" if raw.endswith(b"\r\n") or not raw else b"\r\n.\r\n"


class Client:
    """where: a port on 127.0.0.1, (host, port), or the path of a socket."""

    def __init__(self, where, source=None, timeout=60, helo="client.example",
                 lmtp=False, greet=True):
        if isinstance(where, str):
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(timeout)
            self.sock.connect(where)
        else:
            if isinstance(where, int):
                where = ("127.0.0.1", where)
            self.sock = socket.create_connection(
                where, timeout, (source, 0) if source else None)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buf = b""
        self.keywords = {}
        self.lmtp = lmtp
        self.banner = self.reply()
        if greet:
            self.ehlo(helo)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def raw(self, data):
        self.sock.sendall(data)

    def line(self):
        while b"\n" not in self.buf:
            more = self.sock.recv(65536)
            if not more:
                raise ConnectionError("the server closed the connection")
            self.buf += more
        line, _, self.buf = self.buf.partition(b"\n")
        if not line.endswith(b"\r"):
            raise ValueError("reply line without CR: %r" % line)
        return line[:-1].decode("utf-8", "replace")

    def reply(self):
        lines = []
        while True:
            line = self.line()
            if not re.match(r"[2-5]\d\d([ -]|$)", line):
                raise ValueError("not a reply: %r" % line)
            lines.append(line[4:])
            if line[3:4] != "-":
                return Reply(int(line[:3]), lines)

    def command(self, text):
        if isinstance(text, str):
            text = text.encode("utf-8")
        self.raw(text + b"\r\n")
        return self.reply()

    def ehlo(self, name):
        r = self.command(("LHLO " if self.lmtp else "EHLO ") + name)
        self.keywords = {}
        for line in r.lines[1:]:
            word, _, rest = line.partition(" ")
            self.keywords[word.upper()] = rest
        return r

    def send(self, sender, rcpts, raw, mail="", rcpt="", stuff=True,
             pipeline=False, chunk=None):
        """One transaction; rcpt: parameters, a string or one per recipient."""
        params = rcpt if isinstance(rcpt, (list, tuple)) else [rcpt] * len(rcpts)
        commands = [("MAIL FROM:<%s> %s" % (sender, mail)).rstrip()]
        commands += [("RCPT TO:<%s> %s" % (a, p)).rstrip()
                     for a, p in zip(rcpts, params)]
        res = Result()
        if pipeline:
            self.raw("".join(c + "\r\n" for c in commands + ["DATA"])
                     .encode("utf-8"))
            res.mail = self.reply()
            res.rcpt = [self.reply() for _ in rcpts]
            res.data = self.reply()
        else:
            res.mail = self.command(commands[0])
            if res.mail.code != 250:
                return res
            res.rcpt = [self.command(c) for c in commands[1:]]
            if not any(r.code == 250 for r in res.rcpt):
                self.command("RSET")
                return res
            res.data = self.command("DATA")
        if res.data.code != 354:
            return res
        payload = (dot_stuff(raw) if stuff else raw) + end_of_data(raw)
        step = chunk or max(len(payload), 1)
        for i in range(0, len(payload), step):
            self.raw(payload[i:i + step])
        count = (len([r for r in res.rcpt if r.code == 250])
                 if self.lmtp else 1)
        res.final = [self.reply() for _ in range(count)]
        return res

    def close(self):
        try:
            self.sock.settimeout(2)
            self.raw(b"QUIT\r\n")
            self.reply()
        except (OSError, ValueError):
            pass
        self.sock.close()

    def abort(self):
        self.sock.close()


def send(where, sender, rcpts, raw, **kw):
    """One connection, one mail."""
    opts = {k: kw.pop(k) for k in ("source", "timeout", "helo", "lmtp")
            if k in kw}
    with Client(where, **opts) as c:
        return c.send(sender, rcpts, raw, **kw)
