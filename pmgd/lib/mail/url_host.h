/* The host of a URL, as browsers understand it. Only used by url.c. */
#ifndef PMG_MAIL_URL_HOST_H
#define PMG_MAIL_URL_HOST_H

#include <stdint.h>
#include "lib/base/buf.h"
#include "lib/base/span.h"

/*
 * Appends the normal form of raw: percent-decoded, lower case, IPv4 addresses
 * in any notation as four decimal numbers, IPv6 in brackets, no dot at the end.
 * What no host may hold is percent-encoded. Returns flags of url.h.
 */
uint32_t url_host_put(struct buf *out, struct span raw);

#endif
