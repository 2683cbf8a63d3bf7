#include "lib/proto/store_admin.h"

/* Bytes that an element takes at least: bounds a count by what is there. */
enum { RCPT_MIN = 16, ACTION_MIN = 24, ENTRY_MIN = 80 };

/* An array of *n_r elements of size, or NULL with the error set. */
static void *
array_get(struct cursor *c, uint32_t *n_r, size_t min, size_t size,
    struct arena *a)
{
	void *p = NULL;

	*n_r = cur_u32(c);
	if (*n_r <= cur_left(c) / min)
		p = arena_array(a, *n_r, size);
	if (p == NULL) {
		c->bad = true;
		*n_r = 0;
	}
	return p;
}

void
store_list_put(struct buf *b, const struct store_list *l)
{
	buf_u8(b, l->kind);
	buf_lps(b, l->rcpt);
	buf_lps(b, l->sender);
	buf_u64(b, l->since_us);
	buf_u64(b, l->until_us);
	buf_u64(b, (uint64_t)l->before);
	buf_u32(b, l->limit);
}

int
store_list_get(struct span body, struct store_list *l, struct arena *a)
{
	struct cursor c = cur_of(body);

	*l = (struct store_list){.kind = cur_u8(&c)};
	l->rcpt = cur_str(&c, a);
	l->sender = cur_str(&c, a);
	l->since_us = cur_u64(&c);
	l->until_us = cur_u64(&c);
	l->before = (int64_t)cur_u64(&c);
	l->limit = cur_u32(&c);
	return cur_done(&c) ? 0 : -1;
}

static void
entry_rcpts_put(struct buf *b, const struct store_entry *e)
{
	buf_u32(b, e->nrcpt);
	for (uint32_t i = 0; i < e->nrcpt; i++) {
		buf_lps(b, e->rcpt[i].addr);
		buf_lps(b, e->rcpt[i].state);
		buf_u64(b, e->rcpt[i].time_us);
	}
}

static void
entry_rcpts_get(struct cursor *c, struct store_entry *e, struct arena *a)
{
	e->rcpt = array_get(c, &e->nrcpt, RCPT_MIN, sizeof(*e->rcpt), a);
	for (uint32_t i = 0; i < e->nrcpt; i++) {
		e->rcpt[i].addr = cur_str(c, a);
		e->rcpt[i].state = cur_str(c, a);
		e->rcpt[i].time_us = cur_u64(c);
	}
}

static void
entry_actions_put(struct buf *b, const struct store_entry *e)
{
	buf_u32(b, e->naction);
	for (uint32_t i = 0; i < e->naction; i++) {
		buf_u64(b, e->action[i].time_us);
		buf_lps(b, e->action[i].action);
		buf_lps(b, e->action[i].rcpt);
		buf_lps(b, e->action[i].actor);
		buf_lps(b, e->action[i].detail);
	}
}

static void
entry_actions_get(struct cursor *c, struct store_entry *e, struct arena *a)
{
	e->action =
	    array_get(c, &e->naction, ACTION_MIN, sizeof(*e->action), a);
	for (uint32_t i = 0; i < e->naction; i++) {
		e->action[i].time_us = cur_u64(c);
		e->action[i].action = cur_str(c, a);
		e->action[i].rcpt = cur_str(c, a);
		e->action[i].actor = cur_str(c, a);
		e->action[i].detail = cur_str(c, a);
	}
}

void
store_entry_put(struct buf *b, const struct store_entry *e)
{
	const char *const text[] = {e->id, e->sender, e->header_from,
	    e->subject, e->message_id, e->rule, e->virus, e->spam_info,
	    e->logid, e->queue_id, e->client_addr, e->file};

	for (size_t i = 0; i < sizeof(text) / sizeof(*text); i++)
		buf_lps(b, text[i]);
	buf_u8(b, e->kind);
	buf_u8(b, e->recovered);
	buf_u8(b, e->missing);
	buf_u8(b, e->dir);
	buf_u64(b, e->size);
	buf_u64(b, e->time_us);
	buf_u32(b, (uint32_t)e->spam_level);
	buf_u32(b, e->nrcpt_all);
	entry_rcpts_put(b, e);
	entry_actions_put(b, e);
}

static void
entry_get(struct cursor *c, struct store_entry *e, struct arena *a)
{
	const char **const text[] = {&e->id, &e->sender, &e->header_from,
	    &e->subject, &e->message_id, &e->rule, &e->virus, &e->spam_info,
	    &e->logid, &e->queue_id, &e->client_addr, &e->file};

	*e = (struct store_entry){0};
	for (size_t i = 0; i < sizeof(text) / sizeof(*text); i++)
		*text[i] = cur_str(c, a);
	e->kind = cur_u8(c);
	e->recovered = cur_u8(c);
	e->missing = cur_u8(c);
	e->dir = cur_u8(c);
	e->size = cur_u64(c);
	e->time_us = cur_u64(c);
	e->spam_level = (int32_t)cur_u32(c);
	e->nrcpt_all = cur_u32(c);
	entry_rcpts_get(c, e, a);
	entry_actions_get(c, e, a);
}

