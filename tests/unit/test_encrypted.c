/*
 * Encrypted mail is told as encrypted, whatever it calls itself, and signed
 * mail is not. The files of tests/unit/data/openpgp and smime were made by GnuPG
 * and OpenSSL; their keys are gone.
 */
#include "content_fixture.h"

#include <string.h>
#include "lib/base/atomicfile.h"
#include "lib/mail/openpgp.h"
#include "lib/rules/rules.h"
#include "scan/walk.h"

enum { FILE_MAX = 64 * 1024 };

static const struct {
	const char *file;
	enum openpgp_kind kind;
	bool encrypted;
} files[] = {
	{"openpgp/rsa.gpg", OPENPGP_ENCRYPTED, true},
	{"openpgp/curve.gpg", OPENPGP_ENCRYPTED, true},
	{"openpgp/two.gpg", OPENPGP_ENCRYPTED, true},
	{"openpgp/password.gpg", OPENPGP_ENCRYPTED, true},
	{"openpgp/stream.gpg", OPENPGP_ENCRYPTED, true},
	{"openpgp/signed.gpg", OPENPGP_READABLE, false},
	{"openpgp/signed-zlib.gpg", OPENPGP_READABLE, false},
	{"openpgp/signed-bzip2.gpg", OPENPGP_READABLE, false},
	{"openpgp/signed-plain.gpg", OPENPGP_READABLE, false},
	{"openpgp/stored.gpg", OPENPGP_READABLE, false},
	{"openpgp/detached.sig", OPENPGP_NONE, false},
	{"openpgp/key.gpg", OPENPGP_NONE, false},
	{"smime/enveloped.der", OPENPGP_NONE, true},
	{"smime/enveloped-stream.der", OPENPGP_NONE, true},
	{"smime/auth-enveloped.der", OPENPGP_NONE, true},
	{"smime/encrypted-data.der", OPENPGP_NONE, true},
	{"smime/signed.der", OPENPGP_NONE, false},
	{"smime/detached.der", OPENPGP_NONE, false},
	{"smime/digested.der", OPENPGP_NONE, false},
};
static const size_t nfile = sizeof(files) / sizeof(files[0]);

static void
load(const char *name, struct buf *b)
{
	char path[256];
	struct err e;

	snprintf(path, sizeof(path), "tests/unit/data/%s", name);
	buf_init(b, FILE_MAX);
	if (file_read(path, b, &e) == -1)
		fail_msg("%s", e.text);
}

static void
put_base64(struct buf *out, struct span in)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < in.n; i += 3) {
		size_t n = in.n - i;
		unsigned v = (unsigned)in.p[i] << 16 |
		    (n > 1 ? (unsigned)in.p[i + 1] << 8 : 0) |
		    (n > 2 ? in.p[i + 2] : 0);

		buf_putc(out, digits[v >> 18]);
		buf_putc(out, digits[v >> 12 & 63]);
		buf_putc(out, n > 1 ? digits[v >> 6 & 63] : '=');
		buf_putc(out, n > 2 ? digits[v & 63] : '=');
		if (i % 48 == 45)
			buf_puts(out, "\r\n");
	}
	buf_puts(out, "\r\n");
}

static void
put_armor(struct buf *out, struct span in)
{
	buf_puts(out, "-----BEGIN PGP MESSAGE-----\r\nComment: x\r\n\r\n");
	put_base64(out, in);
	buf_puts(out, "=AbCd\r\n-----END PGP MESSAGE-----\r\n");
}

/* Whether the rules see something encrypted in the mail. */
static bool
is_encrypted(struct span mail)
{
	struct reading_of r = content_read(mail);
	struct facts f = {.mime = r.m};
	unsigned flags = 0;

	assert_true(facts_need_content(r.m));
	assert_true(facts_from_content(&f, &r.list, buf_span(&r.out), &arena));
	for (size_t i = 0; i < f.ninside; i++)
		flags |= f.inside[i].flags;
	content_done(&r);
	setup(NULL);
	return (flags & INSIDE_ENCRYPTED) != 0;
}

static void
test_attached(void **state)
{
	static const char *const types[] = {"application/octet-stream",
	    "application/pkcs7-mime; smime-type=signed-data", "text/plain",
	    "application/pdf; name=a.pdf"};

	(void)state;
	for (size_t i = 0; i < nfile; i++)
		for (size_t k = 0; k < sizeof(types) / sizeof(types[0]); k++) {
			struct buf file, mail;

			load(files[i].file, &file);
			buf_init(&mail, FILE_MAX);
			buf_printf(&mail, "Content-Type: %s\r\nContent-"
			    "Transfer-Encoding: base64\r\n\r\n", types[k]);
			put_base64(&mail, buf_span(&file));
			if (is_encrypted(buf_span(&mail)) !=
			    files[i].encrypted)
				fail_msg("%s as %s", files[i].file, types[k]);
			buf_free(&mail);
			buf_free(&file);
		}
}

