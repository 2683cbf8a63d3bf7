#include "lib/mail/cms.h"

#include "lib/mail/cte_sink.h"

enum {
	TAG_OCTETS = 0x04, TAG_OID = 0x06, TAG_OCTETS_PIECES = 0x24,
	TAG_SEQUENCE = 0x30, TAG_EXPLICIT = 0xa0,
	LONG_FORM = 0x80, HIGH_TAG = 0x1f,
	DEPTH_MAX = 16,		/* pieces within pieces, nested types */
};

/* One element; the value of one without a length goes up to the end of what
 * is around it, its end mark is an element of tag 0. */
struct ber {
	unsigned tag;
	struct span value;
	bool open;
};

/* Takes the header at *off, which moves behind it. */
static bool
ber_header(struct span in, size_t *off, struct ber *e)
{
	size_t i = *off, n = 0;
	unsigned k;

	if (i >= in.n || in.n - i < 2 || (in.p[i] & HIGH_TAG) == HIGH_TAG)
		return false;
	e->tag = in.p[i++];
	k = in.p[i++];
	e->open = k == LONG_FORM;
	if (k < LONG_FORM) {
		n = k;
	} else if (!e->open) {
		k -= LONG_FORM;
		if (k > sizeof(n) || in.n - i < k)
			return false;
		while (k-- > 0)
			n = n << 8 | in.p[i++];
	}
	e->value = span_sub(in, i, e->open ? in.n - i : n);
	*off = i;
	return true;
}

/* Behind the element whose header is e; walks through one without a length. */
static size_t
ber_skip(struct span in, size_t off, const struct ber *e)
{
	struct ber inner;
	unsigned depth = 1;

	if (!e->open)
		return off + e->value.n;
	while (depth > 0 && ber_header(in, &off, &inner))
		if (inner.open)
			depth++;
		else if (inner.tag == 0)
			depth--;
		else
			off += inner.value.n;
	return depth == 0 ? off : in.n;
}

/* The first element of that tag within in, from *off; *off moves behind it. */
static bool
ber_find(struct span in, size_t *off, unsigned tag, struct ber *e)
{
	while (ber_header(in, off, e)) {
		size_t next = ber_skip(in, *off, e);

		if (e->tag == tag) {
			*off = next;
			return true;
		}
		if (e->tag == 0 || next >= in.n)
			return false;
		*off = next;
	}
	return false;
}

/* A string, or the strings that it is made of. */
static void
put_octets(struct sink *s, const struct ber *e, unsigned depth)
{
	struct ber piece;
	size_t off = 0;

	if (e->tag == TAG_OCTETS) {
		sink_puts(s, e->value);
		return;
	}
	while (depth < DEPTH_MAX && ber_header(e->value, &off, &piece) &&
	    (piece.tag == TAG_OCTETS || piece.tag == TAG_OCTETS_PIECES)) {
		put_octets(s, &piece, depth + 1);
		off = ber_skip(e->value, off, &piece);
	}
}

/* ContentInfo: SEQUENCE { OID contentType, [0] EXPLICIT content }, where the
 * content is a SEQUENCE, too: e. */
static bool
content_info(struct span in, struct span *oid, struct ber *e)
{
	size_t off = 0;
	struct span all;

	if (!ber_header(in, &off, e) || e->tag != TAG_SEQUENCE)
		return false;
	all = e->value;
	off = 0;
	if (!ber_header(all, &off, e) || e->tag != TAG_OID)
		return false;
	*oid = e->value;
	off += e->value.n;
	if (!ber_header(all, &off, e) || e->tag != TAG_EXPLICIT)
		return false;
	off = 0;
	return ber_header(e->value, &off, e) && e->tag == TAG_SEQUENCE;
}

#define PKCS7 "\x2a\x86\x48\x86\xf7\x0d\x01\x07"
#define SMIME_CT "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01"

/* envelopedData, signedAndEnvelopedData, encryptedData, authEnvelopedData */
bool
cms_is_encrypted(struct span in)
{
	static const struct span oids[] = {
	    {(const unsigned char *)PKCS7 "\x03", 9},
	    {(const unsigned char *)PKCS7 "\x04", 9},
	    {(const unsigned char *)PKCS7 "\x06", 9},
	    {(const unsigned char *)SMIME_CT "\x17", 11},
	};
	struct span oid;
	struct ber e;

	if (!content_info(in, &oid, &e))
		return false;
	for (size_t i = 0; i < sizeof(oids) / sizeof(oids[0]); i++)
		if (span_eq(oid, oids[i]))
			return true;
	return false;
}

bool
cms_signed_content(struct span in, struct buf *out)
{
	const struct span signed_data = SPAN_LIT(PKCS7 "\x02");
	struct sink s = {.out = out};
	size_t off = 0, before = out->n;
	struct span data, oid;
	struct ber e;

	if (!content_info(in, &oid, &e) || !span_eq(oid, signed_data))
		return false;
	/* Behind version and algorithms: the type of the content, and it. */
	data = e.value;
	if (!ber_find(data, &off, TAG_SEQUENCE, &e))
		return false;
	data = e.value;
	off = 0;
	if (!ber_find(data, &off, TAG_EXPLICIT, &e))
		return false;
	data = e.value;
	off = 0;
	if (!ber_header(data, &off, &e) ||
	    (e.tag != TAG_OCTETS && e.tag != TAG_OCTETS_PIECES))
		return false;
	put_octets(&s, &e, 0);
	sink_flush(&s);
	return out->n > before;
}
