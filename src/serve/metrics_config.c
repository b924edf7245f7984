/* The settings of --metrics-config.
 *
 * Their names and forms are Triton's. A quantile may have an error behind a colon, which bounds
 * Triton's sketch; it is checked and not needed, since quantiles here come from bins of a fixed
 * precision (serve/summary.h). Pure.
 */
#include "serve/metrics.h"

#include <stdio.h>

void metrics_config_init(struct metrics_config *c)
{
	*c = (struct metrics_config){.counters = true, .n_quantiles = 5,
	                             .quantiles = {0.5, 0.9, 0.95, 0.99, 0.999}};
}

static struct status truth(struct str value, bool *out)
{
	bool yes = str_is(value, "true") || str_is(value, "1");
	if (!yes && !str_is(value, "false") && !str_is(value, "0"))
		return FAIL(INVALID_ARG, "'%.*s' is neither true nor false", STR_ARG(value));
	*out = yes;
	return STATUS_GOOD;
}

/* A number from 0 to 1. */
static bool share(struct str text, double *out)
{
	return str_f64(text, out) && *out >= 0 && *out <= 1;
}

/* "0.5:0.05,0.9:0.01": quantiles with the errors that they may have. */
static struct status quantiles(struct metrics_config *c, struct str text)
{
	uint32_t n = 0;
	double all[METRICS_QUANTILES_MAX];
	for (size_t i = 0; i <= text.n; n++) {
		size_t end = i, colon;
		while (end < text.n && text.p[end] != ',')
			end++;
		for (colon = i; colon < end && text.p[colon] != ':'; colon++)
			;
		double error;
		if (n == METRICS_QUANTILES_MAX)
			return FAIL(LIMIT, "over %d quantiles are given", METRICS_QUANTILES_MAX);
		if (colon == end || !share((struct str){text.p + i, colon - i}, &all[n]) ||
		    !share((struct str){text.p + colon + 1, end - colon - 1}, &error))
			return FAIL(INVALID_ARG, "quantiles are written as 0.5:0.05,0.99:0.001, both numbers "
			            "from 0 to 1; '%.*s' is not", (int)(end - i), text.p + i);
		i = end + 1;
	}
	memcpy(c->quantiles, all, sizeof all);
	c->n_quantiles = n;
	return STATUS_GOOD;
}

struct status metrics_config_set(struct metrics_config *c, struct str setting)
{
	size_t eq = 0;
	while (eq < setting.n && setting.p[eq] != '=')
		eq++;
	if (eq == setting.n)
		return FAIL(INVALID_ARG, "'%.*s' has no '=': write name=value", STR_ARG(setting));
	struct str name = {setting.p, eq}, value = {setting.p + eq + 1, setting.n - eq - 1};
	if (str_is(name, "counter_latencies"))
		return truth(value, &c->counters);
	if (str_is(name, "histogram_latencies"))
		return truth(value, &c->histograms);
	if (str_is(name, "summary_latencies"))
		return truth(value, &c->summaries);
	if (str_is(name, "summary_quantiles"))
		return quantiles(c, value);
	return FAIL(INVALID_ARG, "'%.*s' is no setting of metrics: counter_latencies, "
	            "histogram_latencies, summary_latencies and summary_quantiles are", STR_ARG(name));
}
