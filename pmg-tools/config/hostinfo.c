#include "hostinfo.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <limits.h>
#include <netdb.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>
#include "lib/base/xalloc.h"
#include "lib/config/syntax.h"

/* Bytes of an address, NULL for what is no IP address. */
static const unsigned char *
address_bytes(const struct sockaddr *sa, size_t *n_r)
{
	if (sa == NULL)
		return NULL;
	if (sa->sa_family == AF_INET) {
		*n_r = 4;
		return (const unsigned char *)&((const struct sockaddr_in *)
		    (const void *)sa)->sin_addr;
	}
	if (sa->sa_family == AF_INET6) {
		*n_r = 16;
		return (const unsigned char *)&((const struct sockaddr_in6 *)
		    (const void *)sa)->sin6_addr;
	}
	return NULL;
}

char *
host_fqdn(void)
{
	struct addrinfo hints = {.ai_flags = AI_CANONNAME}, *ai = NULL;
	char name[HOST_NAME_MAX + 1] = "";
	char *fqdn = NULL;

	if (gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0')
		return xstrdup("localhost.localdomain");
	if (strchr(name, '.') != NULL)
		return xstrdup(name);
	if (getaddrinfo(name, NULL, &hints, &ai) == 0) {
		if (ai->ai_canonname != NULL && strchr(ai->ai_canonname, '.'))
			fqdn = xstrdup(ai->ai_canonname);
		freeaddrinfo(ai);
	}
	return fqdn != NULL ? fqdn : xasprintf("%s.localdomain", name);
}

static void
put_network(struct buf *out, const struct ifaddrs *ifa)
{
	unsigned char net[16];
	const unsigned char *ip, *mask;
	char text[INET6_ADDRSTRLEN];
	unsigned bits = 0;
	size_t n = 0, m = 0;

	ip = address_bytes(ifa->ifa_addr, &n);
	mask = address_bytes(ifa->ifa_netmask, &m);
	if (ip == NULL || mask == NULL || m != n)
		return;
	for (size_t i = 0; i < n; i++) {
		net[i] = ip[i] & mask[i];
		bits += (unsigned)__builtin_popcount(mask[i]);
	}
	inet_ntop(ifa->ifa_addr->sa_family, net, text, sizeof(text));
	buf_printf(out, n == 16 ? " [%s]/%u" : " %s/%u", text, bits);
}

static void
put_address(struct buf *out, const struct ifaddrs *ifa)
{
	char text[INET6_ADDRSTRLEN];
	size_t n = 0;
	const unsigned char *ip = address_bytes(ifa->ifa_addr, &n);

	inet_ntop(ifa->ifa_addr->sa_family, ip, text, sizeof(text));
	buf_printf(out, n == 16 ? " [%s]/128" : " %s/32", text);
}

static bool
same_address(const struct sockaddr *a, const struct sockaddr *b)
{
	const unsigned char *x, *y;
	size_t n = 0, m = 0;

	x = address_bytes(a, &n);
	y = address_bytes(b, &m);
	return x != NULL && y != NULL && n == m && memcmp(x, y, n) == 0;
}

void
host_own(const char *fqdn, struct buf *address, struct buf *network)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *ai = NULL;
	struct ifaddrs *ifs = NULL;

	if (getaddrinfo(fqdn, NULL, &hints, &ai) != 0)
		return;
	if (getifaddrs(&ifs) != 0)
		ifs = NULL;
	for (const struct addrinfo *a = ai; a != NULL; a = a->ai_next)
		for (const struct ifaddrs *i = ifs; i != NULL;
		    i = i->ifa_next) {
			if ((i->ifa_flags & IFF_LOOPBACK) ||
			    !same_address(i->ifa_addr, a->ai_addr))
				continue;
			put_address(address, i);
			put_network(network, i);
		}
	freeifaddrs(ifs);
	freeaddrinfo(ai);
}
