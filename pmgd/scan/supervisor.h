/*
 * The supervisor: owns the listening socket, watches the folder of databases,
 * and starts a loader for each new set. The old loader drains once the new one
 * is ready, so there is no gap. While none is ready it answers every request
 * itself: SCAN_NOT_READY, with the reason in plain words. It loads nothing and
 * looks into no message.
 */
#ifndef PMG_SCAN_SUPERVISOR_H
#define PMG_SCAN_SUPERVISOR_H

#include "scan/settings.h"

/*
 * Until SIGTERM or SIGINT. Takes s; SIGHUP loads settings (again by o and p)
 * and signatures anew. Returns the exit status.
 */
int supervisor_run(const struct scan_options *o, const struct paths *p,
    struct scan_settings *s, int listen_fd);

#endif
