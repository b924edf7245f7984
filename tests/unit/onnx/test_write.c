/* Graphs that are written read back the same, with their weights where the file has them. */
#include "unit/test.h"

#include "onnx/onnx.h"

static struct ir_value *value(struct ir_graph *g, struct ir_node *n, const char *name)
{
	struct ir_value *v = ir_value_new(g, str_from(name));
	assert_non_null(v);
	if (n)
		ir_node_output(n, 0, v);
	return v;
}

/* y = relu(reshape(x)) + w, reduced over axis 1. */
static struct ir_graph *small(struct arena *a, enum op last)
{
	static const float w[] = {1, 2, 3};
	static const int64_t shape[] = {0, 3}, axes[] = {1};
	struct ir_graph *g = ir_graph_new(a);
	struct ir_value *x = value(g, 0, "x");
	x->dtype = DTYPE_FP32;
	x->rank = 2;
	x->dims[0] = (struct dim){1, ir_symbol(g, STR("batch"))};
	x->dims[1] = DIM(3);
	assert_true(ir_add_input(g, x));
	struct ir_node *r = ir_node_new(g, OP_RESHAPE, STR("r"), 2, 1);
	r->in[0] = x;
	r->in[1] = ir_const(g, STR("shape"), DTYPE_INT64, 1, (int64_t[]){2}, shape, 16);
	struct ir_node *s = ir_node_new(g, OP_ADD, STR("s"), 2, 1);
	s->in[0] = value(g, r, "");
	s->in[1] = ir_const(g, STR("w"), DTYPE_FP32, 1, (int64_t[]){3}, w, 12);
	struct ir_node *m = ir_node_new(g, OP_REDUCE_MEAN, STR("m"), 2, 1);
	m->in[0] = value(g, s, "");
	m->in[1] = ir_const(g, STR("axes"), DTYPE_INT64, 1, (int64_t[]){1}, axes, 8);
	assert_true(ir_set_int(g, m, ATTR_ID_KEEPDIMS, 1));
	struct ir_node *l = ir_node_new(g, last, STR("l"), 1, 1);
	l->in[0] = value(g, m, "");
	assert_true(ir_add_output(g, value(g, l, "y")));
	return g;
}

TEST(round_trip)
{
	struct arena a, b;
	struct onnx_model m;
	const char *path = test_path("m.onnx");
	arena_init(&a, 1 << 20);
	arena_init(&b, 1 << 20);
	ASSERT_GOOD(onnx_write(small(&a, OP_RELU), "nereid", path));
	ASSERT_GOOD(onnx_open(path, &b, &m));
	assert_int_equal(m.opset, 17);
	assert_true(str_is(m.producer, "nereid"));
	ASSERT_GOOD(ir_infer(m.graph));
	ASSERT_GOOD(ir_compact(m.graph));
	ASSERT_GOOD(ir_verify(m.graph));
	assert_int_equal(m.graph->n_nodes, 4);
	assert_true(m.graph->batch_sym != 0);
	const struct ir_value *y = m.graph->outputs[0];
	assert_int_equal(y->rank, 2);
	assert_int_equal(y->dims[0].sym, m.graph->batch_sym);
	assert_int_equal(y->dims[1].k, 1);
	const struct ir_value *w = m.graph->nodes[1]->in[1];
	assert_int_equal((uintptr_t)w->data % 64, 0);
	assert_in_range((uintptr_t)w->data, (uintptr_t)m.file.bytes.p,
	                (uintptr_t)(m.file.bytes.p + m.file.bytes.n));   /* zero-copy */
	assert_true(((const float *)w->data)[2] == 3);
	onnx_release(&m);
	ASSERT_GOOD(onnx_write(small(&a, OP_GELU), "nereid", path));
	ASSERT_GOOD(onnx_open(path, &b, &m));
	assert_int_equal(m.opset, 20);
	onnx_release(&m);
	arena_release(&a);
	arena_release(&b);
}

TEST(what_onnx_cannot_say)
{
	struct arena a;
	arena_init(&a, 1 << 20);
	struct ir_graph *g = small(&a, OP_RELU);
	assert_true(ir_set_int(g, g->nodes[1], ATTR_ID_FUSED_ACT, ACT_RELU));
	ASSERT_FAILS(onnx_write(g, "nereid", test_path("m.onnx")), UNSUPPORTED, "node 's' (Add) has 'nereid.fused_act'");
	assert_false(file_exists(test_path("m.onnx")));
	ASSERT_FAILS(onnx_write(small(&a, OP_RELU), "nereid", test_path("no/such/m.onnx")), NOT_FOUND, "m.onnx");
	arena_release(&a);
}
