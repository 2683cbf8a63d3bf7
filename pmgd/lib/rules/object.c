/* The table of object types: everything that depends on the type alone. */
#include "lib/rules/ruleset.h"

static const struct object_kind {
	enum object_type type;
	enum category cat;
	int pattern;		/* enum pattern_kind, -1 = none */
	int order;		/* of an action within its rule */
	bool final;
	uint32_t flags;		/* OBJ_* that it may have */
	const char *name;
} kinds[] = {
	{WHO_REGEX, CAT_FROM, PAT_ADDRESS, 0, false, 0, "regular expression"},
	{WHO_EMAIL, CAT_FROM, -1, 0, false, 0, "e-mail address"},
	{WHO_DOMAIN, CAT_FROM, -1, 0, false, OBJ_SUBDOMAINS, "domain"},
	{WHO_IP, CAT_FROM, -1, 0, false, 0, "IP address"},
	{WHO_NETWORK, CAT_FROM, -1, 0, false, 0, "IP network"},
	{WHO_LDAP_GROUP, CAT_FROM, -1, 0, false, 0, "LDAP group"},
	{WHO_LDAP_USER, CAT_FROM, -1, 0, false, 0, "LDAP user"},
	{WHO_RECEIVER, CAT_FROM, -1, 0, false, 0, "recipient"},
	{WHO_RECEIVER_DOMAIN, CAT_FROM, -1, 0, false, OBJ_SUBDOMAINS,
	    "recipient domain"},
	{WHO_RECEIVER_REGEX, CAT_FROM, PAT_ADDRESS, 0, false, 0,
	    "recipient expression"},
	{WHEN_TIMEFRAME, CAT_WHEN, -1, 0, false, OBJ_WEEKDAYS, "time frame"},
	{WHAT_SPAM, CAT_WHAT, -1, 0, false, 0, "spam filter"},
	{WHAT_VIRUS, CAT_WHAT, -1, 0, false, 0, "virus filter"},
	{WHAT_FIELD, CAT_WHAT, PAT_FIELD, 0, false, OBJ_TOP_ONLY,
	    "match field"},
	{WHAT_CONTENT_TYPE, CAT_WHAT, PAT_TYPE, 0, false, OBJ_ONLY_CONTENT,
	    "content type"},
	{WHAT_FILENAME, CAT_WHAT, PAT_FILENAME, 0, false, 0, "file name"},
	{WHAT_ARCHIVE_TYPE, CAT_WHAT, PAT_ARCHIVE_TYPE, 0, false, 0,
	    "content type in archives"},
	{WHAT_ARCHIVE_NAME, CAT_WHAT, PAT_ARCHIVE_NAME, 0, false, 0,
	    "file name in archives"},
	{WHAT_ENCRYPTED, CAT_WHAT, -1, 0, false, 0, "encrypted content"},
	{WHAT_UNREADABLE, CAT_WHAT, -1, 0, false, 0, "unreadable archive"},
	{WHAT_MACROS, CAT_WHAT, -1, 0, false, 0, "macros"},
	{WHAT_AMBIGUOUS, CAT_WHAT, -1, 0, false, 0, "ambiguous mail"},
	{WHAT_LIMITS, CAT_WHAT, -1, 0, false, 0, "limits exceeded"},
	{WHAT_SPF, CAT_WHAT, -1, 0, false, 0, "SPF result"},
	{WHAT_SIZE, CAT_WHAT, -1, 0, false, 0, "size"},
	{ACTION_FIELD, CAT_ACTION, -1, 10, false, 0, "modify field"},
	{ACTION_REMOVE, CAT_ACTION, -1, 40, false,
	    OBJ_REMOVE_ALL | OBJ_QUARANTINE_COPY, "remove attachments"},
	{ACTION_DISCLAIMER, CAT_ACTION, -1, 49, false,
	    OBJ_AT_START | OBJ_SEPARATOR | OBJ_SIGNED_TOO, "disclaimer"},
	{ACTION_BCC, CAT_ACTION, -1, 80, false, OBJ_ORIGINAL, "BCC"},
	{ACTION_NOTIFY, CAT_ACTION, -1, 89, false, OBJ_ATTACH_ORIGINAL,
	    "notification"},
	{ACTION_QUARANTINE, CAT_ACTION, -1, 90, true, 0, "quarantine"},
	{ACTION_BLOCK, CAT_ACTION, -1, 98, true, 0, "block"},
	{ACTION_ACCEPT, CAT_ACTION, -1, 99, true, 0, "accept"},
};

/* Of an unknown type: nothing in particular. */
static const struct object_kind unknown = {0, CAT_ACTION, -1, 0, false, 0,
	"unknown object"};

static const struct object_kind *
kind(uint32_t type)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if ((uint32_t)kinds[i].type == type)
			return &kinds[i];
	return &unknown;
}

bool
object_type_known(uint32_t type)
{
	return kind(type) != &unknown;
}

enum category
object_category(enum object_type type)
{
	return kind(type)->cat;
}

int
object_pattern_kind(enum object_type type)
{
	return kind(type)->pattern;
}

/*
 * As the reference product anchors them: addresses and file names as a whole,
 * content types and fields anywhere (so that "image/" and "image/.*" are the
 * same thing).
 */
struct pattern
object_pattern(const struct object *o)
{
	bool whole = o->type == WHO_REGEX || o->type == WHO_RECEIVER_REGEX ||
	    o->type == WHAT_FILENAME || o->type == WHAT_ARCHIVE_NAME;

	return (struct pattern){o->type == WHAT_FIELD ? o->value2 : o->value,
		whole};
}

unsigned
object_content_needs(enum object_type type)
{
	switch (type) {
	case WHAT_CONTENT_TYPE:
	case WHAT_FILENAME:
		return NEED_CONTENT;
	case WHAT_ARCHIVE_TYPE:
	case WHAT_ARCHIVE_NAME:
	case WHAT_ENCRYPTED:
	case WHAT_UNREADABLE:
	case WHAT_MACROS:
		return NEED_CONTENT | NEED_ARCHIVE;
	case WHAT_AMBIGUOUS:
		return NEED_CONTENT;
	case WHAT_LIMITS:
		return NEED_CONTENT | NEED_LIMITS;
	default:
		return 0;
	}
}

int
object_action_order(enum object_type type)
{
	return kind(type)->order;
}

bool
object_is_final(enum object_type type)
{
	return kind(type)->final;
}

bool
object_is_notice(enum object_type type)
{
	return type == ACTION_BCC || type == ACTION_NOTIFY;
}

uint32_t
object_flags(enum object_type type)
{
	return kind(type)->flags;
}

const char *
object_type_name(enum object_type type)
{
	return kind(type)->name;
}
