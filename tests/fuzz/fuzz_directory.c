/*
 * Snapshot files of the LDAP directory. First byte: how the rest is used.
 *	'S'	as it is
 *	'H'	with a good header in front
 *	'M'	(position, byte) changes of a good one, sealed again
 * What loads can be looked through and searched, and copied by a builder into
 * one that loads again.
 */
#include "lib/rules/directory.h"
#include "lib/rules/directory_format.h"
#include "require.h"

enum { BYTES_MAX = 1 << 20, LOOK_MAX = 64, COPY_MAX = 2000 };

static void
put_sample(struct buf *out)
{
	struct directory_builder *b = directory_builder_new();

	directory_builder_profile(b, "p", 1);
	directory_builder_group(b, "cn=g", "g");
	directory_builder_group(b, "cn=h", "g");
	directory_builder_account(b, "uid=a", "a@example.com");
	directory_builder_name(b, "a");
	directory_builder_address(b, "b@example.com");
	directory_builder_member(b, 1);
	directory_builder_account(b, "uid=c", "c@example.com");
	require(directory_build(b, out, NULL) == 0);
	directory_builder_free(b);
}

/* The number of strings and group rows that a copy would take. */
static uint64_t
look(const struct directory *d)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < directory_profiles(d); i++)
		require(directory_has_profile(d, directory_profile(d, i).name));
	for (uint32_t i = 0; i < directory_groups(d); i++)
		require(directory_group(d, i).profile < directory_profiles(d));
	for (uint32_t i = 0; i < directory_accounts(d); i++) {
		struct directory_account a = directory_account(d, i);

		total += (uint64_t)a.nname + a.naddress + a.ngroup;
		for (uint32_t k = 0; k < a.naddress && k < LOOK_MAX; k++)
			directory_primary(d, directory_address(d, &a, k));
		for (uint32_t k = 0; k < a.ngroup && k < LOOK_MAX; k++)
			require(directory_membership(d, &a, k) <
			    directory_groups(d));
		for (uint32_t k = 0; k < a.nname && k < LOOK_MAX; k++)
			directory_is_account(d, "", directory_name(d, &a, k),
			    directory_address(d, &a, 0));
		directory_in_group(d, "", "g", directory_address(d, &a, 0));
		directory_knows(d, a.dn, a.dn);
	}
	return total + directory_accounts(d) + directory_groups(d);
}

static void
copy(const struct directory *d)
{
	struct directory_builder *b = directory_builder_new();
	struct buf out;
	struct directory *again;

	buf_init(&out, DIRECTORY_BYTES_MAX);
	directory_builder_copy(b, d, "");
	require(directory_build(b, &out, NULL) == 0);
	again = directory_load(buf_span(&out), NULL);
	require(again != NULL);
	require(directory_accounts(again) == directory_accounts(d));
	require(directory_groups(again) == directory_groups(d));
	require(directory_profiles(again) == directory_profiles(d));
	directory_free(again);
	directory_builder_free(b);
	buf_free(&out);
}

static void
load(struct span s)
{
	struct err e = {""};
	struct directory *d = directory_load(s, &e);

	if (d == NULL) {
		require(e.text[0] != '\0');
		return;
	}
	/* Damaged groups may be of a profile of another order. */
	if (look(d) < COPY_MAX && directory_profiles(d) < LOOK_MAX)
		copy(d);
	directory_free(d);
}

static void
seal_and_load(struct buf *b)
{
	static const unsigned char none[DIRECTORY_DIGEST_LEN];
	struct buf head;

	if (b->overflow || b->n < DIRECTORY_HEADER_LEN)
		return;
	buf_init(&head, DIRECTORY_HEADER_LEN);
	buf_put(&head, directory_magic, DIRECTORY_MAGIC_LEN);
	buf_u32(&head, DIRECTORY_FORMAT);
	buf_put(&head, none, sizeof(none));
	buf_u64(&head, 0);
	memcpy(b->p, head.p, head.n);
	buf_free(&head);
	directory_seal(b->p, b->n);
	load(buf_span(b));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char room[DIRECTORY_HEADER_LEN];
	struct span s = span_of(data, size);
	struct buf b;

	if (size == 0)
		return 0;
	s = span_sub(s, 1, s.n);
	buf_init(&b, BYTES_MAX);
	if (data[0] == 'S') {
		load(s);
	} else if (data[0] == 'H') {
		buf_put(&b, room, sizeof(room));
		buf_puts_span(&b, s);
		seal_and_load(&b);
	} else {
		put_sample(&b);
		for (struct cursor c = cur_of(s); cur_left(&c) >= 3;) {
			size_t off = DIRECTORY_HEADER_LEN + cur_u16(&c);

			b.p[off % b.n] = cur_u8(&c);
		}
		seal_and_load(&b);
	}
	buf_free(&b);
	return 0;
}
