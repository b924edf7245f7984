/* Reading, completing and checking a model's configuration.
 *
 * The rules are those of Triton's core and ONNX Runtime backend: the backend follows from the
 * platform or the file that is there, missing inputs and outputs come from the model, a model
 * whose tensors all begin with a dynamic dimension batches up to a default. What Triton could do
 * and this server cannot is refused by name, so that nothing is served differently from what the
 * file says. Load time only; all memory from the model's arena.
 */
#include "serve/config.h"

#include "base/file.h"
#include "base/log.h"
#include "base/panic.h"
#include "serve/scheduling.h"
#include "serve/classify.h"

#include <inttypes.h>
#include <stdio.h>

static void unknown_field(void *ctx, const char *sentence)
{
	(void)ctx;
	LOG_W("%s", sentence);
}

struct status config_read(struct served *m, const struct served_options *o)
{
	struct buf text;
	const char *path = arena_printf(&m->arena, "%s/config.pbtxt", m->dir);
	const char *other = o->config_name ? arena_printf(&m->arena, "%s/configs/%s.pbtxt", m->dir,
	                                                  o->config_name) : 0;
	if (!path || (o->config_name && !other))
		return FAIL(NO_MEMORY, "no memory to read the configuration of %s", m->name);
	if (other && file_exists(other))
		path = other;
	if (!file_exists(path))
		return STATUS_GOOD;
	TRY(file_read(path, LIMIT_CONFIG_BYTES, &text));
	struct str copy = arena_str(&m->arena, buf_text(&text));
	buf_release(&text);
	if (!copy.p)
		return FAIL(NO_MEMORY, "no memory to read %s", path);
	struct pb_source src = {path, &m->arena, unknown_field, m};
	return pb_text_parse(&mc_config_pb, copy, &src, &m->config);
}

static bool has_file(struct served *m, const char *version, const char *file)
{
	const char *path = arena_printf(&m->arena, "%s/%s/%s", m->dir, version, file);
	return path && file_exists(path);
}

/* What an ensemble must have, and what belongs to models with instances. */
static struct status check_ensemble(const struct served *m)
{
	const struct mc_config *c = &m->config;
	const char *extra = c->instance_group.n ? "instance group should not"
		: c->optimization ? "optimization should not"
		: c->model_warmup.n ? "model_warmup can not" : 0;
	if (!PB_IS_SET(c, mc_config, ensemble_scheduling))
		return FAIL(INVALID_ARG, "ensemble scheduling must be set for ensemble %s whose platform "
		            "is ensemble", m->name);
	if (extra)
		return FAIL(INVALID_ARG, "%s be specified for ensemble '%s'", extra, m->name);
	return STATUS_GOOD;
}

/* backend and platform from each other, or from the files that are there. */
static struct status find_backend(struct served *m)
{
	struct mc_config *c = &m->config;
	static const struct { const char *platform, *backend, *file; } known[] = {
		{"onnxruntime_onnx", "onnxruntime", "model.onnx"},
			{"tensorrt_plan", "tensorrt", "model.plan"},
	};
	char **names = 0;
	uint32_t n = 0;
	if (str_is(c->platform, "ensemble")) {
		m->platform = "ensemble";
		return check_ensemble(m);
	}
	if (!c->platform.n && !c->backend.n)
		TRY(file_list(m->dir, &m->arena, &names, &n));
	for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
		bool match = str_is(c->platform, known[k].platform) || str_is(c->backend, known[k].backend);
		for (uint32_t i = 0; i < n && !match; i++)
			match = has_file(m, names[i], known[k].file);
		if (!match)
			continue;
		if (c->platform.n && c->backend.n && (!str_is(c->platform, known[k].platform) ||
		                                      !str_is(c->backend, known[k].backend)))
			return FAIL(INVALID_ARG, "unexpected 'platform' and 'backend' pair, got:%.*s, %.*s",
			            STR_ARG(c->platform),
			            STR_ARG(c->backend));
		PB_SET(c, mc_config, platform, str_from(known[k].platform));
		PB_SET(c, mc_config, backend, str_from(known[k].backend));
		if (!c->default_model_filename.n)
			PB_SET(c, mc_config, default_model_filename, str_from(known[k].file));
		m->platform = known[k].platform;
		return STATUS_GOOD;
	}
	if (c->platform.n)
		return FAIL(INVALID_ARG, "unexpected platform type %.*s for %s", STR_ARG(c->platform),
		            m->name);
	if (c->backend.n)
		return FAIL(INVALID_ARG, "unable to find backend library for backend '%.*s', try "
		            "specifying runtime on the model "
		            "configuration.", STR_ARG(c->backend));
	return FAIL(INVALID_ARG, "must specify 'platform' or 'backend' for '%s'", m->name);
}

