/*
 * Templates: text with {{name}}, {{#if name}} .. {{else}} .. {{/if}},
 * {{#unless name}} .. {{/unless}} and {{! comment}}. A name is true when its
 * value is neither "" nor "0". A line that holds nothing but one such
 * directive leaves no line behind. An unknown name is an error: a typing
 * mistake in an overridden template must not silently drop a setting.
 */
#ifndef PMG_CONFIG_TEMPLATE_H
#define PMG_CONFIG_TEMPLATE_H

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/span.h"

/* Value of a name, NULL = unknown. The result must live until render ends. */
typedef const char *template_lookup(void *arg, const char *name);
/* Puts a value into the output in the way the output's syntax needs. */
typedef void template_escape(struct buf *out, const char *value);

struct template {
	const char *file;	/* for messages: FILE:LINE: reason */
	struct span text;
	template_lookup *lookup;
	void *arg;
	template_escape *escape;	/* NULL: as it is */
};

int template_render(const struct template *t, struct buf *out, struct err *e);

#endif
