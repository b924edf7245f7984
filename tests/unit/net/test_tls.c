/* TLS in memory: our server's side against OpenSSL as the client. */
#include "tls_client.h"

#include "base/limits.h"
#include "net/tls.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <sys/stat.h>
#include <unistd.h>

struct pair { struct tls_context *context; struct tls *server; SSL *client; };
struct files { char cert[256], key[256], root[256]; };
static struct identity root_id, server_id, client_id;

static struct files setup(void)
{
	struct files f;
	root_id = identity_new("root", 0);
	server_id = identity_new("localhost", &root_id);
	client_id = identity_new("client", &root_id);
	snprintf(f.cert, sizeof f.cert, "%s", test_path("cert.pem"));
	snprintf(f.key, sizeof f.key, "%s", test_path("key.pem"));
	snprintf(f.root, sizeof f.root, "%s", test_path("root.pem"));
	identity_write(&server_id, f.cert, f.key);
	identity_write(&root_id, f.root, 0);
	return f;
}

static void teardown(struct pair *p)
{
	SSL_free(p->client);
	tls_free(p->server);
	tls_context_free(p->context);
	identity_free(&root_id);
	identity_free(&server_id);
	identity_free(&client_id);
}

static void connect_pair(struct pair *p, SSL *client)
{
	SSL_free(p->client);
	tls_free(p->server);
	p->client = client;
	SSL_set_bio(client, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	ASSERT_GOOD(tls_new(p->context, &p->server));
}

static struct pair pair_new(const struct files *f, bool mutual, const char *alpn, SSL *client)
{
	struct tls_options o = {f->cert, f->key, mutual ? f->root : 0, alpn};
	struct pair p = {0};
	ASSERT_GOOD(tls_context_new(&o, &p.context));
	connect_pair(&p, client);
	return p;
}

/* Carries bytes both ways, `step` at a time, until none are left. */
static void carry(struct pair *p, size_t step)
{
	uint8_t bytes[4096];
	for (;;) {
		int n = BIO_read(SSL_get_wbio(p->client), bytes, (int)step);
		size_t m = tls_take(p->server, bytes + 2048, step);
		if (n > 0) {
			struct status st = tls_feed(p->server, (struct span){bytes, (size_t)n});
			assert_true(!st.code || tls_state(p->server) == TLS_FAILED);
		}
		if (m > 0)
			BIO_write(SSL_get_rbio(p->client), bytes + 2048, (int)m);
		if (n <= 0 && !m)
			return;
	}
}

static void shake_hands(struct pair *p, size_t step)
{
	for (int i = 0; i < 8; i++) {
		SSL_do_handshake(p->client);
		carry(p, step);
	}
	ERR_clear_error();
}

static void exchange(struct pair *p, size_t step)
{
	char got[32] = "";
	shake_hands(p, step);
	assert_string_equal(tls_error(p->server), "");
	assert_int_equal(tls_state(p->server), TLS_OPEN);
	assert_int_equal(SSL_write(p->client, "question", 8), 8);
	carry(p, step);
	assert_int_equal(tls_read(p->server, got, 3), 3);
	assert_int_equal(tls_read(p->server, got + 3, 20), 5);
	assert_string_equal(got, "question");
	assert_int_equal(tls_read(p->server, got, 20), 0);
	ASSERT_GOOD(tls_write(p->server, (struct span){(const uint8_t *)"an answer", 10}));
	assert_true(tls_pending(p->server) > 10);
	carry(p, step);
	assert_int_equal(SSL_read(p->client, got, sizeof got), 10);
	assert_string_equal(got, "an answer");
}

TEST(net_tls_carries_bytes_both_ways_and_says_farewell)
{
	struct files f = setup();
	for (int i = 0; i < 2; i++) {
		int version = i ? TLS1_2_VERSION : TLS1_3_VERSION;
		struct pair p = pair_new(&f, false, "h2 http/1.1", client_new(&root_id, 0,
		                         "\x08http/1.1\x02h2", version));
		exchange(&p, i ? 1 : 2048);
		assert_true(str_is(tls_alpn(p.server), "h2"));
		tls_trim(p.server);
		SSL_write(p.client, "q", 1);
		SSL_shutdown(p.client);
		carry(&p, 100);
		char c;
		assert_int_equal(tls_read(p.server, &c, 1), 1);
		assert_int_equal(tls_read(p.server, &c, 1), 0);
		assert_int_equal(tls_state(p.server), TLS_CLOSED);
		tls_end(p.server);
		assert_int_equal(tls_state(p.server), TLS_CLOSED);
		ASSERT_GOOD(tls_write(p.server, (struct span){(const uint8_t *)"!", 1}));
		tls_close_notify(p.server);
		tls_close_notify(p.server);
		carry(&p, 100);
		assert_int_equal(SSL_read(p.client, &c, 1), 1);
		assert_int_equal(SSL_read(p.client, &c, 1), 0);
		assert_int_equal(SSL_get_error(p.client, 0), SSL_ERROR_ZERO_RETURN);
		SSL_free(p.client);
		p.client = 0;
		if (i) {
			teardown(&p);
		} else {
			tls_free(p.server);
			tls_context_free(p.context);
		}
	}
}

TEST(net_tls_large_messages_and_the_limit_of_unread_bytes)
{
	static uint8_t data[100000], got[100000];
	struct files f = setup();
	struct pair p = pair_new(&f, false, 0, client_new(&root_id, 0, 0, TLS1_3_VERSION));
	exchange(&p, 2048);
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 7 + i / 250);
	ASSERT_GOOD(tls_write(p.server, (struct span){data, sizeof data}));
	carry(&p, 2048);
	for (size_t n = 0; n < sizeof got;) {
		int r = SSL_read(p.client, got + n, (int)(sizeof got - n));
		assert_true(r > 0);
		n += (size_t)r;
	}
	assert_memory_equal(got, data, sizeof data);
	static uint8_t flood[LIMIT_TLS_UNREAD_BYTES + 1];
	ASSERT_FAILS(tls_feed(p.server, (struct span){flood, sizeof flood}), LIMIT, "wait to be read");
	ASSERT_GOOD(tls_feed(p.server, (struct span){flood, sizeof flood - 1}));
	ASSERT_FAILS(tls_feed(p.server, (struct span){flood, 1}), LIMIT, "wait to be read");
	assert_int_equal(tls_read(p.server, got, 1), 0);
	assert_int_equal(tls_state(p.server), TLS_FAILED);
	teardown(&p);
}

