/*
 * The map files beside pmg.conf: one entry a line, comments from '#'. A file
 * with any error is refused whole, with file, line and reason; a missing file
 * is an empty one.
 *
 *   domains     example.com [anything]         relay domains
 *   transport   example.com smtp:[host]:port   also user@example.com, .example
 *                                              (subdomains), lmtp:inet:h:p
 *   mynetworks  192.0.2.0/24 # comment
 *   tls_policy  example.com encrypt [attr=...]
 */
#ifndef PMG_CONFIG_MAPS_H
#define PMG_CONFIG_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include "lib/base/buf.h"
#include "lib/base/err.h"

enum map_kind { MAP_DOMAINS, MAP_TRANSPORT, MAP_NETWORKS, MAP_TLS_POLICY };

struct map_entry {
	char *key;	/* lower case; networks: in Postfix's form */
	char *value;	/* as Postfix reads it; domains: "1"; networks: "" */
	unsigned line;
};

struct map {
	struct map_entry *entry;
	size_t n;
};

int map_load(struct map *m, const char *path, enum map_kind kind,
    struct err *e);
/* The host of a transport's value into out; false when it has none. */
bool map_transport_host(const char *value, char *out, size_t size);
void map_free(struct map *m);

#endif
