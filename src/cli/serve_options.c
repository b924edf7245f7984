/* Reading the options of `serve`: Triton's, all of them.
 *
 * What this server does not do yet is in the table later.def: an option from there that is given
 * with another value than its default is refused or warned about by name, never passed over. The
 * log is set up first, so that warnings already have the form that was asked for. Main thread only.
 */
#include "cli/serve_options.h"

#include "base/log.h"
#include "base/pool.h"
#include "front/rest.h"

#include <stdlib.h>
#include <string.h>

enum later_action { LATER_REFUSE, LATER_WARN };
static const struct later {
	enum option option;
	enum later_action action;
	const char *why;
} later[] = {
#define X(name, action, why) {OPT_SERVE_##name, LATER_##action, why},
#include "tables/later.def"
#undef X
};

/* true|on|1 and false|off|0, any case. */
static bool boolean_text(struct str v, bool *out)
{
	static const char *const words[] = {"false", "off", "0", "true", "on", "1"};
	for (int i = 0; i < 6; i++)
		if (str_eq_nocase(v, str_from(words[i]))) {
			*out = i >= 3;
			return true;
		}
	return false;
}

static struct status boolean(const struct serve_options *s, enum option o, bool *out)
{
	const char *v = s->args.value[o];
	if (boolean_text(str_from(v), out))
		return STATUS_GOOD;
	return FAIL(INVALID_ARG, "--%s %s: write true or false", args_option(o), v);
}

static struct status log_options(const struct serve_options *s)
{
	struct log_settings l = log_get();
	uint64_t verbose;
	TRY(boolean(s, OPT_SERVE_LOG_INFO, &l.info));
	TRY(boolean(s, OPT_SERVE_LOG_WARNING, &l.warning));
	TRY(boolean(s, OPT_SERVE_LOG_ERROR, &l.error));
	TRY(args_u64(&s->args, OPT_SERVE_LOG_VERBOSE, 0, 100, &verbose));
	l.verbose = (int)verbose;
	const char *format = s->args.value[OPT_SERVE_LOG_FORMAT];
	if (strcmp(format, "default") && strcmp(format, "ISO8601"))
		return FAIL(INVALID_ARG, "invalid argument for --log_format, got: %s", format);
	l.format = strcmp(format, "default") ? LOG_ISO8601 : LOG_DEFAULT;
	l.file = s->args.value[OPT_SERVE_LOG_FILE];
	return log_set(l);
}

/* Whether a value says the same as the default; booleans have several spellings. */
static bool is_default(enum option o, const char *value)
{
	const char *usual = args_default(o);
	bool a, b;
	if (!usual)
		return false;
	return !strcmp(usual, value) || (boolean_text(str_from(usual), &a) &&
	                                 boolean_text(str_from(value), &b) && a == b);
}

static struct status look_for_later(const struct args *a)
{
	for (uint32_t i = 0; i < a->n_given; i++)
		for (size_t k = 0; k < sizeof later / sizeof *later; k++) {
			if (a->given[i].option != later[k].option || is_default(later[k].option, a->given[i].value))
				continue;
			const char *name = args_option(later[k].option);
			if (later[k].action == LATER_REFUSE)
				return FAIL(UNSUPPORTED, "--%s=%s cannot be done: %s", name, a->given[i].value,
				            later[k].why);
			LOG_W("--%s=%s has no effect: %s", name, a->given[i].value, later[k].why);
		}
	return STATUS_GOOD;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* As Triton: sorted, each once. */
static struct status repositories(struct serve_options *s)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < s->args.n_given; i++) {
		enum option o = s->args.given[i].option;
		if (o != OPT_SERVE_MODEL_REPOSITORY && o != OPT_SERVE_MODEL_STORE)
			continue;
		if (s->n_dirs == REPOSITORIES_MAX)
			return FAIL(LIMIT, "over %d model repositories are given", REPOSITORIES_MAX);
		s->dirs[s->n_dirs++] = s->args.given[i].value;
	}
	if (!s->n_dirs)
		return FAIL(INVALID_ARG, "--model-repository must be specified");
	qsort(s->dirs, s->n_dirs, sizeof *s->dirs, by_text);
	for (uint32_t i = 0; i < s->n_dirs; i++)
		if (!kept || strcmp(s->dirs[kept - 1], s->dirs[i]))
			s->dirs[kept++] = s->dirs[i];
	s->n_dirs = kept;
	return STATUS_GOOD;
}

