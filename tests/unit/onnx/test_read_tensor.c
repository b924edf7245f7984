/* Tensors: sizes, types, and where the data lies. */
#include "unit/onnx/parts.h"

TEST(tensors)
{
	struct parts p;
	float f[2] = {1, 2};
	make(&p, "Relu", 13);
	p.g.initializer.n = 1;
	p.w.dims.n = 1;
	p.dims[0] = 3;
	PB_SET(&p.w, ox_tensor, raw_data, ((struct span){(const uint8_t *)f, 8}));
	ASSERT_FAILS(read_parts(&p), CORRUPT, "tensor 'w': its shape and type make 12 bytes, but 8 are given");
	p.dims[0] = -1;
	ASSERT_FAILS(read_parts(&p), CORRUPT, "dimension 0 is -1");
	p.w.dims.n = 2;
	p.dims[0] = p.dims[1] = 2147483647;
	ASSERT_FAILS(read_parts(&p), CORRUPT, "tensor 'w': its shape and type make");
	p.w.data_type = 77;
	ASSERT_FAILS(read_parts(&p), UNSUPPORTED, "element type 77");
	make(&p, "Relu", 13);
	p.g.initializer.n = 1;
	p.w.data_location = 1;
	ASSERT_FAILS(read_parts(&p), CORRUPT, "no file is named");
	struct ox_text_entry e = {.key = STR("location"), .value = STR("../x")};
	p.w.external_data.p = &e;
	p.w.external_data.n = 1;
	ASSERT_FAILS(read_parts(&p), INVALID_ARG, "not opened from a directory");
	make(&p, "Add", 13);
	p.g.initializer.n = 1;
	p.w.float_data.p = f;
	p.w.float_data.n = 1;
	p.in[1] = STR("w");
	p.n.input.n = 2;
	ASSERT_GOOD(read_parts(&p));
	assert_true(*(const float *)model.graph->nodes[0]->in[1]->data == 1);
	arena_release(&arena);
}
