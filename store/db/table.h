/* The tables of the store. */
#ifndef STORE_DB_TABLE_H
#define STORE_DB_TABLE_H

enum table {
#define TABLE(name, doc) TABLE_##name,
#include "store/db/tables.def"
#undef TABLE
	TABLES
};

#define STORE_FORMAT 7		/* raised with every change an older program would misread */

#endif
