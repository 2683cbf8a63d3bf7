"""An SMTP/LMTP server that plays the next hop and keeps what it is given.

Raw bytes, envelope parameters and all; a delivery is recorded (and, with a
log file, on disk) before its 250 leaves. What it answers can be scripted per
recipient:

    sink.script("busy@in.example", at="rcpt", reply="450 4.2.1 busy")
    sink.script(re.compile(".*"), at="data", action="rst", times=1)
"""

import asyncio
import base64
import json
import os
import re
import socket
import struct
import threading
import time

LINE_MAX = 32 * 1024 * 1024     # longer than any mail of the tests
HANG_SECONDS = 3600


class Delivery:
    """One transaction that got its 250."""

    def __init__(self, sender, mail_params, rcpts, data, helo, xforward):
        self.time = time.time()
        self.sender, self.mail_params = sender, mail_params
        self.rcpts = rcpts              # [(address, {parameter: value})]
        self.data = data                # dots unstuffed, CRLF as they came
        self.helo, self.xforward = helo, xforward

    @property
    def addresses(self):
        return [a for a, _ in self.rcpts]

    @property
    def header(self):
        return self.data.split(b"\r\n\r\n", 1)[0] + b"\r\n"

    @property
    def body(self):
        parts = self.data.split(b"\r\n\r\n", 1)
        return parts[1] if len(parts) == 2 else b""

    def fields(self, name):
        """Values of a header field, unfolded, in order."""
        unfolded = re.sub(rb"\r\n(?=[ \t])", b"", self.header)
        want = name.lower().encode() + b":"
        return [line[len(want):].strip().decode("utf-8", "replace")
                for line in unfolded.split(b"\r\n")
                if line.lower().startswith(want)]

    def field(self, name):
        return (self.fields(name) or [None])[0]


class _Script:
    def __init__(self, who, at, reply, action, times):
        self.who, self.at, self.reply = who, at, reply
        self.action, self.times = action, times

    def matches(self, at, address):
        if at != self.at or self.times == 0:
            return False
        if isinstance(self.who, str):
            return self.who.lower() == address.lower()
        return self.who.search(address) is not None


def parse_path(text):
    """'FROM:<a@b> SIZE=1' without FROM: -> (address, parameters)."""
    text = text.strip()
    end = text.rfind(">")
    if not text.startswith("<") or end < 0:
        raise ValueError(text)
    params = {}
    for word in text[end + 1:].split():
        name, _, value = word.partition("=")
        params[name.upper()] = value
    return text[1:end], params


class _Session:
    def __init__(self, sink, reader, writer):
        self.sink, self.reader, self.writer = sink, reader, writer
        self.helo, self.xforward = "", {}
        self.lmtp = False
        self.reset()

    def reset(self):
        self.sender, self.mail_params, self.rcpts = None, {}, []

    async def say(self, text):
        self.writer.write(text.encode("utf-8") + b"\r\n")
        await self.writer.drain()

    async def run(self):
        try:
            await self.say("220 sink ESMTP")
            while True:
                line = await self.reader.readuntil(b"\n")
                if not await self.command(line):
                    break
        except (asyncio.IncompleteReadError, ConnectionError,
                asyncio.LimitOverrunError):
            pass
        finally:
            self.writer.close()

    async def command(self, raw):
        line = raw.rstrip(b"\r\n").decode("utf-8", "replace")
        verb, _, args = line.partition(" ")
        verb = verb.upper()
        if not raw.endswith(b"\r\n"):
            self.sink.violations.append("command without CRLF: %r" % raw)
        if verb in ("EHLO", "LHLO"):
            self.helo, self.lmtp = args, verb == "LHLO"
            words = ["sink"] + self.sink.keywords
            await self.say("\r\n".join(
                "250%s%s" % ("-" if i < len(words) - 1 else " ", w)
                for i, w in enumerate(words)))
        elif verb == "HELO":
            self.helo = args
            await self.say("250 sink")
        elif verb == "XFORWARD":
            for word in args.split():
                name, _, value = word.partition("=")
                self.xforward[name.upper()] = value
            await self.say("250 2.0.0 Ok")
        elif verb == "MAIL":
            self.reset()
            self.sender, self.mail_params = parse_path(args[5:])
            await self.say("250 2.1.0 Ok")
        elif verb == "RCPT":
            await self.rcpt(args)
        elif verb == "DATA":
            return await self.data()
        elif verb in ("RSET", "NOOP"):
            if verb == "RSET":
                self.reset()
            await self.say("250 2.0.0 Ok")
        elif verb == "QUIT":
            await self.say("221 2.0.0 Bye")
            return False
        else:
            await self.say("502 5.5.2 %s?" % verb)
        return True

    async def rcpt(self, args):
        address, params = parse_path(args[3:])
        script = self.sink.find("rcpt", address)
        if script:
            await self.act(script)
            return
        self.rcpts.append((address, params))
        await self.say("250 2.1.5 Ok")

    async def act(self, script):
        if script.action == "hang":
            await asyncio.sleep(HANG_SECONDS)
        if script.action == "rst":
            sock = self.writer.get_extra_info("socket")
            if sock.family != socket.AF_UNIX:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                struct.pack("ii", 1, 0))
            self.writer.transport.abort()
            raise ConnectionError("scripted")
        await self.say(script.reply)

    async def data(self):
        if not self.rcpts:
            await self.say("503 5.5.1 no valid recipients")
            return True
        await self.say("354 go on")
        lines = []
        while True:
            line = await self.reader.readuntil(b"\r\n")
            if line == b".\r\n":
                break
            lines.append(line[1:] if line.startswith(b".") else line)
        data = b"".join(lines)
        if re.search(rb"\r(?!\n)|(?<!\r)\n", data):
            self.sink.violations.append("bare CR or LF in data")
        taken, replies = [], []
        for rcpt in self.rcpts:
            script = self.sink.find("data", rcpt[0])
            replies.append((rcpt, script))
            if script is None or script.action == "rst-after":
                taken.append(rcpt)
        if not self.lmtp:
            bad = [s for _, s in replies if s]
            if bad and bad[0].action != "rst-after":
                taken = []
        if taken:
            self.sink.record(Delivery(self.sender, self.mail_params, taken,
                                      data, self.helo, self.xforward))
        for script in ([s for _, s in replies] if self.lmtp else
                       [next((s for _, s in replies if s), None)]):
            if script is None:
                await self.say("250 2.0.0 Ok: queued as SINK%d"
                               % len(self.sink.deliveries))
            elif script.action == "rst-after":
                script.action = "rst"
                try:
                    await self.act(script)
                finally:
                    script.action = "rst-after"
            else:
                await self.act(script)
        self.reset()
        return True


