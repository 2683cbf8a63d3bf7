#include "lib/mail/mime_magic.h"

#include "lib/base/str.h"
#include "lib/mail/cms.h"
#include "lib/mail/openpgp.h"

struct magic {
	size_t off;
	struct span bytes;
	const char *type;
};

#define MAGIC(off, bytes, type) {off, {(const unsigned char *)bytes, \
    sizeof(bytes) - 1}, type}

static const struct magic magics[] = {
    MAGIC(0, "\x7f" "ELF", "application/x-executable"),
    MAGIC(0, "\xfe\xed\xfa\xce", "application/x-executable"),
    MAGIC(0, "\xfe\xed\xfa\xcf", "application/x-executable"),
    MAGIC(0, "\xce\xfa\xed\xfe", "application/x-executable"),
    MAGIC(0, "\xcf\xfa\xed\xfe", "application/x-executable"),
    MAGIC(0, "L\0\0\0\x01\x14\x02\0", "application/x-ms-shortcut"),
    MAGIC(0, "#!", "application/x-shellscript"),
    MAGIC(0, "%PDF-", "application/pdf"),
    MAGIC(0, "%!PS", "application/postscript"),
    MAGIC(0, "{\\rtf", "application/rtf"),
    MAGIC(0, "GIF87a", "image/gif"),
    MAGIC(0, "GIF89a", "image/gif"),
    MAGIC(0, "\x89PNG\r\n\x1a\n", "image/png"),
    MAGIC(0, "\xff\xd8\xff", "image/jpeg"),
    MAGIC(0, "II*\0", "image/tiff"),
    MAGIC(0, "MM\0*", "image/tiff"),
    MAGIC(8, "WEBP", "image/webp"),
    MAGIC(8, "WAVE", "audio/x-wav"),
    MAGIC(8, "AVI ", "video/x-msvideo"),
    MAGIC(4, "ftyp", "video/mp4"),
    MAGIC(0, "ID3", "audio/mpeg"),
    MAGIC(0, "OggS", "application/ogg"),
    MAGIC(0, "\x1a\x45\xdf\xa3", "video/x-matroska"),
    MAGIC(0, "\0\0\x01\xba", "video/mpeg"),
    MAGIC(0, "FWS", "application/vnd.adobe.flash.movie"),
    MAGIC(0, "CWS", "application/vnd.adobe.flash.movie"),
    MAGIC(0, "Rar!\x1a\x07", "application/x-rar"),
    MAGIC(0, "7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    MAGIC(0, "\x1f\x8b", "application/gzip"),
    MAGIC(0, "\xfd" "7zXZ\0", "application/x-xz"),
    MAGIC(0, "\x28\xb5\x2f\xfd", "application/zstd"),
    MAGIC(0, "MSCF\0\0\0\0", "application/vnd.ms-cab-compressed"),
    MAGIC(0, "LZIP\x01", "application/x-lzip"),
    MAGIC(0, "\x04\x22\x4d\x18", "application/x-lz4"),
    MAGIC(0, "\x02\x21\x4c\x18", "application/x-lz4"),
    MAGIC(0, "\x1f\x9d\x90", "application/x-compress"),
    MAGIC(0, "\x1f\x9d\x8c", "application/x-compress"),
    MAGIC(0, "\x89LZO\0\r\n\x1a\n", "application/x-lzop"),
    MAGIC(0, "\xed\xab\xee\xdb", "application/x-rpm"),
    MAGIC(0, "!<arch>\ndebian-binary",
        "application/vnd.debian.binary-package"),
    MAGIC(0, "!<arch>\n", "application/x-archive"),
    MAGIC(0, "070701", "application/x-cpio"),
    MAGIC(0, "070702", "application/x-cpio"),
    MAGIC(0, "070707", "application/x-cpio"),
    MAGIC(0, "RE~^", "application/x-rar"),
    MAGIC(7, "**ACE**", "application/x-ace"),
    MAGIC(0, "ALZ\x01", "application/x-alz"),
    MAGIC(0, "EGGA\0\x01", "application/x-egg"),
    MAGIC(20, "\xdc\xa7\xc4\xfd", "application/x-zoo"),
    MAGIC(0, "MSWIM\0\0\0", "application/x-ms-wim"),
    MAGIC(0, "xar!\0\x1c", "application/x-xar"),
    MAGIC(0, "conectix", "application/x-vhd-disk"),
    MAGIC(0, "vhdxfile", "application/x-vhdx-disk"),
    MAGIC(0, "ITSF", "application/vnd.ms-htmlhelp"),
    MAGIC(0, "\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78"
        "\xd0\x29\x96\xd3", "application/onenote"),
    MAGIC(257, "ustar", "application/x-tar"),
    MAGIC(32769, "CD001", "application/x-cd-image"),
    MAGIC(0, "\x78\x9f\x3e\x22", "application/vnd.ms-tnef"),
};

static bool
has_at(struct span s, size_t off, struct span bytes)
{
	return s.n >= off && span_eq(span_sub(s, off, bytes.n), bytes);
}

static bool
has(struct span s, struct span bytes)
{
	return span_find(s, 0, bytes) != SIZE_MAX;
}

/*
 * Java class files and fat Mach-O programs begin alike: behind it a class has
 * its version (major 45 and up), a fat program the small number of its parts.
 */
static const char *
cafebabe_type(struct span s)
{
	if (s.n < 8 || !has_at(s, 0, SPAN_LIT("\xca\xfe\xba\xbe")))
		return NULL;
	return (s.p[6] << 8 | s.p[7]) >= 45 ? "application/x-java"
	                                    : "application/x-executable";
}

/* A level, and the mark of a block or of the end: BZ alone begins a text. */
static bool
is_bzip2(struct span s)
{
	return s.n >= 10 && has_at(s, 0, SPAN_LIT("BZh")) && s.p[3] >= '1' &&
	    s.p[3] <= '9' && (has_at(s, 4, SPAN_LIT("1AY&SY")) ||
	    has_at(s, 4, SPAN_LIT("\x17\x72\x45\x38\x50\x90")));
}

/*
 * The old format has no magic: properties that real encoders write, a
 * dictionary whose size is a power of two or the sum of two, and a size that
 * is unknown or below 256 GB.
 */
static bool
is_lzma(struct span s)
{
	uint32_t dict;

	if (s.n < 14 || s.p[0] != 0x5d || s.p[13] != 0)
		return false;
	dict = (uint32_t)s.p[1] | (uint32_t)s.p[2] << 8 |
	    (uint32_t)s.p[3] << 16 | (uint32_t)s.p[4] << 24;
	while (dict != 0 && (dict & 1) == 0)
		dict >>= 1;
	if (dict != 1 && dict != 3)
		return false;
	return has_at(s, 5, SPAN_LIT("\xff\xff\xff\xff\xff\xff\xff\xff")) ||
	    (has_at(s, 10, SPAN_LIT("\0\0\0")) && s.p[9] < 0x40);
}

/* "-lh5-" and its kin behind two bytes, then a level of 0 to 3. */
static bool
is_lha(struct span s)
{
	return s.n >= 22 && (s.p[0] >= 20 || s.p[20] >= 2) &&
	    s.p[2] == '-' && s.p[3] == 'l' &&
	    (s.p[4] == 'h' || s.p[4] == 'z') && s.p[6] == '-' &&
	    s.p[20] <= 3 && memchr("01234567ds", s.p[5], 10) != NULL;
}

/* Two bytes of magic, so the sizes of the main header have to fit as well. */
static bool
is_arj(struct span s)
{
	unsigned size;

	if (s.n < 11 || !has_at(s, 0, SPAN_LIT("\x60\xea")))
		return false;
	size = s.p[2] | (unsigned)s.p[3] << 8;
	return size >= 30 && size <= 2600 && s.p[4] >= 30 && s.p[4] <= size &&
	    s.p[10] == 2;
}

/* The binary kind in either byte order: a mode with a known file type, and a
 * name whose length fits. */
static bool
is_cpio_binary(struct span s)
{
	bool little = has_at(s, 0, SPAN_LIT("\xc7\x71"));
	unsigned mode, name;

	if (s.n < 28 || (!little && !has_at(s, 0, SPAN_LIT("\x71\xc7"))))
		return false;
	mode = s.p[little ? 7 : 6] >> 4;
	name = s.p[20 + little] << 8 | s.p[21 - little];
	return (mode == 4 || mode == 8 || mode == 10) && name > 1 &&
	    name <= 1024 && name <= s.n - 26 && s.p[26 + name - 1] == '\0';
}

/* Old tar: no magic, but the sum of the first header. */
static bool
is_old_tar(struct span s)
{
	enum { BLOCK = 512, SUM = 148, SUM_N = 8 };
	unsigned sum = 0, want = 0;
	size_t i = SUM;

	if (s.n < BLOCK || s.p[0] == '\0')
		return false;
	while (i < SUM + SUM_N && s.p[i] == ' ')
		i++;
	for (; i < SUM + SUM_N && s.p[i] >= '0' && s.p[i] <= '7'; i++)
		want = want * 8 + (s.p[i] - '0');
	for (i = 0; i < BLOCK; i++)
		sum += i >= SUM && i < SUM + SUM_N ? ' ' : s.p[i];
	return sum == want;
}

static bool
is_openpgp(struct span s)
{
	return openpgp_kind_of(s) != OPENPGP_NONE;
}

static const struct {
	bool (*is)(struct span);
	const char *type;
} checks[] = {
    {is_bzip2, "application/x-bzip"},
    {is_lzma, "application/x-lzma"},
    {is_lha, "application/x-lha"},
    {is_arj, "application/x-arj"},
    {is_cpio_binary, "application/x-cpio"},
    {is_old_tar, "application/x-tar"},
    {cms_is_encrypted, "application/pkcs7-mime"},
    {is_openpgp, "application/pgp-encrypted"},
};

struct inner {
	struct span bytes;
	const char *type;
};

#define INNER(bytes, type) {{(const unsigned char *)bytes, \
    sizeof(bytes) - 1}, type}

