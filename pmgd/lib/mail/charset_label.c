#include "lib/mail/charset_label.h"

#include <stdbool.h>
#include "lib/base/str.h"

enum { KEY_MAX = 48 };

#define GUESS	CHARSET_GUESS, NULL
#define UTF_8	CHARSET_UTF8, NULL
#define WIN1252	CHARSET_1252, NULL
#define ONE(n)	CHARSET_SINGLE, n
#define GB	CHARSET_MULTI, "GB18030"
#define BIG5	CHARSET_MULTI, "BIG5-HKSCS"
#define SJIS	CHARSET_MULTI, "CP932"
#define EUCJP	CHARSET_MULTI, "EUC-JP-MS"
#define KOREAN	CHARSET_MULTI, "UHC"
#define JIS	CHARSET_2022JP, "ISO-2022-JP"

/*
 * Labels that a rule below reads right (windows-125x, iso-8859-x, utf-8 ...)
 * are not in here. ISO-2022-CN is left out: hardly used, and its converter has
 * been a way into libc. So are the EBCDICs: no mail is in them.
 */
static const struct charset charsets[] = {
    {"866", ONE("CP866")}, {"ansi", WIN1252}, {"arabic", ONE("ISO-8859-6")},
    {"armscii8", ONE("ARMSCII-8")}, {"asmo708", ONE("ISO-8859-6")},
    {"chinese", GB}, {"cp367", GUESS}, {"cp437", ONE("CP437")},
    {"cp737", ONE("CP737")}, {"cp775", ONE("CP775")}, {"cp819", WIN1252},
    {"cp850", ONE("CP850")}, {"cp852", ONE("CP852")},
    {"cp855", ONE("CP855")}, {"cp857", ONE("CP857")},
    {"cp858", ONE("CP858")}, {"cp860", ONE("CP860")},
    {"cp861", ONE("CP861")}, {"cp862", ONE("CP862")},
    {"cp863", ONE("CP863")}, {"cp864", ONE("CP864")},
    {"cp865", ONE("CP865")}, {"cp866", ONE("CP866")},
    {"cp869", ONE("CP869")}, {"cp874", ONE("CP874")}, {"cp932", SJIS},
    {"cp936", GB}, {"cp949", KOREAN}, {"cp950", BIG5},
    {"csbig5", BIG5}, {"cseuckr", KOREAN}, {"cseucpkdfmtjapanese", EUCJP},
    {"csgb2312", GB}, {"csibm866", ONE("CP866")},
    {"csiso58gb231280", GB}, {"csisolatin1", WIN1252},
    {"csisolatin2", ONE("ISO-8859-2")}, {"csisolatin3", ONE("ISO-8859-3")},
    {"csisolatin4", ONE("ISO-8859-4")}, {"csisolatin5", ONE("CP1254")},
    {"csisolatin6", ONE("ISO-8859-10")},
    {"csisolatin9", ONE("ISO-8859-15")},
    {"csisolatinarabic", ONE("ISO-8859-6")},
    {"csisolatincyrillic", ONE("ISO-8859-5")},
    {"csisolatingreek", ONE("ISO-8859-7")},
    {"csisolatinhebrew", ONE("ISO-8859-8")}, {"csksc56011987", KOREAN},
    {"csmacintosh", ONE("MACINTOSH")}, {"csshiftjis", SJIS},
    {"csunicode", CHARSET_UTF16, NULL},
    {"cyrillic", ONE("ISO-8859-5")}, {"dos850", ONE("CP850")},
    {"dos866", ONE("CP866")}, {"dos874", ONE("CP874")},
    {"ecma114", ONE("ISO-8859-6")}, {"ecma118", ONE("ISO-8859-7")},
    {"elot928", ONE("ISO-8859-7")}, {"euccn", GB}, {"euctw",
        CHARSET_MULTI, "EUC-TW"}, {"georgianps", ONE("GEORGIAN-PS")},
    {"greek", ONE("ISO-8859-7")}, {"greek8", ONE("ISO-8859-7")},
    {"hebrew", ONE("ISO-8859-8")}, {"hproman8", ONE("HP-ROMAN8")},
    {"hz", CHARSET_HZ, NULL}, {"hzgb2312", CHARSET_HZ, NULL},
    {"ibm00858", ONE("CP858")}, {"ibm437", ONE("CP437")},
    {"ibm819", WIN1252}, {"ibm850", ONE("CP850")}, {"ibm852", ONE("CP852")},
    {"ibm855", ONE("CP855")}, {"ibm857", ONE("CP857")},
    {"ibm862", ONE("CP862")}, {"ibm866", ONE("CP866")}, {"ibm943", SJIS},
    {"iso10646ucs2", CHARSET_UTF16, NULL}, {"iso646us", GUESS},
    {"isocyrillic", ONE("ISO-8859-5")},
    {"isoir100", WIN1252}, {"isoir101", ONE("ISO-8859-2")},
    {"isoir109", ONE("ISO-8859-3")}, {"isoir110", ONE("ISO-8859-4")},
    {"isoir126", ONE("ISO-8859-7")}, {"isoir127", ONE("ISO-8859-6")},
    {"isoir138", ONE("ISO-8859-8")}, {"isoir144", ONE("ISO-8859-5")},
    {"isoir148", ONE("CP1254")}, {"isoir149", KOREAN},
    {"isoir157", ONE("ISO-8859-10")}, {"isoir58", GB},
    {"isolatin1", WIN1252},
    {"johab", CHARSET_MULTI, "JOHAB"}, {"koi", ONE("KOI8-R")},
    {"koi8", ONE("KOI8-R")}, {"koi8t", ONE("KOI8-T")},
    {"koi8u", ONE("KOI8-U")}, {"korean", KOREAN},
    {"kz1048", ONE("PT154")}, {"l1", WIN1252}, {"l2", ONE("ISO-8859-2")},
    {"l3", ONE("ISO-8859-3")}, {"l4", ONE("ISO-8859-4")},
    {"l5", ONE("CP1254")}, {"l6", ONE("ISO-8859-10")},
    {"l9", ONE("ISO-8859-15")}, {"latin1", WIN1252},
    {"latin10", ONE("ISO-8859-16")}, {"latin2", ONE("ISO-8859-2")},
    {"latin3", ONE("ISO-8859-3")}, {"latin4", ONE("ISO-8859-4")},
    {"latin5", ONE("CP1254")}, {"latin6", ONE("ISO-8859-10")},
    {"latin7", ONE("ISO-8859-13")}, {"latin8", ONE("ISO-8859-14")},
    {"latin9", ONE("ISO-8859-15")}, {"latincyrillic", ONE("ISO-8859-5")},
    {"logical", ONE("CP1255")}, {"mac", ONE("MACINTOSH")},
    {"maccyrillic", ONE("MAC-CYRILLIC")}, {"macintosh", ONE("MACINTOSH")},
    {"macroman", ONE("MACINTOSH")}, {"ms932", SJIS}, {"ms936", GB},
    {"ms949", KOREAN}, {"mskanji", SJIS}, {"pt154", ONE("PT154")},
    {"ptcp154", ONE("PT154")}, {"suneugreek", ONE("ISO-8859-7")},
    {"tcvn", ONE("TCVN5712-1")}, {"tis620", ONE("CP874")},
    {"ucs2", CHARSET_UTF16, NULL}, {"ucs4", CHARSET_OTHER, "UTF-32"},
    {"uhc", KOREAN}, {"unicode", CHARSET_UTF16, NULL},
    {"unicodefeff", CHARSET_UTF16LE, "UTF-16LE"},
    {"unicodefffe", CHARSET_UTF16BE, "UTF-16BE"},
    {"us", GUESS}, {"utf16", CHARSET_UTF16, NULL},
    {"utf16be", CHARSET_UTF16BE, "UTF-16BE"},
    {"utf16le", CHARSET_UTF16LE, "UTF-16LE"},
    {"utf32", CHARSET_OTHER, "UTF-32"},
    {"utf32be", CHARSET_OTHER, "UTF-32BE"},
    {"utf32le", CHARSET_OTHER, "UTF-32LE"},
    {"viscii", ONE("VISCII")}, {"visual", ONE("ISO-8859-8")},
    {"windows31j", SJIS}, {"windows874", ONE("CP874")},
    {"windows932", SJIS}, {"windows936", GB}, {"windows949", KOREAN},
    {"windows950", BIG5}, {"xmaccyrillic", ONE("MAC-CYRILLIC")},
    {"xmacroman", ONE("MACINTOSH")},
    {"xmacukrainian", ONE("MAC-CYRILLIC")},
};

