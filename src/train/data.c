/* Batches of labelled images out of two IDX files.
 *
 * The bytes stay where they are, usually in a mapping; a batch is gathered by index and scaled
 * to 0..1 on the way. That the two files belong together, that images are 28x28 and that labels
 * are digits is checked once, when the set is opened, so the loop needs no checks. Nothing is
 * allocated here.
 */
#include "train/data.h"

#include "base/panic.h"
#include "codec/idx.h"

struct status dataset_open(struct span images, const char *images_path, struct span labels,
                           const char *labels_path, struct dataset *out)
{
	struct idx x, y;
	TRY_MSG(idx_read(images, &x), "%s", images_path);
	TRY_MSG(idx_read(labels, &y), "%s", labels_path);
	if (x.rank != 3 || x.dims[1] != MNIST_SIDE || x.dims[2] != MNIST_SIDE)
		return FAIL(CORRUPT, "%s: it does not hold images of %d by %d", images_path, MNIST_SIDE,
		            MNIST_SIDE);
	if (y.rank != 1 || y.dims[0] != x.dims[0])
		return FAIL(CORRUPT, "%s holds %u labels for the %u images of %s", labels_path,
		            y.rank == 1 ? y.dims[0] : 0, x.dims[0], images_path);
	for (uint32_t i = 0; i < y.dims[0]; i++)
		if (y.data[i] >= MNIST_CLASSES)
			return FAIL(CORRUPT, "%s: label %u is %u; digits are 0 to 9", labels_path, i,
			            y.data[i]);
	*out = (struct dataset){x.data, y.data, x.dims[0]};
	return STATUS_GOOD;
}

void dataset_shuffle(uint32_t *order, uint32_t n, struct rand *r)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t j = (uint32_t)rand_below(r, i + 1u);
		order[i] = order[j];
		order[j] = i;
	}
}

void dataset_batch(const struct dataset *d, const uint32_t *order, uint32_t count, float *x,
                   uint8_t *y)
{
	for (uint32_t i = 0; i < count; i++) {
		CHECK(order[i] < d->n);
		const uint8_t *p = d->pixels + (size_t)order[i] * MNIST_PIXELS;
		for (uint32_t k = 0; k < MNIST_PIXELS; k++)
			x[(size_t)i * MNIST_PIXELS + k] = (float)p[k] * (1 / 255.0f);
		y[i] = d->labels[order[i]];
	}
}
