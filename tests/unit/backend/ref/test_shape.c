/* Shapes change, elements do not. */
#include "unit/backend/ref/ref_test.h"

TEST(reshapes_keep_the_order)
{
	expect("Flatten fp32[2,1,2]=1,2,3,4", "fp32[2,2]=1,2,3,4");
	expect("Reshape int32[4]=1,2,3,4 int64[2]=-1,2", "int32[2,2]=1,2,3,4");
	expect("Squeeze fp32[1,2,1]=1,2", "fp32[2]=1,2");
	expect("Unsqueeze fp32[2]=1,2 int64[2]=0,-1", "fp32[1,2,1]=1,2");
}

TEST(expand_repeats)
{
	expect("Expand fp32[2,1]=1,2 int64[2]=2,3", "fp32[2,3]=1,1,1,2,2,2");
	expect("Expand fp32[2,1]=1,2 int64[3]=2,1,1", "fp32[2,2,1]=1,2,1,2");
}

TEST(shapes_and_constants)
{
	expect("Shape fp32[2,3,4]", "int64[3]=2,3,4");
	expect("Shape fp32[2,3,4] start=-2 end=2", "int64[1]=3");
	expect("Constant value=fp32[2]=1,2", "fp32[2]=1,2");
	expect("ConstantOfShape int64[1]=3 value=int32[1]=7", "int32[3]=7,7,7");
	expect("ConstantOfShape int64[1]=2", "fp32[2]=0,0");
}
