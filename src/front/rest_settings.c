/* REST: settings of traces and of the log, and loading and unloading.
 *
 * Members are looked at in Triton's order, which decides which of several errors is told; null
 * clears a trace setting and leaves a log setting as it is. What is not an object has no members
 * and changes nothing. All rules are in serve/settings.h; this file only translates.
 */
#include "front/rest_priv.h"

#include "base/panic.h"
#include "serve/settings.h"

#include <inttypes.h>

enum { LEVELS_MAX = 16 };

/* The body as JSON. */
static struct status document(struct rest_call *c, struct json *root)
{
	struct str text = {(const char *)c->x->body.p, c->x->body.n};
	struct status st = json_check(text, root);
	if (st.code)
		return FAIL(INTERNAL, "failed to parse the request JSON buffer: %s", st.msg);
	return st;
}

static struct status text_of(struct rest_call *c, struct json v, struct str *out)
{
	return json_str(v, c->x->arena, out) ? STATUS_GOOD : FAIL(INTERNAL, REST_NOT_STRING);
}

/* ---- traces ---- */

static void put_trace(struct buf *b, const struct trace_settings *t)
{
	bool first = true;
	buf_z(b, "{\"trace_level\":[");
	for (uint32_t i = 0; i < TRACE_LEVELS; i++) {
		const char *name = trace_level_name(t->levels, i);
		if (!name)
			continue;
		buf_printf(b, "%s\"%s\"", first ? "" : ",", name);
		first = false;
	}
	buf_printf(b, "%s],\"trace_rate\":\"%" PRIu32 "\",\"trace_count\":\"%" PRId32
	           "\",\"log_frequency\":\"%" PRIu32 "\",\"trace_file\":",
	           first ? "\"OFF\"" : "", t->rate, t->count, t->log_frequency);
	json_put_str(b, str_from(t->file));
	buf_z(b, ",\"trace_mode\":\"triton\"}");
}

static struct status read_field(struct rest_call *c, enum trace_field f, struct json v,
                                struct trace_update *u)
{
	struct str values[LEVELS_MAX];
	uint32_t n = 0;
	/* that it is there is what is wrong with a file */
	if (json_kind(v) == JSON_NULL || f == TRACE_FILE)
		return trace_update_clear(u, f);
	if (f != TRACE_LEVEL) {
		TRY(text_of(c, v, &values[0]));
		return trace_update_set(u, f, values, 1);
	}
	if (json_kind(v) != JSON_ARRAY)
		return FAIL(INTERNAL, "attempt to access JSON non-array as array");
	for (struct json_walk w = json_walk(v); json_next(&w);) {
		if (n == LEVELS_MAX)
			return FAIL(INVALID_ARG, "over %d trace levels are given", LEVELS_MAX);
		TRY(text_of(c, w.value, &values[n++]));
	}
	return trace_update_set(u, f, values, n);
}

static struct status read_update(struct rest_call *c, struct trace_update *u)
{
	struct json root, v;
	TRY(document(c, &root));
	for (int f = 0; f < TRACE_FIELDS; f++)
		if (json_member(root, trace_field_name((enum trace_field)f), &v))
			TRY(read_field(c, (enum trace_field)f, v, u));
	return STATUS_GOOD;
}

static struct status known_model(struct rest_call *c)
{
	if (c->model.n && !served_is_ready(repo_find(c->rest->repo, c->model), VERSION_LATEST))
		return settings_no_model(c->model);
	return STATUS_GOOD;
}

static void reply_trace(struct rest_call *c, struct status st)
{
	if (st.code) {
		rest__reply_status(c, st);
		return;
	}
	struct trace_settings t = settings_trace(c->rest->settings, c->model);
	put_trace(rest__scratch(c), &t);
	rest__reply_json(c);
}

void rest__trace(struct rest_call *c)
{
	reply_trace(c, known_model(c));
}

void rest__set_trace(struct rest_call *c)
{
	struct trace_update u = {0};
	struct status st = known_model(c);
	if (!st.code)
		st = read_update(c, &u);
	if (!st.code)
		st = settings_trace_set(c->rest->settings, c->model, &u);
	reply_trace(c, st);
}

/* ---- the log ---- */

void rest__log(struct rest_call *c)
{
	struct log_settings l = log_get();
	struct buf *b = rest__scratch(c);
	buf_z(b, "{\"log_file\":");
	json_put_str(b, str_from(l.file));
	buf_printf(b, ",\"log_info\":%s,\"log_warning\":%s,\"log_error\":%s,"
	           "\"log_verbose_level\":%d,\"log_format\":\"%s\"}",
	           l.info ? "true" : "false", l.warning ? "true" : "false",
	           l.error ? "true" : "false", l.verbose, log_format_name(l.format));
	rest__reply_json(c);
}

/* A member that is there and not null. */
static bool given(struct json root, const char *name, struct json *v)
{
	return json_member(root, name, v) && json_kind(*v) != JSON_NULL;
}

static struct status set_flags(struct rest_call *c, struct json root)
{
	static const struct { const char *name; enum log_level level; } flags[] = {
		{"log_info", LOG_INFO}, {"log_warning", LOG_WARNING}, {"log_error", LOG_ERROR}};
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
		struct json v;
		bool on;
		if (!given(root, flags[i].name, &v))
			continue;
		if (!json_bool(v, &on))
			return FAIL(INTERNAL, REST_NOT_BOOL);
		TRY(settings_log_flag(c->rest->settings, flags[i].level, on));
	}
	return STATUS_GOOD;
}

static struct status set_log(struct rest_call *c)
{
	struct json root, v;
	struct str name;
	uint64_t level;
	TRY(document(c, &root));
	if (given(root, "log_file", &v))
		return settings_log_file();
	TRY(set_flags(c, root));
	if (given(root, "log_verbose_level", &v)) {
		if (!json_u64(v, &level))
			return FAIL(INTERNAL, REST_NOT_UNSIGNED);
		TRY(settings_log_verbose(c->rest->settings, level));
	}
	if (!given(root, "log_format", &v))
		return STATUS_GOOD;
	TRY(text_of(c, v, &name));
	return settings_log_format(c->rest->settings, name);
}

void rest__set_log(struct rest_call *c)
{
	struct status st = set_log(c);
	if (st.code)
		rest__reply_status(c, st);
	else
		rest__log(c);
}

/* ---- loading and unloading ---- */

/* The parameters of a load request: all are texts. */
static struct status check_load(struct rest_call *c)
{
	struct json root, parameters;
	struct str text;
	if (!c->x->body.n)
		return STATUS_GOOD;
	TRY(document(c, &root));
	if (!json_member(root, "parameters", &parameters))
		return STATUS_GOOD;
	if (json_kind(parameters) != JSON_OBJECT)
		return FAIL(INTERNAL, "attempt to get members for non-object");
	for (struct json_walk w = json_walk(parameters); json_next(&w);)
		TRY(text_of(c, w.value, &text));
	return STATUS_GOOD;
}

static void refuse(struct rest_call *c, struct status st)
{
	rest__reply_status(c, st.code ? st : FAIL(UNAVAILABLE, "explicit model load / unload is not "
	                                          "allowed if polling is enabled"));
}

void rest__load(struct rest_call *c)
{
	refuse(c, check_load(c));
}

void rest__unload(struct rest_call *c)
{
	refuse(c, STATUS_GOOD);
}

/* A path that names a repository. */
void rest__no_repository(struct rest_call *c)
{
	rest__reply_status(c, FAIL(UNSUPPORTED, "'repository_name' specification is not supported"));
}
