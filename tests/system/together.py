"""A gateway whose rules treat the recipients of one mail differently, and mails
for it: by the recipient's domain, when the mail has the attachment."""

from tests.rig.samples import multipart

from . import inside_rules

PASS, STRIP, QUAR, BLOCK = ("pass.example", "strip.example", "quar.example",
                            "block.example")
KEEP = "keep.example"       # as STRIP, and the original is kept
SENDER = "a@outside.example"
NAME = "verdict.txt"


def rules(gateway):
    inside_rules.change(gateway, rules=[
        ("Keep for one", 99, QUAR, [(inside_rules.FILENAME, NAME)],
         inside_rules.QUARANTINE),
        ("Block for one", 98, BLOCK, [(inside_rules.FILENAME, NAME)],
         inside_rules.BLOCK),
        ("Strip for one", 97, STRIP, [(inside_rules.FILENAME, NAME)],
         inside_rules.REMOVE),
        inside_rules.rule(
            "Keep the original", 96,
            [inside_rules.obj(inside_rules.DOMAIN, KEEP)],
            [inside_rules.obj(inside_rules.REMOVE,
                              flags=inside_rules.QUARANTINE_COPY)],
            [inside_rules.obj(inside_rules.FILENAME, NAME)])])


def mail(ident):
    return multipart(SENDER, "list@pass.example", ident, "The text.", NAME,
                     "text/plain", b"Content of " + ident.encode())


def rcpts(ident, *domains):
    """One address a domain; two of the same domain differ."""
    return ["%s-%d@%s" % (ident, n, d) for n, d in enumerate(domains)]
