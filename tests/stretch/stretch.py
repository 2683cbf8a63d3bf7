#!/usr/bin/python3
"""What can be proved for Debian 9 without one, as TAP.

    stretch.py SYMBOLS-FOLDER ELF...

SYMBOLS-FOLDER: for each package NAME a file NAME.symbols, Debian's record of
the version in which each function of a library came (check.sh gets them).
Behaviour is not proved: see doc/STRETCH.md.
"""

import glob
import gzip
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
points = 0


def point(name, problems, skip=None):
    global points
    points += 1
    for p in problems:
        print("# " + p)
    print("%sok %d - %s%s" % ("not " if problems else "", points, name,
                              " # SKIP " + skip if skip else ""))


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as f:
        return f.read()


def facts():
    """{kind: {name: [further fields]}}"""
    table = {}
    for line in read("tests/stretch/facts.tsv").splitlines():
        if line and not line.startswith("#"):
            kind, name, *rest = line.split("\t")
            table.setdefault(kind, {})[name] = rest
    return table


def newer(version, than):
    """Debian's own comparison; the epoch is of no interest."""
    version = version.split(":", 1)[-1]
    return subprocess.run(["dpkg", "--compare-versions", version, "gt", than],
                          check=False).returncode == 0


# ---- functions ----

def load_symbols(path):
    """{soname: {function: [(node, version), ...]}}"""
    table, current = {}, None
    if not os.path.exists(path):
        return table
    with open(path, encoding="utf-8") as f:
        for line in f:
            if re.match(r"\S", line):
                current = table.setdefault(line.split()[0], {})
            m = re.match(r" (?:\([^)]*\))?(\S+)@(\S+) (\S+)", line)
            if m:
                current.setdefault(m.group(1), []).append(m.groups()[1:])
    return table


def imported(elf):
    """([needed sonames], [(function, node or "")]) of a program."""
    out = subprocess.run(["readelf", "-dW", "--dyn-syms", elf], check=True,
                         stdout=subprocess.PIPE, text=True).stdout
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", out)
    functions = []
    for line in out.splitlines():
        f = line.split()
        if len(f) >= 8 and f[6] == "UND" and f[4] != "WEAK":
            name, _, node = f[7].partition("@")
            functions.append((name, node.lstrip("@")))
    return needed, functions


def guarded(function, macro):
    """Every file that calls the function asks for the macro before."""
    calls = [t for t in map(read, sources()) if function + "(" in t]
    return calls and all(re.search(r"^#ifdef %s\n(?:(?!^#endif).*\n)*?.*%s\("
                                   % (macro, function), t, re.M)
                         for t in calls)


def sources():
    return sorted(os.path.relpath(path, TOP) for path in glob.glob(
        os.path.join(TOP, "pmg*/**/*.[ch]"), recursive=True))


def library(table, soname):
    """The facts of a soname: exact, or without its number at the end."""
    return table.get(soname) or table.get(re.sub(r"\.[0-9.]+$", "", soname))


class Functions:
    def __init__(self, table, folder):
        self.libs, self.apis = table["lib"], table["api"]
        self.guards = table["guard"]
        self.cache, self.folder = {}, folder
        self.missing, self.renumbered, self.checked = set(), set(), 0

    def symbols(self, package):
        if package not in self.cache:
            merged = {}
            for lib in load_symbols(os.path.join(
                    self.folder, package + ".symbols")).values():
                for name, entries in lib.items():
                    merged.setdefault(name, []).extend(entries)
            if not merged:
                self.missing.add(package)
            self.cache[package] = merged
        return self.cache[package]

    def judge(self, name, node, needed):
        """None: there in time. Else why not."""
        if name in self.guards and guarded(name, self.guards[name][0]):
            return None
        for soname in needed:
            api = library(self.apis, soname)
            if api and name in api[0].split():
                return None
            lib = library(self.libs, soname)
            entries = lib and self.symbols(lib[1]).get(name)
            if not entries:
                continue
            if all(newer(version, lib[0]) for _, version in entries):
                return "%s came with %s %s" % (
                    name, lib[1], min(v for _, v in entries))
            if node and node not in [n for n, v in entries
                                     if not newer(v, lib[0])]:
                self.renumbered.add(name)
            return None
        return "%s@%s: in no library that is known for Stretch" % (name, node)

    def check(self, elf):
        needed, functions = imported(elf)
        needed = needed + ["ld-linux-x86-64.so.2"]
        bad = ["%s: %s of Stretch is unknown" % (os.path.basename(elf), s)
               for s in needed
               if not library(self.libs, s) and not library(self.apis, s)]
        for name, node in functions:
            why = self.judge(name, node, needed)
            self.checked += 1
            if why:
                bad.append("%s: %s" % (os.path.basename(elf), why))
        return bad


