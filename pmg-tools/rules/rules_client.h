/* Requests to pmgd-store for one command line: connection, errors in words,
 * what an edit made. Everything prints its own errors. */
#ifndef PMG_TOOLS_RULES_CLIENT_H
#define PMG_TOOLS_RULES_CLIENT_H

#include <jansson.h>
#include "rules_command.h"

/*
 * Asks; actor and, where q has none, the comment are filled in. 0: the answer
 * is the caller's (rules_answer_free); else the exit status.
 */
int client_ask(struct cmd *c, struct rules_request *q,
    struct rules_answer *r);
/* As client_ask(), with the reply's text as JSON in *text_r (to be freed with
 * json_decref; NULL when it is empty). */
int client_ask_json(struct cmd *c, struct rules_request *q, json_t **text_r,
    struct rules_answer *r);

/* What an edit changed. */
struct client_done {
	uint64_t version;	/* of the live rules */
	uint64_t revision;	/* of the draft, 0 = none is open */
	json_t *ids;		/* of each operation; json_decref() */
};

/*
 * Sends operations (taken over) to c->target. based_on: 0 = whatever there is.
 * 0, or the exit status.
 */
int client_edit(struct cmd *c, json_t *operations, uint64_t based_on,
    struct client_done *d);
/*
 * Ends an edit: says what was done and where (`rule 5 "X" added, version 7`),
 * or the same as JSON; frees d. CMD_OK.
 */
int client_done(struct cmd *c, struct client_done *d, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The id of operation n. */
uint32_t client_id(const struct client_done *d, size_t n);
/* client_edit() with one operation, then client_done(). */
int client_edit_one(struct cmd *c, json_t *operation, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Text to stdout as one pretty JSON value; CMD_OK. */
int client_print_json(const json_t *j);

#endif
