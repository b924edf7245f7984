/* Limits of control groups.
 *
 * /proc/self/cgroup tells the process's group: "0::/path" in version 2, "4:cpu,cpuacct:/path" in
 * version 1. The limit that counts is the lowest of that group and of all above it, so the way to
 * the root is walked. Inside a container the path may be that of the host, of which only the root
 * is mounted: groups that are not there are passed over, and the root is always looked at. Holds no
 * state; any thread.
 */
#include "base/cgroup.h"

#include "base/span.h"

#include <stdio.h>

enum { GROUP_FILE_BYTES_MAX = 16384, PATH_BYTES = 1024 };
/* Version 1 says "no limit" with a number near 2^63. */
#define MEMORY_UNLIMITED ((uint64_t)1 << 60)

/* A small file as text with NUL; false: it is not there, or larger. It needs none of our memory, so
 * that a limit is not missed where memory is short. */
static bool text_of(const char *path, char text[GROUP_FILE_BYTES_MAX])
{
	FILE *f = fopen(path, "re");
	if (!f)
		return false;
	size_t n = fread(text, 1, GROUP_FILE_BYTES_MAX - 1, f);
	bool good = !ferror(f) && n < GROUP_FILE_BYTES_MAX - 1;
	fclose(f);
	text[n] = 0;
	return good;
}

/* Whether one of the names between commas is `name`. */
static bool listed(struct str names, const char *name)
{
	for (size_t i = 0; i <= names.n;) {
		size_t end = i;
		while (end < names.n && names.p[end] != ',')
			end++;
		if (str_is((struct str){names.p + i, end - i}, name))
			return true;
		i = end + 1;
	}
	return false;
}

/* The part of a line up to `stop`, which is taken off with it. */
static struct str part(struct str *line, char stop)
{
	size_t n = 0;
	while (n < line->n && line->p[n] != stop)
		n++;
	struct str out = {line->p, n};
	size_t taken = n < line->n ? n + 1 : n;
	*line = (struct str){line->p + taken, line->n - taken};
	return out;
}

/* The process's group under a controller, or in version 2 for ""; "" at the root or where unknown.
 * names: the controllers of that hierarchy as its folder is called. */
static void group_of(const char *root, const char *controller, char path[PATH_BYTES],
                     char names[PATH_BYTES])
{
	char file[PATH_BYTES], text[GROUP_FILE_BYTES_MAX];
	path[0] = 0;
	snprintf(names, PATH_BYTES, "%s", controller);
	snprintf(file, sizeof file, "%s/proc/self/cgroup", root);
	if (!text_of(file, text))
		return;
	struct str left = str_from(text);
	while (left.n) {
		struct str line = part(&left, '\n');
		part(&line, ':');
		struct str list = part(&line, ':');
		if (*controller ? !listed(list, controller) : list.n != 0)
			continue;
		/* a path with .. is outside of what this process can see */
		bool seen = line.n < PATH_BYTES && !memmem(line.p, line.n, "..", 2);
		snprintf(path, PATH_BYTES, "%.*s", seen ? (int)line.n : 0, line.p);
		if (list.n && list.n < PATH_BYTES)
			snprintf(names, PATH_BYTES, "%.*s", STR_ARG(list));
	}
}

/* Reads the limit of the group in folder; false: it has none. */
typedef bool limit_fn(const char *folder, double *out);

/* The lowest limit from `path` up to the root of the hierarchy that lies in `mount`. */
static bool lowest(const char *mount, const char *path, limit_fn *read, double *out)
{
	char folder[2 * PATH_BYTES + 32];
	bool any = false;
	size_t n = strlen(path);
	for (;;) {
		double limit;
		snprintf(folder, sizeof folder, "%s%.*s", mount, (int)n, path);
		if (read(folder, &limit) && (!any || limit < *out)) {
			*out = limit;
			any = true;
		}
		if (!n)
			return any;
		while (n && path[n - 1] != '/')
			n--;
		n -= n != 0;
	}
}

/* Looks in version 2, then in version 1. */
static bool find(const char *root, const char *controller, limit_fn *two, limit_fn *one,
                 double *out)
{
	char path[PATH_BYTES], names[PATH_BYTES], mount[2 * PATH_BYTES + 32];
	group_of(root, "", path, names);
	snprintf(mount, sizeof mount, "%s/sys/fs/cgroup", root);
	if (lowest(mount, path, two, out))
		return true;
	group_of(root, controller, path, names);
	snprintf(mount, sizeof mount, "%s/sys/fs/cgroup/%s", root, names);
	if (lowest(mount, path, one, out))
		return true;
	snprintf(mount, sizeof mount, "%s/sys/fs/cgroup/%s", root, controller);
	return lowest(mount, path, one, out);
}

/* The numbers at the beginning of a file; how many there are. */
static int numbers(const char *folder, const char *name, double *a, double *b)
{
	char path[2 * PATH_BYTES + 96], text[GROUP_FILE_BYTES_MAX];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	if (!text_of(path, text))
		return 0;
	int n = sscanf(text, "%lf %lf", a, b);
	return n < 0 ? 0 : n;
}

static bool memory_two(const char *folder, double *out)
{
	double none;
	return numbers(folder, "memory.max", out, &none) > 0 && *out > 0;
}

static bool memory_one(const char *folder, double *out)
{
	double none;
	return numbers(folder, "memory.limit_in_bytes", out, &none) > 0 && *out > 0 &&
	       *out < (double)MEMORY_UNLIMITED;
}

static bool cpu_two(const char *folder, double *out)
{
	double quota, period;
	if (numbers(folder, "cpu.max", &quota, &period) < 2 || quota <= 0 || period <= 0)
		return false;
	*out = quota / period;
	return true;
}

static bool cpu_one(const char *folder, double *out)
{
	double quota, period, none;
	if (numbers(folder, "cpu.cfs_quota_us", &quota, &none) < 1 || quota <= 0 ||
	    numbers(folder, "cpu.cfs_period_us", &period, &none) < 1 || period <= 0)
		return false;
	*out = quota / period;
	return true;
}

bool cgroup_memory(const char *root, uint64_t *bytes)
{
	double limit;
	if (!find(root, "memory", memory_two, memory_one, &limit))
		return false;
	*bytes = (uint64_t)limit;
	return true;
}

bool cgroup_cpu(const char *root, double *cores)
{
	return find(root, "cpu", cpu_two, cpu_one, cores);
}
