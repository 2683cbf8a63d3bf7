/* Objects: a table says which members a type has and where they go. */
#include <stdio.h>
#include <string.h>
#include "lib/rules/rules_json.h"
#include "lib/rules/ruleset.h"

enum { MEMBERS_MAX = RULES_JSON_MEMBERS, QUOTE_MAX = 60, MINUTES_PER_DAY = 24 * 60 };

enum form {
	FORM_TEXT,
	FORM_NUMBER,
	FORM_FLAG,		/* true or false */
	FORM_MINUTE,		/* "08:30" */
	FORM_DAYS,		/* list of weekdays, in the flags */
	FORM_LDAP,		/* enum ldap_mode */
	FORM_SPF,		/* list of results, a bit mask */
	FORM_POSITION,		/* "start", "end": a flag */
};

enum place { VALUE, VALUE2, VALUE3, NUMBER, NUMBER2, FLAGS };

struct member {
	const char *name;
	enum form form;
	enum place place;
	bool needed;
	uint32_t flag;
};

static const struct shape {
	enum object_type type;
	const char *name;
	struct member member[MEMBERS_MAX];
} shapes[] = {
	{WHO_REGEX, "regex", {{"value", FORM_TEXT, VALUE, true, 0}}},
	{WHO_EMAIL, "email", {{"value", FORM_TEXT, VALUE, true, 0}}},
	{WHO_DOMAIN, "domain", {{"value", FORM_TEXT, VALUE, true, 0},
	    {"subdomains", FORM_FLAG, FLAGS, false, OBJ_SUBDOMAINS}}},
	{WHO_IP, "ip", {{"value", FORM_TEXT, VALUE, true, 0}}},
	{WHO_NETWORK, "network", {{"value", FORM_TEXT, VALUE, true, 0}}},
	{WHO_LDAP_GROUP, "ldap_group", {
	    {"profile", FORM_TEXT, VALUE, false, 0},
	    {"mode", FORM_LDAP, NUMBER, true, 0},
	    {"group", FORM_TEXT, VALUE2, false, 0}}},
	{WHO_LDAP_USER, "ldap_user", {
	    {"profile", FORM_TEXT, VALUE, false, 0},
	    {"account", FORM_TEXT, VALUE2, true, 0}}},
	{WHO_RECEIVER, "receiver", {{"value", FORM_TEXT, VALUE, true, 0}}},
	{WHO_RECEIVER_DOMAIN, "receiver_domain", {
	    {"value", FORM_TEXT, VALUE, true, 0},
	    {"subdomains", FORM_FLAG, FLAGS, false, OBJ_SUBDOMAINS}}},
	{WHO_RECEIVER_REGEX, "receiver_regex", {
	    {"value", FORM_TEXT, VALUE, true, 0}}},
	{WHEN_TIMEFRAME, "timeframe", {
	    {"start", FORM_MINUTE, NUMBER, true, 0},
	    {"end", FORM_MINUTE, NUMBER2, true, 0},
	    {"days", FORM_DAYS, FLAGS, false, 0},
	    {"zone", FORM_TEXT, VALUE, false, 0}}},
	{WHAT_SPAM, "spam", {{"level", FORM_NUMBER, NUMBER, true, 0}}},
	{WHAT_VIRUS, "virus", {{NULL, FORM_TEXT, VALUE, false, 0}}},
	{WHAT_FIELD, "field", {
	    {"field", FORM_TEXT, VALUE, true, 0},
	    {"value", FORM_TEXT, VALUE2, true, 0},
	    {"top_only", FORM_FLAG, FLAGS, false, OBJ_TOP_ONLY}}},
	{WHAT_CONTENT_TYPE, "content_type", {
	    {"value", FORM_TEXT, VALUE, true, 0},
	    {"only_content", FORM_FLAG, FLAGS, false, OBJ_ONLY_CONTENT}}},
	{WHAT_FILENAME, "filename", {{"value", FORM_TEXT, VALUE, true, 0}}},
	{WHAT_ARCHIVE_TYPE, "archive_type", {
	    {"value", FORM_TEXT, VALUE, true, 0}}},
	{WHAT_ARCHIVE_NAME, "archive_name", {
	    {"value", FORM_TEXT, VALUE, true, 0}}},
	{WHAT_ENCRYPTED, "encrypted", {{NULL, FORM_TEXT, VALUE, false, 0}}},
	{WHAT_UNREADABLE, "unreadable", {{NULL, FORM_TEXT, VALUE, false, 0}}},
	{WHAT_MACROS, "macros", {{NULL, FORM_TEXT, VALUE, false, 0}}},
	{WHAT_AMBIGUOUS, "ambiguous", {{NULL, FORM_TEXT, VALUE, false, 0}}},
	{WHAT_LIMITS, "limits", {{NULL, FORM_TEXT, VALUE, false, 0}}},
	{WHAT_SPF, "spf", {{"results", FORM_SPF, NUMBER, true, 0}}},
	{WHAT_SIZE, "size", {
	    {"min", FORM_NUMBER, NUMBER, false, 0},
	    {"max", FORM_NUMBER, NUMBER2, false, 0}}},
	{ACTION_ACCEPT, "accept", {{NULL, FORM_TEXT, VALUE, false, 0}}},
	{ACTION_BLOCK, "block", {{NULL, FORM_TEXT, VALUE, false, 0}}},
	{ACTION_NOTIFY, "notify", {
	    {"to", FORM_TEXT, VALUE, true, 0},
	    {"subject", FORM_TEXT, VALUE2, false, 0},
	    {"body", FORM_TEXT, VALUE3, false, 0},
	    {"attach", FORM_FLAG, FLAGS, false, OBJ_ATTACH_ORIGINAL}}},
	{ACTION_FIELD, "modify", {
	    {"field", FORM_TEXT, VALUE, true, 0},
	    {"value", FORM_TEXT, VALUE2, false, 0}}},
	{ACTION_BCC, "bcc", {
	    {"to", FORM_TEXT, VALUE, true, 0},
	    {"original", FORM_FLAG, FLAGS, false, OBJ_ORIGINAL}}},
	{ACTION_QUARANTINE, "quarantine", {
	    {NULL, FORM_TEXT, VALUE, false, 0}}},
	{ACTION_REMOVE, "remove", {
	    {"text", FORM_TEXT, VALUE, false, 0},
	    {"all", FORM_FLAG, FLAGS, false, OBJ_REMOVE_ALL},
	    {"quarantine", FORM_FLAG, FLAGS, false, OBJ_QUARANTINE_COPY}}},
	{ACTION_DISCLAIMER, "disclaimer", {
	    {"disclaimer", FORM_TEXT, VALUE, true, 0},
	    {"position", FORM_POSITION, FLAGS, false, OBJ_AT_START},
	    {"separator", FORM_FLAG, FLAGS, false, OBJ_SEPARATOR},
	    {"signed", FORM_FLAG, FLAGS, false, OBJ_SIGNED_TOO}}},
};
enum { NSHAPES = sizeof(shapes) / sizeof(shapes[0]), DAYS = 7,
	ALL_DAYS = 127 * OBJ_MONDAY };

