/* Percentiles and the sort under them; making tensors up is tested end to end, on real models. */
#include "cli/workload.h"

#include "unit/test.h"

#include <string.h>

TEST(parts_of_sorted_times)
{
	uint64_t ns[] = {5, 1, 4, 2, 3};
	workload_sort(ns, 5);
	assert_int_equal(workload_part(ns, 5, 0), 1);
	assert_int_equal(workload_part(ns, 5, 0.5), 3);
	assert_int_equal(workload_part(ns, 5, 0.99), 4);
	assert_int_equal(workload_part(ns, 5, 1), 5);
	assert_int_equal(workload_part(ns, 1, 0.9), 1);
}

TEST(an_empty_one_is_released)
{
	struct workload w;
	memset(&w, 0, sizeof w);
	workload_release(&w);
	assert_null(w.exec);
}
