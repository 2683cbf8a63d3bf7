#!/usr/bin/python3
"""Writes the seeds that are made by a program: tests/fuzz/corpus/NAME/FILE.

All of them are written here by hand; no mail of anybody else is in them. What
libFuzzer made out of them has its checksum for a name (tests/fuzz/fuzz.py).
"""

import base64
import os
import struct

CORPUS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")


def put(target, name, data):
    folder = os.path.join(CORPUS, target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)


def lp(s):
    s = s.encode() if isinstance(s, str) else s
    return struct.pack(">I", len(s)) + s


# ---- header fields ----

WORDS = {
    "plain": b"Hello, world",
    "q": b"=?utf-8?q?Gr=C3=BC=C3=9Fe?= =?UTF-8?Q?_aus?= Wien",
    "b": b"=?iso-8859-1?B?R3L832U=?=\r\n =?iso-8859-1?B?IQ==?=",
    "cut": b"=?utf-8?q?=C3?= =?utf-8?q?=BC?=",
    "lang": b"=?us-ascii*en?Q?a_b?=",
    "jp": b"=?ISO-2022-JP?B?GyRCRnxLXBsoQg==?=",
    "gb": b"=?gb2312?B?xOO6ww==?= =?big5?B?p0GmbQ==?=",
    "8bit": b"Gr\xfc\xdfe \xc3\xbc \x80\x93",
    "unclosed": b"=?utf-8?q?abc =?utf-8?b?YWJj =?x?y?z?=",
    "controls": b"a\x00b\x7fc\t\r\n d",
    "unknown": b"=?x-nothing?q?=E4?= =?utf-7?q?+AOQ-?=",
    "long": b"=?utf-8?q?" + b"=C3=BC" * 60 + b"?=",
}
PARAMS = {
    "one": b"attachment; filename=a.txt",
    "quoted": b'attachment; filename="a \\"b\\".txt"; name=b',
    "ext": b"; filename*=utf-8'en'%e2%82%ac%20a.txt",
    "segments": b"; filename*0*=iso-8859-1''%e4; filename*1=\"b.t\";"
                b" filename*2*=%78t",
    "gap": b"; filename*0=a; filename*2=c; filename*1=b; filename*1=x",
    "dup": b"; boundary=a; boundary=\"a\"; BOUNDARY=b",
    "comment": b"(c(d)) ; (e) filename (f) = (g) \"a\"(h)b(i) ; charset=x",
    "semicolon": b"; name=file;.zip; name=\"a;b\"",
    "words": b'; name="=?utf-8?q?=C3=A4.exe?="; filename==?utf-8?b?YQ==?=',
    "unclosed": b'; name="abc; filename=(x; charset=utf-8',
    "blank": b"; name=a b c.txt ; filename = d.e name=\"x\"y.z",
    "fold": b";\r\n\tname=\r\n \"a\r\n b\"",
    "many": b"".join(b"; name*%d=x" % i for i in range(140)),
    "long": b"; filename=\"" + b"x" * 2500 + b"\"",
    "backslash": b'; name=b; filename="a\\',
    "escape": b"; filename=a\\;b\\\"c; boundary=\\",
}
NAMES = [b"a.txt", "Grüße aus Wien.pdf".encode(), b'a "b" \\c;d.exe',
         "日本語ファイル名の添付.docx".encode(), b"x" * 120]


def fields():
    for name, data in WORDS.items():
        put("field", "words-" + name, b"\0" + data)
        put("field", "put-" + name, b"\2" + data)
        put("field", "put8-" + name, b"\3" + data)
    for name, data in PARAMS.items():
        put("field", "params-" + name, b"\4" + data)
    for i, data in enumerate(NAMES):
        put("field", "put-name-%d" % i, b"\2" + data)
        put("field", "put8-name-%d" % i, b"\3" + data)
        for form in range(4):
            put("field", "name-%d-%d" % (i, form),
                bytes([6 | form << 6]) + data)


