/* Which opset a node needs, and nodes that ONNX cannot say. */
#include "unit/test.h"

#include "onnx/write_priv.h"

TEST(opsets)
{
	struct arena a;
	arena_init(&a, 1 << 20);
	struct ir_graph *g = ir_graph_new(&a);
	struct ir_node *n = ir_node_new(g, OP_RELU, STR("n"), 1, 1);
	assert_int_equal(onnx__opset_needed(g), 17);
	n->op = OP_GELU;
	assert_int_equal(onnx__opset_needed(g), 20);
	n->dead = true;
	assert_int_equal(onnx__opset_needed(g), 17);
	arena_release(&a);
}

TEST(internal_is_refused)
{
	struct onnx_writer w = {.path = "p"};
	struct ox_node out = {0};
	struct arena a;
	arena_init(&a, 1 << 20);
	w.g = ir_graph_new(&a);
	struct ir_node *n = ir_node_new(w.g, OP_TO_CHANNELS_LAST, STR("n"), 1, 1);
	ASSERT_FAILS(onnx__node_message(&w, n, &out), UNSUPPORTED, "p: node 'n' (nereid.ToChannelsLast");
	arena_release(&a);
}
