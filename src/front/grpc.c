/* gRPC: from a method to the function that answers it, and the small answers.
 *
 * A request is decoded into its message's arena, an answer is a struct that is encoded into the
 * loop's scratch buffer and copied to the arena, where it stays until it is sent. Inference has a
 * file of its own. Runs on the loops' threads; shares only the repository.
 */
#include "front/grpc_priv.h"

#include "base/panic.h"
#include "nereid/nereid.h"

#include <inttypes.h>

#define ANSWER_BYTES_MAX ((size_t)1 << 31)

struct rpc {
	struct str path;
	bool streams;
	grpc_fn *fn;
	enum access_group group;
	uint32_t model;                      /* field of the request, or 0 */
};
static const struct rpc rpcs[] = {
#define PATH(p, s, m) "/" p "." s "/" m
#define X(package, service, method, streams, i, input, o, output, fn, group, model) \
	{{PATH(package, service, #method), sizeof PATH(package, service, #method) - 1}, streams, fn, \
	 ACCESS_##group, model},
#include "front/grpc_rpcs.def"
#undef X
};

void grpc_front_init(struct grpc_front *f, struct repo *repo, const char *id)
{
	memset(f, 0, sizeof *f);
	f->repo = repo;
	f->id = id;
	access_init_grpc(&f->access);
	f->strict_ready = true;
	for (int i = 0; i < FRONT_THREADS_MAX; i++)
		buf_init(&f->scratch[i], ANSWER_BYTES_MAX);
}

void grpc_front_release(struct grpc_front *f)
{
	forward_release(&f->forward);
	for (int i = 0; i < FRONT_THREADS_MAX; i++)
		buf_release(&f->scratch[i]);
}

static const struct rpc *find(struct str path)
{
	for (size_t i = 0; i < sizeof rpcs / sizeof *rpcs; i++)
		if (str_eq(rpcs[i].path, path))
			return &rpcs[i];
	return 0;
}

bool grpc_front_streams(void *ctx, struct str path)
{
	const struct rpc *r = find(path);
	(void)ctx;
	return r && r->streams;
}

void grpc_front_handle(void *ctx, struct grpc_message *m)
{
	const struct rpc *r = find(grpc_path(m));
	struct grpc_front *f = ctx;
	if (!r)
		grpc_fail(m, GRPC_UNIMPLEMENTED, "");
	else if (grpc__may_pass(&f->access, m, r->group, r->model))
		r->fn(f, m);
}

struct buf *grpc__scratch(struct grpc_front *f, const struct grpc_message *m)
{
	CHECK(m->thread < FRONT_THREADS_MAX);
	struct buf *b = &f->scratch[m->thread];
	buf_reset(b);
	return b;
}

void grpc__fail(struct grpc_message *m, struct status st)
{
	grpc_fail(m, grpc_code(st.code), st.msg);
}

bool grpc__decode(struct grpc_message *m, const struct pb_msg *type, void *out)
{
	struct status st = pb_decode(type, (struct span){m->data, m->bytes}, "the request", &m->arena,
	                             out);
	if (st.code)
		grpc_fail(m, st.code == STATUS_CORRUPT ? GRPC_INTERNAL : grpc_code(st.code), st.msg);
	return !st.code;
}

void grpc__answer(struct grpc_front *f, struct grpc_message *m, const struct pb_msg *type,
                  const void *x)
{
	struct buf *b = grpc__scratch(f, m);
	struct status st = pb_encode(type, x, b);
	struct str copy = st.code ? STR_NONE : arena_str(&m->arena, buf_text(b));
	if (!st.code && b->n && !copy.p)
		st = FAIL(NO_MEMORY, "no memory for the answer");
	if (st.code) {
		grpc__fail(m, st);
		return;
	}
	struct span part = {(const uint8_t *)copy.p, copy.n};
	grpc_reply(m, &part, copy.n > 0);
}

/* A number as C's stol reads it: blanks before it and text behind it are not looked at. */
static bool leading_number(struct str s, int64_t *out)
{
	size_t i = 0;
	while (i < s.n && (s.p[i] == ' ' || (s.p[i] >= '\t' && s.p[i] <= '\r')))
		i++;
	size_t from = i + (i < s.n && s.p[i] == '+');
	i = from + (from == i && i < s.n && s.p[i] == '-');
	while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
		i++;
	return str_i64((struct str){s.p + from, i - from}, out);
}

struct status grpc__version(struct str version, int64_t *number)
{
	*number = VERSION_LATEST;
	if (!version.n)
		return STATUS_GOOD;
	if (!leading_number(version, number))
		return FAIL(INVALID_ARG, "failed to get model version from specified version string "
		            "'%.*s' (details: stol), version should be an integral value > 0",
		            STR_ARG(version));
	if (*number < 0)
		return FAIL(INVALID_ARG, "invalid model version specified '%.*s' , version should be an "
		            "integral value > 0", STR_ARG(version));
	return STATUS_GOOD;
}

struct status grpc__find(struct grpc_front *f, struct str model, struct str version,
                         struct served **m, struct served_version **v)
{
	int64_t number;
	TRY(grpc__version(version, &number));
	*m = repo_find(f->repo, model);
	return served_find(*m, model, number, v);
}

void grpc__live(struct grpc_front *f, struct grpc_message *m)
{
	struct gs_live live = {.live = true};
	grpc__answer(f, m, &gs_live_pb, &live);
}

void grpc__ready(struct grpc_front *f, struct grpc_message *m)
{
	struct gs_ready ready = {.ready = repo_ready(f->repo, f->strict_ready)};
	grpc__answer(f, m, &gs_ready_pb, &ready);
}

void grpc__health(struct grpc_front *f, struct grpc_message *m)
{
	struct gs_health_reply reply = {.status = repo_ready(f->repo, f->strict_ready)
		? GS_HEALTH_SERVING : GS_HEALTH_NOT_SERVING};
	grpc__answer(f, m, &gs_health_reply_pb, &reply);
}

void grpc__model_ready(struct grpc_front *f, struct grpc_message *m)
{
	struct gs_model ask;
	int64_t number;
	if (!grpc__decode(m, &gs_model_pb, &ask))
		return;
	struct status st = grpc__version(ask.version, &number);
	if (st.code) {
		grpc__fail(m, st);
		return;
	}
	struct gs_ready ready = {.ready = served_is_ready(repo_find(f->repo, ask.name), number)};
	grpc__answer(f, m, &gs_ready_pb, &ready);
}

void grpc__server(struct grpc_front *f, struct grpc_message *m)
{
	struct str names[64];
	struct gs_server_metadata x = {.name = str_from(f->id), .version = str_from(nrd_version())};
	uint32_t n = 0;
	for (const char *p = rest_extensions(); *p && n < 64;) {
		size_t bytes = strcspn(p, " ");
		names[n++] = (struct str){p, bytes};
		p += bytes + (p[bytes] == ' ');
	}
	x.extensions.p = names;
	x.extensions.n = n;
	grpc__answer(f, m, &gs_server_metadata_pb, &x);
}

static bool put_io(struct arena *a, const struct served *s, const struct served_io *list,
                   uint32_t n, struct gs_tensor_metadata **out)
{
	uint32_t skip = s->max_batch > 0;
	*out = ARENA_ARRAY(a, n + 1, struct gs_tensor_metadata);
	for (uint32_t i = 0; *out && i < n; i++) {
		struct gs_tensor_metadata *t = *out + i;
		t->name = list[i].name;
		t->datatype = str_from(dtype_wire(list[i].dtype));
		t->shape.p = ARENA_ARRAY(a, TENSOR_RANK_MAX + 1, int64_t);
		if (!t->shape.p)
			return false;
		if (skip)
			t->shape.p[0] = -1;
		memcpy(t->shape.p + skip, list[i].dims, list[i].rank * sizeof(int64_t));
		t->shape.n = list[i].rank + skip;
	}
	return *out != 0;
}

void grpc__model(struct grpc_front *f, struct grpc_message *m)
{
	struct gs_model ask;
	struct gs_model_metadata x = {0};
	struct served *s;
	struct served_version *v;
	if (!grpc__decode(m, &gs_model_pb, &ask))
		return;
	struct status st = grpc__find(f, ask.name, ask.version, &s, &v);
	if (!st.code) {
		x.versions.p = ARENA_ARRAY(&m->arena, s->n_versions, struct str);
		for (uint32_t i = 0; x.versions.p && i < s->n_versions; i++)
			if (s->versions[i].state == SERVED_READY && (!ask.version.n || &s->versions[i] == v))
				x.versions.p[x.versions.n++] = str_from(arena_printf(&m->arena, "%" PRId64,
				                                                     s->versions[i].number));
		x.name = str_from(s->name);
		x.platform = str_from(s->platform);
		x.inputs.n = s->n_inputs;
		x.outputs.n = s->n_outputs;
		if (!x.versions.p || !put_io(&m->arena, s, s->inputs, s->n_inputs, &x.inputs.p) ||
		    !put_io(&m->arena, s, s->outputs, s->n_outputs, &x.outputs.p))
			st = FAIL(NO_MEMORY, "no memory for the answer");
	}
	if (st.code)
		grpc__fail(m, st);
	else
		grpc__answer(f, m, &gs_model_metadata_pb, &x);
}

void grpc__config(struct grpc_front *f, struct grpc_message *m)
{
	struct gs_model ask;
	struct gs_model_config x = {0};
	struct served *s;
	struct served_version *v;
	if (!grpc__decode(m, &gs_model_pb, &ask))
		return;
	struct status st = grpc__find(f, ask.name, ask.version, &s, &v);
	if (st.code) {
		grpc__fail(m, st);
		return;
	}
	PB_SET(&x, gs_model_config, config, &s->config);
	grpc__answer(f, m, &gs_model_config_pb, &x);
}

static void put_index(struct arena *a, const struct served *s, bool only_ready,
                      struct gs_indexed *list, uint32_t *n)
{
	if (s->failure && !only_ready)
		list[(*n)++] = (struct gs_indexed){.name = str_from(s->name), .state = STR("UNAVAILABLE"),
		                                   .reason = str_from(s->failure)};
	for (uint32_t i = 0; !s->failure && i < s->n_versions; i++) {
		const struct served_version *v = &s->versions[i];
		bool ready = v->state == SERVED_READY;
		if (only_ready && !ready)
			continue;
		list[(*n)++] = (struct gs_indexed){
			.name = str_from(s->name), .reason = str_from(v->reason),
			.version = str_from(arena_printf(a, "%" PRId64, v->number)),
			.state = ready ? STR("READY") : STR("UNAVAILABLE"),
		};
	}
}

void grpc__index(struct grpc_front *f, struct grpc_message *m)
{
	struct gs_index ask;
	struct gs_index_reply x = {0};
	size_t room = 1;
	if (!grpc__decode(m, &gs_index_pb, &ask))
		return;
	if (ask.repository_name.n) {
		grpc_fail(m, GRPC_UNIMPLEMENTED, "'repository_name' specification is not supported");
		return;
	}
	for (uint32_t i = 0; i < f->repo->n_models; i++)
		room += f->repo->models[i]->n_versions + 1;
	x.models.p = ARENA_ARRAY(&m->arena, room, struct gs_indexed);
	if (!x.models.p) {
		grpc_fail(m, GRPC_RESOURCE_EXHAUSTED, "no memory for the answer");
		return;
	}
	for (uint32_t i = 0; i < f->repo->n_models; i++)
		put_index(&m->arena, f->repo->models[i], ask.ready, x.models.p, &x.models.n);
	grpc__answer(f, m, &gs_index_reply_pb, &x);
}

static void refuse_control(struct grpc_message *m, const char *what)
{
	struct gs_load ask;
	if (!grpc__decode(m, &gs_load_pb, &ask))
		return;
	if (ask.repository_name.n) {
		grpc_fail(m, GRPC_UNIMPLEMENTED, "'repository_name' specification is not supported");
		return;
	}
	grpc_fail(m, GRPC_UNAVAILABLE, what);
}

/* Models are loaded at start, as with Triton's model control mode `none`. */
void grpc__load(struct grpc_front *f, struct grpc_message *m)
{
	(void)f;
	refuse_control(m, "explicit model load / unload is not allowed if polling is enabled");
}

void grpc__unload(struct grpc_front *f, struct grpc_message *m)
{
	(void)f;
	refuse_control(m, "explicit model load / unload is not allowed if polling is enabled");
}
