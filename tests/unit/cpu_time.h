/* For tests that time must grow with the size only: the load of others does
 * not count. */
#ifndef TESTS_CPU_TIME_H
#define TESTS_CPU_TIME_H

#include <stdint.h>
#include <time.h>

static inline int64_t
cpu_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static inline int64_t
cpu_ms(void)
{
	return cpu_us() / 1000;
}

#endif
