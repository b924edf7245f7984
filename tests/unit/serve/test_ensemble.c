/* Ensembles at load: what is wrong with a graph is told in Triton's words; circles; what hangs on
 * a bad model; the limits. */
#include "repo_maker.h"

#include "serve/ensemble.h"

static const struct maker_io one[] = {{"IN", "OUT", DTYPE_FP32}};

#define HEAD "platform: \"ensemble\" max_batch_size: 4 " \
	"input { name: \"IN\" data_type: TYPE_FP32 dims: [ 2 ] } " \
	"output { name: \"OUT\" data_type: TYPE_FP32 dims: [ 2 ] } "
#define STEP(model, in, out) "step { model_name: \"" model "\" model_version: -1 " \
	"input_map { key: \"IN\" value: \"" in "\" } output_map { key: \"OUT\" value: \"" out "\" } } "
#define BAD "Invalid argument: "
#define GRAPH(steps) HEAD "ensemble_scheduling { " steps " }"

static void with_echo(void)
{
	maker_model("echo", one, 1, "max_batch_size: 4");
	maker_model("ints", (struct maker_io[]){{"IN", "OUT", DTYPE_INT32}}, 1, "max_batch_size: 4");
	maker_model("small", one, 1, "max_batch_size: 2");
	maker_model("pair", (struct maker_io[]){{"IN", "OUT", DTYPE_FP32}, {"IN2", "OUT2", DTYPE_FP32}},
	            2, "max_batch_size: 4");
}

TEST(serve_ensemble_puts_steps_in_order)
{
	struct repo r;
	with_echo();
	maker_config("late", GRAPH(STEP("echo", "b", "OUT") STEP("echo", "a", "b")
	                           STEP("echo", "IN", "a")));
	maker_config("outer", GRAPH(STEP("late", "IN", "x") STEP("late", "x", "OUT")));
	maker_open(&r);
	maker_fails(&r, "late", "");
	maker_fails(&r, "outer", "");
	const struct ensemble *e = repo_find(&r, STR("late"))->ensemble;
	assert_int_equal(e->n_steps, 3);
	for (uint32_t i = 0; i + 1 < e->n_steps; i++)
		assert_int_equal(e->steps[i].out[0].tensor, e->steps[i + 1].in[0].tensor);
	assert_int_equal(e->steps[2].out[0].tensor, e->outputs[0]);
	assert_int_equal(repo_find(&r, STR("outer"))->ensemble->depth, 2);
	assert_true(repo_all_loaded(&r));
	repo_release(&r);
}

TEST(serve_ensemble_graph_errors_are_tritons)
{
	struct repo r;
	with_echo();
	maker_config("twice", GRAPH(STEP("echo", "IN", "OUT") STEP("echo", "IN", "OUT")));
	maker_config("over", GRAPH(STEP("echo", "IN", "OUT") STEP("echo", "OUT", "IN")));
	maker_config("unwritten", GRAPH(STEP("echo", "zz", "OUT") STEP("echo", "IN", "k")));
	maker_config("unused", GRAPH(STEP("echo", "IN", "OUT") STEP("echo", "IN", "k")));
	maker_config("noin", GRAPH(STEP("echo", "x", "OUT")));
	maker_config("noout", GRAPH(STEP("echo", "IN", "x")));
	maker_config("cycle", GRAPH(STEP("echo", "b", "a") STEP("echo", "a", "b")
	                            STEP("echo", "IN", "OUT")));
	maker_config("nostep", GRAPH(""));
	maker_config("noname", GRAPH(STEP("", "IN", "OUT")));
	maker_config("nosched", HEAD);
	maker_config("inst", GRAPH(STEP("echo", "IN", "OUT")) "instance_group { count: 1 }");
	maker_open(&r);
	maker_fails(&r, "twice", BAD "ensemble tensor 'OUT' can appear in an output map only once for "
	            "ensemble 'twice' step 1");
	maker_fails(&r, "over", BAD "ensemble tensor 'IN' can appear in an output map only once for "
	            "ensemble 'over' step 1");
	maker_fails(&r, "unwritten", BAD "output 'OUT' for ensemble 'unwritten' is not written: at "
	            "least one of its depending tensors, 'zz', is not connected");
	maker_fails(&r, "unused", BAD "ensemble tensor 'k' is unused in ensemble 'unused'");
	maker_fails(&r, "noin", BAD "ensemble input 'IN' for ensemble noin' is not used");
	maker_fails(&r, "noout", BAD "ensemble output 'OUT' for ensemble noout' is not used");
	maker_fails(&r, "cycle", BAD "ensemble tensor 'b' is unused in ensemble 'cycle'");
	maker_fails(&r, "nostep", BAD "must specify 'step' for ensemble 'nostep'");
	maker_fails(&r, "noname", BAD "must specify 'model_name' in step 0 of ensemble 'noname'");
	maker_fails(&r, "nosched", BAD "ensemble scheduling must be set for ensemble nosched whose "
	            "platform is ensemble");
	maker_fails(&r, "inst", BAD "instance group should not be specified for ensemble 'inst'");
	assert_false(repo_all_loaded(&r));
	repo_release(&r);
}

