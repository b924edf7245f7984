/* A fuzz target that must fail: it holds a bug that the fuzzer has to find within seconds. When it
 * is not found, fuzzing is broken. */
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	if (n >= 2 && p[0] == 'N' && p[1] == 'D')
		__builtin_trap();
	return 0;
}
