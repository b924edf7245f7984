/* Text tables: widths, borders, and cells that would break a row. */
#include "../test.h"

#include "serve/table.h"

static void assert_prints(const struct table *t, const char *want)
{
	struct buf b;
	buf_init(&b, 1 << 16);
	table_print(t, &b);
	ASSERT_GOOD(buf_status(&b));
	buf_byte(&b, 0);
	assert_string_equal((const char *)b.p, want);
	buf_release(&b);
}

TEST(serve_table_is_as_wide_as_its_widest_cell)
{
	struct table t;
	table_init(&t, 2);
	TABLE_ROW(&t, "Model", "Version");
	TABLE_ROW(&t, "mnist_mlp", "1");
	assert_false(t.bad);
	assert_prints(&t, "+-----------+---------+\n"
	                  "| Model     | Version |\n"
	                  "+-----------+---------+\n"
	                  "| mnist_mlp | 1       |\n"
	                  "+-----------+---------+\n");
	table_release(&t);
}

TEST(serve_table_keeps_a_row_on_one_line)
{
	struct table t;
	table_init(&t, 1);
	TABLE_ROW(&t, "Status");
	TABLE_ROW(&t, "a\nb\x7f");
	TABLE_ROW(&t, (const char *)0);
	assert_prints(&t, "+--------+\n"
	                  "| Status |\n"
	                  "+--------+\n"
	                  "| a b    |\n"
	                  "|        |\n"
	                  "+--------+\n");
	table_release(&t);
}

TEST(serve_table_says_when_a_row_did_not_fit)
{
	struct table t;
	table_init(&t, 1);
	for (uint32_t i = 0; i < TABLE_ROWS_MAX; i++)
		TABLE_ROW(&t, "x");
	assert_false(t.bad);
	TABLE_ROW(&t, "one too many");
	assert_true(t.bad);
	assert_int_equal(t.n, TABLE_ROWS_MAX);
	table_release(&t);
}
