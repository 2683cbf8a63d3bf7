/*
 * Rows are written as they come, in the form of the file; what depends on all
 * of them (the hash, whether a group's name is unique) is added at the end.
 */
#include <stdlib.h>
#include "lib/base/str.h"
#include "lib/base/xalloc.h"
#include "lib/rules/directory.h"
#include "lib/rules/directory_format.h"

struct directory_builder {
	struct buf t[DT_COUNT];
	struct buf text;
	/* The last account; its row is written when the next one begins. */
	bool in_account;
	uint32_t dn, first_name, first_address, first_member;
};

struct directory_builder *
directory_builder_new(void)
{
	struct directory_builder *b = xcalloc(1, sizeof(*b));

	for (int t = 0; t < DT_COUNT; t++)
		buf_init(&b->t[t], DIRECTORY_BYTES_MAX);
	buf_init(&b->text, DIRECTORY_BYTES_MAX);
	buf_putc(&b->text, '\0');	/* offset 0: "" */
	return b;
}

void
directory_builder_free(struct directory_builder *b)
{
	if (b == NULL)
		return;
	for (int t = 0; t < DT_COUNT; t++)
		buf_free(&b->t[t]);
	buf_free(&b->text);
	free(b);
}

static uint32_t
rows(const struct directory_builder *b, enum directory_table t)
{
	return (uint32_t)(b->t[t].n / (4 * directory_columns[t]));
}

static uint32_t
get(const struct directory_builder *b, enum directory_table t, uint32_t row,
    unsigned col)
{
	struct cursor c = cur_of(span_sub(buf_span(&b->t[t]),
	    4 * ((size_t)row * directory_columns[t] + col), 4));

	return cur_u32(&c);
}

static const char *
get_text(const struct directory_builder *b, enum directory_table t,
    uint32_t row, unsigned col)
{
	return (const char *)b->text.p + get(b, t, row, col);
}

static uint32_t
put_text(struct directory_builder *b, const char *s)
{
	uint32_t off = (uint32_t)b->text.n;

	if (*s == '\0')
		return 0;
	buf_put(&b->text, s, strlen(s) + 1);
	return b->text.overflow ? 0 : off;
}

static uint32_t
put_lower(struct directory_builder *b, const char *s)
{
	uint32_t off = put_text(b, s);

	if (off != 0)
		str_lower((char *)b->text.p + off);
	return off;
}

static void
end_account(struct directory_builder *b)
{
	struct buf *t = &b->t[DT_ACCOUNT];

	if (!b->in_account)
		return;
	buf_u32(t, rows(b, DT_PROFILE) - 1);
	buf_u32(t, b->dn);
	buf_u32(t, b->first_name);
	buf_u32(t, rows(b, DT_NAME) - b->first_name);
	buf_u32(t, b->first_address);
	buf_u32(t, rows(b, DT_ADDRESS) - b->first_address);
	buf_u32(t, b->first_member);
	buf_u32(t, rows(b, DT_MEMBER) - b->first_member);
	b->in_account = false;
}

void
directory_builder_profile(struct directory_builder *b, const char *name,
    int64_t synced)
{
	end_account(b);
	buf_u32(&b->t[DT_PROFILE], put_text(b, name));
	buf_u64(&b->t[DT_PROFILE], (uint64_t)synced);
}

uint32_t
directory_builder_group(struct directory_builder *b, const char *dn,
    const char *name)
{
	uint32_t row = rows(b, DT_GROUP);
	struct buf *t = &b->t[DT_GROUP];

	buf_u32(t, rows(b, DT_PROFILE) - 1);
	buf_u32(t, put_text(b, dn));
	buf_u32(t, put_text(b, name));
	buf_u32(t, 1);
	return row;
}

void
directory_builder_account(struct directory_builder *b, const char *dn,
    const char *primary)
{
	end_account(b);
	b->in_account = true;
	b->dn = put_text(b, dn);
	b->first_name = rows(b, DT_NAME);
	b->first_address = rows(b, DT_ADDRESS);
	b->first_member = rows(b, DT_MEMBER);
	directory_builder_address(b, primary);
}

/* One of the rows from first on has this text in its first column. */
static bool
has(const struct directory_builder *b, enum directory_table t, uint32_t first,
    const char *s)
{
	for (uint32_t i = first, n = rows(b, t); i < n; i++)
		if (span_ieqs(span_str(get_text(b, t, i, 0)), s))
			return true;
	return false;
}

void
directory_builder_name(struct directory_builder *b, const char *name)
{
	if (!has(b, DT_NAME, b->first_name, name))
		buf_u32(&b->t[DT_NAME], put_text(b, name));
}

void
directory_builder_address(struct directory_builder *b, const char *address)
{
	if (has(b, DT_ADDRESS, b->first_address, address))
		return;
	buf_u32(&b->t[DT_ADDRESS], put_lower(b, address));
	buf_u32(&b->t[DT_ADDRESS], rows(b, DT_ACCOUNT));
}

void
directory_builder_member(struct directory_builder *b, uint32_t group)
{
	buf_u32(&b->t[DT_MEMBER], group);
}

