/*
 * A message for the tests of the rules, made by hand: rules see structs, not
 * bytes. And three addresses.
 */
#ifndef PMG_TEST_RULES_MAIL_H
#define PMG_TEST_RULES_MAIL_H

#include "lib/base/str.h"
#include "lib/rules/rules.h"

#define A "a@example.org"
#define B "b@Example.COM"
#define C "c@example.net"

#define FIELD(n, v) {.name = SPAN_LIT_(n), .value = SPAN_LIT_(v)}
#define SPAN_LIT_(s) {(const unsigned char *)(s), sizeof(s) - 1}

static struct mime_field top_fields[] = {
	FIELD("From", " a@example.org"),
	FIELD("Subject", " =?utf-8?q?J=C3=BCrgens?=\r\n invoice"),
	FIELD("X-Twice", " one"),
	FIELD("X-Twice", " two"),
};
static struct mime_field inner_fields[] = {
	FIELD("Subject", " inner subject"),
};
static const char *alt_names[] = {"picture.vbs", "C:\\temp/evil.js"};

/* Text, a program, a picture with a second name, and a mail inside. */
static struct mime_part mixed[7];
static struct mime_part *mixed_list[7];
static const char *const mixed_magic[7] = {[4] = "application/x-dosexec"};
static struct mime mixed_mail = {.part = mixed_list, .npart = 7};

static void
set_part(size_t i, size_t parent, const char *type, const char *subtype,
    const char *filename)
{
	struct mime_part *p = &mixed[i];

	*p = (struct mime_part){.index = i, .type = type, .subtype = subtype,
		.charset = "", .disposition = "", .filename = filename};
	mixed_list[i] = p;
	if (i == 0)
		return;
	p->parent = &mixed[parent];
	if (p->parent->child == NULL)
		p->parent->child = p;
}

static int
setup_mail(void **state)
{
	(void)state;
	set_part(0, 0, "multipart", "mixed", NULL);
	set_part(1, 0, "text", "plain", NULL);
	set_part(2, 0, "application", "octet-stream", "Setup.EXE");
	set_part(3, 0, "image", "png", "picture.png");
	set_part(4, 0, "application", "octet-stream", "data.bin");
	set_part(5, 0, "message", "rfc822", NULL);
	set_part(6, 5, "text", "plain", "dots.pif. .");
	mixed[0].field = top_fields;
	mixed[0].nfield = 4;
	mixed[3].alt_name = alt_names;
	mixed[3].nalt_name = 2;
	mixed[6].field = inner_fields;
	mixed[6].nfield = 1;
	return 0;
}

#endif
