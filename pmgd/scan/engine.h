/*
 * The virus engine. engine.c is the only file that knows libclamav. One engine
 * a process; it is loaded once and then only read, so that children forked
 * afterwards share its memory.
 */
#ifndef PMG_SCAN_ENGINE_H
#define PMG_SCAN_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/base/err.h"
#include "lib/proto/scan.h"
#include "scan/scan.h"

struct engine;

struct engine_verdict {
	enum scan_result result;	/* never SCAN_NOT_READY */
	char name[256];			/* virus, or first heuristic; "" */
	char heuristics[1024];		/* comma-separated, each once; "" */
	bool limits;			/* not all of it was looked at */
	char detail[256];		/* why not scanned; "" */
};

/* Once a process, before any sandbox (it loads the unrar library). */
int engine_init(struct err *e);
/*
 * Loads and compiles all databases of s->dbdir, temporary files in tmpdir.
 * When one of them is broken, it is left out, unless it belongs to
 * s->required; *left_out counts such files. NULL: e tells.
 */
struct engine *engine_load(const struct scan_settings *s, const char *tmpdir,
    unsigned *left_out, struct err *e);
uint64_t engine_signatures(const struct engine *en);
/* Of the database daily; 0: none. */
uint64_t engine_db_version(const struct engine *en);
/* For a child: its own folder for temporary files. */
int engine_set_tmpdir(struct engine *en, const char *tmpdir, struct err *e);
/* p must be readable memory of this process, not a mapped file. ms: after so
 * long it gives up (SCAN_TIMEOUT). */
void engine_scan(struct engine *en, const void *p, size_t n, unsigned ms,
    struct engine_verdict *v);
/* Adds the verdict of something else in the same message: the worse one of
 * virus, time-out, failure, heuristic and clean counts. */
void engine_verdict_add(struct engine_verdict *to,
    const struct engine_verdict *v);

#endif
