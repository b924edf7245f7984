/* Trace and log settings.
 *
 * Global trace settings have a start value; a model's are the global ones but for the fields that
 * were set for it. An update is parsed whole before it is done. Numbers are read as C++'s stoi
 * reads them, because clients of Triton may rely on it: blanks before, anything behind, and a
 * negative rate wraps. Log settings go straight to base/log.h. One lock over all, as it is taken
 * only for settings; no request waits for it.
 */
#include "serve/settings.h"

#include "base/limits.h"
#include "base/panic.h"

#include <inttypes.h>

#define SETTINGS_BYTES_MAX ((size_t)16 << 20)
enum { RATE_START = 1000 };

struct trace_of_model {
	struct str name;
	bool own[TRACE_FIELDS];
	struct trace_settings trace;         /* where own */
};

static const char *const field_names[] = {
#define X(name, text) text,
#include "serve/trace_fields.def"
#undef X
};
static const char *const level_names[] = {"TIMESTAMPS", "TENSORS"};

const char *trace_field_name(enum trace_field f)
{
	CHECK(f < TRACE_FIELDS);
	return field_names[f];
}

const char *trace_level_name(uint32_t levels, uint32_t i)
{
	return i < TRACE_LEVELS && (levels >> i & 1) ? level_names[i] : 0;
}

/* ---- an update ---- */

/* "OFF" goes with nothing else; names that mean nothing are passed over. */
static struct status parse_levels(const struct str *values, uint32_t n, uint32_t *out)
{
	uint32_t levels = 0;
	for (uint32_t i = 0; i < n; i++) {
		if (str_is(values[i], "OFF") && n > 1)
			return FAIL(INVALID_ARG, "Expect only one trace level 'OFF' is specified");
		for (uint32_t k = 0; k < TRACE_LEVELS; k++)
			if (str_is(values[i], level_names[k]))
				levels |= 1u << k;
	}
	*out = levels;
	return STATUS_GOOD;
}

static bool blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The whole number that s begins with, in 32 bits. */
static struct status parse_number(enum trace_field f, struct str s, int32_t *out)
{
	const char *low = f == TRACE_COUNT ? "-1" : "0";
	const char *high = f == TRACE_COUNT ? "2147483647" : "4294967295";
	size_t i = 0;
	int64_t v = 0;
	while (i < s.n && blank(s.p[i]))
		i++;
	bool minus = i < s.n && s.p[i] == '-';
	i += i < s.n && (s.p[i] == '-' || s.p[i] == '+');
	size_t first = i;
	for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
		v = v > INT32_MAX ? v : v * 10 + (s.p[i] - '0');
	v = minus ? -v : v;
	if (i == first)
		return FAIL(INVALID_ARG, "Unable to parse '%s', got: %.*s", field_names[f], STR_ARG(s));
	if (v < INT32_MIN || v > INT32_MAX)
		return FAIL(INVALID_ARG, "Unable to parse '%s', value is out of range [ %s, %s ], got: "
		            "%.*s", field_names[f], low, high, STR_ARG(s));
	*out = (int32_t)v;
	return STATUS_GOOD;
}

static struct status no_file(void)
{
	return FAIL(UNSUPPORTED, "trace file location can not be updated through network protocol");
}

struct status trace_update_set(struct trace_update *u, enum trace_field f,
                               const struct str *values, uint32_t n)
{
	int32_t number = 0;
	CHECK(f < TRACE_FIELDS);
	if (f == TRACE_FILE)
		return no_file();
	u->given[f] = true;
	u->clear[f] = false;
	if (f == TRACE_LEVEL)
		return parse_levels(values, n, &u->to.levels);
	TRY(parse_number(f, n ? values[0] : STR_NONE, &number));
	if (f == TRACE_COUNT && number < -1)
		return FAIL(INVALID_ARG, "Unable to parse 'trace_count'. Expecting value >= -1, got:%d",
		            number);
	if (f == TRACE_RATE)
		u->to.rate = (uint32_t)number;
	else if (f == TRACE_COUNT)
		u->to.count = number;
	else
		u->to.log_frequency = (uint32_t)number;
	return STATUS_GOOD;
}

struct status trace_update_clear(struct trace_update *u, enum trace_field f)
{
	CHECK(f < TRACE_FIELDS);
	if (f == TRACE_FILE)
		return no_file();
	u->given[f] = u->clear[f] = true;
	return STATUS_GOOD;
}

static void copy_field(struct trace_settings *to, const struct trace_settings *from,
                       enum trace_field f)
{
	switch (f) {
	case TRACE_FILE:
		to->file = from->file;
		break;
	case TRACE_LEVEL:
		to->levels = from->levels;
		break;
	case TRACE_RATE:
		to->rate = from->rate;
		break;
	case TRACE_COUNT:
		to->count = from->count;
		break;
	case TRACE_LOG_FREQUENCY:
		to->log_frequency = from->log_frequency;
		break;
	case TRACE_FIELDS:
		UNREACHABLE();
	}
}

