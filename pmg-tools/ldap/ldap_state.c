#include "ldap_state.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "lib/base/atomicfile.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"
#include "lib/rules/directory_format.h"

enum { STATE_BYTES_MAX = 65536, AGE_BYTES = 32 };

char *
ldap_state_file(const struct paths *p, const char *profile,
    const char *suffix)
{
	return xasprintf("%s/%s%s", p->ldap, profile, suffix);
}

static int64_t
number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

int
ldap_state_load(const struct paths *p, const char *profile,
    struct ldap_state *s, struct err *e)
{
	AUTO_FREE char *path = ldap_state_file(p, profile, ".state");
	AUTO_BUF struct buf b = {.max = STATE_BYTES_MAX};
	const char *text;
	json_t *o;

	memset(s, 0, sizeof(*s));
	if (access(path, F_OK) != 0 && errno == ENOENT)
		return 0;
	if (file_read(path, &b, e) != 0)
		return -1;
	o = json_loadb((const char *)b.p, b.n, 0, NULL);
	if (!json_is_object(o)) {
		json_decref(o);
		return err_set(e, "%s: damaged", path);
	}
	s->tried = number(o, "tried");
	s->synced = number(o, "synced");
	s->accounts = number(o, "accounts");
	s->groups = number(o, "groups");
	s->addresses = number(o, "addresses");
	s->memberships = number(o, "memberships");
	text = json_string_value(json_object_get(o, "error"));
	str_copy(s->error, sizeof(s->error), text != NULL ? text : "");
	json_decref(o);
	return 0;
}

int
ldap_state_save(const struct paths *p, const char *profile,
    const struct ldap_state *s, struct err *e)
{
	AUTO_FREE char *path = ldap_state_file(p, profile, ".state");
	AUTO_FREE char *text = NULL;
	json_t *o = json_pack("{s:I s:I s:I s:I s:I s:I s:s}",
	    "tried", (json_int_t)s->tried, "synced", (json_int_t)s->synced,
	    "accounts", (json_int_t)s->accounts,
	    "groups", (json_int_t)s->groups,
	    "addresses", (json_int_t)s->addresses,
	    "memberships", (json_int_t)s->memberships, "error", s->error);

	text = o != NULL ? json_dumps(o, JSON_INDENT(2)) : NULL;
	json_decref(o);
	if (text == NULL)
		return err_set(e, "%s: cannot be written as JSON", path);
	return atomicfile_write(path, span_str(text), 0644, e);
}

void
ldap_state_count(struct ldap_state *s, const struct directory *d)
{
	s->accounts = directory_accounts(d);
	s->groups = directory_groups(d);
	s->addresses = s->memberships = 0;
	s->synced = directory_profiles(d) > 0 ? directory_profile(d, 0).synced
	    : 0;
	for (uint32_t i = 0; i < directory_accounts(d); i++) {
		struct directory_account a = directory_account(d, i);

		s->addresses += a.naddress;
		s->memberships += a.ngroup;
	}
}

struct directory *
ldap_directory_load(const char *path, struct err *e)
{
	AUTO_BUF struct buf b = {.max = DIRECTORY_BYTES_MAX};
	struct directory *d;
	struct err why = {""};

	e->text[0] = '\0';
	if (access(path, F_OK) != 0 && errno == ENOENT)
		return NULL;
	if (file_read(path, &b, e) != 0)
		return NULL;
	d = directory_load(buf_span(&b), &why);
	if (d == NULL)
		err_set(e, "%s: %s", path, why.text);
	return d;
}

const char *
ldap_age_text(char *out, int64_t s)
{
	static const struct {
		int64_t seconds;
		const char *name;
	} unit[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"},
	    {1, "second"}};
	size_t i = 0;

	if (s < 0)
		s = 0;
	while (i < 3 && s < 2 * unit[i].seconds)
		i++;
	snprintf(out, AGE_BYTES, "%" PRId64 " %s%s", s / unit[i].seconds,
	    unit[i].name, s / unit[i].seconds == 1 ? "" : "s");
	return out;
}
