/* Whole files: opsets, functions, and that no prefix or flipped bit of a good file does harm. */
#include "unit/onnx/parts.h"

TEST(good_and_batch)
{
	struct parts p;
	make(&p, "Relu", 13);
	ASSERT_GOOD(read_parts(&p));
	assert_int_equal(model.graph->n_nodes, 1);
	assert_true(model.graph->batch_sym && model.graph->inputs[0]->dims[0].sym == model.graph->batch_sym);
	arena_release(&arena);
}

TEST(refused_files)
{
	struct parts p;
	make(&p, "Relu", 6);
	ASSERT_FAILS(read_parts(&p), UNSUPPORTED, "the model uses opset 6; 7 to 23");
	make(&p, "Relu", 13);
	p.o.domain = STR("other");
	ASSERT_FAILS(read_parts(&p), CORRUPT, "does not say which opset");
	make(&p, "Relu", 13);
	p.m.ir_version = 0;
	ASSERT_FAILS(read_parts(&p), CORRUPT, "not an ONNX model");
	make(&p, "Relu", 13);
	struct ox_function f = {.name = STR("F")};
	p.m.functions.p = &f;
	p.m.functions.n = 1;
	ASSERT_FAILS(read_parts(&p), UNSUPPORTED, "functions of its own (the first is 'F')");
	arena_release(&arena);
	arena_init(&arena, 1 << 20);
	ASSERT_FAILS(onnx_read((struct span){0, 0}, "f", 0, &arena, &model), CORRUPT, "the file is empty");
	ASSERT_FAILS(onnx_open(test_path("absent"), &arena, &model), NOT_FOUND, "absent");
	arena_release(&arena);
}

TEST(mutations)
{
	struct parts p;
	struct buf b;
	make(&p, "Relu", 13);
	buf_init(&b, 4096);
	ASSERT_GOOD(pb_encode(&ox_model_pb, &p.m, &b));
	for (size_t bit = 0; bit < 8 * b.n; bit++) {
		b.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		arena_init(&arena, 1 << 20);
		struct status st = onnx_read((struct span){b.p, bit % 2 ? b.n : bit / 8}, "f", 0, &arena, &model);
		assert_true(st.code == STATUS_OK || st.msg);
		arena_release(&arena);
		b.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	buf_release(&b);
}
