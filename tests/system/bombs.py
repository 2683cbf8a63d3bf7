"""Mails made to exhaust whoever reads them. Every one is generated: nothing
large or harmful stands in the tree.

BOMBS: {name: Bomb}. Archives of zeros are written by hand where a packer would
really have to read what they unpack to.
"""

import base64
import bz2
import lzma
import struct
import zlib

from tests.rig.samples import header

MB = 1 << 20


class Bomb:
    """make() -> the mail. held: it cannot be looked at as a whole within any
    sane limit, so it may not be delivered as if it had been. slow: takes more
    than a second of CPU; `make check` sends it once only."""

    def __init__(self, make, held, slow):
        self.make, self.held, self.slow = make, held, slow


BOMBS = {}


def bomb(name, held, slow=False):
    def add(make):
        BOMBS[name] = Bomb(make, held, slow)
        return make
    return add


# ---- mails ----

def top(name, extra=()):
    lines = header("a@outside.example", "b@in.example", "bomb " + name, extra)
    return "\r\n".join(lines).encode() + b"\r\n"


def b64(content):
    return base64.encodebytes(content).replace(b"\n", b"\r\n")


def attached(name, content):
    """A mail with one attachment."""
    return top(name, ["Content-Type: multipart/mixed; boundary=b"]) + (
        b"\r\n--b\r\nContent-Type: text/plain\r\n\r\nsee attachment\r\n--b\r\n"
        b"Content-Type: application/octet-stream; name=\"%s\"\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" % name.encode()
        + b64(content) + b"--b--\r\n")


def html(name, text):
    return top(name, ["Content-Type: text/html; charset=utf-8"]) + \
        b"\r\n" + text + b"\r\n"


# ---- zip ----

def deflated_zeros(size):
    """A raw deflate stream of `size` zeros (whole MB): one MB, repeated."""
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    one = z.compress(bytes(MB)) + z.flush(zlib.Z_FULL_FLUSH)
    return one * (size // MB) + b"\x03\x00"


def crc_of_zeros(size):
    crc, chunk = 0, bytes(MB)
    for _ in range(size // MB):
        crc = zlib.crc32(chunk, crc)
    return crc


def local_header(name, method, crc, packed, size):
    return struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, method, 0, 0x5d78, crc,
                       packed, size, len(name), 0) + name


def zip_end(entries):
    """Central directory; entries: (name, method, crc, packed size, size,
    offset)."""
    body = b"".join(
        struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, method, 0, 0x5d78,
                    crc, packed, size, len(name), 0, 0, 0, 0, 0, offset) + name
        for name, method, crc, packed, size, offset in entries)
    return body, struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, len(entries),
                             len(entries), len(body), 0, 0)


def zip_join(front, entries):
    body, end = zip_end(entries)
    return front + body + end[:16] + struct.pack("<IH", len(front), 0)


def zip_of(members):
    """[(name, method, crc, packed bytes, size)] -> a zip."""
    front, entries = b"", []
    for name, method, crc, packed, size in members:
        entries.append((name, method, crc, len(packed), size, len(front)))
        front += local_header(name, method, crc, len(packed), size) + packed
    return zip_join(front, entries)


def stored(name, content):
    return name, 0, zlib.crc32(content), content, len(content)


def packed(name, content):
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (name, 8, zlib.crc32(content), z.compress(content) + z.flush(),
            len(content))


@bomb("zip of zeros", held=True)
def zip_zeros():
    size = 1000 * MB
    return attached("zeros.zip", zip_of([
        (b"zeros.bin", 8, crc_of_zeros(size), deflated_zeros(size), size)]))


@bomb("nested zip, 16 to the power of 5", held=True)
def zip_42():
    size = 64 * MB
    level = zip_of([(b"0.dll", 8, crc_of_zeros(size), deflated_zeros(size),
                     size)])
    for n in range(5):
        level = zip_of([packed(b"lib %x.zip" % i, level) for i in range(16)])
    return attached("42.zip", level)


