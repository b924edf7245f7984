/* Softmax at points with known answers, and large values. */
#include "unit/backend/ref/ref_test.h"

TEST(softmax_of_equal_values_is_even)
{
	expect("Softmax fp32[2,2]=1000,1000,-5,-5", "fp32[2,2]=0.5,0.5,0.5,0.5");
	expect("Softmax fp32[2,2]=0,1.0986123,0,1.0986123 axis=0", "fp32[2,2]=0.5,0.5,0.5,0.5");
	expect("Softmax fp32[1,2]=0,1.0986123", "fp32[1,2]=0.25,0.75");
	expect("LogSoftmax fp32[1,2]=0,-1000", "fp32[1,2]=0,-1000");
}
