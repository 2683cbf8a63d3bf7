#include "lib/net/ldap.h"

#include <ldap.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"
#include "lib/mail/utf8.h"

/* libldap with GnuTLS, as Debian builds it, knows no default. */
#define SYSTEM_CAFILE "/etc/ssl/certs/ca-certificates.crt"

enum { REASON_BYTES = 200, MIB = 1024 * 1024 };

struct ldap_conn {
	LDAP *ld;
	char *where;		/* the URI, for errors */
};

/* What a search has got so far. */
struct search {
	const char *const *attrs;
	size_t nattr, limit, entries, bytes;
	ldap_entry_fn *fn;
	void *arg;
};

/* "where: what: reason [what the server says]" */
static int
failed(const struct ldap_conn *c, const char *what, int rc, struct err *e)
{
	AUTO_BUF struct buf said = {.max = 4 * REASON_BYTES + 8};
	char *text = NULL;

	if (c->ld != NULL)
		ldap_get_option(c->ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &text);
	if (text != NULL)
		log_safe(&said, span_str(text), REASON_BYTES);
	ldap_memfree(text);
	return err_set(e, "%.100s: %s: %s%s%s%s", c->where, what,
	    ldap_err2string(rc), said.n ? " [" : "", buf_cstr(&said),
	    said.n ? "]" : "");
}

static char *
uri_of(const struct ldap_server *s)
{
	bool tls = s->security == LDAP_SECURITY_TLS;
	bool v6 = strchr(s->host, ':') != NULL;
	unsigned port = s->port != 0 ? s->port : tls ? 636 : 389;

	return xasprintf("%s://%s%s%s:%u", tls ? "ldaps" : "ldap",
	    v6 ? "[" : "", s->host, v6 ? "]" : "", port);
}

static int
set_tls(LDAP *ld, const struct ldap_server *s)
{
	int demand = s->verify ? LDAP_OPT_X_TLS_DEMAND : LDAP_OPT_X_TLS_NEVER;
	int client = 0, rc;
	const char *ca = *s->cafile != '\0' ? s->cafile : SYSTEM_CAFILE;

	if (s->security == LDAP_SECURITY_NONE)
		return LDAP_SUCCESS;
	rc = ldap_set_option(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand);
	if (rc == LDAP_SUCCESS && s->verify)
		rc = ldap_set_option(ld, LDAP_OPT_X_TLS_CACERTFILE, ca);
	if (rc == LDAP_SUCCESS)
		rc = ldap_set_option(ld, LDAP_OPT_X_TLS_NEWCTX, &client);
	return rc;
}

static int
set_options(LDAP *ld, const struct ldap_server *s)
{
	const struct timeval connect = {.tv_sec = LDAP_CONNECT_S};
	const struct timeval answer = {.tv_sec = LDAP_ANSWER_S};
	int version = LDAP_VERSION3, rc;

	if ((rc = ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION,
	        &version)) != LDAP_SUCCESS ||
	    (rc = ldap_set_option(ld, LDAP_OPT_REFERRALS,
	        LDAP_OPT_OFF)) != LDAP_SUCCESS ||
	    (rc = ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT,
	        &connect)) != LDAP_SUCCESS ||
	    (rc = ldap_set_option(ld, LDAP_OPT_TIMEOUT,
	        &answer)) != LDAP_SUCCESS)
		return rc;
	return set_tls(ld, s);
}

/* One entry cannot ask for more memory than this. */
static void
bound_message(LDAP *ld)
{
	ber_len_t max = (ber_len_t)LDAP_MESSAGE_MIB_MAX * MIB;
	Sockbuf *sb = NULL;

	if (ldap_get_option(ld, LDAP_OPT_SOCKBUF, &sb) == LDAP_SUCCESS &&
	    sb != NULL)
		ber_sockbuf_ctrl(sb, LBER_SB_OPT_SET_MAX_INCOMING, &max);
}

static int
bind_simple(struct ldap_conn *c, const struct ldap_server *s, bool *refused_r,
    struct err *e)
{
	struct berval pw = {.bv_val = (char *)(uintptr_t)s->bindpw,
	    .bv_len = strlen(s->bindpw)};
	int rc;

	/* A name without a password is an anonymous bind that looks as if the
	 * password had been right (RFC 4513 5.1.2). */
	if (*s->binddn != '\0' && *s->bindpw == '\0') {
		*refused_r = true;
		return err_set(e, "%.100s: binddn is set, but no bindpw",
		    c->where);
	}
	rc = ldap_sasl_bind_s(c->ld, s->binddn, LDAP_SASL_SIMPLE, &pw, NULL,
	    NULL, NULL);
	if (rc == LDAP_SUCCESS)
		return 0;
	*refused_r = rc == LDAP_INVALID_CREDENTIALS;
	return failed(c, rc == LDAP_INVALID_CREDENTIALS
	    ? "binddn or bindpw is wrong" : "cannot bind", rc, e);
}

