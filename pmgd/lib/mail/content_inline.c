#include "lib/mail/content_walk.h"

#include "lib/mail/binhex.h"
#include "lib/mail/cms.h"
#include "lib/mail/mime_param.h"
#include "lib/mail/openpgp.h"
#include "lib/mail/tnef.h"
#include "lib/mail/uu.h"
#include "lib/mail/yenc.h"

static const char *
name_text(struct walk *w, struct span raw)
{
	struct readings rs = {.a = w->a};

	readings_add(&rs, raw);
	return rs.n > 0 ? (const char *)rs.r[0].p : NULL;
}

/* What w->tmp holds goes into the list; the buffer that was read may move. */
static void
add_block(struct walk *w, struct content it, size_t off, size_t n)
{
	struct reading r;

	if (n > 0 && reading_begin(w, &r, 0)) {
		buf_put(w->out, w->tmp.p + off, n);
		reading_end(w, &r, &it);
	}
	buf_reset(&w->tmp);
}

static void
tnef(struct walk *w, struct content it)
{
	struct span in = span_sub(buf_span(w->out), it.off, it.n);
	struct tnef_list list = tnef_files(in, w->a);

	if (list.cut)
		w->list.defects |= MIME_LIMIT_PARTS;
	for (size_t i = 0; i < list.n; i++) {
		const struct tnef_file *f = &list.file[i];
		struct content file = {.part = it.part, .how = CONTENT_TNEF,
		    .name = f->name, .as = it.as, .off = it.off + f->off,
		    .n = f->n, .unseen = true};

		in = span_sub(buf_span(w->out), file.off, file.n);
		if (f->rtf && tnef_rtf(in, walk_tmp(w)))
			add_block(w, file, 0, w->tmp.n);
		else
			walk_add(w, file);
	}
}

/*
 * What was signed is a message mostly, or a file (report.pdf.p7m). Signed
 * again it is looked at as a message within, whose depth has a cap.
 */
static void
signed_content(struct walk *w, struct content it)
{
	struct content found = {.part = it.part, .as = it.as, .unseen = true,
	    .how = CONTENT_SIGNED, .name = it.name};
	struct span in = span_sub(buf_span(w->out), it.off, it.n);

	if (w->in_signed || !cms_signed_content(in, walk_tmp(w)))
		return;
	if (w->tmp.overflow)
		w->list.defects |= MIME_LIMIT_MEMORY;
	walk_message_later(w, buf_span(&w->tmp), true);
	w->in_signed = true;
	add_block(w, found, 0, w->tmp.n);
	w->in_signed = false;
}

/*
 * The offset behind the block that begins in line, `next` when there is none.
 * *no_hex: BinHex is not looked for in front of it again.
 */
static size_t
block(struct walk *w, struct content it, struct span in, struct span line,
    size_t next, size_t *no_hex)
{
	struct content found = {.part = it.part, .as = it.as, .unseen = true};
	size_t at = 0, n, lines, end;
	struct binhex hex;
	struct span name = {NULL, 0};
	bool base64, again = false, bare_hex = binhex_data_begin(line);

	walk_tmp(w);
	if (uu_begin(line, &name, &base64)) {
		found.how = CONTENT_UUENCODE;
		end = uu_block(in, next, base64, false, &w->tmp, &lines);
		n = lines > 0 ? w->tmp.n : 0;
		again = lines > 0 && !base64;
	} else if (yenc_begin(line, &name)) {
		found.how = CONTENT_YENC;
		end = yenc_block(in, next, &w->tmp);
		n = w->tmp.n;
	} else if (openpgp_armor_begin(line)) {
		found.how = CONTENT_OPENPGP;
		end = openpgp_dearmor(in, next, &w->tmp);
		n = w->tmp.n;
	} else if (next > *no_hex && (binhex_begin(line) || bare_hex)) {
		found.how = CONTENT_BINHEX;
		if (!binhex_decode(in, bare_hex ? (size_t)(line.p - in.p)
		        : next, &w->tmp, &hex, &at, &n) ||
		    (bare_hex && !hex.sure)) {
			buf_reset(&w->tmp);
			*no_hex = hex.end;
			return next;
		}
		name = hex.name;
		end = hex.end;
	} else {
		return next;
	}
	if (w->tmp.overflow)
		w->list.defects |= MIME_LIMIT_MEMORY;
	found.name = name_text(w, name);
	add_block(w, found, at, n);
	if (again) {
		in = span_sub(buf_span(w->out), it.off, it.n);
		uu_block(in, next, false, true, walk_tmp(w), &lines);
		add_block(w, found, 0, w->tmp.n);
	}
	return end > next ? end : next;
}

static bool
may_begin(struct span in, size_t off)
{
	while (off < in.n && (in.p[off] == ' ' || in.p[off] == '\t'))
		off++;
	return off < in.n && (in.p[off] == 'b' || in.p[off] == 'B' ||
	    in.p[off] == '=' || in.p[off] == '(' || in.p[off] == '-' ||
	    in.p[off] == ':');
}

void
content_inline(struct walk *w, struct content it)
{
	size_t off = 0, no_hex = 0;

	if (tnef_is(span_sub(buf_span(w->out), it.off, it.n))) {
		tnef(w, it);
		return;
	}
	signed_content(w, it);
	if (content_is_properties(span_sub(buf_span(w->out), it.off, it.n)))
		content_properties(w, it);
	content_html(w, it);
	while (off < it.n) {
		struct span in = span_sub(buf_span(w->out), it.off, it.n);
		size_t next;

		if (may_begin(in, off)) {
			struct span line;

			next = off;
			line = line_next(in, &next);
			off = block(w, it, in, line, next, &no_hex);
			continue;
		}
		next = span_chr(in, off, '\n');
		off = next + 1;
	}
}
