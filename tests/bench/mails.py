"""What is sent: corpus mails and attachments of three sizes."""

import base64
import glob
import os
import random
import re

from tests.rig.samples import now

CORPUS = os.environ.get("PMG_CORPUS") or os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "../../../shared/corpus")


def crlf(raw):
    raw = re.sub(rb"\AFrom [^\n]*\n", b"", raw)
    return re.sub(rb"\r?\n", b"\r\n", raw)


def corpus(count=40):
    """`count` mails spread evenly over the sizes of 100 ham and 100 spam."""
    pick = random.Random(1)
    files = []
    for pattern in ("ham/*/*", "spam/spam*/*"):
        found = sorted(glob.glob(os.path.join(CORPUS, pattern)))
        found = [f for f in found if os.path.isfile(f)]
        files += pick.sample(found, min(100, len(found)))
    if not files:
        return None
    files.sort(key=os.path.getsize)
    step = len(files) / count
    mails = []
    for i in range(count):
        with open(files[int(i * step)], "rb") as f:
            mails.append(crlf(f.read()))
    pick.shuffle(mails)
    return mails


def whole_corpus(count=300):
    """Every n-th mail of all ham and spam: the mean is the corpus's own."""
    files = sorted(f for pattern in ("ham/*/*", "spam/*/*")
                   for f in glob.glob(os.path.join(CORPUS, pattern))
                   if os.path.isfile(f))
    if not files:
        return None
    picked = files[::len(files) // count][:count]
    random.Random(2).shuffle(picked)
    mails = []
    for name in picked:
        with open(name, "rb") as f:
            mails.append(crlf(f.read()))
    return mails


def attachment(size):
    """One mail: short text and a random binary, base64."""
    blob = random.Random(size).randbytes(size * 3 // 4)
    b64 = base64.encodebytes(blob).replace(b"\n", b"\r\n")
    return [b"From: <a@sender.example>\r\nTo: <b@in.example>\r\n"
            b"Subject: attachment\r\nMIME-Version: 1.0\r\n"
            b"Date: " + now().encode() + b"\r\n"
            b"Message-ID: <bench@sender.example>\r\n"
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
            b"--b\r\nContent-Type: text/plain\r\n\r\nSee attachment.\r\n"
            b"--b\r\nContent-Type: application/octet-stream; name=a.bin\r\n"
            b"Content-Transfer-Encoding: base64\r\n\r\n" + b64 +
            b"--b--\r\n"]
