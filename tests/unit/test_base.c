#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/str.h"

static void
puts_and_grows(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000000);
	assert_null(b.p);
	assert_string_equal(buf_cstr(&b), "");
	for (int i = 0; i < 100000; i++)
		buf_putc(&b, 'a' + i % 26);
	assert_int_equal(b.n, 100000);
	assert_int_equal(b.p[99999], 'a' + 99999 % 26);
	assert_false(b.overflow);
	buf_reset(&b);
	assert_int_equal(b.n, 0);
	buf_puts(&b, "hello ");
	buf_puts_span(&b, SPAN_LIT("world"));
	assert_string_equal(buf_cstr(&b), "hello world");
	assert_int_equal(b.n, 11);
	buf_put(&b, NULL, 0);
	assert_int_equal(b.n, 11);
	buf_free(&b);
	assert_null(b.p);
	buf_puts(&b, "again");
	assert_string_equal(buf_cstr(&b), "again");
	buf_free(&b);
}

static void
stops_at_its_maximum(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4);
	buf_puts(&b, "abcd");
	assert_false(b.overflow);
	buf_putc(&b, 'e');
	assert_true(b.overflow);
	assert_string_equal(buf_cstr(&b), "abcd");
	/* After a gap nothing more is added, even if it would fit. */
	buf_put(&b, "", 0);
	assert_int_equal(b.n, 4);
	buf_reset(&b);
	assert_false(b.overflow);
	buf_puts(&b, "abcde");
	assert_true(b.overflow);
	assert_int_equal(b.n, 0);
	buf_putc(&b, 'x');
	assert_int_equal(b.n, 0);
	buf_reset(&b);
	buf_printf(&b, "%d", 12345);
	assert_true(b.overflow);
	assert_string_equal(buf_cstr(&b), "");
	buf_reset(&b);
	buf_printf(&b, "%d", 1234);
	assert_false(b.overflow);
	assert_string_equal(buf_cstr(&b), "1234");
	buf_free(&b);
	buf_init(&b, 0);
	buf_putc(&b, 'x');
	assert_true(b.overflow);
	assert_string_equal(buf_cstr(&b), "");
	buf_free(&b);
}

static void
integers_are_big_endian(void **state)
{
	static const unsigned char want[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
	    12, 13, 14, 15, 0, 0, 0, 2, 'h', 'i', 0, 0, 0, 0};
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	buf_u8(&b, 1);
	buf_u16(&b, 0x0203);
	buf_u32(&b, 0x04050607);
	buf_u64(&b, UINT64_C(0x08090a0b0c0d0e0f));
	buf_lps(&b, "hi");
	buf_lps(&b, NULL);
	assert_int_equal(b.n, sizeof(want));
	assert_memory_equal(b.p, want, sizeof(want));
	buf_set_u32(&b, 0, 0xfffefdfc);
	assert_memory_equal(b.p, "\xff\xfe\xfd\xfc\x05", 5);
	/* Outside of what was written: nothing. */
	buf_set_u32(&b, b.n - 3, 0);
	buf_set_u32(&b, SIZE_MAX, 0);
	assert_memory_equal(b.p + 4, want + 4, sizeof(want) - 4);
	buf_free(&b);
}

static void
cursor_reads_what_buf_wrote(void **state)
{
	struct buf b;
	struct cursor c;

	(void)state;
	buf_init(&b, 100);
	buf_u8(&b, 0xff);
	buf_u16(&b, 0xfffe);
	buf_u32(&b, 0xfffffffd);
	buf_u64(&b, UINT64_MAX - 3);
	buf_lps(&b, "text");
	buf_put(&b, "raw", 3);
	c = cur_of(buf_span(&b));
	assert_int_equal(cur_u8(&c), 0xff);
	assert_int_equal(cur_u16(&c), 0xfffe);
	assert_int_equal(cur_u32(&c), 0xfffffffd);
	assert_true(cur_u64(&c) == UINT64_MAX - 3);
	assert_true(span_eq(cur_lp(&c), SPAN_LIT("text")));
	assert_int_equal(cur_left(&c), 3);
	assert_false(cur_done(&c));
	assert_true(span_eq(cur_take(&c, 3), SPAN_LIT("raw")));
	assert_true(cur_done(&c));
	buf_free(&b);
}

