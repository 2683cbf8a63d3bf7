/*
 * Work that would hold up the loop, done by a child of pmgd-store. It has the
 * parent's memory by fork, limits, and one answer, a struct child_result; what
 * else it finds goes into memory files and files that the parent told it of.
 *
 * A child never touches a database: a connection does not survive a fork, and
 * a second one is locked out (DESIGN 5: one process opens it; db.c: EXCLUSIVE,
 * so that there is no shared memory whose locks somebody could hold).
 */
#ifndef PMG_STORE_CHILD_H
#define PMG_STORE_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>
#include "lib/base/err.h"

struct child_result {
	int32_t code;		/* what the two agreed on, or CHILD_DIED */
	uint8_t written;	/* there is a fresh file */
	char text[512];		/* for people: why not */
};

enum { CHILD_DIED = -1 };	/* without a result: text tells why */

struct child_work {
	const char *what;	/* for the text: "these rules" */
	unsigned cpu_s, wall_s, memory_mb;
	const int *keep;	/* descriptors that it needs; -1 = none */
	size_t nkeep;
	/* In the child; ends with child_finish(). */
	void (*run)(void *arg, int out);
	/* In the loop, once; the child is gone by then. Not after a stop. */
	void (*ended)(void *arg, const struct child_result *result);
	void *arg;
};

struct child;

/* *w and what it points to may go when this returns. NULL: e tells. */
struct child *child_start(sd_event *loop, const struct child_work *w,
    struct err *e);
/* What it was doing is dropped. */
void child_stop(struct child *c);
/* For run(): reports and ends; nothing has to be freed. */
void child_finish(int out, int code, bool written, const char *text)
    __attribute__((noreturn));

/* A peer of the parent must see its connection closed when the parent closes
 * it, not when a child ends. */
void child_close_others(const int *keep, size_t n);

#endif
