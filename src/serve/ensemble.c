/* Ensembles at load time: the graph of a configuration, and its ties to the models that it names.
 *
 * A graph is checked in two parts, as in Triton and in its words. Alone, when the configuration is
 * read: every tensor is written once and is of use, and whatever an output depends on comes from
 * an input; the steps are put in an order in which each finds its tensors there. Then, when all
 * other models are loaded, against the models: they exist, do not go round in a circle, have the
 * inputs and outputs that are mapped, with types and shapes that fit. Runs on the thread that
 * loads; running an ensemble is ensemble_run.c.
 */
#include "serve/ensemble.h"

#include "base/log.h"
#include "base/panic.h"
#include "serve/metrics.h"

#include <inttypes.h>
#include <stdio.h>

static struct status no_memory(const struct served *m)
{
	return FAIL(NO_MEMORY, "no memory for ensemble %s", m->name);
}

/* ---- the graph ---- */

/* The number of the tensor of that name, which is made where it is new. */
static struct status tensor_of(struct served *m, struct str name, uint32_t *out)
{
	struct ensemble *e = m->ensemble;
	for (uint32_t i = 0; i < e->n_tensors; i++)
		if (str_eq(e->tensors[i].name, name)) {
			*out = i;
			return STATUS_GOOD;
		}
	if (!ARENA_GROW(&m->arena, e->tensors, e->n_tensors, e->cap_tensors, LIMIT_ENSEMBLE_TENSORS))
		return FAIL(LIMIT, "ensemble '%s' has over %d tensors", m->name, LIMIT_ENSEMBLE_TENSORS);
	e->tensors[e->n_tensors] = (struct ensemble_tensor){.name = name};
	*out = e->n_tensors++;
	return STATUS_GOOD;
}

/* The step read so far that writes a tensor; NULL: none. */
static const struct ensemble_step *writer(const struct ensemble *e, uint32_t tensor)
{
	for (uint32_t i = 0; i < e->n_steps; i++)
		for (uint32_t k = 0; k < e->steps[i].n_out; k++)
			if (e->steps[i].out[k].tensor == tensor)
				return &e->steps[i];
	return 0;
}

/* What goes in or comes out of a step, in the order of the configuration. */
static struct status read_map(struct served *m, const struct mc_text_entry *list, uint32_t n,
                              struct ensemble_map **out, uint32_t *n_out)
{
	struct ensemble_map *map = ARENA_ARRAY(&m->arena, n + 1, struct ensemble_map);
	if (!map)
		return no_memory(m);
	for (uint32_t i = 0; i < n; i++) {
		map[i].name = list[i].key;
		TRY(tensor_of(m, list[i].value, &map[i].tensor));
	}
	*out = map;
	*n_out = n;
	return STATUS_GOOD;
}

/* Adds a step. A tensor is written once, and inputs of the ensemble by nobody. */
static struct status read_step(struct served *m, uint32_t number)
{
	struct ensemble *e = m->ensemble;
	const struct mc_step *c = &m->config.ensemble_scheduling->step.p[number];
	struct ensemble_step s = {.model_name = c->model_name, .version = c->model_version};
	const char *lack = !c->model_name.n ? "model_name" : !c->input_map.n ? "input_map"
		: !c->output_map.n ? "output_map" : 0;
	if (lack)
		return FAIL(INVALID_ARG, "must specify '%s' in step %u of ensemble '%s'", lack, number,
		            m->name);
	TRY(read_map(m, c->input_map.p, c->input_map.n, &s.in, &s.n_in));
	TRY(read_map(m, c->output_map.p, c->output_map.n, &s.out, &s.n_out));
	for (uint32_t i = 0; i < s.n_out; i++) {
		bool twice = s.out[i].tensor < m->n_inputs || writer(e, s.out[i].tensor);
		for (uint32_t k = 0; k < i; k++)
			twice = twice || s.out[k].tensor == s.out[i].tensor;
		if (twice)
			return FAIL(INVALID_ARG, "ensemble tensor '%.*s' can appear in an output map only "
			            "once for ensemble '%s' step %u", STR_ARG(c->output_map.p[i].value),
			            m->name, number);
	}
	for (uint32_t i = 0; i < s.n_in; i++)
		e->tensors[s.in[i].tensor].used = true;
	e->steps[e->n_steps++] = s;
	return STATUS_GOOD;
}

