/* Random numbers: xoshiro256** (Blackman and Vigna, 2018) seeded by splitmix64, and the system's
 * for secrets.
 *
 * A struct rand is a plain value that one thread owns; the same seed gives the same stream on
 * every machine, which training and the property tests depend on. Normal numbers come from
 * Marsaglia's polar method. Not for secrets: those use rand_system.
 */
#include "base/rand.h"

#include "base/panic.h"

#include <errno.h>
#include <math.h>
#include <sys/random.h>

static uint64_t rotate(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

void rand_seed(struct rand *r, uint64_t seed)
{
	for (int i = 0; i < 4; i++) {
		uint64_t z = seed += 0x9e3779b97f4a7c15u;
		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
		z = (z ^ z >> 27) * 0x94d049bb133111ebu;
		r->s[i] = z ^ z >> 31;
	}
}

uint64_t rand_u64(struct rand *r)
{
	uint64_t *s = r->s, out = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return out;
}

uint64_t rand_below(struct rand *r, uint64_t n)
{
	CHECK(n > 0);
	uint64_t limit = UINT64_MAX - UINT64_MAX % n, v;
	do
		v = rand_u64(r);
	while (v >= limit);
	return v % n;
}

double rand_f64(struct rand *r)
{
	return (double)(rand_u64(r) >> 11) * 0x1p-53;
}

float rand_f32(struct rand *r, float lo, float hi)
{
	return lo + (hi - lo) * (float)rand_f64(r);
}

float rand_normal(struct rand *r)
{
	double x, y, s;
	do {
		x = 2 * rand_f64(r) - 1;
		y = 2 * rand_f64(r) - 1;
		s = x * x + y * y;
	} while (s >= 1 || s == 0);
	return (float)(x * sqrt(-2 * log(s) / s));
}

void rand_system(void *p, size_t n)
{
	uint8_t *b = p;
	while (n) {
		ssize_t got = getrandom(b, n, 0);
		CHECK(got > 0 || errno == EINTR);
		if (got > 0)
			b += got, n -= (size_t)got;
	}
}
