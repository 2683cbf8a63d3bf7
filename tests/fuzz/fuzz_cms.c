/*
 * What is within a content: S/MIME, OpenPGP, files in a calendar, an address
 * card, HTML and SVG. First byte: which. Checked beside memory safety: what is
 * found lies within, comes to no more than what came in, and names are text.
 */
#include "lib/mail/cms.h"
#include "lib/mail/content.h"
#include "lib/mail/mime.h"
#include "lib/mail/openpgp.h"
#include "require.h"

enum { IN_MAX = 1 << 15, OUT_MAX = 1 << 20, ARENA_MAX = 1 << 22 };

static void
fuzz_smime(struct span in)
{
	struct buf out;

	buf_init(&out, OUT_MAX);
	if (cms_signed_content(in, &out)) {
		require(out.n > 0);
		require(!cms_is_encrypted(in));
	}
	require(out.n <= in.n && !out.overflow);
	buf_free(&out);
}

static void
fuzz_packets(struct span in)
{
	struct openpgp_packet p;
	struct span name, data;
	struct buf body;
	size_t off = 0, before = 0;

	openpgp_kind_of(in);
	buf_init(&body, in.n);
	while (openpgp_next(in, &off, &p)) {
		require(off > before && off <= in.n);
		require(p.off > before && p.n <= off - p.off);
		require(p.pieces <= off);
		buf_reset(&body);
		openpgp_body(in, &p, &body);
		require(!body.overflow && body.n <= off - before);
		require(body.n >= p.n);
		if (openpgp_literal(buf_span(&body), &name, &data))
			require(name.n + data.n < body.n);
		before = off;
	}
	buf_free(&body);
}

static void
fuzz_armor(struct span in)
{
	struct buf out;
	size_t end;

	buf_init(&out, OUT_MAX);
	end = openpgp_dearmor(in, 0, &out);
	require(end <= in.n && out.n <= end && !out.overflow);
	buf_free(&out);
}

static void
fuzz_content(const char *header, struct span in)
{
	struct content_list list;
	struct buf mail, out;
	struct arena a;

	arena_init(&a, ARENA_MAX);
	buf_init(&mail, IN_MAX + 128);
	buf_init(&out, OUT_MAX);
	buf_puts(&mail, header);
	buf_puts_span(&mail, in);
	list = content_of(mime_parse(buf_span(&mail), &mime_limits_default,
	    &a), &out, &a);
	for (size_t i = 0; i < list.n; i++) {
		const struct content *c = &list.item[i];

		require(c->off <= out.n && c->n <= out.n - c->off);
		if (c->name != NULL)
			require_line(span_str(c->name));
	}
	buf_free(&mail);
	buf_free(&out);
	arena_free(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in;

	if (size < 1 || size > IN_MAX)
		return 0;
	in = span_of(data + 1, size - 1);
	switch (data[0] % 8) {
	case 0: case 1:
		fuzz_smime(in);
		break;
	case 2: case 3:
		fuzz_packets(in);
		break;
	case 4:
		fuzz_armor(in);
		break;
	case 5:
		fuzz_content("Content-Type: text/calendar\n\n", in);
		break;
	case 6:
		fuzz_content("Content-Type: text/html; name=a.html\n\n", in);
		break;
	default:
		fuzz_content("Content-Type: image/svg+xml\n\n", in);
		break;
	}
	return 0;
}
