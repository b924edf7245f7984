/* Resize at sizes where the answer can be seen. */
#include "unit/backend/ref/ref_test.h"

TEST(resize_nearest)
{
	expect("Resize fp32[2]=1,2 - fp32[1]=2", "fp32[4]=1,1,2,2");
	expect("Resize fp32[4]=1,2,3,4 - - int64[1]=2 coordinate_transformation_mode=asymmetric nearest_mode=floor",
	       "fp32[2]=1,3");
	expect("Resize int64[2]=9007199254740993,2 - fp32[1]=2",
	       "int64[4]=9007199254740993,9007199254740993,2,2");
}

TEST(resize_linear)
{
	expect("Resize fp32[2]=0,4 - - int64[1]=4 mode=linear", "fp32[4]=0,1,3,4");
	expect("Resize fp32[2]=0,3 - - int64[1]=4 mode=linear coordinate_transformation_mode=align_corners",
	       "fp32[4]=0,1,2,3");
	expect("Resize fp32[2]=0,4 - - int64[1]=4 mode=linear coordinate_transformation_mode=asymmetric",
	       "fp32[4]=0,2,4,4");
	expect("Resize fp32[4]=0,2,4,6 - - int64[1]=2 mode=linear antialias=1", "fp32[2]=1.25,4.75");
}

TEST(resize_outside_a_region_extrapolates)
{
	expect("Resize fp32[2]=1,3 fp32[2]=0,2 - int64[1]=3 mode=linear extrapolation_value=7 "
	       "coordinate_transformation_mode=tf_crop_and_resize", "fp32[3]=1,3,7");
	expect("Resize fp32[2]=1,3 fp32[2]=nan,inf - int64[1]=2 mode=linear extrapolation_value=7 "
	       "coordinate_transformation_mode=tf_crop_and_resize", "fp32[2]=7,7");
}
