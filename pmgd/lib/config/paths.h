/*
 * Where everything is. One prefix can be put before all of it (--root DIR of
 * every program): the test rig runs a whole gateway below one folder.
 */
#ifndef PMG_CONFIG_PATHS_H
#define PMG_CONFIG_PATHS_H

struct paths {
	char *config;		/* /etc/pmg */
	char *run;		/* /run/pmg */
	char *state;		/* /var/lib/pmg */
	char *spool;		/* /var/spool/pmg */
	/* Sockets: */
	char *filter_in;	/* run/filter/in.sock    LMTP from Postfix */
	char *filter_out;	/* run/filter/out.sock */
	char *filter_control;	/* run/filter/control.sock  `pmg status` */
	char *scan;		/* run/scan/scan.sock */
	char *store;		/* run/store/store.sock  commits of the workers */
	char *store_admin;	/* run/store/admin.sock  tools */
	char *spamd;		/* run/spamd/spamd.sock */
	char *reinject;		/* Postfix: queue_directory/public/pmg-reinject */
	/* Files: */
	char *rules;		/* state/rules/rules.active  (pmgd-store writes) */
	char *lists;		/* state/rules/lists.active  (pmgd-store writes) */
	char *ldap;		/* state/ldap: PROFILE (what was fetched last),
				 * PROFILE.state (pmg ldap sync writes) */
	char *ldap_active;	/* state/ldap/ldap.active: of all profiles */
	char *store_db;		/* state/store: config.db, quarantine.db */
	char *events;		/* state/events/pmgd */
	char *recent;		/* state/events/recent: for rule replays */
	char *strikes;		/* state/filter/strikes */
	char *active;		/* spool/active: messages being filtered */
	char *quarantine;	/* spool/quarantine: spam, virus, attachment */
};

/* root: "" for the installed system. Fills every member (never freed). */
void paths_init(struct paths *p, const char *root);

#endif
