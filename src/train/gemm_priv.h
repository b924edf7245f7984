/* Two matrix products for training, fp32, row-major, and Adam's update, chosen by instruction set. k is summed in one fixed
 * order for any split of rows or columns, so results do not depend on the number of threads. Pointers may be unaligned. */
#ifndef NEREID_TRAIN_GEMM_PRIV_H
#define NEREID_TRAIN_GEMM_PRIV_H

#include <stddef.h>
#include <stdint.h>

/* c[m][n] = a[m][k] * transpose(b[n][k]); lda, ldb, ldc are row lengths in elements. */
typedef void train_gemm_nt_fn(uint32_t m, uint32_t n, uint32_t k, const float *a, uint32_t lda,
                              const float *b, uint32_t ldb, float *c, uint32_t ldc);
/* c[m][n] = transpose(a[k][m]) * b[k][n]. */
typedef void train_gemm_tn_fn(uint32_t m, uint32_t n, uint32_t k, const float *a, uint32_t lda,
                              const float *b, uint32_t ldb, float *c, uint32_t ldc);
/* One step of Adam (Kingma and Ba 2015, algorithm 1) on n parameters: w, gradient g, first and
 * second moments m and v. rate is lr / (1 - beta1^t), root 1 / sqrt(1 - beta2^t), as in PyTorch. */
struct adam_rates { float rate, root, beta1, beta2, epsilon; };
typedef void train_adam_fn(uint32_t n, float *w, const float *g, float *m, float *v,
                           struct adam_rates r);

struct train_kernels { train_gemm_nt_fn *nt; train_gemm_tn_fn *tn; train_adam_fn *adam; };
extern const struct train_kernels train__kernels_c, train__kernels_avx2, train__kernels_avx512;
/* The best that the processor, less the mask, can run. */
const struct train_kernels *train__kernels(void);

#endif
