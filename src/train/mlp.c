/* Forward, backward and update of the two-layer perceptron.
 *
 * The two large products, x * w1^T forward and dh^T * x backward, are split over the pool by
 * blocks of hidden units; each block of backward goes straight on to Adam while its gradients are
 * in the cache. The rest is a few thousand operations and runs on the caller. Sums run in one
 * order whatever the thread count, so a seed gives the same weights on any number of threads.
 * Nothing here allocates after mlp_init. Loss and gradient follow Bishop, Pattern Recognition,
 * 5.3.
 */
#include "train/mlp.h"

#include "base/mem.h"
#include "base/panic.h"
#include "train/gemm_priv.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 16 }; /* hidden units a task */

struct work {
	struct mlp *net;
	const struct train_kernels *k;
	const float *x;
	uint32_t batch;
	const struct adam_rates *adam; /* NULL: gradients only */
};

struct status mlp_init(struct mlp *n, uint32_t in, uint32_t hidden, uint32_t out,
                       uint32_t batch_max)
{
	memset(n, 0, sizeof *n);
	if (!in || !hidden || !out || hidden > MLP_HIDDEN_MAX || out > MLP_OUT_MAX)
		return FAIL(INVALID_ARG, "a perceptron of %u-%u-%u units: sizes must be at least 1, "
		            "hidden at most %d, outputs at most %d", in, hidden, out,
		            MLP_HIDDEN_MAX, MLP_OUT_MAX);
	if (!batch_max || batch_max > MLP_BATCH_MAX)
		return FAIL(INVALID_ARG, "batch size %u: give 1 to %d", batch_max, MLP_BATCH_MAX);
	n->in = in;
	n->hidden = hidden;
	n->out = out;
	n->batch_max = batch_max;
	n->n_params = (size_t)hidden * in + hidden + (size_t)out * hidden + out;
	size_t floats = 4 * n->n_params + (size_t)batch_max * (2 * hidden + out);
	n->params = mem_zero(floats * sizeof(float));
	if (!n->params)
		return FAIL(NO_MEMORY, "no memory for a perceptron of %zu parameters", n->n_params);
	n->grads = n->params + n->n_params;
	n->moment1 = n->grads + n->n_params;
	n->moment2 = n->moment1 + n->n_params;
	n->h = n->moment2 + n->n_params;
	n->dh = n->h + (size_t)batch_max * hidden;
	n->logits = n->dh + (size_t)batch_max * hidden;
	n->w1 = n->params;
	n->b1 = n->w1 + (size_t)hidden * in;
	n->w2 = n->b1 + hidden;
	n->b2 = n->w2 + (size_t)out * hidden;
	return STATUS_GOOD;
}

void mlp_release(struct mlp *n)
{
	mem_free(n->params);
	memset(n, 0, sizeof *n);
}

void mlp_randomize(struct mlp *n, struct rand *r)
{
	float bound1 = 1 / sqrtf((float)n->in), bound2 = 1 / sqrtf((float)n->hidden);
	for (float *p = n->w1; p < n->w2; p++)
		*p = rand_f32(r, -bound1, bound1);
	for (float *p = n->w2; p < n->params + n->n_params; p++)
		*p = rand_f32(r, -bound2, bound2);
	memset(n->moment1, 0, 2 * n->n_params * sizeof *n->moment1);
	n->steps = 0;
}

static uint32_t block_count(const struct mlp *n)
{
	return (n->hidden + BLOCK - 1) / BLOCK;
}

static uint32_t block_units(const struct mlp *n, uint32_t at)
{
	return n->hidden - at < BLOCK ? n->hidden - at : BLOCK;
}

/* h[:, block] = relu(x * w1[block]^T + b1[block]) */
static void forward_block(void *ctx, uint32_t task, uint32_t thread)
{
	struct work *w = ctx;
	struct mlp *n = w->net;
	uint32_t at = task * BLOCK, units = block_units(n, at);
	(void)thread;
	w->k->nt(w->batch, units, n->in, w->x, n->in, n->w1 + (size_t)at * n->in, n->in,
	         n->h + at, n->hidden);
	for (uint32_t s = 0; s < w->batch; s++) {
		float *row = n->h + (size_t)s * n->hidden + at;
		for (uint32_t u = 0; u < units; u++) {
			float v = row[u] + n->b1[at + u];
			row[u] = v > 0 ? v : 0;
		}
	}
}

const float *mlp_forward(struct mlp *n, const float *x, uint32_t batch, struct pool *p)
{
	CHECK(batch >= 1 && batch <= n->batch_max);
	struct work w = {n, train__kernels(), x, batch, 0};
	pool_run(p, block_count(n), forward_block, &w);
	w.k->nt(batch, n->out, n->hidden, n->h, n->hidden, n->w2, n->hidden, n->logits, n->out);
	for (uint32_t s = 0; s < batch; s++)
		for (uint32_t c = 0; c < n->out; c++)
			n->logits[(size_t)s * n->out + c] += n->b2[c];
	return n->logits;
}

