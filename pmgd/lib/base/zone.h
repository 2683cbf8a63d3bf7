/*
 * Time zones from the bytes of their file (TZif, RFC 8536): local time without
 * a look at the file system or the process's own zone, so that a rule means
 * the same wherever it is evaluated.
 */
#ifndef PMG_BASE_ZONE_H
#define PMG_BASE_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/span.h"

enum {
	ZONE_NAME_MAX = 64,		/* bytes of a name */
	ZONE_BYTES_MAX = 65536,		/* of a file */
};

/* A view of the bytes, which must outlive it. */
struct zone {
	struct span times, index, types;	/* of the transitions */
	struct span rule;		/* POSIX TZ string for what comes behind
					 * them, "" = none */
};

/* False: damaged, older than version 2, or counting leap seconds. */
bool zone_open(struct zone *z, struct span tzif);

/* Local time. */
struct zone_time {
	int minute_of_day;
	int weekday;			/* 0 = Monday */
};
struct zone_time zone_time(const struct zone *z, int64_t utc);
/* Seconds east of UTC. */
int32_t zone_offset(const struct zone *z, int64_t utc);

/* "Europe/Berlin": relative, without "..", no signs that paths need not. */
bool zone_is_name(const char *name);
/* The file of that zone from the system's list. -1: there is none, or it
 * cannot be used; e tells. */
int zone_read(const char *name, struct buf *tzif, struct err *e);

#endif
