/* `nereid serve`: loads the repository, opens the ports, waits for a signal, drains, exits.
 *
 * Ports open only when every start-up model was tried, as clients of Triton expect. On SIGTERM
 * ready turns false at once, requests are still served for --shutdown-delay so that load balancers
 * notice (a second signal ends it), then requests in flight end, idle connections close, and the
 * exit status is 0; after --exit-timeout-secs it is 1. Signals are blocked in every thread and
 * taken here by sigwait, so nothing is done in a handler.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/serve_options.h"
#include "front/grpc.h"
#include "front/metrics.h"
#include "front/rest.h"
#include "nereid/nereid.h"
#include "serve/settings.h"
#include "serve/table.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TABLES_BYTES_MAX ((size_t)64 << 20)

struct serve {
	struct serve_options o;
	struct repo repo;
	struct settings settings;
	struct shm shm;
	struct rest rest;
	struct grpc_front grpc;
	struct metrics_front metrics;
	struct sampler *sampler;             /* NULL: no metrics are served */
	struct access_keys *keys;            /* NULL: none are needed */
	struct net *net, *metrics_net;
};

static void show(struct table *t)
{
	struct buf b;
	buf_init(&b, TABLES_BYTES_MAX);
	table_print(t, &b);
	buf_byte(&b, 0);
	if (!b.bad)
		log_table((const char *)b.p);
	buf_release(&b);
	table_release(t);
}

static void option_row(struct table *t, const char *name, uint64_t value)
{
	char text[32];
	snprintf(text, sizeof text, "%llu", (unsigned long long)value);
	TABLE_ROW(t, name, text);
}

static void print_options(const struct serve *s)
{
	const struct serve_options *o = &s->o;
	const char *name = o->args.value[OPT_SERVE_MODEL_CONFIG_NAME];
	struct table t;
	table_init(&t, 2);
	TABLE_ROW(&t, "Option", "Value");
	TABLE_ROW(&t, "server_id", o->args.value[OPT_SERVE_ID]);
	TABLE_ROW(&t, "server_version", nrd_version());
	TABLE_ROW(&t, "server_extensions", rest_extensions());
	for (uint32_t i = 0; i < o->n_dirs; i++) {
		char path[48];
		snprintf(path, sizeof path, "model_repository_path[%u]", i);
		TABLE_ROW(&t, path, o->dirs[i]);
	}
	TABLE_ROW(&t, "model_control_mode", "MODE_NONE");
	option_row(&t, "strict_model_config", !o->complete);
	TABLE_ROW(&t, "model_config_name", name ? name : "");
	TABLE_ROW(&t, "rate_limit", "OFF");
	option_row(&t, "strict_readiness", o->strict_ready);
	option_row(&t, "exit_timeout", o->exit_timeout_s);
	option_row(&t, "cache_enabled", 0);
	show(&t);
}

static void print_tables(const struct serve *s)
{
	struct table t;
	table_init(&t, 3);
	TABLE_ROW(&t, "Backend", "Path", "Config");
	TABLE_ROW(&t, "onnxruntime", "built in", "{}");
	TABLE_ROW(&t, "tensorrt", "built in", "{}");
	show(&t);
	table_init(&t, 3);
	repo_table(&s->repo, &t);
	show(&t);
	print_options(s);
}

/* Rules of both protocols, and the keys that they share. */
static struct status access_rules(struct serve *s)
{
	const struct args *a = &s->o.args;
	const char *path = a->value[OPT_SERVE_API_KEYS];
	for (uint32_t i = 0; i < a->n_given; i++) {
		enum option o = a->given[i].option;
		if (o == OPT_SERVE_HTTP_RESTRICTED_API)
			TRY(access_restrict(&s->rest.access, args_option(o), a->given[i].value));
		else if (o == OPT_SERVE_GRPC_RESTRICTED_PROTOCOL)
			TRY(access_restrict(&s->grpc.access, args_option(o), a->given[i].value));
	}
	if (path)
		TRY_MSG(access_keys_open(path, &s->keys), "--api-keys");
	s->rest.access.keys = s->grpc.access.keys = s->keys;
	return STATUS_GOOD;
}

static struct status open_metrics(struct serve *s)
{
	const struct serve_options *o = &s->o;
	struct sampler_options so = {.machine = o->cpu_metrics, .gpus = o->gpu_metrics,
	                             .interval_ms = o->metrics_interval_ms};
	struct net_address at = {.host = o->metrics_address, .port = (uint16_t)o->metrics_port,
	                         .name = "metrics"};
	struct http_options h = {.handler = metrics_handle, .ctx = &s->metrics};
	metrics_init(&s->metrics, &s->repo);
	s->metrics.version = nrd_version();
	s->metrics.strict_ready = o->strict_ready;
	s->metrics.config = o->metrics;
	s->metrics.net = s->net;
	if (so.machine || so.gpus)
		TRY(sampler_new(&so, &s->sampler));
	s->metrics.sampler = s->sampler;
	TRY(http_listen(s->metrics_net, &at, &h));
	LOG_I("Started Metrics Service at %s:%u", o->metrics_address, (unsigned)o->metrics_port);
	return STATUS_GOOD;
}

