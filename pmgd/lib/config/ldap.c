#include "lib/config/ldap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/base/atomicfile.h"
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"
#include "lib/config/syntax.h"
#include "lib/mail/cte.h"
#include "lib/mail/utf8.h"

enum { FILE_MAX = 1 << 20, SHOWN_BYTES = 100, VALUE_MAX = 4096,
	FILTER_DEPTH_MAX = 32 };

struct reader {
	const char *path;
	unsigned line;
	struct ldap_conf *c;
	struct ldap_profile *p;		/* NULL before the first section */
	uint32_t seen;			/* keys of p, by their index */
};

/* Of a key's value into the member that has its default. */
typedef int taker(void *member, struct span value, struct err *e);

static void
replace(void *member, char *s)
{
	char **p = member;

	free(*p);
	*p = s;
}

static int
take_text(void *member, struct span s, struct err *e)
{
	if (!valid_text(s))
		return err_set(e, "expected one line of printable text");
	replace(member, xstrndup(s.p, s.n));
	return 0;
}

/* Percent-encoded by the reference product's web interface. */
static int
take_comment(void *member, struct span s, struct err *e)
{
	AUTO_BUF struct buf b = {.max = VALUE_MAX};

	cte_decode_percent(s, &b);
	if (b.overflow || !utf8_valid(buf_span(&b)) ||
	    (b.n > 0 && memchr(b.p, '\0', b.n) != NULL))
		return err_set(e, "expected UTF-8 text");
	replace(member, xstrdup(buf_cstr(&b)));
	return 0;
}

static int
take_bool(void *member, struct span s, struct err *e)
{
	static const char *const no[] = {"0", "no", "off", "false"};
	static const char *const yes[] = {"1", "yes", "on", "true"};
	bool *p = member;

	for (size_t i = 0; i < 4; i++)
		if (span_ieqs(s, no[i]) || span_ieqs(s, yes[i])) {
			*p = span_ieqs(s, yes[i]);
			return 0;
		}
	return err_set(e, "expected 0 or 1");
}

static int
take_mode(void *member, struct span s, struct err *e)
{
	static const char *const name[] = {"ldap", "ldaps", "ldap+starttls"};
	enum ldap_transport *p = member;

	for (int i = 0; i < 3; i++)
		if (span_eq(s, span_str(name[i]))) {
			*p = (enum ldap_transport)i;
			return 0;
		}
	return err_set(e, "expected ldap, ldaps or ldap+starttls");
}

static int
take_port(void *member, struct span s, struct err *e)
{
	unsigned *p = member;
	int64_t n;

	if (!str_num(s, 1, 65535, &n))
		return err_set(e, "expected a port from 1 to 65535");
	*p = (unsigned)n;
	return 0;
}

static int
take_host(void *member, struct span s, struct err *e)
{
	if (syntax_check("host", s, e) != 0)
		return -1;
	return take_text(member, s, e);
}

static int
take_path(void *member, struct span s, struct err *e)
{
	if (syntax_check("path", s, e) != 0)
		return -1;
	return take_text(member, s, e);
}

/*
 * A password somebody typed as it is may happen to be base64, too; what comes
 * out of that is hardly ever text.
 */
static int
take_secret(void *member, struct span s, struct err *e)
{
	AUTO_BUF struct buf b = {.max = VALUE_MAX};

	if (cte_decode(CTE_BASE64, s, &b) != 0 || b.overflow || b.n == 0 ||
	    !valid_text(buf_span(&b)))
		return err_set(e, "expected the password in base64: printf %%s "
		    "'PASSWORD' | base64 -w 0");
	replace(member, xstrdup(buf_cstr(&b)));
	return 0;
}

static bool
valid_name(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_isdigit(s.p[i]) && s.p[i] != '-' &&
		    (ascii_lower(s.p[i]) < 'a' || ascii_lower(s.p[i]) > 'z'))
			return false;
	return s.n > 0;
}

static void
names_free(struct ldap_names *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->name[i]);
	l->n = 0;
}