/* [backend,]default-max-batch-size=N; the backend's own wins over the general one. */
static struct status backend_config(struct serve_options *s)
{
	static const char key[] = "default-max-batch-size=";
	bool own = false;
	s->default_batch = 4;
	for (uint32_t i = 0; i < s->args.n_given; i++) {
		const char *value = s->args.given[i].value, *comma = strchr(value, ',');
		struct str backend = {value, comma ? (size_t)(comma - value) : 0};
		const char *setting = comma ? comma + 1 : value;
		uint64_t n;
		if (s->args.given[i].option != OPT_SERVE_BACKEND_CONFIG)
			continue;
		if (strncmp(setting, key, sizeof key - 1) || (backend.n && !str_is(backend, "onnxruntime"))) {
			LOG_W("--backend-config=%s has no effect: the engine has no such setting", value);
			continue;
		}
		if (!str_u64(str_from(setting + sizeof key - 1), &n) || n > INT32_MAX)
			return FAIL(INVALID_ARG, "--backend-config=%s: the batch size is not a whole number",
			            value);
		if (backend.n || !own)
			s->default_batch = (uint32_t)n;
		own = own || backend.n;
	}
	return STATUS_GOOD;
}

static struct status flags(struct serve_options *s)
{
	bool strict;
	TRY(boolean(s, OPT_SERVE_ALLOW_HTTP, &s->allow_http));
	TRY(boolean(s, OPT_SERVE_ALLOW_METRICS, &s->allow_metrics));
	TRY(boolean(s, OPT_SERVE_ALLOW_CLIENT_SHM, &s->allow_shm));
	TRY(boolean(s, OPT_SERVE_ALLOW_GRPC, &s->allow_grpc));
	TRY(boolean(s, OPT_SERVE_ALLOW_CPU_METRICS, &s->cpu_metrics));
	TRY(boolean(s, OPT_SERVE_ALLOW_GPU_METRICS, &s->gpu_metrics));
	TRY(boolean(s, OPT_SERVE_REUSE_HTTP_PORT, &s->reuse_http_port));
	TRY(boolean(s, OPT_SERVE_EXIT_ON_ERROR, &s->exit_on_error));
	TRY(boolean(s, OPT_SERVE_STRICT_READINESS, &s->strict_ready));
	TRY(boolean(s, OPT_SERVE_STRICT_MODEL_CONFIG, &strict));
	if (strict)
		LOG_W("--strict-model-config is the old form of --disable-auto-complete-config");
	s->complete = !strict && !args_flag(&s->args, OPT_SERVE_DISABLE_AUTO_COMPLETE_CONFIG);
	return STATUS_GOOD;
}

static struct status metrics(struct serve_options *s)
{
	const enum option o = OPT_SERVE_METRICS_CONFIG;
	metrics_config_init(&s->metrics);
	for (uint32_t i = 0; i < s->args.n_given; i++)
		if (s->args.given[i].option == o)
			TRY_MSG(metrics_config_set(&s->metrics, str_from(s->args.given[i].value)),
			        "--%s=%s", args_option(o), s->args.given[i].value);
	return args_u64(&s->args, OPT_SERVE_METRICS_INTERVAL_MS, 1, 86400000, &s->metrics_interval_ms);
}

static struct status grpc(struct serve_options *s)
{
	const struct args *a = &s->args;
	struct grpc_options *g = &s->grpc;
	const uint64_t most = UINT32_MAX;
	uint64_t strikes;
	TRY(args_u64(a, OPT_SERVE_GRPC_PORT, 1, 65535, &s->grpc_port));
	TRY(args_u64(a, OPT_SERVE_GRPC_KEEPALIVE_TIME, 0, most, &g->keepalive_ms));
	TRY(args_u64(a, OPT_SERVE_GRPC_KEEPALIVE_TIMEOUT, 0, most, &g->keepalive_timeout_ms));
	TRY(boolean(s, OPT_SERVE_GRPC_KEEPALIVE_PERMIT_WITHOUT_CALLS, &g->keepalive_without_calls));
	TRY(args_u64(a, OPT_SERVE_GRPC_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA, 0, most,
	             &g->ping_interval_ms));
	TRY(args_u64(a, OPT_SERVE_GRPC_HTTP2_MAX_PING_STRIKES, 0, most, &strikes));
	TRY(args_u64(a, OPT_SERVE_GRPC_MAX_CONNECTION_AGE, 0, most, &g->max_age_ms));
	TRY(args_u64(a, OPT_SERVE_GRPC_MAX_CONNECTION_AGE_GRACE, 0, most, &g->max_age_grace_ms));
	g->max_ping_strikes = (uint32_t)strikes;
	const char *pack = a->value[OPT_SERVE_GRPC_INFER_RESPONSE_COMPRESSION_LEVEL];
	g->pack = strcmp(pack, "none") != 0;
	if (g->pack && strcmp(pack, "low") && strcmp(pack, "medium") && strcmp(pack, "high"))
		return FAIL(INVALID_ARG, "--grpc-infer-response-compression-level is none, low, medium or "
		            "high, not '%s'", pack);
	s->grpc_address = a->value[OPT_SERVE_GRPC_ADDRESS];
	return boolean(s, OPT_SERVE_REUSE_GRPC_PORT, &s->reuse_grpc_port);
}

/* Options of one service's TLS. */
struct tls_names { enum option use, mutual, cert, key, root; };

