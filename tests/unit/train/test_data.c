/* Data sets out of IDX files: what does not belong together is refused; orders are permutations;
 * batches are scaled. */
#include "train/data.h"
#include "unit/test.h"

enum { N = 3, HEAD = 16 };
static uint8_t images[HEAD + N * MNIST_PIXELS], labels[8 + N];

static struct status open_set(struct dataset *d)
{
	return dataset_open((struct span){images, sizeof images}, "images", (struct span){labels, sizeof labels}, "labels", d);
}

static void make(void)
{
	memcpy(images, (uint8_t[]){0, 0, 8, 3, 0, 0, 0, N, 0, 0, 0, 28, 0, 0, 0, 28}, HEAD);
	memcpy(labels, (uint8_t[]){0, 0, 8, 1, 0, 0, 0, N, 7, 0, 9}, 8 + N);
	for (size_t i = 0; i < N * MNIST_PIXELS; i++)
		images[HEAD + i] = (uint8_t)(i / MNIST_PIXELS * 100 + (i % 2 ? 55 : 0));
}

TEST(data_open_and_batch)
{
	static const uint32_t order[] = {2, 0};
	static float x[2 * MNIST_PIXELS];
	struct dataset d;
	uint8_t y[2];
	make();
	ASSERT_GOOD(open_set(&d));
	assert_true(d.n == N && d.labels[2] == 9);
	dataset_batch(&d, order, 2, x, y);
	assert_true(y[0] == 9 && y[1] == 7);
	assert_true(x[1] > 0.99999f && x[1] < 1.00001f && x[MNIST_PIXELS] == 0 && x[0] > 0.78f && x[0] < 0.79f);
}

TEST(data_refusals)
{
	struct dataset d;
	make();
	labels[9] = 10;
	ASSERT_FAILS(open_set(&d), CORRUPT, "labels: label 1 is 10; digits are 0 to 9");
	make();
	ASSERT_FAILS(dataset_open((struct span){labels, sizeof labels}, "a", (struct span){labels, sizeof labels}, "b", &d), CORRUPT,
	             "a: it does not hold images of 28 by 28");
	images[11] = 14;
	images[15] = 56;
	ASSERT_FAILS(open_set(&d), CORRUPT, "images of 28 by 28");
	make();
	labels[7] = N - 1;
	ASSERT_FAILS(dataset_open((struct span){images, sizeof images}, "images", (struct span){labels, sizeof labels - 1}, "labels", &d),
	             CORRUPT, "labels holds 2 labels for the 3 images of images");
	make();
	ASSERT_FAILS(dataset_open((struct span){images, sizeof images - 1}, "images", (struct span){labels, sizeof labels}, "labels", &d),
	             CORRUPT, "images: the IDX file holds");
}

TEST(data_shuffle_is_a_permutation)
{
	uint32_t a[500], b[500], moved = 0;
	bool seen[500] = {false};
	struct rand r;
	rand_seed(&r, 1);
	dataset_shuffle(a, 500, &r);
	rand_seed(&r, 1);
	dataset_shuffle(b, 500, &r);
	assert_memory_equal(a, b, sizeof a);
	for (uint32_t i = 0; i < 500; i++) {
		assert_true(a[i] < 500 && !seen[a[i]]);
		seen[a[i]] = true;
		moved += a[i] != i;
	}
	assert_true(moved > 450);
}
