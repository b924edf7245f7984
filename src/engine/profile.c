/* Optimisation profiles as trtexec writes them: "input:1x3x224x224,mask:1x10".
 *
 * Each of min, opt and max is given by one such text; names may come in any order and a name
 * that is new opens a range whose other ends start out equal. Colons may be part of a name, as in
 * TensorRT: the last one counts. Pure.
 */
#include "engine/engine_priv.h"

#include "base/panic.h"

static struct status parse_dims(struct str text, int64_t *dims, uint32_t *rank)
{
	struct str whole = text;
	*rank = 0;
	while (text.n) {
		const char *x = memchr(text.p, 'x', text.n);
		struct str one = {text.p, x ? (size_t)(x - text.p) : text.n};
		if (*rank == TENSOR_RANK_MAX || !str_i64(one, &dims[*rank]) || dims[*rank] < 0)
			return FAIL(INVALID_ARG, "the shape '%.*s' is not of the form 1x3x224x224 with at most %d numbers",
			            STR_ARG(whole), TENSOR_RANK_MAX);
		++*rank;
		text.p += one.n + (x != 0);
		text.n -= one.n + (x != 0);
		if (x && !text.n)
			return FAIL(INVALID_ARG, "a shape ends in 'x'");
	}
	return *rank ? STATUS_GOOD : FAIL(INVALID_ARG, "a shape is empty; the form is input:1x3x224x224");
}

static struct shape_range *range_of(struct profile *p, struct str name)
{
	for (uint32_t i = 0; i < p->n; i++)
		if (str_eq(p->input[i].name, name))
			return &p->input[i];
	if (p->n == MODEL_IO_MAX)
		return 0;
	p->input[p->n] = (struct shape_range){.name = name};
	return &p->input[p->n++];
}

static struct status parse_one(struct profile *p, enum profile_end end, struct str text)
{
	int64_t dims[TENSOR_RANK_MAX] = {0};
	uint32_t rank;
	size_t colon = text.n;
	while (colon && text.p[colon - 1] != ':')
		colon--;
	if (colon < 2)
		return FAIL(INVALID_ARG, "the shape '%.*s' names no input; the form is input:1x3x224x224", STR_ARG(text));
	TRY(parse_dims((struct str){text.p + colon, text.n - colon}, dims, &rank));
	struct shape_range *r = range_of(p, (struct str){text.p, colon - 1});
	if (!r)
		return FAIL(LIMIT, "a profile has at most %d inputs", MODEL_IO_MAX);
	bool fresh = r->rank == 0;
	if (!fresh && r->rank != rank)
		return FAIL(INVALID_ARG, "input '%.*s' has shapes of different rank in the profile", STR_ARG(r->name));
	r->rank = rank;
	if (fresh || end == PROFILE_MIN)
		memcpy(r->min, dims, sizeof dims);
	if (fresh || end == PROFILE_OPT)
		memcpy(r->opt, dims, sizeof dims);
	if (fresh || end == PROFILE_MAX)
		memcpy(r->max, dims, sizeof dims);
	return STATUS_GOOD;
}

struct status profile_parse(struct profile *p, enum profile_end end, struct str text)
{
	CHECK(p->n <= MODEL_IO_MAX);
	while (text.n) {
		const char *comma = memchr(text.p, ',', text.n);
		struct str one = {text.p, comma ? (size_t)(comma - text.p) : text.n};
		TRY(parse_one(p, end, one));
		text.p += one.n + (comma != 0);
		text.n -= one.n + (comma != 0);
	}
	return STATUS_GOOD;
}
