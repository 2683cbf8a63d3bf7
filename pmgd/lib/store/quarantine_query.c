/* What people see of the quarantine. */
#include "lib/store/quarantine.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/base/cleanup.h"
#include "lib/base/ipc.h"
#include "lib/store/quarantine_internal.h"

/*
 * What a reply may carry, so that one packet holds it: texts are cut, lists are
 * short. The message itself has everything.
 */
enum {
	PAGE_BYTES = IPC_MAX / 2,
	LIST_RCPTS = 20,
	LIST_TEXT = 512,
	SHOW_TEXT = 4096,
	INFO_TEXT = 16384,
	ADDR_TEXT = 320,
	NOTE_TEXT = 256,
};

#define ENTRY                                                                  \
	"SELECT m.seq, m.kind, m.file, m.size, m.time_us, m.queue_id, m.logid,"\
	" m.sender, m.header_from, m.subject, m.message_id, m.rule, m.virus,"  \
	" m.spam_level, m.spam_info, m.client_addr, m.dir, m.recovered,"       \
	" m.node, " NOT_REMOVED " FROM messages m "
#define LISTED                                                                 \
	"WHERE (?1 = '' OR m.kind = ?1)"                                       \
	" AND (?2 = '' OR m.sender = ?2 COLLATE NOCASE)"                       \
	" AND m.time_us >= ?3 AND m.time_us < ?4 AND m.seq < ?5 "

static const char *
text_cut(struct db_query *q, int column, size_t max, struct arena *a)
{
	struct span s = span_str(db_text(q, column));

	return arena_strndup(a, span_sub(s, 0, max));
}

static void
entry_text(struct db_query *m, struct store_entry *s, size_t max,
    struct arena *a)
{
	const char **const text[] = {&s->queue_id, &s->logid, &s->sender,
	    &s->header_from, &s->subject, &s->message_id, &s->rule, &s->virus};

	for (size_t i = 0; i < sizeof(text) / sizeof(*text); i++)
		*text[i] = text_cut(m, 5 + (int)i, max, a);
	s->file = arena_strdup(a, db_text(m, 2));
	s->spam_info = text_cut(m, 14, max == SHOW_TEXT ? INFO_TEXT : 0, a);
	s->client_addr = text_cut(m, 15, ADDR_TEXT, a);
}

/* A row of ENTRY, without recipients; its number. */
static int64_t
entry_fill(struct quarantine *q, struct db_query *m, struct store_entry *s,
    size_t max, struct arena *a)
{
	char id[STORE_ID];
	struct stat st;

	store_id_print(id, (uint32_t)db_int(m, 18), db_int(m, 0));
	*s = (struct store_entry){.kind = (uint8_t)db_text(m, 1)[0]};
	s->id = arena_strdup(a, id);
	s->size = (uint64_t)db_int(m, 3);
	s->time_us = (uint64_t)db_int(m, 4);
	s->spam_level = (int32_t)db_int(m, 13);
	s->dir = (uint8_t)db_int(m, 16);
	s->recovered = (uint8_t)db_int(m, 17);
	s->missing = db_int(m, 19) != 0 && fstatat(q->root, db_text(m, 2), &st,
	    AT_SYMLINK_NOFOLLOW) != 0;
	entry_text(m, s, max, a);
	return db_int(m, 0);
}

static const char *
state_of(const char *action)
{
	static const char *const map[][2] = {{"", "new"},
	    {"release", "releasing"}, {"again", "releasing"},
	    {"delete", "deleted"}};

	for (size_t i = 0; i < sizeof(map) / sizeof(*map); i++)
		if (strcmp(action, map[i][0]) == 0)
			return map[i][1];
	return action;
}

static int
entry_rcpts(struct quarantine *q, int64_t row, struct store_entry *s,
    uint32_t max, struct arena *a, struct err *e)
{
	AUTO_QUERY struct db_query *r = db_query(q->db, e,
	    "SELECT r.addr, " LAST_ACTION("action") ", "
	    LAST_ACTION("time_us") " FROM recipients r"
	    " WHERE r.message = ?1 ORDER BY r.seq", "i", row);
	int rc;

	s->rcpt = arena_array(a, max, sizeof(*s->rcpt));
	if (r == NULL || s->rcpt == NULL)
		return -1;
	while ((rc = db_step(r, e)) == 1) {
		struct store_entry_rcpt *to = &s->rcpt[s->nrcpt];

		if (s->nrcpt_all++ >= max)
			continue;
		to->addr = text_cut(r, 0, ADDR_TEXT, a);
		to->state = arena_strdup(a, state_of(db_text(r, 1)));
		to->time_us = (uint64_t)db_int(r, 2);
		s->nrcpt++;
	}
	return rc;
}

