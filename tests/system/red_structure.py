"""Mails of red.py: boundaries, delimiters, types and headers."""

from tests.system.red_base import (
    CRLF, Mail, NAMED, TEXT, VIRUS, attachment, b64, head, mail, mixed,
    multi, part, uu)


def boundaries():
    ct = b"Content-Type: multipart/mixed; "
    long = b"L" * 300
    longer = b"M" * 1500
    everyone, tb = "all", "Thunderbird, Python email"
    for name, client, field, boundary in (
            ("upper-case", everyone, ct + b"BOUNDARY=b1", b"b1"),
            ("2231-extended", tb, ct + b"boundary*=us-ascii''b%31", b"b1"),
            ("2231-no-charset", tb, ct + b"boundary*=''b%31", b"b1"),
            ("2231-segments", tb, ct + b"boundary*0=b; boundary*1=1", b"b1"),
            ("2231-mixed-segments", tb,
             ct + b"boundary*0*=us-ascii'en'b%31; boundary*1=x", b"b1x"),
            ("2231-reversed", "MIME::Tools",
             ct + b"boundary*1=1; boundary*0=b", b"b1"),
            ("2231-and-plain", tb, ct + b"boundary=other; boundary*0=b; "
             b"boundary*1=1", b"b1"),
            ("2231-quoted", "Python email",
             ct + b"boundary*=\"us-ascii''b%31\"", b"b1"),
            ("comment-before", "JavaMail", ct + b"boundary=(c)b1", b"b1"),
            ("comment-behind", everyone, ct + b'boundary="b1" (c)', b"b1"),
            ("comment-nested", "JavaMail", ct + b'(a (b) c) boundary="b1"',
             b"b1"),
            ("comment-unclosed", "Outlook", ct + b'boundary="b1" (c', b"b1"),
            ("comment-before-key", "JavaMail", ct + b"(x)boundary(y)=(z)b1",
             b"b1"),
            ("no-semicolon", "Outlook, Apple Mail",
             b"Content-Type: multipart/mixed boundary=b1", b"b1"),
            ("comma", "Outlook", b"Content-Type: multipart/mixed, boundary=b1",
             b"b1"),
            ("two-semicolons", everyone,
             b"Content-Type: multipart/mixed;; boundary=b1", b"b1"),
            ("colon", "Outlook", b"Content-Type: multipart/mixed: boundary=b1",
             b"b1"),
            ("folded-behind-sign", everyone, ct + b"boundary=\r\n b1", b"b1"),
            ("folded-in-quotes", "mutt", ct + b'boundary="b\r\n 1"', b"b 1"),
            ("folded-in-quotes-joined", "Outlook",
             ct + b'boundary="b\r\n\t1"', b"b1"),
            ("folded-key", "Outlook", ct + b"bound\r\n ary=b1", b"b1"),
            ("tabs-around-sign", everyone, ct + b"boundary\t=\tb1", b"b1"),
            ("vertical-tab", "Outlook, Python email",
             b"Content-Type: multipart/mixed;\x0bboundary=b1", b"b1"),
            ("form-feed", "Outlook, Python email",
             b"Content-Type: multipart/mixed;\x0cboundary=b1", b"b1"),
            ("no-break-space", "Python email",
             b"Content-Type: multipart/mixed;\xc2\xa0boundary=b1", b"b1"),
            ("trailing-blanks", "Thunderbird", ct + b'boundary="b1  "',
             b"b1  "),
            ("leading-blanks", "mutt", ct + b'boundary="  b1"', b"  b1"),
            ("leading-blanks-trimmed", "Outlook", ct + b'boundary="  b1"',
             b"b1"),
            ("empty-quoted", "Python email", ct + b'boundary=""', b""),
            ("empty", "Python email", ct + b"boundary=", b""),
            ("one-blank", "Thunderbird", ct + b'boundary=" "', b" "),
            ("300-bytes", everyone, ct + b"boundary=" + long, long),
            ("1500-bytes", everyone, ct + b"\r\n boundary=" + longer, longer),
            ("cut-at-70", "libetpan", ct + b"boundary=" + long, long[:70]),
            ("twice-plain-first", "Outlook",
             ct + b'boundary=b1; boundary="other"', b"b1"),
            ("twice-quoted-last", "Gmail",
             ct + b'boundary=other; boundary="b1"', b"b1"),
            ("single-quotes", "Apple Mail", ct + b"boundary='b1'", b"b1"),
            ("quote-unclosed", "Outlook", ct + b'boundary="b1', b"b1"),
            ("quote-inside", "Outlook", ct + b'boundary=b"1"', b"b1"),
            ("quote-only-behind", "Outlook", ct + b'boundary=b1"', b"b1"),
            ("two-quoted", "mutt", ct + b'boundary="b" "1"', b"b"),
            ("backslash", everyone, ct + b'boundary="b\\1"', b"b1"),
            ("backslash-kept", "Outlook", ct + b'boundary="b\\1"', b"b\\1"),
            ("backslash-unquoted", "Outlook", ct + b"boundary=b\\1", b"b\\1"),
            ("8bit", everyone, ct + b'boundary="b\xc3\xbc1"', b"b\xc3\xbc1"),
            ("encoded-word", "Thunderbird",
             ct + b'boundary="=?us-ascii?Q?b1?="', b"b1"),
            ("encoded-word-raw", everyone,
             ct + b'boundary="=?us-ascii?Q?b1?="', b"=?us-ascii?Q?b1?="),
            ("semicolon-quoted", everyone, ct + b'boundary="b;1"', b"b;1"),
            ("semicolon-plain", "Outlook", ct + b"boundary=b;1", b"b;1"),
            ("specials-plain", everyone, ct + b"boundary=----=_b1:/?@[]",
             b"----=_b1:/?@[]"),
            ("parentheses-plain", "Outlook", ct + b"boundary=b(1)", b"b(1)"),
            ("garbage-behind", "Outlook", ct + b'boundary="b1"xyz', b"b1"),
            ("comma-behind", "mutt", ct + b"boundary=b1, x=y", b"b1"),
            ("nul-behind", "Outlook", ct + b"boundary=b1\0x", b"b1"),
            ("percent", "Outlook Express", ct + b"boundary=b%31", b"b%31"),
            ("dashes", everyone, ct + b'boundary="--b1"', b"--b1"),
            ("ends-in-dashes", everyone, ct + b'boundary="b1--"', b"b1--"),
            ("only-dashes", everyone, ct + b'boundary="--"', b"--"),
            ("not-declared", "Apple Mail, Outlook",
             b"Content-Type: multipart/mixed", b"b1"),
            ("wrong-key", "Apple Mail",
             b"Content-Type: multipart/mixed; bounary=b1", b"b1"),
            ("key-with-star-blank", "Python email", ct + b"boundary *=''b1",
             b"b1"),
            ("case-differs", "Outlook Express", ct + b"boundary=B1", b"b1")):
        yield Mail("boundary " + name, client, VIRUS, mixed(field, boundary))