TEST(net_tls_mutual_wants_a_certificate_of_the_root)
{
	struct files f = setup();
	struct identity other = identity_new("other root", 0), stranger = identity_new("x", &other);
	struct pair p = pair_new(&f, true, 0, client_new(&root_id, &client_id, 0, TLS1_3_VERSION));
	exchange(&p, 2048);
	connect_pair(&p, client_new(&root_id, 0, 0, TLS1_3_VERSION));
	shake_hands(&p, 2048);
	assert_int_equal(tls_state(p.server), TLS_FAILED);
	assert_non_null(strstr(tls_error(p.server), "peer did not return a certificate"));
	connect_pair(&p, client_new(&root_id, &stranger, 0, TLS1_2_VERSION));
	shake_hands(&p, 2048);
	assert_int_equal(tls_state(p.server), TLS_FAILED);
	assert_non_null(strstr(tls_error(p.server), "the TLS handshake failed: unable to get"));
	ASSERT_FAILS(tls_write(p.server, (struct span){(const uint8_t *)"x", 1}), UNAVAILABLE,
	             "handshake failed");
	ASSERT_FAILS(tls_feed(p.server, (struct span){(const uint8_t *)"x", 1}), UNAVAILABLE, "failed");
	identity_free(&other);
	identity_free(&stranger);
	teardown(&p);
}

TEST(net_tls_refuses_old_versions_other_protocols_and_renegotiation)
{
	struct files f = setup();
	struct pair p = pair_new(&f, false, "h2", client_new(&root_id, 0, "\x08http/1.1",
	                         TLS1_3_VERSION));
	ASSERT_FAILS(tls_write(p.server, (struct span){(const uint8_t *)"x", 1}), UNAVAILABLE,
	             "handshake is not over");
	shake_hands(&p, 2048);
	assert_int_equal(tls_state(p.server), TLS_FAILED);
	assert_non_null(strstr(tls_error(p.server), "no application protocol"));
	connect_pair(&p, client_new(&root_id, 0, 0, TLS1_1_VERSION));
	shake_hands(&p, 2048);
	assert_int_equal(tls_state(p.server), TLS_FAILED);
	connect_pair(&p, client_new(&root_id, 0, "\x02h2", TLS1_2_VERSION));
	exchange(&p, 2048);
	SSL_renegotiate(p.client);
	SSL_do_handshake(p.client);
	carry(&p, 2048);
	char c;
	assert_int_equal(tls_read(p.server, &c, 1), 0);
	carry(&p, 2048);
	assert_int_equal(SSL_do_handshake(p.client), -1);
	assert_int_equal(SSL_get_error(p.client, -1), SSL_ERROR_SSL);
	teardown(&p);
}

