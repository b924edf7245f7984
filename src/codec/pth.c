/* PyTorch's zip format: NAME/data.pkl, and the content of storage k in NAME/data/k.
 *
 * The pickle is read by codec/pickle.h, which asks here for storages; a storage must be as
 * long as its type and count say, and its checksum is checked once, however many tensors share
 * it. Then the state dict is looked for at the root, under 'state_dict' and under 'model'.
 * Big-endian files and the format before version 1.6 are refused with what to do. Tensors point
 * into the input.
 */
#include "codec/pth.h"

#include "base/limits.h"
#include "base/map.h"
#include "base/panic.h"
#include "codec/pickle.h"
#include "codec/zip.h"

struct reader {
	struct zip zip;
	struct arena *a;
	struct str root;     /* "archive/" */
	struct map storages; /* key to struct span: those already checked */
};

static bool is_legacy(struct span b)
{
	/* a safetensors header of 640 bytes begins with the same two; its '{' tells them apart */
	return b.n > 8 && b.p[0] == 0x80 && b.p[1] >= 2 && b.p[1] <= 5 && b.p[8] != '{';
}

bool pth_is(struct span bytes)
{
	return zip_is(bytes) || is_legacy(bytes);
}

static const struct zip_member *member(struct reader *r, const char *folder, struct str name)
{
	const char *path = arena_printf(r->a, "%.*s%s%.*s", STR_ARG(r->root), folder, STR_ARG(name));
	return path ? zip_find(&r->zip, str_from(path)) : 0;
}

static struct status find_storage(void *ctx, struct str key, size_t bytes, struct span *out)
{
	struct reader *r = ctx;
	struct span *s = map_get(&r->storages, key);
	if (!s) {
		const struct zip_member *m = key.n <= 64 ? member(r, "data/", key) : 0;
		if (!m)
			return FAIL(CORRUPT, "storage '%.*s' is not in the file", (int)(key.n < 64 ? key.n : 64), key.p);
		s = ARENA_NEW(r->a, struct span);
		if (!s || !map_put(&r->storages, key, s))
			return FAIL(NO_MEMORY, "no memory for a storage");
		TRY(zip_content(m, SIZE_MAX, r->a, s));
	}
	if (s->n != bytes)
		return FAIL(CORRUPT, "storage '%.*s' has %zu bytes; its type and count need %zu", STR_ARG(key), s->n, bytes);
	*out = *s;
	return STATUS_GOOD;
}

/* The value of a text key; the last one counts, as in Python. */
static const struct pickle *dict_get(const struct pickle *d, const char *key, enum pickle_kind kind)
{
	for (uint32_t i = d->seq->n; i >= 2; i -= 2) {
		const struct pickle *k = &d->seq->at[i - 2], *v = &d->seq->at[i - 1];
		if (k->kind == PICKLE_STR && str_is(k->s, key))
			return v->kind == kind ? v : 0;
	}
	return 0;
}

static struct status collect(const struct pickle *d, struct arena *a, struct named_tensor **out, uint32_t *n)
{
	struct map seen;
	struct named_tensor *list = 0;
	uint32_t count = 0, cap = 0;
	map_init(&seen, a);
	CHECK(d->kind == PICKLE_DICT && d->seq->n % 2 == 0);
	for (uint32_t i = 0; i < d->seq->n; i += 2) {
		const struct pickle *k = &d->seq->at[i], *v = &d->seq->at[i + 1];
		if (k->kind != PICKLE_STR || v->kind != PICKLE_TENSOR)
			continue;
		const struct pickle_tensor *x = v->tensor;
		if (x->wrong && x->corrupt)
			return FAIL(CORRUPT, "tensor '%.*s': %s", STR_ARG(k->s), x->wrong);
		if (x->wrong)
			return FAIL(UNSUPPORTED, "tensor '%.*s': %s", STR_ARG(k->s), x->wrong);
		if (map_get(&seen, k->s))
			return FAIL(CORRUPT, "tensor '%.*s' is there twice", STR_ARG(k->s));
		if (!ARENA_GROW(a, list, count, cap, LIMIT_CHECKPOINT_TENSORS))
			return FAIL(LIMIT, "the state dict has over %u tensors, or memory ran out", count);
		if (!map_put(&seen, k->s, (void *)(uintptr_t)x))
			return FAIL(NO_MEMORY, "no memory for a state dict");
		CHECK(x->t.data || !x->t.bytes);
		list[count++] = (struct named_tensor){k->s, x->t};
	}
	if (!count)
		return FAIL(UNSUPPORTED, "the .pth file holds no tensors by name: save it as torch.save(model.state_dict(), path)");
	*out = list;
	*n = count;
	return STATUS_GOOD;
}

/* The folder of the archive, from the one member NAME/data.pkl. */
static struct status find_root(struct reader *r, const struct zip_member **pickle)
{
	for (uint32_t i = 0; i < r->zip.n; i++) {
		struct str name = r->zip.members[i].name;
		if (!str_ends(name, STR("/data.pkl")) || memchr(name.p, '/', name.n - 9))
			continue;
		if (name.n > 4096 || *pickle)
			return FAIL(CORRUPT, "the zip file has more than one data.pkl, or its folder's name is too long");
		*pickle = &r->zip.members[i];
		r->root = (struct str){name.p, name.n - 8};
	}
	if (!*pickle)
		return FAIL(UNSUPPORTED, "the zip file has no data.pkl: it was not written by torch.save");
	return STATUS_GOOD;
}

static struct status check_order(struct reader *r)
{
	struct span s;
	const struct zip_member *m = member(r, "byteorder", STR(""));
	if (!m)
		return STATUS_GOOD;
	TRY(zip_content(m, 64, r->a, &s));
	if (str_starts((struct str){(const char *)s.p, s.n}, STR("little")))
		return STATUS_GOOD;
	return FAIL(UNSUPPORTED, "the .pth file is big-endian; load it in torch and save it on a little-endian machine");
}

struct status pth_read(struct span bytes, struct arena *a, struct named_tensor **out, uint32_t *n)
{
	struct reader r = {.a = a};
	const struct zip_member *m = 0;
	struct span text;
	struct pickle root;
	if (is_legacy(bytes))
		return FAIL(UNSUPPORTED, "a checkpoint in the format before torch 1.6: load it and save it again, as "
		            "torch.save(torch.load(path, map_location='cpu'), path)");
	TRY(zip_open(bytes, a, &r.zip));
	map_init(&r.storages, a);
	TRY(find_root(&r, &m));
	TRY(check_order(&r));
	TRY(zip_content(m, LIMIT_PICKLE_BYTES, a, &text));
	TRY(pickle_read(text, a, find_storage, &r, &root));
	const struct pickle *state = root.kind == PICKLE_DICT ? &root : 0, *inner = 0;
	if (state)
		inner = dict_get(state, "state_dict", PICKLE_DICT);
	if (state && !inner)
		inner = dict_get(state, "model", PICKLE_DICT);
	if (!state)
		return FAIL(UNSUPPORTED, "the .pth file does not hold a dict: save it as torch.save(model.state_dict(), path)");
	return collect(inner ? inner : state, a, out, n);
}