static struct status open_ports(struct serve *s)
{
	const struct serve_options *o = &s->o;
	rest_init(&s->rest, &s->repo, o->args.value[OPT_SERVE_ID]);
	s->rest.settings = &s->settings;
	TRY_MSG(forward_init(&s->rest.forward, o->args.value[OPT_SERVE_HTTP_HEADER_FORWARD_PATTERN]),
	        "--http-header-forward-pattern");
	s->rest.strict_ready = o->strict_ready;
	s->rest.max_json_bytes = o->max_json_bytes;
	grpc_front_init(&s->grpc, &s->repo, o->args.value[OPT_SERVE_ID]);
	TRY_MSG(forward_init(&s->grpc.forward, o->args.value[OPT_SERVE_GRPC_HEADER_FORWARD_PATTERN]),
	        "--grpc-header-forward-pattern");
	s->grpc.strict_ready = o->strict_ready;
	s->grpc.settings = &s->settings;
	TRY(access_rules(s));
	s->grpc.shm = s->rest.shm = &s->shm;
	s->shm.allowed = o->allow_shm;
	TRY(net_new(o->threads, &s->net));
	net_busy_poll(s->net, o->busy_poll_us);
	TRY(net_new(1, &s->metrics_net));
	if (o->allow_grpc) {
		struct net_address at = {.host = o->grpc_address, .port = (uint16_t)o->grpc_port,
		                         .reuse_port = o->reuse_grpc_port, .name = "gRPC",
		                         .tls = o->grpc_tls.cert ? &o->grpc_tls : 0};
		struct grpc_options g = o->grpc;
		g.handler = grpc_front_handle;
		g.streams = grpc_front_streams;
		g.ctx = &s->grpc;
		TRY(grpc_listen(s->net, &at, &g));
		LOG_I("Started GRPCInferenceService at %s:%u", o->grpc_address, (unsigned)o->grpc_port);
	}
	if (o->allow_http) {
		struct net_address at = {.host = o->http_address, .port = (uint16_t)o->http_port,
		                         .reuse_port = o->reuse_http_port, .name = "HTTP",
		                         .tls = o->http_tls.cert ? &o->http_tls : 0};
		struct http_options h = {.handler = rest_handle, .ctx = &s->rest, .lead = rest_lead};
		TRY(http_listen(s->net, &at, &h));
		LOG_I("Started HTTPService at %s:%u", o->http_address, (unsigned)o->http_port);
	}
	if (o->allow_metrics)
		TRY(open_metrics(s));
	TRY(net_start(s->net));
	return net_start(s->metrics_net);
}

/* Waits until every connection is gone. INTERNAL when the time is used up. */
static struct status drain(struct serve *s)
{
	const uint64_t second = 1000000000u;
	uint64_t now = clock_ns(), end = now + s->o.exit_timeout_s * second, next = now + second / 10;
	uint32_t open;
	net_drain(s->net);
	LOG_I("Waiting for in-flight requests to complete.");
	while ((open = net_open(s->net))) {
		now = clock_ns();
		if (now > end)
			return FAIL(INTERNAL, "failed to stop server: Internal - Exit timeout expired. Exiting "
			            "immediately.");
		if (now > next) {
			LOG_I("Timeout %llu: Found %u HTTP service connections",
			      (unsigned long long)((end - now) / second), open);
			next = now + second;
		}
		clock_sleep_ns(2000000);
	}
	return STATUS_GOOD;
}

static struct status wait_and_drain(struct serve *s, const sigset_t *signals)
{
	int number = 0;
	sigwait(signals, &number);
	fprintf(stderr, "Signal (%d) received.\n", number);
	atomic_store(&s->repo.ready, 0);
	if (s->o.shutdown_delay_s) {
		/* by half of the time nobody should send new clients here, and those that are may go */
		uint64_t half = s->o.shutdown_delay_s * 500;
		struct timespec t = {(time_t)(half / 1000), (long)(half % 1000) * 1000000};
		LOG_I("Not ready; the ports close in %llu s.",
		      (unsigned long long)s->o.shutdown_delay_s);
		if (sigtimedwait(signals, 0, &t) < 0) {
			net_leave(s->net);
			sigtimedwait(signals, 0, &t);
		}
	}
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

	settings_init(&s->settings);
	shm_init(&s->shm, true);
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &signals, 0);
	signal(SIGPIPE, SIG_IGN);
	GO(serve_options_read(&s->o, argc, argv));
	stats_keep_summaries(s->o.metrics.summaries);
	struct served_options o = {
		.config_name = s->o.args.value[OPT_SERVE_MODEL_CONFIG_NAME], .complete = s->o.complete,
		.loop_threads = s->o.threads, .default_batch = s->o.default_batch,
		.clock = {clock_ns, clock_unix_ns},
	};
	GO_MSG(repo_open(&s->repo, s->o.dirs, s->o.n_dirs, &o), "error: creating server");
	print_tables(s);
	if (s->o.exit_on_error && !repo_all_loaded(&s->repo))
		GO(FAIL(INTERNAL, "error: creating server: Internal - failed to load all models"));
	GO(open_ports(s));
	GO(wait_and_drain(s, &signals));
out:
	net_free(s->metrics_net); /* first: the page counts the other's connections */
	net_free(s->net);
	rest_release(&s->rest);
	grpc_front_release(&s->grpc);
	access_keys_free(s->keys);
	metrics_release(&s->metrics);
	sampler_free(s->sampler);
	repo_release(&s->repo);
	settings_release(&s->settings);
	shm_release(&s->shm);
	return st;
}

int cli_serve(int argc, char **argv)
{
	static struct serve s;
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--help")) {
			/* as tritonserver does: to stderr, with status 1 */
			fflush(stdout);
			dup2(STDERR_FILENO, STDOUT_FILENO);
			args_help(WORD_SERVE);
			return 1;
		}
	mem_return_large();
	struct status st = serve(&s, argc, argv);
	if (!st.code)
		return 0;
	fprintf(stderr, "%s\n", st.msg);
	return 1;
}
