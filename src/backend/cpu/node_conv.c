/* Conv nodes on the convolution driver.
 *
 * A node is taken when it is 2-D, FP32, with constant weights and known spatial sizes; only the
 * batch may be symbolic. Its values are channels-last, but the input of a first layer with few
 * channels may be plain. Packing replaces the weights by the driver's bytes, so the shape that the
 * driver wants is read from attributes and values, never from the weights' dims. The step's state
 * is one small record in the load arena; running fills the driver's arguments on the stack and
 * allocates nothing.
 */
#include "backend/cpu/conv.h"
#include "backend/cpu/cpu_priv.h"

#include "base/panic.h"

enum { PLANAR_CHANNELS_MAX = 4 };

struct state { struct conv_shape shape; enum conv_tactic tactic; struct act act; };

/* Padding before y and x, from pads or auto_pad; sizes are known. */
static void padding(const struct ir_node *n, const int64_t *kernel, const int64_t *stride,
                    const int64_t *dilate, int32_t *pad)
{
	int64_t pads[4] = {0};
	struct str automatic = ir_attr_str(n, ATTR_ID_AUTO_PAD, STR("NOTSET"));
	const struct ir_value *in = n->in[0], *out = n->out[0];
	ir_attr_ints(n, ATTR_ID_PADS, pads, 4);
	for (int i = 0; i < 2; i++) {
		if (str_starts(automatic, STR("SAME_"))) {
			int64_t total = (out->dims[2 + i].k - 1) * stride[i] + (kernel[i] - 1) * dilate[i] + 1 -
			                in->dims[2 + i].k;
			total = total > 0 ? total : 0;
			pads[i] = str_is(automatic, "SAME_LOWER") ? (total + 1) / 2 : total / 2;
		} else if (str_is(automatic, "VALID")) {
			pads[i] = 0;
		}
		pad[i] = (int32_t)pads[i];
	}
}

/* The driver's shape, or false when a size is out of its range. */
static bool shape_of(const struct ir_node *n, struct conv_shape *s)
{
	const struct ir_value *in = n->in[0], *out = n->out[0], *w = n->in[1];
	int64_t kernel[2], stride[2] = {1, 1}, dilate[2] = {1, 1};
	int32_t pad[2];
	int64_t group = ir_attr_int(n, ATTR_ID_GROUP, 1);

	if (ir_attr_ints(n, ATTR_ID_KERNEL_SHAPE, kernel, 2) != 2) {
		if (w->layout == LAYOUT_PACKED)
			return false;
		kernel[0] = w->dims[2].k;
		kernel[1] = w->dims[3].k;
	}
	ir_attr_ints(n, ATTR_ID_STRIDES, stride, 2);
	ir_attr_ints(n, ATTR_ID_DILATIONS, dilate, 2);
	for (int i = 1; i < 4; i++)
		if (in->dims[i].k < 1 || in->dims[i].k > INT32_MAX || out->dims[i].k < 1 ||
		    out->dims[i].k > INT32_MAX)
			return false;
	padding(n, kernel, stride, dilate, pad);
	*s = (struct conv_shape){
		.c = (uint32_t)in->dims[1].k, .h = (uint32_t)in->dims[2].k, .w = (uint32_t)in->dims[3].k,
		.o = (uint32_t)out->dims[1].k, .oh = (uint32_t)out->dims[2].k,
		.ow = (uint32_t)out->dims[3].k,
		.kh = (uint32_t)kernel[0], .kw = (uint32_t)kernel[1],
		.stride_y = (uint32_t)stride[0], .stride_x = (uint32_t)stride[1],
		.dilate_y = (uint32_t)dilate[0], .dilate_x = (uint32_t)dilate[1],
		.pad_y = pad[0], .pad_x = pad[1], .group = (uint32_t)group,
		.planar_in = in->layout == LAYOUT_PLAIN,
	};
	return true;
}

static bool bias_fits(const struct ir_node *n)
{
	const struct ir_value *b = n->n_in > 2 ? n->in[2] : 0;
	return !b || (cpu__f32(b) && b->rank == 1);
}

static bool residual_fits(const struct ir_node *n)
{
	const struct ir_value *r = n->n_in > 3 ? n->in[3] : 0;
	if (!r)
		return true;
	if (!cpu__f32(r) || r->rank != 4)
		return false;
	for (int i = 0; i < 4; i++)
		if (!dim_eq(r->dims[i], n->out[0]->dims[i]))
			return false;
	return true;
}