def delimiters():
    good = b"Content-Type: multipart/mixed; boundary=b1"
    plain = mixed()
    text, file = TEXT + CRLF, attachment() + CRLF
    for name, client, body in (
            ("trailing-tab", "all", b"--b1\t\r\n" + text + b"--b1 \t \r\n" +
             file + b"--b1--\r\n"),
            ("garbage-behind", "Outlook", b"--b1 x\r\n" + text + b"--b1 y\r\n"
             + file + b"--b1--\r\n"),
            ("garbage-joined", "mutt", b"--b1x\r\n" + text + b"--b1y\r\n" +
             file + b"--b1--\r\n"),
            ("nul-behind", "Outlook", b"--b1\0\r\n" + text + b"--b1\0\r\n" +
             file + b"--b1--\r\n"),
            ("vertical-tab-behind", "Python email", b"--b1\x0b\r\n" + text +
             b"--b1\x0b\r\n" + file + b"--b1--\r\n"),
            ("blank-in-front", "Outlook", b" --b1\r\n" + text + b" --b1\r\n" +
             file + b" --b1--\r\n"),
            ("closed-first", "Thunderbird", b"--b1--\r\n--b1\r\n" + text +
             b"--b1\r\n" + file + b"--b1--\r\n"),
            ("file-behind-end", "Outlook", b"--b1\r\n" + text + b"--b1--\r\n"
             b"--b1\r\n" + file + b"--b1--\r\n"),
            ("closed-with-dash", "mutt", b"--b1\r\n" + text + b"--b1-\r\n" +
             file + b"--b1--\r\n"),
            ("end-with-text", "Outlook", b"--b1\r\n" + text + b"--b1--x\r\n" +
             file + b"--b1--\r\n"),
            ("no-end", "all", b"--b1\r\n" + text + b"--b1\r\n" + file),
            ("no-line-end", "all", b"--b1\r\n" + text + b"--b1\r\n" +
             attachment()),
            ("bare-cr-lines", "Outlook", (b"--b1\r\n" + text + b"--b1\r\n" +
             file + b"--b1--\r\n").replace(b"\r\n", b"\r")),
            ("cr-cr-lf", "Thunderbird", (b"--b1\r\n" + text + b"--b1\r\n" +
             file + b"--b1--\r\n").replace(b"\r\n", b"\r\r\n")),
            ("lf-cr", "Outlook", (b"--b1\r\n" + text + b"--b1\r\n" + file +
             b"--b1--\r\n").replace(b"\r\n", b"\n\r")),
            ("lf-only", "all", (b"--b1\r\n" + text + b"--b1\r\n" + file +
             b"--b1--\r\n").replace(b"\r\n", b"\n"))):
        yield Mail("delimiter " + name, client, VIRUS, mail([good], body))
    top, body = plain.split(b"\r\n\r\n", 1)
    for name, client, raw in (
            ("within-header", "Outlook", top + CRLF + body),
            ("lf-only-mail", "all", plain.replace(b"\r\n", b"\n")),
            ("bare-cr-mail", "Apple Mail", plain.replace(b"\r\n", b"\r")),
            ("lf-header-crlf-body", "all", top.replace(b"\r\n", b"\n") +
             b"\n\n" + body)):
        yield Mail("delimiter " + name, client, VIRUS, raw)
    inner = multi([TEXT, attachment()], b"b1b")
    same = multi([TEXT, attachment()], b"b1")
    shorter = multi([TEXT, attachment()], b"b")
    for name, client, field, inside in (
            ("inner-longer", "all", b"b1b", inner),
            ("inner-same", "Thunderbird", b"b1", same),
            ("inner-shorter", "all", b"b", shorter)):
        yield Mail("nested " + name, client, VIRUS, mixed(parts=[TEXT, part(
            [b"Content-Type: multipart/mixed; boundary=" + field], inside)]))
    yield Mail("nested outer-ends-first", "Outlook", VIRUS, mail(
        [b"Content-Type: multipart/mixed; boundary=o1"], multi([TEXT, part(
            [good], b"--b1\r\n" + text)], b"o1") + b"--b1\r\n" + file +
        b"--b1--\r\n"))


