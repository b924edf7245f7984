/* Names, inputs and outputs of a graph. */
#include "unit/onnx/parts.h"

TEST(values)
{
	struct parts p;
	make(&p, "Relu", 13);
	p.out[0] = STR("x");
	ASSERT_FAILS(read_parts(&p), CORRUPT, "'x' is made twice");
	make(&p, "Relu", 13);
	p.y.name = STR("q");
	ASSERT_FAILS(read_parts(&p), CORRUPT, "the output 'q' is made by no node");
	make(&p, "Relu", 13);
	p.t.tensor_type = 0;
	ASSERT_FAILS(read_parts(&p), UNSUPPORTED, "input 'x' is not a tensor");
	make(&p, "Relu", 13);
	p.tt.shape = 0;
	ASSERT_FAILS(read_parts(&p), UNSUPPORTED, "input 'x' has no shape");
	make(&p, "Relu", 13);
	p.d[0] = (struct ox_dim){0};   /* unnamed: a symbol of its own */
	ASSERT_GOOD(read_parts(&p));
	assert_true(model.graph->batch_sym != 0);
	make(&p, "Relu", 13);
	p.g.initializer.n = 1;
	p.w.name = STR("x");
	p.w.dims.n = 1;   /* dims[0] is 0: an empty tensor */
	ASSERT_GOOD(read_parts(&p));
	assert_int_equal(model.n_defaults, 1);
	assert_int_equal(model.graph->n_inputs, 0);
	arena_release(&arena);
}