static const char *
inner_type(struct span s, const struct inner *in, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (has(s, in[i].bytes))
			return in[i].type;
	return NULL;
}

#define ODF "mimetypeapplication/vnd.oasis.opendocument"
#define OOXML "application/vnd.openxmlformats-officedocument."

/* The names of the first members tell what the archive is meant to be. */
static const char *
zip_type(struct span s)
{
	static const struct inner members[] = {
	    INNER("META-INF/MANIFEST.MF", "application/x-java-archive"),
	    INNER(ODF ".text", "application/vnd.oasis.opendocument.text"),
	    INNER(ODF ".spreadsheet",
	        "application/vnd.oasis.opendocument.spreadsheet"),
	    INNER(ODF ".presentation",
	        "application/vnd.oasis.opendocument.presentation"),
	    INNER(ODF ".graphics",
	        "application/vnd.oasis.opendocument.graphics"),
	    INNER("mimetypeapplication/epub+zip", "application/epub+zip"),
	    INNER("mimetypeapplication/vnd.sun.xml.writer",
	        "application/vnd.sun.xml.writer"),
	    INNER("mimetypeapplication/vnd.sun.xml.calc",
	        "application/vnd.sun.xml.calc"),
	    INNER("mimetypeapplication/vnd.sun.xml.impress",
	        "application/vnd.sun.xml.impress"),
	    INNER("word/", OOXML "wordprocessingml.document"),
	    INNER("xl/", OOXML "spreadsheetml.sheet"),
	    INNER("ppt/", OOXML "presentationml.presentation"),
	};
	const size_t nmember = sizeof(members) / sizeof(members[0]);
	const size_t noffice = 3;
	const char *type;

	if (!has_at(s, 0, SPAN_LIT("PK\x03\x04")) &&
	    !has_at(s, 0, SPAN_LIT("PK\x05\x06")) &&
	    !has_at(s, 0, SPAN_LIT("PK00PK\x03\x04")))
		return NULL;
	/* The office names are short: only with the part list all have. */
	type = inner_type(s, members,
	    has(s, SPAN_LIT("[Content_Types].xml")) ? nmember
	                                              : nmember - noffice);
	return type ? type : "application/zip";
}

