/* The training loop on a set that is made up: it learns, a seed repeats itself, and options out of
 * range are refused. */
#include "train/trainer.h"
#include "unit/test.h"
#include "unit/train/parts.h"

static struct parts parts;

struct seen { double first, last; uint32_t calls; };

static void note(void *ctx, const struct train_progress *p)
{
	struct seen *s = ctx;
	if (!s->calls++)
		s->first = p->loss;
	s->last = p->loss;
	assert_true(p->step >= 1 && p->step <= p->steps && p->steps == 7);
}

static void run(uint64_t seed, uint32_t threads, struct mlp *net, struct seen *s)
{
	struct dataset d = parts_make(&parts);
	struct train_options o = TRAIN_DEFAULT;
	struct pool *p;
	o.epochs = 8;
	o.batch = 32;
	o.seed = seed;
	ASSERT_GOOD(mlp_init(net, MNIST_PIXELS, 32, MNIST_CLASSES, 64));
	ASSERT_GOOD(pool_new(threads, &p));
	ASSERT_GOOD(train_run(net, &d, o, p, s ? note : 0, s));
	pool_free(p);
}

TEST(trainer_learns)
{
	struct dataset d = parts_make(&parts);
	struct seen s = {0};
	struct mlp net;
	struct pool *p;
	uint32_t correct = 0;
	run(1, 1, &net, &s);
	assert_int_equal(s.calls, 8 * 7);
	assert_true(s.first > 1.5 && s.last < s.first / 3);
	ASSERT_GOOD(pool_new(1, &p));
	ASSERT_GOOD(train_evaluate(&net, &d, p, &correct));
	assert_true(correct > PARTS_N * 95 / 100);
	pool_free(p);
	mlp_release(&net);
}

TEST(trainer_seed_repeats)
{
	struct mlp a, b, c;
	run(7, 1, &a, 0);
	run(7, 3, &b, 0);
	run(8, 1, &c, 0);
	assert_memory_equal(a.params, b.params, a.n_params * sizeof(float));
	assert_true(memcmp(a.params, c.params, a.n_params * sizeof(float)) != 0);
	mlp_release(&a);
	mlp_release(&b);
	mlp_release(&c);
}

static struct status with(struct mlp *net, uint32_t epochs, uint32_t batch, float rate, uint32_t n)
{
	struct dataset d = parts_make(&parts);
	struct train_options o = TRAIN_DEFAULT;
	struct pool *p;
	o.epochs = epochs;
	o.batch = batch;
	o.adam.rate = rate;
	d.n = n;
	ASSERT_GOOD(pool_new(1, &p));
	struct status st = train_run(net, &d, o, p, 0, 0);
	pool_free(p);
	return st;
}

TEST(trainer_options)
{
	struct mlp net, other;
	ASSERT_GOOD(mlp_init(&net, MNIST_PIXELS, 8, MNIST_CLASSES, 64));
	ASSERT_GOOD(mlp_init(&other, 10, 8, MNIST_CLASSES, 64));
	ASSERT_GOOD(with(&net, 1, 64, 1e-3f, 10));
	ASSERT_FAILS(with(&net, 0, 64, 1e-3f, 10), INVALID_ARG, "0 epochs: give 1 to 10000");
	ASSERT_FAILS(with(&net, 10001, 64, 1e-3f, 10), INVALID_ARG, "10001 epochs");
	ASSERT_FAILS(with(&net, 1, 0, 1e-3f, 10), INVALID_ARG, "batch size 0: give 1 to 64");
	ASSERT_FAILS(with(&net, 1, 65, 1e-3f, 10), INVALID_ARG, "batch size 65");
	ASSERT_FAILS(with(&net, 1, 64, 0, 10), INVALID_ARG, "learning rate 0");
	ASSERT_FAILS(with(&net, 1, 64, 2, 10), INVALID_ARG, "learning rate 2");
	ASSERT_FAILS(with(&net, 1, 64, 0.0f / 0.0f, 10), INVALID_ARG, "learning rate");
	ASSERT_FAILS(with(&net, 1, 64, 1e-3f, 0), INVALID_ARG, "the training set is empty");
	ASSERT_FAILS(with(&other, 1, 64, 1e-3f, 10), INVALID_ARG, "the network takes 10 numbers");
	mlp_release(&net);
	mlp_release(&other);
}
