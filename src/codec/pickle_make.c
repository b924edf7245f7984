/* What a pickle may construct: empty dicts, storages, tensors over storages.
 *
 * A tensor that cannot be used (strides that are not contiguous, a view past its storage) is
 * kept with the reason, as it may belong to a part of the checkpoint that nobody asks for;
 * pth_read tells it with the tensor's name. A malformed call is an error at once. Pure; memory
 * is the caller's arena.
 */
#include "base/mem.h"
#include "base/panic.h"
#include "codec/pickle_priv.h"

static const struct pickle_name names[] = {
#define X(module, name, makes, type) {module, name, PICKLE_MAKES_##makes, DTYPE_##type},
#include "codec/pth.def"
#undef X
};
enum { NAMES = sizeof names / sizeof *names };

struct status pickle__name(struct str module, struct str name, struct pickle *out)
{
	for (int i = 0; i < NAMES; i++)
		if (str_is(module, names[i].module) && str_is(name, names[i].name)) {
			*out = (struct pickle){.kind = PICKLE_NAME, .name = &names[i]};
			return STATUS_GOOD;
		}
	return FAIL(UNSUPPORTED, "the pickle uses %.*s.%.*s, which is not run: save plain tensors, as "
	            "torch.save(model.state_dict(), path)", (int)(module.n < 200 ? module.n : 200), module.p,
	            (int)(name.n < 200 ? name.n : 200), name.p);
}

const struct pickle *pickle__item(struct pickle v, uint32_t i, enum pickle_kind kind)
{
	if (v.kind != PICKLE_TUPLE && v.kind != PICKLE_LIST && v.kind != PICKLE_DICT)
		return 0;
	return i < v.seq->n && v.seq->at[i].kind == kind ? &v.seq->at[i] : 0;
}

bool pickle__seq(struct arena *a, enum pickle_kind kind, uint32_t n, struct pickle *out)
{
	struct pickle_seq *s = ARENA_NEW(a, struct pickle_seq);
	if (!s)
		return false;
	if (n) {
		s->at = ARENA_ARRAY(a, n, struct pickle);
		s->cap = n;
		if (!s->at)
			return false;
	}
	*out = (struct pickle){.kind = kind, .seq = s};
	return true;
}

struct status pickle__persistent(struct pickle id, struct arena *a, pickle_storage_fn *storage, void *ctx,
                                 struct pickle *out)
{
	const struct pickle *tag = pickle__item(id, 0, PICKLE_STR), *type = pickle__item(id, 1, PICKLE_NAME);
	const struct pickle *key = pickle__item(id, 2, PICKLE_STR), *count = pickle__item(id, 4, PICKLE_INT);
	size_t bytes;
	if (!tag || !str_is(tag->s, "storage") || !type || type->name->makes != PICKLE_MAKES_STORAGE || !key || !count)
		return FAIL(CORRUPT, "a persistent id is not ('storage', type, key, place, elements)");
	if (count->i < 0 || !mem_mul((size_t)count->i, dtype_bytes(type->name->dtype), &bytes))
		return FAIL(CORRUPT, "storage '%.*s' has %lld elements", STR_ARG(key->s), (long long)count->i);
	struct pickle_storage *s = ARENA_NEW(a, struct pickle_storage);
	if (!s)
		return FAIL(NO_MEMORY, "no memory for a pickle");
	s->dtype = type->name->dtype;
	TRY(storage(ctx, key->s, bytes, &s->bytes));
	CHECK(s->bytes.n == bytes);
	*out = (struct pickle){.kind = PICKLE_STORAGE, .storage = s};
	return STATUS_GOOD;
}

/* Strides are those of row-major order; a dimension of one, and a tensor without elements, may
 * have any. */
static bool contiguous(const struct tensor *t, struct pickle strides, int64_t count)
{
	int64_t want = 1;
	for (uint32_t i = t->rank; count && i-- > 0;) {
		const struct pickle *s = pickle__item(strides, i, PICKLE_INT);
		if (t->dims[i] != 1 && s->i != want)
			return false;
		want *= t->dims[i];
	}
	return true;
}

