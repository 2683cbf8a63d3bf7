"""Mails of red.py: archives."""

import binascii
import bz2
import gzip
import io
import lzma
import os
import struct
import subprocess
import tarfile
import tempfile
import zipfile
import zlib

from tests.rig.samples import EICAR
from tests.system.red_base import (
    Mail, NAME, OPAQUE, VIRUS, Z, file_mail, zipped)
from tests.system.red_content import eml


def lzw(content):
    """compress(1) with every code of 9 bits: enough for a short text."""
    bits, n, out = 0, 0, bytearray(b"\x1f\x9d\x90")
    for c in content:
        bits |= c << n
        n += 9
        while n >= 8:
            out.append(bits & 255)
            bits, n = bits >> 8, n - 8
    return bytes(out + bytes([bits & 255]) * (n > 0))


def rar5(content, name=b"eicar.com", comment=b""):
    def vint(n):
        out = b""
        while n > 127:
            out, n = out + bytes([n & 127 | 128]), n >> 7
        return out + bytes([n])

    def block(body, data=b""):
        body = vint(len(body)) + body
        return struct.pack("<I", zlib.crc32(body)) + body + data

    def file(kind, name, content):
        return block(vint(kind) + vint(2) + vint(len(content)) + vint(4) +
                     vint(len(content)) + vint(0o644) +
                     struct.pack("<I", zlib.crc32(content)) + vint(0) +
                     vint(1) + vint(len(name)) + name, content)
    out = b"Rar!\x1a\x07\x01\0" + block(b"\x01\0\0")
    if comment:
        out += file(3, b"CMT", comment)
    return out + file(2, name, content) + block(b"\x05\0\0")


def tarred(content, name, fmt=tarfile.PAX_FORMAT, pax=None):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=fmt) as t:
        info = tarfile.TarInfo(name)
        info.size, info.pax_headers = len(content), pax or {}
        t.addfile(info, io.BytesIO(content))
    return out.getvalue()


