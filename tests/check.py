#!/usr/bin/python3
"""`make check`: every suite in order, a line for each, a sum at the end.

    check.py [--long] [SUITE ...]

The last line is "N passed, N failed, N skipped"; the exit status is 1 when
anything failed. What this machine cannot run is skipped with its reason.
"""

import argparse
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OUT = os.path.join(TOP, "build", "check")
ENV = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP",
           ASAN_OPTIONS="detect_leaks=1:abort_on_error=0",
           UBSAN_OPTIONS="print_stacktrace=1", PYTHONDONTWRITEBYTECODE="1")
UNIT_SECONDS = 120      # one test program; a hang is a failure
REPLAY_SECONDS = 120


class Result:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.failures, self.skips = [], []

    def ok(self):
        self.passed += 1

    def bad(self, name, why=""):
        self.failed += 1
        self.failures.append((name, why))

    def skip(self, name, why):
        self.skipped += 1
        self.skips.append((name, why))

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.failures += other.failures
        self.skips += other.skips


def end(p):
    """pytest takes its gateways down first (tests/system/conftest.py)."""
    for sig, seconds in ((signal.SIGTERM, 60), (signal.SIGKILL, None)):
        try:
            os.killpg(p.pid, sig)
            p.wait(seconds)
            return
        except subprocess.TimeoutExpired:
            pass
        except ProcessLookupError:
            p.wait()
            return


def run(argv, log, timeout=None, env=None, **kw):
    """Output to a file; exit status, or None after a time-out (the whole
    process group is then ended)."""
    with open(log, "wb") as f:
        p = subprocess.Popen(argv, stdout=f, stderr=subprocess.STDOUT,
                             cwd=TOP, env=env or ENV, stdin=subprocess.DEVNULL,
                             start_new_session=True, **kw)
        try:
            return p.wait(timeout)
        except subprocess.TimeoutExpired:
            end(p)
            return None
        except BaseException:
            end(p)
            raise


def text_of(log):
    with open(log, "rb") as f:
        return f.read().decode("utf-8", "replace")


def tail(log, lines=25):
    return "\n".join(text_of(log).splitlines()[-lines:])


TAP = re.compile(r"^\s*(not )?ok\b\s*\d*\s*(?:-\s*)?(.*)$")


def read_tap(result, name, log, status):
    """Counts the points of a TAP stream. A program that died, or printed
    fewer points than it planned, fails once more."""
    points = planned = failed = 0
    for line in text_of(log).splitlines():
        plan = re.match(r"^\s*1\.\.(\d+)", line)
        if plan:
            planned += int(plan.group(1))
            skip_all = re.search(r"#\s*SKIP\s*(.*)", line, re.I)
            if skip_all and plan.group(1) == "0":
                result.skip(name, skip_all.group(1))
                points += 1
            continue
        m = TAP.match(line)
        if not m:
            continue
        points += 1
        what, _, directive = m.group(2).partition("#")
        label = "%s: %s" % (name, what.strip())
        if re.match(r"\s*skip", directive, re.I):
            result.skip(label, directive.strip()[4:].strip())
        elif m.group(1):
            failed += 1
            result.bad(label, tail(log))
        else:
            result.ok()
    if status is None:
        result.bad(name, "timed out\n" + tail(log))
    elif points < planned or points == 0:
        result.bad(name, "died with status %s after %d of %d tests\n%s"
                   % (status, points, planned, tail(log)))
    elif status != 0 and failed == 0:
        result.bad(name, "exit status %s\n%s" % (status, tail(log)))


def read_junit(result, name, xml_file, log, status):
    try:
        root = xml.etree.ElementTree.parse(xml_file).getroot()
    except (OSError, xml.etree.ElementTree.ParseError):
        result.bad(name, "no result file, exit status %s\n%s"
                   % (status, tail(log)))
        return
    for case in root.iter("testcase"):
        label = "%s: %s.%s" % (name, case.get("classname", ""),
                               case.get("name"))
        bad = [x for x in case if x.tag in ("failure", "error")]
        skip = case.find("skipped")
        if bad:
            result.bad(label, "\n".join((bad[0].text or "").splitlines()[-30:]))
        elif skip is not None:
            result.skip(label, skip.get("message", ""))
        else:
            result.ok()
    if status is None:
        result.bad(name, "timed out\n" + tail(log))


# ---- suites ----

def suite_build(result, args):
    jobs = "-j%d" % (os.cpu_count() or 1)
    for variant in ("asan", "release", "test"):
        log = os.path.join(OUT, "build-%s.log" % variant)
        goals = ["all", "unit-tests"] if variant == "asan" else ["all"]
        status = run(["make", jobs, "VARIANT=" + variant, "WERROR=-Werror"]
                     + goals, log)
        if status:
            result.bad("build of the %s variant" % variant, tail(log, 40))
        else:
            result.ok()


def suite_lint(result, args):
    log = os.path.join(OUT, "lint.log")
    argv = ["/usr/bin/python3", "tests/lint.py"]
    read_tap(result, "lint", log,
             run(argv + ([] if args.long else ["--quick"]), log))


def suite_unit(result, args):
    for program in sorted(glob.glob(os.path.join(TOP, "build/asan/tests/*"))):
        if not os.access(program, os.X_OK) or not os.path.isfile(program):
            continue
        name = os.path.basename(program)
        if not os.path.exists(os.path.join(TOP, "tests/unit", name + ".c")):
            continue        # left over from an older tree
        log = os.path.join(OUT, name + ".log")
        read_tap(result, name, log, run([program], log, UNIT_SECONDS))