/* Points t into its storage, or tells why not. */
static void view(struct pickle_tensor *x, const struct pickle_storage *s, int64_t offset, struct pickle strides)
{
	size_t bytes, at;
	int64_t count;
	x->corrupt = true;
	if (!tensor_elements(&x->t, &count) || !mem_mul((size_t)count, dtype_bytes(s->dtype), &bytes)) {
		x->wrong = "its shape overflows or has a negative size";
		return;
	}
	if (!contiguous(&x->t, strides, count)) {
		x->wrong = "its strides are not contiguous; save x.contiguous()";
		x->corrupt = false;
		return;
	}
	if (offset < 0 || !mem_mul((size_t)offset, dtype_bytes(s->dtype), &at) || at > s->bytes.n || bytes > s->bytes.n - at) {
		x->wrong = "it goes past the end of its storage";
		return;
	}
	x->corrupt = false;
	x->t.data = (void *)(uintptr_t)(s->bytes.p + at);
	x->t.bytes = bytes;
}

/* _rebuild_tensor_v2(storage, offset, sizes, strides, requires_grad, hooks[, metadata]) */
static struct status make_tensor(struct pickle args, struct arena *a, struct pickle *out)
{
	const struct pickle *storage = pickle__item(args, 0, PICKLE_STORAGE), *offset = pickle__item(args, 1, PICKLE_INT);
	const struct pickle *sizes = pickle__item(args, 2, PICKLE_TUPLE), *strides = pickle__item(args, 3, PICKLE_TUPLE);
	if (!storage || !offset || !sizes || !strides || strides->seq->n != sizes->seq->n)
		return FAIL(CORRUPT, "_rebuild_tensor_v2 is not called with a storage, an offset, sizes and strides");
	if (sizes->seq->n > TENSOR_RANK_MAX)
		return FAIL(UNSUPPORTED, "a tensor of %u dimensions; %d are read", sizes->seq->n, TENSOR_RANK_MAX);
	struct pickle_tensor *x = ARENA_NEW(a, struct pickle_tensor);
	if (!x)
		return FAIL(NO_MEMORY, "no memory for a pickle");
	x->t.dtype = storage->storage->dtype;
	x->t.rank = sizes->seq->n;
	for (uint32_t i = 0; i < x->t.rank; i++) {
		const struct pickle *d = pickle__item(*sizes, i, PICKLE_INT);
		if (!d || !pickle__item(*strides, i, PICKLE_INT))
			return FAIL(CORRUPT, "a tensor's sizes or strides are not whole numbers");
		x->t.dims[i] = d->i;
	}
	view(x, storage->storage, offset->i, *strides);
	*out = (struct pickle){.kind = PICKLE_TENSOR, .tensor = x};
	return STATUS_GOOD;
}

struct status pickle__call(struct pickle callee, struct pickle args, struct arena *a, struct pickle *out)
{
	if (callee.kind != PICKLE_NAME || args.kind != PICKLE_TUPLE)
		return FAIL(CORRUPT, "the pickle calls what is not a function");
	switch (callee.name->makes) {
	case PICKLE_MAKES_TENSOR:
		return make_tensor(args, a, out);
	case PICKLE_MAKES_PARAMETER: {
		const struct pickle *t = pickle__item(args, 0, PICKLE_TENSOR);
		if (!t)
			return FAIL(CORRUPT, "_rebuild_parameter is not called with a tensor");
		*out = *t;
		return STATUS_GOOD;
	}
	case PICKLE_MAKES_DICT:
		if (args.seq->n)
			return FAIL(UNSUPPORTED, "OrderedDict is called with %u arguments; none are read", args.seq->n);
		return pickle__seq(a, PICKLE_DICT, 0, out) ? STATUS_GOOD : FAIL(NO_MEMORY, "no memory for a pickle");
	default:
		return FAIL(UNSUPPORTED, "the pickle calls %s.%s", callee.name->module, callee.name->name);
	}
}