/* Names of the streams are UTF-16LE, if the folder is within reach. */
static const char *
ole2_type(struct span s)
{
	static const struct inner streams[] = {
	    INNER("W\0o\0r\0d\0D\0o\0c", "application/msword"),
	    INNER("W\0o\0r\0k\0b\0o\0o\0k", "application/vnd.ms-excel"),
	    INNER("P\0o\0w\0e\0r\0P\0o\0i",
	        "application/vnd.ms-powerpoint"),
	};
	const char *type;

	if (!has_at(s, 0, SPAN_LIT("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")))
		return NULL;
	type = inner_type(s, streams, sizeof(streams) / sizeof(streams[0]));
	return type ? type : "application/x-ole-storage";
}

/* Behind white space, a byte order mark and comments: how browsers look. */
static const char *
html_type(struct span s)
{
	static const char *const tags[] = {"<!doctype html", "<html", "<head",
	    "<body", "<script", "<iframe", "<table", "<title", "<meta http"};

	if (has_at(s, 0, SPAN_LIT("\xef\xbb\xbf")))
		s = span_sub(s, 3, s.n);
	for (;;) {
		size_t end;

		s = span_trim(s);
		if (!span_iprefix(s, "<!--"))
			break;
		end = span_find(s, 4, SPAN_LIT("-->"));
		if (end == SIZE_MAX)
			return NULL;
		s = span_sub(s, end + 3, s.n);
	}
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		if (span_iprefix(s, tags[i]))
			return "text/html";
	return NULL;
}

const char *
mime_magic_type(struct span s)
{
	const char *type;

	/* Text may begin with MZ, too; the header of a program has zeros. */
	if (has_at(s, 0, SPAN_LIT("MZ")) &&
	    has(span_sub(s, 0, 64), SPAN_LIT("\0")))
		return "application/x-ms-dos-executable";
	if ((type = cafebabe_type(s)) != NULL ||
	    (type = zip_type(s)) != NULL || (type = ole2_type(s)) != NULL)
		return type;
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
		if (has_at(s, magics[i].off, magics[i].bytes))
			return magics[i].type;
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		if (checks[i].is(s))
			return checks[i].type;
	/* Readers look for it in the first kilobyte. */
	if (has(span_sub(s, 0, 1024), SPAN_LIT("%PDF-")))
		return "application/pdf";
	return html_type(s);
}
