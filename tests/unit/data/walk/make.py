#!/usr/bin/python3
"""Makes the archives in this folder that tests/unit/test_walk*.c read.

Needs: p7zip-full zip libarchive-tools xorriso arj rpm dpkg gcab jlha-utils
lzip lz4 zstd bzip2 xz-utils. RAR is written by hand, stored: its packer is
not free. What the tools cannot make (evasions, broken ones) is made here too.
make_active.py makes the documents with active content.
"""

import gzip
import io
import lzma
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib

OUT = os.path.dirname(os.path.abspath(__file__))
EXE = b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0" + b"\0" * 48 + b"a program\n" * 40
TEXT = b"harmless words\n" * 60
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 24
DATE = (2020, 1, 1, 0, 0, 0)


def put(name, data):
    with open(os.path.join(OUT, name), "wb") as f:
        f.write(data)


def run(*argv, **kw):
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, **kw)


def take(*names):
    for name in names:
        shutil.copy(name, os.path.join(OUT, name))


def zipped(members, method=zipfile.ZIP_DEFLATED):
    b = io.BytesIO()
    with zipfile.ZipFile(b, "w") as z:
        for name, data in members:
            z.writestr(zipfile.ZipInfo(name, DATE), data, method)
    return b.getvalue()


# RAR ---------------------------------------------------------------------

def rar4_block(kind, bits, body, data=b""):
    head = struct.pack("<BHH", kind, bits, 7 + len(body)) + body
    return struct.pack("<H", zlib.crc32(head) & 0xffff) + head + data


def rar4_file(name, data, bits=0, method=0x30):
    body = struct.pack("<IIBIIBBHI", len(data), len(data), 2,
                       zlib.crc32(data), 0, 20, method, len(name), 0x20) + name
    return rar4_block(0x74, 0x8000 | bits, body, data)


def rar4(*blocks, main=0):
    return b"Rar!\x1a\x07\0" + rar4_block(0x73, main, b"\0" * 6) + \
        b"".join(blocks) + rar4_block(0x7b, 0x4000, b"")


def vint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def rar5_block(body):
    size = vint(len(body))
    return struct.pack("<I", zlib.crc32(size + body)) + size + body


def rar5_file(name, data, extra=b"", method=0):
    body = vint(2) + vint((1 if extra else 0) | 2)
    if extra:
        body += vint(len(extra))
    body += vint(len(data)) + vint(4) + vint(len(data)) + vint(0x20) + \
        struct.pack("<I", zlib.crc32(data)) + vint(method << 7) + vint(1) + \
        vint(len(name)) + name + extra
    return rar5_block(body) + data


def rar5(*blocks):
    return b"Rar!\x1a\x07\x01\0" + rar5_block(vint(1) + vint(0) + vint(0)) + \
        b"".join(blocks) + rar5_block(vint(5) + vint(0) + vint(0))


def make_rar():
    put("plain.rar4", rar4(rar4_file(b"note.txt", TEXT),
                           rar4_file(b"dir\\evil.exe", EXE)))
    # high byte 0x04 (Cyrillic): two plain bytes, then U+0444 as op 1
    enc = b"x.exe\0" + b"\x04" + b"\x55" + b"\x44\x43\x42\x41" + b"\x00" + b".exe"
    put("unicode.rar4", rar4(rar4_file(enc, EXE, 0x200)))
    put("encrypted.rar4", rar4(rar4_file(b"evil.exe", EXE, 4)))
    put("headers.rar4", rar4(b"\x55" * 64, main=0x80))
    put("packed.rar4", rar4(rar4_file(b"evil.exe", b"\x55" * 64, 0, 0x33)))
    put("plain.rar5", rar5(rar5_file(b"note.txt", TEXT),
                           rar5_file("dir/\u044d.exe".encode(), EXE)))
    secret = vint(1) + vint(0) + vint(0) + b"\x0f" + b"\x55" * 32
    put("encrypted.rar5", rar5(rar5_file(b"evil.exe", EXE,
                                         vint(len(secret)) + secret)))
    put("headers.rar5", b"Rar!\x1a\x07\x01\0" + rar5_block(
        vint(4) + vint(0) + vint(0) + vint(0) + b"\x0f" + b"\x55" * 16) +
        b"\x55" * 200)
    put("sfx.rar5.exe", EXE + b"\0" * 100 + rar5(rar5_file(b"in.exe", EXE)))
    put("nested.rar4", rar4(rar4_file(b"in.zip", zipped([("evil.exe", EXE)]))))


