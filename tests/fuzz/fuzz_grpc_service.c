/* Any bytes as messages of the gRPC service: what decodes is encoded again, and is then the same
 * bytes each time. */
#include "base/panic.h"
#include "codec/grpc_service.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void try(const struct pb_msg *m, struct span in)
{
	_Alignas(16) uint8_t first[1024], second[1024];
	struct arena a;
	struct buf b, again;
	CHECK(m->size <= sizeof first);
	arena_init(&a, 16 << 20);
	buf_init(&b, 16 << 20);
	buf_init(&again, 16 << 20);
	if (!pb_decode(m, in, "the input", &a, first).code && !pb_encode(m, first, &b).code) {
		CHECK(!pb_decode(m, buf_span(&b), "ours", &a, second).code);
		CHECK(!pb_encode(m, second, &again).code);
		CHECK(b.n == again.n && (!b.n || !memcmp(b.p, again.p, b.n)));
	}
	buf_release(&b);
	buf_release(&again);
	arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const struct pb_msg *const messages[] = {
		&gs_infer_pb, &gs_model_pb, &gs_index_pb, &gs_load_pb, &gs_region_pb, &gs_cuda_register_pb,
		&gs_trace_pb, &gs_log_pb, &gs_reflect_pb, &gs_inferred_pb, &gs_model_config_pb,
	};
	if (n)
		try(messages[*p % (sizeof messages / sizeof *messages)], (struct span){p + 1, n - 1});
	return 0;
}
