#include "lib/mail/tnef.h"

#include "lib/base/cleanup.h"
#include "lib/mail/charset.h"
#include "lib/mail/mime_param.h"

enum {
	LEVEL_MESSAGE = 1,
	LEVEL_ATTACHMENT = 2,
	HEAD = 6,		/* signature, key */
	FIRST_FILES = 16,
	NAME_BYTES = 4096,
};

enum attribute {
	ATT_TITLE = 0x00018010,
	ATT_BODY = 0x0002800c,
	ATT_DATA = 0x0006800f,
	ATT_REND = 0x00069002,		/* a new attachment begins */
	ATT_MESSAGE_PROPS = 0x00069003,
	ATT_ATTACHMENT_PROPS = 0x00069005,
};

enum property {
	PROP_BODY = 0x1000,
	PROP_RTF = 0x1009,
	PROP_HTML = 0x1013,
	PROP_ATTACH_DATA = 0x3701,
	PROP_FILENAME = 0x3704,
	PROP_LONG_FILENAME = 0x3707,
};

enum value_type {
	TYPE_SHORT = 0x2, TYPE_LONG = 0x3, TYPE_FLOAT = 0x4, TYPE_DOUBLE = 0x5,
	TYPE_CURRENCY = 0x6, TYPE_APPTIME = 0x7, TYPE_ERROR = 0xa,
	TYPE_BOOL = 0xb, TYPE_OBJECT = 0xd, TYPE_INT64 = 0x14,
	TYPE_STRING = 0x1e, TYPE_UNICODE = 0x1f, TYPE_TIME = 0x40,
	TYPE_GUID = 0x48, TYPE_BINARY = 0x102, TYPE_MANY = 0x1000,
};

struct nested {
	struct span in;
	size_t depth;
};

struct tnef {
	struct span all;
	struct tnef_list list;
	size_t cap;
	struct arena *a;
	struct nested todo[TNEF_PENDING];
	size_t ntodo;
	size_t depth;
	/* The attachment that is being read. */
	const char *title;
	const char *long_name;
	struct span data;
	bool open;
};

static uint32_t
le(struct cursor *c, size_t bytes)
{
	struct span s = cur_take(c, bytes);
	uint32_t v = 0;

	for (size_t i = s.n; i > 0; i--)
		v = v << 8 | s.p[i - 1];
	return v;
}

static const char *
name_of(struct tnef *t, struct span s, bool unicode)
{
	AUTO_BUF struct buf utf8;
	struct readings rs = {.a = t->a};

	if (s.n > NAME_BYTES)
		s.n = NAME_BYTES;
	buf_init(&utf8, s.n * CHARSET_GROWTH + 16);
	charset_to_utf8(&utf8, unicode ? SPAN_LIT("utf-16le")
	                               : span_of(NULL, 0), s);
	s = buf_span(&utf8);
	s.n = span_chr(s, 0, '\0');
	readings_add(&rs, s);
	return rs.n > 0 ? (const char *)rs.r[0].p : NULL;
}

static void
file_add(struct tnef *t, const char *name, struct span data, bool rtf)
{
	struct tnef_list *l = &t->list;

	if (l->n == t->cap && l->n < TNEF_FILES) {
		size_t cap = t->cap ? t->cap * 2 : FIRST_FILES;
		struct tnef_file *more = arena_array(t->a, cap, sizeof(*more));

		if (more != NULL) {
			if (l->n > 0)
				memcpy(more, l->file, l->n * sizeof(*more));
			l->file = more;
			t->cap = cap;
		}
	}
	if (l->n == t->cap) {
		l->cut = true;
		return;
	}
	l->file[l->n++] = (struct tnef_file){.name = name,
	    .off = (size_t)(data.p - t->all.p), .n = data.n, .rtf = rtf};
}

static void
attachment_end(struct tnef *t)
{
	if (t->open && t->data.n > 0)
		file_add(t, t->long_name ? t->long_name : t->title, t->data,
		    false);
	t->title = t->long_name = NULL;
	t->data = span_of(NULL, 0);
	t->open = false;
}

/* ---- MAPI properties ---- */

static size_t
fixed_size(uint32_t type)
{
	switch (type) {
	case TYPE_SHORT: case TYPE_LONG: case TYPE_FLOAT: case TYPE_ERROR:
	case TYPE_BOOL:
		return 4;
	case TYPE_DOUBLE: case TYPE_CURRENCY: case TYPE_APPTIME:
	case TYPE_INT64: case TYPE_TIME:
		return 8;
	case TYPE_GUID:
		return 16;
	default:
		return 0;
	}
}

