/* The table of object types: everything that depends on the type alone. */
#include <string.h>
#include "lib/base/str.h"
#include "lib/rules/ruleset.h"

enum {
	SPAM_LEVEL_MAX = 1000000,
	MINUTES_PER_DAY = 24 * 60,
	VALUE_BYTES_MAX = 65536,	/* of one text in an object */
	FIELD_NAME_MAX = 256,
};

static const struct object_kind {
	enum object_type type;
	enum category cat;
	int pattern;		/* enum pattern_kind, -1 = none */
	int order;		/* of an action within its rule */
	bool final;
	const char *name;
} kinds[] = {
	{WHO_REGEX, CAT_FROM, PAT_ADDRESS, 0, false, "regular expression"},
	{WHO_EMAIL, CAT_FROM, -1, 0, false, "e-mail address"},
	{WHO_DOMAIN, CAT_FROM, -1, 0, false, "domain"},
	{WHO_IP, CAT_FROM, -1, 0, false, "IP address"},
	{WHO_NETWORK, CAT_FROM, -1, 0, false, "IP network"},
	{WHEN_TIMEFRAME, CAT_WHEN, -1, 0, false, "time frame"},
	{WHAT_SPAM, CAT_WHAT, -1, 0, false, "spam filter"},
	{WHAT_VIRUS, CAT_WHAT, -1, 0, false, "virus filter"},
	{WHAT_FIELD, CAT_WHAT, PAT_FIELD, 0, false, "match field"},
	{WHAT_CONTENT_TYPE, CAT_WHAT, PAT_TYPE, 0, false, "content type"},
	{WHAT_FILENAME, CAT_WHAT, PAT_FILENAME, 0, false, "file name"},
	{WHAT_ARCHIVE_TYPE, CAT_WHAT, PAT_ARCHIVE_TYPE, 0, false,
	    "content type in archives"},
	{WHAT_ARCHIVE_NAME, CAT_WHAT, PAT_ARCHIVE_NAME, 0, false,
	    "file name in archives"},
	{WHAT_ENCRYPTED, CAT_WHAT, -1, 0, false, "encrypted content"},
	{WHAT_UNREADABLE, CAT_WHAT, -1, 0, false, "unreadable archive"},
	{WHAT_MACROS, CAT_WHAT, -1, 0, false, "macros"},
	{WHAT_AMBIGUOUS, CAT_WHAT, -1, 0, false, "ambiguous mail"},
	{WHAT_LIMITS, CAT_WHAT, -1, 0, false, "limits exceeded"},
	{ACTION_FIELD, CAT_ACTION, -1, 10, false, "modify field"},
	{ACTION_REMOVE, CAT_ACTION, -1, 40, false, "remove attachments"},
	{ACTION_DISCLAIMER, CAT_ACTION, -1, 49, false, "disclaimer"},
	{ACTION_BCC, CAT_ACTION, -1, 80, false, "BCC"},
	{ACTION_NOTIFY, CAT_ACTION, -1, 89, false, "notification"},
	{ACTION_QUARANTINE, CAT_ACTION, -1, 90, true, "quarantine"},
	{ACTION_BLOCK, CAT_ACTION, -1, 98, true, "block"},
	{ACTION_ACCEPT, CAT_ACTION, -1, 99, true, "accept"},
};

/* Of an unknown type: nothing in particular. */
static const struct object_kind unknown = {0, CAT_ACTION, -1, 0, false,
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
	bool whole = o->type == WHO_REGEX || o->type == WHAT_FILENAME ||
	    o->type == WHAT_ARCHIVE_NAME;

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

const char *
object_type_name(enum object_type type)
{
	return kind(type)->name;
}

static bool
has_blank_or_control(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f)
			return true;
	return false;
}

/* RFC 5322 3.6.8. */
static bool
is_field_name(const char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] > '~' || s[i] == ':')
			return false;
	return n > 0 && n <= FIELD_NAME_MAX;
}

static int
check_who(const struct object *o, struct err *e)
{
	struct network n;

	switch (o->type) {
	case WHO_EMAIL:
		if (address_domain(o->value).n == 0 ||
		    has_blank_or_control(o->value))
			return err_set(e, "\"%s\" is not an e-mail address "
			    "(name@example.com)", o->value);
		return 0;
	case WHO_DOMAIN:
		if (o->value[0] == '\0' || strpbrk(o->value, "@*/") != NULL ||
		    has_blank_or_control(o->value))
			return err_set(e, "\"%s\" is not a domain "
			    "(example.com, without \"@\" and \"*\")",
			    o->value);
		return 0;
	case WHO_IP:
		if (!network_parse_ip(o->value, &n))
			return err_set(e, "\"%s\" is not an IP address",
			    o->value);
		return 0;
	default:
		if (!network_parse_cidr(o->value, &n))
			return err_set(e, "\"%s\" is not an IP network "
			    "(192.0.2.0/24, 2001:db8::/32)", o->value);
		return 0;
	}
}

static int
check_numbers(const struct object *o, struct err *e)
{
	if (o->type == WHAT_SPAM &&
	    (o->number < 0 || o->number > SPAM_LEVEL_MAX))
		return err_set(e, "the spam level must be from 0 to %d",
		    SPAM_LEVEL_MAX);
	if (o->type == WHEN_TIMEFRAME &&
	    (o->number < 0 || o->number > MINUTES_PER_DAY ||
	    o->number2 < 0 || o->number2 > MINUTES_PER_DAY))
		return err_set(e, "a time must be from 00:00 to 24:00");
	return 0;
}

int
object_check(const struct object *o, struct err *e)
{
	if (!object_type_known(o->type))
		return err_set(e, "object type %u is not known",
		    (unsigned)o->type);
	if (strlen(o->value) > VALUE_BYTES_MAX ||
	    strlen(o->value2) > VALUE_BYTES_MAX ||
	    strlen(o->value3) > VALUE_BYTES_MAX)
		return err_set(e, "%s: a text is longer than %d bytes",
		    object_type_name(o->type), VALUE_BYTES_MAX);
	if ((o->type == WHAT_FIELD || o->type == ACTION_FIELD) &&
	    !is_field_name(o->value))
		return err_set(e, "\"%.80s\" is not a header field name "
		    "(Subject, without \":\")", o->value);
	if ((o->type == ACTION_BCC || o->type == ACTION_NOTIFY) &&
	    (o->value[0] == '\0' || has_blank_or_control(o->value)))
		return err_set(e, "%s: \"%.80s\" is not an address",
		    object_type_name(o->type), o->value);
	if (object_category(o->type) == CAT_FROM && o->type != WHO_REGEX)
		return check_who(o, e);
	return check_numbers(o, e);
}
