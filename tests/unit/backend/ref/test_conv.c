/* Convolutions small enough to be worked out by hand. */
#include "unit/backend/ref/ref_test.h"

TEST(conv_sums_over_the_window)
{
	expect("Conv fp32[1,1,3,3]=1,2,3,4,5,6,7,8,9 fp32[1,1,2,2]=1,0,0,1", "fp32[1,1,2,2]=6,8,12,14");
	expect("Conv fp32[1,1,3]=1,2,3 fp32[1,1,3]=1,10,100 fp32[1]=0.5 pads=1,1",
	       "fp32[1,1,3]=210.5,321.5,32.5");
	expect("Conv fp32[1,1,5]=1,2,3,4,5 fp32[1,1,2]=1,10 dilations=2 strides=2", "fp32[1,1,2]=31,53");
}

TEST(conv_keeps_groups_apart)
{
	expect("Conv fp32[1,2,2]=1,2,3,4 fp32[2,1,1]=10,100 group=2", "fp32[1,2,2]=10,20,300,400");
	expect("Conv fp32[1,2,1]=1,2 fp32[4,1,1]=1,10,100,1000 group=2", "fp32[1,4,1]=1,10,200,2000");
}

TEST(conv_adds_residual_before_the_activation)
{
	expect("Conv fp32[1,1,2]=1,2 fp32[1,1,1]=1 fp32[1]=1 fp32[1,1,2]=-5,5 nereid.fused_act=1",
	       "fp32[1,1,2]=0,8");
	expect("Conv fp32[1,1,2]=1,2 fp32[1,1,1]=1 - fp32[1,1,2]=-5,5", "fp32[1,1,2]=-4,7");
}

TEST(conv_pads_automatically)
{
	expect("Conv fp32[1,1,4]=1,2,3,4 fp32[1,1,2]=1,10 auto_pad=SAME_UPPER", "fp32[1,1,4]=21,32,43,4");
	expect("Conv fp32[1,1,4]=1,2,3,4 fp32[1,1,2]=1,10 auto_pad=SAME_LOWER", "fp32[1,1,4]=10,21,32,43");
}

TEST(conv_transpose_spreads_each_input)
{
	expect("ConvTranspose fp32[1,1,2]=1,2 fp32[1,1,3]=1,10,100 fp32[1]=0.5",
	       "fp32[1,1,4]=1.5,12.5,120.5,200.5");
	expect("ConvTranspose fp32[1,1,2]=1,2 fp32[1,1,2]=1,10 strides=2", "fp32[1,1,4]=1,10,2,20");
	expect("ConvTranspose fp32[1,1,2]=1,2 fp32[1,1,3]=1,10,100 pads=1,1", "fp32[1,1,2]=12,120");
	expect("ConvTranspose fp32[1,2,1]=1,2 fp32[2,1,1]=10,100 group=2", "fp32[1,2,1]=10,200");
}
