/* Objects in words. */
#include <string.h>
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/rules/describe.h"
#include "lib/rules/ruleset.h"

void
describe_text(struct buf *out, const char *s)
{
	AUTO_BUF struct buf safe = {.max = 8 * DESCRIBE_TEXT_MAX};
	struct span in;

	log_safe(&safe, span_str(s), DESCRIBE_TEXT_MAX);
	in = buf_span(&safe);
	for (size_t i = 0; i < in.n; i++) {
		buf_putc(out, in.p[i]);
		if (in.p[i] == '\\' && i + 1 < in.n && in.p[i + 1] == '\\')
			i++;
	}
}

static void
put_quoted(struct buf *out, const char *before, const char *s)
{
	buf_puts(out, before);
	buf_puts(out, " \"");
	describe_text(out, s);
	buf_putc(out, '"');
}

static void
put_word(struct buf *out, const char *before, const char *s)
{
	buf_puts(out, before);
	buf_putc(out, ' ');
	describe_text(out, s);
}

static void
put_minutes(struct buf *out, int64_t m)
{
	buf_printf(out, "%02d:%02d", (int)(m / 60), (int)(m % 60));
}

/* " on Monday to Friday, Sunday"; runs of three and more days are named by
 * their ends. */
static void
put_weekdays(struct buf *out, uint32_t flags)
{
	static const char *const names[] = {"Monday", "Tuesday", "Wednesday",
		"Thursday", "Friday", "Saturday", "Sunday"};
	unsigned days = flags / OBJ_MONDAY & 127;
	const char *before = " on ";

	for (int first = 0, last; days != 0 && first < 7; first = last + 1) {
		last = first;
		if (!(days >> first & 1))
			continue;
		while (days >> (last + 1) & 1)
			last++;
		if (last == first + 1)
			last = first;
		buf_printf(out, "%s%s", before, names[first]);
		if (last > first)
			buf_printf(out, " to %s", names[last]);
		before = ", ";
	}
}

static void
describe_time(struct buf *out, const struct object *o)
{
	uint32_t days = o->flags & OBJ_WEEKDAYS;

	if (o->number == o->number2 && days == 0) {
		buf_puts(out, "all day");
		return;
	}
	buf_puts(out, "from ");
	put_minutes(out, o->number);
	buf_puts(out, " to ");
	put_minutes(out, o->number2);
	if (o->number >= o->number2)
		buf_puts(out, " of the next day");
	if (days != 0 && o->number >= o->number2)
		buf_puts(out, ", beginning");
	put_weekdays(out, days);
	if (o->value[0] != '\0')
		put_word(out, ", by the time of", o->value);
}

static void
describe_ldap(struct buf *out, const struct object *o)
{
	if (o->type == WHO_LDAP_USER)
		put_quoted(out, "address is one of the LDAP account",
		    o->value2);
	else if (o->number == LDAP_GROUP)
		put_quoted(out, "address is in the LDAP group", o->value2);
	else
		buf_puts(out, o->number == LDAP_KNOWN ?
		    "address is in the LDAP directory" :
		    "address is not in the LDAP directory");
	if (o->value[0] != '\0')
		put_word(out, " of the profile", o->value);
}

static void
describe_spf(struct buf *out, const struct object *o)
{
	static const char *const names[] = {"", "none", "neutral", "pass",
		"fail", "softfail", "temperror", "permerror"};
	const char *before = "SPF result is ";

	for (int i = 1; i < SPF_RESULT_COUNT; i++)
		if (o->number >> i & 1) {
			buf_printf(out, "%s%s", before, names[i]);
			before = " or ";
		}
}

static void
describe_size(struct buf *out, const struct object *o)
{
	buf_printf(out, "it has at least %lld bytes", (long long)o->number);
	if (o->number2 > 0)
		buf_printf(out, " and at most %lld", (long long)o->number2);
}

static void
describe_domain(struct buf *out, const char *before, const struct object *o)
{
	put_word(out, before, o->value);
	if (o->flags & OBJ_SUBDOMAINS)
		buf_puts(out, " or at a subdomain of it");
}

static void
describe_remove(struct buf *out, const struct object *o)
{
	buf_puts(out, o->flags & OBJ_REMOVE_ALL ? "remove all attachments" :
	    "remove the attachments that matched");
	if (o->flags & OBJ_QUARANTINE_COPY)
		buf_puts(out, " and keep the original mail in the attachment "
		    "quarantine");
}

