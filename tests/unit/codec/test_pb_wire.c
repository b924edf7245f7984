/* The wire form: what is written reads back, and every kind of broken bytes is told by path and
 * offset. */
#include "unit/test.h"

#include "base/limits.h"
#include "codec/model_config.h"

#include <stdio.h>
#include <stdlib.h>

#define BYTES(...) ((struct span){(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})})

static struct arena arena;

static struct status decode(struct span in, struct mc_config *c)
{
	arena_release(&arena);
	arena_init(&arena, 1 << 20);
	return pb_decode(&mc_config_pb, in, "file", &arena, c);
}

TEST(round_trip)
{
	struct mc_config c, d;
	struct buf b, b2;
	struct pb_source src = {"t", &arena, 0, 0};
	static const char text[] =
		"name: 'm' max_batch_size: -1 input { name: 'x' data_type: TYPE_FP32 dims: [ -1, 3, 300 ] }"
		"parameters { key: 'a' value { string_value: 'b' } }"
		"model_metrics { metric_control { histogram_options { buckets: [ 0.5, 1e300 ] } } }"
		"sequence_batching { direct { minimum_slot_utilization: 0.25 } control_input { control {"
		" bool_false_true: [ false, true ] fp32_false_true: [ 0, 1 ] } } }";
	arena_init(&arena, 1 << 20);
	ASSERT_GOOD(pb_text_parse(&mc_config_pb, STR(text), &src, &c));
	buf_init(&b, 1 << 16);
	buf_init(&b2, 1 << 16);
	ASSERT_GOOD(pb_encode(&mc_config_pb, &c, &b));
	ASSERT_GOOD(pb_decode(&mc_config_pb, buf_span(&b), "file", &arena, &d));
	assert_int_equal(d.max_batch_size, -1);
	assert_int_equal(d.input.n, 1);
	assert_int_equal(d.input.p[0].dims.n, 3);
	assert_int_equal(d.input.p[0].dims.p[0], -1);
	assert_int_equal(d.input.p[0].dims.p[2], 300);
	assert_true(str_is(d.parameters.p[0].value->string_value, "b"));
	assert_true(d.sequence_batching->direct->minimum_slot_utilization == 0.25f);
	assert_true(d.sequence_batching->control_input.p[0].control.p[0].bool_false_true.p[1]);
	assert_true(d.model_metrics->metric_control.p[0].histogram_options->buckets.p[1] == 1e300);
	ASSERT_GOOD(pb_encode(&mc_config_pb, &d, &b2));
	assert_int_equal(b.n, b2.n);
	assert_memory_equal(b.p, b2.p, b.n);
	buf_release(&b);
	buf_release(&b2);
	arena_release(&arena);
}

/* The bytes that protobuf's own library makes of name "m", max_batch_size 8, one input "x" FP32
 * [-1, 3]. */
TEST(known_bytes)
{
	struct mc_config c;
	struct buf b;
	struct span in = BYTES(0x0a, 1, 'm', 0x20, 8, 0x2a, 18, 0x0a, 1, 'x', 0x10, 11, 0x22, 11, 0xff, 0xff,
	                       0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 3);
	ASSERT_GOOD(decode(in, &c));
	assert_int_equal(c.max_batch_size, 8);
	assert_int_equal(c.input.p[0].dims.p[0], -1);
	buf_init(&b, 100);
	ASSERT_GOOD(pb_encode(&mc_config_pb, &c, &b));
	assert_int_equal(b.n, in.n);
	assert_memory_equal(b.p, in.p, in.n);
	buf_release(&b);
	arena_release(&arena);
}

TEST(lax_forms)
{
	struct mc_config c;
	/* Unpacked list elements; an unknown field of each wire type; a message in two parts; last one wins. */
	ASSERT_GOOD(decode(BYTES(0x2a, 4, 0x20, 5, 0x20, 6), &c));
	assert_int_equal(c.input.p[0].dims.n, 2);
	ASSERT_GOOD(decode(BYTES(0xf8, 7, 1, 0xfa, 7, 1, 0, 0xf9, 7, 1, 2, 3, 4, 5, 6, 7, 8, 0xfd, 7, 1, 2, 3, 4,
	                         0x20, 3), &c));
	assert_int_equal(c.max_batch_size, 3);
	ASSERT_GOOD(decode(BYTES(0x62, 2, 0x10, 1, 0x62, 2, 0x40, 1), &c));
	assert_int_equal(c.optimization->priority, MC_PRIORITY_MAX);
	assert_true(c.optimization->eager_batching);
	/* A oneof keeps its last member. */
	ASSERT_GOOD(decode(BYTES(0x5a, 0, 0x6a, 0), &c));
	assert_null(c.dynamic_batching);
	assert_non_null(c.sequence_batching);
	/* A map keeps the last value of a key. */
	struct span twice = BYTES(0x52, 6, 0x0a, 1, 'k', 0x12, 1, 'a', 0x52, 6, 0x0a, 1, 'k', 0x12, 1, 'b');
	ASSERT_GOOD(decode(twice, &c));   /* not in place: the text points into the bytes */
	assert_int_equal(c.metric_tags.n, 1);
	assert_true(str_is(c.metric_tags.p[0].value, "b"));
	ASSERT_GOOD(decode((struct span){0, 0}, &c));
	arena_release(&arena);
}