int
store_entry_get(struct span body, struct store_entry *e, struct arena *a)
{
	struct cursor c = cur_of(body);

	entry_get(&c, e, a);
	return cur_done(&c) ? 0 : -1;
}

void
store_page_put(struct buf *b, const struct store_page *p)
{
	buf_u64(b, (uint64_t)p->next);
	buf_u32(b, p->nentry);
	for (uint32_t i = 0; i < p->nentry; i++)
		store_entry_put(b, &p->entry[i]);
}

int
store_page_get(struct span body, struct store_page *p, struct arena *a)
{
	struct cursor c = cur_of(body);

	*p = (struct store_page){.next = (int64_t)cur_u64(&c)};
	p->entry = array_get(&c, &p->nentry, ENTRY_MIN, sizeof(*p->entry), a);
	for (uint32_t i = 0; i < p->nentry && cur_ok(&c); i++)
		entry_get(&c, &p->entry[i], a);
	return cur_done(&c) ? 0 : -1;
}

void
store_show_put(struct buf *b, const struct store_show *s)
{
	buf_lps(b, s->id);
	buf_u8(b, s->want_file);
}

int
store_show_get(struct span body, struct store_show *s, struct arena *a)
{
	struct cursor c = cur_of(body);

	s->id = cur_str(&c, a);
	s->want_file = cur_u8(&c);
	return cur_done(&c) ? 0 : -1;
}

void
store_act_put(struct buf *b, const struct store_act *t)
{
	buf_u8(b, t->verb);
	buf_lps(b, t->id);
	buf_lps(b, t->rcpt);
	buf_lps(b, t->actor);
}

int
store_act_get(struct span body, struct store_act *t, struct arena *a)
{
	struct cursor c = cur_of(body);

	t->verb = cur_u8(&c);
	t->id = cur_str(&c, a);
	t->rcpt = cur_str(&c, a);
	t->actor = cur_str(&c, a);
	return cur_done(&c) &&
	        (t->verb == STORE_RELEASE || t->verb == STORE_DELETE)
	    ? 0 : -1;
}

void
store_done_put(struct buf *b, const struct store_done *d)
{
	buf_u8(b, d->ok);
	buf_lps(b, d->text);
}

int
store_done_get(struct span body, struct store_done *d, struct arena *a)
{
	struct cursor c = cur_of(body);

	d->ok = cur_u8(&c);
	d->text = cur_str(&c, a);
	return cur_done(&c) ? 0 : -1;
}

void
store_status_put(struct buf *b, const struct store_status *s)
{
	buf_u8(b, s->ready);
	buf_u64(b, (uint64_t)s->started_us);
	for (int i = 0; i < QUARANTINE_KINDS; i++) {
		buf_u64(b, s->count[i]);
		buf_u64(b, s->bytes[i]);
	}
	buf_u64(b, s->commits);
	buf_u64(b, s->failures);
	buf_u64(b, s->batches);
	buf_u32(b, s->recovered);
	buf_u32(b, s->releases);
	buf_lps(b, s->release_error);
	buf_u64(b, s->rules_version);
	buf_lps(b, s->rules_error);
	buf_u64(b, s->lists_version);
	buf_lps(b, s->lists_error);
	buf_u64(b, s->disk_free);
	buf_u64(b, s->disk_size);
}

int
store_status_get(struct span body, struct store_status *s, struct arena *a)
{
	struct cursor c = cur_of(body);

	*s = (struct store_status){.ready = cur_u8(&c)};
	s->started_us = (int64_t)cur_u64(&c);
	for (int i = 0; i < QUARANTINE_KINDS; i++) {
		s->count[i] = cur_u64(&c);
		s->bytes[i] = cur_u64(&c);
	}
	s->commits = cur_u64(&c);
	s->failures = cur_u64(&c);
	s->batches = cur_u64(&c);
	s->recovered = cur_u32(&c);
	s->releases = cur_u32(&c);
	s->release_error = cur_str(&c, a);
	s->rules_version = cur_u64(&c);
	s->rules_error = cur_str(&c, a);
	s->lists_version = cur_u64(&c);
	s->lists_error = cur_str(&c, a);
	s->disk_free = cur_u64(&c);
	s->disk_size = cur_u64(&c);
	return cur_done(&c) ? 0 : -1;
}
