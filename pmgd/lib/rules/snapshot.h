/*
 * The snapshot file of a ruleset, big-endian:
 *
 *	8  magic "PMGRULES"
 *	4  format version
 *	32 SHA-256 of everything behind it
 *	8  number of bytes behind this one
 *	8  version of the rule database
 *	lp groups and rules (strings end in NUL, so that they are used in place)
 *	lp time zones that they name: lp name (ends in NUL), lp file (TZif)
 *	then for each pattern kind:
 *	lp object references: u32 group, u32 object, in order of the patterns
 *	lp compiled patterns (empty when there are none)
 *
 * lp = u32 length and that many bytes. Another format version is refused:
 * pmgd-store writes the file anew whenever it starts.
 */
#ifndef PMG_RULES_SNAPSHOT_H
#define PMG_RULES_SNAPSHOT_H

#include <stdint.h>
#include "lib/base/buf.h"
#include "lib/rules/rules.h"

enum {
	SNAPSHOT_FORMAT = 3,
	SNAPSHOT_MAGIC_LEN = 8,
	SNAPSHOT_DIGEST_OFF = 12,
	SNAPSHOT_DIGEST_LEN = 32,
	SNAPSHOT_HEADER_LEN = 60,	/* up to the first lp */
	SNAPSHOT_BYTES_MAX = 1 << 30,
};
extern const char snapshot_magic[SNAPSHOT_MAGIC_LEN + 1];

void snapshot_put_group(struct buf *b, const struct object_group *g);
void snapshot_put_rule(struct buf *b, const struct rule *r,
    const uint32_t *const group[CAT_COUNT]);
/* Header with empty length and digest; snapshot_seal() fills them in. */
void snapshot_put_header(struct buf *b, uint64_t version);
/* p: a whole snapshot of n bytes, at least SNAPSHOT_HEADER_LEN. */
void snapshot_seal(unsigned char *p, size_t n);
void snapshot_digest(struct span snapshot,
    unsigned char digest[SNAPSHOT_DIGEST_LEN]);

#endif
