/*
 * What a process gives up before it reads its first hostile byte. Holds
 * without systemd and on Stretch: no_new_privs, rlimits and seccomp always;
 * Landlock where the kernel has it. Unit hardening comes on top.
 *
 * Under a sanitizer build (PMG_SANITIZED) RLIMIT_AS is not set and seccomp
 * allows what the sanitizer runtime needs; the release variant is what the
 * escape tests run against.
 */
#ifndef PMG_BASE_SANDBOX_H
#define PMG_BASE_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/base/err.h"

enum sandbox_net {
	SANDBOX_NET_NONE,	/* no socket(2) at all */
	SANDBOX_NET_UNIX,	/* AF_UNIX only */
	SANDBOX_NET_INET,	/* AF_UNIX, AF_INET, AF_INET6 */
};

struct sandbox {
	enum sandbox_net net;
	bool fork;		/* may fork (never execve) */
	bool exec;		/* may execve: only for a parent that must */
	uint64_t as_bytes;	/* RLIMIT_AS, 0 = not set */
	uint64_t fsize_bytes;	/* RLIMIT_FSIZE, 0 = not set */
	uint32_t nofile;	/* RLIMIT_NOFILE, 0 = not set */
	/* NULL-terminated lists of folders or files (Landlock); NULL = none.
	 * Missing paths are skipped. */
	const char *const *read_paths;
	const char *const *write_paths;
};

/*
 * Applies all of it to the calling process and its future children. -1 when
 * a required part (no_new_privs, rlimits, seccomp) cannot be had: the caller
 * must not go on. Landlock's absence is no error: sandbox_landlock_abi() = 0.
 */
int sandbox_enter(const struct sandbox *s, struct err *e);
int sandbox_landlock_abi(void);

/*
 * Root only: become user (and its groups, initgroups), for rigs that start
 * daemons without systemd. -1: no such user, or not root.
 */
int sandbox_become(const char *user, struct err *e);

#endif
