/* Graph sections of plans from arbitrary bytes: what is read passes ir_verify, and inference and
 * memory planning survive it. */
#include "base/panic.h"
#include "plan/memory.h"
#include "plan/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static const uint8_t weights[4096];

static const void *bytes_of(void *ctx, struct stream_place at, uint64_t bytes)
{
	(void)ctx;
	return at.section < 2 && at.offset <= sizeof weights && bytes <= sizeof weights - at.offset ? weights + at.offset : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct arena a;
	struct ir_graph *g;
	struct memory_plan m;
	arena_init(&a, 256u << 20);
	if (!stream_read((struct span){p, n}, bytes_of, 0, &a, &g).code) {
		CHECK(ir_verify(g).code == STATUS_OK);
		if (!ir_infer(g).code)
			CHECK(memory_plan(g, 1, &a, &m).code != STATUS_INTERNAL);
	}
	arena_release(&a);
	return 0;
}
