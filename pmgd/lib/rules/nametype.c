/*
 * Content types by file name, and names for the same type. The last ending
 * counts: it is what a mail program goes by when it opens an attachment.
 */
#include <string.h>
#include "lib/rules/ruleset.h"

static const struct {
	const char *ending;
	const char *type;
} endings[] = {
	{"7z", "application/x-7z-compressed"},
	{"aac", "audio/aac"},
	{"apk", "application/vnd.android.package-archive"},
	{"asf", "video/x-ms-asf"},
	{"avi", "video/x-msvideo"},
	{"bat", "application/x-bat"},
	{"bmp", "image/bmp"},
	{"bz2", "application/x-bzip2"},
	{"cab", "application/vnd.ms-cab-compressed"},
	{"chm", "application/vnd.ms-htmlhelp"},
	{"class", "application/x-java"},
	{"cmd", "application/x-bat"},
	{"com", "application/x-ms-dos-executable"},
	{"cpl", "application/x-ms-dos-executable"},
	{"csv", "text/csv"},
	{"deb", "application/vnd.debian.binary-package"},
	{"dll", "application/x-ms-dos-executable"},
	{"doc", "application/msword"},
	{"docm", "application/vnd.ms-word.document.macroenabled.12"},
	{"docx", "application/vnd.openxmlformats-officedocument."
	    "wordprocessingml.document"},
	{"dot", "application/msword"},
	{"dotm", "application/vnd.ms-word.template.macroenabled.12"},
	{"dotx", "application/vnd.openxmlformats-officedocument."
	    "wordprocessingml.template"},
	{"eml", "message/rfc822"},
	{"exe", "application/x-ms-dos-executable"},
	{"flac", "audio/flac"},
	{"flv", "video/x-flv"},
	{"gif", "image/gif"},
	{"gz", "application/gzip"},
	{"heic", "image/heif"},
	{"hta", "application/hta"},
	{"htm", "text/html"},
	{"html", "text/html"},
	{"ico", "image/vnd.microsoft.icon"},
	{"ics", "text/calendar"},
	{"img", "application/x-raw-disk-image"},
	{"iso", "application/x-cd-image"},
	{"jar", "application/x-java-archive"},
	{"jpeg", "image/jpeg"},
	{"jpg", "image/jpeg"},
	{"js", "application/javascript"},
	{"jse", "application/javascript"},
	{"json", "application/json"},
	{"lha", "application/x-lha"},
	{"lnk", "application/x-ms-shortcut"},
	{"lzh", "application/x-lha"},
	{"m4a", "audio/mp4"},
	{"m4v", "video/mp4"},
	{"mid", "audio/midi"},
	{"mjs", "application/javascript"},
	{"mkv", "video/x-matroska"},
	{"mov", "video/quicktime"},
	{"mp3", "audio/mpeg"},
	{"mp4", "video/mp4"},
	{"mpeg", "video/mpeg"},
	{"mpg", "video/mpeg"},
	{"msg", "application/vnd.ms-outlook"},
	{"msi", "application/x-msi"},
	{"odb", "application/vnd.oasis.opendocument.database"},
	{"odg", "application/vnd.oasis.opendocument.graphics"},
	{"odp", "application/vnd.oasis.opendocument.presentation"},
	{"ods", "application/vnd.oasis.opendocument.spreadsheet"},
	{"odt", "application/vnd.oasis.opendocument.text"},
	{"ogg", "audio/ogg"},
	{"one", "application/onenote"},
	{"opus", "audio/ogg"},
	{"pdf", "application/pdf"},
	{"pif", "application/x-ms-dos-executable"},
	{"png", "image/png"},
	{"pot", "application/vnd.ms-powerpoint"},
	{"potm", "application/vnd.ms-powerpoint.template.macroenabled.12"},
	{"pps", "application/vnd.ms-powerpoint"},
	{"ppsm", "application/vnd.ms-powerpoint.slideshow.macroenabled.12"},
	{"ppsx", "application/vnd.openxmlformats-officedocument."
	    "presentationml.slideshow"},
	{"ppt", "application/vnd.ms-powerpoint"},
	{"pptm", "application/vnd.ms-powerpoint.presentation."
	    "macroenabled.12"},
	{"pptx", "application/vnd.openxmlformats-officedocument."
	    "presentationml.presentation"},
	{"ps", "application/postscript"},
	{"ps1", "application/x-powershell"},
	{"rar", "application/vnd.rar"},
	{"rpm", "application/x-rpm"},
	{"rtf", "application/rtf"},
	{"scr", "application/x-ms-dos-executable"},
	{"sh", "application/x-shellscript"},
	{"svg", "image/svg+xml"},
	{"swf", "application/vnd.adobe.flash.movie"},
	{"sxc", "application/vnd.sun.xml.calc"},
	{"sxi", "application/vnd.sun.xml.impress"},
	{"sxw", "application/vnd.sun.xml.writer"},
	{"tar", "application/x-tar"},
	{"tgz", "application/gzip"},
	{"tif", "image/tiff"},
	{"tiff", "image/tiff"},
	{"txt", "text/plain"},
	{"vbe", "text/vbscript.encoded"},
	{"vbs", "text/vbscript"},
	{"vcf", "text/vcard"},
	{"vhd", "application/x-virtualbox-vhd"},
	{"wav", "audio/x-wav"},
	{"webm", "video/webm"},
	{"webp", "image/webp"},
	{"wma", "audio/x-ms-wma"},
	{"wmf", "image/wmf"},
	{"wmv", "video/x-ms-wmv"},
	{"xla", "application/vnd.ms-excel"},
	{"xlam", "application/vnd.ms-excel.addin.macroenabled.12"},
	{"xls", "application/vnd.ms-excel"},
	{"xlsb", "application/vnd.ms-excel.sheet.binary.macroenabled.12"},
	{"xlsm", "application/vnd.ms-excel.sheet.macroenabled.12"},
	{"xlsx", "application/vnd.openxmlformats-officedocument."
	    "spreadsheetml.sheet"},
	{"xlt", "application/vnd.ms-excel"},
	{"xltm", "application/vnd.ms-excel.template.macroenabled.12"},
	{"xml", "application/xml"},
	{"xz", "application/x-xz"},
	{"zip", "application/zip"},
	{"zst", "application/zstd"},
};

