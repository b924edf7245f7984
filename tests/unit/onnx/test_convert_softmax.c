/* Softmax before opset 13. */
#include "unit/onnx/parts.h"

TEST(flat_softmax)
{
	struct parts p;
	make(&p, "Softmax", 11);
	ASSERT_GOOD(read_parts(&p));   /* axis 1 of 2: the last */
	assert_int_equal(model.graph->n_nodes, 1);
	p.n.attribute.n = 1;
	p.a[0] = (struct ox_attribute){.name = STR("axis"), .type = OX_INT};
	ASSERT_GOOD(read_parts(&p));   /* axis 0: flattened */
	assert_int_equal(model.graph->n_nodes, 4);
	arena_release(&arena);
}
