#include "lib/rules/recorded.h"

enum {
	NO_PARENT = UINT32_MAX,
	/* Least bytes of each in a record: a count that asks for more than is
	 * there is damage, not a reason to take memory. */
	RCPT_LEAST = 4,
	PART_LEAST = 29,
	TEXT_LEAST = 4,
	FIELD_LEAST = 8,
	INSIDE_LEAST = 20,
};

enum { FLAG_AMBIGUOUS = 1, FLAG_LIMITS = 2, FLAG_SPAM_KNOWN = 4,
	FLAG_VIRUS = 8 };

/* ---- put ---- */

static void
put_text(struct buf *b, const char *s)
{
	buf_lps(b, s != NULL ? s : "");
}

static void
put_envelope(struct buf *b, const struct envelope *env)
{
	buf_u8(b, (uint8_t)env->dir);
	put_text(b, env->logid);
	put_text(b, env->queue_id);
	put_text(b, env->sender);
	put_text(b, env->client_addr);
	buf_u32(b, (uint32_t)env->nrcpt);
	for (size_t i = 0; i < env->nrcpt; i++)
		put_text(b, env->rcpt[i].addr);
}

static void
put_part(struct buf *b, const struct facts *f, const struct mime_part *p)
{
	buf_u32(b, p->parent != NULL ? (uint32_t)p->parent->index : NO_PARENT);
	buf_u32(b, p->defects);
	put_text(b, p->type);
	put_text(b, p->subtype);
	put_text(b, f->magic_type != NULL ? f->magic_type[p->index] : NULL);
	buf_u8(b, p->filename != NULL);
	put_text(b, p->filename);
	buf_u32(b, (uint32_t)p->nalt_name);
	for (size_t i = 0; i < p->nalt_name; i++)
		put_text(b, p->alt_name[i]);
	buf_u32(b, (uint32_t)p->nfield);
	for (size_t i = 0; i < p->nfield; i++) {
		buf_lp(b, p->field[i].name);
		buf_lp(b, p->field[i].value);
	}
}

static void
put_inside(struct buf *b, const struct inside *in)
{
	buf_u32(b, (uint32_t)in->part);
	buf_u32(b, in->depth);
	buf_u32(b, in->flags);
	put_text(b, in->name);
	put_text(b, in->type);
}

void
recorded_put(struct buf *b, const struct facts *f, unsigned known)
{
	size_t begin = b->n;

	buf_u8(b, RECORDED_FORMAT);
	buf_u32(b, known);
	put_envelope(b, f->env);
	buf_u64(b, (uint64_t)f->time);
	buf_u32(b, (uint32_t)f->minute_of_day);
	buf_u8(b, (uint8_t)f->weekday);
	buf_u64(b, f->size);
	buf_u8(b, (uint8_t)f->spf);
	buf_u8(b, (uint8_t)((f->ambiguous ? FLAG_AMBIGUOUS : 0) |
	    (f->limits ? FLAG_LIMITS : 0) |
	    (f->spam_known ? FLAG_SPAM_KNOWN : 0) |
	    (f->virus != NULL ? FLAG_VIRUS : 0)));
	buf_u32(b, (uint32_t)f->spam_level);
	put_text(b, f->virus);
	buf_u32(b, (uint32_t)f->mime->npart);
	for (size_t i = 0; i < f->mime->npart; i++)
		put_part(b, f, f->mime->part[i]);
	buf_u32(b, (uint32_t)f->ninside);
	for (size_t i = 0; i < f->ninside; i++)
		put_inside(b, &f->inside[i]);
	if (b->n - begin > RECORDED_MAX)
		b->overflow = true;
}

/* ---- get ---- */

struct get {
	struct cursor c;
	struct arena *a;
};

static uint32_t
get_count(struct get *g, size_t least)
{
	uint32_t n = cur_u32(&g->c);

	if (n > cur_left(&g->c) / least)
		g->c.bad = true;
	return g->c.bad ? 0 : n;
}

static void *
get_array(struct get *g, size_t n, size_t size)
{
	void *p = arena_array(g->a, n, size);

	if (p == NULL)
		g->c.bad = true;
	return p;
}

static const char *
get_text(struct get *g)
{
	return cur_str(&g->c, g->a);
}

static void
get_envelope(struct get *g, struct envelope *env)
{
	env->dir = cur_u8(&g->c) == DIR_IN ? DIR_IN : DIR_OUT;
	env->logid = get_text(g);
	env->queue_id = get_text(g);
	env->sender = get_text(g);
	env->client_addr = get_text(g);
	env->ret = env->envid = env->client_name = env->client_port = "";
	env->client_helo = env->client_proto = env->client_source = "";
	env->nrcpt = get_count(g, RCPT_LEAST);
	env->rcpt = get_array(g, env->nrcpt, sizeof(*env->rcpt));
	for (size_t i = 0; !g->c.bad && i < env->nrcpt; i++)
		env->rcpt[i] = (struct recipient){get_text(g), "", ""};
}

