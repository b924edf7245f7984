/* A model repository for tests: ONNX files whose outputs repeat inputs, and configurations. */
#ifndef NEREID_TEST_SERVE_REPO_MAKER_H
#define NEREID_TEST_SERVE_REPO_MAKER_H

#include "../test.h"

#include "base/clock.h"
#include "onnx/onnx.h"
#include "serve/infer.h"
#include "serve/repo.h"

#include <stdio.h>
#include <sys/stat.h>

/* The folder of model `name` with its version 1. */
static inline const char *maker_dir(const char *name)
{
	static char path[512];
	(void)mkdir(test_path("repo"), 0700);
	snprintf(path, sizeof path, "%s/%s", test_path("repo"), name);
	assert_int_equal(mkdir(path, 0700), 0);
	size_t n = strlen(path);
	snprintf(path + n, sizeof path - n, "/1");
	assert_int_equal(mkdir(path, 0700), 0);
	path[n] = 0;
	return path;
}

static inline void maker_config(const char *name, const char *config)
{
	char path[600];
	snprintf(path, sizeof path, "%s/config.pbtxt", maker_dir(name));
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(config, f);
	fclose(f);
}

struct maker_io { const char *in, *out; enum dtype dtype; };

/* Model `name`: each `out` is its `in`, of shape [batch, 2]; an `out` of NULL leaves it unread. */
static inline void maker_model(const char *name, const struct maker_io *io, uint32_t n,
                               const char *config)
{
	char path[600];
	struct arena a;
	arena_init(&a, 1 << 24);
	struct ir_graph *g = ir_graph_new(&a);
	g->batch_sym = ir_symbol(g, STR("batch"));
	for (uint32_t i = 0; i < n; i++) {
		struct ir_value *x = ir_value_new(g, str_from(io[i].in));
		x->dtype = io[i].dtype;
		x->rank = 2;
		x->dims[0] = (struct dim){1, g->batch_sym};
		x->dims[1] = DIM(io[i].out ? 2 : 1);
		assert_true(ir_add_input(g, x));
		if (!io[i].out)
			continue;
		struct ir_node *node = ir_node_new(g, OP_IDENTITY, str_from(io[i].out), 1, 1);
		struct ir_value *y = ir_value_new(g, str_from(io[i].out));
		node->in[0] = x;
		ir_node_output(node, 0, y);
		assert_true(ir_add_output(g, y));
	}
	maker_config(name, config);
	snprintf(path, sizeof path, "%s/%s/1/model.onnx", test_path("repo"), name);
	ASSERT_GOOD(onnx_write(g, "test", path));
	arena_release(&a);
}

static inline void maker_open(struct repo *r)
{
	const char *dir = test_path("repo");
	struct served_options o = {.cache_dir = "", .complete = true, .loop_threads = 2,
		.default_batch = 4, .clock = {clock_ns, clock_unix_ns}};
	ASSERT_GOOD(repo_open(r, &dir, 1, &o));
}

/* What is wrong with a model, or "". */
static inline const char *maker_failure(struct repo *r, const char *name)
{
	struct served *m = repo_find(r, str_from(name));
	assert_non_null(m);
	if (m->failure)
		return m->failure;
	return m->n_versions && m->versions[0].reason ? m->versions[0].reason : "";
}

static inline void maker_fails(struct repo *r, const char *name, const char *want)
{
	assert_string_equal(maker_failure(r, name), want);
}

/* A request with one FP32 (or INT32) input of shape [batch, 2], ready for infer_check. */
static inline void maker_done(struct runner_job *j)
{
	struct infer_request *q = (struct infer_request *)((char *)j - offsetof(struct infer_request,
	                                                                        job));
	atomic_fetch_add((_Atomic int *)q->user, 1);
}

static inline struct status maker_request(struct repo *r, struct arena *a, const char *model,
                                   struct infer_request *q, void *data, enum dtype dtype,
                                   _Atomic int *done)
{
	struct served *m = repo_find(r, str_from(model));
	struct served_version *v;
	TRY(served_find(m, str_from(model), VERSION_LATEST, &v));
	TRY(infer_init(q, v, a));
	struct infer_input *in = infer_add_input(q);
	*in = (struct infer_input){STR("IN"), dtype, 2, {1, 2}, data, 8};
	q->want_all = true;
	q->user = (void *)done;
	q->job.done = maker_done;
	q->job.started_ns = clock_ns();
	return STATUS_GOOD;
}

#endif
