/* The kernels of the CPU backend: loops over plain pointers, sizes and strides that know no engine,
 * no graph, no threads.
 *
 * One record of function pointers per instruction set, listed in kernels.def. A kernel allocates
 * nothing, keeps no state and may run on any number of threads at once. Pointers to activations may
 * be unaligned and must not overlap the output unless a kernel says so; packed weights are aligned
 * to 64 bytes. Strides count elements. */
#ifndef NEREID_BACKEND_CPU_KERNELS_KERNELS_H
#define NEREID_BACKEND_CPU_KERNELS_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* Activations that a kernel applies to what it stores. NaN stays NaN. */
enum kernel_act {
	KERNEL_ACT_NONE,
	KERNEL_ACT_LEAKY /* x < 0 ? x * lo : x */,
	KERNEL_ACT_CLIP /* lo..hi */
};

/* Batch-reduce matrix product of one tile:
 *   c[r][j] = act(bias[j] + res[r][j] + sum of a[t * mr + r][i] * b[(t * k + i) * nr + j])
 * for r < rows and j < cols, the sum over t < taps and i < k. */
struct brgemm_f32 {
	/* One pointer to k floats per tap and row; row r of tap t at [t * mr + r]. */
	const float *const *a;
	const float *b;              /* [taps][k][nr], aligned to nr / 2 floats */
	const float *bias;           /* cols floats, or NULL */
	const float *res;            /* or NULL; may be c */
	float *c;
	size_t res_stride, c_stride; /* from row to row */
	uint32_t rows, cols;         /* 1..mr, 1..nr */
	uint32_t taps, k;            /* both may be 0 */
	enum kernel_act act;
	float lo, hi;
	/* A hint: while it runs, the tile prefetches taps * k * ahead_step bytes from `ahead` into
	 * the second-level cache. */
	const char *ahead;           /* any address, NULL too */
	size_t ahead_step;
};
typedef void kernel_brgemm_f32_fn(const struct brgemm_f32 *t);
/* The same for 1 to 3 rows, one tap and any number of columns, whose panels lie panel_floats apart.
 * Each sum goes along the reduction from its start, as in tiles of four rows or more. */
typedef void kernel_brgemm_strip_f32_fn(const struct brgemm_f32 *t, size_t panel_floats);

/* Element-wise, y may be x. LEAKY_RELU: v < 0 ? v * lo : v. CLIP: lo..hi. HARD_SIGMOID: v * lo +
 * hi, cut to 0..1. SCALE_SHIFT: v * lo + hi. GELU is the exact one (erf), GELU_TANH its
 * approximation. */
enum kernel_unary {
	KERNEL_RELU,
	KERNEL_LEAKY_RELU,
	KERNEL_CLIP,
	KERNEL_SIGMOID,
	KERNEL_TANH,
	KERNEL_HARD_SIGMOID,
	KERNEL_HARD_SWISH,
	KERNEL_GELU,
	KERNEL_GELU_TANH,
	KERNEL_ERF,
	KERNEL_EXP,
	KERNEL_SQRT,
	KERNEL_NEG,
	KERNEL_SCALE_SHIFT,
};
typedef void kernel_unary_f32_fn(
	enum kernel_unary op, const float *x, float *y, size_t n, float lo, float hi);

enum kernel_binary {
	KERNEL_ADD,
	KERNEL_SUB,
	KERNEL_MUL,
	KERNEL_DIV,
	KERNEL_MAX,
	KERNEL_MIN,
	KERNEL_POW
};
/* y[r][i] = op(a[r * a_row + i * a_step], b[r * b_row + i * b_step]); steps are 0 or 1. y may be a
 * or b where that one's elements lie as y's. MAX and MIN keep NaN. */
struct binary_f32 {
	const float *a, *b;
	float *y;
	size_t rows, n;
	size_t a_row, b_row, y_row;
	uint32_t a_step, b_step;
};
typedef void kernel_binary_f32_fn(enum kernel_binary op, const struct binary_f32 *t);

/* y[i] = max over the taps of p[tap][i], i < n; 1 tap or more. */
typedef void kernel_window_max_f32_fn(const float *const *p, uint32_t taps, float *y, size_t n);
/* y[i] = scale * sum over the taps. */
typedef void kernel_window_sum_f32_fn(
	const float *const *p, uint32_t taps, float *y, size_t n, float scale);
