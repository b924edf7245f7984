/* Test cases of ops: one line of text each, in cases/<family>.def, used to test backends against
 * ref, to judge ref by ONNX Runtime (ort.py), to print what is supported, and to time. A line is
 * blank-separated words:
 *
 *   Conv fp32[2,3,13,13] fp32[5,3,3,3]! - fp32[2,5,6,6] strides=2,2 nereid.fused_act=1 @tol=1e-4
 *
 * First the op. Then inputs: type[dims], with random content from the line's own seed; `!` makes it
 * a constant, `=1,2,3` gives the content and makes it a constant, `~0.1..4` the range of random
 * content, `-` is an absent input. Then attributes by name; a tensor is written as an input. Then
 * options: @tol=T (of 1+|value|), @out=N outputs, @batch (dims[0] of inputs that are not constant is
 * the batch symbol), @noort=word (ONNX Runtime is not asked, and why).
 */
#ifndef NEREID_TESTS_OPS_CASES_H
#define NEREID_TESTS_OPS_CASES_H

#include "backend/registry.h"

enum { OPS_IN_MAX = 16, OPS_OUT_MAX = 8 };

struct ops_line { const char *file; int line; const char *text; };
extern const struct ops_line ops_lines[];
extern const uint32_t ops_lines_n;
/* "conv:12" */
const char *ops_line_name(const struct ops_line *l, char *text, size_t n);

/* A case made into a graph of one node. All of it lives in the arena. */
struct ops_case {
	struct arena *arena;
	struct ir_graph *graph;
	struct ir_node *node;
	struct tensor in[OPS_IN_MAX], out[OPS_OUT_MAX];   /* out: without data */
	bool constant[OPS_IN_MAX];
	int64_t batch;
	double tol;
	struct str no_ort;
};
struct status ops_case_make(struct arena *a, struct str text, struct ops_case *c) MUST_CHECK;
/* One input as above, with content. */
struct status ops_tensor(struct arena *a, struct str text, uint64_t seed, struct tensor *t,
                         bool *constant) MUST_CHECK;

struct ops_how {
	const struct backend *backend;
	uint32_t tactic;                /* index in the list that the backend gives */
	bool channels_last;
	uint32_t threads, repeat;
};
/* Runs the line and fills out[].data in the arena. UNSUPPORTED: the backend or its tactic does not do
 * it. CORRUPT: it wrote outside an output. ns (may be NULL): the shortest of how->repeat runs. */
struct status ops_run(struct arena *a, struct str text, const struct ops_how *how,
                      struct ops_case *c, uint64_t *ns) MUST_CHECK;
/* The number of tactics of the backend for the line. */
struct status ops_tactics(struct arena *a, struct str text, const struct ops_how *how,
                          uint32_t *n) MUST_CHECK;
/* INVALID_ARG with the first element that differs by more than tol. */
struct status ops_compare(const struct tensor *got, const struct tensor *want,
                          double tol) MUST_CHECK;
double ops_get(const struct tensor *t, int64_t i);

#endif
