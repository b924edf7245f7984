/* Which input pixel a tap reads: counting pixels over images, borders, and the taps that a
 * transposed one skips. */
#include "unit/backend/cpu/conv_test.h"

#include "backend/cpu/conv_priv.h"

TEST(conv_pixels_in_order)
{
	struct conv_shape s = {.oh = 3, .ow = 4};
	struct conv_pixel p = conv__pixel_of(&s, 0);

	for (size_t row = 0; row < 40; row++, conv__pixel_next(&s, &p)) {
		struct conv_pixel q = conv__pixel_of(&s, row);

		assert_true(p.n == q.n && p.y == q.y && p.x == q.x);
		assert_int_equal((q.n * 3 + q.y) * 4 + q.x, row);
	}
}

TEST(conv_row_pointers_at_borders)
{
	struct conv_shape s = {.h = 4,
		.w = 4,
		.c = 2,
		.oh = 4,
		.ow = 4,
		.o = 2,
		.kh = 3,
		.kw = 3,
		.stride_y = 1,
		.stride_x = 1,
		.dilate_y = 1,
		.dilate_x = 1,
		.pad_y = 1,
		.pad_x = 1,
		.group = 1};
	float in[2 * 4 * 4 * 2] = {0}, zeros[2] = {0};
	const float *table[9 * 5] = {0};

	conv__row_pointers(&s, (struct conv_pixel){1, 0, 3}, in, 5, zeros, table);
	for (int ky = 0; ky < 3; ky++)
		for (int kx = 0; kx < 3; kx++)
			assert_true(table[(ky * 3 + kx) * 5] ==
				    (ky == 0 || kx == 2 ? zeros
							: in + 32 + ((ky - 1) * 4 + 2 + kx) * 2));
	s.transposed = true;
	s.stride_y = s.stride_x = 2;
	conv__row_pointers(&s, (struct conv_pixel){0, 2, 2}, in, 5, zeros, table);
	for (int ky = 0; ky < 3; ky++)
		for (int kx = 0; kx < 3; kx++)
			assert_true((table[(ky * 3 + kx) * 5] ==
					    in + ((3 - ky) / 2 * 4 + (3 - kx) / 2) * 2) ==
				    (ky & kx & 1));
}
