#!/usr/bin/python3
"""`make lint`: what the style and the architecture demand, as TAP.

--quick leaves out the checks that take more than a few seconds.
"""

import glob
import os
import re
import shutil
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
os.chdir(TOP)

# Arrows point down only: a file of a layer includes its own layer and these.
ARROWS = {
    "base": (), "mail": ("base",), "rules": ("base", "mail"),
    "proto": ("base", "mail", "rules"), "net": ("base", "mail", "rules"),
    "store": ("base", "mail", "rules"), "config": ("base", "mail", "rules"),
}
# Included by one file or folder only.
SOLE = {
    r"clamav\.h": "pmgd/scan/", r"sqlite3\.h": "pmgd/lib/store/",
    r"hs(/hs)?\.h": "pmgd/lib/rules/", r"spf2/.*": "pmgd/greylist/",
    r"archive(_entry)?\.h": "pmgd/scan/",
    r"curl/curl\.h": "pmgd/lib/net/", r"ldap\.h": "pmgd/lib/net/",
}
# Unsafe or not in Stretch's glibc 2.24 (DESIGN 8, 9).
FORBIDDEN = r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|" \
    r"alloca|system|popen|tmpnam|mktemp|getrandom|memfd_create|" \
    r"reallocarray|explicit_bzero|copy_file_range|strlcpy|strlcat)\s*\("
SQL_TOO_NEW = r"\bON\s+CONFLICT\s*(\([^)]*\)\s*)?DO\b|\bRETURNING\b|" \
    r"\bOVER\s*\(|\)\s*STRICT\b|\bGENERATED\s+ALWAYS\b"
# Where this checkout, and what lies beside it, happens to be.
MACHINE = r"(%s|%s)\b" % (re.escape(TOP), re.escape(
    os.path.join(os.path.dirname(TOP), "shared")))
FILE_LINES = 600

points = []


def point(name, problems, skip=None):
    points.append(name)
    if skip:
        print("ok %d - %s # SKIP %s" % (len(points), name, skip))
        return True
    print("%sok %d - %s" % ("not " if problems else "", len(points), name))
    for p in problems:
        print("# " + p)
    return not problems


def tracked(*patterns):
    """Files of the tree: what git knows of, or in an export everything."""
    if os.path.exists(".git"):
        out = subprocess.run(
            ["git", "-c", "safe.directory=*", "ls-files", "-co",
             "--exclude-standard", "--", *patterns],
            stdout=subprocess.PIPE, text=True).stdout.splitlines()
    else:
        out = []
        for pattern in patterns:
            out += glob.glob("**/" + pattern.lstrip("*/"), recursive=True)
        out = [f for f in out if not f.startswith("build/")]
    return sorted(f for f in set(out) if os.path.isfile(f))


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def without_comments(text):
    """C source with comments and strings blanked, line numbers kept."""
    def blank(m):
        s = m.group(0)
        return re.sub(r"[^\n]", " ", s) if s.startswith("/") else '""'
    return re.sub(r"/\*.*?\*/|//[^\n]*|\"(\\.|[^\"\\\n])*\"", blank, text,
                  flags=re.S)


def grep(paths, pattern, clean=True, flags=0):
    found = []
    for path in paths:
        text = read(path)
        if clean:
            text = without_comments(text)
        for n, line in enumerate(text.split("\n"), 1):
            m = re.search(pattern, line, flags)
            if m:
                found.append("%s:%d: %s" % (path, n, m.group(0)))
    return found


def arrows():
    problems = []
    for path in tracked("pmgd/*.c", "pmgd/*.h", "pmg-tools/*.c",
                        "pmg-tools/*.h"):
        layer = re.match(r"pmgd/lib/(\w+)/", path)
        for n, line in enumerate(read(path).split("\n"), 1):
            inc = re.match(r'\s*#\s*include\s*"([^"]+)"', line)
            if not inc or not layer:
                continue
            target = re.match(r"lib/(\w+)/", inc.group(1))
            name = layer.group(1)
            if target is None and "/" in inc.group(1):
                problems.append("%s:%d: a library includes %s"
                                % (path, n, inc.group(1)))
            elif target and target.group(1) != name and \
                    target.group(1) not in ARROWS.get(name, ()):
                problems.append("%s:%d: lib/%s must not include lib/%s"
                                % (path, n, name, target.group(1)))
    return problems


def sole_includes():
    problems, where = [], {}
    for path in tracked("pmgd/*.[ch]", "pmg-tools/*.[ch]"):
        for n, line in enumerate(read(path).split("\n"), 1):
            inc = re.match(r"\s*#\s*include\s*<([^>]+)>", line)
            for header, folder in SOLE.items():
                if inc and re.fullmatch(header, inc.group(1)):
                    where.setdefault(header, set()).add(path)
                    if not path.startswith(folder):
                        problems.append("%s:%d: <%s> belongs to %s"
                                        % (path, n, inc.group(1), folder))
    for header in (r"clamav\.h", r"archive(_entry)?\.h", r"spf2/.*", r"ldap\.h", r"curl/curl\.h"):
        if len(where.get(header, ())) > 1:
            problems.append("%s is included by more than one file: %s"
                            % (header, ", ".join(sorted(where[header]))))
    return problems


def header_stands_alone():
    problems = []
    for path in tracked("pmgd/*.h"):
        p = subprocess.run(
            ["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-Ipmgd", "-fsyntax-only",
             "-Wall", "-Wextra", "-Werror", "-x", "c", "-"],
            input='#include "%s"\nint x;\n' % path[len("pmgd/"):], text=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if p.returncode:
            problems.append("%s: %s" % (path, p.stderr.split("\n")[0]))
    return problems


def tool(name, argv, ok=(0,), pick=lambda out: out.splitlines()):
    if shutil.which(argv[0]) is None:
        point(name, [], skip="%s is not installed" % argv[0])
        return
    p = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True)
    lines = pick(p.stdout)
    if p.returncode not in ok and not lines:
        lines = ["exit status %d" % p.returncode] + p.stdout.splitlines()[-5:]
    point(name, lines[:40] if p.returncode not in ok or lines else [])


def mandoc_lines(out):
    # Neither is a fault: pages of other packages, and no OS name in .Os.
    return [line for line in out.splitlines() if line.strip() and
            not re.search(r"STYLE: (referenced manual not found|.*Mdocdate)|"
                          r"operating system explicitly specified", line)]


def main():
    quick = "--quick" in sys.argv[1:]
    c_files = tracked("pmgd/*.c", "pmgd/*.h", "pmg-tools/*.c",
                      "pmg-tools/*.h")
    print("TAP version 13")
    point("arrows: includes point down only", arrows())
    point("library headers are included where they belong", sole_includes())
    point("every header stands alone", header_stands_alone())
    point("no unsafe calls, none newer than glibc 2.24",
          grep(c_files, FORBIDDEN))
    point("no SQL newer than SQLite 3.16",
          grep([f for f in c_files if f.startswith("pmgd/lib/store/")],
               SQL_TOO_NEW, clean=False, flags=re.I))
    point("no file over %d lines" % FILE_LINES,
          ["%s: %d lines" % (f, read(f).count("\n")) for f in
           c_files + tracked("tests/*.c", "tests/*.py", "*.sh")
           if read(f).count("\n") > FILE_LINES])
    everything = [f for f in tracked("*") if not f.endswith(
        (".png", ".gz", ".bin")) and f != "tests/lint.py"]
    point("no path of a machine", grep(everything, MACHINE, clean=False))
    point("no blanks at line ends", grep(
        [f for f in everything if f.endswith((".c", ".h", ".py", ".sh", ".mk"))],
        r"[ \t]+$", clean=False))
    for script in tracked("*.py"):
        try:
            compile(read(script), script, "exec")
        except SyntaxError as e:
            point("python: " + script, [str(e)])
    pages = tracked("*.[1-8]")
    if pages:
        tool("manual pages (mandoc)",
             ["mandoc", "-T", "lint", "-W", "warning"] + pages,
             pick=mandoc_lines)
    scripts = tracked("*.sh") + [f for f in tracked(".ci/run", "debian/*inst",
                                                    "debian/*rm")]
    tool("shell scripts (shellcheck)", ["shellcheck", "-x"] + scripts)
    if not quick:
        tool("cppcheck", [
            "cppcheck", "--quiet", "--std=c11", "-Ipmgd", "-D_GNU_SOURCE",
            "--enable=warning,portability", "--inline-suppr", "-j2",
            "--suppress=missingInclude", "--error-exitcode=3",
            "pmgd", "pmg-tools"])
        tool("clang builds it without a warning", [
            "make", "-s", "-j2", "O=build/lint-clang", "CC=clang",
            "WERROR=-Werror", "all", "unit-tests"],
            pick=lambda out: [x for x in out.splitlines()
                              if re.search(r"(error|warning):", x)])
    print("1..%d" % len(points))


main()
