/*
 * The snapshot file of a directory, big-endian:
 *
 *	8  magic "PMGLDAPD"
 *	4  format version
 *	32 SHA-256 of everything behind it
 *	8  number of bytes behind this one
 *	lp tables in the order of enum directory_table, rows of u32 columns
 *	lp text: strings that end in NUL; a column of text is an offset in it
 *
 * lp = u32 length and that many bytes. Tables are used in place: loading is a
 * checksum and a check that each column points inside, and a lookup is a hash
 * of the address, a bucket, and the few rows in it. Another format version is
 * refused: the next sync writes the file anew.
 */
#ifndef PMG_RULES_DIRECTORY_FORMAT_H
#define PMG_RULES_DIRECTORY_FORMAT_H

#include <stdint.h>
#include "lib/base/span.h"

enum {
	DIRECTORY_FORMAT = 1,
	DIRECTORY_MAGIC_LEN = 8,
	DIRECTORY_DIGEST_OFF = 12,
	DIRECTORY_DIGEST_LEN = 32,
	DIRECTORY_HEADER_LEN = 52,
	DIRECTORY_BYTES_MAX = 1 << 29,
};
extern const char directory_magic[DIRECTORY_MAGIC_LEN + 1];

enum directory_table {
	DT_PROFILE,	/* text name; synced: high, low */
	DT_GROUP,	/* profile, text dn, text name, 1 = name is unique */
	DT_ACCOUNT,	/* profile, text dn, then first row and number of its
			 * names, addresses, memberships */
	DT_NAME,	/* text */
	DT_ADDRESS,	/* text (lower case), account */
	DT_MEMBER,	/* group */
	DT_FIND,	/* address, ordered by bucket */
	DT_BUCKET,	/* first row of DT_FIND; a power of two and one more */
	DT_COUNT
};
enum {
	DC_PROFILE_NAME = 0, DC_PROFILE_SYNCED_HIGH, DC_PROFILE_SYNCED_LOW,
	DC_GROUP_PROFILE = 0, DC_GROUP_DN, DC_GROUP_NAME, DC_GROUP_UNIQUE,
	DC_ACCOUNT_PROFILE = 0, DC_ACCOUNT_DN, DC_ACCOUNT_NAME,
	DC_ACCOUNT_NNAME, DC_ACCOUNT_ADDRESS, DC_ACCOUNT_NADDRESS,
	DC_ACCOUNT_MEMBER, DC_ACCOUNT_NMEMBER,
	DC_ADDRESS_TEXT = 0, DC_ADDRESS_ACCOUNT,
};
extern const unsigned directory_columns[DT_COUNT];

/* Of an address, letters in either case. */
uint32_t directory_hash(const char *address);
void directory_digest(struct span snapshot,
    unsigned char digest[DIRECTORY_DIGEST_LEN]);
/* Fills in length and digest; p: a whole snapshot of n bytes. */
void directory_seal(unsigned char *p, size_t n);

#endif
