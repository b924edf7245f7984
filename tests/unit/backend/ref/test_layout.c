/* Storage order changes, dimensions do not. */
#include "unit/backend/ref/ref_test.h"

TEST(layout_there_and_back)
{
	expect("nereid.ToChannelsLast fp32[1,2,1,3]=1,2,3,4,5,6", "fp32[1,2,1,3]=1,4,2,5,3,6");
	expect("nereid.ToChannelsFirst fp32[1,2,1,3]=1,4,2,5,3,6", "fp32[1,2,1,3]=1,2,3,4,5,6");
}
