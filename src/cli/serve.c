/* `nereid serve`: loads the repository, opens the ports, waits for a signal, drains, exits.
 *
 * Options are Triton's (tables/options.def); those of features that are not there yet are
 * refused by name unless they ask for nothing. Ports open only when every start-up model was
 * tried, as clients of Triton expect. On SIGTERM ready turns false at once, requests in flight
 * end, idle connections close, and the exit status is 0; after --exit-timeout-secs it is 1.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/pool.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "front/rest.h"
#include "nereid/nereid.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REPOSITORIES_MAX = 32 };

struct serve {
	struct args args;
	const char *dirs[REPOSITORIES_MAX];
	uint32_t n_dirs, threads;
	uint64_t http_port, metrics_port, exit_timeout, max_input;
	bool allow_http, allow_metrics, exit_on_error, strict_ready, cpu_metrics;
	struct repo repo;
	struct rest rest;
	struct metrics_front metrics;
	struct http_server *http, *metrics_http;
};

/* true|on|1 and false|off|0, any case. */
static struct status boolean(const struct serve *s, enum option o, bool *out)
{
	static const char *const yes[] = {"true", "on", "1"}, *const no[] = {"false", "off", "0"};
	struct str v = str_from(s->args.value[o]);
	for (int i = 0; i < 3; i++)
		if (str_eq_nocase(v, str_from(yes[i])) || str_eq_nocase(v, str_from(no[i]))) {
			*out = str_eq_nocase(v, str_from(yes[i]));
			return STATUS_GOOD;
		}
	return FAIL(INVALID_ARG, "'%.*s' is not a boolean: write true or false", STR_ARG(v));
}

static struct status log_options(const struct serve *s)
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

static struct status read_options(struct serve *s)
{
	const struct args *a = &s->args;
	uint64_t threads;
	if (a->n_positional)
		return FAIL(INVALID_ARG, "unexpected argument %s; see --help", a->positional[0]);
	for (uint32_t i = 0; i < a->n_given; i++) {
		enum option o = a->given[i].option;
		if (o != OPT_SERVE_MODEL_REPOSITORY && o != OPT_SERVE_MODEL_STORE)
			continue;
		if (s->n_dirs == REPOSITORIES_MAX)
			return FAIL(LIMIT, "over %d model repositories are given", REPOSITORIES_MAX);
		s->dirs[s->n_dirs++] = a->given[i].value;
	}
	if (!s->n_dirs)
		return FAIL(INVALID_ARG, "--model-repository must be specified");
	TRY(args_u64(a, OPT_SERVE_HTTP_PORT, 1, 65535, &s->http_port));
	TRY(args_u64(a, OPT_SERVE_METRICS_PORT, 1, 65535, &s->metrics_port));
	TRY(args_u64(a, OPT_SERVE_HTTP_THREAD_COUNT, 0, FRONT_THREADS_MAX, &threads));
	TRY(args_u64(a, OPT_SERVE_EXIT_TIMEOUT_SECS, 0, 86400, &s->exit_timeout));
	TRY(args_u64(a, OPT_SERVE_HTTP_MAX_INPUT_SIZE, 1, (uint64_t)1 << 40, &s->max_input));
	TRY(boolean(s, OPT_SERVE_ALLOW_HTTP, &s->allow_http));
	TRY(boolean(s, OPT_SERVE_ALLOW_METRICS, &s->allow_metrics));
	TRY(boolean(s, OPT_SERVE_ALLOW_CPU_METRICS, &s->cpu_metrics));
	TRY(boolean(s, OPT_SERVE_EXIT_ON_ERROR, &s->exit_on_error));
	TRY(boolean(s, OPT_SERVE_STRICT_READINESS, &s->strict_ready));
	s->threads = threads ? (uint32_t)threads : pool_usable_cpus();
	if (strcmp(a->value[OPT_SERVE_MODEL_CONTROL_MODE], "none"))
		return FAIL(UNSUPPORTED, "--model-control-mode=%s is not served yet; none is",
		            a->value[OPT_SERVE_MODEL_CONTROL_MODE]);
	if (s->allow_http && s->allow_metrics && s->http_port == s->metrics_port)
		return FAIL(INVALID_ARG, "The server cannot listen to HTTP requests and metrics requests "
		            "at the same address and port %s:%u",
		            a->value[OPT_SERVE_HTTP_ADDRESS], (unsigned)s->http_port);
	return log_options(s);
}

