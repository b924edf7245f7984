/* Models as they are served: configuration, versions, executions, statistics. */
#ifndef NEREID_SERVE_MODEL_H
#define NEREID_SERVE_MODEL_H

#include "base/limits.h"
#include "codec/model_config.h"
#include "engine/engine.h"
#include "serve/runner.h"
#include "serve/stats.h"

#include <stdatomic.h>

/* One input or output as clients see it. */
struct served_io {
	struct str name;
	enum dtype dtype;
	uint32_t rank;                       /* without the batch */
	int64_t dims[TENSOR_RANK_MAX];       /* -1: variable */
	bool reshaped;
	uint32_t inner_rank;                 /* what the engine gets, without the batch */
	int64_t inner_dims[TENSOR_RANK_MAX];
	bool optional;
	uint32_t engine;                     /* index in the engine's model */
	struct str json_head;                /* of an output: its JSON object up to the dims */
	struct str *labels;                  /* of an output's elements */
	uint32_t n_labels;
};

struct served;
struct ensemble;
struct sequence_plan;
struct sequencer;
enum { VERSION_LATEST = -1 };
enum served_state { SERVED_LOADING, SERVED_READY, SERVED_UNAVAILABLE };

struct served_version {
	struct served *owner;
	int64_t number;
	enum served_state state;
	const char *reason;                  /* why it is unavailable, "Code: message"; in the arena */
	struct model *engine;                /* NULL in an ensemble, and so is the runner */
	struct runner *runner;
	struct sequencer *sequencer;         /* NULL: no sequences */
	struct stats stats;
	double load_seconds;
	struct str json_head;                /* of a reply: name and version up to the outputs */
};

struct served {
	const char *name, *dir;              /* in the arena */
	struct arena arena;
	struct mc_config config;             /* effective */
	struct buf config_json;              /* of it */
	const char *platform;                /* in metadata */
	int32_t max_batch;
	struct served_io *inputs, *outputs;  /* in the order of the configuration */
	uint32_t n_inputs, n_outputs;
	struct ensemble *ensemble;           /* NULL: a model with an engine */
	struct sequence_plan *sequence;      /* NULL: requests do not belong to sequences */
	struct served_version *versions;     /* ascending */
	uint32_t n_versions;
	/* why it has no version, "Code: message"; NULL when it has */
	const char *failure;
};

struct served_options {
	const char *config_name;             /* configs/NAME.pbtxt comes first; NULL: none */
	const char *cache_dir;               /* of compiled models; NULL: the engine's default */
	bool complete;                       /* fill in what configurations leave out */
	uint32_t loop_threads;               /* callers of runners */
	uint32_t default_batch;              /* max_batch_size of models that batch and do not say */
	struct serve_clock clock;
};
/* Reads the configuration and loads the versions of the model in dir. Never fails as a whole but
 * for memory: what is wrong is told in state, reason and failure. */
struct status served_load(const char *dir, const char *name, const struct served_options *o,
                          struct served **out) MUST_CHECK;
void served_free(struct served *m);      /* when no request is in flight */
/* A READY version: that number, or the highest for VERSION_LATEST. NOT_FOUND or UNAVAILABLE in
 * Triton's words. m NULL: unknown model. */
struct status served_find(struct served *m, struct str name, int64_t number,
                          struct served_version **out) MUST_CHECK;
bool served_is_ready(const struct served *m, int64_t number);

#endif
