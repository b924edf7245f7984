/* Settings that clients may look at and change while the server runs: of traces, for all models
 * or for one, and of the log. Nothing here knows a protocol; texts are Triton's.
 *
 * Any thread may call these. */
#ifndef NEREID_SERVE_SETTINGS_H
#define NEREID_SERVE_SETTINGS_H

#include "base/arena.h"
#include "base/log.h"

#include <pthread.h>

/* Fields of trace settings: X(NAME, "name in the protocols"). */
enum trace_field {
#define X(name, text) TRACE_##name,
#include "serve/trace_fields.def"
#undef X
	TRACE_FIELDS
};
const char *trace_field_name(enum trace_field f);

enum { TRACE_LEVEL_TIMESTAMPS = 1, TRACE_LEVEL_TENSORS = 2 };
struct trace_settings {
	uint32_t levels;                     /* TRACE_LEVEL_* together; 0: OFF */
	uint32_t rate;                       /* one request of that many is traced */
	int32_t count;                       /* traces that are left; -1: no limit */
	uint32_t log_frequency;              /* traces a file; 0: one file for all */
	const char *file;                    /* "": none, and then no level but OFF */
};

/* What is to change; made with trace_update_set, all or nothing of it is done. */
struct trace_update {
	bool given[TRACE_FIELDS], clear[TRACE_FIELDS];
	struct trace_settings to;
};
/* One field from its texts: levels may be several, the others have one. INVALID_ARG or
 * UNSUPPORTED in Triton's words. */
struct status trace_update_set(struct trace_update *u, enum trace_field f,
                               const struct str *values, uint32_t n) MUST_CHECK;
/* The field follows its origin again: a model's the global one, the global one its start. */
struct status trace_update_clear(struct trace_update *u, enum trace_field f) MUST_CHECK;

struct trace_of_model;
struct settings {
	pthread_mutex_t lock;
	struct trace_settings start, global;
	struct arena arena;                  /* of the names and what models have of their own */
	struct trace_of_model *models;
	uint32_t n_models, cap_models;
};
void settings_init(struct settings *s);
void settings_release(struct settings *s);
/* model empty: the global ones. Whether there is such a model the caller knows. */
struct trace_settings settings_trace(struct settings *s, struct str model);
struct status settings_trace_set(struct settings *s, struct str model,
                                 const struct trace_update *u) MUST_CHECK;
/* "Request for unknown model : m", for a name that is not served. */
struct status settings_no_model(struct str model) MUST_CHECK;
/* The level of that number, "TIMESTAMPS", where it is on; NULL where it is off or past the last.
 * No level at all is "OFF". */
const char *trace_level_name(uint32_t levels, uint32_t i);
enum { TRACE_LEVELS = 2 };

/* The log, field by field, each at once, as Triton does. */
struct status settings_log_flag(struct settings *s, enum log_level level, bool on) MUST_CHECK;
struct status settings_log_verbose(struct settings *s, uint64_t level) MUST_CHECK;
struct status settings_log_format(struct settings *s, struct str name) MUST_CHECK;
struct status settings_log_file(void) MUST_CHECK;        /* cannot be changed: what to answer */
const char *log_format_name(enum log_format f);

#endif