/* group: the new index of each of d's groups. */
static void
copy_account(struct directory_builder *b, const struct directory *d,
    const struct directory_account *a, const uint32_t *group)
{
	directory_builder_account(b, a->dn, directory_address(d, a, 0));
	for (uint32_t i = 0; i < a->nname; i++)
		directory_builder_name(b, directory_name(d, a, i));
	for (uint32_t i = 1; i < a->naddress; i++)
		directory_builder_address(b, directory_address(d, a, i));
	for (uint32_t i = 0; i < a->ngroup; i++)
		directory_builder_member(b,
		    group[directory_membership(d, a, i)]);
}

static void
copy_profile(struct directory_builder *b, const struct directory *d,
    uint32_t profile, uint32_t *group)
{
	struct directory_profile p = directory_profile(d, profile);

	directory_builder_profile(b, p.name, p.synced);
	for (uint32_t i = 0; i < directory_groups(d); i++) {
		struct directory_group g = directory_group(d, i);

		if (g.profile == profile)
			group[i] = directory_builder_group(b, g.dn, g.name);
	}
	for (uint32_t i = 0; i < directory_accounts(d); i++) {
		struct directory_account a = directory_account(d, i);

		if (a.profile == profile)
			copy_account(b, d, &a, group);
	}
}

void
directory_builder_copy(struct directory_builder *b, const struct directory *d,
    const char *profile)
{
	uint32_t *group = xcalloc(directory_groups(d) + 1, sizeof(*group));

	for (uint32_t i = 0; i < directory_profiles(d); i++)
		if (*profile == '\0' || span_ieqs(span_str(profile),
		    directory_profile(d, i).name))
			copy_profile(b, d, i, group);
	free(group);
}

/* ---- what depends on all rows ---- */

struct named {
	const char *name;
	uint32_t profile, row;
};

static int
by_name(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	const unsigned char *p = (const unsigned char *)x->name;
	const unsigned char *q = (const unsigned char *)y->name;

	if (x->profile != y->profile)
		return x->profile < y->profile ? -1 : 1;
	while (*p != '\0' && ascii_lower(*p) == ascii_lower(*q)) {
		p++;
		q++;
	}
	return ascii_lower(*p) - ascii_lower(*q);
}

static void
mark_unique(struct directory_builder *b)
{
	uint32_t n = rows(b, DT_GROUP);
	struct named *g = xcalloc(n + 1, sizeof(*g));

	for (uint32_t i = 0; i < n; i++)
		g[i] = (struct named){get_text(b, DT_GROUP, i, DC_GROUP_NAME),
		    get(b, DT_GROUP, i, DC_GROUP_PROFILE), i};
	qsort(g, n, sizeof(*g), by_name);
	for (uint32_t i = 0; i < n; i++) {
		bool unique = *g[i].name != '\0' &&
		    (i == 0 || by_name(&g[i - 1], &g[i]) != 0) &&
		    (i + 1 == n || by_name(&g[i], &g[i + 1]) != 0);

		buf_set_u32(&b->t[DT_GROUP], 4 * ((size_t)g[i].row *
		    directory_columns[DT_GROUP] + DC_GROUP_UNIQUE), unique);
	}
	free(g);
}

static void
put_hash(struct directory_builder *b)
{
	uint32_t n = rows(b, DT_ADDRESS), nbucket = 1, *end, *row;

	while (nbucket < n)
		nbucket *= 2;
	end = xcalloc((size_t)nbucket + 1, sizeof(*end));
	row = xcalloc((size_t)n + 1, sizeof(*row));
	for (uint32_t i = 0; i < n; i++)
		end[1 + (directory_hash(get_text(b, DT_ADDRESS, i, 0)) &
		    (nbucket - 1))]++;
	buf_reset(&b->t[DT_BUCKET]);
	buf_reset(&b->t[DT_FIND]);
	for (uint32_t i = 0; i <= nbucket; i++) {
		end[i] += i > 0 ? end[i - 1] : 0;
		buf_u32(&b->t[DT_BUCKET], end[i]);
	}
	/* end[k] is where bucket k begins, and its end once it is filled. */
	for (uint32_t i = 0; i < n; i++)
		row[end[directory_hash(get_text(b, DT_ADDRESS, i, 0)) &
		    (nbucket - 1)]++] = i;
	for (uint32_t i = 0; i < n; i++)
		buf_u32(&b->t[DT_FIND], row[i]);
	free(end);
	free(row);
}

int
directory_build(struct directory_builder *b, struct buf *out, struct err *e)
{
	static const unsigned char none[DIRECTORY_DIGEST_LEN];
	size_t start = out->n;
	bool overflow = b->text.overflow;

	end_account(b);
	for (int t = 0; t < DT_COUNT; t++)
		overflow |= b->t[t].overflow;
	if (overflow)
		goto toomuch;
	mark_unique(b);
	put_hash(b);
	buf_put(out, directory_magic, DIRECTORY_MAGIC_LEN);
	buf_u32(out, DIRECTORY_FORMAT);
	buf_put(out, none, sizeof(none));
	buf_u64(out, 0);
	for (int t = 0; t < DT_COUNT; t++)
		buf_lp(out, buf_span(&b->t[t]));
	buf_lp(out, buf_span(&b->text));
	if (out->overflow)
		goto toomuch;
	directory_seal(out->p + start, out->n - start);
	return 0;
toomuch:
	return err_set(e, "LDAP snapshot: more than %d MiB",
	    DIRECTORY_BYTES_MAX >> 20);
}