ADDRESSES = [
    b"a@b.c", b"<a@b.c>", b'"A, B" <a@B.C>, c@d (E (F))', b"g: a@b, c@d;, e@f",
    b"<@a,@b:c@d>", b'"a b"@c.d', b"a@[192.0.2.1]", b"a@[IPv6:2001:db8::1]",
    "ä@ö.example".encode(), b"=?utf-8?q?=C3=A4?= <a@b.example>",
    b"undisclosed-recipients:;", b"<a@b> <c@d>", b"a@b@c", b'"a@b', b"(a",
    b"a b <c d@e f>\r\n ,\r\n g@h", b"user", b"<>", b'"\\"\\\\"@x.y',
    b"<" * 50 + b"a@b", b"a@" + b"b" * 63 + b".c", b"a@-b.c", b"a..b@c.d",
    b"\xe4@b.c", b"a@b.c," * 20, b"a@b;c@d:e@f",
]
DATES = [
    b"Mon, 24 Nov 2003 10:11:12 +0100", b"24 Nov 03 10:11 EST (x)",
    b"Thu Jan  1 00:00:00 1970", b"2003-01-02T03:04:05.678Z",
    b"Sunday, 06-Nov-94 08:49:37 GMT", b"7/1/2003 10:52 PM",
    b"31 Feb 1999 25:61:61 +9999", b"1 Jan 100 00:00:00 -0000", b"Tue, 99",
    b"(c) Fri,\r\n 1 Jan 2038 00:00:00 A", b"2003-01-02 03:04:05 +01:00",
    b"20030102T030405Z", b"Wed, 31 Dec 1969 23:59:60 -2359", b"",
    b"Thu, 1 January 1998 1:2:3 am", b"9999-12-31T23:59:59+23:59",
    b"Mon Nov 24 10:11:12 CET 2003", b"24.11.2003 10:11",
]

# ---- bodies ----

CTE = {
    0: [b"SGVsbG8sIHdvcmxkCg==", b"SGVs\r\nbG8=\r\n", b"SGVsbG8", b"SGV$sbG8=",
        b"SGVsbA==bG8=", b"=", b"A===", b"AA==\r\nBB==", b"AAA=A", b"A"],
    1: [b"a=3Db=\r\nc =20\r\n", b"=e4=E4 \t\r\n", b"a=\nb=  \r\nc=", b"=4",
        b"x=zz\xe4", b"  trailing  ", b"=\r\n=\r\n.", b"soft=\r"],
    2: [b"begin 644 a.txt\n#86)C\n`\nend\n", b"#86)C\n$86)C9  \n",
        b"text\r\nbegin 0755 a b.exe\r\n%86)C9&4\r\n \r\nend\r\nbegin 644 c\n"
        b"!80\nend\n", b"no data at all", b"begin 644 x\nM\nend",
        b"begin 644\n", b"#86)\n"],
    3: [b"anything"],
    4: [b"SGVsbG8sIHdvcmxkCg==SGVsbG8sIHdvcmxkCg=="],
    5: [b"", b"a", b"ab", b"abc", bytes(range(256))],
    6: [b"a b\r\n-c\n.d = \t\r\n" + b"x" * 200, b"-", b" ", b"\xe4\r\r\n\t",
        b"long " * 40 + b"\n--b\n"],
    7: [b"a", b"ab", b"abc", bytes(range(256))],
    8: [b"a b_c=20=2", b"%41%4%zz%", b"\xc3\xa4?=_"],
}
CHARSETS = ["utf-8", "us-ascii", "iso-8859-1", "windows-1252", "iso-8859-15",
            "windows-1251", "koi8-r", "gb2312", "gbk", "gb18030", "big5",
            "shift_jis", "iso-2022-jp", "euc-jp", "euc-kr", "ks_c_5601-1987",
            "utf-16", "utf-16le", "utf-16be", "utf-7", "utf-32", "", "nothing",
            "unicode-1-1-utf-7", "macintosh", "tis-620", "ISO-8859-8-I",
            '"utf-8"', "x-sjis", "iso_8859-1:1987", "ansi_x3.4-1968"]


def bodies():
    for mode, list_ in CTE.items():
        for i, data in enumerate(list_):
            put("cte", "cte-%d-%d" % (mode, i), bytes([mode]) + data)
            if mode in (4, 5):
                put("cte", "cte-%d-%d-b" % (mode, i),
                    bytes([mode | 0x30]) + data)
    for name in CHARSETS:
        head = b"\x0f" + name.encode() + b"\n"
        for i, data in enumerate((
                b"plain", "Grüße €".encode(), "日本語 中文 한국".encode(),
                b"Gr\xfc\xdfe \x80 \x93\x94", b"\x1b$BF|K\\\x1b(B \xff\xfe",
                b"\xff\xfea\0\xac\x20\x3d\xd8", b"+AOQ- \xa1\xa1\x81\x30")):
            label = "".join(c for c in name if c.isalnum()) or "none"
            put("cte", "charset-%s-%d" % (label, i), head + data)


