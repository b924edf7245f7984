/* Text that is printed reads back as the same message. */
#include "unit/test.h"

#include "codec/model_config.h"

TEST(prints_and_reads_back)
{
	static const char want[] =
		"name: \"a\\\"\\n\\303\\251\"\n"
		"version_policy {\n  all {\n  }\n}\n"
		"max_batch_size: -4\n"
		"input {\n  name: \"x\"\n  data_type: TYPE_FP32\n  dims: -1\n  dims: 3\n}\n"
		"sequence_batching {\n  direct {\n    minimum_slot_utilization: 0.1\n  }\n}\n"
		"metric_tags {\n  key: \"k\"\n  value: \"\"\n}\n"
		"response_cache {\n  enable: true\n}\n";
	struct arena a;
	struct mc_config c;
	struct buf b;
	struct pb_source src = {"t", &a, 0, 0};
	arena_init(&a, 1 << 20);
	buf_init(&b, 1 << 16);
	ASSERT_GOOD(pb_text_parse(&mc_config_pb, STR(want), &src, &c));
	pb_text_print(&mc_config_pb, &c, &b);
	ASSERT_GOOD(buf_status(&b));
	buf_byte(&b, 0);
	assert_string_equal((const char *)b.p, want);
	buf_release(&b);
	arena_release(&a);
}
