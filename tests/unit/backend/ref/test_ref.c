/* The backend record: what it takes, and that a step outlives its graph. */
#include "unit/backend/ref/ref_test.h"

static bool takes(const char *text)
{
	struct ops_case c;
	struct arena a;

	arena_init(&a, 1 << 22);
	bool ok = !ops_case_make(&a, str_from(text), &c).code && backend_ref.supports(c.graph, c.node);
	arena_release(&a);
	return ok;
}

TEST(ref_takes_plain_values_of_number_types)
{
	assert_true(takes("Add int8[3] int8[3]"));
	assert_true(takes("Softmax bf16[3]"));
	assert_true(takes("Transpose bool[2,3]"));
	assert_true(takes("nereid.ToChannelsFirst fp32[1,2,3,4]"));
	assert_string_equal(backend_ref.tactic_name(OP_ADD, 0), "ref");
	ASSERT_GOOD(backend_ref.probe());
}

TEST(ref_does_not_take_channels_last)
{
	struct ops_case c;
	struct arena a;

	arena_init(&a, 1 << 22);
	ASSERT_GOOD(ops_case_make(&a, STR("Relu fp32[1,2,3,4]"), &c));
	assert_true(backend_ref.supports(c.graph, c.node));
	c.node->in[0]->layout = LAYOUT_CHANNELS_LAST;
	assert_false(backend_ref.supports(c.graph, c.node));
	c.node->in[0]->layout = LAYOUT_PLAIN;
	c.node->in[0]->dtype = DTYPE_BYTES;
	assert_false(backend_ref.supports(c.graph, c.node));
	arena_release(&a);
}

TEST(ref_step_outlives_its_graph)
{
	float x[3] = {1, 2, 3}, y[5];
	int64_t pads[2] = {1, 1};
	struct arena of_graph, of_step;
	struct ops_case c;
	struct step step;

	arena_init(&of_graph, 1 << 22);
	arena_init(&of_step, 1 << 22);
	ASSERT_GOOD(ops_case_make(&of_graph, STR("Pad fp32[3] int64[2]=1,1 mode=edge"), &c));
	struct prepare_args p = {c.graph, c.node, 0, 1, 1, &of_step};
	ASSERT_GOOD(backend_ref.prepare(&p, &step));
	arena_release(&of_graph);
	struct tensor in[2] = {{DTYPE_FP32, 1, {3}, x, sizeof x},
	                       {DTYPE_INT64, 1, {2}, pads, sizeof pads}};
	struct tensor out = {DTYPE_FP32, 1, {5}, y, sizeof y};
	struct step_args a = {.in = in, .out = &out, .n_in = 2, .n_out = 1, .batch = 1};
	ASSERT_GOOD(step.run(&step, &a));
	assert_true(y[0] == 1 && y[4] == 3);
	arena_release(&of_step);
}

TEST(ref_prepare_without_memory)
{
	struct arena a, none;
	struct ops_case c;
	struct step step;

	arena_init(&a, 1 << 22);
	arena_init(&none, 8);
	ASSERT_GOOD(ops_case_make(&a, STR("Pad fp32[3] int64[2]=1,1 mode=edge"), &c));
	struct prepare_args p = {c.graph, c.node, 0, 1, 1, &none};
	ASSERT_FAILS(backend_ref.prepare(&p, &step), NO_MEMORY, "attributes");
	arena_release(&none);
	arena_release(&a);
}
