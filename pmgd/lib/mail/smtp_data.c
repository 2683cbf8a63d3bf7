#include "lib/mail/smtp.h"

/*
 * The reader stands behind a line end (BOL), inside a line (MID), behind a CR
 * (CR), behind the dot that begins a line (DOT), or behind ".CR" (DOTCR). The
 * dot is held back until the next byte tells what it is. A bare LF or CR is no
 * line end here: a dot behind it is an ordinary byte, which is what defeats
 * smuggling with <LF>.<LF>, <LF>.<CR><LF>, <CR>.<CR> and their kin.
 */
enum { BOL, MID, CR, DOT, DOTCR };

/*
 * Copies the bytes from off up to the next CR or LF; returns its offset. One
 * pass: memchr() for either would be quadratic where the other abounds.
 */
static size_t
data_copy_run(struct span in, size_t off, struct buf *out)
{
	size_t end = off;

	while (end < in.n && in.p[end] != '\r' && in.p[end] != '\n')
		end++;
	buf_puts_span(out, span_sub(in, off, end - off));
	return end;
}

/* One byte inside a line or at its end. */
static unsigned
data_mid(struct smtp_data *d, unsigned char c, struct buf *out)
{
	if (c == '\r')
		return CR;
	if (c == '\n')
		d->bare = true;
	buf_putc(out, c);
	return MID;
}

/* The byte behind a CR that has not been written yet. */
static unsigned
data_after_cr(struct smtp_data *d, unsigned char c, struct buf *out)
{
	buf_putc(out, '\r');
	if (c == '\n') {
		buf_putc(out, '\n');
		return BOL;
	}
	d->bare = true;
	return data_mid(d, c, out);
}

size_t
smtp_data_feed(struct smtp_data *d, struct span in, struct buf *out)
{
	size_t i = 0;

	while (i < in.n && !d->done) {
		unsigned char c = in.p[i];

		switch (d->state) {
		case BOL:
			d->state = c == '.' ? DOT : data_mid(d, c, out);
			break;
		case CR:
			d->state = data_after_cr(d, c, out);
			break;
		case DOT:
			d->state = c == '\r' ? DOTCR : data_mid(d, c, out);
			break;
		case DOTCR:
			if (c == '\n')
				d->done = true;
			else
				d->state = data_after_cr(d, c, out);
			break;
		default:
			d->state = data_mid(d, c, out);
			break;
		}
		i++;
		if (d->state == MID)
			i = data_copy_run(in, i, out);
	}
	return i;
}

void
smtp_data_lines(struct buf *out, struct span piece)
{
	size_t i = 0;

	while (i < piece.n) {
		if (piece.p[i] == '.')
			buf_putc(out, '.');
		i = data_copy_run(piece, i, out);
		buf_puts(out, "\r\n");
		if (i + 1 < piece.n && piece.p[i] == '\r' &&
		    piece.p[i + 1] == '\n')
			i++;
		i++;
	}
}

void
smtp_data_put(struct buf *out, struct span msg)
{
	smtp_data_lines(out, msg);
	buf_puts(out, ".\r\n");
}
