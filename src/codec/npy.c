/* The .npy format: a magic, a version, a Python dictionary as text, then the array.
 *
 * The dictionary is read by looking for its three keys with a scanner for just this text;
 * anything else in it is refused. Fortran order, big-endian and object arrays are refused with a
 * sentence that says how to save instead. Pure: the result points into the input.
 */
#include "codec/npy.h"

#include "base/mem.h"
#include "base/panic.h"

#include <inttypes.h>

struct type { const char *code; enum dtype dtype; };
static const struct type types[] = {
	{"<f4", DTYPE_FP32}, {"<f8", DTYPE_FP64}, {"<f2", DTYPE_FP16}, {"|b1", DTYPE_BOOL}, {"|u1", DTYPE_UINT8},
	{"|i1", DTYPE_INT8}, {"<u2", DTYPE_UINT16}, {"<i2", DTYPE_INT16}, {"<u4", DTYPE_UINT32}, {"<i4", DTYPE_INT32},
	{"<u8", DTYPE_UINT64}, {"<i8", DTYPE_INT64},
};
enum { TYPES = sizeof types / sizeof *types };

/* The text after 'key': up to the next key, or empty. */
static struct str after_key(struct str head, const char *key)
{
	size_t n = strlen(key);
	for (size_t i = 0; i + n <= head.n; i++)
		if (!memcmp(head.p + i, key, n)) {
			struct str s = {head.p + i + n, head.n - i - n};
			while (s.n && (*s.p == ':' || *s.p == ' '))
				s.p++, s.n--;
			return s;
		}
	return STR_NONE;
}

static struct status read_type(struct str head, struct tensor *t)
{
	struct str s = after_key(head, "'descr'");
	if (s.n < 5 || *s.p != '\'')
		return FAIL(CORRUPT, "the .npy header names no simple type in 'descr'");
	for (int i = 0; i < TYPES; i++)
		if (!memcmp(s.p + 1, types[i].code, 3) && s.p[4] == '\'') {
			t->dtype = types[i].dtype;
			return STATUS_GOOD;
		}
	return FAIL(UNSUPPORTED, "the .npy file holds type %.*s; save little-endian numbers or bool, as numpy.save(f, "
	            "x.astype('<f4'))", 5, s.p);
}

static struct status read_shape(struct str head, struct tensor *t)
{
	struct str s = after_key(head, "'shape'");
	if (!s.n || *s.p != '(')
		return FAIL(CORRUPT, "the .npy header has no 'shape'");
	size_t i = 1;
	while (i < s.n && s.p[i] != ')') {
		int64_t v = 0;
		size_t digits = 0;
		for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++, digits++)
			if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, s.p[i] - '0', &v))
				return FAIL(CORRUPT, "a dimension in the .npy header overflows");
		if (!digits || t->rank == TENSOR_RANK_MAX)
			return FAIL(CORRUPT, "the 'shape' of the .npy header is malformed, or has over %d dimensions",
			            TENSOR_RANK_MAX);
		t->dims[t->rank++] = v;
		while (i < s.n && (s.p[i] == ',' || s.p[i] == ' '))
			i++;
	}
	return i < s.n ? STATUS_GOOD : FAIL(CORRUPT, "the 'shape' of the .npy header has no end");
}

struct status npy_read(struct span bytes, struct tensor *out)
{
	struct tensor t = {0};
	int64_t count;
	size_t need;
	if (bytes.n < 10 || memcmp(bytes.p, "\x93NUMPY", 6))
		return FAIL(CORRUPT, "not a .npy file: it does not begin with its magic");
	size_t wide = bytes.p[6] >= 2 ? 4 : 2, at = 8 + wide, n = 0;
	if (bytes.p[6] < 1 || bytes.p[6] > 3 || bytes.n < at)
		return FAIL(UNSUPPORTED, "a .npy file of version %u; 1 to 3 are read", bytes.p[6]);
	for (size_t i = 0; i < wide; i++)
		n |= (size_t)bytes.p[8 + i] << 8 * i;
	if (n > bytes.n - at)
		return FAIL(CORRUPT, "the .npy header of %zu bytes goes past the end of the file", n);
	struct str head = {(const char *)bytes.p + at, n};
	struct str order = after_key(head, "'fortran_order'");
	if (str_starts(order, STR("True")))
		return FAIL(UNSUPPORTED, "the .npy file is in Fortran order; save numpy.ascontiguousarray(x)");
	if (!str_starts(order, STR("False")))
		return FAIL(CORRUPT, "the .npy header has no 'fortran_order'");
	TRY(read_type(head, &t));
	TRY(read_shape(head, &t));
	if (!tensor_elements(&t, &count) || !mem_mul((size_t)count, dtype_bytes(t.dtype), &need) || need != bytes.n - at - n)
		return FAIL(CORRUPT, "the .npy file holds %zu bytes of data, which is not what its shape needs",
		            bytes.n - at - n);
	t.data = (void *)(uintptr_t)(bytes.p + at + n);
	t.bytes = need;
	CHECK(t.rank <= TENSOR_RANK_MAX);
	*out = t;
	return STATUS_GOOD;
}

struct status npy_header(const struct tensor *t, struct buf *out)
{
	const char *code = 0;
	size_t start = out->n;
	for (int i = 0; i < TYPES; i++)
		if (types[i].dtype == t->dtype)
			code = types[i].code;
	if (!code)
		return FAIL(UNSUPPORTED, "NumPy has no type for %s", dtype_wire(t->dtype));
	buf_add(out, "\x93NUMPY\x01\x00\x00\x00", 10);
	buf_printf(out, "{'descr': '%s', 'fortran_order': False, 'shape': (", code);
	for (uint32_t i = 0; i < t->rank; i++)
		buf_printf(out, "%" PRId64 ",%s", t->dims[i], i + 1 < t->rank ? " " : "");
	buf_z(out, "), }");
	while ((out->n - start + 1) % 64)
		buf_byte(out, ' ');
	buf_byte(out, '\n');
	TRY(buf_status(out));
	size_t n = out->n - start - 10;
	CHECK(n < 65536);
	out->p[start + 8] = (uint8_t)n;
	out->p[start + 9] = (uint8_t)(n >> 8);
	return STATUS_GOOD;
}
