/* The schema's field numbers, as Triton's gRPC clients use them. */
#include "unit/test.h"

#include "codec/model_config.h"

TEST(numbers_of_the_schema)
{
	static const struct { const char *name; uint32_t number; } want[] = {
		{"name", 1}, {"platform", 2}, {"backend", 17}, {"runtime", 25}, {"version_policy", 3},
		{"max_batch_size", 4}, {"input", 5}, {"output", 6}, {"batch_input", 20}, {"batch_output", 21},
		{"optimization", 12}, {"dynamic_batching", 11}, {"sequence_batching", 13}, {"ensemble_scheduling", 15},
		{"instance_group", 7}, {"default_model_filename", 8}, {"cc_model_filenames", 9}, {"metric_tags", 10},
		{"parameters", 14}, {"model_warmup", 16}, {"model_operations", 18}, {"model_transaction_policy", 19},
		{"model_repository_agents", 23}, {"response_cache", 24}, {"model_metrics", 26}};
	assert_int_equal(mc_config_pb.n, sizeof want / sizeof want[0]);
	for (uint32_t i = 0; i < mc_config_pb.n; i++) {
		assert_string_equal(mc_config_pb.fields[i].name, want[i].name);
		assert_int_equal(mc_config_pb.fields[i].number, want[i].number);
	}
}
