/* Tensors of an ONNX file to constants of a graph.
 *
 * Bytes stay in the mapping where they lie on the boundary that their type needs; where the
 * file has them askew they are copied, because a misaligned pointer to float is not one. (Files
 * that onnx_write makes are aligned.) Typed fields (float_data ...) are always converted. External
 * files are mapped once each and belong to the onnx_model. Every size is recomputed from dims and
 * type and must agree with the file. Owned by the reader's thread. Not here: sparse tensors and
 * element types outside of dtype.def.
 */
#include "onnx/onnx_priv.h"

#include "base/beneath.h"
#include "base/half.h"
#include "base/mem.h"
#include "base/panic.h"

static const _Alignas(64) uint8_t nothing[64];   /* data of tensors without elements: constant, not absent */

struct shape { uint32_t rank; int64_t dims[IR_RANK_MAX]; size_t elements; };

#define TENSOR_FAIL(r, code, t, fmt, ...) \
	FAIL(code, "%s: tensor '%.*s': " fmt, (r)->where, STR_ARG((t)->name), ##__VA_ARGS__)

static struct status tensor_shape(struct onnx_reader *r, const struct ox_tensor *t, struct shape *s)
{
	if (t->dims.n > IR_RANK_MAX)
		return TENSOR_FAIL(r, UNSUPPORTED, t, "%u dimensions; at most %d are supported", t->dims.n,
		                   IR_RANK_MAX);
	*s = (struct shape){.rank = t->dims.n, .elements = 1};
	for (uint32_t i = 0; i < s->rank; i++) {
		int64_t d = t->dims.p[i];
		if (d < 0 || d > LIMIT_ONNX_DIM)
			return TENSOR_FAIL(r, CORRUPT, t, "dimension %u is %lld", i, (long long)d);
		s->dims[i] = d;
	}
	/* Zeros first, so that 0 x huge is no overflow. */
	for (uint32_t i = 0; i < s->rank; i++)
		if (!s->dims[i])
			s->elements = 0;
	for (uint32_t i = 0; i < s->rank && s->elements; i++)
		if (!mem_mul(s->elements, (size_t)s->dims[i], &s->elements))
			return TENSOR_FAIL(r, CORRUPT, t, "its dimensions multiply to more than 64 bits");
	return STATUS_GOOD;
}

static struct status placed(struct onnx_reader *r, const void *p, size_t n, size_t element,
                            const void **data)
{
	if (n && (uintptr_t)p % element) {
		void *copy = arena_alloc(r->arena, n, 64);
		if (!copy)
			return READER_FULL(r);
		memcpy(copy, p, n);
		p = copy;
	}
	*data = n ? p : nothing;
	return STATUS_GOOD;
}

static struct status external_file(struct onnx_reader *r, const struct ox_tensor *t, struct str name,
                                   struct span *bytes)
{
	struct onnx_model *m = r->out;
	for (uint32_t i = 0; i < m->n_external; i++) {
		if (str_eq(r->external[i], name)) {
			*bytes = m->external[i].bytes;
			return STATUS_GOOD;
		}
	}
	if (!r->dir)
		return TENSOR_FAIL(r, INVALID_ARG, t, "its data is in the file '%.*s', and this model was "
		                   "not opened from a directory", STR_ARG(name));
	if (m->n_external == ONNX_EXTERNAL_MAX)
		return TENSOR_FAIL(r, LIMIT, t, "more than %d external files", ONNX_EXTERNAL_MAX);
	TRY_MSG(file_map_beneath(r->dir, name, &m->external[m->n_external]),
	        "%s: external data of tensor '%.*s'", r->where, STR_ARG(t->name));
	*bytes = m->external[m->n_external].bytes;
	r->external[m->n_external++] = name;
	return STATUS_GOOD;
}

static struct status external(struct onnx_reader *r, const struct ox_tensor *t, size_t want,
                              size_t element, const void **data)
{
	struct str location = STR_NONE;
	uint64_t offset = 0, length = want;
	struct span file = {0, 0};
	for (uint32_t i = 0; i < t->external_data.n; i++) {
		const struct ox_text_entry *e = &t->external_data.p[i];
		if (str_is(e->key, "location"))
			location = e->value;
		else if ((str_is(e->key, "offset") && !str_u64(e->value, &offset)) ||
		         (str_is(e->key, "length") && !str_u64(e->value, &length)))
			return TENSOR_FAIL(r, CORRUPT, t, "external %.*s '%.*s' is not a number",
			                   STR_ARG(e->key), STR_ARG(e->value));
	}
	if (!location.n)
		return TENSOR_FAIL(r, CORRUPT, t, "its data is external, but no file is named");
	if (length != want)
		return TENSOR_FAIL(r, CORRUPT, t, "its shape and type make %zu bytes, but the external "
		                   "length is %llu", want, (unsigned long long)length);
	TRY(external_file(r, t, location, &file));
	if (offset > file.n || want > file.n - offset)
		return TENSOR_FAIL(r, CORRUPT, t, "bytes %llu to %llu of '%.*s' are wanted, which has %zu",
		                   (unsigned long long)offset, (unsigned long long)offset + want,
		                   STR_ARG(location), file.n);
	return placed(r, file.p + offset, want, element, data);
}

struct status onnx__strings(struct onnx_reader *r, const struct span *p, uint32_t n, const void **data,
                            size_t *data_bytes)
{
	size_t sum = 0;
	for (uint32_t i = 0; i < n; i++)
		if (p[i].n > UINT32_MAX || !mem_add(sum, 4, &sum) || !mem_add(sum, p[i].n, &sum))
			return READER_FULL(r);
	uint8_t *o = arena_alloc(r->arena, sum, 16);
	if (!o)
		return READER_FULL(r);
	*data = sum ? o : nothing;
	*data_bytes = sum;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t length = (uint32_t)p[i].n;
		memcpy(o, &length, 4);
		if (length)
			memcpy(o + 4, p[i].p, length);
		o += 4 + length;
	}
	return STATUS_GOOD;
}

