/* Event loops: posts from other threads, addresses that are taken, sockets left over. */
#include "../test.h"

#include "base/span.h"
#include "net/http.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct order { struct net_post post; int number; int *next; pthread_t thread; _Atomic int done; };

static void answer_empty(void *ctx, struct http_exchange *x)
{
	(void)ctx;
	http_reply(x, 200, 0, STR_NONE, 0, 0);
}

static struct net *serve_at(const char *host, uint16_t port, struct status *st)
{
	struct net *n;
	ASSERT_GOOD(net_new(2, &n));
	struct net_address at = {.host = host, .port = port, .name = "HTTP"};
	*st = http_listen(n, &at, &(struct http_options){.handler = answer_empty});
	return n;
}

static int connect_to(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	if (connect(fd, (struct sockaddr *)&a, sizeof a)) {
		close(fd);
		return -1;
	}
	return fd;
}

static void note(void *arg)
{
	struct order *o = arg;
	o->thread = pthread_self();
	assert_int_equal(o->number, (*o->next)++);
	o->done = 1;
}

static struct net_loop *seen_loop;
static void keep_loop(void *ctx, struct http_exchange *x)
{
	(void)ctx;
	seen_loop = x->loop;
	http_reply(x, 200, 0, STR_NONE, 0, 0);
}

TEST(net_loop_runs_posts_in_order_on_its_thread)
{
	char path[64], reply[256];
	struct net *n;
	struct order o[100];
	int next = 0;
	snprintf(path, sizeof path, "unix:/tmp/nereid-test-%d", (int)getpid());
	ASSERT_GOOD(net_new(1, &n));
	ASSERT_GOOD(http_listen(n, &(struct net_address){.host = path, .name = "HTTP"},
	                        &(struct http_options){.handler = keep_loop}));
	ASSERT_GOOD(net_start(n));
	int fd = connect_to(path + 5);
	assert_int_equal(write(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27), 27);
	assert_true(read(fd, reply, sizeof reply) > 12);
	assert_memory_equal(reply, "HTTP/1.1 200", 12);
	for (int i = 0; i < 100; i++) {
		o[i] = (struct order){{0, note, &o[i]}, i, &next, pthread_self(), 0};
		net_post(seen_loop, &o[i].post);
	}
	while (!o[99].done)
		usleep(1000);
	for (int i = 0; i < 100; i++)
		assert_true(o[i].done && !pthread_equal(o[i].thread, pthread_self()));
	assert_int_equal(net_open(n), 1);
	net_drain(n);
	assert_int_equal(read(fd, reply, sizeof reply), 0); /* an idle connection is closed */
	close(fd);
	net_free(n);
	assert_int_equal(access(path + 5, F_OK), -1);
}

TEST(net_loop_takes_over_a_socket_left_behind_but_no_other_file)
{
	char path[64];
	struct status st;
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	snprintf(path, sizeof path, "unix:/tmp/nereid-left-%d", (int)getpid());
	snprintf(a.sun_path, sizeof a.sun_path, "%s", path + 5);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	close(fd);
	struct net *n = serve_at(path, 0, &st);
	assert_int_equal(st.code, STATUS_OK);
	struct status second;
	struct net *m = serve_at(path, 0, &second); /* the first one listens there */
	assert_int_equal(second.code, STATUS_UNAVAILABLE);
	net_free(m);
	net_free(n);
	FILE *f = fopen(path + 5, "w");
	fclose(f);
	n = serve_at(path, 0, &st);
	assert_int_equal(st.code, STATUS_UNAVAILABLE);
	net_free(n);
	assert_int_equal(access(path + 5, F_OK), 0);
	unlink(path + 5);
}

TEST(net_loop_names_an_address_that_cannot_be)
{
	struct status st;
	struct net *n = serve_at("not an address", 1, &st);
	assert_int_equal(st.code, STATUS_UNAVAILABLE);
	assert_non_null(strstr(st.msg, "not an address"));
	net_free(n);
	n = serve_at("unix:", 0, &st);
	assert_int_equal(st.code, STATUS_INVALID_ARG);
	net_free(n);
}

/* What a handler puts off runs in its order, also what is put off meanwhile, and before the loop
 * waits again: nothing else wakes it here. */
struct put_off { struct net_post post; struct http_exchange *x; int number; };
static struct put_off put_off[3];
static int put_off_next;

static void answer_soon(void *arg)
{
	struct put_off *p = arg;
	assert_int_equal(p->number, put_off_next++);
	if (p->number == 0)
		net_soon(p->x->loop, &put_off[2].post);
	if (p->number == 2)
		http_reply(p->x, 200, 0, STR_NONE, 0, 0);
}

static void put_it_off(void *ctx, struct http_exchange *x)
{
	(void)ctx;
	put_off_next = 0;
	x->soon = true;
	for (int i = 0; i < 3; i++)
		put_off[i] = (struct put_off){{0, answer_soon, &put_off[i]}, x, i};
	net_soon(x->loop, &put_off[0].post);
	net_soon(x->loop, &put_off[1].post);
}

TEST(net_soon_runs_before_the_loop_waits)
{
	char path[64], reply[512];
	static const char two[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n";
	struct net *n;
	snprintf(path, sizeof path, "unix:/tmp/nereid-test-%d", (int)getpid());
	ASSERT_GOOD(net_new(1, &n));
	ASSERT_GOOD(http_listen(n, &(struct net_address){.host = path, .name = "HTTP"},
	                        &(struct http_options){.handler = put_it_off}));
	ASSERT_GOOD(net_start(n));
	int fd = connect_to(path + 5);
	for (int i = 0; i < 3; i++) { /* one request, two at once, one */
		bool both = i == 1;
		size_t have = 0, want = both ? 2 : 1;
		assert_int_equal(write(fd, two, both ? 54 : 27), both ? 54 : 27);
		for (size_t heads = 0; heads < want;) {
			ssize_t got = read(fd, reply + have, sizeof reply - 1 - have);
			assert_true(got > 0);
			have += (size_t)got;
			reply[have] = 0;
			heads = 0;
			for (const char *p = reply; (p = strstr(p, "HTTP/1.1 200")); p++)
				heads++;
		}
	}
	close(fd);
	net_free(n);
}

TEST(net_leave_closes_connections_behind_their_answers_only)
{
	char path[64], reply[512];
	static const char get[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
	struct net *n;
	snprintf(path, sizeof path, "unix:/tmp/nereid-test-%d", (int)getpid());
	ASSERT_GOOD(net_new(1, &n));
	ASSERT_GOOD(http_listen(n, &(struct net_address){.host = path, .name = "HTTP"},
	                        &(struct http_options){.handler = answer_empty}));
	ASSERT_GOOD(net_start(n));
	/* a connection from before, and one that comes later */
	for (int round = 0; round < 2; round++) {
		int fd = connect_to(path + 5);
		if (round == 0) {
			assert_int_equal(write(fd, get, 27), 27);
			ssize_t got = read(fd, reply, sizeof reply - 1);
			assert_true(got > 0);
			reply[got] = 0;
			assert_null(strstr(reply, "Connection: close"));
			net_leave(n);
			usleep(50000);
			assert_int_equal(net_open(n), 1);
		}
		assert_int_equal(write(fd, get, 27), 27);
		ssize_t got = read(fd, reply, sizeof reply - 1);
		assert_true(got > 0);
		reply[got] = 0;
		assert_memory_equal(reply, "HTTP/1.1 200", 12);
		assert_non_null(strstr(reply, "Connection: close"));
		assert_int_equal(read(fd, reply, sizeof reply), 0);
		close(fd);
	}
	net_free(n);
}
