#include "lib/mail/html_tag.h"

#include <stdlib.h>
#include "lib/base/str.h"

struct tag {
	char name[HTML_TAG_NAME_MAX];
	unsigned flags;
};

enum {
	BLOCK_OUT = HTML_BLOCK | HTML_BREAKOUT,
	HIDDEN_RAW = HTML_RAW | HTML_UNSEEN,
};

/* Sorted by name. */
static const struct tag tags[] = {
    {"address", HTML_BLOCK}, {"area", HTML_VOID}, {"article", HTML_BLOCK},
    {"aside", HTML_BLOCK}, {"b", HTML_BREAKOUT},
    {"base", HTML_VOID}, {"big", HTML_BREAKOUT},
    {"blockquote", BLOCK_OUT}, {"body", BLOCK_OUT},
    {"br", HTML_VOID | HTML_BREAKOUT}, {"caption", HTML_BLOCK},
    {"center", BLOCK_OUT}, {"code", HTML_BREAKOUT}, {"col", HTML_VOID},
    {"datalist", HTML_UNSEEN}, {"dd", BLOCK_OUT | HTML_SIBLING},
    {"details", HTML_BLOCK}, {"dialog", HTML_BLOCK | HTML_UNSEEN},
    {"dir", HTML_BLOCK}, {"div", BLOCK_OUT}, {"dl", BLOCK_OUT},
    {"dt", BLOCK_OUT | HTML_SIBLING}, {"em", HTML_BREAKOUT},
    {"embed", HTML_VOID | HTML_BREAKOUT}, {"fieldset", HTML_BLOCK},
    {"figcaption", HTML_BLOCK}, {"figure", HTML_BLOCK},
    {"footer", HTML_BLOCK}, {"form", HTML_BLOCK}, {"frame", HTML_VOID},
    {"h1", BLOCK_OUT}, {"h2", BLOCK_OUT}, {"h3", BLOCK_OUT},
    {"h4", BLOCK_OUT}, {"h5", BLOCK_OUT}, {"h6", BLOCK_OUT},
    {"head", HTML_BREAKOUT}, {"header", HTML_BLOCK},
    {"hr", BLOCK_OUT | HTML_VOID}, {"html", HTML_BLOCK},
    {"i", HTML_BREAKOUT}, {"iframe", HIDDEN_RAW},
    {"img", HTML_VOID | HTML_BREAKOUT}, {"input", HTML_VOID},
    {"li", BLOCK_OUT | HTML_SIBLING}, {"link", HTML_VOID},
    {"listing", BLOCK_OUT}, {"main", HTML_BLOCK},
    {"menu", BLOCK_OUT}, {"meta", HTML_VOID | HTML_BREAKOUT},
    {"nav", HTML_BLOCK}, {"nobr", HTML_BREAKOUT}, {"noembed", HIDDEN_RAW},
    {"noframes", HIDDEN_RAW}, {"ol", BLOCK_OUT}, {"optgroup", HTML_BLOCK},
    {"option", HTML_BLOCK | HTML_SIBLING},
    {"p", BLOCK_OUT | HTML_SIBLING}, {"param", HTML_VOID},
    {"plaintext", HTML_BLOCK | HTML_RAW}, {"pre", BLOCK_OUT},
    {"ruby", HTML_BREAKOUT}, {"s", HTML_BREAKOUT}, {"script", HIDDEN_RAW},
    {"section", HTML_BLOCK}, {"small", HTML_BREAKOUT},
    {"source", HTML_VOID}, {"span", HTML_BREAKOUT},
    {"strike", HTML_BREAKOUT}, {"strong", HTML_BREAKOUT},
    {"style", HIDDEN_RAW}, {"sub", HTML_BREAKOUT}, {"sup", HTML_BREAKOUT},
    {"table", BLOCK_OUT}, {"tbody", HTML_BLOCK},
    {"td", HTML_CELL | HTML_SIBLING}, {"template", HTML_UNSEEN},
    {"textarea", HTML_BLOCK | HTML_RCDATA}, {"tfoot", HTML_BLOCK},
    {"th", HTML_CELL | HTML_SIBLING}, {"thead", HTML_BLOCK},
    {"title", HTML_RCDATA}, {"tr", HTML_BLOCK | HTML_SIBLING},
    {"track", HTML_VOID}, {"tt", HTML_BREAKOUT}, {"u", HTML_BREAKOUT},
    {"ul", BLOCK_OUT}, {"var", HTML_BREAKOUT}, {"wbr", HTML_VOID},
    {"xmp", HTML_BLOCK | HTML_RAW},
};

static int
compare(const void *name, const void *tag)
{
	return strcmp(name, ((const struct tag *)tag)->name);
}

unsigned
html_tag_flags(struct span name)
{
	char lower[HTML_TAG_NAME_MAX];
	const struct tag *t;

	if (name.n >= sizeof(lower))
		return 0;
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '\0')
			return 0;
		lower[i] = (char)ascii_lower(name.p[i]);
	}
	lower[name.n] = '\0';
	t = bsearch(lower, tags, sizeof(tags) / sizeof(tags[0]),
	    sizeof(tags[0]), compare);
	return t != NULL ? t->flags : 0;
}
