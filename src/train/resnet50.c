/* ResNet50 in torchvision's layout and names, so that its published checkpoints load unchanged.
 *
 * The network is walked by one function, which asks a `maker` for each tensor: to build the
 * graph the maker looks the tensor up in the checkpoint, so a missing or misshapen one is named;
 * to make random values it draws them and builds no graph. Batch norms stay nodes of their own
 * here, as PyTorch exports them before folding: folding is the compiler's work. Epsilon is
 * torchvision's 1e-5.
 */
#include "train/resnet50.h"

#include "base/mem.h"
#include "base/panic.h"

#include <math.h>
#include <stdio.h>

enum { STAGES = 4, EXPANSION = 4, CLASSES = 1000, NAME_MAX_BYTES = 64 };
static const uint32_t stage_blocks[STAGES] = {3, 4, 6, 3};

struct maker {
	struct weights *w;
	struct rand *rand;    /* draw values; NULL: look them up */
	struct ir_graph *g;   /* NULL while drawing */
};

enum kind { KIND_CONV, KIND_GAMMA, KIND_GAMMA_LAST, KIND_SMALL, KIND_VARIANCE, KIND_LINEAR };

static float draw(struct rand *r, enum kind kind, float scale)
{
	switch (kind) {
	case KIND_CONV:
		return scale * rand_normal(r);
	case KIND_GAMMA:
		return rand_f32(r, 0.8f, 1.2f);
	case KIND_GAMMA_LAST: /* of a block: small, so that the sum of the residuals stays near one */
		return rand_f32(r, 0.2f, 0.3f);
	case KIND_SMALL:
		return 0.05f * rand_normal(r);
	case KIND_VARIANCE:
		return rand_f32(r, 0.5f, 1.5f);
	case KIND_LINEAR:
		return rand_f32(r, -scale, scale);
	}
	UNREACHABLE();
}

/* One tensor: drawn into the set, or found there and made a constant of the graph (*out). */
static struct status tensor(struct maker *m, const char *name, enum kind kind, float scale,
                            uint32_t rank, const int64_t *dims, struct ir_value **out)
{
	const float *data = 0;
	size_t n = 1;
	for (uint32_t i = 0; i < rank; i++)
		n *= (size_t)dims[i];
	if (m->rand) {
		float *p = ARENA_ARRAY(&m->w->arena, n, float);
		char *own = arena_text(&m->w->arena, str_from(name));
		if (!p || !own)
			return FAIL(NO_MEMORY, "no memory for the tensor %s", name);
		for (size_t i = 0; i < n; i++)
			p[i] = draw(m->rand, kind, scale);
		struct tensor t = {.dtype = DTYPE_FP32, .rank = rank, .data = p, .bytes = n * 4};
		for (uint32_t i = 0; i < rank; i++)
			t.dims[i] = dims[i];
		return weights_add(m->w, str_from(own), t);
	}
	TRY(weights_get(m->w, name, rank, dims, &data));
	struct str own = arena_str(m->g->arena, str_from(name));
	*out = own.p ? ir_const(m->g, own, DTYPE_FP32, rank, dims, data, n * 4) : 0;
	if (!*out)
		return FAIL(NO_MEMORY, "no memory for the tensor %s", name);
	return STATUS_GOOD;
}

/* Adds a node with one output; NULL x while drawing values. */
static struct status node(struct maker *m, enum op op, const char *name, struct ir_value **in,
                          uint32_t n_in, struct ir_node **made, struct ir_value **out)
{
	struct str own = arena_str(m->g->arena, str_from(name));
	struct ir_node *n = own.p ? ir_node_new(m->g, op, own, n_in, 1) : 0;
	struct ir_value *v = own.p ? ir_value_new(m->g, own) : 0;
	if (!n || !v)
		return FAIL(NO_MEMORY, "no memory for the node %s", name);
	for (uint32_t i = 0; i < n_in; i++)
		n->in[i] = in[i];
	ir_node_output(n, 0, v);
	*made = n;
	*out = v;
	return STATUS_GOOD;
}

