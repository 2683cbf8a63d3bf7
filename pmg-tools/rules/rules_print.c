#include "rules_print.h"

#include <stdio.h>
#include <string.h>
#include "lib/base/cleanup.h"
#include "lib/base/log.h"

enum { TEXT_MAX = 64 * 1024, DOTS = 3 };

static void
put_clean(struct buf *out, const char *s)
{
	AUTO_BUF struct buf safe = {.max = 8 * TEXT_MAX};
	struct span in;

	log_safe(&safe, span_str(s), TEXT_MAX);
	in = buf_span(&safe);
	for (size_t i = 0; i < in.n; i++) {
		buf_putc(out, in.p[i]);
		if (in.p[i] == '\\' && i + 1 < in.n && in.p[i + 1] == '\\')
			i++;
	}
}

/* Bytes of s that are its first n characters. */
static size_t
bytes_of(struct span s, size_t n)
{
	size_t i = 0;

	while (i < s.n) {
		if ((s.p[i] & 0xc0) != 0x80 && n-- == 0)
			break;
		i++;
	}
	return i;
}

static size_t
columns(struct span s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += (s.p[i] & 0xc0) != 0x80;
	return n;
}

size_t
print_width(const char *s)
{
	AUTO_BUF struct buf b = {.max = 8 * TEXT_MAX};

	put_clean(&b, s);
	return columns(buf_span(&b));
}

void
print_clean(const char *s)
{
	AUTO_BUF struct buf b = {.max = 8 * TEXT_MAX};

	put_clean(&b, s);
	fputs(buf_cstr(&b), stdout);
}

void
print_cell(const char *s, size_t width)
{
	AUTO_BUF struct buf b = {.max = 8 * TEXT_MAX};
	size_t n;

	put_clean(&b, s);
	n = columns(buf_span(&b));
	if (n > width)
		printf("%.*s...", (int)bytes_of(buf_span(&b), width - DOTS),
		    buf_cstr(&b));
	else
		printf("%s%*s", buf_cstr(&b), (int)(width - n), "");
}

void
print_wrapped_to(FILE *f, struct buf *b, int indent)
{
	struct span line = buf_span(b);
	size_t room = PRINT_COLUMNS, least = (size_t)indent, end, cut;

	while (columns(line) > room) {
		end = bytes_of(line, room);
		for (cut = end; cut > 0 && line.p[cut] != ' '; cut--)
			;
		/* One word that is too long stays whole. */
		if (cut <= least)
			cut = span_chr(line, end, ' ');
		fprintf(f, "%.*s\n%*s", (int)cut, (const char *)line.p,
		    indent, "");
		line = span_sub(line, cut + 1, line.n);
		room = PRINT_COLUMNS - (size_t)indent;
		least = 0;
	}
	fprintf(f, "%.*s\n", (int)line.n, (const char *)line.p);
}

void
print_wrapped(struct buf *b, int indent)
{
	print_wrapped_to(stdout, b, indent);
}

void
print_field(const char *before, const char *text)
{
	AUTO_BUF struct buf b = {.max = 8 * TEXT_MAX};

	buf_puts(&b, before);
	put_clean(&b, text);
	print_wrapped(&b, (int)strlen(before));
}
