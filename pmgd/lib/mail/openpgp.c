#include "lib/mail/openpgp.h"

#include "lib/mail/cte.h"
#include "lib/mail/uu.h"

enum {
	PACKET = 0x80, NEW_FORM = 0x40, NEW_TAG = 0x3f,
	OLD_TAG_SHIFT = 2, OLD_TAG = 0x0f, OLD_LENGTH = 3,
	LENGTH_TWO = 192, LENGTH_PIECE = 224, LENGTH_FOUR = 255,
	PIECE_EXPONENT = 0x1f,
	PKESK3_MIN = 12, SKESK_MIN = 4, ONE_PASS3 = 13,
	LITERAL_MIN = 6, ARMOR_CHECKSUM = 5,
};

static size_t
big_endian(struct span in, size_t off, unsigned n)
{
	size_t v = 0;

	while (n-- > 0)
		v = v << 8 | in.p[off++];
	return v;
}

/* 4.2.1: the length at *at, which moves behind it. *more: of a piece. */
static bool
new_length(struct span in, size_t *at, size_t *n, bool *more)
{
	unsigned first;

	*more = false;
	if (*at >= in.n)
		return false;
	first = in.p[(*at)++];
	if (first < LENGTH_TWO) {
		*n = first;
	} else if (first < LENGTH_PIECE) {
		if (*at >= in.n)
			return false;
		*n = ((size_t)(first - LENGTH_TWO) << 8) + in.p[(*at)++] +
		    LENGTH_TWO;
	} else if (first < LENGTH_FOUR) {
		*n = (size_t)1 << (first & PIECE_EXPONENT);
		*more = true;
	} else {
		if (in.n - *at < 4)
			return false;
		*n = big_endian(in, *at, 4);
		*at += 4;
	}
	return true;
}

/* 4.2.2 */
static bool
old_length(struct span in, unsigned kind, size_t *at, size_t *n)
{
	unsigned octets = 1u << kind;

	if (kind == OLD_LENGTH) {
		*n = in.n - *at;
		return true;
	}
	if (in.n - *at < octets)
		return false;
	*n = big_endian(in, *at, octets);
	*at += octets;
	return true;
}

static size_t
behind(struct span in, size_t off, size_t n)
{
	return n < in.n - off ? off + n : in.n;
}

bool
openpgp_next(struct span in, size_t *off, struct openpgp_packet *p)
{
	size_t at = *off, n;
	bool more = false;
	unsigned first;

	if (at >= in.n || (in.p[at] & PACKET) == 0)
		return false;
	first = in.p[at++];
	p->tag = first & NEW_FORM ? first & NEW_TAG
	                          : first >> OLD_TAG_SHIFT & OLD_TAG;
	if (first & NEW_FORM ? !new_length(in, &at, &n, &more)
	                     : !old_length(in, first & OLD_LENGTH, &at, &n))
		return false;
	p->off = at;
	at = behind(in, at, n);
	p->n = at - p->off;
	p->pieces = more ? at : 0;
	while (more) {
		if (!new_length(in, &at, &n, &more))
			at = in.n;
		else
			at = behind(in, at, n);
	}
	*off = at;
	return true;
}

void
openpgp_body(struct span in, const struct openpgp_packet *p, struct buf *out)
{
	size_t at = p->pieces, n;
	bool more = at != 0;

	buf_puts_span(out, span_sub(in, p->off, p->n));
	while (more && new_length(in, &at, &n, &more)) {
		buf_puts_span(out, span_sub(in, at, n));
		at = behind(in, at, n);
	}
}

bool
openpgp_literal(struct span body, struct span *name, struct span *data)
{
	size_t n;

	if (body.n < LITERAL_MIN || memchr("btul1m", body.p[0], 6) == NULL)
		return false;
	n = body.p[1];
	if (body.n - LITERAL_MIN < n)
		return false;
	*name = span_sub(body, 2, n);
	*data = span_sub(body, LITERAL_MIN + n, body.n);
	return true;
}

/* RSA, Elgamal, ECDH, X25519, X448 */
static bool
encrypts(unsigned algorithm)
{
	return algorithm == 1 || algorithm == 2 || algorithm == 16 ||
	    algorithm == 18 || algorithm == 25 || algorithm == 26;
}

