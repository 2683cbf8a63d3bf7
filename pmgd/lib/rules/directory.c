#include "lib/rules/directory.h"

#include <stdlib.h>
#include "lib/base/str.h"
#include "lib/base/xalloc.h"
#include "lib/rules/directory_format.h"

struct table {
	const unsigned char *p;
	uint32_t n;		/* rows */
};

struct directory {
	char *bytes;
	struct table t[DT_COUNT];
	struct span text;
};

static uint32_t
column(const struct directory *d, enum directory_table t, uint32_t row,
    unsigned col)
{
	const unsigned char *p = d->t[t].p +
	    4 * ((size_t)row * directory_columns[t] + col);

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

static const char *
text(const struct directory *d, enum directory_table t, uint32_t row,
    unsigned col)
{
	return (const char *)d->text.p + column(d, t, row, col);
}

static bool
same(const char *a, const char *b)
{
	for (; ascii_lower((unsigned char)*a) == ascii_lower((unsigned char)*b);
	    a++, b++)
		if (*a == '\0')
			return true;
	return false;
}

/* ---- loading ---- */

static int
check_header(struct span s, struct cursor *c, struct err *e)
{
	unsigned char digest[DIRECTORY_DIGEST_LEN];
	struct span magic = cur_take(c, DIRECTORY_MAGIC_LEN), sum;
	uint32_t format = cur_u32(c);

	if (!span_eq(magic, span_str(directory_magic)))
		return err_set(e, "not an LDAP snapshot");
	if (format != DIRECTORY_FORMAT)
		return err_set(e, "LDAP snapshot has format %u, this version "
		    "reads format %d", format, DIRECTORY_FORMAT);
	sum = cur_take(c, DIRECTORY_DIGEST_LEN);
	if (cur_u64(c) != cur_left(c) || !cur_ok(c))
		return err_set(e, "LDAP snapshot is not complete");
	directory_digest(s, digest);
	if (!span_eq(sum, span_of(digest, sizeof(digest))))
		return err_set(e, "LDAP snapshot is damaged (checksum)");
	return 0;
}

static bool
take_tables(struct directory *d, struct cursor *c)
{
	for (int t = 0; t < DT_COUNT; t++) {
		size_t row = 4 * directory_columns[t];
		struct span s = cur_lp(c);

		if (s.n % row != 0)
			return false;
		d->t[t] = (struct table){s.p, (uint32_t)(s.n / row)};
	}
	d->text = cur_lp(c);
	/* The last NUL ends whatever string an offset points into. */
	return cur_done(c) && d->text.n > 0 &&
	    d->text.p[d->text.n - 1] == '\0';
}

/* Every value of the column is below limit. */
static bool
all_below(const struct directory *d, enum directory_table t, unsigned col,
    uint64_t limit)
{
	for (uint32_t i = 0; i < d->t[t].n; i++)
		if (column(d, t, i, col) >= limit)
			return false;
	return true;
}

/* First and number of the rows of another table. */
static bool
ranges_inside(const struct directory *d, unsigned first, unsigned count,
    enum directory_table of)
{
	for (uint32_t i = 0; i < d->t[DT_ACCOUNT].n; i++)
		if ((uint64_t)column(d, DT_ACCOUNT, i, first) +
		    column(d, DT_ACCOUNT, i, count) > d->t[of].n)
			return false;
	return true;
}

static bool
all_have_address(const struct directory *d)
{
	for (uint32_t i = 0; i < d->t[DT_ACCOUNT].n; i++)
		if (column(d, DT_ACCOUNT, i, DC_ACCOUNT_NADDRESS) == 0)
			return false;
	return true;
}

static bool
buckets_ascend(const struct directory *d)
{
	uint32_t n = d->t[DT_BUCKET].n, last = 0;

	if (n < 2 || ((n - 1) & (n - 2)) != 0)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t first = column(d, DT_BUCKET, i, 0);

		if (first < last)
			return false;
		last = first;
	}
	return last == d->t[DT_FIND].n;
}

