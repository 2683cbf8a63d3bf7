#include "lib/config/syntax.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/mail/addr.h"

enum {
	LOCAL_MAX_BYTES = 64,
	IP_MAX_BYTES = 45,
	PATH_MAX_BYTES = 4095,
	TEXT_MAX_BYTES = 2048,
	DNSBL_WEIGHT_MAX = 1000,
};

static bool
is_alnum(int c)
{
	return ascii_isdigit(c) ||
	    (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

/* Every byte is a letter, a digit or in `more`. */
static bool
only(struct span s, const char *more)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_alnum(s.p[i]) &&
		    (s.p[i] == '\0' || strchr(more, s.p[i]) == NULL))
			return false;
	return s.n > 0;
}

bool
syntax_word(struct span s, size_t *pos, const char *separators,
    struct span *word_r)
{
	size_t i = *pos, start;

	while (i < s.n && s.p[i] != '\0' && strchr(separators, s.p[i]))
		i++;
	start = i;
	while (i < s.n && (s.p[i] == '\0' || !strchr(separators, s.p[i])))
		i++;
	*pos = i;
	*word_r = span_sub(s, start, i - start);
	return i > start;
}

bool
valid_domain(struct span s)
{
	return addr_valid_domain(s) && valid_text(s);
}

bool
valid_ip(struct span s, int *family_r)
{
	char text[IP_MAX_BYTES + 1];
	unsigned char addr[16];
	int family = AF_INET;

	if (s.n == 0 || s.n > IP_MAX_BYTES || memchr(s.p, '\0', s.n) != NULL)
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	if (strchr(text, ':') != NULL)
		family = AF_INET6;
	if (inet_pton(family, text, addr) != 1)
		return false;
	if (family_r != NULL)
		*family_r = family;
	return true;
}

/*
 * All-numeric names are refused: "10.0.0" or "10.0.0.256" is a mistyped
 * address, and no public top-level domain is a number.
 */
bool
valid_host(struct span s)
{
	size_t dot = s.n;

	if (valid_ip(s, NULL))
		return true;
	if (!valid_domain(s))
		return false;
	while (dot > 0 && s.p[dot - 1] != '.')
		dot--;
	for (size_t i = dot; i < s.n; i++)
		if (!ascii_isdigit(s.p[i]))
			return true;
	return false;
}

bool
valid_email(struct span s)
{
	size_t at = span_chr(s, 0, '@');

	if (at == 0 || at > LOCAL_MAX_BYTES || at == s.n || !valid_text(s))
		return false;
	for (size_t i = 0; i < at; i++)
		if (s.p[i] == ' ' || strchr("\"\\<>()[],;:", s.p[i]) != NULL)
			return false;
	return valid_domain(span_sub(s, at + 1, s.n));
}

bool
valid_text(struct span s)
{
	struct buf safe;
	size_t slashes = 0;
	bool same;

	if (s.n > TEXT_MAX_BYTES)
		return false;
	/* What log_safe() has to escape has no place in a setting; it only
	 * doubles backslashes, which are harmless. */
	for (size_t i = 0; i < s.n; i++)
		slashes += s.p[i] == '\\';
	buf_init(&safe, 4 * TEXT_MAX_BYTES + 8);
	log_safe(&safe, s, TEXT_MAX_BYTES);
	same = safe.n == s.n + slashes;
	buf_free(&safe);
	return same;
}

static bool
valid_hosts(struct span s)
{
	struct span word;
	size_t pos = 0;

	while (syntax_word(s, &pos, " ,;", &word))
		if (!valid_host(word))
			return false;
	return true;
}

static bool
valid_path(struct span s)
{
	return s.n > 0 && s.n <= PATH_MAX_BYTES && s.p[0] == '/' &&
	    only(s, "/._-+@~");
}

static bool
valid_url(struct span s)
{
	size_t host = span_iprefix(s, "http://") ? 7
	    : span_iprefix(s, "https://") ? 8 : 0;

	return host != 0 && s.n <= TEXT_MAX_BYTES &&
	    only(span_sub(s, host, s.n), "-._~:/?[]@!&'()*+,;=%");
}

