/* fp16 and bf16 in plain C.
 *
 * Conversions round to nearest even, keep NaN a NaN (quiet), infinities and signed zeros, and
 * handle fp16 subnormals. They work on the bits, so they give the same result on every processor;
 * kernels have vector forms that are tested against these. Stateless.
 */
#include "base/half.h"

#include <string.h>

static uint32_t bits_of(float f)
{
	uint32_t u;
	memcpy(&u, &f, sizeof u);
	return u;
}

static float float_of(uint32_t u)
{
	float f;
	memcpy(&f, &u, sizeof f);
	return f;
}

float half_to_f32(uint16_t h)
{
	uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, mantissa = h & 0x3ff;
	if (exponent == 31)
		return float_of(sign | 0x7f800000 | mantissa << 13 | (mantissa ? 0x400000 : 0));
	if (exponent)
		return float_of(sign | (exponent + 112) << 23 | mantissa << 13);
	float f = (float)mantissa * 0x1p-24f;
	return sign ? -f : f;
}

uint16_t half_from_f32(float f)
{
	uint32_t u = bits_of(f), sign = u >> 16 & 0x8000, magnitude = u & 0x7fffffff;
	if (magnitude > 0x7f800000)
		return (uint16_t)(sign | 0x7e00 | (magnitude >> 13 & 0x3ff));
	if (magnitude >= 0x47800000)
		return (uint16_t)(sign | 0x7c00);
	if (magnitude < 0x38800000) {
		/* subnormal or zero: adding this constant makes the hardware round at the right bit */
		float shifted = float_of(magnitude) + 0.5f;
		return (uint16_t)(sign | (bits_of(shifted) - 0x3f000000));
	}
	uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1) - 0x38000000;
	return (uint16_t)(sign | rounded >> 13);
}

float bf16_to_f32(uint16_t b)
{
	return float_of((uint32_t)b << 16);
}

uint16_t bf16_from_f32(float f)
{
	uint32_t u = bits_of(f);
	if ((u & 0x7fffffff) > 0x7f800000)
		return (uint16_t)(u >> 16 | 0x40);
	return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}
