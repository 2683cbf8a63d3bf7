#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "lib/base/buf.h"
#include "lib/mail/mime_magic.h"

#define OOXML "application/vnd.openxmlformats-officedocument."
#define CASE(bytes, type) {{(const unsigned char *)bytes, sizeof(bytes) - 1}, \
    type}

static void
test_types(void **state)
{
	static const struct {
		struct span bytes;
		const char *type;
	} cases[] = {
	    CASE("", NULL),
	    CASE("hello", NULL),
	    CASE("MZ\x90\0\x03\0\0\0", "application/x-ms-dos-executable"),
	    CASE("MZ is short for Mark Z.", NULL),
	    CASE("MZ", NULL),
	    CASE("\x7f" "ELF\x02", "application/x-executable"),
	    CASE("\xca\xfe\xba\xbe\0\0\0\x34", "application/x-java"),
	    CASE("\xca\xfe\xba\xbe\0\0\0\x02", "application/x-executable"),
	    CASE("\xca\xfe\xba\xbe", NULL),
	    CASE("PK\x03\x04\x14\0", "application/zip"),
	    CASE("PK\x05\x06\0\0", "application/zip"),
	    CASE("PK\x03\x04....META-INF/MANIFEST.MF",
	        "application/x-java-archive"),
	    CASE("PK\x03\x04[Content_Types].xml PK\x03\x04word/document.xml",
	        OOXML "wordprocessingml.document"),
	    CASE("PK\x03\x04[Content_Types].xml PK\x03\x04xl/workbook.xml",
	        OOXML "spreadsheetml.sheet"),
	    CASE("PK\x03\x04 my word/list", "application/zip"),
	    CASE("PK\x03\x04....mimetypeapplication/vnd.oasis.opendocument.text"
	         "PK", "application/vnd.oasis.opendocument.text"),
	    CASE("%PDF-1.4", "application/pdf"),
	    CASE("junk\n%PDF-1.4", "application/pdf"),
	    CASE("GIF89a..", "image/gif"),
	    CASE("\x89PNG\r\n\x1a\n", "image/png"),
	    CASE("\xff\xd8\xff\xe0", "image/jpeg"),
	    CASE("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
	    CASE("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1W\0o\0r\0d\0D\0o\0c\0",
	        "application/msword"),
	    CASE("Rar!\x1a\x07\x01\0", "application/x-rar"),
	    CASE("7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
	    CASE("\x1f\x8b\x08", "application/gzip"),
	    CASE("BZh91AY&SY\x01\x02", "application/x-bzip"),
	    CASE("BZh is a band", NULL),
	    CASE("\x5d\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff\0",
	        "application/x-lzma"),
	    CASE("\x5d\0\0\x81\0\xff\xff\xff\xff\xff\xff\xff\xff\0", NULL),
	    CASE("!<arch>\ndebian-binary   ",
	        "application/vnd.debian.binary-package"),
	    CASE("!<arch>\nx/", "application/x-archive"),
	    CASE("\xed\xab\xee\xdb\x03", "application/x-rpm"),
	    CASE("070701000", "application/x-cpio"),
	    CASE("\x16\0-lh5-0123456789abc\x01....", "application/x-lha"),
	    CASE("a -lh5- in a text ......", NULL),
	    CASE("\x60\xea\x28\0\x1e\x07\x01\0\x10\0\x02\0",
	        "application/x-arj"),
	    CASE("\x60\xea\x28\0\x1e\x07\x01\0\x10\0\x03\0", NULL),
	    CASE("RE~^", "application/x-rar"),
	    CASE("LZIP\x01", "application/x-lzip"),
	    CASE("PK\x03\x04..mimetypeapplication/epub+zip",
	        "application/epub+zip"),
	    CASE("<!DOCTYPE HTML>", "text/html"),
	    CASE(" \r\n<!-- x --> <HTML>", "text/html"),
	    CASE("\xef\xbb\xbf<script>", "text/html"),
	    CASE("<!-- never ends", NULL),
	    CASE("<xml/>", NULL),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *got = mime_magic_type(cases[i].bytes);

		if (cases[i].type == NULL ? got != NULL
		        : got == NULL || strcmp(got, cases[i].type) != 0)
			fail_msg("case %zu: %s", i, got ? got : "NULL");
	}
}

static void
test_far_magic(void **state)
{
	unsigned char block[512] = {0};

	(void)state;
	memcpy(block + 257, "ustar", 5);
	assert_string_equal(mime_magic_type(span_of(block, sizeof(block))),
	    "application/x-tar");
	assert_null(mime_magic_type(span_of(block, 260)));
}

/* Tar of before POSIX: only the sum of its header. */
static void
test_old_tar(void **state)
{
	unsigned char block[512] = {0};

	(void)state;
	memcpy(block, "name", 4);
	/* 'n' 'a' 'm' 'e' and eight blanks */
	memcpy(block + 148, "001241\0 ", 8);
	assert_string_equal(mime_magic_type(span_of(block, sizeof(block))),
	    "application/x-tar");
	block[0] ^= 1;
	assert_null(mime_magic_type(span_of(block, sizeof(block))));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_types),
	    cmocka_unit_test(test_far_magic),
	    cmocka_unit_test(test_old_tar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
