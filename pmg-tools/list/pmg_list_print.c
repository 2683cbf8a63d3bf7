#include "pmg_list.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "lib/base/cleanup.h"
#include "lib/base/log.h"

enum { SHOWN_MAX = 2048 };

static void
put(struct buf *b, const char *s)
{
	log_safe(b, span_str(s), SHOWN_MAX);
}

static size_t
widest(const struct userlist_row *row, size_t n)
{
	enum { WIDE = 40 };
	size_t w = 0;

	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(row[i].entry);

		if (len > w && len <= WIDE)
			w = len;
	}
	return w;
}

static void
print_owner(const char *owner)
{
	AUTO_BUF struct buf b = {.max = 8 * SHOWN_MAX};

	put(&b, owner);
	if (*owner == '\0')
		puts("For all recipients:");
	else if (strchr(owner, '@') == NULL)
		printf("For the recipients of the domain %s:\n", buf_cstr(&b));
	else
		printf("For %s:\n", buf_cstr(&b));
}

static void
print_row(const struct userlist_row *r, size_t width)
{
	AUTO_BUF struct buf entry = {.max = 8 * SHOWN_MAX};
	AUTO_BUF struct buf comment = {.max = 8 * SHOWN_MAX};
	AUTO_BUF struct buf actor = {.max = 8 * SHOWN_MAX};
	time_t t = (time_t)(r->time_us / 1000000);
	char day[32] = "";
	struct tm tm;

	put(&entry, r->entry);
	put(&comment, r->comment);
	put(&actor, r->actor);
	if (localtime_r(&t, &tm) != NULL)
		strftime(day, sizeof(day), "%Y-%m-%d", &tm);
	printf("  %-5s  %-*s  %s by %s%s%s\n", userlist_kind_name(r->kind),
	    (int)width, buf_cstr(&entry), day, buf_cstr(&actor),
	    comment.n > 0 ? ": " : "", buf_cstr(&comment));
}

void
pmg_list_text(const struct userlist_row *row, size_t n)
{
	size_t width = widest(row, n);

	for (size_t i = 0; i < n; i++) {
		if (i == 0 || strcmp(row[i].owner, row[i - 1].owner) != 0)
			print_owner(row[i].owner);
		print_row(&row[i], width);
	}
}

void
pmg_list_json(const struct userlist_row *row, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_pack(
		    "{s:s, s:s, s:s, s:s, s:s, s:I}", "owner", row[i].owner,
		    "kind", userlist_kind_name(row[i].kind), "pattern",
		    row[i].entry, "comment", row[i].comment, "actor",
		    row[i].actor, "time",
		    (json_int_t)(row[i].time_us / 1000000)));
	json_dumpf(list, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(list);
}
