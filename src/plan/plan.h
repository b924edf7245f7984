/* Plans on disk: writing graphs with their weights, and mapping them back. The format is include/nereid/plan.h. */
#ifndef NEREID_PLAN_PLAN_H
#define NEREID_PLAN_PLAN_H

#include "base/file.h"
#include "ir/ir.h"
#include "nereid/plan.h"

/* One graph to write. The first target's weights come first in the file. */
struct plan_part {
	enum plan_kind kind;      /* PLAN_PORTABLE or PLAN_TARGET */
	const char *key;          /* of a target, under PLAN_KEY_BYTES bytes */
	const struct ir_graph *graph;
	int64_t batch_max;
	uint64_t cost_ns;
};
struct status plan_write(const char *path, const struct plan_part *parts, uint32_t n, struct str info) MUST_CHECK;

/* A mapped plan. Graphs read from it point into the map. */
struct plan {
	char *path;                               /* owned */
	struct file_map map;
	struct plan_section sections[PLAN_SECTIONS_MAX];
	uint32_t n_sections;
	bool checked[PLAN_SECTIONS_MAX];          /* whose checksum was compared */
};
/* Maps and checks header and table. CORRUPT, or UNSUPPORTED for another version or a TensorRT engine; the sentence says what to do. */
struct status plan_open(const char *path, struct plan *out) MUST_CHECK;
void plan_release(struct plan *p);            /* graphs from it are dead then */
/* Whether the bytes begin like a plan, or like an engine of TensorRT. */
bool plan_is(struct span bytes);
bool plan_is_tensorrt(struct span bytes);
/* Section of that kind, and key where it is not NULL; PLAN_SECTIONS_MAX when there is none. */
uint32_t plan_find(const struct plan *p, enum plan_kind kind, const char *key);
/* Checks and reads the graph of a section into arena a. */
struct status plan_graph(struct plan *p, uint32_t section, struct arena *a, struct ir_graph **out) MUST_CHECK;
/* The build log, as it was given. */
struct status plan_info(struct plan *p, struct str *out) MUST_CHECK;

#endif
