/* REST: from a path to the function that answers it, and the small answers.
 *
 * Routes are matched on the raw path as the table routes.def says; a path that is known with
 * another method is 405, any other 404, both in Triton's words. Answers are written into the
 * loop's scratch buffer and copied to the request's arena, where they stay until they are sent.
 * Runs on the loops' threads; shares only the repository, which does not change.
 */
#include "front/rest_priv.h"

#include "base/panic.h"
#include "base/refused.h"
#include "nereid/nereid.h"

#include <inttypes.h>
#include <string.h>

#define REPLY_BYTES_MAX ((size_t)1 << 31)

struct route { const char *method, *pattern; rest_fn *fn; enum access_group group; };
static const struct route routes[] = {
#define X(method, pattern, fn, group) {#method, pattern, fn, ACCESS_##group},
#include "front/routes.def"
#undef X
};

void rest_init(struct rest *r, struct repo *repo, const char *id)
{
	memset(r, 0, sizeof *r);
	r->repo = repo;
	r->id = id;
	access_init_http(&r->access);
	r->strict_ready = true;
	r->max_json_bytes = 64u << 20;
	for (int i = 0; i < FRONT_THREADS_MAX; i++)
		buf_init(&r->scratch[i], REPLY_BYTES_MAX);
}

void rest_release(struct rest *r)
{
	forward_release(&r->forward);
	for (int i = 0; i < FRONT_THREADS_MAX; i++)
		buf_release(&r->scratch[i]);
	for (int i = 0; i < FRONT_THREADS_MAX; i++)
		rest__memo_free(r->memos[i]);
}

int rest__http_code(enum status_code code)
{
	switch (code) {
	case STATUS_OK:
		return 200;
	case STATUS_INVALID_ARG:
	case STATUS_UNKNOWN:
	case STATUS_ALREADY_EXISTS:
	case STATUS_CANCELLED:
		return 400;
	case STATUS_NOT_FOUND:
		return 404;
	case STATUS_UNAVAILABLE:
	case STATUS_TIMEOUT:
		return 503;
	case STATUS_UNSUPPORTED:
		return 501;
	default:
		return 500;
	}
}

struct buf *rest__scratch(struct rest_call *c)
{
	CHECK(c->x->thread < FRONT_THREADS_MAX);
	struct buf *b = &c->rest->scratch[c->x->thread];
	buf_reset(b);
	return b;
}

static void reply_text(struct rest_call *c, int code, struct str text)
{
	/* what a body may be packed with is said to whoever packed it otherwise */
	struct str coding = http1_find(c->x->request, "Content-Encoding");
	struct str headers = code == 501 && coding.n ? STR("Accept-Encoding: gzip, deflate\r\n")
		: STR_NONE;
	struct str copy = arena_str(c->x->arena, text);
	struct span part = {(const uint8_t *)copy.p, copy.n};
	if (copy.p)
		http_reply(c->x, code, "application/json", headers, &part, 1);
	else
		http_reply(c->x, 503, 0, STR_NONE, 0, 0);
}

void rest__reply_error(struct rest_call *c, int code, const char *text)
{
	struct buf *b = rest__scratch(c);
	buf_z(b, "{\"error\":");
	json_put_str(b, str_from(text));
	buf_byte(b, '}');
	reply_text(c, code, buf_text(b));
}

void rest__reply_status(struct rest_call *c, struct status st)
{
	rest__reply_error(c, rest__http_code(st.code), st.msg);
}

void rest__reply_json(struct rest_call *c)
{
	struct buf *b = &c->rest->scratch[c->x->thread];
	struct status st = buf_status(b);
	if (st.code)
		rest__reply_status(c, st);
	else
		reply_text(c, 200, buf_text(b));
}

void rest__reply_empty(struct rest_call *c, int code)
{
	http_reply(c->x, code, "text/plain", STR_NONE, 0, 0);
}

