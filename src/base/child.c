/* posix_spawnp and waitpid behind one door.
 *
 * Used for the few programs that do a thing better than we would: curl for downloads, npm for a
 * package. Never through a shell, so a path with blanks or quotes is only a path. With child_run
 * the child inherits our terminal, and so draws its own progress bar and gets Ctrl-C with us. With
 * child_catch it gets a process group of its own and two pipes, so that a program that hangs is
 * ended with all that it started. One thread waits; nothing is shared.
 */
#include "base/child.h"

#include "base/clock.h"
#include "base/panic.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct status child_run(const char *const *argv, int *code)
{
	pid_t pid;
	int how = 0, e;

	CHECK(argv[0] && code);
	e = posix_spawnp(&pid, argv[0], 0, 0, (char *const *)argv, environ);
	if (e == ENOENT)
		return FAIL(NOT_FOUND, "the program %s is not installed", argv[0]);
	if (e)
		return FAIL(IO, "cannot run %s: %s", argv[0], strerror(e));
	while (waitpid(pid, &how, 0) < 0)
		if (errno != EINTR)
			return FAIL(IO, "cannot wait for %s: %s", argv[0], strerror(errno));
	if (WIFSIGNALED(how))
		return FAIL(UNAVAILABLE, "%s was ended by signal %d", argv[0], WTERMSIG(how));
	*code = WEXITSTATUS(how);
	return STATUS_GOOD;
}

/* Starts argv with its output in pipes; the ends to read come back. */
static struct status start(const char *const *argv, int read_ends[2], pid_t *pid)
{
	int out[2] = {-1, -1}, err[2] = {-1, -1}, e;
	posix_spawn_file_actions_t files;
	posix_spawnattr_t how;
	sigset_t none;
	struct status st = STATUS_GOOD;

	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&how);
	sigemptyset(&none);
	if (pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		GO(FAIL(IO, "cannot make a pipe to %s: %s", argv[0], strerror(errno)));
	e = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	e = e ? e : posix_spawn_file_actions_adddup2(&files, out[1], 1);
	e = e ? e : posix_spawn_file_actions_adddup2(&files, err[1], 2);
	e = e ? e : posix_spawnattr_setsigmask(&how, &none);
	e = e ? e : posix_spawnattr_setpgroup(&how, 0);
	e = e ? e : posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
	e = e ? e : posix_spawnp(pid, argv[0], &files, &how, (char *const *)argv, environ);
	if (e == ENOENT)
		GO(FAIL(NOT_FOUND, "the program %s is not installed", argv[0]));
	if (e)
		GO(FAIL(IO, "cannot run %s: %s", argv[0], strerror(e)));
	read_ends[0] = out[0];
	read_ends[1] = err[0];
	out[0] = err[0] = -1;
out:
	for (int i = 0; i < 2; i++) {
		if (out[i] >= 0)
			close(out[i]);
		if (err[i] >= 0)
			close(err[i]);
	}
	posix_spawnattr_destroy(&how);
	posix_spawn_file_actions_destroy(&files);
	return st;
}

/* Moves what a pipe has to b; closes it at its end. */
static struct status take(const char *name, int *fd, struct buf *b)
{
	uint8_t part[4096];
	ssize_t n = read(*fd, part, sizeof part);
	if (n > 0) {
		buf_add(b, part, (size_t)n);
		if (b->bad)
			return FAIL(LIMIT, "%s wrote over %zu bytes and was ended", name,
			            b->limit_bytes);
	} else if (n == 0 || errno != EINTR) {
		close(*fd);
		*fd = -1;
	}
	return STATUS_GOOD;
}

/* Reads both pipes until the child ended and they are empty. A grandchild that keeps them open does
 * not keep us: once the child is gone, one look without waiting is the last. */
static struct status follow(const char *name, pid_t pid, uint64_t timeout_ns, int fd[2],
                            struct buf *to[2])
{
	uint64_t end = clock_ns() + timeout_ns;
	bool gone = false;

	for (;;) {
		struct pollfd p[2] = {{fd[0], POLLIN, 0}, {fd[1], POLLIN, 0}};
		int ready = poll(p, 2, gone ? 0 : 10);
		for (int i = 0; i < 2; i++)
			if (ready > 0 && p[i].revents)
				TRY(take(name, &fd[i], to[i]));
		if (gone && ready <= 0)
			return STATUS_GOOD;
		if (!gone) {
			siginfo_t info = {0};
			/* it stays a zombie, so that its group cannot become another's */
			if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 &&
			    errno != EINTR)
				return FAIL(IO, "cannot wait for %s: %s", name, strerror(errno));
			gone = info.si_pid == pid;
		}
		if (clock_ns() > end)
			return FAIL(TIMEOUT, "%s did not end within %.3g s", name,
			            (double)timeout_ns / 1e9);
	}
}

struct status child_catch(const char *const *argv, uint64_t timeout_ns, struct buf *out,
                          struct buf *err, int *code)
{
	pid_t pid;
	int fd[2], how = 0;
	struct buf *to[2] = {out, err};

	CHECK(argv[0] && code && out && err);
	TRY(start(argv, fd, &pid));
	struct status st = follow(argv[0], pid, timeout_ns, fd, to);
	for (int i = 0; i < 2; i++)
		if (fd[i] >= 0)
			close(fd[i]);
	kill(-pid, SIGKILL);
	while (waitpid(pid, &how, 0) < 0 && errno == EINTR)
		;
	if (st.code)
		return st;
	if (WIFSIGNALED(how))
		return FAIL(UNAVAILABLE, "%s was ended by signal %d", argv[0], WTERMSIG(how));
	*code = WEXITSTATUS(how);
	return STATUS_GOOD;
}
