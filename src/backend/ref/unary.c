/* Ops that map each element on its own: activations, roots, exponentials, Clip, Cast, Identity,
 * Dropout.
 *
 * Floats are computed in double and rounded once. Integers stay integers: Relu, Clip and Neg in
 * the op's own type, wrapping. Cast from float to integer cuts towards zero; what is out of range
 * or NaN gives what an x86-64 processor's conversion gives, because that is what ONNX Runtime
 * gives: through 32 bits for types of up to 32 signed bits, else through 64. Dropout is the
 * identity, and its mask all true; asked to train, it fails, since nothing here is random.
 */
#include "backend/ref/ref_priv.h"

#include <math.h>

static double clamp01(double v)
{
	return v < 0 ? 0 : v > 1 ? 1 : v;
}

/* Floats; what ONNX says op by op, with its default parameters. */
static double apply(const struct ir_node *n, double v)
{
	switch (n->op) {
	case OP_RELU: return v < 0 ? 0 : v;
	case OP_LEAKY_RELU: return v < 0 ? v * ir_attr_float(n, ATTR_ID_ALPHA, 0.01f) : v;
	case OP_SIGMOID: return 1 / (1 + exp(-v));
	case OP_TANH: return tanh(v);
	case OP_HARD_SIGMOID:
		return clamp01(ir_attr_float(n, ATTR_ID_ALPHA, 0.2f) * v +
		               ir_attr_float(n, ATTR_ID_BETA, 0.5f));
	case OP_HARD_SWISH: return v * clamp01(v / 6 + 0.5);
	case OP_GELU:
		if (str_is(ir_attr_str(n, ATTR_ID_APPROXIMATE, STR("none")), "tanh"))
			return 0.5 * v * (1 + tanh(0.79788456080286535588 * (v + 0.044715 * v * v * v)));
		return ref__gelu(v);
	case OP_ERF: return erf(v);
	case OP_SQRT: return sqrt(v);
	case OP_EXP: return exp(v);
	case OP_NEG: return -v;
	default: UNREACHABLE();
	}
}

/* The ops that integers have; the result is cut to the type by the caller. */
static int64_t apply_int(const struct ir_node *n, int64_t v)
{
	switch (n->op) {
	case OP_RELU: return v < 0 ? 0 : v;
	case OP_NEG: return (int64_t)(0 - (uint64_t)v);
	default: UNREACHABLE();
	}
}

/* in[1] and in[2]: lowest and highest, scalars, each optional. Where lowest > highest, highest
 * wins. */
static struct status clip(const struct ir_node *n, const struct step_args *a)
{
	const struct tensor *x = ref__in(a, 0), *lo = ref__in(a, 1), *hi = ref__in(a, 2);
	const struct tensor *y = &a->out[0];
	bool u64 = x->dtype == DTYPE_UINT64;

	for (int64_t i = 0, count = ref__count(x); i < count; i++) {
		if (ref__is_float(x->dtype)) {
			double v = ref__get(x, i);
			v = lo && v < ref__get(lo, 0) ? ref__get(lo, 0) : v;
			v = hi && v > ref__get(hi, 0) ? ref__get(hi, 0) : v;
			ref__put(y, i, ref__act(n, v));
			continue;
		}
		/* Flipping the sign bit makes unsigned order signed order. */
		int64_t flip = u64 ? INT64_MIN : 0, v = ref__get_int(x, i) ^ flip;
		v = lo && v < (ref__get_int(lo, 0) ^ flip) ? ref__get_int(lo, 0) ^ flip : v;
		v = hi && v > (ref__get_int(hi, 0) ^ flip) ? ref__get_int(hi, 0) ^ flip : v;
		ref__put_int(y, i, v ^ flip);
	}
	return STATUS_GOOD;
}

/* x, y of the same shape and any two types but BYTES. */
static struct status cast(const struct step_args *a)
{
	const struct tensor *x = ref__in(a, 0), *y = &a->out[0];

	for (int64_t i = 0, count = ref__count(x); i < count; i++) {
		if (ref__is_float(x->dtype)) {
			double v = ref__get(x, i);
			if (ref__is_float(y->dtype))
				ref__put(y, i, v);
			else if (y->dtype == DTYPE_BOOL)
				ref__put_int(y, i, v != 0);
			else
				ref__put_int(y, i, ref__to_int(v, y->dtype));
			continue;
		}
		int64_t v = ref__get_int(x, i);
		bool u64 = x->dtype == DTYPE_UINT64;
		if (!ref__is_float(y->dtype))
			ref__put_int(y, i, v);
		else if (y->dtype == DTYPE_FP64)
			ref__put(y, i, u64 ? (double)(uint64_t)v : (double)v);
		else    /* one rounding, not two */
			ref__put(y, i, u64 ? (float)(uint64_t)v : (float)v);
	}
	return STATUS_GOOD;
}

static void copy_all(const struct step_args *a)
{
	for (int64_t i = 0, count = ref__count(&a->in[0]); i < count; i++)
		ref__copy(&a->out[0], i, &a->in[0], i);
}

/* in[1]: ratio, in[2]: whether to train; out[1]: mask */
static struct status dropout(const struct ir_node *n, const struct step_args *a)
{
	const struct tensor *ratio = ref__in(a, 1), *train = ref__in(a, 2);

	if (train && ref__get_int(train, 0) && (!ratio || ref__get(ratio, 0) != 0))
		return FAIL(UNSUPPORTED, "node %.*s: Dropout in training mode is random; export the model "
		            "for inference", STR_ARG(n->name));
	copy_all(a);
	if (a->n_out > 1 && a->out[1].data)
		for (int64_t i = 0, count = ref__count(&a->out[1]); i < count; i++)
			ref__put_int(&a->out[1], i, 1);
	return STATUS_GOOD;
}

struct status ref__unary(const struct ir_node *n, const struct step_args *a)
{
	const struct tensor *x = &a->in[0], *y = &a->out[0];

	switch (n->op) {
	case OP_CLIP: return clip(n, a);
	case OP_CAST: return cast(a);
	case OP_DROPOUT: return dropout(n, a);
	case OP_IDENTITY: copy_all(a); return STATUS_GOOD;
	default: break;
	}
	for (int64_t i = 0, count = ref__count(x); i < count; i++) {
		if (ref__is_float(x->dtype))
			ref__put(y, i, ref__act(n, apply(n, ref__get(x, i))));
		else
			ref__put_int(y, i, apply_int(n, ref__get_int(x, i)));
	}
	return STATUS_GOOD;
}
