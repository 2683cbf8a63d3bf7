/*
 * What the rules were told about a message, as bytes that can be kept: the
 * filter records it for the last messages (mail.replaysize), and `pmg rules
 * replay` lets other rules decide the same messages.
 *
 * In it: envelope, header fields, names and types of parts and of what is
 * inside of them, spam level, virus. Not in it: bodies, and what is looked up
 * when rules decide (user lists, the LDAP directory).
 *
 * Big-endian, format RECORDED_FORMAT; another format is not read.
 */
#ifndef PMG_RULES_RECORDED_H
#define PMG_RULES_RECORDED_H

#include "lib/base/buf.h"
#include "lib/rules/rules.h"

enum {
	RECORDED_FORMAT = 1,
	RECORDED_MAX = 64 * 1024,	/* bytes of one record; longer ones are
					 * not kept */
};

struct recorded {
	struct envelope env;
	struct facts facts;	/* env, mime, magic_type, inside set; user_list
				 * and directory NULL */
	unsigned known;		/* NEED_*: what had been found out */
};

/* Past RECORDED_MAX, b->max or the arena of b: b->overflow. */
void recorded_put(struct buf *b, const struct facts *f, unsigned known);
/* Everything in a; body_off and the like of parts are 0, and mime->msg is
 * empty. -1: damaged, or of another format. */
int recorded_get(struct span bytes, struct recorded *r, struct arena *a);

#endif