# Zip evasions ------------------------------------------------------------

def zip_local(name, data, bits=0, method=0, packed=None, size=None):
    packed = len(data) if packed is None else packed
    return b"PK\x03\x04" + struct.pack(
        "<HHHHHIIIHH", 20, bits, method, 0, 0x21, zlib.crc32(data), packed,
        size if size is not None else packed, len(name), 0) + name + data


def zip_central(name, data, off, bits=0, method=0, extra=b"", packed=None,
                size=None):
    packed = len(data) if packed is None else packed
    return b"PK\x01\x02" + struct.pack(
        "<HHHHHHIIIHHHHHII", 20, 20, bits, method, 0, 0x21, zlib.crc32(data),
        packed, size if size is not None else packed, len(name), len(extra),
        0, 0, 0, 0, off) + name + extra


def zip_end(n, size, off):
    return b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, n, n, size, off, 0)


def zip_of(locals_, centrals):
    cd = b"".join(centrals)
    body = b"".join(locals_)
    return body + cd + zip_end(len(centrals), len(cd), len(body))


def deflate(data):
    c = zlib.compressobj(9, zlib.DEFLATED, -15)
    return c.compress(data) + c.flush()


def make_zip_evasions():
    a = zip_local(b"note.txt", TEXT)
    put("local-only.zip", zip_of([a, zip_local(b"evil.exe", EXE)],
                                 [zip_central(b"note.txt", TEXT, 0)]))
    put("central-only.zip", zip_of([a], [
        zip_central(b"note.txt", TEXT, 0),
        zip_central(b"evil.exe", EXE, 0x7fffff)]))
    put("names-differ.zip", zip_of([zip_local(b"note.txt", EXE)],
                                   [zip_central(b"evil.exe", EXE, 0)]))
    put("nul.zip", zip_of([zip_local(b"evil.exe\0.txt", EXE)],
                          [zip_central(b"evil.exe\0.txt", EXE, 0)]))
    put("latin1.zip", zip_of([zip_local(b"\xfcbel.exe", EXE)],
                             [zip_central(b"\xfcbel.exe", EXE, 0)]))
    uni = struct.pack("<BI", 1, zlib.crc32(b"note.txt")) + b"evil.exe"
    put("unicode-path.zip", zip_of([zip_local(b"note.txt", EXE)], [zip_central(
        b"note.txt", EXE, 0, extra=struct.pack("<HH", 0x7075, len(uni)) + uni)]))
    # The directory says stored, the header deflated: two contents.
    packed = deflate(zipped([("evil.exe", EXE)]))
    put("methods-differ.zip", zip_of(
        [zip_local(b"x", packed, method=8, size=600)],
        [zip_central(b"x", packed, 0)]))
    # Streamed: sizes behind the data, and no directory at all.
    put("streamed.zip", zip_local(b"evil.exe", deflate(EXE), 8, 8, 0, 0) +
        b"PK\x07\x08" + b"\0" * 12)
    put("bad-size.zip", zip_of(
        [zip_local(b"evil.exe", deflate(EXE), 0, 8, size=3)],
        [zip_central(b"evil.exe", deflate(EXE), 0, 0, 8, size=3)]))
    good = zipped([("evil.exe", EXE)])
    put("junk.zip", b"Any text may stand here.\n" * 20 + good)
    put("sfx.zip.exe", EXE + good)
    put("picture.png", PNG + good)
    put("trailing.zip", good + b"\r\n" * 50)
    put("two-ends.zip", zipped([("note.txt", TEXT)]) + good)
    put("method99.zip", zip_of([zip_local(b"evil.exe", b"\x55" * 50, 1, 99)],
                               [zip_central(b"evil.exe", b"\x55" * 50, 0, 1,
                                            99)]))
    put("unknown-method.zip", zip_of(
        [zip_local(b"evil.exe", b"\x55" * 50, 0, 77)],
        [zip_central(b"evil.exe", b"\x55" * 50, 0, 0, 77)]))
    # One packed stream, listed many times.
    packed = deflate(b"\0" * 1000000)
    local = zip_local(b"x", packed, 0, 8, size=1000000)
    put("overlap.zip", zip_of([local], [
        zip_central(b"n%d" % i, packed, 0, 0, 8, size=1000000)
        for i in range(300)]))
    put("many.zip", zip_of([zip_local(b"x", b"")], [
        zip_central(b"n%d" % i, b"", 0) for i in range(1500)]))


# Office ------------------------------------------------------------------