static void
test_inline(void **state)
{
	(void)state;
	for (size_t i = 0; i < nfile; i++) {
		struct buf file, mail;

		load(files[i].file, &file);
		assert_int_equal(openpgp_kind_of(buf_span(&file)),
		    files[i].kind);
		buf_init(&mail, FILE_MAX);
		buf_puts(&mail, "Subject: x\r\n\r\nHello,\r\n\r\n");
		put_armor(&mail, buf_span(&file));
		buf_puts(&mail, "Bye\r\n");
		/* Other things are no message, whatever stands around them. */
		if (is_encrypted(buf_span(&mail)) !=
		    (files[i].kind != OPENPGP_READABLE))
			fail_msg("%s", files[i].file);
		buf_free(&mail);
		buf_free(&file);
	}
}

/* Cut anywhere, encrypted mail never becomes readable. */
static void
test_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < nfile; i++) {
		struct buf file;

		load(files[i].file, &file);
		for (size_t n = 0; n < file.n; n++) {
			enum openpgp_kind k = openpgp_kind_of(
			    span_sub(buf_span(&file), 0, n));

			assert_true(k == OPENPGP_NONE || k == files[i].kind);
		}
		buf_free(&file);
	}
}

static void
test_mails(void **state)
{
	static const struct {
		const char *mail;
		bool encrypted;
	} mails[] = {
		{"Content-Type: multipart/encrypted; boundary=b; protocol="
		"\"application/pgp-encrypted\"\n\n--b\nContent-Type: "
		"application/pgp-encrypted\n\nVersion: 1\n\n--b\nContent-Type:"
		" application/octet-stream\n\nwhatever\n--b--\n", true},
		{"Content-Type: multipart/signed; boundary=b; protocol="
		"\"application/pgp-signature\"\n\n--b\n\nhello\n--b\n"
		"Content-Type: application/pgp-signature\n\n"
		"-----BEGIN PGP SIGNATURE-----\n\niQEzBAAB\n=AbCd\n"
		"-----END PGP SIGNATURE-----\n--b--\n", false},
		{"Content-Type: text/plain; name=x.asc\n\n"
		"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQENBAAB\n=AbCd\n"
		"-----END PGP PUBLIC KEY BLOCK-----\n", false},
		{"Content-Type: text/plain; name=x.asc\n\n"
		"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nhello\n"
		"-----BEGIN PGP SIGNATURE-----\n\niQEzBAAB\n=AbCd\n"
		"-----END PGP SIGNATURE-----\n", false},
		{"Content-Type: text/plain; name=x\n\n> -----BEGIN PGP MESSAGE"
		"-----\n> \n> hQEMA\n", false},
		{"Subject: x\n\n-----BEGIN PGP MESSAGE-----\n\nQUJDREVGRw==\n"
		"-----END PGP MESSAGE-----\n", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(mails) / sizeof(mails[0]); i++)
		if (is_encrypted(span_str(mails[i].mail)) !=
		    mails[i].encrypted)
			fail_msg("%s", mails[i].mail);
}

struct walked {
	unsigned flags;		/* of the file itself */
	bool hello;
};

static void
see(void *arg, const struct walk_entry *e)
{
	struct walked *w = arg;

	if (e->depth == 0)
		w->flags = e->flags;
	else
		w->hello |= span_find(e->content, 0,
		    SPAN_LIT("hello from within")) != SIZE_MAX;
}

/* What is readable in an OpenPGP message is read, also in armor. */
static void
test_walk(void **state)
{
	(void)state;
	for (size_t i = 0; i < nfile; i++)
		for (int armored = 0; armored < 2; armored++) {
			struct walked w = {0};
			struct buf file, b;

			if (armored && files[i].kind == OPENPGP_NONE)
				continue;
			load(files[i].file, &file);
			buf_init(&b, FILE_MAX);
			if (armored)
				put_armor(&b, buf_span(&file));
			else
				buf_puts_span(&b, buf_span(&file));
			walk(buf_span(&b), "", &walk_limits_default, see, &w);
			if (((w.flags & WALK_ENCRYPTED) != 0) !=
			    files[i].encrypted ||
			    (w.flags & WALK_UNREADABLE) != 0 ||
			    w.hello != (files[i].kind == OPENPGP_READABLE))
				fail_msg("%s: %x", files[i].file, w.flags);
			buf_free(&b);
			buf_free(&file);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_attached, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_inline, setup, teardown),
	    cmocka_unit_test(test_cut),
	    cmocka_unit_test_setup_teardown(test_mails, setup, teardown),
	    cmocka_unit_test(test_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