bool config_is_ensemble(const struct served *m)
{
	return str_is(m->config.platform, "ensemble");
}

/* What serves well without: said, so that nobody waits for its effect. */
static void say_without_effect(const struct served *m)
{
	const struct mc_config *c = &m->config;
	const struct { bool there; const char *field, *why; } fields[] = {
		{c->model_warmup.n > 0, "model_warmup", "a plan needs no warming up"},
		{c->optimization != 0, "optimization", "plans are optimised when they are compiled"},
		{c->dynamic_batching != 0, "dynamic_batching",
		 "its queue counts, but requests that wait are not put together yet"},
		{c->model_operations != 0, "model_operations", "operators are built in"},
		{c->model_repository_agents != 0, "model_repository_agents", "there are none"},
	};
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (fields[i].there)
			LOG_W("%s of model '%s' has no effect: %s", fields[i].field, m->name, fields[i].why);
}

struct status config_identify(struct served *m)
{
	struct mc_config *c = &m->config;
	if (c->name.n && !str_is(c->name, m->name))
		return FAIL(INVALID_ARG, "unexpected directory name '%s' for model '%.*s', directory name "
		            "must equal model name",
		            m->name, STR_ARG(c->name));
	PB_SET(c, mc_config, name, str_from(m->name));
	if (c->max_batch_size < 0)
		return FAIL(INVALID_ARG, "'max_batch_size' must be non-negative value for %s", m->name);
	TRY(find_backend(m));
	if (PB_IS_SET(c, mc_config, ensemble_scheduling) && !config_is_ensemble(m))
		return FAIL(INVALID_ARG, "ensemble scheduling cannot be set for model '%s' whose platform "
		            "is not ensemble", m->name);
	if (c->model_transaction_policy && c->model_transaction_policy->decoupled)
		return FAIL(UNSUPPORTED, "decoupled models are not served yet; model '%s' asks for it",
		            m->name);
	if (c->batch_input.n || c->batch_output.n)
		return FAIL(UNSUPPORTED, "batch_input and batch_output are not served yet; model '%s' has "
		            "them", m->name);
	say_without_effect(m);
	if (c->response_cache && c->response_cache->enable)
		LOG_W("model '%s' asks for the response cache, which this server does not have yet: every "
		      "request is computed",
		      m->name);
	TRY(scheduling_check(m));
	if (!c->version_policy) {
		struct mc_version_policy *p = ARENA_NEW(&m->arena, struct mc_version_policy);
		struct mc_latest *l = ARENA_NEW(&m->arena, struct mc_latest);
		if (!p || !l)
			return FAIL(NO_MEMORY, "no memory for the configuration of %s", m->name);
		PB_SET(l, mc_latest, num_versions, 1);
		PB_SET(p, mc_version_policy, latest, l);
		PB_SET(c, mc_config, version_policy, p);
	}
	return STATUS_GOOD;
}

/* ---- completing ---- */

static bool batches(const struct model *e)
{
	const struct model_io *lists[2];
	uint32_t n[2];
	lists[0] = model_inputs(e, &n[0]);
	lists[1] = model_outputs(e, &n[1]);
	for (int s = 0; s < 2; s++)
		for (uint32_t i = 0; i < n[s]; i++)
			if (lists[s][i].rank < 1 || lists[s][i].dims[0] != -1)
				return false;
	return true;
}

