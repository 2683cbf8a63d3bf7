/*
 * The folder of the signature databases, as freshclam leaves it: is all there
 * that was asked for, how old is it, has it changed. Reads names, times and
 * the text header of .cvd and .cld files; loads nothing.
 */
#ifndef PMG_SCAN_DBDIR_H
#define PMG_SCAN_DBDIR_H

#include <stdbool.h>
#include <stdint.h>

enum { DBDIR_FILES_MAX = 256 };

struct dbdir_state {
	bool usable;		/* all required databases, young enough */
	uint64_t fingerprint;	/* of names, sizes, times; 0: no database */
	int64_t built;		/* youngest required, seconds since epoch */
	char why[512];		/* not usable: plain words */
	char summary[512];	/* usable: "daily 27460 of 2026-11-23, ..." */
};

/* now: seconds since the epoch. */
void dbdir_look(const char *dir, const char *required, unsigned max_age_days,
    int64_t now, struct dbdir_state *st);
/* Too old at `now`; then the reason is in why. */
bool dbdir_too_old(int64_t built, unsigned max_age_days, int64_t now,
    char *why, unsigned long size);
/* Whether the file name is one of the required databases, any type. */
bool dbdir_is_required(const char *file, const char *required);
/* Calls fn for each database file, in the order of their names. */
void dbdir_each(const char *dir,
    void (*fn)(const char *path, const char *name, void *arg), void *arg);

#endif
