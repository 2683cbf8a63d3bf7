#include "lib/base/xalloc.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/base/log.h"

void *
xcalloc(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size ? size : 1);

	if (p == NULL)
		fatal("out of memory (%zu x %zu bytes)", count, size);
	return p;
}

void *
xrealloc(void *p, size_t count, size_t size)
{
	size_t n = count * size;

	if (size != 0 && count > SIZE_MAX / size)
		fatal("allocation overflow (%zu x %zu bytes)", count, size);
	p = realloc(p, n != 0 ? n : 1);
	if (p == NULL)
		fatal("out of memory (%zu x %zu bytes)", count, size);
	return p;
}

char *
xstrndup(const void *s, size_t n)
{
	char *p = xcalloc(n + 1, 1);

	if (n > 0)
		memcpy(p, s, n);
	return p;
}

char *
xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

char *
xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *p;

	va_start(ap, fmt);
	if (vasprintf(&p, fmt, ap) < 0)
		fatal("out of memory");
	va_end(ap);
	return p;
}
