/* Types that ONNX does not allow are refused with the input's number, before a kernel could
 * misread them. */
#include "unit/test.h"

#include "ops/cases.h"

static void refused(const char *text, const char *part)
{
	struct ops_case c;
	struct arena a;

	arena_init(&a, 1 << 22);
	struct status st = ops_case_make(&a, str_from(text), &c);
	if (st.code != STATUS_INVALID_ARG || !strstr(st.msg, part))
		fail_msg("%s: %s", text, st.msg ? st.msg : "taken");
	arena_release(&a);
}

TEST(types_of_first_inputs)
{
	refused("Softmax int32[3]", "input 0 cannot be INT32");
	refused("Relu bool[3]", "input 0 cannot be BOOL");
	refused("ReduceSum bool[3]", "input 0 cannot be BOOL");
}

TEST(types_of_further_inputs)
{
	refused("Pad fp32[3] int64[2]=1,1 int64[]=0", "input 2 cannot be INT64");
	refused("Clip fp32[3] fp64[]=0", "input 1 cannot be FP64");
	refused("Conv fp32[1,1,3] fp32[1,1,3] fp16[1]", "input 2 cannot be FP16");
	refused("Gather fp32[3] fp32[1]=1", "input 1 cannot be FP32");
	refused("Dropout fp32[3] fp32[]=0 int64[]=0", "input 2 cannot be INT64");
}

TEST(types_with_one_element)
{
	refused("Pad fp32[3] int64[2]=1,1 fp32[0]=", "must have one element");
	refused("Clip fp32[3] fp32[2]=0,1", "must have one element");
	refused("Conv fp32[1,1,3] fp32[1,1,3] - fp32[1,1,2]", "residual does not have");
}

TEST(types_fused_activation_exists)
{
	refused("Add fp32[3] fp32[3] nereid.fused_act=8", "number 8, does not exist");
	refused("Add fp32[3] fp32[3] nereid.fused_act=-1", "does not exist");
}
