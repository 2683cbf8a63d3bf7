/*
 * One line an event, LOG_MAIL. To syslog, or to stderr with a <N> priority
 * prefix when stderr is the journal (JOURNAL_STREAM), or to stderr in plain
 * form with `foreground`. Every %s that may carry hostile bytes must go
 * through log_safe() first; the log functions escape control bytes as a net.
 */
#ifndef PMG_BASE_LOG_H
#define PMG_BASE_LOG_H

#include <stdbool.h>
#include "lib/base/buf.h"
#include "lib/base/span.h"

/* ident must stay valid. Call once, before any thread or fork. */
void log_init(const char *ident, bool foreground);
void log_set_debug(bool on);
/* Put before each line, e.g. "LOGID: "; copied, cut at 63 bytes; "" = none. */
void log_set_prefix(const char *prefix);

/*
 * From log_hold() on lines are gathered, log_release() writes them at once:
 * for a stretch in which nothing is waited for long. A crash loses them,
 * fatal() does not. Only for stderr: syslog takes one line at a time.
 */
void log_hold(void);
void log_release(void);

void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Logs and ends the process (status 1): for exhaustion and broken invariants. */
void fatal(const char *fmt, ...)
    __attribute__((noreturn, format(printf, 1, 2)));

/*
 * Appends s for a log or a terminal: <0x20, 0x7f-0x9f, bidi and zero-width
 * characters and invalid UTF-8 become \xNN, '\' becomes "\\"; valid UTF-8
 * stays. At most max bytes of s, then "...".
 */
void log_safe(struct buf *out, struct span s, size_t max);

#endif
