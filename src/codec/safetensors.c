/* The safetensors format: 8 bytes of header length, a JSON object of name to type, shape and
 * offsets, then the data.
 *
 * Checked as hostile input: the header lies inside the file and is JSON, every tensor's bytes
 * are what its type and shape need, lie inside the data, and no two overlap. The data must be
 * covered without holes, as the format demands. Pure: tensors point into the input.
 */
#include "codec/safetensors.h"

#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/panic.h"
#include "codec/json.h"

#include <inttypes.h>
#include <stdlib.h>

struct type { const char *name; enum dtype dtype; };
static const struct type types[] = {
	{"F32", DTYPE_FP32}, {"F16", DTYPE_FP16}, {"BF16", DTYPE_BF16}, {"F64", DTYPE_FP64}, {"I64", DTYPE_INT64},
	{"I32", DTYPE_INT32}, {"I16", DTYPE_INT16}, {"I8", DTYPE_INT8}, {"U8", DTYPE_UINT8}, {"U16", DTYPE_UINT16},
	{"U32", DTYPE_UINT32}, {"U64", DTYPE_UINT64}, {"BOOL", DTYPE_BOOL},
};
enum { TYPES = sizeof types / sizeof *types };

static struct status bad(struct str name, const char *what)
{
	return FAIL(CORRUPT, "the safetensors header: tensor '%.*s': %s", STR_ARG(name), what);
}

static struct status read_shape(struct str name, struct json v, struct tensor *t)
{
	if (json_kind(v) != JSON_ARRAY)
		return bad(name, "its shape is not an array");
	for (struct json_walk w = json_walk(v); json_next(&w);) {
		int64_t d;
		if (t->rank == TENSOR_RANK_MAX || !json_i64(w.value, &d) || d < 0)
			return bad(name, "its shape is malformed or of too many dimensions");
		t->dims[t->rank++] = d;
	}
	return STATUS_GOOD;
}

static struct status read_one(struct str name, struct json v, struct span data, struct arena *a, struct tensor *t)
{
	struct json dtype, shape, offsets;
	struct str type;
	uint64_t at[2] = {0};
	int64_t count;
	size_t need, i = 0;
	*t = (struct tensor){0};
	if (!json_member(v, "dtype", &dtype) || !json_member(v, "shape", &shape) ||
	    !json_member(v, "data_offsets", &offsets) || !json_str(dtype, a, &type))
		return bad(name, "dtype, shape or data_offsets is missing");
	for (int k = 0; k < TYPES; k++)
		if (str_is(type, types[k].name))
			t->dtype = types[k].dtype;
	if (!t->dtype)
		return bad(name, "its dtype is not supported");
	TRY(read_shape(name, shape, t));
	for (struct json_walk w = json_walk(offsets); json_next(&w); i++)
		if (i >= 2 || json_kind(offsets) != JSON_ARRAY || !json_u64(w.value, &at[i]))
			return bad(name, "data_offsets is not a pair of numbers");
	if (i != 2 || at[0] > at[1] || at[1] > data.n)
		return bad(name, "its data_offsets lie outside the file");
	if (!tensor_elements(t, &count) || !mem_mul((size_t)count, dtype_bytes(t->dtype), &need) || need != at[1] - at[0])
		return bad(name, "its data_offsets do not span what its shape needs");
	t->data = (void *)(uintptr_t)(data.p + at[0]);
	t->bytes = need;
	return STATUS_GOOD;
}

static int by_place(const void *a, const void *b)
{
	const struct named_tensor *x = *(struct named_tensor *const *)a, *y = *(struct named_tensor *const *)b;
	if (x->tensor.data != y->tensor.data)
		return (uintptr_t)x->tensor.data < (uintptr_t)y->tensor.data ? -1 : 1;
	return (x->tensor.bytes > y->tensor.bytes) - (x->tensor.bytes < y->tensor.bytes);
}

