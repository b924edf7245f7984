/* Connections of HTTP/2: floods, pings, age, draining. */
#include "grpc_client.h"
#include "tls_client.h"

#include "net/tls.h"

static void echo(void *ctx, struct grpc_message *m)
{
	grpc_reply(m, &(struct span){m->data, m->bytes}, m->bytes > 0);
}

static struct grpc_options options(void)
{
	return (struct grpc_options){.handler = echo, .max_ping_strikes = 2, .ping_interval_ms = 60000,
	                             .keepalive_timeout_ms = 20000};
}

/* Whether a good call works on a new connection. */
static bool works(const char *path)
{
	struct client c;
	client_open(&c, path);
	struct client_call *k = client_call(&c, "/t/Echo", "\0\0\0\0\1x", 6, client_grpc);
	client_run(&c, k);
	bool good = k->status == GRPC_OK;
	client_shut(&c);
	return good;
}

TEST(net_h2_pings_that_come_too_often_are_answered_with_goaway)
{
	char path[64];
	struct client c;
	struct grpc_options o = options();
	struct net *n = client_server(path, &o);
	client_open(&c, path);
	for (int i = 0; i < 3; i++)
		nghttp2_submit_ping(c.session, 0, 0);
	client_run(&c, 0);
	assert_int_equal(c.goaway, 0); /* the first is free, two are strikes */
	nghttp2_submit_ping(c.session, 0, 0);
	client_run(&c, 0);
	assert_int_equal(c.goaway, NGHTTP2_ENHANCE_YOUR_CALM + 1);
	assert_true(c.ended);
	client_shut(&c);
	assert_true(works(path));
	net_free(n);
}

/* Many streams that are reset at once, by the client or, being malformed, by the server. */
static void flood(bool malformed)
{
	char path[64];
	struct client c;
	struct grpc_options o = options();
	struct net *n = client_server(path, &o);
	client_open(&c, path);
	client_run(&c, 0);
	/* frames by hand: nghttp2's client would not send so many. At once, so that no second passes
	 * between them, however busy the machine is. */
	enum { PAIRS = LIMIT_H2_CONTROL_FRAMES + 10, HEAD = 12, RESET = 13 };
	static uint8_t frames[PAIRS * (HEAD + RESET)];
	for (uint32_t i = 0; i < PAIRS; i++) {
		uint32_t id = 2 * i + 1;
		const uint8_t head[HEAD] = {0, 0, 3, 1, 4, (uint8_t)(id >> 24), (uint8_t)(id >> 16),
		                            (uint8_t)(id >> 8), (uint8_t)id, 0x83, 0x86,
		                            malformed ? 0x86 : 0x84};
		const uint8_t reset[RESET] = {0, 0, 4, 3, 0, (uint8_t)(id >> 24), (uint8_t)(id >> 16),
		                              (uint8_t)(id >> 8), (uint8_t)id, 0, 0, 0, 8};
		memcpy(frames + (size_t)i * (HEAD + RESET), head, HEAD);
		memcpy(frames + (size_t)i * (HEAD + RESET) + HEAD, reset, RESET);
	}
	for (size_t at = 0; at < sizeof frames && !c.ended;) {
		ssize_t took = write(c.fd, frames + at, sizeof frames - at);
		c.ended = took < 0;
		at += took > 0 ? (size_t)took : 0;
	}
	client_run(&c, 0);
	assert_true(c.ended || c.goaway == NGHTTP2_ENHANCE_YOUR_CALM + 1);
	client_shut(&c);
	assert_true(works(path));
	net_free(n);
}

TEST(net_h2_rapid_resets_end_the_connection)
{
	flood(false);
}

TEST(net_h2_streams_that_must_be_reset_end_the_connection)
{
	flood(true);
}

TEST(net_h2_a_drained_server_ends_calls_first)
{
	char path[64];
	struct client c;
	struct grpc_options o = options();
	struct net *n = client_server(path, &o);
	client_open(&c, path);
	struct client_call *k = client_call(&c, "/t/Echo", "\0\0\0\0\1x", 6, client_grpc);
	k->keep_open = true;
	k->n_body = 3; /* the rest comes after the drain */
	client_run(&c, 0);
	net_drain(n);
	client_run(&c, 0);
	assert_int_equal(c.goaway, NGHTTP2_NO_ERROR + 1);
	assert_false(c.ended);
	k->n_body = 6;
	k->keep_open = false;
	nghttp2_session_resume_data(c.session, k->stream);
	client_run(&c, k);
	assert_int_equal(k->status, GRPC_OK);
	for (int i = 0; i < 1000 && net_open(n); i++)
		usleep(1000);
	assert_int_equal(net_open(n), 0);
	client_shut(&c);
	net_free(n);
}