static bool
points_inside(const struct directory *d)
{
	static const struct {
		enum directory_table t;
		unsigned col;
	} texts[] = {{DT_PROFILE, DC_PROFILE_NAME}, {DT_GROUP, DC_GROUP_DN},
	    {DT_GROUP, DC_GROUP_NAME}, {DT_ACCOUNT, DC_ACCOUNT_DN},
	    {DT_NAME, 0}, {DT_ADDRESS, DC_ADDRESS_TEXT}};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!all_below(d, texts[i].t, texts[i].col, d->text.n))
			return false;
	return all_below(d, DT_GROUP, DC_GROUP_PROFILE, d->t[DT_PROFILE].n) &&
	    all_below(d, DT_ACCOUNT, DC_ACCOUNT_PROFILE, d->t[DT_PROFILE].n) &&
	    all_below(d, DT_ADDRESS, DC_ADDRESS_ACCOUNT, d->t[DT_ACCOUNT].n) &&
	    all_below(d, DT_MEMBER, 0, d->t[DT_GROUP].n) &&
	    all_below(d, DT_FIND, 0, d->t[DT_ADDRESS].n) &&
	    ranges_inside(d, DC_ACCOUNT_NAME, DC_ACCOUNT_NNAME, DT_NAME) &&
	    ranges_inside(d, DC_ACCOUNT_ADDRESS, DC_ACCOUNT_NADDRESS,
	    DT_ADDRESS) &&
	    ranges_inside(d, DC_ACCOUNT_MEMBER, DC_ACCOUNT_NMEMBER,
	    DT_MEMBER) && all_have_address(d) && buckets_ascend(d);
}

struct directory *
directory_load(struct span snapshot, struct err *e)
{
	struct cursor c = cur_of(snapshot);
	struct directory *d;

	if (check_header(snapshot, &c, e) != 0)
		return NULL;
	d = xcalloc(1, sizeof(*d));
	d->bytes = xstrndup(snapshot.p, snapshot.n);
	c.s.p = (const unsigned char *)d->bytes;
	if (take_tables(d, &c) && points_inside(d))
		return d;
	err_set(e, "LDAP snapshot: tables are damaged");
	directory_free(d);
	return NULL;
}

void
directory_free(struct directory *d)
{
	if (d == NULL)
		return;
	free(d->bytes);
	free(d);
}

/* ---- lookup ---- */

bool
directory_find(const struct directory *d, const char *address, uint32_t *pos,
    uint32_t *account_r)
{
	uint32_t mask = d->t[DT_BUCKET].n - 2;
	uint32_t bucket = directory_hash(address) & mask;
	uint32_t first = column(d, DT_BUCKET, bucket, 0);
	uint32_t n = column(d, DT_BUCKET, bucket + 1, 0) - first;

	while (*pos < n) {
		uint32_t row = column(d, DT_FIND, first + (*pos)++, 0);

		if (!same(text(d, DT_ADDRESS, row, DC_ADDRESS_TEXT), address))
			continue;
		*account_r = column(d, DT_ADDRESS, row, DC_ADDRESS_ACCOUNT);
		return true;
	}
	return false;
}

static bool
profile_is(const struct directory *d, uint32_t profile, const char *wanted)
{
	return *wanted == '\0' ||
	    same(text(d, DT_PROFILE, profile, DC_PROFILE_NAME), wanted);
}

/* As directory_find(), of one profile. */
static bool
find_in(const struct directory *d, const char *profile, const char *address,
    uint32_t *pos, uint32_t *account_r)
{
	while (directory_find(d, address, pos, account_r))
		if (profile_is(d, column(d, DT_ACCOUNT, *account_r,
		    DC_ACCOUNT_PROFILE), profile))
			return true;
	return false;
}

bool
directory_has_profile(const struct directory *d, const char *profile)
{
	for (uint32_t i = 0; i < d->t[DT_PROFILE].n; i++)
		if (profile_is(d, i, profile))
			return true;
	return false;
}

bool
directory_knows(const struct directory *d, const char *profile,
    const char *address)
{
	uint32_t pos = 0, account;

	return find_in(d, profile, address, &pos, &account);
}

