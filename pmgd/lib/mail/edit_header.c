#include "lib/mail/edit_header.h"

#include "lib/base/cleanup.h"
#include "lib/mail/charset.h"
#include "lib/mail/edit_encode.h"
#include "lib/mail/utf8.h"

enum {
	ENCODED_WORD_MAX = 75,		/* RFC 2047 section 2 */
	ENCODED_WORD_FRAME = 12,	/* =?utf-8?q??= */
	BLANKS_MAX = 60,		/* longer runs of blanks become one */
	PLAIN_WORD_MAX = HEADER_LINE_MAX - HEADER_NAME_MAX - 2 - BLANKS_MAX,
};

bool
header_name_valid(struct span name)
{
	if (name.n == 0 || name.n > HEADER_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] >= 0x7f || name.p[i] == ':')
			return false;
	return true;
}

/* Fields whose value is made of addresses: RFC 2047 section 5 (3) holds. */
static bool
is_address_field(struct span name)
{
	static const char *const fields[] = {"From", "Sender", "Reply-To",
	    "To", "Cc", "Bcc", "Errors-To", "Disposition-Notification-To",
	    "Return-Receipt-To", "Mail-Followup-To"};

	if (span_iprefix(name, "Resent-"))
		name = span_sub(name, strlen("Resent-"), name.n);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (span_ieqs(name, fields[i]))
			return true;
	return false;
}