TEST(net_h2_a_leaving_server_takes_calls_until_the_client_knows)
{
	char path[64];
	struct client c;
	struct grpc_options o = options();
	struct net *n = client_server(path, &o);
	client_open(&c, path);
	client_run(&c, 0);
	net_leave(n);
	client_run(&c, 0);
	assert_int_equal(c.goaway, NGHTTP2_NO_ERROR + 1);
	assert_false(c.ended);
	/* another client, that knows nothing, is served as ever */
	assert_true(works(path));
	client_shut(&c);
	net_free(n);
}

TEST(net_h2_an_old_connection_is_asked_to_leave)
{
	char path[64];
	struct client c;
	struct grpc_options o = options();
	o.max_age_ms = 100;
	struct net *n = client_server(path, &o);
	client_open(&c, path);
	client_run(&c, 0);
	for (int i = 0; i < 40 && !c.ended; i++)
		client_run(&c, 0);
	assert_true(c.ended && c.goaway == NGHTTP2_NO_ERROR + 1);
	client_shut(&c);
	net_free(n);
}

TEST(net_h2_a_header_list_over_the_limit_is_refused)
{
	char path[64], *big = malloc(LIMIT_HTTP_HEAD_BYTES + 1);
	struct client c;
	struct grpc_options o = options();
	struct net *n = client_server(path, &o);
	memset(big, 'a', LIMIT_HTTP_HEAD_BYTES);
	big[LIMIT_HTTP_HEAD_BYTES] = 0;
	client_open(&c, path);
	struct client_call *k = client_call(&c, "/t/Echo", "\0\0\0\0\0", 5, (const char *const[]){
		"content-type", "application/grpc", "x", big, 0});
	client_run(&c, k);
	assert_true(k->closed && k->http == 431);
	client_shut(&c);
	assert_true(works(path));
	free(big);
	net_free(n);
}

/* What a connection has to say before hands are shaken waits for that, its own bytes and no
 * other's. */
TEST(net_h2_connections_that_shake_hands_together_each_get_their_settings)
{
	enum { PEERS = 6 };
	char path[64], cert[256], key[256];
	struct identity root_id = identity_new("root", 0), id = identity_new("localhost", &root_id);
	struct grpc_options o = options();
	struct net *n;
	SSL *s[PEERS];
	snprintf(cert, sizeof cert, "%s", test_path("cert.pem"));
	snprintf(key, sizeof key, "%s", test_path("key.pem"));
	identity_write(&id, cert, key);
	snprintf(path, sizeof path, "unix:/tmp/nereid-h2-tls-%d", (int)getpid());
	signal(SIGPIPE, SIG_IGN);
	ASSERT_GOOD(net_new(1, &n));
	struct tls_options tls = {.cert = cert, .key = key};
	ASSERT_GOOD(grpc_listen(n, &(struct net_address){.host = path, .name = "gRPC", .tls = &tls},
	                        &o));
	ASSERT_GOOD(net_start(n));
	for (int i = 0; i < PEERS; i++) {
		struct sockaddr_un a = {.sun_family = AF_UNIX};
		snprintf(a.sun_path, sizeof a.sun_path, "%s", path + 5);
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);
		assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
		s[i] = client_new(&root_id, 0, "\x02h2", TLS1_3_VERSION);
		SSL_set_fd(s[i], fd);
	}
	for (int i = 0; i < 3000 && net_open(n) < PEERS; i++)
		usleep(1000);
	assert_int_equal(net_open(n), PEERS);
	for (int i = 0; i < PEERS; i++)
		assert_int_equal(SSL_connect(s[i]), 1);
	for (int i = 0; i < PEERS; i++) {
		struct timeval t = {.tv_sec = 5};
		uint8_t head[9] = {0};
		setsockopt(SSL_get_fd(s[i]), SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
		assert_int_equal(SSL_read(s[i], head, sizeof head), sizeof head);
		assert_memory_equal(head, ((const uint8_t[9]){0, 0, 18, NGHTTP2_SETTINGS}), 9);
	}
	for (int i = 0; i < PEERS; i++) {
		int fd = SSL_get_fd(s[i]);
		SSL_free(s[i]);
		close(fd);
	}
	for (int i = 0; i < 3000 && net_open(n); i++)
		usleep(1000);
	net_free(n);
	identity_free(&id);
	identity_free(&root_id);
}
