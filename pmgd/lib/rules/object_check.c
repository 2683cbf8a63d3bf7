/* What an administrator may put into an object. */
#include <string.h>
#include "lib/base/zone.h"
#include "lib/mail/edit_header.h"
#include "lib/mail/smtp.h"
#include "lib/rules/ruleset.h"

enum {
	SPAM_LEVEL_MAX = 1000000,
	MINUTES_PER_DAY = 24 * 60,
	VALUE_BYTES_MAX = 65536,	/* of one text in an object */
	FIELD_NAME_MAX = 256,
	/* Characters, as in the reference product. */
	SUBJECT_MAX = 100,
	TEXT_MAX = 2048,
	/* Not the reference product's 200: several addresses are one target. */
	TARGET_MAX = 1000,
};

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
check_domain(const char *s, struct err *e)
{
	size_t n = strlen(s);

	if (n == 0 || strpbrk(s, "@*/") != NULL || has_blank_or_control(s))
		return err_set(e, "\"%s\" is not a domain (example.com, "
		    "without \"@\" and \"*\")", s);
	if (s[0] == '.' || s[n - 1] == '.')
		return err_set(e, "\"%s\" is not a domain (example.com, "
		    "without a dot at its start or end; subdomains are an "
		    "option of the object)", s);
	return 0;
}

static int
check_ldap(const struct object *o, struct err *e)
{
	bool group = o->type == WHO_LDAP_GROUP;

	if (group && (o->number < LDAP_KNOWN || o->number > LDAP_GROUP))
		return err_set(e, "LDAP group: %lld is none of known, unknown "
		    "and group", (long long)o->number);
	if ((!group || o->number == LDAP_GROUP) && o->value2[0] == '\0')
		return err_set(e, group ? "LDAP group: which group? (its name "
		    "or its DN)" : "LDAP user: which account?");
	if (has_blank_or_control(o->value))
		return err_set(e, "\"%.80s\" is not the name of an LDAP "
		    "profile (section of ldap.conf)", o->value);
	return 0;
}

static int
check_who(const struct object *o, struct err *e)
{
	struct network n;

	switch (o->type) {
	case WHO_EMAIL:
	case WHO_RECEIVER:
		if (address_domain(o->value).n == 0 ||
		    has_blank_or_control(o->value))
			return err_set(e, "\"%s\" is not an e-mail address "
			    "(name@example.com)", o->value);
		return 0;
	case WHO_DOMAIN:
	case WHO_RECEIVER_DOMAIN:
		return check_domain(o->value, e);
	case WHO_LDAP_GROUP:
	case WHO_LDAP_USER:
		return check_ldap(o, e);
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
check_size(const struct object *o, struct err *e)
{
	if (o->number < 0 || o->number2 < 0)
		return err_set(e, "size: a number of bytes cannot be negative");
	if (o->number2 > 0 && o->number2 < o->number)
		return err_set(e, "size: at least %lld and at most %lld bytes "
		    "is no mail at all", (long long)o->number,
		    (long long)o->number2);
	return 0;
}

static int
check_time(const struct object *o, struct err *e)
{
	if (o->number < 0 || o->number > MINUTES_PER_DAY ||
	    o->number2 < 0 || o->number2 > MINUTES_PER_DAY)
		return err_set(e, "a time must be from 00:00 to 24:00");
	if (o->value[0] != '\0' && !zone_is_name(o->value))
		return err_set(e, "\"%.80s\" is not the name of a time zone "
		    "(Europe/Berlin)", o->value);
	return 0;
}

static int
check_numbers(const struct object *o, struct err *e)
{
	switch (o->type) {
	case WHAT_SPAM:
		if (o->number < 0 || o->number > SPAM_LEVEL_MAX)
			return err_set(e, "the spam level must be from 0 to %d",
			    SPAM_LEVEL_MAX);
		return 0;
	case WHAT_SPF:
		/* "Not evaluated" is no result that could be asked for. */
		if (o->number <= 0 || o->number % 2 != 0 ||
		    o->number >= 1 << SPF_RESULT_COUNT)
			return err_set(e, "SPF result: choose from none, "
			    "neutral, pass, fail, softfail, temperror and "
			    "permerror");
		return 0;
	case WHAT_SIZE:
		return check_size(o, e);
	case WHEN_TIMEFRAME:
		return check_time(o, e);
	default:
		return 0;
	}
}

/* ---- texts of actions ---- */

static int
check_length(const struct object *o, const char *what, const char *s,
    size_t max, struct err *e)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	if (n > max)
		return err_set(e, "%s: the %s has %zu characters, and may "
		    "have %zu", object_type_name(o->type), what, n, max);
	return 0;
}

/* Addresses, or macros that become some, between commas, semicolons or
 * blanks. */
static int
check_targets(const struct object *o, struct err *e)
{
	static const char between[] = ",; \t";
	const char *s = o->value;
	bool any = false;

	while (*(s += strspn(s, between)) != '\0') {
		char word[TARGET_MAX + 1];
		size_t n = strcspn(s, between);

		if (n > TARGET_MAX)
			n = TARGET_MAX;
		memcpy(word, s, n);
		word[n] = '\0';
		s += n;
		any = true;
		if (has_blank_or_control(word) ||
		    (strstr(word, "__") == NULL &&
		    strcmp(word, "postmaster") != 0 &&
		    (strchr(word, '@') == NULL || !smtp_addr_valid(word))))
			return err_set(e, "%s: \"%.80s\" is not an address",
			    object_type_name(o->type), word);
	}
	if (!any)
		return err_set(e, "%s: to nobody, there is no address",
		    object_type_name(o->type));
	return 0;
}

static int
check_action(const struct object *o, struct err *e)
{
	switch (o->type) {
	case ACTION_FIELD:
		if (!header_name_valid(span_str(o->value)))
			return err_set(e, "\"%.80s\" is not a header field "
			    "name (Subject, without \":\", at most %d "
			    "characters)", o->value, HEADER_NAME_MAX);
		return check_length(o, "value", o->value2, TEXT_MAX, e);
	case ACTION_NOTIFY:
		if (check_length(o, "subject", o->value2, SUBJECT_MAX, e) ||
		    check_length(o, "text", o->value3, TEXT_MAX, e))
			return -1;
		/* FALLTHROUGH */
	case ACTION_BCC:
		if (check_length(o, "target", o->value, TARGET_MAX, e))
			return -1;
		return check_targets(o, e);
	case ACTION_REMOVE:
	case ACTION_DISCLAIMER:
		return check_length(o, "text", o->value, TEXT_MAX, e);
	default:
		return 0;
	}
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
	if ((o->flags & ~object_flags(o->type)) != 0)
		return err_set(e, "%s: an option that such an object does not "
		    "have (bits 0x%x)", object_type_name(o->type),
		    (unsigned)(o->flags & ~object_flags(o->type)));
	if (o->type == WHAT_FIELD && !is_field_name(o->value))
		return err_set(e, "\"%.80s\" is not a header field name "
		    "(Subject, without \":\")", o->value);
	if (object_category(o->type) == CAT_ACTION)
		return check_action(o, e);
	if (object_category(o->type) == CAT_FROM &&
	    object_pattern_kind(o->type) < 0)
		return check_who(o, e);
	return check_numbers(o, e);
}