/* y[i] = scale * sum over the rows of x[r * x_row + i]. */
typedef void kernel_rows_sum_f32_fn(
	const float *x, size_t rows, size_t x_row, float *y, size_t n, float scale);
typedef float kernel_row_sum_f32_fn(const float *x, size_t n);

/* One row, n >= 1; y may be x. */
typedef void kernel_softmax_f32_fn(const float *x, float *y, size_t n);
typedef void kernel_log_softmax_f32_fn(const float *x, float *y, size_t n);
/* (x - mean) / sqrt(variance + epsilon) * scale + bias (NULL: 0); mean and 1 / sqrt(...) go to
 * *mean, *inv. */
typedef void kernel_layer_norm_f32_fn(const float *x, const float *scale, const float *bias,
	float *y, size_t n, float epsilon, float *mean, float *inv);

/* y[c * y_row + r] = x[r * x_row + c]: any 4-byte elements; bits are kept. */
typedef void kernel_transpose_32_fn(
	const float *x, size_t rows, size_t cols, size_t x_row, float *y, size_t y_row);

typedef void kernel_f32_from_f16_fn(const uint16_t *x, float *y, size_t n);
typedef void kernel_f16_from_f32_fn(const float *x, uint16_t *y, size_t n);
typedef void kernel_f32_from_bf16_fn(const uint16_t *x, float *y, size_t n);
typedef void kernel_bf16_from_f32_fn(const float *x, uint16_t *y, size_t n);

/* Depthwise: c[r][i] = act(bias[i] + res[r][i] + sum over taps of a[tap * 4 + r][i] * w[tap * n +
 * i]) for r < rows <= 4 and first <= i < last <= n. */
struct depthwise_f32 {
	const float *const *a;
	const float *w;
	const float *bias, *res;     /* or NULL */
	float *c;
	size_t res_stride, c_stride, n, first, last;
	uint32_t rows, taps;
	enum kernel_act act;
	float lo, hi;
};
typedef void kernel_depthwise_f32_fn(const struct depthwise_f32 *t);

/* Winograd's F(4x4, 3x3). In: v[i * v_step + c] for i < 36 from the 6x6 pixels p[36] of n channels
 * each. Filter: u[i * u_step + j] from the taps w[tap * w_step + j], j < n, which is a multiple of
 * nr / 2. Out: rows x cols (1..4) pixels at c, from the 36 products
 * m[i * m_step + c]. conv_winograd.c has the points. */
typedef void kernel_winograd_filter_f32_fn(
	const float *w, size_t w_step, float *u, size_t u_step, size_t n);
typedef void kernel_winograd_in_f32_fn(const float *const *p, float *v, size_t v_step, size_t n);
struct winograd_out_f32 {
	const float *m;
	const float *bias, *res;     /* or NULL */
	float *c;
	size_t m_step, n;
	size_t res_stride, res_line, c_stride, c_line; /* from pixel to pixel, from line to line */
	uint32_t rows, cols;
	enum kernel_act act;
	float lo, hi;
};
typedef void kernel_winograd_out_f32_fn(const struct winograd_out_f32 *t);

struct kernels {
	const char *isa;             /* "c", "avx2", "avx512" */
	uint32_t brgemm_mr, brgemm_nr;
#define X(field, c, avx2, avx512) kernel_##field##_fn *field;
#include "backend/cpu/kernels/kernels.def"
#undef X
};
/* The fastest kernels that cpu_flags() allows. Weights packed for one record fit no other. */
const struct kernels *kernels_now(void);

enum { KERNEL_MR_MAX = 14, KERNEL_NR_MAX = 32, KERNEL_ALIGN = 64 };

#define X(field, c, avx2, avx512)                     \
	kernel_##field##_fn kernel_##field##_##c##_c; \
	kernel_##field##_fn kernel_##field##_##avx2##_avx2; \
	kernel_##field##_fn kernel_##field##_##avx512##_avx512;
#include "backend/cpu/kernels/kernels.def"
#undef X

#endif