/* What stands somewhere in a label that is not in the table: the first hit. */
static const struct charset inside[] = {
    {"utf8", UTF_8}, {"uft8", UTF_8}, {"utf7", CHARSET_UTF7, "UTF-7"},
    {"cp65001", UTF_8},
    {"2022jp", JIS}, {"cp5022", JIS}, {"2022kr", CHARSET_2022KR, NULL},
    {"gb2312", GB}, {"gb18030", GB}, {"gbk", GB}, {"big5", BIG5},
    {"bigfive", BIG5}, {"koi8ru", ONE("KOI8-U")}, {"koi8u", ONE("KOI8-U")},
    {"koi8", ONE("KOI8-R")}, {"shiftjis", SJIS}, {"sjis", SJIS},
    {"eucjp", EUCJP}, {"euckr", KOREAN}, {"ksc5601", KOREAN},
    {"ks5601", KOREAN}, {"tis620", ONE("CP874")}, {"ascii", GUESS},
    {"ansix3", GUESS},
};

/* "windows-1251", "cp1251", "win1251", "window-1251", "x-cp1251", "1251". */
static const struct charset windows[] = {
    {"1250", ONE("CP1250")}, {"1251", ONE("CP1251")}, {"1252", WIN1252},
    {"1253", ONE("CP1253")}, {"1254", ONE("CP1254")},
    {"1255", ONE("CP1255")}, {"1256", ONE("CP1256")},
    {"1257", ONE("CP1257")}, {"1258", ONE("CP1258")},
};