/* Puts steps in order: again and again the first whose tensors are all there. Those that are left
 * over wait for each other or for a tensor that nobody writes. */
static void order_steps(struct ensemble *e)
{
	uint32_t done = 0;
	for (uint32_t i = done; i < e->n_steps;) {
		struct ensemble_step s = e->steps[i];
		bool can = true;
		for (uint32_t k = 0; k < s.n_in; k++)
			can = can && e->tensors[s.in[k].tensor].ready;
		if (!can) {
			i++;
			continue;
		}
		for (uint32_t k = 0; k < s.n_out; k++)
			e->tensors[s.out[k].tensor].ready = true;
		memmove(&e->steps[done + 1], &e->steps[done], (i - done) * sizeof s);
		e->steps[done++] = s;
		i = done;
	}
}

/* Whether the steps lead to an output; if not, which tensor breaks the way. */
static struct status check_output(const struct served *m, uint32_t tensor)
{
	const struct ensemble *e = m->ensemble;
	const struct ensemble_tensor *t = &e->tensors[tensor];
	const struct ensemble_step *s = writer(e, tensor);
	if (t->ready)
		return STATUS_GOOD;
	for (uint32_t i = 0; s && i < s->n_in; i++)
		if (!e->tensors[s->in[i].tensor].ready)
			return FAIL(INVALID_ARG, "output '%.*s' for ensemble '%s' is not written: at least "
			            "one of its depending tensors, '%.*s', is not connected", STR_ARG(t->name),
			            m->name, STR_ARG(e->tensors[s->in[i].tensor].name));
	return FAIL(INVALID_ARG, "output '%.*s' for ensemble '%s' is not written", STR_ARG(t->name),
	            m->name);
}

/* The spelling with one quotation mark is Triton's. */
static struct status not_used(const struct served *m, const char *side, struct str name)
{
	return FAIL(INVALID_ARG, "ensemble %s '%.*s' for ensemble %s' is not used", side, STR_ARG(name),
	            m->name);
}

/* In Triton's order: inputs, outputs, then tensors. */
static struct status check_graph(struct served *m)
{
	struct ensemble *e = m->ensemble;
	for (uint32_t i = 0; i < m->n_inputs; i++) {
		e->tensors[i].ready = true;
		if (!e->tensors[i].used)
			return not_used(m, "input", m->inputs[i].name);
	}
	for (uint32_t i = 0; i < m->n_outputs; i++) {
		uint32_t known = e->n_tensors;
		TRY(tensor_of(m, m->outputs[i].name, &e->outputs[i]));
		if (e->outputs[i] == known)
			return not_used(m, "output", m->outputs[i].name);
	}
	order_steps(e);
	for (uint32_t i = 0; i < m->n_outputs; i++) {
		TRY(check_output(m, e->outputs[i]));
		e->tensors[e->outputs[i]].used = true;
	}
	for (uint32_t i = 0; i < e->n_tensors; i++)
		if (!e->tensors[i].used || !e->tensors[i].ready)
			return FAIL(INVALID_ARG, "ensemble tensor '%.*s' is unused in ensemble '%s'",
			            STR_ARG(e->tensors[i].name), m->name);
	return STATUS_GOOD;
}

struct status ensemble_build(struct served *m, const struct served_options *o)
{
	const struct mc_ensembling *c = m->config.ensemble_scheduling;
	struct ensemble *e = ARENA_NEW(&m->arena, struct ensemble);
	uint32_t n = c->step.n, same;
	CHECK(!m->ensemble);
	if (!n)
		return FAIL(INVALID_ARG, "must specify 'step' for ensemble '%s'", m->name);
	if (n > LIMIT_ENSEMBLE_STEPS)
		return FAIL(LIMIT, "ensemble '%s' has %u steps; %d are served", m->name, n,
		            LIMIT_ENSEMBLE_STEPS);
	if (!e)
		return no_memory(m);
	e->steps = ARENA_ARRAY(&m->arena, n, struct ensemble_step);
	e->outputs = ARENA_ARRAY(&m->arena, m->n_outputs + 1, uint32_t);
	if (!e->steps || !e->outputs)
		return no_memory(m);
	e->clock = o->clock;
	e->callers = o->loop_threads;
	pthread_mutex_init(&e->lock, 0);
	m->ensemble = e;
	for (uint32_t i = 0; i < m->n_inputs; i++) {
		TRY(tensor_of(m, m->inputs[i].name, &same));
		if (same != i)
			return FAIL(INVALID_ARG, "ensemble '%s' has two inputs '%.*s'", m->name,
			            STR_ARG(m->inputs[i].name));
	}
	for (uint32_t i = 0; i < n; i++)
		TRY(read_step(m, i));
	return check_graph(m);
}

