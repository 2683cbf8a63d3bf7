#include "lib/config/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/base/atomicfile.h"
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"
#include "lib/config/internal.h"
#include "lib/config/syntax.h"

enum { SHOWN_BYTES = 80 };

static unsigned
key_index(const struct config_key *k)
{
	return (unsigned)(k - config_schema);
}

const struct config_key *
config_key_find(const char *section, const char *name)
{
	for (unsigned i = 0; i < config_nkeys; i++)
		if (strcmp(config_schema[i].section, section) == 0 &&
		    strcmp(config_schema[i].name, name) == 0)
			return &config_schema[i];
	return NULL;
}

static const struct config_key *
key_must(const char *section, const char *name)
{
	const struct config_key *k = config_key_find(section, name);

	if (k == NULL)
		fatal("config: no setting is called %s.%s", section, name);
	return k;
}

/* -1: no word for a truth value. */
static int
truth(const char *s)
{
	static const char *const words[] = {"0", "1", "no", "yes", "off", "on",
	    "false", "true"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (span_ieqs(span_str(s), words[i]))
			return i % 2;
	return -1;
}

static bool
in_words(const char *words, const char *value)
{
	struct span word;
	size_t pos = 0;

	while (syntax_word(span_str(words), &pos, " ", &word))
		if (span_eq(word, span_str(value)))
			return true;
	return false;
}

static int
check_error(const struct config_key *k, const char *value, const char *why,
    struct err *e)
{
	struct buf shown;

	buf_init(&shown, 8 * SHOWN_BYTES);
	log_safe(&shown, span_str(value), SHOWN_BYTES);
	err_set(e, "%s.%s: \"%s\": %s", k->section, k->name, buf_cstr(&shown),
	    why);
	buf_free(&shown);
	return -1;
}

static int
check_int(const struct config_key *k, const char *value, struct err *e)
{
	struct err why;
	int64_t n;

	if (strcmp(k->dflt, "auto") == 0 && strcmp(value, "auto") == 0)
		return 0;
	if (str_num(span_str(value), k->min, k->max, &n))
		return 0;
	err_set(&why, "expected a whole number from %lld to %lld%s%s%s",
	    (long long)k->min, (long long)k->max, *k->unit ? " (" : "",
	    k->unit, *k->unit ? ")" : "");
	if (strcmp(k->dflt, "auto") == 0)
		strncat(why.text, ", or auto",
		    sizeof(why.text) - strlen(why.text) - 1);
	return check_error(k, value, why.text, e);
}

int
config_check(const struct config_key *k, const char *value, struct err *e)
{
	struct err why;

	if (*value == '\0')
		return check_error(k, value, "a value is missing", e);
	switch (k->type) {
	case CONF_BOOL:
		if (truth(value) >= 0)
			return 0;
		return check_error(k, value, "expected 0 or 1", e);
	case CONF_INT:
		return check_int(k, value, e);
	case CONF_ENUM:
		if (in_words(k->values, value))
			return 0;
		err_set(&why, "expected one of: %s", k->values);
		return check_error(k, value, why.text, e);
	case CONF_STRING:
		if (syntax_check(k->values, span_str(value), &why) == 0)
			return 0;
		return check_error(k, value, why.text, e);
	}
	return -1;
}

int
config_set(struct config *c, const struct config_key *k, const char *value,
    struct err *e)
{
	struct config_slot *s = &c->slot[key_index(k)];

	if (value != NULL && config_check(k, value, e) != 0)
		return -1;
	free(s->value);
	s->value = NULL;
	s->line = 0;
	if (value == NULL)
		return 0;
	if (k->type == CONF_BOOL)
		value = truth(value) ? "1" : "0";
	s->value = xstrdup(value);
	return 0;
}

bool
config_is_set(const struct config *c, const char *section, const char *name)
{
	return c->slot[key_index(key_must(section, name))].value != NULL;
}

const char *
config_str(const struct config *c, const char *section, const char *name)
{
	const struct config_key *k = key_must(section, name);
	const char *v = c->slot[key_index(k)].value;

	return v != NULL ? v : k->dflt;
}

bool
config_bool(const struct config *c, const char *section, const char *name)
{
	return strcmp(config_str(c, section, name), "1") == 0;
}

int64_t
config_int(const struct config *c, const char *section, const char *name)
{
	const struct config_key *k = key_must(section, name);
	const char *v = config_str(c, section, name);
	int64_t n = 0;

	if (strcmp(v, "auto") == 0)
		return config_auto(c, k, sysconf(_SC_PHYS_PAGES) /
		    (1048576 / sysconf(_SC_PAGESIZE)),
		    sysconf(_SC_NPROCESSORS_ONLN));
	str_num(span_str(v), INT64_MIN, INT64_MAX, &n);
	return n;
}

/* The file and, when the setting stands there, its line. */
static int
whole_error(const struct config *c, const char *section, const char *name,
    const char *why, struct err *e)
{
	unsigned line = c->slot[key_index(key_must(section, name))].line;

	if (line == 0)
		return err_set(e, "%s: %s.%s: %s", c->path, section, name, why);
	return err_set(e, "%s:%u: %s.%s: %s", c->path, line, section, name,
	    why);
}

int
config_check_whole(const struct config *c, struct err *e)
{
	/* Promises that nothing keeps yet: better refused than ignored. */
	static const char *const later[][2] = {
		{"admin", "avast"}, {"admin", "custom_check"},
		{"admin", "dkim_sign"},
	};

	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++)
		if (config_bool(c, later[i][0], later[i][1]))
			return whole_error(c, later[i][0], later[i][1],
			    "not available in this version", e);
	if (config_int(c, "mail", "ext_port") ==
	    config_int(c, "mail", "int_port"))
		return whole_error(c, "mail", "int_port",
		    "must differ from mail.ext_port: the port tells incoming "
		    "from outgoing mail", e);
	if (config_int(c, "spam", "spamd_timeout") >=
	    config_int(c, "mail", "filter-timeout"))
		return whole_error(c, "spam", "spamd_timeout",
		    "must be less than mail.filter-timeout", e);
	if (config_int(c, "clamav", "scantime") >=
	    config_int(c, "mail", "filter-timeout"))
		return whole_error(c, "clamav", "scantime",
		    "must be less than mail.filter-timeout", e);
	return 0;
}

int
config_save(const struct config *c, struct err *e)
{
	AUTO_BUF struct buf b;

	buf_init(&b, CONFIG_FILE_MAX);
	if (config_check_whole(c, e) != 0)
		return -1;
	config_print(c, &b);
	if (b.overflow)
		return err_set(e, "%s: larger than %d bytes", c->path,
		    CONFIG_FILE_MAX);
	return atomicfile_write(c->path, buf_span(&b), 0644, e);
}

void
config_free(struct config *c)
{
	if (c == NULL)
		return;
	for (unsigned i = 0; i < config_nkeys; i++) {
		free(c->slot[i].value);
		free(c->slot[i].comment);
		free(c->slot[i].section_comment);
	}
	free(c->slot);
	free(c->tail);
	free(c->path);
	free(c);
}
