#!/usr/bin/python3
"""The engine's plans against the reference model's, as TAP.

    compare.py [-n CASES] [-s FIRST_SEED] [-j JOBS] DRIVER

Each case is a rule set and a message made from its seed. For each kind of
difference the first case is shown, made as small as it can be. -k keeps on
after the first MAX_SHOWN. Exit 1 when anything differs.
"""

import argparse
import copy
import json
import multiprocessing
import os
import subprocess
import sys
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, TOP)
from tests.model import generate, rules     # noqa: E402

# What the engine knows: object types, actions, and OPTIONS of generate.py. A
# word of EVERYTHING less here, and cases go without it.
CAPABILITIES = generate.EVERYTHING
MAX_SHOWN = 3
CHUNK = 250
VERDICTS = {None: 0, "allow": -1, "block": 1}
KINDS = ("who", "when", "what", "action")


class Engine:
    """The driver, one process for many cases; a new one after it died."""

    def __init__(self, driver):
        self.driver, self.process = driver, None

    def plan(self, case):
        if self.process is None:
            self.process = subprocess.Popen(
                [self.driver], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE)
        p = self.process
        try:
            p.stdin.write(json.dumps(engine_case(case)).encode() + b"\n")
            p.stdin.flush()
            line = p.stdout.readline()
        except BrokenPipeError:
            line = b""
        if line:
            return json.loads(line)
        said = p.communicate()[1].decode(errors="replace")
        self.process = None
        return {"died": p.returncode, "said": said.strip()[:2000]}

    def close(self):
        if self.process is not None:
            self.process.communicate()
            self.process = None


def engine_case(case):
    """The case with what the engine is told instead of finding it out."""
    c = copy.deepcopy(case)
    m, model = c["message"], rules.load_message(case)
    now = datetime.fromtimestamp(m["time"], timezone.utc).astimezone(
        ZoneInfo(m["zone"]))
    m["minute"] = now.hour * 60 + now.minute
    m["weekday"] = now.weekday()
    m["user_list"] = [VERDICTS[rules.user_list(model, r)]
                      for r in m["recipients"]]
    m["eml"] = generate.eml(m)
    return c


def model_plan(case):
    plan = rules.evaluate(rules.load_rules(case), rules.load_message(case))
    group_of = {r: i for i, g in enumerate(plan["groups"]) for r in g["rcpt"]}
    for n in plan["notices"]:
        n["group"] = group_of[n["rcpt"][0]]
    return plan


def differences(model, engine):
    """Names of the aspects in which the plans differ."""
    if "died" in engine:
        return ["died: " + engine["said"].split("\n")[0]]
    found = []
    if model["strip"] != sorted(s.lower() for s in engine["strip"]):
        found.append("strip")
    if [(m["rule"], len(m["rcpt"])) for m in model["matches"]] != \
            [(m["rule"], m["nrcpt"]) for m in engine["matches"]]:
        found.append("matches")
    ends = [[(g["rcpt"], g["disposition"], g["rule"]) for g in p["groups"]]
            for p in (model, engine)]
    steps = [[[(s["rule"], s["action"]) for s in g["steps"]]
              for g in p["groups"]] for p in (model, engine)]
    if ends[0] != ends[1]:
        found.append("groups")
    elif steps[0] != steps[1]:
        found.append("steps")
    elif any(s["marks"] != t["marks"] for g, h in zip(
            model["groups"], engine["groups"])
            for s, t in zip(g["steps"], h["steps"])):
        found.append("marks")
    if model["notices"] != engine["notices"]:
        found.append("notices")
    return found


# ---- the smallest case that differs ----

def smaller(case):
    """Cases that lack one thing."""
    m = case["message"]

    def without(path, index):
        c = copy.deepcopy(case)
        at = c
        for key in path:
            at = at[key]
        del at[index]
        return c
    for i in range(len(case["rules"])):
        yield without(("rules",), i)
    for i, r in enumerate(case["rules"]):
        for cat in r["groups"]:
            for k in range(len(r["groups"][cat])):
                yield without(("rules", i, "groups", cat), k)
        for k in range(len(r["actions"])):
            yield without(("rules", i, "actions"), k)
    used = {g for r in case["rules"] for g in r["actions"] +
            sum(r["groups"].values(), [])}
    for i, g in enumerate(case["groups"]):
        if g["id"] not in used:
            yield without(("groups",), i)
        for k in range(len(g["objects"])):
            yield without(("groups", i, "objects"), k)
    for i, g in enumerate(case["groups"]):
        if g["mode"] != "any":
            c = copy.deepcopy(case)
            c["groups"][i]["mode"] = "any"
            yield c
    for i, r in enumerate(case["rules"]):
        for cat, mode in r["modes"].items():
            if mode != "any":
                c = copy.deepcopy(case)
                c["rules"][i]["modes"][cat] = "any"
                yield c
    for key in ("recipients", "lists", "directory"):
        for i in range(len(m[key]) if len(m[key]) > (key == "recipients") else 0):
            yield without(("message", key), i)
    for i in reversed(range(1, len(m["parts"]))):
        if not any(p["parent"] == i for p in m["parts"]):
            c = without(("message", "parts"), i)
            parts = c["message"]["parts"]
            for p in parts:
                p["parent"] -= p["parent"] > i
            yield c
    for i, p in enumerate(m["parts"]):
        for key in ("fields", "names", "entries", "flags"):
            for k in range(len(p[key])):
                c = without(("message", "parts", i, key), k)
                if key == "names":
                    generate.derive_types(c["message"]["parts"][i])
                yield c
        if p["magic"]:
            c = copy.deepcopy(case)
            c["message"]["parts"][i]["magic"] = ""
            yield c
    for key, value in (("spam", None), ("virus", None), ("ambiguous", False),
                       ("limits", False), ("sender", ""), ("client", "")):
        if m[key] != value:
            c = copy.deepcopy(case)
            c["message"][key] = value
            yield c