/* int32_data holds every narrow type, one number an element; false when one does not fit. */
static bool narrow(const int32_t *p, uint32_t n, enum dtype dtype, void *out)
{
	bool is_signed = dtype == DTYPE_INT8 || dtype == DTYPE_INT16;
	bool one = dtype_bytes(dtype) == 1;
	int32_t high = dtype == DTYPE_BOOL ? 1 : one ? (is_signed ? INT8_MAX : UINT8_MAX) :
	               (is_signed ? INT16_MAX : UINT16_MAX);
	int32_t low = is_signed ? -high - 1 : 0;
	for (uint32_t i = 0; i < n; i++) {
		if (p[i] < low || p[i] > high)
			return false;
		if (one)
			((uint8_t *)out)[i] = (uint8_t)p[i];
		else
			((uint16_t *)out)[i] = (uint16_t)p[i];
	}
	return true;
}

/* The field in which ONNX keeps this type, its count and its elements' size. */
static const void *typed_field(const struct ox_tensor *t, enum dtype dtype, uint32_t *n, size_t *size)
{
	switch (dtype) {
	case DTYPE_FP32: *n = t->float_data.n; *size = 4; return t->float_data.p;
	case DTYPE_FP64: *n = t->double_data.n; *size = 8; return t->double_data.p;
	case DTYPE_INT64: *n = t->int64_data.n; *size = 8; return t->int64_data.p;
	case DTYPE_UINT32:
	case DTYPE_UINT64: *n = t->uint64_data.n; *size = 8; return t->uint64_data.p;
	default: *n = t->int32_data.n; *size = 4; return t->int32_data.p;
	}
}

static struct status typed(struct onnx_reader *r, const struct ox_tensor *t, enum dtype dtype,
                           const struct shape *s, const void **data)
{
	uint32_t n;
	size_t size, want = dtype_bytes(dtype);
	const void *p = typed_field(t, dtype, &n, &size);
	if (n != s->elements)
		return TENSOR_FAIL(r, CORRUPT, t, "its shape has %zu elements, but %u of type %s are given",
		                   s->elements, n, dtype_wire(dtype));
	void *o = arena_array(r->arena, n, want, 64);
	if (!o)
		return READER_FULL(r);
	bool good = true;
	if (size == want && n)
		memcpy(o, p, n * size);
	else if (dtype == DTYPE_UINT32)
		for (uint32_t i = 0; i < n && good; i++) {
			uint64_t u = ((const uint64_t *)p)[i];
			good = u <= UINT32_MAX;
			((uint32_t *)o)[i] = (uint32_t)u;
		}
	else if (n)
		good = narrow(p, n, dtype, o);
	if (!good)
		return TENSOR_FAIL(r, CORRUPT, t, "a number in it does not fit its type %s", dtype_wire(dtype));
	*data = n ? o : nothing;
	return STATUS_GOOD;
}

