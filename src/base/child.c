/* posix_spawnp and waitpid behind one door.
 *
 * Used for the few programs that do a thing better than we would: curl for downloads, npm for a
 * package. Never through a shell, so a path with blanks or quotes is only a path. The child
 * inherits our terminal, and so draws its own progress bar and gets Ctrl-C with us. One thread
 * waits; nothing is shared.
 */
#include "base/child.h"

#include "base/panic.h"

#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

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
