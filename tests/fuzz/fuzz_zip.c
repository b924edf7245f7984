/* Any bytes as a zip file: every member that the directory names is unpacked and lies where it
 * should. */
#include "base/panic.h"
#include "codec/zip.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct arena a;
	struct zip z;
	arena_init(&a, 16 << 20);
	if (!zip_open((struct span){p, n}, &a, &z).code)
		for (uint32_t i = 0; i < z.n; i++) {
			struct span s;
			CHECK(zip_find(&z, z.members[i].name) == &z.members[i]);
			if (!zip_content(&z.members[i], 1 << 20, &a, &s).code) {
				CHECK(s.n == z.members[i].bytes);
				CHECK(z.members[i].deflated || (s.p >= p && s.p + s.n <= p + n));
			}
		}
	arena_release(&a);
	return 0;
}
