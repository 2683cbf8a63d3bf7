/* A compiled rule set for commands that decide messages without sending any:
 * the active file, or what pmgd-store compiles for the occasion. */
#ifndef PMG_TOOLS_PMG_RULES_LOAD_H
#define PMG_TOOLS_PMG_RULES_LOAD_H

#include "lib/base/err.h"
#include "lib/config/paths.h"
#include "lib/proto/rules.h"
#include "lib/rules/rules.h"
#include "lib/rules/userlist.h"

/* The file that workers load; pmgd-store need not run. NULL: e tells. */
struct ruleset *rules_load_active(const struct paths *p, struct err *e);
/* The LDAP data that workers load. NULL: none; when they cannot be read, that
 * is said on stderr. */
struct directory *rules_load_directory(const struct paths *p);
/* The user lists that workers load. NULL: e tells; workers go without then. */
struct userlist *rules_load_lists(const struct paths *p, struct err *e);
/* Of the draft or of a version, from pmgd-store (RULES_SNAPSHOT). NULL: e
 * tells, in pmgd-store's words where it refused. */
struct ruleset *rules_load_target(const struct paths *p,
    struct rules_target target, struct err *e);

#endif
