#include <stddef.h>
#include <string.h>
#include "lib/rules/rules.h"

static const struct macro_name {
	const char *name;
	size_t off;
} names[] = {
	{"__SUBJECT__", offsetof(struct macros, subject)},
	{"__RULE__", offsetof(struct macros, rule)},
	{"__RULE_INFO__", offsetof(struct macros, rule_info)},
	{"__SENDER__", offsetof(struct macros, sender)},
	{"__SENDER_IP__", offsetof(struct macros, sender_ip)},
	{"__TARGETS__", offsetof(struct macros, targets)},
	{"__RECEIVERS__", offsetof(struct macros, receivers)},
	{"__SPAMLEVEL__", offsetof(struct macros, spam_level)},
	{"__SPAMSTARS__", offsetof(struct macros, spam_stars)},
	{"__SPAM_HITS__", offsetof(struct macros, spam_hits)},
	{"__SPAM_INFO__", offsetof(struct macros, spam_info)},
	{"__VIRUS_INFO__", offsetof(struct macros, virus_info)},
	{"__ADMIN__", offsetof(struct macros, admin)},
	{"__HOST__", offsetof(struct macros, host)},
	{"__DOMAIN__", offsetof(struct macros, domain)},
	{"__FQDN__", offsetof(struct macros, fqdn)},
	{"__MSGID__", offsetof(struct macros, msgid)},
	{"__VERSION__", offsetof(struct macros, version)},
	{"__FILENAME__", offsetof(struct macros, filename)},
};

/* The macro that text begins with, or NULL. */
static const struct macro_name *
macro_at(const char *text)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(text, names[i].name, strlen(names[i].name)) == 0)
			return &names[i];
	return NULL;
}

/* As text within HTML: nothing of it is a tag, a reference or the end of an
 * attribute; its lines stay lines. */
static void
put_html(struct buf *out, const char *value)
{
	for (; *value != '\0'; value++)
		switch (*value) {
		case '&':
			buf_puts(out, "&amp;");
			break;
		case '<':
			buf_puts(out, "&lt;");
			break;
		case '>':
			buf_puts(out, "&gt;");
			break;
		case '"':
			buf_puts(out, "&quot;");
			break;
		case '\'':
			buf_puts(out, "&#39;");
			break;
		case '\n':
			buf_puts(out, "<br>\n");
			break;
		default:
			buf_putc(out, *value);
		}
}

static void
expand(struct buf *out, const char *text, const struct macros *m,
    void (*put)(struct buf *out, const char *value))
{
	while (*text != '\0') {
		const char *next = strstr(text, "__");
		const struct macro_name *name;
		const char *value;

		if (next == NULL) {
			buf_puts(out, text);
			return;
		}
		buf_put(out, text, (size_t)(next - text));
		name = macro_at(next);
		if (name == NULL) {
			/* Only one: the next may begin a macro. */
			buf_putc(out, '_');
			text = next + 1;
			continue;
		}
		memcpy(&value, (const char *)m + name->off, sizeof(value));
		if (value != NULL)
			put(out, value);
		text = next + strlen(name->name);
	}
}

void
macros_expand(struct buf *out, const char *text, const struct macros *m)
{
	expand(out, text, m, buf_puts);
}

void
macros_expand_html(struct buf *out, const char *text, const struct macros *m)
{
	expand(out, text, m, put_html);
}