@bomb("zip, 100 levels deep", held=True)
def zip_deep():
    level = b"the end"
    for n in range(100):
        level = zip_of([stored(b"%d.zip" % n, level)])
    return attached("deep.zip", level)


@bomb("overlapping zip", held=True)
def zip_overlap():
    """Each member is the header of the next one, quoted, and all that follows
    it: one kernel unpacks once for each member."""
    size, count = 2 * MB, 500
    kernel, zeros = deflated_zeros(size), bytes(size)
    name = [b"%d" % n for n in range(count)]
    tail, entries, quoted = kernel, [], []
    crc, packed_size, real = crc_of_zeros(size), len(kernel), size
    for n in reversed(range(count)):
        head = local_header(name[n], 8, crc, packed_size, real)
        entries.insert(0, (name[n], 8, crc, packed_size, real, len(tail)))
        quoted.insert(0, head)
        block = b"\0" + struct.pack("<HH", len(head), len(head) ^ 0xffff)
        tail = block + head + tail
        packed_size, real = packed_size + len(block + head), real + len(head)
        crc = zlib.crc32(zeros, zlib.crc32(b"".join(quoted)))
    front = tail[5:]            # the first header itself is not quoted
    at = len(front)
    entries = [(a, b, c, d, e, at - (off + len(quoted[n])))
               for n, (a, b, c, d, e, off) in enumerate(entries)]
    return attached("overlap.zip", zip_join(front, entries))


@bomb("zip, 60,000 members in one place", held=True)
def zip_same_place():
    one = packed(b"x", bytes(100000))
    front = local_header(one[0], 8, one[2], len(one[3]), one[4]) + one[3]
    return attached("same.zip", zip_join(
        front, [(b"x", 8, one[2], len(one[3]), one[4], 0)] * 60000))


# ---- streams ----

def gz(content):
    z = zlib.compressobj(6, zlib.DEFLATED, 31)
    return z.compress(content) + z.flush()


@bomb("gzip of 10 GB", held=True)
def gzip_members():
    """20 MB of zeros, 500 members, packed once more."""
    return attached("zeros.gz.gz", gz(gz(bytes(20 * MB)) * 500))


@bomb("gzip quine", held=True)
def gzip_quine():
    return attached("quine.gz", make_gzip_quine())


@bomb("bzip2 of 9 GB", held=True, slow=True)
def bzip2_streams():
    return attached("zeros.bz2", bz2.compress(bytes(45 * MB)) * 200)


@bomb("xz of 10 GB", held=True)
def xz_streams():
    one = lzma.compress(bytes(20 * MB), preset=0)
    return attached("zeros.xz", one * 500)


@bomb("zstd of 10 GB", held=True)
def zstd_blocks():
    """Run-length blocks of 128 kB, four bytes each (RFC 8878 3.1.1.2)."""
    block = struct.pack("<I", 128 * 1024 << 3 | 1 << 1)[:3] + b"\0"
    last = struct.pack("<I", 1 << 3 | 1 << 1 | 1)[:3] + b"\0"
    return attached("zeros.zst", struct.pack("<IBB", 0xfd2fb528, 0, 10 << 3)
                    + block * 80000 + last)


def number_7z(n):
    return b"\xff" + struct.pack("<Q", n)


@bomb("7z of 4 GB", held=True)
def seven_zip():
    """One file, LZMA2: chunks that repeat the one before them."""
    raw = lzma.compress(bytes(32 * MB), lzma.FORMAT_RAW, filters=[
        {"id": lzma.FILTER_LZMA2, "preset": 0}])[:-1]
    data, size = raw * 128 + b"\0", 128 * 32 * MB
    name = "zeros.bin\0".encode("utf-16-le")
    head = (b"\x01\x04\x06\x00\x01\x09" + number_7z(len(data)) + b"\x00"
            b"\x07\x0b\x01\x00\x01\x21\x21\x01\x18\x0c" + number_7z(size)
            + b"\x00\x08\x00\x00\x05\x01\x11" + bytes([len(name) + 1]) + b"\x00"
            + name + b"\x00\x00")
    start = struct.pack("<QQI", len(data), len(head), zlib.crc32(head))
    return attached("zeros.7z", b"7z\xbc\xaf\x27\x1c\x00\x04" + struct.pack(
        "<I", zlib.crc32(start)) + start + data + head)


