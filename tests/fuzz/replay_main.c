/*
 * Feeds files, and the files of folders (not their subfolders), to a fuzz
 * target: what `make check` does with the seeds and with every input that
 * ever broke something. Built by gcc with ASan and UBSan.
 */
#include <sys/stat.h>
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/base/atomicfile.h"
#include "lib/base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 64 * 1024 * 1024 };

static size_t ninputs;

/* An exact copy, so that ASan sees a read behind its end. */
static void
run(const char *path)
{
	struct buf b;
	struct err e;
	uint8_t *copy;

	buf_init(&b, INPUT_MAX);
	if (file_read(path, &b, &e) == -1) {
		fprintf(stderr, "%s\n", e.text);
		exit(1);
	}
	copy = malloc(b.n ? b.n : 1);
	if (copy == NULL)
		exit(1);
	if (b.n > 0)
		memcpy(copy, b.p, b.n);
	LLVMFuzzerTestOneInput(copy, b.n);
	free(copy);
	buf_free(&b);
	ninputs++;
}

static void
run_folder(const char *path)
{
	struct dirent **names = NULL;
	int n = scandir(path, &names, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		char file[4096];
		struct stat st;

		snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
		if (stat(file, &st) == 0 && S_ISREG(st.st_mode))
			run(file);
		free(names[i]);
	}
	free(names);
}

int
main(int argc, char **argv)
{
	struct stat st;

	for (int i = 1; i < argc; i++) {
		if (stat(argv[i], &st) == -1) {
			perror(argv[i]);
			return 1;
		}
		if (S_ISDIR(st.st_mode))
			run_folder(argv[i]);
		else
			run(argv[i]);
	}
	printf("%zu inputs\n", ninputs);
	return ninputs == 0;
}
