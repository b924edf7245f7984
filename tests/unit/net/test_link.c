/* Links: a reply that the socket takes only piece by piece, and peers that leave in the middle. */
#include "../test.h"

#include "base/span.h"
#include "net/http.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { REPLY_BYTES = 3 << 20 };

static void answer_large(void *ctx, struct http_exchange *x)
{
	struct span parts[2] = {{ctx, REPLY_BYTES / 2},
	                        {(uint8_t *)ctx + REPLY_BYTES / 2, REPLY_BYTES / 2}};
	http_reply(x, 200, "application/octet-stream", STR_NONE, parts, 2);
}

static int ask(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(write(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27), 27);
	return fd;
}

TEST(net_link_writes_what_the_socket_did_not_take_at_once)
{
	static uint8_t data[REPLY_BYTES], got[REPLY_BYTES + 4096];
	char path[64];
	struct net *n;
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 31 + i / 251);
	snprintf(path, sizeof path, "unix:/tmp/nereid-link-%d", (int)getpid());
	signal(SIGPIPE, SIG_IGN); /* as the program does */
	ASSERT_GOOD(net_new(1, &n));
	ASSERT_GOOD(http_listen(n, &(struct net_address){.host = path, .name = "HTTP"},
	                        &(struct http_options){.handler = answer_large, .ctx = data}));
	ASSERT_GOOD(net_start(n));
	for (int i = 0; i < 5; i++) { /* peers that leave before the reply is out */
		int gone = ask(path + 5);
		assert_true(read(gone, got, 100) == 100);
		close(gone);
	}
	int fd = ask(path + 5);
	usleep(20000); /* the socket's buffer is full by now */
	size_t have = 0, head = 0;
	while (!head || have < head + REPLY_BYTES) {
		ssize_t r = read(fd, got + have, sizeof got - have);
		assert_true(r > 0);
		have += (size_t)r;
		uint8_t *end = head ? 0 : memmem(got, have, "\r\n\r\n", 4);
		head = end ? (size_t)(end - got) + 4 : head;
	}
	assert_int_equal(have, head + REPLY_BYTES);
	assert_memory_equal(got + head, data, REPLY_BYTES);
	close(fd);
	for (int i = 0; i < 1000 && net_open(n); i++)
		usleep(1000);
	assert_int_equal(net_open(n), 0);
	net_free(n);
}
