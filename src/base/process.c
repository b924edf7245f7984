/* Figures of the process and of the machine out of /proc.
 *
 * The process's are those of the Prometheus client libraries, in their units; the machine's are
 * Triton's: the busy share of all processors between two looks, and memory as the kernel counts
 * what is available. Files are small but for the folder of descriptors, which is listed. Holds no
 * state; any thread.
 */
#include "base/process.h"

#include "base/cgroup.h"
#include "base/file.h"

#include <dirent.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

enum { PROC_BYTES_MAX = 1 << 20, PROC_PATH = 1024 };

/* A file of /proc with a NUL behind it; out is released on failure. */
static struct status text_of(const char *root, const char *name, struct buf *out)
{
	char path[PROC_PATH];
	snprintf(path, sizeof path, "%s%s", root, name);
	TRY(file_read_stream(path, PROC_BYTES_MAX, out));
	buf_byte(out, 0);
	struct status st = buf_status(out);
	if (st.code)
		buf_release(out);
	return st;
}

static struct status odd(const char *name)
{
	return FAIL(UNSUPPORTED, "%s is not of the known form", name);
}

/* The line that begins with `name`, behind it; NULL: there is none. */
static const char *line_of(const struct buf *text, const char *name)
{
	const char *at = (const char *)text->p;
	size_t n = strlen(name);
	while (at && strncmp(at, name, n)) {
		at = strchr(at, '\n');
		at = at ? at + 1 : 0;
	}
	return at ? at + n : 0;
}

/* Ticks that the process ran, and when it started, in ticks after the machine. */
static struct status times(const char *root, uint64_t *ran, uint64_t *started)
{
	struct buf text;
	uint64_t user, kernel;
	TRY(text_of(root, "/proc/self/stat", &text));
	/* the program's name is in parentheses and may hold anything */
	const char *at = strrchr((const char *)text.p, ')');
	int n = at ? sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64
	                    " %*d %*d %*d %*d %*d %*d %" SCNu64, &user, &kernel, started) : 0;
	buf_release(&text);
	if (n != 3)
		return odd("/proc/self/stat");
	*ran = user + kernel;
	return STATUS_GOOD;
}

static struct status resident(const char *root, uint64_t *bytes)
{
	struct buf text;
	uint64_t pages;
	TRY(text_of(root, "/proc/self/statm", &text));
	int n = sscanf((const char *)text.p, "%*u %" SCNu64, &pages);
	buf_release(&text);
	if (n != 1)
		return odd("/proc/self/statm");
	*bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
	return STATUS_GOOD;
}

static struct status boot_time(const char *root, uint64_t *seconds)
{
	struct buf text;
	TRY(text_of(root, "/proc/stat", &text));
	const char *at = line_of(&text, "btime ");
	int n = at ? sscanf(at, "%" SCNu64, seconds) : 0;
	buf_release(&text);
	return n == 1 ? STATUS_GOOD : odd("/proc/stat");
}

/* Open descriptors, without the one that lists them. */
static struct status descriptors(const char *root, uint64_t *n)
{
	char path[PROC_PATH];
	snprintf(path, sizeof path, "%s/proc/self/fd", root);
	DIR *d = opendir(path);
	if (!d)
		return FAIL(IO, "cannot list %s", path);
	*n = 0;
	for (struct dirent *e; (e = readdir(d));)
		*n += e->d_name[0] != '.';
	closedir(d);
	*n -= *n && !*root;
	return STATUS_GOOD;
}

struct status process_read(const char *root, struct process_sample *out)
{
	struct process_sample s = {0};
	struct rlimit files;
	uint64_t ran, started, boot;
	double hz = (double)sysconf(_SC_CLK_TCK);
	TRY(times(root, &ran, &started));
	TRY(resident(root, &s.resident_bytes));
	TRY(boot_time(root, &boot));
	TRY(descriptors(root, &s.open_fds));
	if (getrlimit(RLIMIT_NOFILE, &files))
		return FAIL(IO, "cannot tell the limit of open files");
	s.max_fds = files.rlim_cur == RLIM_INFINITY ? UINT64_MAX : files.rlim_cur;
	s.cpu_seconds = (double)ran / hz;
	s.start_seconds = (double)boot + (double)started / hz;
	*out = s;
	return STATUS_GOOD;
}

/* Bytes of a line of /proc/meminfo, which has KiB. */
static struct status memory_line(const struct buf *text, const char *name, uint64_t *bytes)
{
	uint64_t kib;
	const char *at = line_of(text, name);
	if (!at || sscanf(at, "%" SCNu64, &kib) != 1)
		return odd("/proc/meminfo");
	*bytes = kib * 1024;
	return STATUS_GOOD;
}

static struct status memory(const char *root, uint64_t *total, uint64_t *available)
{
	struct status st = STATUS_GOOD;
	struct buf text;
	TRY(text_of(root, "/proc/meminfo", &text));
	GO(memory_line(&text, "MemTotal:", total));
	GO(memory_line(&text, "MemAvailable:", available));
out:
	buf_release(&text);
	return st;
}

struct status process_limits(const char *root, struct process_limits *out)
{
	uint64_t total, available, limit;
	double cores, quota;
	cpu_set_t set;
	TRY(memory(root, &total, &available));
	cores = sched_getaffinity(0, sizeof set, &set) ? (double)sysconf(_SC_NPROCESSORS_ONLN)
	                                               : (double)CPU_COUNT(&set);
	out->memory_bytes = cgroup_memory(root, &limit) && limit < total ? limit : total;
	out->cpu_cores = cgroup_cpu(root, &quota) && quota < cores ? quota : cores;
	return STATUS_GOOD;
}

struct status machine_read(const char *root, struct machine_sample *out, struct machine_ticks *last)
{
	struct buf text;
	struct machine_sample s = {.known = true};
	uint64_t t[8] = {0}, all = 0, available;
	TRY(text_of(root, "/proc/stat", &text));
	int n = sscanf((const char *)text.p, "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
	               " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &t[0], &t[1], &t[2], &t[3],
	               &t[4], &t[5], &t[6], &t[7]);
	buf_release(&text);
	if (n < 4)
		return odd("/proc/stat");
	TRY(memory(root, &s.memory_total, &available));
	for (int i = 0; i < 8; i++)
		all += t[i];
	/* waiting for disks counts as idle, and that figure may fall a little */
	uint64_t busy = all - t[3] - t[4];
	if (all > last->all && busy > last->busy)
		s.cpu = (double)(busy - last->busy) / (double)(all - last->all);
	s.cpu = s.cpu > 1 ? 1 : s.cpu;
	s.memory_used = s.memory_total > available ? s.memory_total - available : 0;
	*last = (struct machine_ticks){busy, all};
	*out = s;
	return STATUS_GOOD;
}
