/* `nereid train mnist`: the tutorial's training with a progress bar, and the accuracy at the end.
 *
 * Reading files, printing and timing are here; the loop is train/trainer.c. The bar is drawn on
 * stderr and only where that is a terminal. The checkpoint is written when training and test are
 * through.
 */
#include "base/clock.h"
#include "base/file.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/steps.h"
#include "train/mnist.h"
#include "train/trainer.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct sets { struct file_map map[4]; struct dataset train, test; };

static struct status sets_open(struct sets *s, const char *dir)
{
	static const char *const names[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
	                                    "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
	char path[4][4096];
	for (int i = 0; i < 4; i++) {
		snprintf(path[i], sizeof path[i], "%s/%s", dir, names[i]);
		TRY_MSG(file_map(path[i], &s->map[i]), "no MNIST in %s; `nereid fetch mnist --dir %s` gets it", dir, dir);
	}
	TRY(dataset_open(s->map[0].bytes, path[0], s->map[1].bytes, path[1], &s->train));
	return dataset_open(s->map[2].bytes, path[2], s->map[3].bytes, path[3], &s->test);
}

static void sets_release(struct sets *s)
{
	for (int i = 0; i < 4; i++)
		file_unmap(&s->map[i]);
}

static void bar(void *ctx, const struct train_progress *p)
{
	uint64_t *last = ctx, now = clock_ns();
	if (now - *last < 100000000u && p->step < p->steps)
		return;
	*last = now;
	char line[41];
	uint32_t full = p->step * 40 / p->steps;
	for (uint32_t i = 0; i < 40; i++)
		line[i] = i < full ? '=' : ' ';
	line[40] = 0;
	fprintf(stderr, "\repoch %u [%s] %u/%u loss %.4f%s", p->epoch + 1, line, p->step, p->steps, p->loss,
	        p->step == p->steps ? "\n" : "");
}

struct status step_train(const struct step_train *o)
{
	struct status st = STATUS_GOOD;
	struct sets s = {0};
	struct mlp net = {0};
	struct pool *p = 0;
	uint32_t correct = 0;
	uint64_t drawn = 0, start;

	GO(sets_open(&s, o->data));
	GO(pool_new(o->threads ? o->threads : pool_usable_cpus(), &p));
	GO(mlp_init(&net, MNIST_PIXELS, o->hidden, MNIST_CLASSES, o->train.batch));
	start = clock_ns();
	GO(train_run(&net, &s.train, o->train, p, isatty(2) && !o->json ? bar : 0, &drawn));
	double seconds = (double)(clock_ns() - start) / 1e9;
	GO(train_evaluate(&net, &s.test, p, &correct));
	GO(mnist_save(&net, o->output));
	printf(o->json ? "{\"accuracy\":%.4f,\"train_seconds\":%.4f,\"epochs\":%u,\"threads\":%u,\"output\":\"%s\"}\n"
	               : "accuracy %.4f on the test set after %.2f s of training, %u epochs, %u threads; checkpoint %s\n",
	       (double)correct / s.test.n, seconds, o->train.epochs, pool_threads(p), o->output);
out:
	mlp_release(&net);
	pool_free(p);
	sets_release(&s);
	return st;
}

static struct status train(int argc, char **argv)
{
	struct args a;
	const char *what;
	uint64_t epochs, hidden, batch, seed, threads;
	double rate;
	TRY(args_parse(WORD_TRAIN, argc, argv, &a));
	TRY(args_one(&a, WORD_TRAIN, &what));
	if (strcmp(what, "mnist"))
		return FAIL(INVALID_ARG, "there is no training of '%s'; mnist is what can be trained", what);
	TRY(args_u64(&a, OPT_TRAIN_EPOCHS, 1, 10000, &epochs));
	TRY(args_u64(&a, OPT_TRAIN_HIDDEN, 1, MLP_HIDDEN_MAX, &hidden));
	TRY(args_u64(&a, OPT_TRAIN_BATCH, 1, MLP_BATCH_MAX, &batch));
	TRY(args_u64(&a, OPT_TRAIN_SEED, 0, UINT64_MAX, &seed));
	TRY(args_u64(&a, OPT_TRAIN_THREADS, 0, POOL_THREADS_MAX, &threads));
	TRY(args_f64(&a, OPT_TRAIN_RATE, 1e-9, 1, &rate));
	struct step_train o = {
		.data = a.value[OPT_TRAIN_DATA], .output = a.value[OPT_TRAIN_OUTPUT], .hidden = (uint32_t)hidden,
		.threads = (uint32_t)threads, .json = args_flag(&a, OPT_TRAIN_JSON), .train = TRAIN_DEFAULT,
	};
	o.train.epochs = (uint32_t)epochs;
	o.train.batch = (uint32_t)batch;
	o.train.seed = seed;
	o.train.adam.rate = (float)rate;
	return step_train(&o);
}

int cli_train(int argc, char **argv)
{
	return args_report(WORD_TRAIN, train(argc, argv));
}
