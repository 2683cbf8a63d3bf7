#include "vars.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "hostinfo.h"
#include "lib/base/atomicfile.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"
#include "lib/config/syntax.h"
#include "run.h"

enum {
	LIST_MAX = 64 * 1024,
	DEFINE_FILE_MAX = 64 * 1024,
	HOST_MAX = 256,
	MAILBOX_MIN = 51200000,
	PROXY_CLIENTS = 5,	/* conn_count_limit by this, before the queue */
};

struct var {
	char *name;
	char *value;
	bool defined;	/* from outside: not to be composed */
	bool used;	/* composed or taken: the name exists */
};

struct vars {
	struct var *var;
	size_t n;
	char scratch[2];	/* answer to postfix_ge_X_Y */
};

struct vars *
vars_new(void)
{
	return xcalloc(1, sizeof(struct vars));
}

void
vars_free(struct vars *v)
{
	if (v == NULL)
		return;
	for (size_t i = 0; i < v->n; i++) {
		free(v->var[i].name);
		free(v->var[i].value);
	}
	free(v->var);
	free(v);
}

static struct var *
find(const struct vars *v, const char *name)
{
	for (size_t i = 0; i < v->n; i++)
		if (strcmp(v->var[i].name, name) == 0)
			return &v->var[i];
	return NULL;
}

static struct var *
add(struct vars *v, const char *name)
{
	struct var *x;

	if ((v->n & (v->n - 1)) == 0)
		v->var = xrealloc(v->var, v->n ? 2 * v->n : 1,
		    sizeof(*v->var));
	x = &v->var[v->n++];
	*x = (struct var){.name = xstrdup(name)};
	return x;
}

void
vars_define(struct vars *v, const char *name, const char *value)
{
	struct var *x = find(v, name);

	if (x == NULL)
		x = add(v, name);
	free(x->value);
	x->value = xstrdup(value);
	x->defined = true;
}

static int
define_line(struct vars *v, struct span line)
{
	size_t eq = span_chr(line, 0, '=');
	struct span name = span_trim(span_sub(line, 0, eq)), value;
	AUTO_FREE char *n = NULL, *t = NULL;

	if (line.n == 0 || line.p[0] == '#')
		return 0;
	if (eq == line.n || name.n == 0)
		return -1;
	value = span_trim(span_sub(line, eq + 1, line.n));
	n = xstrndup(name.p, name.n);
	t = xstrndup(value.p, value.n);
	/* The command line came first and stays. */
	if (find(v, n) == NULL)
		vars_define(v, n, t);
	return 0;
}

int
vars_define_file(struct vars *v, const char *path, struct err *e)
{
	AUTO_BUF struct buf b;
	struct span text;
	unsigned no = 0;

	buf_init(&b, DEFINE_FILE_MAX);
	if (access(path, F_OK) != 0 && errno == ENOENT)
		return 0;
	if (file_read(path, &b, e) != 0)
		return -1;
	text = buf_span(&b);
	for (size_t pos = 0; pos < text.n;) {
		size_t end = span_chr(text, pos, '\n');

		no++;
		if (define_line(v, span_trim(span_sub(text, pos,
		    end - pos))) != 0)
			return err_set(e, "%s:%u: expected name = value", path,
			    no);
		pos = end + 1;
	}
	return 0;
}

/* Takes value; drops it when the name was given from outside. */
static void
compose(struct vars *v, const char *name, char *value)
{
	struct var *x = find(v, name);

	if (x == NULL)
		x = add(v, name);
	x->used = true;
	if (x->defined) {
		free(value);
		return;
	}
	free(x->value);
	x->value = value;
}

static void
compose_str(struct vars *v, const char *name, const char *value)
{
	compose(v, name, xstrdup(value));
}

static void
compose_int(struct vars *v, const char *name, int64_t n)
{
	compose(v, name, xasprintf("%" PRId64, n));
}

static const char *
value_of(const struct vars *v, const char *name)
{
	const struct var *x = find(v, name);

	return x != NULL && x->value != NULL ? x->value : "";
}

static const char *
yes_no(bool on)
{
	return on ? "yes" : "no";
}

