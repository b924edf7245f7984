/* The test runner: nereid-test [--list] [-j N] [name ...]
 *
 * Each TEST runs through cmocka in a process of its own, under a time limit, with a directory
 * of its own. What it prints is shown only when it fails. A name selects the tests whose
 * "file:name" holds it. The last line is "N passed, N failed".
 */
#include "unit/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { JOBS_MAX = 16 };

static struct test *first;
static char dir[64];

void test_add(struct test *t)
{
	t->next = first;
	first = t;
}

const char *test_path(const char *name)
{
	static char text[8][256];
	static unsigned next;
	char *p = text[next++ % 8];
	snprintf(p, sizeof text[0], "%s/%s", dir, name);
	return p;
}

static void remove_tree(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	while (d && (e = readdir(d))) {
		char sub[600];
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		snprintf(sub, sizeof sub, "%s/%s", path, e->d_name);
		if (unlink(sub) && errno == EISDIR)
			remove_tree(sub);
	}
	if (d)
		closedir(d);
	rmdir(path);
}

struct job { struct test *t; pid_t pid; char dir[64], out[80]; double end; };

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void child(struct job *j)
{
	int fd = open(j->out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	dup2(fd, 1);
	dup2(fd, 2);
	close(fd);
	snprintf(dir, sizeof dir, "%s", j->dir);
	setpgid(0, 0);
	const struct CMUnitTest one[] = {{j->t->name, j->t->fn, 0, 0, 0}};
	cmocka_set_message_output(CM_OUTPUT_STDOUT);
	exit(_cmocka_run_group_tests(j->t->file, one, 1, 0, 0) != 0);
}

static void start(struct job *j, struct test *t, int scale)
{
	snprintf(j->dir, sizeof j->dir, "/tmp/nereid-test-XXXXXX");
	if (!mkdtemp(j->dir)) {
		perror("mkdtemp");
		exit(2);
	}
	memcpy(j->out, j->dir, strlen(j->dir) + 1);
	strcat(j->out, ".out");
	j->t = t;
	j->end = now() + t->timeout_s * scale;
	fflush(0);
	j->pid = fork();
	if (j->pid == 0)
		child(j);
}

static void show(const char *path)
{
	char text[4096];
	size_t n;
	FILE *f = fopen(path, "r");
	while (f && (n = fread(text, 1, sizeof text, f)))
		fwrite(text, 1, n, stdout);
	if (f)
		fclose(f);
}

/* Whether the job has ended; counts it. */
static bool finish(struct job *j, int *passed, int *failed)
{
	int how = 0;
	bool late = now() > j->end;
	if (late)
		kill(-j->pid, SIGKILL), kill(j->pid, SIGKILL);
	pid_t r = waitpid(j->pid, &how, late ? 0 : WNOHANG);
	if (r == 0)
		return false;
	bool good = !late && WIFEXITED(how) && WEXITSTATUS(how) == 0;
	if (!good) {
		printf("FAILED %s: %s%s\n", j->t->file, j->t->name, late ? ": over its time limit" : "");
		show(j->out);
	}
	*(good ? passed : failed) += 1;
	kill(-j->pid, SIGKILL);
	unlink(j->out);
	remove_tree(j->dir);
	j->pid = 0;
	return true;
}

static bool selected(const struct test *t, char **names, int n)
{
	char text[512];
	snprintf(text, sizeof text, "%s:%s", t->file, t->name);
	for (int i = 0; i < n; i++)
		if (strstr(text, names[i]))
			return true;
	return n == 0;
}

int main(int argc, char **argv)
{
	int jobs = 2, passed = 0, failed = 0, scale = getenv("NEREID_TEST_SLOW") ? 10 : 1;
	bool list = false;
	struct job job[JOBS_MAX] = {{0}};
	setvbuf(stdout, 0, _IOLBF, 0);
	for (argv++, argc--; argc && argv[0][0] == '-'; argv++, argc--) {
		if (!strcmp(argv[0], "--list"))
			list = true;
		else if (!strcmp(argv[0], "-j") && argc > 1)
			jobs = atoi(argv[1]), argv++, argc--;
		else
			return fprintf(stderr, "usage: nereid-test [--list] [-j N] [name ...]\n"), 2;
	}
	jobs = jobs < 1 ? 1 : jobs > JOBS_MAX ? JOBS_MAX : jobs;
	struct test *t = first;
	for (int running = 0; t || running;) {
		for (; t && running < jobs; t = t->next) {
			if (!selected(t, argv, argc))
				continue;
			if (list) {
				printf("%s: %s\n", t->file, t->name);
				continue;
			}
			int i = 0;
			while (job[i].pid)
				i++;
			start(&job[i], t, scale);
			running++;
		}
		if (running)
			poll(0, 0, 1);
		for (int i = 0; i < jobs; i++)
			if (job[i].pid)
				running -= finish(&job[i], &passed, &failed);
	}
	if (!list)
		printf("%d passed, %d failed\n", passed, failed);
	return failed != 0;
}
