/*
 * What the parts of pmgd-store share. One process, one loop (sd-event);
 * children release messages to Postfix, and edit and compile rules.
 *
 *	main.c     start: sockets, sandbox, databases; signals, timers
 *	server.c   connections; commits are taken together into batches
 *	admin.c    what tools ask
 *	release.c  quarantine -> Postfix
 *	purge.c    lifetimes
 *	lists*.c   user lists (lists_internal.h)
 *	rules*.c   rules: edits, versions, compiling (rules_internal.h)
 *	child.[ch] work in a child, within limits
 */
#ifndef PMG_STORE_STORE_H
#define PMG_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>
#include "lib/base/ipc.h"
#include "lib/config/paths.h"
#include "lib/proto/store.h"
#include "lib/proto/store_admin.h"
#include "lib/store/quarantine.h"
#include "lib/store/ruledb.h"

struct store {
	struct paths paths;
	sd_event *loop;
	struct quarantine *q;
	struct ruledb *rules;
	struct server *server;
	struct release *release;
	struct purge *purge;
	struct lists *lists;
	struct rules *rule_work;
	int64_t started_us;
	uint64_t commits, failures, batches;
	uint64_t rules_version;
	char rules_error[512];
};

/* Order of dispatch: all waiting commits are read before a batch is written;
 * tools take turns with batches. */
enum {
	PRIORITY_COMMIT = SD_EVENT_PRIORITY_IMPORTANT,
	PRIORITY_OTHER = SD_EVENT_PRIORITY_NORMAL,
};

/* server.c: takes over both listening descriptors. */
struct server *server_new(struct store *s, int workers, int admin);
/* Writes the batch that is being gathered and answers it. */
void server_flush(struct server *v);
void server_free(struct server *v);

/* admin.c: answers one packet; false: disconnect. */
bool admin_answer(struct store *s, int sock, struct ipc_msg *m);

/* admin.c: who asked, as the kernel and the tool say. */
void admin_actor(int sock, const char *said, struct buf *b);

/* release.c */
struct release *release_new(struct store *s);
/* Row has recipients that wait: try soon. */
void release_add(struct release *r, int64_t row);
uint32_t release_waiting(const struct release *r);
const char *release_last_error(const struct release *r);
void release_free(struct release *r);

/* purge.c */
struct purge *purge_new(struct store *s);
/* Some steps at once, the rest soon after; *n_r: expired by this call. False:
 * not possible, e tells. */
bool purge_now(struct purge *p, unsigned *n_r, bool *more_r, struct err *e);
/* Reads the lifetimes again. */
void purge_reload(struct purge *p);
void purge_free(struct purge *p);

/* lists.c: publishes them, too. */
struct lists *lists_new(struct store *s);
/* A request of a tool; answers later. False: disconnect. */
bool lists_answer(struct lists *l, int sock, struct ipc_msg *m);
/* Writes the workers' file when it differs. */
void lists_reload(struct lists *l);
uint64_t lists_version(const struct lists *l);
/* Why the newest could not be published, "". */
const char *lists_error(const struct lists *l);
void lists_free(struct lists *l);

/* rules.c */

/* Reads the live rules; rules.active is made when workers could not load it.
 * NULL: e tells. */
struct rules *rules_new(struct store *s, struct err *e);
/* Compiles the live rules again and replaces rules.active when it differs. */
void rules_start(struct rules *r);
/* A request of a tool; actor: who it is. Answers later. False: disconnect. */
bool rules_request(struct rules *r, int sock, const struct ipc_msg *m,
    const char *actor);
void rules_free(struct rules *r);

#endif