static void
compose_settings(struct vars *v, const struct config *c)
{
	for (unsigned i = 0; i < config_nkeys; i++) {
		const struct config_key *k = &config_schema[i];
		AUTO_FREE char *name = xasprintf("%s.%s", k->section, k->name);
		const char *text = config_str(c, k->section, k->name);

		if (k->type == CONF_INT && *text != '\0')
			compose_int(v, name, config_int(c, k->section,
			    k->name));
		else
			compose_str(v, name, text);
	}
}

static int
compose_version(struct vars *v, struct err *e)
{
	struct run r = {.argv = {"postconf", "-h", "-d", "mail_version"}};
	AUTO_BUF struct buf out;
	struct span version;
	const char *s;

	buf_init(&out, 1024);
	if (find(v, "postfix_version") == NULL) {
		r.output = &out;
		if (run_program(&r, e) != 0)
			return err_set(e, "postconf does not tell the version "
			    "of Postfix: is Postfix installed?");
	}
	version = span_trim(buf_span(&out));
	compose(v, "postfix_version", xstrndup(version.p, version.n));
	s = value_of(v, "postfix_version");
	compose_str(v, "compatibility_level",
	    version_ge(s, 3, 6, 0) ? "3.6" : "2");
	compose_int(v, "postfix_bare_newline", version_bare_newline(s));
	compose_int(v, "postfix_unauth_pipelining",
	    version_unauth_pipelining(s));
	return 0;
}

static void
compose_host(struct vars *v)
{
	const char *dot;

	if (find(v, "fqdn") == NULL)
		compose(v, "fqdn", host_fqdn());
	else
		compose_str(v, "fqdn", "");
	dot = strchr(value_of(v, "fqdn"), '.');
	compose_str(v, "domain", dot != NULL ? dot + 1 : "localdomain");
}

static void
compose_places(struct vars *v, const struct site *s)
{
	bool rig = *s->root != '\0';

	compose_str(v, "root", s->root);
	compose_str(v, "maps", s->maps);
	compose_str(v, "sa_state", s->sa_state);
	compose(v, "queue_directory", xasprintf("%s/var/spool/postfix",
	    s->root));
	compose(v, "data_directory", xasprintf("%s/var/lib/postfix", s->root));
	compose(v, "maillog_file", xasprintf("%s/var/log/mail.log", s->root));
	compose_str(v, "meta_directory", "/etc/postfix");
	compose_str(v, "mail_owner", "postfix");
	compose(v, "tls_certificate", xasprintf("%s/pmg-tls.pem",
	    s->paths.config));
	compose_str(v, "alias_maps", rig ? "" : "hash:/etc/aliases");
	/* A rig is reached from this machine only. */
	compose_str(v, "ext_bind", rig ? "127.0.0.1:" : "");
	compose_str(v, "int_bind", rig ? "127.0.0.1:" : "");
	compose_str(v, "inet_interfaces", "all");
	compose(v, "custom_cf_path", xasprintf(
	    "%s/etc/mail/spamassassin/custom.cf", s->root));
	compose_str(v, "custom_cf", access(value_of(v, "custom_cf_path"),
	    R_OK) == 0 ? value_of(v, "custom_cf_path") : "");
}

static void
compose_filter(struct vars *v, const struct site *s)
{
	bool tcp = config_bool(s->config, "mail", "tcp_filter_ports");

	int64_t clients = config_int(s->config, "mail", "conn_count_limit");

	if (tcp) {
		compose_str(v, "filter_in", "pmg-in:inet:127.0.0.1:10024");
		compose_str(v, "filter_out", "pmg-out:inet:127.0.0.1:10023");
		compose_str(v, "proxy_in", "127.0.0.1:10024");
		compose_str(v, "proxy_out", "127.0.0.1:10023");
	} else {
		compose(v, "filter_in", xasprintf("pmg-in:unix:%s",
		    s->paths.filter_in));
		compose(v, "filter_out", xasprintf("pmg-out:unix:%s",
		    s->paths.filter_out));
		compose(v, "proxy_in", xasprintf("unix:%s",
		    s->paths.filter_in));
		compose(v, "proxy_out", xasprintf("unix:%s",
		    s->paths.filter_out));
	}
	/* Before the queue a client holds a worker while it waits: nobody is to
	 * take them all. 0 is "no limit" to Postfix, and stays it. */
	compose_int(v, "proxy_conn_count_limit", clients == 0 ? 0
	    : clients < PROXY_CLIENTS ? 1 : clients / PROXY_CLIENTS);
	/* Postfix must not give up before pmgd does. */
	compose(v, "filter_wait", xasprintf("%" PRId64 "s",
	    config_int(s->config, "mail", "filter-timeout") + 60));
	compose_str(v, "transport_retry_time", "10s");
	compose_str(v, "minimal_backoff_time", "60s");
	compose_str(v, "queue_run_delay", "60s");
}

