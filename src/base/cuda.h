/* Memory of NVIDIA GPUs that another process shares by its handle, through CUDA's driver, which is
 * opened at run time: nothing of NVIDIA's is needed to build or to start. */
#ifndef NEREID_BASE_CUDA_H
#define NEREID_BASE_CUDA_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

enum { CUDA_HANDLE_BYTES = 64 };
/* What cuIpcGetMemHandle and cudaIpcGetMemHandle give. */
struct cuda_handle { unsigned char bytes[CUDA_HANDLE_BYTES]; };

struct cuda;
/* path NULL: the driver's own library. NOT_FOUND when there is no such library, so no driver;
 * UNAVAILABLE when it is too old, or finds no GPU. Takes up to seconds, once a process. */
struct status cuda_open(const char *path, struct cuda **out) MUST_CHECK;
void cuda_close(struct cuda *c);           /* NULL is nothing; once nothing is open */
uint32_t cuda_count(const struct cuda *c);

/* A range of a GPU's memory that belongs to another process. It may end that memory at any time:
 * then reads and writes fail. Any thread may call these. */
struct cuda_memory;
/* INVALID_ARG for a GPU that is not there, or a handle that the driver does not know. Holds the
 * GPU's primary context, some hundred megabytes of its memory, until the last one is closed. */
struct status cuda_memory_open(const struct cuda *c, uint64_t gpu, const struct cuda_handle *handle,
                               struct cuda_memory **out) MUST_CHECK;
void cuda_memory_close(struct cuda_memory *m);
/* From where the handle points to the memory's end. */
size_t cuda_memory_bytes(const struct cuda_memory *m);
/* Within the memory; done when they return. INTERNAL with the driver's reason. */
struct status cuda_memory_read(const struct cuda_memory *m, uint64_t offset, void *to,
                               size_t bytes) MUST_CHECK;
struct status cuda_memory_write(const struct cuda_memory *m, uint64_t offset, const void *from,
                                size_t bytes) MUST_CHECK;

#endif