static int
take_names(void *member, struct span s, struct err *e)
{
	struct ldap_names *l = member;
	struct span word;
	size_t pos = 0;

	names_free(l);
	while (syntax_word(s, &pos, " ,;", &word)) {
		if (!valid_name(word))
			return err_set(e, "expected names of letters, digits "
			    "and '-', separated by commas");
		if (l->n == LDAP_NAMES_MAX)
			return err_set(e, "more than %d names",
			    LDAP_NAMES_MAX);
		l->name[l->n++] = xstrndup(word.p, word.n);
	}
	return l->n > 0 ? 0 : err_set(e, "a name is missing");
}

/* RFC 4515 as far as parentheses go; the rest is the server's to judge. */
static bool
filter_balanced(struct span s)
{
	int depth = 0;

	for (size_t i = 0; i < s.n; i++) {
		depth += s.p[i] == '(';
		depth -= s.p[i] == ')';
		if (depth < 0 || depth > FILTER_DEPTH_MAX ||
		    (depth == 0 && i + 1 < s.n))
			return false;
	}
	return depth == 0;
}

static int
take_filter(void *member, struct span s, struct err *e)
{
	char *f;

	if (!valid_text(s))
		return err_set(e, "expected one line of printable text");
	f = s.p[0] == '(' ? xstrndup(s.p, s.n)
	    : xasprintf("(%.*s)", (int)s.n, (const char *)s.p);
	if (!filter_balanced(span_str(f))) {
		free(f);
		return err_set(e, "parentheses do not match, or something "
		    "stands behind the last one");
	}
	replace(member, f);
	return 0;
}

#define KEY(name, take) {#name, offsetof(struct ldap_profile, name), take}
static const struct key {
	const char *name;
	size_t member;
	taker *take;
} keys[] = {
	KEY(disable, take_bool), KEY(comment, take_comment),
	KEY(mode, take_mode), KEY(verify, take_bool), KEY(cafile, take_path),
	KEY(server1, take_host), KEY(server2, take_host),
	KEY(port, take_port), KEY(binddn, take_text),
	KEY(bindpw, take_secret), KEY(basedn, take_text),
	KEY(groupbasedn, take_text), KEY(filter, take_filter),
	{"accountattr", offsetof(struct ldap_profile, account), take_names},
	{"mailattr", offsetof(struct ldap_profile, mail), take_names},
	KEY(groupclass, take_names),
};
enum { KEY_COUNT = sizeof(keys) / sizeof(keys[0]) };

static void
set_defaults(struct ldap_profile *p)
{
	char **text[] = {&p->comment, &p->cafile, &p->server1, &p->server2,
	    &p->binddn, &p->bindpw, &p->basedn, &p->groupbasedn, &p->filter};

	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++)
		*text[i] = xstrdup("");
	take_names(&p->account, SPAN_LIT("sAMAccountName, uid"), NULL);
	take_names(&p->mail, SPAN_LIT("mail, userPrincipalName, "
	    "proxyAddresses, othermailbox, mailAlternativeAddress"), NULL);
	take_names(&p->groupclass, SPAN_LIT("group, univentionGroup, "
	    "ipausergroup"), NULL);
}

static void
profile_free(struct ldap_profile *p)
{
	free(p->name);
	free(p->comment);
	free(p->cafile);
	free(p->server1);
	free(p->server2);
	free(p->binddn);
	free(p->bindpw);
	free(p->basedn);
	free(p->groupbasedn);
	free(p->filter);
	names_free(&p->account);
	names_free(&p->mail);
	names_free(&p->groupclass);
}

void
ldap_conf_free(struct ldap_conf *c)
{
	for (size_t i = 0; i < c->n; i++)
		profile_free(&c->profile[i]);
	free(c->profile);
	*c = (struct ldap_conf){0};
}

const struct ldap_profile *
ldap_conf_find(const struct ldap_conf *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (span_ieqs(span_str(c->profile[i].name), name))
			return &c->profile[i];
	return NULL;
}

bool
ldap_valid_profile(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		bool letter = ascii_lower(s.p[i]) >= 'a' &&
		    ascii_lower(s.p[i]) <= 'z';

		if (!letter && (i == 0 || (!ascii_isdigit(s.p[i]) &&
		    s.p[i] != '-' && s.p[i] != '_')))
			return false;
	}
	return s.n > 0 && s.n <= LDAP_PROFILE_BYTES_MAX;
}

/* ---- the file ---- */