/* Parts of ISO 8859 by number; what Windows added is always meant, too. */
static const struct charset iso8859[] = {
    {"0", GUESS}, {"1", WIN1252}, {"2", ONE("ISO-8859-2")},
    {"3", ONE("ISO-8859-3")}, {"4", ONE("ISO-8859-4")},
    {"5", ONE("ISO-8859-5")}, {"6", ONE("ISO-8859-6")},
    {"7", ONE("ISO-8859-7")}, {"8", ONE("ISO-8859-8")},
    {"9", ONE("CP1254")}, {"10", ONE("ISO-8859-10")}, {"11", ONE("CP874")},
    {"12", GUESS}, {"13", ONE("ISO-8859-13")}, {"14", ONE("ISO-8859-14")},
    {"15", ONE("ISO-8859-15")}, {"16", ONE("ISO-8859-16")},
};

static const struct charset unknown = {"", GUESS};
/* Hebrew in logical order, as opposed to 8859-8's visual one. */
static const struct charset hebrew_logical = {"iso88598i", ONE("CP1255")};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Letters and digits, in lower case; "charset=" in front of it is a slip. */
static size_t
make_key(char key[KEY_MAX], struct span label)
{
	size_t n = 0;

	for (size_t i = 0; i < label.n && n < KEY_MAX - 1; i++) {
		int c = ascii_lower(label.p[i]);

		if (ascii_isdigit(c) || (c >= 'a' && c <= 'z'))
			key[n++] = (char)c;
	}
	key[n] = '\0';
	if (n > 7 && memcmp(key, "charset", 7) == 0) {
		n -= 7;
		memmove(key, key + 7, n + 1);
	}
	return n;
}

static const struct charset *
in_table(const char *key)
{
	for (size_t i = 0; i < COUNT(charsets); i++)
		if (strcmp(key, charsets[i].label) == 0)
			return &charsets[i];
	return NULL;
}

static const struct charset *
in_windows(const char *key)
{
	for (size_t i = 0; i < COUNT(windows); i++)
		if (strstr(key, windows[i].label) != NULL)
			return &windows[i];
	return NULL;
}

/* Digits of the standard's number behind "iso", also mixed up: 8559, 8895. */
static const char *
behind_8859(const char *key)
{
	const char *p = strstr(key, "8859");

	if (p != NULL)
		return p + 4;
	p = strstr(key, "iso");
	if (p == NULL || strspn(p + 3, "589") < 4)
		return NULL;
	return p + 7;
}

/* "iso-8859-15", "8859_1", "ISO_8859-1:1987", "iso-8559-1", "iso8859-8-i". */
static const struct charset *
in_8859(const char *key)
{
	const char *p = behind_8859(key);
	size_t digits;
	size_t number = 0;

	if (p == NULL)
		return NULL;
	digits = strspn(p, "0123456789");
	if (p[digits] == 'i' && p[0] == '8' && digits == 1)
		return &hebrew_logical;
	if (digits > 4)
		digits -= 4;	/* the year */
	if (digits == 0 || digits > 2)
		return NULL;
	for (size_t i = 0; i < digits; i++)
		number = number * 10 + (size_t)(p[i] - '0');
	return number < COUNT(iso8859) ? &iso8859[number] : NULL;
}

const struct charset *
charset_find(struct span label)
{
	char key[KEY_MAX];
	const struct charset *c;

	if (make_key(key, label) == 0)
		return &unknown;
	c = in_table(key);
	for (size_t i = 0; c == NULL && i < COUNT(inside); i++)
		if (strstr(key, inside[i].label) != NULL)
			c = &inside[i];
	if (c == NULL)
		c = in_8859(key);
	if (c == NULL)
		c = in_windows(key);
	return c != NULL ? c : &unknown;
}