# ---- spamd ----

def spamd():
    def reply(body, status=b"0 EX_OK", length=None):
        n = len(body) if length is None else length
        return (b"SPAMD/1.1 " + status + b"\r\nContent-length: %d\r\n"
                b"Spam: True ; 5.1 / 5.0\r\n\r\n" % n + body)

    good = (b"score=5.1 required=5.0 bayes=0.5 autolearn=no\n"
            b"tests=BAYES_50=0.8,X=-0.1,GTUBE=1000,Y=.5,Z\n")
    put("spamd", "good", reply(good))
    put("spamd", "short", reply(good, length=500))
    put("spamd", "error", reply(b"", b"76 Bad header line"))
    put("spamd", "none", reply(b"score=-0.0 required=5\ntests=none\n"))
    put("spamd", "noscore", reply(b"Spam detection software\n"))
    put("spamd", "odd", reply(b"xscore=1\nscore= bayes=\ntests=,,=,a=b=c\n"))
    put("spamd", "large", reply(b"score=99999999.99999\ntests=" +
                                b"A=1," * 1100 + b"\n"))
    for i, data in enumerate((b"", b"\0\0\0", b"\1\0\x64", b"\0\xff\x9c"
                              + b"\1\0\1" * 5, b"\1\x13\x88" + bytes(range(99)),
                              b"\0\x80\0" + b"\xff\x80\0" * 1050)):
        put("spamd", "model-%d" % i, b"M" + data)


# ---- replies of a next hop ----

REPLIES = {
    "session": b"220 a ESMTP\r\n250-a\r\n250-PIPELINING\r\n250-SIZE 1\r\n"
               b"250 XFORWARD NAME ADDR\r\n250 2.1.0 Ok\r\n354 go\r\n"
               b"250 2.0.0 Ok: queued as 4XyZ\r\n221 bye\r\n",
    "refused": b"550-5.1.1 no\r\n550 5.1.1 such user\r\n",
    "codes-differ": b"250-a\r\n251 b\r\n",
    "closing": b"421 4.3.2 later\r\n250 Ok\r\n",
    "bare": b"250\r\n250\n250 \n250x\n",
    "junk": b"HTTP/1.1 200 OK\r\n", "low": b"199 a\r\n", "cut": b"250-a\r\n",
    "bytes": b"250 a\0b\x7f\xff\tc\r\n", "long": b"250 " + b"x" * 5000 + b"\r\n",
    "lines": b"250-a\r\n" * 120 + b"250 b\r\n",
}


# ---- S/MIME, OpenPGP, files within texts ----

def sealed():
    """The bytes that unit tests read, behind the number of their reader."""
    data = os.path.join(os.path.dirname(os.path.dirname(CORPUS)), "unit",
                        "data")
    for folder, which in (("smime", b"\0"), ("openpgp", b"\2")):
        for name in sorted(os.listdir(os.path.join(data, folder))):
            with open(os.path.join(data, folder, name), "rb") as f:
                raw = f.read()
            put("cms", "%s-%s" % (folder, name), which + raw)
            if folder == "openpgp":
                put("cms", "armor-" + name, b"\4Version: x\n\n" +
                    base64.encodebytes(raw) + b"=AbCd\n"
                    b"-----END PGP MESSAGE-----\n")
    packed = base64.b64encode(b"PK\3\4" + bytes(range(256)))
    for name, text in (
            ("ical", b"\5BEGIN:VCALENDAR\nATTACH;ENCODING=BASE64;"
             b"X-FILENAME=\"a b\":UEsDBA\n ==\nEND:VCALENDAR\n"),
            ("vcard", b"\5BEGIN:VCARD\nKEY:data:a/b;base64,UEsDBA==\n"
             b"PHOTO;BASE64:UEsDBA==\nEND:VCARD\n"),
            ("html-link", b"\6<html><a download='a.zip' href=\"data:a/b;"
             b"base64," + packed + b"\">x</a>"),
            ("html-references", b"\6<html><a href='&#100;ata:,%41&colon;" +
             b"%42" * 40 + b"'>"),
            ("html-script", b"\6<script>a=\"" + packed[:200] + b"\"+\n'" +
             packed[200:] + b"'</script>"),
            ("svg-script", b"\7<svg><script>atob(`" + packed +
             b"`)</script></svg>")):
        put("cms", name, text)


