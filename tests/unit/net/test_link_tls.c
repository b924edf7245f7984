/* Links with TLS, under HTTP over a Unix socket, against OpenSSL as the client. */
#include "tls_client.h"

#include "base/limits.h"
#include "net/http.h"
#include "net/tls.h"

#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { REPLY_BYTES = 3 << 20 };
static uint8_t data[REPLY_BYTES];
static struct identity root_id, server_id;

static void answer_later(void *arg)
{
	struct http_exchange *x = arg;
	struct span parts[2] = {{data, REPLY_BYTES / 2}, {data + REPLY_BYTES / 2, REPLY_BYTES / 2}};
	if (str_is(x->request->target, "/large"))
		http_reply(x, 200, "application/octet-stream", STR_NONE, parts, 2);
	else
		http_reply(x, 200, "text/plain", STR_NONE, &x->body, 1);
}

/* At once, or by a post, so that the connection stops to read. */
static void answer(void *ctx, struct http_exchange *x)
{
	static struct net_post post;
	(void)ctx;
	if (str_is(x->request->target, "/now")) {
		answer_later(x);
		return;
	}
	post = (struct net_post){0, answer_later, x};
	net_post(x->loop, &post);
}

static struct net *serve(char path[64])
{
	char cert[256], key[256];
	struct net *n;
	root_id = identity_new("root", 0);
	server_id = identity_new("localhost", &root_id);
	snprintf(cert, sizeof cert, "%s", test_path("cert.pem"));
	snprintf(key, sizeof key, "%s", test_path("key.pem"));
	identity_write(&server_id, cert, key);
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 31 + i / 251);
	snprintf(path, 64, "unix:/tmp/nereid-tls-%d", (int)getpid());
	signal(SIGPIPE, SIG_IGN); /* as the program does */
	ASSERT_GOOD(net_new(1, &n));
	struct tls_options tls = {.cert = cert, .key = key};
	ASSERT_GOOD(http_listen(n, &(struct net_address){.host = path, .name = "HTTP", .tls = &tls},
	                        &(struct http_options){.handler = answer}));
	ASSERT_GOOD(net_start(n));
	return n;
}

static void end(struct net *n)
{
	for (int i = 0; i < 3000 && net_open(n); i++)
		usleep(1000);
	assert_int_equal(net_open(n), 0);
	net_free(n);
	identity_free(&root_id);
	identity_free(&server_id);
}

