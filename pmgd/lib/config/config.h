/*
 * /etc/pmg/pmg.conf and the map files beside it, in the reference product's
 * syntax. One schema table (config_schema) tells of each key: section, name,
 * type, default, range, unit and help; reader, checker, `pmgconfig`, and the
 * manual page are made from it. A file with any error is refused whole, with
 * file, line and reason; the caller keeps what it had.
 */
#ifndef PMG_CONFIG_CONFIG_H
#define PMG_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/base/buf.h"
#include "lib/base/err.h"

enum config_type { CONF_BOOL, CONF_INT, CONF_STRING, CONF_ENUM };

struct config_key {
	const char *section;	/* "mail" */
	const char *name;	/* "relayport" */
	enum config_type type;
	const char *dflt;	/* text; "" = not set; "auto": from the machine */
	int64_t min, max;	/* CONF_INT */
	const char *values;	/* CONF_ENUM: "smtp lmtp"; CONF_STRING: which
				 * syntax (syntax.h), "text" = any line */
	const char *unit;	/* "bytes", "s", "" */
	const char *help;	/* one sentence */
};
extern const struct config_key config_schema[];
extern const unsigned config_nkeys;

struct config;

/* dir: /etc/pmg. A missing pmg.conf means all defaults. NULL: e tells. */
struct config *config_load(const char *dir, struct err *e);
/* The same from one file, which must exist: `pmgconfig check FILE`. */
struct config *config_load_file(const char *path, struct err *e);
void config_free(struct config *c);

/* Asking for a key that is not in the schema is fatal(). */
bool config_bool(const struct config *c, const char *section, const char *name);
/* "auto" gives the figure for this machine; a number that is not set is 0. */
int64_t config_int(const struct config *c, const char *section,
    const char *name);
/* The text of a key of any type ("auto" stays "auto"). Never NULL. */
const char *config_str(const struct config *c, const char *section,
    const char *name);
/* Written in the file, not the default. */
bool config_is_set(const struct config *c, const char *section,
    const char *name);

const struct config_key *config_key_find(const char *section,
    const char *name);
/* False: the value is kept, but nothing in this version uses it. */
bool config_has_effect(const struct config_key *k);
/* Checks one value against the schema. */
int config_check(const struct config_key *k, const char *value,
    struct err *e);
/* Sets (value NULL: back to the default) in memory; config_save writes. */
int config_set(struct config *c, const struct config_key *k,
    const char *value, struct err *e);
/* What must hold between settings, and settings that this version refuses. */
int config_check_whole(const struct config *c, struct err *e);
/*
 * Checks the whole, then atomically replaces pmg.conf. Comments stay above
 * the section or key that they were written above.
 */
int config_save(const struct config *c, struct err *e);
/* What config_save() would write. */
void config_print(const struct config *c, struct buf *out);

/* All settings as the lists of pmg.conf(5). */
void config_mdoc(struct buf *out);

/*
 * "auto" for a machine with so much memory and so many cores: pure, for tests.
 * config: for figures that depend on others.
 */
int64_t config_auto(const struct config *c, const struct config_key *k,
    int64_t memory_mb, int64_t cores);

#endif
