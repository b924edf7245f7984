/* ResNet50: random weights have torchvision's tensors, the graph is accepted, and a wrong
 * checkpoint is told by its tensor. */
#include "train/resnet50.h"
#include "unit/test.h"

TEST(resnet50_random_builds)
{
	struct weights w, again;
	struct arena a;
	uint32_t relus = 0, convs = 0;
	const struct tensor *t, *u;
	weights_init(&w, "random");
	ASSERT_GOOD(resnet50_random(&w, 1));
	/* 53 convolutions, 53 norms of four, weight and bias of fc */
	assert_int_equal(w.by_name.n, 53 + 4 * 53 + 2);
	t = weights_find(&w, STR("layer4.2.bn3.running_var"));
	assert_true(t && t->rank == 1 && t->dims[0] == 2048);
	arena_init(&a, 1 << 26);
	struct ir_graph *g = ir_graph_new(&a);
	ASSERT_GOOD(resnet50_graph(g, &w));
	ASSERT_GOOD(ir_infer(g));
	for (uint32_t i = 0; i < g->n_nodes; i++) {
		convs += g->nodes[i]->op == OP_CONV;
		relus += g->nodes[i]->op == OP_RELU;
	}
	assert_true(convs == 53 && relus == 49);
	assert_true(g->n_outputs == 1 && g->outputs[0]->rank == 2 && g->outputs[0]->dims[1].k == 1000);
	weights_init(&again, "random");
	ASSERT_GOOD(resnet50_random(&again, 1));
	t = weights_find(&w, STR("conv1.weight"));
	u = weights_find(&again, STR("conv1.weight"));
	assert_true(t && u && t->bytes == u->bytes && !memcmp(t->data, u->data, t->bytes));
	weights_release(&again);
	weights_release(&w);
	arena_release(&a);
}

TEST(resnet50_wrong_checkpoints)
{
	static float x[64];
	struct weights w;
	struct arena a;
	arena_init(&a, 1 << 26);
	weights_init(&w, "small");
	ASSERT_FAILS(resnet50_graph(ir_graph_new(&a), &w), NOT_FOUND, "small has no tensor conv1.weight");
	ASSERT_GOOD(resnet50_random(&w, 1));
	struct tensor t = {.dtype = DTYPE_FP32, .rank = 1, .dims = {64}, .data = x, .bytes = sizeof x};
	ASSERT_GOOD(weights_add(&w, STR("layer3.0.bn2.weight"), t));
	ASSERT_FAILS(resnet50_graph(ir_graph_new(&a), &w), INVALID_ARG,
	             "tensor layer3.0.bn2.weight is FP32 [64]; the model needs FP32 [256]");
	weights_release(&w);
	arena_release(&a);
}
