/*
 * A loader: loads and compiles the signatures once, forks the scanners that
 * share them, and looks after these: forks again what died, kills what is over
 * its hard time limit, removes what a dead one left. Its supervisor holds the
 * other end of `control_fd`; end of file there means: drain and end.
 */
#ifndef PMG_SCAN_LOADER_H
#define PMG_SCAN_LOADER_H

#include "scan/scan.h"

enum {
	LOADER_READY = 0x0181,	/* u64 signatures, u64 version, u32 left out */
	LOADER_FAILED = 0x0182,	/* lp reason */
};

/* Called in the child, which holds no other descriptors than these two. */
void loader_run(const struct scan_settings *s, struct scan_shared *shared,
    int listen_fd, int control_fd) __attribute__((noreturn));

#endif
