/* Laying out text tables with borders, as wide as their widest cells.
 *
 * Rows are collected first because widths are only known at the end. Cells hold names and messages
 * that came from files, so control characters are written as blanks: one row stays one line. Pure;
 * one thread owns a table.
 */
#include "serve/table.h"

#include "base/panic.h"

#define TABLE_BYTES_MAX ((size_t)64 << 20)

void table_init(struct table *t, uint32_t columns)
{
	CHECK(columns > 0 && columns <= TABLE_COLUMNS_MAX);
	*t = (struct table){.columns = columns};
	arena_init(&t->arena, TABLE_BYTES_MAX);
}

void table_release(struct table *t)
{
	arena_release(&t->arena);
	*t = (struct table){0};
}

void table_row(struct table *t, const char *const *cells)
{
	CHECK(t->columns > 0);
	if (!ARENA_GROW(&t->arena, t->rows, t->n, t->cap, TABLE_ROWS_MAX)) {
		t->bad = true;
		return;
	}
	struct table_row *r = &t->rows[t->n];
	for (uint32_t i = 0; i < t->columns; i++) {
		char *text = arena_text(&t->arena, str_from(cells[i] ? cells[i] : ""));
		if (!text) {
			t->bad = true;
			return;
		}
		for (char *p = text; *p; p++)
			if ((unsigned char)*p < 32 || *p == 127)
				*p = ' ';
		r->cell[i] = str_from(text);
	}
	t->n++;
}

static void repeat(struct buf *out, char c, size_t n)
{
	while (n--)
		buf_byte(out, (uint8_t)c);
}

static void border(const struct table *t, const size_t *width, struct buf *out)
{
	for (uint32_t i = 0; i < t->columns; i++) {
		buf_byte(out, '+');
		repeat(out, '-', width[i] + 2);
	}
	buf_z(out, "+\n");
}

void table_print(const struct table *t, struct buf *out)
{
	size_t width[TABLE_COLUMNS_MAX] = {0};
	for (uint32_t r = 0; r < t->n; r++)
		for (uint32_t i = 0; i < t->columns; i++)
			if (t->rows[r].cell[i].n > width[i])
				width[i] = t->rows[r].cell[i].n;
	border(t, width, out);
	for (uint32_t r = 0; r < t->n; r++) {
		for (uint32_t i = 0; i < t->columns; i++) {
			struct str s = t->rows[r].cell[i];
			buf_z(out, "| ");
			buf_str(out, s);
			repeat(out, ' ', width[i] - s.n + 1);
		}
		buf_z(out, "|\n");
		if (r == 0)
			border(t, width, out);
	}
	border(t, width, out);
}
