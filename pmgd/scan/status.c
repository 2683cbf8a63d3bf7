#include "scan/status.h"

#include <string.h>
#include "lib/base/buf.h"
#include "lib/base/cleanup.h"
#include "lib/base/ipc.h"
#include "lib/base/log.h"
#include "lib/proto/scan.h"

void
status_answer(int sock, const struct scan_shared *sh)
{
	AUTO_BUF struct buf b;
	char detail[sizeof(sh->detail) + 1];
	struct err e;

	/* Others write there while we read. */
	memcpy(detail, sh->detail, sizeof(sh->detail));
	detail[sizeof(sh->detail)] = '\0';
	buf_init(&b, 2 * SCAN_TEXT_MAX);
	scan_status_put(&b, &(struct scan_status){
	    .ready = sh->ready != 0,
	    .detail = detail,
	    .signatures = sh->signatures,
	    .loaded_at = sh->loaded_at,
	    .scanners = sh->scanners,
	    .scanned = __atomic_load_n(&sh->scanned, __ATOMIC_RELAXED),
	    .crashed = __atomic_load_n(&sh->crashed, __ATOMIC_RELAXED),
	});
	if (ipc_send(sock, SCAN_MSG_STATUS_REPLY, buf_span(&b), NULL, 0,
	        SCAN_REPLY_MS, &e) != 0)
		log_warn("status: %s", e.text);
}
