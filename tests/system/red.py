"""Mails written to get a file past a gateway: in each some mail program shows
or saves what a scanner that reads otherwise does not see. corpus() makes them
all; tests/system/test_red.py sends them, and each new idea belongs in here.

expect says what is owed to the recipient:
  VIRUS   the scanner gets the bytes
  NAME    a rule about file names matches, or the mail is held
  OPAQUE  nobody can look inside, and the gateway says so (encrypted)
client is who shows it, to the best of our knowledge; "-" marks one that only
a tool opens, after saving.
"""

import os
import sys

from tests.system.red_base import (
    Mail, NAME, TEXT, mail, mixed, part, uu, yenc)
from tests.system.red_archive import archives
from tests.system.red_content import calendars, smime, structure
from tests.system.red_encoding import (
    base64_bodies, encodings, qp_bodies, uu_bodies)
from tests.system.red_structure import (
    boundaries, delimiters, part_headers, types)


def names():
    ct = b"Content-Type: application/octet-stream"
    cd = b"Content-Disposition: attachment; "
    for name, client, fields in (
            ("2231", "all", [ct, cd + b"filename*=utf-8''evil%2Evbs"]),
            ("2231-segments", "all", [ct, cd + b"filename*0=evil; "
                                      b"filename*1=.v; filename*2=bs"]),
            ("2231-segments-extended", "all", [
                ct, cd + b"filename*0*=utf-8''evil%2E; filename*1*=v%62s"]),
            ("2231-quoted", "Outlook", [
                ct, cd + b"filename*=\"utf-8''evil%2Evbs\""]),
            ("2231-no-quotes", "Outlook", [ct, cd + b"filename*=evil.vbs"]),
            ("2231-one-quote", "Outlook", [ct, cd +
                                           b"filename*=utf-8'evil%2Evbs"]),
            ("2231-gap", "Outlook", [ct, cd + b"filename*0=evil.vb; "
                                     b"filename*2=s"]),
            ("2231-from-1", "Thunderbird", [ct, cd + b"filename*1=evil; "
                                            b"filename*2=.vbs"]),
            ("2231-leading-zeros", "Outlook", [
                ct, cd + b"filename*00=evil; filename*01=.vbs"]),
            ("2231-beside-plain", "all", [
                ct, cd + b"filename=a.txt; filename*=utf-8''evil.vbs"]),
            ("plain-beside-2231", "Outlook", [
                ct, cd + b"filename=evil.vbs; filename*=utf-8''a.txt"]),
            ("2231-utf-16", "Thunderbird", [
                ct, cd + b"filename*=utf-16le''" + b"".join(
                    b"%%%02X%%00" % c for c in b"evil.vbs")]),
            ("2231-utf-7", "Outlook", [ct, cd +
                                       b"filename*=utf-7''evil+AC4-vbs"]),
            ("2047", "all", [ct, cd +
                             b'filename="=?utf-8?B?ZXZpbC52YnM=?="']),
            ("2047-unquoted", "all", [ct, cd +
                                      b"filename==?utf-8?B?ZXZpbC52YnM=?="]),
            ("2047-two-words", "all", [
                ct, cd + b'filename="=?utf-8?Q?evil=2Ev?= =?utf-8?Q?bs?="']),
            ("2047-utf-7", "Outlook", [
                ct, cd + b'filename="=?utf-7?Q?evil+AC4-vbs?="']),
            ("2047-iso-2022-jp", "Outlook", [
                ct, cd + b'filename="=?iso-2022-jp?B?GyhCZXZpbC52YnM=?="']),
            ("2047-broken-base64", "Thunderbird", [
                ct, cd + b'filename="=?utf-8?B?ZXZpbC52YnM?="']),
            ("2047-no-end", "Outlook", [
                ct, cd + b'filename="=?utf-8?Q?evil=2Evbs"']),
            ("2047-language", "Thunderbird", [
                ct, cd + b'filename="=?utf-8*en?Q?evil=2Evbs?="']),
            ("only-type-name", "all", [ct + b"; name=evil.vbs"]),
            ("disposition-name", "Outlook", [ct, cd + b"name=evil.vbs"]),
            ("type-filename", "Outlook", [ct + b"; filename=evil.vbs"]),
            ("no-disposition-word", "Outlook", [
                ct, b"Content-Disposition: filename=evil.vbs"]),
            ("disposition-no-semicolon", "Outlook", [
                ct, b"Content-Disposition: attachment filename=evil.vbs"]),
            ("unquoted-blanks", "Outlook", [ct, cd +
                                            b"filename=my evil.vbs"]),
            ("trailing-dot", "Windows", [ct, cd + b'filename="evil.vbs."']),
            ("trailing-blanks", "Windows", [ct, cd +
                                            b'filename="evil.vbs  "']),
            ("trailing-nul", "Outlook", [ct, cd +
                                         b'filename="evil.vbs\0.txt"']),
            ("encoded-nul", "Outlook", [
                ct, cd + b"filename*=utf-8''evil.vbs%00.txt"]),
            ("stream", "Windows", [ct, cd + b'filename="evil.vbs::$DATA"']),
            ("stream-name", "Windows", [ct, cd + b'filename="evil.vbs:x"']),
            ("right-to-left", "all", [
                ct, cd + b"filename*=utf-8''a%E2%80%AEtxt.vbs"]),
            ("semicolon", "Outlook", [ct, cd + b"filename=evil;.vbs"]),
            ("semicolon-behind", "Outlook", [ct, cd +
                                             b'filename="evil.vbs;"']),
            ("tab-within", "Windows", [ct, cd + b'filename="evil.v\tbs"']),
            ("folded-within", "Outlook", [ct, cd +
                                          b'filename="evil.\r\n vbs"']),
            ("backslashes", "all", [ct, cd + b'filename="evil\\.v\\bs"']),
            ("quote-unclosed", "all", [ct, cd + b'filename="evil.vbs']),
            ("two-dispositions", "Outlook", [
                ct, cd + b"filename=a.txt", cd + b"filename=evil.vbs"]),
            ("two-parameters", "Outlook", [
                ct, cd + b"filename=a.txt; filename=evil.vbs"]),
            ("key-upper-case", "all", [ct, cd + b"FILENAME=evil.vbs"]),
            ("key-blank", "Outlook", [ct, cd + b"filename = evil.vbs"]),
            ("key-comment", "JavaMail", [ct, cd +
                                         b"filename(x)=evil.vbs"]),
            ("value-comment", "JavaMail", [ct, cd +
                                           b"filename=(x)evil.vbs"]),
            ("percent-plain", "Gmail", [ct, cd + b"filename=evil%2Evbs"]),
            ("entity", "Outlook Web", [ct, cd +
                                       b'filename="evil&#46;vbs"']),
            ("zero-width", "Windows", [
                ct, cd + b"filename*=utf-8''evil.v%E2%80%8Bbs"]),
            ("full-width-dot", "Windows", [
                ct, cd + b"filename*=utf-8''evil%EF%BC%8Evbs"]),
            ("long", "all", [ct, cd + b'filename="' + b"a" * 400 +
                             b'.vbs"']),
            ("content-location", "Thunderbird, Apple Mail", [
                ct, b"Content-Location: evil.vbs"]),
            ("content-description", "Lotus Notes, Pine", [
                ct, b"Content-Description: evil.vbs"]),
            ("content-id", "Apple Mail", [ct, b"Content-ID: <evil.vbs>"]),
            ("x-name", "-", [ct + b"; x-unix-mode=0644; x-name=evil.vbs"]),
            ("type-text-plain", "all", [b"Content-Type: text/plain; "
                                        b"name=evil.vbs"]),
            ("type-image", "all", [b"Content-Type: image/gif; "
                                   b"name=evil.vbs"]),
            ("single-quotes", "Outlook", [ct, cd + b"filename='evil.vbs'"]),
            ("bare-cr", "Outlook", [ct, cd + b'filename="a.txt"\r\tfilename='
                                    b'"evil.vbs"'])):
        yield Mail("name " + name, client, NAME, mixed(
            parts=[TEXT, part(fields, b"MsgBox 1")]))
    yield Mail("name uu", "Outlook", NAME, mail(
        [b"Content-Type: text/plain"], uu(b"MsgBox 1", b"evil.vbs")))
    yield Mail("name yenc", "Thunderbird", NAME, mail(
        [b"Content-Type: text/plain"], yenc(b"MsgBox 1", b"evil.vbs")))
    yield Mail("name external-type", "Outlook", NAME, mail(
        [b"Content-Type: application/octet-stream; name=evil.vbs"], b"x"))


def corpus():
    mails = []
    for make in (boundaries, delimiters, types, part_headers, encodings,
                 base64_bodies, qp_bodies, uu_bodies, structure, calendars,
                 smime, archives, names):
        mails += make()
    assert len(set(m.name for m in mails)) == len(mails)
    return mails


if __name__ == "__main__":
    os.makedirs(sys.argv[1], exist_ok=True)
    for m in corpus():
        with open(os.path.join(sys.argv[1], m.name.replace(" ", "_").replace(
                "/", "_")), "wb") as f:
            f.write(m.raw)