bool
directory_is_account(const struct directory *d, const char *profile,
    const char *name, const char *address)
{
	uint32_t pos = 0, account;

	while (find_in(d, profile, address, &pos, &account)) {
		struct directory_account a = directory_account(d, account);

		for (uint32_t i = 0; i < a.nname; i++)
			if (same(directory_name(d, &a, i), name))
				return true;
	}
	return false;
}

static bool
group_is(const struct directory *d, uint32_t group, const char *wanted)
{
	return same(text(d, DT_GROUP, group, DC_GROUP_DN), wanted) ||
	    (column(d, DT_GROUP, group, DC_GROUP_UNIQUE) == 1 &&
	    same(text(d, DT_GROUP, group, DC_GROUP_NAME), wanted));
}

bool
directory_in_group(const struct directory *d, const char *profile,
    const char *group, const char *address)
{
	uint32_t pos = 0, account;

	while (find_in(d, profile, address, &pos, &account)) {
		struct directory_account a = directory_account(d, account);

		for (uint32_t i = 0; i < a.ngroup; i++)
			if (group_is(d, directory_membership(d, &a, i), group))
				return true;
	}
	return false;
}

const char *
directory_primary(const struct directory *d, const char *address)
{
	uint32_t pos = 0, account;
	struct directory_account a;

	if (!directory_find(d, address, &pos, &account))
		return address;
	a = directory_account(d, account);
	return directory_address(d, &a, 0);
}

/* ---- looking through ---- */

uint32_t
directory_profiles(const struct directory *d)
{
	return d->t[DT_PROFILE].n;
}

uint32_t
directory_accounts(const struct directory *d)
{
	return d->t[DT_ACCOUNT].n;
}

uint32_t
directory_groups(const struct directory *d)
{
	return d->t[DT_GROUP].n;
}

struct directory_profile
directory_profile(const struct directory *d, uint32_t i)
{
	return (struct directory_profile){
	    text(d, DT_PROFILE, i, DC_PROFILE_NAME),
	    (int64_t)((uint64_t)column(d, DT_PROFILE, i,
	    DC_PROFILE_SYNCED_HIGH) << 32 |
	    column(d, DT_PROFILE, i, DC_PROFILE_SYNCED_LOW))};
}

struct directory_account
directory_account(const struct directory *d, uint32_t i)
{
	return (struct directory_account){
	    .profile = column(d, DT_ACCOUNT, i, DC_ACCOUNT_PROFILE),
	    .dn = text(d, DT_ACCOUNT, i, DC_ACCOUNT_DN),
	    .nname = column(d, DT_ACCOUNT, i, DC_ACCOUNT_NNAME),
	    .naddress = column(d, DT_ACCOUNT, i, DC_ACCOUNT_NADDRESS),
	    .ngroup = column(d, DT_ACCOUNT, i, DC_ACCOUNT_NMEMBER),
	    .first_name = column(d, DT_ACCOUNT, i, DC_ACCOUNT_NAME),
	    .first_address = column(d, DT_ACCOUNT, i, DC_ACCOUNT_ADDRESS),
	    .first_group = column(d, DT_ACCOUNT, i, DC_ACCOUNT_MEMBER)};
}

struct directory_group
directory_group(const struct directory *d, uint32_t i)
{
	return (struct directory_group){
	    .profile = column(d, DT_GROUP, i, DC_GROUP_PROFILE),
	    .dn = text(d, DT_GROUP, i, DC_GROUP_DN),
	    .name = text(d, DT_GROUP, i, DC_GROUP_NAME),
	    .unique = column(d, DT_GROUP, i, DC_GROUP_UNIQUE) == 1};
}

const char *
directory_name(const struct directory *d, const struct directory_account *a,
    uint32_t i)
{
	return text(d, DT_NAME, a->first_name + i, 0);
}

const char *
directory_address(const struct directory *d,
    const struct directory_account *a, uint32_t i)
{
	return text(d, DT_ADDRESS, a->first_address + i, DC_ADDRESS_TEXT);
}

uint32_t
directory_membership(const struct directory *d,
    const struct directory_account *a, uint32_t i)
{
	return column(d, DT_MEMBER, a->first_group + i, 0);
}
