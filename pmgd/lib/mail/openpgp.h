/*
 * OpenPGP messages (RFC 4880, RFC 9580) as far as a filter can tell: what is
 * encrypted, and what is only packed or signed and shown by any client that
 * has OpenPGP. Pure, nothing is decrypted or verified; hostile bytes are only
 * no message.
 */
#ifndef PMG_MAIL_OPENPGP_H
#define PMG_MAIL_OPENPGP_H

#include <stdbool.h>
#include "lib/base/buf.h"
#include "lib/base/span.h"

enum openpgp_kind {
	OPENPGP_NONE,		/* no message; keys and detached signatures */
	OPENPGP_ENCRYPTED,
	OPENPGP_READABLE,	/* packed, or signed, or neither */
};

/* By the packets that begin in.p, in binary. */
enum openpgp_kind openpgp_kind_of(struct span in);

/* Tags of packets, RFC 9580 section 5. */
enum {
	OPENPGP_PKESK = 1, OPENPGP_SIGNATURE = 2, OPENPGP_SKESK = 3,
	OPENPGP_ONE_PASS = 4, OPENPGP_COMPRESSED = 8, OPENPGP_SED = 9,
	OPENPGP_MARKER = 10, OPENPGP_LITERAL = 11, OPENPGP_SEIPD = 18,
	OPENPGP_AEAD = 20,
};
/* First octet of a compressed packet. */
enum { OPENPGP_ZIP = 1, OPENPGP_ZLIB = 2, OPENPGP_BZIP2 = 3 };

struct openpgp_packet {
	unsigned tag;
	size_t off, n;		/* of its body; of its first piece where it
				 * has a length for each piece */
	size_t pieces;		/* offset of the length of the next piece, 0 =
				 * there is none */
};
/* The packet at *off, which moves behind it. One that is cut short has what
 * is there. False: none. */
bool openpgp_next(struct span in, size_t *off, struct openpgp_packet *p);
/* Appends the body, all its pieces. */
void openpgp_body(struct span in, const struct openpgp_packet *p,
    struct buf *out);
/* The file in the body of a literal packet. False: it is none. */
bool openpgp_literal(struct span body, struct span *name, struct span *data);

/* A line "-----BEGIN PGP MESSAGE-----", or of a part of one. */
bool openpgp_armor_begin(struct span line);
/* Decodes what stands behind that line, from off on. Returns the offset behind
 * the block. */
size_t openpgp_dearmor(struct span in, size_t off, struct buf *out);

#endif
