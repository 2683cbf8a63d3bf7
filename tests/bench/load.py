"""Closed loop: each client has one mail in flight, from connect until it has
arrived at the sink (or, for mail that a rule keeps, until its 250)."""

import threading
import time

from tests.rig.gateway import DOMAIN, OUTSIDE_ADDRESS
from tests.rig.sender import Client


class Load:
    def __init__(self, port, sink, mails, clients):
        self.port, self.sink, self.clients = port, sink, clients
        self.todo = list(enumerate(mails))
        self.lock = threading.Lock()
        self.latency, self.failed, self.kept = [], 0, 0
        self.arrived = {}

    def _next(self):
        with self.lock:
            return self.todo.pop() if self.todo else None

    def _client(self, n, finished):
        while True:
            job = self._next()
            if job is None:
                return
            index, raw = job
            rcpt = "b%d-%d@%s" % (n, index, DOMAIN)
            began = time.monotonic()
            try:
                with Client(self.port, source=OUTSIDE_ADDRESS,
                            timeout=300) as c:
                    res = c.send("a@sender.example", [rcpt], raw)
                if not res.accepted:
                    self.failed += 1
                    continue
                how = finished(rcpt)
            except (OSError, AssertionError):
                self.failed += 1
                continue
            if how == "kept":
                self.kept += 1
            self.latency.append(time.monotonic() - began)

    def run(self, finished):
        began = time.monotonic()
        threads = [threading.Thread(target=self._client, args=(n, finished))
                   for n in range(self.clients)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.seconds = time.monotonic() - began
        self.latency.sort()
        return self

    def quantile(self, q):
        if not self.latency:
            return float("nan")
        return 1000 * self.latency[min(len(self.latency) - 1,
                                       int(q * len(self.latency)))]
