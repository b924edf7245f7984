/* Staying awake: when a loop decides to, when it stops, and what it counts. */
#include "../test.h"

#include "net/awake.h"
#include "net/http.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LIMIT = 100000 };

/* Reads that come `gap` ns after the decision before. */
static bool reads(struct awake *a, uint64_t *now, uint64_t gap)
{
	awake_came(a);
	return awake_decide(a, *now += gap);
}

TEST(awake_after_a_row_of_reads)
{
	struct awake a = {.limit_ns = LIMIT};
	uint64_t now = 1000 * LIMIT;
	assert_false(reads(&a, &now, 0)); /* the first comes after a long time */
	for (int i = 1; i < AWAKE_ROW; i++)
		assert_false(reads(&a, &now, 2 * LIMIT));
	assert_true(reads(&a, &now, 2 * LIMIT));
	assert_true(reads(&a, &now, 1));
	/* one that comes too late begins a new row */
	assert_false(reads(&a, &now, 2 * LIMIT + 1));
	for (int i = 1; i < AWAKE_ROW; i++)
		assert_false(reads(&a, &now, 1));
	assert_true(reads(&a, &now, 1));
}

TEST(awake_until_the_limit)
{
	struct awake a = {.limit_ns = LIMIT};
	uint64_t now = 1000 * LIMIT;
	for (int i = 0; i <= AWAKE_ROW; i++)
		reads(&a, &now, 1);
	assert_true(awake_decide(&a, now + 1));
	assert_true(awake_decide(&a, now + LIMIT));
	assert_false(awake_decide(&a, now + LIMIT + 1));
	assert_false(reads(&a, &now, LIMIT + 2)); /* and then sleeps until there is a row again */
}

static void answer_empty(void *ctx, struct http_exchange *x)
{
	(void)ctx;
	http_reply(x, 200, 0, STR_NONE, 0, 0);
}

/* Time that a server with that limit, in us, was awake for nothing, after so many requests. */
static uint64_t polled(uint32_t limit_us, int requests)
{
	static const char get[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
	struct net *n;
	char reply[4096];
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	char path[64];
	snprintf(path, sizeof path, "unix:/tmp/nereid-awake-%d", (int)getpid());
	snprintf(a.sun_path, sizeof a.sun_path, "%s", path + 5);
	ASSERT_GOOD(net_new(1, &n));
	ASSERT_GOOD(http_listen(n, &(struct net_address){.host = path, .name = "HTTP"},
	                        &(struct http_options){.handler = answer_empty}));
	net_busy_poll(n, limit_us);
	ASSERT_GOOD(net_start(n));
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	for (int i = 0; i < requests; i++) {
		assert_int_equal(write(fd, get, sizeof get - 1), sizeof get - 1);
		assert_true(read(fd, reply, sizeof reply) > 0);
	}
	usleep(200000);
	uint64_t ns = net_busy_polled(n);
	close(fd);
	net_free(n);
	return ns;
}

TEST(awake_loops_look_for_requests)
{
	assert_true(polled(1000000, 50) > 0);
	assert_int_equal(polled(1000000, 2), 0); /* no row */
	assert_int_equal(polled(0, 50), 0);
}
