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
	const char *dflt;	/* text; "" = not set; for max_filters etc. "auto" */
	int64_t min, max;	/* CONF_INT */
	const char *values;	/* CONF_ENUM: "smtp lmtp" */
	const char *unit;	/* "bytes", "s", "" */
	const char *help;	/* one sentence */
};
extern const struct config_key config_schema[];
extern const unsigned config_nkeys;

struct config;

/* dir: /etc/pmg. A missing pmg.conf means all defaults. NULL: e tells. */
struct config *config_load(const char *dir, struct err *e);
void config_free(struct config *c);

/* Asking for a key that is not in the schema is fatal(). */
bool config_bool(const struct config *c, const char *section, const char *name);
int64_t config_int(const struct config *c, const char *section,
    const char *name);
/* Never NULL. */
const char *config_str(const struct config *c, const char *section,
    const char *name);
/* Written in the file, not the default. */
bool config_is_set(const struct config *c, const char *section,
    const char *name);

const struct config_key *config_key_find(const char *section,
    const char *name);
/* Checks one value against the schema. */
int config_check(const struct config_key *k, const char *value,
    struct err *e);
/* Sets (value NULL: back to the default) in memory; config_save writes. */
int config_set(struct config *c, const struct config_key *k,
    const char *value, struct err *e);
/* Atomic replace of pmg.conf; comments above sections are kept. */
int config_save(const struct config *c, struct err *e);

#endif
