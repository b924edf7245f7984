/* Text helpers for strings with a length: comparing, trimming, and whole-string numbers.
 *
 * The number readers accept exactly one number and nothing else, so callers need no second
 * look. They copy into a small buffer because the library's strtod wants a NUL; anything longer
 * than that buffer is not a number that we take. The hash is FNV-1a mixed at the end; it is for
 * tables in memory, not for files.
 */
#include "base/span.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

bool str_eq_nocase(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

int str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n ? memcmp(a.p, b.p, n) : 0;
	return order ? order : (a.n > b.n) - (a.n < b.n);
}

struct str str_trim(struct str s)
{
	while (s.n && (*s.p == ' ' || *s.p == '\t'))
		s.p++, s.n--;
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

bool str_u64(struct str s, uint64_t *out)
{
	uint64_t v = 0;
	if (!s.n)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			return false;
	}
	*out = v;
	return true;
}

bool str_i64(struct str s, int64_t *out)
{
	uint64_t v;
	bool minus = s.n && *s.p == '-';
	if (minus)
		s.p++, s.n--;
	if (!str_u64(s, &v) || v > (uint64_t)INT64_MAX + minus)
		return false;
	*out = minus ? (int64_t)(0 - v) : (int64_t)v;
	return true;
}

bool str_f64(struct str s, double *out)
{
	char text[64], *end;
	if (!s.n || s.n >= sizeof text || *s.p == ' ' || *s.p == '\t' || *s.p == '\n')
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = 0;
	errno = 0;
	double v = strtod(text, &end);
	if (end != text + s.n || errno == ERANGE)
		return false;
	*out = v;
	return true;
}

uint64_t hash_bytes(const void *p, size_t n, uint64_t seed)
{
	const uint8_t *b = p;
	uint64_t h = seed ^ 0xcbf29ce484222325u;
	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * 0x100000001b3u;
	h ^= h >> 29;
	h *= 0xbf58476d1ce4e5b9u;
	return h ^ h >> 32;
}
