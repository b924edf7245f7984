/* Parameters over gRPC: of a request, and of its outputs.
 *
 * The known ones have types and go to fields of the request; of the others the name and the value
 * are kept. Order and texts are Triton's. Everything lies in the request's message.
 */
#include "front/grpc_priv.h"

#include "base/panic.h"

#define IS(v, field) PB_IS_SET(v, gs_parameter, field)

static struct status wrong_type(const char *name, const char *types)
{
	return FAIL(INVALID_ARG, "invalid value type for '%s' parameter, expected %s.", name, types);
}

static struct status flag(const char *name, const struct gs_parameter *v, bool *out)
{
	*out = v->bool_param;
	return IS(v, bool_param) ? STATUS_GOOD : wrong_type(name, "bool_param");
}

static struct status sequence_id(struct infer_sequence *s, const struct gs_parameter *v)
{
	s->is_text = IS(v, string_param);
	s->text = v->string_param;
	s->id = (uint64_t)v->int64_param;
	return s->is_text || IS(v, int64_param) ? STATUS_GOOD
		: wrong_type("sequence_id", "int64_param or string_param");
}

static struct status priority(struct infer_request *r, const struct gs_parameter *v)
{
	if (IS(v, uint64_param)) {
		r->priority = v->uint64_param;
		return STATUS_GOOD;
	}
	if (!IS(v, int64_param))
		return wrong_type("priority", "int64_param or uint64_param");
	if (v->int64_param < 0)
		return FAIL(INVALID_ARG, "invalid value for 'priority', expected value >= 0.");
	r->priority = (uint64_t)v->int64_param;
	return STATUS_GOOD;
}

static struct status timeout(struct infer_request *r, const struct gs_parameter *v)
{
	if (!IS(v, int64_param))
		return wrong_type("timeout", "int64_param");
	r->timeout_us = v->int64_param < 0 ? 0 : (uint64_t)v->int64_param;
	return STATUS_GOOD;
}

/* One that the client made up. */
static struct status custom(struct infer_request *r, struct str key, const struct gs_parameter *v)
{
	if (str_starts(key, STR("triton_")))
		return FAIL(INVALID_ARG, "parameter keys starting with 'triton_' are reserved for Triton "
		            "usage. Only the following keys starting with 'triton_' are allowed: "
		            "triton_enable_empty_final_response");
	struct infer_parameter *p = infer_add_parameter(r);
	if (!p)
		return FAIL(INVALID_ARG, "the request has over %d parameters", LIMIT_INFER_PARAMETERS);
	p->name = key;
	p->text = v->string_param;
	p->number = v->int64_param;
	p->flag = v->bool_param;
	p->real = v->double_param;
	if (IS(v, string_param))
		p->kind = PARAMETER_STRING;
	else if (IS(v, int64_param))
		p->kind = PARAMETER_INT;
	else if (IS(v, bool_param))
		p->kind = PARAMETER_BOOL;
	else if (IS(v, double_param))
		p->kind = PARAMETER_DOUBLE;
	else
		return FAIL(INVALID_ARG, "invalid value type for '%.*s' parameter, expected int64_param, "
		            "bool_param, or string_param.", STR_ARG(key));
	return STATUS_GOOD;
}

struct status grpc__parameters(struct infer_request *r, const struct gs_infer *x)
{
	static const struct gs_parameter nothing;
	bool unused;
	CHECK(r->version);
	for (uint32_t i = 0; i < x->parameters.n; i++) {
		struct str key = x->parameters.p[i].key;
		const struct gs_parameter *v = x->parameters.p[i].value;
		v = v ? v : &nothing;
		if (str_is(key, "sequence_id"))
			TRY(sequence_id(&r->sequence, v));
		else if (str_is(key, "sequence_start"))
			TRY(flag("sequence_start", v, &r->sequence.start));
		else if (str_is(key, "sequence_end"))
			TRY(flag("sequence_end", v, &r->sequence.end));
		else if (str_is(key, "priority"))
			TRY(priority(r, v));
		else if (str_is(key, "timeout"))
			TRY(timeout(r, v));
		else if (str_is(key, "triton_enable_empty_final_response"))
			TRY(flag("triton_enable_empty_final_response", v, &unused));
		else
			TRY(custom(r, key, v));
	}
	return STATUS_GOOD;
}

const struct gs_parameter *grpc__parameter(const struct gs_parameter_entry *list, uint32_t n,
                                           const char *name)
{
	for (uint32_t i = 0; i < n; i++)
		if (str_is(list[i].key, name))
			return list[i].value;
	return 0;
}

struct status grpc__classes(const struct gs_wanted *w, uint32_t *classes)
{
	const struct gs_parameter *v = grpc__parameter(w->parameters.p, w->parameters.n,
	                                               "classification");
	if (!v)
		return STATUS_GOOD;
	if (!IS(v, int64_param)) /* here Triton leaves out the full stop */
		return FAIL(INVALID_ARG, "invalid value type for 'classification' parameter, expected "
		            "int64_param");
	if (v->int64_param <= 0)
		return FAIL(INVALID_ARG, "invalid value for 'classification' parameter, expected >= 0");
	*classes = v->int64_param > UINT32_MAX ? UINT32_MAX : (uint32_t)v->int64_param;
	return STATUS_GOOD;
}
