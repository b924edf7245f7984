/* Parameters of a request: those that mean something, and those that a client made up.
 *
 * The known ones have a type and go to fields of the request; of the others the name, the type
 * and the value are kept for whoever asks. Texts and their codes are Triton's: what its JSON
 * library complains of is an internal error. Everything lies in the request's arena, on the
 * thread of its connection.
 */
#include "front/rest_priv.h"

#include "base/panic.h"

enum known {
	KNOWN_NONE, KNOWN_SEQUENCE_ID, KNOWN_SEQUENCE_START, KNOWN_SEQUENCE_END, KNOWN_PRIORITY,
	KNOWN_TIMEOUT, KNOWN_BINARY,
};
static const char *const names[] = {
	[KNOWN_SEQUENCE_ID] = "sequence_id", [KNOWN_SEQUENCE_START] = "sequence_start",
	[KNOWN_SEQUENCE_END] = "sequence_end", [KNOWN_PRIORITY] = "priority",
	[KNOWN_TIMEOUT] = "timeout", [KNOWN_BINARY] = "binary_data_output",
};

struct status rest__json_bad(const char *field, const char *text)
{
	return FAIL(INTERNAL, "Unable to parse '%s': %s", field, text);
}

static enum known find(struct str key)
{
	for (size_t i = 1; i < sizeof names / sizeof *names; i++)
		if (json_key_is(key, names[i]))
			return (enum known)i;
	return KNOWN_NONE;
}

static struct status flag(enum known k, struct json v, bool *out)
{
	return json_bool(v, out) ? STATUS_GOOD : rest__json_bad(names[k], REST_NOT_BOOL);
}

static struct status number(enum known k, struct json v, uint64_t *out)
{
	return json_u64(v, out) ? STATUS_GOOD : rest__json_bad(names[k], REST_NOT_UNSIGNED);
}

static struct status sequence_id(struct rest_infer *q, struct json v)
{
	struct infer_sequence *s = &q->infer.sequence;
	s->is_text = !json_u64(v, &s->id);
	if (s->is_text && !json_str(v, q->call.x->arena, &s->text))
		return rest__json_bad(names[KNOWN_SEQUENCE_ID], REST_NOT_STRING);
	return STATUS_GOOD;
}

struct status rest__add_parameter(struct rest_infer *q, struct str name, struct json v)
{
	struct arena *a = q->call.x->arena;
	enum json_kind kind = json_kind(v);
	if (kind != JSON_STRING && kind != JSON_NUMBER && kind != JSON_BOOL)
		return FAIL(INVALID_ARG, "parameter '%.*s' has invalid type. It should be either 'int', "
		            "'bool', or 'string'.", STR_ARG(name));
	struct infer_parameter *p = infer_add_parameter(&q->infer);
	if (!p)
		return FAIL(INVALID_ARG, "the request has over %d parameters", LIMIT_INFER_PARAMETERS);
	p->name = name;
	if (kind == JSON_STRING) {
		p->kind = PARAMETER_STRING;
		return json_str(v, a, &p->text) ? STATUS_GOOD
			: FAIL(NO_MEMORY, "no memory for the parameters");
	}
	if (kind == JSON_BOOL) {
		p->kind = PARAMETER_BOOL;
		CHECK(json_bool(v, &p->flag));
		return STATUS_GOOD;
	}
	p->kind = json_i64(v, &p->number) ? PARAMETER_INT : PARAMETER_DOUBLE;
	if (p->kind == PARAMETER_DOUBLE)
		CHECK(json_f64(v, &p->real));
	return STATUS_GOOD;
}

/* Of a known parameter that comes twice the first counts; *seen has a bit for each. */
static struct status parse_one(struct rest_infer *q, struct str key, struct json v, unsigned *seen)
{
	struct infer_request *r = &q->infer;
	enum known k = find(key);
	if (k && *seen & 1u << k)
		return STATUS_GOOD;
	*seen |= 1u << k;
	switch (k) {
	case KNOWN_SEQUENCE_ID:
		return sequence_id(q, v);
	case KNOWN_SEQUENCE_START:
		return flag(k, v, &r->sequence.start);
	case KNOWN_SEQUENCE_END:
		return flag(k, v, &r->sequence.end);
	case KNOWN_PRIORITY:
		return number(k, v, &r->priority);
	case KNOWN_TIMEOUT:
		return number(k, v, &r->timeout_us);
	case KNOWN_BINARY:
		return flag(k, v, &q->binary_default);
	case KNOWN_NONE:
		break;
	}
	struct str name;
	if (!json_str(rest__quoted(key), q->call.x->arena, &name))
		return FAIL(NO_MEMORY, "no memory for the parameters");
	if (str_starts(name, STR("triton_")))
		return FAIL(INVALID_ARG, "parameter keys starting with 'triton_' are reserved for Triton "
		            "usage and should not be specified.");
	return rest__add_parameter(q, name, v);
}

struct status rest__parse_parameters(struct rest_infer *q, struct json v)
{
	if (json_kind(v) != JSON_OBJECT)
		return FAIL(INTERNAL, "failed to get request params.: attempt to get members for "
		            "non-object");
	unsigned seen = 0;
	for (struct json_walk w = json_walk(v); json_next(&w);)
		TRY(parse_one(q, w.key, w.value, &seen));
	return STATUS_GOOD;
}
