#include "scan/engine.h"

#include <clamav.h>
#include <string.h>
#include "lib/base/buf.h"
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"
#include "scan/dbdir.h"

/* From libclamav 0.101 (struct cl_scan_options); tried with 1.4. */

enum {
	BYTECODE_MS = 5000,	/* of one bytecode signature; default 60 s */
	LOGGED_NAME_MAX = 512,
	LOGGED_PER_SCAN = 5,	/* a message decides how much it complains */
};

struct engine {
	struct cl_engine *cl;
	struct cl_scan_options options;
	uint64_t signatures;
};

static bool scanning;
static unsigned messages;	/* since the last scan began */

/* libclamav has one message callback a process; its text may quote a mail. */
static void
engine_message(enum cl_msg severity, const char *full, const char *msg,
    void *context)
{
	AUTO_BUF struct buf b;

	(void)full;
	(void)context;
	buf_init(&b, 4 * LOGGED_NAME_MAX + 16);
	/* Loading may say what it likes: an administrator's files. */
	if (scanning && messages++ >= LOGGED_PER_SCAN)
		return;
	log_safe(&b, span_trim(span_str(msg)), LOGGED_NAME_MAX);
	if (severity >= CL_MSG_ERROR)
		log_error("libclamav: %s", buf_cstr(&b));
	else if (severity >= CL_MSG_WARN)
		log_warn("libclamav: %s", buf_cstr(&b));
	else
		log_debug("libclamav: %s", buf_cstr(&b));
}

int
engine_init(struct err *e)
{
	int rc;

	cl_set_clcb_msg(engine_message);
	rc = cl_init(CL_INIT_DEFAULT);
	if (rc != CL_SUCCESS)
		return err_set(e, "libclamav: %s", cl_strerror(rc));
	return 0;
}

static bool
has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* Whether the comma-separated list has this very name. */
static bool
list_has(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = list; *p != '\0';) {
		size_t item = strcspn(p, ",");

		if (item == n && memcmp(p, name, n) == 0)
			return true;
		p += item + (p[item] == ',');
	}
	return false;
}

static void
list_add(char *list, size_t size, const char *name)
{
	size_t used = strlen(list);

	if (list_has(list, name) || used + strlen(name) + 2 > size)
		return;
	if (used > 0)
		list[used++] = ',';
	str_copy(list + used, size - used, name);
}

/*
 * Called for each hit, heuristics included. A name that is no heuristic wins
 * over all of them, whatever the order.
 */
static void
engine_hit(int fd, const char *name, void *context)
{
	struct engine_verdict *v = context;

	(void)fd;
	if (v == NULL || name == NULL)
		return;
	if (has_prefix(name, "Heuristics.")) {
		list_add(v->heuristics, sizeof(v->heuristics), name);
	} else if (v->result != SCAN_VIRUS) {
		v->result = SCAN_VIRUS;
		str_copy(v->name, sizeof(v->name), name);
	}
}

static int
engine_limit(struct cl_engine *cl, const struct scan_settings *s)
{
	const struct {
		enum cl_engine_field field;
		long long value;
	} limits[] = {
		/* The message itself is a file to libclamav. */
		{CL_ENGINE_MAX_FILESIZE, (long long)(s->max_file >
		    s->max_message ? s->max_file : s->max_message)},
		{CL_ENGINE_MAX_SCANSIZE, (long long)s->max_scan},
		{CL_ENGINE_MAX_RECURSION, s->max_recursion},
		{CL_ENGINE_MAX_FILES, s->max_files},
		{CL_ENGINE_MAX_SCANTIME, s->scan_ms},
		{CL_ENGINE_BYTECODE_TIMEOUT, BYTECODE_MS},
	};
	int rc = CL_SUCCESS;

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]) &&
	    rc == CL_SUCCESS; i++)
		rc = cl_engine_set_num(cl, limits[i].field, limits[i].value);
	if (rc == CL_SUCCESS && s->max_cards > 0)
		rc = cl_engine_set_num(cl, CL_ENGINE_MIN_CC_COUNT,
		    s->max_cards);
	return rc;
}

static struct cl_scan_options
engine_options(const struct scan_settings *s)
{
	struct cl_scan_options o = {
		/* No HEURISTIC_PRECEDENCE: a real signature wins. */
		.general = CL_SCAN_GENERAL_HEURISTICS,
		.parse = ~0u,
		/* Without EXCEEDS_MAX what lies too deep counts as clean. */
		.heuristic = CL_SCAN_HEURISTIC_EXCEEDS_MAX |
		    CL_SCAN_HEURISTIC_BROKEN,
	};

	if (s->block_encrypted)
		o.heuristic |= CL_SCAN_HEURISTIC_ENCRYPTED_ARCHIVE |
		    CL_SCAN_HEURISTIC_ENCRYPTED_DOC;
	if (s->max_cards > 0)
		o.heuristic |= CL_SCAN_HEURISTIC_STRUCTURED |
		    CL_SCAN_HEURISTIC_STRUCTURED_CC;
	return o;
}

