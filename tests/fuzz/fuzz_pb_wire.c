/* Any bytes as a ModelConfig message: read, and what was read is written and read again to the
 * same. */
#include "base/panic.h"
#include "codec/model_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct arena a;
	struct mc_config c, d;
	struct buf b, b2;
	arena_init(&a, 4 << 20);
	buf_init(&b, 4 << 20);
	buf_init(&b2, 4 << 20);
	struct status st = pb_decode(&mc_config_pb, (struct span){p, n}, "fuzz", &a, &c);
	if (!st.code && !pb_encode(&mc_config_pb, &c, &b).code) {
		st = pb_decode(&mc_config_pb, buf_span(&b), "again", &a, &d);
		CHECK(st.code == STATUS_OK || st.code == STATUS_LIMIT);
		if (!st.code) {
			CHECK(pb_encode(&mc_config_pb, &d, &b2).code == STATUS_OK);
			CHECK(str_eq(buf_text(&b), buf_text(&b2)));
		}
	}
	buf_release(&b);
	buf_release(&b2);
	arena_release(&a);
	return 0;
}
