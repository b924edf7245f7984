/* The MNIST perceptron between its three forms: parameters in memory, a checkpoint, a graph.
 *
 * Tensor names are those that PyTorch gives to a module with fc1 and fc2, so a checkpoint
 * trained there exports here and the other way round. The graph takes images as [batch,1,28,28]
 * and flattens them itself. Hidden size is read from the checkpoint.
 */
#include "train/mnist.h"

#include "base/panic.h"
#include "codec/safetensors.h"
#include "train/data.h"

static struct status constant(struct ir_graph *g, struct weights *w, const char *name, uint32_t rank, const int64_t *dims,
                              struct ir_value **out)
{
	const float *data;
	int64_t n = dims[0] * (rank > 1 ? dims[1] : 1);
	TRY(weights_get(w, name, rank, dims, &data));
	*out = ir_const(g, str_from(name), DTYPE_FP32, rank, dims, data, (size_t)n * sizeof(float));
	return *out ? STATUS_GOOD : FAIL(NO_MEMORY, "no memory for the graph");
}

static struct ir_value *tensor(struct ir_graph *g, struct str name, int64_t second)
{
	struct ir_value *v = ir_value_new(g, name);
	if (!v)
		return 0;
	v->dtype = DTYPE_FP32;
	v->rank = 2;
	v->dims[0] = (struct dim){1, g->batch_sym};
	v->dims[1] = DIM(second);
	return v;
}

static struct status add(struct ir_graph *g, enum op op, const char *name, struct ir_value *x, struct ir_value *w,
                         struct ir_value *b, struct ir_value *y)
{
	struct ir_node *n = ir_node_new(g, op, str_from(name), w ? 3 : 1, 1);
	if (!n || !y)
		return FAIL(NO_MEMORY, "no memory for the graph");
	n->in[0] = x;
	if (w) {
		n->in[1] = w;
		n->in[2] = b;
		if (!ir_set_int(g, n, ATTR_ID_TRANS_B, 1))
			return FAIL(NO_MEMORY, "no memory for the graph");
	}
	ir_node_output(n, 0, y);
	return STATUS_GOOD;
}

struct status mnist_graph(struct ir_graph *g, struct weights *w)
{
	const struct tensor *first = weights_find(w, STR("fc1.weight"));
	int64_t hidden = first && first->rank == 2 ? first->dims[0] : 128;
	int64_t d1[] = {hidden, MNIST_PIXELS}, d2[] = {MNIST_CLASSES, hidden};
	struct ir_value *w1, *b1, *w2, *b2, *x = ir_value_new(g, STR("input"));

	CHECK_MAGIC(g, IR_GRAPH_MAGIC);
	g->batch_sym = ir_symbol(g, STR("batch"));
	if (!x || !g->batch_sym || !ir_add_input(g, x))
		return FAIL(NO_MEMORY, "no memory for the graph");
	x->dtype = DTYPE_FP32;
	x->rank = 4;
	x->dims[0] = (struct dim){1, g->batch_sym};
	x->dims[1] = DIM(1);
	x->dims[2] = x->dims[3] = DIM(MNIST_SIDE);
	TRY(constant(g, w, "fc1.weight", 2, d1, &w1));
	TRY(constant(g, w, "fc1.bias", 1, d1, &b1));
	TRY(constant(g, w, "fc2.weight", 2, d2, &w2));
	TRY(constant(g, w, "fc2.bias", 1, d2, &b2));
	struct ir_value *flat = tensor(g, STR("flat"), MNIST_PIXELS), *h = tensor(g, STR("hidden"), hidden);
	struct ir_value *r = tensor(g, STR("relu"), hidden), *y = tensor(g, STR("output"), MNIST_CLASSES);
	TRY(add(g, OP_FLATTEN, "flatten", x, 0, 0, flat));
	TRY(add(g, OP_GEMM, "fc1", flat, w1, b1, h));
	TRY(add(g, OP_RELU, "act", h, 0, 0, r));
	TRY(add(g, OP_GEMM, "fc2", r, w2, b2, y));
	return ir_add_output(g, y) ? STATUS_GOOD : FAIL(NO_MEMORY, "no memory for the graph");
}

struct status mnist_save(const struct mlp *net, const char *path)
{
	struct status st = STATUS_GOOD;
	struct buf b;
	struct file_writer f = {.fd = -1};
	const struct { const char *name; uint32_t rank; int64_t dims[2]; float *data; } parts[] = {
		{"fc1.weight", 2, {net->hidden, net->in}, net->w1},
		{"fc1.bias", 1, {net->hidden, 0}, net->b1},
		{"fc2.weight", 2, {net->out, net->hidden}, net->w2},
		{"fc2.bias", 1, {net->out, 0}, net->b2},
	};
	struct named_tensor t[4];

	buf_init(&b, 65536);
	for (int i = 0; i < 4; i++) {
		int64_t n = parts[i].dims[0] * (parts[i].rank > 1 ? parts[i].dims[1] : 1);
		t[i].name = str_from(parts[i].name);
		t[i].tensor = (struct tensor){.dtype = DTYPE_FP32, .rank = parts[i].rank, .data = parts[i].data,
		                              .dims = {parts[i].dims[0], parts[i].dims[1]},
		                              .bytes = (size_t)n * sizeof(float)};
	}
	GO(safetensors_head(t, 4, &b));
	GO(file_writer_open(&f, path));
	GO(file_writer_add(&f, b.p, b.n));
	for (int i = 0; i < 4; i++)
		GO(file_writer_add(&f, t[i].tensor.data, t[i].tensor.bytes));
	GO(file_writer_commit(&f));
out:
	file_writer_release(&f);
	buf_release(&b);
	return st;
}
