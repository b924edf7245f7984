/* The list of backends, and folding. */
#include "unit/test.h"

#include "base/mem.h"
#include "ops/cases.h"

TEST(registry_ends_with_ref)
{
	uint32_t n;
	const struct backend *const *list = backend_list(&n);
	assert_true(n >= 1);
	assert_string_equal(list[n - 1]->name, "ref");
	for (uint32_t i = 0; i < n; i++)
		assert_ptr_equal(backend_find(str_from(list[i]->name)), list[i]);
	assert_null(backend_find(STR("no such")));
}

TEST(fold_sets_the_outputs)
{
	struct ops_case c;
	struct arena a;

	arena_init(&a, 1 << 22);
	ASSERT_GOOD(ops_case_make(&a, STR("Split fp32[4]=1,2,3,4 int64[2]=1,3 @out=2"), &c));
	ASSERT_GOOD(backend_fold(c.graph, c.node, &a));
	assert_int_equal(c.node->out[0]->data_bytes, 4);
	assert_int_equal(c.node->out[1]->data_bytes, 12);
	assert_true(*(const float *)c.node->out[0]->data == 1);
	assert_true(((const float *)c.node->out[1]->data)[2] == 4);
	arena_release(&a);
}

TEST(fold_leaves_what_it_should)
{
	struct ops_case c;
	struct arena a;

	arena_init(&a, 1 << 22);
	ASSERT_GOOD(ops_case_make(&a, STR("Add fp32[4] fp32[4]=1"), &c));
	ASSERT_FAILS(backend_fold(c.graph, c.node, &a), UNSUPPORTED, "not constant");
	assert_null(c.node->out[0]->data);
	ASSERT_GOOD(ops_case_make(&a, STR("ConstantOfShape int64[2]=100000,100000"), &c));
	ASSERT_FAILS(backend_fold(c.graph, c.node, &a), UNSUPPORTED, "too large");
	ASSERT_GOOD(ops_case_make(&a, STR("Div int32[1]=1 int32[1]=0"), &c));
	ASSERT_FAILS(backend_fold(c.graph, c.node, &a), INVALID_ARG, "by zero");
	assert_null(c.node->out[0]->data);
	arena_release(&a);
}

TEST(fold_survives_each_failed_allocation)
{
	struct ops_case c;
	struct arena a, b;
	bool done = false;

	for (int64_t n = 0; !done && n < 100; n++) {
		arena_init(&a, 1 << 22);
		arena_init(&b, 1 << 22);
		b.block_bytes = 64;     /* small blocks, so that each allocation reaches the heap */
		ASSERT_GOOD(ops_case_make(&a, STR("Pad fp32[40]! int64[2]=1,1 mode=edge"), &c));
		mem_fail_after(n);
		struct status st = backend_fold(c.graph, c.node, &b);
		done = !mem_failed();
		mem_fail_after(-1);
		assert_int_equal(st.code, done ? STATUS_OK : STATUS_NO_MEMORY);
		assert_true(done == (c.node->out[0]->data != 0));
		arena_release(&b);
		arena_release(&a);
	}
	assert_true(done);
}
