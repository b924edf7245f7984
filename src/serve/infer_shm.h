/* Tensors of a request that lie in shared memory. */
#ifndef NEREID_SERVE_INFER_SHM_H
#define NEREID_SERVE_INFER_SHM_H

#include "serve/infer.h"
#include "serve/shm.h"

/* Where the protocols say that a tensor lies. */
struct infer_place { struct str region; uint64_t offset, bytes; };

/* Whether there is such a place: NOT_FOUND, INVALID_ARG. */
struct status infer_place_check(struct shm *s, const struct infer_place *at) MUST_CHECK;
/* An input's data, read into the request's arena. */
struct status infer_input_shm(struct infer_request *r, struct shm *s, const struct infer_place *at,
                              struct infer_input *in) MUST_CHECK;
/* Output i goes there instead of into the answer; the region is held until infer_release. */
struct status infer_output_shm(struct infer_request *r, struct shm *s, uint32_t i,
                               const struct infer_place *at) MUST_CHECK;
bool infer_in_shm(const struct infer_request *r, uint32_t i);
/* After the job: writes output i, which infer_output has made. INTERNAL when it does not fit. */
struct status infer_store(const struct infer_request *r, uint32_t i,
                          const struct tensor *t) MUST_CHECK;
/* Lets regions go; once for each request, however it ended, before its arena is reset. */
void infer_release(struct infer_request *r, struct shm *s);

#endif