static bool digits(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

/* Path against pattern, segment by segment. */
static bool matches(const char *pattern, struct str path, struct rest_call *c)
{
	struct str model = STR_NONE, version = STR_NONE, name = STR_NONE;
	while (*pattern && path.n) {
		if (*pattern != '{') {
			if (*pattern++ != *path.p)
				return false;
			path.p++;
			path.n--;
			continue;
		}
		const char *slash = memchr(path.p, '/', path.n);
		struct str part = {path.p, slash ? (size_t)(slash - path.p) : path.n};
		char kind = pattern[1];
		if (!part.n || (kind == 'v' && !digits(part)))
			return false;
		*(kind == 'v' ? &version : kind == 'm' ? &model : &name) = part;
		path.p += part.n;
		path.n -= part.n;
		pattern += 3;
	}
	if (*pattern || path.n)
		return false;
	c->model = model;
	c->version = version;
	c->name = name;
	return true;
}

/* The path of a target: without the query, and without scheme and host where a client writes
 * them. */
static struct str path_of(struct str target)
{
	const char *query = memchr(target.p, '?', target.n);
	struct str path = {target.p, query ? (size_t)(query - target.p) : target.n};
	if (str_starts(path, STR("http://"))) {
		const char *host = path.p + 7, *end = path.p + path.n, *slash =
			memchr(host, '/', (size_t)(end - host));
		path = slash ? (struct str){slash, (size_t)(end - slash)} : STR("/");
	}
	return path;
}

static struct str find_header(const void *request, struct str name)
{
	const struct http1_request *r = request;
	for (uint32_t i = 0; i < r->n_headers; i++)
		if (str_eq_nocase(r->headers[i].name, name))
			return r->headers[i].value;
	return STR_NONE;
}

/* Whether c may go on; else it is answered. */
static bool may_pass(struct rest_call *c, enum access_group group)
{
	char text[ACCESS_TEXT_BYTES];
	enum access_result r = access_check(&c->rest->access, group, c->model, find_header,
	                                    c->x->request, text);
	if (r == ACCESS_GOOD)
		return true;
	refused(r == ACCESS_RESTRICTED ? REFUSED_RESTRICTED : REFUSED_UNKNOWN_KEY);
	struct buf *b = rest__scratch(c);
	buf_z(b, "{\"error\":");
	json_put_str(b, str_from(text));
	buf_byte(b, '}');
	struct str copy = arena_str(c->x->arena, buf_text(b));
	struct span part = {(const uint8_t *)copy.p, copy.n};
	if (r == ACCESS_UNKNOWN)
		http_reply(c->x, 401, "application/json", STR("WWW-Authenticate: Bearer\r\n"), &part, 1);
	else /* the type is Triton's */
		http_reply(c->x, 403, r == ACCESS_RESTRICTED ? "text/plain" : "application/json", STR_NONE,
		           &part, 1);
	return false;
}

void rest_handle(void *ctx, struct http_exchange *x)
{
	struct rest_call c = {.rest = ctx, .x = x};
	struct str path = path_of(x->request->target);
	bool known = false;
	for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
		if (!matches(routes[i].pattern, path, &c))
			continue;
		bool answers = str_is(x->request->method, routes[i].method);
		/* before the method is looked at, as in Triton */
		if ((!known || answers) && !may_pass(&c, routes[i].group))
			return;
		known = true;
		if (answers) {
			routes[i].fn(&c);
			return;
		}
	}
	if (known) {
		rest__reply_error(&c, 405, "Method Not Allowed");
	} else {
		static const char text[] = "{\"error\":\"Not Found\"}";
		struct span part = {(const uint8_t *)text, sizeof text - 1};
		http_reply(x, 404, "text/plain", STR_NONE, &part, 1);
	}
}

struct status rest__version(struct rest_call *c, int64_t *number)
{
	*number = VERSION_LATEST;
	if (!c->version.n)
		return STATUS_GOOD;
	if (!str_i64(c->version, number))
		return FAIL(INVALID_ARG, "failed to get model version from specified version string "
		            "'%.*s' (details: stol), "
		            "version should be an integral value > 0", STR_ARG(c->version));
	return STATUS_GOOD;
}

struct status rest__find(struct rest_call *c, struct served **m, struct served_version **v)
{
	int64_t number;
	TRY(rest__version(c, &number));
	*m = repo_find(c->rest->repo, c->model);
	return served_find(*m, c->model, number, v);
}

void rest__live(struct rest_call *c)
{
	rest__reply_empty(c, 200);
}

void rest__ready(struct rest_call *c)
{
	rest__reply_empty(c, repo_ready(c->rest->repo, c->rest->strict_ready) ? 200 : 400);
}

void rest__model_ready(struct rest_call *c)
{
	int64_t number;
	struct status st = rest__version(c, &number);
	if (st.code)
		rest__reply_status(c, st);
	else if (served_is_ready(repo_find(c->rest->repo, c->model), number))
		rest__reply_empty(c, 200);
	else
		rest__reply_error(c, 400, "Model version not ready");
}

const char *rest_extensions(void)
{
	/* of Triton's list what is served, in its order */
	return "classification sequence model_repository "
	       "model_repository(unload_dependents) schedule_policy model_configuration "
	       "system_shared_memory cuda_shared_memory binary_tensor_data parameters statistics trace logging";
}

