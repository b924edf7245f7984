/* Every allocation of the network failed in turn: a server that starts, a call of each protocol,
 * and the way down. Nothing may hang, leak (under the sanitizers) or crash, and once memory is
 * back the same server answers. */
#include "grpc_client.h"

#include "base/mem.h"
#include "net/http.h"

enum { STEPS_MAX = 400, BODY = 100000 };

static void answer_grpc(void *ctx, struct grpc_message *m)
{
	char *copy = arena_text(&m->arena, (struct str){(char *)m->data, m->bytes});
	if (copy)
		grpc_reply(m, &(struct span){(uint8_t *)copy, m->bytes}, m->bytes > 0);
	else
		grpc_fail(m, GRPC_RESOURCE_EXHAUSTED, "no memory for the answer");
}

static void answer_http(void *ctx, struct http_exchange *x)
{
	char *copy = arena_text(x->arena, (struct str){(const char *)x->body.p, x->body.n});
	http_reply(x, copy ? 200 : 503, "text/plain", STR_NONE,
	           &(struct span){(uint8_t *)copy, x->body.n}, copy && x->body.n);
}

static int connect_to(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct timeval wait = {client_patience_ms / 1000, client_patience_ms % 1000 * 1000};
	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

/* A request with a body that needs memory of its own; its status, or 0 where the server closed. */
static int ask_http(const char *path)
{
	static char body[BODY], got[BODY + 4096];
	char head[128];
	int status = 0, fd = connect_to(path);
	int n = snprintf(head, sizeof head, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
	                 "Content-Length: %d\r\n\r\n", BODY);
	if (write(fd, head, (size_t)n) == n) {
		for (size_t at = 0; at < sizeof body;) {
			ssize_t k = write(fd, body + at, sizeof body - at);
			if (k <= 0)
				break;
			at += (size_t)k;
		}
		ssize_t r = read(fd, got, sizeof got);
		if (r > 12)
			status = atoi(got + 9);
		while (r > 0)
			r = read(fd, got, sizeof got);
	}
	close(fd);
	return status;
}

static int ask_grpc(const char *path)
{
	static uint8_t body[BODY], message[BODY + GRPC_PREFIX];
	struct client c;
	client_open(&c, path);
	size_t n = client_message(message, body, sizeof body);
	struct client_call *k = client_call(&c, "/t/Echo", message, n, client_grpc);
	client_run(&c, k);
	int status = k->status;
	client_shut(&c);
	return status;
}

/* One whole life with the n-th allocation, and all after it until the end, failing. false: there
 * was no n-th. */
static bool life(int64_t step, int (*ask)(const char *), int good, bool grpc)
{
	char path[64];
	struct net *n = 0;
	struct grpc_options g = {.handler = answer_grpc, .keepalive_timeout_ms = 20000};
	struct http_options h = {.handler = answer_http};
	snprintf(path, sizeof path, "unix:/tmp/nereid-faults-%d", (int)getpid());
	struct net_address at = {.host = path, .name = "test"};
	mem_fail_after(step);
	struct status st = net_new(1, &n);
	if (!st.code)
		st = grpc ? grpc_listen(n, &at, &g) : http_listen(n, &at, &h);
	bool up = !st.code;
	if (up) {
		ASSERT_GOOD(net_start(n));
		/* a connection that cannot be accepted waits until there is memory: no answer is none of
		 * the faults */
		client_patience_ms = 100;
		int status = ask(path + 5);
		client_patience_ms = 5000;
		if (!mem_failed() && status != good) /* a slow machine */
			status = ask(path + 5);
		assert_true(mem_failed() || status == good);
	}
	bool failed = mem_failed();
	mem_fail_after(-1);
	if (up)
		assert_int_equal(ask(path + 5), good);
	net_free(n);
	return failed;
}

TEST_SLOW(net_faults_http_survives_every_failed_allocation, 60)
{
	int64_t step = 0;
	signal(SIGPIPE, SIG_IGN);
	while (step < STEPS_MAX && life(step, ask_http, 200, false))
		step++;
	assert_true(step > 5 && step < STEPS_MAX);
}

TEST_SLOW(net_faults_grpc_survives_every_failed_allocation, 60)
{
	int64_t step = 0;
	while (step < STEPS_MAX && life(step, ask_grpc, GRPC_OK, true))
		step++;
	assert_true(step > 5 && step < STEPS_MAX);
}
