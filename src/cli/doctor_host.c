/* Checks of the machine for `nereid doctor`: processor, cores, memory, shared memory.
 *
 * What counts is what this process gets: the affinity mask, and the limits of its control groups.
 * One thread.
 */
#include "base/cgroup.h"
#include "base/cpu.h"
#include "base/file.h"
#include "base/panic.h"
#include "base/pool.h"
#include "cli/doctor_priv.h"

#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#define MIB ((uint64_t)1 << 20)

void doctor__cpu(struct doctor *d)
{
	char name[64], flags[128] = "";
	uint32_t have = cpu_flags();
	const char *mask = getenv("NEREID_CPU_MASK");
	cpu_name(name, sizeof name);
	struct str model = doctor__first(str_from(name));
#define X(flag, bit, text)                                                  \
	if (have & CPU_##flag) {                                                \
		size_t n = strlen(flags);                                           \
		snprintf(flags + n, sizeof flags - n, "%s%s", n ? ", " : "", text); \
	}
	CPU_FLAGS(X)
#undef X
	if (have & CPU_AVX2) {
		doctor__add(d, DOCTOR_OK, 0, "%.*s has %s: the %s sections of plans run%s%s",
		            STR_ARG(model), flags, cpu_level_text(have & (CPU_AVX2 | CPU_AVX512)),
		            mask ? "; NEREID_CPU_MASK is set to " : "", mask ? mask : "");
	} else if (mask) {
		doctor__add(
			d, DOCTOR_WARN, "unset NEREID_CPU_MASK, unless it is a test",
			"NEREID_CPU_MASK=%s hides the wide instructions of %.*s: only plain kernels run",
			mask, STR_ARG(model));
	} else {
		doctor__add(d, DOCTOR_WARN,
		            "use a processor (or a virtual machine's processor type, as "
		            "host or x86-64-v3) with AVX2, FMA, F16C and BMI2; AVX-512 is better still",
		            "%.*s lacks AVX2: models run in plain kernels, many times slower",
		            STR_ARG(model));
	}
}

void doctor__group(struct doctor *d, struct doctor_group *out)
{
	bool two = doctor__line(d, "/sys/fs/cgroup/cgroup.controllers") != 0;
	bool one = file_is_dir(doctor__text(d, "%s/sys/fs/cgroup/memory", d->root)) ||
	           file_is_dir(doctor__text(d, "%s/sys/fs/cgroup/cpu", d->root));
	*out = (struct doctor_group){.version = two ? "v2" : one ? "v1" : 0};
	if (!cgroup_cpu(d->root, &out->cpus))
		out->cpus = 0;
	if (!cgroup_memory(d->root, &out->memory_bytes))
		out->memory_bytes = 0;
}

void doctor__cores(struct doctor *d)
{
	struct doctor_group g;
	cpu_set_t set;
	uint32_t mask = 1, usable = pool_usable_cpus();
	char limit[64] = "no limit from a control group";

	if (sched_getaffinity(0, sizeof set, &set) == 0)
		mask = (uint32_t)CPU_COUNT(&set);
	doctor__group(d, &g);
	if (g.cpus > 0)
		snprintf(limit, sizeof limit, "the control group (%s) allows %.3g", g.version, g.cpus);
	if (g.cpus > 0 && g.cpus < 1)
		doctor__add(d, DOCTOR_WARN,
		            "give it at least one whole processor (docker run --cpus, "
		            "resources.limits.cpu of the pod): below, the kernel stops it in the midst "
		            "of answers",
		            "%u processors may be used; %s, less than one", mask, limit);
	else if (g.cpus > 0 && g.cpus + 1 <= usable)
		doctor__add(d, DOCTOR_WARN,
		            "start it with `taskset`, so that its threads are as many as "
		            "its processors",
		            "%u processors may be used; %s, but %u threads would run", mask, limit,
		            usable);
	else
		doctor__add(d, DOCTOR_OK, 0, "%u processor%s may be used; %s", mask, mask == 1 ? "" : "s",
		            limit);
}

/* A line "Name:   123 kB" of /proc/meminfo in bytes; 0: there is none. */
static uint64_t memory_line(struct str text, struct str name)
{
	while (text.n) {
		const char *end = memchr(text.p, '\n', text.n);
		size_t n = end ? (size_t)(end - text.p) : text.n;
		struct str line = {text.p, n};
		if (str_starts(line, name)) {
			char number[32];
			snprintf(number, sizeof number, "%.*s", (int)(n - name.n), line.p + name.n);
			return strtoull(number, 0, 10) * 1024;
		}
		text = (struct str){text.p + n + (end != 0), text.n - n - (end != 0)};
	}
	return 0;
}

void doctor__memory(struct doctor *d)
{
	struct doctor_group g;
	struct buf text;
	const char *limit = "";
	struct status st =
		file_read_stream(doctor__text(d, "%s/proc/meminfo", d->root), 1 << 20, &text);
	if (st.code) {
		doctor__add(d, DOCTOR_WARN, "mount /proc", "how much memory there is cannot be told: %s",
		            doctor__text(d, "%s", st.msg));
		return;
	}
	uint64_t total = memory_line(buf_text(&text), STR("MemTotal:"));
	uint64_t free_bytes = memory_line(buf_text(&text), STR("MemAvailable:")), most;
	buf_release(&text);
	doctor__group(d, &g);
	most = free_bytes;
	if (g.memory_bytes && g.memory_bytes < total) {
		limit = doctor__text(d, "; the control group (%s) allows %s", g.version,
		                     doctor__bytes(d, g.memory_bytes));
		most = g.memory_bytes < most ? g.memory_bytes : most;
	}
	const char *t = doctor__bytes(d, total), *f = doctor__bytes(d, free_bytes);
	const char *more = "free memory, or raise the limit (docker run --memory, "
					   "resources.limits.memory of the pod)";
	if (most < 128 * MIB)
		doctor__add(d, DOCTOR_FAIL, more,
		            "%s of memory, %s of it free%s: too little for the server "
		            "and a model, 128 MiB are the least",
		            t, f, limit);
	else if (most < 1024 * MIB)
		doctor__add(d, DOCTOR_WARN, more,
		            "%s of memory, %s of it free%s: enough for small models; "
		            "ResNet50 wants 1 GiB",
		            t, f, limit);
	else
		doctor__add(d, DOCTOR_OK, 0, "%s of memory, %s of it free%s", t, f, limit);
}

void doctor__shm(struct doctor *d)
{
	struct statvfs s;
	const char *path = doctor__text(d, "%s/dev/shm", d->root);
	if (!file_is_dir(path) || statvfs(path, &s)) {
		doctor__add(d, DOCTOR_MISSING,
		            "mount it: `mount -t tmpfs tmpfs /dev/shm`, or in a pod an "
		            "emptyDir with medium Memory at /dev/shm",
		            "there is no /dev/shm: clients cannot use shared memory");
		return;
	}
	uint64_t size = (uint64_t)s.f_blocks * s.f_frsize, room = (uint64_t)s.f_bavail * s.f_frsize;
	if (room < 64 * MIB || size <= 64 * MIB)
		doctor__add(d, DOCTOR_WARN,
		            "make it larger where clients use shared memory: docker run "
		            "--shm-size=1g, or in a pod an emptyDir with medium Memory at /dev/shm",
		            "/dev/shm has %s, %s of it free: little for clients with shared memory",
		            doctor__bytes(d, size), doctor__bytes(d, room));
	else
		doctor__add(d, DOCTOR_OK, 0, "/dev/shm has %s, %s of it free", doctor__bytes(d, size),
		            doctor__bytes(d, room));
}