void rest__server(struct rest_call *c)
{
	struct buf *b = rest__scratch(c);
	buf_z(b, "{\"name\":");
	json_put_str(b, str_from(c->rest->id));
	buf_printf(b, ",\"version\":\"%s\",\"extensions\":[", nrd_version());
	for (const char *p = rest_extensions(); *p;) {
		size_t n = strcspn(p, " ");
		json_put_str(b, (struct str){p, n});
		p += n + (p[n] == ' ');
		if (*p)
			buf_byte(b, ',');
	}
	buf_z(b, "]}");
	rest__reply_json(c);
}

static void put_io(struct buf *b, const struct served *m, const struct served_io *list, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		buf_printf(b, "%s{\"name\":", i ? "," : "");
		json_put_str(b, list[i].name);
		buf_printf(b, ",\"datatype\":\"%s\",\"shape\":[%s", dtype_wire(list[i].dtype),
		           m->max_batch > 0 ? "-1," : "");
		for (uint32_t k = 0; k < list[i].rank; k++)
			buf_printf(b, "%s%" PRId64, k ? "," : "", list[i].dims[k]);
		buf_z(b, "]}");
	}
}

void rest__model(struct rest_call *c)
{
	struct served *m;
	struct served_version *v;
	struct status st = rest__find(c, &m, &v);
	struct buf *b = rest__scratch(c);
	bool first = true;
	if (st.code) {
		rest__reply_status(c, st);
		return;
	}
	buf_z(b, "{\"name\":");
	json_put_str(b, str_from(m->name));
	buf_z(b, ",\"versions\":[");
	for (uint32_t i = 0; i < m->n_versions; i++) {
		if (m->versions[i].state != SERVED_READY || (c->version.n && &m->versions[i] != v))
			continue;
		buf_printf(b, "%s\"%" PRId64 "\"", first ? "" : ",", m->versions[i].number);
		first = false;
	}
	buf_printf(b, "],\"platform\":\"%s\",\"inputs\":[", m->platform);
	put_io(b, m, m->inputs, m->n_inputs);
	buf_z(b, "],\"outputs\":[");
	put_io(b, m, m->outputs, m->n_outputs);
	buf_z(b, "]}");
	rest__reply_json(c);
}

void rest__config(struct rest_call *c)
{
	struct served *m;
	struct served_version *v;
	struct status st = rest__find(c, &m, &v);
	if (st.code)
		rest__reply_status(c, st);
	else
		reply_text(c, 200, buf_text(&m->config_json));
}

static void put_index(struct buf *b, const struct served *m, bool only_ready, bool *first)
{
	if (m->failure && !only_ready) {
		buf_printf(b, "%s{\"name\":", *first ? "" : ",");
		json_put_str(b, str_from(m->name));
		buf_z(b, ",\"version\":\"\",\"state\":\"UNAVAILABLE\",\"reason\":");
		json_put_str(b, str_from(m->failure));
		buf_byte(b, '}');
		*first = false;
	}
	for (uint32_t i = 0; !m->failure && i < m->n_versions; i++) {
		const struct served_version *v = &m->versions[i];
		if (only_ready && v->state != SERVED_READY)
			continue;
		buf_printf(b, "%s{\"name\":", *first ? "" : ",");
		json_put_str(b, str_from(m->name));
		buf_printf(b, ",\"version\":\"%" PRId64 "\",\"state\":\"%s\"", v->number,
		           v->state == SERVED_READY ? "READY" : "UNAVAILABLE");
		if (v->reason) {
			buf_z(b, ",\"reason\":");
			json_put_str(b, str_from(v->reason));
		}
		buf_byte(b, '}');
		*first = false;
	}
}

void rest__index(struct rest_call *c)
{
	struct json root, ready;
	bool only = false, first = true;
	if (c->x->body.n) {
		struct status st = json_check((struct str){(const char *)c->x->body.p, c->x->body.n},
		                              &root);
		if (st.code) {
			rest__reply_status(c, FAIL(INTERNAL, "failed to parse the request JSON buffer: %s",
			                           st.msg));
			return;
		}
		if (json_member(root, "ready", &ready) && !json_bool(ready, &only)) {
			rest__reply_error(c, 500, "attempt to access JSON non-boolean as boolean");
			return;
		}
	}
	struct buf *b = rest__scratch(c);
	buf_byte(b, '[');
	for (uint32_t i = 0; i < c->rest->repo->n_models; i++)
		put_index(b, c->rest->repo->models[i], only, &first);
	buf_byte(b, ']');
	rest__reply_json(c);
}