class Sink:
    """Listens on 127.0.0.1:port (or a unix path) in a thread of its own."""

    def __init__(self, port=0, path=None, log=None, keep=True,
                 keywords=("PIPELINING", "SIZE 104857600", "8BITMIME",
                           "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES",
                           "XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE")):
        self.port, self.path = port, path
        self.keywords = list(keywords)
        self.deliveries = []
        self.violations = []
        self.keep = keep                # False: only in the log file
        self.changed = threading.Condition()
        self._scripts = []
        self._log = open(log, "a", buffering=1) if log else None
        self._loop = None
        self._sessions = set()
        self.connections = 0            # accepted so far

    # ---- what tests call ----

    def script(self, who, at="data", reply=None, action="reply", times=-1):
        """times: how often it applies, -1 for ever. Returns a handle."""
        s = _Script(who, at, reply, action, times)
        self._scripts.append(s)
        return s

    def unscript(self, handle=None):
        if handle is None:
            self._scripts.clear()
        else:
            self._scripts.remove(handle)

    def wait(self, test, timeout=30, what="a mail at the sink"):
        """Waits until test(delivery) holds for one; returns it."""
        deadline = time.monotonic() + timeout
        seen = 0
        with self.changed:
            while True:
                for d in self.deliveries[seen:]:
                    if test(d):
                        return d
                seen = len(self.deliveries)
                left = deadline - time.monotonic()
                if left <= 0 or not self.changed.wait(left):
                    raise AssertionError("timed out (%s s): %s"
                                         % (timeout, what))

    def wait_for_rcpt(self, address, timeout=30):
        return self.wait(
            lambda d: address.lower() in [a.lower() for a in d.addresses],
            timeout, "mail for %s" % address)

    def to(self, address):
        with self.changed:
            return [d for d in self.deliveries if address.lower() in
                    [a.lower() for a in d.addresses]]

    # ---- inside ----

    def find(self, at, address):
        for s in self._scripts:
            if s.matches(at, address):
                if s.times > 0:
                    s.times -= 1
                return s
        return None

    def record(self, delivery):
        if self._log:
            self._log.write(json.dumps({
                "time": delivery.time, "sender": delivery.sender,
                "rcpts": delivery.addresses,
                "data": base64.b64encode(delivery.data).decode()}) + "\n")
        with self.changed:
            if self.keep:
                self.deliveries.append(delivery)
            self.changed.notify_all()

    async def _client(self, reader, writer):
        task = asyncio.current_task()
        session = _Session(self, reader, writer)
        task.say = session.say
        self._sessions.add(task)
        self.connections += 1
        try:
            await session.run()
        except asyncio.CancelledError:
            writer.transport.abort()
        except ValueError as e:
            self.violations.append("unreadable path: %s" % e)
            writer.transport.abort()
        finally:
            self._sessions.discard(task)

    def hang_up(self, last_words=None):
        """Ends every open session, as a server does with idle ones."""
        async def end():
            for task in list(self._sessions):
                if last_words:
                    await task.say(last_words)
                task.cancel()
            await asyncio.gather(*self._sessions, return_exceptions=True)
        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)

    def start(self):
        started = threading.Event()
        failure = []

        async def serve():
            limit = LINE_MAX
            try:
                if self.path:
                    self._server = await asyncio.start_unix_server(
                        self._client, self.path, limit=limit)
                    os.chmod(self.path, 0o666)
                else:
                    self._server = await asyncio.start_server(
                        self._client, "127.0.0.1", self.port, limit=limit,
                        reuse_address=True)
                    self.port = self._server.sockets[0].getsockname()[1]
            except OSError as e:
                failure.append(e)
            started.set()

        def thread():
            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
            self._loop.run_until_complete(serve())
            if not failure:
                self._loop.run_forever()
                self._loop.run_until_complete(self._end())
            self._loop.close()

        self._thread = threading.Thread(target=thread, daemon=True,
                                        name="sink")
        self._thread.start()
        started.wait()
        if failure:
            raise failure[0]
        return self

    async def _end(self):
        self._server.close()
        for task in list(self._sessions):
            task.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)

    def stop(self):
        if self._loop and self._loop.is_running():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
        if self._log:
            self._log.close()
