/* Schedulers as configurations ask for them.
 *
 * The checks are those of Triton's core in its order and words. A sequence's control and state
 * tensors are inputs and outputs of the engine's model that clients do not see; they are looked up
 * by name once, at load, and requests use numbers only. What batches several requests into one run
 * is accepted and changes nothing here: each request runs by itself, and only the limits of queues,
 * priorities and times count. Load time only; all memory from the model's arena.
 */
#include "serve/scheduling.h"

#include "base/beneath.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/panic.h"

#include <inttypes.h>

enum { SLOTS_MAX = LIMIT_SEQUENCES };

static struct status no_memory(const struct served *m)
{
	return FAIL(NO_MEMORY, "no memory for the configuration of %s", m->name);
}

/* ---- checks ---- */

static struct status check_preferred(const struct served *m, const char *who, const int32_t *sizes,
                                     uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (sizes[i] <= 0)
			return FAIL(INVALID_ARG, "%s must be positive for %s", who, m->name);
		if (sizes[i] > m->config.max_batch_size)
			return FAIL(INVALID_ARG, "%s must be <= max batch size for %s", who, m->name);
	}
	return STATUS_GOOD;
}

static bool delays(const struct mc_queue_policy *p)
{
	return p && p->timeout_action == MC_DELAY;
}

static struct status check_priorities(const struct served *m, const struct mc_dynamic_batching *d)
{
	bool late = delays(d->default_queue_policy);
	if (d->priority_levels > LIMIT_PRIORITIES)
		return FAIL(LIMIT, "model '%s' has %" PRIu64 " priority levels; %d are served", m->name,
		            d->priority_levels, LIMIT_PRIORITIES);
	if (d->priority_levels && (!d->default_priority_level ||
	                           d->default_priority_level > d->priority_levels))
		return FAIL(INVALID_ARG, "default priority level must be in range [1, %" PRIu64 "] for %s",
		            d->priority_levels, m->name);
	for (uint32_t i = 0; d->priority_levels && i < d->priority_queue_policy.n; i++) {
		const struct mc_queue_policy_entry *e = &d->priority_queue_policy.p[i];
		if (!e->key || e->key > d->priority_levels)
			return FAIL(INVALID_ARG, "priority queue policy must have priority level in range "
			            "[1, %" PRIu64 "] for %s", d->priority_levels, m->name);
		late = late || delays(e->value);
	}
	if (!d->preserve_ordering)
		return STATUS_GOOD;
	if (d->priority_levels > 1)
		return FAIL(INVALID_ARG, "Only one priority level is allowed when 'preserve_ordering' is "
		            "true for %s", m->name);
	if (late)
		return FAIL(INVALID_ARG, "Queue policy can not have DELAY as timeout action when "
		            "'preserve_ordering' is true for %s", m->name);
	return STATUS_GOOD;
}

/* Exactly one of the three kinds of value, of two elements. */
static struct status check_control(const struct served *m, const struct mc_control *c,
                                   const char *kind)
{
	const struct { uint32_t n; const char *name; } given[] = {
		{c->int32_false_true.n, "int32"}, {c->fp32_false_true.n, "fp32"},
		{c->bool_false_true.n, "bool"}};
	int some = 0;
	if (c->kind == MC_CONTROL_SEQUENCE_CORRID) {
		const char *type = pb_enum_text(&mc_data_type_pb, c->data_type);
		enum dtype t = type ? dtype_from_config(str_from(type)) : DTYPE_INVALID;
		if (t == DTYPE_UINT64 || t == DTYPE_INT64 || t == DTYPE_UINT32 || t == DTYPE_INT32 ||
		    t == DTYPE_BYTES)
			return STATUS_GOOD;
		return FAIL(INVALID_ARG, "unexpected data type for control %s for %s. Allowed data types "
		            "are TYPE_UINT64, TYPE_INT64, TYPE_UINT32, TYPE_INT32 and TYPE_STRING", kind,
		            m->name);
	}
	for (int i = 0; i < 3; i++)
		some += given[i].n > 0;
	if (!some)
		return FAIL(INVALID_ARG, "sequence batching must specify either 'int32_false_true', "
		            "'fp32_false_true' or 'bool_false_true' for %s for %s", kind, m->name);
	if (some > 1)
		return FAIL(INVALID_ARG, "sequence batching specifies more than one from "
		            "'int32_false_true', 'fp32_false_true' and 'bool_false_true' for %s for %s",
		            kind, m->name);
	for (int i = 0; i < 3; i++)
		if (given[i].n && given[i].n != 2)
			return FAIL(INVALID_ARG, "sequence batching control '%s_false_true' must have exactly "
			            "2 entries for %s for %s", given[i].name, kind, m->name);
	return STATUS_GOOD;
}

