/* The metrics port over a real socket: the page, other paths and methods, connections counted. */
#include "unit/test.h"

#include "base/mem.h"
#include "front/metrics.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char text[1 << 16];

static int connect_to(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

/* Asks on a connection of its own; the answer is in text. */
static void ask(const char *path, const char *request)
{
	int fd = connect_to(path);
	size_t n = 0;
	char line[256];
	snprintf(line, sizeof line, "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", request);
	assert_int_equal(write(fd, line, strlen(line)), strlen(line));
	for (ssize_t k = 1; k > 0 && n + 1 < sizeof text; n += k > 0 ? (size_t)k : 0)
		k = read(fd, text + n, sizeof text - 1 - n);
	text[n] = 0;
	close(fd);
}

static void quiet(void *ctx, struct http_exchange *x)
{
	http_reply(x, 200, 0, STR_NONE, 0, 0);
}

static struct net *listening(const char *path, const char *name, http_handler *handler, void *ctx)
{
	char address[128];
	struct net *n;
	snprintf(address, sizeof address, "unix:%s", path);
	ASSERT_GOOD(net_new(1, &n));
	ASSERT_GOOD(http_listen(n, &(struct net_address){.host = address, .name = name},
	                        &(struct http_options){.handler = handler, .ctx = ctx}));
	ASSERT_GOOD(net_start(n));
	return n;
}

TEST(front_metrics_answers)
{
	char page[64], other[64];
	struct repo repo = {0};
	struct metrics_front f;
	snprintf(page, sizeof page, "/tmp/nereid-metrics-%d", (int)getpid());
	snprintf(other, sizeof other, "/tmp/nereid-other-%d", (int)getpid());
	atomic_store(&repo.ready, 1);
	metrics_init(&f, &repo);
	f.version = "9.9";
	struct net *counted = listening(other, "gRPC", quiet, 0);
	f.net = counted;
	struct net *n = listening(page, "metrics", metrics_handle, &f);
	assert_int_equal(net_services(counted), 1);
	assert_string_equal(net_service_name(counted, 0), "gRPC");
	ask(page, "GET /metrics");
	assert_memory_equal(text, "HTTP/1.1 200", 12);
	assert_non_null(strstr(text, "text/plain; charset=utf-8\r\n"));
	assert_non_null(strstr(text, "\nnereid_build_info{version=\"9.9\"} 1\n"));
	assert_non_null(strstr(text, "\nnereid_ready 1\n"));
	assert_non_null(strstr(text, "\nnereid_connections{protocol=\"grpc\"} 0\n"));
	assert_non_null(strstr(text, "\nprocess_open_fds "));
	assert_non_null(strstr(text, "\nnereid_memory_limit_bytes "));
	assert_null(strstr(text, "nv_cpu"));
	int fd = connect_to(other);
	while (net_service_open(counted, 0) != 1)
		usleep(1000);
	atomic_store(&repo.ready, 0);
	ask(page, "GET /metrics");
	assert_non_null(strstr(text, "\nnereid_connections{protocol=\"grpc\"} 1\n"));
	assert_non_null(strstr(text, "\nnereid_ready 0\n"));
	close(fd);
	ask(page, "GET /");
	assert_memory_equal(text, "HTTP/1.1 200", 12);
	assert_memory_equal(strstr(text, "\r\n\r\n"), "\r\n\r\n", 5);
	ask(page, "POST /metrics");
	assert_memory_equal(text, "HTTP/1.1 405", 12);
	assert_non_null(strstr(text, "{\"error\":\"Method Not Allowed\"}"));
	buf_release(&f.scratch); /* a page over its limit */
	buf_init(&f.scratch, 100);
	ask(page, "GET /metrics");
	assert_memory_equal(text, "HTTP/1.1 503", 12);
	net_free(n);
	net_free(counted);
	metrics_release(&f);
}
