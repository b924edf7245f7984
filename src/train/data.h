/* A labelled set of small grey images, as the MNIST files hold them, and its batches. The bytes belong to the caller. */
#ifndef NEREID_TRAIN_DATA_H
#define NEREID_TRAIN_DATA_H

#include "base/rand.h"
#include "base/span.h"
#include "base/status.h"

enum { MNIST_SIDE = 28, MNIST_PIXELS = MNIST_SIDE * MNIST_SIDE, MNIST_CLASSES = 10 };

struct dataset {
	const uint8_t *pixels; /* [n][MNIST_PIXELS] */
	const uint8_t *labels; /* [n], each < MNIST_CLASSES */
	uint32_t n;
};
/* From the bytes of an IDX3 and an IDX1 file of one set; the paths are for errors. CORRUPT when the
 * two do not belong together, an image is not 28x28 or a label is over 9. */
struct status dataset_open(struct span images, const char *images_path, struct span labels,
                           const char *labels_path, struct dataset *out) MUST_CHECK;
/* 0..n-1 in a random order (Fisher-Yates). */
void dataset_shuffle(uint32_t *order, uint32_t n, struct rand *r);
/* x[count][MNIST_PIXELS] in 0..1 and y[count] of the images order[0..count). */
void dataset_batch(const struct dataset *d, const uint32_t *order, uint32_t count, float *x,
                   uint8_t *y);

#endif
