/*
 * What the parent knows, shared by parent.c (life of the processes) and
 * packets.c (what workers and tools ask).
 */
#ifndef PMG_FILTER_PARENT_STATE_H
#define PMG_FILTER_PARENT_STATE_H

#include <sys/types.h>
#include <systemd/sd-event.h>
#include "filter/admission.h"
#include "filter/parent.h"
#include "filter/recent.h"
#include "filter/strikes.h"
#include "lib/base/buf.h"
#include "lib/mail/charset.h"
#include "lib/proto/filter.h"
#include "lib/store/event.h"

enum { WORKERS_MAX = ADMISSION_CLIENTS };

struct parent;

struct child {
	struct parent *parent;
	unsigned slot;
	pid_t pid;		/* 0 = none */
	int fd;
	int64_t born;
	sd_event_source *io, *exit;
};

struct parent {
	const struct parent_options *opt;
	sd_event *loop;
	struct event_writer *events;
	int64_t event_keep_seconds;
	struct recent *recent;		/* NULL: nothing is kept */
	struct strikes *strikes;
	struct admission_state admission;
	struct filter_status status;
	unsigned nworkers;
	bool draining;
	sd_event_source *respawn;
	struct buf in;
	struct charset_warm charsets;	/* for the workers */
	struct child child[WORKERS_MAX];
};

/* Handler of a worker's link (arg: struct child). 1: took a packet; 0: there
 * is none. A worker that breaks the protocol is killed. */
int packets_take(sd_event_source *s, int fd, uint32_t revents, void *arg);
/* Handler of the control socket (arg: struct parent). */
int packets_control(sd_event_source *s, int fd, uint32_t revents, void *arg);
/* Answers the workers whose turn at spamd has come. */
void packets_serve_slots(struct parent *p);
/* The message in this worker's hands caused a crash. */
void packets_strike(struct parent *p, struct child *c, const char *why);

#endif
