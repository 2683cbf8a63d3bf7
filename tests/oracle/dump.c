/*
 * What lib/mail reads in a message, as one line of JSON for each file: the
 * paths come by standard input, one a line. -b adds the decoded bodies
 * (base64) and the text of text parts. A file that cannot be read ends it.
 */
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/base/atomicfile.h"
#include "lib/base/buf.h"
#include "lib/base/log.h"
#include "lib/mail/addr.h"
#include "lib/mail/charset.h"
#include "lib/mail/content.h"
#include "lib/mail/date.h"
#include "lib/mail/edit_encode.h"
#include "lib/mail/mime.h"

enum {
	INPUT_MAX = 256 * 1024 * 1024,
	ARENA_MAX = 64 * 1024 * 1024,
};

/* Strings of the library are valid UTF-8: what is not is a bug to see. */
static json_t *
text_json(struct span s)
{
	json_t *j = json_stringn(s.n ? (const char *)s.p : "", s.n);

	if (j == NULL)
		fatal("oracle: a text that is no UTF-8: %.*s", (int)s.n, s.p);
	return j;
}

static json_t *
str_json(const char *s)
{
	return s ? text_json(span_str(s)) : json_null();
}

static void
set(json_t *o, const char *key, json_t *value)
{
	if (json_object_set_new(o, key, value) != 0)
		fatal("oracle: cannot set %s", key);
}

static void
append(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) != 0)
		fatal("oracle: cannot append");
}

static json_t *
sha256_json(struct span s)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	char hex[2 * EVP_MAX_MD_SIZE + 1];
	unsigned n = 0;

	if (EVP_Digest(s.n ? s.p : (const void *)"", s.n, md, &n,
	        EVP_sha256(), NULL) != 1)
		fatal("oracle: no SHA-256");
	for (unsigned i = 0; i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", md[i]);
	return json_string(hex);
}

static json_t *
defects_json(uint32_t defects)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < 32; i++)
		if (defects & UINT32_C(1) << i)
			append(a, json_string(mime_defect_name(UINT32_C(1)
			        << i)));
	return a;
}

/* What other parsers are compared with: CRLF as LF, none at the end. */
static void
put_lines(struct buf *out, struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '\r' || i + 1 == s.n || s.p[i + 1] != '\n')
			buf_putc(out, s.p[i]);
	while (out->n > 0 && strchr("\r\n", out->p[out->n - 1]) != NULL)
		out->n--;
}

static void
body_json(json_t *o, const struct mime *m, const struct mime_part *p,
    bool bodies)
{
	struct buf body, other;

	buf_init(&body, INPUT_MAX);
	buf_init(&other, INPUT_MAX);
	mime_body_decode(m, p, &body);
	set(o, "size", json_integer((json_int_t)body.n));
	set(o, "sha256", sha256_json(buf_span(&body)));
	put_lines(&other, buf_span(&body));
	set(o, "lines_sha256", sha256_json(buf_span(&other)));
	if (bodies) {
		buf_reset(&other);
		encode_base64(&other, buf_span(&body), 0);
		set(o, "body", text_json(buf_span(&other)));
		buf_reset(&other);
		charset_to_utf8(&other, span_str(p->charset),
		    buf_span(&body));
		if (strcmp(p->type, "text") == 0)
			set(o, "text", text_json(buf_span(&other)));
	}
	buf_free(&body);
	buf_free(&other);
}

static json_t *
part_json(const struct mime *m, const struct mime_part *p, bool bodies)
{
	static const char *const ctes[] = {[CTE_7BIT] = "7bit",
	    [CTE_8BIT] = "8bit", [CTE_BINARY] = "binary",
	    [CTE_BASE64] = "base64", [CTE_QP] = "quoted-printable",
	    [CTE_UUENCODE] = "x-uuencode", [CTE_UNKNOWN] = "unknown"};
	json_t *o = json_object();
	json_t *alt = json_array();
	char type[300];

	snprintf(type, sizeof(type), "%s/%s", p->type, p->subtype);
	set(o, "parent", p->parent
	    ? json_integer((json_int_t)p->parent->index) : json_null());
	set(o, "type", str_json(type));
	set(o, "charset", str_json(p->charset));
	set(o, "disposition", str_json(p->disposition));
	set(o, "name", str_json(p->filename));
	for (size_t i = 0; i < p->nalt_name; i++)
		append(alt, str_json(p->alt_name[i]));
	set(o, "alt", alt);
	set(o, "encoding", json_string(ctes[p->cte]));
	set(o, "leaf", json_boolean(p->child == NULL));
	set(o, "defects", defects_json(p->defects));
	if (p->child == NULL)
		body_json(o, m, p, bodies);
	return o;
}