struct ldap_conn *
ldap_conn_open(const struct ldap_server *s, bool *refused_r, struct err *e)
{
	struct ldap_conn *c = xcalloc(1, sizeof(*c));
	int rc;

	*refused_r = false;
	/* Nobody's ~/.ldaprc or /etc/ldap/ldap.conf changes what is checked. */
	setenv("LDAPNOINIT", "1", 1);
	c->where = uri_of(s);
	rc = ldap_initialize(&c->ld, c->where);
	if (rc == LDAP_SUCCESS)
		rc = set_options(c->ld, s);
	if (rc != LDAP_SUCCESS) {
		failed(c, "cannot be set up", rc, e);
		goto fail;
	}
	/* Never a password in the clear when TLS was asked for: no success
	 * here, no bind. */
	if (s->security == LDAP_SECURITY_STARTTLS) {
		rc = ldap_start_tls_s(c->ld, NULL, NULL);
		if (rc != LDAP_SUCCESS) {
			failed(c, "StartTLS", rc, e);
			goto fail;
		}
	}
	if (bind_simple(c, s, refused_r, e) != 0)
		goto fail;
	bound_message(c->ld);
	return c;
fail:
	ldap_conn_close(c);
	return NULL;
}

void
ldap_conn_close(struct ldap_conn *c)
{
	if (c == NULL)
		return;
	if (c->ld != NULL)
		ldap_unbind_ext_s(c->ld, NULL, NULL);
	free(c->where);
	free(c);
}

char *
ldap_conn_base(struct ldap_conn *c)
{
	static char *names[] = {(char *)(uintptr_t)"defaultNamingContext",
	    (char *)(uintptr_t)"namingContexts", NULL};
	struct timeval wait = {.tv_sec = LDAP_ANSWER_S};
	LDAPMessage *res = NULL;
	char *base = NULL;

	if (ldap_search_ext_s(c->ld, "", LDAP_SCOPE_BASE, "(objectClass=*)",
	    names, 0, NULL, NULL, &wait, 0, &res) == LDAP_SUCCESS)
		for (int i = 0; names[i] != NULL && base == NULL; i++) {
			struct berval **v = ldap_get_values_len(c->ld, res,
			    names[i]);

			if (v != NULL && v[0] != NULL && v[0]->bv_len > 0)
				base = xstrndup(v[0]->bv_val, v[0]->bv_len);
			ldap_value_free_len(v);
		}
	ldap_msgfree(res);
	return base;
}

/* ---- searches ---- */

/*
 * Values of an attribute into a, with the memory they lie in. Options of its
 * name (a language, a range) are of no interest: large groups of Active
 * Directory, which give their members by ranges, are found by their members'
 * memberOf.
 */
static size_t
take_attr(LDAP *ld, LDAPMessage *m, const char *name, struct ldap_attr *a,
    struct berval ***memory_r)
{
	struct berval **v = ldap_get_values_len(ld, m, name);
	size_t bytes = 0;

	*memory_r = v;
	*a = (struct ldap_attr){0};
	if (v == NULL)
		return 0;
	a->n = (size_t)ldap_count_values_len(v);
	a->value = xcalloc(a->n + 1, sizeof(*a->value));
	for (size_t i = 0; i < a->n; i++) {
		a->value[i] = span_of(v[i]->bv_val, v[i]->bv_len);
		bytes += v[i]->bv_len;
	}
	return bytes;
}

static void
take_entry(struct ldap_conn *c, struct search *s, LDAPMessage *m)
{
	struct berval **memory[LDAP_ATTRS_MAX];
	struct ldap_attr attr[LDAP_ATTRS_MAX];
	char *dn = ldap_get_dn(c->ld, m);
	struct ldap_entry entry = {.dn = dn, .attr = attr};

	s->entries++;
	for (size_t i = 0; i < s->nattr; i++)
		s->bytes += take_attr(c->ld, m, s->attrs[i], &attr[i],
		    &memory[i]);
	if (dn != NULL && utf8_valid(span_str(dn)))
		s->fn(s->arg, &entry);
	for (size_t i = 0; i < s->nattr; i++) {
		free(attr[i].value);
		ldap_value_free_len(memory[i]);
	}
	ldap_memfree(dn);
}

/* The search's result: its code, and the cookie of the next page. */
static int
take_result(struct ldap_conn *c, LDAPMessage *m, struct berval *cookie,
    struct err *e)
{
	LDAPControl **controls = NULL, *page;
	int code = LDAP_OTHER, rc;
	ber_int_t estimate;

	ber_memfree(cookie->bv_val);
	*cookie = (struct berval){0, NULL};
	rc = ldap_parse_result(c->ld, m, &code, NULL, NULL, NULL, &controls,
	    0);
	if (rc == LDAP_SUCCESS)
		rc = code;
	page = ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, controls, NULL);
	if (rc == LDAP_SUCCESS && page != NULL)
		rc = ldap_parse_pageresponse_control(c->ld, page, &estimate,
		    cookie);
	ldap_controls_free(controls);
	if (rc == LDAP_SUCCESS)
		return 0;
	return failed(c, rc == LDAP_SIZELIMIT_EXCEEDED
	    ? "the server gives no more entries than its limit to this account"
	    : rc == LDAP_NO_SUCH_OBJECT ? "the base does not exist"
	    : "the search failed", rc, e);
}

