/*
 * The parent's store of what the rules were told about the last messages
 * (lib/rules/recorded.h): event files of their own, the oldest of which go
 * when all have reached a size. It only serves `pmg rules replay`: trouble
 * with it is logged and never touches mail.
 */
#ifndef PMG_FILTER_RECENT_H
#define PMG_FILTER_RECENT_H

#include <stdint.h>
#include "lib/base/span.h"

struct recent;

/* most: bytes to keep; 0 keeps nothing and removes what is there. NULL:
 * nothing will be kept. */
struct recent *recent_open(const char *dir, uint64_t most);
void recent_write(struct recent *r, struct span recorded);
void recent_close(struct recent *r);

#endif
