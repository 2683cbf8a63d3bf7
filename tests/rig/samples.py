"""Sample mails. Test strings that scanners look for are joined at run time:
neither a virus scanner nor a spam filter shall stumble over this file."""

import base64
import email.utils
import io
import zipfile

EICAR = ("X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-"
         "ANTIVIRUS-TEST-FILE!$H+H*").encode()
GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*" + "GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"

OUTSIDE = "somebody@outside.example"
INSIDE = "anna@in.example"


def now():
    """A fixed date would score as spam on another day."""
    return email.utils.formatdate()


def header(sender, rcpt, subject, extra=()):
    lines = ["From: %s" % sender, "To: %s" % rcpt, "Subject: %s" % subject,
             "Date: " + now(),
             "Message-ID: <%s@samples.example>"
             % base64.b16encode(subject.encode())[:24].decode().lower(),
             "MIME-Version: 1.0"]
    return lines + list(extra)


def plain(sender, rcpt, subject, text, extra=()):
    lines = header(sender, rcpt, subject, extra)
    lines += ["Content-Type: text/plain; charset=utf-8",
              "Content-Transfer-Encoding: 8bit", ""] + text.split("\n")
    return "\r\n".join(lines).encode("utf-8") + b"\r\n"


def multipart(sender, rcpt, subject, text, name, ctype, content):
    b64 = base64.encodebytes(content).decode().replace("\n", "\r\n")
    lines = header(sender, rcpt, subject)
    lines += ['Content-Type: multipart/mixed; boundary="=_rig"', "",
              "--=_rig", "Content-Type: text/plain; charset=utf-8",
              "Content-Transfer-Encoding: 8bit", "", text,
              "--=_rig", 'Content-Type: %s; name="%s"' % (ctype, name),
              "Content-Transfer-Encoding: base64",
              'Content-Disposition: attachment; filename="%s"' % name, "",
              b64 + "--=_rig--", ""]
    return "\r\n".join(lines).encode("utf-8")


def zipped(name, content):
    out = io.BytesIO()
    info = zipfile.ZipInfo(name, (2026, 11, 24, 0, 0, 0))
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr(info, content)
    return out.getvalue()


class Sample:
    def __init__(self, name, sender, rcpt, raw, outgoing=False, mail="",
                 expect="delivered"):
        self.name, self.sender, self.rcpt, self.raw = name, sender, rcpt, raw
        self.outgoing, self.mail, self.expect = outgoing, mail, expect


def samples():
    """What `make run` sends, in this order."""
    vbs = b'WScript.Echo "hello"\r\n'
    return [
        Sample("clean", OUTSIDE, INSIDE,
               plain(OUTSIDE, INSIDE, "Minutes of Monday",
                     "Hello Anna,\n\nplease find the minutes below.\n\nBob")),
        Sample("spam (GTUBE)", OUTSIDE, INSIDE,
               plain(OUTSIDE, INSIDE, "You have won", GTUBE),
               expect="quarantined: spam"),
        Sample("virus (EICAR in a zip)", OUTSIDE, INSIDE,
               multipart(OUTSIDE, INSIDE, "Your invoice", "See attachment.",
                         "invoice.zip", "application/zip",
                         zipped("invoice.com", EICAR)),
               expect="quarantined: virus"),
        Sample("blocked sender", "nomail@fromthisdomain.com", INSIDE,
               plain("nomail@fromthisdomain.com", INSIDE, "Hello again",
                     "Nobody wants to hear from me."),
               expect="blocked"),
        Sample("dangerous attachment (.vbs)", OUTSIDE, INSIDE,
               multipart(OUTSIDE, INSIDE, "Holiday pictures",
                         "Open the script to see them.", "pictures.vbs",
                         "text/plain", vbs),
               expect="delivered, attachment removed"),
        Sample("outgoing", INSIDE, "customer@outside.example",
               plain(INSIDE, "customer@outside.example", "Offer 4711",
                     "Dear customer,\n\nour offer.\n\nAnna"), outgoing=True),
        Sample("Russian, internationalised", "пользователь@пример.example",
               "анна@in.example",
               plain("пользователь@пример.example", "анна@in.example",
                     "Протокол заседания",
                     "Здравствуйте, Анна!\n\nПротокол во вложении."),
               mail="SMTPUTF8 BODY=8BITMIME"),
    ]
