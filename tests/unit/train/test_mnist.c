/* The perceptron as a checkpoint and as a graph: what was saved is what the graph holds. */
#include "train/data.h"
#include "train/mnist.h"
#include "unit/test.h"

TEST(mnist_saved_and_built)
{
	const char *path = test_path("mnist.safetensors");
	struct mlp net;
	struct rand r;
	struct weights w;
	struct arena a;
	const float *p;
	int64_t dims[] = {16, MNIST_PIXELS};
	ASSERT_GOOD(mlp_init(&net, MNIST_PIXELS, 16, MNIST_CLASSES, 4));
	rand_seed(&r, 2);
	mlp_randomize(&net, &r);
	ASSERT_GOOD(mnist_save(&net, path));
	ASSERT_GOOD(weights_open(&w, path));
	ASSERT_GOOD(weights_get(&w, "fc1.weight", 2, dims, &p));
	assert_memory_equal(p, net.w1, 16 * MNIST_PIXELS * sizeof(float));
	ASSERT_GOOD(weights_get(&w, "fc1.bias", 1, dims, &p));
	assert_memory_equal(p, net.b1, 16 * sizeof(float));
	arena_init(&a, 1 << 24);
	struct ir_graph *g = ir_graph_new(&a);
	ASSERT_GOOD(mnist_graph(g, &w));
	ASSERT_GOOD(ir_infer(g));
	assert_true(g->n_nodes == 4 && g->n_inputs == 1 && g->n_outputs == 1);
	assert_true(g->outputs[0]->rank == 2 && g->outputs[0]->dtype == DTYPE_FP32 && str_is(g->outputs[0]->name, "output"));
	arena_release(&a);
	weights_release(&w);
	mlp_release(&net);
}

TEST(mnist_wrong_checkpoints)
{
	static float x[64];
	struct weights w;
	struct arena a;
	arena_init(&a, 1 << 24);
	weights_init(&w, "set");
	ASSERT_FAILS(mnist_graph(ir_graph_new(&a), &w), NOT_FOUND, "set has no tensor fc1.weight");
	struct tensor t = {.dtype = DTYPE_FP32, .rank = 2, .dims = {8, 8}, .data = x, .bytes = sizeof x};
	ASSERT_GOOD(weights_add(&w, STR("fc1.weight"), t));
	ASSERT_FAILS(mnist_graph(ir_graph_new(&a), &w), INVALID_ARG, "tensor fc1.weight is FP32 [8,8]; the model needs FP32 [8,784]");
	weights_release(&w);
	arena_release(&a);
}
