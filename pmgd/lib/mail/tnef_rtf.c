#include "lib/mail/tnef.h"

#include "lib/mail/cte_sink.h"

enum {
	HEAD = 16,		/* sizes, kind, checksum: four integers */
	WINDOW = 4096,
};

/* MS-OXRTFCP 2.1.3.1.1: what the window holds before the first byte. */
static const char preset[] =
    "{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman "
    "\\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New "
    "RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0"
    "\\fs20\\b\\i\\u\\tab\\tx";

struct window {
	unsigned char b[WINDOW];
	size_t at;
};

static void
put(struct window *w, struct sink *s, unsigned c)
{
	w->b[w->at] = (unsigned char)c;
	w->at = (w->at + 1) % WINDOW;
	sink_put(s, c);
}

static void
expand(struct cursor *c, struct sink *s)
{
	struct window w = {.at = sizeof(preset) - 1};

	memcpy(w.b, preset, sizeof(preset) - 1);
	while (cur_left(c) > 0 && !sink_full(s)) {
		unsigned flags = cur_u8(c);

		for (int bit = 0; bit < 8 && cur_left(c) > 0; bit++) {
			unsigned ref;
			size_t from;

			if ((flags >> bit & 1) == 0) {
				put(&w, s, cur_u8(c));
				continue;
			}
			ref = cur_u16(c);
			from = ref >> 4;
			if (!cur_ok(c) || from == w.at)
				return;
			for (unsigned k = 0; k < (ref & 15) + 2; k++)
				put(&w, s, w.b[(from + k) % WINDOW]);
		}
	}
}

bool
tnef_rtf(struct span in, struct buf *out)
{
	struct sink s = {.out = out};
	struct cursor c = cur_of(in);
	struct span kind;

	cur_take(&c, 8);
	kind = cur_take(&c, 4);
	cur_take(&c, HEAD - 12);
	if (!cur_ok(&c))
		return false;
	if (span_eq(kind, SPAN_LIT("MELA")))
		sink_puts(&s, span_sub(in, HEAD, in.n));
	else if (span_eq(kind, SPAN_LIT("LZFu")))
		expand(&c, &s);
	else
		return false;
	sink_flush(&s);
	return true;
}
