/* Arithmetic on two inputs: broadcasting, wrapping, division by zero, powers. */
#include "unit/backend/ref/ref_test.h"

TEST(binary_broadcasts)
{
	expect("Add fp32[2,1]=1,2 fp32[3]=10,20,30", "fp32[2,3]=11,21,31,12,22,32");
	expect("Sub fp32[]=1 fp32[2]=1,2", "fp32[2]=0,-1");
	expect("Where bool[2,1]=1,0 fp32[3]=1,2,3 fp32[]=9", "fp32[2,3]=1,2,3,9,9,9");
	expect("Equal int32[3]=1,2,3 int32[]=2", "bool[3]=0,1,0");
	expect("Equal fp32[3]=nan,0,1 fp32[3]=nan,-0,1", "bool[3]=0,1,1");
}

TEST(integers_wrap)
{
	expect("Add int8[2]=127,-128 int8[2]=1,-1", "int8[2]=-128,127");
	expect("Mul int32[1]=65536 int32[1]=65536", "int32[1]=0");
	expect("Sub uint8[1]=0 uint8[1]=1", "uint8[1]=255");
	expect("Div int32[5]=7,-7,7,-7,-2147483648 int32[5]=2,2,-2,-2,-1",
	       "int32[5]=3,-3,-3,3,-2147483648");
	expect("Div uint64[1]=18446744073709551615 uint64[1]=2", "uint64[1]=9223372036854775807");
	expect("Div int64[1]=-9223372036854775808 int64[1]=-1", "int64[1]=-9223372036854775808");
	expect_fails("Div int32[2]=1,2 int32[2]=1,0", STATUS_INVALID_ARG, "by zero");
}

TEST(powers)
{
	expect("Pow fp32[3]=2,3,4 fp32[3]=3,0,0.5", "fp32[3]=8,1,2");
	expect("Pow int32[3]=2,-3,7 int32[3]=10,3,0", "int32[3]=1024,-27,1");
	expect("Pow int32[2]=2,1 int32[2]=-1,-5", "int32[2]=0,1");
	expect("Pow fp32[2]=2,3 int64[]=2", "fp32[2]=4,9");
}

TEST(binary_rounds_half_types_once)
{
	expect("Div fp32[2]=1,-1 fp32[]=0", "fp32[2]=inf,-inf");
	expect("Add fp16[1]=2048 fp16[1]=1", "fp16[1]=2048");
	expect("Add fp32[2]=-3,3 fp32[]=1 nereid.fused_act=1", "fp32[2]=0,4");
}
