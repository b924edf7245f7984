/* NVIDIA GPUs as the driver sees them, by its management library (NVML), which is opened at run
 * time: nothing of NVIDIA's is needed to build or to start. */
#ifndef NEREID_BASE_NVML_H
#define NEREID_BASE_NVML_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

enum { NVML_TEXT = 96, NVML_GPUS_MAX = 64 };

/* What a GPU is. */
struct nvml_gpu {
	char uuid[NVML_TEXT];              /* "GPU-..." */
	char name[NVML_TEXT];              /* "NVIDIA H100 80GB HBM3" */
	int major, minor;                  /* compute capability; 0, 0 where it is not told */
};

/* What it does. Not every GPU has every figure, and a figure may fail for a while: `known` has the
 * bits of those that are there, and the others are 0. */
enum {
	NVML_UTILIZATION = 1, NVML_MEMORY = 2, NVML_POWER = 4, NVML_LIMIT = 8, NVML_ENERGY = 16
};
struct nvml_figures {
	uint32_t known;
	double utilization;                /* 0..1, of the last moments */
	uint64_t memory_total_bytes;
	uint64_t memory_used_bytes;        /* without what the driver keeps for itself */
	double power_watts, limit_watts;
	double energy_joules;              /* since the driver was loaded */
};

struct nvml;
/* path NULL: the driver's own library. NOT_FOUND when there is no such library, so no driver;
 * UNAVAILABLE, with what to do about it, when the driver is too old or does not answer. */
struct status nvml_open(const char *path, struct nvml **out) MUST_CHECK;
void nvml_close(struct nvml *n);           /* NULL is nothing */
const char *nvml_driver(const struct nvml *n);   /* "550.54.15"; lives as long as n */
uint32_t nvml_cuda(const struct nvml *n);  /* the driver's newest CUDA: 12040 is 12.4; 0: unknown */
uint32_t nvml_count(const struct nvml *n); /* at most NVML_GPUS_MAX; found once, by nvml_open */
const struct nvml_gpu *nvml_gpu(const struct nvml *n, uint32_t i);
/* Asks the driver; takes milliseconds, or seconds when a GPU is in trouble. From any thread, one
 * at a time. */
void nvml_read(const struct nvml *n, uint32_t i, struct nvml_figures *out);

#endif