static const char *const day_words[DAYS] = {"mon", "tue", "wed", "thu", "fri",
	"sat", "sun"};
static const char *const ldap_words[] = {[LDAP_KNOWN] = "any",
	[LDAP_UNKNOWN] = "none", [LDAP_GROUP] = "group"};
static const char *const spf_words[SPF_RESULT_COUNT] = {
	[SPF_NONE] = "none", [SPF_NEUTRAL] = "neutral", [SPF_PASS] = "pass",
	[SPF_FAIL] = "fail", [SPF_SOFTFAIL] = "softfail",
	[SPF_TEMPERROR] = "temperror", [SPF_PERMERROR] = "permerror"};
static const char *const position_words[] = {"end", "start"};

static const struct shape *
shape_of(enum object_type type)
{
	for (size_t i = 0; i < NSHAPES; i++)
		if (shapes[i].type == type)
			return &shapes[i];
	return NULL;
}

const char *
rules_json_type(enum object_type type)
{
	const struct shape *s = shape_of(type);

	return s != NULL ? s->name : NULL;
}

size_t
rules_json_members(enum object_type type,
    struct rules_json_member member[RULES_JSON_MEMBERS])
{
	static const struct {
		enum rules_json_form form;
		const char *const *words;
		size_t n;
	} forms[] = {
		[FORM_TEXT] = {RULES_JSON_TEXT, NULL, 0},
		[FORM_NUMBER] = {RULES_JSON_NUMBER, NULL, 0},
		[FORM_FLAG] = {RULES_JSON_FLAG, NULL, 0},
		[FORM_MINUTE] = {RULES_JSON_CLOCK, NULL, 0},
		[FORM_DAYS] = {RULES_JSON_WORDS, day_words, DAYS},
		[FORM_LDAP] = {RULES_JSON_WORD, ldap_words, 3},
		[FORM_SPF] = {RULES_JSON_WORDS, spf_words, SPF_RESULT_COUNT},
		[FORM_POSITION] = {RULES_JSON_WORD, position_words, 2},
	};
	const struct shape *s = shape_of(type);
	size_t n = 0;

