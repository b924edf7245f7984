/* Safetensors: there and back, and headers that lie about types, shapes and places. */
#include "codec/safetensors.h"
#include "unit/test.h"

static struct arena arena;

static struct status read_head(const char *head, size_t data_bytes, struct named_tensor **t, uint32_t *n)
{
	static struct buf b;
	buf_release(&b);
	buf_init(&b, 1 << 20);
	arena_release(&arena);
	arena_init(&arena, 1 << 20);
	buf_u64(&b, strlen(head));
	buf_z(&b, head);
	for (size_t i = 0; i < data_bytes; i++)
		buf_byte(&b, (uint8_t)i);
	return safetensors_read(buf_span(&b), &arena, t, n);
}

TEST(safetensors_there_and_back)
{
	static float w[6] = {1, 2, 3, 4, 5, 6};
	static int64_t s = -3;
	struct named_tensor in[2] = {
		{STR("w\"1"), {.dtype = DTYPE_FP32, .rank = 2, .dims = {2, 3}, .data = w, .bytes = sizeof w}},
		{STR("s"), {.dtype = DTYPE_INT64, .data = &s, .bytes = sizeof s}},
	}, *t;
	uint32_t n;
	struct buf b;
	buf_init(&b, 4096);
	arena_init(&arena, 1 << 16);
	ASSERT_GOOD(safetensors_head(in, 2, &b));
	assert_int_equal(b.n % 8, 0);
	buf_add(&b, w, sizeof w);
	buf_add(&b, &s, sizeof s);
	ASSERT_GOOD(safetensors_read(buf_span(&b), &arena, &t, &n));
	assert_true(n == 2 && str_is(t[0].name, "w\"1") && str_is(t[1].name, "s"));
	assert_true(t[0].tensor.rank == 2 && t[0].tensor.dims[1] == 3 && !memcmp(t[0].tensor.data, w, sizeof w));
	assert_true(t[1].tensor.rank == 0 && !memcmp(t[1].tensor.data, &s, sizeof s));
	for (size_t i = 0; i < b.n; i++)
		assert_true(safetensors_read((struct span){b.p, i}, &arena, &t, &n).code != STATUS_OK);
	in[0].tensor.dtype = DTYPE_BYTES;
	ASSERT_FAILS(safetensors_head(in, 2, &b), UNSUPPORTED, "no type for BYTES");
	buf_release(&b);
}

TEST(safetensors_heads)
{
	static const struct { const char *head, *want; size_t data; } cases[] = {
		{"{}", 0, 0},
		{"{\"__metadata__\":{\"a\":\"b\"},\"x\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}", 0, 2},
		{"{\"e\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},"
		 "\"x\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}", 0, 2},
		{"{\"x\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
		 "\"y\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}", "'y': its bytes overlap", 3},
		{"{\"x\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
		 "\"y\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[3,5]}}", "'y': its bytes overlap another tensor's, or leave a hole", 5},
		{"{\"x\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}", "1 bytes more", 3},
		{"{\"x\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}", "outside the file", 1},
		{"{\"x\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[2,0]}}", "outside the file", 2},
		{"{\"x\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,18446744073709551615]}}", "outside the file", 2},
		{"{\"x\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,-1]}}", "pair of numbers", 2},
		{"{\"x\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0]}}", "outside the file", 2},
		{"{\"x\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,1,2]}}", "pair of numbers", 2},
		{"{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,2]}}", "do not span", 2},
		{"{\"x\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904],\"data_offsets\":[0,0]}}", "do not span", 0},
		{"{\"x\":{\"dtype\":\"U8\",\"shape\":[-2],\"data_offsets\":[0,2]}}", "its shape is malformed", 2},
		{"{\"x\":{\"dtype\":\"U8\",\"shape\":2,\"data_offsets\":[0,1]}}", "its shape is not an array", 1},
		{"{\"x\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,1]}}", "too many dimensions", 1},
		{"{\"x\":{\"dtype\":\"F8_E5M2\",\"shape\":[1],\"data_offsets\":[0,1]}}", "its dtype is not supported", 1},
		{"{\"x\":{\"shape\":[1],\"data_offsets\":[0,1]}}", "is missing", 1},
		{"{\"x\":3}", "is missing", 0},
		{"{\"x\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
		 "\"x\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}", "'x': it is there twice", 2},
		{"[]", "not a JSON object", 0},
		{"{", "the safetensors header: Missing a name", 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct named_tensor *t;
		uint32_t n;
		struct status st = read_head(cases[i].head, cases[i].data, &t, &n);
		if (cases[i].want ? !st.code || !strstr(st.msg, cases[i].want) : st.code != STATUS_OK)
			fail_msg("%s: %s", cases[i].head, st.code ? st.msg : "good");
	}
}
