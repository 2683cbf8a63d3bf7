#include "lib/config/paths.h"

#include <string.h>
#include "lib/base/xalloc.h"

void
paths_init(struct paths *p, const char *root)
{
	int n = (int)strlen(root);

	/* "/" and "/rig/" mean what "" and "/rig" mean: no path has "//". */
	while (n > 0 && root[n - 1] == '/')
		n--;
	p->config = xasprintf("%.*s/etc/pmg", n, root);
	p->run = xasprintf("%.*s/run/pmg", n, root);
	p->state = xasprintf("%.*s/var/lib/pmg", n, root);
	p->spool = xasprintf("%.*s/var/spool/pmg", n, root);

	p->filter_in = xasprintf("%s/filter/in.sock", p->run);
	p->filter_out = xasprintf("%s/filter/out.sock", p->run);
	p->filter_control = xasprintf("%s/filter/control.sock", p->run);
	p->scan = xasprintf("%s/scan/scan.sock", p->run);
	p->store = xasprintf("%s/store/store.sock", p->run);
	p->store_admin = xasprintf("%s/store/admin.sock", p->run);
	p->spamd = xasprintf("%s/spamd/spamd.sock", p->run);
	/* Postfix keeps its own queue_directory, which --root moves too. */
	p->reinject = xasprintf("%.*s/var/spool/postfix/public/pmg-reinject",
	    n, root);

	p->rules = xasprintf("%s/rules/rules.active", p->state);
	p->lists = xasprintf("%s/rules/lists.active", p->state);
	p->ldap = xasprintf("%s/ldap", p->state);
	p->ldap_active = xasprintf("%s/ldap.active", p->ldap);
	p->store_db = xasprintf("%s/store", p->state);
	p->events = xasprintf("%s/events/pmgd", p->state);
	p->recent = xasprintf("%s/events/recent", p->state);
	p->strikes = xasprintf("%s/filter/strikes", p->state);
	p->active = xasprintf("%s/active", p->spool);
	p->quarantine = xasprintf("%s/quarantine", p->spool);
}
