#include "scan/walk_state.h"

#include <stdlib.h>
#include "lib/base/str.h"

/* By the type of the first bytes. */
static const struct {
	const char *type;
	enum walk_kind kind;
} kinds[] = {
	{"application/x-7z-compressed", KIND_7Z},
	{"application/x-rar", KIND_RAR},
	{"application/vnd.ms-cab-compressed", KIND_CAB},
	{"application/x-cd-image", KIND_ISO},
	{"application/x-lha", KIND_LHA},
	{"application/x-tar", KIND_TAR},
	{"application/x-cpio", KIND_CPIO},
	{"application/x-archive", KIND_AR},
	{"application/vnd.debian.binary-package", KIND_AR},
	{"application/x-arj", KIND_ARJ},
	{"application/pdf", KIND_PDF},
	{"application/vnd.ms-tnef", KIND_TNEF},
	{"application/onenote", KIND_ONENOTE},
	{"application/pkcs7-mime", KIND_SMIME},
	{"application/gzip", KIND_GZIP},
	{"application/x-bzip", KIND_BZIP2},
	{"application/x-xz", KIND_XZ},
	{"application/x-lzma", KIND_LZMA},
	{"application/zstd", KIND_ZSTD},
	{"application/x-lz4", KIND_LZ4},
	{"application/x-lzip", KIND_LZIP},
	{"application/x-compress", KIND_COMPRESS},
	{"application/x-rpm", KIND_RPM},
	{"application/x-ace", KIND_CLOSED},
	{"application/x-alz", KIND_CLOSED},
	{"application/x-egg", KIND_CLOSED},
	{"application/x-zoo", KIND_CLOSED},
	{"application/x-lzop", KIND_CLOSED},
	{"application/x-ms-wim", KIND_CLOSED},
	{"application/x-xar", KIND_CLOSED},
	{"application/x-vhd-disk", KIND_CLOSED},
	{"application/x-vhdx-disk", KIND_CLOSED},
	{"application/x-apple-diskimage", KIND_CLOSED},
};

/* The comment of a zip has 16 bits of length. */
enum { EOCD_SIZE = 22, EOCD_REACH = 65535 + EOCD_SIZE, KOLY_SIZE = 512 };

static bool
starts(struct span s, size_t off, struct span magic)
{
	return s.n >= off && span_eq(span_sub(s, off, magic.n), magic);
}

/* Its directory lies where the end record says, or just before that. */
static bool
eocd_valid(struct span s, size_t at)
{
	uint32_t size = walk_le32(s, at + 12), off = walk_le32(s, at + 16);
	struct span cd = SPAN_LIT("PK\x01\x02");

	return (size <= at && starts(s, at - size, cd)) || starts(s, off, cd);
}

/*
 * Readers of zip look for the end of the directory at the end of the file,
 * whatever stands in front. exact: nothing may follow, which tells an archive
 * apart from one that is merely contained in something not packed.
 */
static bool
has_zip_end(struct span s, bool exact)
{
	size_t low = s.n > EOCD_REACH ? s.n - EOCD_REACH : 0;

	for (size_t at = s.n; at-- > low;) {
		const unsigned char *p = memrchr(s.p + low, 'P', at + 1 - low);

		if (p == NULL)
			return false;
		at = (size_t)(p - s.p);
		if (starts(s, at, SPAN_LIT("PK\x05\x06")) &&
		    at + EOCD_SIZE <= s.n && eocd_valid(s, at) &&
		    (!exact || at + EOCD_SIZE + walk_le16(s, at + 20) == s.n))
			return true;
	}
	return false;
}

bool
walk_is_stream(enum walk_kind k)
{
	return k >= KIND_GZIP && k <= KIND_RPM;
}

uint32_t
walk_kinds(struct span s, const char *type)
{
	uint32_t mask = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (type != NULL && strcmp(type, kinds[i].type) == 0)
			mask |= 1u << kinds[i].kind;
	if (starts(s, 0, SPAN_LIT("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")))
		mask |= 1u << KIND_OLE2;
	/* A picture or a boot sector may stand in front of these. */
	if (starts(s, 32769, SPAN_LIT("CD001")))
		mask |= 1u << KIND_ISO;
	if (starts(s, 257, SPAN_LIT("ustar")))
		mask |= 1u << KIND_TAR;
	if (s.n >= KOLY_SIZE && starts(s, s.n - KOLY_SIZE, SPAN_LIT("koly")))
		mask |= 1u << KIND_CLOSED;
	if (starts(s, 0, SPAN_LIT("PK\x03\x04")) ||
	    starts(s, 0, SPAN_LIT("PK\x05\x06")) ||
	    starts(s, 0, SPAN_LIT("PK00PK\x03\x04")) ||
	    has_zip_end(s, (mask & ~(1u << KIND_PDF)) != 0))
		mask |= 1u << KIND_ZIP;
	if (mask == 0 && walk_is_openpgp(s))
		mask |= 1u << KIND_OPENPGP;
	return mask;
}

static bool
is_7z(struct span s)
{
	/* Major version 0; the header lies within reach of 64 bits. */
	return s.n >= 32 && s.p[6] == 0 && walk_le64(s, 12) < s.n &&
	    walk_le64(s, 20) < s.n;
}

static bool
is_rar(struct span s)
{
	return s.n > 20 && (s.p[6] == 0 || (s.p[6] == 1 && s.p[7] == 0));
}

static bool
is_cab(struct span s)
{
	return s.n > 36 && s.p[24] == 3 && s.p[25] == 1 &&
	    walk_le32(s, 8) > 36 && walk_le16(s, 28) > 0;
}

static bool
is_gzip(struct span s)
{
	return s.n > 18 && (s.p[3] & 0xe0) == 0;
}

/* 10 bytes: "BZh", a level, and the start of a block. */
static bool
is_bzip2(struct span s)
{
	return s.n > 10 && starts(s, 4, SPAN_LIT("1AY&SY"));
}

static bool
is_any(struct span s)
{
	return s.n > 32;
}

static const struct {
	enum walk_kind kind;
	bool script_only;	/* too short to be looked for everywhere */
	struct span magic;
	bool (*check)(struct span);
} embedded[] = {
	{KIND_7Z, false, {(const unsigned char *)"7z\xbc\xaf\x27\x1c", 6},
	    is_7z},
	{KIND_RAR, false, {(const unsigned char *)"Rar!\x1a\x07", 6}, is_rar},
	{KIND_CAB, false, {(const unsigned char *)"MSCF\0\0\0\0", 8}, is_cab},
	{KIND_GZIP, true, {(const unsigned char *)"\x1f\x8b\x08", 3},
	    is_gzip},
	{KIND_BZIP2, true, {(const unsigned char *)"BZh", 3}, is_bzip2},
	{KIND_XZ, true, {(const unsigned char *)"\xfd" "7zXZ\0", 6}, is_any},
};

unsigned
walk_embedded_find(struct span s, struct walk_embedded *out)
{
	bool script = starts(s, 0, SPAN_LIT("#!"));
	unsigned n = 0;

	for (size_t i = 0; i < sizeof(embedded) / sizeof(embedded[0]); i++) {
		size_t at = 0;

		if (embedded[i].script_only && !script)
			continue;
		while (n < WALK_EMBEDDED) {
			at = span_find(s, at + 1, embedded[i].magic);
			if (at == SIZE_MAX)
				break;
			if (embedded[i].check(span_sub(s, at, s.n)))
				out[n++] = (struct walk_embedded){
				    embedded[i].kind, at};
			/* A script has one, and packed data look alike. */
			if (embedded[i].script_only && n > 0)
				break;
		}
	}
	return n;
}
