/* The service's messages against bytes as protoc's encoders write them. */
#include "../test.h"

#include "codec/grpc_service.h"

#include <string.h>

/* model_name "m", id "7", parameters {"p": int64 5}, one input "i" FP32 [1,-1], raw "ab" */
static const uint8_t infer[] = {
	0x0a, 1, 'm', 0x1a, 1, '7', 0x22, 7, 0x0a, 1, 'p', 0x12, 2, 0x10, 5,
	0x2a, 22, 0x0a, 1, 'i', 0x12, 4, 'F', 'P', '3', '2', 0x1a, 11, 1, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 1, 0x3a, 2, 'a', 'b',
};

TEST(codec_grpc_service_reads_and_writes_a_request)
{
	struct arena a;
	struct gs_infer x;
	struct buf b;
	arena_init(&a, 1 << 20);
	buf_init(&b, 1 << 16);
	ASSERT_GOOD(pb_decode(&gs_infer_pb, (struct span){infer, sizeof infer}, "a test", &a, &x));
	assert_true(str_is(x.model_name, "m") && !x.model_version.n && str_is(x.id, "7"));
	assert_int_equal(x.parameters.n, 1);
	assert_true(PB_IS_SET(x.parameters.p[0].value, gs_parameter, int64_param));
	assert_int_equal(x.parameters.p[0].value->int64_param, 5);
	assert_int_equal(x.inputs.n, 1);
	assert_true(x.inputs.p[0].shape.n == 2 && x.inputs.p[0].shape.p[1] == -1);
	assert_true(x.raw_input_contents.n == 1 && x.raw_input_contents.p[0].n == 2);
	ASSERT_GOOD(pb_encode(&gs_infer_pb, &x, &b));
	assert_int_equal(b.n, sizeof infer);
	assert_memory_equal(b.p, infer, sizeof infer);
	buf_release(&b);
	arena_release(&a);
}

TEST(codec_grpc_service_writes_a_parameter_that_is_false)
{
	struct buf b;
	struct gs_parameter no = {0};
	PB_SET(&no, gs_parameter, bool_param, false);
	buf_init(&b, 1 << 16);
	ASSERT_GOOD(pb_encode(&gs_parameter_pb, &no, &b));
	assert_int_equal(b.n, 2);
	assert_memory_equal(b.p, "\x08\0", 2);
	buf_release(&b);
}
