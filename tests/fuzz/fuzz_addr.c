/*
 * Addresses. Checked beside memory safety: those of a list are short and
 * without controls; both halves of one lie within it; a valid one comes out of
 * a header field as it went in.
 */
#include "lib/mail/addr.h"
#include "require.h"

enum { IN_MAX = 1 << 16, ARENA_MAX = 1 << 24, FIELD_MAX = 4096,
	MAILBOX_MAX = 254 };

static void
fuzz_list(struct span in, struct arena *a)
{
	struct addr *list;
	size_t n = addr_list(in, &list, a);

	require(n <= ADDR_LIST_MAX);
	require((n == 0) == (list == NULL));
	for (size_t i = 0; i < n; i++) {
		struct span s = span_str(list[i].addr);

		require(s.n > 0 && s.n <= ADDR_MAX);
		for (size_t k = 0; k < s.n; k++)
			require(s.p[k] >= 0x20 && s.p[k] != 0x7f);
		require_line(span_str(list[i].name));
	}
	require(strcmp(addr_first(in, a), n > 0 ? list[0].addr : "") == 0);
}

static void
fuzz_split(struct span in)
{
	struct span local, domain;

	if (!addr_split(in, &local, &domain)) {
		require(span_eq(local, in) && domain.n == 0);
		require(!addr_valid(in));
		return;
	}
	require(local.n > 0 && domain.n > 0);
	require(local.p == in.p);
	require(domain.p == in.p + local.n + 1);
	require(local.n + 1 + domain.n == in.n);
	require(in.p[local.n] == '@');
}

/* "Name <addr>, addr" and a group. */
static void
fuzz_valid(struct span in, struct arena *a)
{
	const char *want = addr_lower_domain(in, a);
	struct addr *list;
	struct buf b;
	size_t n;

	require(in.n <= MAILBOX_MAX);
	buf_init(&b, FIELD_MAX);
	buf_puts(&b, "\"A, B\" <");
	buf_puts_span(&b, in);
	buf_puts(&b, ">,\r\n g: ");
	buf_puts_span(&b, in);
	buf_puts(&b, ";");
	n = addr_list(buf_span(&b), &list, a);
	require(n == 2);
	require(strcmp(list[0].addr, want) == 0);
	require(strcmp(list[0].name, "A, B") == 0);
	require(strcmp(list[1].addr, want) == 0);
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	struct arena a;

	if (size > IN_MAX)
		return 0;
	arena_init(&a, ARENA_MAX);
	fuzz_list(in, &a);
	fuzz_split(in);
	addr_valid_domain(in);
	if (addr_valid(in))
		fuzz_valid(in, &a);
	arena_free(&a);
	return 0;
}