static struct engine *
engine_new(const struct scan_settings *s, const char *tmpdir, struct err *e)
{
	struct engine *en = xcalloc(1, sizeof(*en));
	int rc = CL_EMEM;

	en->cl = cl_engine_new();
	if (en->cl != NULL)
		rc = engine_limit(en->cl, s);
	if (rc == CL_SUCCESS)
		rc = cl_engine_set_str(en->cl, CL_ENGINE_TMPDIR, tmpdir);
	if (rc != CL_SUCCESS) {
		err_set(e, "libclamav: %s", cl_strerror(rc));
		if (en->cl != NULL)
			cl_engine_free(en->cl);
		free(en);
		return NULL;
	}
	cl_engine_set_clcb_virus_found(en->cl, engine_hit);
	en->options = engine_options(s);
	return en;
}

static void
engine_free(struct engine *en)
{
	cl_engine_free(en->cl);
	free(en);
}

static int
engine_load_path(struct engine *en, const char *path, struct err *e)
{
	/* cl_load() adds to it, and takes unsigned int only. */
	unsigned sigs = 0;
	int rc = cl_load(path, en->cl, &sigs, CL_DB_STDOPT);

	if (rc != CL_SUCCESS)
		return err_set(e, "%s: %s", path, cl_strerror(rc));
	en->signatures += sigs;
	return 0;
}

static int
engine_compile(struct engine *en, struct err *e)
{
	int rc = cl_engine_compile(en->cl);

	if (rc != CL_SUCCESS)
		return err_set(e, "libclamav: compile: %s", cl_strerror(rc));
	return 0;
}

struct sorting {
	const struct scan_settings *s;
	const char *tmpdir;
	char *good[DBDIR_FILES_MAX];
	unsigned ngood;
	unsigned left_out;
	bool failed;
	struct err *e;
};

/*
 * Tries one file in an engine of its own: a failed load leaves an engine that
 * may not be used any more.
 */
static void
sort_file(const char *path, const char *name, void *arg)
{
	struct sorting *so = arg;
	struct engine *en;
	struct err e = {""};
	int rc;

	if (so->failed || so->ngood == DBDIR_FILES_MAX)
		return;
	/* The required ones are large, and needed whatever this would say. */
	if (dbdir_is_required(name, so->s->required)) {
		so->good[so->ngood++] = xstrdup(path);
		return;
	}
	en = engine_new(so->s, so->tmpdir, so->e);
	if (en == NULL) {
		so->failed = true;
		return;
	}
	rc = engine_load_path(en, path, &e);
	engine_free(en);
	if (rc == 0) {
		so->good[so->ngood++] = xstrdup(path);
	} else {
		so->left_out++;
		log_error("signature file left out: %s", e.text);
	}
}

/* The slow way, after the whole folder failed: what loads, file by file. */
static struct engine *
engine_load_rest(const struct scan_settings *s, const char *tmpdir,
    unsigned *left_out, struct err *e)
{
	struct sorting so = {.s = s, .tmpdir = tmpdir, .e = e};
	struct engine *en = NULL;
	unsigned i;

	dbdir_each(s->dbdir, sort_file, &so);
	if (!so.failed && so.left_out > 0)
		en = engine_new(s, tmpdir, e);
	for (i = 0; en != NULL && i < so.ngood; i++) {
		if (engine_load_path(en, so.good[i], e) != 0) {
			engine_free(en);
			en = NULL;
		}
	}
	for (i = 0; i < so.ngood; i++)
		free(so.good[i]);
	*left_out = so.left_out;
	return en;
}

struct engine *
engine_load(const struct scan_settings *s, const char *tmpdir,
    unsigned *left_out, struct err *e)
{
	struct engine *en = engine_new(s, tmpdir, e);

	*left_out = 0;
	if (en == NULL)
		return NULL;
	if (engine_load_path(en, s->dbdir, e) != 0) {
		engine_free(en);
		en = engine_load_rest(s, tmpdir, left_out, e);
	}
	if (en != NULL && engine_compile(en, e) != 0) {
		engine_free(en);
		en = NULL;
	}
	return en;
}

uint64_t
engine_signatures(const struct engine *en)
{
	return en->signatures;
}

