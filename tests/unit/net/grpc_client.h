/* A gRPC client for tests: one connection over a Unix socket, nghttp2 on blocking reads. */
#ifndef NEREID_TEST_GRPC_CLIENT_H
#define NEREID_TEST_GRPC_CLIENT_H

#include "../test.h"

#include "net/grpc.h"

#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { CLIENT_CALLS = 64, CLIENT_BYTES = 4 << 20 };
struct client_call {
	int32_t stream;
	int status, http;          /* -1: none came */
	char message[256];
	uint8_t *got;              /* CLIENT_BYTES */
	size_t n_got;
	bool closed;
	uint32_t error;            /* of RST_STREAM */
	const uint8_t *body;       /* to send */
	size_t n_body, at;
	bool keep_open;            /* the body is not all: defer at its end */
};
struct client {
	int fd;
	nghttp2_session *session;
	struct client_call calls[CLIENT_CALLS];
	int n_calls;
	uint32_t goaway;           /* its error code + 1; 0: none came */
	bool ended;                /* the server closed the connection */
};

static struct client_call *client_find(struct client *c, int32_t stream)
{
	for (int i = 0; i < c->n_calls; i++)
		if (c->calls[i].stream == stream)
			return &c->calls[i];
	return 0;
}

static ssize_t client_send(nghttp2_session *s, const uint8_t *p, size_t n, int flags, void *user)
{
	ssize_t r = write(((struct client *)user)->fd, p, n);
	return r < 0 ? NGHTTP2_ERR_CALLBACK_FAILURE : r;
}

static int client_header(nghttp2_session *s, const nghttp2_frame *f, const uint8_t *name, size_t n,
                         const uint8_t *value, size_t m, uint8_t flags, void *user)
{
	struct client_call *k = client_find(user, f->hd.stream_id);
	char text[16] = "";
	memcpy(text, value, m < 15 ? m : 15);
	if (n == 11 && !memcmp(name, "grpc-status", 11))
		k->status = atoi(text);
	if (n == 7 && !memcmp(name, ":status", 7))
		k->http = atoi(text);
	if (n == 12 && !memcmp(name, "grpc-message", 12) && m < sizeof k->message)
		memcpy(k->message, value, m);
	return 0;
}

static int client_data(nghttp2_session *s, uint8_t flags, int32_t stream, const uint8_t *p,
                       size_t n, void *user)
{
	struct client_call *k = client_find(user, stream);
	assert_true(k->n_got + n <= CLIENT_BYTES);
	memcpy(k->got + k->n_got, p, n);
	k->n_got += n;
	return 0;
}

static int client_close(nghttp2_session *s, int32_t stream, uint32_t error, void *user)
{
	struct client_call *k = client_find(user, stream);
	k->closed = true;
	k->error = error;
	return 0;
}

static int client_frame(nghttp2_session *s, const nghttp2_frame *f, void *user)
{
	if (f->hd.type == NGHTTP2_GOAWAY)
		((struct client *)user)->goaway = f->goaway.error_code + 1;
	return 0;
}

static ssize_t client_body(nghttp2_session *s, int32_t stream, uint8_t *to, size_t room,
                           uint32_t *flags, nghttp2_data_source *from, void *user)
{
	struct client_call *k = client_find(user, stream);
	size_t n = k->n_body - k->at < room ? k->n_body - k->at : room;
	memcpy(to, k->body + k->at, n);
	k->at += n;
	if (k->at == k->n_body && !k->keep_open)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return n || !k->keep_open ? (ssize_t)n : NGHTTP2_ERR_DEFERRED;
}

static void client_open(struct client *c, const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	nghttp2_session_callbacks *b;
	memset(c, 0, sizeof *c);
	signal(SIGPIPE, SIG_IGN);
	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	c->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(c->fd, (struct sockaddr *)&a, sizeof a), 0);
	nghttp2_session_callbacks_new(&b);
	nghttp2_session_callbacks_set_send_callback(b, client_send);
	nghttp2_session_callbacks_set_on_header_callback(b, client_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(b, client_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(b, client_close);
	nghttp2_session_callbacks_set_on_frame_recv_callback(b, client_frame);
	nghttp2_session_client_new(&c->session, b, c);
	nghttp2_session_callbacks_del(b);
	nghttp2_submit_settings(c->session, 0, 0, 0);
}

static void client_shut(struct client *c)
{
	for (int i = 0; i < c->n_calls; i++)
		free(c->calls[i].got);
	nghttp2_session_del(c->session);
	close(c->fd);
}

/* Begins a call with that body; more: headers, as name and value in turn, ending with NULL. */
static struct client_call *client_call(struct client *c, const char *path, const void *body,
                                       size_t n, const char *const *more)
{
	struct client_call *k = &c->calls[c->n_calls++];
	nghttp2_nv nv[16];
	size_t count = 0;
	const char *const base[] = {":method", "POST", ":scheme", "http", ":authority", "x", ":path",
	                            path, "te", "trailers", 0};
	assert_true(c->n_calls <= CLIENT_CALLS);
	for (int part = 0; part < 2; part++)
		for (const char *const *h = part ? more : base; h && *h; h += 2)
			nv[count++] = (nghttp2_nv){(uint8_t *)(uintptr_t)h[0], (uint8_t *)(uintptr_t)h[1],
			                           strlen(h[0]), strlen(h[1]), 0};
	*k = (struct client_call){.status = -1, .http = -1, .body = body, .n_body = n,
	                          .got = malloc(CLIENT_BYTES)};
	k->stream = nghttp2_submit_request(c->session, 0, nv, count,
	                                   &(nghttp2_data_provider){.read_callback = client_body}, 0);
	assert_true(k->stream > 0);
	return k;
}

static const char *const client_grpc[] = {"content-type", "application/grpc", 0};

/* How long an answer may take. */
static long client_patience_ms = 5000;

/* Sends and receives until k is closed, the server ends, or that is over. k NULL: until the
 * server is quiet for 50 ms. */
static void client_run(struct client *c, const struct client_call *k)
{
	uint8_t in[65536];
	long ms = k ? client_patience_ms : 50;
	struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	while (!c->ended && !(k && k->closed)) {
		c->ended = nghttp2_session_send(c->session) != 0;
		ssize_t n = c->ended ? 0 : read(c->fd, in, sizeof in);
		if (n < 0 && !k && errno == EAGAIN)
			break;
		c->ended = n <= 0;
		if (n > 0)
			assert_int_equal(nghttp2_session_mem_recv(c->session, in, (size_t)n), n);
	}
	nghttp2_session_send(c->session);
}

/* n bytes of x behind a prefix, into out; returns how many. */
static inline size_t client_message(uint8_t *out, const void *x, size_t n)
{
	grpc_prefix_write(out, (struct grpc_prefix){false, (uint32_t)n});
	memcpy(out + GRPC_PREFIX, x, n);
	return n + GRPC_PREFIX;
}

/* A server at a path of its own. */
static inline struct net *client_server(char path[64], const struct grpc_options *o)
{
	struct net *n;
	snprintf(path, 64, "unix:/tmp/nereid-grpc-%d", (int)getpid());
	ASSERT_GOOD(net_new(1, &n));
	ASSERT_GOOD(grpc_listen(n, &(struct net_address){.host = path, .name = "gRPC"}, o));
	ASSERT_GOOD(net_start(n));
	memmove(path, path + 5, 59);
	return n;
}

#endif
