/* Any bytes as a .pth file, and any bytes as the pickle in one, whose storages are cut from the
 * same bytes. */
#include "base/panic.h"
#include "codec/pickle.h"
#include "codec/pth.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static struct status storage(void *ctx, struct str key, size_t bytes, struct span *out)
{
	const struct span *s = ctx;
	if (bytes > s->n)
		return FAIL(CORRUPT, "'%.*s' is too long", STR_ARG(key));
	*out = (struct span){s->p, bytes};
	return STATUS_GOOD;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct arena a;
	struct named_tensor *t;
	struct pickle v;
	struct span all = {p, n};
	uint32_t count, sum = 0;
	arena_init(&a, 16 << 20);
	if (!pth_read(all, &a, &t, &count).code)
		for (uint32_t i = 0; i < count; i++) {
			const uint8_t *data = t[i].tensor.data;
			for (size_t k = 0; k < t[i].tensor.bytes; k++)
				sum += data[k];
			for (size_t k = 0; k < t[i].name.n; k++)
				sum += (uint8_t)t[i].name.p[k];
		}
	arena_reset(&a);
	if (!pickle_read(all, &a, storage, &all, &v).code && v.kind == PICKLE_TENSOR && !v.tensor->wrong)
		CHECK(v.tensor->t.bytes <= n);
	arena_release(&a);
	return sum == UINT32_MAX;
}
