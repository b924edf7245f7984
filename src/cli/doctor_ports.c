/* The ports that the server would open, for `nereid doctor`: can they be had, and who has them.
 *
 * A port is tried as the server would take it, bound on all addresses and listened on, and given
 * back at once. Who holds it is told by /proc: the socket's inode from the tables of TCP, and the
 * process that has that inode open. Other users' processes keep that to themselves; then only the
 * port is told. One thread.
 */
#include "base/file.h"
#include "base/panic.h"
#include "cli/doctor_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { INODES_MAX = 16, TABLE_BYTES_MAX = 64 << 20, LISTEN_STATE = 0x0a };

/* A line: "  0: 00000000:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0  0 12345
 * ..." */
static bool listens(struct str line, uint32_t port, uint64_t *inode)
{
	char text[320];
	unsigned local, state;
	snprintf(text, sizeof text, "%.*s", STR_ARG(line));
	int n =
		sscanf(text, " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*u %*u %" SCNu64,
		       &local, &state, inode);
	return n == 3 && local == port && state == LISTEN_STATE;
}

uint32_t doctor__listeners(struct str text, uint32_t port, uint64_t *inodes, uint32_t max)
{
	uint32_t found = 0;
	while (text.n && found < max) {
		const char *end = memchr(text.p, '\n', text.n);
		size_t n = end ? (size_t)(end - text.p) : text.n;
		found += listens((struct str){text.p, n}, port, &inodes[found]);
		text = (struct str){text.p + n + (end != 0), text.n - n - (end != 0)};
	}
	return found;
}

/* Whether a process has one of the sockets open. */
static bool has(struct doctor *d, const char *process, const uint64_t *inodes, uint32_t n)
{
	char **names, target[64];
	uint32_t n_names, i;
	bool found = false;
	struct arena_mark mark = arena_mark(&d->arena);
	const char *dir = doctor__text(d, "%s/proc/%s/fd", d->root, process);
	/* it ended, or is another user's: not a failure */
	if (!file_list(dir, &d->arena, &names, &n_names).code)
		for (i = 0; i < n_names && !found; i++) {
			uint64_t inode;
			ssize_t bytes =
				readlink(doctor__text(d, "%s/%s", dir, names[i]), target, sizeof target - 1);
			if (bytes < 0)
				continue;
			target[bytes] = 0;
			if (sscanf(target, "socket:[%" SCNu64 "]", &inode) != 1)
				continue;
			for (uint32_t k = 0; k < n; k++)
				found |= inodes[k] == inode;
		}
	arena_rewind(&d->arena, mark);
	return found;
}

const char *doctor__holder(struct doctor *d, uint32_t port)
{
	static const char *const tables[] = {"/proc/net/tcp", "/proc/net/tcp6"};
	uint64_t inodes[INODES_MAX], number;
	uint32_t n = 0, n_names;
	char **names;

	for (int i = 0; i < 2; i++) {
		struct buf text;
		struct status st =
			file_read_stream(doctor__text(d, "%s%s", d->root, tables[i]), TABLE_BYTES_MAX, &text);
		if (st.code)
			continue;
		n += doctor__listeners(buf_text(&text), port, inodes + n, INODES_MAX - n);
		buf_release(&text);
	}
	if (!n || file_list(doctor__text(d, "%s/proc", d->root), &d->arena, &names, &n_names).code)
		return 0;
	for (uint32_t i = 0; i < n_names; i++)
		if (str_u64(str_from(names[i]), &number) && has(d, names[i], inodes, n)) {
			const char *name = doctor__line(d, doctor__text(d, "/proc/%s/comm", names[i]));
			return doctor__text(d, "%s (process %s)", name && *name ? name : "a program",
			                    names[i]);
		}
	return 0;
}

/* 0, or errno of why the port cannot be had. */
static int try_port(uint32_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int yes = 1, e = 0, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) ||
	    bind(fd, (struct sockaddr *)&to, sizeof to) || listen(fd, 1))
		e = errno;
	close(fd);
	return e;
}

void doctor__ports(struct doctor *d)
{
	for (int i = 0; i < DOCTOR_PORTS_N; i++) {
		uint32_t port = (uint32_t)d->port[i].number;
		int e = try_port(port);
		CHECK(d->port[i].name && d->port[i].option);
		if (!e) {
			doctor__add(d, DOCTOR_OK, 0, "port %u for %s is free", port, d->port[i].name);
		} else if (e == EADDRINUSE) {
			const char *who = doctor__holder(d, port);
			doctor__add(d, DOCTOR_FAIL,
			            doctor__text(d, "stop %s, or serve on another port with --%s",
			                         who ? "it" : "it (`ss -ltnp` as root names it)",
			                         d->port[i].option),
			            "port %u for %s is held by %s", port, d->port[i].name,
			            who ? who : "a program that /proc does not name");
		} else {
			doctor__add(
				d, DOCTOR_FAIL,
				e == EACCES ? doctor__text(d,
				                           "take a port from 1024 up with --%s, or grant "
				                           "CAP_NET_BIND_SERVICE",
				                           d->port[i].option)
				            : doctor__text(d,
				                           "see why the system refuses it, or take another port "
				                           "with --%s",
				                           d->port[i].option),
				"port %u for %s cannot be opened: %s", port, d->port[i].name, strerror(e));
		}
	}
}
