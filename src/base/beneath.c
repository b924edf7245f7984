/* Mapping a file that an untrusted name picks inside a trusted directory.
 *
 * Model files name the files that hold their weights. Such a name is checked twice: as text
 * (relative, no parent, no NUL), and, because a link may still lead anywhere, by resolving both
 * the directory and the file and comparing. Links inside the directory stay legal: Kubernetes
 * mounts volumes through them. Who can change the directory while it is read is trusted. Owns
 * nothing; any thread. Not here: writing.
 */
#include "base/beneath.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* Whether some component of the path is "..". */
static bool climbs(struct str s)
{
	for (size_t i = 0; i < s.n;) {
		size_t end = i;
		while (end < s.n && s.p[end] != '/')
			end++;
		if (end - i == 2 && s.p[i] == '.' && s.p[i + 1] == '.')
			return true;
		i = end + 1;
	}
	return false;
}

static struct status resolved(const char *path, char out[PATH_MAX])
{
	if (realpath(path, out))
		return STATUS_GOOD;
	if (errno == ENOENT)
		return FAIL(NOT_FOUND, "cannot open %s: no such file or directory", path);
	return FAIL(IO, "cannot open %s: %s", path, strerror(errno));
}

struct status file_map_beneath(const char *dir, struct str name, struct file_map *out)
{
	char path[PATH_MAX], root[PATH_MAX], real[PATH_MAX];
	if (!name.n || memchr(name.p, 0, name.n))
		return FAIL(INVALID_ARG, "the name of a file in %s is empty or has a zero byte in it", dir);
	if (name.p[0] == '/' || climbs(name))
		return FAIL(INVALID_ARG, "the file name '%.*s' leads out of %s; only names below it are "
		            "accepted", STR_ARG(name), dir);
	int n = snprintf(path, sizeof path, "%s/%.*s", dir, STR_ARG(name));
	if (n < 0 || (size_t)n >= sizeof path)
		return FAIL(INVALID_ARG, "a file name in %s is too long (%zu bytes)", dir, name.n);
	TRY(resolved(dir, root));
	TRY(resolved(path, real));
	struct str r = str_from(root), f = str_from(real);
	if (r.n == 1)
		r.n = 0;   /* dir is / itself */
	if (!str_starts(f, r) || f.p[r.n] != '/')
		return FAIL(INVALID_ARG, "the file '%.*s' is a link that leads out of %s", STR_ARG(name), dir);
	return file_map(real, out);
}