/* Mail programs, libmagic and shared-mime-info name these differently. */
static const char *const families[][8] = {
	{"application/x-ms-dos-executable", "application/x-msdos-program",
	    "application/x-dosexec", "application/x-msdownload",
	    "application/vnd.microsoft.portable-executable"},
	{"application/x-executable", "application/x-pie-executable"},
	{"application/x-java", "application/java-vm", "application/x-java-vm",
	    "application/x-java-applet"},
	{"application/x-java-archive", "application/java-archive"},
	{"application/javascript", "application/x-javascript",
	    "text/javascript"},
	{"application/zip", "application/x-zip-compressed"},
	{"application/vnd.rar", "application/x-rar",
	    "application/x-rar-compressed"},
	{"application/gzip", "application/x-gzip"},
	{"application/x-cd-image", "application/x-iso9660-image"},
};

const char *
nametype_find(const char *filename)
{
	struct span name = span_trim(span_str(filename));
	size_t i;

	/* Windows drops dots and blanks at the end of a name. */
	while (name.n > 0 && strchr(". \t\r\n", name.p[name.n - 1]) != NULL)
		name.n--;
	for (i = name.n; i > 0 && name.p[i - 1] != '.'; i--)
		;
	if (i == 0)
		return NULL;
	name = span_sub(name, i, name.n);
	for (i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
		if (span_ieqs(name, endings[i].ending))
			return endings[i].type;
	return NULL;
}

/* The row of families that type is in, or NULL. */
static const char *const *
family_of(const char *type)
{
	for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++)
		for (size_t k = 0; families[f][k] != NULL; k++)
			if (span_ieqs(span_str(type), families[f][k]))
				return families[f];
	return NULL;
}

const char *
nametype_alias(const char *type, size_t i)
{
	const char *const *family = family_of(type);

	for (size_t k = 0; family != NULL && family[k] != NULL; k++)
		if (!span_ieqs(span_str(type), family[k]) && i-- == 0)
			return family[k];
	return NULL;
}