TYPES = '<?xml version="1.0"?><Types><Override PartName="/%s" ContentType="%s"/></Types>'


def make_office():
    main = "application/vnd.%s.main+xml"
    put("plain.docx", zipped([
        ("[Content_Types].xml", TYPES % ("word/document.xml", main %
         "openxmlformats-officedocument.wordprocessingml.document")),
        ("word/document.xml", "<w/>")]))
    put("macro.docm", zipped([
        ("[Content_Types].xml", TYPES % ("word/document.xml", main %
         "ms-word.document.macroEnabled")),
        ("word/document.xml", "<w/>"), ("word/vbaProject.bin", b"\0" * 9)]))
    # The list of parts in UTF-16, the project under another name.
    put("macro-utf16.docm", zipped([
        ("[Content_Types].xml", (TYPES % ("word/document.xml", main %
         "ms-word.document.macroEnabled")).encode("utf-16")),
        ("word/document.xml", "<w/>"), ("word/x.bin", b"\0" * 9)]))
    odf = "application/vnd.oasis.opendocument.text"
    put("macro.odt", zipped([
        ("mimetype", odf), ("content.xml", "<x/>"),
        ("Basic/Standard/Module1.xml", "<x/>")], zipfile.ZIP_STORED))
    put("encrypted.odt", zipped([
        ("mimetype", odf), ("content.xml", b"\x55" * 99),
        ("META-INF/manifest.xml", "<manifest:encryption-data/>")],
        zipfile.ZIP_STORED))
    put("program.jar", zipped([("META-INF/MANIFEST.MF", "x"), (
        "A.class", b"\xca\xfe\xba\xbe\0\0\0\x34")]))
    put("plain.pdf", b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\n"
        b"% /Encrypt is a word\ntrailer<</Root 1 0 R/EncryptMetadata true>>\n")
    put("encrypted.pdf", b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\n"
        b"trailer<</Root 1 0 R /Encrypt\n 5 0 R>>\n")
    fds = bytes.fromhex("e716e3bd65261145a4c48d4d0b7a9eac")
    put("note.one", bytes.fromhex("e4525c7b8cd8a74daeb15378d02996d3") +
        b"\0" * 500 + fds + struct.pack("<QIQ", len(EXE), 0, 0) + EXE +
        b"\0" * 100)


def tnef_attribute(number, data):
    return struct.pack("<BII", 2, number, len(data)) + data + \
        struct.pack("<H", sum(data) & 0xffff)


def make_tnef():
    winmail = struct.pack("<IH", 0x223e9f78, 1) + \
        tnef_attribute(0x00069002, b"\1\0" + b"\0" * 12) + \
        tnef_attribute(0x00018010, b"evil.exe\0") + \
        tnef_attribute(0x0006800f, EXE)
    put("winmail.zip", zipped([("winmail.dat", winmail)]))


