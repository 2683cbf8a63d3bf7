/*
 * Arguments of MAIL, RCPT and XFORWARD. In before-queue mode Postfix repeats
 * the client's command verbatim, so what Postfix lets pass by default is taken
 * here too: blanks behind "FROM:", a path without angle brackets, an address
 * without domain, an unquoted local part with dots in odd places.
 */
#include "lib/mail/smtp.h"

#include <arpa/inet.h>
#include "lib/base/str.h"
#include "lib/mail/utf8.h"

enum {
	PATH_MAX_BYTES = 1024,	/* RFC 5321: 256; UTF-8 makes it longer */
	PARAM_MAX_BYTES = 1024,	/* ORCPT of a UTF-8 address in xtext */
	XFORWARD_MAX_BYTES = 255,
};

static bool
refuse(struct smtp_reply *r, int code, const char *text)
{
	smtp_reply_set(r, code, "%s", text);
	return false;
}

static bool
refuse_memory(struct smtp_reply *r)
{
	return refuse(r, 452, "4.3.1 Out of memory for this message");
}

static bool
is_control(unsigned char c)
{
	return c < 0x20 || c == 0x7f;
}

/* Bytes of an unquoted local part: atext, dots, UTF-8. */
static bool
is_local(unsigned char c)
{
	return c > ' ' && c != 0x7f && strchr("()<>[]:;@\\,\"", c) == NULL;
}