# ---- protocols and files ----

def filter_status():
    return struct.pack(">IIQQQIIIBQQQQQ", 5, 1, 7, 8, 9, 4, 2, 0, 1, 3, 2, 1,
                       17, 1700000000000000)


def protocols():
    put("proto_filter", "status", b"\0" + filter_status())
    put("proto_filter", "status-long", b"\0" + filter_status() + b"x")
    put("proto_filter", "status-short", b"\0" + filter_status()[:-1])
    put("proto_filter", "raw", b"\1" + struct.pack(">HHI", 1, 0x301, 3)
        + b"abc")
    put("proto_filter", "raw-lies", b"\1" + struct.pack(">HHI", 1, 0x301, 9)
        + b"abc")
    put("proto_filter", "raw-version", b"\1" + struct.pack(">HHI", 2, 1, 0))
    put("proto_filter", "raw-short", b"\1abc")
    for n in range(5):
        put("proto_filter", "send-%d" % n, bytes([5 + n]) + b"abc" * n + b"x")
    put("proto_scan", "request-name-long", b"\0" + lp("4B1") + struct.pack(
        ">QIIBQQ", 100, 1, 2, 3, 10, 20) + lp("x" * 70))


def events():
    put("event", "good", b"M" + bytes([4, 10, 4, 0, 4, 255]))
    put("event", "gap", b"M" + bytes([4, 10, 3, 200, 4, 20]))
    put("event", "noise", b"M" + bytes([4, 10, 0, 30, 4, 20, 0, 3, 4, 1]))
    put("event", "torn", b"M" + bytes([4, 10, 1, 30, 4, 20, 4, 5]))
    put("event", "torn-end", b"M" + bytes([4, 10, 4, 3, 1, 30]))
    put("event", "old", b"M" + bytes([4, 10, 4, 9, 2, 30, 4, 20]))
    put("event", "empty", b"M")
    put("event", "raw", b"R" + struct.pack(">IIQ", 2, 0, 1) + b"{}")
    put("event", "raw-short", b"R\0\0")


CONFIG = b"""# top
section: mail
\t# relay
\trelay mail.example.com
\trelayport 26
\trelayprotocol smtp
\ttls 1
\tdnsbl_sites a.example=127.0.0.[2;3]*2,b.example
section: spam
\tlanguages en de
\tspamd_timeout 60
section: admin
\tclamav 0
\temail admin@example.com
\thttp_proxy http://proxy.example:3128
# tail
"""


def config():
    put("config", "config", b"C" + CONFIG)
    put("config", "empty", b"C")
    for i, bad in enumerate((
            b"section: none\n", b"relay x\n", b"\trelay x\n",
            b"section: mail\nsection: mail\n", b"section: mail\n\trelayport x",
            b"section: mail\n\trelayport 25\n\trelayport 25\n",
            b"section: mail\n\tclamav 1\n", b"section: mail\n\tnothing 1\n",
            b"section: mail\n\trelay a\0b\n", b"section: spam\n\tlanguages !",
            b"section: mail\n\trelayprotocol x\n\ttls yes")):
        put("config", "bad-%d" % i, b"C" + bad)
    put("config", "ldap", b"Lldap: a\n\tserver1 x\n\tserver2 192.0.2.1\n"
        b"\tmode ldap+starttls\n\tverify 1\n\tcafile /a.pem\n\tport 3\n"
        b"\tbindpw cyBl4oKsY3JldA==\n\tfilter (&(a=1)(b=2))\n"
        b"\tmailattr mail, x;y\n\tcomment a%20%c3%bc\n# c\n"
        b"ldap: b\n server1 y\n filter a=1\n disable 1\n")
    put("config", "ldap-bad", b"Lldap: a\n\tbindpw password\n")
    put("config", "map-domains", b"0example.com\n# c\n.x\nExample.org y # z\n")
    put("config", "map-transport", b"1example.com smtp:[192.0.2.1]:25\n"
        b"a@b.example lmtp:inet:h:24\n.c.example smtp:h\nx relay:[h]\n")
    put("config", "map-networks", b"2192.0.2.0/24 # c\n2001:db8::/32\n"
        b"[::1]/128\n10.0.0.1\n10.0.0.1/8\n")
    put("config", "map-tls", b"3example.com encrypt\na.example secure match=b\n"
        b"b.example none\n[c]:25 verify\n")
    for i, t in enumerate((
            b"a {{b}} {{d}}\n{{#if c}}\nyes\n{{else}}\nno\n{{/if}}\n",
            b"{{#unless a}}x{{#if b}}y{{/if}}{{/unless}}{{! c }}", b"{{", b"}}",
            b"{{#if a}}", b"{{/if}}", b"{{else}}", b"{{x}}", b"{{#each a}}",
            b"{{#if a}}" * 17, b"{{#if a}}1{{else}}2{{else}}3{{/if}}")):
        put("config", "template-%d" % i, b"T" + t)
    for i, v in enumerate((
            b"mail.example.com", b"192.0.2.1", b"2001:db8::/32", b"10.0.0.0/8",
            b"a@b.example", b"/etc/x", b"https://a.example/x?y=%20",
            b"a.example=127.0.0.[2;3]*-2 b.example", b"en de", b"all",
            b"10.0.0.1/8", b"a b", b"[::1]/128", b"1.2.3.4.5", b"x" * 300)):
        put("config", "value-%d" % i, b"v" + v)


