"""What the fuzzing scripts know of the targets: dictionaries, limits, places."""

import glob
import os
import re
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
CORPUS = os.path.join(HERE, "corpus")

# Target: its dictionaries; else the one of its own name, if there is one.
DICTS = {
    "cte": ("charset",), "edit": ("mime",), "field": ("mime", "charset"),
    "html": ("html",), "url": ("html",), "walk": ("archive",),
    "content": ("mime", "charset"), "mime": ("mime", "charset"),
    "session": ("smtp", "mime"), "cms": ("cms", "html"),
}
# The longest input that is tried. A target may refuse less.
MAX_LEN = {"mime": 16384, "edit": 8192, "walk": 16384, "html": 8192,
           "session": 8192}
USUAL_LEN = 4096
INPUT_SECONDS = 20      # one input; a target's own bound is far below
RSS_MB = 2048


def names():
    return sorted(re.sub(r"^fuzz_|\.c$", "", os.path.basename(f))
                  for f in glob.glob(os.path.join(HERE, "fuzz_*.c")))


def chosen(wanted):
    """All targets, or those that were asked for."""
    unknown = set(wanted) - set(names())
    if unknown:
        raise SystemExit("no target named %s; there are: %s" % (
            ", ".join(sorted(unknown)), " ".join(names())))
    return wanted or names()


def seeds(name):
    """Folders with inputs that are in the tree."""
    folder = os.path.join(CORPUS, name)
    return [folder] if os.path.isdir(folder) else []


def dictionary(name, folder):
    """One file out of the target's dictionaries, or None."""
    parts = [os.path.join(HERE, "dict", d + ".dict")
             for d in DICTS.get(name, (name,))]
    parts = [p for p in parts if os.path.exists(p)]
    if not parts:
        return None
    path = os.path.join(folder, name + ".dict")
    with open(path, "w", encoding="ascii") as out:
        for part in parts:
            with open(part, encoding="ascii") as f:
                out.write(f.read())
    return path


def options(name, folder):
    argv = ["-max_len=%d" % MAX_LEN.get(name, USUAL_LEN),
            "-timeout=%d" % INPUT_SECONDS, "-rss_limit_mb=%d" % RSS_MB,
            "-print_final_stats=1"]
    found = dictionary(name, folder)
    return argv + (["-dict=" + found] if found else [])


def make(*args):
    jobs = "-j%d" % (os.cpu_count() or 1)
    subprocess.run(["make", "-s", "--no-print-directory", jobs, *args],
                   cwd=TOP, check=True)