static void
describe_action(struct buf *out, const struct object *o)
{
	switch (o->type) {
	case ACTION_ACCEPT:
		buf_puts(out, "deliver the mail");
		break;
	case ACTION_BLOCK:
		buf_puts(out, "throw the mail away");
		break;
	case ACTION_QUARANTINE:
		buf_puts(out, "put the mail into the quarantine");
		break;
	case ACTION_NOTIFY:
		put_word(out, "write to", o->value);
		put_quoted(out, ", subject", o->value2);
		if (o->flags & OBJ_ATTACH_ORIGINAL)
			buf_puts(out, ", with the original mail attached");
		break;
	case ACTION_FIELD:
		put_quoted(out, "set the header field", o->value);
		put_quoted(out, " to", o->value2);
		break;
	case ACTION_BCC:
		put_word(out, o->flags & OBJ_ORIGINAL ?
		    "send a copy of the original mail to" :
		    "send a copy of the changed mail to", o->value);
		break;
	case ACTION_REMOVE:
		describe_remove(out, o);
		break;
	case ACTION_DISCLAIMER:
		buf_printf(out, "add the disclaimer at the %s of the text%s",
		    o->flags & OBJ_AT_START ? "start" : "end",
		    o->flags & OBJ_SEPARATOR ? ", behind a line" : "");
		if (o->flags & OBJ_SIGNED_TOO)
			buf_puts(out, ", of signed mail, too");
		break;
	default:
		buf_puts(out, object_type_name(o->type));
		break;
	}
}

static void
describe_who(struct buf *out, const struct object *o)
{
	switch (o->type) {
	case WHO_REGEX:
		put_quoted(out, "address matches", o->value);
		break;
	case WHO_EMAIL:
		put_word(out, "address is", o->value);
		break;
	case WHO_DOMAIN:
		describe_domain(out, "any address at", o);
		break;
	case WHO_IP:
		put_word(out, "client is", o->value);
		break;
	case WHO_NETWORK:
		put_word(out, "client is in", o->value);
		break;
	case WHO_RECEIVER:
		put_word(out, "recipient is", o->value);
		break;
	case WHO_RECEIVER_DOMAIN:
		describe_domain(out, "any recipient at", o);
		break;
	case WHO_RECEIVER_REGEX:
		put_quoted(out, "recipient matches", o->value);
		break;
	default:
		describe_ldap(out, o);
		break;
	}
}

static void
describe_what(struct buf *out, const struct object *o)
{
	switch (o->type) {
	case WHAT_SPAM:
		buf_printf(out, "spam level is %d or higher", (int)o->number);
		break;
	case WHAT_VIRUS:
		buf_puts(out, "a virus was found");
		break;
	case WHAT_FIELD:
		put_quoted(out, o->flags & OBJ_TOP_ONLY ?
		    "the mail's own header field" : "header field", o->value);
		put_quoted(out, " matches", o->value2);
		break;
	case WHAT_CONTENT_TYPE:
		put_quoted(out, o->flags & OBJ_ONLY_CONTENT ?
		    "content type, found by the content alone, matches" :
		    "content type matches", o->value);
		break;
	case WHAT_FILENAME:
		put_quoted(out, "file name matches", o->value);
		break;
	case WHAT_ARCHIVE_TYPE:
		put_quoted(out, "content type, also in archives, matches",
		    o->value);
		break;
	case WHAT_ARCHIVE_NAME:
		put_quoted(out, "file name in an archive matches", o->value);
		break;
	case WHAT_ENCRYPTED:
		buf_puts(out, "something cannot be read without a password");
		break;
	case WHAT_UNREADABLE:
		buf_puts(out, "an archive is broken or of an unknown kind");
		break;
	case WHAT_MACROS:
		buf_puts(out, "a document has macros or other active content");
		break;
	case WHAT_AMBIGUOUS:
		buf_puts(out, "mail programs read it differently");
		break;
	case WHAT_LIMITS:
		buf_puts(out, "it is too deep, too large or too much to be "
		    "checked whole");
		break;
	case WHAT_SPF:
		describe_spf(out, o);
		break;
	case WHAT_SIZE:
		describe_size(out, o);
		break;
	default:
		buf_puts(out, object_type_name(o->type));
		break;
	}
}

void
object_describe(struct buf *out, const struct object *o)
{
	enum category cat = object_category(o->type);

	if (cat == CAT_FROM)
		describe_who(out, o);
	else if (cat == CAT_WHEN)
		describe_time(out, o);
	else if (cat == CAT_WHAT)
		describe_what(out, o);
	else
		describe_action(out, o);
}
