/*
 * Who may ask spamd, and whether it is asked at all. Pure bookkeeping.
 *
 * As many places as there are cores: more at a time only makes every answer
 * slower (measured: 9 msg/s with 1 child on 2 cores, 3 with 8). The rest
 * waits here, first come, first served. After `BREAKER_FAILURES` failures in
 * a row spamd is not asked any more but by one probe each BREAKER_PROBE_MS;
 * the first answer closes the circuit again.
 */
#ifndef PMG_FILTER_ADMISSION_H
#define PMG_FILTER_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BREAKER_FAILURES = 3, BREAKER_PROBE_MS = 10 * 1000,
	ADMISSION_CLIENTS = 256 };

enum admission { ADMIT_WAIT, ADMIT_GRANTED, ADMIT_REFUSED };

struct admission_client {
	bool holding, waiting;
	uint32_t ticket;
	uint64_t order;
};

struct admission_state {
	unsigned places;
	unsigned used;
	unsigned failures;		/* in a row */
	uint64_t total_failures;
	bool open;			/* circuit open: do not ask */
	bool probing;
	int64_t next_probe;
	uint64_t order;
	struct admission_client client[ADMISSION_CLIENTS];
};

void admission_init(struct admission_state *s, unsigned places);
/* Client (worker slot) asks. now: clock_mono_ms(). */
enum admission admission_ask(struct admission_state *s, unsigned client,
    uint32_t ticket, int64_t now);
/* Client is through (enum slot_end), or gave up waiting, or died. */
void admission_end(struct admission_state *s, unsigned client, int how,
    int64_t now);
/*
 * The next waiting client whose turn it is: its number, *what says granted or
 * refused; -1 when none. Call until -1 after each ask and end.
 */
int admission_next(struct admission_state *s, enum admission *what);
unsigned admission_waiting(const struct admission_state *s);

#endif
