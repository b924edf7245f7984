/* A made-up training set: images of ten kinds, each bright in a band of rows of its own, with some noise. */
#ifndef NEREID_TESTS_TRAIN_PARTS_H
#define NEREID_TESTS_TRAIN_PARTS_H

#include "train/data.h"

enum { PARTS_N = 200 };
struct parts { uint8_t pixels[PARTS_N * MNIST_PIXELS], labels[PARTS_N]; };

static inline struct dataset parts_make(struct parts *p)
{
	struct rand r;
	rand_seed(&r, 3);
	for (uint32_t i = 0; i < PARTS_N; i++) {
		p->labels[i] = (uint8_t)(i % MNIST_CLASSES);
		for (uint32_t k = 0; k < MNIST_PIXELS; k++) {
			uint32_t band = k / MNIST_SIDE * MNIST_CLASSES / MNIST_SIDE;
			p->pixels[i * MNIST_PIXELS + k] = (uint8_t)(rand_below(&r, 60) + (band == p->labels[i] ? 180 : 0));
		}
	}
	return (struct dataset){p->pixels, p->labels, PARTS_N};
}

#endif
