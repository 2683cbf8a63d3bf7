/* What this machine is called, and which of its networks counts as its own. */
#ifndef PMG_TOOLS_HOSTINFO_H
#define PMG_TOOLS_HOSTINFO_H

#include "lib/base/buf.h"

/* Full host name, "localhost.localdomain" at worst. To be freed. */
char *host_fqdn(void);
/*
 * The address that fqdn stands for, when one of our interfaces has it:
 * appends it and its network in Postfix's form, each with a space in front.
 * Nothing when the name is unknown or means loopback.
 */
void host_own(const char *fqdn, struct buf *address, struct buf *network);

#endif
