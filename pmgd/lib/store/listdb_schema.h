/* The migrations of config.db that lists need; ruledb_schema.c lists them. */
#ifndef PMG_STORE_LISTDB_SCHEMA_H
#define PMG_STORE_LISTDB_SCHEMA_H

/* list_sizes was derived: bytes of the entries that each list has now. */
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

/*
 * list_bytes is derived: bytes of the entries that each list has since a change
 * number; the greatest counts. list_staged: while it has a row, changes from
 * `first` on are those of an edit that goes on, and nobody sees them.
 */
#define LISTDB_STAGING							\
	"CREATE TABLE list_bytes ("					\
	" owner TEXT NOT NULL, kind INTEGER NOT NULL,"			\
	" seq INTEGER NOT NULL, bytes INTEGER NOT NULL,"		\
	" PRIMARY KEY (owner, kind, seq)) WITHOUT ROWID;"		\
	"INSERT INTO list_bytes (owner, kind, seq, bytes)"		\
	" SELECT owner, kind, 0, bytes FROM list_sizes;"		\
	"DROP TABLE list_sizes;"					\
	"CREATE TABLE list_staged (first INTEGER NOT NULL);"

#endif
