/* Monotonic time for every limit; wall-clock time only where people read it. */
#ifndef PMG_BASE_CLOCK_H
#define PMG_BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds, CLOCK_MONOTONIC. */
int64_t clock_mono_ms(void);
/* Microseconds, CLOCK_MONOTONIC: for durations that people read. */
int64_t clock_mono_us(void);
/* Microseconds since the epoch, CLOCK_REALTIME. */
int64_t clock_wall_us(void);
/* Milliseconds until deadline (a clock_mono_ms value), 0 when it is past. */
int clock_left_ms(int64_t deadline);

#endif
