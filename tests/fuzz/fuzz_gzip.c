/* Any bytes as gzip, into buffers that are too small and large enough: never more than the limit,
 * and the same content; likewise as a request's body. */
#include "base/panic.h"
#include "codec/gzip.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct buf large, exact;
	buf_init(&large, 1 << 20);
	struct status st = gzip_unpack((struct span){p, n}, &large);
	CHECK(large.n <= 1 << 20);
	if (!st.code) {
		buf_init(&exact, large.n);
		CHECK(!gzip_unpack((struct span){p, n}, &exact).code);
		CHECK(exact.n == large.n && (!exact.n || !memcmp(exact.p, large.p, exact.n)));
		buf_release(&exact);
		if (large.n) {
			buf_init(&exact, large.n - 1);
			CHECK(gzip_unpack((struct span){p, n}, &exact).code == STATUS_LIMIT);
			buf_release(&exact);
		}
	}
	struct arena a;
	arena_init(&a, 1 << 20);
	buf_reset(&large);
	bool any = !gzip_unpack_any((struct span){p, n}, 1000, &a, &large).code;
	CHECK(large.n <= 1000 && !a.used_bytes && (any || st.code || large.n == 1000));
	arena_release(&a);
	buf_release(&large);
	return 0;
}
