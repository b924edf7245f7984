/* Pools worked out by hand: padding, ceil mode, indices, NaN. */
#include "unit/backend/ref/ref_test.h"

TEST(max_pool_takes_the_largest)
{
	expect("MaxPool fp32[1,1,4]=1,3,2,4 kernel_shape=2", "fp32[1,1,3]=3,3,4");
	expect("MaxPool fp32[1,1,2]=-1,-2 kernel_shape=2 pads=1,1", "fp32[1,1,3]=-1,-1,-2");
	expect("MaxPool int8[1,1,3]=-7,-3,-5 kernel_shape=2", "int8[1,1,2]=-3,-3");
	expect("MaxPool fp32[1,1,3]=1,nan,2 kernel_shape=2", "fp32[1,1,2]=nan,nan");
}

TEST(max_pool_gives_indices)
{
	expect("MaxPool fp32[1,2,1,2]=1,3,5,5 kernel_shape=1,2 @out=2",
	       "fp32[1,2,1,1]=3,5 int64[1,2,1,1]=1,2");
	expect("MaxPool fp32[1,1,2,3]=0,9,0,0,0,0 kernel_shape=2,3 storage_order=1 @out=2",
	       ". int64[1,1,1,1]=2");
}

TEST(average_pool_divides_by_what_it_covers)
{
	expect("AveragePool fp32[1,1,3]=3,6,9 kernel_shape=3 pads=1,1", "fp32[1,1,3]=4.5,6,7.5");
	expect("AveragePool fp32[1,1,3]=3,6,9 kernel_shape=3 pads=1,1 count_include_pad=1",
	       "fp32[1,1,3]=3,6,5");
	expect("AveragePool fp32[1,1,4]=2,4,6,8 kernel_shape=3 strides=2 ceil_mode=1", "fp32[1,1,2]=4,7");
}

TEST(global_average_pool_is_the_mean)
{
	expect("GlobalAveragePool fp32[1,2,2,2]=1,2,3,4,10,20,30,40", "fp32[1,2,1,1]=2.5,25");
}
