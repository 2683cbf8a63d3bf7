#include "lib/config/maps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "lib/base/atomicfile.h"
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"
#include "lib/config/syntax.h"

enum { MAP_FILE_MAX = 64 * 1024 * 1024, SHOWN_BYTES = 100, NETWORK_BYTES = 64 };

/*
 * Splits "[host]:port", "host:port", "host" and "[ipv6:addr]:port". A bare
 * IPv6 address with a port would be ambiguous and is refused.
 */
static bool
split_host(struct span s, struct span *host_r, struct span *port_r)
{
	size_t end;

	if (s.n > 0 && s.p[0] == '[') {
		end = span_chr(s, 0, ']');
		if (end == s.n)
			return false;
		*host_r = span_sub(s, 1, end - 1);
		if (span_iprefix(*host_r, "ipv6:"))
			*host_r = span_sub(*host_r, 5, host_r->n);
		s = span_sub(s, end + 1, s.n);
		if (s.n > 0 && s.p[0] != ':')
			return false;
	} else {
		end = span_chr(s, 0, ':');
		*host_r = span_sub(s, 0, end);
		s = span_sub(s, end, s.n);
	}
	*port_r = span_sub(s, 1, s.n);
	return s.n != 1;
}

/* The destination behind "smtp:" or "lmtp:inet:"; empty for anything else. */
static struct span
transport_nexthop(struct span value)
{
	if (span_iprefix(value, "smtp:"))
		return span_sub(value, 5, value.n);
	if (span_iprefix(value, "lmtp:inet:"))
		return span_sub(value, 10, value.n);
	return span_sub(value, 0, 0);
}

bool
map_transport_host(const char *value, char *out, size_t size)
{
	struct span host, port;

	if (!split_host(transport_nexthop(span_str(value)), &host, &port) ||
	    host.n == 0 || host.n >= size)
		return false;
	memcpy(out, host.p, host.n);
	out[host.n] = '\0';
	return true;
}

/*
 * Checks a transport and writes it in the form Postfix wants: an address has
 * brackets, or Postfix would look for its MX record.
 */
static int
transport_value(struct span value, struct buf *out, struct err *e)
{
	struct span nexthop = transport_nexthop(value), host, port;
	int64_t number = 0;
	int family = 0;
	bool ip;

	if (nexthop.n == 0 || !split_host(nexthop, &host, &port) ||
	    !valid_host(host) ||
	    (port.n > 0 && !str_num(port, 1, 65535, &number)))
		return err_set(e, "expected smtp:HOST:PORT, smtp:[HOST]:PORT "
		    "or lmtp:inet:HOST:PORT");
	ip = valid_ip(host, &family);
	buf_puts(out, ascii_lower(value.p[0]) == 'l' ? "lmtp:inet:" : "smtp:");
	if (ip || nexthop.p[0] == '[')
		buf_puts(out, ip && family == AF_INET6 ? "[ipv6:" : "[");
	buf_puts_span(out, host);
	if (ip || nexthop.p[0] == '[')
		buf_putc(out, ']');
	if (port.n > 0)
		buf_printf(out, ":%d", (int)number);
	return 0;
}

static bool
transport_key(struct span key)
{
	if (valid_email(key))
		return true;
	if (key.n > 0 && key.p[0] == '.')
		key = span_sub(key, 1, key.n);
	return valid_domain(key);
}

/* A next hop as in transport (brackets and port included) or a domain. */
static bool
tls_key(struct span key)
{
	struct span host, port;
	int64_t number;

	if (key.n > 0 && key.p[0] == '.')
		return valid_domain(span_sub(key, 1, key.n));
	return split_host(key, &host, &port) && valid_host(host) &&
	    (port.n == 0 || str_num(port, 1, 65535, &number));
}

static int
tls_value(struct span value, struct buf *out, struct err *e)
{
	static const char *const levels[] = {"none", "may", "encrypt", "dane",
	    "dane-only", "fingerprint", "verify", "secure"};
	struct span level;
	size_t pos = 0;

	syntax_word(value, &pos, " \t,", &level);
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (!span_eq(level, span_str(levels[i])))
			continue;
		if (!valid_text(value))
			break;
		buf_puts_span(out, value);
		return 0;
	}
	return err_set(e, "expected a policy: none, may, encrypt, dane, "
	    "dane-only, fingerprint, verify or secure");
}