	for (; s != NULL && n < MEMBERS_MAX && s->member[n].name != NULL; n++)
		member[n] = (struct rules_json_member){s->member[n].name,
			forms[s->member[n].form].form, s->member[n].needed,
			forms[s->member[n].form].words,
			forms[s->member[n].form].n};
	return n;
}

static const char *
text_at(const struct object *o, enum place place)
{
	const char *s = place == VALUE ? o->value : place == VALUE2 ? o->value2
	    : o->value3;

	return s != NULL ? s : "";
}

/* ---- writing ---- */

/* The words whose bits are set. */
static json_t *
words_of(uint64_t bits, const char *const *words, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		if (words[i] != NULL && (bits & (uint64_t)1 << i) != 0)
			json_array_append_new(list, json_string(words[i]));
	return list;
}

/* NULL: the default, not written. */
static json_t *
member_write(const struct object *o, const struct member *m)
{
	int64_t n = m->place == NUMBER2 ? o->number2 : o->number;
	bool set = (o->flags & m->flag) != 0;
	char clock[32];

	switch (m->form) {
	case FORM_TEXT:
		return m->needed || text_at(o, m->place)[0] != '\0'
		    ? rules_json_string(text_at(o, m->place)) : NULL;
	case FORM_NUMBER:
		return m->needed || n != 0 ? json_integer(n) : NULL;
	case FORM_FLAG:
		return set ? json_true() : NULL;
	case FORM_MINUTE:
		snprintf(clock, sizeof(clock), "%02d:%02d", (int)(n / 60),
		    (int)(n % 60));
		return json_string(clock);
	case FORM_DAYS:
		return (o->flags & ALL_DAYS) == 0 ? NULL
		    : words_of(o->flags / OBJ_MONDAY, day_words, DAYS);
	case FORM_LDAP:
		return n >= LDAP_KNOWN && n <= LDAP_GROUP
		    ? json_string(ldap_words[n]) : json_integer(n);
	case FORM_SPF:
		return words_of((uint64_t)n, spf_words, SPF_RESULT_COUNT);
	default:
		return set ? json_string(position_words[1]) : NULL;
	}
}

