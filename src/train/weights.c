/* Sets of named tensors out of checkpoints.
 *
 * A file is recognised by its content, mapped, and indexed by name; tensors stay in the
 * mapping. Half-precision tensors are widened into the arena when they are asked for. Every
 * error names the file and the tensor. One thread owns a set.
 */
#include "train/weights.h"

#include "base/half.h"
#include "base/mem.h"
#include "base/panic.h"
#include "codec/pth.h"

#define WEIGHTS_BYTES_MAX ((size_t)16 << 30)

void weights_init(struct weights *w, const char *name)
{
	memset(w, 0, sizeof *w);
	arena_init(&w->arena, WEIGHTS_BYTES_MAX);
	map_init(&w->by_name, &w->arena);
	w->path = name;
}

struct status weights_add(struct weights *w, struct str name, struct tensor t)
{
	struct tensor *copy = ARENA_NEW(&w->arena, struct tensor);
	if (!copy || !map_put(&w->by_name, name, copy))
		return FAIL(NO_MEMORY, "no memory for the tensor %.*s", STR_ARG(name));
	*copy = t;
	return STATUS_GOOD;
}

struct status weights_open(struct weights *w, const char *path)
{
	struct status st = STATUS_GOOD;
	struct named_tensor *list = 0;
	uint32_t n = 0;

	weights_init(w, path);
	w->path = arena_text(&w->arena, str_from(path));
	if (!w->path)
		return FAIL(NO_MEMORY, "no memory for %s", path);
	GO(file_map(path, &w->file));
	if (pth_is(w->file.bytes))
		GO_MSG(pth_read(w->file.bytes, &w->arena, &list, &n), "%s", path);
	else
		GO_MSG(safetensors_read(w->file.bytes, &w->arena, &list, &n), "%s", path);
	for (uint32_t i = 0; i < n; i++)
		GO(weights_add(w, list[i].name, list[i].tensor));
out:
	if (st.code)
		weights_release(w);
	return st;
}

void weights_release(struct weights *w)
{
	arena_release(&w->arena);
	file_unmap(&w->file);
	weights_init(w, 0);
}

const struct tensor *weights_find(const struct weights *w, struct str name)
{
	return map_get(&w->by_name, name);
}

/* fp32 content: as it is where aligned, else widened or moved into the arena. */
static struct status widen(struct weights *w, const char *name, const struct tensor *t, const float **data)
{
	size_t n = t->bytes / dtype_bytes(t->dtype);
	if (t->dtype == DTYPE_FP32 && (uintptr_t)t->data % 4 == 0) {
		*data = t->data;
		return STATUS_GOOD;
	}
	float *p = ARENA_ARRAY(&w->arena, n + 1, float);
	if (!p)
		return FAIL(NO_MEMORY, "no memory for the tensor %s", name);
	for (size_t i = 0; i < n; i++) {
		uint16_t h;
		const uint8_t *at = (const uint8_t *)t->data + i * dtype_bytes(t->dtype);
		if (t->dtype == DTYPE_FP32) {
			memcpy(&p[i], at, 4);
			continue;
		}
		memcpy(&h, at, 2);
		p[i] = t->dtype == DTYPE_FP16 ? half_to_f32(h) : bf16_to_f32(h);
	}
	*data = p;
	return STATUS_GOOD;
}

struct status weights_get(struct weights *w, const char *name, uint32_t rank, const int64_t *dims, const float **data)
{
	const struct tensor *t = weights_find(w, str_from(name));
	char have[128], want[128];
	if (!t)
		return FAIL(NOT_FOUND, "%s has no tensor %s, which the model needs; give a checkpoint of this architecture",
		            w->path, name);
	bool good = t->rank == rank && (t->dtype == DTYPE_FP32 || t->dtype == DTYPE_FP16 || t->dtype == DTYPE_BF16);
	for (uint32_t i = 0; good && i < rank; i++)
		good = t->dims[i] == dims[i];
	CHECK(rank <= TENSOR_RANK_MAX);
	if (!good)
		return FAIL(INVALID_ARG, "%s: tensor %s is %s %s; the model needs FP32 %s", w->path, name,
		            dtype_wire(t->dtype), tensor_shape_text(t->dims, t->rank, have, sizeof have),
		            tensor_shape_text(dims, rank, want, sizeof want));
	return widen(w, name, t, data);
}
