/* Files: mapping, whole reads, atomic writes, listings.
 *
 * Writes go to a temporary name beside the target and are renamed over it after fsync, so a
 * reader sees the old file or the new one, never a part. Mappings are private and read-only. Every
 * failure names the path and the system's reason. Objects belong to one thread; nothing is shared.
 */
#include "base/file.h"

#include "base/mem.h"
#include "base/panic.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LIST_MAX = 100000 };

static struct status failed(const char *what, const char *path)
{
	int e = errno;
	if (e == ENOENT)
		return FAIL(NOT_FOUND, "cannot %s %s: no such file or directory", what, path);
	return FAIL(IO, "cannot %s %s: %s", what, path, strerror(e));
}

/* An open descriptor of a regular file and its size. */
static struct status open_regular(const char *path, int *fd, uint64_t *size)
{
	struct stat s;
	*fd = open(path, O_RDONLY | O_CLOEXEC);
	if (*fd < 0)
		return failed("open", path);
	if (fstat(*fd, &s) == 0 && S_ISREG(s.st_mode)) {
		*size = (uint64_t)s.st_size;
		return STATUS_GOOD;
	}
	close(*fd);
	*fd = -1;
	return FAIL(INVALID_ARG, "%s is not a regular file", path);
}

struct status file_map(const char *path, struct file_map *out)
{
	int fd;
	uint64_t size;
	TRY(open_regular(path, &fd, &size));
	struct file_map m = {.bytes = {(const uint8_t *)"", 0}};
	struct status st = STATUS_GOOD;
	if (size) {
		m.base = mmap(0, size, PROT_READ, MAP_PRIVATE, fd, 0);
		m.length = size;
		m.bytes = (struct span){m.base, size};
		if (m.base == MAP_FAILED)
			st = failed("map", path);
	}
	close(fd);
	if (!st.code)
		*out = m;
	return st;
}

void file_unmap(struct file_map *m)
{
	if (m->base)
		munmap(m->base, m->length);
	*m = (struct file_map){0};
}

struct status file_read(const char *path, size_t limit_bytes, struct buf *out)
{
	struct status st = STATUS_GOOD;
	struct file_reader r = {.fd = -1};

	buf_init(out, limit_bytes);
	GO(file_reader_open(&r, path));
	if (r.size > limit_bytes)
		GO(FAIL(LIMIT, "%s has %llu bytes; at most %zu are read", path,
		        (unsigned long long)r.size, limit_bytes));
	uint8_t *p = buf_space(out, r.size);
	if (!p)
		GO(buf_status(out));
	GO(file_reader_at(&r, 0, p, r.size));
out:
	file_reader_release(&r);
	if (st.code)
		buf_release(out);
	return st;
}

struct status file_read_stream(const char *path, size_t limit_bytes, struct buf *out)
{
	struct status st = STATUS_GOOD;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 1;

	buf_init(out, limit_bytes);
	if (fd < 0)
		return failed("open", path);
	while (n > 0) {
		uint8_t *p = buf_space(out, 4096);
		if (!p)
			GO(buf_status(out));
		n = read(fd, p, 4096);
		out->n -= n > 0 ? 4096 - (size_t)n : 4096;
	}
	if (n < 0)
		GO(failed("read", path));
out:
	close(fd);
	if (st.code)
		buf_release(out);
	return st;
}

struct status file_write(const char *path, struct span bytes)
{
	struct file_writer w = {.fd = -1};
	struct status st = STATUS_GOOD;
	GO(file_writer_open(&w, path));
	GO(file_writer_add(&w, bytes.p, bytes.n));
	GO(file_writer_commit(&w));
out:
	file_writer_release(&w);
	return st;
}

struct status file_mkdirs(const char *path)
{
	char text[4096];
	size_t n = strlen(path);
	if (n == 0 || n >= sizeof text)
		return FAIL(INVALID_ARG, "the path of a directory to make has %zu bytes; 1 to %zu are fine",
		            n, sizeof text - 1);
	memcpy(text, path, n + 1);
	for (size_t i = 1; i <= n; i++) {
		if (text[i] != '/' && text[i] != 0)
			continue;
		char keep = text[i];
		text[i] = 0;
		if (mkdir(text, 0777) && errno != EEXIST)
			return failed("make the directory", text);
		text[i] = keep;
	}
	if (!file_is_dir(path))
		return FAIL(ALREADY_EXISTS, "%s exists and is not a directory", path);
	return STATUS_GOOD;
}

