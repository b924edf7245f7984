/* A receiver of webhooks for the test in a cluster: prints each body as a line and answers 200. Static, for an image of one file. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void)
{
	static char buf[1 << 20];
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(8080)};
	int one = 1, s = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(s, (struct sockaddr *)&a, sizeof a) || listen(s, 16))
		return 1;
	for (;;) {
		int c = accept(s, 0, 0);
		size_t n = 0;
		ssize_t got;
		while (n < sizeof buf - 1 && (got = read(c, buf + n, sizeof buf - 1 - n)) > 0) {
			n += (size_t)got;
			buf[n] = 0;
			char *body = strstr(buf, "\r\n\r\n"), *length = strcasestr(buf, "content-length:");
			if (!body || (length && n < (size_t)(body + 4 - buf) + strtoul(length + 15, 0, 10)))
				continue;
			for (char *p = body + 4; *p; p++)
				putchar(*p == '\n' ? ' ' : *p);
			putchar('\n');
			fflush(stdout);
			break;
		}
		static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
		if (write(c, answer, sizeof answer - 1) < 0)
			return 1;
		close(c);
	}
}
