/* Pools and layout changes on the channels-last drivers.
 *
 * Taken are 4-D FP32 pools without indices, with known channels and sizes; only the batch may
 * be symbolic. They run on channels-last values. The layout nodes that passes insert are
 * transpositions between N,C,positions and N,positions,C. State is one record in the load arena;
 * running allocates nothing.
 */
#include "backend/cpu/cpu_priv.h"
#include "backend/cpu/elementwise.h"
#include "backend/cpu/pooling.h"

#include "base/panic.h"

struct state { struct pooling_shape shape; };

static bool in_range(const struct ir_value *v)
{
	for (int i = 1; i < 4; i++)
		if (!dim_known(v->dims[i]) || v->dims[i].k < 1 || v->dims[i].k > INT32_MAX / 2)
			return false;
	return true;
}

static bool values_fit(const struct ir_node *n)
{
	const struct ir_value *in = n->in[0], *out = n->out[0];
	return cpu__f32(in) && cpu__f32(out) && in->rank == 4 && out->rank == 4 && in_range(in) &&
	       in_range(out) && (n->n_out < 2 || !n->out[1]);
}

/* The driver's shape; padding from pads or auto_pad, and what the output's size needs at the end. */
static bool shape_of(const struct ir_node *n, struct pooling_shape *s)
{
	const struct ir_value *in = n->in[0], *out = n->out[0];
	int64_t k[2], stride[2] = {1, 1}, dilate[2] = {1, 1}, pads[4] = {0};
	struct str automatic = ir_attr_str(n, ATTR_ID_AUTO_PAD, STR("NOTSET"));
	if (ir_attr_ints(n, ATTR_ID_KERNEL_SHAPE, k, 2) != 2)
		return false;
	ir_attr_ints(n, ATTR_ID_STRIDES, stride, 2);
	ir_attr_ints(n, ATTR_ID_DILATIONS, dilate, 2);
	ir_attr_ints(n, ATTR_ID_PADS, pads, 4);
	for (int i = 0; i < 2; i++) {
		int64_t reach = (k[i] - 1) * dilate[i] + 1;
		int64_t need = (out->dims[2 + i].k - 1) * stride[i] + reach - in->dims[2 + i].k;
		if (str_starts(automatic, STR("SAME_"))) {
			need = need > 0 ? need : 0;
			pads[i] = str_is(automatic, "SAME_LOWER") ? (need + 1) / 2 : need / 2;
			pads[2 + i] = need - pads[i];
		} else if (str_is(automatic, "VALID")) {
			pads[i] = pads[2 + i] = 0;
		}
		if (k[i] < 1 || k[i] > INT16_MAX || pads[i] > INT16_MAX || pads[2 + i] > INT16_MAX)
			return false;
	}
	*s = (struct pooling_shape){
		.c = (uint32_t)in->dims[1].k, .h = (uint32_t)in->dims[2].k, .w = (uint32_t)in->dims[3].k,
		.oh = (uint32_t)out->dims[2].k, .ow = (uint32_t)out->dims[3].k,
		.kh = (uint32_t)k[0], .kw = (uint32_t)k[1],
		.stride_y = (uint32_t)stride[0], .stride_x = (uint32_t)stride[1],
		.dilate_y = (uint32_t)dilate[0], .dilate_x = (uint32_t)dilate[1],
		.pad_y = (int32_t)pads[0], .pad_x = (int32_t)pads[1],
		.end_y = (int32_t)pads[2], .end_x = (int32_t)pads[3],
		.average = n->op == OP_AVERAGE_POOL,
		.count_pad = ir_attr_int(n, ATTR_ID_COUNT_INCLUDE_PAD, 0) != 0,
	};
	return true;
}

static bool all_last(const struct ir_node *n)
{
	return n->in[0]->layout == LAYOUT_CHANNELS_LAST && n->out[0]->layout == LAYOUT_CHANNELS_LAST;
}

static bool supports_window(const struct ir_graph *g, const struct ir_node *n)
{
	struct pooling_shape s;
	(void)g;
	return values_fit(n) && shape_of(n, &s) && all_last(n);
}

static struct status run_window(const struct step *step, const struct step_args *a)
{
	const struct state *s = step->state;
	pooling_run(&s->shape, (uint32_t)a->in[0].dims[0], a->in[0].data, a->out[0].data, a->scratch, a->pool);
	return STATUS_GOOD;
}

static struct status prepare_window(const struct prepare_args *a, struct step *out)
{
	struct state *s = ARENA_NEW(a->arena, struct state);
	if (!s)
		return FAIL(NO_MEMORY, "no memory to prepare %.*s", STR_ARG(a->node->name));
	CHECK(shape_of(a->node, &s->shape));
	*out = (struct step){run_window, s, pooling_scratch_bytes(&s->shape, a->threads)};
	return STATUS_GOOD;
}

static bool supports_global(const struct ir_graph *g, const struct ir_node *n)
{
	(void)g;
	return values_fit(n) && all_last(n);
}

static struct status run_global(const struct step *step, const struct step_args *a)
{
	const int64_t *d = a->in[0].dims;
	size_t positions = (size_t)(d[2] * d[3]);
	(void)step;
	pooling_global((uint32_t)d[0], positions, (size_t)d[1], a->in[0].data, a->out[0].data,
	               1.0f / (float)positions, a->pool);
	return STATUS_GOOD;
}

static struct status prepare_global(const struct prepare_args *a, struct step *out)
{
	CHECK(a->node->op == OP_GLOBAL_AVERAGE_POOL);
	*out = (struct step){run_global, 0, 0};
	return STATUS_GOOD;
}

/* ---- layouts ---- */

static bool supports_layout(const struct ir_graph *g, const struct ir_node *n)
{
	(void)g;
	return cpu__f32(n->in[0]) && cpu__f32(n->out[0]) && n->in[0]->rank == 4;
}

static struct status run_layout(const struct step *step, const struct step_args *a)
{
	static const uint32_t perm[] = {0, 2, 1};
	const int64_t *d = a->in[0].dims;
	bool last = step->state != 0;
	int64_t dims[3] = {d[0], last ? d[1] : d[2] * d[3], last ? d[2] * d[3] : d[1]};
	elementwise_transpose(3, dims, perm, a->in[0].data, a->out[0].data, a->pool);
	return STATUS_GOOD;
}

static struct status prepare_layout(const struct prepare_args *a, struct step *out)
{
	static const char to_last;
	*out = (struct step){run_layout, a->node->op == OP_TO_CHANNELS_LAST ? &to_last : 0, 0};
	return STATUS_GOOD;
}

/* Asked while layouts are being assigned: whatever they are now. */
static bool wants_window(const struct ir_graph *g, const struct ir_node *n)
{
	struct pooling_shape s;
	(void)g;
	return values_fit(n) && (n->op == OP_GLOBAL_AVERAGE_POOL || shape_of(n, &s));
}

const struct cpu_op cpu__pool = {.supports = supports_window, .wants = wants_window, .prepare = prepare_window};
const struct cpu_op cpu__global_pool = {.supports = supports_global, .wants = wants_window, .prepare = prepare_global};
const struct cpu_op cpu__layout = {.supports = supports_layout, .prepare = prepare_layout};