void ensemble_release(struct ensemble *e)
{
	if (e)
		pthread_mutex_destroy(&e->lock);
}

/* ---- the models that it names ---- */

/* "[-1,16]" with the batch in front where there is one. */
static void full_shape(const struct served_io *io, bool batched, int64_t *dims, uint32_t *n)
{
	dims[0] = -1;
	memcpy(dims + batched, io->dims, io->rank * sizeof *dims);
	*n = io->rank + batched;
}

/* A dimension that one side leaves open is looked at when a request comes. */
static bool shapes_agree(const int64_t *a, uint32_t n_a, const int64_t *b, uint32_t n_b)
{
	bool same = n_a == n_b;
	for (uint32_t i = 0; same && i < n_a; i++)
		same = a[i] == -1 || b[i] == -1 || a[i] == b[i];
	return same;
}

/* What m knows of a tensor must fit what was known before. Where only one of the two batches, the
 * shapes may agree with or without the batch. */
static struct status agree(const struct served *m, struct ensemble_tensor *t,
                           const struct served *by, const struct served_io *io)
{
	bool batched = by->max_batch > 0;
	int64_t a[TENSOR_RANK_MAX + 1], b[TENSOR_RANK_MAX + 1];
	char one[160], other[160];
	uint32_t n_a, n_b;
	if (!t->io) {
		t->io = io;
		t->from = str_from(by->name);
		t->batched = batched;
		return STATUS_GOOD;
	}
	if (t->io->dtype != io->dtype)
		return FAIL(INVALID_ARG, "in ensemble %s, ensemble tensor %.*s: inconsistent data type: %s "
		            "is inferred from model %.*s while %s is inferred from model %s", m->name,
		            STR_ARG(t->name), dtype_config(t->io->dtype), STR_ARG(t->from),
		            dtype_config(io->dtype), by->name);
	full_shape(t->io, t->batched, a, &n_a);
	full_shape(io, batched, b, &n_b);
	if (shapes_agree(a, n_a, b, n_b) || (t->batched != batched &&
	    shapes_agree(t->io->dims, t->io->rank, io->dims, io->rank)))
		return STATUS_GOOD;
	return FAIL(INVALID_ARG, "in ensemble %s, ensemble tensor %.*s: inconsistent shape: %s is "
	            "inferred from model %.*s while %s is inferred from model %s", m->name,
	            STR_ARG(t->name), tensor_shape_text(a, n_a, one, sizeof one), STR_ARG(t->from),
	            tensor_shape_text(b, n_b, other, sizeof other), by->name);
}

static const struct served_io *io_named(const struct served_io *list, uint32_t n, struct str name)
{
	for (uint32_t i = 0; i < n; i++)
		if (str_eq(list[i].name, name))
			return &list[i];
	return 0;
}

/* What goes into a step: known to its model, fitting, and complete. */
static struct status check_inputs(const struct served *m, const struct ensemble_step *s)
{
	const struct served *x = s->model;
	for (uint32_t i = 0; i < s->n_in; i++) {
		struct ensemble_tensor *t = &m->ensemble->tensors[s->in[i].tensor];
		const struct served_io *io = io_named(x->inputs, x->n_inputs, s->in[i].name);
		if (!io)
			return FAIL(INVALID_ARG, "in ensemble %s, ensemble tensor %.*s is mapping to "
			            "non-existing input %.*s in model %s", m->name, STR_ARG(t->name),
			            STR_ARG(s->in[i].name), x->name);
		for (uint32_t k = 0; k < i; k++)
			if (str_eq(s->in[k].name, io->name))
				return FAIL(INVALID_ARG, "input '%.*s' in model '%s' is mapped to multiple "
				            "ensemble tensors for ensemble '%s' step %td", STR_ARG(io->name),
				            x->name, m->name, s - m->ensemble->steps);
		TRY(agree(m, t, x, io));
	}
	for (uint32_t i = 0; i < x->n_inputs; i++) {
		bool mapped = x->inputs[i].optional;
		for (uint32_t k = 0; k < s->n_in && !mapped; k++)
			mapped = str_eq(s->in[k].name, x->inputs[i].name);
		if (!mapped)
			return FAIL(INVALID_ARG, "in ensemble %s, input %.*s in model %s is not mapped to any "
			            "ensemble tensors", m->name, STR_ARG(x->inputs[i].name), x->name);
	}
	return STATUS_GOOD;
}

