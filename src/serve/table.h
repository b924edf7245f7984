/* Text tables as Triton prints them at start. */
#ifndef NEREID_SERVE_TABLE_H
#define NEREID_SERVE_TABLE_H

#include "base/arena.h"
#include "base/buf.h"

enum { TABLE_COLUMNS_MAX = 4, TABLE_ROWS_MAX = 65536 };
struct table_row { struct str cell[TABLE_COLUMNS_MAX]; };
struct table {
	struct arena arena;          /* of rows and cells */
	uint32_t columns, n, cap;
	struct table_row *rows;      /* the first is the heading */
	bool bad;                    /* something did not fit */
};

void table_init(struct table *t, uint32_t columns);
/* The next row: `columns` texts, copied. Rows that do not fit are left out and noted in bad. */
void table_row(struct table *t, const char *const *cells);
/* One cell per column: TABLE_ROW(&t, "Model", "Version"). */
#define TABLE_ROW(t, ...) table_row((t), (const char *const[]){__VA_ARGS__})
/* Appends the table to out. */
void table_print(const struct table *t, struct buf *out);
void table_release(struct table *t);

#endif
