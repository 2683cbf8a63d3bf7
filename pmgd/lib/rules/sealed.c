#include "lib/rules/sealed.h"

#include <openssl/sha.h>

enum { DIGEST_OFF = SEALED_MAGIC + 4, LENGTH_OFF = DIGEST_OFF +
	SHA256_DIGEST_LENGTH };

void
sealed_open(struct buf *b, const struct sealed_kind *k, uint64_t version)
{
	static const unsigned char none[SHA256_DIGEST_LENGTH];

	buf_put(b, k->magic, SEALED_MAGIC);
	buf_u32(b, k->format);
	buf_put(b, none, sizeof(none));
	buf_u64(b, 0);
	buf_u64(b, version);
}

void
sealed_close(struct buf *b)
{
	uint64_t behind = b->n - LENGTH_OFF - 8;

	if (b->overflow)
		return;
	buf_set_u32(b, LENGTH_OFF, (uint32_t)(behind >> 32));
	buf_set_u32(b, LENGTH_OFF + 4, (uint32_t)behind);
	SHA256(b->p + LENGTH_OFF, b->n - LENGTH_OFF, b->p + DIGEST_OFF);
}

int
sealed_read(struct span s, const struct sealed_kind *k, struct cursor *c,
    uint64_t *version_r, struct err *e)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	struct span magic, sum, rest;
	uint32_t format;

	*c = cur_of(s);
	magic = cur_take(c, SEALED_MAGIC);
	format = cur_u32(c);
	if (!span_eq(magic, span_of(k->magic, SEALED_MAGIC)))
		return err_set(e, "not a %s", k->what);
	if (format != k->format)
		return err_set(e, "%s has format %u, this version reads format "
		    "%u", k->what, format, k->format);
	sum = cur_take(c, sizeof(digest));
	rest = span_sub(s, LENGTH_OFF, s.n);
	if (cur_u64(c) != cur_left(c) || !cur_ok(c))
		return err_set(e, "%s is not complete", k->what);
	*version_r = cur_u64(c);
	SHA256(rest.p, rest.n, digest);
	if (!cur_ok(c) || !span_eq(sum, span_of(digest, sizeof(digest))))
		return err_set(e, "%s is damaged (checksum)", k->what);
	return 0;
}