TEST(broken)
{
	struct mc_config c;
	ASSERT_FAILS(decode(BYTES(0x0a, 5, 'm'), &c), CORRUPT,
	             "file: ModelConfig.name at byte 1: a length goes past the end");
	ASSERT_FAILS(decode(BYTES(0x2a, 2, 0x0a, 9), &c), CORRUPT, "ModelConfig.input[0].name at byte 3");
	ASSERT_FAILS(decode(BYTES(0x20, 0x80), &c), CORRUPT, "a number is cut off");
	ASSERT_FAILS(decode(BYTES(0x20, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2), &c), CORRUPT,
	             "longer than 64 bits");
	ASSERT_FAILS(decode(BYTES(0x80), &c), CORRUPT, "a field's tag is cut off");
	ASSERT_FAILS(decode(BYTES(0x02, 0), &c), CORRUPT, "number 0");
	ASSERT_FAILS(decode(BYTES(0x0b), &c), CORRUPT, "the field's wire type");
	ASSERT_FAILS(decode(BYTES(0xfb, 7), &c), CORRUPT, "a group");
	ASSERT_FAILS(decode(BYTES(0xff, 7), &c), CORRUPT, "unknown wire type");
	ASSERT_FAILS(decode(BYTES(0x08, 1), &c), CORRUPT, "the field's wire type is not the one of its kind");
	ASSERT_FAILS(decode(BYTES(0xfd, 7, 1), &c), CORRUPT, "a fixed-size number is cut off");
	ASSERT_FAILS(decode(BYTES(0x6a, 8, 0x12, 6, 0x12, 4, 0x1a, 2, 0, 0), &c), CORRUPT,
	             "fp32_false_true[0] at byte 10: a packed list is not a whole number");
	arena_release(&arena);
}

TEST(memory_limit)
{
	/* Two bytes a message on the wire, a hundred in memory: the arena says stop. */
	struct mc_config c;
	struct buf b;
	buf_init(&b, 1 << 20);
	for (int i = 0; i < 100000; i++)
		buf_add(&b, "\x2a", 2);
	arena_init(&arena, 1 << 20);
	ASSERT_FAILS(decode(buf_span(&b), &c), LIMIT, "ModelConfig.input[");
	buf_release(&b);
	arena_release(&arena);
}

/* A message type of the test that can nest without end, which ModelConfig's cannot. */
struct nest { uint64_t has; struct nest *in; };
extern const struct pb_msg nest_pb;
static const struct pb_field nest_fields[] = {
	{.number = 1, .kind = PB_MESSAGE, .offset = offsetof(struct nest, in), .name = "in", .msg = &nest_pb}};
const struct pb_msg nest_pb = {"Nest", nest_fields, 1, sizeof(struct nest)};

TEST(depth_limit)
{
	struct nest chain[LIMIT_PB_DEPTH + 1] = {0}, out;
	struct buf b;
	buf_init(&b, 1 << 16);
	for (int i = 0; i + 1 < LIMIT_PB_DEPTH; i++)
		chain[i].in = &chain[i + 1];
	ASSERT_GOOD(pb_encode(&nest_pb, &chain[0], &b));
	arena_init(&arena, 1 << 20);
	ASSERT_GOOD(pb_decode(&nest_pb, buf_span(&b), "n", &arena, &out));
	buf_reset(&b);
	chain[LIMIT_PB_DEPTH - 1].in = &chain[LIMIT_PB_DEPTH];
	ASSERT_FAILS(pb_encode(&nest_pb, &chain[0], &b), LIMIT, "nested more than");
	uint8_t deep[2 * 200];
	for (int i = 0; i < 60; i++) {   /* 60 levels fit one-byte lengths; in TINY that is too deep already */
		deep[2 * i] = 0x0a;
		deep[2 * i + 1] = (uint8_t)(2 * (59 - i));
	}
	struct status st = pb_decode(&nest_pb, (struct span){deep, 120}, "n", &arena, &out);
	assert_int_equal(st.code, LIMIT_PB_DEPTH > 60 ? STATUS_OK : STATUS_CORRUPT);
	arena_release(&arena);
	buf_release(&b);
}

/* Any prefix and any flipped bit of a good message either reads or fails, and never more. */
TEST(mutations)
{
	static const uint8_t good[] = {0x0a, 1, 'm', 0x20, 8, 0x2a, 18, 0x0a, 1, 'x', 0x10, 11, 0x22, 11, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 3, 0x52, 6, 0x0a, 1, 'k', 0x12, 1, 'a'};
	struct mc_config c;
	for (size_t n = 0; n <= sizeof good; n++) {
		uint8_t *copy = malloc(n ? n : 1);   /* exact, so that a sanitizer sees the end */
		memcpy(copy, good, n);
		struct status st = decode((struct span){copy, n}, &c);
		for (size_t bit = 0; bit < 8 * n; bit++) {
			copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
			st = decode((struct span){copy, n}, &c);
			copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		assert_true(st.code == STATUS_OK || st.code == STATUS_CORRUPT || st.code == STATUS_LIMIT);
		free(copy);
	}
	arena_release(&arena);
}
