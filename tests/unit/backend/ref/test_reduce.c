/* Reductions worked out by hand. */
#include "unit/backend/ref/ref_test.h"

TEST(reduce_over_named_axes)
{
	expect("ReduceSum fp32[2,2]=1,2,3,4 int64[1]=0", "fp32[1,2]=4,6");
	expect("ReduceSum fp32[2,2]=1,2,3,4 int64[1]=-1 keepdims=0", "fp32[2]=3,7");
	expect("ReduceMean fp32[2,2]=1,2,3,4", "fp32[1,1]=2.5");
	expect("ReduceMean int32[4]=1,2,3,-9 int64[1]=0 keepdims=0", "int32[]=0");
	expect("ReduceSum fp32[2]=1,2 - noop_with_empty_axes=1", "fp32[2]=1,2");
	expect("ReduceSum int32[2]=2147483647,1 int64[1]=0", "int32[1]=-2147483648");
	expect("ReduceSum fp32[2,0] int64[1]=1", "fp32[2,1]=0,0");
}

TEST(arg_max_takes_first_or_last)
{
	expect("ArgMax fp32[2,3]=1,3,3,2,1,0 axis=1", "int64[2,1]=1,0");
	expect("ArgMax fp32[2,3]=1,3,3,2,1,0 axis=1 select_last_index=1 keepdims=0", "int64[2]=2,0");
	expect("ArgMax uint8[3]=1,255,3", "int64[1]=1");
}
