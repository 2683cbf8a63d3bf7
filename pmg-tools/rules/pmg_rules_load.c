#include "pmg_rules_load.h"

#include <stdio.h>
#include <unistd.h>
#include "../ldap/ldap_state.h"
#include "lib/base/atomicfile.h"
#include "lib/base/cleanup.h"
#include "lib/base/ipc.h"

enum {
	CONNECT_MS = 5000,
	COMPILE_MS = 600 * 1000,	/* thousands of patterns take minutes */
};

struct ruleset *
rules_load_active(const struct paths *p, struct err *e)
{
	AUTO_BUF struct buf b = {.max = RULESET_BYTES_MAX};
	struct ruleset *rs;
	struct err why = {""};

	if (file_read(p->rules, &b, &why) != 0) {
		err_set(e, "%s (pmgd-store writes this file: is it running, "
		    "and may you read it?)", why.text);
		return NULL;
	}
	rs = ruleset_load(buf_span(&b), &why);
	if (rs == NULL)
		err_set(e, "%s: %s (restart pmgd-store to have it written "
		    "anew)", p->rules, why.text);
	return rs;
}

struct userlist *
rules_load_lists(const struct paths *p, struct err *e)
{
	AUTO_BUF struct buf b = {.max = USERLIST_FILE_MAX};

	return file_read(p->lists, &b, e) == 0 ? userlist_load(buf_span(&b), e)
	                                       : NULL;
}

static struct ruleset *
load_descriptor(int fd, struct err *e)
{
	AUTO_BUF struct buf b = {.max = RULESET_BYTES_MAX};
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (file_read(path, &b, e) != 0)
		return NULL;
	return ruleset_load(buf_span(&b), e);
}

struct ruleset *
rules_load_target(const struct paths *p, struct rules_target target,
    struct err *e)
{
	AUTO_CLOSE int sock = ipc_connect(p->store_admin, CONNECT_MS, e);
	struct rules_request q = {.verb = RULES_SNAPSHOT, .target = target,
	    .actor = "", .comment = "", .text = ""};
	struct rules_answer r;
	struct ruleset *rs = NULL;

	if (sock < 0 || rules_ask(sock, &q, COMPILE_MS, &r, e) != 0)
		return NULL;
	if (r.code != RULES_OK || r.fd < 0)
		err_set(e, "%s", r.text.n > 0 ? buf_cstr(&r.text)
		                              : "pmgd-store sent no rules");
	else
		rs = load_descriptor(r.fd, e);
	rules_answer_free(&r);
	return rs;
}

struct directory *
rules_load_directory(const struct paths *p)
{
	struct err e = {""};
	struct directory *d = ldap_directory_load(p->ldap_active, &e);

	if (d == NULL && e.text[0] != '\0')
		fprintf(stderr, "pmg rules: %s: nobody is in an LDAP "
		    "profile\n", e.text);
	return d;
}
