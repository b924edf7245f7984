/* Classification: order, ties, labels, every type, and outputs without elements. */
#include "base/file.h"
#include "serve/classify.h"
#include "unit/test.h"

#include <stdio.h>

static struct arena arena;

static struct tensor make(enum dtype t, int64_t batch, int64_t n, const void *data)
{
	return (struct tensor){.dtype = t, .rank = 2, .dims = {batch, n},
	                       .data = (void *)(uintptr_t)data,
	                       .bytes = (size_t)(batch * n) * dtype_bytes(t)};
}

/* The strings of a tensor, separated by blanks. */
static const char *joined(const struct tensor *t)
{
	static char text[4096];
	const uint8_t *p = t->data, *end = p + t->bytes;
	size_t n = 0;
	text[0] = 0;
	while (p < end) {
		uint32_t k;
		memcpy(&k, p, 4);
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%.*s", n ? " " : "", (int)k, p + 4);
		p += 4 + k;
	}
	assert_ptr_equal(p, end);
	return text;
}

static const char *classes(const struct served_io *io, struct tensor in, uint32_t k)
{
	static const struct served_io none;
	struct tensor out;
	arena_release(&arena);
	arena_init(&arena, 1 << 20);
	ASSERT_GOOD(classify(io ? io : &none, &in, true, k, &arena, &out));
	assert_int_equal(out.dtype, DTYPE_BYTES);
	assert_int_equal(out.rank, 2);
	assert_int_equal(out.dims[0], in.dims[0]);
	assert_int_equal(out.dims[1], in.dims[1] < (int64_t)k ? in.dims[1] : (int64_t)k);
	return joined(&out);
}

TEST(classify_orders_and_labels)
{
	static const float v[] = {1, 2, 3, 4, 5, 5, 5, -0.0f, 0, -1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0};
	struct str labels[] = {STR("zero"), STR_NONE, STR("two")};
	struct served_io io = {.labels = labels, .n_labels = 3};
	arena_init(&arena, 1 << 20);
	assert_string_equal(classes(0, make(DTYPE_FP32, 1, 10, v), 4),
	                    "5.000000:4 5.000000:5 5.000000:6 4.000000:3");
	assert_string_equal(classes(&io, make(DTYPE_FP32, 2, 10, v), 3),
	                    "5.000000:4 5.000000:5 5.000000:6 "
	                    "9.000000:0:zero 8.000000:1 7.000000:2:two");
	assert_string_equal(classes(0, make(DTYPE_FP32, 1, 10, v), 99),
	                    "5.000000:4 5.000000:5 5.000000:6 4.000000:3 3.000000:2 2.000000:1 "
	                    "1.000000:0 -0.000000:7 0.000000:8 -1.000000:9");
	arena_release(&arena);
}

TEST(classify_every_ordered_type)
{
	static const int8_t i8[] = {-1, 2, -128};
	static const uint8_t u8[] = {255, 2, 3};
	static const int16_t i16[] = {-300, 2, 300};
	static const uint16_t u16[] = {65535, 2, 3};
	static const int32_t i32[] = {-70000, 2, 70000};
	static const uint32_t u32[] = {4294967295u, 2, 3};
	static const int64_t i64[] = {INT64_MIN, 2, INT64_MAX};
	static const uint64_t u64[] = {UINT64_MAX, UINT64_MAX - 1, 3};
	static const double f64[] = {-1e300, 0.1, -__builtin_inf()};
	static const float f32[] = {__builtin_nanf(""), 2, -__builtin_inff()};
	arena_init(&arena, 1 << 20);
	assert_string_equal(classes(0, make(DTYPE_INT8, 1, 3, i8), 3), "2:1 -1:0 -128:2");
	assert_string_equal(classes(0, make(DTYPE_UINT8, 1, 3, u8), 2), "255:0 3:2");
	assert_string_equal(classes(0, make(DTYPE_INT16, 1, 3, i16), 2), "300:2 2:1");
	assert_string_equal(classes(0, make(DTYPE_UINT16, 1, 3, u16), 2), "65535:0 3:2");
	assert_string_equal(classes(0, make(DTYPE_INT32, 1, 3, i32), 2), "70000:2 2:1");
	assert_string_equal(classes(0, make(DTYPE_UINT32, 1, 3, u32), 2), "4294967295:0 3:2");
	assert_string_equal(classes(0, make(DTYPE_INT64, 1, 3, i64), 3),
	                    "9223372036854775807:2 2:1 -9223372036854775808:0");
	assert_string_equal(classes(0, make(DTYPE_UINT64, 1, 3, u64), 2),
	                    "18446744073709551615:0 18446744073709551614:1");
	const char *text = classes(0, make(DTYPE_FP64, 1, 3, f64), 3);
	assert_int_equal(strncmp(text, "0.100000:1 -1000", 16), 0);
	assert_string_equal(classes(0, make(DTYPE_FP32, 1, 3, f32), 3), "2.000000:1 -inf:2 nan:0");
	arena_release(&arena);
}

