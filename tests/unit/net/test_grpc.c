/* Calls: messages in pieces, answers in order, statuses, deadlines, clients that leave. */
#include "grpc_client.h"

#include "base/mem.h"

#include <pthread.h>

enum { WAITING = 16 };
static struct {
	pthread_mutex_t lock;
	struct grpc_message *held[WAITING];
	int n, cancelled;
} later = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void echo(struct grpc_message *m)
{
	struct span part = {m->data, m->bytes};
	assert_int_equal(((uintptr_t)m->data + m->bytes) % 64, 0);
	grpc_reply(m, &part, m->bytes > 0);
}

/* "/t/Echo" answers with the message, "/t/Fail" with a status, "/t/Later" when it is told to. */
static void handle(void *ctx, struct grpc_message *m)
{
	struct str path = grpc_path(m);
	if (str_is(path, "/t/Fail")) {
		grpc_fail(m, GRPC_NOT_FOUND, "no such \xc3\xa9 thing\n");
	} else if (str_is(path, "/t/Later") || (m->bytes && m->data[0] == 'L')) {
		pthread_mutex_lock(&later.lock);
		assert_true(later.n < WAITING);
		later.held[later.n++] = m;
		pthread_mutex_unlock(&later.lock);
	} else if (m->bytes && m->data[0] == 'F') {
		grpc_fail(m, GRPC_INVALID_ARGUMENT, "F");
	} else {
		echo(m);
	}
}

static bool streams(void *ctx, struct str path)
{
	return str_is(path, "/t/Stream");
}

static const struct grpc_options options = {.handler = handle, .streams = streams};

static void release(void *arg)
{
	for (int i = later.n; i-- > 0;) { /* the last first */
		later.cancelled += atomic_load(&later.held[i]->cancelled);
		echo(later.held[i]);
	}
	later.n = 0;
}

static void answer_later(int n)
{
	static struct net_post post = {0, release, 0};
	for (int i = 0; i < 1000; i++) {
		pthread_mutex_lock(&later.lock);
		bool all = later.n == n;
		pthread_mutex_unlock(&later.lock);
		if (all)
			break;
		usleep(1000);
	}
	assert_int_equal(later.n, n);
	net_post(later.held[0]->loop, &post);
}

TEST(net_grpc_unary_calls_echo_messages_of_any_size)
{
	static uint8_t data[3 << 20], body[(3 << 20) + GRPC_PREFIX];
	static const size_t sizes[] = {0, 1, 63, 64, 65, 16384, 100000, sizeof data};
	char path[64];
	struct client c;
	struct net *n = client_server(path, &options);
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 7 + i / 253);
	data[0] = 'x';
	client_open(&c, path);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		size_t bytes = client_message(body, data, sizes[i]);
		struct client_call *k = client_call(&c, "/t/Echo", body, bytes, client_grpc);
		client_run(&c, k);
		assert_int_equal(k->status, GRPC_OK);
		assert_int_equal(k->n_got, bytes);
		assert_memory_equal(k->got, body, bytes);
	}
	client_shut(&c);
	net_free(n);
}

TEST(net_grpc_statuses_come_with_their_text)
{
	char path[64];
	struct client c;
	struct net *n = client_server(path, &options);
	client_open(&c, path);
	struct client_call *k = client_call(&c, "/t/Fail", "\0\0\0\0\0", 5, client_grpc);
	client_run(&c, k);
	assert_int_equal(k->status, GRPC_NOT_FOUND);
	assert_string_equal(k->message, "no such %C3%A9 thing%0A");
	static const struct { const char *bytes; size_t n; int status; } bad[] = {
		{"\2\0\0\0\0", 5, GRPC_INTERNAL}, {"", 0, GRPC_INTERNAL},
		{"\0\0\0\0\4ab", 7, GRPC_INTERNAL},
		{"\0\0\0\0\1a\0\0\0\0\1b", 12, GRPC_INTERNAL}, {"\1\0\0\0\1a", 6, GRPC_INTERNAL},
		{"\0\xff\xff\xff\xff", 5, GRPC_RESOURCE_EXHAUSTED},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		k = client_call(&c, i == 3 ? "/t/Later" : "/t/Echo", bad[i].bytes, bad[i].n, client_grpc);
		client_run(&c, k);
		assert_int_equal(k->status, bad[i].status);
	}
	answer_later(1);
	k = client_call(&c, "/t/Echo", "\0\0\0\0\0", 5, (const char *const[]){
		"content-type", "text/plain", 0});
	client_run(&c, k);
	assert_int_equal(k->http, 415);
	k = client_call(&c, "/t/Echo", "\0\0\0\0\0", 5, (const char *const[]){"content-type",
	                "application/grpc", "grpc-encoding", "zstd", 0});
	client_run(&c, k);
	assert_int_equal(k->status, GRPC_UNIMPLEMENTED);
	client_shut(&c);
	net_free(n);
}

