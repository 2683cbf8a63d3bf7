#include "lib/rules/snapshot.h"

#include <openssl/sha.h>
#include <string.h>

const char snapshot_magic[SNAPSHOT_MAGIC_LEN + 1] = "PMGRULES";

static void
put_text(struct buf *b, const char *s)
{
	buf_lp(b, span_of(s, strlen(s) + 1));
}

static void
put_object(struct buf *b, const struct object *o)
{
	buf_u32(b, (uint32_t)o->type);
	put_text(b, o->value);
	put_text(b, o->value2);
	put_text(b, o->value3);
	buf_u64(b, (uint64_t)o->number);
	buf_u64(b, (uint64_t)o->number2);
	buf_u32(b, o->flags);
}

void
snapshot_put_group(struct buf *b, const struct object_group *g)
{
	buf_u32(b, g->id);
	put_text(b, g->name);
	put_text(b, g->info);
	buf_u8(b, (uint8_t)g->cat);
	buf_u8(b, (uint8_t)g->mode);
	buf_u32(b, (uint32_t)g->nobject);
	for (size_t i = 0; i < g->nobject; i++)
		put_object(b, &g->object[i]);
}

void
snapshot_put_rule(struct buf *b, const struct rule *r,
    const uint32_t *const group[CAT_COUNT])
{
	buf_u32(b, r->id);
	put_text(b, r->name);
	buf_u8(b, (uint8_t)r->priority);
	buf_u8(b, r->active);
	buf_u8(b, (uint8_t)r->dir);
	for (size_t cat = 0; cat < CAT_COUNT; cat++) {
		buf_u8(b, (uint8_t)r->mode[cat]);
		buf_u32(b, (uint32_t)r->ngroup[cat]);
		for (size_t i = 0; i < r->ngroup[cat]; i++)
			buf_u32(b, group[cat][i]);
	}
}

void
snapshot_put_header(struct buf *b, uint64_t version)
{
	static const unsigned char none[SNAPSHOT_DIGEST_LEN];

	buf_put(b, snapshot_magic, SNAPSHOT_MAGIC_LEN);
	buf_u32(b, SNAPSHOT_FORMAT);
	buf_put(b, none, sizeof(none));
	buf_u64(b, 0);
	buf_u64(b, version);
}

void
snapshot_digest(struct span s, unsigned char digest[SNAPSHOT_DIGEST_LEN])
{
	struct span rest = span_sub(s,
	    SNAPSHOT_DIGEST_OFF + SNAPSHOT_DIGEST_LEN, s.n);

	SHA256(rest.p, rest.n, digest);
}

void
snapshot_seal(unsigned char *p, size_t n)
{
	size_t off = SNAPSHOT_DIGEST_OFF + SNAPSHOT_DIGEST_LEN;
	uint64_t behind = n - off - 8;

	for (size_t i = 0; i < 8; i++)
		p[off + i] = (unsigned char)(behind >> 8 * (7 - i));
	snapshot_digest(span_of(p, n), p + SNAPSHOT_DIGEST_OFF);
}