bool file_exists(const char *path)
{
	struct stat s;
	return stat(path, &s) == 0;
}

bool file_is_dir(const char *path)
{
	struct stat s;
	return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

struct status file_size(const char *path, uint64_t *out)
{
	struct stat s;
	if (stat(path, &s))
		return failed("look at", path);
	*out = (uint64_t)s.st_size;
	return STATUS_GOOD;
}

struct status file_mtime_ns(const char *path, uint64_t *out)
{
	struct stat s;
	if (stat(path, &s))
		return failed("look at", path);
	*out = (uint64_t)s.st_mtim.tv_sec * 1000000000u + (uint64_t)s.st_mtim.tv_nsec;
	return STATUS_GOOD;
}

struct status file_remove(const char *path)
{
	return remove(path) ? failed("remove", path) : STATUS_GOOD;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct status file_list(const char *dir, struct arena *a, char ***names, uint32_t *n)
{
	struct status st = STATUS_GOOD;
	char **list = 0;
	uint32_t count = 0, cap = 0;
	DIR *d = opendir(dir);

	if (!d)
		return failed("list", dir);
	for (struct dirent *e; (e = readdir(d));) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (!ARENA_GROW(a, list, count, cap, LIST_MAX))
			GO(FAIL(LIMIT, "%s holds over %u names, or memory ran out", dir, count));
		list[count] = arena_text(a, str_from(e->d_name));
		if (!list[count++])
			GO(FAIL(NO_MEMORY, "no memory to list %s", dir));
	}
	if (count)
		qsort(list, count, sizeof *list, by_name);
	*names = list;
	*n = count;
out:
	closedir(d);
	return st;
}

struct status file_writer_open(struct file_writer *w, const char *path)
{
	struct status st = STATUS_GOOD;
	size_t n = strlen(path);

	*w = (struct file_writer){.fd = -1};
	w->path = mem_strdup(path);
	w->temporary = mem_alloc(n + 8);
	if (!w->path || !w->temporary)
		GO(FAIL(NO_MEMORY, "no memory to write %s", path));
	memcpy(w->temporary, path, n);
	memcpy(w->temporary + n, ".XXXXXX", 8);
	w->fd = mkostemp(w->temporary, O_CLOEXEC);
	if (w->fd < 0)
		GO(failed("write", path));
	mode_t mask = umask(0);
	umask(mask);
	if (fchmod(w->fd, 0666 & ~mask))
		GO(failed("write", path));
out:
	if (st.code)
		file_writer_release(w);
	return st;
}

struct status file_writer_at(struct file_writer *w, uint64_t offset, const void *p, size_t n)
{
	const uint8_t *b = p;
	while (n) {
		ssize_t k = pwrite(w->fd, b, n, (off_t)offset);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return failed("write", w->path);
		b += k;
		n -= (size_t)k;
		offset += (uint64_t)k;
	}
	return STATUS_GOOD;
}

struct status file_writer_add(struct file_writer *w, const void *p, size_t n)
{
	TRY(file_writer_at(w, w->offset, p, n));
	w->offset += n;
	return STATUS_GOOD;
}

struct status file_writer_commit(struct file_writer *w)
{
	CHECK(w->fd >= 0);
	if (fsync(w->fd))
		return failed("write", w->path);
	if (rename(w->temporary, w->path))
		return failed("write", w->path);
	mem_free(w->temporary);
	w->temporary = 0;
	return STATUS_GOOD;
}

void file_writer_release(struct file_writer *w)
{
	if (w->fd >= 0) {
		close(w->fd);
		if (w->temporary)
			unlink(w->temporary);
	}
	mem_free(w->temporary);
	mem_free(w->path);
	*w = (struct file_writer){.fd = -1};
}

struct status file_reader_open(struct file_reader *r, const char *path)
{
	struct file_reader made = {.path = path};
	TRY(open_regular(path, &made.fd, &made.size));
	*r = made;
	return STATUS_GOOD;
}

struct status file_reader_at(struct file_reader *r, uint64_t offset, void *p, size_t n)
{
	uint8_t *b = p;
	while (n) {
		ssize_t k = pread(r->fd, b, n, (off_t)offset);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return failed("read", r->path);
		if (k == 0)
			return FAIL(CORRUPT, "%s ends at byte %llu, %zu bytes too early", r->path,
			            (unsigned long long)offset, n);
		b += k;
		n -= (size_t)k;
		offset += (uint64_t)k;
	}
	return STATUS_GOOD;
}

void file_reader_release(struct file_reader *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}