static int32_t config_type(enum dtype t)
{
	int32_t number = 0;
	bool good = pb_enum_number(&mc_data_type_pb, str_from(dtype_config(t)), &number);
	CHECK(good);
	return number;
}

/* dims of a tensor without the batch; a scalar per item is written as [1] with a reshape to []. */
static struct status fill_dims(struct served *m, const struct model_io *io, int64_t **dims,
                               uint32_t *n, struct mc_shape **reshape)
{
	uint32_t skip = m->config.max_batch_size > 0;
	*n = io->rank - skip;
	*reshape = 0;
	*dims = ARENA_ARRAY(&m->arena, io->rank + 1, int64_t);
	if (!*dims)
		return FAIL(NO_MEMORY, "no memory for the configuration of %s", m->name);
	memcpy(*dims, io->dims + skip, *n * sizeof **dims);
	if (*n == 0) {
		(*dims)[0] = 1;
		*n = 1;
		*reshape = ARENA_NEW(&m->arena, struct mc_shape);
		if (!*reshape)
			return FAIL(NO_MEMORY, "no memory for the configuration of %s", m->name);
	}
	return STATUS_GOOD;
}

/* An input of the engine that clients do not see, because the sequence fills it in. */
static bool hidden(const struct served *m, uint32_t input)
{
	const struct sequence_plan *s = m->sequence;
	for (uint32_t i = 0; s && i < s->n_controls; i++)
		if (s->controls[i].input == input)
			return true;
	for (uint32_t i = 0; s && i < s->n_states; i++)
		if (s->states[i].input == input)
			return true;
	return false;
}

/* The same for an output, which is kept for the next request. */
static bool hidden_output(const struct served *m, uint32_t output)
{
	for (uint32_t i = 0; m->sequence && i < m->sequence->n_states; i++)
		if (m->sequence->states[i].output == output)
			return true;
	return false;
}

static struct status fill_inputs(struct served *m, const struct model *e)
{
	uint32_t n, rank, k = 0;
	int64_t *dims;
	struct mc_shape *reshape;
	const struct model_io *io = model_inputs(e, &n);
	struct mc_input *list = ARENA_ARRAY(&m->arena, n + 1, struct mc_input);
	if (!list)
		return FAIL(NO_MEMORY, "no memory for the configuration of %s", m->name);
	for (uint32_t i = 0; i < n; i++) {
		if (hidden(m, i))
			continue;
		TRY(fill_dims(m, &io[i], &dims, &rank, &reshape));
		PB_SET(&list[k], mc_input, name, io[i].name);
		PB_SET(&list[k], mc_input, data_type, config_type(io[i].dtype));
		PB_SET(&list[k], mc_input, optional, io[i].optional);
		list[k].dims.p = dims;
		list[k].dims.n = list[k].dims.cap = rank;
		if (reshape)
			PB_SET(&list[k], mc_input, reshape, reshape);
		k++;
	}
	m->config.input.p = list;
	m->config.input.n = m->config.input.cap = k;
	return STATUS_GOOD;
}

static struct status fill_outputs(struct served *m, const struct model *e)
{
	uint32_t n, rank, k = 0;
	int64_t *dims;
	struct mc_shape *reshape;
	const struct model_io *io = model_outputs(e, &n);
	struct mc_output *list = ARENA_ARRAY(&m->arena, n + 1, struct mc_output);
	if (!list)
		return FAIL(NO_MEMORY, "no memory for the configuration of %s", m->name);
	for (uint32_t i = 0; i < n; i++) {
		if (hidden_output(m, i))
			continue;
		TRY(fill_dims(m, &io[i], &dims, &rank, &reshape));
		PB_SET(&list[k], mc_output, name, io[i].name);
		PB_SET(&list[k], mc_output, data_type, config_type(io[i].dtype));
		list[k].dims.p = dims;
		list[k].dims.n = list[k].dims.cap = rank;
		if (reshape)
			PB_SET(&list[k], mc_output, reshape, reshape);
		k++;
	}
	m->config.output.p = list;
	m->config.output.n = m->config.output.cap = k;
	return STATUS_GOOD;
}