static json_t *
unknown_write(const struct object *o)
{
	json_t *j = json_object();

	json_object_set_new(j, "otype", json_integer(o->type));
	json_object_set_new(j, "value", rules_json_string(text_at(o, VALUE)));
	json_object_set_new(j, "value2", rules_json_string(text_at(o, VALUE2)));
	json_object_set_new(j, "value3", rules_json_string(text_at(o, VALUE3)));
	json_object_set_new(j, "number", json_integer(o->number));
	json_object_set_new(j, "number2", json_integer(o->number2));
	json_object_set_new(j, "flags", json_integer(o->flags));
	return j;
}

json_t *
rules_json_object(const struct object *o)
{
	const struct shape *s = shape_of(o->type);
	json_t *j, *v;

	if (s == NULL)
		return unknown_write(o);
	j = json_object();
	json_object_set_new(j, "type", json_string(s->name));
	json_object_set_new(j, "otype", json_integer(s->type));
	for (size_t i = 0; i < MEMBERS_MAX && s->member[i].name != NULL; i++) {
		v = member_write(o, &s->member[i]);
		if (v != NULL)
			json_object_set_new(j, s->member[i].name, v);
	}
	return j;
}

/* ---- reading ---- */

struct reader {
	const json_t *j;
	const char *path;
	struct object *o;
	struct arena *a;
	struct err *e;
};

static int
read_text(struct reader *r, const struct member *m, const json_t *v)
{
	const char **to = m->place == VALUE ? &r->o->value
	    : m->place == VALUE2 ? &r->o->value2 : &r->o->value3;

	if (!json_is_string(v))
		return err_set(r->e, "%s.%s: must be a text", r->path, m->name);
	*to = arena_strdup(r->a, json_string_value(v));
	return *to == NULL ? err_set(r->e, "the rules are too large") : 0;
}

/* "HH:MM", from 00:00 to 24:00. */
static int
read_minute(struct reader *r, const struct member *m, const json_t *v,
    int64_t *to)
{
	const char *s = json_string_value(v);
	int n;

	if (s == NULL || strlen(s) != 5 || s[2] != ':' ||
	    strspn(s, "0123456789") != 2 || strspn(s + 3, "0123456789") != 2)
		return err_set(r->e, "%s.%s: must be a time such as \"08:30\"",
		    r->path, m->name);
	n = ((s[0] - '0') * 10 + s[1] - '0') * 60 + (s[3] - '0') * 10 + s[4] -
	    '0';
	if (s[3] > '5' || n > MINUTES_PER_DAY)
		return err_set(r->e, "%s.%s: must be from 00:00 to 24:00",
		    r->path, m->name);
	*to = n;
	return 0;
}

static int
read_words(struct reader *r, const struct member *m, const json_t *v,
    const char *const *words, size_t n, uint32_t *bits_r)
{
	char name[64];

	*bits_r = 0;
	if (!json_is_array(v) || json_array_size(v) == 0)
		return err_set(r->e, "%s.%s: must be a list of words, not "
		    "empty", r->path, m->name);
	for (size_t i = 0; i < json_array_size(v); i++) {
		const json_t *w = json_array_get(v, i);
		int k;

		snprintf(name, sizeof(name), "%s[%zu]", m->name, i);
		if (!json_is_string(w))
			return err_set(r->e, "%s.%s: must be a text", r->path,
			    name);
		k = rules_json_word(json_string_value(w), r->path, name, words,
		    n, r->e);
		if (k < 0)
			return -1;
		*bits_r |= (uint32_t)1 << k;
	}
	return 0;
}

/* One of two or three words. */
static int
read_word(struct reader *r, const struct member *m, const json_t *v,
    const char *const *words, size_t n)
{
	if (!json_is_string(v))
		return err_set(r->e, "%s.%s: must be a text", r->path, m->name);
	return rules_json_word(json_string_value(v), r->path, m->name, words,
	    n, r->e);
}