static int
entry_actions(struct quarantine *q, int64_t row, struct store_entry *s,
    struct arena *a, struct err *e)
{
	AUTO_QUERY struct db_query *t = db_query(q->db, e,
	    "SELECT t.time_us, t.action, ifnull(r.addr, ''), t.actor, t.detail"
	    " FROM (SELECT * FROM actions WHERE message = ?1"
	    " ORDER BY seq DESC LIMIT ?2) t"
	    " LEFT JOIN recipients r ON r.seq = t.recipient ORDER BY t.seq",
	    "ii", row, (int64_t)STORE_ACTIONS_SHOWN);
	int rc;

	s->action = arena_array(a, STORE_ACTIONS_SHOWN, sizeof(*s->action));
	if (t == NULL || s->action == NULL)
		return -1;
	while ((rc = db_step(t, e)) == 1) {
		struct store_entry_action *to = &s->action[s->naction++];

		to->time_us = (uint64_t)db_int(t, 0);
		to->action = arena_strdup(a, db_text(t, 1));
		to->rcpt = text_cut(t, 2, ADDR_TEXT, a);
		to->actor = text_cut(t, 3, NOTE_TEXT, a);
		to->detail = text_cut(t, 4, NOTE_TEXT, a);
	}
	return rc;
}

static struct db_query *
list_query(struct quarantine *q, const struct store_list *l, struct err *e)
{
	const char kind[2] = {(char)l->kind, '\0'};
	int64_t until = l->until_us == 0 || l->until_us > INT64_MAX
	    ? INT64_MAX : (int64_t)l->until_us;
	int64_t since = l->since_us > INT64_MAX ? INT64_MAX
	    : (int64_t)l->since_us;
	int64_t before = l->before > 0 ? l->before : INT64_MAX;

	/* Of one mailbox: found by its recipient rows, however few they are
	 * among all. */
	if (l->rcpt[0] != '\0')
		return db_query(q->db, e,
		    ENTRY LISTED "AND m.seq IN (SELECT r.message"
		    " FROM recipients r WHERE r.addr = ?6 COLLATE NOCASE) AND "
		    NOT_REMOVED " ORDER BY m.seq DESC", "ssiiis", kind,
		    l->sender, since, until, before, l->rcpt);
	return db_query(q->db, e,
	    ENTRY LISTED "AND " NOT_REMOVED " ORDER BY m.seq DESC", "ssiii",
	    kind, l->sender, since, until, before);
}

/* The first entry always goes in. */
static bool
page_full(const struct store_page *page, uint32_t limit, size_t bytes)
{
	return page->nentry >= limit ||
	    (page->nentry > 0 && bytes >= PAGE_BYTES);
}

int
quarantine_list(struct quarantine *q, const struct store_list *l,
    struct store_page *page, struct arena *a, struct err *e)
{
	AUTO_QUERY struct db_query *m = list_query(q, l, e);
	uint32_t limit = l->limit > 0 && l->limit < STORE_PAGE ? l->limit
	    : STORE_PAGE;
	int64_t row = 0;
	size_t start;
	int rc = 1;

	*page = (struct store_page){
	    .entry = arena_array(a, limit, sizeof(*page->entry))};
	if (m == NULL || page->entry == NULL)
		return -1;
	start = a->used;
	while (!page_full(page, limit, a->used - start) &&
	    (rc = db_step(m, e)) == 1) {
		struct store_entry *s = &page->entry[page->nentry];

		row = entry_fill(q, m, s, LIST_TEXT, a);
		if (entry_rcpts(q, row, s, LIST_RCPTS, a, e) != 0)
			return -1;
		page->nentry++;
	}
	if (rc < 0)
		return -1;
	page->next = rc == 1 ? row : 0;
	if (arena_full(a))
		return err_set(e, "list is too large");
	return 0;
}

int
quarantine_show(struct quarantine *q, int64_t row, struct store_entry *s,
    struct arena *a, struct err *e)
{
	AUTO_QUERY struct db_query *m =
	    db_query(q->db, e, ENTRY "WHERE m.seq = ?1", "i", row);
	int rc = m == NULL ? -1 : db_step(m, e);

	if (rc <= 0)
		return rc;
	entry_fill(q, m, s, SHOW_TEXT, a);
	if (entry_rcpts(q, row, s, STORE_RCPTS_SHOWN, a, e) != 0 ||
	    entry_actions(q, row, s, a, e) != 0)
		return -1;
	return arena_full(a) ? err_set(e, "too large to show") : 1;
}

int
quarantine_file(struct quarantine *q, int64_t row, struct err *e)
{
	AUTO_QUERY struct db_query *m = db_query(q->db, e,
	    "SELECT file FROM messages WHERE seq = ?1", "i", row);
	int rc = m == NULL ? -1 : db_step(m, e);
	bool missing;
	int fd;

	if (rc < 0)
		return -1;
	if (rc == 0)
		return err_set(e, "no such message");
	fd = quarfile_open(q->root, db_text(m, 0), &missing, e);
	return fd < 0 && missing ? err_set(e, "its file is missing") : fd;
}