struct status onnx__tensor(struct onnx_reader *r, const struct ox_tensor *t, struct str name,
                           struct ir_value **out)
{
	struct shape s;
	const void *data;
	size_t bytes;
	enum dtype dtype = dtype_from_onnx(t->data_type);
	TRY(onnx__name_check(r, t->name, "a tensor"));
	if (dtype == DTYPE_INVALID)
		return TENSOR_FAIL(r, UNSUPPORTED, t, "element type %d of ONNX is not supported",
		                   t->data_type);
	if (t->segment.n)
		return TENSOR_FAIL(r, UNSUPPORTED, t, "it is stored in segments; save the model again");
	TRY(tensor_shape(r, t, &s));
	size_t element = dtype_bytes(dtype);
	if (dtype == DTYPE_BYTES) {
		if (t->string_data.n != s.elements || t->data_location)
			return TENSOR_FAIL(r, CORRUPT, t, "its shape has %zu elements, but %u strings are given",
			                   s.elements, t->string_data.n);
		TRY(onnx__strings(r, t->string_data.p, t->string_data.n, &data, &bytes));
	} else {
		if (!mem_mul(s.elements, element, &bytes))
			return TENSOR_FAIL(r, CORRUPT, t, "its size overflows 64 bits");
		if (t->data_location == 1) {
			TRY(external(r, t, bytes, element, &data));
		} else if (PB_IS_SET(t, ox_tensor, raw_data)) {
			if (t->raw_data.n != bytes)
				return TENSOR_FAIL(r, CORRUPT, t, "its shape and type make %zu bytes, but %zu "
				                   "are given", bytes, t->raw_data.n);
			TRY(placed(r, t->raw_data.p, bytes, element, &data));
		} else {
			TRY(typed(r, t, dtype, &s, &data));
		}
	}
	CHECK(data && s.rank <= IR_RANK_MAX);
	struct ir_value *v = ir_const(r->g, name, dtype, s.rank, s.dims, data, bytes);
	if (!v || !onnx__hint_set(r, v, (struct onnx_hint){(int8_t)s.rank, (uint8_t)dtype}))
		return READER_FULL(r);
	*out = v;
	return STATUS_GOOD;
}

struct ir_value *onnx__const_ints(struct onnx_reader *r, const int64_t *p, uint32_t n)
{
	int64_t dims[1] = {n};
	int64_t *copy = arena_array(r->arena, n ? n : 1, 8, 16);
	if (!copy)
		return 0;
	if (n)
		memcpy(copy, p, n * sizeof *p);
	struct ir_value *v = ir_const(r->g, STR_NONE, DTYPE_INT64, 1, dims, copy, n * sizeof *p);
	return v && onnx__hint_set(r, v, (struct onnx_hint){1, DTYPE_INT64}) ? v : 0;
}

struct ir_value *onnx__const_float(struct onnx_reader *r, enum dtype dtype, float f)
{
	void *p = arena_alloc(r->arena, 8, 16);
	if (!p)
		return 0;
	if (dtype == DTYPE_FP16)
		*(uint16_t *)p = half_from_f32(f);
	else if (dtype == DTYPE_BF16)
		*(uint16_t *)p = bf16_from_f32(f);
	else if (dtype == DTYPE_FP64)
		*(double *)p = (double)f;
	else
		*(float *)p = f;
	if (dtype != DTYPE_FP16 && dtype != DTYPE_BF16 && dtype != DTYPE_FP64)
		dtype = DTYPE_FP32;
	struct ir_value *v = ir_const(r->g, STR_NONE, dtype, 0, 0, p, dtype_bytes(dtype));
	return v && onnx__hint_set(r, v, (struct onnx_hint){0, (uint8_t)dtype}) ? v : 0;
}
