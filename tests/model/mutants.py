#!/usr/bin/python3
"""Would the comparison notice? Faults put into copies of the engine, as TAP.

    mutants.py [-n CASES] BUILD     (BUILD: of a release build, build/release)

For each mutant one source file is copied to BUILD/mutants, changed, compiled
and linked before the rest of libpmg.a; compare.py's cases have to tell it from
the model. The control is every such file unchanged: there they must not.
A mutant that does not apply any more is a failure: write another one.
"""

import argparse
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, TOP)
from tests.model import compare     # noqa: E402

RULES = "pmgd/lib/rules/"
# name, file, pattern (a regular expression, exactly one place), replacement
MUTANTS = (
    # Order, ends, copies
    ("a final rule does not take its recipients", "plan.c",
     r"i < ev->ncand && t->final == NO_RULE", "i < ev->ncand"),
    ("of rules with the same priority the lower id goes first", "load.c",
     r"return a->id > b->id \? -1 : 1;", "return a->id < b->id ? -1 : 1;"),
    ("one copy for recipients with different ends", "plan.c",
     r"if \(x->final != y->final\)", "if (0)"),
    ("one copy for recipients with different marks", "plan.c",
     r"c->info->uses_marks && has_bit", "0 && has_bit"),
    ("the marks of those on no list for everyone", "plan.c",
     r"c->marks\[t->listed\];", "c->marks[0];"),
    ("attachments go after the disclaimer was added", "object.c",
     r"(\{ACTION_REMOVE, CAT_ACTION, -1, )40", r"\g<1>50"),
    ("a BCC is made from the first copy, whoever it is for", "plan.c",
     r"\.group = ev->taker\[rcpt\[0\]\]\.group", ".group = 0"),
    ("fields of inactive rules are stripped", "index.c",
     r"if \(rule_applies\(rs->rule\[i\], \(enum direction\)dir\)\)",
     "if (dir >= 0)"),
    ("accept goes before block in one rule", "object.c",
     r"(\{ACTION_ACCEPT, CAT_ACTION, -1, )99", r"\g<1>97"),
    # Who
    ("To looks at the client's address, too", "plan.c",
     r"(rcpt\[rcpt\]\.addr), NULL,", r"\1, ev->f->env->client_addr,"),
    ("a parent domain keeps its dot", "match_who.c",
     r"span_sub\(domain, \+\+dot, domain\.n\)",
     "span_sub(domain, dot++, domain.n)"),
    ("every domain means its subdomains", "match_who.c",
     r" && \(o->flags & OBJ_SUBDOMAINS\)\)", ")"),
    ("receiver objects in From", "match_who.c",
     r"return !receiver \|\| w->person->client == NULL;", "return true;"),
    ("unknown LDAP addresses are those that are known", "match_who.c",
     r"\(o->number == LDAP_KNOWN\)", "true"),
    ("nobody was ever synchronised, so all are unknown", "match_who.c",
     r"return false;\n(\tif \(o->type == WHO_LDAP_USER\))",
     r"return o->type == WHO_LDAP_GROUP && o->number == LDAP_UNKNOWN;\n\1"),
    ("IPv4 in networks of IPv6", "address.c",
     r"run->prefix < MAPPED_BITS", "0"),
    # When
    ("the last minute is not in the frame", "match_when.c",
     r"t->minute_of_day <= o->number2", "t->minute_of_day < o->number2"),
    ("after midnight it is another weekday", "match_when.c",
     r"day_counts\(o, yesterday\)", "day_counts(o, t->weekday)"),
    ("the zone of a frame is forgotten", "match_when.c",
     r"if \(z != NULL\)", "if (0)"),
    ("summer is not over before the next transition", "../base/zone.c",
     r"transition\(z, mid\) <= utc", "transition(z, mid) <= utc + 86400 * 200"),
    # What
    ("the allowlist of a recipient is forgotten", "match_what.c",
     r"if \(listed == LISTED_ALLOWED\)", "if (0)"),
    ("everyone has the first recipient's lists", "plan.c",
     r"match_listed\(ev->f, r\)", "match_listed(ev->f, 0)"),
    ("file names are sought, not anchored", "object.c",
     r"o->type == WHAT_FILENAME \|\| ", ""),
    ("names in archives count for file name", "match_what.c",
     r"in->depth == 0 && wanted\(w, PAT_FILENAME\)",
     "wanted(w, PAT_FILENAME)"),
    ("what a header says counts for only content", "match_what.c",
     r"w->by_content = by_content;", "w->by_content = true;"),
    ("top part only looks at every part", "match_what.c",
     r"\(\(o->flags & OBJ_TOP_ONLY\) && w->part->parent != NULL\)", "false"),
    ("SPF results by their number, not by their bit", "match_what.c",
     r"o->number >> f->spf & 1", "(o->number & f->spf) != 0"),
    ("the greatest size does not count", "match_what.c",
     r"size <= \(uint64_t\)o->number2", "size < (uint64_t)o->number2"),
    # Modes
    ("marks of the last group instead of all", "category.c",
     r"\(\*sum\)\[i\] \|= part\[i\]", "(*sum)[i] = part[i]"),
    ("who-groups are all \"any\"", "category.c",
     r"mode_holds\(g->mode, h->count, g->nobject\)", "h->count > 0"),
    ("what-groups are all \"any\"", "category.c",
     r"combine_begin\(&w->group, g->mode\)",
     "combine_begin(&w->group, MATCH_ANY)"),
    ("at least one does not: as if it were none", "combine.c",
     r"mode == MATCH_ALL \|\| mode == MATCH_NOT_ALL", "mode == MATCH_ALL"),
    ("at least one does not: as if it were all", "combine.c",
     r"c->mode == MATCH_NOT_ALL \|\| ", ""),
    ("in \"all\" the whole mail is no part", "combine.c",
     r"any_of_m = m->whole \? UINT64_MAX : 0", "any_of_m = 0"),
    ("\"none\" of no objects does not match", "combine.c",
     r"mode_holds\(c->mode, 0, 0\)", "false"),
    ("the contrary of a part is a container, too", "category.c",
     r"if \(f->mime->part\[i\]->child == NULL\)", "if (1)"),
    ("the contrary of a field of the top names parts", "category.c",
     r"!\(o->flags & OBJ_TOP_ONLY\)", "true"),
)


