/* ONNX files that are wrong, each with its sentence; and that no prefix or flipped bit of a good one does harm. */
#include "unit/test.h"

#include "onnx/onnx.h"
#include "onnx/onnx_priv.h"

#include <stdio.h>
#include <stdlib.h>

static struct arena arena;
static struct onnx_model model;

/* A model of the node x -> op -> y at the opset, which `edit` may spoil. */
struct parts {
	struct ox_model m; struct ox_graph g; struct ox_node n; struct ox_opset o; struct ox_value_info x, y;
	struct ox_type t; struct ox_tensor_type tt; struct ox_shape s; struct ox_dim d[2];
	struct str in[3], out[1]; struct ox_attribute a[2]; struct ox_tensor w; int64_t dims[2];
};

static void make(struct parts *p, const char *op, int64_t opset)
{
	memset(p, 0, sizeof *p);
	p->o.version = opset;
	p->m.ir_version = 8;
	p->m.graph = &p->g;
	p->m.opset_import.p = &p->o;
	p->m.opset_import.n = 1;
	p->g.node.p = &p->n;
	p->g.input.p = &p->x;
	p->g.output.p = &p->y;
	p->g.node.n = p->g.input.n = p->g.output.n = 1;
	p->x.name = p->in[0] = STR("x");
	p->y.name = p->out[0] = STR("y");
	p->x.type = &p->t;
	p->t.tensor_type = &p->tt;
	p->tt.elem_type = 1;
	p->tt.shape = &p->s;
	p->s.dim.p = p->d;
	p->s.dim.n = 2;
	PB_SET(&p->d[0], ox_dim, dim_param, STR("N"));
	PB_SET(&p->d[1], ox_dim, dim_value, 4);
	p->n.op_type = str_from(op);
	p->n.name = STR("node");
	p->n.input.p = p->in;
	p->n.output.p = p->out;
	p->n.input.n = p->n.output.n = 1;
	p->n.attribute.p = p->a;
	p->g.initializer.p = &p->w;
	p->w.name = STR("w");
	p->w.dims.p = p->dims;
	p->w.data_type = 1;
}

static struct status read_parts(const struct parts *p)
{
	struct buf b;
	buf_init(&b, 1 << 16);
	assert_int_equal(pb_encode(&ox_model_pb, &p->m, &b).code, 0);
	arena_release(&arena);
	arena_init(&arena, 1 << 20);
	struct status st = onnx_read(buf_span(&b), "f", 0, &arena, &model);
	if (!st.code) {
		assert_int_equal(ir_infer(model.graph).code, 0);
		assert_int_equal(ir_compact(model.graph).code, 0);
		assert_int_equal(ir_verify(model.graph).code, 0);
	}
	buf_release(&b);
	return st;
}

TEST(good_and_batch)
{
	struct parts p;
	make(&p, "Relu", 13);
	ASSERT_GOOD(read_parts(&p));
	assert_int_equal(model.graph->n_nodes, 1);
	assert_true(model.graph->batch_sym && model.graph->inputs[0]->dims[0].sym == model.graph->batch_sym);
	arena_release(&arena);
}

TEST(refused)
{
	struct parts p;
	make(&p, "Frobnicate", 13);
	ASSERT_FAILS(read_parts(&p), UNSUPPORTED, "f: node 0 'node' (Frobnicate): the operator 'Frobnicate' of opset 13");
	make(&p, "Relu", 6);
	ASSERT_FAILS(read_parts(&p), UNSUPPORTED, "the model uses opset 6; 7 to 23");
	make(&p, "Relu", 13);
	p.n.domain = STR("com.microsoft");
	ASSERT_FAILS(read_parts(&p), UNSUPPORTED, "domain 'com.microsoft'");
	make(&p, "Relu", 13);
	p.in[0] = STR("z");
	ASSERT_FAILS(read_parts(&p), CORRUPT, "its input 'z' is made by no");
	make(&p, "Relu", 13);
	p.in[0] = STR("y");
	ASSERT_FAILS(read_parts(&p), CORRUPT, "without cycles");
	make(&p, "Relu", 13);
	p.out[0] = STR("x");
	ASSERT_FAILS(read_parts(&p), CORRUPT, "'x' is made twice");
	make(&p, "Relu", 13);
	p.y.name = STR("q");
	ASSERT_FAILS(read_parts(&p), CORRUPT, "the output 'q' is made by no node");
	make(&p, "Relu", 13);
	p.n.attribute.n = 1;
	p.a[0].name = STR("alpha");
	ASSERT_FAILS(read_parts(&p), UNSUPPORTED, "attribute 'alpha' is not known for this operator");
	make(&p, "LeakyRelu", 13);
	p.n.attribute.n = 1;
	p.a[0].name = STR("alpha");
	p.a[0].type = OX_INT;
	ASSERT_FAILS(read_parts(&p), CORRUPT, "attribute 'alpha' is of type INT, not FLOAT");
	make(&p, "If", 13);
	p.n.attribute.n = 1;
	PB_SET(&p.a[0], ox_attribute, g, ((struct span){(const uint8_t *)"", 0}));
	ASSERT_FAILS(read_parts(&p), UNSUPPORTED, "a graph of its own");
	arena_init(&arena, 1 << 20);
	ASSERT_FAILS(onnx_read((struct span){0, 0}, "f", 0, &arena, &model), CORRUPT, "the file is empty");
	ASSERT_FAILS(onnx_open(test_path("absent"), &arena, &model), NOT_FOUND, "absent");
	arena_release(&arena);
}

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
	make(&p, "Softmax", 11);
	ASSERT_GOOD(read_parts(&p));   /* axis 1 of 2: the last */
	assert_int_equal(model.graph->n_nodes, 1);
	p.n.attribute.n = 1;
	p.a[0] = (struct ox_attribute){.name = STR("axis"), .type = OX_INT};
	ASSERT_GOOD(read_parts(&p));   /* axis 0: flattened */
	assert_int_equal(model.graph->n_nodes, 4);
	make(&p, "Clip", 7);
	p.n.attribute.n = 1;
	p.a[0] = (struct ox_attribute){.name = STR("max"), .type = OX_FLOAT, .f = 6};
	ASSERT_GOOD(read_parts(&p));
	assert_int_equal(model.graph->nodes[0]->n_in, 3);
	assert_true(*(const float *)model.graph->nodes[0]->in[2]->data == 6);
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
