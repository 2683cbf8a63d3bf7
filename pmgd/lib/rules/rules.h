/*
 * The rule system: who, when, what -> action (doc/ARCHITECTURE.md, "Rules").
 *
 * A ruleset is an immutable, compiled set of rules. pmgd-store builds it from
 * config.db (ruleset_builder_*), writes it as a snapshot file, and workers
 * load that. Evaluation is pure: the facts of a message in, a plan out. All
 * matching over all rules happens first, in priority order (higher first;
 * ties: higher id first), then actions are laid out; nothing is done here.
 */
#ifndef PMG_RULES_RULES_H
#define PMG_RULES_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/mail/content.h"
#include "lib/mail/envelope.h"
#include "lib/mail/mime.h"
#include "lib/rules/directory.h"

/* Numbers are the reference product's (object type ids, direction codes);
 * objects that it does not have are numbered from 3900. */
enum rule_dir { RULE_IN = 0, RULE_OUT = 1, RULE_BOTH = 2 };

enum object_type {
	WHO_REGEX = 1000, WHO_EMAIL = 1001, WHO_DOMAIN = 1002, WHO_IP = 1003,
	WHO_NETWORK = 1004, WHO_LDAP_GROUP = 1005, WHO_LDAP_USER = 1006,
	WHO_RECEIVER = 1007, WHO_RECEIVER_DOMAIN = 1008,
	WHO_RECEIVER_REGEX = 1009,
	WHEN_TIMEFRAME = 2000,
	WHAT_SPAM = 3000, WHAT_VIRUS = 3001, WHAT_FIELD = 3002,
	WHAT_CONTENT_TYPE = 3003, WHAT_FILENAME = 3004,
	WHAT_ARCHIVE_TYPE = 3005, WHAT_ARCHIVE_NAME = 3006,
	WHAT_ENCRYPTED = 3900, WHAT_UNREADABLE = 3901, WHAT_MACROS = 3902,
	WHAT_AMBIGUOUS = 3903, WHAT_LIMITS = 3904, WHAT_SPF = 3905,
	WHAT_SIZE = 3906,
	ACTION_ACCEPT = 4000, ACTION_BLOCK = 4001, ACTION_NOTIFY = 4002,
	ACTION_FIELD = 4003, ACTION_BCC = 4005, ACTION_QUARANTINE = 4006,
	ACTION_REMOVE = 4007, ACTION_DISCLAIMER = 4009,
};

enum category { CAT_FROM, CAT_TO, CAT_WHEN, CAT_WHAT, CAT_ACTION, CAT_COUNT };

/*
 * How the objects of a group, or the groups of a category, are put together
 * (the reference product from 8.1 on: any, all, at least one does not, none).
 */
enum match_mode { MATCH_ANY, MATCH_ALL, MATCH_NOT_ALL, MATCH_NONE,
	MATCH_MODE_COUNT };

/* Whom a WHO_LDAP_GROUP object means. */
enum ldap_mode { LDAP_KNOWN, LDAP_UNKNOWN, LDAP_GROUP };

/* RFC 7208 2.6. SPF_UNKNOWN: not evaluated. */
enum spf_result { SPF_UNKNOWN, SPF_NONE, SPF_NEUTRAL, SPF_PASS, SPF_FAIL,
	SPF_SOFTFAIL, SPF_TEMPERROR, SPF_PERMERROR, SPF_RESULT_COUNT };

/* One object. Which members count depends on type; "" / 0 otherwise. */
struct object {
	enum object_type type;
	const char *value;	/* address, domain, regex, IP, CIDR, header
				 * name (field), file or type pattern, BCC or
				 * notification target, disclaimer HTML,
				 * replacement text (remove), LDAP profile
				 * ("" = any), time zone ("" = the gateway's) */
	const char *value2;	/* regex (match field), header value (modify
				 * field), notification subject, LDAP group or
				 * account */
	const char *value3;	/* notification body */
	int64_t number;		/* spam level; minutes of day: start; bytes: at
				 * least; enum ldap_mode; SPF: bit mask of
				 * 1 << enum spf_result */
	int64_t number2;	/* minutes of day: end; bytes: at most, 0 = no
				 * end */
	uint32_t flags;		/* OBJ_* */
};
enum {
	OBJ_ATTACH_ORIGINAL = 1,	/* notify: attach the original */
	OBJ_ORIGINAL = 2,		/* bcc: send the unmodified mail */
	OBJ_REMOVE_ALL = 4,		/* remove: all parts, not only matching */
	OBJ_QUARANTINE_COPY = 8,	/* remove: keep original in quarantine */
	OBJ_AT_START = 16,		/* disclaimer position */
	OBJ_SEPARATOR = 32,		/* disclaimer separator line */
	OBJ_SUBDOMAINS = 64,		/* domain: those under it, too */
	OBJ_TOP_ONLY = 128,		/* match field: the mail's own header */
	OBJ_ONLY_CONTENT = 256,		/* content type: by magic alone */
	OBJ_SIGNED_TOO = 512,		/* disclaimer: also in mail whose
					 * signature it breaks */
	OBJ_MONDAY = 1 << 16,		/* time frame: << 1 Tuesday ... << 6
					 * Sunday; none = every day */
	OBJ_WEEKDAYS = 127 << 16,	/* all seven */
};

