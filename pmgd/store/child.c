/* What all children of pmgd-store do first. */
#include <unistd.h>
#include "store/store.h"

enum { DESCRIPTORS_MAX = 65536 };

void
child_close_others(const int *keep, size_t n)
{
	long max = sysconf(_SC_OPEN_MAX);

	if (max <= 0 || max > DESCRIPTORS_MAX)
		max = DESCRIPTORS_MAX;
	for (int fd = 3; fd < max; fd++) {
		size_t i = 0;

		while (i < n && keep[i] != fd)
			i++;
		if (i == n)
			close(fd);
	}
}
