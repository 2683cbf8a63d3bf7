/* The message of a case, and what is known of it. */
#include <stdio.h>
#include <string.h>
#include "case.h"

static unsigned
flags_of(const json_t *list)
{
	unsigned flags = 0;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *s = json_string_value(json_array_get(list, i));

		flags |= strcmp(s, "encrypted") == 0 ? INSIDE_ENCRYPTED :
		    strcmp(s, "macros") == 0 ? INSIDE_MACROS :
		    INSIDE_UNREADABLE;
	}
	return flags;
}

static void
content_facts(struct facts *f, const json_t *parts, struct arena *a)
{
	size_t n = json_array_size(parts), max = n;
	const char **magic = arena_array(a, n, sizeof(*magic));
	struct inside *in;

	for (size_t i = 0; i < n; i++)
		max += json_array_size(get(json_array_get(parts, i),
		    "entries"));
	in = arena_array(a, max, sizeof(*in));
	for (size_t i = 0; i < n; i++) {
		const json_t *p = json_array_get(parts, i);
		const json_t *list = get(p, "entries");
		unsigned own = flags_of(get(p, "flags"));

		magic[i] = text(p, "magic");
		if (own != 0)
			in[f->ninside++] = (struct inside){i, 0, own, "", ""};
		for (size_t k = 0; k < json_array_size(list); k++) {
			const json_t *e = json_array_get(list, k);

			in[f->ninside++] = (struct inside){i,
				(unsigned)number(e, "depth"),
				flags_of(get(e, "flags")), text(e, "name"),
				text(e, "type")};
		}
	}
	f->magic_type = magic;
	f->inside = in;
}

/* Its accounts of one profile, with a group for each name. */
static void
add_profile(struct directory_builder *b, const json_t *list,
    const char *profile)
{
	static const char *const groups[] = {"staff", "guests"};
	uint32_t index[2];
	char dn[32];

	directory_builder_profile(b, profile, 1);
	for (int g = 0; g < 2; g++) {
		snprintf(dn, sizeof(dn), "cn=%s,dc=%s", groups[g], profile);
		index[g] = directory_builder_group(b, dn, groups[g]);
	}
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *e = json_array_get(list, i), *v;
		size_t k;

		if (strcmp(text(e, "profile"), profile) != 0)
			continue;
		snprintf(dn, sizeof(dn), "uid=%zu,dc=%s", i, profile);
		v = get(e, "addresses");
		directory_builder_account(b, dn,
		    json_string_value(json_array_get(v, 0)));
		directory_builder_name(b, text(e, "account"));
		for (k = 1; k < json_array_size(v); k++)
			directory_builder_address(b,
			    json_string_value(json_array_get(v, k)));
		v = get(e, "groups");
		for (k = 0; k < json_array_size(v); k++)
			directory_builder_member(b, index[word_index(groups, 2,
			    json_string_value(json_array_get(v, k)))]);
	}
}

/* NULL: no profile at all. */
static struct directory *
directory_of(const json_t *list)
{
	static const char *const profiles[] = {"p", "q"};
	struct directory_builder *b = directory_builder_new();
	struct buf snapshot = {.max = SIZE_MAX / 2};
	struct directory *d = NULL;
	struct err e = {""};

	for (int p = 0; p < 2; p++)
		for (size_t i = 0; i < json_array_size(list); i++)
			if (strcmp(text(json_array_get(list, i), "profile"),
			    profiles[p]) == 0) {
				add_profile(b, list, profiles[p]);
				break;
			}
	if (json_array_size(list) > 0 &&
	    (directory_build(b, &snapshot, &e) < 0 ||
	    (d = directory_load(buf_span(&snapshot), &e)) == NULL))
		give_up("no directory", e.text);
	directory_builder_free(b);
	buf_free(&snapshot);
	return d;
}

void
envelope_of(struct envelope *env, const json_t *m, struct arena *a)
{
	const json_t *list = get(m, "recipients");

	*env = (struct envelope){.logid = "0", .queue_id = "", .ret = "",
		.envid = "", .client_name = "", .client_port = "",
		.client_helo = "", .client_proto = "", .client_source = "",
		.dir = strcmp(text(m, "direction"), "in") == 0 ? DIR_IN :
		DIR_OUT, .sender = text(m, "sender"),
		.client_addr = text(m, "client"),
		.nrcpt = json_array_size(list)};
	env->rcpt = arena_array(a, env->nrcpt, sizeof(*env->rcpt));
	for (size_t i = 0; i < env->nrcpt; i++)
		env->rcpt[i] = (struct recipient){
			json_string_value(json_array_get(list, i)), "", ""};
}

void
facts_of(struct facts *f, const struct envelope *env, const json_t *m,
    struct arena *a)
{
	const json_t *list = get(m, "user_list"), *spam = get(m, "spam");
	const char *eml = text(m, "eml");
	signed char *verdict = arena_array(a, env->nrcpt, 1);

	for (size_t i = 0; i < env->nrcpt; i++)
		verdict[i] = (signed char)json_integer_value(
		    json_array_get(list, i));
	*f = (struct facts){.env = env,
		.mime = mime_parse(span_str(eml), &mime_limits_default, a),
		.size = (uint64_t)number(m, "size"),
		.time = number(m, "time"),
		.minute_of_day = (int)number(m, "minute"),
		.weekday = (int)number(m, "weekday"),
		.spf = spf_of(text(m, "spf")),
		.directory = directory_of(get(m, "directory")),
		.ambiguous = truth(m, "ambiguous"),
		.limits = truth(m, "limits"),
		.virus = json_string_value(get(m, "virus")),
		.spam_known = json_is_integer(spam),
		.spam_level = (int)json_integer_value(spam),
		.user_list = verdict};
	if (f->mime->npart != json_array_size(get(m, "parts")))
		give_up("other parts than the model's in", eml);
	content_facts(f, get(m, "parts"), a);
}
