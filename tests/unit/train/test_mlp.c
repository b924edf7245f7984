/* The perceptron against a plain double-precision one: forward, gradient by finite differences,
 * Adam's update as PyTorch defines it, independence of the thread count, and each instruction set. */
#include "base/cpu.h"
#include "train/mlp.h"
#include "unit/test.h"

#include <math.h>
#include <string.h>

enum { IN = 37, HIDDEN = 21, OUT = 5, BATCH = 9 };

struct fixture { struct mlp net; struct rand rand; float x[BATCH * IN]; uint8_t labels[BATCH]; struct pool *pool; };

static void fixture_init(struct fixture *f, uint32_t threads)
{
	ASSERT_GOOD(mlp_init(&f->net, IN, HIDDEN, OUT, BATCH));
	ASSERT_GOOD(pool_new(threads, &f->pool));
	rand_seed(&f->rand, 7);
	mlp_randomize(&f->net, &f->rand);
	for (int i = 0; i < BATCH * IN; i++)
		f->x[i] = rand_f32(&f->rand, 0, 1);
	for (int i = 0; i < BATCH; i++)
		f->labels[i] = (uint8_t)rand_below(&f->rand, OUT);
}

static void fixture_release(struct fixture *f)
{
	pool_free(f->pool);
	mlp_release(&f->net);
}

/* Mean cross-entropy with everything in double. */
static double plain_loss(const struct mlp *n, const double *params, const float *x, const uint8_t *labels)
{
	const double *w1 = params, *b1 = w1 + HIDDEN * IN, *w2 = b1 + HIDDEN, *b2 = w2 + OUT * HIDDEN;
	double loss = 0;
	for (int s = 0; s < BATCH; s++) {
		double h[HIDDEN], z[OUT], sum = 0;
		for (int u = 0; u < HIDDEN; u++) {
			h[u] = b1[u];
			for (int i = 0; i < IN; i++)
				h[u] += w1[u * IN + i] * x[s * IN + i];
			h[u] = h[u] > 0 ? h[u] : 0;
		}
		for (int c = 0; c < OUT; c++) {
			z[c] = b2[c];
			for (int u = 0; u < HIDDEN; u++)
				z[c] += w2[c * HIDDEN + u] * h[u];
			sum += exp(z[c]);
		}
		loss += log(sum) - z[labels[s]];
	}
	return loss / BATCH;
}

static void check_gradient(void)
{
	struct fixture f;
	fixture_init(&f, 1);
	double params[HIDDEN * IN + HIDDEN + OUT * HIDDEN + OUT];
	assert_int_equal(sizeof params / sizeof *params, f.net.n_params);
	for (size_t i = 0; i < f.net.n_params; i++)
		params[i] = f.net.params[i];
	double loss = mlp_gradient(&f.net, f.x, f.labels, BATCH, f.pool);
	assert_true(fabs(loss - plain_loss(&f.net, params, f.x, f.labels)) < 1e-6);
	for (size_t i = 0; i < f.net.n_params; i++) {
		double keep = params[i], e = 1e-6;
		params[i] = keep + e;
		double up = plain_loss(&f.net, params, f.x, f.labels);
		params[i] = keep - e;
		double down = plain_loss(&f.net, params, f.x, f.labels);
		params[i] = keep;
		double want = (up - down) / (2 * e);
		if (fabs(want - f.net.grads[i]) > 1e-6 + 1e-4 * fabs(want))
			fail_msg("parameter %zu: gradient %g, finite difference %g", i, f.net.grads[i], want);
	}
	fixture_release(&f);
}

TEST(gradient_is_the_finite_difference)
{
	check_gradient();
}

TEST(gradient_on_every_instruction_set)
{
	const char *levels[] = {"c", "avx2", "avx512"};
	for (int i = 0; i < 3; i++) {
		assert_true(cpu_mask_set(str_from(levels[i])));
		check_gradient();
	}
}

TEST(threads_do_not_change_the_weights)
{
	struct fixture one, three;
	fixture_init(&one, 1);
	fixture_init(&three, 3);
	for (int i = 0; i < 20; i++) {
		mlp_step(&one.net, one.x, one.labels, BATCH, ADAM_DEFAULT, one.pool);
		mlp_step(&three.net, three.x, three.labels, BATCH, ADAM_DEFAULT, three.pool);
	}
	assert_memory_equal(one.net.params, three.net.params, one.net.n_params * sizeof(float));
	fixture_release(&one);
	fixture_release(&three);
}

TEST(adam_moves_as_pytorch_defines_it)
{
	struct fixture f;
	fixture_init(&f, 1);
	size_t n = f.net.n_params;
	double m[1024] = {0}, v[1024] = {0}, w[1024];
	assert_true(n <= 1024);
	for (size_t i = 0; i < n; i++)
		w[i] = f.net.params[i];
	for (int t = 1; t <= 3; t++) {
		mlp_step(&f.net, f.x, f.labels, BATCH, ADAM_DEFAULT, f.pool);
		for (size_t i = 0; i < n; i++) {
			double g = f.net.grads[i];
			m[i] = 0.9 * m[i] + 0.1 * g;
			v[i] = 0.999 * v[i] + 0.001 * g * g;
			w[i] -= 1e-3 * (m[i] / (1 - pow(0.9, t))) / (sqrt(v[i] / (1 - pow(0.999, t))) + 1e-8);
			assert_true(fabs(w[i] - f.net.params[i]) < 2e-6);
		}
	}
	fixture_release(&f);
}

TEST(start_values_lie_in_pytorchs_range)
{
	struct fixture f;
	fixture_init(&f, 1);
	float most1 = 0, most2 = 0;
	for (const float *p = f.net.w1; p < f.net.w2; p++)
		most1 = fabsf(*p) > most1 ? fabsf(*p) : most1;
	for (const float *p = f.net.w2; p < f.net.params + f.net.n_params; p++)
		most2 = fabsf(*p) > most2 ? fabsf(*p) : most2;
	assert_true(most1 <= 1 / sqrtf(IN) && most1 > 0.9f / sqrtf(IN));
	assert_true(most2 <= 1 / sqrtf(HIDDEN) && most2 > 0.8f / sqrtf(HIDDEN));
	fixture_release(&f);
}

TEST(sizes_out_of_range_are_refused)
{
	struct mlp n;
	ASSERT_FAILS(mlp_init(&n, 784, 0, 10, 64), INVALID_ARG, "784-0-10");
	ASSERT_FAILS(mlp_init(&n, 784, MLP_HIDDEN_MAX + 1, 10, 64), INVALID_ARG, "at most");
	ASSERT_FAILS(mlp_init(&n, 784, 128, 10, MLP_BATCH_MAX + 1), INVALID_ARG, "batch size");
	ASSERT_GOOD(mlp_init(&n, 1, 1, 1, 1));
	mlp_release(&n);
}
