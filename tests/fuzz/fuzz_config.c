/*
 * Files of /etc/pmg. First byte: 'C' pmg.conf, 'L' ldap.conf, 'T' a template,
 * '0' to '3' a map of that kind, else single values. A file that is taken is printed as
 * one that is taken and printed the same; one that is refused says why.
 */
#include "lib/config/config.h"
#include "lib/config/ldap.h"
#include "lib/config/maps.h"
#include "lib/config/syntax.h"
#include "lib/config/template.h"
#include "require.h"
#include "scratch.h"

enum { IN_MAX = 1 << 16, OUT_MAX = 1 << 21 };

static struct config *
load(struct span text, struct err *e)
{
	char path[256];

	scratch_write("file", text);
	snprintf(path, sizeof(path), "%s/file", scratch_dir());
	return config_load_file(path, e);
}

static void
fuzz_config(struct span in)
{
	struct err e = {""};
	struct config *c = load(in, &e), *d;
	struct buf once, twice;

	if (c == NULL) {
		require(e.text[0] != '\0');
		return;
	}
	buf_init(&once, OUT_MAX);
	buf_init(&twice, OUT_MAX);
	config_print(c, &once);
	d = load(buf_span(&once), &e);
	require(d != NULL);
	config_print(d, &twice);
	require(span_eq(buf_span(&once), buf_span(&twice)));
	for (unsigned i = 0; i < config_nkeys; i++) {
		const struct config_key *k = &config_schema[i];

		require(strcmp(config_str(c, k->section, k->name),
		    config_str(d, k->section, k->name)) == 0);
		require(config_check(k, config_str(c, k->section, k->name),
		        NULL) == 0 || !config_is_set(c, k->section, k->name));
	}
	config_free(c);
	config_free(d);
	buf_free(&once);
	buf_free(&twice);
}

static void
fuzz_ldap(struct span in)
{
	struct err e = {""};
	struct ldap_conf c;
	char path[256];

	scratch_write("file", in);
	snprintf(path, sizeof(path), "%s/file", scratch_dir());
	if (ldap_conf_load(&c, path, &e) != 0) {
		require(e.text[0] != '\0' && c.n == 0);
		return;
	}
	for (size_t i = 0; i < c.n; i++) {
		const struct ldap_profile *p = &c.profile[i];

		require(ldap_conf_find(&c, p->name) == p && *p->server1);
		require(*p->filter == '\0' || *p->filter == '(');
		require(p->account.n > 0 && p->mail.n > 0);
		require_line(span_str(p->binddn));
		require_line(span_str(p->bindpw));
	}
	ldap_conf_free(&c);
}

static void
fuzz_map(struct span in, enum map_kind kind)
{
	struct err e = {""};
	char path[256], host[300];
	struct map m;

	scratch_write("file", in);
	snprintf(path, sizeof(path), "%s/file", scratch_dir());
	if (map_load(&m, path, kind, &e) != 0) {
		require(e.text[0] != '\0');
		return;
	}
	for (size_t i = 0; i < m.n; i++) {
		require(m.entry[i].key[0] != '\0' && m.entry[i].line > 0);
		require_line(span_str(m.entry[i].key));
		require_line(span_str(m.entry[i].value));
		if (kind == MAP_TRANSPORT)
			map_transport_host(m.entry[i].value, host,
			    sizeof(host));
	}
	map_free(&m);
}

static const char *
lookup(void *arg, const char *name)
{
	static const char *const value[] = {"", "0", "1", "text {{b}}"};

	(void)arg;
	return name[0] >= 'a' && name[0] <= 'd' && name[1] == '\0'
	    ? value[name[0] - 'a'] : NULL;
}

static void
fuzz_template(struct span in)
{
	struct template t = {.file = "f", .text = in, .lookup = lookup};
	struct err e = {""};
	struct buf out;

	buf_init(&out, OUT_MAX);
	if (template_render(&t, &out, &e) != 0)
		require(e.text[0] != '\0');
	else if (span_find(in, 0, SPAN_LIT("{{")) == SIZE_MAX)
		require(span_eq(in, buf_span(&out)));
	buf_free(&out);
}

static void
fuzz_value(struct span in)
{
	static const char *const name[] = {"text", "host", "hosts", "email",
	    "path", "url", "dnsbl", "languages", "words"};
	char net[80], again[80];
	struct err e = {""};

	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		if (syntax_check(name[i], in, &e) == 0)
			require_line(in);
	if (syntax_network(in, net, sizeof(net), &e) == 0) {
		require(syntax_network(span_str(net), again, sizeof(again),
		    &e) == 0);
		require(strcmp(net, again) == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in;

	if (size < 1 || size > IN_MAX)
		return 0;
	in = span_of(data + 1, size - 1);
	if (data[0] == 'C')
		fuzz_config(in);
	else if (data[0] == 'L')
		fuzz_ldap(in);
	else if (data[0] == 'T')
		fuzz_template(in);
	else if (data[0] >= '0' && data[0] <= '3')
		fuzz_map(in, (enum map_kind)(data[0] - '0'));
	else
		fuzz_value(in);
	return 0;
}