struct object_group {
	uint32_t id;
	const char *name;
	const char *info;
	enum category cat;	/* CAT_FROM stands for every who-group */
	enum match_mode mode;	/* of its objects; of no meaning for actions */
	struct object *object;
	size_t nobject;
};

struct rule {
	uint32_t id;
	const char *name;
	int priority;		/* 0..100 */
	bool active;
	enum rule_dir dir;
	struct object_group **group[CAT_COUNT];
	size_t ngroup[CAT_COUNT];
	enum match_mode mode[CAT_COUNT];	/* of its groups */
};

struct ruleset;

/* ---- building (pmgd-store, tests) and the snapshot ---- */

/* Of a snapshot. What is larger no worker loads, so none is published. */
enum { RULESET_BYTES_MAX = 512 * 1024 * 1024 };

struct ruleset_builder;
struct ruleset_builder *ruleset_builder_new(void);
/* Strings are copied. Adds the group and returns its index, -1: bad object
 * (regex position, IP syntax ... in e, with the group's name). */
int ruleset_builder_group(struct ruleset_builder *b,
    const struct object_group *g, struct err *e);
/* A rule with the group indices of each category. */
int ruleset_builder_rule(struct ruleset_builder *b, const struct rule *r,
    const int *group[CAT_COUNT], const size_t ngroup[CAT_COUNT],
    struct err *e);
/* The shipped rules and objects of the reference product (pmg.md 2.5). */
int ruleset_builder_shipped(struct ruleset_builder *b, struct err *e);
/* Compiles (regular expressions included) and writes the snapshot's bytes.
 * version: the rule database's version, reported by ruleset_version(). */
int ruleset_compile(struct ruleset_builder *b, uint64_t version,
    struct buf *snapshot, struct err *e);
void ruleset_builder_free(struct ruleset_builder *b);

/* From a snapshot's bytes (checksummed); NULL: damaged, e tells. */
struct ruleset *ruleset_load(struct span snapshot, struct err *e);
void ruleset_free(struct ruleset *rs);
uint64_t ruleset_version(const struct ruleset *rs);
/* All rules, sorted for evaluation, inactive ones included. */
size_t ruleset_rules(const struct ruleset *rs, const struct rule ***rules_r);
/* All groups as an array, those that no rule uses included. */
size_t ruleset_groups(const struct ruleset *rs,
    const struct object_group **groups_r);

/* ---- evaluation ---- */

/* What active rules of this direction need to know: their What objects, and
 * macros in the header fields that they set. */
enum {
	NEED_SPAM = 1,
	NEED_VIRUS = 2,
	NEED_CONTENT = 4,	/* names and types of parts in every reading */
	NEED_ARCHIVE = 8,	/* what is inside of archives */
	NEED_LIMITS = 16,	/* whether something could not be looked at */
};
unsigned ruleset_needs(const struct ruleset *rs, enum direction dir);

/* A spam hit: rule name and its score in 1/1000. */
struct spam_hit {
	const char *name;
	int64_t score_milli;
};

/*
 * Something in a part. Depth 0: its content as some mail program takes it, by
 * another reading of the encoding, or an attachment in a text. Below: an entry
 * of an archive, an Office document, a disk image ...
 */
struct inside {
	size_t part;		/* index of the MIME part, checked */
	unsigned depth;
	unsigned flags;		/* INSIDE_* */
	const char *name;	/* "" = none; of an entry with its folders */
	const char *type;	/* by magic, "" = not known */
};
enum {
	INSIDE_ENCRYPTED = 1,	/* not readable without a password */
	INSIDE_UNREADABLE = 2,	/* broken, or of a kind that is not known */
	INSIDE_MACROS = 4,	/* document with macros or other content
				 * that starts programs */
	INSIDE_DECLARED = 8,	/* type is what a header says, not magic */
	INSIDE_MAIL = 16,	/* with INSIDE_ENCRYPTED: a mail, no archive */
};

