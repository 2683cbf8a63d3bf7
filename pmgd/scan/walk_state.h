/*
 * What the readers of containers share: the account of one walk, how an entry
 * is reported, and the readers themselves. Only for walk*.c.
 */
#ifndef PMG_SCAN_WALK_STATE_H
#define PMG_SCAN_WALK_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/base/buf.h"
#include "lib/base/span.h"
#include "scan/walk.h"

struct walk {
	struct walk_limits lim;
	walk_found *found;
	void *arg;
	unsigned entries;
	uint64_t total;		/* bytes unpacked so far */
	int64_t cpu_end_us;
	struct span content;	/* of the entry that is reported, or empty */
	bool stop;		/* CPU time or total is used up: unwind */
	unsigned flags;		/* of all entries so far */
};

/*
 * The names of one entry, as its container has them; several where readers
 * differ on which one counts. Empty ones and repetitions are left out.
 */
enum { WALK_NAMES = 4 };
struct walk_names {
	struct span s[WALK_NAMES];
	unsigned n;
};

void walk_name_add(struct walk_names *names, struct span name);

/* False once the CPU time is used up; then, and ever after, unwind. */
bool walk_alive(struct walk *w);
/* Takes the place of one entry; false: none left, or not alive. */
bool walk_begin(struct walk *w);
/* Charges n unpacked bytes; false: past the total. */
bool walk_spend(struct walk *w, uint64_t n);
/* An entry of which there is nothing to look into. */
void walk_leaf(struct walk *w, const struct walk_names *names, unsigned depth,
    unsigned flags, const char *type, uint64_t size);
/*
 * An entry with content: types it, enters it, reports it. flags: what its
 * container knows. Returns all its flags. Goes down by recursion, which the
 * depth limit bounds (WALK_DEPTH_MAX).
 */
unsigned walk_object(struct walk *w, const struct walk_names *names,
    struct span bytes, unsigned depth, unsigned flags);

/* Little-endian numbers, 0 outside of s. */
uint16_t walk_le16(struct span s, size_t off);
uint32_t walk_le32(struct span s, size_t off);
uint64_t walk_le64(struct span s, size_t off);

enum walk_kind {
	KIND_NONE,
	KIND_ZIP,
	KIND_7Z,
	KIND_RAR,
	KIND_CAB,
	KIND_ISO,
	KIND_LHA,
	KIND_TAR,
	KIND_CPIO,
	KIND_AR,
	KIND_ARJ,
	KIND_OLE2,
	KIND_PDF,
	KIND_TNEF,
	KIND_ONENOTE,
	KIND_OPENPGP,
	KIND_SMIME,		/* encrypted */
	/* one compressed stream */
	KIND_GZIP,
	KIND_BZIP2,
	KIND_XZ,
	KIND_LZMA,
	KIND_ZSTD,
	KIND_LZ4,
	KIND_LZIP,
	KIND_COMPRESS,
	KIND_RPM,
	KIND_ZIP_MEMBER,	/* behind a local header of our own */
	KIND_LHA_MEMBER,	/* likewise */
	KIND_CLOSED,		/* a container nobody here can unpack */
	KIND_MAX,
};

/* Bits 1 << enum walk_kind: everything that a reader may take it for. */
uint32_t walk_kinds(struct span bytes, const char *type);
bool walk_is_stream(enum walk_kind k);

/* An archive found behind other bytes: a program, a picture. */
struct walk_embedded {
	enum walk_kind kind;
	size_t off;
};
enum { WALK_EMBEDDED = 8 };
unsigned walk_embedded_find(struct span bytes, struct walk_embedded *out);

/*
 * The readers. Each calls walk_object() or walk_leaf() for what is in bytes,
 * at depth, and returns flags for the container itself. type_r: set when the
 * content tells more than the first bytes do.
 */
struct walk_in {
	struct span bytes;
	const struct walk_names *names;
	unsigned depth;		/* of what is inside */
	const char **type_r;
};

unsigned walk_zip(struct walk *w, const struct walk_in *in);
unsigned walk_ole2(struct walk *w, const struct walk_in *in);
unsigned walk_arj(struct walk *w, const struct walk_in *in);
unsigned walk_rar(struct walk *w, const struct walk_in *in);
unsigned walk_pdf(struct walk *w, const struct walk_in *in);
unsigned walk_tnef(struct walk *w, const struct walk_in *in);
unsigned walk_openpgp(struct walk *w, const struct walk_in *in);
bool walk_is_openpgp(struct span bytes);
unsigned walk_onenote(struct walk *w, const struct walk_in *in);
unsigned walk_stream(struct walk *w, enum walk_kind kind,
    const struct walk_in *in);

/* What a lister of our own knows of an archive; in the archive's order. */
struct walk_listed {
	struct span name;
	struct span stored;	/* content that is not packed, else n = 0 */
	unsigned flags;
	bool folder;
	bool done;		/* reported */
};
struct walk_list {
	struct walk_listed *e;
	size_t n;
};

/* walk.c: libarchive. list: names in place of libarchive's, or NULL. */
unsigned walk_archive(struct walk *w, enum walk_kind kind,
    const struct walk_in *in, struct walk_list *list);
/* head and body together are one packed stream; fills out. */
unsigned walk_unpack(struct walk *w, enum walk_kind kind, struct span head,
    struct span body, struct buf *out);
bool walk_locale_prepare(void);

/* What the members of a zip archive make it: an Office document, a program. */
struct walk_office {
	bool content_types, word, excel, powerpoint, visio;
	bool manifest, dex, macros, encrypted, macro_type, template_type;
	bool odf;		/* perhaps */
	bool active;		/* if it is a document at all */
};
void walk_office_note(struct walk_office *o, struct span name,
    struct span content);
/* NULL: nothing special. */
const char *walk_office_type(const struct walk_office *o);

#endif
