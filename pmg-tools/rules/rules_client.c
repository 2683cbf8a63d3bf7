#include "rules_client.h"

#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/base/cleanup.h"
#include "lib/base/ipc.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "rules_print.h"

enum {
	CONNECT_MS = 5000,
	ASK_MS = 600 * 1000,	/* thousands of patterns take minutes */
	SAID_BYTES = 16 * 1024,
};

static const char *
whoami(void)
{
	const struct passwd *pw = getpwuid(getuid());

	return pw != NULL ? pw->pw_name : "";
}

/*
 * Who typed a command has no operations: from "operations[3].object.level:
 * must be ..." the place goes, and becomes the line of an imported file.
 */
static int
refused(const struct cmd *c, const char *why)
{
	static const char *const heads[] = {".object", ".values", ".rule",
		".group"};
	static const char list[] = "operations[";
	const char *rest;
	char *end;
	unsigned long n;

	if (strncmp(why, list, sizeof(list) - 1) != 0)
		return cmd_refuse(c, "%s%s%s", c->file != NULL ? c->file : "",
		    c->file != NULL ? ": " : "", why);
	n = strtoul(why + sizeof(list) - 1, &end, 10);
	rest = *end == ']' ? end + 1 : end;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		size_t len = strlen(heads[i]);

		if (strncmp(rest, heads[i], len) == 0 &&
		    (rest[len] == '.' || rest[len] == ':')) {
			rest += len;
			break;
		}
	}
	rest += strspn(rest, ".: ");
	if (c->line != NULL && n < c->nline)
		return cmd_refuse(c, "%s: line %u: %s", c->file, c->line[n],
		    rest);
	return cmd_refuse(c, "%s", rest);
}

static int
connect_once(struct cmd *c)
{
	struct err e;

	if (c->sock < 0)
		c->sock = ipc_connect(c->paths->store_admin, CONNECT_MS, &e);
	if (c->sock >= 0)
		return 0;
	return cmd_refuse(c, "cannot reach pmgd-store: %s (does it run? "
	    "systemctl status pmgd-store; only root may ask it)", e.text);
}

int
client_ask(struct cmd *c, struct rules_request *q, struct rules_answer *r)
{
	struct err e;
	int rc;

	if (connect_once(c) != 0)
		return CMD_REFUSED;
	q->actor = whoami();
	q->comment = q->comment != NULL ? q->comment : c->comment;
	q->text = q->text != NULL ? q->text : "";
	if (rules_ask(c->sock, q, ASK_MS, r, &e) != 0)
		return cmd_refuse(c, "%s", e.text);
	if (r->code == RULES_OK)
		return 0;
	if (r->code == RULES_NEWER && q->based_on != 0)
		rc = cmd_refuse(c, "%s; nothing was changed: try again",
		    buf_cstr(&r->text));
	else if (r->code == RULES_NEWER)
		rc = cmd_refuse(c, "%s (pmg rules draft rebase)",
		    buf_cstr(&r->text));
	else
		rc = refused(c, buf_cstr(&r->text));
	rules_answer_free(r);
	return rc;
}

int
client_ask_json(struct cmd *c, struct rules_request *q, json_t **text_r,
    struct rules_answer *r)
{
	json_error_t je;
	int rc = client_ask(c, q, r);

	*text_r = NULL;
	if (rc != 0 || r->text.n == 0)
		return rc;
	*text_r = json_loadb((const char *)r->text.p, r->text.n,
	    JSON_DECODE_ANY, &je);
	if (*text_r != NULL)
		return 0;
	rules_answer_free(r);
	return cmd_refuse(c, "pmgd-store's answer is not understood: %s",
	    je.text);
}

int
client_edit(struct cmd *c, json_t *operations, uint64_t based_on,
    struct client_done *d)
{
	AUTO_FREE char *text = json_dumps(operations, JSON_COMPACT);
	struct rules_request q = {.verb = RULES_EDIT, .target = c->target,
		.based_on = based_on, .text = text};
	struct rules_answer r;
	json_t *reply;
	int rc;

	json_decref(operations);
	rc = client_ask_json(c, &q, &reply, &r);
	if (rc != 0)
		return rc;
	*d = (struct client_done){r.version, r.revision,
		json_incref(json_object_get(reply, "ids"))};
	json_decref(reply);
	rules_answer_free(&r);
	return 0;
}

uint32_t
client_id(const struct client_done *d, size_t n)
{
	return (uint32_t)json_integer_value(json_array_get(d->ids, n));
}

int
client_print_json(const json_t *j)
{
	json_dumpf(j, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	putchar('\n');
	return CMD_OK;
}

static void __attribute__((format(printf, 3, 0)))
done(struct cmd *c, struct client_done *d, const char *fmt, va_list ap)
{
	AUTO_BUF struct buf b = {.max = SAID_BYTES};

	if (c->json) {
		json_t *j = json_object();

		json_object_set_new(j, "version",
		    json_integer((json_int_t)d->version));
		if (d->revision != 0)
			json_object_set_new(j, "revision",
			    json_integer((json_int_t)d->revision));
		if (d->ids != NULL)
			json_object_set(j, "ids", d->ids);
		client_print_json(j);
		json_decref(j);
		return;
	}
	buf_vprintf(&b, fmt, ap);
	print_clean(buf_cstr(&b));
	if (c->target.where == RULES_DRAFT)
		puts(" (draft)");
	else
		printf(" (version %llu)\n", (unsigned long long)d->version);
}

int
client_done(struct cmd *c, struct client_done *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	done(c, d, fmt, ap);
	va_end(ap);
	json_decref(d->ids);
	return CMD_OK;
}

int
client_edit_one(struct cmd *c, json_t *operation, const char *fmt, ...)
{
	json_t *list = json_array();
	struct client_done d;
	va_list ap;
	int rc;

	json_array_append_new(list, operation);
	rc = client_edit(c, list, 0, &d);
	if (rc != 0)
		return rc;
	va_start(ap, fmt);
	done(c, &d, fmt, ap);
	va_end(ap);
	json_decref(d.ids);
	return CMD_OK;
}
