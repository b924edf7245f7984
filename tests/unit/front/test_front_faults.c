/* Every allocation failed in turn while the fronts answer: requests of each kind over HTTP and
 * gRPC, among them inference that waits to share a run, and on an instance's thread. Nothing may
 * hang, leak (under the sanitizers) or crash, and once memory is back the same server answers. */
#include "unit/net/grpc_client.h"
#include "unit/serve/repo_maker.h"

#include "base/mem.h"
#include "front/grpc.h"
#include "net/http.h"
#include "serve/settings.h"

enum { STEPS_MAX = 600 };
static struct repo repo;
static struct settings settings;
static struct shm shm;
static struct rest rest;
static struct grpc_front grpc;

struct ask { const char *path; const char *body; size_t n; const char *headers; int good; };

#define TENSOR "\x0a\x02IN\x12\x04" "FP32\x1a\x02\x01\x02"
#define INFER(model) "\x0a\x01" model "\x2a\x0e" TENSOR "\x3a\x08" "12345678"
#define BODY(text) text, sizeof text - 1
#define HEAD "{\"inputs\":[{\"name\":\"IN\",\"shape\":[1,2],\"datatype\":\"FP32\","
static const struct ask http_asks[] = {
	{"/v2/models/m/infer", BODY(HEAD "\"data\":[1,2]}]}"), "", 200},
	{"/v2/models/m/infer", BODY(HEAD "\"parameters\":{\"binary_data_size\":8}}]}12345678"),
	 "Inference-Header-Content-Length: 94\r\n", 200},
	{"/v2/models/m/infer",
	 BODY(HEAD "\"data\":[1,2]}],\"id\":\"\\u0061\",\"parameters\":{\"x\":1}}"),
	 "Accept-Encoding: gzip\r\n", 200},
	{"/v2/models/s/infer", BODY(HEAD "\"data\":[1,2]}],\"parameters\":{\"sequence_id\":1,"
	 "\"sequence_start\":true,\"sequence_end\":true}}"), "", 200},
	{"/v2/models/m/infer", BODY("{\"inputs\":[{}]}"), "", 400},
	{"/v2/models/nope/infer", BODY("{}"), "", 404},
	{"/v2/repository/index", BODY(""), "", 200},
	{"/v2/logging", BODY("{\"log_verbose_level\":0}"), "", 200},
	{"/v2/trace/setting", BODY("{\"trace_rate\":\"1000\"}"), "", 200},
	{"/v2/systemsharedmemory/region/r/register",
	 BODY("{\"key\":\"/nereid-none\",\"offset\":0,\"byte_size\":8}"), "", 500},
};
static const struct ask grpc_asks[] = {
	{"/inference.GRPCInferenceService/ModelInfer", BODY(INFER("m")), 0, GRPC_OK},
	{"/inference.GRPCInferenceService/ModelStreamInfer", BODY(INFER("m")), 0, GRPC_OK},
	{"/inference.GRPCInferenceService/ModelInfer", BODY(INFER("z")), 0, GRPC_NOT_FOUND},
	{"/inference.GRPCInferenceService/ServerMetadata", BODY(""), 0, GRPC_OK},
	{"/inference.GRPCInferenceService/ModelConfig", BODY("\x0a\x01m"), 0, GRPC_OK},
	{"/inference.GRPCInferenceService/ModelStatistics", BODY(""), 0, GRPC_OK},
	{"/inference.GRPCInferenceService/RepositoryIndex", BODY(""), 0, GRPC_OK},
	{"/inference.GRPCInferenceService/LogSettings", BODY(""), 0, GRPC_OK},
	{"/inference.GRPCInferenceService/TraceSetting", BODY(""), 0, GRPC_OK},
	{"/grpc.health.v1.Health/Check", BODY(""), 0, GRPC_OK},
};

/* The n-th allocation fails once the server has the connection: accepting is net's to test. */
static void fail_from(int64_t step, const struct net *n)
{
	for (int i = 0; i < 5000 && !net_open(n); i++)
		usleep(1000);
	mem_fail_after(step);
}