static void print_tables(struct serve *s)
{
	struct buf b;
	buf_init(&b, 1 << 24);
	repo_table(&s->repo, &b);
	buf_byte(&b, 0);
	if (!b.bad)
		log_table((const char *)b.p);
	buf_reset(&b);
	buf_printf(&b, "| Option | Value\n| server_id | %s\n| server_version | %s\n",
	           s->args.value[OPT_SERVE_ID], nrd_version());
	for (uint32_t i = 0; i < s->n_dirs; i++)
		buf_printf(&b, "| model_repository_path[%u] | %s\n", i, s->dirs[i]);
	buf_printf(&b, "| model_control_mode | MODE_NONE\n| strict_readiness | %d\n| exit_timeout | "
	           "%llu\n", s->strict_ready,
	           (unsigned long long)s->exit_timeout);
	buf_byte(&b, 0);
	if (!b.bad)
		log_table((const char *)b.p);
	buf_release(&b);
}

static struct status open_ports(struct serve *s)
{
	const char *address = s->args.value[OPT_SERVE_HTTP_ADDRESS];
	const char *metrics = s->args.value[OPT_SERVE_METRICS_ADDRESS]
		? s->args.value[OPT_SERVE_METRICS_ADDRESS] : address;
	rest_init(&s->rest, &s->repo, s->args.value[OPT_SERVE_ID]);
	s->rest.strict_ready = s->strict_ready;
	s->rest.max_json_bytes = s->max_input;
	s->metrics.repo = &s->repo;
	s->metrics.machine = s->cpu_metrics;
	buf_init(&s->metrics.scratch, 1 << 28);
	if (s->allow_http) {
		struct http_options o = {.address = address, .port = (uint16_t)s->http_port, .threads =
			s->threads,
		                         .name = "HTTP", .handler = rest_handle, .ctx = &s->rest, .lead =
		                         rest_lead};
		TRY(http_server_new(&o, &s->http));
		LOG_I("Started HTTPService at %s:%u", address, (unsigned)s->http_port);
	}
	if (s->allow_metrics) {
		struct http_options o = {.address = metrics, .port = (uint16_t)s->metrics_port, .threads =
			1,
		                         .name = "metrics", .handler = metrics_handle, .ctx = &s->metrics};
		TRY(http_server_new(&o, &s->metrics_http));
		LOG_I("Started Metrics Service at %s:%u", metrics, (unsigned)s->metrics_port);
	}
	return STATUS_GOOD;
}

/* Waits until every connection is gone. TIMEOUT when the budget is used up. */
static struct status drain(struct serve *s)
{
	uint64_t end = clock_ns() + s->exit_timeout * 1000000000u;
	atomic_store(&s->repo.ready, 0);
	if (!s->http)
		return STATUS_GOOD;
	http_server_drain(s->http);
	LOG_I("Waiting for in-flight requests to complete.");
	while (http_server_open(s->http)) {
		if (clock_ns() > end)
			return FAIL(INTERNAL, "failed to stop server: Internal - Exit timeout expired. "
			            "Exiting immediately.");
		clock_sleep_ns(2000000);
	}
	return STATUS_GOOD;
}

static struct status wait_and_drain(struct serve *s, const sigset_t *signals)
{
	int number = 0;
	sigwait(signals, &number);
	fprintf(stderr, "Signal (%d) received.\n", number);
	struct status st = drain(s);
	if (st.code) {
		/* threads are still at work: leave without taking anything from under them */
		fprintf(stderr, "%s\n", st.msg);
		_exit(1);
	}
	return st;
}

static struct status serve(struct serve *s, int argc, char **argv)
{
	struct status st = STATUS_GOOD;
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &signals, 0);
	signal(SIGPIPE, SIG_IGN);
	GO(args_parse(WORD_SERVE, argc, argv, &s->args));
	GO(read_options(s));
	struct served_options o = {
		.config_name = s->args.value[OPT_SERVE_MODEL_CONFIG_NAME],
		.complete = !args_flag(&s->args, OPT_SERVE_DISABLE_AUTO_COMPLETE_CONFIG),
		.loop_threads = s->threads, .default_batch = 4,
		.clock = {clock_ns, clock_unix_ns},
	};
	GO_MSG(repo_open(&s->repo, s->dirs, s->n_dirs, &o), "error: creating server");
	print_tables(s);
	if (s->exit_on_error && !repo_all_loaded(&s->repo))
		GO(FAIL(INTERNAL, "error: creating server: Internal - failed to load all models"));
	GO(open_ports(s));
	GO(wait_and_drain(s, &signals));
out:
	http_server_free(s->http);
	http_server_free(s->metrics_http);
	rest_release(&s->rest);
	buf_release(&s->metrics.scratch);
	repo_release(&s->repo);
	return st;
}

int cli_serve(int argc, char **argv)
{
	static struct serve s;
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--help")) {
			args_help(WORD_SERVE);
			return 1; /* as tritonserver does */
		}
	struct status st = serve(&s, argc, argv);
	if (!st.code)
		return 0;
	fprintf(stderr, "%s\n", st.msg);
	return 1;
}
