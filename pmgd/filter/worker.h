/*
 * A worker: one session at a time, straight-line blocking code, recycled
 * after WORKER_SESSIONS of them, which bounds any leak.
 */
#ifndef PMG_FILTER_WORKER_H
#define PMG_FILTER_WORKER_H

#include <stdbool.h>
#include "filter/outlet.h"
#include "filter/parentlink.h"
#include "filter/watched.h"
#include "lib/config/config.h"
#include "lib/config/paths.h"
#include "lib/rules/directory.h"
#include "lib/rules/rules.h"
#include "lib/rules/userlist.h"

enum { WORKER_SESSIONS = 200 };

/* What a worker knows besides the message; reloaded between messages. */
struct worker {
	const struct paths *paths;
	struct parent_link link;
	struct config *config;
	struct file_stamp config_stamp;
	struct ruleset *rules;
	struct watched rules_file;
	struct userlist *lists;		/* NULL = none */
	struct watched lists_file;
	struct directory *directory;	/* LDAP; NULL = none */
	struct watched directory_file;
	char host[256];
	char reinject[256];	/* where accepted mail goes back to Postfix */
	struct outlet outlet;
	int listen_in, listen_out;
	uint32_t ticket;
};

/* Never returns: ends with exit(). */
void worker_run(struct worker *w) __attribute__((noreturn));
/* Takes new settings, rules, user lists or LDAP data when their file changed.
 * A broken file leaves what was good before in force. */
void worker_refresh_settings(struct worker *w);
void worker_refresh_rules(struct worker *w);
void worker_refresh_lists(struct worker *w);
void worker_refresh_directory(struct worker *w);
/* True after SIGTERM: finish the message in work, then end. */
bool worker_stopping(void);
/* Becomes, and stays, readable then. */
int worker_stop_fd(void);

#endif