def valid(case):
    """A container without parts is no longer what its header says."""
    parents = {p["parent"] for p in case["message"]["parts"]}
    return all(i in parents for i, p in enumerate(case["message"]["parts"])
               if p["declared"][0].split("/")[0] == "multipart" or
               p["declared"] == ["message/rfc822"])


def minimise(case, engine, aspect):
    again = True
    while again:
        again = False
        for c in smaller(case):
            if valid(c) and aspect in differences(model_plan(c),
                                                  engine.plan(c)):
                case, again = c, True
                break
    return case


def show(case, engine):
    """As TAP comments; what has its default value is left out."""
    def plain(o):
        return {k: v for k, v in o.items() if v not in ("", [], None, False)}
    m = plain(case["message"])
    lines = ["seed %s" % case["seed"]]
    lines += ["group %s" % json.dumps({"id": g["id"], "mode": g["mode"],
              "objects": [plain(o) for o in g["objects"]]})
              for g in case["groups"]]
    lines += ["rule %s" % json.dumps(plain(r)) for r in case["rules"]]
    lines += ["part %d %s" % (i, json.dumps(plain(p)))
              for i, p in enumerate(m.pop("parts"))]
    lines += ["message %s" % json.dumps(m)]
    lines += ["model  %s" % json.dumps(model_plan(case)),
              "engine %s" % json.dumps(engine.plan(case))]
    print("".join("# %s\n" % line for line in lines), end="", flush=True)


# ---- many cases ----

def run_chunk(job):
    """Of the seeds in a range: those that differ with their aspects, and how
    many cases matched some rule, marked parts, were split."""
    driver, first, count, capabilities = job
    engine, found = Engine(driver), []
    lively = [0, 0, 0]
    for seed in range(first, first + count):
        case = generate.case(seed, capabilities)
        model = model_plan(case)
        aspects = differences(model, engine.plan(case))
        if aspects:
            found.append((seed, aspects))
        lively[0] += bool(model["matches"])
        lively[1] += any(s["marks"] for g in model["groups"]
                         for s in g["steps"])
        lively[2] += len(model["groups"]) > 1
    engine.close()
    return found, lively


def run(driver, first, count, jobs=1, capabilities=CAPABILITIES):
    chunks = [(driver, s, min(CHUNK, first + count - s), capabilities)
              for s in range(first, first + count, CHUNK)]
    with multiprocessing.Pool(jobs) as pool:
        for found, lively in pool.imap(run_chunk, chunks):
            yield found, lively


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("-n", type=int, default=2000, help="cases")
    ap.add_argument("-s", type=int, default=0, help="first seed")
    ap.add_argument("-j", type=int, default=1, help="processes")
    ap.add_argument("driver")
    args = ap.parse_args()
    different, total, shown = {}, [0, 0, 0], 0
    for found, lively in run(args.driver, args.s, args.n, args.j):
        total = [a + b for a, b in zip(total, lively)]
        for seed, aspects in found:
            different.setdefault(aspects[0], []).append(seed)
    engine = Engine(args.driver)
    for aspect, seeds in sorted(different.items()):
        print("# %s: %d cases, seeds %s" % (aspect, len(seeds), seeds[:10]))
        for seed in seeds[:MAX_SHOWN]:
            show(minimise(generate.case(seed, CAPABILITIES), engine, aspect),
                 engine)
            shown += 1
    engine.close()
    bad = sum(len(s) for s in different.values())
    print("# of %d cases: %d match a rule, %d mark parts, %d split the "
          "recipients" % ((args.n,) + tuple(total)))
    print("%sok 1 - engine and reference model: %d of %d cases differ"
          % ("not " if bad else "", bad, args.n))
    print("1..1")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