/* HOST:PORT as Postfix wants it; brackets keep it from looking for an MX. */
static char *
nexthop(const char *host, int64_t port, bool nomx)
{
	int family = 0;

	if (valid_ip(span_str(host), &family))
		return xasprintf(family == AF_INET6 ? "[ipv6:%s]:%" PRId64
		    : "[%s]:%" PRId64, host, port);
	return xasprintf(nomx ? "[%s]:%" PRId64 : "%s:%" PRId64, host, port);
}

static void
compose_routes(struct vars *v, const struct config *c)
{
	const char *relay = config_str(c, "mail", "relay");
	const char *smarthost = config_str(c, "mail", "smarthost");
	bool lmtp = strcmp(config_str(c, "mail", "relayprotocol"), "lmtp") == 0;
	AUTO_FREE char *to_relay = nexthop(relay,
	    config_int(c, "mail", "relayport"),
	    config_bool(c, "mail", "relaynomx"));
	AUTO_FREE char *to_smarthost = nexthop(smarthost,
	    config_int(c, "mail", "smarthostport"), false);

	compose(v, "relay_transport", *relay == '\0' ? xstrdup("")
	    : xasprintf("%s%s", lmtp ? "lmtp:inet:" : "smtp:", to_relay));
	compose(v, "default_transport", *smarthost == '\0' ? xstrdup("")
	    : xasprintf("smtp:%s", to_smarthost));
}

static void
put_network(struct buf *list, const char *network)
{
	struct span word;
	size_t pos = 0;

	while (syntax_word(buf_span(list), &pos, " ", &word))
		if (span_eq(word, span_str(network)))
			return;
	buf_printf(list, " %s", network);
}

/* Appends host as a network when it is an address. */
static void
put_host(struct buf *list, const char *host)
{
	char network[64];

	if (valid_ip(span_str(host), NULL) && syntax_network(span_str(host),
	    network, sizeof(network), NULL) == 0)
		put_network(list, network);
}

/* The same list for SpamAssassin: no brackets, and it knows loopback. */
static char *
sa_networks(struct span list)
{
	struct buf out;
	struct span word;
	size_t pos = 0;
	char *s;

	buf_init(&out, LIST_MAX);
	while (syntax_word(list, &pos, " ", &word)) {
		if (span_iprefix(word, "127.") || span_iprefix(word, "[::1]"))
			continue;
		if (out.n > 0)
			buf_putc(&out, ' ');
		for (size_t i = 0; i < word.n; i++)
			if (word.p[i] != '[' && word.p[i] != ']')
				buf_putc(&out, word.p[i]);
	}
	s = xstrdup(buf_cstr(&out));
	buf_free(&out);
	return s;
}

static char *
comma_list(const char *words)
{
	struct span word, s = span_str(words);
	struct buf out;
	size_t pos = 0;
	char *text;

	buf_init(&out, LIST_MAX);
	while (syntax_word(s, &pos, " ,;", &word)) {
		if (out.n > 0)
			buf_putc(&out, ',');
		buf_puts_span(&out, word);
	}
	text = xstrdup(buf_cstr(&out));
	buf_free(&out);
	return text;
}

