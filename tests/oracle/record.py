"""One form for what a parser reads in a message, whoever read it.

A record is a list of parts in document order, each a dict: type, leaf, name
(None = none), disposition, and for leaves body (bytes) or text (str), None
when the parser does not tell.
"""

import base64
import json
import subprocess


class Crash(Exception):
    """The dump tool died on a file."""


class Ours:
    """lib/mail's reading, by the dump tool, which reads paths from a pipe."""

    def __init__(self, tool):
        self.tool = [tool, "-b"]
        self.process = None

    def read(self, path):
        if self.process is None:
            self.process = subprocess.Popen(
                self.tool, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            self.process.stdin.write(path.encode() + b"\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = b""
        if not line:
            status = self.process.wait()
            self.process = None
            raise Crash("%s: the dump tool ended with %d" % (path, status))
        message = json.loads(line)
        for p in message["parts"]:
            if "body" in p:
                p["body"] = base64.b64decode(p["body"])
        return message

    def close(self):
        """Its exit status, where leaks show."""
        if self.process is None:
            return 0
        self.process.stdin.close()
        self.process.stdout.close()
        status = self.process.wait()
        self.process = None
        return status


def lines(data):
    """Bytes or text with LF only, none at the end: what transport and the
    delimiter's own line end leave open."""
    if data is None:
        return None
    if isinstance(data, str):
        return data.replace("\r\n", "\n").rstrip("\r\n")
    return data.replace(b"\r\n", b"\n").rstrip(b"\r\n")


def one_line(name):
    """A file name as it can be shown: blanks joined, no controls."""
    if name is None:
        return None
    name = "".join(c for c in name if c >= " " and c != "\x7f").strip()
    return name or None


def is_attachment(p):
    """What a client lists: a message/rfc822 counts besides what is in it."""
    return not p["type"].startswith("multipart/") and (
        one_line(p["name"]) is not None or p["disposition"] == "attachment")


def attachments(parts):
    return [one_line(p["name"]) for p in parts if is_attachment(p)]


def leaves(parts):
    """A multipart without parts has no content that anybody shows."""
    return [p for p in parts
            if p["leaf"] and not p["type"].startswith("multipart/")]


def leaf_types(parts):
    return [p["type"] for p in leaves(parts)]


def same_text(ours, theirs):
    """U+FFFD of the other parser is a character that it could not read: any
    one of ours may stand there. Not the other way round."""
    if ours is None or theirs is None or "\ufffd" not in theirs:
        return ours == theirs
    return len(ours) == len(theirs) and all(
        a == b or b == "\ufffd" for a, b in zip(ours, theirs))


def same_content(a, b):
    """Of two leaves, by what both tell: bytes, else text."""
    if a.get("body") is not None and b.get("body") is not None:
        return lines(a["body"]) == lines(b["body"])
    if a.get("text") is not None and b.get("text") is not None:
        return same_text(lines(a["text"]), lines(b["text"]))
    return True


def differences(ours, theirs):
    """What two records disagree about: count, names, types, content."""
    found = []
    a, b = attachments(ours), attachments(theirs)
    if len(a) != len(b):
        found.append("count")
    elif not all(same_text(x, y) for x, y in zip(a, b)):
        found.append("names")
    if leaf_types(ours) != leaf_types(theirs):
        found.append("types")
    else:
        if not all(same_content(x, y)
                   for x, y in zip(leaves(ours), leaves(theirs))):
            found.append("content")
    return found
