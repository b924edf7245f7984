/* The training loop.
 *
 * The seed starts two random streams, one for the start values and one for the orders of the
 * epochs, so a seed fixes the result whatever the number of threads, and the orders whatever the
 * size of the network. Batches are gathered from bytes to floats just before their step: at 64
 * images that is 50 KiB, which stays in the cache, where a converted copy of the whole set would
 * not. The loop reads no clock and prints nothing; the caller's progress function does both.
 */
#include "train/trainer.h"

#include "base/mem.h"
#include "base/panic.h"

#include <math.h>

struct buffers { uint32_t *order; float *x; uint8_t *y; };

static void buffers_release(struct buffers *b)
{
	mem_free(b->order);
	mem_free(b->x);
	mem_free(b->y);
}

static struct status buffers_init(struct buffers *b, uint32_t n, uint32_t batch)
{
	*b = (struct buffers){
		.order = mem_alloc((size_t)n * sizeof *b->order),
		.x = mem_alloc((size_t)batch * MNIST_PIXELS * sizeof *b->x),
		.y = mem_alloc(batch),
	};
	if (b->order && b->x && b->y)
		return STATUS_GOOD;
	buffers_release(b);
	return FAIL(NO_MEMORY, "no memory for the order of %u images and a batch of %u", n, batch);
}

static struct status options_check(const struct mlp *net, const struct dataset *d,
                                   struct train_options o)
{
	if (o.epochs < 1 || o.epochs > 10000)
		return FAIL(INVALID_ARG, "%u epochs: give 1 to 10000", o.epochs);
	if (o.batch < 1 || o.batch > net->batch_max)
		return FAIL(INVALID_ARG, "batch size %u: give 1 to %u", o.batch, net->batch_max);
	if (!(o.adam.rate > 0 && o.adam.rate <= 1))
		return FAIL(INVALID_ARG, "learning rate %g: give a number over 0, up to 1",
		            (double)o.adam.rate);
	if (d->n < 1)
		return FAIL(INVALID_ARG, "the training set is empty");
	if (net->in != MNIST_PIXELS || net->out != MNIST_CLASSES)
		return FAIL(INVALID_ARG, "the network takes %u numbers and gives %u; the images "
		            "need %d and %d", net->in, net->out, MNIST_PIXELS, MNIST_CLASSES);
	return STATUS_GOOD;
}

struct status train_run(struct mlp *net, const struct dataset *d, struct train_options o,
                        struct pool *p, train_progress_fn *progress, void *ctx)
{
	struct status st = STATUS_GOOD;
	struct buffers b = {0};
	struct rand start, r;

	GO(options_check(net, d, o));
	GO(buffers_init(&b, d->n, o.batch));
	rand_seed(&start, o.seed);
	rand_seed(&r, rand_u64(&start));
	mlp_randomize(net, &start);
	for (uint32_t epoch = 0; epoch < o.epochs; epoch++) {
		struct train_progress at = {epoch, 0, (d->n + o.batch - 1) / o.batch, 0};
		double sum = 0;
		dataset_shuffle(b.order, d->n, &r);
		for (uint32_t i = 0; i < d->n; i += o.batch) {
			uint32_t count = d->n - i < o.batch ? d->n - i : o.batch;
			dataset_batch(d, b.order + i, count, b.x, b.y);
			sum += mlp_step(net, b.x, b.y, count, o.adam, p);
			at.loss = sum / ++at.step;
			if (progress)
				progress(ctx, &at);
		}
		if (!isfinite(sum))
			GO(FAIL(INTERNAL, "the loss is no longer a number after epoch %u: give a "
			        "learning rate under %g", epoch + 1, (double)o.adam.rate));
	}
out:
	buffers_release(&b);
	return st;
}

struct status train_evaluate(struct mlp *net, const struct dataset *d, struct pool *p,
                             uint32_t *correct)
{
	struct status st = STATUS_GOOD;
	struct buffers b = {0};
	uint32_t right = 0;

	GO(buffers_init(&b, d->n, net->batch_max));
	for (uint32_t i = 0; i < d->n; i++)
		b.order[i] = i;
	for (uint32_t i = 0; i < d->n; i += net->batch_max) {
		uint32_t count = d->n - i < net->batch_max ? d->n - i : net->batch_max;
		dataset_batch(d, b.order + i, count, b.x, b.y);
		const float *logits = mlp_forward(net, b.x, count, p);
		for (uint32_t s = 0; s < count; s++) {
			uint32_t best = 0;
			for (uint32_t c = 1; c < net->out; c++)
				if (logits[s * net->out + c] > logits[s * net->out + best])
					best = c;
			right += best == b.y[s];
		}
	}
	CHECK(right <= d->n);
	*correct = right;
out:
	buffers_release(&b);
	return st;
}