def check_functions(table, folder, elfs):
    f = Functions(table, folder)
    bad = [b for elf in elfs for b in f.check(elf)]
    if f.missing:
        point("functions existed in Stretch", [],
              "no symbols files of: " + " ".join(sorted(f.missing)))
        return
    print("# %d imports of %d programs; %d carry a newer version node than "
          "Stretch's, whose older one is there" % (
              f.checked, len(elfs), len(f.renumbered)))
    point("functions existed in Stretch", bad if elfs else ["no programs"])


def check_gate(table, folder):
    """The gate must close: functions that Stretch lacks."""
    f = Functions(table, folder)
    late = (("getrandom", "libc.so.6"), ("explicit_bzero", "libc.so.6"),
            ("SSL_CTX_set_ciphersuites", "libssl.so.3"),
            ("sqlite3_serialize", "libsqlite3.so.0"))
    bad = ["%s passed" % name for name, so in late
           if not f.judge(name, "", [so])]
    if f.missing:
        point("control: newer functions are caught", [], "no symbols files")
    else:
        point("control: newer functions are caught", bad)


# ---- packages ----

def check_relations(table):
    bad = []
    control = read("debian/control")
    own = re.findall(r"^Package: (\S+)", control, re.M)
    fields = re.findall(r"^(?:Build-)?(?:Pre-)?Depends:((?:.*\n)(?:[ \t].*\n)*)",
                        control, re.M)
    for alternatives in re.split(r",", ",".join(fields)):
        names = [a.strip() for a in alternatives.split("|")]
        if not any(fits(a, table["pkg"], own) for a in names if a):
            if alternatives.strip():
                bad.append("no such package: " + alternatives.strip())
    point("package relations can be met", bad)


def fits(relation, packages, own):
    m = re.match(r"(\S+?)(?:\s*\((\S+)\s+(\S+?)~?\))?$", relation)
    name, op, version = m.groups()
    if name in own or name.startswith("${"):
        return True
    if name not in packages:
        return False
    operator = {"<<": "lt", "<=": "le", "=": "eq", ">=": "ge", ">>": "gt"}
    return op is None or subprocess.run(
        ["dpkg", "--compare-versions", packages[name][0], operator[op],
         version], check=False).returncode == 0


def postfix_ages():
    """{parameter: Postfix version it came with}, from postconf(5)."""
    path = "/usr/share/man/man5/postconf.5.gz"
    if not os.path.exists(path):
        return {}
    with gzip.open(path, "rt", encoding="utf-8", errors="replace") as f:
        text = f.read()
    ages = {}
    for section in re.split(r"^\.SH ", text, flags=re.M)[1:]:
        name = section.split(None, 1)[0].replace("\\-", "-")
        m = re.search(r"available\s+in\s+Postfix\s+(?:version\s+)?"
                      r"([0-9]+\.[0-9]+)", section)
        ages[name] = m.group(1) if m else "2.0"
    return ages


def unguarded(text, guard):
    """A template's lines outside of {{#if guard...}} .. {{/if}}."""
    depth, lines = [], []
    for line in text.splitlines():
        opening = re.match(r"\{\{#(?:if|unless) (\S+)\}\}", line)
        if opening:
            depth.append(opening.group(1).startswith(guard))
        elif line.startswith("{{/"):
            depth.pop()
        elif not any(depth):
            lines.append(line)
    return lines