static void
get_fields(struct get *g, struct mime_part *p)
{
	p->nfield = get_count(g, FIELD_LEAST);
	p->field = get_array(g, p->nfield, sizeof(*p->field));
	for (size_t i = 0; !g->c.bad && i < p->nfield; i++) {
		struct span name = cur_lp(&g->c), value = cur_lp(&g->c);

		p->field[i].name = span_of(arena_strndup(g->a, name), name.n);
		p->field[i].value = span_of(arena_strndup(g->a, value),
		    value.n);
	}
}

/* Behind its older siblings in the parent's list. */
static void
link_part(struct mime_part *p, struct mime_part *parent)
{
	struct mime_part **at = &parent->child;

	while (*at != NULL)
		at = &(*at)->next;
	*at = p;
	p->parent = parent;
	p->depth = parent->depth + 1;
}

static void
get_part(struct get *g, struct mime *m, size_t index, const char **magic)
{
	struct mime_part *p = m->part[index];
	uint32_t parent = cur_u32(&g->c);
	bool named;

	p->index = index;
	if (parent < index)
		link_part(p, m->part[parent]);
	else if (parent != NO_PARENT || index != 0)
		g->c.bad = true;
	p->defects = cur_u32(&g->c);
	m->defects |= p->defects;
	p->type = get_text(g);
	p->subtype = get_text(g);
	p->charset = p->disposition = "";
	*magic = get_text(g);
	named = cur_u8(&g->c) != 0;
	p->filename = get_text(g);
	if (!named)
		p->filename = NULL;
	p->nalt_name = get_count(g, TEXT_LEAST);
	p->alt_name = get_array(g, p->nalt_name, sizeof(*p->alt_name));
	for (size_t i = 0; !g->c.bad && i < p->nalt_name; i++)
		p->alt_name[i] = get_text(g);
	get_fields(g, p);
}

static void
get_mime(struct get *g, struct facts *f)
{
	struct mime *m = get_array(g, 1, sizeof(*m));
	size_t n = get_count(g, PART_LEAST);
	struct mime_part *part = get_array(g, n, sizeof(*part));
	const char **magic = get_array(g, n, sizeof(*magic));

	if (m == NULL || n == 0 || g->c.bad) {
		g->c.bad = true;
		return;
	}
	m->part = get_array(g, n, sizeof(struct mime_part *));
	for (size_t i = 0; m->part != NULL && i < n; i++)
		m->part[i] = &part[i];
	m->npart = n;
	for (size_t i = 0; !g->c.bad && i < n; i++)
		get_part(g, m, i, &magic[i]);
	f->mime = m;
	f->magic_type = magic;
}

static void
get_insides(struct get *g, struct facts *f)
{
	size_t n = get_count(g, INSIDE_LEAST);
	struct inside *in = get_array(g, n, sizeof(*in));

	for (size_t i = 0; !g->c.bad && i < n; i++) {
		in[i].part = cur_u32(&g->c);
		in[i].depth = cur_u32(&g->c);
		in[i].flags = cur_u32(&g->c);
		in[i].name = get_text(g);
		in[i].type = get_text(g);
		if (f->mime == NULL || in[i].part >= f->mime->npart)
			g->c.bad = true;
	}
	f->inside = in;
	f->ninside = n;
}

int
recorded_get(struct span bytes, struct recorded *r, struct arena *a)
{
	struct get g = {cur_of(bytes), a};
	struct facts *f = &r->facts;
	unsigned flags;

	memset(r, 0, sizeof(*r));
	if (cur_u8(&g.c) != RECORDED_FORMAT)
		return -1;
	r->known = cur_u32(&g.c);
	get_envelope(&g, &r->env);
	f->env = &r->env;
	f->time = (int64_t)cur_u64(&g.c);
	f->minute_of_day = (int)(cur_u32(&g.c) % (24 * 60));
	f->weekday = cur_u8(&g.c) % 7;
	f->size = cur_u64(&g.c);
	f->spf = (enum spf_result)(cur_u8(&g.c) % SPF_RESULT_COUNT);
	flags = cur_u8(&g.c);
	f->ambiguous = flags & FLAG_AMBIGUOUS;
	f->limits = flags & FLAG_LIMITS;
	f->spam_known = flags & FLAG_SPAM_KNOWN;
	f->spam_level = (int)(cur_u32(&g.c) & INT32_MAX);
	f->virus = get_text(&g);
	if (!(flags & FLAG_VIRUS))
		f->virus = NULL;
	get_mime(&g, f);
	get_insides(&g, f);
	return cur_done(&g.c) && !arena_full(a) ? 0 : -1;
}
