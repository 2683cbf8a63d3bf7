#include "lib/mail/mime.h"

const char *
mime_defect_name(uint32_t bit)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} names[] = {
	    {MIME_LIMIT_DEPTH, "limit-depth"},
	    {MIME_LIMIT_PARTS, "limit-parts"},
	    {MIME_LIMIT_HEADER, "limit-header"},
	    {MIME_LIMIT_MEMORY, "limit-memory"},
	    {MIME_BARE_LF, "bare-lf"},
	    {MIME_BARE_CR, "bare-cr"},
	    {MIME_NUL, "nul"},
	    {MIME_BAD_FIELD, "bad-field"},
	    {MIME_NO_BOUNDARY, "no-boundary"},
	    {MIME_MISSING_END, "missing-end"},
	    {MIME_DUP_TYPE, "duplicate-type"},
	    {MIME_DUP_ENCODING, "duplicate-encoding"},
	    {MIME_DUP_PARAM, "duplicate-parameter"},
	    {MIME_BAD_ENCODING, "bad-encoding"},
	    {MIME_BAD_BASE64, "bad-base64"},
	    {MIME_BAD_QP, "bad-quoted-printable"},
	    {MIME_8BIT_HEADER, "8bit-header"},
	    {MIME_BAD_TYPE, "bad-type"},
	    {MIME_BAD_PARAM, "bad-parameter"},
	    {MIME_ODD_DELIMITER, "odd-delimiter"},
	    {MIME_DUP_DISPOSITION, "duplicate-disposition"},
	    {MIME_ODD_BASE64, "odd-base64"},
	    {MIME_HIDDEN_FIELD, "hidden-field"},
	    {MIME_AMBIG_BOUNDARY, "ambiguous-boundary"},
	    {MIME_AMBIG_TYPE, "ambiguous-type"},
	    {MIME_AMBIG_ENCODING, "ambiguous-encoding"},
	    {MIME_AMBIG_HEADER, "ambiguous-header"},
	    {MIME_PARTIAL, "partial-message"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].bit == bit)
			return names[i].name;
	return "unknown";
}

const char *
mime_ambiguity(uint32_t defects)
{
	defects &= MIME_AMBIGUOUS;
	return defects ? mime_defect_name(defects & -defects) : NULL;
}
