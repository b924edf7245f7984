/* Normalisations worked out by hand. */
#include "unit/backend/ref/ref_test.h"

TEST(batch_norm_uses_the_channel)
{
	expect("BatchNormalization fp32[1,2,2]=1,3,1,3 fp32[2]=1,2 fp32[2]=0,10 fp32[2]=2,2 fp32[2]=4,4 epsilon=0",
	       "fp32[1,2,2]=-0.5,0.5,9,11");
}

TEST(layer_norm_uses_the_row)
{
	expect("LayerNormalization fp32[2,2]=1,3,10,10 fp32[2]=1,2 fp32[2]=5,5 epsilon=0.0000001 @out=3",
	       "fp32[2,2]=4,7,5,5 fp32[2,1]=2,10 .");
	expect("LayerNormalization fp32[1,2,2]=1,1,3,3 fp32[2,2]=1,2,3,4 axis=1 epsilon=1e-10",
	       "fp32[1,2,2]=-1,-2,3,4");
}
