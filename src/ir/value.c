/* Reading values: sizes, contents, text.
 *
 * Sizes come from models, so products are checked. Contents are either constant bytes, read
 * here whatever their integer type, or what inference worked out symbolically. Text is for
 * messages and tables. Nothing is changed or allocated.
 */
#include "ir/ir.h"

#include "base/half.h"
#include "base/panic.h"

#include <inttypes.h>
#include <stdio.h>

bool ir_value_static(const struct ir_value *v)
{
	if (v->rank < 0)
		return false;
	for (int32_t i = 0; i < v->rank; i++)
		if (!dim_known(v->dims[i]))
			return false;
	return true;
}

bool ir_value_elements(const struct ir_value *v, int64_t batch, int64_t *out)
{
	int64_t n = 1;
	CHECK(batch >= 0);
	if (v->rank < 0)
		return false;
	for (int32_t i = 0; i < v->rank; i++) {
		int64_t d = v->dims[i].k;
		if (v->dims[i].sym && __builtin_mul_overflow(d, batch, &d))
			return false;
		if (__builtin_mul_overflow(n, d, &n))
			return false;
	}
	*out = n;
	return true;
}

/* Element i of an integer or bool constant. */
static bool constant_int(const struct ir_value *v, size_t i, int64_t *out)
{
	const uint8_t *p = (const uint8_t *)v->data + i * dtype_bytes(v->dtype);
	switch (v->dtype) {
	case DTYPE_INT64:
	case DTYPE_UINT64:
		memcpy(out, p, 8);
		return true;
	case DTYPE_INT32: {
		int32_t x;
		memcpy(&x, p, 4);
		*out = x;
		return true;
	}
	case DTYPE_BOOL:
	case DTYPE_UINT8:
		*out = *p;
		return true;
	case DTYPE_INT8:
		*out = (int8_t)*p;
		return true;
	default:
		return false;
	}
}

bool ir_value_ints(const struct ir_value *v, int64_t *out, uint32_t max, uint32_t *n)
{
	int64_t count;
	if (v->content) {
		for (uint32_t i = 0; i < v->content_n; i++) {
			if (i >= max || !dim_known(v->content[i]))
				return false;
			out[i] = v->content[i].k;
		}
		*n = v->content_n;
		return true;
	}
	if (!v->data || !ir_value_static(v) || !ir_value_elements(v, 1, &count) || count > max)
		return false;
	CHECK(count >= 0);
	if (v->data_bytes != (size_t)count * dtype_bytes(v->dtype))
		return false;
	for (int64_t i = 0; i < count; i++)
		if (!constant_int(v, (size_t)i, &out[i]))
			return false;
	*n = (uint32_t)count;
	return true;
}

bool ir_value_scalar_f32(const struct ir_value *v, float *out)
{
	int64_t count, i;
	double d;
	uint16_t h;
	if (!v || !v->data || !ir_value_static(v) || !ir_value_elements(v, 1, &count) || count != 1 ||
	    v->data_bytes != dtype_bytes(v->dtype))
		return false;
	switch (v->dtype) {
	case DTYPE_FP32:
		memcpy(out, v->data, 4);
		return true;
	case DTYPE_FP64:
		memcpy(&d, v->data, 8);
		*out = (float)d;
		return true;
	case DTYPE_FP16:
	case DTYPE_BF16:
		memcpy(&h, v->data, 2);
		*out = v->dtype == DTYPE_FP16 ? half_to_f32(h) : bf16_to_f32(h);
		return true;
	default:
		if (!constant_int(v, 0, &i))
			return false;
		*out = (float)i;
		return true;
	}
}

static void dim_text(const struct ir_graph *g, struct dim d, char *text, size_t n)
{
	struct str name = d.sym && d.sym < g->n_symbols ? g->symbols[d.sym].name : STR("?");
	if (!d.sym)
		snprintf(text, n, "%" PRId64, d.k);
	else if (d.k == 1)
		snprintf(text, n, "%.*s", STR_ARG(name));
	else
		snprintf(text, n, "%" PRId64 "*%.*s", d.k, STR_ARG(name));
}

char *ir_value_text(const struct ir_graph *g, const struct ir_value *v, char *text, size_t n)
{
	CHECK_MAGIC(g, IR_GRAPH_MAGIC);
	int k = snprintf(text, n, "%.*s %s", STR_ARG(v->name),
	                 v->dtype ? dtype_wire(v->dtype) : "of unknown type");
	size_t at = k > 0 ? (size_t)k : 0;
	if (v->rank < 0 && at < n)
		snprintf(text + at, n - at, " of unknown rank");
	for (int32_t i = 0; i < v->rank && at < n; i++) {
		char one[64];
		dim_text(g, v->dims[i], one, sizeof one);
		k = snprintf(text + at, n - at, "%s%s", i ? "," : "[", one);
		at += k > 0 ? (size_t)k : 0;
	}
	if (v->rank >= 0 && at < n)
		snprintf(text + at, n - at, v->rank ? "]" : "[]");
	return text;
}

bool ir_is_output(const struct ir_graph *g, const struct ir_value *v)
{
	CHECK_MAGIC(g, IR_GRAPH_MAGIC);
	for (uint32_t i = 0; i < g->n_outputs; i++)
		if (g->outputs[i] == v)
			return true;
	return false;
}
