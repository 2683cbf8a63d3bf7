/*
 * pmg status: asks each part how it is and says it in plain words. It never
 * waits long for one that hangs, and one that is gone is an answer too.
 */
#include "ldap/ldap_state.h"
#include "pmg.h"
#include "rules/pmg_rules_load.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "lib/base/arena.h"
#include "lib/base/atomicfile.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/ipc.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/base/xalloc.h"
#include "lib/config/config.h"
#include "lib/config/ldap.h"
#include "lib/proto/filter.h"
#include "lib/proto/scan.h"
#include "lib/proto/store_admin.h"

enum {
	CONNECT_MS = 2000,
	ANSWER_MS = 5000,
	ARENA_MAX = 1024 * 1024,
	TEXT_MAX = 2048,
	DEFERRED_MANY = 500,	/* waiting: somebody should look */
	QUEUE_DEPTH = 4,	/* levels of hashed queue folders, at most */
	DISK_LOW_PERCENT = 5,
};

enum level { GREEN, YELLOW, RED };
static const char *const level_name[] = {"green", "yellow", "red"};

struct report {
	const struct pmg *p;
	json_t *parts;
	enum level worst;
};

static void __attribute__((format(printf, 4, 5)))
say(struct report *r, const char *part, enum level level, const char *fmt, ...)
{
	struct buf raw, text;
	va_list ap;

	buf_init(&raw, TEXT_MAX);
	buf_init(&text, 5 * TEXT_MAX);
	va_start(ap, fmt);
	buf_vprintf(&raw, fmt, ap);
	va_end(ap);
	log_safe(&text, buf_span(&raw), TEXT_MAX);
	if (level > r->worst)
		r->worst = level;
	json_array_append_new(r->parts, json_pack("{s:s s:s s:s}", "part",
	    part, "state", level_name[level], "text", buf_cstr(&text)));
	if (!r->p->json)
		printf("%-6s  %-12s %s\n", level_name[level], part,
		    buf_cstr(&text));
	buf_free(&raw);
	buf_free(&text);
}

/* One question, one answer into b. -1: e tells. */
static int
ask(const char *path, uint16_t question, uint16_t answer, struct buf *b,
    struct span *body_r, struct err *e)
{
	AUTO_CLOSE int fd = ipc_connect(path, CONNECT_MS, e);
	struct ipc_msg m;
	int rc;

	if (fd < 0 || ipc_send(fd, question, span_of("", 0), NULL, 0,
	    CONNECT_MS, e) != 0)
		return -1;
	rc = ipc_recv(fd, &m, b, ANSWER_MS, e);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return err_set(e, "it hung up");
	ipc_close_fds(&m);
	if (m.type != answer)
		return err_set(e, "it gave an unexpected answer (%u)", m.type);
	*body_r = m.body;
	return 0;
}

static void
no_answer(struct report *r, const char *part, const char *daemon,
    enum level level, const char *path, const struct err *e)
{
	if (access(path, W_OK) != 0 && errno == EACCES)
		say(r, part, YELLOW, "%s may not be asked by this user; run "
		    "this command as root", daemon);
	else
		say(r, part, level, "%s does not answer on %s: is the service "
		    "running? (systemctl status %s) [%s]", daemon, path,
		    daemon, e->text);
}