struct facts {
	const struct envelope *env;
	const struct mime *mime;
	uint64_t size;		/* bytes of the message as it came */
	int64_t time;		/* of the message, seconds since 1970, UTC */
	/* The same in the gateway's zone. */
	int minute_of_day;
	int weekday;		/* 0 = Monday */
	/* Content type by magic of each part (index = part index), NULL =
	 * not determined. */
	const char *const *magic_type;
	const struct inside *inside;
	size_t ninside;
	bool ambiguous;		/* mail programs read its structure differently,
				 * so that one may show what no check saw */
	bool limits;		/* something is too deep, too large or too much
				 * to have been looked at */
	enum spf_result spf;
	const struct directory *directory;	/* LDAP; NULL = no profile */
	const char *virus;	/* name, NULL = none found or not scanned */
	bool spam_known;
	int spam_level;		/* integer part, negative -> 0 */
	/* Per recipient: user lists. NULL = none. */
	const signed char *user_list;	/* -1 allowed, 1 blocked, 0 neither */
};

/* One action that applies, in the order in which it takes effect. */
struct plan_step {
	const struct rule *rule;
	const struct object *action;
	const uint64_t *marks;	/* parts matched by What: bit per part index;
				 * NULL = the whole mail */
	size_t nmark_words;
};

enum disposition { DISP_ACCEPT, DISP_BLOCK, DISP_QUARANTINE };

/*
 * Recipients that get the same copy: the same steps in the same order and the
 * same end. rule = NULL: no rule was final, accepted by default.
 */
struct plan_group {
	size_t *rcpt;		/* indices into env->rcpt */
	size_t nrcpt;
	struct plan_step *step;	/* without the final action */
	size_t nstep;
	enum disposition disp;
	const struct rule *rule;
};

/* Notifications and BCC: once per rule and action, not per copy. */
struct plan_notice {
	const struct rule *rule;
	const struct object *action;
	size_t *rcpt;		/* recipients of the rule: __TARGETS__ */
	size_t nrcpt;
	size_t group;		/* group whose copy is meant (BCC not original) */
	const uint64_t *marks;
	size_t nmark_words;
};

/* Why: one line for `pmg rules test` and the event record. */
struct plan_match {
	const struct rule *rule;
	const struct object_group *group[CAT_COUNT];	/* first that decided,
							 * NULL = category empty */
	const struct object *object[CAT_COUNT];	/* NULL: no single one
						 * (modes not all and none) */
	size_t nrcpt;
};

struct plan {
	struct plan_group *group;
	size_t ngroup;
	struct plan_notice *notice;
	size_t nnotice;
	struct plan_match *match;
	size_t nmatch;
	/* Header fields beginning "X-" that some active modify-field action of
	 * this direction would set: removed from the incoming mail first. */
	const char **strip;
	size_t nstrip;
};

/* Never NULL unless the arena is exhausted. Everything lives in a. */
struct plan *rules_evaluate(const struct ruleset *rs, const struct facts *f,
    struct arena *a);

/* ---- facts that the message's bytes alone tell (facts.c) ---- */

/*
 * Fills magic_type, inside, ambiguous and limits from f->mime and, where it is
 * not NULL, from its decoded contents in bytes. Without, only the beginning of
 * each leaf is decoded. False: the arena is exhausted.
 */
bool facts_from_content(struct facts *f, const struct content_list *list,
    struct span bytes, struct arena *a);
/* False: a text or two without anything in them that could be an attachment;
 * its contents need not be decoded. */
bool facts_need_content(const struct mime *m);
/* False: an entry of an archive cannot be in it, or no program would look for
 * one: by its first bytes and by its name. */
bool facts_may_hold_more(const struct mime *m, const struct content *c,
    struct span bytes);
/* A text by declaration and by its bytes. */
bool facts_is_text(const struct mime *m, const struct content *c,
    struct span bytes);
/* A content's file name, "" = none. */
const char *facts_name(const struct mime *m, const struct content *c);
/* The defects for which a message is ambiguous or goes past a limit. */
uint32_t facts_unclear(const struct mime *m, const struct content_list *list);
/* Their names, separated by blanks. */
void facts_defects(struct buf *out, uint32_t defects);

/* Whether its What names an object of this type, in whatever mode. */
bool rule_looks_for(const struct rule *r, enum object_type type);

/* ---- texts ---- */

/* Values of the macros __SUBJECT__ etc. (pmg.md 2.3); NULL = "". */
struct macros {
	const char *subject, *rule, *rule_info, *sender, *sender_ip, *targets,
	    *receivers, *spam_level, *spam_stars, *spam_hits, *spam_info,
	    *virus_info, *admin, *host, *domain, *fqdn, *msgid, *version,
	    *filename;
};
/* Expands macros once: text that a value brings in is never expanded again. */
void macros_expand(struct buf *out, const char *text, const struct macros *m);
/* The same in a text that is HTML: values are shown as they are. */
void macros_expand_html(struct buf *out, const char *text,
    const struct macros *m);

/* One rule or object in words, several lines for a rule. */
void rule_describe(struct buf *out, const struct rule *r);
void object_describe(struct buf *out, const struct object *o);
/* Why a category of a rule matched: group and object, or what else explains
 * it. Nothing for an empty category. */
void match_describe(struct buf *out, const struct plan_match *m,
    enum category cat);

#endif
