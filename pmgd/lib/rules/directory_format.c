#include "lib/rules/directory_format.h"

#include <openssl/sha.h>
#include "lib/base/str.h"

enum { FNV_BASIS = 0x811c9dc5, FNV_PRIME = 0x01000193 };

const char directory_magic[DIRECTORY_MAGIC_LEN + 1] = "PMGLDAPD";

const unsigned directory_columns[DT_COUNT] = {
	[DT_PROFILE] = 3, [DT_GROUP] = 4, [DT_ACCOUNT] = 8, [DT_NAME] = 1,
	[DT_ADDRESS] = 2, [DT_MEMBER] = 1, [DT_FIND] = 1, [DT_BUCKET] = 1,
};

/*
 * FNV-1a. No seed: who sends mail does not choose what is in the directory,
 * and the length of a bucket depends on nothing else.
 */
uint32_t
directory_hash(const char *address)
{
	uint32_t h = FNV_BASIS;

	for (; *address != '\0'; address++)
		h = (h ^ (uint32_t)ascii_lower((unsigned char)*address)) *
		    FNV_PRIME;
	return h ^ h >> 15;
}

void
directory_digest(struct span s, unsigned char digest[DIRECTORY_DIGEST_LEN])
{
	struct span rest = span_sub(s,
	    DIRECTORY_DIGEST_OFF + DIRECTORY_DIGEST_LEN, s.n);

	SHA256(rest.p, rest.n, digest);
}

void
directory_seal(unsigned char *p, size_t n)
{
	size_t off = DIRECTORY_DIGEST_OFF + DIRECTORY_DIGEST_LEN;
	uint64_t behind = n - off - 8;

	for (size_t i = 0; i < 8; i++)
		p[off + i] = (unsigned char)(behind >> 8 * (7 - i));
	directory_digest(span_of(p, n), p + DIRECTORY_DIGEST_OFF);
}
