/* .npy: every type there and back, versions, and what is refused. */
#include "codec/npy.h"
#include "unit/test.h"

#include <stdio.h>

static struct buf file_of(int version, const char *dict, size_t data_bytes)
{
	struct buf b;
	size_t n = strlen(dict);
	buf_init(&b, 1 << 16);
	buf_add(&b, "\x93NUMPY", 6);
	buf_byte(&b, (uint8_t)version);
	buf_byte(&b, 0);
	if (version == 1)
		buf_u16(&b, (uint16_t)n);
	else
		buf_u32(&b, (uint32_t)n);
	buf_z(&b, dict);
	for (size_t i = 0; i < data_bytes; i++)
		buf_byte(&b, (uint8_t)i);
	return b;
}

static struct status read_dict(int version, const char *dict, size_t data_bytes, struct tensor *t)
{
	struct buf b = file_of(version, dict, data_bytes);
	struct status st = npy_read(buf_span(&b), t);
	buf_release(&b);
	return st;
}

TEST(npy_every_type_there_and_back)
{
	static const uint8_t zeros[64];
	for (int type = 1; type < DTYPE_COUNT; type++) {
		struct tensor t = {.dtype = (enum dtype)type, .rank = 2, .dims = {2, 3}}, back;
		struct buf b;
		t.bytes = 6 * dtype_bytes(t.dtype);
		buf_init(&b, 4096);
		if (type == DTYPE_BYTES || type == DTYPE_BF16) {
			ASSERT_FAILS(npy_header(&t, &b), UNSUPPORTED, "NumPy has no type for");
		} else {
			ASSERT_GOOD(npy_header(&t, &b));
			assert_int_equal(b.n % 64, 0);
			buf_add(&b, zeros, t.bytes);
			ASSERT_GOOD(npy_read(buf_span(&b), &back));
			assert_true(back.dtype == t.dtype && back.rank == 2 && back.dims[0] == 2 && back.dims[1] == 3);
			assert_true(back.bytes == t.bytes && (uint8_t *)back.data + back.bytes == b.p + b.n);
		}
		buf_release(&b);
	}
}

TEST(npy_versions_and_shapes)
{
	struct tensor t;
	for (int v = 1; v <= 3; v++)
		ASSERT_GOOD(read_dict(v, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n", 8, &t));
	ASSERT_GOOD(read_dict(1, "{'descr': '<i8', 'fortran_order': False, 'shape': (), }", 8, &t));
	assert_true(t.rank == 0 && t.bytes == 8);
	ASSERT_GOOD(read_dict(1, "{'descr': '|u1', 'fortran_order': False, 'shape': (0, 5), }", 0, &t));
	assert_true(t.rank == 2 && t.bytes == 0);
	ASSERT_FAILS(read_dict(4, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 8, &t), UNSUPPORTED, "version 4");
	ASSERT_FAILS(read_dict(0, "", 8, &t), UNSUPPORTED, "version 0");
}

TEST(npy_refusals)
{
	static const struct { const char *type, *order, *shape, *want; enum status_code code; } cases[] = {
		{"'>f4'", "False", "(2,)", "type '>f4'", STATUS_UNSUPPORTED},
		{"'|O8'", "False", "(2,)", "little-endian", STATUS_UNSUPPORTED},
		{"[('a', '<f4')]", "False", "(2,)", "no simple type", STATUS_CORRUPT},
		{"'<f4'", "True", "(2,)", "Fortran order", STATUS_UNSUPPORTED},
		{"'<f4'", "None", "(2,)", "no 'fortran_order'", STATUS_CORRUPT},
		{"'<f4'", "False", "(3,)", "8 bytes of data", STATUS_CORRUPT},
		{"'<f4'", "False", "(-2,)", "malformed", STATUS_CORRUPT},
		{"'<f4'", "False", "[2]", "no 'shape'", STATUS_CORRUPT},
		{"'<f4'", "False", "(1,1,1,1,1,1,1,1,2)", "over 8 dimensions", STATUS_CORRUPT},
		{"'<f4'", "False", "(99999999999999999999,)", "overflows", STATUS_CORRUPT},
		{"'<f4'", "False", "(9223372036854775807,9223372036854775807)", "not what its shape needs", STATUS_CORRUPT},
		{"'<f4'", "False", "(4611686018427387906,)", "not what its shape needs", STATUS_CORRUPT},
	};
	struct tensor t;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char dict[256];
		snprintf(dict, sizeof dict, "{'descr': %s, 'fortran_order': %s, 'shape': %s, }", cases[i].type, cases[i].order,
		         cases[i].shape);
		struct status st = read_dict(1, dict, 8, &t);
		if (st.code != cases[i].code || !strstr(st.msg, cases[i].want))
			fail_msg("%s: %s", dict, st.code ? st.msg : "good");
	}
	ASSERT_FAILS(read_dict(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, ", 8, &t), CORRUPT, "no end");
	ASSERT_FAILS(read_dict(1, "{'descr'", 8, &t), CORRUPT, "fortran_order");
	ASSERT_FAILS(npy_read((struct span){(const uint8_t *)"not a npy file", 14}, &t), CORRUPT, "magic");
}

TEST(npy_cut)
{
	struct buf b = file_of(2, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 8);
	struct tensor t;
	for (size_t i = 0; i < b.n; i++)
		assert_true(npy_read((struct span){b.p, i}, &t).code != STATUS_OK);
	buf_release(&b);
}
