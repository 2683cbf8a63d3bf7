#!/usr/bin/python3
"""lib/mail against the expected output of other parsers, as TAP.

    compare.py [-v] CORPUS DUMP

CORPUS: folder with mime/; DUMP: the asan build's oracle/dump. For each set the
agreement on number and names of attachments before exceptions has to be at
least 97 %, and what differs has to be what exceptions.tsv says, no less.
-v prints every disagreement that has no exception.
"""

import argparse
import glob
import json
import os
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, TOP)
from tests.oracle import expected, python_email, record, vectors    # noqa: E402

EXCEPTIONS = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                          "exceptions.tsv")
AGREEMENT = 97.0        # percent, for attachments
ASPECTS = ("count", "names", "types", "content")
HEADER = "header"       # the aspect of a single header value


class Case:
    """One message: its label, its file, and what is expected of it."""

    def __init__(self, label, path, parts, aspects=ASPECTS):
        self.label, self.path = label, path
        self.parts, self.aspects = parts, aspects


def read_file(path):
    with open(path, "rb") as f:
        return f.read()


class Sets:
    """The cases of each set. Files that no parser was given as they stand
    (CRLF, messages of an mbox) are written to a folder for the time."""

    def __init__(self, corpus, scratch):
        self.mime = os.path.join(corpus, "mime")
        self.scratch = scratch
        self.written = 0

    def write(self, data):
        self.written += 1
        path = os.path.join(self.scratch, "%d" % self.written)
        with open(path, "wb") as f:
            f.write(data)
        return path

    def files(self, folder, pattern):
        base = os.path.join(self.mime, folder)
        for path in sorted(glob.glob(os.path.join(
                glob.escape(base), "**", pattern), recursive=True)):
            if os.path.isfile(path):
                yield path, os.path.relpath(path, self.mime)

    def by_python(self, folder, pattern):
        for path, label in self.files(folder, pattern):
            yield Case(label, path, python_email.read(
                read_file(path))["parts"])

    def stalwart(self):
        for path, label in self.files("stalwart-mail-parser/resources/eml",
                                      "*.eml"):
            base = path[:-len(".eml")]
            if os.path.exists(base + ".json"):
                yield Case(label, path, expected.stalwart(base + ".json"))
            if os.path.exists(base + ".crlf.json"):
                data = read_file(path).replace(b"\r\n", b"\n")
                yield Case(label + ":crlf", self.write(
                    data.replace(b"\n", b"\r\n")),
                    expected.stalwart(base + ".crlf.json"))
        yield from self.by_python("stalwart-mail-parser/resources/maildir",
                                  "*;2,*")

    def mime4j(self):
        for path, label in self.files("mime4j", "*.msg"):
            yield Case(label, path, expected.mime4j(
                path[:-len(".msg")] + "_decoded.xml"))

    def gmime(self):
        data = "gmime/tests/data/"
        for path, label in self.files(data + "mbox/output", "*.mbox"):
            mbox = path.replace("/output/", "/input/")
            if not os.path.exists(mbox):
                continue        # jwz.mbox is not in the corpus
            for i, (message, types) in enumerate(expected.gmime_mbox(
                    mbox, path)):
                parts = [{"type": t, "leaf": not t.startswith("multipart/"),
                          "name": None, "disposition": ""} for t in types]
                yield Case("%s:%d" % (label, i), self.write(message), parts,
                           ("types",))
        for folder in ("pgp", "mime-part", "partial/input"):
            for pattern in ("*.txt", "*.eml"):
                yield from self.by_python(data + folder, pattern)
        yield from self.by_python(data + "partial/output", "photo-discuss")
        yield from self.gmime_texts(data)

    def gmime_texts(self, data):
        """A body and what it reads like decoded."""
        html = b"Content-Type: text/plain; charset=%s\n" \
            b"Content-Transfer-Encoding: %s\n\n"
        for name, label, encoding, want in (
                ("filters/cyrillic.koi8-r.txt", "koi8-r", "8bit",
                 "filters/cyrillic.utf-8.txt"),
                ("filters/cyrillic.cp1251.txt", "cp1251", "8bit",
                 "filters/cyrillic.utf-8.txt"),
                ("filters/cyrillic.iso-8859-5.txt", "iso-8859-5", "8bit",
                 "filters/cyrillic.utf-8.txt"),
                ("filters/japanese.iso-2022-jp.txt", "iso-2022-jp", "7bit",
                 "filters/japanese.utf-8.txt"),
                ("filters/japanese.shift-jis.txt", "shift_jis", "8bit",
                 "filters/japanese.utf-8.txt"),
                ("encodings/wikipedia.qp", "utf-8", "quoted-printable",
                 "encodings/wikipedia.txt"),
                ("encodings/photo.b64", "", "base64", "encodings/photo.jpg"),
                ("encodings/photo.uu", "", "x-uuencode",
                 "encodings/photo.jpg")):
            body = read_file(os.path.join(self.mime, data, name))
            part = {"type": "text/plain", "leaf": True, "name": None,
                    "disposition": ""}
            want = read_file(os.path.join(self.mime, data, want))
            if label:
                part["text"] = want.decode("utf-8")
            else:
                part["body"] = want
            yield Case(data + name, self.write(html % (
                label.encode(), encoding.encode()) + body), [part],
                ("content",))

    def enmime(self):
        yield from self.by_python("enmime", "*.raw")
        yield from self.by_python("enmime", "*.golden")

    def ruby(self):
        yield from self.by_python("ruby-mail", "*.eml")

    def all(self):
        return (("stalwart-mail-parser", self.stalwart),
                ("mime4j", self.mime4j), ("gmime", self.gmime),
                ("enmime", self.enmime), ("ruby-mail", self.ruby))


