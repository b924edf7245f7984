/* The metrics page in Prometheus' text format. */
#ifndef NEREID_SERVE_METRICS_H
#define NEREID_SERVE_METRICS_H

#include "base/nvml.h"
#include "base/process.h"
#include "serve/repo.h"

enum { METRICS_QUANTILES_MAX = 16 };
/* --metrics-config: which families of latencies there are. */
struct metrics_config {
	bool counters, histograms, summaries;
	double quantiles[METRICS_QUANTILES_MAX];
	uint32_t n_quantiles;
};
/* Triton's usual: counters only, and five quantiles for summaries. */
void metrics_config_init(struct metrics_config *c);
/* One "name=value" of --metrics-config, in Triton's words; INVALID_ARG says what is wrong. */
struct status metrics_config_set(struct metrics_config *c, struct str setting) MUST_CHECK;

/* A GPU as the page shows it; its energy is since the start of the server. */
struct metrics_gpu { char uuid[NVML_TEXT]; struct nvml_figures figures; };
struct metrics_connections { const char *protocol; uint32_t open; };

/* What the page shows besides the models' own counters; all of the caller's. */
struct metrics_view {
	const struct repo *repo;
	bool strict_ready;                         /* as the health endpoints take it */
	const char *version;                       /* of the program */
	const struct metrics_config *config;
	uint64_t unix_ms;                          /* now */
	const struct process_sample *process;      /* NULL: not known, and so with the others */
	const struct process_limits *limits;
	const struct machine_sample *machine;      /* shown where it is known */
	const struct metrics_gpu *gpus;
	uint32_t n_gpus;
	const struct metrics_connections *connections;
	uint32_t n_connections;
	uint64_t busy_polled_ns;
};
void metrics_page(const struct metrics_view *v, struct buf *out);

/* Applies model_metrics of a model's configuration to the statistics of one of its versions. */
struct status metrics_settings(const struct served *m, struct stats *s) MUST_CHECK;

#endif