static struct status check_controls(const struct served *m, const struct mc_sequence_batching *s)
{
	uint32_t seen = 0;
	for (uint32_t i = 0; i < s->control_input.n; i++) {
		const struct mc_control_input *in = &s->control_input.p[i];
		if (!in->name.n)
			return FAIL(INVALID_ARG, "sequence batching control tensor must have a name for %s",
			            m->name);
		if (in->control.n > 1)
			return FAIL(INVALID_ARG, "sequence batching control tensor '%.*s' is specified for "
			            "multiple control kinds for %s", STR_ARG(in->name), m->name);
		for (uint32_t k = 0; k < in->control.n; k++) {
			const struct mc_control *c = &in->control.p[k];
			const char *kind = pb_enum_text(&mc_control_kind_pb, c->kind);
			CHECK(kind && c->kind >= 0 && c->kind < 32);
			if (seen >> c->kind & 1)
				return FAIL(INVALID_ARG, "sequence batching specifies multiple %s tensors for %s",
				            kind, m->name);
			seen |= 1u << c->kind;
			TRY(check_control(m, c, kind));
		}
	}
	return STATUS_GOOD;
}

static struct status check_sequence(const struct served *m, const struct mc_sequence_batching *s)
{
	if (m->config.response_cache && m->config.response_cache->enable)
		return FAIL(INVALID_ARG, "Response Cache does not currently support model %s with sequence "
		            "batching scheduler. Please disable the response cache.", m->name);
	if (s->oldest)
		TRY(check_preferred(m, "sequence batching preferred batch size",
		                    s->oldest->preferred_batch_size.p, s->oldest->preferred_batch_size.n));
	if (s->direct && !(s->direct->minimum_slot_utilization >= 0 &&
	                   s->direct->minimum_slot_utilization <= 1))
		return FAIL(INVALID_ARG, "sequence batching minimum slot utilization must be in range "
		            "(0.0, 1.0] for %s", m->name);
	if (s->iterative_sequence)
		return FAIL(UNSUPPORTED, "iterative sequences are not served; model '%s' asks for them",
		            m->name);
	return check_controls(m, s);
}

/* Without a list, the preferred size is the largest one. */
static bool prefer_largest(struct served *m, int32_t **p, uint32_t *n, uint32_t *cap)
{
	if (*n || m->config.max_batch_size <= 0)
		return true;
	*p = ARENA_NEW(&m->arena, int32_t);
	if (!*p)
		return false;
	**p = m->config.max_batch_size;
	*n = *cap = 1;
	return true;
}

struct status scheduling_check(struct served *m)
{
	const struct mc_dynamic_batching *d = m->config.dynamic_batching;
	const struct mc_sequence_batching *s = m->config.sequence_batching;
	if (d) {
		TRY(check_preferred(m, "dynamic batching preferred size", d->preferred_batch_size.p,
		                    d->preferred_batch_size.n));
		TRY(check_priorities(m, d));
		LOG_I("model '%s': dynamic batching is accepted; each request runs by itself", m->name);
	}
	return s ? check_sequence(m, s) : STATUS_GOOD;
}

struct status scheduling_defaults(struct served *m)
{
	struct mc_dynamic_batching *d = m->config.dynamic_batching;
	struct mc_sequence_batching *s = m->config.sequence_batching;
	if (d && !prefer_largest(m, &d->preferred_batch_size.p, &d->preferred_batch_size.n,
	                         &d->preferred_batch_size.cap))
		return no_memory(m);
	if (s && !s->max_sequence_idle_microseconds)
		PB_SET(s, mc_sequence_batching, max_sequence_idle_microseconds, 1000000);
	if (s && s->oldest && !prefer_largest(m, &s->oldest->preferred_batch_size.p,
	                                      &s->oldest->preferred_batch_size.n,
	                                      &s->oldest->preferred_batch_size.cap))
		return no_memory(m);
	return STATUS_GOOD;
}

/* ---- queues ---- */

static struct queue_policy policy_of(const struct mc_queue_policy *p)
{
	return p ? (struct queue_policy){p->default_timeout_microseconds, p->allow_timeout_override,
	                                 delays(p), p->max_queue_size} : (struct queue_policy){0};
}

