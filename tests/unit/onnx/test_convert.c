/* Older forms of operators arrive in their newest. */
#include "unit/onnx/parts.h"

TEST(older_forms)
{
	struct parts p;
	int64_t axes[] = {1};
	make(&p, "ReduceSum", 11);
	p.n.attribute.n = 1;
	p.a[0] = (struct ox_attribute){.name = STR("axes"), .type = OX_INTS};
	p.a[0].ints.p = axes;
	p.a[0].ints.n = 1;
	ASSERT_GOOD(read_parts(&p));
	assert_int_equal(model.graph->nodes[0]->n_in, 2);
	make(&p, "Clip", 7);
	p.n.attribute.n = 1;
	p.a[0] = (struct ox_attribute){.name = STR("max"), .type = OX_FLOAT, .f = 6};
	ASSERT_GOOD(read_parts(&p));
	assert_int_equal(model.graph->nodes[0]->n_in, 3);
	assert_true(*(const float *)model.graph->nodes[0]->in[2]->data == 6);
	arena_release(&arena);
}

TEST(training_is_refused)
{
	struct parts p;
	make(&p, "Dropout", 13);
	p.n.input.n = 3;
	p.in[1] = STR("");
	p.in[2] = STR("x");
	ASSERT_FAILS(read_parts(&p), UNSUPPORTED, "decided at run time");
	make(&p, "Cast", 13);
	p.n.attribute.n = 1;
	p.a[0] = (struct ox_attribute){.name = STR("to"), .type = OX_INT, .i = 14};
	PB_SET(&p.a[0], ox_attribute, i, 14);
	ASSERT_FAILS(read_parts(&p), UNSUPPORTED, "element type 14");
	arena_release(&arena);
}