/* Whether the model batches, where inputs or outputs are to be filled in. A model that does gets
 * dynamic batching when it asks for no other scheduler. */
static struct status fill_batch(struct served *m, const struct served_options *o,
                                const struct model *e)
{
	struct mc_config *c = &m->config;
	bool can = batches(e);
	if (c->input.n && c->output.n)
		return STATUS_GOOD;
	if (!o->complete)
		return FAIL(INVALID_ARG, "model configuration must specify 'input' and 'output' for '%s'; "
		            "auto-completion is off",
		            m->name);
	if (!can && c->max_batch_size > 0)
		return FAIL(INVALID_ARG, "autofill failed for model '%s': model does not support batching "
		            "while non-zero "
		            "max_batch_size is specified", m->name);
	if (can && !c->max_batch_size && o->default_batch > 1) {
		PB_SET(c, mc_config, max_batch_size, (int32_t)o->default_batch);
		LOG_W("autofilled max_batch_size to %d for model '%s' since batching is supporrted but no "
		      "max_batch_size is "
		      "specified in model configuration. Must specify max_batch_size to utilize autofill "
		      "with a larger max "
		      "batch size", c->max_batch_size, m->name);
	}
	if (c->max_batch_size > 1 && !c->dynamic_batching && !c->sequence_batching)
		PB_SET(c, mc_config, dynamic_batching, ARENA_NEW(&m->arena, struct mc_dynamic_batching));
	return STATUS_GOOD;
}

/* The defaults that Triton's core writes into every configuration. */
static struct status defaults(struct served *m)
{
	struct mc_config *c = &m->config;
	if (!c->optimization)
		PB_SET(c, mc_config, optimization, ARENA_NEW(&m->arena, struct mc_optimization));
	if (!c->optimization)
		return FAIL(NO_MEMORY, "no memory for the configuration of %s", m->name);
	struct mc_pinned *in = ARENA_NEW(&m->arena, struct mc_pinned), *out =
		ARENA_NEW(&m->arena, struct mc_pinned);
	if (!in || !out)
		return FAIL(NO_MEMORY, "no memory for the configuration of %s", m->name);
	PB_SET(in, mc_pinned, enable, true);
	PB_SET(out, mc_pinned, enable, true);
	if (!c->optimization->input_pinned_memory)
		PB_SET(c->optimization, mc_optimization, input_pinned_memory, in);
	if (!c->optimization->output_pinned_memory)
		PB_SET(c->optimization, mc_optimization, output_pinned_memory, out);
	bool given = c->instance_group.n > 0;
	if (!given) {
		c->instance_group.p = ARENA_NEW(&m->arena, struct mc_instance_group);
		c->instance_group.n = c->instance_group.cap = c->instance_group.p != 0;
	}
	for (uint32_t i = 0; i < c->instance_group.n; i++) {
		struct mc_instance_group *g = &c->instance_group.p[i];
		const char *name = given ? arena_printf(&m->arena, "%s_%u", m->name, i) : m->name;
		if (!g->name.n && name)
			PB_SET(g, mc_instance_group, name, str_from(name));
		if (g->kind == MC_KIND_GPU)
			return FAIL(INVALID_ARG, "instance group %.*s of model %s has kind KIND_GPU but "
			            "server does not support GPUs",
			            STR_ARG(g->name), m->name);
		if (g->kind == MC_KIND_AUTO)
			PB_SET(g, mc_instance_group, kind, MC_KIND_CPU);
		if (g->count < 0 || g->count > 64)
			return FAIL(INVALID_ARG, "instance group %.*s of model %s has count %d; 1 to 64 are "
			            "served",
			            STR_ARG(g->name), m->name, g->count);
		if (g->count == 0)
			PB_SET(g, mc_instance_group, count, 1);
	}
	return STATUS_GOOD;
}

/* ---- checking ---- */

static enum dtype type_of(int32_t number)
{
	const char *text = pb_enum_text(&mc_data_type_pb, number);
	return text ? dtype_from_config(str_from(text)) : DTYPE_INVALID;
}

