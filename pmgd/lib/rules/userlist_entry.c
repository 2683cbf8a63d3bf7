/* How owners and entries are written. */
#include <arpa/inet.h>
#include <string.h>
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"
#include "lib/mail/addr.h"
#include "lib/mail/utf8.h"
#include "lib/rules/address.h"
#include "lib/rules/glob.h"
#include "lib/rules/userlist.h"

enum { SHOWN = 80 };	/* bytes of what was wrong, in a message */

static const char *const kind_name[USERLIST_KINDS] = {
    [USERLIST_ALLOW] = "allow", [USERLIST_BLOCK] = "block"};

const char *
userlist_kind_name(enum userlist_kind kind)
{
	return kind_name[kind];
}

bool
userlist_kind_parse(struct span name, enum userlist_kind *kind_r)
{
	for (int k = 0; k < USERLIST_KINDS; k++)
		if (span_ieqs(name, kind_name[k])) {
			*kind_r = (enum userlist_kind)k;
			return true;
		}
	return false;
}

size_t
userlist_max(const char *owner)
{
	return strchr(owner, '@') != NULL ? USERLIST_OWN_MAX
	                                  : USERLIST_WIDE_MAX;
}

/* Characters that no address has outside of quotes, which lists do not know. */
static int
check_characters(struct span s, struct err *e)
{
	if (!utf8_valid(s))
		return err_set(e, "it is not UTF-8");
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= 0x20 || s.p[i] == 0x7f ||
		    strchr("<>()\",;:\\", s.p[i]) != NULL)
			return err_set(e, "character %zu cannot be part of an "
			    "address", i + 1);
	return 0;
}

static size_t
characters(struct span s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += (s.p[i] & 0xc0) != 0x80;
	return n;
}

/* "192.0.2.1", "2001:db8::/32"; host bits are cleared. */
static bool
put_network(struct buf *out, const char *text, struct err *e, int *rc)
{
	char ip[INET6_ADDRSTRLEN];
	struct network n;
	bool slash = strchr(text, '/') != NULL;
	bool v4 = strchr(text, ':') == NULL;

	if (!(slash ? network_parse_cidr(text, &n) : network_parse_ip(text,
	        &n))) {
		/* Nothing else has a colon, or a slash without a *. */
		if (v4 && !slash)
			return false;
		*rc = err_set(e, "it is no network: 192.0.2.0/24, "
		    "2001:db8::/32");
		return true;
	}
	inet_ntop(v4 ? AF_INET : AF_INET6, n.addr + (v4 ? 12 : 0), ip,
	    sizeof(ip));
	buf_puts(out, ip);
	if (slash)
		buf_printf(out, "/%u", n.prefix - (v4 ? 96 : 0));
	*rc = 0;
	return true;
}

/* No top-level domain is a number (RFC 3696 2): a mistyped address. */
static bool
ends_in_number(struct span s)
{
	size_t i = s.n;

	while (i > 0 && ascii_isdigit(s.p[i - 1]))
		i--;
	return i < s.n && (i == 0 || s.p[i - 1] == '.');
}

static int
check_name(struct span s, struct err *e)
{
	struct span local, domain;

	if (glob_is_pattern(s))
		return 0;
	if (span_chr(s, 0, '@') == s.n) {
		if (ends_in_number(s))
			return err_set(e, "it is no IP address");
		return addr_valid_domain(s) ? 0
		                            : err_set(e, "it is no domain");
	}
	if (!addr_split(s, &local, &domain) || !addr_valid_domain(domain) ||
	    span_chr(local, 0, '@') < local.n)
		return err_set(e, "it is no address");
	return 0;
}

static int
put_entry(struct buf *out, struct span s, struct err *e)
{
	AUTO_FREE char *text = NULL;
	int rc;

	if (s.n == 0)
		return err_set(e, "it is empty");
	if (characters(s) > USERLIST_ENTRY_MAX)
		return err_set(e, "it has more than %d characters",
		    USERLIST_ENTRY_MAX);
	text = xstrndup(s.p, s.n);
	str_lower(text);
	if (strlen(text) == s.n && (strchr(text, '/') != NULL ||
	        strchr(text, ':') != NULL || ascii_isdigit(*text)) &&
	    !glob_is_pattern(s) && strchr(text, '@') == NULL &&
	    put_network(out, text, e, &rc))
		return rc;
	if (check_characters(s, e) != 0)
		return -1;
	/* As other products write a domain. */
	s = span_str(text + (text[0] == '@'));
	if (s.n == 0 || s.p[0] == '@')
		return err_set(e, "it is no address");
	if (check_name(s, e) != 0)
		return -1;
	buf_puts_span(out, s);
	return 0;
}

/* "TEXT": why */
static int
explain(struct span s, const char *what, const struct err *why, struct err *e)
{
	struct buf b;

	buf_init(&b, 5 * SHOWN);
	for (size_t i = 0; i < s.n && i < SHOWN; i++)
		buf_putc(&b, s.p[i] < 0x20 || s.p[i] >= 0x7f ? '.' : s.p[i]);
	err_set(e, "\"%s%s\" is no %s: %s", buf_cstr(&b),
	    s.n > SHOWN ? "..." : "", what, why->text);
	buf_free(&b);
	return -1;
}

int
userlist_entry(struct buf *out, struct span text, struct err *e)
{
	struct err why = {""};
	struct span s = span_trim(text);

	if (put_entry(out, s, &why) == 0)
		return 0;
	return explain(s, "entry of a list", &why, e);
}

int
userlist_owner(struct buf *out, struct span text, struct err *e)
{
	AUTO_FREE char *low = NULL;
	struct err why = {""};
	struct span s = span_trim(text);

	if (s.n == 0)
		return 0;
	low = xstrndup(s.p, s.n);
	str_lower(low);
	if (s.n > USERLIST_OWNER_MAX)
		err_set(&why, "it is longer than %d bytes", USERLIST_OWNER_MAX);
	else if (glob_is_pattern(s))
		err_set(&why, "an owner is one address, one domain, or empty "
		    "for all");
	else if (check_characters(s, &why) == 0 && check_name(s, &why) == 0) {
		buf_puts(out, low);
		return 0;
	}
	return explain(s, "owner of a list", &why, e);
}
