/* The migration of config.db that lists need; ruledb.c lists it. */
#ifndef PMG_STORE_LISTDB_SCHEMA_H
#define PMG_STORE_LISTDB_SCHEMA_H

/* list_sizes is derived: bytes of the entries that each list has now. */
#define LISTDB_SCHEMA							\
	"CREATE TABLE IF NOT EXISTS meta ("				\
	" name TEXT PRIMARY KEY, value TEXT NOT NULL);"			\
	"CREATE TABLE list_changes ("					\
	" seq INTEGER PRIMARY KEY AUTOINCREMENT,"			\
	" node INTEGER NOT NULL,"					\
	" incarnation TEXT NOT NULL,"					\
	" time_us INTEGER NOT NULL,"					\
	" actor TEXT NOT NULL,"						\
	" op INTEGER NOT NULL,"		/* 1 add, 0 remove */		\
	" owner TEXT NOT NULL,"						\
	" kind INTEGER NOT NULL,"	/* enum userlist_kind */	\
	" entry TEXT NOT NULL,"						\
	" comment TEXT NOT NULL);"					\
	"CREATE INDEX list_changes_entry"				\
	" ON list_changes(owner, entry, seq);"				\
	"CREATE TABLE list_sizes ("					\
	" owner TEXT NOT NULL, kind INTEGER NOT NULL,"			\
	" bytes INTEGER NOT NULL,"					\
	" PRIMARY KEY (owner, kind)) WITHOUT ROWID;"

#endif
