/* Shared memory that clients register by name, to send tensors through: regions of POSIX shared
 * memory objects ("system"), and memory of GPUs by its CUDA handle. Nothing here knows a protocol;
 * texts are Triton's.
 *
 * A system region is read and written with pread and pwrite, never mapped: a client that cuts its
 * object short, or changes it in the middle of a request, then gets an error or its own mixture,
 * and cannot kill the server. A CUDA region is copied from and to by the driver. Any thread may
 * call these. */
#ifndef NEREID_SERVE_SHM_H
#define NEREID_SERVE_SHM_H

#include "base/arena.h"
#include "base/cuda.h"

#include <pthread.h>

enum shm_kind { SHM_SYSTEM, SHM_CUDA };
struct shm_region;
struct shm {
	pthread_mutex_t lock;        /* of the list and of its regions' counts */
	struct shm_region *regions;  /* by name, of both kinds */
	uint32_t n;
	bool allowed;
	pthread_mutex_t cuda_lock;   /* of cuda */
	struct cuda *cuda;           /* NULL until a client registers a GPU's memory */
};
void shm_init(struct shm *s, bool allowed);
/* Once no request holds a region. */
void shm_release(struct shm *s);

/* UNSUPPORTED when regions are not allowed; ALREADY_EXISTS; INVALID_ARG for a range past the
 * object's end; INTERNAL when the object cannot be opened: keys name objects of /dev/shm only. */
struct status shm_register(struct shm *s, struct str name, struct str key, uint64_t offset,
                           uint64_t bytes) MUST_CHECK;
/* bytes of the memory of a GPU that the handle names. Codes as above; INVALID_ARG also where there
 * is no such GPU, or no driver at all. The first one takes up to seconds. */
struct status shm_register_cuda(struct shm *s, struct str name, const struct cuda_handle *handle,
                                uint64_t gpu, uint64_t bytes) MUST_CHECK;
/* An unknown name is no error, nor is one of the other kind; an empty one means all of the kind. A
 * region that is held lives on. */
struct status shm_unregister(struct shm *s, enum shm_kind kind, struct str name) MUST_CHECK;

/* key and offset of the system's, gpu of CUDA's. */
struct shm_info { struct str name, key; uint64_t offset, bytes, gpu; };
/* All regions of a kind in the order of their names, or the one of that name (NOT_FOUND), in the
 * arena. */
struct status shm_status(struct shm *s, enum shm_kind kind, struct str name, struct arena *a,
                         struct shm_info **out, uint32_t *n) MUST_CHECK;

/* bytes from offset on, of the region. NOT_FOUND, INVALID_ARG for a range outside of it. */
struct status shm_read(struct shm *s, struct str name, uint64_t offset, uint64_t bytes,
                       void *to) MUST_CHECK;
/* Keeps the region until shm_drop. The range is checked as shm_read does. */
struct status shm_hold(struct shm *s, struct str name, uint64_t offset, uint64_t bytes,
                       struct shm_region **out) MUST_CHECK;
/* Within a range that shm_hold checked. */
struct status shm_write(const struct shm_region *r, uint64_t offset, const void *from,
                        uint64_t bytes) MUST_CHECK;
void shm_drop(struct shm *s, struct shm_region *r);

#endif
