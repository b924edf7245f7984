/* One vector type for all instruction sets: `vf` holds VL floats, where VL follows from what this
 * file is compiled for. Kernels are written once over these few operations (in <family>_tmpl.h) and
 * compiled once per instruction set (in <family>_c.c, _avx2.c, _avx512.c). Written with GCC's
 * vector extensions, which clang has too, and intrinsics where the language has no word for it. */
#ifndef NEREID_BACKEND_CPU_KERNELS_VEC_H
#define NEREID_BACKEND_CPU_KERNELS_VEC_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define VL 16
#define ISA avx512
#elif defined(__AVX2__)
#define VL 8
#define ISA avx2
#else
#define VL 4
#define ISA c
#endif
#define VEC_PASTE_(a, b, c) a##_##b##_##c
#define VEC_PASTE(a, b, c) VEC_PASTE_(a, b, c)
/* KERNEL(softmax_f32, row) is kernel_softmax_f32_row_avx512 where compiled for AVX-512. */
#define KERNEL(op, tile) VEC_PASTE(kernel_##op, tile, ISA)
#define INLINE static inline __attribute__((always_inline, unused))

typedef float vf __attribute__((vector_size(VL * 4)));
typedef int32_t vi __attribute__((vector_size(VL * 4)));
typedef float vf_any __attribute__((vector_size(VL * 4), aligned(4), may_alias));

INLINE vf v_load(const float *p) { return *(const vf_any *)p; }
INLINE void v_store(float *p, vf v) { *(vf_any *)p = v; }
INLINE vi v_bits(vf v) { return (vi)v; }
INLINE vf v_from_bits(vi v) { return (vf)v; }

#if defined(__AVX512F__)
INLINE vf v_set(float x) { return (vf)_mm512_set1_ps(x); }
/* b where either is NaN, as the instruction does. */
INLINE vf v_max(vf a, vf b) { return (vf)_mm512_max_ps((__m512)a, (__m512)b); }
INLINE vf v_min(vf a, vf b) { return (vf)_mm512_min_ps((__m512)a, (__m512)b); }
INLINE vf v_sqrt(vf a) { return (vf)_mm512_sqrt_ps((__m512)a); }
INLINE vf v_round(vf a)
{
	return (vf)_mm512_roundscale_ps((__m512)a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
INLINE vi v_to_int(vf a) { return (vi)_mm512_cvtps_epi32((__m512)a); }
INLINE vf v_pick(vi mask, vf yes, vf no)
{
	return (vf)_mm512_mask_mov_ps((__m512)no, _mm512_movepi32_mask((__m512i)mask), (__m512)yes);
}
/* The first n lanes, 0..VL; the others read nothing and are 0. */
INLINE vf v_load_n(const float *p, size_t n)
{
	return (vf)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
}
INLINE void v_store_n(float *p, vf v, size_t n)
{
	_mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
}
#elif defined(__AVX2__)
INLINE vf v_set(float x) { return (vf)_mm256_set1_ps(x); }
INLINE vf v_max(vf a, vf b) { return (vf)_mm256_max_ps((__m256)a, (__m256)b); }
INLINE vf v_min(vf a, vf b) { return (vf)_mm256_min_ps((__m256)a, (__m256)b); }
INLINE vf v_sqrt(vf a) { return (vf)_mm256_sqrt_ps((__m256)a); }
INLINE vf v_round(vf a)
{
	return (vf)_mm256_round_ps((__m256)a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
INLINE vi v_to_int(vf a) { return (vi)_mm256_cvtps_epi32((__m256)a); }
INLINE vf v_pick(vi mask, vf yes, vf no)
{
	return (vf)_mm256_blendv_ps((__m256)no, (__m256)yes, (__m256)mask);
}
INLINE __m256i v_lanes(size_t n)
{
	return _mm256_cmpgt_epi32(
		_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
INLINE vf v_load_n(const float *p, size_t n) { return (vf)_mm256_maskload_ps(p, v_lanes(n)); }
INLINE void v_store_n(float *p, vf v, size_t n)
{
	if (n == VL)
		v_store(p, v);
	else
		_mm256_maskstore_ps(p, v_lanes(n), (__m256)v);
}
#else
INLINE vf v_set(float x) { return (vf){x, x, x, x}; }
INLINE vf v_pick(vi mask, vf yes, vf no) { return (vf)((mask & (vi)yes) | (~mask & (vi)no)); }
INLINE vf v_max(vf a, vf b) { return v_pick(a > b, a, b); }
INLINE vf v_min(vf a, vf b) { return v_pick(a < b, a, b); }
INLINE vf v_sqrt(vf a)
{
	return (vf){__builtin_sqrtf(a[0]), __builtin_sqrtf(a[1]), __builtin_sqrtf(a[2]),
		__builtin_sqrtf(a[3])};
}
/* To the nearest integer, ties to even, for |a| < 2^22. */
INLINE vf v_round(vf a)
{
	vf magic = v_set(12582912.0f);

	return (a + magic) - magic;
}
INLINE vi v_to_int(vf a) { return __builtin_convertvector(v_round(a), vi); }
INLINE vf v_load_n(const float *p, size_t n)
{
	vf v = {0};

	memcpy(&v, p, n * sizeof *p);
	return v;
}
INLINE void v_store_n(float *p, vf v, size_t n) { memcpy(p, &v, n * sizeof *p); }
#endif

INLINE vf v_abs(vf a) { return v_from_bits(v_bits(a) & 0x7fffffff); }
INLINE float v_sum(vf v)
{
	float s[VL];

	v_store(s, v);
	for (int w = VL / 2; w > 0; w /= 2)
		for (int i = 0; i < w; i++)
			s[i] += s[i + w];
	return s[0];
}
/* The first n lanes of v, and `fill` in the others. */
INLINE vf v_fill(vf v, size_t n, float fill)
{
	float s[VL];

	v_store(s, v);
	for (size_t i = n; i < VL; i++)
		s[i] = fill;
	return v_load(s);
}
/* The largest lane; NaN where there is one. */
INLINE float v_largest(vf v)
{
	float s[VL], m;

	v_store(s, v);
	m = s[0];
	for (int i = 1; i < VL; i++)
		m = s[i] > m || s[i] != s[i] ? s[i] : m;
	return m;
}

#endif