static int ask_http(const char *path, const struct ask *a, int64_t step, const struct net *net)
{
	static char out[4096], got[65536];
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct timeval wait = {client_patience_ms / 1000, client_patience_ms % 1000 * 1000};
	int status = 0, fd = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	fail_from(step, net);
	int n = snprintf(out, sizeof out, "POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s"
	                 "Content-Length: %zu\r\n\r\n", a->path, a->headers, a->n);
	memcpy(out + n, a->body, a->n);
	if (write(fd, out, (size_t)n + a->n) == (ssize_t)(n + (int)a->n)) {
		ssize_t r = read(fd, got, sizeof got);
		if (r > 12)
			status = atoi(got + 9);
		while (r > 0)
			r = read(fd, got, sizeof got);
	}
	close(fd);
	return status;
}

static int ask_grpc(const char *path, const struct ask *a, int64_t step, const struct net *net)
{
	uint8_t message[512];
	struct client c;
	client_open(&c, path);
	fail_from(step, net);
	size_t n = client_message(message, a->body, a->n);
	struct client_call *k = client_call(&c, a->path, message, n, client_grpc);
	client_run(&c, k);
	int status = k->status;
	client_shut(&c);
	return status;
}

/* A server's life with the n-th allocation of its first request, and all after it, failing. false:
 * there was no n-th. */
static bool life(int64_t step, const struct ask *a, bool is_grpc)
{
	char path[64];
	struct net *n;
	struct http_options h = {.handler = rest_handle, .ctx = &rest, .lead = rest_lead};
	struct grpc_options g = {.handler = grpc_front_handle, .ctx = &grpc,
	                         .streams = grpc_front_streams, .keepalive_timeout_ms = 20000};
	int (*ask)(const char *, const struct ask *, int64_t, const struct net *) =
		is_grpc ? ask_grpc : ask_http;
	snprintf(path, sizeof path, "unix:/tmp/nereid-front-%d", (int)getpid());
	struct net_address at = {.host = path, .name = "test"};
	rest_init(&rest, &repo, "test");
	grpc_front_init(&grpc, &repo, "test");
	rest.settings = grpc.settings = &settings;
	rest.shm = grpc.shm = &shm;
	ASSERT_GOOD(net_new(1, &n));
	if (is_grpc)
		ASSERT_GOOD(grpc_listen(n, &at, &g));
	else
		ASSERT_GOOD(http_listen(n, &at, &h));
	ASSERT_GOOD(net_start(n));
	client_patience_ms = 50; /* no answer is none of the faults */
	int status = ask(path + 5, a, step, n);
	client_patience_ms = 5000;
	bool failed = mem_failed();
	mem_fail_after(-1);
	assert_true(failed || status == a->good || ask(path + 5, a, -1, n) == a->good);
	assert_int_equal(ask(path + 5, a, -1, n), a->good);
	net_free(n);
	rest_release(&rest);
	grpc_front_release(&grpc);
	return failed;
}

static void try_all(const struct ask *asks, size_t n, bool is_grpc)
{
	static const struct maker_io io[] = {{"IN", "OUT", DTYPE_FP32}};
	signal(SIGPIPE, SIG_IGN);
	maker_model("m", io, 1, "max_batch_size: 4");
	maker_model("s", io, 1, "max_batch_size: 4 sequence_batching { direct {} }");
	maker_open(&repo);
	assert_true(runner_holds(repo_find(&repo, STR("m"))->versions[0].runner));
	settings_init(&settings);
	shm_init(&shm, true);
	shm.allowed = true;
	for (size_t i = 0; i < n; i++) {
		int64_t step = 0;
		while (step < STEPS_MAX && life(step, &asks[i], is_grpc))
			step++;
		assert_true(step > 2 && step < STEPS_MAX);
	}
	shm_release(&shm);
	settings_release(&settings);
	repo_release(&repo);
}

TEST_SLOW(front_faults_http_survives_every_failed_allocation, 120)
{
	try_all(http_asks, sizeof http_asks / sizeof *http_asks, false);
}

TEST_SLOW(front_faults_grpc_survives_every_failed_allocation, 120)
{
	try_all(grpc_asks, sizeof grpc_asks / sizeof *grpc_asks, true);
}