static bool
is_session_key(const struct openpgp_packet *p, struct span body)
{
	if (p->tag == OPENPGP_PKESK)
		return body.n >= PKESK3_MIN && ((body.p[0] == 3 &&
		    encrypts(body.p[9])) || body.p[0] == 6);
	return p->tag == OPENPGP_SKESK && body.n >= SKESK_MIN &&
	    body.p[0] >= 4 && body.p[0] <= 6 && body.p[1] > 0 &&
	    body.p[1] <= 30;
}

static bool
is_compressed(struct span body)
{
	if (body.n < 4)
		return false;
	switch (body.p[0]) {
	case OPENPGP_ZIP:	/* the kind of block that does not exist */
		return (body.p[1] & 6) != 6;
	case OPENPGP_ZLIB:
		return (body.p[1] & 0x0f) == 8 &&
		    (body.p[1] << 8 | body.p[2]) % 31 == 0;
	case OPENPGP_BZIP2:
		return span_iprefix(span_sub(body, 1, body.n), "BZh");
	default:
		return false;
	}
}

/* None, or of this century and the one before. */
static bool
is_date(size_t seconds)
{
	return seconds == 0 || (seconds > 0x20000000 && seconds < 0xa0000000);
}

/* Little says that it is one: all of it has to fit. */
static bool
is_literal(struct span in, const struct openpgp_packet *p, size_t next)
{
	struct span name, data;

	if (!openpgp_literal(span_sub(in, p->off, p->n), &name, &data) ||
	    !is_date(big_endian(in, p->off + 2 + name.n, 4)))
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] < ' ')
			return false;
	return (p->pieces != 0 || next == in.n ||
	        (in.p[next] & PACKET) != 0);
}

static bool
is_signature(const struct openpgp_packet *p, struct span body)
{
	if (p->tag == OPENPGP_ONE_PASS)
		return body.n >= ONE_PASS3 && (body.p[0] == 6 ||
		    (body.p[0] == 3 && body.n == ONE_PASS3));
	return p->tag == OPENPGP_SIGNATURE && body.n > ONE_PASS3 &&
	    body.p[0] >= 2 && body.p[0] <= 6;
}

enum openpgp_kind
openpgp_kind_of(struct span in)
{
	struct openpgp_packet p;
	bool session = false;
	size_t off = 0;

	while (openpgp_next(in, &off, &p)) {
		struct span body = span_sub(in, p.off, p.n);

		if (p.tag == OPENPGP_MARKER && span_eq(body, SPAN_LIT("PGP")))
			continue;
		if (is_session_key(&p, body)) {
			session = true;
			continue;
		}
		if (session)
			return p.tag == OPENPGP_SED || p.tag == OPENPGP_SEIPD ||
			    p.tag == OPENPGP_AEAD ? OPENPGP_ENCRYPTED
			                          : OPENPGP_NONE;
		if (is_signature(&p, body))
			continue;
		if ((p.tag == OPENPGP_COMPRESSED && is_compressed(body)) ||
		    (p.tag == OPENPGP_LITERAL && is_literal(in, &p, off)))
			return OPENPGP_READABLE;
		return OPENPGP_NONE;
	}
	/* Cut off before what it encrypts. */
	return session && off >= in.n ? OPENPGP_ENCRYPTED : OPENPGP_NONE;
}

bool
openpgp_armor_begin(struct span line)
{
	return span_iprefix(span_trim(line), "-----BEGIN PGP MESSAGE");
}

/* A line of base64; the checksum and the last line are none. */
static bool
is_armor_data(struct span line)
{
	if (line.n == 0 || line.p[0] == '-' ||
	    (line.p[0] == '=' && line.n == ARMOR_CHECKSUM))
		return false;
	return true;
}

size_t
openpgp_dearmor(struct span in, size_t off, struct buf *out)
{
	size_t next = off, from, to;
	struct span line;

	/* Header fields; without any some leave out the empty line. */
	do {
		off = next;
		line = span_trim(line_next(in, &next));
	} while (off < in.n && (line.n == 0 ||
	    span_chr(line, 0, ':') < line.n));
	from = to = off;
	while (off < in.n && is_armor_data(line)) {
		off = to = next;
		line = span_trim(line_next(in, &next));
	}
	cte_decode(CTE_BASE64, span_sub(in, from, to - from), out);
	return to;
}
