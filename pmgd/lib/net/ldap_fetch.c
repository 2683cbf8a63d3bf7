#include "lib/net/ldap_fetch.h"

#include <stdlib.h>
#include <string.h>
#include "lib/base/cleanup.h"
#include "lib/base/xalloc.h"
#include "lib/net/ldap_haul.h"

enum { FILTER_BYTES_MAX = 16384 };

static size_t
count(const char *const *list)
{
	size_t n = 0;

	while (list[n] != NULL)
		n++;
	return n;
}

static void
take_group(void *arg, const struct ldap_entry *entry)
{
	ldap_haul_group(arg, entry);
}

static void
take_account(void *arg, const struct ldap_entry *entry)
{
	ldap_haul_account(arg, entry);
}

static int
search_groups(struct ldap_conn *c, const struct ldap_source *s,
    const char *base, struct ldap_haul *h, struct err *e)
{
	AUTO_BUF struct buf filter = {.max = FILTER_BYTES_MAX};

	if (*s->groupbasedn != '\0')
		base = s->groupbasedn;
	buf_puts(&filter, "(|");
	for (const char *const *p = s->groupclass; *p != NULL; p++)
		buf_printf(&filter, "(objectClass=%s)", *p);
	buf_putc(&filter, ')');
	return ldap_conn_search(c, base, buf_cstr(&filter),
	    ldap_haul_group_attrs, 0, take_group, h, e);
}

static int
search_accounts(struct ldap_conn *c, const struct ldap_source *s,
    const char *base, size_t limit, struct ldap_haul *h, struct err *e)
{
	AUTO_BUF struct buf filter = {.max = FILTER_BYTES_MAX};
	const char *attrs[LDAP_ATTRS_MAX + 1];

	if (ldap_haul_account_attrs(s->account, s->mail, attrs, e) != 0)
		return -1;
	buf_puts(&filter, "(&(|");
	for (const char *const *p = s->mail; *p != NULL; p++)
		buf_printf(&filter, "(%s=*)", *p);
	buf_printf(&filter, ")%s)", s->filter);
	return ldap_conn_search(c, base, buf_cstr(&filter), attrs, limit,
	    take_account, h, e);
}

/* free() it. */
static char *
find_base(struct ldap_conn *c, const struct ldap_source *s, struct err *e)
{
	char *base = *s->basedn != '\0' ? xstrdup(s->basedn)
	    : ldap_conn_base(c);

	if (base == NULL)
		err_set(e, "%.100s names no base of its own: set basedn",
		    s->server[0].host);
	return base;
}

static struct ldap_haul *
new_haul(const struct ldap_source *s)
{
	return ldap_haul_new(count(s->account), count(s->mail));
}

/* refused_r: trying another server is of no use. */
static struct ldap_haul *
fetch_from(const struct ldap_source *s, size_t server, bool *refused_r,
    struct err *e)
{
	struct ldap_conn *c = ldap_conn_open(&s->server[server], refused_r, e);
	struct ldap_haul *h = new_haul(s);
	AUTO_FREE char *base = c != NULL ? find_base(c, s, e) : NULL;

	if (base == NULL || search_groups(c, s, base, h, e) != 0 ||
	    search_accounts(c, s, base, 0, h, e) != 0) {
		ldap_haul_free(h);
		h = NULL;
	}
	ldap_conn_close(c);
	return h;
}

int
ldap_fetch(const struct ldap_source *s, const char *profile, int64_t now,
    struct directory_builder *b, struct err *e)
{
	struct ldap_haul *h = NULL;
	struct err why[2] = {{""}, {""}};
	bool refused = false;
	int rc;

	for (size_t i = 0; i < s->nserver && h == NULL && !refused; i++)
		h = fetch_from(s, i, &refused, &why[i]);
	if (h == NULL)
		return err_set(e, "%.240s%s%.240s", why[0].text,
		    why[1].text[0] != '\0' ? "; " : "", why[1].text);
	directory_builder_profile(b, profile, now);
	rc = ldap_haul_build(h, b, e);
	ldap_haul_free(h);
	return rc;
}

int
ldap_probe(const struct ldap_source *s, size_t server, char **base_r,
    size_t *found_r, struct err *e)
{
	bool refused;
	struct ldap_conn *c = ldap_conn_open(&s->server[server], &refused, e);
	struct ldap_haul *h = new_haul(s);
	int rc = -1;

	*base_r = c != NULL ? find_base(c, s, e) : NULL;
	if (*base_r != NULL)
		rc = search_accounts(c, s, *base_r, LDAP_PAGE_ENTRIES, h, e);
	*found_r = ldap_haul_accounts(h);
	ldap_haul_free(h);
	ldap_conn_close(c);
	return rc;
}
