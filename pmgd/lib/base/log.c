#include "lib/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>
#include "lib/base/str.h"

enum { LINE_MAX_BYTES = 8192, HELD_MAX = 64 * 1024 };

static struct {
	const char *ident;
	char prefix[64];
	bool foreground;
	bool journal;
	bool debug;
	bool hold;
	struct buf held;
} logger = {.ident = "pmg", .foreground = true};

/* JOURNAL_STREAM is inherited by children whose stderr is something else. */
static bool
is_journal(int fd)
{
	const char *v = getenv("JOURNAL_STREAM");
	char text[64];
	struct stat st;

	if (v == NULL || fstat(fd, &st) != 0)
		return false;
	snprintf(text, sizeof(text), "%llu:%llu", (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino);
	return strcmp(text, v) == 0;
}

void
log_init(const char *ident, bool foreground)
{
	logger.ident = ident;
	logger.foreground = foreground;
	logger.journal = is_journal(STDERR_FILENO);
	if (!foreground && !logger.journal)
		openlog(ident, LOG_PID | LOG_NDELAY, LOG_MAIL);
}

void
log_set_debug(bool on)
{
	logger.debug = on;
}

void
log_set_prefix(const char *prefix)
{
	str_copy(logger.prefix, sizeof(logger.prefix), prefix);
}

/* Decodes one UTF-8 sequence; 0 when it is not valid (RFC 3629). */
static size_t
utf8_next(struct span s, size_t i, uint32_t *cp)
{
	static const uint32_t min[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char c = s.p[i];
	size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3
	    : c < 0xf5 ? 4 : 0;
	uint32_t v;

	if (n == 0 || n > s.n - i)
		return 0;
	v = n == 1 ? c : c & (0xffu >> (n + 1));
	for (size_t k = 1; k < n; k++) {
		if ((s.p[i + k] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (s.p[i + k] & 0x3f);
	}
	if (v < min[n] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		return 0;
	*cp = v;
	return n;
}

/* Characters that change how a terminal or a log viewer shows its line. */
static bool
is_hidden(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp <= 0x9f) || cp == 0x061c ||
	    (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e) ||
	    (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff || cp == 0xad ||
	    cp == 0x180e || (cp >= 0xfff9 && cp <= 0xfffb) ||
	    (cp >= 0xe0000 && cp <= 0xe0fff);
}

void
log_safe(struct buf *out, struct span s, size_t max)
{
	bool cut = s.n > max;

	if (cut)
		s.n = max;
	for (size_t i = 0; i < s.n;) {
		uint32_t cp = 0;
		size_t n = utf8_next(s, i, &cp);

		if (n != 0 && cp == '\\') {
			buf_puts(out, "\\\\");
		} else if (n != 0 && !is_hidden(cp)) {
			buf_put(out, s.p + i, n);
		} else {
			for (size_t k = 0; k < (n ? n : 1); k++)
				buf_printf(out, "\\x%02X", s.p[i + k]);
		}
		i += n ? n : 1;
	}
	if (cut)
		buf_puts(out, "...");
}

/* Control bytes, and C1 controls in UTF-8 (U+0080 to U+009F). */
static void
blank_controls(char *line, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)line[i];
		unsigned char next = (unsigned char)line[i + 1];

		if (c < 0x20 || c == 0x7f)
			line[i] = '?';
		else if (c == 0xc2 && next >= 0x80 && next <= 0x9f)
			line[i] = line[i + 1] = '?';
	}
}

void
log_hold(void)
{
	if (logger.held.max == 0)
		buf_init(&logger.held, HELD_MAX);
	logger.hold = true;
}

static void
write_held(void)
{
	if (logger.held.n > 0)
		fwrite(logger.held.p, 1, logger.held.n, stderr);
	buf_reset(&logger.held);
}

void
log_release(void)
{
	write_held();
	logger.hold = false;
}

static void __attribute__((format(printf, 1, 2)))
write_stderr(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (logger.held.n > HELD_MAX - 2 * LINE_MAX_BYTES)
		write_held();
	if (logger.hold)
		buf_vprintf(&logger.held, fmt, ap);
	else
		vfprintf(stderr, fmt, ap);
	va_end(ap);
}

static void __attribute__((format(printf, 2, 0)))
log_line(int priority, const char *fmt, va_list ap)
{
	char line[LINE_MAX_BYTES];
	int n;

	n = vsnprintf(line, sizeof(line), fmt, ap);
	if (n >= (int)sizeof(line))
		n = sizeof(line) - 1;
	blank_controls(line, n > 0 ? (size_t)n : 0);
	if (logger.journal)
		write_stderr("<%d>%s%s\n", priority, logger.prefix, line);
	else if (logger.foreground)
		write_stderr("%s[%d]: %s%s\n", logger.ident, (int)getpid(),
		    logger.prefix, line);
	else
		syslog(priority, "%s%s", logger.prefix, line);
}

#define LOG_FUNCTION(name, priority)                                           \
	void name(const char *fmt, ...)                                        \
	{                                                                      \
		va_list ap;                                                    \
                                                                               \
		va_start(ap, fmt);                                             \
		log_line(priority, fmt, ap);                                   \
		va_end(ap);                                                    \
	}

LOG_FUNCTION(log_info, LOG_INFO)
LOG_FUNCTION(log_warn, LOG_WARNING)
LOG_FUNCTION(log_error, LOG_ERR)

void
log_debug(const char *fmt, ...)
{
	va_list ap;

	if (!logger.debug)
		return;
	va_start(ap, fmt);
	log_line(LOG_DEBUG, fmt, ap);
	va_end(ap);
}

void
fatal(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(LOG_CRIT, fmt, ap);
	va_end(ap);
	log_release();
	exit(1);
}
