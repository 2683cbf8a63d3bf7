#include "vars.h"

#include <stdlib.h>
#include "lib/base/cleanup.h"
#include "lib/base/xalloc.h"

void
site_init(struct site *s, const char *root)
{
	*s = (struct site){.root = root};
	paths_init(&s->paths, root);
	s->postfix = xasprintf("%s/etc/postfix", root);
	s->maps = xasprintf("%s/pmg", s->postfix);
	s->sa = xasprintf("%s/spamassassin", s->paths.state);
	s->sa_state = xasprintf("%s/spamd", s->paths.state);
}

static int
load_map(struct site *s, struct map *m, const char *name, enum map_kind kind,
    struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/%s", s->paths.config, name);

	return map_load(m, path, kind, e);
}

int
site_load(struct site *s, struct err *e)
{
	s->config = config_load(s->paths.config, e);
	if (s->config == NULL)
		return -1;
	if (load_map(s, &s->domains, "domains", MAP_DOMAINS, e) != 0 ||
	    load_map(s, &s->transport, "transport", MAP_TRANSPORT, e) != 0 ||
	    load_map(s, &s->networks, "mynetworks", MAP_NETWORKS, e) != 0 ||
	    load_map(s, &s->tls_policy, "tls_policy", MAP_TLS_POLICY, e) != 0)
		return -1;
	return 0;
}

void
site_free(struct site *s)
{
	config_free(s->config);
	map_free(&s->domains);
	map_free(&s->transport);
	map_free(&s->networks);
	map_free(&s->tls_policy);
}