TEST(net_tls_garbage_and_cut_streams_fail_with_a_sentence)
{
	static const char http[] = "GET / HTTP/1.1\r\n\r\n";
	uint8_t hello[4096];
	struct files f = setup();
	struct pair p = pair_new(&f, false, 0, client_new(&root_id, 0, 0, TLS1_3_VERSION));
	ASSERT_FAILS(tls_feed(p.server, (struct span){(const uint8_t *)http, sizeof http - 1}),
	             UNAVAILABLE, "the TLS handshake failed: http request");
	connect_pair(&p, client_new(&root_id, 0, 0, TLS1_3_VERSION));
	SSL_do_handshake(p.client);
	size_t n = (size_t)BIO_read(SSL_get_wbio(p.client), hello, sizeof hello);
	ASSERT_GOOD(tls_feed(p.server, (struct span){hello, n / 2}));
	assert_int_equal(tls_state(p.server), TLS_HANDSHAKING);
	tls_end(p.server);
	assert_int_equal(tls_state(p.server), TLS_FAILED);
	assert_string_equal(tls_error(p.server),
	                    "the TLS handshake failed: the peer ended the connection");
	connect_pair(&p, client_new(&root_id, 0, 0, TLS1_3_VERSION));
	exchange(&p, 2048);
	SSL_write(p.client, "question", 8);
	n = (size_t)BIO_read(SSL_get_wbio(p.client), hello, sizeof hello);
	ASSERT_GOOD(tls_feed(p.server, (struct span){hello, n - 1}));
	assert_int_equal(tls_read(p.server, hello, 8), 0);
	tls_end(p.server);
	assert_string_equal(tls_error(p.server),
	                    "the TLS connection was cut off: the peer ended it without a farewell");
	connect_pair(&p, client_new(&root_id, 0, 0, TLS1_3_VERSION));
	exchange(&p, 2048);
	SSL_write(p.client, "question", 8);
	n = (size_t)BIO_read(SSL_get_wbio(p.client), hello, sizeof hello);
	hello[n - 3] ^= 1;
	ASSERT_GOOD(tls_feed(p.server, (struct span){hello, n}));
	assert_int_equal(tls_read(p.server, hello, 8), 0);
	assert_int_equal(tls_state(p.server), TLS_FAILED);
	teardown(&p);
}

TEST(net_tls_bad_files_are_named)
{
	struct files f = setup();
	struct tls_context *c;
	struct tls_options o = {f.cert, f.key, 0, 0};
	ASSERT_FAILS(tls_context_new(&(struct tls_options){.cert = f.cert}, &c), INVALID_ARG, "a key");
	o.cert = "/nowhere/cert.pem";
	ASSERT_FAILS(tls_context_new(&o, &c), INVALID_ARG, "certificate '/nowhere/cert.pem'");
	o.cert = f.cert;
	o.key = f.root;
	ASSERT_FAILS(tls_context_new(&o, &c), INVALID_ARG, "cannot load the TLS key");
	o.key = f.key;
	o.root = f.key;
	ASSERT_FAILS(tls_context_new(&o, &c), INVALID_ARG, "cannot load the TLS root certificate");
	o.root = 0;
	o.alpn = "0123456789012345678901234567890123456789012345678901234567890123";
	ASSERT_FAILS(tls_context_new(&o, &c), LIMIT, "ALPN");
	o.alpn = 0;
	identity_write(&client_id, 0, f.key);
	ASSERT_FAILS(tls_context_new(&o, &c), INVALID_ARG, "key values mismatch");
	teardown(&(struct pair){0});
}

static void set_time(const char *path, time_t at)
{
	struct timespec times[2] = {{at, 0}, {at, 0}};
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static bool shows(struct pair *p, const struct identity *id)
{
	connect_pair(p, client_new(&root_id, 0, 0, TLS1_3_VERSION));
	exchange(p, 2048);
	X509 *shown = SSL_get1_peer_certificate(p->client);
	bool same = !X509_cmp(shown, id->cert);
	X509_free(shown);
	return same;
}

TEST(net_tls_reloads_changed_files_and_keeps_the_old_ones_when_they_are_bad)
{
	struct files f = setup();
	struct identity fresh = identity_new("fresh", &root_id);
	struct pair p = pair_new(&f, false, 0, client_new(&root_id, 0, 0, TLS1_3_VERSION));
	assert_false(tls_context_reload(p.context));
	assert_true(shows(&p, &server_id));
	identity_write(&fresh, f.cert, 0);
	set_time(f.cert, 1000);
	assert_false(tls_context_reload(p.context)); /* the key is still the old one */
	assert_true(shows(&p, &server_id));
	identity_write(&fresh, 0, f.key);
	set_time(f.key, 1000);
	SSL *kept_client = p.client;
	struct tls *kept = p.server;
	p.client = 0;
	p.server = 0;
	tls_context_tick(p.context, 5000);
	assert_true(shows(&p, &fresh));
	identity_write(&server_id, f.cert, f.key);
	set_time(f.cert, 2000);
	set_time(f.key, 2000);
	tls_context_tick(p.context, 5999); /* too early */
	assert_true(shows(&p, &fresh));
	tls_context_tick(p.context, 6000);
	assert_true(shows(&p, &server_id));
	unlink(f.cert);
	assert_false(tls_context_reload(p.context));
	assert_true(shows(&p, &server_id));
	/* a connection of old goes on */
	struct pair old = {p.context, kept, kept_client};
	exchange(&old, 2048);
	SSL_free(kept_client);
	tls_free(kept);
	identity_free(&fresh);
	teardown(&p);
}