def tool(name, content, *argv):
    """What a packer makes of one file: argv gets {in}, {out}, {dir}."""
    with tempfile.TemporaryDirectory() as d:
        path, out = os.path.join(d, name), os.path.join(d, "packed")
        with open(path, "wb") as f:
            f.write(content)
        words = [a.format(out=out, dir=d, **{"in": path}) for a in argv]
        subprocess.run(words, check=True, cwd=d, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for ending in ("", ".7z", ".zip", ".wim", ".lz"):
            if os.path.exists(out + ending):
                with open(out + ending, "rb") as f:
                    return f.read()
    raise FileNotFoundError(argv[0])


def seven(name, content, *options, kind="7z"):
    return tool(name, content, "7z", "a", "-y", "-t" + kind, *options,
                "{out}." + kind, name)


GIF = (b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0"
       b"\x02\x02D\x01\0;")


def archives():
    two = zipped(b"hello", "a.txt") + Z
    local = bytearray(Z)
    local[30:39] = b"readme.tx"
    stored = bytearray(zipped(method=zipfile.ZIP_STORED))
    wrong_method = bytearray(Z)
    wrong_method[8:10] = b"\0\0"
    wrong_size = bytearray(Z)
    wrong_size[18:26] = bytes(8)
    zip64 = bytearray(Z)
    end = zip64.rindex(b"PK\x05\x06")
    at64 = struct.pack("<IQHHIIQQQQ", 0x06064b50, 44, 45, 45, 0, 0, 1, 1,
                       end - Z.index(b"PK\x01\x02"), Z.index(b"PK\x01\x02"))
    zip64 = bytes(zip64[:end]) + at64 + struct.pack(
        "<IIQI", 0x07064b50, 0, end, 1) + b"PK\x05\x06" + bytes(4) + (
            b"\xff" * 12) + b"\0\0"
    dot_dir = zipped(name="a/../../eicar.com")
    tarball = tarred(EICAR, "eicar.com")
    bad_sum = bytearray(tarball)
    bad_sum[148:156] = b"0000000\0"
    multi_gz = gzip.compress(b"") + gzip.compress(b"") + gzip.compress(Z)
    yield from (Mail("archive " + n, c, VIRUS, file_mail(f, d)) for n, c, f, d
                in (
        ("zip-junk-before", "Windows Explorer, 7-Zip", "a.zip",
         b"junk" * 100 + Z),
        ("zip-junk-behind", "7-Zip", "a.zip", Z + b"junk" * 100),
        ("zip-long-junk-behind", "7-Zip", "a.zip", Z + b"junk" * 20000),
        ("zip-behind-gif", "all", "a.gif", GIF + Z),
        ("zip-behind-jpeg", "all", "a.jpg", b"\xff\xd8\xff\xe0" + bytes(300) +
         b"\xff\xd9" + Z),
        ("zip-two-directories", "7-Zip", "a.zip", two),
        ("zip-local-name-differs", "all", "a.zip", bytes(local)),
        ("zip-local-method-stored", "Windows Explorer", "a.zip",
         bytes(wrong_method)),
        ("zip-local-sizes-zero", "Windows Explorer", "a.zip",
         bytes(wrong_size)),
        ("zip-no-directory", "7-Zip", "a.zip", Z[:Z.index(b"PK\x01\x02")]),
        ("zip-no-local-magic", "Windows Explorer", "a.zip", b"XXXX" + Z[4:]),
        ("zip-stored", "all", "a.zip", bytes(stored)),
        ("zip-64", "all", "a.zip", zip64),
        ("zip-comment-is-zip", "all", "a.zip", zipped(
            b"hello", "a.txt", comment=Z)),
        ("zip-in-extra-field", "-", "a.zip", zipped(
            b"hello", "a.txt", extra=struct.pack("<HH", 0xcafe, len(Z)) + Z)),
        ("zip-climbing-name", "all", "a.zip", dot_dir),
        ("zip-bzip2", "7-Zip", "a.zip", zipped(method=zipfile.ZIP_BZIP2)),
        ("zip-lzma", "7-Zip", "a.zip", zipped(method=zipfile.ZIP_LZMA)),
        ("zip-deflate64", "Windows Explorer", "a.zip", seven(
            "e.com", EICAR * 50, "-mm=Deflate64", kind="zip")),
        ("zip-ppmd", "7-Zip", "a.zip", seven(
            "e.com", EICAR * 50, "-mm=PPMd", kind="zip")),
        ("zip-split-marker", "all", "a.zip", b"PK00" + Z),
        ("7z-copy", "7-Zip", "a.7z", seven("e.com", EICAR, "-mx=0")),
        ("7z-lzma", "7-Zip", "a.7z", seven("e.com", EICAR * 9)),
        ("7z-ppmd", "7-Zip", "a.7z", seven("e.com", EICAR * 9, "-m0=PPMd")),
        ("7z-bzip2", "7-Zip", "a.7z", seven("e.com", EICAR * 9,
                                            "-m0=BZip2")),
        ("7z-deflate64", "7-Zip", "a.7z", seven("e.com", EICAR * 9,
                                                "-m0=Deflate64")),
        ("7z-bcj2", "7-Zip", "a.7z", seven("e.com", EICAR * 9, "-m0=BCJ2",
                                           "-m1=LZMA")),
        ("7z-plain-header", "7-Zip", "a.7z", seven("e.com", EICAR * 9,
                                                   "-mhc=off")),
        ("7z-sfx-like", "7-Zip", "a.exe", b"MZ" + bytes(500) + seven(
            "e.com", EICAR * 9)),
        ("wim", "7-Zip, Windows", "a.wim", seven("e.com", EICAR,
                                                 kind="wim")),
        ("rar5-stored", "WinRAR", "a.rar", rar5(Z, b"eicar.zip")),
        ("rar5-comment", "WinRAR", "a.rar", rar5(Z, b"eicar.zip",
                                                 b"a comment" * 9)),
        ("rar5-junk-before", "WinRAR", "a.rar", b"x" * 500 + rar5(
            Z, b"eicar.zip")),
        ("gz-name", "all", "a.gz", gzip.compress(EICAR)),
        ("gz-empty-members-first", "all", "a.gz", multi_gz),
        ("gz-junk-behind", "all", "a.gz", gzip.compress(EICAR) + b"junk"),
        ("gz-no-trailer", "7-Zip", "a.gz", gzip.compress(EICAR)[:-8]),
        ("gz-as-txt", "-", "a.txt", gzip.compress(EICAR)),
        ("bz2-two-streams", "7-Zip", "a.bz2", bz2.compress(b"") +
         bz2.compress(b"hello") + bz2.compress(EICAR)),
        ("xz-two-streams", "7-Zip", "a.xz", lzma.compress(b"hello") +
         lzma.compress(EICAR)),
        ("xz-padding", "7-Zip", "a.xz", lzma.compress(b"hello") + bytes(64) +
         lzma.compress(EICAR)),
        ("lzma-alone", "7-Zip", "a.lzma", lzma.compress(
            EICAR, lzma.FORMAT_ALONE)),
        ("lzip", "7-Zip", "a.lz", tool("e.com", EICAR, "lzip", "-k", "-o",
                                       "{out}", "{in}")),
        ("compress", "7-Zip", "a.Z", lzw(EICAR)),
        ("zstd", "7-Zip", "a.zst", tool("e.com", EICAR, "bsdtar", "--zstd",
                                        "-cf", "{out}", "e.com")),
        ("lz4", "7-Zip", "a.lz4", tool("e.com", EICAR, "bsdtar", "--lz4",
                                       "-cf", "{out}", "e.com")),
        ("tar", "7-Zip", "a.tar", tarred(Z, "eicar.zip")),
        ("tar-bad-checksum", "7-Zip", "a.tar", bytes(bad_sum)),
        ("tar-v7-zip", "7-Zip", "a.tar", tarred(
            Z, "eicar.zip", tarfile.USTAR_FORMAT).replace(
                b"ustar\x0000", bytes(8))),
        ("tar-behind-end", "7-Zip", "a.tar", tarred(b"hello", "a.txt") +
         tarred(Z, "eicar.zip")),
        ("cpio-newc", "7-Zip", "a.cpio", tool(
            "e.zip", Z, "bsdtar", "--format", "newc", "-cf", "{out}",
            "e.zip")),
        ("cpio-odc", "7-Zip", "a.cpio", tool(
            "e.zip", Z, "bsdtar", "--format", "odc", "-cf", "{out}",
            "e.zip")),
        ("ar", "7-Zip", "a.ar", b"!<arch>\n" + b"%-16s%-12d%-6d%-6d%-8s%-10d`"
         b"\n" % (b"eicar.zip/", 0, 0, 0, b"100644", len(Z)) + Z),
        ("iso", "Windows Explorer", "a.iso", tool(
            "e.zip", Z, "xorrisofs", "-quiet", "-o", "{out}", "{in}")),
        ("iso-joliet", "Windows Explorer", "a.img", tool(
            "e.zip", Z, "genisoimage", "-quiet", "-J", "-R", "-o", "{out}",
            "{in}")),
        ("iso-udf", "Windows Explorer", "a.iso", tool(
            "e.zip", Z, "genisoimage", "-quiet", "-udf", "-o", "{out}",
            "{in}")),
        ("iso-as-zip", "7-Zip", "a.zip", tool(
            "e.zip", Z, "xorrisofs", "-quiet", "-o", "{out}", "{in}")),
        ("xar", "macOS", "a.xar", tool("e.zip", Z, "bsdtar", "--format",
                                       "xar", "-cf", "{out}", "e.zip")),
        ("warc", "-", "a.warc", tool("e.zip", Z, "bsdtar", "--format",
                                     "warc", "-cf", "{out}", "e.zip")),
        ("three-formats", "all", "a.tgz", gzip.compress(tarred(seven(
            "e.zip", Z), "a.7z"))),
        ("four-formats", "all", "a.zip", zipped(bz2.compress(tarred(
            lzma.compress(Z), "eicar.zip.xz")), "a.tar.bz2")),
        ("eml-in-7z", "all", "a.7z", seven("a.eml", eml())),
        ("zip-in-html", "-", "a.html", b"<html><body>hello</body></html>" +
         Z),
        ("zip-in-pdf", "-", "a.pdf", b"%PDF-1.4\n1 0 obj\nendobj\n%%EOF\n" +
         Z),
        ("rtf-package", "Word", "a.rtf", rtf_package())))
    password = seven("eicar.com", EICAR, "-pinfected", kind="zip")
    for name, data in (("zip-password", password),
                       ("7z-password", seven("e.com", EICAR, "-pinfected")),
                       ("7z-hidden-names", seven("e.com", EICAR,
                                                 "-pinfected", "-mhe=on")),
                       ("zip-aes", seven("e.com", EICAR, "-pinfected",
                                         "-mem=AES256", kind="zip"))):
        raw = file_mail("a.7z" if "7z" in name else "a.zip", data)
        yield Mail("archive " + name, "all", OPAQUE, raw.replace(
            b"see the attachment.", b"the password is infected."))
    for name, data in (
            ("zip-unicode-path", zipped(b"x", "readme.txt", extra=struct.pack(
                "<HHBI", 0x7075, 13, 1, zlib.crc32(b"readme.txt")) +
                b"evil.vbs")),
            ("zip-local-name", bytes(bytearray(zipped(
                b"x", "read.vbs")).replace(b"read.vbs", b"read.txt", 1))),
            ("tar-pax-path", tarred(b"x", "a.txt", pax={
                "path": "evil.vbs"})),
            ("tar-long-name", tarred(b"x", "d" * 200 + "/evil.vbs",
                                     tarfile.GNU_FORMAT)),
            ("gz-name-field", gz_named(b"x", "evil.vbs")),
            ("rar5-name", rar5(b"x", b"evil.vbs")),
            ("iso-name", tool("evil.vbs", b"x", "xorrisofs", "-quiet", "-J",
                              "-o", "{out}", "{in}")),
            ("wim-name", seven("evil.vbs", b"x", kind="wim"))):
        yield Mail("archive " + name, "all", NAME, file_mail(
            "a." + name.split("-")[0], data))


def gz_named(content, name):
    out = io.BytesIO()
    with gzip.GzipFile(name, "wb", fileobj=out) as f:
        f.write(content)
    return out.getvalue()


def rtf_package():
    data = (struct.pack("<H", 2) + b"eicar.zip\0C:\\eicar.zip\0" +
            struct.pack("<HHI", 0, 3, 13) + b"C:\\eicar.zip\0" +
            struct.pack("<I", len(Z)) + Z)
    ole = struct.pack("<III", 0x501, 2, 8) + b"Package\0" + bytes(8) + (
        struct.pack("<I", len(data)) + data)
    return (b"{\\rtf1\\ansi hello {\\object\\objemb{\\*\\objclass Package}"
            b"{\\*\\objdata " + binascii.hexlify(ole) + b"}}}")
