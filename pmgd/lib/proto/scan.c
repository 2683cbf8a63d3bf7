#include "lib/proto/scan.h"

#include <string.h>

/* Text is cut by the sender, so that no reply is ever too long to read. */
static void
text_put(struct buf *b, const char *s)
{
	struct span t = span_str(s);

	buf_lp(b, span_sub(t, 0, SCAN_TEXT_MAX));
}

/* Of a name the end tells more. */
static void
end_put(struct buf *b, const char *s, size_t max)
{
	struct span t = span_str(s);

	buf_lp(b, t.n > max ? span_sub(t, t.n - max, max) : t);
}

/* NULL when it is missing, longer than max, or carries a NUL. */
static const char *
capped_get(struct cursor *c, size_t max, struct arena *a)
{
	struct span t = cur_lp(c);

	if (!cur_ok(c) || t.n > max || span_chr(t, 0, '\0') != t.n)
		return NULL;
	return arena_strndup(a, t);
}

static const char *
text_get(struct cursor *c, struct arena *a)
{
	return capped_get(c, SCAN_TEXT_MAX, a);
}

static void
object_put(struct buf *b, const struct scan_object *o)
{
	buf_u32(b, o->part);
	buf_u8(b, o->flags);
	buf_u64(b, o->off);
	buf_u64(b, o->len);
	end_put(b, o->name, SCAN_HINT_MAX);
}

void
scan_request_put(struct buf *b, const struct scan_request *r)
{
	text_put(b, r->logid);
	buf_u64(b, r->size);
	buf_u32(b, (uint32_t)r->nobject);
	for (size_t i = 0; i < r->nobject; i++)
		object_put(b, &r->object[i]);
}

static bool
object_get(struct cursor *c, struct scan_object *o, struct arena *a)
{
	o->part = cur_u32(c);
	o->flags = cur_u8(c);
	o->off = cur_u64(c);
	o->len = cur_u64(c);
	o->name = capped_get(c, SCAN_HINT_MAX, a);
	return o->name != NULL && o->len <= UINT64_MAX - o->off &&
	    (o->flags & ~(SCAN_OBJECT_SCAN | SCAN_OBJECT_LIST)) == 0;
}

int
scan_request_get(struct span body, struct scan_request *r, struct arena *a)
{
	struct cursor c = cur_of(body);
	uint32_t n;

	*r = (struct scan_request){.logid = text_get(&c, a)};
	r->size = cur_u64(&c);
	n = cur_u32(&c);
	if (r->logid == NULL || !cur_ok(&c) || n > SCAN_OBJECTS_MAX ||
	    (n > 0 && (r->object = arena_array(a, n, sizeof(*r->object))) ==
	        NULL))
		return -1;
	for (; r->nobject < n; r->nobject++)
		if (!object_get(&c, &r->object[r->nobject], a))
			return -1;
	return cur_done(&c) ? 0 : -1;
}

bool
scan_found_fits(const struct scan_found *f, size_t *bytes)
{
	enum { FIXED = 4 + 1 + 1 + 4 + 4 };
	size_t name = strlen(f->name), type = strlen(f->type);

	*bytes += FIXED + (name < SCAN_NAME_MAX ? name : SCAN_NAME_MAX) +
	    (type < SCAN_TYPE_MAX ? type : SCAN_TYPE_MAX);
	return *bytes <= SCAN_FOUND_BYTES;
}

static void
found_put(struct buf *b, const struct scan_found *f)
{
	buf_u32(b, f->part);
	buf_u8(b, f->flags);
	buf_u8(b, f->depth);
	end_put(b, f->name, SCAN_NAME_MAX);
	end_put(b, f->type, SCAN_TYPE_MAX);
}

static bool
found_get(struct cursor *c, struct scan_found *f, struct arena *a)
{
	f->part = cur_u32(c);
	f->flags = cur_u8(c);
	f->depth = cur_u8(c);
	f->name = capped_get(c, SCAN_NAME_MAX, a);
	f->type = capped_get(c, SCAN_TYPE_MAX, a);
	return f->name != NULL && f->type != NULL &&
	    (f->flags & ~SCAN_FOUND_FLAGS) == 0;
}

void
scan_reply_put(struct buf *b, const struct scan_reply *r)
{
	buf_u8(b, (uint8_t)r->result);
	text_put(b, r->name);
	text_put(b, r->detail);
	buf_u64(b, r->db_version);
	buf_u32(b, r->cpu_us);
	text_put(b, r->heuristics);
	buf_u32(b, r->where);
	buf_u8(b, r->limits);
	buf_u32(b, (uint32_t)r->nfound);
	for (size_t i = 0; i < r->nfound; i++)
		found_put(b, &r->found[i]);
}

static int
found_list_get(struct cursor *c, struct scan_reply *r, struct arena *a)
{
	uint32_t n = cur_u32(c);

	r->found = NULL;
	r->nfound = 0;
	if (!cur_ok(c) || n > SCAN_FOUND_MAX ||
	    (n > 0 && (r->found = arena_array(a, n, sizeof(*r->found))) ==
	        NULL))
		return -1;
	for (; r->nfound < n; r->nfound++)
		if (!found_get(c, &r->found[r->nfound], a))
			return -1;
	return cur_done(c) ? 0 : -1;
}

int
scan_reply_get(struct span body, struct scan_reply *r, struct arena *a)
{
	struct cursor c = cur_of(body);
	uint8_t result = cur_u8(&c);

	r->result = (enum scan_result)result;
	r->name = text_get(&c, a);
	r->detail = text_get(&c, a);
	r->db_version = cur_u64(&c);
	r->cpu_us = cur_u32(&c);
	r->heuristics = text_get(&c, a);
	r->where = cur_u32(&c);
	r->limits = cur_u8(&c);
	if (result > SCAN_TIMEOUT || r->name == NULL || r->detail == NULL ||
	    r->heuristics == NULL || (r->limits & ~SCAN_LIMITS) != 0)
		return -1;
	return found_list_get(&c, r, a);
}

void
scan_status_put(struct buf *b, const struct scan_status *s)
{
	buf_u8(b, s->ready);
	text_put(b, s->detail);
	buf_u64(b, s->signatures);
	buf_u64(b, s->loaded_at);
	buf_u32(b, s->scanners);
	buf_u64(b, s->scanned);
	buf_u64(b, s->crashed);
}

int
scan_status_get(struct span body, struct scan_status *s, struct arena *a)
{
	struct cursor c = cur_of(body);

	s->ready = cur_u8(&c);
	s->detail = text_get(&c, a);
	s->signatures = cur_u64(&c);
	s->loaded_at = cur_u64(&c);
	s->scanners = cur_u32(&c);
	s->scanned = cur_u64(&c);
	s->crashed = cur_u64(&c);
	return s->ready <= 1 && s->detail != NULL && cur_done(&c) ? 0 : -1;
}