/* Whether a tactic runs the node; `wanted`: on channels-last values, whatever they are now. */
static bool fits(const struct ir_node *n, bool wanted)
{
	const struct ir_value *in = n->in[0], *out = n->out[0], *w = n->in[1];
	struct conv_shape s;
	if (!cpu__f32(in) || !cpu__f32(out) || in->rank != 4 || out->rank != 4 || !w || !w->data)
		return false;
	if (!cpu__static_from(in, 1) || !cpu__static_from(out, 1) || !bias_fits(n) || !residual_fits(n))
		return false;
	if (w->layout == LAYOUT_PLAIN && (w->dtype != DTYPE_FP32 || w->rank != 4))
		return false;
	if (!shape_of(n, &s) || (!wanted && out->layout != LAYOUT_CHANNELS_LAST))
		return false;
	if (wanted && s.c > PLANAR_CHANNELS_MAX)
		s.planar_in = false;
	for (int t = 0; t < CONV_TACTIC_COUNT; t++)
		if (conv_fits(&s, (enum conv_tactic)t))
			return true;
	return false;
}

static bool supports(const struct ir_graph *g, const struct ir_node *n)
{
	(void)g;
	return fits(n, false);
}

static bool wants(const struct ir_graph *g, const struct ir_node *n)
{
	(void)g;
	return fits(n, true);
}

static uint32_t tactics(const struct ir_graph *g, const struct ir_node *n, uint32_t *ids)
{
	struct conv_shape s;
	uint32_t count = 0;
	(void)g;
	CHECK(shape_of(n, &s));
	enum conv_tactic guess = conv_guess(&s);
	ids[count++] = guess;
	for (uint32_t t = 0; t < CONV_TACTIC_COUNT && count < BACKEND_TACTICS_MAX; t++)
		if (t != (uint32_t)guess && conv_fits(&s, (enum conv_tactic)t))
			ids[count++] = t;
	return count;
}

static const char *tactic_name(uint32_t id)
{
	CHECK(id < CONV_TACTIC_COUNT);
	return conv_tactic_text((enum conv_tactic)id);
}

static struct status pack(struct ir_graph *g, struct ir_node *n, uint32_t tactic)
{
	struct conv_shape s;
	struct ir_value *packed;
	void *data;
	CHECK(shape_of(n, &s) && n->in[1]->layout == LAYOUT_PLAIN && tactic < CONV_TACTIC_COUNT);
	int64_t kernel[2] = {s.kh, s.kw};
	TRY(cpu__packed(g, n->in[1], conv_pack_bytes(&s, (enum conv_tactic)tactic), &data, &packed));
	conv_pack(&s, (enum conv_tactic)tactic, n->in[1]->data, data);
	n->in[1] = packed;
	if (!ir_set_ints(g, n, ATTR_ID_KERNEL_SHAPE, kernel, 2))
		return FAIL(NO_MEMORY, "no memory for the attributes of %.*s", STR_ARG(n->name));
	return STATUS_GOOD;
}

static struct status run(const struct step *step, const struct step_args *a)
{
	const struct state *s = step->state;
	struct conv_args c = {
		.in = a->in[0].data,
		.weights = a->in[1].data,
		.bias = a->n_in > 2 ? a->in[2].data : 0,
		.res = a->n_in > 3 ? a->in[3].data : 0,
		.out = a->out[0].data,
		.n = (uint32_t)a->in[0].dims[0],
		.act = s->act,
		.scratch = a->scratch,
		.pool = a->pool,
	};
	if (c.n)
		conv_run(&s->shape, s->tactic, &c);
	return STATUS_GOOD;
}

static struct status prepare(const struct prepare_args *a, struct step *out)
{
	const struct ir_node *n = a->node;
	struct state *s = ARENA_NEW(a->arena, struct state);
	if (!s)
		return FAIL(NO_MEMORY, "no memory to prepare %.*s", STR_ARG(n->name));
	if (n->out[0]->layout != LAYOUT_CHANNELS_LAST || n->in[1]->layout != LAYOUT_PACKED ||
	    !shape_of(n, &s->shape) || a->tactic >= CONV_TACTIC_COUNT ||
	    !conv_fits(&s->shape, (enum conv_tactic)a->tactic) ||
	    n->in[1]->data_bytes != conv_pack_bytes(&s->shape, (enum conv_tactic)a->tactic))
		return FAIL(CORRUPT, "node %.*s: its layouts, tactic or packed weights do not belong to "
		            "its shape; compile the model again", STR_ARG(n->name));
	s->tactic = (enum conv_tactic)a->tactic;
	s->act = cpu__act(n);
	*out = (struct step){run, s, conv_scratch_bytes(&s->shape, s->tactic, a->threads)};
	return STATUS_GOOD;
}

const struct cpu_op cpu__conv = {
	.supports = supports,
	.wants = wants,
	.tactics = tactics,
	.tactic_name = tactic_name,
	.pack = pack,
	.prepare = prepare,
};
