/* The metrics page from figures that are known: forms of numbers and labels, which families there
 * are, and the settings of a model's configuration. */
#include "repo_maker.h"

#include "serve/metrics.h"

#include <string.h>

static struct repo repo;
static struct metrics_config config;

static void open_models(const char *tagged)
{
	const struct maker_io io = {"IN", "OUT", DTYPE_FP32};
	maker_model("m", &io, 1, tagged);
	maker_config("broken", "max_batch_size: banana");
	maker_open(&repo);
	metrics_config_init(&config);
}

/* The page, ended; the caller releases it. */
static const char *page_of(struct metrics_view v, struct buf *b)
{
	v.repo = &repo;
	v.version = "1.2\"3";
	v.config = &config;
	v.unix_ms = 1700000000000u;
	buf_init(b, 1 << 20);
	metrics_page(&v, b);
	buf_byte(b, 0);
	assert_int_equal(b->bad, 0);
	return (const char *)b->p;
}

#define HAS(page, text)                                             \
	do {                                                        \
		if (!strstr(page, text))                            \
			fail_msg("no '%s' in:\n%s", text, page);    \
	} while (0)
#define HAS_NOT(page, text) assert_null(strstr(page, text))

static void count_one(uint64_t total_ms)
{
	struct stats_times t = {.total = total_ms * 1000000, .queue = 2000, .infer = 5000};
	stats_success(&repo_find(&repo, STR("m"))->versions[0].stats, 0, 3, &t, 1700000000000u);
}

TEST(serve_metrics_page_of_models)
{
	struct buf b;
	open_models("metric_tags { key: \"a-b\" value: \"x\\\"y\\\\z\" }");
	count_one(150);
	const char *page = page_of((struct metrics_view){.strict_ready = true}, &b);
	HAS(page, "# HELP nv_inference_count Number of inferences performed (does not include cached "
	    "requests)\n# TYPE nv_inference_count counter\n"
	    "nv_inference_count{_a_b=\"x\\\"y\\\\z\",model=\"m\",version=\"1\"} 3\n");
	HAS(page, "nv_inference_request_duration_us{_a_b=\"x\\\"y\\\\z\",model=\"m\",version=\"1\"} "
	    "150000\n");
	HAS(page, "nereid_request_duration_seconds_bucket{_a_b=\"x\\\"y\\\\z\",le=\"0.1\",model=\"m\","
	    "version=\"1\"} 0\n");
	HAS(page, "le=\"0.2\",model=\"m\",version=\"1\"} 1\n");
	HAS(page, ",model=\"m\",reason=\"REJECTED\",version=\"1\"} 0\n");
	HAS(page, "nereid_model_ready{model=\"broken\",version=\"\"} 0\n");
	HAS(page, "nereid_model_ready{_a_b=\"x\\\"y\\\\z\",model=\"m\",version=\"1\"} 1\n");
	HAS(page, "nereid_build_info{version=\"1.2\\\"3\"} 1\n");
	HAS(page, "nereid_ready 0\n");   /* a model is broken */
	HAS_NOT(page, "summary");
	HAS_NOT(page, "first_response");
	HAS_NOT(page, "process_");
	HAS_NOT(page, "_limit_");
	HAS_NOT(page, "nv_cpu");
	HAS_NOT(page, "nv_gpu");
	HAS_NOT(page, "nereid_connections");
	buf_release(&b);
	HAS(page_of((struct metrics_view){0}, &b), "nereid_ready 1\n");
	buf_release(&b);
	repo_release(&repo);
}