/* domain[=filter][*weight]: postscreen_dnsbl_sites of postconf(5). */
static bool
valid_dnsbl_site(struct span s)
{
	size_t star = span_chr(s, 0, '*'), eq = span_chr(s, 0, '=');
	int64_t weight;

	if (star < s.n && !str_num(span_sub(s, star + 1, s.n),
	    -DNSBL_WEIGHT_MAX, DNSBL_WEIGHT_MAX, &weight))
		return false;
	s = span_sub(s, 0, star);
	if (eq < s.n && !only(span_sub(s, eq + 1, s.n), ".[];"))
		return false;
	return valid_domain(span_sub(s, 0, eq < s.n ? eq : s.n));
}

static bool
valid_dnsbl(struct span s)
{
	struct span word;
	size_t pos = 0;

	while (syntax_word(s, &pos, " ,", &word))
		if (!valid_dnsbl_site(word))
			return false;
	return true;
}

static bool
valid_languages(struct span s)
{
	struct span word;
	size_t pos = 0, n = 0;

	for (; syntax_word(s, &pos, " ", &word); n++)
		if (!only(word, ".-") || (word.n < 2 || word.n > 10))
			return false;
	return n > 0;
}

static bool
valid_words(struct span s)
{
	return only(s, " ._-");
}

static const struct syntax {
	const char *name;
	bool (*valid)(struct span s);
	const char *expected;
} syntaxes[] = {
	{"text", valid_text, "one line of printable text"},
	{"host", valid_host, "a host name or an IP address"},
	{"hosts", valid_hosts, "host names or IP addresses"},
	{"email", valid_email, "an e-mail address"},
	{"path", valid_path, "an absolute path without spaces"},
	{"url", valid_url, "a URL that begins with http:// or https://"},
	{"dnsbl", valid_dnsbl, "entries domain[=filter][*weight]"},
	{"languages", valid_languages,
	    "\"all\" or language codes like \"en de\""},
	{"words", valid_words, "names of letters, digits, '.', '_' and '-'"},
};

int
syntax_check(const char *name, struct span s, struct err *e)
{
	for (size_t i = 0; i < sizeof(syntaxes) / sizeof(syntaxes[0]); i++) {
		if (strcmp(name, syntaxes[i].name) != 0)
			continue;
		if (syntaxes[i].valid(s))
			return 0;
		return err_set(e, "expected %s", syntaxes[i].expected);
	}
	fatal("syntax_check: no syntax is called %s", name);
}

/* Some bit behind the first `bits` is set. */
static bool
host_bits_set(const unsigned char *addr, size_t bytes, int64_t bits)
{
	for (size_t i = 0; i < bytes * 8; i++)
		if ((int64_t)i >= bits && addr[i / 8] & (0x80 >> i % 8))
			return true;
	return false;
}

int
syntax_network(struct span s, char *out, size_t size, struct err *e)
{
	size_t slash = span_chr(s, 0, '/');
	struct span ip = span_sub(s, 0, slash);
	char text[IP_MAX_BYTES + 1];
	unsigned char addr[16];
	int64_t bits, most;
	int family;

	/* Postfix's own spelling is accepted too. */
	if (ip.n > 2 && ip.p[0] == '[' && ip.p[ip.n - 1] == ']')
		ip = span_sub(ip, 1, ip.n - 2);
	if (!valid_ip(ip, &family))
		return err_set(e, "expected a network like 10.0.0.0/8 or "
		    "2001:db8::/32");
	most = family == AF_INET6 ? 128 : 32;
	bits = most;
	if (slash < s.n &&
	    !str_num(span_sub(s, slash + 1, s.n), 0, most, &bits))
		return err_set(e, "expected a prefix length from 0 to %d "
		    "behind the slash", (int)most);
	memcpy(text, ip.p, ip.n);
	text[ip.n] = '\0';
	inet_pton(family, text, addr);
	if (host_bits_set(addr, (size_t)most / 8, bits))
		return err_set(e, "the address has bits behind its prefix "
		    "length: a network has none");
	snprintf(out, size, family == AF_INET6 ? "[%s]/%d" : "%s/%d", text,
	    (int)bits);
	return 0;
}