static struct status dims_check(const struct served *m, const char *side, struct str name,
                                const int64_t *dims, uint32_t n)
{
	if (!n)
		return FAIL(INVALID_ARG, "model %s '%.*s' must specify 'dims' for %s", side, STR_ARG(name),
		            m->name);
	if (n > TENSOR_RANK_MAX - 1)
		return FAIL(LIMIT, "model %s '%.*s' has %u dimensions; %d are served", side, STR_ARG(name),
		            n, TENSOR_RANK_MAX - 1);
	for (uint32_t i = 0; i < n; i++)
		if (dims[i] < 1 && dims[i] != -1)
			return FAIL(INVALID_ARG, "model %s '%.*s' dimension must be integer >= 1, or -1 to "
			            "indicate a variable-size "
			            "dimension for %s", side, STR_ARG(name), m->name);
	return STATUS_GOOD;
}

/* Fits the configuration's tensor to the engine's. */
static struct status match(const struct served *m, const char *side, struct served_io *io,
                           const struct model_io *list, uint32_t n)
{
	char have[128], want[128];
	uint32_t k = 0, skip = m->config.max_batch_size > 0;
	while (k < n && !str_eq(list[k].name, io->name))
		k++;
	if (k == n)
		return FAIL(INVALID_ARG, "unexpected inference %s '%.*s', which the model of '%s' does "
		            "not have", side,
		            STR_ARG(io->name), m->name);
	if (list[k].dtype != io->dtype)
		return FAIL(INVALID_ARG, "unable to load model '%s', configuration expects datatype %s "
		            "for %s '%.*s', model provides %s",
		            m->name, dtype_config(io->dtype), side, STR_ARG(io->name),
		            dtype_config(list[k].dtype));
	io->engine = k;
	bool good = list[k].rank == io->inner_rank + skip && (!skip || list[k].dims[0] == -1);
	for (uint32_t i = 0; good && i < io->inner_rank; i++)
		good = list[k].dims[i + skip] == -1 || io->inner_dims[i] == -1 || list[k].dims[i + skip] ==
			io->inner_dims[i];
	if (!good)
		return FAIL(INVALID_ARG, "model '%s', tensor '%.*s': the model expects %u dimensions "
		            "(shape %s) but the model "
		            "configuration specifies %s%s", m->name, STR_ARG(io->name), list[k].rank,
		            tensor_shape_text(list[k].dims, list[k].rank, have, sizeof have),
		            tensor_shape_text(io->inner_dims, io->inner_rank, want, sizeof want),
		            skip ? " after a batch dimension, because max_batch_size > 0" : "");
	return STATUS_GOOD;
}

static void set_dims(struct served_io *io, const int64_t *dims, uint32_t n,
                     const struct mc_shape *reshape)
{
	io->rank = io->inner_rank = n;
	memcpy(io->dims, dims, n * sizeof *dims);
	memcpy(io->inner_dims, dims, n * sizeof *dims);
	io->reshaped = reshape != 0;
	if (!reshape)
		return;
	io->inner_rank = reshape->shape.n < TENSOR_RANK_MAX ? reshape->shape.n : TENSOR_RANK_MAX - 1;
	if (io->inner_rank)
		memcpy(io->inner_dims, reshape->shape.p, io->inner_rank * sizeof *dims);
}