/* Local time as people write it, "never" for 0. */
static const char *
time_text(char out[32], int64_t seconds)
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (seconds == 0 || localtime_r(&t, &tm) == NULL ||
	    strftime(out, 32, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		str_copy(out, 32, "never");
	return out;
}

static void
check_filter(struct report *r)
{
	const char *path = r->p->paths.filter_control;
	AUTO_BUF struct buf b;
	struct filter_status s;
	struct span body;
	struct err e;
	char since[32];

	buf_init(&b, IPC_MAX);
	if (ask(path, FILTER_MSG_STATUS, FILTER_MSG_STATUS_REPLY, &b, &body,
	    &e) != 0) {
		no_answer(r, "filter", "pmgd", RED, path, &e);
		return;
	}
	if (filter_status_get(body, &s) != 0) {
		say(r, "filter", YELLOW, "pmgd is of another version than "
		    "this tool");
		return;
	}
	say(r, "filter", GREEN, "%" PRIu64 " messages since %s, %" PRIu64
	    " deferred; %" PRIu32 " of %" PRIu32 " workers busy", s.messages,
	    time_text(since, s.started_us / 1000000), s.deferred, s.busy,
	    s.workers);
	if (s.workers > 0 && s.busy >= s.workers)
		say(r, "filter", YELLOW, "all workers are busy: mail waits in "
		    "Postfix (mail.filter_workers)");
	if (s.parked > 0)
		say(r, "filter", YELLOW, "%" PRIu64 " messages were put into "
		    "quarantine unread because they crashed the filter",
		    s.parked);
	if (s.spamd_open)
		say(r, "spam", YELLOW, "SpamAssassin failed too often and is "
		    "not asked for now: mail passes without a spam score");
	else
		say(r, "spam", GREEN, "%" PRIu32 " of %" PRIu32 " places at "
		    "SpamAssassin in use, %" PRIu32 " waiting; %" PRIu64
		    " failures", s.slots_used, s.slots, s.slots_waiting,
		    s.spamd_failures);
}

static void
check_scan(struct report *r, const struct config *c)
{
	/* Without settings of its own to go by: the default. */
	bool defer = c == NULL ||
	    strcmp(config_str(c, "mail", "av_failure"), "defer") == 0;
	const char *path = r->p->paths.scan;
	AUTO_BUF struct buf b;
	struct scan_status s;
	struct arena a;
	struct span body;
	struct err e;
	char loaded[32];

	if (c != NULL && !config_bool(c, "admin", "clamav")) {
		say(r, "virus", YELLOW, "switched off (admin.clamav)");
		return;
	}
	buf_init(&b, IPC_MAX);
	arena_init(&a, ARENA_MAX);
	if (ask(path, SCAN_MSG_STATUS, SCAN_MSG_STATUS_REPLY, &b, &body, &e))
		no_answer(r, "virus", "pmgd-scan", RED, path, &e);
	else if (scan_status_get(body, &s, &a) != 0)
		say(r, "virus", YELLOW, "pmgd-scan is of another version than "
		    "this tool");
	else if (!s.ready)
		say(r, "virus", defer ? RED : YELLOW, "not ready: %s; %s",
		    s.detail, defer ? "mail waits until it is"
		    : "mail passes unscanned (mail.av_failure)");
	else
		say(r, "virus", GREEN, "%" PRIu64 " signatures loaded %s, %"
		    PRIu64 " messages scanned, %" PRIu64 " crashes",
		    s.signatures, time_text(loaded, (int64_t)s.loaded_at),
		    s.scanned, s.crashed);
	arena_free(&a);
}

/* The store writes the file and does not read it again; new workers do. */
static void
say_lists(struct report *r, const struct store_status *s)
{
	struct userlist *l;
	struct err e;

	if (*s->lists_error != '\0') {
		say(r, "lists", YELLOW, "the filter uses older user lists: %s",
		    s->lists_error);
		return;
	}
	l = rules_load_lists(&r->p->paths, &e);
	if (l == NULL)
		say(r, "lists", YELLOW, "new workers go without user lists: "
		    "%s: %s; reload pmgd-store to have it written anew",
		    r->p->paths.lists, e.text);
	userlist_free(l);
}

static void
say_store(struct report *r, const struct store_status *s)
{
	static const char *const kind[QUARANTINE_KINDS] = {"spam", "virus",
	    "attachment", "poison", "held"};
	uint64_t held = s->count[QUARANTINE_KINDS - 1];
	struct buf text;

	buf_init(&text, TEXT_MAX);
	for (size_t i = 0; i < QUARANTINE_KINDS; i++)
		buf_printf(&text, "%s%" PRIu64 " %s", i ? ", " : "",
		    s->count[i], kind[i]);
	say(r, "quarantine", s->ready ? GREEN : RED, "%s%s; %" PRIu64
	    " failed commits", s->ready ? "" : "not ready: ",
	    buf_cstr(&text), s->failures);
	buf_free(&text);
	if (*s->rules_error != '\0')
		say(r, "rules", YELLOW, "the newest rules do not compile, the "
		    "last good ones stay in use: %s", s->rules_error);
	say_lists(r, s);
	if (*s->release_error != '\0' && s->releases > 0)
		say(r, "quarantine", YELLOW, "%" PRIu32 " releases wait: %s",
		    s->releases, s->release_error);
	if (held > s->releases)
		say(r, "quarantine", YELLOW, "%" PRIu64 " accepted messages "
		    "are held because Postfix refused them: pmgqm list "
		    "--kind held", held - s->releases);
	if (s->disk_size > 0 &&
	    s->disk_free / (s->disk_size / 100 + 1) < DISK_LOW_PERCENT)
		say(r, "quarantine", YELLOW, "the disk is nearly full: %"
		    PRIu64 " MB left", s->disk_free / 1048576);
}

static void
check_store(struct report *r)
{
	const char *path = r->p->paths.store_admin;
	AUTO_BUF struct buf b;
	struct store_status s;
	struct arena a;
	struct span body;
	struct err e;

	buf_init(&b, IPC_MAX);
	arena_init(&a, ARENA_MAX);
	if (ask(path, STORE_MSG_STATUS, STORE_MSG_STATUS_REPLY, &b, &body,
	    &e) != 0)
		no_answer(r, "quarantine", "pmgd-store", RED, path, &e);
	else if (store_status_get(body, &s, &a) != 0)
		say(r, "quarantine", YELLOW, "pmgd-store is of another version "
		    "than this tool");
	else
		say_store(r, &s);
	arena_free(&a);
}

/*
 * Files in a queue folder and in the hashed folders below it; no recursion:
 * one open folder a level. -1: not readable.
 */
static int64_t
count_queue(const char *path)
{
	char *name[QUEUE_DEPTH] = {xstrdup(path)};
	DIR *dir[QUEUE_DEPTH] = {opendir(path)};
	int64_t n = dir[0] == NULL ? -1 : 0;
	int depth = dir[0] == NULL ? -1 : 0;

	if (depth < 0)
		free(name[0]);
	while (depth >= 0) {
		const struct dirent *d = readdir(dir[depth]);

		if (d == NULL) {
			closedir(dir[depth]);
			free(name[depth--]);
		} else if (d->d_type == DT_REG) {
			n++;
		} else if (d->d_type == DT_DIR && d->d_name[0] != '.' &&
		    depth + 1 < QUEUE_DEPTH) {
			char *sub = xasprintf("%s/%s", name[depth], d->d_name);
			DIR *x = opendir(sub);

			if (x == NULL) {
				free(sub);
				continue;
			}
			name[++depth] = sub;
			dir[depth] = x;
		}
	}
	return n;
}

static bool
postfix_runs(const char *queue)
{
	AUTO_FREE char *path = xasprintf("%s/pid/master.pid", queue);
	AUTO_BUF struct buf b;
	int64_t pid;

	buf_init(&b, 64);
	if (file_read(path, &b, NULL) != 0 ||
	    !str_num(span_trim(buf_span(&b)), 1, INT32_MAX, &pid))
		return false;
	return kill((pid_t)pid, 0) == 0 || errno == EPERM;
}

static void
check_postfix(struct report *r)
{
	static const char *const queues[] = {"maildrop", "incoming", "active",
	    "deferred", "hold", "corrupt"};
	AUTO_FREE char *base = xasprintf("%s/var/spool/postfix", r->p->root);
	int64_t n[6];

	if (!postfix_runs(base)) {
		say(r, "postfix", RED, "not running: no mail comes in or goes "
		    "out (systemctl status postfix)");
		return;
	}
	for (size_t i = 0; i < 6; i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", base, queues[i]);

		n[i] = count_queue(path);
		if (n[i] >= 0)
			continue;
		say(r, "postfix", YELLOW, "running; the queue may not be read "
		    "by this user");
		return;
	}
	say(r, "postfix", n[3] > DEFERRED_MANY || n[5] > 0 ? YELLOW : GREEN,
	    "%" PRId64 " messages on their way, %" PRId64 " deferred, %"
	    PRId64 " on hold%s", n[0] + n[1] + n[2], n[3], n[4],
	    n[5] > 0 ? ", some corrupt" : "");
}

/* Is the key in applied.conf as pmg.conf has it? pmgconfig writes all keys. */
static bool
is_applied(struct span applied, const struct config *c,
    const struct config_key *k)
{
	const char *text = config_str(c, k->section, k->name);
	struct buf line;
	bool found;

	buf_init(&line, TEXT_MAX);
	buf_printf(&line, "\n%s.%s = ", k->section, k->name);
	if (k->type == CONF_INT && *text != '\0')
		buf_printf(&line, "%" PRId64 "\n", config_int(c, k->section,
		    k->name));
	else
		buf_printf(&line, "%s\n", text);
	/* Too long to compare: not what anybody has to be told. */
	found = line.overflow ||
	    span_find(applied, 0, buf_span(&line)) != SIZE_MAX;
	buf_free(&line);
	return found;
}

static void
check_applied(struct report *r, const struct config *c)
{
	AUTO_FREE char *path = xasprintf("%s/applied.conf", r->p->paths.state);
	const struct config_key *first = NULL;
	AUTO_BUF struct buf b;
	unsigned n = 0;

	buf_init(&b, ARENA_MAX);
	if (file_read(path, &b, NULL) != 0) {
		if (access(path, F_OK) != 0)
			say(r, "config", YELLOW, "nothing has been applied "
			    "yet: pmgconfig sync --restart");
		return;
	}
	for (unsigned i = 0; i < config_nkeys; i++)
		if (!is_applied(buf_span(&b), c, &config_schema[i]) &&
		    n++ == 0)
			first = &config_schema[i];
	if (first != NULL)
		say(r, "config", YELLOW, "%s.%s%s changed since the last sync: "
		    "pmgconfig sync --dry-run shows what differs, pmgconfig "
		    "sync --restart applies it", first->section, first->name,
		    n > 1 ? " and others have" : " has");
}

static void
check_config(struct report *r, struct config **c)
{
	AUTO_FREE char *pending = xasprintf("%s/restart-needed",
	    r->p->paths.state);
	struct err e;

	*c = config_load(r->p->paths.config, &e);
	if (*c == NULL)
		say(r, "config", YELLOW, "%s; the running configuration "
		    "stays", e.text);
	else
		check_applied(r, *c);
	if (access(pending, F_OK) == 0)
		say(r, "config", YELLOW, "changes are written, but not every "
		    "service has read them: pmgconfig sync --restart");
}

static void
check_ldap_profile(struct report *r, const struct ldap_profile *p)
{
	int64_t now = (int64_t)time(NULL);
	struct ldap_state s;
	char age[32];
	struct err e;

	if (ldap_state_load(&r->p->paths, p->name, &s, &e) != 0)
		say(r, "ldap", YELLOW, "%s: what was fetched may not be read "
		    "by this user [%s]", p->name, e.text);
	else if (s.synced == 0)
		say(r, "ldap", YELLOW, "%s: no data: rules with this profile "
		    "match nobody%s%s", p->name, s.error[0] ? "; " :
		    " until pmg ldap sync has run", s.error);
	else
		say(r, "ldap", s.error[0] == '\0' &&
		    now - s.synced < LDAP_OLD_S ? GREEN : YELLOW,
		    "%s: %" PRId64 " accounts, fetched %s ago%s%s", p->name,
		    s.accounts, ldap_age_text(age, now - s.synced),
		    s.error[0] ? "; the last sync failed: " : "", s.error);
}

static void
check_ldap(struct report *r)
{
	AUTO_FREE char *path = xasprintf("%s/ldap.conf",
	    r->p->paths.config);
	struct ldap_conf c;
	struct err e;

	if (access(path, F_OK) == 0 && access(path, R_OK) != 0)
		return;		/* it holds passwords: not for everybody */
	if (ldap_conf_load(&c, path, &e) != 0) {
		say(r, "ldap", YELLOW, "%s; what was fetched before stays in "
		    "use", e.text);
		return;
	}
	for (size_t i = 0; i < c.n; i++)
		if (!c.profile[i].disable)
			check_ldap_profile(r, &c.profile[i]);
	ldap_conf_free(&c);
}

int
pmg_status(const struct pmg *p)
{
	struct report r = {.p = p, .parts = json_array()};
	struct config *c;

	check_config(&r, &c);
	check_postfix(&r);
	check_filter(&r);
	check_scan(&r, c);
	check_store(&r);
	check_ldap(&r);
	config_free(c);
	if (p->json) {
		json_t *o = json_pack("{s:s s:O}", "state",
		    level_name[r.worst], "parts", r.parts);

		json_dumpf(o, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(o);
	} else {
		printf("%s\n", level_name[r.worst]);
	}
	json_decref(r.parts);
	return (int)r.worst;
}
