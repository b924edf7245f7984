/* Trace and log settings over gRPC, as rest_settings.c has them in JSON.
 *
 * Fields are looked at in the table's order, as there. All rules are in serve/settings.h; this
 * file only translates.
 */
#include "front/grpc_priv.h"

#include "base/panic.h"
#include "serve/settings.h"

#include <inttypes.h>

/* ---- traces ---- */

static struct status read_trace(const struct gs_trace *x, struct trace_update *u)
{
	for (int f = 0; f < TRACE_FIELDS; f++)
		for (uint32_t i = 0; i < x->settings.n; i++) {
			const struct gs_trace_value *v = x->settings.p[i].value;
			if (!str_is(x->settings.p[i].key, trace_field_name((enum trace_field)f)))
				continue;
			if (!v || !v->value.n)
				TRY(trace_update_clear(u, (enum trace_field)f));
			else if (f != TRACE_LEVEL && v->value.n > 1)
				return FAIL(INVALID_ARG, "expect only 1 value for '%s'",
				            trace_field_name((enum trace_field)f));
			else
				TRY(trace_update_set(u, (enum trace_field)f, v->value.p, v->value.n));
		}
	return STATUS_GOOD;
}

struct trace_answer {
	struct gs_trace reply;
	struct gs_trace_entry entries[TRACE_FIELDS + 1];
	struct gs_trace_value values[TRACE_FIELDS + 1];
	struct str texts[TRACE_FIELDS + 1], levels[TRACE_LEVELS + 1];
};

static void add_text(struct trace_answer *t, const char *key, const struct str *texts, uint32_t n)
{
	uint32_t i = t->reply.settings.n++;
	CHECK(i <= TRACE_FIELDS);
	t->values[i].value.p = (struct str *)(uintptr_t)texts;
	t->values[i].value.n = n;
	t->entries[i].key = str_from(key);
	PB_SET(&t->entries[i], gs_trace_entry, value, &t->values[i]);
}

static void add_number(struct arena *a, struct trace_answer *t, const char *key, int64_t v)
{
	struct str *text = &t->texts[t->reply.settings.n];
	*text = str_from(arena_printf(a, "%" PRId64, v));
	add_text(t, key, text, 1);
}

static void answer_trace(struct grpc_front *f, struct grpc_message *m, struct str model)
{
	struct trace_answer *t = ARENA_NEW(&m->arena, struct trace_answer);
	struct trace_settings s = settings_trace(f->settings, model);
	uint32_t n = 0;
	if (!t) {
		grpc_fail(m, GRPC_RESOURCE_EXHAUSTED, "no memory for the answer");
		return;
	}
	t->reply.settings.p = t->entries;
	for (uint32_t i = 0; i < TRACE_LEVELS; i++)
		if (trace_level_name(s.levels, i))
			t->levels[n++] = str_from(trace_level_name(s.levels, i));
	if (!n)
		t->levels[n++] = STR("OFF");
	add_text(t, "trace_level", t->levels, n);
	add_number(&m->arena, t, "trace_rate", s.rate);
	add_number(&m->arena, t, "trace_count", s.count);
	add_number(&m->arena, t, "log_frequency", s.log_frequency);
	t->texts[TRACE_FIELDS] = str_from(s.file);
	add_text(t, "trace_file", &t->texts[TRACE_FIELDS], 1);
	static const struct str mode = {"triton", 6};
	add_text(t, "trace_mode", &mode, 1);
	grpc__answer(f, m, &gs_trace_pb, &t->reply);
}

void grpc__trace(struct grpc_front *f, struct grpc_message *m)
{
	struct gs_trace ask;
	struct trace_update u = {0};
	struct status st = STATUS_GOOD;
	if (!grpc__decode(m, &gs_trace_pb, &ask))
		return;
	if (ask.model_name.n && !served_is_ready(repo_find(f->repo, ask.model_name), VERSION_LATEST))
		st = settings_no_model(ask.model_name);
	if (!st.code)
		st = read_trace(&ask, &u);
	if (!st.code && ask.settings.n)
		st = settings_trace_set(f->settings, ask.model_name, &u);
	if (st.code)
		grpc__fail(m, st);
	else
		answer_trace(f, m, ask.model_name);
}

/* ---- the log ---- */

#define IS(v, field) ((v) && PB_IS_SET(v, gs_log_value, field))

static const struct { const char *name; enum log_level level; } flags[] = {
	{"log_info", LOG_INFO}, {"log_warning", LOG_WARNING}, {"log_error", LOG_ERROR},
};

static const struct gs_log_value *find(const struct gs_log *x, const char *key)
{
	static const struct gs_log_value nothing;
	for (uint32_t i = 0; i < x->settings.n; i++)
		if (str_is(x->settings.p[i].key, key))
			return x->settings.p[i].value ? x->settings.p[i].value : &nothing;
	return 0;
}

static struct status set_log(struct settings *s, const struct gs_log *x)
{
	if (find(x, "log_file"))
		return settings_log_file();
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
		const struct gs_log_value *v = find(x, flags[i].name);
		if (v && !IS(v, bool_param))
			return FAIL(INVALID_ARG, "expect boolean for '%s'", flags[i].name);
		if (v)
			TRY(settings_log_flag(s, flags[i].level, v->bool_param));
	}
	const struct gs_log_value *verbose = find(x, "log_verbose_level");
	if (verbose && !IS(verbose, uint32_param))
		return FAIL(INVALID_ARG, "expect int32 for 'log_verbose_level'");
	if (verbose)
		TRY(settings_log_verbose(s, verbose->uint32_param));
	const struct gs_log_value *format = find(x, "log_format");
	if (format && !IS(format, string_param))
		return FAIL(INVALID_ARG, "expect string for 'log_format'");
	return format ? settings_log_format(s, format->string_param) : STATUS_GOOD;
}

void grpc__log(struct grpc_front *f, struct grpc_message *m)
{
	struct gs_log ask, reply = {0};
	struct gs_log_value values[6] = {0};
	struct gs_log_entry entries[6] = {0};
	static const char *const names[6] = {"log_file", "log_info", "log_warning", "log_error",
	                                     "log_verbose_level", "log_format"};
	if (!grpc__decode(m, &gs_log_pb, &ask))
		return;
	struct status st = set_log(f->settings, &ask);
	if (st.code) {
		grpc__fail(m, st);
		return;
	}
	struct log_settings l = log_get();
	PB_SET(&values[0], gs_log_value, string_param, str_from(l.file));
	PB_SET(&values[1], gs_log_value, bool_param, l.info);
	PB_SET(&values[2], gs_log_value, bool_param, l.warning);
	PB_SET(&values[3], gs_log_value, bool_param, l.error);
	PB_SET(&values[4], gs_log_value, uint32_param, (uint32_t)l.verbose);
	PB_SET(&values[5], gs_log_value, string_param, str_from(log_format_name(l.format)));
	for (int i = 0; i < 6; i++) {
		entries[i].key = str_from(names[i]);
		PB_SET(&entries[i], gs_log_entry, value, &values[i]);
	}
	reply.settings.p = entries;
	reply.settings.n = 6;
	grpc__answer(f, m, &gs_log_pb, &reply);
}
