/* The messages' field numbers that other programs write. */
#include "unit/onnx/parts.h"

TEST(numbers)
{
	assert_int_equal(pb_field_named(&ox_model_pb, STR("graph"))->number, 7);
	assert_int_equal(pb_field_named(&ox_model_pb, STR("opset_import"))->number, 8);
	assert_int_equal(pb_field_named(&ox_graph_pb, STR("initializer"))->number, 5);
	assert_int_equal(pb_field_named(&ox_tensor_pb, STR("raw_data"))->number, 9);
	assert_int_equal(pb_field_named(&ox_attribute_pb, STR("type"))->number, 20);
	assert_int_equal(OX_INTS, 7);
}