static int dial(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	snprintf(a.sun_path, sizeof a.sun_path, "%s", path + 5);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

static SSL *dial_tls(const char *path)
{
	SSL *s = client_new(&root_id, 0, "\x08http/1.1", TLS1_3_VERSION);
	SSL_set_fd(s, dial(path));
	assert_int_equal(SSL_connect(s), 1);
	return s;
}

static void hang_up(SSL *s)
{
	int fd = SSL_get_fd(s);
	SSL_free(s);
	close(fd);
}

static void say(SSL *s, const char *text)
{
	assert_int_equal(SSL_write(s, text, (int)strlen(text)), (int)strlen(text));
}

/* Reads one reply; returns the length of its body, which begins at *body. */
static size_t reply(SSL *s, uint8_t *got, size_t room, uint8_t **body)
{
	size_t n = 0, length = 0;
	uint8_t *end = 0;
	for (;;) {
		if (end && n >= (size_t)(end + 4 - got) + length)
			break;
		/* the head byte by byte, so that nothing of the next reply is taken */
		int want = end ? (int)((size_t)(end + 4 - got) + length - n) : 1;
		assert_true(n + (size_t)want < room);
		int r = SSL_read(s, got + n, want);
		assert_true(r > 0);
		n += (size_t)r;
		end = end ? end : memmem(got, n, "\r\n\r\n", 4);
		if (end && !length) {
			char *at = memmem(got, n, "Content-Length: ", 16);
			assert_non_null(at);
			length = strtoul(at + 16, 0, 10);
		}
	}
	*body = end + 4;
	return length;
}

TEST(net_link_tls_replies_large_and_pipelined)
{
	static uint8_t got[REPLY_BYTES + 4096];
	uint8_t *body;
	char path[64];
	struct net *n = serve(path);
	SSL *s = dial_tls(path);
	say(s, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
	usleep(20000); /* the socket's buffer is full by now */
	assert_int_equal(reply(s, got, sizeof got, &body), REPLY_BYTES);
	assert_memory_equal(body, data, REPLY_BYTES);
	/* requests that come in one record while the first is in hand */
	say(s, "POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\none"
	    "POST /now HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\ntwo"
	    "POST /3 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nthree");
	static const char *const want[] = {"one", "two", "three"};
	for (int i = 0; i < 3; i++) {
		assert_int_equal(reply(s, got, sizeof got, &body), strlen(want[i]));
		assert_memory_equal(body, want[i], strlen(want[i]));
	}
	say(s, "POST /now HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx");
	assert_int_equal(reply(s, got, sizeof got, &body), 1);
	assert_int_equal(SSL_read(s, got, 1), 0); /* with the farewell, not cut off */
	assert_int_equal(SSL_get_error(s, 0), SSL_ERROR_ZERO_RETURN);
	hang_up(s);
	end(n);
}

TEST(net_link_tls_takes_large_bodies_while_replies_wait)
{
	static char head[128];
	static uint8_t got[REPLY_BYTES + 4096];
	uint8_t *body;
	char path[64];
	struct net *n = serve(path);
	SSL *s = dial_tls(path);
	for (int i = 0; i < 3; i++) {
		/* many records; behind the body, the next request already */
		snprintf(head, sizeof head, "POST /%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n",
		         i == 1 ? "later" : "now", REPLY_BYTES);
		say(s, head);
		assert_int_equal(SSL_write(s, data, REPLY_BYTES), REPLY_BYTES);
		assert_int_equal(reply(s, got, sizeof got, &body), REPLY_BYTES);
		assert_memory_equal(body, data, REPLY_BYTES);
	}
	hang_up(s);
	end(n);
}

TEST(net_link_tls_peers_that_break_off_or_speak_no_tls)
{
	char path[64], got[256];
	struct net *n = serve(path);
	for (int i = 0; i < 5; i++) { /* before the reply is out */
		SSL *s = dial_tls(path);
		say(s, i & 1 ? "GET /large HTTP/1.1\r\nHost: x\r\n\r\n" : "GET /la");
		hang_up(s);
	}
	int fd = dial(path);
	assert_int_equal(write(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27), 27);
	assert_int_equal(read(fd, got, sizeof got), 0);
	close(fd);
	fd = dial(path);
	assert_int_equal(write(fd, "\x16\x03\x01\x00\x05hello", 10), 10);
	assert_true(read(fd, got, sizeof got) > 0 && got[0] == 21); /* an alert, and the end */
	assert_int_equal(read(fd, got, sizeof got), 0);
	close(fd);
	fd = dial(path);
	assert_int_equal(write(fd, "\x16\x03\x01", 3), 3);
	close(fd);
	/* it still serves */
	SSL *s = dial_tls(path);
	say(s, "POST /now HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx");
	assert_true(SSL_read(s, got, sizeof got) > 0);
	hang_up(s);
	end(n);
}

/* Updates of keys are answered, but not without bound to a peer that reads nothing. */
TEST(net_link_tls_key_updates_do_not_pile_up)
{
	char path[64], c;
	struct net *n = serve(path);
	SSL *s = dial_tls(path);
	int sent = 0;
	for (int i = 0; i < 100000 && sent >= 0; i++) {
		SSL_key_update(s, SSL_KEY_UPDATE_REQUESTED);
		sent = SSL_do_handshake(s) == 1 ? 0 : -1;
	}
	hang_up(s);
	s = dial_tls(path);
	SSL_key_update(s, SSL_KEY_UPDATE_REQUESTED);
	say(s, "POST /now HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx");
	assert_int_equal(SSL_read(s, &c, 1), 1);
	hang_up(s);
	end(n);
}

#ifdef NEREID_TINY /* where it takes two seconds */
TEST_SLOW(net_link_tls_ends_handshakes_that_take_too_long, LIMIT_TLS_SECONDS + 10)
{
	char path[64], c;
	struct net *n = serve(path);
	int silent = dial(path), slow = dial(path);
	SSL *s = dial_tls(path); /* idle: this one stays */
	assert_int_equal(write(slow, "\x16\x03\x01\x02", 4), 4);
	assert_int_equal(read(silent, &c, 1), 0);
	assert_int_equal(read(slow, &c, 1), 0);
	close(silent);
	close(slow);
	say(s, "POST /now HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx");
	assert_int_equal(SSL_read(s, &c, 1), 1);
	hang_up(s);
	end(n);
}
#endif

TEST(net_link_tls_bad_certificate_is_told_at_start)
{
	struct net *n;
	struct tls_options tls = {.cert = "/nowhere/cert", .key = "/nowhere/key"};
	ASSERT_GOOD(net_new(1, &n));
	ASSERT_FAILS(http_listen(n, &(struct net_address){.host = "unix:/tmp/nereid-none",
	                                                  .name = "HTTP", .tls = &tls},
	                         &(struct http_options){.handler = answer}),
	             INVALID_ARG, "HTTP: cannot load the TLS certificate '/nowhere/cert'");
	net_free(n);
}
