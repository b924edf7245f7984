/* Transposition of 4-byte elements: sizes around the square that each instruction set turns; bit
 * patterns are kept. */
#include "unit/backend/cpu/cpu_test.h"

TEST(transpose_32_sizes)
{
	enum { MOST = 35, X_ROW = 40, Y_ROW = 37 };
	uint32_t x[MOST * X_ROW], y[MOST * Y_ROW];

	for (uint32_t i = 0; i < MOST * X_ROW; i++)
		x[i] = 0x7f800000u + i * 2654435761u;
	for (int level = 0; level < CPU_TEST_LEVELS; level++) {
		if (!cpu_test_level(level))
			continue;
		for (size_t rows = 0; rows <= MOST; rows++)
			for (size_t cols = 0; cols <= MOST; cols += rows % 3 + 1) {
				memset(y, 0x55, sizeof y);
				kernels_now()->transpose_32(
					(const float *)x, rows, cols, X_ROW, (float *)y, Y_ROW);
				for (size_t c = 0; c < MOST; c++)
					for (size_t r = 0; r < Y_ROW; r++)
						assert_true(y[c * Y_ROW + r] ==
							    (c < cols && r < rows ? x[r * X_ROW + c]
										  : 0x55555555));
			}
	}
}
