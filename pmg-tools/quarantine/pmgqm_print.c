#include "pmgqm.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/base/str.h"

enum {
	CELL = 4096,		/* bytes of a cell's text */
	SUBJECT_SHOWN = 60,
	ADDR_SHOWN = 40,
	VALUE_SHOWN = 4000,
};

enum column { COL_ID, COL_TIME, COL_KIND, COL_STATE, COL_LEVEL, COL_SIZE,
	COL_FROM, COL_TO, COL_SUBJECT, COLUMNS };

static const char *const heading[COLUMNS] = {"ID", "ARRIVED", "KIND", "STATE",
    "LEVEL", "BYTES", "SENDER", "RECIPIENT", "SUBJECT"};

static const char *
kind_name(uint8_t kind)
{
	switch (kind) {
	case 'S':
		return "spam";
	case 'V':
		return "virus";
	case 'A':
		return "attachment";
	case 'P':
		return "poison";
	case 'H':
		return "held";
	default:
		return "?";
	}
}

static void
put_time(struct buf *b, uint64_t us)
{
	time_t t = (time_t)(us / 1000000);
	char text[32];
	struct tm tm;

	if (us / 1000000 > INT32_MAX || localtime_r(&t, &tm) == NULL ||
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm) == 0)
		buf_puts(b, "?");
	else
		buf_puts(b, text);
}

/* One word for all recipients: the state they share, or "partly". */
static const char *
common_state(const struct store_entry *s)
{
	if (s->missing)
		return "file missing";
	for (uint32_t i = 1; i < s->nrcpt; i++)
		if (strcmp(s->rcpt[i].state, s->rcpt[0].state) != 0)
			return "partly";
	if (s->nrcpt == 0)
		return s->recovered ? "recovered" : "new";
	return s->rcpt[0].state;
}

static void
put_rcpts(struct buf *b, const struct store_entry *s)
{
	if (s->nrcpt == 0) {
		buf_puts(b, "(unknown)");
		return;
	}
	log_safe(b, span_str(s->rcpt[0].addr), ADDR_SHOWN);
	if (s->nrcpt_all > 1)
		buf_printf(b, " (+%" PRIu32 ")", s->nrcpt_all - 1);
}

static void
put_cell(struct buf *b, const struct store_entry *s, enum column c)
{
	switch (c) {
	case COL_ID:
		buf_puts(b, s->id);
		break;
	case COL_TIME:
		put_time(b, s->time_us);
		break;
	case COL_KIND:
		buf_puts(b, kind_name(s->kind));
		break;
	case COL_STATE:
		log_safe(b, span_str(common_state(s)), ADDR_SHOWN);
		break;
	case COL_LEVEL:
		buf_printf(b, "%" PRId32, s->spam_level);
		break;
	case COL_SIZE:
		buf_printf(b, "%" PRIu64, s->size);
		break;
	case COL_FROM:
		if (s->sender[0] == '\0')
			buf_puts(b, "<>");
		log_safe(b, span_str(s->sender), ADDR_SHOWN);
		break;
	case COL_TO:
		put_rcpts(b, s);
		break;
	case COL_SUBJECT:
		log_safe(b, span_str(s->subject), SUBJECT_SHOWN);
		break;
	case COLUMNS:
		break;
	}
}

/* Characters, not bytes: what is printed is valid UTF-8 (log_safe). */
static int
width(struct span s)
{
	int n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += (s.p[i] & 0xc0) != 0x80;
	return n;
}

static void
print_cell(struct buf *b, enum column c, int wide)
{
	int pad = wide - width(buf_span(b));
	bool right = c == COL_LEVEL || c == COL_SIZE;

	if (c == COL_SUBJECT)
		printf("%s\n", buf_cstr(b));
	else if (right)
		printf("%*s%s  ", pad, "", buf_cstr(b));
	else
		printf("%s%*s  ", buf_cstr(b), pad, "");
}

void
print_list(const struct store_entry *entry, size_t n)
{
	int wide[COLUMNS];
	AUTO_BUF struct buf b;

	buf_init(&b, CELL);
	for (int c = 0; c < COLUMNS; c++) {
		wide[c] = (int)strlen(heading[c]);
		for (size_t i = 0; i < n; i++) {
			buf_reset(&b);
			put_cell(&b, &entry[i], (enum column)c);
			if (width(buf_span(&b)) > wide[c])
				wide[c] = width(buf_span(&b));
		}
	}
	for (size_t i = 0; i <= n && n > 0; i++)
		for (int c = 0; c < COLUMNS; c++) {
			buf_reset(&b);
			if (i == 0)
				buf_puts(&b, heading[c]);
			else
				put_cell(&b, &entry[i - 1], (enum column)c);
			print_cell(&b, (enum column)c, wide[c]);
		}
	if (n == 0)
		puts("Nothing in the quarantine matches.");
}