struct status scheduling_queue(const struct served *m, struct queue_options *out)
{
	const struct mc_dynamic_batching *d = m->config.dynamic_batching;
	*out = (struct queue_options){0};
	if (!d)
		return STATUS_GOOD;
	CHECK(d->priority_levels <= LIMIT_PRIORITIES);
	out->levels = (uint32_t)d->priority_levels;
	out->default_level = (uint32_t)(d->priority_levels ? d->default_priority_level : 0);
	for (uint32_t i = 0; i < LIMIT_PRIORITIES; i++)
		out->policy[i] = policy_of(d->default_queue_policy);
	for (uint32_t i = 0; out->levels && i < d->priority_queue_policy.n; i++)
		out->policy[d->priority_queue_policy.p[i].key - 1] =
			policy_of(d->priority_queue_policy.p[i].value);
	return STATUS_GOOD;
}

/* ---- sequences ---- */

static const struct model_io *find_io(const struct model_io *list, uint32_t n, struct str name,
                                      uint32_t *at)
{
	for (*at = 0; *at < n; ++*at)
		if (str_eq(list[*at].name, name))
			return &list[*at];
	return 0;
}

static struct status find_tensor(const struct served *m, const char *what, bool is_output,
                                 const struct model *e, struct str name, enum dtype dtype,
                                 const struct model_io **io, uint32_t *at)
{
	uint32_t n;
	const struct model_io *list = is_output ? model_outputs(e, &n) : model_inputs(e, &n);
	*io = find_io(list, n, name, at);
	if (!*io)
		return FAIL(INVALID_ARG, "unable to load model '%s', sequence %s '%.*s' is no %s of the "
		            "model", m->name, what, STR_ARG(name), is_output ? "output" : "input");
	if ((*io)->dtype != dtype)
		return FAIL(INVALID_ARG, "unable to load model '%s', configuration expects datatype %s for "
		            "sequence %s '%.*s', model provides %s", m->name, dtype_config(dtype), what,
		            STR_ARG(name), dtype_config((*io)->dtype));
	return STATUS_GOOD;
}

static struct status make_control(const struct served *m, const struct model *e,
                                  const struct mc_control_input *in, struct sequence_control *out)
{
	const struct mc_control *c = &in->control.p[0];
	const struct model_io *io;
	*out = (struct sequence_control){.kind = c->kind};
	if (c->kind == MC_CONTROL_SEQUENCE_CORRID) {
		out->dtype = dtype_from_config(str_from(pb_enum_text(&mc_data_type_pb, c->data_type)));
	} else if (c->int32_false_true.n) {
		out->dtype = DTYPE_INT32;
		memcpy(out->off, &c->int32_false_true.p[0], 4);
		memcpy(out->on, &c->int32_false_true.p[1], 4);
	} else if (c->fp32_false_true.n) {
		out->dtype = DTYPE_FP32;
		memcpy(out->off, &c->fp32_false_true.p[0], 4);
		memcpy(out->on, &c->fp32_false_true.p[1], 4);
	} else {
		out->dtype = DTYPE_BOOL;
		out->off[0] = c->bool_false_true.p[0];
		out->on[0] = c->bool_false_true.p[1];
	}
	TRY(find_tensor(m, "control", false, e, in->name, out->dtype, &io, &out->input));
	out->rank = io->rank;
	for (uint32_t i = 0; i < io->rank; i++)
		if (io->dims[i] != 1 && io->dims[i] != -1)
			return FAIL(INVALID_ARG, "unable to load model '%s', sequence control '%.*s' must have "
			            "one element", m->name, STR_ARG(in->name));
	return STATUS_GOOD;
}

/* The first value of a state: what a file in initial_state/ holds, or zeros. */
static struct status read_initial(struct served *m, const struct mc_state *s, struct tensor *t)
{
	const struct mc_initial_state *init = s->initial_state.n ? &s->initial_state.p[0] : 0;
	size_t item = t->dtype == DTYPE_BYTES ? 4 : dtype_bytes(t->dtype);
	struct file_map map;
	int64_t count;
	if (!tensor_elements(t, &count) || !mem_mul((size_t)count, item, &t->bytes))
		return FAIL(INVALID_ARG, "the state '%.*s' of model '%s' is too large",
		            STR_ARG(s->input_name), m->name);
	t->data = arena_alloc(&m->arena, t->bytes + 1, 64);
	if (!t->data)
		return no_memory(m);
	if (!init || !PB_IS_SET(init, mc_initial_state, data_file))
		return STATUS_GOOD;
	const char *dir = arena_printf(&m->arena, "%s/initial_state", m->dir);
	if (!dir)
		return no_memory(m);
	TRY(file_map_beneath(dir, init->data_file, &map));
	bool fits = map.bytes.n == t->bytes && t->dtype != DTYPE_BYTES;
	if (fits)
		memcpy(t->data, map.bytes.p, t->bytes);
	file_unmap(&map);
	return fits ? STATUS_GOOD : FAIL(INVALID_ARG, "the initial state of '%.*s' of model '%s' must "
	                                 "be a file of %zu bytes", STR_ARG(s->input_name), m->name,
	                                 t->bytes);
}