static void
cursor_error_sticks(void **state)
{
	struct cursor c = cur_of(SPAN_LIT("\0\1\2"));

	(void)state;
	assert_int_equal(cur_u32(&c), 0);
	assert_false(cur_ok(&c));
	/* Three bytes would still be there. */
	assert_int_equal(cur_u8(&c), 0);
	assert_int_equal(cur_take(&c, 1).n, 0);
	assert_int_equal(cur_take(&c, 0).n, 0);
	assert_int_equal(cur_left(&c), 0);
	assert_false(cur_done(&c));
	/* A length past the end. */
	c = cur_of(SPAN_LIT("\0\0\0\5abcd"));
	assert_int_equal(cur_lp(&c).n, 0);
	assert_false(cur_ok(&c));
	c = cur_of(SPAN_LIT("\xff\xff\xff\xff"));
	assert_int_equal(cur_lp(&c).n, 0);
	assert_false(cur_ok(&c));
	c = cur_of(SPAN_LIT("abc"));
	assert_int_equal(cur_take(&c, SIZE_MAX).n, 0);
	assert_false(cur_ok(&c));
	/* Nothing of nothing is no error (nor undefined behaviour). */
	c = cur_of(span_of(NULL, 0));
	assert_int_equal(cur_take(&c, 0).n, 0);
	assert_true(cur_done(&c));
	assert_int_equal(cur_u8(&c), 0);
	assert_false(cur_ok(&c));
}

static void
span_parts(void **state)
{
	struct span s = SPAN_LIT("hello");

	(void)state;
	assert_true(span_eq(span_sub(s, 1, 3), SPAN_LIT("ell")));
	assert_true(span_eq(span_sub(s, 1, SIZE_MAX), SPAN_LIT("ello")));
	assert_int_equal(span_sub(s, 5, 1).n, 0);
	assert_int_equal(span_sub(s, SIZE_MAX, 1).n, 0);
	assert_int_equal(span_sub(span_of(NULL, 0), 3, 3).n, 0);
	assert_int_equal(span_str(NULL).n, 0);
	assert_true(span_eq(span_trim(SPAN_LIT(" \t\r\n a b \r\n")),
	    SPAN_LIT("a b")));
	assert_int_equal(span_trim(SPAN_LIT(" \t\r\n")).n, 0);
	assert_int_equal(span_trim(SPAN_LIT("\0")).n, 1);
}

static void
span_comparisons(void **state)
{
	(void)state;
	assert_true(span_eq(span_of(NULL, 0), SPAN_LIT("")));
	assert_false(span_eq(SPAN_LIT("a"), SPAN_LIT("A")));
	assert_false(span_eq(SPAN_LIT("a"), SPAN_LIT("ab")));
	assert_true(span_ieqs(SPAN_LIT("Content-TYPE"), "content-type"));
	assert_false(span_ieqs(SPAN_LIT("a"), "ab"));
	/* ASCII only: no locale, no Latin-1, and not the neighbours of A-Z. */
	assert_false(span_ieqs(SPAN_LIT("\xc4"), "\xe4"));
	assert_false(span_ieqs(SPAN_LIT("@["), "`{"));
	assert_true(span_ieq(SPAN_LIT("a\0b"), SPAN_LIT("A\0B")));
	assert_false(span_ieq(SPAN_LIT("a\0b"), SPAN_LIT("A\0C")));
	assert_true(span_iprefix(SPAN_LIT("MAIL FROM:<>"), "mail from:"));
	assert_false(span_iprefix(SPAN_LIT("MAI"), "mail"));
	assert_true(span_iprefix(SPAN_LIT(""), ""));
}

static void
span_searches(void **state)
{
	struct span s = SPAN_LIT("abcabc");

	(void)state;
	assert_int_equal(span_chr(s, 0, 'c'), 2);
	assert_int_equal(span_chr(s, 3, 'c'), 5);
	assert_int_equal(span_chr(s, 0, 'x'), 6);
	assert_int_equal(span_chr(s, 100, 'a'), 6);
	assert_int_equal(span_chr(span_of(NULL, 0), 0, 'a'), 0);
	assert_int_equal(span_find(s, 0, SPAN_LIT("ca")), 2);
	assert_int_equal(span_find(s, 1, SPAN_LIT("abc")), 3);
	assert_true(span_find(s, 4, SPAN_LIT("abc")) == SIZE_MAX);
	assert_true(span_find(s, 7, SPAN_LIT("")) == SIZE_MAX);
	assert_int_equal(span_find(s, 6, SPAN_LIT("")), 6);
	assert_true(span_find(span_of(NULL, 0), 0, s) == SIZE_MAX);
}

