/* The answer to a status request, which any process of pmgd-scan may get. */
#ifndef PMG_SCAN_STATUS_H
#define PMG_SCAN_STATUS_H

#include "scan/scan.h"

void status_answer(int sock, const struct scan_shared *sh);

#endif