static void
embedded_add(struct tnef *t, struct span in)
{
	if (t->depth + 1 >= TNEF_DEPTH || t->ntodo == TNEF_PENDING) {
		t->list.cut = true;
		return;
	}
	t->todo[t->ntodo++] = (struct nested){in, t->depth + 1};
}

static void
property(struct tnef *t, bool attachment, uint32_t type, uint32_t id,
    struct span v)
{
	switch (id) {
	case PROP_LONG_FILENAME:
		if (attachment)
			t->long_name = name_of(t, v, type == TYPE_UNICODE);
		break;
	case PROP_FILENAME:
		if (attachment && t->title == NULL)
			t->title = name_of(t, v, type == TYPE_UNICODE);
		break;
	case PROP_ATTACH_DATA:
		/* An object begins with the identifier of its interface. */
		if (type == TYPE_OBJECT && v.n > 16)
			v = span_sub(v, 16, v.n);
		if (attachment && tnef_is(v))
			embedded_add(t, v);
		else if (attachment && v.n > t->data.n)
			t->data = v;
		break;
	case PROP_RTF:
		if (!attachment)
			file_add(t, "body.rtf", v, true);
		break;
	case PROP_HTML:
		if (!attachment)
			file_add(t, "body.html", v, false);
		break;
	default:
		break;
	}
}

/* Values are padded to four bytes; so is the text of a name. */
static struct span
padded(struct cursor *c, uint32_t n)
{
	struct span s = cur_take(c, n);

	if (n % 4 != 0 && cur_left(c) > 0)
		cur_take(c, 4 - n % 4 < cur_left(c) ? 4 - n % 4 : cur_left(c));
	return s;
}

static void
skip_name(struct cursor *c)
{
	cur_take(c, 16);
	if (le(c, 4) == 0)
		le(c, 4);
	else
		padded(c, le(c, 4));
}

static void
properties(struct tnef *t, bool attachment, struct span in)
{
	struct cursor c = cur_of(in);
	uint32_t left = le(&c, 4);

	for (; left > 0 && cur_left(&c) > 0; left--) {
		uint32_t type = le(&c, 2);
		uint32_t id = le(&c, 2);
		size_t fixed = fixed_size(type & ~(uint32_t)TYPE_MANY);
		uint32_t values = 1;

		if (id >= 0x8000)
			skip_name(&c);
		if (fixed == 0 || (type & TYPE_MANY) != 0)
			values = le(&c, 4);
		for (; values > 0 && cur_left(&c) > 0; values--) {
			if (fixed > 0)
				cur_take(&c, fixed);
			else
				property(t, attachment, type, id,
				    padded(&c, le(&c, 4)));
		}
	}
}

/* ---- attributes ---- */

static void
attribute(struct tnef *t, uint32_t id, struct span v)
{
	switch (id) {
	case ATT_REND:
		attachment_end(t);
		t->open = true;
		break;
	case ATT_TITLE:
		t->open = true;
		t->title = name_of(t, v, false);
		break;
	case ATT_DATA:
		t->open = true;
		if (v.n > 0)
			t->data = v;
		break;
	case ATT_ATTACHMENT_PROPS:
		t->open = true;
		properties(t, true, v);
		break;
	case ATT_MESSAGE_PROPS:
		properties(t, false, v);
		break;
	case ATT_BODY:
		file_add(t, "body.txt", v, false);
		break;
	default:
		break;
	}
}

static void
attributes(struct tnef *t, struct span in)
{
	struct cursor c = cur_of(in);

	cur_take(&c, HEAD);
	while (cur_left(&c) > 0) {
		uint32_t level = cur_u8(&c);
		uint32_t id = le(&c, 4);
		uint32_t n = le(&c, 4);

		if (level != LEVEL_MESSAGE && level != LEVEL_ATTACHMENT)
			break;
		/* Cut short: what is there may be enough to open it. */
		if (n > cur_left(&c))
			n = (uint32_t)cur_left(&c);
		attribute(t, id, cur_take(&c, n));
		if (cur_left(&c) < 2)
			break;
		le(&c, 2);
	}
	attachment_end(t);
}

bool
tnef_is(struct span in)
{
	static const unsigned char signature[] = {0x78, 0x9f, 0x3e, 0x22};

	return in.n >= HEAD && memcmp(in.p, signature, 4) == 0;
}

struct tnef_list
tnef_files(struct span in, struct arena *a)
{
	struct tnef t = {.all = in, .a = a};

	if (!tnef_is(in))
		return t.list;
	attributes(&t, in);
	while (t.ntodo > 0) {
		struct nested n = t.todo[--t.ntodo];

		t.depth = n.depth;
		attributes(&t, n.in);
	}
	return t.list;
}
