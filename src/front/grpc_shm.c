/* Shared memory over gRPC: registering regions, and tensors that lie in them.
 *
 * As rest_shm.c; all rules are in serve/shm.h and serve/infer_shm.h.
 */
#include "front/grpc_priv.h"

#include "base/panic.h"

static void answer_empty(struct grpc_front *f, struct grpc_message *m, struct status st)
{
	struct gs_empty empty = {0};
	if (st.code)
		grpc__fail(m, st);
	else
		grpc__answer(f, m, &gs_empty_pb, &empty);
}

void grpc__shm_status(struct grpc_front *f, struct grpc_message *m)
{
	struct gs_region_name ask;
	struct gs_regions reply = {0};
	struct shm_info *list;
	uint32_t n;
	if (!grpc__decode(m, &gs_region_name_pb, &ask))
		return;
	struct status st = shm_status(f->shm, SHM_SYSTEM, ask.name, &m->arena, &list, &n);
	if (st.code) {
		grpc__fail(m, st);
		return;
	}
	struct gs_region *regions = ARENA_ARRAY(&m->arena, n + 1, struct gs_region);
	struct gs_region_entry *entries = ARENA_ARRAY(&m->arena, n + 1, struct gs_region_entry);
	if (!regions || !entries) {
		grpc_fail(m, GRPC_RESOURCE_EXHAUSTED, "no memory for the answer");
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		regions[i] = (struct gs_region){.name = list[i].name, .key = list[i].key,
		                                .offset = list[i].offset, .byte_size = list[i].bytes};
		entries[i].key = list[i].name;
		PB_SET(&entries[i], gs_region_entry, value, &regions[i]);
	}
	reply.regions.p = entries;
	reply.regions.n = n;
	grpc__answer(f, m, &gs_regions_pb, &reply);
}

void grpc__shm_register(struct grpc_front *f, struct grpc_message *m)
{
	struct gs_region ask;
	if (!grpc__decode(m, &gs_region_pb, &ask))
		return;
	struct status st = ask.name.n
		? shm_register(f->shm, ask.name, ask.key, ask.offset, ask.byte_size)
		: FAIL(INVALID_ARG, "'region name' is necessary to register system shared memory region");
	answer_empty(f, m, st);
}

void grpc__shm_unregister(struct grpc_front *f, struct grpc_message *m)
{
	struct gs_region_name ask;
	if (grpc__decode(m, &gs_region_name_pb, &ask))
		answer_empty(f, m, shm_unregister(f->shm, SHM_SYSTEM, ask.name));
}

/* ---- CUDA ---- */

void grpc__cuda_shm_status(struct grpc_front *f, struct grpc_message *m)
{
	struct gs_region_name ask;
	struct gs_cuda_regions reply = {0};
	struct shm_info *list;
	uint32_t n;
	if (!grpc__decode(m, &gs_region_name_pb, &ask))
		return;
	struct status st = shm_status(f->shm, SHM_CUDA, ask.name, &m->arena, &list, &n);
	if (st.code) {
		grpc__fail(m, st);
		return;
	}
	struct gs_cuda_region *regions = ARENA_ARRAY(&m->arena, n + 1, struct gs_cuda_region);
	struct gs_cuda_region_entry *entries = ARENA_ARRAY(&m->arena, n + 1,
	                                                   struct gs_cuda_region_entry);
	if (!regions || !entries) {
		grpc_fail(m, GRPC_RESOURCE_EXHAUSTED, "no memory for the answer");
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		regions[i] = (struct gs_cuda_region){.name = list[i].name, .device_id = list[i].gpu,
		                                     .byte_size = list[i].bytes};
		entries[i].key = list[i].name;
		PB_SET(&entries[i], gs_cuda_region_entry, value, &regions[i]);
	}
	reply.regions.p = entries;
	reply.regions.n = n;
	grpc__answer(f, m, &gs_cuda_regions_pb, &reply);
}

static struct status register_cuda(struct grpc_front *f, const struct gs_cuda_register *ask)
{
	struct cuda_handle handle;
	if (!ask->name.n)
		return FAIL(INVALID_ARG, "'region name' is necessary to register cuda shared memory "
		            "region");
	if (ask->raw_handle.n != sizeof handle)
		return FAIL(INVALID_ARG, "'raw_handle' must be a cudaIpcMemHandle_t of %zu bytes, and has "
		            "%zu", sizeof handle, ask->raw_handle.n);
	memcpy(&handle, ask->raw_handle.p, sizeof handle);
	/* one below zero is no GPU's */
	return shm_register_cuda(f->shm, ask->name, &handle, (uint64_t)ask->device_id, ask->byte_size);
}

void grpc__cuda_shm_register(struct grpc_front *f, struct grpc_message *m)
{
	struct gs_cuda_register ask;
	if (grpc__decode(m, &gs_cuda_register_pb, &ask))
		answer_empty(f, m, register_cuda(f, &ask));
}

void grpc__cuda_shm_unregister(struct grpc_front *f, struct grpc_message *m)
{
	struct gs_region_name ask;
	if (grpc__decode(m, &gs_region_name_pb, &ask))
		answer_empty(f, m, shm_unregister(f->shm, SHM_CUDA, ask.name));
}

/* ---- tensors ---- */

struct status grpc__place(const struct gs_parameter_entry *list, uint32_t n, struct str tensor,
                          struct infer_place *out, bool *there)
{
	const struct gs_parameter *region = grpc__parameter(list, n, "shared_memory_region"),
		*bytes = grpc__parameter(list, n, "shared_memory_byte_size"),
		*offset = grpc__parameter(list, n, "shared_memory_offset");
	CHECK(out && there);
	*there = region != 0;
	if (!region && (bytes || offset))
		return FAIL(INVALID_ARG, "'shared_memory_%s' can not be specified without "
		            "'shared_memory_region' parameter for tensor '%.*s'",
		            offset ? "offset" : "byte_size", STR_ARG(tensor));
	if (!region)
		return STATUS_GOOD;
	if (!PB_IS_SET(region, gs_parameter, string_param))
		return FAIL(INVALID_ARG, "invalid value type for 'shared_memory_region' parameter for "
		            "tensor '%.*s', expected string_param.", STR_ARG(tensor));
	bool wrong = offset && !PB_IS_SET(offset, gs_parameter, int64_param);
	if (!wrong && !bytes)
		return FAIL(INVALID_ARG, "'shared_memory_byte_size' must be specified along with "
		            "'shared_memory_region' parameter for tensor '%.*s'", STR_ARG(tensor));
	if (wrong || !PB_IS_SET(bytes, gs_parameter, int64_param))
		return FAIL(INVALID_ARG, "invalid value type for 'shared_memory_%s' parameter for tensor "
		            "'%.*s', expected int64_param.",
		            wrong ? "offset" : "byte_size", STR_ARG(tensor));
	/* one below zero is past the end of every region */
	*out = (struct infer_place){region->string_param, offset ? (uint64_t)offset->int64_param : 0,
	                            (uint64_t)bytes->int64_param};
	return STATUS_GOOD;
}