def check_postfix(table):
    ages = postfix_ages()
    if not ages:
        point("Postfix parameters", [], "postconf(5) is not installed")
        return
    (has,) = table["postfix"]
    bad = []
    for template in ("main.cf.in", "master.cf.in"):
        lines = unguarded(read("pmg-tools/templates/" + template), "postfix_")
        for line in lines:
            m = re.match(r"(?:  -o )?([a-z][a-z0-9_]*)\s*=", line)
            if m and m.group(1) not in ages:
                bad.append("%s: unknown parameter %s" % (template, m.group(1)))
            elif m and newer(ages[m.group(1)], has):
                bad.append("%s: %s came with Postfix %s" % (
                    template, m.group(1), ages[m.group(1)]))
    point("Postfix parameters existed in Stretch or are guarded", bad)


def check_units(table):
    known = set(" ".join(table["unit"]).split())
    harmless = set(" ".join(table["newer"]).split())
    options = set(" ".join(table["spamd"]).split())
    bad, ignored = [], set()
    for path in sorted(glob.glob(os.path.join(TOP, "debian/units/*"))):
        name, text = os.path.basename(path), read(path)
        for key in re.findall(r"^([A-Za-z0-9]+)=", text, re.M):
            if key in harmless:
                ignored.add(key)
            elif key not in known:
                bad.append("%s: %s=" % (name, key))
        # A list of what is allowed kills where a group in it is unknown.
        if re.search(r"^SystemCallFilter=[^~]", text, re.M):
            bad.append("%s: SystemCallFilter= must deny, not allow" % name)
        if "/usr/sbin/spamd" in text:
            bad += ["%s: spamd %s" % (name, o) for o in
                    re.findall(r" (--[a-z-]+)", text) if o not in options]
    print("# ignored by systemd 232: " + " ".join(sorted(ignored)))
    point("units need nothing newer than systemd 232", bad)


# ---- sources ----

SQL = re.compile(r"\bON\s+CONFLICT\s*(\([^)]*\)\s*)?DO\b|\bRETURNING\b|"
                 r"\bOVER\s*\(|\)\s*STRICT\b|\bGENERATED\s+ALWAYS\b|"
                 r"\bFILTER\s*\(\s*WHERE\b|\bIIF\s*\(|\bRENAME\s+COLUMN\b|"
                 r"\bDROP\s+COLUMN\b|\bMATERIALIZED\b|\bUPDATE\s+\w+\s+SET\b"
                 r"[^;]*\bFROM\b\s+\w+\s+WHERE\b(?![^;]*SELECT)")
# Constants leave no trace in a program's imports.
CONSTANTS = re.compile(r"\bSQLITE_(OPEN_NOFOLLOW|DBCONFIG_(DEFENSIVE|"
                       r"RESET_DATABASE|DQS_\w+|TRUSTED_SCHEMA)|"
                       r"PREPARE_PERSISTENT|DIRECTONLY|INNOCUOUS)\b|"
                       r"\bEVP_(KDF|MAC|RAND)_|\bSCMP_ACT_(LOG|KILL_PROCESS|"
                       r"NOTIFY)\b|\bMSG_ZEROCOPY\b")


def strings_of(text):
    """A C source's string literals, adjacent ones joined."""
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    joined = re.sub(r'"\s*\n?\s*"', "", text)
    return re.findall(r'"((?:\\.|[^"\\\n])*)"', joined)


def check_sources():
    bad, constants = [], []
    for name in sources():
        text = read(name)
        for s in strings_of(text):
            if re.search(r"\b(SELECT|INSERT|UPDATE|CREATE|ALTER|DELETE)\b", s):
                bad += ["%s: %s" % (name, m.group(0))
                        for m in SQL.finditer(s)]
        constants += ["%s: %s" % (name, m.group(0))
                      for m in CONSTANTS.finditer(text)
                      if "#ifdef " + m.group(0) not in text]
    point("no SQL newer than SQLite 3.16", bad)
    point("no constants newer than Stretch's headers", constants)


def main():
    folder, elfs = sys.argv[1], sys.argv[2:]
    table = facts()
    check_functions(table, folder, elfs)
    check_gate(table, folder)
    check_relations(table)
    check_postfix(table)
    check_units(table)
    check_sources()
    print("1..%d" % points)


main()