def quarfile():
    trailer = struct.pack(">QIII", 5, 0, 0, 0) + b"PMGQUAR1"
    put("quarfile", "raw", b"\0hello" + trailer)
    put("quarfile", "short", b"\0PMGQUAR1")
    put("quarfile", "sealed-empty", b"\1")
    # The envelopes of proto_store's seeds ("\0" chooses that decoder there).
    for name in ("commit", "count_lies"):
        path = os.path.join(CORPUS, "proto_store", name)
        with open(path, "rb") as f:
            put("quarfile", "sealed-" + name, b"\1" + f.read()[1:])


# ---- what hides in a message ----

def part(kind, body, more=b""):
    return (b"Content-Type: " + kind + b"\r\n" + more + b"\r\n" + body)


def yenc():
    data = bytes((c + 42) % 256 for c in b"MZ" + bytes(range(200)))
    for c in b"\0\n\r=":
        data = data.replace(bytes([c]), b"=" + bytes([(c + 64) % 256])) \
            if c != 61 else data
    return (b"text\r\n=ybegin line=128 size=202 name=a b.exe\r\n" +
            data[:120] + b"\r\n" + data[120:] + b"\r\n=yend size=202\r\n")


def binhex():
    digits = (b"!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ["
              b"`abcdefhijklmpqr")
    raw = (b"\x05a.exe\0APPLMSWD\0\0" + struct.pack(">II", 6, 0) + b"\0\0" +
           b"MZ\x90\x05\x90\0" + b"\0\0" + b"\0\0")
    out, acc, bits = b"", 0, 0
    for c in raw:
        acc, bits = acc << 8 | c, bits + 8
        while bits >= 6:
            bits -= 6
            out += digits[acc >> bits & 63:][:1]
    return (b"(This file must be converted with BinHex 4.0)\r\n\r\n:" +
            out[:64] + b"\r\n" + out[64:] + b":\r\n")


def tnef():
    def attribute(level, what, data):
        return (struct.pack("<BII", level, what, len(data)) + data +
                struct.pack("<H", sum(data) & 0xffff))

    def binary(prop, data):
        return (struct.pack("<HHII", 0x0102, prop, 1, len(data)) + data +
                bytes(-len(data) % 4))

    text = b"{\\rtf1 hello}"
    stored = struct.pack("<II4sI", len(text) + 12, len(text), b"MELA",
                         0) + text
    packed = b"\0{\\rtf1 a" + b"b" * 8 + b"\x01\x0d\xf0"
    packed = struct.pack("<II4sI", len(packed) + 12, 20, b"LZFu", 0) + packed
    name = b"a.exe\0"
    props = struct.pack("<I", 3) + binary(0x1009, packed) + binary(
        0x1009, stored) + struct.pack("<HHI", 3, 0x0e13, 7)
    inner = struct.pack("<I", 2) + struct.pack(
        "<HHII", 0x001e, 0x3707, 1, len(name)) + name + bytes(
        -len(name) % 4) + binary(0x3701, b"MZ inside")
    return (struct.pack("<IH", 0x223e9f78, 1) +
            attribute(1, 0x00089006, struct.pack("<I", 0x10000)) +
            attribute(1, 0x00069003, props) +
            attribute(2, 0x00069002, bytes(14)) +
            attribute(2, 0x00018010, name) +
            attribute(2, 0x0006800f, b"MZ data") +
            attribute(2, 0x00069005, inner) +
            attribute(2, 0x00069002, bytes(14)) +
            attribute(2, 0x0006800f, b"second"))