def cfb(streams, clsid=b"\0" * 16):
    """A compound file; streams: (name, bytes, type); each in large sectors."""
    sectors, fat, entries = [], [], []

    def add(data):
        first = len(sectors)
        n = max(1, (len(data) + 511) // 512)
        for i in range(n):
            sectors.append(data[512 * i:512 * i + 512].ljust(512, b"\0"))
            fat.append(first + i + 1 if i + 1 < n else 0xfffffffe)
        return first

    def entry(name, kind, start, size, cls=b"\0" * 16):
        u = name.encode("utf-16-le")
        return u.ljust(64, b"\0") + struct.pack(
            "<HBBIII", len(u) + 2, kind, 1, 0xffffffff, 0xffffffff,
            0xffffffff) + cls + b"\0" * 20 + struct.pack("<IQ", start, size)

    entries.append(entry("Root Entry", 5, 0xfffffffe, 0, clsid))
    for name, data, kind in streams:
        # Large enough for the large sectors.
        if kind == 2:
            data = data.ljust(4096, b"\0")
            entries.append(entry(name, 2, add(data), len(data)))
        else:
            entries.append(entry(name, kind, 0, 0))
    folder = add(b"".join(entries))
    fat_at = len(sectors)
    fat.append(0xfffffffd)
    table = b"".join(struct.pack("<I", n) for n in fat).ljust(512, b"\xff")
    assert len(table) == 512
    sectors.append(table)
    head = bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 16 + struct.pack(
        "<HHHHH6xIIIIIIIIII", 0x3e, 3, 0xfffe, 9, 6, 0, 1, folder, 0, 4096,
        0xfffffffe, 0, 0xfffffffe, 0, fat_at)
    return head.ljust(512, b"\xff") + b"".join(sectors)


def make_ole2():
    native = struct.pack("<IH", 0, 2) + b"evil.exe\0C:\\evil.exe\0" + \
        b"\0\0\x03\0" + struct.pack("<I", 3) + b"C:\0" + \
        struct.pack("<I", len(EXE)) + EXE
    put("macro.doc", cfb([("WordDocument", b"\xec\xa5", 2), ("VBA", b"", 1),
                          ("_VBA_PROJECT", b"x", 2)]))
    put("object.doc", cfb([("WordDocument", b"\xec\xa5", 2),
                           ("\x01Ole10Native", native, 2)]))
    put("encrypted.doc", cfb([("WordDocument", b"\xec\xa5" + b"\0" * 8 +
                               b"\0\x01", 2)]))
    bof = struct.pack("<HHHH", 0x809, 4, 0x600, 5)
    eof = struct.pack("<HH", 0x0a, 0)
    put("plain.xls", cfb([("Workbook", bof + struct.pack(
        "<HHIBB", 0x85, 6, 0, 0, 0) + eof, 2)]))
    put("xlm.xls", cfb([("Workbook", bof + struct.pack(
        "<HHIBB", 0x85, 6, 0, 1, 1) + eof, 2)]))
    put("encrypted.xls", cfb([("Workbook", bof + struct.pack(
        "<HHH", 0x2f, 2, 0) + eof, 2)]))
    put("encrypted.docx", cfb([("EncryptionInfo", b"x", 2),
                               ("EncryptedPackage", b"x", 2)]))
    put("encrypted.ppt", cfb([("PowerPoint Document", b"x", 2), (
        "Current User", b"\0" * 12 + struct.pack("<I", 0xf3d1c4df), 2)]))
    put("program.msi", cfb([("\u4840\u3f3f\u4577\u446c", b"x", 2), (
        "data", open("plain.cab", "rb").read(), 2)], bytes.fromhex(
            "84100c0000000000c000000000000046")))
    put("mail.msg", cfb([("__properties_version1.0", b"x", 2), (
        "__substg1.0_3707001F", "evil\u00e9.exe".encode("utf-16-le"), 2),
        ("__substg1.0_37010102", EXE, 2)]))


# By tools ----------------------------------------------------------------

def make_tools():
    run("zip", "-q", "-X", "plain.zip", "note.txt", "dir/evil.exe")
    run("zip", "-q", "-X", "-P", "secret", "encrypted.zip", "evil.exe")
    run("zip", "-q", "-X", "-0", "nested.zip", "plain.zip")
    for m, name in (("BZip2", "bzip2"), ("LZMA", "lzma"),
                    ("Deflate64", "deflate64"), ("PPMd", "ppmd")):
        run("7z", "a", "-tzip", "-mm=" + m, name + ".zip", "evil.exe")
    run("7z", "a", "-tzip", "-psecret", "-mem=AES256", "aes.zip", "evil.exe")
    run("7z", "a", "plain.7z", "note.txt", "dir", "\u044d.exe")
    run("7z", "a", "nested.7z", "plain.zip")
    run("7z", "a", "-psecret", "encrypted.7z", "evil.exe")
    run("7z", "a", "-psecret", "-mhe=on", "headers.7z", "evil.exe")
    run("7z", "a", "-m0=PPMd", "ppmd.7z", "evil.exe")
    put("sfx.7z.exe", EXE + open("plain.7z", "rb").read())
    run("bsdtar", "--format=ustar", "-cf", "plain.tar", "note.txt",
        "dir/evil.exe")
    run("bsdtar", "--format=v7", "-cf", "v7.tar", "evil.exe")
    run("bsdtar", "--format=pax", "-cf", "pax.tar", "\u044d.exe")
    run("bsdtar", "--format=newc", "-cf", "plain.cpio", "dir/evil.exe")
    run("bsdtar", "--format=odc", "-cf", "odc.cpio", "dir/evil.exe")
    run("bsdtar", "--format=bin", "-cf", "bin.cpio", "dir/evil.exe")
    for tool, ending in (("gzip", "gz"), ("bzip2", "bz2"), ("xz", "xz"),
                         ("zstd", "zst"), ("lz4", "lz4"), ("lzip", "lz")):
        with open("plain.tar." + ending, "wb") as f:
            subprocess.run([tool, "-c", "plain.tar"], stdout=f, check=True,
                           stderr=subprocess.DEVNULL)
    run("bsdtar", "-cf", "plain.tar.Z", "--compress", "note.txt",
        "dir/evil.exe")
    run("bsdtar", "-cf", "plain.tar.lzma", "--lzma", "note.txt",
        "dir/evil.exe")
    put("named.gz", gzip_named(b"evil.exe", EXE))
    run("gcab", "-cnz", "plain.cab", "note.txt", "evil.exe")
    run("xorriso", "-as", "mkisofs", "-J", "-R", "-o", "plain.iso", "iso")
    run("xorriso", "-as", "mkisofs", "-J", "-o", "joliet.iso", "iso")
    run("arj", "a", "plain.arj", "note.txt", "evil.exe")
    run("arj", "a", "-m0", "stored.arj", "evil.exe")
    run("arj", "a", "-m4", "fastest.arj", "evil.exe")
    run("arj", "a", "-gsecret", "encrypted.arj", "evil.exe")
    run("jlha", "a", "plain.lzh", "note.txt", "evil.exe")
    make_deb()
    make_rpm()
    take(*[f for f in sorted(os.listdir(".")) if os.path.isfile(f) and
           not f.endswith((".txt", ".spec")) and "exe" not in f])
    # Sparse enough for a repository: images are mostly zeros.
    for iso in ("plain.iso", "joliet.iso"):
        os.unlink(os.path.join(OUT, iso))
        put(iso + ".gz", gzip.compress(open(iso, "rb").read(), 9, mtime=0))


def gzip_named(name, data):
    return b"\x1f\x8b\x08\x08" + b"\0" * 6 + name + b"\0" + deflate(data) + \
        struct.pack("<II", zlib.crc32(data), len(data))


def make_deb():
    os.makedirs("deb/DEBIAN")
    os.makedirs("deb/usr/bin")
    with open("deb/DEBIAN/control", "w") as f:
        f.write("Package: x\nVersion: 1\nArchitecture: all\n"
                "Maintainer: x <x@x.example>\nDescription: x\n")
    shutil.copy("evil.exe", "deb/usr/bin/evil.exe")
    run("dpkg-deb", "--build", "--root-owner-group", "-Zxz", "deb", "plain.deb")


def make_rpm():
    with open("x.spec", "w") as f:
        f.write("Name: x\nVersion: 1\nRelease: 1\nSummary: x\nLicense: x\n"
                "BuildArch: noarch\n%description\nx\n%install\n"
                "mkdir -p %{buildroot}/opt\n"
                "cp " + os.path.abspath("evil.exe") +
                " %{buildroot}/opt/evil.exe\n%files\n/opt/evil.exe\n")
    run("rpmbuild", "-bb", "--define", "_topdir " + os.path.abspath("rpm"),
        "--define", "_binary_payload w9.gzdio", "x.spec")
    shutil.copy("rpm/RPMS/noarch/x-1-1.noarch.rpm", "plain.rpm")


def make_bombs():
    zeros = b"\0" * 30000000
    put("zeros.gz", gzip.compress(gzip.compress(zeros, 9, mtime=0), 9,
                                  mtime=0))
    inner = zipped([("in.bin", TEXT)])
    for _ in range(12):
        inner = zipped([("in.zip", inner)])
    put("deep.zip", inner)


def make_dictionaries():
    """A dictionary of 1 GB (xz), 2 GB (zstd) announced, as hostile encoders do."""
    with open("plain.tar", "rb") as f:
        tar = f.read()
    x = bytearray(lzma.compress(tar))
    assert x[14] == 0x21
    x[16] = 36
    size = 4 * (x[12] + 1)
    x[12 + size - 4:12 + size] = struct.pack(
        "<I", zlib.crc32(bytes(x[12:12 + size - 4])))
    put("dictionary.xz", x)
    z = bytearray(subprocess.run(["zstd", "-c"], input=tar, check=True,
                                 stdout=subprocess.PIPE).stdout)
    z[5] = (31 - 10) << 3
    put("dictionary.zst", z)


def main():
    work = tempfile.mkdtemp()
    os.chdir(work)
    os.makedirs("dir")
    os.makedirs("iso")
    for name, data in (("note.txt", TEXT), ("evil.exe", EXE),
                       ("dir/evil.exe", EXE), ("\u044d.exe", EXE),
                       ("iso/evil.exe", EXE), ("iso/\u044d.exe", EXE)):
        with open(name, "wb") as f:
            f.write(data)
    make_tools()
    make_rar()
    make_zip_evasions()
    make_office()
    make_tnef()
    make_ole2()
    make_bombs()
    make_dictionaries()
    shutil.rmtree(work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
