/* What parse.c measures, by GMime 3: parse_gmime SECONDS FILE ... */
#include <gmime/gmime.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double
cpu_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
decode_part(GMimeObject *parent, GMimeObject *part, gpointer out)
{
	(void)parent;
	if (!GMIME_IS_PART(part))
		return;
	g_mime_part_get_filename(GMIME_PART(part));
	if (g_mime_part_get_content(GMIME_PART(part)) != NULL)
		g_mime_data_wrapper_write_to_stream(
		    g_mime_part_get_content(GMIME_PART(part)), out);
}

static void
read_mail(const gchar *bytes, gsize n)
{
	GMimeStream *in = g_mime_stream_mem_new_with_buffer(bytes, n);
	GMimeStream *out = g_mime_stream_null_new();
	GMimeParser *parser = g_mime_parser_new_with_stream(in);
	GMimeMessage *m = g_mime_parser_construct_message(parser, NULL);

	if (m != NULL) {
		g_mime_message_get_subject(m);
		g_mime_message_foreach(m, decode_part, out);
		g_object_unref(m);
	}
	g_object_unref(parser);
	g_object_unref(out);
	g_object_unref(in);
}

int
main(int argc, char **argv)
{
	gsize n = (gsize)(argc - 2), total = 0, passes = 0;
	gchar **mail = g_new0(gchar *, n + 1);
	gsize *size = g_new0(gsize, n + 1);
	double began, wanted = atof(argv[1]);

	g_mime_init();
	for (gsize i = 0; i < n; i++) {
		if (!g_file_get_contents(argv[2 + i], &mail[i], &size[i],
		        NULL)) {
			perror(argv[2 + i]);
			return 1;
		}
		total += size[i];
	}
	began = cpu_seconds();
	do {
		for (gsize i = 0; i < n; i++)
			read_mail(mail[i], size[i]);
		passes++;
	} while (cpu_seconds() - began < wanted);
	printf("%zu %zu %zu %.6f\n", n, total, passes, cpu_seconds() - began);
	return 0;
}
