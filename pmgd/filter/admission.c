#include "filter/admission.h"

#include "lib/proto/filter.h"

void
admission_init(struct admission_state *s, unsigned places)
{
	*s = (struct admission_state){.places = places ? places : 1};
}

static void
grant(struct admission_state *s, struct admission_client *c)
{
	c->waiting = false;
	c->holding = true;
	s->used++;
}

enum admission
admission_ask(struct admission_state *s, unsigned client, uint32_t ticket,
    int64_t now)
{
	struct admission_client *c = &s->client[client];

	c->ticket = ticket;
	c->waiting = false;
	if (s->open) {
		if (s->probing || now < s->next_probe)
			return ADMIT_REFUSED;
		s->probing = true;
		grant(s, c);
		return ADMIT_GRANTED;
	}
	if (s->used < s->places && admission_waiting(s) == 0) {
		grant(s, c);
		return ADMIT_GRANTED;
	}
	c->waiting = true;
	c->order = s->order++;
	return ADMIT_WAIT;
}

static void
failed(struct admission_state *s, int64_t now)
{
	s->total_failures++;
	s->failures++;
	if (s->failures >= BREAKER_FAILURES) {
		s->open = true;
		s->next_probe = now + BREAKER_PROBE_MS;
	}
}

void
admission_end(struct admission_state *s, unsigned client, int how, int64_t now)
{
	struct admission_client *c = &s->client[client];

	c->waiting = false;
	if (!c->holding)
		return;
	c->holding = false;
	s->used--;
	s->probing = false;
	if (how == SLOT_FAILED) {
		failed(s, now);
	} else if (how == SLOT_ANSWERED) {
		s->failures = 0;
		s->open = false;
	}
}

int
admission_next(struct admission_state *s, enum admission *what)
{
	int best = -1;

	for (int i = 0; i < ADMISSION_CLIENTS; i++)
		if (s->client[i].waiting && (best < 0 ||
		    s->client[i].order < s->client[best].order))
			best = i;
	if (best < 0)
		return -1;
	if (s->open) {
		s->client[best].waiting = false;
		*what = ADMIT_REFUSED;
		return best;
	}
	if (s->used >= s->places)
		return -1;
	grant(s, &s->client[best]);
	*what = ADMIT_GRANTED;
	return best;
}

unsigned
admission_waiting(const struct admission_state *s)
{
	unsigned n = 0;

	for (int i = 0; i < ADMISSION_CLIENTS; i++)
		n += s->client[i].waiting;
	return n;
}
