#include "lib/store/listdb_schema.h"
#include "lib/store/ruledb_internal.h"

/* Never change one that was released: add the next. */
const char *const ruledb_migrations[] = {
    "CREATE TABLE groups ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " name TEXT NOT NULL,"
    " info TEXT NOT NULL,"
    " category INTEGER NOT NULL);"	/* enum category */
    "CREATE TABLE objects ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " group_id INTEGER NOT NULL REFERENCES groups(id) ON DELETE CASCADE,"
    " type INTEGER NOT NULL,"		/* enum object_type */
    " value TEXT NOT NULL,"
    " value2 TEXT NOT NULL,"
    " value3 TEXT NOT NULL,"
    " number INTEGER NOT NULL,"
    " number2 INTEGER NOT NULL,"
    " flags INTEGER NOT NULL);"
    "CREATE INDEX objects_group ON objects(group_id);"
    "CREATE TABLE rules ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " name TEXT NOT NULL,"
    " priority INTEGER NOT NULL,"
    " active INTEGER NOT NULL,"
    " direction INTEGER NOT NULL);"	/* enum rule_dir */
    "CREATE TABLE rule_groups ("
    " rule_id INTEGER NOT NULL REFERENCES rules(id) ON DELETE CASCADE,"
    " category INTEGER NOT NULL,"
    " group_id INTEGER NOT NULL REFERENCES groups(id),"
    " PRIMARY KEY (rule_id, category, group_id));"
    "CREATE TABLE changes ("
    " seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    " time_us INTEGER NOT NULL,"
    " actor TEXT NOT NULL,"
    " what TEXT NOT NULL);",

    LISTDB_SCHEMA,

    /* The tables of the first stay until ruledb_carry() has emptied them. */
    "CREATE TABLE IF NOT EXISTS meta ("
    " name TEXT PRIMARY KEY, value TEXT NOT NULL);"
    "CREATE TABLE rule_versions ("
    " version INTEGER PRIMARY KEY AUTOINCREMENT,"
    " node INTEGER NOT NULL,"
    " incarnation TEXT NOT NULL,"
    " time_us INTEGER NOT NULL,"
    " actor TEXT NOT NULL,"
    " comment TEXT NOT NULL);"
    "CREATE TABLE rule_journal ("
    " seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    " node INTEGER NOT NULL,"
    " incarnation TEXT NOT NULL,"
    " version INTEGER NOT NULL REFERENCES rule_versions(version),"
    " kind INTEGER NOT NULL,"		/* enum rules_kind */
    " id INTEGER NOT NULL,"
    " deleted INTEGER NOT NULL,"
    " parent INTEGER NOT NULL,"		/* an object's group */
    " position INTEGER NOT NULL,"
    " content TEXT NOT NULL);"		/* JSON, "" when deleted */
    "CREATE INDEX rule_journal_item ON rule_journal(kind, id);"
    "CREATE INDEX rule_journal_version ON rule_journal(version);"
    /* The draft is work in progress of this node, not history. */
    "CREATE TABLE rule_draft ("
    " one INTEGER PRIMARY KEY CHECK (one = 1),"
    " open INTEGER NOT NULL,"
    " base INTEGER NOT NULL,"
    " revision INTEGER NOT NULL,"
    " time_us INTEGER NOT NULL,"
    " actor TEXT NOT NULL);"
    "INSERT INTO rule_draft VALUES (1, 0, 0, 0, 0, '');"
    "CREATE TABLE rule_draft_items ("
    " kind INTEGER NOT NULL,"
    " id INTEGER NOT NULL,"
    " deleted INTEGER NOT NULL,"
    " parent INTEGER NOT NULL,"
    " position INTEGER NOT NULL,"
    " content TEXT NOT NULL,"
    " PRIMARY KEY (kind, id));"
    /* Names of shipped rules and groups that this database was offered. */
    "CREATE TABLE rule_shipped ("
    " kind INTEGER NOT NULL,"
    " name TEXT NOT NULL,"
    " PRIMARY KEY (kind, name));",
    LISTDB_STAGING,
    NULL,
};