def tar_header(name):
    """Of an empty file; name: six digits, whose sum is all that differs."""
    h = bytearray(512)
    h[0:10] = b"000000.txt"
    h[100:107], h[108:115], h[116:123] = b"0000644", b"0" * 7, b"0" * 7
    h[124:135], h[136:147] = b"0" * 11, b"0" * 11
    h[148:156], h[156], h[257:265] = b" " * 8, ord("0"), b"ustar\x0000"
    h[148:155] = b"%06o\0" % (sum(h) + sum(name) - 6 * ord("0"))
    h[0:6] = name
    return bytes(h)


@bomb("tar of 100,000 entries", held=True, slow=True)
def tar_entries():
    return attached("many.tar.gz", gz(b"".join(
        tar_header(b"%06d" % n) for n in range(100000)) + bytes(1024)))


# ---- documents, images, disk images ----

def office(parts):
    types = (b'<?xml version="1.0"?><Types xmlns="http://schemas.openxml'
             b'formats.org/package/2006/content-types"><Default Extension='
             b'"xml" ContentType="application/vnd.openxmlformats-office'
             b'document.wordprocessingml.document.main+xml"/></Types>')
    return zip_of([packed(b"[Content_Types].xml", types)] + parts)


@bomb("docx of a billion laughs", held=False)
def docx_laughs():
    entities = [b'<!ENTITY l0 "lol">'] + [
        b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10)
        for n in range(1, 12)]
    return attached("laughs.docx", office([packed(
        b"word/document.xml", b'<?xml version="1.0"?><!DOCTYPE d [' +
        b"".join(entities) + b"]><d>&l11;</d>")]))


@bomb("docx with a part of 1 GB", held=True)
def docx_huge():
    size = 1000 * MB
    return attached("huge.docx", office([(
        b"word/document.xml", 8, crc_of_zeros(size), deflated_zeros(size),
        size)]))


@bomb("PDF with a hundred filters", held=False, slow=True)
def pdf_filters():
    stream = bytes(20 * MB)
    for _ in range(30):
        stream = zlib.compress(stream, 1)
    obj = b"".join(
        b"%d 0 obj\n<</Length %d/Filter[%s]>>\nstream\n%s\nendstream\nendobj\n"
        % (n, len(stream), b"/FlateDecode" * 100, stream)
        for n in range(1, 2000))
    return attached("filters.pdf", b"%PDF-1.4\n" + obj +
                    b"trailer<</Root 1 0 R/Prev 0>>\nstartxref\n0\n%%EOF\n")


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(
        ">I", zlib.crc32(kind + data))


@bomb("PNG of 2 billion lines", held=False)
def png_giant():
    return attached("giant.png", b"\x89PNG\r\n\x1a\n" + png_chunk(
        b"IHDR", struct.pack(">IIBBBBB", 0x7fffffff, 0x7fffffff, 16, 6, 0, 0,
                             0)) +
        png_chunk(b"IDAT", zlib.compress(bytes(50 * MB), 9)) +
        png_chunk(b"IEND", b""))


@bomb("OLE2 with loops", held=False)
def ole2_loop():
    """FAT, MiniFAT and DIFAT that lead back to themselves, a directory whose
    siblings and child are itself."""
    sector = 512
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack(
        "<HHHHHHIIIIIIIIII", 0x3e, 3, 0xfffe, 9, 6, 0, 0, 0, 1, 1, 0, 4096, 2,
        0x7fffffff, 3, 0x7fffffff)
    head = (head + struct.pack("<I", 0) * 109)[:sector].ljust(sector, b"\0")
    fat = struct.pack("<128I", *([1, 2, 1, 3] + [n for n in range(4, 128)]))
    entry = "Root Entry".encode("utf-16-le").ljust(64, b"\0") + struct.pack(
        "<HBBIII", 22, 5, 1, 0, 0, 0) + bytes(36) + struct.pack(
        "<IQ", 1, 1 << 30)
    return attached("loop.doc", head + fat + entry * 4 +
                    struct.pack("<128I", *[2] * 128) +
                    struct.pack("<128I", *[3] * 128))


