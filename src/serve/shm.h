/* System shared memory: regions of POSIX shared memory objects that clients register by name, to
 * send tensors through. Nothing here knows a protocol; texts are Triton's.
 *
 * A region is read and written with pread and pwrite, never mapped: a client that cuts its object
 * short, or changes it in the middle of a request, then gets an error or its own mixture, and
 * cannot kill the server. Any thread may call these. */
#ifndef NEREID_SERVE_SHM_H
#define NEREID_SERVE_SHM_H

#include "base/arena.h"

#include <pthread.h>

struct shm_region;
struct shm {
	pthread_mutex_t lock;        /* of the list and of its regions' counts */
	struct shm_region *regions;  /* by name */
	uint32_t n;
	bool allowed;
};
void shm_init(struct shm *s, bool allowed);
/* Once no request holds a region. */
void shm_release(struct shm *s);

/* UNSUPPORTED when regions are not allowed; ALREADY_EXISTS; INVALID_ARG for a range past the
 * object's end; INTERNAL when the object cannot be opened: keys name objects of /dev/shm only. */
struct status shm_register(struct shm *s, struct str name, struct str key, uint64_t offset,
                           uint64_t bytes) MUST_CHECK;
/* An unknown name is no error; an empty one means all. A region that is held lives on. */
struct status shm_unregister(struct shm *s, struct str name) MUST_CHECK;

struct shm_info { struct str name, key; uint64_t offset, bytes; };
/* All regions in the order of their names, or the one of that name (NOT_FOUND), in the arena. */
struct status shm_status(struct shm *s, struct str name, struct arena *a, struct shm_info **out,
                         uint32_t *n) MUST_CHECK;

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