static void
arena_gives_zeroed_aligned_memory(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a, 10 * 1024 * 1024);
	for (size_t n = 0; n < 3000; n++) {
		unsigned char *p = arena_alloc(&a, n);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, n);
	}
	assert_false(arena_full(&a));
	arena_free(&a);
	assert_null(a.head);
	assert_int_equal(a.used, 0);
	assert_string_equal(arena_strdup(&a, "abc"), "abc");
	assert_string_equal(arena_strndup(&a, SPAN_LIT("abcdef")), "abcdef");
	assert_string_equal(arena_strndup(&a, span_of(NULL, 0)), "");
	arena_free(&a);
}

static void
arena_stops_at_its_maximum(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a, 1024);
	assert_non_null(arena_alloc(&a, 1008));
	assert_non_null(arena_alloc(&a, 16));
	assert_false(arena_full(&a));
	assert_null(arena_alloc(&a, 1));
	assert_true(arena_full(&a));
	assert_null(arena_strdup(&a, ""));
	arena_free(&a);
	assert_false(arena_full(&a));
	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_true(arena_full(&a));
	arena_free(&a);
	assert_null(arena_array(&a, SIZE_MAX / 2, 3));
	assert_true(arena_full(&a));
	arena_free(&a);
	assert_non_null(arena_array(&a, 0, 8));
	assert_non_null(arena_array(&a, 8, 0));
	assert_non_null(arena_array(&a, 8, 8));
	arena_free(&a);
}

/* Large ones do not displace the block in use, once it has no room. */
static void
arena_fills_its_block(void **state)
{
	unsigned char *first;
	struct arena a;

	(void)state;
	arena_init(&a, 64 * 1024 * 1024);
	first = arena_alloc(&a, 112);
	assert_ptr_equal(arena_alloc(&a, 20000), first + 112);
	for (int i = 0; i < 100; i++)
		memset(arena_alloc(&a, 20000), 0xff, 20000);
	assert_ptr_equal(arena_alloc(&a, 16), first + 20112);
	arena_free(&a);
}

static void
numbers(void **state)
{
	static const char *const bad[] = {"", "-", "+1", " 1", "1 ", "0x1",
	    "1.0", "1e3", "--1", "99999999999999999999", "\xd9\xa1", "101",
	    "-6"};
	int64_t v = 42;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(str_num(span_str(bad[i]), -5, 100, &v));
		assert_int_equal(v, 42);
	}
	assert_true(str_num(SPAN_LIT("100"), -5, 100, &v) && v == 100);
	assert_true(str_num(SPAN_LIT("-5"), -5, 100, &v) && v == -5);
	assert_true(str_num(SPAN_LIT("007"), -5, 100, &v) && v == 7);
	assert_true(str_num(SPAN_LIT("-0"), -5, 100, &v) && v == 0);
	assert_true(str_num(SPAN_LIT("999999999999999999"), 0, INT64_MAX, &v));
	assert_true(v == INT64_C(999999999999999999));
	assert_false(str_num(SPAN_LIT("1\0"), 0, 100, &v));
}

static void
copies(void **state)
{
	char dst[4] = "xxx", text[] = "AbZ\xc4[@";

	(void)state;
	assert_true(str_copy(dst, sizeof(dst), "abc"));
	assert_string_equal(dst, "abc");
	assert_false(str_copy(dst, sizeof(dst), "defg"));
	assert_string_equal(dst, "def");
	assert_false(str_copy(dst, 1, "x"));
	assert_string_equal(dst, "");
	assert_true(str_copy(dst, 1, ""));
	assert_false(str_copy(dst, 0, "x"));
	str_lower(text);
	assert_string_equal(text, "abz\xc4[@");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(puts_and_grows),
		cmocka_unit_test(stops_at_its_maximum),
		cmocka_unit_test(integers_are_big_endian),
		cmocka_unit_test(cursor_reads_what_buf_wrote),
		cmocka_unit_test(cursor_error_sticks),
		cmocka_unit_test(span_parts),
		cmocka_unit_test(span_comparisons),
		cmocka_unit_test(span_searches),
		cmocka_unit_test(arena_gives_zeroed_aligned_memory),
		cmocka_unit_test(arena_stops_at_its_maximum),
		cmocka_unit_test(arena_fills_its_block),
		cmocka_unit_test(numbers),
		cmocka_unit_test(copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
