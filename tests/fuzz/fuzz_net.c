/* Any bytes on a connection, HTTP/1.1 or HTTP/2 by the first one, over a real socket: the server
 * reads them to their end, answers what it can, and closes. */
#include "base/mem.h"
#include "base/panic.h"
#include "net/grpc.h"
#include "net/http.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static struct sockaddr_un http_at = {.sun_family = AF_UNIX}, grpc_at = {.sun_family = AF_UNIX};

static void answer_http(void *ctx, struct http_exchange *x)
{
	http_reply(x, 200, "text/plain", STR_NONE, &x->body, x->body.n > 0);
}

static void answer_grpc(void *ctx, struct grpc_message *m)
{
	if (m->bytes && m->data[0] == 'F')
		grpc_fail(m, GRPC_NOT_FOUND, "as the message wants it");
	else
		grpc_reply(m, &(struct span){m->data, m->bytes}, m->bytes > 0);
}

static bool streams(void *ctx, struct str path)
{
	return str_ends(path, STR("S"));
}

static void start(void)
{
	static struct net *n;
	static const struct http_options h = {.handler = answer_http};
	static const struct grpc_options g = {.handler = answer_grpc, .streams = streams, .pack = true,
	                                      .max_ping_strikes = 2, .ping_interval_ms = 1000};
	char a[64], b[64];
	if (n)
		return;
	signal(SIGPIPE, SIG_IGN);
	snprintf(a, sizeof a, "unix:/tmp/nereid-fuzz-h-%d", (int)getpid());
	snprintf(b, sizeof b, "unix:/tmp/nereid-fuzz-g-%d", (int)getpid());
	snprintf(http_at.sun_path, sizeof http_at.sun_path, "%s", a + 5);
	snprintf(grpc_at.sun_path, sizeof grpc_at.sun_path, "%s", b + 5);
	CHECK(!net_new(1, &n).code);
	CHECK(!http_listen(n, &(struct net_address){.host = a, .name = "HTTP"}, &h).code);
	CHECK(!grpc_listen(n, &(struct net_address){.host = b, .name = "gRPC"}, &g).code);
	CHECK(!net_start(n).code);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0";
	static char got[65536];
	start();
	if (!n)
		return 0;
	const struct sockaddr_un *at = *p & 1 ? &grpc_at : &http_at;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	CHECK(fd >= 0 && !connect(fd, (const struct sockaddr *)at, sizeof *at));
	if (*p & 1)
		CHECK(write(fd, preface, sizeof preface) == sizeof preface);
	size_t sent = 1;
	bool open = true;
	while (open) {
		if (sent == n)
			shutdown(fd, SHUT_WR);
		struct pollfd w = {fd, POLLIN | (sent < n ? POLLOUT : 0), 0};
		/* 408 and lingering take seconds; a server that does neither hangs, which is for the
		 * fuzzer's clock to say: its alarm interrupts the wait */
		if (poll(&w, 1, -1) != 1) {
			CHECK(errno == EINTR);
			continue;
		}
		if (sent < n && w.revents & (POLLOUT | POLLERR | POLLHUP)) {
			ssize_t k = write(fd, p + sent, n - sent);
			sent = k > 0 ? sent + (size_t)k : k < 0 && w.revents & POLLHUP ? n : sent;
		}
		if (w.revents & (POLLIN | POLLERR | POLLHUP)) {
			ssize_t k = read(fd, got, sizeof got);
			open = k > 0;
		}
	}
	close(fd);
	return 0;
}