static int
compose_networks(struct vars *v, const struct site *s, struct err *e)
{
	AUTO_BUF struct buf all, own, own_net;
	char host[HOST_MAX];

	buf_init(&all, LIST_MAX);
	buf_init(&own, LIST_MAX);
	buf_init(&own_net, LIST_MAX);
	buf_puts(&all, "127.0.0.0/8 [::1]/128");
	/* A rig must not depend on the machine around it. */
	if (*s->root == '\0')
		host_own(value_of(v, "fqdn"), &own, &own_net);
	buf_puts_span(&all, buf_span(&own_net));
	put_host(&all, config_str(s->config, "mail", "relay"));
	for (size_t i = 0; i < s->transport.n; i++)
		if (map_transport_host(s->transport.entry[i].value, host,
		    sizeof(host)))
			put_host(&all, host);
	for (size_t i = 0; i < s->networks.n; i++)
		put_network(&all, s->networks.entry[i].key);
	if (all.overflow)
		return err_set(e, "%s/mynetworks: the list of networks is "
		    "longer than %d bytes", s->paths.config, LIST_MAX);
	compose_str(v, "mynetworks", buf_cstr(&all));
	buf_printf(&own, " 127.0.0.0/8");
	compose(v, "mynetworks_ext", comma_list(buf_cstr(&own)));
	compose(v, "sa_networks", sa_networks(
	    span_str(value_of(v, "mynetworks"))));
	return 0;
}

static void
compose_limits(struct vars *v, const struct config *c)
{
	int64_t size = config_int(c, "mail", "maxsize");
	int64_t timeout = config_int(c, "spam", "spamd_timeout");

	compose_int(v, "message_size_double", 2 * size);
	compose_int(v, "mailbox_size_limit",
	    2 * size > MAILBOX_MIN ? 2 * size : MAILBOX_MIN);
	compose_int(v, "queue_minfree", 4 * size);
	compose_int(v, "spamd_time_limit",
	    timeout - (timeout / 10 > 2 ? timeout / 10 : 2));
}

static void
compose_checks(struct vars *v, const struct config *c)
{
	compose_str(v, "smtputf8_enable",
	    yes_no(config_bool(c, "mail", "smtputf8")));
	compose_str(v, "helo_required",
	    yes_no(config_bool(c, "mail", "helotests")));
	compose(v, "dnsbl_sites", comma_list(config_str(c, "mail",
	    "dnsbl_sites")));
	compose(v, "wl_bounce_relays", comma_list(config_str(c, "spam",
	    "wl_bounce_relays")));
	for (char *p = find(v, "wl_bounce_relays")->value; *p != '\0'; p++)
		if (*p == ',')
			*p = ' ';
	/* Until a policy server is there, Postfix must not wait for one. */
	compose_str(v, "policy_service", "");
	compose_int(v, "use_razor", config_bool(c, "spam", "use_razor") &&
	    config_bool(c, "spam", "rbl_checks") &&
	    access("/usr/bin/razor-check", X_OK) == 0);
}

int
vars_build(struct vars *v, const struct site *s, struct err *e)
{
	compose_settings(v, s->config);
	if (compose_version(v, e) != 0)
		return -1;
	compose_host(v);
	compose_places(v, s);
	compose_filter(v, s);
	compose_routes(v, s->config);
	if (compose_networks(v, s, e) != 0)
		return -1;
	compose_limits(v, s->config);
	compose_checks(v, s->config);
	/* Set for each template by its renderer. */
	compose_str(v, "template_file", "");
	compose_str(v, "template_override", "");
	for (size_t i = 0; i < v->n; i++)
		if (!v->var[i].used)
			return err_set(e, "%s: no value of a template has this "
			    "name (pmgconfig dump lists them)",
			    v->var[i].name);
	return 0;
}

/* postfix_ge_3_7, postfix_ge_3_7_10; NULL for any other name. */
static const char *
version_answer(struct vars *v, const char *name)
{
	static const char prefix[] = "postfix_ge_";
	struct span word, list;
	int64_t part[3] = {0, 0, 0};
	size_t pos = 0, n = 0;

	if (strncmp(name, prefix, strlen(prefix)) != 0)
		return NULL;
	list = span_str(name + strlen(prefix));
	for (; syntax_word(list, &pos, "_", &word); n++)
		if (n == 3 || !str_num(word, 0, 1000, &part[n]))
			return NULL;
	if (n < 2)
		return NULL;
	str_copy(v->scratch, sizeof(v->scratch),
	    version_ge(value_of(v, "postfix_version"), (int)part[0],
	    (int)part[1], (int)part[2]) ? "1" : "0");
	return v->scratch;
}

const char *
vars_get(void *arg, const char *name)
{
	const struct var *x = find(arg, name);

	if (x != NULL)
		return x->value;
	return version_answer(arg, name);
}

const char *
vars_name(const struct vars *v, size_t i)
{
	return i < v->n ? v->var[i].name : NULL;
}