static struct status window(struct maker *m, struct ir_node *n, int64_t side, int64_t stride,
                            int64_t pad)
{
	int64_t kernel[] = {side, side}, strides[] = {stride, stride}, pads[] = {pad, pad, pad, pad};
	if (!ir_set_ints(m->g, n, ATTR_ID_KERNEL_SHAPE, kernel, 2) ||
	    !ir_set_ints(m->g, n, ATTR_ID_STRIDES, strides, 2) ||
	    !ir_set_ints(m->g, n, ATTR_ID_PADS, pads, 4))
		return FAIL(NO_MEMORY, "no memory for the attributes of %s", n->name.p);
	return STATUS_GOOD;
}

struct layer { const char *conv, *norm; int64_t in, out, side, stride; enum kind gamma; };

/* Convolution without bias, then batch norm; *x is input and result. */
static struct status conv_norm(struct maker *m, const char *prefix, struct layer l,
                               struct ir_value **x)
{
	static const char *const part[] = {"weight", "bias", "running_mean", "running_var"};
	const enum kind kinds[] = {l.gamma, KIND_SMALL, KIND_SMALL, KIND_VARIANCE};
	struct ir_value *in[5] = {*x};
	struct ir_node *n = 0;
	char name[NAME_MAX_BYTES];
	int64_t dims[] = {l.out, l.in, l.side, l.side};

	snprintf(name, sizeof name, "%s%s.weight", prefix, l.conv);
	float scale = sqrtf(2 / (float)(l.in * l.side * l.side));
	TRY(tensor(m, name, KIND_CONV, scale, 4, dims, &in[1]));
	if (m->g) {
		snprintf(name, sizeof name, "%s%s", prefix, l.conv);
		TRY(node(m, OP_CONV, name, in, 2, &n, x));
		TRY(window(m, n, l.side, l.stride, l.side / 2));
	}
	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof name, "%s%s.%s", prefix, l.norm, part[i]);
		TRY(tensor(m, name, kinds[i], 0, 1, &l.out, &in[i + 1]));
	}
	if (!m->g)
		return STATUS_GOOD;
	snprintf(name, sizeof name, "%s%s", prefix, l.norm);
	in[0] = *x;
	TRY(node(m, OP_BATCH_NORM, name, in, 5, &n, x));
	if (!ir_set_float(m->g, n, ATTR_ID_EPSILON, 1e-5f))
		return FAIL(NO_MEMORY, "no memory for the attributes of %s", name);
	return STATUS_GOOD;
}

static struct status plain(struct maker *m, enum op op, const char *prefix, const char *what,
                           struct ir_value **x, struct ir_value *other)
{
	struct ir_value *in[] = {*x, other};
	struct ir_node *n;
	char name[NAME_MAX_BYTES];
	if (!m->g)
		return STATUS_GOOD;
	snprintf(name, sizeof name, "%s%s", prefix, what);
	return node(m, op, name, in, other ? 2 : 1, &n, x);
}

/* 1x1, 3x3, 1x1 with the sum; the first block of a stage also projects its input. */
static struct status bottleneck(struct maker *m, uint32_t stage, uint32_t index, int64_t in,
                                struct ir_value **x)
{
	int64_t width = 64 << stage, out = width * EXPANSION;
	int64_t stride = stage > 0 && index == 0 ? 2 : 1;
	struct ir_value *skip = *x;
	char prefix[NAME_MAX_BYTES / 2];