def read_exceptions():
    """{(file, aspect): reason}"""
    out = {}
    with open(EXCEPTIONS, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            if line.startswith("#") or not line.strip():
                continue
            fields = line.rstrip("\n").split("\t")
            if len(fields) != 3 or fields[1] not in ASPECTS + (HEADER,) or \
                    not fields[2].strip():
                raise SystemExit("%s:%d: file, aspect, reason are wanted"
                                 % (EXCEPTIONS, number))
            out[fields[0], fields[1]] = fields[2]
    return out


def show(case, ours):
    for who, parts in (("ours", ours), ("theirs", case.parts)):
        print("# %-6s" % who, [(p["type"], p["name"], p["disposition"])
                               for p in parts])
    for x, y in zip(record.leaves(ours), record.leaves(case.parts)):
        if not record.same_content(x, y):
            key = "body" if y.get("body") is not None and \
                x.get("body") is not None else "text"
            left, right = record.lines(x[key]), record.lines(y[key])
            n = len(os.path.commonprefix([left, right]))
            print("#   %s from %d: %r | %r" % (
                x["type"], n, left[max(0, n - 20):n + 60],
                right[max(0, n - 20):n + 60]))


class Tally:
    def __init__(self):
        self.cases = self.agree_count = self.agree_names = 0
        self.crashes, self.differ = [], {}


def run_set(cases, ours, verbose, exceptions):
    t = Tally()
    for case in cases:
        t.cases += 1
        try:
            mine = ours.read(case.path)
        except record.Crash as e:
            t.crashes.append(str(e))
            continue
        found = [x for x in record.differences(mine["parts"], case.parts)
                 if x in case.aspects]
        t.agree_count += "count" not in found
        t.agree_names += "count" not in found and "names" not in found
        for aspect in found:
            t.differ[case.label, aspect] = case
            if verbose and (case.label, aspect) not in exceptions:
                print("# %s: %s" % (case.label, aspect))
                show(case, mine["parts"])
    return t


def run_vectors(sets, ours, verbose, exceptions):
    t = Tally()
    folder = "stalwart-mail-parser/resources"
    for label, message, both, value in vectors.read(
            os.path.join(sets.mime, folder)):
        t.cases += 1
        label = "%s/%s" % (folder, label)
        try:
            want, got = both(ours.read(sets.write(message)))
        except record.Crash as e:
            t.crashes.append(str(e))
            continue
        t.agree_names += want == got
        if want == got:
            continue
        t.differ[label, HEADER] = want
        if verbose and (label, HEADER) not in exceptions:
            print("# %s: %r" % (label, value))
            print("#     ours   %r" % (got,))
            print("#     theirs %r" % (want,))
    return t


class Tap:
    def __init__(self):
        self.n = self.bad = 0

    def point(self, name, problems):
        self.n += 1
        for p in problems:
            print("# " + p)
        print("%sok %d - %s" % ("not " if problems else "", self.n, name))
        self.bad += bool(problems)


def judge(tap, name, t, exceptions):
    """exceptions: those of this set."""
    new = sorted(set(t.differ) - set(exceptions))
    gone = sorted(set(exceptions) - set(t.differ))
    tap.point("%s: %d messages, crashes %d" % (
        name, t.cases, len(t.crashes)),
        t.crashes + ([] if t.cases else ["no messages"]))
    shares = [100.0 * n / max(1, t.cases)
              for n in (t.agree_count, t.agree_names)]
    tap.point("%s: attachments: number agrees in %.1f %%, names in %.1f %% "
              "before exceptions" % (name, *shares),
              [] if min(shares) >= AGREEMENT else
              ["at least %.0f %% are wanted" % AGREEMENT])
    tap.point("%s: %d differences, all of them with a reason" % (
        name, len(t.differ)),
        ["unlisted: %s: %s" % k for k in new] +
        ["listed, but agrees: %s: %s" % k for k in gone])


def judge_vectors(tap, t, exceptions):
    new = sorted(set(t.differ) - set(exceptions))
    gone = sorted(set(exceptions) - set(t.differ))
    tap.point("header values: %d, crashes %d, %.1f %% agree, %d differences, "
              "all of them with a reason" % (
                  t.cases, len(t.crashes),
                  100.0 * t.agree_names / max(1, t.cases), len(t.differ)),
              t.crashes + ["unlisted: %s: %s" % k for k in new] +
              ["listed, but agrees: %s: %s" % k for k in gone])


def every_file(tap, corpus, ours):
    """No crash on any file, mail or not."""
    n, crashes = 0, []
    for top in ("mime", "mime-is-broken"):
        for folder, _, names in os.walk(os.path.join(corpus, top)):
            for name in names:
                n += 1
                try:
                    ours.read(os.path.join(folder, name))
                except record.Crash as e:
                    crashes.append(str(e))
    tap.point("every file of mime and mime-is-broken: %d, crashes %d" % (
        n, len(crashes)), crashes)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("corpus")
    parser.add_argument("dump")
    args = parser.parse_args()
    exceptions = read_exceptions()
    tap, ours = Tap(), record.Ours(args.dump)
    with tempfile.TemporaryDirectory() as scratch:
        sets = Sets(args.corpus, scratch)
        for name, cases in sets.all():
            judge(tap, name, run_set(cases(), ours, args.verbose, exceptions),
                  {k: v for k, v in exceptions.items()
                   if k[0].startswith(name + "/") and k[1] != HEADER})
        judge_vectors(tap, run_vectors(sets, ours, args.verbose, exceptions),
                      {k: v for k, v in exceptions.items() if k[1] == HEADER})
    every_file(tap, args.corpus, ours)
    status = ours.close()
    tap.point("the dump tool ended without a sanitizer report",
              ["exit status %d" % status] if status else [])
    print("1..%d" % tap.n)
    return 1 if tap.bad else 0


if __name__ == "__main__":
    sys.exit(main())