uint64_t
engine_db_version(const struct engine *en)
{
	int rc = 0;
	long long v = cl_engine_get_num(en->cl, CL_ENGINE_DB_VERSION, &rc);

	return rc == CL_SUCCESS && v > 0 ? (uint64_t)v : 0;
}

int
engine_set_tmpdir(struct engine *en, const char *tmpdir, struct err *e)
{
	int rc = cl_engine_set_str(en->cl, CL_ENGINE_TMPDIR, tmpdir);

	if (rc != CL_SUCCESS)
		return err_set(e, "libclamav: %s", cl_strerror(rc));
	return 0;
}

/* What one mail can bring about by its size and depth is not a failure of the
 * engine: the rest of it was looked at. */
static bool
is_limit(int rc)
{
	return rc == CL_EMAXREC || rc == CL_EMAXSIZE || rc == CL_EMAXFILES;
}

/* Anything that is neither clean nor a hit was not scanned. */
static void
verdict_decide(struct engine_verdict *v, int rc, const char *name)
{
	if (rc == CL_VIRUS)
		engine_hit(-1, name, v);
	v->limits = is_limit(rc) ||
	    strstr(v->heuristics, "Heuristics.Limits.Exceeded") != NULL;
	if (is_limit(rc))
		rc = CL_CLEAN;
	if (v->result == SCAN_VIRUS)
		return;
	if (rc == CL_ETIMEOUT ||
	    list_has(v->heuristics, "Heuristics.Limits.Exceeded.MaxScanTime")) {
		v->result = SCAN_TIMEOUT;
		str_copy(v->detail, sizeof(v->detail),
		    "the virus scan took longer than its time limit");
	} else if (rc != CL_CLEAN && rc != CL_VIRUS) {
		v->result = SCAN_FAILED;
		str_copy(v->detail, sizeof(v->detail), cl_strerror(rc));
	} else if (v->heuristics[0] != '\0') {
		v->result = SCAN_HEURISTIC;
		v->heuristics[sizeof(v->heuristics) - 1] = '\0';
		str_copy(v->name, sizeof(v->name), v->heuristics);
		v->name[strcspn(v->name, ",")] = '\0';
	} else if (rc == CL_VIRUS) {
		v->result = SCAN_FAILED;
		str_copy(v->detail, sizeof(v->detail),
		    "libclamav reports a virus without a name");
	}
}

static int
rank(enum scan_result r)
{
	static const enum scan_result worse[] = {SCAN_CLEAN, SCAN_HEURISTIC,
	    SCAN_FAILED, SCAN_TIMEOUT, SCAN_VIRUS};
	int i;

	for (i = 0; worse[i] != r; i++)
		;
	return i;
}

void
engine_verdict_add(struct engine_verdict *to, const struct engine_verdict *v)
{
	char name[sizeof(v->name)];

	to->limits = to->limits || v->limits;
	for (const char *p = v->heuristics; *p != '\0';) {
		size_t n = strcspn(p, ",");

		if (n < sizeof(name)) {
			memcpy(name, p, n);
			name[n] = '\0';
			list_add(to->heuristics, sizeof(to->heuristics), name);
		}
		p += n + (p[n] == ',');
	}
	if (rank(v->result) <= rank(to->result))
		return;
	to->result = v->result;
	memcpy(to->name, v->name, sizeof(to->name));
	memcpy(to->detail, v->detail, sizeof(to->detail));
}

void
engine_scan(struct engine *en, const void *p, size_t n, unsigned ms,
    struct engine_verdict *v)
{
	/* The library may change the options. */
	struct cl_scan_options o = en->options;
	const char *name = NULL;
	unsigned long scanned = 0;
	cl_fmap_t *map;
	int rc;

	*v = (struct engine_verdict){.result = SCAN_CLEAN};
	/* An empty message: nothing to map, nothing to find. */
	if (n == 0)
		return;
	map = cl_fmap_open_memory(p, n);
	if (map == NULL) {
		v->result = SCAN_FAILED;
		str_copy(v->detail, sizeof(v->detail),
		    "libclamav could not map the message");
		return;
	}
	cl_engine_set_num(en->cl, CL_ENGINE_MAX_SCANTIME, ms);
	scanning = true;
	messages = 0;
	rc = cl_scanmap_callback(map, NULL, &name, &scanned, en->cl, &o, v);
	scanning = false;
	if (messages > LOGGED_PER_SCAN)
		log_warn("libclamav: %u more messages",
		    messages - LOGGED_PER_SCAN);
	verdict_decide(v, rc, name);
	/* The name points into the map's or the engine's memory. */
	cl_fmap_close(map);
}