/* What has a name or asks to be one. */
static json_t *
attachments_json(const struct mime *m)
{
	json_t *a = json_array();

	for (size_t i = 0; i < m->npart; i++) {
		const struct mime_part *p = m->part[i];

		if (strcmp(p->type, "multipart") != 0 &&
		    (p->filename != NULL ||
		        strcmp(p->disposition, "attachment") == 0))
			append(a, str_json(p->filename));
	}
	return a;
}

static void
addresses_json(json_t *o, const struct mime_part *p, const char *field,
    struct arena *a)
{
	const struct mime_field *f = mime_field_find(p, field);
	json_t *list = json_array();
	struct addr *addr = NULL;
	size_t n = f ? addr_list(f->value, &addr, a) : 0;

	for (size_t i = 0; i < n; i++) {
		json_t *pair = json_array();

		append(pair, str_json(addr[i].name));
		append(pair, text_json(span_str(addr[i].addr)));
		append(list, pair);
	}
	set(o, field, list);
}

static void
date_json(json_t *o, const struct mime_part *p)
{
	const struct mime_field *f = mime_field_find(p, "Date");
	json_t *a;
	struct date d;

	if (f == NULL)
		return;
	a = json_array();
	date_parse(&d, f->value);
	append(a, d.defects & DATE_NONE ? json_null()
	                                : json_integer(d.seconds));
	append(a, json_integer(d.offset));
	append(a, json_integer(d.defects));
	set(o, "date", a);
}

/* Every reading of every content: part, how, name, size. */
static json_t *
contents_json(const struct mime *m, struct arena *a)
{
	json_t *array = json_array();
	struct content_list list;
	struct buf out;

	buf_init(&out, INPUT_MAX);
	list = content_of(m, &out, a);
	for (size_t i = 0; i < list.n; i++) {
		const struct content *c = &list.item[i];
		json_t *o = json_object();

		set(o, "part", json_integer((json_int_t)c->part));
		set(o, "how", json_integer(c->how));
		set(o, "name", str_json(c->name));
		set(o, "size", json_integer((json_int_t)c->n));
		append(array, o);
	}
	buf_free(&out);
	return array;
}

static json_t *
message_json(const char *path, struct span msg, bool bodies)
{
	struct arena a;
	struct mime *m;
	json_t *o = json_object();
	json_t *parts = json_array();
	const struct mime_field *f;

	arena_init(&a, ARENA_MAX);
	m = mime_parse(msg, &mime_limits_default, &a);
	for (size_t i = 0; i < m->npart; i++)
		append(parts, part_json(m, m->part[i], bodies));
	set(o, "file", json_string(path));
	set(o, "parts", parts);
	set(o, "defects", defects_json(m->defects));
	set(o, "attachments", attachments_json(m));
	if (bodies)
		set(o, "contents", contents_json(m, &a));
	f = mime_field_find(m->part[0], "Subject");
	set(o, "subject", f ? str_json(mime_field_text(f, &a)) : json_null());
	addresses_json(o, m->part[0], "from", &a);
	addresses_json(o, m->part[0], "to", &a);
	date_json(o, m->part[0]);
	arena_free(&a);
	return o;
}

static void
dump_file(const char *path, bool bodies)
{
	struct buf b;
	struct err e;
	json_t *o;
	unsigned char *copy;

	buf_init(&b, INPUT_MAX);
	if (file_read(path, &b, &e) == -1)
		fatal("oracle: %s", e.text);
	/* An exact copy, so that ASan sees a read behind its end. */
	copy = malloc(b.n ? b.n : 1);
	if (copy == NULL)
		fatal("oracle: no memory");
	if (b.n > 0)
		memcpy(copy, b.p, b.n);
	o = message_json(path, span_of(copy, b.n), bodies);
	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(o);
	free(copy);
	buf_free(&b);
}

int
main(int argc, char **argv)
{
	bool bodies = argc > 1 && strcmp(argv[1], "-b") == 0;
	char path[4096];

	while (fgets(path, sizeof(path), stdin) != NULL) {
		path[strcspn(path, "\n")] = '\0';
		if (path[0] != '\0')
			dump_file(path, bodies);
	}
	return 0;
}
