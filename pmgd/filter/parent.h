/*
 * pmgd's parent: holds the sockets, forks workers, keeps what must outlive
 * one of them. It reads no byte of a message.
 */
#ifndef PMG_FILTER_PARENT_H
#define PMG_FILTER_PARENT_H

#include "lib/base/err.h"
#include "lib/config/paths.h"

struct parent_options {
	const struct paths *paths;
	const char *user;	/* NULL: stay who we are */
	int workers;		/* 0 = mail.max_filters */
	int listen_in, listen_out, listen_control;
};

/* Runs until SIGTERM; returns the exit status. */
int parent_run(const struct parent_options *o);

#endif