def flags(*packages):
    out = subprocess.run(["pkg-config", *packages], stdout=subprocess.PIPE,
                         text=True, check=True)
    return out.stdout.split()


class Builder:
    def __init__(self, build):
        self.build = build
        self.scratch = os.path.join(build, "mutants")
        os.makedirs(self.scratch, exist_ok=True)
        with open(os.path.join(TOP, "Makefile"), encoding="utf-8") as f:
            packages = re.search(r"^LIB_PKGS := (.*)$", f.read(), re.M)[1]
        self.packages = packages.split()

    def driver(self, name, files):
        """files: name -> changed text. Path of the driver with them."""
        sources = []
        for path, text in files.items():
            sources.append(os.path.join(
                self.scratch, "%s-%s" % (name, os.path.basename(path))))
            with open(sources[-1], "w", encoding="utf-8") as f:
                f.write(text)
        driver = os.path.join(self.scratch, name)
        subprocess.run(
            ["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-DPMG_VERSION=\"0\"",
             "-I" + os.path.join(TOP, "pmgd"), "-O1", "-w",
             *flags("--cflags", *self.packages), "-o", driver, *sources,
             os.path.join(self.build, "tests/model/driver.o"),
             os.path.join(self.build, "libpmg.a"), "-Wl,--as-needed",
             *flags("--libs", *self.packages)], check=True)
        return driver


def source(path):
    with open(os.path.join(TOP, RULES, path), encoding="utf-8") as f:
        return f.read()


def first_difference(driver, count):
    """(seed, aspects) of the first case that differs, or None."""
    for found, _ in compare.run(driver, 0, count):
        if found:
            return found[0]
    return None


def control(builder, count):
    files = {path: source(path) for _, path, _, _ in MUTANTS}
    return first_difference(builder.driver("control", files), count)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("-n", type=int, default=3000, help="cases at most")
    ap.add_argument("build")
    args = ap.parse_args()
    builder, bad = Builder(args.build), 0
    found = control(builder, args.n)
    print("%sok 1 - control: the engine as it is%s" % (
        "not " if found else "", found and ": seed %d differs" % found[0]
        or ""), flush=True)
    bad += found is not None
    for number, (name, path, pattern, to) in enumerate(MUTANTS, 2):
        text, times = re.subn(pattern, to, source(path))
        if times != 1:
            what = "not ok %d - %s: found %d times in %s" % (
                number, name, times, path)
        else:
            found = first_difference(builder.driver(
                "mutant%d" % (number - 1), {path: text}), args.n)
            what = "ok %d - %s: seed %d, %s" % (
                number, name, found[0], found[1][0]) if found else \
                "not ok %d - %s: not noticed" % (number, name)
        print(what, flush=True)
        bad += what.startswith("not")
    print("1..%d" % (len(MUTANTS) + 1))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