def types():
    b = b"; boundary=b1"
    for name, client, field in (
            ("upper-case", "all", b"CONTENT-TYPE: MULTIPART/MIXED" + b),
            ("no-subtype", "Outlook", b"Content-Type: multipart" + b),
            ("empty-subtype", "Outlook", b"Content-Type: multipart/" + b),
            ("unknown-subtype", "all", b"Content-Type: multipart/x-foo" + b),
            ("two-slashes", "Outlook", b"Content-Type: multipart/mixed/x" + b),
            ("blank-before-slash", "Outlook",
             b"Content-Type: multipart /mixed" + b),
            ("blank-behind-slash", "Outlook",
             b"Content-Type: multipart/ mixed" + b),
            ("comment-before", "JavaMail",
             b"Content-Type: (c) multipart/mixed" + b),
            ("comment-within", "MIME::Tools",
             b"Content-Type: multi(c)part/mixed" + b),
            ("comment-at-slash", "JavaMail",
             b"Content-Type: multipart(c)/(d)mixed" + b),
            ("quoted", "Gmail", b'Content-Type: "multipart/mixed"' + b),
            ("quoted-half", "Gmail", b'Content-Type: "multipart"/mixed' + b),
            ("backslash", "Outlook", b"Content-Type: multipart\\mixed" + b),
            ("comma", "Outlook", b"Content-Type: multipart/mixed, x/y" + b),
            ("encoded-word", "Outlook",
             b"Content-Type: =?us-ascii?Q?multipart/mixed?=" + b),
            ("leading-semicolon", "Outlook",
             b"Content-Type: ; multipart/mixed" + b),
            ("no-blank-behind-colon", "all",
             b"Content-Type:multipart/mixed;boundary=b1"),
            ("blank-before-colon", "Outlook, Thunderbird",
             b"Content-Type : multipart/mixed" + b),
            ("tab-before-colon", "Outlook",
             b"Content-Type\t: multipart/mixed" + b),
            ("folded-at-once", "all", b"Content-Type:\r\n multipart/mixed" +
             b),
            ("folded-colon", "Outlook Express",
             b"Content-Type\r\n : multipart/mixed" + b),
            ("folded-blank-line", "Python email",
             b"Content-Type: multipart/mixed;\r\n \r\n boundary=b1"),
            ("folded-in-token", "Outlook",
             b"Content-Type: multi\r\n part/mixed" + b),
            ("nul-in-value", "Outlook", b"Content-Type: multipart/\0mixed" +
             b),
            ("nul-in-name", "Outlook", b"Content-\0Type: multipart/mixed" + b),
            ("8bit-in-name", "-", b"Content-Type\xa0: multipart/mixed" + b),
            ("text-plain", "Outlook Express", b"Content-Type: text/plain" + b),
            ("message-rfc822", "Outlook", b"Content-Type: message/rfc822" +
             b),
            ("text-then-multipart", "Outlook", b"Content-Type: text/plain\r\n"
             b"Content-Type: multipart/mixed" + b),
            ("multipart-then-text", "Thunderbird",
             b"Content-Type: multipart/mixed" + b +
             b"\r\nContent-Type: text/plain"),
            ("two-boundaries", "Outlook", b"Content-Type: multipart/mixed; "
             b"boundary=other\r\nContent-Type: multipart/mixed" + b),
            ("behind-bare-cr", "Outlook, Apple Mail",
             b"X-Info: a\rContent-Type: multipart/mixed" + b),
            ("behind-blank-line", "Outlook Express",
             b"X-Info: a\r\n \t\r\nContent-Type: multipart/mixed" + b),
            ("behind-junk-line", "Thunderbird",
             b"this is no field\r\nContent-Type: multipart/mixed" + b),
            ("behind-vertical-tab", "Python email",
             b"X-Info: a\x0bContent-Type: multipart/mixed" + b),
            ("behind-nel", "Python email",
             b"X-Info: a\xc2\x85Content-Type: multipart/mixed" + b),
            ("continued-by-form-feed", "Python email",
             b"Content-Type: multipart/mixed;\r\n\x0c boundary=b1"),
            ("report", "all", b"Content-Type: multipart/report; "
             b"report-type=delivery-status" + b),
            ("related", "all", b"Content-Type: multipart/related; "
             b"type=text/html" + b),
            ("signed", "all", b"Content-Type: multipart/signed; "
             b"protocol=application/pgp-signature" + b),
            ("encrypted", "Apple Mail", b"Content-Type: multipart/encrypted; "
             b"protocol=application/pgp-encrypted" + b),
            ("appledouble", "Apple Mail",
             b"Content-Type: multipart/appledouble" + b),
            ("form-data", "mutt", b"Content-Type: multipart/form-data" + b)):
        yield Mail("type " + name, client, VIRUS, mixed(field))
    good = [b"Content-Type: multipart/mixed; boundary=b1"]
    body = multi([TEXT, attachment()])
    for name, client, version in (
            ("missing", "all", None), ("0.9", "all", b"MIME-Version: 0.9"),
            ("comment", "all", b"MIME-Version: 1.0 (x)"),
            ("2.0", "all", b"MIME-Version: 2.0"),
            ("empty", "all", b"MIME-Version:"),
            ("twice", "all", b"MIME-Version: 1.0\r\nMIME-Version: 0.1")):
        yield Mail("version " + name, client, VIRUS,
                   mail(good, body, version=version))
    for name, client, top in (
            ("from-line", "mutt, Outlook",
             [b"From x@outside.example Tue Nov 24 00:00:00 2026"]),
            ("quoted-from-line", "mutt",
             [b">From x@outside.example Tue Nov 24 00:00:00 2026"]),
            ("byte-order-mark", "Python email", [b"\xef\xbb\xbfX-Info: a"]),
            ("blank-line-first", "Outlook", [b""]),
            ("blanks-first", "Outlook", [b"  "]),
            ("junk-first", "Outlook", [b"no field at all"]),
            ("continuation-first", "mutt", [b" a: b"])):
        yield Mail("top " + name, client, VIRUS, mail(good, body, top=top))
    yield Mail("top bom-on-type", "Python email", VIRUS, b"\xef\xbb\xbf" +
               good[0] + CRLF + mail([], body))
    yield Mail("header second-block", "Outlook Express", VIRUS, mail(
        [], good[0] + CRLF + b"MIME-Version: 1.0\r\n\r\n" + body))
    yield Mail("header bare-cr-separated", "Outlook, Apple Mail", VIRUS,
               b"\r".join(head() + [b"MIME-Version: 1.0"] + good) +
               b"\r\n\r\n" + body)


