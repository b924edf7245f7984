/* The options of `serve`, read and checked. */
#ifndef NEREID_CLI_SERVE_OPTIONS_H
#define NEREID_CLI_SERVE_OPTIONS_H

#include "cli/args.h"
#include "net/grpc.h"
#include "net/tls.h"
#include "serve/metrics.h"

enum { REPOSITORIES_MAX = 32 };

struct serve_options {
	struct args args;
	const char *dirs[REPOSITORIES_MAX];      /* sorted, each once */
	uint32_t n_dirs, threads, default_batch, busy_poll_us;
	uint64_t http_port, grpc_port, metrics_port, exit_timeout_s, max_json_bytes;
	uint64_t shutdown_delay_s;
	const char *http_address, *grpc_address, *metrics_address;
	bool allow_http, allow_metrics, allow_grpc, reuse_http_port, reuse_grpc_port;
	bool exit_on_error, strict_ready, allow_shm;
	bool cpu_metrics, gpu_metrics, complete;
	uint64_t metrics_interval_ms;
	struct metrics_config metrics;
	/* of struct grpc_options; the rest of it is filled in by the server */
	struct grpc_options grpc;
	/* cert NULL: without TLS */
	struct tls_options http_tls, grpc_tls;
};

/* Reads argv, sets up the log, and warns of or refuses what later.def lists. */
struct status serve_options_read(struct serve_options *s, int argc, char **argv) MUST_CHECK;

#endif