def hidden():
    put("mime", "yenc.eml", part(b"text/plain", yenc()))
    put("mime", "binhex.eml", part(b"application/mac-binhex40", binhex()))
    put("mime", "binhex_text.eml", part(b"text/plain", b"x\r\n" + binhex()))
    for i, cut in enumerate((None, 100, 30, -3)):
        put("mime", "tnef-%d.eml" % i, part(
            b"application/ms-tnef; name=winmail.dat",
            base64.encodebytes(tnef()[:cut]),
            b"Content-Transfer-Encoding: base64\r\n"))
    for flag in (3, 7, 0x1b):
        put("edit", "html-%02x" % flag, bytes([flag]) + part(
            b"text/html; charset=utf-8",
            b"<html><head><title>t</title></head><!-- x --><BODY class='a>'>"
            b"<p>text &amp; more</p><script>a</script></body></html>\r\n"))
    for name, label, text in (
            ("jp", b"iso-2022-jp", b"\x1b$BF|K\\8l\x1b(B a \x1b$@F|\x1b(J b"),
            ("jp-kana", b"iso-2022-jp", b"\x1b(I1234\x1b(B\x1b$(D0!\x1b(B"),
            ("kr", b"iso-2022-kr", b"\x1b$)C\x0e0!30\x0f a"),
            ("hz", b"hz-gb-2312", b"a ~{VPND~} b ~~ ~\n"),
            ("utf7", b"utf-7", b"+AOQA9g- +- +AGE +2D3eAA-"),
            ("utf16", b"utf-16", b"\xfe\xff\0a\xd8\x3d\xde\0\xdc\0"),
            ("utf32", b"utf-32le", b"a\0\0\0\0\xf6\1\0\0\0\x11\0")):
        put("cte", "escape-" + name, b"\x0f" + label + b"\n" + text)


# ---- whole sessions ----

MIXED = (b"From: A <a@example.com>\r\nTo: b@example.org\r\n"
         b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMIME-Version: 1.0\r\n"
         b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
         b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nhello\r\n"
         b"..\r\n--b\r\nContent-Type: application/octet-stream\r\n"
         b"Content-Disposition: attachment; filename=a.exe\r\n"
         b"Content-Transfer-Encoding: base64\r\n\r\n" +
         base64.b64encode(b"MZ" + bytes(60)) + b"\r\n--b--\r\n")


def sessions():
    start = (b"XFORWARD NAME=c.example ADDR=192.0.2.1 PORT=1025 HELO=c\r\n"
             b"XFORWARD PROTO=ESMTP IDENT=4B1 SOURCE=REMOTE\r\n"
             b"MAIL FROM:<a@example.com> SIZE=100 BODY=8BITMIME RET=HDRS "
             b"ENVID=x\r\nRCPT TO:<b@example.org> NOTIFY=NEVER "
             b"ORCPT=rfc822;b@example.org\r\nRCPT TO:<c@example.org>\r\n"
             b"DATA\r\n")
    small = b"Subject: x\r\n\r\nbody\r\n.\r\n"
    for name, flag in (("plain", 0), ("park", 1), ("unwritten", 2), ("out", 4),
                       ("scan", 8), ("scan-out", 12)):
        for hello in (b"LHLO a\r\n", b"EHLO a\r\n"):
            put("session", "%s-%s" % (name, hello[:4].decode().lower()),
                bytes([flag]) + hello + start + small + b"QUIT\r\n")
            put("session", "mixed-%s-%s" % (name, hello[:4].decode().lower()),
                bytes([flag]) + hello + start + MIXED + b".\r\n" + start
                + small + b"QUIT\r\n")
    for i, text in enumerate((
            b"NOOP\r\nVRFY x\r\nRSET\r\nHELO a\r\nQUIT\r\n",
            b"MAIL FROM:<a>\r\nLHLO a\r\nDATA\r\nRCPT TO:<b>\r\nQUIT\r\n",
            b"LHLO a\r\nMAIL FROM:<>\r\nMAIL FROM:<>\r\nXFORWARD NAME=a\r\n"
            b"RCPT TO:<bad\r\nDATA\r\n",
            b"LHLO a\nMAIL\r\n", b"LHLO a\0\r\n", b"x\r\n" * 25,
            b"LHLO " + b"a" * 5000 + b"\r\n", b"LHLO a\r\n" + start + b"cut",
            b"LHLO a\r\n" + start + b"bare\nlf\rcr\r\n.\r\n",
            b"LHLO a\r\n" + start + b".\r\nQUIT\r\n",
            b"LHLO a\r\nMAIL FROM:<a@b.c> SIZE=99999999999\r\n"
            b"MAIL FROM:<a@b.c> X=Y\r\nMAIL FROM:<\xc3\xa4@b.c> SMTPUTF8\r\n"
            b"RCPT TO:<\xc3\xa4@b.c>\r\nDATA\r\n\xc3\xa4: \xe4\r\n.\r\n")):
        put("session", "odd-%d" % i, b"\0" + text)


