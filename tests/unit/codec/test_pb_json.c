/* The JSON form, with and without defaults, as Triton's clients see a model's configuration. */
#include "unit/test.h"

#include "codec/model_config.h"

static void check(const struct pb_msg *m, const void *x, int flags, const char *want)
{
	struct buf b;
	buf_init(&b, 1 << 16);
	pb_json_print(m, x, flags, &b);
	ASSERT_GOOD(buf_status(&b));
	buf_byte(&b, 0);
	assert_string_equal((const char *)b.p, want);
	buf_release(&b);
}

TEST(values)
{
	struct arena a;
	struct mc_config c;
	struct pb_source src = {"t", &a, 0, 0};
	static const char text[] =
		"name: 'a\"\\n\\377\\001' max_batch_size: 8 input { data_type: TYPE_INT8 dims: [ -1, 9007199254740993 ] }"
		"dynamic_batching { priority_queue_policy { key: 3 value { timeout_action: DELAY } } }"
		"instance_group { secondary_devices { device_id: 5 } }"
		"parameters { key: 'k' value { string_value: 'v' } } parameters { key: 'l' }"
		"model_metrics { metric_control { histogram_options { buckets: [ 0.5, inf, nan ] } } }";
	arena_init(&a, 1 << 20);
	ASSERT_GOOD(pb_text_parse(&mc_config_pb, STR(text), &src, &c));
	check(&mc_config_pb, &c, 0,
	      "{\"name\":\"a\\\"\\n\xef\xbf\xbd\\u0001\",\"max_batch_size\":8,"
	      "\"input\":[{\"data_type\":\"TYPE_INT8\",\"dims\":[-1,9007199254740993]}],"
	      "\"dynamic_batching\":{\"priority_queue_policy\":{\"3\":{\"timeout_action\":\"DELAY\"}}},"
	      "\"instance_group\":[{\"secondary_devices\":[{\"device_id\":\"5\"}]}],"
	      "\"parameters\":{\"k\":{\"string_value\":\"v\"},\"l\":{}},"
	      "\"model_metrics\":{\"metric_control\":[{\"histogram_options\":"
	      "{\"buckets\":[0.5,\"Infinity\",\"NaN\"]}}]}}");
	arena_release(&a);
}

TEST(defaults_and_camel)
{
	struct mc_input in = {0};
	struct mc_version_policy p = {0};
	check(&mc_input_pb, &in, PB_JSON_DEFAULTS,
	      "{\"name\":\"\",\"data_type\":\"TYPE_INVALID\",\"format\":\"FORMAT_NONE\",\"dims\":[],"
	      "\"is_shape_tensor\":false,\"allow_ragged_batch\":false,\"optional\":false,"
	      "\"is_non_linear_format_io\":false}");
	check(&mc_version_policy_pb, &p, PB_JSON_DEFAULTS, "{}");
	in.is_shape_tensor = true;
	check(&mc_input_pb, &in, PB_JSON_CAMEL, "{\"isShapeTensor\":true}");
}