/* A step against its model: batch, inputs, outputs. */
static struct status check_step(const struct served *m, const struct ensemble_step *s)
{
	const struct served *x = s->model;
	if (x->max_batch > 0 && m->max_batch > x->max_batch)
		return FAIL(INVALID_ARG, "ensemble %s allows maximum batch size %d, but it contains model "
		            "%s which only allows maximum batch size to be %d", m->name, m->max_batch,
		            x->name, x->max_batch);
	TRY(check_inputs(m, s));
	for (uint32_t i = 0; i < s->n_out; i++) {
		struct ensemble_tensor *t = &m->ensemble->tensors[s->out[i].tensor];
		const struct served_io *io = io_named(x->outputs, x->n_outputs, s->out[i].name);
		if (!io)
			return FAIL(INVALID_ARG, "in ensemble %s, ensemble tensor %.*s is mapped from "
			            "non-existing output %.*s in model %s", m->name, STR_ARG(t->name),
			            STR_ARG(s->out[i].name), x->name);
		TRY(agree(m, t, x, io));
	}
	return STATUS_GOOD;
}

/* "Invalid argument: text" without the name of the code. */
static const char *bare(const char *reason)
{
	const char *colon = strstr(reason, ": ");
	return colon ? colon + 2 : reason;
}

/* Whether a step's model is there to be run, in the words for each way in which it is not. */
static struct status find_model(const struct served *m, struct ensemble_step *s)
{
	const struct served *x = s->model;
	bool some = false, right = s->version == VERSION_LATEST;
	if (!x || (x->failure && !x->ensemble))
		return FAIL(INVALID_ARG, "ensemble %s contains models that are not available or "
		            "ambiguous: %.*s", m->name, STR_ARG(s->model_name));
	if (x->failure)
		return FAIL(INVALID_ARG, "ensemble '%s' depends on '%s' which is not valid. Model '%s' "
		            "failed with error: %s", m->name, x->name, x->name, bare(x->failure));
	for (uint32_t i = 0; i < x->n_versions; i++) {
		bool good = x->versions[i].state == SERVED_READY;
		some = some || good;
		right = right || (good && x->versions[i].number == s->version);
	}
	if (!some && x->n_versions)
		return FAIL(INVALID_ARG, "ensemble '%s' depends on '%s' which has no loaded version. "
		            "Model '%s' loading failed with error: version %" PRId64 " is at UNAVAILABLE "
		            "state: %s;", m->name, x->name, x->name,
		            x->versions[x->n_versions - 1].number,
		            x->versions[x->n_versions - 1].reason);
	if (!right || !x->n_versions)
		return FAIL(INVALID_ARG, "ensemble '%s' depends on '%s' whose required version %" PRId64
		            " is not loaded.", m->name, x->name, s->version);
	return STATUS_GOOD;
}

/* All ties of one ensemble; its steps' ensembles are linked before. */
static struct status link_models(struct served *m)
{
	struct ensemble *e = m->ensemble;
	e->depth = 1;
	for (uint32_t i = 0; i < e->n_steps; i++) {
		struct ensemble_step *s = &e->steps[i];
		TRY(find_model(m, s));
		if (s->model->ensemble && s->model->ensemble->depth >= e->depth)
			e->depth = s->model->ensemble->depth + 1;
	}
	if (e->depth > LIMIT_ENSEMBLE_DEPTH)
		return FAIL(LIMIT, "ensemble '%s' nests %u ensembles; %d are served", m->name, e->depth,
		            LIMIT_ENSEMBLE_DEPTH);
	for (uint32_t i = 0; i < m->n_inputs; i++)
		TRY(agree(m, &e->tensors[i], m, &m->inputs[i]));
	for (uint32_t i = 0; i < m->n_outputs; i++)
		TRY(agree(m, &e->tensors[e->outputs[i]], m, &m->outputs[i]));
	for (uint32_t i = 0; i < e->n_steps; i++)
		TRY(check_step(m, &e->steps[i]));
	for (uint32_t i = 0; i < m->n_versions; i++) {
		TRY(stats_init(&m->versions[i].stats, e->callers + 1));
		TRY(metrics_settings(m, &m->versions[i].stats));
	}
	return STATUS_GOOD;
}

