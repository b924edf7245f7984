/* fp32 to and from fp16 and bf16: included by convert_<isa>.c. Round to nearest even; NaN stays
 * NaN.
 *
 * fp16 uses the processor's conversions where it has them, else base/half.h; bf16 is the upper half
 * of an fp32, so whole vectors of integers do. */
#include "backend/cpu/kernels/kernels.h"
#include "backend/cpu/kernels/vec.h"
#include "base/half.h"

typedef uint32_t vu __attribute__((vector_size(VL * 4)));
typedef uint16_t vh __attribute__((vector_size(VL * 2)));
typedef uint16_t vh_any __attribute__((vector_size(VL * 2), aligned(2), may_alias));

void KERNEL(f32_from_f16, row)(const uint16_t *x, float *y, size_t n)
{
	size_t i = 0;

#if defined(__AVX512F__)
	for (; i + VL <= n; i += VL)
		_mm512_storeu_ps(
			y + i, _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(x + i))));
#elif defined(__F16C__)
	for (; i + VL <= n; i += VL)
		_mm256_storeu_ps(y + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(x + i))));
#endif
	for (; i < n; i++)
		y[i] = half_to_f32(x[i]);
}

void KERNEL(f16_from_f32, row)(const float *x, uint16_t *y, size_t n)
{
	size_t i = 0;

#if defined(__AVX512F__)
	for (; i + VL <= n; i += VL)
		_mm256_storeu_si256((__m256i *)(y + i),
			_mm512_cvtps_ph(_mm512_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT));
#elif defined(__F16C__)
	for (; i + VL <= n; i += VL)
		_mm_storeu_si128((__m128i *)(y + i),
			_mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT));
#endif
	for (; i < n; i++)
		y[i] = half_from_f32(x[i]);
}

void KERNEL(f32_from_bf16, row)(const uint16_t *x, float *y, size_t n)
{
	size_t i = 0;

	for (; i + VL <= n; i += VL) {
		vu v = __builtin_convertvector(*(const vh_any *)(x + i), vu) << 16;

		v_store(y + i, (vf)v);
	}
	for (; i < n; i++)
		y[i] = bf16_to_f32(x[i]);
}

void KERNEL(bf16_from_f32, row)(const float *x, uint16_t *y, size_t n)
{
	size_t i = 0;

	for (; i + VL <= n; i += VL) {
		vf f = v_load(x + i);
		vu u = (vu)f, rounded = (u + 0x7fff + (u >> 16 & 1)) >> 16, quiet = u >> 16 | 0x40;
		vf out = v_pick(f != f, (vf)quiet, (vf)rounded);

		*(vh_any *)(y + i) = __builtin_convertvector((vu)out, vh);
	}
	for (; i < n; i++)
		y[i] = bf16_from_f32(x[i]);
}
