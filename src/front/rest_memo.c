/* The last inference heads that were parsed, one set a loop.
 *
 * Clients send the same JSON again and again in front of binary tensors. Where a head's bytes equal
 * those of one that was parsed before for the same version, what it said is taken over instead of
 * being parsed again. Only heads whose meaning lies in themselves are kept: binary inputs, outputs
 * without classes or shared memory, no id and no parameters. Names are kept as places in the text,
 * so that they point into the request's own bytes. Owned by one loop's thread; a version lives as
 * long as the server, so its address names it.
 */
#include "front/rest_priv.h"

#include "base/mem.h"
#include "base/panic.h"

#include <string.h>

enum { HEADS = 4, HEAD_BYTES = 1024, INPUTS = 8 };

struct memo_input { uint32_t name_at, name_n, rank; enum dtype dtype;
	int64_t dims[TENSOR_RANK_MAX]; size_t bytes; };
struct memo_head {
	const struct served_version *version;            /* NULL: empty */
	uint32_t text_n, n_inputs;
	bool want_all, want[MODEL_IO_MAX], binary[MODEL_IO_MAX];
	struct memo_input inputs[INPUTS];
	char text[HEAD_BYTES];
};
struct rest_memo { uint32_t next; struct memo_head heads[HEADS]; };

void rest__memo_free(struct rest_memo *m)
{
	mem_free(m);
}

static struct rest_memo *memo_of(const struct rest_infer *q)
{
	CHECK(q->call.x->thread < FRONT_THREADS_MAX);
	return q->call.rest->memos[q->call.x->thread];
}

static struct status recall(const struct memo_head *h, struct rest_infer *q, struct str text,
                            struct span tail)
{
	uint32_t n = h->version->owner->n_outputs;
	for (uint32_t i = 0; i < h->n_inputs; i++) {
		const struct memo_input *from = &h->inputs[i];
		struct infer_input *in = infer_add_input(&q->infer);
		if (!in)
			return FAIL(NO_MEMORY, "no memory for the request");
		in->name = (struct str){text.p + from->name_at, from->name_n};
		in->dtype = from->dtype;
		in->rank = from->rank;
		memcpy(in->dims, from->dims, sizeof in->dims);
		TRY(rest__read_binary(q, in, from->bytes, &tail));
	}
	q->infer.want_all = h->want_all;
	memcpy(q->infer.want, h->want, n * sizeof *h->want);
	for (uint32_t i = 0; i < n; i++)
		q->outputs[i].binary = h->binary[i];
	return rest__no_more(q, tail);
}

bool rest__memo_find(struct rest_infer *q, struct str text, struct span tail, struct status *st)
{
	const struct rest_memo *m = memo_of(q);
	for (uint32_t i = 0; m && i < HEADS; i++) {
		const struct memo_head *h = &m->heads[i];
		if (h->version != q->infer.version || h->text_n != text.n ||
		    memcmp(h->text, text.p, text.n) != 0)
			continue;
		*st = recall(h, q, text, tail);
		return true;
	}
	return false;
}

/* Whether all that the parsed head of q says can be kept. */
static bool lasting(const struct rest_infer *q, struct str text)
{
	const struct infer_request *r = &q->infer;
	if (q->unlike || text.n > HEAD_BYTES || r->n_inputs > INPUTS)
		return false;
	for (uint32_t i = 0; i < r->n_inputs; i++) /* a name with escapes lies in the arena */
		if (r->inputs[i].name.p < text.p || r->inputs[i].name.p > text.p + text.n)
			return false;
	return true;
}

static void keep(struct memo_head *h, const struct rest_infer *q, struct str text)
{
	const struct infer_request *r = &q->infer;
	uint32_t n = r->version->owner->n_outputs;
	h->version = r->version;
	h->text_n = (uint32_t)text.n;
	memcpy(h->text, text.p, text.n);
	h->n_inputs = r->n_inputs;
	h->want_all = r->want_all;
	memcpy(h->want, r->want, n * sizeof *h->want);
	for (uint32_t i = 0; i < n; i++)
		h->binary[i] = q->outputs[i].binary;
	for (uint32_t i = 0; i < r->n_inputs; i++) {
		const struct infer_input *in = &r->inputs[i];
		struct memo_input *to = &h->inputs[i];
		*to = (struct memo_input){(uint32_t)(in->name.p - text.p), (uint32_t)in->name.n,
		                          in->rank, in->dtype, {0}, in->bytes};
		memcpy(to->dims, in->dims, sizeof to->dims);
	}
}

void rest__memo_keep(struct rest_infer *q, struct str text)
{
	struct rest_memo **m = &q->call.rest->memos[q->call.x->thread];
	if (!lasting(q, text))
		return;
	if (!*m)
		*m = mem_zero(sizeof **m);
	if (!*m)
		return; /* the next head tries again; nothing but time is lost */
	keep(&(*m)->heads[(*m)->next++ % HEADS], q, text);
}