/* Tensors cover the data exactly. */
static struct status coverage(struct named_tensor *t, uint32_t n, struct span data, struct arena *a)
{
	struct named_tensor **order = ARENA_ARRAY(a, (size_t)n + 1, struct named_tensor *);
	const uint8_t *end = data.p;
	if (!order)
		return FAIL(NO_MEMORY, "no memory for a safetensors header");
	for (uint32_t i = 0; i < n; i++)
		order[i] = &t[i];
	qsort(order, n, sizeof *order, by_place);
	for (uint32_t i = 0; i < n; i++) {
		if ((const uint8_t *)order[i]->tensor.data != end)
			return bad(order[i]->name, "its bytes overlap another tensor's, or leave a hole");
		end += order[i]->tensor.bytes;
	}
	if (end != data.p + data.n)
		return FAIL(CORRUPT, "the safetensors file has %zu bytes more than its tensors need",
		            (size_t)(data.p + data.n - end));
	return STATUS_GOOD;
}

struct status safetensors_read(struct span bytes, struct arena *a, struct named_tensor **out, uint32_t *n)
{
	struct json root;
	struct named_tensor *list = 0;
	uint32_t count = 0, cap = 0;
	uint64_t head;
	struct map seen;
	map_init(&seen, a);
	if (bytes.n < 8)
		return FAIL(CORRUPT, "a safetensors file of %zu bytes; its header length alone takes 8", bytes.n);
	memcpy(&head, bytes.p, sizeof head);
	if (head > bytes.n - 8)
		return FAIL(CORRUPT, "the safetensors header of %" PRIu64 " bytes goes past the end of the file", head);
	TRY_MSG(json_check((struct str){(const char *)bytes.p + 8, head}, &root), "the safetensors header");
	if (json_kind(root) != JSON_OBJECT)
		return FAIL(CORRUPT, "the safetensors header is not a JSON object");
	struct span data = {bytes.p + 8 + head, bytes.n - 8 - head};
	for (struct json_walk w = json_walk(root); json_next(&w);) {
		if (json_key_is(w.key, "__metadata__"))
			continue;
		if (!ARENA_GROW(a, list, count, cap, LIMIT_CHECKPOINT_TENSORS))
			return FAIL(LIMIT, "the safetensors file has over %u tensors, or memory ran out", count);
		struct json key = {w.key.p - 1, w.key.p + w.key.n + 1};
		if (!json_str(key, a, &list[count].name))
			return FAIL(NO_MEMORY, "no memory for a safetensors header");
		if (map_get(&seen, list[count].name))
			return bad(list[count].name, "it is there twice");
		if (!map_put(&seen, list[count].name, (void *)(uintptr_t)w.value.p))
			return FAIL(NO_MEMORY, "no memory for a safetensors header");
		TRY(read_one(list[count].name, w.value, data, a, &list[count].tensor));
		count++;
	}
	TRY(coverage(list, count, data, a));
	*out = list;
	*n = count;
	return STATUS_GOOD;
}

struct status safetensors_head(const struct named_tensor *t, uint32_t n, struct buf *out)
{
	uint64_t at = 0, head;
	size_t start = out->n;
	buf_u64(out, 0);
	buf_byte(out, '{');
	for (uint32_t i = 0; i < n; i++) {
		const char *type = 0;
		for (int k = 0; k < TYPES; k++)
			if (types[k].dtype == t[i].tensor.dtype)
				type = types[k].name;
		if (!type)
			return FAIL(UNSUPPORTED, "safetensors has no type for %s", dtype_wire(t[i].tensor.dtype));
		if (i)
			buf_byte(out, ',');
		json_put_str(out, t[i].name);
		buf_printf(out, ":{\"dtype\":\"%s\",\"shape\":[", type);
		for (uint32_t k = 0; k < t[i].tensor.rank; k++)
			buf_printf(out, "%s%" PRId64, k ? "," : "", t[i].tensor.dims[k]);
		buf_printf(out, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", at, at + t[i].tensor.bytes);
		at += t[i].tensor.bytes;
	}
	buf_byte(out, '}');
	while ((out->n - start) % 8)
		buf_byte(out, ' ');
	TRY(buf_status(out));
	head = out->n - start - 8;
	CHECK(out->n >= start + 8);
	memcpy(out->p + start, &head, sizeof head);
	return STATUS_GOOD;
}