def zone_file(rule, transitions=(), offsets=(0,), leap=0):
    """TZif: (moment, type) and the types' offsets from UTC."""
    def block(size):
        head = b"TZif2" + bytes(15) + struct.pack(
            ">6I", 0, 0, leap, len(transitions), len(offsets), 4)
        times = b"".join(struct.pack(">q", t)[8 - size:]
                         for t, _ in transitions)
        return head + times + bytes(i for _, i in transitions) + b"".join(
            struct.pack(">iBB", o, i % 2, 0) for i, o in enumerate(offsets)
        ) + b"LMT\0" + bytes(leap * (size + 4))
    return block(4) + block(8) + b"\n" + rule + b"\n"


def zones():
    changes = [(1000000000 + 15552000 * i, i % 2) for i in range(12)]
    for n, rule in enumerate((
            b"", b"UTC0", b"CET-1CEST,M3.5.0,M10.5.0/3",
            b"IST-1GMT0,M10.5.0,M3.5.0/1", b"<+1030>-10:30<+11>-11,J60,J300",
            b"AAA3BBB,60/-24,300/167:59:59", b"AAA3BBB,0/0,J365/25")):
        for name, made in (("rule", zone_file(rule)),
                           ("all", zone_file(rule, changes, (3600, 7200)))):
            put("zone", "%s-%d" % (name, n),
                struct.pack(">q", 1718409600) + made)
    put("zone", "leap", bytes(8) + zone_file(b"UTC0", leap=1))
    put("zone", "order", bytes(8) + zone_file(b"", changes[::-1]))


# ---- the LDAP directory ----

def directory():
    def table(*rows):
        return lp(b"".join(struct.pack(">%dI" % len(r), *r) for r in rows))

    # Its fuzz target puts the header in front of 'H'.
    text = b"\0p\0cn=g\0g\0uid=a\0a\0a@b.c\0"
    tables = [table((1, 0, 5)), table((0, 3, 8, 1)),
              table((0, 10, 0, 1, 0, 1, 0, 1)), table((16,)), table((18, 0)),
              table((0,)), table((0,)), table((0,), (1,))]
    put("directory", "one", b"H" + b"".join(tables) + lp(text))
    put("directory", "none", b"H" + b"".join([lp(b"")] * 7)
        + table((0,), (0,)) + lp(b"\0"))
    put("directory", "twice", b"H" + b"".join(
        tables[:5] + [table((0,), (0,)), table((0,), (0,)),
                      table((0,), (1,), (2,))]) + lp(text))
    put("directory", "good", b"M")
    put("directory", "outside", b"M\0\x04\x7f")
    put("directory", "raw", b"SPMGLDAPD\0\0\0\1")


def recorded_part(parent, kind, name=None, others=(), header=()):
    major, minor = kind.split("/")
    out = struct.pack(">II", parent, 0) + lp(major) + lp(minor) + lp(kind)
    out += bytes([name is not None]) + lp(name or "")
    out += struct.pack(">I", len(others)) + b"".join(map(lp, others))
    return out + struct.pack(">I", len(header)) + b"".join(
        lp(n) + lp(v) for n, v in header)