	snprintf(prefix, sizeof prefix, "layer%u.%u.", stage + 1, index);
	TRY(conv_norm(m, prefix, (struct layer){"conv1", "bn1", in, width, 1, 1, KIND_GAMMA}, x));
	TRY(plain(m, OP_RELU, prefix, "relu1", x, 0));
	TRY(conv_norm(m, prefix, (struct layer){"conv2", "bn2", width, width, 3, stride, KIND_GAMMA}, x));
	TRY(plain(m, OP_RELU, prefix, "relu2", x, 0));
	TRY(conv_norm(m, prefix, (struct layer){"conv3", "bn3", width, out, 1, 1, KIND_GAMMA_LAST}, x));
	if (index == 0)
		TRY(conv_norm(m, prefix, (struct layer){"downsample.0", "downsample.1", in, out, 1,
		              stride, KIND_GAMMA}, &skip));
	TRY(plain(m, OP_ADD, prefix, "add", x, skip));
	return plain(m, OP_RELU, prefix, "relu3", x, 0);
}

static struct status classifier(struct maker *m, int64_t in, struct ir_value **x)
{
	int64_t dims[] = {CLASSES, in};
	struct ir_value *args[3] = {0};
	struct ir_node *n;
	float scale = 1 / sqrtf((float)in);

	TRY(plain(m, OP_GLOBAL_AVERAGE_POOL, "", "avgpool", x, 0));
	TRY(plain(m, OP_FLATTEN, "", "flatten", x, 0));
	TRY(tensor(m, "fc.weight", KIND_LINEAR, scale, 2, dims, &args[1]));
	TRY(tensor(m, "fc.bias", KIND_LINEAR, scale, 1, dims, &args[2]));
	if (!m->g)
		return STATUS_GOOD;
	args[0] = *x;
	TRY(node(m, OP_GEMM, "fc", args, 3, &n, x));
	if (!ir_set_int(m->g, n, ATTR_ID_TRANS_B, 1))
		return FAIL(NO_MEMORY, "no memory for the attributes of fc");
	return STATUS_GOOD;
}

static struct status network(struct maker *m, struct ir_value **x)
{
	struct ir_node *n;
	int64_t channels = 64;

	TRY(conv_norm(m, "", (struct layer){"conv1", "bn1", 3, 64, 7, 2, KIND_GAMMA}, x));
	TRY(plain(m, OP_RELU, "", "relu", x, 0));
	if (m->g) {
		TRY(node(m, OP_MAX_POOL, "maxpool", x, 1, &n, x));
		TRY(window(m, n, 3, 2, 1));
	}
	for (uint32_t s = 0; s < STAGES; s++)
		for (uint32_t i = 0; i < stage_blocks[s]; i++) {
			TRY(bottleneck(m, s, i, channels, x));
			channels = (int64_t)(64 << s) * EXPANSION;
		}
	return classifier(m, channels, x);
}

struct status resnet50_random(struct weights *w, uint64_t seed)
{
	struct rand r;
	struct maker m = {.w = w, .rand = &r};
	struct ir_value *x = 0;
	rand_seed(&r, seed);
	return network(&m, &x);
}

struct status resnet50_graph(struct ir_graph *g, struct weights *w)
{
	struct maker m = {.w = w, .g = g};
	struct ir_value *x = ir_value_new(g, STR("input"));
	uint32_t batch = ir_symbol(g, STR("batch"));

	CHECK_MAGIC(g, IR_GRAPH_MAGIC);
	if (!x || !batch || !ir_add_input(g, x))
		return FAIL(NO_MEMORY, "no memory for the graph of ResNet50");
	x->dtype = DTYPE_FP32;
	x->rank = 4;
	x->dims[0] = (struct dim){1, batch};
	x->dims[1] = DIM(3);
	x->dims[2] = x->dims[3] = DIM(224);
	g->batch_sym = batch;
	TRY(network(&m, &x));
	x->name = STR("output");
	x->dtype = DTYPE_FP32;
	x->rank = 2;
	x->dims[0] = (struct dim){1, batch};
	x->dims[1] = DIM(CLASSES);
	if (!ir_add_output(g, x))
		return FAIL(NO_MEMORY, "no memory for the graph of ResNet50");
	return STATUS_GOOD;
}
