/* Inputs from and outputs to shared memory, for any protocol.
 *
 * Inputs are read when the request is parsed: the kernel copies them into the buffer that the
 * engine reads. Outputs are written when the answer is made. Regions of outputs are looked up
 * before the job, so an unknown one fails early, and are held meanwhile. On the thread of the
 * request's connection.
 */
#include "serve/infer_shm.h"

#include "base/panic.h"

struct infer_store { struct shm_region *region; uint64_t offset, bytes; };

struct status infer_place_check(struct shm *s, const struct infer_place *at)
{
	struct shm_region *region;
	TRY(shm_hold(s, at->region, at->offset, at->bytes, &region));
	shm_drop(s, region);
	return STATUS_GOOD;
}

struct status infer_input_shm(struct infer_request *r, struct shm *s, const struct infer_place *at,
                              struct infer_input *in)
{
	/* its range first: memory is not allocated by a number that a client made up */
	TRY(infer_place_check(s, at));
	in->data = arena_bytes(r->job.arena, at->bytes + 1, 64);
	in->bytes = at->bytes;
	if (!in->data)
		return FAIL(NO_MEMORY, "no memory for input '%.*s'", STR_ARG(in->name));
	return shm_read(s, at->region, at->offset, at->bytes, in->data);
}

struct status infer_output_shm(struct infer_request *r, struct shm *s, uint32_t i,
                               const struct infer_place *at)
{
	CHECK(i < r->version->owner->n_outputs);
	if (!r->stores)
		r->stores = ARENA_ARRAY(r->job.arena, r->version->owner->n_outputs, struct infer_store);
	if (!r->stores)
		return FAIL(NO_MEMORY, "no memory for the request");
	struct infer_store *o = &r->stores[i];
	if (o->region)
		shm_drop(s, o->region);
	*o = (struct infer_store){.offset = at->offset, .bytes = at->bytes};
	return shm_hold(s, at->region, at->offset, at->bytes, &o->region);
}

bool infer_in_shm(const struct infer_request *r, uint32_t i)
{
	return r->stores && r->stores[i].region;
}

struct status infer_store(const struct infer_request *r, uint32_t i, const struct tensor *t)
{
	CHECK(infer_in_shm(r, i));
	const struct infer_store *o = &r->stores[i];
	if (t->bytes > o->bytes)
		return FAIL(INTERNAL, "shared memory size specified with the request for output '%.*s' "
		            "(%llu bytes) should be at least %zu bytes to hold the results",
		            STR_ARG(r->version->owner->outputs[i].name), (unsigned long long)o->bytes,
		            t->bytes);
	return shm_write(o->region, o->offset, t->data, t->bytes);
}

void infer_release(struct infer_request *r, struct shm *s)
{
	uint32_t n = r->stores ? r->version->owner->n_outputs : 0;
	for (uint32_t i = 0; i < n; i++)
		if (r->stores[i].region)
			shm_drop(s, r->stores[i].region);
	r->stores = 0;
}