static struct status tls(const struct serve_options *s, struct tls_names o, struct tls_options *out)
{
	const char *const *value = s->args.value;
	bool use, mutual;
	TRY(boolean(s, o.use, &use));
	TRY(boolean(s, o.mutual, &mutual));
	if (!use && !mutual)
		return STATUS_GOOD;
	if (!value[o.cert] || !value[o.key])
		return FAIL(INVALID_ARG, "--%s needs --%s and --%s", args_option(use ? o.use : o.mutual),
		            args_option(o.cert), args_option(o.key));
	if (mutual && !value[o.root])
		return FAIL(INVALID_ARG, "--%s needs --%s", args_option(o.mutual), args_option(o.root));
	*out = (struct tls_options){.cert = value[o.cert], .key = value[o.key],
	                            .root = mutual ? value[o.root] : 0};
	return STATUS_GOOD;
}

#define TLS_NAMES(service)                                                                     \
	(struct tls_names){OPT_SERVE_##service##_USE_SSL, OPT_SERVE_##service##_USE_SSL_MUTUAL, \
		OPT_SERVE_##service##_SERVER_CERT, OPT_SERVE_##service##_SERVER_KEY,            \
		OPT_SERVE_##service##_ROOT_CERT}

struct listens { bool on; const char *name, *address; uint64_t port; };

static struct status apart(struct listens a, struct listens b)
{
	bool local = !strncmp(a.address, "unix:", 5);
	if (a.on && b.on && !strcmp(a.address, b.address) && (local || a.port == b.port))
		return FAIL(INVALID_ARG, "The server cannot listen to %s requests and %s requests at the "
		            "same address and port %s:%u", a.name, b.name, a.address, (unsigned)a.port);
	return STATUS_GOOD;
}

struct status serve_options_read(struct serve_options *s, int argc, char **argv)
{
	const struct args *a = &s->args;
	uint64_t threads, busy;
	TRY(args_parse(WORD_SERVE, argc, argv, &s->args));
	if (a->n_positional)
		return FAIL(INVALID_ARG, "unexpected argument %s; see --help", a->positional[0]);
	TRY(log_options(s));
	const char *mode = a->value[OPT_SERVE_MODEL_CONTROL_MODE];
	if (a->value[OPT_SERVE_LOAD_MODEL] && strcmp(mode, "explicit"))
		return FAIL(INVALID_ARG, "Error: Use of '--load-model' requires setting "
		            "'--model-control-mode=explicit' as well.");
	if (strcmp(mode, "none"))
		return FAIL(UNSUPPORTED, "--model-control-mode=%s cannot be done yet; none can", mode);
	TRY(look_for_later(a));
	TRY(repositories(s));
	TRY(flags(s));
	TRY(backend_config(s));
	TRY(grpc(s));
	TRY(metrics(s));
	TRY(tls(s, TLS_NAMES(HTTP), &s->http_tls));
	TRY(tls(s, TLS_NAMES(GRPC), &s->grpc_tls));
	TRY(args_u64(a, OPT_SERVE_HTTP_PORT, 1, 65535, &s->http_port));
	TRY(args_u64(a, OPT_SERVE_METRICS_PORT, 1, 65535, &s->metrics_port));
	TRY(args_u64(a, OPT_SERVE_HTTP_THREAD_COUNT, 0, FRONT_THREADS_MAX, &threads));
	TRY(args_u64(a, OPT_SERVE_BUSY_POLL, 0, 1000000, &busy));
	TRY(args_u64(a, OPT_SERVE_SHUTDOWN_DELAY, 0, 86400, &s->shutdown_delay_s));
	TRY(args_u64(a, OPT_SERVE_EXIT_TIMEOUT_SECS, 0, 86400, &s->exit_timeout_s));
	TRY(args_u64(a, OPT_SERVE_HTTP_MAX_INPUT_SIZE, 1, (uint64_t)1 << 40, &s->max_json_bytes));
	/* a lone processor is the client's as well */
	s->busy_poll_us = pool_usable_cpus() > 1 ? (uint32_t)busy : 0;
	s->threads = threads ? (uint32_t)threads : pool_usable_cpus();
	s->threads = s->threads > FRONT_THREADS_MAX ? FRONT_THREADS_MAX : s->threads;
	s->http_address = a->value[OPT_SERVE_HTTP_ADDRESS];
	s->metrics_address = a->value[OPT_SERVE_METRICS_ADDRESS];
	if (!s->metrics_address)
		s->metrics_address = strncmp(s->http_address, "unix:", 5) ? s->http_address : "0.0.0.0";
	const struct listens http = {s->allow_http, "HTTP", s->http_address, s->http_port},
		page = {s->allow_metrics, "metrics", s->metrics_address, s->metrics_port},
		rpc = {s->allow_grpc, "gRPC", s->grpc_address, s->grpc_port};
	TRY(apart(http, page));
	TRY(apart(http, rpc));
	TRY(apart(rpc, page));
	return STATUS_GOOD;
}
