/*
 * A scanner: takes one connection at a time from the listening socket, scans
 * one message, answers. It is the process that hostile bytes meet: no network,
 * no file but below its own temporary folder (and the charset modules of the C
 * library, to read), no fork. It ends by itself when its loader closes the
 * control pipe (after the message at hand), and after SCANS_MAX messages, so
 * that what a message left behind does not stay.
 */
#ifndef PMG_SCAN_SCANNER_H
#define PMG_SCAN_SCANNER_H

#include <stdint.h>
#include "scan/engine.h"
#include "scan/scan.h"

/* How the loader sees a scanner; in memory that both share. */
struct scan_slot {
	int64_t busy_since_ms;	/* __atomic; monotonic, 0 = idle */
	uint8_t up;		/* __atomic; sandboxed, accepts */
	char logid[64];		/* hostile bytes possible: log_safe() */
};

struct scanner {
	const struct scan_settings *settings;
	struct engine *engine;
	struct scan_slot *slot;
	struct scan_shared *shared;
	int listen_fd;
	int control_fd;		/* end of file: drain */
	const char *tmpdir;
	uint64_t base_bytes;	/* address space before the first message */
};

void scanner_run(const struct scanner *sc) __attribute__((noreturn));

#endif