@bomb("ISO with a folder in itself", held=False)
def iso_loop():
    def both(fmt, n):
        return struct.pack("<" + fmt, n) + struct.pack(">" + fmt, n)

    def record(name, sector, folder):
        body = b"\0" + both("I", sector) + both("I", 2048) + bytes(7) + bytes(
            [2 if folder else 0, 0, 0]) + both("H", 1) + bytes([len(name)])
        body += name + b"\0" * (1 - len(name) % 2)
        return bytes([len(body) + 1]) + body
    root = record(b"\0", 18, True)
    volume = b"\x01CD001\x01\0" + b" " * 72 + both("I", 19) + bytes(32)
    volume += both("H", 1) * 2 + both("H", 2048) + both("I", 10) + bytes(16)
    volume = (bytes(0) + volume).ljust(156, b"\0")[:156] + root
    listing = root + record(b"\1", 18, True)
    listing += b"".join(record(b"D%02d" % n, 18, True) for n in range(30))
    return attached("loop.iso", bytes(16 * 2048) + volume.ljust(2048, b"\0") +
                    b"\xffCD001\x01".ljust(2048, b"\0") +
                    listing.ljust(2048, b"\0"))


@bomb("TNEF junk", held=False)
def tnef_junk():
    attribute = struct.pack("<BII", 2, 0x6900f, 0xfffffff0) + bytes(60)
    many = struct.pack("<BIIH", 2, 0x69002, 0, 0) * 100000
    return attached("winmail.dat", struct.pack("<IH", 0x223e9f78, 1) + many +
                    attribute)


@bomb("lha, arj, cab, rar with broken headers", held=False)
def broken_headers():
    kinds = [
        ("a.lzh", b"\x24\x9d-lh5-" + b"\xff" * 13 + b"\x02" + b"\xff" * 300),
        ("a.arj", b"\x60\xea\xff\xff" + b"\x1e" * 2600),
        ("a.cab", b"MSCF" + bytes(4) + b"\xff" * 12 + bytes(4) + b"\3\1" +
         b"\xff\xff" * 3 + b"\xff" * 400),
        ("a.rar", b"Rar!\x1a\x07\x00" + (b"\0\0\x73\0\0\x0d\0" + bytes(6)) +
         b"\0\0\x74\0\x80\xff\xff" + b"\xff" * 300),
        ("b.rar", b"Rar!\x1a\x07\x01\x00" + b"\xff" * 500),
        ("a.rpm", b"\xed\xab\xee\xdb\3" + b"\xff" * 91 +
         b"\x8e\xad\xe8\x01\0\0\0\0" + b"\xff" * 200),
        ("a.deb", b"!<arch>\ndebian-binary   " + b"9" * 34 + b"`\n"),
        ("a.z", b"\x1f\x9d\x90" + b"\xff" * 3000),
    ]
    parts = b"".join(
        b"--b\r\nContent-Type: application/octet-stream; name=%s\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n%s" % (
            name.encode(), b64(content)) for name, content in kinds)
    return top("broken", ["Content-Type: multipart/mixed; boundary=b"]) + \
        b"\r\n" + parts + b"--b--\r\n"


# ---- MIME ----

@bomb("multipart, 10,000 deep", held=True)
def mime_deep():
    return top("deep", ["Content-Type: multipart/mixed; boundary=b0"]) + \
        b"\r\n" + b"".join(
            b"--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n"
            % (n, n + 1) for n in range(10000)) + b"--b10000\r\n\r\nend\r\n"


@bomb("100,000 parts", held=True, slow=True)
def mime_parts():
    return top("parts", ["Content-Type: multipart/mixed; boundary=b"]) + \
        b"\r\n" + b"--b\r\n\r\nx\r\n" * 100000 + b"--b--\r\n"