/* logits become d loss / d logits = (softmax - one hot) / batch; returns the mean loss. */
static double cross_entropy(struct mlp *n, const uint8_t *labels, uint32_t batch)
{
	double loss = 0;
	for (uint32_t s = 0; s < batch; s++) {
		float *row = n->logits + (size_t)s * n->out, max = row[0], sum = 0;
		CHECK(labels[s] < n->out);
		for (uint32_t c = 1; c < n->out; c++)
			max = row[c] > max ? row[c] : max;
		float own = row[labels[s]] - max;
		for (uint32_t c = 0; c < n->out; c++) {
			row[c] = expf(row[c] - max);
			sum += row[c];
		}
		loss += log(sum) - own;
		for (uint32_t c = 0; c < n->out; c++)
			row[c] = (row[c] / sum - (c == labels[s])) / (float)batch;
	}
	return loss / batch;
}

/* dh = dlogits * w2, and zero where the unit was off. */
static void backward_hidden(struct mlp *n, uint32_t batch)
{
	for (uint32_t s = 0; s < batch; s++) {
		float *dh = n->dh + (size_t)s * n->hidden;
		const float *h = n->h + (size_t)s * n->hidden;
		const float *d = n->logits + (size_t)s * n->out;
		memset(dh, 0, n->hidden * sizeof *dh);
		for (uint32_t c = 0; c < n->out; c++) {
			const float *w = n->w2 + (size_t)c * n->hidden;
			for (uint32_t u = 0; u < n->hidden; u++)
				dh[u] += d[c] * w[u];
		}
		for (uint32_t u = 0; u < n->hidden; u++)
			dh[u] = h[u] > 0 ? dh[u] : 0;
	}
}

static void sum_rows(const float *x, uint32_t rows, uint32_t ld, uint32_t n, float *out)
{
	memset(out, 0, n * sizeof *out);
	for (uint32_t r = 0; r < rows; r++)
		for (uint32_t i = 0; i < n; i++)
			out[i] += x[(size_t)r * ld + i];
}

static void adam_range(struct work *w, size_t at, size_t count)
{
	struct mlp *n = w->net;
	w->k->adam((uint32_t)count, n->params + at, n->grads + at, n->moment1 + at,
	           n->moment2 + at, *w->adam);
}

/* Gradient of w1[block] and b1[block], and their update. */
static void backward_block(void *ctx, uint32_t task, uint32_t thread)
{
	struct work *w = ctx;
	struct mlp *n = w->net;
	uint32_t at = task * BLOCK, units = block_units(n, at);
	size_t b1 = (size_t)n->hidden * n->in;
	(void)thread;
	w->k->tn(units, n->in, w->batch, n->dh + at, n->hidden, w->x, n->in,
	         n->grads + (size_t)at * n->in, n->in);
	sum_rows(n->dh + at, w->batch, n->hidden, units, n->grads + b1 + at);
	if (w->adam) {
		adam_range(w, (size_t)at * n->in, (size_t)units * n->in);
		adam_range(w, b1 + at, units);
	}
}

static double descend(struct mlp *n, const float *x, const uint8_t *labels, uint32_t batch,
                      const struct adam_rates *adam, struct pool *p)
{
	struct work w = {n, train__kernels(), x, batch, adam};
	size_t w2 = (size_t)(n->w2 - n->params), b2 = (size_t)(n->b2 - n->params);
	mlp_forward(n, x, batch, p);
	double loss = cross_entropy(n, labels, batch);
	w.k->tn(n->out, n->hidden, batch, n->logits, n->out, n->h, n->hidden, n->grads + w2,
	        n->hidden);
	sum_rows(n->logits, batch, n->out, n->out, n->grads + b2);
	backward_hidden(n, batch);
	if (adam)
		adam_range(&w, w2, n->n_params - w2);
	pool_run(p, block_count(n), backward_block, &w);
	return loss;
}

double mlp_gradient(struct mlp *n, const float *x, const uint8_t *labels, uint32_t batch,
                    struct pool *p)
{
	return descend(n, x, labels, batch, 0, p);
}

double mlp_step(struct mlp *n, const float *x, const uint8_t *labels, uint32_t batch,
                struct adam_options o, struct pool *p)
{
	double t = (double)++n->steps;
	struct adam_rates r = {
		.rate = (float)(o.rate / (1 - pow(o.beta1, t))),
		.root = (float)(1 / sqrt(1 - pow(o.beta2, t))),
		.beta1 = o.beta1, .beta2 = o.beta2, .epsilon = o.epsilon,
	};
	return descend(n, x, labels, batch, &r, p);
}
