/* The tables of the store. */
#ifndef STORE_DB_TABLE_H
#define STORE_DB_TABLE_H

enum table {
#define TABLE(name, doc) TABLE_##name,
#include "store/db/tables.def"
#undef TABLE
	TABLES
};

#endif