@bomb("message/rfc822, 1,000 deep", held=True)
def mime_messages():
    return top("messages") + b"Content-Type: message/rfc822\r\n\r\n" * 1000 + \
        b"Subject: end\r\n\r\nend\r\n"


@bomb("message/rfc822 in base64, 30 deep", held=False)
def mime_messages_base64():
    level = b"Subject: end\r\n\r\nend\r\n"
    for n in range(30):
        level = (b"Content-Type: message/rfc822\r\n"
                 b"Content-Transfer-Encoding: base64\r\n\r\n" + b64(level))
    return top("base64") + level


@bomb("boundaries that begin one another", held=True)
def mime_prefixes():
    """Each delimiter line begins like all that are open."""
    count = 600
    return top("prefix", ["Content-Type: multipart/mixed; boundary=a"]) + \
        b"\r\n" + b"".join(
            b"--%s\r\nContent-Type: multipart/mixed; boundary=%s\r\n\r\n"
            % (b"a" * n, b"a" * (n + 1)) for n in range(1, count)) + \
        (b"--" + b"a" * count + b"b\r\n") * 2000


@bomb("boundary of 1 MB", held=False)
def mime_boundary():
    line = b"b" * MB
    return top("boundary", ["Content-Type: multipart/mixed;"]) + \
        b" boundary=" + line + b"\r\n\r\n--" + line + b"\r\n\r\nx\r\n--" + \
        line + b"--\r\n"


@bomb("header of 2 MB in one field", held=True)
def header_field():
    return top("field", ["X-Long: " + "\r\n ".join(["x" * 900] * 2300)]) + \
        b"\r\nbody\r\n"


@bomb("100,000 header fields", held=True)
def header_fields():
    return top("fields", ["X-%d: x" % n for n in range(100000)]) + \
        b"\r\nbody\r\n"


@bomb("100,000 recipients in To:", held=True)
def header_to():
    return top("to", ["Cc: " + ",\r\n ".join(
        '"R %d" <r%d@in.example>' % (n, n) for n in range(100000))]) + \
        b"\r\nbody\r\n"


@bomb("RFC 2231 in 100,000 segments", held=True)
def rfc2231_segments():
    return top("2231", ["Content-Disposition: attachment"]) + \
        b"Content-Type: application/octet-stream" + b"".join(
            b";\r\n name*%d*=%%41" % n for n in range(100000)) + \
        b"\r\n\r\nbody\r\n"


@bomb("a million encoded words", held=True)
def encoded_words():
    words = b" ".join([b"=?a?q?A?="] * 90)
    return top("words") + b"X-Words: " + b"\r\n ".join([words] * 11112) + \
        b"\r\n\r\nbody\r\n"


@bomb("nested comments and quotes", held=False)
def header_comments():
    return top("comments") + b"Content-Type: " + b"\r\n ".join(
        [b"(" * 450] * 1000) + b" text/plain; name=\"" + b"\\" * 400000 + \
        b"\r\n\r\nbody\r\n"


# ---- bodies ----

@bomb("line of 10 MB", held=False)
def line_long():
    return top("line", ["Content-Type: text/plain"]) + b"\r\n" + \
        b"0123456789" * 950000 + b"\r\n"


@bomb("base64 of junk only", held=False)
def base64_junk():
    return top("junk", ["Content-Type: application/octet-stream",
                        "Content-Transfer-Encoding: base64"]) + b"\r\n" + \
        (b"!*_~" * 18 + b"\r\n") * 60000


@bomb("uuencode, 100,000 begins", held=True, slow=True)
def uuencode_begins():
    return top("uu", ["Content-Type: text/plain"]) + b"\r\n" + b"".join(
        b"begin 644 f%d.exe\r\n#0V%%T\r\n`\r\nend\r\n" % n
        for n in range(100000))


@bomb("HTML, a million open tags", held=False)
def html_tags():
    return html("tags", b"<div><b>" * 500000)