static int
member_read(struct reader *r, const struct member *m, const json_t *v)
{
	int64_t *number = m->place == NUMBER2 ? &r->o->number2 : &r->o->number;
	uint32_t bits;
	bool there;
	int k;

	switch (m->form) {
	case FORM_TEXT:
		return read_text(r, m, v);
	case FORM_NUMBER:
		return rules_json_int(r->j, r->path, m->name, 0, INT64_MAX,
		    number, &there, r->e);
	case FORM_FLAG:
		if (!json_is_boolean(v))
			return err_set(r->e, "%s.%s: must be true or false",
			    r->path, m->name);
		r->o->flags |= json_is_true(v) ? m->flag : 0;
		return 0;
	case FORM_MINUTE:
		return read_minute(r, m, v, number);
	case FORM_DAYS:
		if (read_words(r, m, v, day_words, DAYS, &bits) != 0)
			return -1;
		r->o->flags |= bits * OBJ_MONDAY;
		return 0;
	case FORM_SPF:
		if (read_words(r, m, v, spf_words, SPF_RESULT_COUNT, &bits) !=
		    0)
			return -1;
		*number = bits;
		return 0;
	case FORM_LDAP:
		k = read_word(r, m, v, ldap_words, 3);
		*number = k;
		return k < 0 ? -1 : 0;
	default:
		k = read_word(r, m, v, position_words, 2);
		r->o->flags |= k == 1 ? m->flag : 0;
		return k < 0 ? -1 : 0;
	}
}

/* By "type", by "otype", or by both when they agree. NULL: e tells. */
static const struct shape *
type_read(struct reader *r)
{
	const struct shape *s = NULL;
	const char *word;
	int64_t number = 0;
	bool there;

	if (!json_is_object(r->j)) {
		err_set(r->e, "%s: must be an object", r->path);
		return NULL;
	}
	if (rules_json_text(r->j, r->path, "type", &word, r->e) != 0 ||
	    rules_json_int(r->j, r->path, "otype", 0, INT32_MAX, &number,
	        &there, r->e) != 0)
		return NULL;
	if (word == NULL && !there)
		err_set(r->e, "%s.type: is missing", r->path);
	for (size_t i = 0; i < NSHAPES && word != NULL; i++)
		if (strcmp(shapes[i].name, word) == 0)
			s = &shapes[i];
	if (word != NULL && s == NULL)
		err_set(r->e, "%s.type: \"%.*s\" is no type of object", r->path,
		    QUOTE_MAX, word);
	if (word == NULL && there) {
		s = shape_of((enum object_type)number);
		if (s == NULL)
			err_set(r->e, "%s.otype: %lld is no type of object",
			    r->path, (long long)number);
	}
	if (s != NULL && there && (int64_t)s->type != number) {
		err_set(r->e, "%s.otype: is %d for \"%s\"", r->path, s->type,
		    s->name);
		s = NULL;
	}
	return s;
}

static int
check_names(struct reader *r, const struct shape *s)
{
	const char *names[MEMBERS_MAX + 3] = {"type", "otype"};
	size_t n = 2;

	for (size_t i = 0; i < MEMBERS_MAX && s->member[i].name != NULL; i++)
		names[n++] = s->member[i].name;
	return rules_json_only(r->j, r->path, names, r->e);
}

int
rules_json_read_object(const json_t *j, const char *path, struct object *o,
    struct arena *a, struct err *e)
{
	struct reader r = {j, path, o, a, e};
	const struct shape *s;
	struct err why;

	*o = (struct object){.value = "", .value2 = "", .value3 = ""};
	s = type_read(&r);
	if (s == NULL || check_names(&r, s) != 0)
		return -1;
	o->type = s->type;
	for (size_t i = 0; i < MEMBERS_MAX && s->member[i].name != NULL; i++) {
		const struct member *m = &s->member[i];
		const json_t *v = json_object_get(j, m->name);

		if (v == NULL && m->needed)
			return err_set(e, "%s.%s: is missing", path, m->name);
		if (v != NULL && member_read(&r, m, v) != 0)
			return -1;
	}
	if (object_check(o, &why) != 0)
		return err_set(e, "%s: %s", path, why.text);
	return 0;
}
