/* Schedulers in configurations: errors in Triton's words, defaults, controls and states. */
#include "repo_maker.h"

#include "serve/scheduling.h"

#define BAD "Invalid argument: "
#define CONTROL(name, rest) "control_input [ { name: \"" name "\" control [ { " rest " } ] } ] "
#define START(name) CONTROL(name, "kind: CONTROL_SEQUENCE_START int32_false_true: [ 0, 1 ]")

static const struct maker_io ios[] = {{"IN", "OUT", DTYPE_INT32}, {"SI", "SO", DTYPE_INT32},
	{"START", 0, DTYPE_INT32}, {"ID", 0, DTYPE_INT64}};

static void model(const char *name, const char *scheduler)
{
	char config[2000];
	snprintf(config, sizeof config, "max_batch_size: 4 input { name: \"IN\" data_type: TYPE_INT32 "
	         "dims: [ 2 ] } output { name: \"OUT\" data_type: TYPE_INT32 dims: [ 2 ] } %s",
	         scheduler);
	maker_model(name, ios, 4, config);
}

TEST(serve_scheduling_checks_dynamic_batching)
{
	struct repo r;
	model("size", "dynamic_batching { preferred_batch_size: [ 9 ] }");
	model("zero", "dynamic_batching { preferred_batch_size: [ 0 ] }");
	model("level", "dynamic_batching { priority_levels: 3 default_priority_level: 4 }");
	model("key", "dynamic_batching { priority_levels: 2 default_priority_level: 2 "
	      "priority_queue_policy { key: 5 value: { max_queue_size: 3 } } }");
	model("order", "dynamic_batching { preserve_ordering: true priority_levels: 2 "
	      "default_priority_level: 2 }");
	model("delay", "dynamic_batching { preserve_ordering: true default_queue_policy { "
	      "timeout_action: DELAY default_timeout_microseconds: 100 } }");
	maker_open(&r);
	maker_fails(&r, "size", BAD "dynamic batching preferred size must be <= max batch size for "
	            "size");
	maker_fails(&r, "zero", BAD "dynamic batching preferred size must be positive for zero");
	maker_fails(&r, "level", BAD "default priority level must be in range [1, 3] for level");
	maker_fails(&r, "key", BAD "priority queue policy must have priority level in range [1, 2] "
	            "for key");
	maker_fails(&r, "order", BAD "Only one priority level is allowed when 'preserve_ordering' is "
	            "true for order");
	maker_fails(&r, "delay", BAD "Queue policy can not have DELAY as timeout action when "
	            "'preserve_ordering' is true for delay");
	repo_release(&r);
}

TEST(serve_scheduling_makes_queues)
{
	struct served m = {.name = "m"};
	struct mc_queue_policy all = {.default_timeout_microseconds = 7, .max_queue_size = 3},
		one = {.timeout_action = MC_DELAY, .allow_timeout_override = true};
	struct mc_queue_policy_entry entry = {.key = 2, .value = &one};
	struct mc_dynamic_batching d = {.priority_levels = 2, .default_priority_level = 1,
		.default_queue_policy = &all, .priority_queue_policy = {&entry, 1, 1}};
	struct queue_options o;
	ASSERT_GOOD(scheduling_queue(&m, &o));
	assert_int_equal(o.levels, 0);
	m.config.dynamic_batching = &d;
	ASSERT_GOOD(scheduling_queue(&m, &o));
	assert_int_equal(o.levels, 2);
	assert_int_equal(o.default_level, 1);
	assert_int_equal(o.policy[0].timeout_us, 7);
	assert_int_equal(o.policy[0].jobs_max, 3);
	assert_false(o.policy[0].delays);
	assert_true(o.policy[1].delays && o.policy[1].may_override);
	assert_int_equal(o.policy[1].timeout_us, 0);
}

