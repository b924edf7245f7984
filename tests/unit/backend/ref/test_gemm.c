/* Matrix products worked out by hand. */
#include "unit/backend/ref/ref_test.h"

TEST(gemm_transposes_scales_and_adds)
{
	expect("Gemm fp32[2,2]=1,2,3,4 fp32[2,2]=5,6,7,8", "fp32[2,2]=19,22,43,50");
	expect("Gemm fp32[2,2]=1,2,3,4 fp32[2,2]=5,6,7,8 transA=1", "fp32[2,2]=26,30,38,44");
	expect("Gemm fp32[2,2]=1,2,3,4 fp32[2,2]=5,6,7,8 transB=1", "fp32[2,2]=17,23,39,53");
	expect("Gemm fp32[1,2]=1,2 fp32[2,2]=1,0,0,1 fp32[2]=10,20 alpha=2 beta=0.5", "fp32[1,2]=7,14");
	expect("Gemm fp32[1,2]=1,2 fp32[2,2]=1,0,0,1 fp32[2]=-10,20 nereid.fused_act=1", "fp32[1,2]=0,22");
	expect("Gemm int32[1,1]=65536 int32[1,1]=65536 int32[1]=3", "int32[1,1]=3");
}

TEST(mat_mul_broadcasts_as_numpy)
{
	expect("MatMul fp32[2]=1,2 fp32[2]=3,4", "fp32[]=11");
	expect("MatMul fp32[2]=1,2 fp32[2,2]=1,2,3,4", "fp32[2]=7,10");
	expect("MatMul fp32[2,2]=1,2,3,4 fp32[2]=1,10", "fp32[2]=21,43");
	expect("MatMul fp32[2,1,1]=2,3 fp32[2,1,1]=10,100", "fp32[2,1,1]=20,300");
	expect("MatMul fp32[2,1,1,1]=2,3 fp32[2,1,1]=10,100", "fp32[2,2,1,1]=20,200,30,300");
	expect("MatMul fp32[2,1]=1,2 fp32[1,2]=3,4 fp32[2]=1,-9 nereid.fused_act=1", "fp32[2,2]=4,0,7,0");
	expect("MatMul fp32[2,0] fp32[0,2]", "fp32[2,2]=0,0,0,0");
}