def suite_fuzz(result, args):
    """Each kept input of each target once, through the sanitizers; --long: new
    ones (FUZZ_MINUTES for each target), line coverage, planted faults."""
    if not glob.glob(os.path.join(TOP, "tests/fuzz/fuzz_*.c")):
        result.skip("fuzz replay", "no fuzz targets in this tree")
        return
    log = os.path.join(OUT, "fuzz.log")
    read_tap(result, "fuzz", log,
             run(["make", "-s", "VARIANT=asan", "fuzz-replay"], log))
    for goal in ("fuzz", "fuzz-coverage", "fuzz-planted") if args.long else ():
        log = os.path.join(OUT, goal + ".log")
        if run(["make", "-s", goal], log) == 0:
            result.ok()
            print(text_of(log))
        else:
            result.bad("make " + goal, tail(log, 60))


def pytest(result, name, variant, folder, marks, env, timeout):
    log = os.path.join(OUT, name + ".log")
    xml_file = os.path.join(OUT, name + ".xml")
    if os.path.exists(xml_file):
        os.unlink(xml_file)
    status = run(["/usr/bin/python3", "-m", "pytest", "-q", "-rs",
                  "-p", "no:cacheprovider", "--junitxml=" + xml_file]
                 + (["-m", marks] if marks else []) + folder, log, timeout,
                 env=dict(ENV, PMG_BIN_DIR=os.path.join(
                     TOP, "build", variant, "bin"), **env))
    read_junit(result, name, xml_file, log, status)


def suite_system(result, args):
    pytest(result, "system-asan", "asan", ["tests/system"],
           "not contract and not release_only", {}, 1800)


def suite_sandbox(result, args):
    """The same programs as shipped, with limits and the whole sandbox."""
    pytest(result, "system-release", "release", ["tests/system"],
           "sandbox or release_only", {}, 600)


def suite_contract(result, args):
    env = {"PMG_LONG": "1"} if args.long else {}
    pytest(result, "contract", "test", ["tests/system/contract"], "", env,
           6 * 3600 if args.long else 1500)


def tap_script(result, name, path, timeout, env=None):
    if not os.path.exists(os.path.join(TOP, path)):
        return
    log = os.path.join(OUT, name + ".log")
    read_tap(result, name, log,
             run([os.path.join(TOP, path)], log, timeout, env))


def suite_oracle(result, args):
    """lib/mail against other parsers (doc/MIME.md)."""
    tap_script(result, "oracle", "tests/oracle/check.sh", 300)


def suite_model(result, args):
    """The rules against a slow model of them (tests/model/README.md)."""
    env = dict(ENV, MODEL_CASES="100000") if args.long else None
    tap_script(result, "model", "tests/model/check.sh",
               3 * 3600 if args.long else 300, env)


def suite_stretch(result, args):
    tap_script(result, "stretch", "tests/stretch/check.sh", 300)


def suite_packages(result, args):
    tap_script(result, "packages", "tests/packages/check.sh", 1200)


# name, function, budget in seconds on two cores (doc/ARCHITECTURE.md)
SUITES = (
    ("build", suite_build, 240),
    ("lint", suite_lint, 60),
    ("unit", suite_unit, 240),
    ("fuzz", suite_fuzz, 60),
    ("oracle", suite_oracle, 60),
    ("model", suite_model, 60),
    ("system", suite_system, 480),
    ("sandbox", suite_sandbox, 240),
    ("contract", suite_contract, 420),
    ("stretch", suite_stretch, 20),
    ("packages", suite_packages, 360),
)


def terminate(signum, frame):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--long", action="store_true",
                        help="full counts of the fault tests, all of lint")
    parser.add_argument("suite", nargs="*", help="only these, in this order")
    args = parser.parse_args()
    unknown = set(args.suite) - {s[0] for s in SUITES}
    if unknown:
        parser.error("no suite named %s; there are: %s" % (
            ", ".join(sorted(unknown)), " ".join(s[0] for s in SUITES)))
    signal.signal(signal.SIGTERM, terminate)
    sys.stdout.reconfigure(line_buffering=True)
    sys.path.insert(0, TOP)
    from tests.rig import place
    if not place.hold(OUT):
        print("another `make check` runs in this tree: end it first")
        return 1
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)

    total, began = Result(), time.monotonic()
    for name, function, budget in SUITES:
        if args.suite and name not in args.suite:
            continue
        result, start = Result(), time.monotonic()
        print("%-9s ..." % name, end="\r" if sys.stdout.isatty() else "\n")
        try:
            function(result, args)
        except OSError as e:
            result.bad(name, str(e))
        if not (result.passed or result.failed or result.skipped):
            result.bad(name, "it ran nothing: build first (suite `build`)")
        spent = time.monotonic() - start
        print("%-9s %5d passed %4d failed %4d skipped %5.0f s (budget %d s)%s"
              % (name, result.passed, result.failed, result.skipped, spent,
                 budget, "  OVER BUDGET" if spent > budget else ""))
        for label, why in result.skips:
            print("    skipped: %s: %s" % (label, why))
        for label, why in result.failures:
            print("    FAILED: %s" % label)
            for line in why.splitlines():
                print("        " + line)
        total.add(result)
        if name == "build" and result.failed:
            print("    the build failed: nothing else was run")
            break
    print("%.0f s in all; logs: build/check/" % (time.monotonic() - began))
    print("%d passed, %d failed, %d skipped"
          % (total.passed, total.failed, total.skipped))
    return 1 if total.failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
