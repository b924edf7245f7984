/* Figures out of /proc: a made-up one with known numbers, the real one, and files that are odd. */
#include "unit/test.h"

#include "base/file.h"
#include "base/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void put(const char *root, const char *name, const char *text)
{
	char path[1024], *slash;
	snprintf(path, sizeof path, "%s/%s", root, name);
	slash = strrchr(path, '/');
	*slash = 0;
	ASSERT_GOOD(file_mkdirs(path));
	*slash = '/';
	ASSERT_GOOD(file_write(path, (struct span){(const uint8_t *)text, strlen(text)}));
}

static const char *made_up(void)
{
	const char *root = test_path("root");
	put(root, "proc/self/stat", "42 (a) b (c)) S 1 42 42 0 -1 4194560 5 0 0 0 250 150 0 0 20 0 3 0 "
	    "1234500 1000 200 18446744073709551615\n");
	put(root, "proc/self/statm", "1000 300 20 1 0 99 0\n");
	put(root, "proc/stat", "cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 2 3\nbtime 1700000000\n");
	put(root, "proc/meminfo", "MemTotal:       1000 kB\nMemFree:  1 kB\nMemAvailable:   400 kB\n");
	put(root, "proc/self/fd/0", "");
	put(root, "proc/self/fd/1", "");
	put(root, "proc/self/fd/7", "");
	return root;
}

TEST(process_of_known_numbers)
{
	struct process_sample s;
	double hz = (double)sysconf(_SC_CLK_TCK);
	ASSERT_GOOD(process_read(made_up(), &s));
	assert_true(s.resident_bytes == 300 * (uint64_t)sysconf(_SC_PAGESIZE));
	assert_true(s.cpu_seconds == 400 / hz);
	assert_true(s.start_seconds == 1700000000 + 1234500 / hz);
	assert_int_equal(s.open_fds, 3);
	assert_true(s.max_fds > 0);
}

TEST(this_process)
{
	struct process_sample a, b;
	ASSERT_GOOD(process_read("", &a));
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	volatile double work = 0;
	while (clock() < CLOCKS_PER_SEC / 10)
		work += 1;
	ASSERT_GOOD(process_read("", &b));
	close(fd);
	assert_true(b.open_fds == a.open_fds + 1);
	assert_true(b.cpu_seconds >= 0.05 && b.cpu_seconds > a.cpu_seconds);
	assert_true(a.start_seconds == b.start_seconds);
	double now = (double)time(0);
	assert_true(a.start_seconds > now - 60 && a.start_seconds < now + 2);
	assert_true(a.resident_bytes > 100000);
}

TEST(machine_between_two_looks)
{
	const char *root = made_up();
	struct machine_sample m;
	struct machine_ticks last = {0};
	ASSERT_GOOD(machine_read(root, &m, &last));
	assert_true(m.known && m.cpu == 0.2);    /* 200 of 1000; waiting for disks is idle */
	assert_int_equal(m.memory_total, 1024000);
	assert_int_equal(m.memory_used, 614400);
	put(root, "proc/stat", "cpu  150 0 150 800 100 0 0 0 0 0\n");
	ASSERT_GOOD(machine_read(root, &m, &last));
	assert_true(m.cpu == 0.5);               /* 100 of 200 */
	ASSERT_GOOD(machine_read(root, &m, &last));
	assert_true(m.cpu == 0);                 /* no time went by */
	put(root, "proc/stat", "cpu  150 0 140 900 100 0 0 0 0 0\n");
	ASSERT_GOOD(machine_read(root, &m, &last));
	assert_true(m.cpu == 0);                 /* the kernel's figures may fall */
}

TEST(limits_are_the_groups_or_the_machines)
{
	const char *root = made_up();
	struct process_limits l;
	ASSERT_GOOD(process_limits(root, &l));
	assert_int_equal(l.memory_bytes, 1024000);
	assert_true(l.cpu_cores >= 1 && l.cpu_cores == (double)(int)l.cpu_cores);
	put(root, "proc/self/cgroup", "0::/\n");
	put(root, "sys/fs/cgroup/memory.max", "500000\n");
	put(root, "sys/fs/cgroup/cpu.max", "25000 100000\n");
	ASSERT_GOOD(process_limits(root, &l));
	assert_int_equal(l.memory_bytes, 500000);
	assert_true(l.cpu_cores == 0.25);
	put(root, "sys/fs/cgroup/memory.max", "99999999999\n");    /* more than there is */
	put(root, "sys/fs/cgroup/cpu.max", "99999900000 100000\n");
	ASSERT_GOOD(process_limits(root, &l));
	assert_int_equal(l.memory_bytes, 1024000);
	assert_true(l.cpu_cores < 10000);
}

TEST(odd_files_are_told)
{
	static const struct { const char *name, *text; } cases[] = {
		{"proc/self/stat", "42 a S 1\n"}, {"proc/self/stat", "42 (a) S 1 2\n"},
		{"proc/self/statm", "x\n"}, {"proc/stat", "cpu 1 2 3 4\n"},
	};
	struct process_sample s = {.open_fds = 5};
	struct machine_sample m = {0};
	struct machine_ticks last = {0};
	struct process_limits l;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *root = made_up();
		put(root, cases[i].name, cases[i].text);
		ASSERT_FAILS(process_read(root, &s), UNSUPPORTED, cases[i].name);
		assert_int_equal(s.open_fds, 5);
	}
	const char *root = made_up();
	put(root, "proc/meminfo", "MemTotal: 5 kB\nMemAvailable: x\n");
	ASSERT_FAILS(machine_read(root, &m, &last), UNSUPPORTED, "/proc/meminfo");
	ASSERT_FAILS(process_limits(root, &l), UNSUPPORTED, "/proc/meminfo");
	put(root, "proc/stat", "intr 1\n");
	ASSERT_FAILS(machine_read(root, &m, &last), UNSUPPORTED, "/proc/stat");
	assert_false(m.known);
	ASSERT_FAILS(process_read(test_path("absent"), &s), NOT_FOUND, "/proc/self/stat");
}
