/* Counting and printing the shapes of concrete tensors.
 *
 * Sizes come from files and requests, so every product is checked. A tensor owns nothing, and
 * these functions keep nothing. Text goes to a buffer of the caller and always ends in NUL, cut
 * when it does not fit. Shapes with symbols are ir's matter, not this file's.
 */
#include "base/tensor.h"

#include "base/panic.h"

#include <inttypes.h>
#include <stdio.h>

bool tensor_elements(const struct tensor *t, int64_t *out)
{
	int64_t n = 1;
	CHECK(t->rank <= TENSOR_RANK_MAX);
	for (uint32_t i = 0; i < t->rank; i++)
		if (t->dims[i] < 0)
			return false;
	for (uint32_t i = 0; i < t->rank; i++)
		if (t->dims[i] == 0) {
			*out = 0;
			return true;
		}
	for (uint32_t i = 0; i < t->rank; i++)
		if (__builtin_mul_overflow(n, t->dims[i], &n))
			return false;
	*out = n;
	return true;
}

char *tensor_shape_text(const int64_t *dims, uint32_t rank, char *text, size_t n)
{
	size_t at = 0;
	CHECK(n > 0);
	text[0] = 0;
	for (uint32_t i = 0; i <= rank; i++) {
		int more;
		if (i == rank)
			more = snprintf(text + at, n - at, rank ? "]" : "[]");
		else
			more = snprintf(text + at, n - at, "%s%" PRId64, i ? "," : "[", dims[i]);
		at += more > 0 ? (size_t)more : 0;
		if (at >= n)
			break;
	}
	return text;
}