static struct status make_state(struct served *m, const struct model *e, const struct mc_state *s,
                                struct sequence_state *out)
{
	const struct mc_initial_state *init = s->initial_state.n ? &s->initial_state.p[0] : 0;
	const char *type = pb_enum_text(&mc_data_type_pb, s->data_type);
	enum dtype dtype = type ? dtype_from_config(str_from(type)) : DTYPE_INVALID;
	uint32_t skip = m->config.max_batch_size > 0, n = init ? init->dims.n : s->dims.n;
	const int64_t *dims = init ? init->dims.p : s->dims.p;
	const struct model_io *in, *io;
	struct tensor *t = &out->initial;
	TRY(find_tensor(m, "state", false, e, s->input_name, dtype, &in, &out->input));
	TRY(find_tensor(m, "state", true, e, s->output_name, dtype, &io, &out->output));
	if (s->initial_state.n > 1)
		return FAIL(UNSUPPORTED, "state '%.*s' of model '%s' has several initial states; one is "
		            "served", STR_ARG(s->input_name), m->name);
	if (in->rank != s->dims.n + skip || io->rank != in->rank || n != s->dims.n)
		return FAIL(INVALID_ARG, "unable to load model '%s', state '%.*s' has %u dimensions in the "
		            "configuration, the model provides %u", m->name, STR_ARG(s->input_name),
		            s->dims.n + skip, in->rank);
	if (init && init->data_type != s->data_type)
		return FAIL(INVALID_ARG, "unable to load model '%s', the initial state of '%.*s' has "
		            "another data type than the state", m->name, STR_ARG(s->input_name));
	*t = (struct tensor){.dtype = dtype, .rank = in->rank};
	t->dims[0] = 1;
	for (uint32_t i = 0; i < n; i++) {
		t->dims[i + skip] = dims[i] < 0 ? 1 : dims[i];
		if ((s->dims.p[i] >= 0 && s->dims.p[i] != t->dims[i + skip]) ||
		    (in->dims[i + skip] >= 0 && in->dims[i + skip] != t->dims[i + skip]))
			return FAIL(INVALID_ARG, "unable to load model '%s', dimension %u of state '%.*s' does "
			            "not fit the model", m->name, i, STR_ARG(s->input_name));
	}
	return read_initial(m, s, t);
}

/* As Triton counts them: a batch's places, or the candidates, for each instance. */
static uint32_t count_slots(const struct served *m, const struct mc_sequence_batching *s)
{
	int64_t each = s->oldest ? s->oldest->max_candidate_sequences : 0, instances = 0, n;
	if (each <= 0)
		each = m->config.max_batch_size > 0 ? m->config.max_batch_size : 1;
	for (uint32_t i = 0; i < m->config.instance_group.n; i++)
		instances += m->config.instance_group.p[i].count;
	n = each * (instances > 0 ? instances : 1);
	return n > SLOTS_MAX ? SLOTS_MAX : (uint32_t)n;
}

struct status scheduling_sequence(struct served *m, const struct model *e)
{
	const struct mc_sequence_batching *s = m->config.sequence_batching;
	struct sequence_plan *p;
	if (!s)
		return STATUS_GOOD;
	p = ARENA_NEW(&m->arena, struct sequence_plan);
	if (!p)
		return no_memory(m);
	p->controls = ARENA_ARRAY(&m->arena, s->control_input.n + 1, struct sequence_control);
	p->states = ARENA_ARRAY(&m->arena, s->state.n + 1, struct sequence_state);
	if (!p->controls || !p->states)
		return no_memory(m);
	for (uint32_t i = 0; i < s->control_input.n; i++)
		if (s->control_input.p[i].control.n)
			TRY(make_control(m, e, &s->control_input.p[i], &p->controls[p->n_controls++]));
	for (uint32_t i = 0; i < s->state.n; i++)
		TRY(make_state(m, e, &s->state.p[i], &p->states[p->n_states++]));
	p->slots = count_slots(m, s);
	p->idle_ns = s->max_sequence_idle_microseconds < UINT64_MAX / 2000
		? s->max_sequence_idle_microseconds * 1000 : UINT64_MAX / 2;
	m->sequence = p;
	return STATUS_GOOD;
}