static bool
is_blank(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/*
 * Valid UTF-8 whose only control characters are HTAB and, for a line end of
 * whatever kind, LF.
 */
static void
clean_value(struct buf *out, struct span value)
{
	size_t n = 0;

	charset_to_utf8(out, span_of(NULL, 0), value);
	for (size_t i = 0; i < out->n; i++) {
		unsigned char c = out->p[i];

		if (c == '\0')
			continue;
		if (c == '\r')
			c = '\n';
		else if (c != '\t' && c != '\n' && (c < 0x20 || c == 0x7f))
			c = '?';
		out->p[n++] = c;
	}
	out->n = n;
}

struct writer {
	struct buf *out;
	bool utf8;
	bool address;
	bool first;		/* nothing of the value is written yet */
	size_t line;		/* bytes of the line so far */
	struct span blanks;	/* before the next word, not written yet */
};

/* A word and the blanks before it. */
struct word {
	struct span blanks;
	struct span text;
	bool quoted;		/* a quoted string of an address field */
	bool encode;
};

static bool
word_needs_encoding(const struct writer *w, struct span text)
{
	if (text.n > PLAIN_WORD_MAX ||
	    span_find(text, 0, SPAN_LIT("=?")) != SIZE_MAX)
		return true;
	return !w->utf8 && !utf8_is_ascii(text);
}

/* Behind the quoted string on one line that starts at off, or off. */
static size_t
quoted_end(struct span s, size_t off)
{
	for (size_t i = off + 1; i < s.n && s.p[i] != '\n'; i++) {
		if (s.p[i] == '"')
			return i + 1;
		if (s.p[i] == '\\' && i + 1 < s.n && s.p[i + 1] != '\n')
			i++;
	}
	return off;
}

/* False: only blanks are left. */
static bool
word_take(const struct writer *w, struct span s, size_t *pos, struct word *word)
{
	size_t start = *pos, end;

	while (start < s.n && is_blank(s.p[start]))
		start++;
	if (start == s.n)
		return false;
	end = start;
	if (w->address && s.p[start] == '"')
		end = quoted_end(s, start);
	word->quoted = end > start;
	if (!word->quoted)
		while (end < s.n && !is_blank(s.p[end]))
			end++;
	word->blanks = span_sub(s, *pos, start - *pos);
	word->text = span_sub(s, start, end - start);
	word->encode = word_needs_encoding(w, word->text);
	*pos = end;
	return true;
}

/*
 * The blanks before a word of n bytes: as they are, or as a fold when the line
 * gets too long or the value had a line end there. A fold keeps one blank at
 * least, so no line of the field is empty.
 */
static void
put_blanks(struct writer *w, struct span blanks, size_t n)
{
	bool broken = span_chr(blanks, 0, '\n') < blanks.n;

	if (w->first) {
		w->first = false;
		return;
	}
	if (blanks.n == 0 || blanks.n > BLANKS_MAX || broken)
		blanks = SPAN_LIT(" ");
	if (broken || w->line + blanks.n + n > HEADER_LINE) {
		buf_puts(w->out, "\r\n");
		w->line = 0;
	}
	buf_puts_span(w->out, blanks);
	w->line += blanks.n;
}

static void
put_plain(struct writer *w, const struct word *word)
{
	put_blanks(w, word->blanks, word->text.n);
	buf_puts_span(w->out, word->text);
	w->line += word->text.n;
}

/* What of s, cut between characters, fills one encoded word. */
static size_t
encoded_fit(struct span s, bool base64)
{
	size_t room = ENCODED_WORD_MAX - ENCODED_WORD_FRAME;
	size_t used = 0, i = 0, n;
	uint32_t cp;

	for (; i < s.n; i += n) {
		size_t cost = 0;

		n = utf8_next(s, i, &cp);
		for (size_t k = 0; k < n; k++)
			cost += encode_q_is_safe(s.p[i + k]) ? 1 : 3;
		if (base64 ? (i + n + 2) / 3 * 4 > room : used + cost > room)
			break;
		used += cost;
	}
	return i;
}

/* The shorter of both encodings; "Q" when equal: people can read it. */
static bool
prefer_base64(struct span s)
{
	size_t q = 0;

	for (size_t i = 0; i < s.n; i++)
		q += encode_q_is_safe(s.p[i]) ? 1 : 3;
	return q > (s.n + 2) / 3 * 4;
}

/* A run of text as encoded words; blanks between those are not shown. */
static void
put_encoded(struct writer *w, struct span blanks, struct span s)
{
	bool base64 = prefer_base64(s);

	while (s.n > 0) {
		AUTO_BUF struct buf word = {.max = ENCODED_WORD_MAX + 1};
		size_t n = encoded_fit(s, base64);

		buf_puts(&word, base64 ? "=?utf-8?b?" : "=?utf-8?q?");
		if (base64)
			encode_base64(&word, span_sub(s, 0, n), 0);
		else
			encode_q(&word, span_sub(s, 0, n));
		buf_puts(&word, "?=");
		put_blanks(w, blanks, word.n);
		buf_puts_span(w->out, buf_span(&word));
		w->line += word.n;
		blanks = SPAN_LIT(" ");
		s = span_sub(s, n, s.n);
	}
}

/* A quoted string of an address stands for what it quotes. */
static void
unquote(struct buf *out, const struct word *word)
{
	struct span text = word->text;

	if (!word->quoted) {
		buf_puts_span(out, text);
		return;
	}
	for (size_t i = 1; i + 1 < text.n; i++) {
		if (text.p[i] == '\\')
			i++;
		buf_putc(out, text.p[i]);
	}
}

static void
put_value(struct writer *w, struct span s)
{
	AUTO_BUF struct buf run = {.max = s.n * 2 + 1};
	struct span blanks = span_of(NULL, 0);
	struct word word;
	size_t pos = 0;
	bool more = word_take(w, s, &pos, &word);

	while (more) {
		bool broken;

		if (!word.encode) {
			put_plain(w, &word);
			more = word_take(w, s, &pos, &word);
			continue;
		}
		/* Neighbours are encoded together with the blanks between
		 * them; a line end in there starts a new run. */
		blanks = word.blanks;
		buf_reset(&run);
		do {
			if (run.n > 0)
				buf_puts_span(&run, word.blanks);
			unquote(&run, &word);
			more = word_take(w, s, &pos, &word);
			broken = more &&
			    span_chr(word.blanks, 0, '\n') < word.blanks.n;
		} while (more && word.encode && !broken);
		if (more && word.encode)
			buf_putc(&run, ' ');
		put_encoded(w, blanks, buf_span(&run));
	}
}

int
header_put(struct buf *out, const char *name, struct span value, bool utf8,
    struct err *err)
{
	AUTO_BUF struct buf clean = {.max = value.n * CHARSET_GROWTH + 1};
	struct span field = span_str(name);
	struct writer w = {.out = out, .utf8 = utf8, .first = true};

	if (!header_name_valid(field))
		return err_set(err, "\"%.100s\" is no header field name", name);
	clean_value(&clean, value);
	w.address = is_address_field(field);
	buf_printf(out, "%s: ", name);
	w.line = out->n > 0 ? strlen(name) + 2 : 0;
	put_value(&w, buf_span(&clean));
	buf_puts(out, "\r\n");
	return 0;
}