TEST(serve_metrics_page_of_what_is_sampled)
{
	struct buf b;
	const struct process_sample process = {.resident_bytes = 4096, .open_fds = 7, .max_fds = 1024,
	                                       .cpu_seconds = 1.25, .start_seconds = 1700000000.5};
	const struct process_limits limits = {.memory_bytes = 536870912, .cpu_cores = 1.5};
	struct machine_sample machine = {true, 0.5, 1000, 400};
	const struct metrics_gpu gpus[2] = {
		{"GPU-a", {.known = 31, .utilization = 0.25, .memory_total_bytes = (uint64_t)80 << 30,
		           .memory_used_bytes = 5, .power_watts = 70.5, .limit_watts = 700,
		           .energy_joules = 12.5}},
		{"GPU-b", {.known = NVML_POWER, .power_watts = 1}},
	};
	const struct metrics_connections open[2] = {{"http", 3}, {"grpc", 0}};
	open_models("");
	const char *page = page_of((struct metrics_view){
		.process = &process, .limits = &limits, .machine = &machine, .gpus = gpus, .n_gpus = 2,
		.connections = open, .n_connections = 2}, &b);
	HAS(page, "\nprocess_resident_memory_bytes 4096\n");
	HAS(page, "\nprocess_cpu_seconds_total 1.25\n");
	HAS(page, "\nprocess_start_time_seconds 1700000000.5\n");
	HAS(page, "\nprocess_open_fds 7\n");
	HAS(page, "\nprocess_max_fds 1024\n");
	HAS(page, "\nnereid_memory_limit_bytes 536870912\n");
	HAS(page, "\nnereid_cpu_limit_cores 1.5\n");
	HAS(page, "\nnereid_connections{protocol=\"http\"} 3\n"
	    "nereid_connections{protocol=\"grpc\"} 0\n");
	HAS(page, "\nnv_cpu_utilization 0.5\n");
	HAS(page, "\nnv_cpu_memory_used_bytes 400\n");
	HAS(page, "# HELP nv_gpu_utilization GPU utilization rate [0.0 - 1.0)\n"
	    "# TYPE nv_gpu_utilization gauge\nnv_gpu_utilization{gpu_uuid=\"GPU-a\"} 0.25\n# HELP");
	HAS(page, "nv_gpu_memory_total_bytes{gpu_uuid=\"GPU-a\"} 85899345920\n");
	HAS(page, "nv_gpu_power_usage{gpu_uuid=\"GPU-a\"} 70.5\n"
	    "nv_gpu_power_usage{gpu_uuid=\"GPU-b\"} 1\n");
	HAS(page, "# TYPE nv_energy_consumption counter\n"
	    "nv_energy_consumption{gpu_uuid=\"GPU-a\"} 12.5\n");
	buf_release(&b);
	machine.known = false;
	page = page_of((struct metrics_view){.machine = &machine, .gpus = gpus + 1, .n_gpus = 1}, &b);
	HAS_NOT(page, "nv_cpu");
	HAS_NOT(page, "nv_gpu_utilization");
	HAS_NOT(page, "nv_energy_consumption");
	HAS(page, "nv_gpu_power_usage{gpu_uuid=\"GPU-b\"} 1\n");
	buf_release(&b);
	repo_release(&repo);
}

TEST(serve_metrics_of_latencies_are_chosen)
{
	struct buf b;
	stats_keep_summaries(true);
	open_models("model_metrics { metric_control { metric_identifier { family: "
	            "\"nv_inference_first_response_histogram_ms\" } histogram_options { buckets: "
	            "[ 0.5, 150 ] } } }");
	assert_string_equal(maker_failure(&repo, "m"), "");
	ASSERT_GOOD(metrics_config_set(&config, STR("counter_latencies=false")));
	ASSERT_GOOD(metrics_config_set(&config, STR("histogram_latencies=true")));
	ASSERT_GOOD(metrics_config_set(&config, STR("summary_latencies=true")));
	const char *page = page_of((struct metrics_view){0}, &b);
	HAS(page, "nv_inference_queue_summary_us{model=\"m\",version=\"1\",quantile=\"0.999\"} Nan\n");
	buf_release(&b);
	count_one(0);
	count_one(150);
	count_one(151);
	page = page_of((struct metrics_view){0}, &b);
	HAS_NOT(page, "_duration_us");
	HAS(page, "nv_inference_request_success{model=\"m\",version=\"1\"} 3\n");
	HAS(page, "# TYPE nv_inference_queue_summary_us summary\n"
	    "nv_inference_queue_summary_us_count{model=\"m\",version=\"1\"} 3\n"
	    "nv_inference_queue_summary_us_sum{model=\"m\",version=\"1\"} 6\n"
	    "nv_inference_queue_summary_us{model=\"m\",version=\"1\",quantile=\"0.5\"} 2\n");
	HAS(page, "nv_inference_compute_infer_summary_us{model=\"m\",version=\"1\","
	    "quantile=\"0.9\"} 5\n");
	HAS(page, "nv_inference_first_response_histogram_ms_bucket{le=\"0.5\",model=\"m\","
	    "version=\"1\"} 1\n"
	    "nv_inference_first_response_histogram_ms_bucket{le=\"150\",model=\"m\",version=\"1\"} 2\n"
	    "nv_inference_first_response_histogram_ms_bucket{le=\"+Inf\",model=\"m\",version=\"1\"} 3\n"
	    "nv_inference_first_response_histogram_ms_sum{model=\"m\",version=\"1\"} 301\n"
	    "nv_inference_first_response_histogram_ms_count{model=\"m\",version=\"1\"} 3\n");
	buf_release(&b);
	repo_release(&repo);
}

TEST(serve_metrics_bounds_that_cannot_be)
{
	open_models("model_metrics { metric_control { metric_identifier { family: "
	            "\"nv_inference_first_response_histogram_ms\" } histogram_options { buckets: "
	            "[ 5, 5 ] } } }");
	assert_non_null(strstr(maker_failure(&repo, "m"), "must rise: number 2 is 5"));
	repo_release(&repo);
}
