/*
 * What the templates can name: every setting as section.key ("auto" already
 * turned into a figure), and the composed values that vars.c lists. Any
 * composed value can be given from outside (pmgconfig --define, rig.conf): a
 * test rig says so where its Postfix listens.
 */
#ifndef PMG_TOOLS_VARS_H
#define PMG_TOOLS_VARS_H

#include <stdbool.h>
#include "lib/base/err.h"
#include "lib/config/config.h"
#include "lib/config/maps.h"
#include "lib/config/paths.h"

/* Where this gateway lives and what its administrator wrote. */
struct site {
	const char *root;	/* "" = the installed system */
	struct paths paths;
	char *postfix;		/* root/etc/postfix */
	char *maps;		/* postfix/pmg: maps made from /etc/pmg */
	char *sa;		/* state/spamassassin: --siteconfigpath */
	char *sa_state;		/* state/spamd: Bayes */
	struct config *config;
	struct map domains, transport, networks, tls_policy;
};

/* Paths only. site_load(): configuration and maps, all of it checked. */
void site_init(struct site *s, const char *root);
int site_load(struct site *s, struct err *e);
void site_free(struct site *s);

struct vars;

struct vars *vars_new(void);
/* Before vars_build. value is copied. */
void vars_define(struct vars *v, const char *name, const char *value);
/* The lines "name = value" of a file; a missing file defines nothing. */
int vars_define_file(struct vars *v, const char *path, struct err *e);
/* -1: a name was defined that no template could ask for, or no Postfix. */
int vars_build(struct vars *v, const struct site *s, struct err *e);
/* NULL = no such name. vars_get(v, ...) fits template_lookup. */
const char *vars_get(void *v, const char *name);
/* i-th name, NULL behind the last. */
const char *vars_name(const struct vars *v, size_t i);
void vars_free(struct vars *v);

/* version ("3.7.11") is at least major.minor.patch; pure, for tests. */
bool version_ge(const char *version, int major, int minor, int patch);
/* This Postfix has smtpd_forbid_bare_newline = normalize. */
bool version_bare_newline(const char *version);
/* This Postfix has smtpd_forbid_unauth_pipelining. */
bool version_unauth_pipelining(const char *version);

#endif