@bomb("HTML, nothing closed", held=False)
def html_unclosed():
    return html("unclosed", (b"<!-- <a href=\"x" * 3 + b"<![CDATA[ <style>"
                             b"<script>&#x" + b"9" * 60) * 20000)


@bomb("HTML of entities and links", held=False)
def html_links():
    return html("links", b"".join(
        b"<a href=\"http://h%d.example/?u=%s\">&amp;amp;</a>\r\n" % (
            n, b"%2568ttp%253a" * 20) for n in range(8000)))


@bomb("text that regular expressions choke on", held=False)
def regex_text():
    name = "a" * 200000 + "!"
    return top("regex", [
        "Subject: " + "\r\n ".join(["a" * 900] * 200) + "!",
        "Content-Type: application/octet-stream;",
        ' name="%s"' % name]) + b"\r\n" + \
        (b"a" * 70 + b" " * 70 + b"\r\n") * 40000


# ---- a gzip stream that unpacks to itself ----
#
# Two instructions of the same length, 5 bytes: L(n), a stored block that
# prints the next n bytes, and R(n), a block that prints the last n bytes once
# more. A program of these prints itself with a head and a tail of any length;
# the check sum in the tail is then the solution of 32 linear equations.

UNIT = 5


def print_op(n):
    return b"\0" + struct.pack("<HH", n, n ^ 0xffff)


def repeat_op(n):
    """n in 17 to 20: two matches at distance n, 40 bits in all."""
    bits = [0, 1, 0]                    # not the last block; fixed codes

    def put(value, count):              # Huffman codes: high bit first
        bits.extend(value >> i & 1 for i in reversed(range(count)))
    for length in (n // 2, n - n // 2):
        put(length + 254 - 256, 7)      # 3 to 10: codes 257 to 264
        put(8, 5)                       # distances 17 to 24, 3 more bits
        bits.extend((n - 17) >> i & 1 for i in range(3))
    put(0, 7)                           # end of block
    return bytes(sum(bits[i + k] << k for k in range(8))
                 for i in range(0, 40, 8))


def quine_with(crc, stamp):
    head = b"\x1f\x8b\x08\x08" + struct.pack("<I", stamp) + b"\x02\xffq\0"
    length = 0
    for _ in range(2):
        tail = b"\1\0\0\xff\xff" + struct.pack("<II", crc, length)
        more = (print_op(len(head) + UNIT), repeat_op(len(head) + UNIT),
                print_op(len(tail) + UNIT), repeat_op(len(tail) + UNIT))
        p_head, r_head, p_tail, r_tail = more
        p0, p1, p4, r4 = (print_op(0), print_op(UNIT), print_op(4 * UNIT),
                          repeat_op(4 * UNIT))
        text = b"".join((
            head, p_head, head, p_head, r_head, p1, r_head, p1, p1, p4, r_head,
            p1, p1, p4, r4, p4, r4, p4, r4, p4, r4, p4, r4, p0, p0, p_tail, r4,
            p0, p0, p_tail, r_tail, tail, r_tail, tail))
        length = len(text)
    return text


def solve(columns, want):
    """x with XOR of columns[i] over the bits of x == want, or None."""
    rows = []                           # (pivot, value, combination)
    for i, value in enumerate(columns):
        mask = 1 << i
        for pivot, v, m in rows:
            if value >> pivot & 1:
                value, mask = value ^ v, mask ^ m
        if value:
            rows.append((value.bit_length() - 1, value, mask))
    x = 0
    for pivot, v, m in rows:
        if want >> pivot & 1:
            want, x = want ^ v, x ^ m
    return None if want else x


def make_gzip_quine():
    for stamp in range(64):
        base = zlib.crc32(quine_with(0, stamp))
        columns = [zlib.crc32(quine_with(1 << i, stamp)) ^ base ^ 1 << i
                   for i in range(32)]
        crc = solve(columns, base)
        if crc is not None:
            text = quine_with(crc, stamp)
            assert zlib.decompress(text, 31) == text
            return text
    raise AssertionError("no solution")
