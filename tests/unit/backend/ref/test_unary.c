/* Values that decide what an op on one input means: signs, limits, NaN, rounding, wrapping. */
#include "unit/backend/ref/ref_test.h"

TEST(activations_at_known_points)
{
	expect("Relu fp32[4]=-1,0,2,nan", "fp32[4]=0,0,2,nan");
	expect("Relu int8[3]=-128,0,127", "int8[3]=0,0,127");
	expect("LeakyRelu fp32[2]=-10,10 alpha=0.5", "fp32[2]=-5,10");
	expect("Sigmoid fp32[3]=0,-inf,inf", "fp32[3]=0.5,0,1");
	expect("Tanh fp32[3]=0,-inf,inf", "fp32[3]=0,-1,1");
	expect("HardSigmoid fp32[3]=-9,0,9", "fp32[3]=0,0.5,1");
	expect("HardSwish fp32[3]=-4,0,4", "fp32[3]=0,0,4");
	expect("Gelu fp32[2]=0,1", "fp32[2]=0,0.841344746");
	expect("Gelu fp32[1]=1 approximate=tanh", "fp32[1]=0.841191991");
	expect("Erf fp32[2]=0,1", "fp32[2]=0,0.842700793");
	expect("Sqrt fp32[3]=4,0,-1", "fp32[3]=2,0,nan");
	expect("Exp fp64[2]=0,1", "fp64[2]=1,2.718281828459045");
	expect("Neg int64[2]=-9223372036854775808,5", "int64[2]=-9223372036854775808,-5");
}

TEST(clip_with_each_bound)
{
	expect("Clip fp32[3]=-5,0,5 fp32[]=-1 fp32[]=1", "fp32[3]=-1,0,1");
	expect("Clip fp32[3]=-5,0,5 - fp32[]=1", "fp32[3]=-5,0,1");
	expect("Clip fp32[2]=0,5 fp32[]=3 fp32[]=1", "fp32[2]=1,1");
	expect("Clip uint64[2]=1,18446744073709551615 uint64[]=2", "uint64[2]=2,18446744073709551615");
}

TEST(cast_between_types)
{
	expect("Cast fp32[4]=1.9,-1.9,0.5,-0.5 to=6", "int32[4]=1,-1,0,0");
	expect("Cast fp32[3]=nan,3e9,-3e9 to=6", "int32[3]=-2147483648,-2147483648,-2147483648");
	expect("Cast fp32[3]=0,0.1,nan to=9", "bool[3]=0,1,1");
	expect("Cast int64[3]=256,-1,4294967297 to=2", "uint8[3]=0,255,1");
	expect("Cast fp32[2]=65504,65520 to=10", "fp16[2]=65504,inf");
	expect("Cast int64[1]=16777217 to=1", "fp32[1]=16777216");
	expect("Cast uint64[1]=18446744073709551615 to=11", "fp64[1]=18446744073709551616");
	expect("Cast bool[2]=0,1 to=1", "fp32[2]=0,1");
}

TEST(dropout_is_the_identity)
{
	expect("Dropout fp32[2]=1,2 fp32[]=0.5 bool[]=0 @out=2", "fp32[2]=1,2 bool[2]=1,1");
	expect_fails("Dropout fp32[2]=1,2 fp32[]=0.5 bool[]=1", STATUS_UNSUPPORTED, "training mode");
	expect("Identity int64[2]=1,2", "int64[2]=1,2");
}