def recorded():
    """pmgd/lib/rules/recorded.h"""
    none = 0xffffffff
    head = struct.pack(">BIB", 1, 31, 0) + b"".join(
        map(lp, ("LOGID", "4ABC", "a@example.org", "192.0.2.1")))
    head += struct.pack(">I", 2) + lp("b@example.com") + lp("c@example.com")
    head += struct.pack(">QIBQBBI", 1234567890, 77, 3, 4096, 3, 15, 5)
    head += lp("Eicar")
    header = (("Subject", " =?utf-8?q?x?="), ("X-SPAM-LEVEL", " 5"))
    single = struct.pack(">I", 1) + recorded_part(none, "text/plain",
                                                  header=header)
    mixed = struct.pack(">I", 4) + b"".join((
        recorded_part(none, "multipart/mixed", header=header),
        recorded_part(0, "message/rfc822"),
        recorded_part(1, "text/html"),
        recorded_part(0, "application/zip", "a.zip", ("b.exe", "c"))))
    inside = struct.pack(">I", 2) + struct.pack(">III", 3, 1, 7) + \
        lp("dir/x.exe") + lp("application/x-ms-dos-executable") + \
        struct.pack(">III", 0, 0, 0) + lp("") + lp("")
    put("recorded", "single", head + single + struct.pack(">I", 0))
    put("recorded", "mixed", head + mixed + inside)


# ---- user lists ----

def userlist():
    for i, text in enumerate((
            "a@b.example", "@Example.COM", "*@x.example", "10.1.2.3/8",
            "2001:db8::1/32", "10.1.2.300", "a b@c", "ä@ö.example", "*",
            "a@b@c", "x" * 513)):
        put("userlist", "entry-%d" % i, b"E" + text.encode())
        put("userlist", "owner-%d" % i, b"O" + text.encode())
    for i, (pattern, text) in enumerate((
            ("*a*b", "xaxb"), ("a?c", "abc"), ("*" * 9 + "z", "a" * 60),
            ("?*?", "ab"), ("", ""))):
        put("userlist", "glob-%d" % i,
            b"G" + pattern.encode() + b"\0" + text.encode())
    put("userlist", "build", b"Bb@b.example a@x.example\n *.example\n"
        b"b.example 192.0.2.0/24\n 192.0.2.1\nb@b.example b.example\n")
    put("userlist", "build-many", b"B" + b"".join(
        b"b@b.example *%d@x.example\n" % i for i in range(40)))
    counts = [0, 1, 0, 0, 0, 1]
    put("userlist", "sealed", b"H" + struct.pack(">III", 1, 2, 1) +
        lp(b"b@b.example\0") + struct.pack(">6I", *counts) +
        lp(b"*@x.example\0") + lp(b"192.0.2.0/24\0"))
    put("userlist", "raw", b"SPMGLISTS")
    row = lp("b@b.example") + b"\0" + lp("a@x.example") + lp("") + lp("me")
    row += bytes(8)
    for verb in range(1, 7):
        put("proto_lists", "request-%d" % verb, b"\0" +
            bytes([verb, 0, 1, verb == 5]) + lp("b@b.example") + lp("me") +
            lp("") + lp("") + struct.pack(">I", 1) + row)
    put("proto_lists", "reply", b"\1\0" + lp("done") + struct.pack(
        ">5I", 1, 2, 3, 4, 5) + b"\1" + lp("b.example") + lp("a") +
        struct.pack(">I", 2) + 2 * row)
    head = b"\2owner,kind,pattern,comment\r\n"
    for i, text in enumerate((
            b"", b"b@b.example,allow,*@x.example,\r\n,block,10.0.0.0/8,x\n",
            b'"b@b.example","block","a@x.example","a ""b"", c"\n',
            b"b@b.example,allow,a@b\nB@b.example,block,A@b\n",
            b'x,"allow\n", "y', b"b.example,block,a b\n" * 30)):
        put("proto_lists", "csv-%d" % i, head + text)
    put("proto_lists", "csv-columns",
        b"\2\xef\xbb\xbfkind,x,pattern,owner\nallow,,a@b.c,\n")


if __name__ == "__main__":
    fields()
    for n, a in enumerate(ADDRESSES):
        put("addr", "addr-%d" % n, a)
    for n, a in enumerate(DATES):
        put("date", "date-%d" % n, a)
    bodies()
    spamd()
    sealed()
    for n, a in REPLIES.items():
        put("smtp_reply", n, a)
    protocols()
    events()
    config()
    quarfile()
    hidden()
    sessions()
    zones()
    directory()
    recorded()
    userlist()