TEST(net_grpc_answers_of_a_stream_keep_their_order)
{
	char path[64];
	struct client c;
	uint8_t body[64];
	size_t at = 0;
	struct net *n = client_server(path, &options);
	static const char *const texts[] = {"a", "L1", "b", "L2", "c"};
	for (int i = 0; i < 5; i++)
		at += client_message(body + at, texts[i], strlen(texts[i]));
	client_open(&c, path);
	struct client_call *k = client_call(&c, "/t/Stream", body, at, client_grpc);
	client_run(&c, 0);
	assert_int_equal(k->n_got, GRPC_PREFIX + 1); /* "b" waits for "L1" */
	answer_later(2);
	client_run(&c, k);
	assert_int_equal(k->status, GRPC_OK);
	assert_int_equal(k->n_got, at);
	assert_memory_equal(k->got, body, at);
	/* a status comes after the answers before it, and what follows is dropped */
	at = client_message(body, "L", 1);
	at += client_message(body + at, "F", 1);
	at += client_message(body + at, "z", 1);
	k = client_call(&c, "/t/Stream", body, at, client_grpc);
	client_run(&c, 0);
	answer_later(1);
	client_run(&c, k);
	assert_int_equal(k->status, GRPC_INVALID_ARGUMENT);
	assert_int_equal(k->n_got, GRPC_PREFIX + 1);
	client_shut(&c);
	net_free(n);
}

TEST(net_grpc_a_deadline_ends_a_call_and_cancels_its_message)
{
	char path[64];
	struct client c;
	struct net *n = client_server(path, &options);
	client_open(&c, path);
	struct client_call *k = client_call(&c, "/t/Later", "\0\0\0\0\0", 5, (const char *const[]){
		"content-type", "application/grpc", "grpc-timeout", "20m", 0});
	client_run(&c, k);
	assert_int_equal(k->status, GRPC_DEADLINE_EXCEEDED);
	later.cancelled = 0;
	answer_later(1);
	k = client_call(&c, "/t/Echo", "\0\0\0\0\0", 5, client_grpc); /* after the release */
	client_run(&c, k);
	assert_int_equal(later.cancelled, 1);
	assert_int_equal(k->status, GRPC_OK);
	client_shut(&c);
	net_free(n);
}

TEST(net_grpc_messages_outlive_clients_and_the_loop_waits_for_them)
{
	char path[64];
	struct client c;
	struct net *n = client_server(path, &options);
	client_open(&c, path);
	for (int i = 0; i < 3; i++)
		client_call(&c, "/t/Later", "\0\0\0\0\1x", 6, client_grpc);
	struct client_call *k = client_call(&c, "/t/Later", "\0\0\0\0\1x", 6, client_grpc);
	client_run(&c, 0);
	nghttp2_submit_rst_stream(c.session, 0, k->stream, NGHTTP2_CANCEL);
	client_run(&c, 0);
	client_shut(&c);
	for (int i = 0; i < 1000 && net_open(n); i++)
		usleep(1000);
	assert_int_equal(net_open(n), 0);
	later.cancelled = 0;
	answer_later(4);
	net_free(n); /* runs the post first */
	assert_int_equal(later.n, 0);
	assert_int_equal(later.cancelled, 4);
}
