#include <inttypes.h>
#include <string.h>
#include "lib/config/config.h"
#include "lib/config/syntax.h"

static void
put_enum(struct buf *out, const struct config_key *k)
{
	struct span word, words = span_str(k->values);
	const char *glue = "";
	size_t pos = 0;

	while (syntax_word(words, &pos, " ", &word)) {
		buf_printf(out, "%s Cm %.*s", glue, (int)word.n, word.p);
		glue = " |";
	}
}

/* mdoc wants each sentence to begin a line. */
static void
put_help(struct buf *out, const char *help)
{
	for (const char *p = help; *p != '\0'; p++) {
		bool gap = *p == ' ' && p > help && p[-1] == '.';

		buf_putc(out, gap ? '\n' : *p);
	}
	buf_putc(out, '\n');
}

static void
put_key(struct buf *out, const struct config_key *k)
{
	buf_printf(out, ".It Ic %s", k->name);
	switch (k->type) {
	case CONF_BOOL:
		buf_puts(out, " Cm 0 | Cm 1");
		break;
	case CONF_INT:
		buf_puts(out, " Ar number");
		break;
	case CONF_STRING:
		buf_printf(out, " Ar %s", k->values);
		break;
	case CONF_ENUM:
		put_enum(out, k);
		break;
	}
	buf_putc(out, '\n');
	put_help(out, k->help);
	if (k->type == CONF_INT)
		buf_printf(out, "From %" PRId64 " to %" PRId64 "%s%s%s.\n",
		    k->min, k->max, *k->unit ? " " : "", k->unit,
		    strcmp(k->dflt, "auto") == 0 ? ", or auto" : "");
	buf_printf(out, "Default: %s.\n", *k->dflt ? k->dflt : "not set");
}

void
config_mdoc(struct buf *out)
{
	const char *section = "";

	for (unsigned i = 0; i < config_nkeys; i++) {
		const struct config_key *k = &config_schema[i];

		if (strcmp(section, k->section) != 0)
			buf_printf(out, "%s.Ss Section %s\n"
			    ".Bl -tag -width Ds\n", *section ? ".El\n" : "",
			    k->section);
		section = k->section;
		put_key(out, k);
	}
	buf_puts(out, ".El\n");
}