static int
check_caps(const struct ldap_conn *c, const struct search *s, struct err *e)
{
	if (s->entries > LDAP_SEARCH_ENTRIES_MAX)
		return err_set(e, "%.100s: more than %d entries", c->where,
		    LDAP_SEARCH_ENTRIES_MAX);
	if (s->bytes / MIB >= LDAP_SEARCH_MIB_MAX)
		return err_set(e, "%.100s: more than %d MiB", c->where,
		    LDAP_SEARCH_MIB_MAX);
	return 0;
}

/* Messages of one page until its result. */
static int
take_page(struct ldap_conn *c, struct search *s, int id,
    struct berval *cookie, struct err *e)
{
	for (;;) {
		struct timeval wait = {.tv_sec = LDAP_ANSWER_S};
		LDAPMessage *m = NULL;
		int kind, rc;

		kind = ldap_result(c->ld, id, LDAP_MSG_ONE, &wait, &m);
		if (kind == 0)
			return err_set(e, "%.100s: no answer for %d s",
			    c->where, LDAP_ANSWER_S);
		if (kind < 0) {
			ldap_get_option(c->ld, LDAP_OPT_RESULT_CODE, &rc);
			return failed(c, "the connection broke in the middle "
			    "of an answer", rc, e);
		}
		if (kind == LDAP_RES_SEARCH_RESULT) {
			rc = take_result(c, m, cookie, e);
			ldap_msgfree(m);
			return rc;
		}
		/* References to other servers are not followed. */
		if (kind == LDAP_RES_SEARCH_ENTRY)
			take_entry(c, s, m);
		ldap_msgfree(m);
		if (check_caps(c, s, e) != 0)
			return -1;
	}
}

static int
request_page(struct ldap_conn *c, const struct search *s, const char *base,
    const char *filter, struct berval *cookie, int *id_r)
{
	int size = s->limit > 0 && s->limit < LDAP_PAGE_ENTRIES
	    ? (int)s->limit : LDAP_PAGE_ENTRIES;
	LDAPControl *page = NULL, *controls[2] = {NULL, NULL};
	int rc = ldap_create_page_control(c->ld, size, cookie, 0, &page);

	if (rc != LDAP_SUCCESS)
		return rc;
	controls[0] = page;
	rc = ldap_search_ext(c->ld, base, LDAP_SCOPE_SUBTREE, filter,
	    (char **)(uintptr_t)s->attrs, 0, controls, NULL, NULL, 0, id_r);
	ldap_control_free(page);
	return rc;
}

int
ldap_conn_search(struct ldap_conn *c, const char *base, const char *filter,
    const char *const *attrs, size_t limit, ldap_entry_fn *fn, void *arg,
    struct err *e)
{
	struct search s = {.attrs = attrs, .limit = limit, .fn = fn,
	    .arg = arg};
	struct berval cookie = {0, NULL};
	int rc;

	while (attrs[s.nattr] != NULL)
		s.nattr++;
	if (s.nattr > LDAP_ATTRS_MAX)
		return err_set(e, "more than %d attributes", LDAP_ATTRS_MAX);
	do {
		int id;

		rc = request_page(c, &s, base, filter, &cookie, &id);
		if (rc != LDAP_SUCCESS) {
			rc = failed(c, "the search failed", rc, e);
			break;
		}
		rc = take_page(c, &s, id, &cookie, e);
	} while (rc == 0 && cookie.bv_len > 0 &&
	    (limit == 0 || s.entries < limit));
	ber_memfree(cookie.bv_val);
	return rc;
}

/* ---- names ---- */

char *
ldap_normal_dn(const char *text)
{
	char *out = NULL, *copy;
	LDAPDN dn = NULL;

	if (ldap_str2dn(text, &dn, LDAP_DN_FORMAT_LDAP) != LDAP_SUCCESS)
		return NULL;
	if (ldap_dn2str(dn, &out, LDAP_DN_FORMAT_LDAPV3 |
	    LDAP_DN_PRETTY) != LDAP_SUCCESS)
		out = NULL;
	ldap_dnfree(dn);
	copy = out == NULL ? NULL : xstrdup(out);
	ldap_memfree(out);
	if (copy != NULL)
		str_lower(copy);
	return copy;
}

char *
ldap_dn_name(const char *text)
{
	char *name = NULL;
	LDAPDN dn = NULL;

	if (ldap_str2dn(text, &dn, LDAP_DN_FORMAT_LDAP) == LDAP_SUCCESS &&
	    dn != NULL && dn[0] != NULL && dn[0][0] != NULL)
		name = xstrndup(dn[0][0]->la_value.bv_val,
		    dn[0][0]->la_value.bv_len);
	ldap_dnfree(dn);
	return name != NULL ? name : xstrdup("");
}
