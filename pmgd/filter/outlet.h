/*
 * Where a worker's messages go: Postfix and the store. Connections are kept
 * for the next message; what was kept too long, or was closed by the peer
 * meanwhile, is opened anew.
 */
#ifndef PMG_FILTER_OUTLET_H
#define PMG_FILTER_OUTLET_H

#include "lib/base/arena.h"
#include "lib/mail/envelope.h"
#include "lib/mail/smtp.h"
#include "lib/net/smtp_client.h"
#include "lib/proto/store.h"

enum {
	/* An idle worker closes its connections after this. */
	OUTLET_IDLE_MS = 2000,
	/* A process of Postfix keeps the settings it started with (the largest
	 * message, for one): after a reload a busy worker must not hold on to
	 * it. */
	OUTLET_AGE_MS = 10 * 1000,
};

struct outlet {
	struct smtp_client *client;	/* NULL = none open */
	char where[256];		/* that client's address */
	int64_t opened_ms;		/* monotonic */
	int store;			/* -1 = none open */
};
#define OUTLET_NONE ((struct outlet){.store = -1})

/*
 * Sends bytes back to Postfix at `where`, greeting as host, until deadline_ms
 * (clock_mono_ms). whole: to all recipients or to none, as
 * smtp_client_set_whole() says. -1: the connection failed before Postfix had
 * it all (e tells); 0: reply[i] for to[i], see smtp_client_send().
 */
int outlet_send(struct outlet *o, const char *where, const char *host,
    int64_t deadline_ms, bool whole, const struct envelope *env,
    const struct recipient *to, size_t nto, struct span bytes,
    struct smtp_reply *reply, struct err *e);
/* Asks the store at path to commit the file fd, until deadline_ms. -1: it did
 * not, e tells; its texts are copied into a. A store that breaks the protocol
 * is fatal(). */
int outlet_commit(struct outlet *o, const char *path, int64_t deadline_ms,
    int fd, struct span request, struct store_commit_reply *r,
    struct arena *a, struct err *e);

/* One commit of a set: an encoded struct store_commit and its file. */
struct outlet_member {
	struct buf request;
	int fd;			/* stays the caller's */
};
/* All of them or none. */
int outlet_commit_set(struct outlet *o, const char *path, int64_t deadline_ms,
    const struct outlet_member *m, size_t n, struct store_set_reply *r,
    struct arena *a, struct err *e);
bool outlet_is_open(const struct outlet *o);
void outlet_close(struct outlet *o);

#endif