def part_headers():
    ct, cte = NAMED[0], b"Content-Transfer-Encoding: base64"
    for name, client, whole in (
            ("no-empty-line", "Outlook", ct + CRLF + cte + CRLF + b64()),
            ("blanks-for-empty-line", "Outlook", ct + CRLF + cte +
             b"\r\n \r\n" + b64()),
            ("from-line", "mutt", b"From x\r\n" + ct + CRLF + cte +
             b"\r\n\r\n" + b64()),
            ("junk-line", "Thunderbird", ct + b"\r\njunk\r\n" + cte +
             b"\r\n\r\n" + b64()),
            ("indented", "Outlook", b" " + ct + b"\r\n " + cte +
             b"\r\n\r\n" + b64()),
            ("empty-line-first", "Outlook Express", CRLF + ct + CRLF + cte +
             b"\r\n\r\n" + b64()),
            ("bare-cr-between", "Outlook", ct + b"\r" + cte + b"\r\n\r\n" +
             b64()),
            ("no-header", "all", CRLF + uu()),
            ("only-encoding", "Outlook", cte + b"\r\n\r\n" + b64()),
            ("image-type", "all", b"Content-Type: image/gif; name=a.gif\r\n" +
             cte + b"\r\n\r\n" + b64()),
            ("text-type", "all", b"Content-Type: text/plain; name=a.zip\r\n" +
             cte + b"\r\n\r\n" + b64()),
            ("html-type", "all", b"Content-Type: text/html\r\n" + cte +
             b"\r\n\r\n" + b64()),
            ("many-fields", "all", ct + CRLF + b"".join(
                b"X-%d: y\r\n" % n for n in range(990)) + cte +
             b"\r\n\r\n" + b64())):
        yield Mail("part " + name, client, VIRUS, mixed(parts=[TEXT, whole]))
