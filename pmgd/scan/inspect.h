/*
 * One request of a scanner from descriptors to a reply: the objects (decoded
 * contents) that are to be scanned on their own are, then the raw message, then
 * the containers among the objects are walked through. All of it within the
 * scan time of the settings.
 */
#ifndef PMG_SCAN_INSPECT_H
#define PMG_SCAN_INSPECT_H

#include "lib/base/arena.h"
#include "lib/proto/scan.h"
#include "scan/engine.h"
#include "scan/scan.h"

struct inspection {
	struct engine_verdict v;	/* of message and objects together */
	uint32_t where;			/* of struct scan_reply, as the rest */
	uint8_t limits;
	struct scan_found *found;
	size_t nfound;
};

/* message, objects: descriptors, -1 = none came. What is found lives in a. */
void inspect(struct inspection *in, struct engine *en,
    const struct scan_settings *s, const struct scan_request *rq, int message,
    int objects, struct arena *a);

#endif