/* ---- one message ---- */

static void
print_field(const char *name, const char *value)
{
	AUTO_BUF struct buf b = {.max = 4 * VALUE_SHOWN + CELL};

	if (value[0] == '\0')
		return;
	log_safe(&b, span_str(value), VALUE_SHOWN);
	printf("%-14s %s\n", name, buf_cstr(&b));
}

static void
print_field_time(const char *name, uint64_t us)
{
	AUTO_BUF struct buf b;

	buf_init(&b, CELL);
	put_time(&b, us);
	printf("%-14s %s\n", name, buf_cstr(&b));
}

static void
print_rcpts(const struct store_entry *s)
{
	for (uint32_t i = 0; i < s->nrcpt; i++) {
		AUTO_BUF struct buf b;

		buf_init(&b, CELL);
		log_safe(&b, span_str(s->rcpt[i].addr), VALUE_SHOWN);
		buf_puts(&b, "  ");
		log_safe(&b, span_str(s->rcpt[i].state), ADDR_SHOWN);
		if (s->rcpt[i].time_us != 0) {
			buf_puts(&b, " ");
			put_time(&b, s->rcpt[i].time_us);
		}
		printf("%-14s %s\n", "Recipient:", buf_cstr(&b));
	}
	if (s->nrcpt_all > s->nrcpt)
		printf("%-14s and %" PRIu32 " more\n", "Recipient:",
		    s->nrcpt_all - s->nrcpt);
}

static void
print_actions(const struct store_entry *s)
{
	for (uint32_t i = 0; i < s->naction; i++) {
		const struct store_entry_action *a = &s->action[i];
		const char *const part[] = {a->action, a->rcpt, a->actor,
		    a->detail};
		AUTO_BUF struct buf b;

		buf_init(&b, CELL);
		put_time(&b, a->time_us);
		for (int k = 0; k < 4; k++) {
			if (part[k][0] == '\0')
				continue;
			buf_puts(&b, "  ");
			log_safe(&b, span_str(part[k]), VALUE_SHOWN / 4);
		}
		printf("%-14s %s\n", "Action:", buf_cstr(&b));
	}
}

void
print_entry(const struct store_entry *s)
{
	print_field("Id:", s->id);
	print_field("Kind:", kind_name(s->kind));
	print_field("State:", common_state(s));
	if (s->recovered)
		print_field("Note:", "row made again from the message file");
	print_field_time("Arrived:", s->time_us);
	printf("%-14s %" PRIu64 "\n", "Bytes:", s->size);
	print_field("Sender:", s->sender[0] != '\0' ? s->sender : "<>");
	print_field("From:", s->header_from);
	print_field("Subject:", s->subject);
	print_field("Message-ID:", s->message_id);
	print_field("Client:", s->client_addr);
	print_field("Direction:", s->dir == 0 ? "in" : "out");
	print_field("Rule:", s->rule);
	print_field("Virus:", s->virus);
	printf("%-14s %" PRId32 "\n", "Spam level:", s->spam_level);
	print_field("Spam tests:", s->spam_info);
	print_field("Log id:", s->logid);
	print_field("Queue id:", s->queue_id);
	print_field("File:", s->file);
	print_rcpts(s);
	print_actions(s);
}

/* ---- JSON ---- */

/* Bytes that are no UTF-8 have no JSON form: those are escaped as for people. */
static json_t *
text(const char *s)
{
	json_t *j = json_string(s);
	AUTO_BUF struct buf b = {.max = 1024 * 1024};

	if (j != NULL)
		return j;
	log_safe(&b, span_str(s), 256 * 1024);
	return json_string(buf_cstr(&b));
}

static void
set_text(json_t *o, const char *name, const char *value)
{
	json_object_set_new(o, name, text(value));
}

static void
set_int(json_t *o, const char *name, int64_t value)
{
	json_object_set_new(o, name, json_integer(value));
}