TEST(serve_scheduling_checks_sequences)
{
	struct repo r;
	model("cache", "response_cache { enable: true } sequence_batching { }");
	model("noname", "sequence_batching { " START("") "}");
	model("none", "sequence_batching { " CONTROL("START", "kind: CONTROL_SEQUENCE_START") "}");
	model("three", "sequence_batching { " CONTROL("START", "kind: CONTROL_SEQUENCE_START "
	      "int32_false_true: [ 0, 1, 2 ]") "}");
	model("both", "sequence_batching { " CONTROL("START", "kind: CONTROL_SEQUENCE_START "
	      "int32_false_true: [ 0, 1 ] fp32_false_true: [ 0, 1 ]") "}");
	model("multi", "sequence_batching { " START("START") START("B") "}");
	model("type", "sequence_batching { " CONTROL("ID", "kind: CONTROL_SEQUENCE_CORRID data_type: "
	      "TYPE_FP32") "}");
	model("slots", "sequence_batching { direct { minimum_slot_utilization: 2 } }");
	maker_open(&r);
	maker_fails(&r, "cache", BAD "Response Cache does not currently support model cache with "
	            "sequence batching scheduler. Please disable the response cache.");
	maker_fails(&r, "noname", BAD "sequence batching control tensor must have a name for noname");
	maker_fails(&r, "none", BAD "sequence batching must specify either 'int32_false_true', "
	            "'fp32_false_true' or 'bool_false_true' for CONTROL_SEQUENCE_START for none");
	maker_fails(&r, "three", BAD "sequence batching control 'int32_false_true' must have exactly 2 "
	            "entries for CONTROL_SEQUENCE_START for three");
	maker_fails(&r, "both", BAD "sequence batching specifies more than one from "
	            "'int32_false_true', 'fp32_false_true' and 'bool_false_true' for "
	            "CONTROL_SEQUENCE_START for both");
	maker_fails(&r, "multi", BAD "sequence batching specifies multiple CONTROL_SEQUENCE_START "
	            "tensors for multi");
	maker_fails(&r, "type", BAD "unexpected data type for control CONTROL_SEQUENCE_CORRID for type"
	            ". Allowed data types are TYPE_UINT64, TYPE_INT64, TYPE_UINT32, TYPE_INT32 and "
	            "TYPE_STRING");
	maker_fails(&r, "slots", BAD "sequence batching minimum slot utilization must be in range "
	            "(0.0, 1.0] for slots");
	repo_release(&r);
}

#define STATE "state [ { input_name: \"SI\" output_name: \"SO\" data_type: TYPE_INT32 dims: [ 2 ] "
#define ID CONTROL("ID", "kind: CONTROL_SEQUENCE_CORRID data_type: TYPE_INT64")

TEST(serve_scheduling_ties_controls_and_states)
{
	struct repo r;
	model("good", "sequence_batching { max_sequence_idle_microseconds: 5 oldest { "
	      "max_candidate_sequences: 3 } " START("START") ID STATE "} ] }");
	model("absent", "sequence_batching { " START("NOPE") "}");
	model("type", "sequence_batching { " START("ID") "}");
	model("rank", "sequence_batching { " START("START") ID "state [ { input_name: \"SI\" "
	      "output_name: \"SO\" data_type: TYPE_INT32 dims: [ 2, 2 ] } ] }");
	model("file", "sequence_batching { " START("START") ID STATE "initial_state: { data_type: "
	      "TYPE_INT32 dims: [ 2 ] name: \"i\" data_file: \"../config.pbtxt\" } } ] }");
	maker_open(&r);
	maker_fails(&r, "good", "");
	const struct sequence_plan *p = repo_find(&r, STR("good"))->sequence;
	assert_int_equal(p->n_controls, 2);
	assert_int_equal(p->controls[0].input, 2);
	assert_int_equal(p->controls[0].on[0], 1);
	assert_int_equal(p->controls[1].dtype, DTYPE_INT64);
	assert_int_equal(p->n_states, 1);
	assert_int_equal(p->states[0].initial.bytes, 8);
	assert_int_equal(p->idle_ns, 5000);
	assert_true(p->slots >= 3);
	maker_fails(&r, "absent", BAD "unable to load model 'absent', sequence control 'NOPE' is no "
	            "input of the model");
	maker_fails(&r, "type", BAD "unable to load model 'type', configuration expects datatype "
	            "TYPE_INT32 for sequence control 'ID', model provides TYPE_INT64");
	assert_non_null(strstr(maker_failure(&r, "rank"), "3 dimensions"));
	assert_true(maker_failure(&r, "file")[0] != 0);
	repo_release(&r);
}
