/* File descriptors from tables, read back through a table of their own. */
#include "../test.h"

#include "codec/descriptor.h"
#include "codec/grpc_service.h"

#include <string.h>

static const struct descriptor_method methods[] = {
	{"S", "Get", "AskA", "Answer", &gs_model_pb, &gs_infer_pb, false},
	{"S", "Watch", "AskB", "Answer", &gs_model_pb, &gs_infer_pb, true},
	{"Other", "No", "Nothing", "Nothing", &gs_empty_pb, &gs_empty_pb, false},
};

static bool has(const struct buf *b, const char *text)
{
	return memmem(b->p, b->n, text, strlen(text)) != 0;
}

TEST(codec_descriptor_names_messages_methods_and_entries)
{
	struct buf b;
	buf_init(&b, 1 << 20);
	ASSERT_GOOD(descriptor_write("s.proto", "pack", "S", methods, 3, &b));
	/* name = 1: "s.proto", package = 2: "pack" */
	assert_memory_equal(b.p, "\x0a\x07s.proto\x12\x04pack", 15);
	assert_true(has(&b, ".pack.AskA") && has(&b, ".pack.AskB") && has(&b, ".pack.Answer"));
	assert_true(has(&b, "ParametersEntry") && has(&b, ".pack.InferParameter"));
	/* the entry's mark, and both directions of the streaming method */
	assert_true(has(&b, "\x3a\x02\x38\x01") && has(&b, "\x28\x01\x30\x01"));
	assert_true(has(&b, "\x62\x06proto3"));
	assert_false(has(&b, "Nothing"));
	/* a message with the struct of another under its own name, with the same field */
	assert_true(has(&b, "\x0a\x04" "AskB\x12"));
	buf_release(&b);
}

TEST(codec_descriptor_fails_as_the_buffer_fails)
{
	struct buf b;
	buf_init(&b, 64);
	assert_int_equal(descriptor_write("s.proto", "pack", "S", methods, 2, &b).code, STATUS_LIMIT);
	buf_release(&b);
}
