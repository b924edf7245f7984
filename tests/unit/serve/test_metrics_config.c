/* --metrics-config: every setting, its forms, and what is refused. */
#include "../test.h"

#include "serve/metrics.h"

#include <stdio.h>
#include <string.h>

TEST(serve_metrics_config_reads_settings)
{
	struct metrics_config c;
	metrics_config_init(&c);
	assert_true(c.counters && !c.histograms && !c.summaries && c.n_quantiles == 5);
	assert_true(c.quantiles[0] == 0.5 && c.quantiles[4] == 0.999);
	ASSERT_GOOD(metrics_config_set(&c, STR("counter_latencies=0")));
	ASSERT_GOOD(metrics_config_set(&c, STR("histogram_latencies=1")));
	ASSERT_GOOD(metrics_config_set(&c, STR("summary_latencies=true")));
	assert_true(!c.counters && c.histograms && c.summaries);
	ASSERT_GOOD(metrics_config_set(&c, STR("summary_latencies=false")));
	assert_false(c.summaries);
	ASSERT_GOOD(metrics_config_set(&c, STR("summary_quantiles=0:0,0.25:0.1,1:1")));
	assert_int_equal(c.n_quantiles, 3);
	assert_true(c.quantiles[0] == 0 && c.quantiles[1] == 0.25 && c.quantiles[2] == 1);
}

TEST(serve_metrics_config_refuses)
{
	static const struct { const char *setting, *text; } cases[] = {
		{"summary_latencies", "has no '='"}, {"", "has no '='"}, {"=true", "'' is no setting"},
		{"summary=true", "'summary' is no setting"},
		{"summary_latencies=", "neither true nor false"},
		{"counter_latencies=yes", "'yes' is neither"}, {"summary_quantiles=", "'' is not"},
		{"summary_quantiles=0.5:0.1,", "'' is not"},
		{"summary_quantiles=1.5:0.1", "'1.5:0.1' is not"},
		{"summary_quantiles=0.5:-1", "'0.5:-1' is not"},
		{"summary_quantiles=nan:0", "'nan:0' is not"},
		{"summary_quantiles=0.5:0.1;0.9:0.1", "is not"},
		{"summary_quantiles=0.5:0.1:0.2", "is not"},
	};
	struct metrics_config c;
	metrics_config_init(&c);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		ASSERT_FAILS(metrics_config_set(&c, str_from(cases[i].setting)), INVALID_ARG,
		             cases[i].text);
	assert_true(c.counters && c.n_quantiles == 5 && c.quantiles[1] == 0.9);
	char many[256] = "summary_quantiles=0:0";
	for (int i = 1; i < METRICS_QUANTILES_MAX; i++)
		strcat(many, ",0.5:0");
	ASSERT_GOOD(metrics_config_set(&c, str_from(many)));
	assert_int_equal(c.n_quantiles, METRICS_QUANTILES_MAX);
	strcat(many, ",0.5:0");
	ASSERT_FAILS(metrics_config_set(&c, str_from(many)), LIMIT, "over 16 quantiles");
}
