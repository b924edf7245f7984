/* The list of backends, and folding. */
#include "unit/test.h"

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