static bool
is_domain(unsigned char c)
{
	return c >= 0x80 || ascii_isdigit(c) || c == '-' || c == '.' ||
	    c == '_' || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

/* Behind the local part that starts at off; off itself when it is none. */
static size_t
local_part(struct span s, size_t off)
{
	size_t i = off;

	if (i >= s.n || s.p[i] != '"') {
		while (i < s.n && is_local(s.p[i]))
			i++;
		return i;
	}
	for (i++; i < s.n && s.p[i] != '"'; i++) {
		if (s.p[i] == '\\')
			i++;
		if (i >= s.n || is_control(s.p[i]))
			return off;
	}
	return i < s.n ? i + 1 : off;
}

/* Behind the domain or address literal that starts at off; off: none. */
static size_t
domain(struct span s, size_t off)
{
	size_t i = off;

	if (i < s.n && s.p[i] == '[') {
		for (i++; i < s.n && s.p[i] != ']'; i++)
			if (!is_domain(s.p[i]) && s.p[i] != ':')
				return off;
		return i < s.n ? i + 1 : off;
	}
	while (i < s.n && is_domain(s.p[i]))
		i++;
	return i;
}

/* Behind "@one,@two:", which RFC 5321 says to drop. */
static size_t
source_route(struct span s, size_t off)
{
	size_t i = off;

	while (i < s.n && s.p[i] == '@') {
		size_t end = domain(s, i + 1);

		if (end == i + 1 || end >= s.n)
			return off;
		i = end + 1;
		if (s.p[end] == ':')
			return i;
		if (s.p[end] != ',')
			return off;
	}
	return off;
}

/*
 * Takes a path from the front of *args: its mailbox into *mailbox, what
 * follows stays in *args. False: not a path.
 */
static bool
path_take(struct span *args, struct span *mailbox)
{
	struct span s = *args;
	bool angle = s.n > 0 && s.p[0] == '<';
	size_t start = source_route(s, angle ? 1 : 0);
	size_t end = local_part(s, start), local_end = end;

	if (end < s.n && s.p[end] == '@') {
		end = domain(s, end + 1);
		if (end == local_end + 1 || local_end == start)
			return false;
	}
	*mailbox = span_sub(s, start, end - start);
	/* Only "<>" is the null path: no "", no "<@route:>". */
	if (mailbox->n > PATH_MAX_BYTES || (mailbox->n == 0 &&
	    !(angle && start == 1)))
		return false;
	if (angle && (end >= s.n || s.p[end++] != '>'))
		return false;
	if (end < s.n && s.p[end] != ' ')
		return false;
	*args = span_sub(s, end, s.n);
	return utf8_valid(*mailbox);
}

bool
smtp_addr_valid(const char *addr)
{
	struct span s = span_str(addr), mailbox;

	return path_take(&s, &mailbox) && s.n == 0 &&
	    mailbox.n == strlen(addr) && addr[0] != '<';
}

/* "FROM:" or "TO:", then blanks, then the path. */
static bool
address_take(struct span *args, const char *keyword, struct span *mailbox)
{
	if (!span_iprefix(*args, keyword))
		return false;
	*args = span_sub(*args, strlen(keyword), args->n);
	while (args->n > 0 && args->p[0] == ' ')
		*args = span_sub(*args, 1, args->n);
	return path_take(args, mailbox);
}

struct param {
	struct span name;
	struct span value;
	bool has_value;
};

/* Next blank-separated NAME[=VALUE]; false at the end of the line. */
static bool
param_take(struct span *args, struct param *p)
{
	size_t end, eq;

	while (args->n > 0 && args->p[0] == ' ')
		*args = span_sub(*args, 1, args->n);
	if (args->n == 0)
		return false;
	end = span_chr(*args, 0, ' ');
	p->name = span_sub(*args, 0, end);
	eq = span_chr(p->name, 0, '=');
	p->has_value = eq < p->name.n;
	p->value = span_sub(p->name, eq + 1, p->name.n);
	p->name.n = eq;
	*args = span_sub(*args, end, args->n);
	return true;
}

/* A value that may travel on: something, printable, UTF-8, bounded. */
static bool
param_printable(const struct param *p)
{
	if (p->value.n == 0 || p->value.n > PARAM_MAX_BYTES)
		return false;
	for (size_t i = 0; i < p->value.n; i++)
		if (is_control(p->value.p[i]))
			return false;
	return utf8_valid(p->value);
}

enum param_result { PARAM_OK, PARAM_UNKNOWN, PARAM_BAD, PARAM_MEMORY };

/* Keeps a value once. */
static enum param_result
param_keep(const struct param *p, const char **dst, struct arena *a)
{
	if (**dst != '\0' || !param_printable(p))
		return PARAM_BAD;
	*dst = arena_strndup(a, p->value);
	return *dst == NULL ? PARAM_MEMORY : PARAM_OK;
}

static bool
param_refuse(enum param_result res, struct smtp_reply *r)
{
	switch (res) {
	case PARAM_UNKNOWN:
		return refuse(r, 555, "5.5.4 Unsupported parameter");
	case PARAM_MEMORY:
		return refuse_memory(r);
	default:
		return refuse(r, 501, "5.5.4 Bad parameter value");
	}
}

static enum param_result
mail_param(const struct param *p, struct envelope *env, uint64_t *size_r,
    struct arena *a)
{
	int64_t size;

	if (span_ieqs(p->name, "SIZE")) {
		if (!str_num(p->value, 0, INT64_MAX, &size))
			return PARAM_BAD;
		*size_r = (uint64_t)size;
		return PARAM_OK;
	}
	if (span_ieqs(p->name, "BODY")) {
		env->body_8bit = span_ieqs(p->value, "8BITMIME");
		return env->body_8bit || span_ieqs(p->value, "7BIT")
		    ? PARAM_OK : PARAM_BAD;
	}
	if (span_ieqs(p->name, "SMTPUTF8")) {
		env->smtputf8 = true;
		return p->has_value ? PARAM_BAD : PARAM_OK;
	}
	if (span_ieqs(p->name, "RET")) {
		if (!span_ieqs(p->value, "FULL") && !span_ieqs(p->value, "HDRS"))
			return PARAM_BAD;
		return param_keep(p, &env->ret, a);
	}
	if (span_ieqs(p->name, "ENVID"))
		return param_keep(p, &env->envid, a);
	return PARAM_UNKNOWN;
}

bool
smtp_parse_mail(struct span args, struct envelope *env, uint64_t *size_r,
    struct arena *a, struct smtp_reply *r)
{
	struct envelope e = *env;
	struct span mailbox;
	struct param p;

	*size_r = 0;
	e.body_8bit = e.smtputf8 = false;
	e.ret = e.envid = "";
	if (!address_take(&args, "FROM:", &mailbox))
		return refuse(r, 501, "5.1.7 Bad sender address syntax");
	while (param_take(&args, &p)) {
		enum param_result res = mail_param(&p, &e, size_r, a);

		if (res != PARAM_OK)
			return param_refuse(res, r);
	}
	e.sender = arena_strndup(a, mailbox);
	if (e.sender == NULL)
		return refuse_memory(r);
	/* UTF-8 without SMTPUTF8: Postfix takes it (strict_smtputf8 = no) and
	 * passes it on as it came; refusing here would make it a bounce. */
	*env = e;
	return true;
}

/* NEVER, or SUCCESS, FAILURE, DELAY separated by commas (RFC 3461 4.1). */
static bool
notify_valid(struct span s)
{
	if (span_ieqs(s, "NEVER"))
		return true;
	for (;;) {
		size_t end = span_chr(s, 0, ',');
		struct span word = span_sub(s, 0, end);

		if (!span_ieqs(word, "SUCCESS") && !span_ieqs(word, "FAILURE") &&
		    !span_ieqs(word, "DELAY"))
			return false;
		if (end == s.n)
			return true;
		s = span_sub(s, end + 1, s.n);
	}
}

static enum param_result
rcpt_param(const struct param *p, struct recipient *rcpt, struct arena *a)
{
	if (span_ieqs(p->name, "NOTIFY")) {
		if (!notify_valid(p->value))
			return PARAM_BAD;
		return param_keep(p, &rcpt->notify, a);
	}
	if (span_ieqs(p->name, "ORCPT")) {
		size_t semi = span_chr(p->value, 0, ';');

		/* "type;address", neither empty. */
		if (semi == 0 || semi + 1 >= p->value.n)
			return PARAM_BAD;
		return param_keep(p, &rcpt->orcpt, a);
	}
	return PARAM_UNKNOWN;
}

bool
smtp_parse_rcpt(struct span args, struct recipient *rcpt, struct arena *a,
    struct smtp_reply *r)
{
	struct recipient to = {.notify = "", .orcpt = ""};
	struct span mailbox;
	struct param p;

	if (!address_take(&args, "TO:", &mailbox) || mailbox.n == 0)
		return refuse(r, 501, "5.1.3 Bad recipient address syntax");
	while (param_take(&args, &p)) {
		enum param_result res = rcpt_param(&p, &to, a);

		if (res != PARAM_OK)
			return param_refuse(res, r);
	}
	to.addr = arena_strndup(a, mailbox);
	if (to.addr == NULL)
		return refuse_memory(r);
	*rcpt = to;
	return true;
}

static int
hex_digit(unsigned char c)
{
	if (ascii_isdigit(c))
		return c - '0';
	c = (unsigned char)ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * Decodes xtext into the arena. NULL: not xtext, too long, or control bytes
 * in it; or, with the arena full, no memory. Bytes that are no UTF-8 (a HELO
 * name may hold anything) become '?': refusing the command would cost us the
 * queue id, too.
 */
static char *
xtext_decode(struct span s, struct arena *a)
{
	char text[XFORWARD_MAX_BYTES + 1];
	struct span out = span_of(text, 0);
	uint32_t cp;

	for (size_t i = 0; i < s.n; i++) {
		int c = s.p[i];

		if (c == '+') {
			int hi = i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1;
			int lo = i + 2 < s.n ? hex_digit(s.p[i + 2]) : -1;

			if (hi < 0 || lo < 0)
				return NULL;
			c = hi << 4 | lo;
			i += 2;
		}
		if (is_control((unsigned char)c) || out.n == XFORWARD_MAX_BYTES)
			return NULL;
		text[out.n++] = (char)c;
	}
	for (size_t i = 0, n; i < out.n; i += n ? n : 1) {
		n = utf8_next(out, i, &cp);
		if (n == 0)
			text[i] = '?';
	}
	return arena_strndup(a, out);
}

/* An IP address, without the "IPV6:" that XFORWARD puts before IPv6 ones. */
static const char *
xforward_addr(const char *v)
{
	unsigned char bin[sizeof(struct in6_addr)];

	if (span_iprefix(span_str(v), "IPV6:"))
		v += strlen("IPV6:");
	if (*v == '\0' || inet_pton(AF_INET, v, bin) == 1 ||
	    inet_pton(AF_INET6, v, bin) == 1)
		return v;
	return NULL;
}

static const char *
xforward_port(const char *v)
{
	int64_t port;

	return *v == '\0' || str_num(span_str(v), 0, UINT16_MAX, &port)
	    ? v : NULL;
}

/* Queue ids travel into logs, keys and file names: plain characters only. */
static const char *
xforward_ident(const char *v)
{
	for (const char *c = v; *c != '\0'; c++) {
		int l = ascii_lower((unsigned char)*c);

		if (!ascii_isdigit(l) && (l < 'a' || l > 'z') && l != '-' &&
		    l != '_')
			return NULL;
	}
	return v;
}

static const char *
xforward_source(const char *v)
{
	struct span s = span_str(v);

	if (s.n == 0)
		return v;
	return span_ieqs(s, "LOCAL") ? "LOCAL"
	    : span_ieqs(s, "REMOTE") ? "REMOTE" : NULL;
}

static const struct {
	const char *name;
	size_t member;		/* offset in struct envelope */
	/* Checks and normalizes; NULL = any text. */
	const char *(*check)(const char *);
} xforward_attrs[] = {
	{"NAME", offsetof(struct envelope, client_name), NULL},
	{"ADDR", offsetof(struct envelope, client_addr), xforward_addr},
	{"PORT", offsetof(struct envelope, client_port), xforward_port},
	{"PROTO", offsetof(struct envelope, client_proto), NULL},
	{"HELO", offsetof(struct envelope, client_helo), NULL},
	{"IDENT", offsetof(struct envelope, queue_id), xforward_ident},
	{"SOURCE", offsetof(struct envelope, client_source), xforward_source},
};

static enum param_result
xforward_param(const struct param *p, struct envelope *env, struct arena *a)
{
	for (size_t i = 0; i < sizeof(xforward_attrs) / sizeof(xforward_attrs[0]);
	    i++) {
		const char *v;

		if (!span_ieqs(p->name, xforward_attrs[i].name))
			continue;
		v = xtext_decode(p->value, a);
		if (v == NULL)
			return arena_full(a) ? PARAM_MEMORY : PARAM_BAD;
		if (span_ieqs(span_str(v), "[UNAVAILABLE]") ||
		    span_ieqs(span_str(v), "[TEMPUNAVAIL]"))
			v = "";
		if (xforward_attrs[i].check != NULL)
			v = xforward_attrs[i].check(v);
		if (v == NULL)
			return PARAM_BAD;
		*(const char **)((char *)env + xforward_attrs[i].member) = v;
		return PARAM_OK;
	}
	return PARAM_BAD;
}

bool
smtp_parse_xforward(struct span args, struct envelope *env, struct arena *a,
    struct smtp_reply *r)
{
	struct envelope e = *env;
	struct param p;
	size_t n = 0;

	for (; param_take(&args, &p); n++) {
		enum param_result res = p.has_value
		    ? xforward_param(&p, &e, a) : PARAM_BAD;

		if (res == PARAM_MEMORY)
			return refuse_memory(r);
		if (res != PARAM_OK)
			return refuse(r, 501, "5.5.4 Bad XFORWARD attribute");
	}
	if (n == 0)
		return refuse(r, 501, "5.5.4 Syntax: XFORWARD NAME=value ...");
	*env = e;
	return true;
}