TEST(serve_ensemble_must_fit_its_models)
{
	struct repo r;
	with_echo();
	maker_config("unknown", GRAPH(STEP("nope", "IN", "OUT")));
	maker_config("hangs", GRAPH(STEP("unknown", "IN", "OUT")));
	maker_config("a", GRAPH(STEP("b", "IN", "OUT")));
	maker_config("b", GRAPH(STEP("a", "IN", "OUT")));
	maker_config("self", GRAPH(STEP("self", "IN", "OUT")));
	maker_config("type", GRAPH(STEP("ints", "IN", "OUT")));
	maker_config("batch", GRAPH(STEP("small", "IN", "OUT")));
	maker_config("lack", GRAPH(STEP("pair", "IN", "OUT")));
	maker_config("version", HEAD "ensemble_scheduling { step { model_name: \"echo\" "
	             "model_version: 9 input_map { key: \"IN\" value: \"IN\" } "
	             "output_map { key: \"OUT\" value: \"OUT\" } } }");
	maker_config("name", HEAD "ensemble_scheduling { step { model_name: \"echo\" "
	             "model_version: -1 input_map { key: \"X\" value: \"IN\" } "
	             "output_map { key: \"OUT\" value: \"OUT\" } } }");
	maker_config("shape", "platform: \"ensemble\" max_batch_size: 4 input { name: \"IN\" "
	             "data_type: TYPE_FP32 dims: [ 3 ] } output { name: \"OUT\" data_type: TYPE_FP32 "
	             "dims: [ 2 ] } ensemble_scheduling { " STEP("echo", "IN", "OUT") "}");
	maker_open(&r);
	maker_fails(&r, "unknown", BAD "ensemble unknown contains models that are not available or "
	            "ambiguous: nope");
	maker_fails(&r, "hangs", BAD "ensemble 'hangs' depends on 'unknown' which is not valid. Model "
	            "'unknown' failed with error: ensemble unknown contains models that are not "
	            "available or ambiguous: nope");
	maker_fails(&r, "a", BAD "circular dependency between ensembles: a -> ... -> b -> a");
	maker_fails(&r, "b", BAD "circular dependency between ensembles: b -> ... -> a -> b");
	maker_fails(&r, "self", BAD "circular dependency between ensembles: self -> ... -> self -> "
	            "self");
	maker_fails(&r, "type", BAD "in ensemble type, ensemble tensor IN: inconsistent data type: "
	            "TYPE_FP32 is inferred from model type while TYPE_INT32 is inferred from "
	            "model ints");
	maker_fails(&r, "batch", BAD "ensemble batch allows maximum batch size 4, but it contains "
	            "model small which only allows maximum batch size to be 2");
	maker_fails(&r, "lack", BAD "in ensemble lack, input IN2 in model pair is not mapped to any "
	            "ensemble tensors");
	maker_fails(&r, "version", BAD "ensemble 'version' depends on 'echo' whose required version 9 "
	            "is not loaded.");
	maker_fails(&r, "name", BAD "in ensemble name, ensemble tensor IN is mapping to non-existing "
	            "input X in model echo");
	maker_fails(&r, "shape", BAD "in ensemble shape, ensemble tensor IN: inconsistent shape: "
	            "[-1,3] is inferred from model shape while [-1,2] is inferred from model echo");
	repo_release(&r);
}

TEST(serve_ensemble_nests_to_its_limit)
{
	struct repo r;
	with_echo();
	maker_config("n0", GRAPH(STEP("echo", "IN", "OUT")));
	for (int i = 1; i <= LIMIT_ENSEMBLE_DEPTH; i++) {
		char name[16], text[600];
		snprintf(name, sizeof name, "n%d", i);
		snprintf(text, sizeof text, HEAD "ensemble_scheduling { step { model_name: \"n%d\" "
		         "model_version: -1 input_map { key: \"IN\" value: \"IN\" } output_map { key: "
		         "\"OUT\" value: \"OUT\" } } }", i - 1);
		maker_config(name, text);
	}
	maker_open(&r);
	for (int i = 0; i < LIMIT_ENSEMBLE_DEPTH; i++) {
		char name[16];
		snprintf(name, sizeof name, "n%d", i);
		maker_fails(&r, name, "");
	}
	char last[16];
	snprintf(last, sizeof last, "n%d", LIMIT_ENSEMBLE_DEPTH);
	assert_non_null(strstr(maker_failure(&r, last), "nests"));
	repo_release(&r);
}
