/* Code that must end the process: run in a child, whose last words are kept. */
#ifndef NEREID_TEST_DIES_H
#define NEREID_TEST_DIES_H

#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Whether fn ended its process by `number`; what it wrote to stderr goes into text. */
static inline bool dies_by(int number, void (*fn)(void), char *text, size_t n)
{
	int ends[2], how = 0;
	size_t at = 0;
	if (pipe(ends))
		return false;
	pid_t pid = fork();
	if (pid == 0) {
		dup2(ends[1], 2);
		close(ends[0]);
		close(ends[1]);
		signal(number, SIG_DFL); /* cmocka catches some */
		fn();
		_exit(0);
	}
	close(ends[1]);
	for (ssize_t k = 1; k > 0 && at + 1 < n; at += k > 0 ? (size_t)k : 0)
		k = read(ends[0], text + at, n - 1 - at);
	text[at] = 0;
	close(ends[0]);
	return waitpid(pid, &how, 0) == pid && WIFSIGNALED(how) && WTERMSIG(how) == number;
}

/* fn breaks a CHECK whose text holds `what`. */
static inline bool dies(void (*fn)(void), const char *what)
{
	char text[4096];
	return dies_by(SIGABRT, fn, text, sizeof text) && strstr(text, what);
}

#endif