TEST(classify_edges)
{
	static const uint8_t bytes[8];
	static const struct served_io none;
	struct tensor out, in = make(DTYPE_FP32, 2, 0, bytes);
	arena_init(&arena, 1 << 20);
	assert_string_equal(classes(0, in, 3), "");
	assert_string_equal(classes(0, make(DTYPE_FP32, 0, 5, bytes), 3), "");
	in = make(DTYPE_FP32, 1, 2, bytes);
	ASSERT_GOOD(classify(&none, &in, false, 1, &arena, &out));
	assert_int_equal(out.rank, 1);
	assert_string_equal(joined(&out), "0.000000:0");
	in.dtype = DTYPE_BOOL;
	ASSERT_FAILS(classify(&none, &in, true, 1, &arena, &out), INVALID_ARG,
	             "unsupported type 'BOOL'");
	in.dtype = DTYPE_BYTES;
	ASSERT_FAILS(classify(&none, &in, true, 1, &arena, &out), INVALID_ARG,
	             "unsupported type 'BYTES'");
	arena_release(&arena);
	arena_init(&arena, 16);
	in.dtype = DTYPE_FP32;
	ASSERT_FAILS(classify(&none, &in, true, 1, &arena, &out), NO_MEMORY, "classes");
	arena_release(&arena);
}

TEST(classify_reads_labels)
{
	struct served m = {.name = "m"};
	struct served_io io = {.name = STR("o")};
	const char *path = test_path("labels.txt");
	char dir[512];
	snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(path, '/') - path), path);
	m.dir = dir;
	arena_init(&m.arena, (size_t)64 << 20);
	ASSERT_GOOD(file_write(path, (struct span){(const uint8_t *)"x\r\n\ny\n\nlast", 11}));
	ASSERT_GOOD(classify_read_labels(&m, STR("labels.txt"), &io));
	assert_int_equal(io.n_labels, 5);
	assert_true(str_is(io.labels[0], "x\r") && !io.labels[1].n && str_is(io.labels[2], "y"));
	assert_true(!io.labels[3].n && str_is(io.labels[4], "last"));
	ASSERT_FAILS(classify_read_labels(&m, STR("none.txt"), &io), INTERNAL,
	             "failed to open text file for read");
	for (int over = 0; over < 2; over++) {
		struct buf b;
		buf_init(&b, (size_t)1 << 24);
		for (int i = 0; i < LIMIT_LABELS + over; i++)
			buf_z(&b, "a\n");
		io = (struct served_io){.name = STR("o")};
		ASSERT_GOOD(file_write(path, buf_span(&b)));
		if (over)
			ASSERT_FAILS(classify_read_labels(&m, STR("labels.txt"), &io), LIMIT, "labels");
		else
			ASSERT_GOOD(classify_read_labels(&m, STR("labels.txt"), &io));
		buf_release(&b);
	}
	arena_release(&m.arena);
}
