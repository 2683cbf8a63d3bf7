#include "lib/mail/edit_encode.h"

#include "lib/base/str.h"

static const char b64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char hex[] = "0123456789ABCDEF";

static void
base64_group(struct buf *out, const unsigned char *p, size_t n)
{
	uint32_t v = (uint32_t)p[0] << 16 | (n > 1 ? p[1] << 8 : 0) |
	    (n > 2 ? p[2] : 0);
	char group[4] = {b64[v >> 18], b64[v >> 12 & 63],
	    n > 1 ? b64[v >> 6 & 63] : '=', n > 2 ? b64[v & 63] : '='};

	buf_put(out, group, sizeof(group));
}

void
encode_base64(struct buf *out, struct span in, size_t line)
{
	size_t column = 0;

	for (size_t i = 0; i < in.n; i += 3) {
		if (line != 0 && column == line) {
			buf_puts(out, "\r\n");
			column = 0;
		}
		base64_group(out, in.p + i, in.n - i < 3 ? in.n - i : 3);
		column += 4;
	}
}

/* Bytes of the line end at i, else 0. */
static size_t
line_end(struct span in, size_t i)
{
	if (i < in.n && in.p[i] == '\n')
		return 1;
	return in.n - i >= 2 && in.p[i] == '\r' && in.p[i + 1] == '\n' ? 2 : 0;
}

static bool
qp_is_plain(struct span in, size_t i, size_t column)
{
	unsigned char c = in.p[i];

	if (c == ' ' || c == '\t')
		return i + 1 < in.n && line_end(in, i + 1) == 0;
	return c > ' ' && c < 0x7f && c != '=' && !(c == '-' && column == 0);
}

void
encode_qp(struct buf *out, struct span in)
{
	size_t column = 0;

	for (size_t i = 0; i < in.n;) {
		size_t eol = line_end(in, i);
		bool plain, last;

		if (eol > 0) {
			buf_puts(out, "\r\n");
			column = 0;
			i += eol;
			continue;
		}
		plain = qp_is_plain(in, i, column);
		last = i + 1 == in.n || line_end(in, i + 1) > 0;
		/* Room for "=" unless the line ends here anyway. */
		if (column + (plain ? 1 : 3) > ENCODE_LINE - (last ? 0u : 1u)) {
			buf_puts(out, "=\r\n");
			column = 0;
			plain = qp_is_plain(in, i, column);
		}
		if (plain) {
			buf_putc(out, in.p[i]);
			column++;
		} else {
			char code[3] = {'=', hex[in.p[i] >> 4],
			    hex[in.p[i] & 15]};

			buf_put(out, code, sizeof(code));
			column += 3;
		}
		i++;
	}
}

bool
encode_q_is_safe(unsigned char c)
{
	int l = ascii_lower(c);

	return c == ' ' || ascii_isdigit(c) || (l >= 'a' && l <= 'z') ||
	    c == '!' || c == '*' || c == '+' || c == '-' || c == '/';
}

void
encode_q(struct buf *out, struct span in)
{
	for (size_t i = 0; i < in.n; i++) {
		unsigned char c = in.p[i];

		if (!encode_q_is_safe(c)) {
			char code[3] = {'=', hex[c >> 4], hex[c & 15]};

			buf_put(out, code, sizeof(code));
		} else {
			buf_putc(out, c == ' ' ? '_' : c);
		}
	}
}
