/*
 * What is inside of a mail: its decoded contents on their way to the scanner,
 * and what the scanner found in them on its way into the rules. A mail of
 * plain texts has nothing of it and costs nothing.
 *
 * What mail programs read differently, and what is too deep, too large or too
 * much to be looked at whole, becomes a fact of its own: such a mail may hide
 * something from every check.
 */
#ifndef PMG_FILTER_INSIDE_H
#define PMG_FILTER_INSIDE_H

#include "filter/message.h"
#include "filter/worker.h"

/* What is sent along with the raw message. */
struct inside_objects {
	struct scan_object *object;
	size_t n;
	struct spool_file file;		/* fd -1: none */
};

/*
 * Fills m->inside as far as the bytes tell, and o with what the scanner has to
 * look at beside the raw message. needs: of the rules (NEED_*). -1: no space
 * in the spool. o is to be closed in any case.
 */
int inside_prepare(struct worker *w, struct message *m, unsigned needs,
    struct inside_objects *o, struct err *e);
void inside_close(struct inside_objects *o);
/* Takes over what m->scan tells; notes why a mail is unclear. */
void inside_finish(struct message *m);

#endif