/* ---- the settings ---- */

void settings_init(struct settings *s)
{
	memset(s, 0, sizeof *s);
	pthread_mutex_init(&s->lock, 0);
	arena_init(&s->arena, SETTINGS_BYTES_MAX);
	s->start = (struct trace_settings){.rate = RATE_START, .count = -1, .file = ""};
	s->global = s->start;
}

void settings_release(struct settings *s)
{
	arena_release(&s->arena);
	pthread_mutex_destroy(&s->lock);
}

static struct trace_of_model *find(struct settings *s, struct str model)
{
	for (uint32_t i = 0; i < s->n_models; i++)
		if (str_eq(s->models[i].name, model))
			return &s->models[i];
	return 0;
}

static struct trace_settings effective(const struct settings *s, const struct trace_of_model *m)
{
	struct trace_settings t = s->global;
	for (int f = 0; m && f < TRACE_FIELDS; f++)
		if (m->own[f])
			copy_field(&t, &m->trace, (enum trace_field)f);
	return t;
}

struct trace_settings settings_trace(struct settings *s, struct str model)
{
	pthread_mutex_lock(&s->lock);
	struct trace_settings t = effective(s, find(s, model));
	pthread_mutex_unlock(&s->lock);
	return t;
}

static struct status may_be(const struct trace_settings *t)
{
	if (t->levels && !*t->file)
		return FAIL(INVALID_ARG, "Attempting to set invalid trace setting :trace file name is not "
		            "given");
	return STATUS_GOOD;
}

static struct status set_global(struct settings *s, const struct trace_update *u)
{
	struct trace_settings t = s->global;
	for (int f = 0; f < TRACE_FIELDS; f++)
		if (u->given[f])
			copy_field(&t, u->clear[f] ? &s->start : &u->to, (enum trace_field)f);
	TRY(may_be(&t));
	s->global = t;
	return STATUS_GOOD;
}

static struct status set_of_model(struct settings *s, struct str model,
                                  const struct trace_update *u)
{
	struct trace_of_model *old = find(s, model), m = {.name = model};
	if (old)
		m = *old;
	for (int f = 0; f < TRACE_FIELDS; f++)
		if (u->given[f]) {
			m.own[f] = !u->clear[f];
			copy_field(&m.trace, &u->to, (enum trace_field)f);
		}
	struct trace_settings t = effective(s, &m);
	TRY(may_be(&t));
	if (old) {
		*old = m;
		return STATUS_GOOD;
	}
	m.name = arena_str(&s->arena, model);
	if (!m.name.p || !ARENA_GROW(&s->arena, s->models, s->n_models, s->cap_models,
	                             LIMIT_TRACED_MODELS))
		return FAIL(LIMIT, "over %d models have trace settings of their own", LIMIT_TRACED_MODELS);
	s->models[s->n_models++] = m;
	return STATUS_GOOD;
}

struct status settings_trace_set(struct settings *s, struct str model,
                                 const struct trace_update *u)
{
	pthread_mutex_lock(&s->lock);
	struct status st = model.n ? set_of_model(s, model, u) : set_global(s, u);
	pthread_mutex_unlock(&s->lock);
	return st;
}

struct status settings_no_model(struct str model)
{
	return FAIL(INVALID_ARG, "Request for unknown model : %.*s", STR_ARG(model));
}

/* ---- the log ---- */

struct status settings_log_flag(struct settings *s, enum log_level level, bool on)
{
	pthread_mutex_lock(&s->lock);
	struct log_settings l = log_get();
	CHECK(level <= LOG_INFO);
	*(level == LOG_ERROR ? &l.error : level == LOG_WARNING ? &l.warning : &l.info) = on;
	struct status st = log_set(l);
	pthread_mutex_unlock(&s->lock);
	return st;
}

struct status settings_log_verbose(struct settings *s, uint64_t level)
{
	pthread_mutex_lock(&s->lock);
	struct log_settings l = log_get();
	/* as Triton: 32 bits of it, and what is negative then is 0 */
	l.verbose = (int32_t)(uint32_t)level < 0 ? 0 : (int32_t)(uint32_t)level;
	struct status st = log_set(l);
	pthread_mutex_unlock(&s->lock);
	return st;
}

const char *log_format_name(enum log_format f)
{
	return f == LOG_ISO8601 ? "ISO8601" : "default";
}

struct status settings_log_format(struct settings *s, struct str name)
{
	enum log_format f = str_is(name, log_format_name(LOG_ISO8601)) ? LOG_ISO8601 : LOG_DEFAULT;
	if (!str_is(name, log_format_name(f)))
		return FAIL(UNAVAILABLE, "invalid argument for --log_format, got: %.*s", STR_ARG(name));
	pthread_mutex_lock(&s->lock);
	struct log_settings l = log_get();
	l.format = f;
	struct status st = log_set(l);
	pthread_mutex_unlock(&s->lock);
	return st;
}

struct status settings_log_file(void)
{
	return FAIL(UNSUPPORTED, "log file location can not be updated through network protocol");
}