static int
check_entry(enum map_kind kind, struct span key, struct span value,
    struct buf *out, struct err *e)
{
	switch (kind) {
	case MAP_DOMAINS:
		buf_puts(out, "1");
		return valid_domain(key) ? 0
		    : err_set(e, "expected a domain name");
	case MAP_TRANSPORT:
		if (!transport_key(key))
			return err_set(e, "expected a domain, .domain or an "
			    "e-mail address");
		return transport_value(value, out, e);
	case MAP_TLS_POLICY:
		if (!tls_key(key))
			return err_set(e, "expected a domain or a next hop");
		return tls_value(value, out, e);
	case MAP_NETWORKS:
		if (value.n > 0)
			return err_set(e, "expected one network a line");
		return 0;
	}
	return -1;
}

static void
map_add(struct map *m, struct span key, const char *value, unsigned line)
{
	struct map_entry *last;

	/* Grows by doubling: n is a power of two exactly when it is full. */
	if ((m->n & (m->n - 1)) == 0)
		m->entry = xrealloc(m->entry, m->n ? 2 * m->n : 1,
		    sizeof(*m->entry));
	last = &m->entry[m->n++];
	last->key = xstrndup(key.p, key.n);
	str_lower(last->key);
	last->value = xstrdup(value);
	last->line = line;
}

static int
read_entry(struct map *m, enum map_kind kind, struct span line, unsigned no,
    struct err *e)
{
	AUTO_BUF struct buf value;
	char network[NETWORK_BYTES];
	struct span key;
	size_t pos = 0;

	buf_init(&value, 8192);
	line = span_trim(span_sub(line, 0, span_chr(line, 0, '#')));
	if (!syntax_word(line, &pos, " \t", &key))
		return 0;
	if (check_entry(kind, key, span_trim(span_sub(line, pos, line.n)),
	    &value, e) != 0)
		return -1;
	if (kind == MAP_NETWORKS) {
		if (syntax_network(key, network, sizeof(network), e) != 0)
			return -1;
		key = span_str(network);
	}
	if (value.overflow)
		return err_set(e, "the line is too long");
	map_add(m, key, buf_cstr(&value), no);
	return 0;
}

static int
by_key(const void *a, const void *b)
{
	const struct map_entry *x = *(struct map_entry *const *)a;
	const struct map_entry *y = *(struct map_entry *const *)b;
	int c = strcmp(x->key, y->key);

	return c != 0 ? c : x->line < y->line ? -1 : x->line > y->line;
}

/* Of two entries with one key only one can hold: let the writer decide. */
static int
refuse_twice(const struct map *m, const char *path, struct err *e)
{
	AUTO_FREE struct map_entry **sorted =
	    xcalloc(m->n + 1, sizeof(*sorted));

	for (size_t i = 0; i < m->n; i++)
		sorted[i] = &m->entry[i];
	qsort(sorted, m->n, sizeof(*sorted), by_key);
	for (size_t i = 1; i < m->n; i++)
		if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0)
			return err_set(e, "%s:%u: %s stands in line %u too",
			    path, sorted[i]->line, sorted[i]->key,
			    sorted[i - 1]->line);
	return 0;
}

static int
read_lines(struct map *m, struct span text, enum map_kind kind,
    const char *path, struct err *e)
{
	AUTO_BUF struct buf shown;
	unsigned no = 0;
	struct err why;

	buf_init(&shown, 8 * SHOWN_BYTES);
	for (size_t pos = 0; pos < text.n;) {
		size_t end = span_chr(text, pos, '\n');
		struct span line = span_trim(span_sub(text, pos, end - pos));

		no++;
		if (read_entry(m, kind, line, no, &why) != 0) {
			log_safe(&shown, line, SHOWN_BYTES);
			return err_set(e, "%s:%u: \"%s\": %.200s", path, no,
			    buf_cstr(&shown), why.text);
		}
		pos = end + 1;
	}
	return refuse_twice(m, path, e);
}

int
map_load(struct map *m, const char *path, enum map_kind kind, struct err *e)
{
	AUTO_BUF struct buf b;

	*m = (struct map){0};
	buf_init(&b, MAP_FILE_MAX);
	if (access(path, F_OK) != 0 && errno == ENOENT)
		return 0;
	if (file_read(path, &b, e) != 0)
		return -1;
	if (read_lines(m, buf_span(&b), kind, path, e) == 0)
		return 0;
	map_free(m);
	return -1;
}

void
map_free(struct map *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->entry[i].key);
		free(m->entry[i].value);
	}
	free(m->entry);
	*m = (struct map){0};
}
