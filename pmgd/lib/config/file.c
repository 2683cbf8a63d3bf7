/* pmg.conf as text: read and written back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/base/atomicfile.h"
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/base/xalloc.h"
#include "lib/config/internal.h"
#include "lib/config/syntax.h"

struct reader {
	struct config *c;
	struct buf comment;	/* seen since the last key or section */
	unsigned line;
	unsigned section;	/* index of its first key */
	bool in_section;
	bool *seen;		/* sections, by index of their first key */
};

static int
reader_error(const struct reader *r, const char *what, struct span s,
    struct err *e)
{
	struct buf shown;

	buf_init(&shown, 1024);
	log_safe(&shown, s, 100);
	err_set(e, "%s:%u: %s%s%s%s", r->c->path, r->line, what,
	    s.n ? ": \"" : "", buf_cstr(&shown), s.n ? "\"" : "");
	buf_free(&shown);
	return -1;
}

/* The comment lines seen, NULL for none; the reader's buffer is empty then. */
static char *
take_comment(struct reader *r)
{
	char *s = r->comment.n == 0 ? NULL
	    : xstrndup(r->comment.p, r->comment.n);

	buf_reset(&r->comment);
	return s;
}

static int
read_section(struct reader *r, struct span line, struct err *e)
{
	struct span name;
	unsigned i;

	if (!span_iprefix(line, "section:"))
		return reader_error(r, "expected \"section: NAME\", or an "
		    "indented \"key value\"", line, e);
	name = span_trim(span_sub(line, strlen("section:"), line.n));
	for (i = 0; i < config_nkeys; i++)
		if (span_eq(name, span_str(config_schema[i].section)))
			break;
	if (i == config_nkeys)
		return reader_error(r, "no section has this name", name, e);
	if (r->seen[i])
		return reader_error(r, "this section came before", name, e);
	r->seen[i] = true;
	r->section = i;
	r->in_section = true;
	r->c->slot[i].section_comment = take_comment(r);
	return 0;
}

static int
unknown_key(const struct reader *r, struct span name, struct err *e)
{
	const char *section = config_schema[r->section].section;
	struct err what;

	for (unsigned i = 0; i < config_nkeys; i++) {
		if (!span_eq(name, span_str(config_schema[i].name)))
			continue;
		err_set(&what, "section %s has no such key, section %s has",
		    section, config_schema[i].section);
		return reader_error(r, what.text, name, e);
	}
	err_set(&what, "section %s has no such key", section);
	return reader_error(r, what.text, name, e);
}

static int
read_key(struct reader *r, struct span line, struct err *e)
{
	AUTO_FREE char *name = NULL, *value = NULL;
	const struct config_key *k;
	struct config_slot *s;
	struct err why;
	struct span word;
	size_t pos = 0;

	if (!r->in_section)
		return reader_error(r, "a key stands in front of the first "
		    "\"section: NAME\"", line, e);
	syntax_word(line, &pos, " \t", &word);
	name = xstrndup(word.p, word.n);
	k = config_key_find(config_schema[r->section].section, name);
	if (k == NULL)
		return unknown_key(r, word, e);
	s = &r->c->slot[k - config_schema];
	if (s->value != NULL)
		return reader_error(r, "this key came before", word, e);
	word = span_trim(span_sub(line, pos, line.n));
	value = xstrndup(word.p, word.n);
	if (config_set(r->c, k, value, &why) != 0)
		return err_set(e, "%s:%u: %.400s", r->c->path, r->line,
		    why.text);
	s->line = r->line;
	s->comment = take_comment(r);
	return 0;
}

static int
read_line(struct reader *r, struct span raw, struct err *e)
{
	struct span line = span_trim(raw);

	if (line.n == 0)
		return 0;
	if (memchr(line.p, '\0', line.n) != NULL)
		return reader_error(r, "a NUL byte", line, e);
	if (line.p[0] == '#') {
		buf_puts_span(&r->comment, line);
		buf_putc(&r->comment, '\n');
		return 0;
	}
	if (raw.p[0] == ' ' || raw.p[0] == '\t')
		return read_key(r, line, e);
	return read_section(r, line, e);
}

static int
read_text(struct config *c, struct span text, struct err *e)
{
	struct reader r = {.c = c};
	int rc = 0;

	buf_init(&r.comment, CONFIG_FILE_MAX);
	r.seen = xcalloc(config_nkeys, sizeof(*r.seen));
	for (size_t pos = 0; pos < text.n && rc == 0;) {
		size_t end = span_chr(text, pos, '\n');

		r.line++;
		rc = read_line(&r, span_sub(text, pos, end - pos), e);
		pos = end + 1;
	}
	c->tail = take_comment(&r);
	buf_free(&r.comment);
	free(r.seen);
	return rc;
}

static struct config *
load(char *path, bool may_be_missing, struct err *e)
{
	struct config *c = xcalloc(1, sizeof(*c));
	AUTO_BUF struct buf b;

	buf_init(&b, CONFIG_FILE_MAX);
	c->path = path;
	c->slot = xcalloc(config_nkeys, sizeof(*c->slot));
	if (may_be_missing && access(path, F_OK) != 0 && errno == ENOENT)
		return c;
	if (file_read(path, &b, e) != 0 ||
	    read_text(c, buf_span(&b), e) != 0 ||
	    config_check_whole(c, e) != 0) {
		config_free(c);
		return NULL;
	}
	return c;
}

struct config *
config_load(const char *dir, struct err *e)
{
	return load(xasprintf("%s/pmg.conf", dir), true, e);
}

struct config *
config_load_file(const char *path, struct err *e)
{
	return load(xstrdup(path), false, e);
}

static void
print_comment(struct buf *out, const char *comment, const char *indent)
{
	struct span text = span_str(comment);

	for (size_t pos = 0; pos < text.n;) {
		size_t end = span_chr(text, pos, '\n');

		buf_puts(out, indent);
		buf_puts_span(out, span_sub(text, pos, end - pos));
		buf_putc(out, '\n');
		pos = end + 1;
	}
}

/* A section is written when it has a value or a comment to keep. */
static bool
section_used(const struct config *c, unsigned first)
{
	const char *name = config_schema[first].section;

	if (c->slot[first].section_comment != NULL)
		return true;
	for (unsigned i = first; i < config_nkeys &&
	    strcmp(config_schema[i].section, name) == 0; i++)
		if (c->slot[i].value != NULL)
			return true;
	return false;
}

void
config_print(const struct config *c, struct buf *out)
{
	const char *section = "";
	bool used = false;

	for (unsigned i = 0; i < config_nkeys; i++) {
		const struct config_key *k = &config_schema[i];
		const struct config_slot *s = &c->slot[i];

		if (strcmp(k->section, section) != 0) {
			section = k->section;
			used = section_used(c, i);
			if (used) {
				if (out->n > 0)
					buf_putc(out, '\n');
				print_comment(out, s->section_comment, "");
				buf_printf(out, "section: %s\n", section);
			}
		}
		if (!used || s->value == NULL)
			continue;
		print_comment(out, s->comment, "\t");
		buf_printf(out, "\t%s %s\n", k->name, s->value);
	}
	if (c->tail != NULL) {
		buf_putc(out, '\n');
		print_comment(out, c->tail, "");
	}
}
