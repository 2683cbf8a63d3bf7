/*
 * What the processes of pmgd-scan share. See main.c for the picture of them.
 */
#ifndef PMG_SCAN_SCAN_H
#define PMG_SCAN_SCAN_H

#include <stdbool.h>
#include <stdint.h>

enum {
	SCANNERS_MAX = 64,
	SCAN_SYSTEM_PATHS = 8,
	SCAN_HARD_EXTRA_MS = 5000,	/* past scan time: SIGKILL */
	SCAN_REQUEST_MS = 5000,		/* for a connected peer to speak */
	SCAN_REPLY_MS = 5000,
};

/* Never changes once loaded: SIGHUP makes a new one for the next loader. */
struct scan_settings {
	const char *socket;
	const char *confdir;
	char *dbdir;
	char *tmpdir;
	char *required;		/* names, separated by blanks */
	const char *user;	/* NULL: stay who we are */
	/* What iconv() reads in the midst of a scan; NULL-terminated. */
	const char *const *charsets;
	unsigned max_age_days;	/* 0: any age */
	unsigned scanners;
	uint64_t max_message;	/* bytes of one message */
	uint64_t max_file;	/* of one file in an archive */
	uint64_t max_scan;	/* of all that one message expands to */
	unsigned max_files;
	unsigned max_recursion;
	unsigned scan_ms;
	bool block_encrypted;
	unsigned max_cards;	/* credit card numbers; 0: do not look */
};

/*
 * One page that all processes see. A scanner can write to it, so it holds
 * only what is shown to people; no process decides anything from it.
 */
struct scan_shared {
	uint64_t scanned;	/* __atomic */
	uint64_t crashed;	/* __atomic; killed ones included */
	uint64_t signatures;
	uint64_t loaded_at;	/* seconds since the epoch */
	uint32_t scanners;
	uint8_t ready;
	char detail[1024];
};

#endif