/* "path:line: what"; shows s unless it is empty. */
static int
reader_error(const struct reader *r, const char *what, struct span s,
    struct err *e)
{
	AUTO_BUF struct buf shown = {.max = 1024};

	log_safe(&shown, s, SHOWN_BYTES);
	return err_set(e, "%s:%u: %s%s%s%s", r->path, r->line, what,
	    s.n ? ": \"" : "", buf_cstr(&shown), s.n ? "\"" : "");
}

/* What must stand in the section that is over. */
static int
end_section(const struct reader *r, struct err *e)
{
	if (r->p == NULL || *r->p->server1 != '\0')
		return 0;
	return err_set(e, "%s:%u: profile %s has no server1", r->path,
	    r->p->line, r->p->name);
}

static int
read_section(struct reader *r, struct span line, struct err *e)
{
	struct ldap_conf *c = r->c;
	AUTO_FREE char *name = NULL;
	struct span s;

	if (end_section(r, e) != 0)
		return -1;
	if (!span_iprefix(line, "ldap:"))
		return reader_error(r, "expected \"ldap: PROFILE\", or an "
		    "indented \"key value\"", line, e);
	s = span_trim(span_sub(line, 5, line.n));
	if (!ldap_valid_profile(s))
		return reader_error(r, "a profile's name is of letters, "
		    "digits, '-' and '_' and begins with a letter", s, e);
	name = xstrndup(s.p, s.n);
	if (ldap_conf_find(c, name) != NULL)
		return reader_error(r, "this profile came before", s, e);
	if (c->n == LDAP_PROFILES_MAX)
		return reader_error(r, "too many profiles", s, e);
	c->profile = xrealloc(c->profile, c->n + 1, sizeof(*c->profile));
	r->p = &c->profile[c->n++];
	*r->p = (struct ldap_profile){.name = name, .line = r->line};
	name = NULL;
	set_defaults(r->p);
	r->seen = 0;
	return 0;
}

static int
read_key(struct reader *r, struct span line, struct err *e)
{
	struct span name, value;
	struct err why;
	size_t pos = 0, i;

	if (r->p == NULL)
		return reader_error(r, "a key stands in front of the first "
		    "\"ldap: PROFILE\"", line, e);
	syntax_word(line, &pos, " \t", &name);
	value = span_trim(span_sub(line, pos, line.n));
	for (i = 0; i < KEY_COUNT; i++)
		if (span_eq(name, span_str(keys[i].name)))
			break;
	if (i == KEY_COUNT)
		return reader_error(r, "a profile has no such key", name, e);
	if (r->seen & 1u << i)
		return reader_error(r, "this key came before", name, e);
	r->seen |= 1u << i;
	if (value.n == 0)
		return reader_error(r, "this key has no value", name, e);
	if (value.n > VALUE_MAX)
		return reader_error(r, "this key's value is too long", name,
		    e);
	if (keys[i].take((char *)r->p + keys[i].member, value, &why) != 0)
		return err_set(e, "%s:%u: %s: %.300s", r->path, r->line,
		    keys[i].name, why.text);
	return 0;
}

static int
read_line(struct reader *r, struct span raw, struct err *e)
{
	struct span line = span_trim(raw);

	if (line.n == 0 || line.p[0] == '#')
		return 0;
	if (memchr(line.p, '\0', line.n) != NULL)
		return reader_error(r, "a NUL byte", line, e);
	if (raw.p[0] == ' ' || raw.p[0] == '\t')
		return read_key(r, line, e);
	return read_section(r, line, e);
}

int
ldap_conf_load(struct ldap_conf *c, const char *path, struct err *e)
{
	AUTO_BUF struct buf b = {.max = FILE_MAX};
	struct reader r = {.path = path, .c = c};
	struct span text;
	int rc = 0;

	*c = (struct ldap_conf){0};
	if (access(path, F_OK) != 0 && errno == ENOENT)
		return 0;
	if (file_read(path, &b, e) != 0)
		return -1;
	text = buf_span(&b);
	for (size_t pos = 0, end; pos < text.n && rc == 0; pos = end + 1) {
		end = span_chr(text, pos, '\n');
		r.line++;
		rc = read_line(&r, span_sub(text, pos, end - pos), e);
	}
	if (rc == 0)
		rc = end_section(&r, e);
	if (rc != 0)
		ldap_conf_free(c);
	return rc;
}