static json_t *
rcpts_json(const struct store_entry *s)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < s->nrcpt; i++) {
		json_t *o = json_object();

		set_text(o, "address", s->rcpt[i].addr);
		set_text(o, "state", s->rcpt[i].state);
		set_int(o, "time", (int64_t)(s->rcpt[i].time_us / 1000000));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *
actions_json(const struct store_entry *s)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < s->naction; i++) {
		json_t *o = json_object();

		set_int(o, "time", (int64_t)(s->action[i].time_us / 1000000));
		set_text(o, "action", s->action[i].action);
		set_text(o, "recipient", s->action[i].rcpt);
		set_text(o, "actor", s->action[i].actor);
		set_text(o, "detail", s->action[i].detail);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *
entry_json(const struct store_entry *s, bool whole)
{
	json_t *o = json_object();

	set_text(o, "id", s->id);
	set_text(o, "kind", kind_name(s->kind));
	set_text(o, "state", common_state(s));
	set_int(o, "time", (int64_t)(s->time_us / 1000000));
	set_int(o, "bytes", (int64_t)s->size);
	set_int(o, "spamlevel", s->spam_level);
	set_text(o, "direction", s->dir == 0 ? "in" : "out");
	set_text(o, "envelope_sender", s->sender);
	set_text(o, "from", s->header_from);
	set_text(o, "subject", s->subject);
	set_text(o, "messageid", s->message_id);
	set_text(o, "rule", s->rule);
	set_text(o, "virus", s->virus);
	set_text(o, "client", s->client_addr);
	set_text(o, "logid", s->logid);
	set_text(o, "queueid", s->queue_id);
	set_text(o, "file", s->file);
	json_object_set_new(o, "recovered", json_boolean(s->recovered));
	json_object_set_new(o, "file_missing", json_boolean(s->missing));
	set_int(o, "recipient_count", s->nrcpt_all);
	json_object_set_new(o, "recipients", rcpts_json(s));
	if (whole) {
		set_text(o, "spaminfo", s->spam_info);
		json_object_set_new(o, "actions", actions_json(s));
	}
	return o;
}

static void
print_json(json_t *j)
{
	json_dumpf(j, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(j);
}

void
print_list_json(const struct store_entry *entry, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, entry_json(&entry[i], false));
	print_json(list);
}

void
print_entry_json(const struct store_entry *s)
{
	print_json(entry_json(s, true));
}

/* ---- status ---- */

static const uint8_t kinds[QUARANTINE_KINDS] = {'S', 'V', 'A', 'P', 'H'};

void
print_status(const struct store_status *s)
{
	print_field("Store:", s->ready ? "ready" : "not ready");
	print_field_time("Since:", (uint64_t)s->started_us);
	for (int i = 0; i < QUARANTINE_KINDS; i++)
		printf("%-14s %" PRIu64 " messages, %" PRIu64 " bytes\n",
		    kind_name(kinds[i]), s->count[i], s->bytes[i]);
	printf("%-14s %" PRIu64 " stored in %" PRIu64 " batches, %" PRIu64
	    " failed\n", "Commits:", s->commits, s->batches, s->failures);
	if (s->recovered > 0)
		printf("%-14s %" PRIu32 " messages at the last start\n",
		    "Recovered:", s->recovered);
	printf("%-14s %" PRIu32 " waiting\n", "Releases:", s->releases);
	print_field("Last error:", s->release_error);
	printf("%-14s version %" PRIu64 "\n", "Rules:", s->rules_version);
	print_field("Rules error:", s->rules_error);
	printf("%-14s version %" PRIu64 "\n", "User lists:",
	    s->lists_version);
	print_field("Lists error:", s->lists_error);
	printf("%-14s %" PRIu64 " of %" PRIu64 " MiB free\n", "Disk:",
	    s->disk_free >> 20, s->disk_size >> 20);
}

void
print_status_json(const struct store_status *s)
{
	json_t *o = json_object(), *count = json_object();

	for (int i = 0; i < QUARANTINE_KINDS; i++) {
		json_t *k = json_object();

		set_int(k, "messages", (int64_t)s->count[i]);
		set_int(k, "bytes", (int64_t)s->bytes[i]);
		json_object_set_new(count, kind_name(kinds[i]), k);
	}
	json_object_set_new(o, "ready", json_boolean(s->ready));
	set_int(o, "started", s->started_us / 1000000);
	json_object_set_new(o, "quarantine", count);
	set_int(o, "commits", (int64_t)s->commits);
	set_int(o, "failures", (int64_t)s->failures);
	set_int(o, "batches", (int64_t)s->batches);
	set_int(o, "recovered", s->recovered);
	set_int(o, "releases_waiting", s->releases);
	set_text(o, "release_error", s->release_error);
	set_int(o, "rules_version", (int64_t)s->rules_version);
	set_text(o, "rules_error", s->rules_error);
	set_int(o, "lists_version", (int64_t)s->lists_version);
	set_text(o, "lists_error", s->lists_error);
	set_int(o, "disk_free", (int64_t)s->disk_free);
	set_int(o, "disk_size", (int64_t)s->disk_size);
	print_json(o);
}