/* The text lives as long as the model. */
static void fail(struct served *m, struct status st)
{
	m->failure = arena_printf(&m->arena, "%s: %s", status_name(st.code), st.msg);
	if (!m->failure)
		m->failure = "Internal: no memory for the reason";
	m->ensemble->linked = true;
	LOG_E("failed to load '%s': %s", m->name, m->failure);
}

static void link_one(struct served *m)
{
	struct status st = link_models(m);
	if (st.code) {
		fail(m, st);
		return;
	}
	m->ensemble->linked = true;
	for (uint32_t i = 0; i < m->n_versions; i++)
		m->versions[i].state = SERVED_READY;
	LOG_I("successfully loaded '%s'", m->name);
}

/* Whether every step is linked, or needs no link. */
static bool can_link(const struct ensemble *e)
{
	for (uint32_t i = 0; i < e->n_steps; i++) {
		const struct served *x = e->steps[i].model;
		if (x && x->ensemble && !x->ensemble->linked)
			return false;
	}
	return true;
}

/* Follows unlinked steps from x; the model whose step names `start`, or NULL. A walk of its own
 * stack, as deep as there are ensembles, is avoided by spreading marks in rounds. */
static const struct served *circle(struct served *const *models, uint32_t n,
                                   const struct served *start, uint32_t mark)
{
	bool grew = true;
	start->ensemble->mark = mark;
	while (grew) {
		grew = false;
		for (uint32_t i = 0; i < n; i++) {
			const struct ensemble *e = models[i]->ensemble;
			if (!e || e->linked || e->mark != mark)
				continue;
			for (uint32_t k = 0; k < e->n_steps; k++) {
				const struct served *x = e->steps[k].model;
				if (x == start)
					return models[i];
				if (!x || !x->ensemble || x->ensemble->linked || x->ensemble->mark == mark)
					continue;
				x->ensemble->mark = mark;
				grew = true;
			}
		}
	}
	return 0;
}

/* Links what can be linked until nothing changes. */
static bool link_round(struct served *const *models, uint32_t n)
{
	bool changed = false;
	for (uint32_t i = 0; i < n; i++) {
		struct ensemble *e = models[i]->ensemble;
		if (!e || e->linked || !can_link(e))
			continue;
		link_one(models[i]);
		changed = true;
	}
	return changed;
}

void ensemble_link_all(struct served *const *models, uint32_t n,
                       struct served *(*find)(const void *ctx, struct str name), const void *ctx)
{
	for (uint32_t i = 0; i < n; i++) {
		struct ensemble *e = models[i]->ensemble;
		if (e && models[i]->failure)
			e->linked = true;
		for (uint32_t k = 0; e && k < e->n_steps; k++)
			e->steps[k].model = find(ctx, e->steps[k].model_name);
	}
	while (link_round(models, n))
		;
	/* what is left goes round in a circle or hangs on one */
	for (uint32_t i = 0; i < n; i++) {
		const struct served *last;
		if (!models[i]->ensemble || models[i]->ensemble->linked)
			continue;
		last = circle(models, n, models[i], i + 1);
		if (last)
			models[i]->failure = arena_printf(&models[i]->arena, "Invalid argument: circular "
			                                  "dependency between ensembles: %s -> ... -> %s -> %s",
			                                  models[i]->name, last->name, models[i]->name);
	}
	for (uint32_t i = 0; i < n; i++)
		if (models[i]->ensemble && !models[i]->ensemble->linked && models[i]->failure) {
			models[i]->ensemble->linked = true;
			LOG_E("failed to load '%s': %s", models[i]->name, models[i]->failure);
		}
	while (link_round(models, n))
		;
}
