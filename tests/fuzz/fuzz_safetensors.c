/* Any bytes as safetensors: tensors lie in the file and together are its data; a header written
 * for them reads back. */
#include "base/panic.h"
#include "codec/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct arena a;
	struct named_tensor *t;
	struct buf b;
	uint32_t count, again = 0;
	arena_init(&a, 16 << 20);
	buf_init(&b, n * 8 + 4096);
	if (!safetensors_read((struct span){p, n}, &a, &t, &count).code) {
		size_t sum = 0;
		for (uint32_t i = 0; i < count; i++) {
			const uint8_t *data = t[i].tensor.data;
			CHECK(data >= p && data + t[i].tensor.bytes <= p + n);
			sum += t[i].tensor.bytes;
		}
		CHECK(sum <= n);
		if (!safetensors_head(t, count, &b).code) {
			for (uint32_t i = 0; i < count; i++)
				buf_add(&b, t[i].tensor.data, t[i].tensor.bytes);
			struct status st = buf_status(&b);
			if (!st.code)
				st = safetensors_read(buf_span(&b), &a, &t, &again);
			CHECK(st.code ? st.code == STATUS_LIMIT || st.code == STATUS_NO_MEMORY : again == count);
		}
	}
	buf_release(&b);
	arena_release(&a);
	return 0;
}