static struct status make_inputs(struct served *m, const struct model *e)
{
	uint32_t n = 0;
	const struct model_io *list = e ? model_inputs(e, &n) : 0;
	if (m->config.input.n > LIMIT_INFER_INPUTS)
		return FAIL(LIMIT, "model %s has %u inputs; %d are served", m->name, m->config.input.n,
		            LIMIT_INFER_INPUTS);
	m->inputs = ARENA_ARRAY(&m->arena, m->config.input.n + 1, struct served_io);
	if (!m->inputs)
		return FAIL(NO_MEMORY, "no memory for the configuration of %s", m->name);
	for (uint32_t i = 0; i < m->config.input.n; i++) {
		const struct mc_input *c = &m->config.input.p[i];
		struct served_io *io = &m->inputs[m->n_inputs++];
		io->name = c->name;
		io->dtype = type_of(c->data_type);
		io->optional = c->optional;
		if (!c->name.n)
			return FAIL(INVALID_ARG, "model input must specify 'name' for %s", m->name);
		if (!io->dtype)
			return FAIL(INVALID_ARG, "model input '%.*s' must specify 'data_type' for %s",
			            STR_ARG(c->name), m->name);
		TRY(dims_check(m, "input", c->name, c->dims.p, c->dims.n));
		set_dims(io, c->dims.p, c->dims.n, c->reshape);
		io->engine = i;
		if (e)
			TRY(match(m, "input", io, list, n));
		if (e && hidden(m, io->engine))
			return FAIL(INVALID_ARG, "input '%.*s' of model '%s' is also a control or state of its "
			            "sequences", STR_ARG(c->name), m->name);
	}
	uint32_t needed = 0;
	if (!e)
		return STATUS_GOOD;
	for (uint32_t i = 0; i < n; i++)
		needed += !list[i].optional && !hidden(m, i);
	if (m->n_inputs < needed || m->n_inputs > n)
		return FAIL(INVALID_ARG, "unable to load model '%s', configuration expects %u inputs, "
		            "model provides %u", m->name,
		            m->n_inputs, n);
	return STATUS_GOOD;
}

static struct status make_outputs(struct served *m, const struct model *e)
{
	uint32_t n = 0;
	const struct model_io *list = e ? model_outputs(e, &n) : 0;
	if (m->config.output.n > MODEL_IO_MAX)
		return FAIL(LIMIT, "model %s has %u outputs; %d are served", m->name, m->config.output.n,
		            MODEL_IO_MAX);
	m->outputs = ARENA_ARRAY(&m->arena, m->config.output.n + 1, struct served_io);
	if (!m->outputs)
		return FAIL(NO_MEMORY, "no memory for the configuration of %s", m->name);
	for (uint32_t i = 0; i < m->config.output.n; i++) {
		const struct mc_output *c = &m->config.output.p[i];
		struct served_io *io = &m->outputs[m->n_outputs++];
		io->name = c->name;
		io->dtype = type_of(c->data_type);
		if (!c->name.n)
			return FAIL(INVALID_ARG, "model output must specify 'name' for %s", m->name);
		if (!io->dtype)
			return FAIL(INVALID_ARG, "model output '%.*s' must specify 'data_type' for %s",
			            STR_ARG(c->name), m->name);
		TRY(dims_check(m, "output", c->name, c->dims.p, c->dims.n));
		set_dims(io, c->dims.p, c->dims.n, c->reshape);
		io->engine = i;
		if (e)
			TRY(match(m, "output", io, list, n));
		if (c->label_filename.n)
			TRY(classify_read_labels(m, c->label_filename, io));
	}
	return STATUS_GOOD;
}

/* What Triton's core writes into the configuration of an ensemble. */
static struct status ensemble_defaults(struct served *m)
{
	struct mc_config *c = &m->config;
	if (!c->model_transaction_policy)
		PB_SET(c, mc_config, model_transaction_policy,
		       ARENA_NEW(&m->arena, struct mc_transaction_policy));
	return c->model_transaction_policy ? STATUS_GOOD
		: FAIL(NO_MEMORY, "no memory for the configuration of %s", m->name);
}

struct status config_complete(struct served *m, const struct served_options *o,
                              const struct model *engine)
{
	if (engine) {
		TRY(fill_batch(m, o, engine));
		TRY(defaults(m));
		TRY(scheduling_defaults(m));
		TRY(scheduling_sequence(m, engine));
		if (!m->config.input.n)
			TRY(fill_inputs(m, engine));
		if (!m->config.output.n)
			TRY(fill_outputs(m, engine));
	} else {
		TRY(ensemble_defaults(m));
	}
	TRY(make_inputs(m, engine));
	TRY(make_outputs(m, engine));
	m->max_batch = m->config.max_batch_size;
	pb_json_print(&mc_config_pb, &m->config, PB_JSON_DEFAULTS, &m->config_json);
	return buf_status(&m->config_json);
}
