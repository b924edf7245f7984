/* Moves: where each element comes from, and indices that are outside. */
#include "unit/backend/ref/ref_test.h"

TEST(transpose_permutes)
{
	expect("Transpose fp32[2,3]=1,2,3,4,5,6", "fp32[3,2]=1,4,2,5,3,6");
	expect("Transpose uint8[1,2,2]=1,2,3,4 perm=1,0,2", "uint8[2,1,2]=1,2,3,4");
}

TEST(concat_and_split_are_inverse)
{
	expect("Concat fp32[2,1]=1,2 fp32[2,2]=3,4,5,6 axis=1", "fp32[2,3]=1,3,4,2,5,6");
	expect("Split fp32[2,3]=1,3,4,2,5,6 int64[2]=1,2 axis=1 @out=2",
	       "fp32[2,1]=1,2 fp32[2,2]=3,4,5,6");
}

TEST(slice_steps_both_ways)
{
	expect("Slice fp32[5]=0,1,2,3,4 int64[1]=1 int64[1]=4", "fp32[3]=1,2,3");
	expect("Slice fp32[5]=0,1,2,3,4 int64[1]=-1 int64[1]=-99 int64[1]=0 int64[1]=-2", "fp32[3]=4,2,0");
	expect("Slice fp32[5]=0,1,2,3,4 int64[1]=99 int64[1]=100", "fp32[0]=");
}

TEST(gather_takes_rows)
{
	expect("Gather fp32[3,2]=0,1,10,11,20,21 int64[2]=2,-3", "fp32[2,2]=20,21,0,1");
	expect("Gather fp32[2,2]=0,1,10,11 int64[]=1 axis=1", "fp32[2]=1,11");
	expect_fails("Gather fp32[3,2] int64[2]=0,3", STATUS_INVALID_ARG, "index 3 is outside axis 0");
	expect_fails("Gather fp32[3,2] int64[1]=-4", STATUS_INVALID_ARG, "index -4");
}

TEST(pad_modes)
{
	expect("Pad fp32[3]=1,2,3 int64[2]=2,1 fp32[]=9", "fp32[6]=9,9,1,2,3,9");
	expect("Pad fp32[3]=1,2,3 int64[2]=2,2 mode=reflect", "fp32[7]=3,2,1,2,3,2,1");
	expect("Pad fp32[3]=1,2,3 int64[2]=2,1 mode=edge", "fp32[6]=1,1,1,2,3,3");
	expect("Pad fp32[3]=1,2,3 int64[2]=2,1 mode=wrap", "fp32[6]=2,3,1,2,3,1");
	expect("Pad fp32[3]=1,2,3 int64[2]=-1,0", "fp32[2]=2,3");
}
