/* Processor, control groups of both versions, memory and shared memory, below a root of the
 * test's. */
#include "base/cpu.h"
#include "base/pool.h"
#include "unit/cli/doctor_parts.h"

TEST(the_processor)
{
	struct doctor d;
	doctor_begin(&d);
	assert_true(cpu_mask_set(STR("c")));
	ASSERT_FINDING(doctor_run(&d, DOCTOR_CPU, doctor__cpu), WARN, "lacks AVX2");
	doctor_release(&d);
}

TEST(control_group_version_2_smallest_on_the_way_up)
{
	struct doctor d;
	struct doctor_group g;
	doctor_begin(&d);
	doctor__group(&d, &g);
	assert_null(g.version);
	doctor_file(&d, "/sys/fs/cgroup/cgroup.controllers", "cpu memory\n");
	doctor_file(&d, "/proc/self/cgroup", "0::/a.slice/b\n");
	doctor__group(&d, &g);
	assert_string_equal(g.version, "v2");
	assert_true(g.cpus == 0 && g.memory_bytes == 0);
	doctor_file(&d, "/sys/fs/cgroup/a.slice/b/cpu.max", "max 100000\n");
	doctor_file(&d, "/sys/fs/cgroup/a.slice/cpu.max", "150000 100000\n");
	doctor_file(&d, "/sys/fs/cgroup/cpu.max", "400000 100000\n");
	doctor_file(&d, "/sys/fs/cgroup/a.slice/b/memory.max", "2147483648\n");
	doctor_file(&d, "/sys/fs/cgroup/a.slice/memory.max", "max\n");
	doctor__group(&d, &g);
	assert_true(g.cpus == 1.5);
	assert_true(g.memory_bytes == (uint64_t)2 << 30);
	doctor_release(&d);
}

TEST(control_group_version_1)
{
	struct doctor d;
	struct doctor_group g;
	doctor_begin(&d);
	doctor_file(&d, "/proc/self/cgroup",
	            "5:memory:/k/pod\n4:cpu,cpuacct:/k\n1:name=systemd:/\n0::/\n");
	doctor_file(&d, "/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
	doctor_file(&d, "/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
	doctor_file(&d, "/sys/fs/cgroup/cpu/k/cpu.cfs_quota_us", "50000\n");
	doctor_file(&d, "/sys/fs/cgroup/cpu/k/cpu.cfs_period_us", "100000\n");
	doctor_file(&d, "/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
	doctor_file(&d, "/sys/fs/cgroup/memory/k/pod/memory.limit_in_bytes", "536870912\n");
	doctor__group(&d, &g);
	assert_string_equal(g.version, "v1");
	assert_true(g.cpus == 0.5);
	assert_true(g.memory_bytes == (uint64_t)512 << 20);
	ASSERT_FINDING(doctor_run(&d, DOCTOR_CORES, doctor__cores), WARN,
	               "allows 0.5, less than one");
	doctor_release(&d);
}

TEST(junk_in_control_groups_is_no_limit)
{
	struct doctor d;
	struct doctor_group g;
	doctor_begin(&d);
	doctor_file(&d, "/sys/fs/cgroup/cgroup.controllers", "cpu\n");
	doctor_file(&d, "/sys/fs/cgroup/cpu.max", "a b\n");
	doctor_file(&d, "/sys/fs/cgroup/memory.max", "-3\n");
	doctor_file(&d, "/proc/self/cgroup", "junk\n:\n0::/\n0::");
	doctor__group(&d, &g);
	assert_true(g.cpus == 0 && g.memory_bytes == 0);
	ASSERT_FINDING(doctor_run(&d, DOCTOR_CORES, doctor__cores), OK,
	               "no limit from a control group");
	doctor_file(&d, "/sys/fs/cgroup/cpu.max", "100000 0\n");
	doctor__group(&d, &g);
	assert_true(g.cpus == 0);
	doctor_release(&d);
}

TEST(more_threads_than_processors_is_told)
{
	struct doctor d;
	if (pool_usable_cpus() < 2)
		skip();
	doctor_begin(&d);
	doctor_file(&d, "/sys/fs/cgroup/cgroup.controllers", "cpu\n");
	doctor_file(&d, "/sys/fs/cgroup/a/cpu.max", "100000 100000\n");
	doctor_file(&d, "/proc/self/cgroup", "0::/a\n");
	ASSERT_FINDING(doctor_run(&d, DOCTOR_CORES, doctor__cores), WARN, "threads would run");
	doctor_release(&d);
}

TEST(memory_and_its_limit)
{
	struct doctor d;
	doctor_begin(&d);
	ASSERT_FINDING(doctor_run(&d, DOCTOR_MEMORY, doctor__memory), WARN, "cannot be told");
	doctor_file(&d, "/proc/meminfo",
	            "MemTotal:   8388608 kB\nMemFree: 1 kB\nMemAvailable: 4194304 kB\n");
	ASSERT_FINDING(doctor_run(&d, DOCTOR_MEMORY, doctor__memory), OK,
	               "8 GiB of memory, 4 GiB of it free");
	doctor_file(&d, "/sys/fs/cgroup/cgroup.controllers", "memory\n");
	doctor_file(&d, "/proc/self/cgroup", "0::/\n");
	doctor_file(&d, "/sys/fs/cgroup/memory.max", "536870912\n");
	ASSERT_FINDING(doctor_run(&d, DOCTOR_MEMORY, doctor__memory), WARN, "(v2) allows 512 MiB");
	doctor_file(&d, "/sys/fs/cgroup/memory.max", "104857600\n");
	ASSERT_FINDING(doctor_run(&d, DOCTOR_MEMORY, doctor__memory), FAIL, "too little");
	doctor_release(&d);
}

TEST(shared_memory)
{
	struct doctor d;
	doctor_begin(&d);
	ASSERT_FINDING(doctor_run(&d, DOCTOR_SHM, doctor__shm), MISSING, "there is no /dev/shm");
	doctor_file(&d, "/dev/shm/x", "");
	assert_non_null(strstr(doctor_run(&d, DOCTOR_SHM, doctor__shm)->text, "/dev/shm has "));
	doctor_release(&d);
}
