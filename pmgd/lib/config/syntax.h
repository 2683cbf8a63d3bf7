/*
 * The syntax of single values in /etc/pmg: what may stand in pmg.conf and in
 * the map files. Strict, because most of them are rendered into the
 * configuration of other programs: no value can bring in a line, a comment or
 * a macro of Postfix or SpamAssassin.
 */
#ifndef PMG_CONFIG_SYNTAX_H
#define PMG_CONFIG_SYNTAX_H

#include <stdbool.h>
#include "lib/base/err.h"
#include "lib/base/span.h"

/* Letters, digits, '-', '_' or UTF-8 in labels of at most 63 bytes. */
bool valid_domain(struct span s);
/* IPv4 or IPv6 address without brackets; family_r (may be NULL): AF_*. */
bool valid_ip(struct span s, int *family_r);
bool valid_host(struct span s);
/* local@domain without quotes, spaces or control characters. */
bool valid_email(struct span s);
/* One line of valid printable text. */
bool valid_text(struct span s);

/*
 * Checks s against the syntax called name (the `values` of a CONF_STRING key):
 * text host hosts email path url dnsbl languages words. -1: e says what is
 * expected instead. An unknown name is fatal().
 */
int syntax_check(const char *name, struct span s, struct err *e);

/*
 * "10.0.0.0/8", "2001:db8::/32" or a single address. Host bits must be zero:
 * Postfix refuses to work with such a network. Writes Postfix's form
 * ("[2001:db8::]/32") to out.
 */
int syntax_network(struct span s, char *out, size_t size, struct err *e);

/* Next word of s behind *pos, separated by any byte of `separators`. */
bool syntax_word(struct span s, size_t *pos, const char *separators,
    struct span *word_r);

#endif
