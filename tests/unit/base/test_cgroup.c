/* Limits of control groups in made-up /proc and /sys: both versions, the lowest on the way to the
 * root, containers that see the host's path, and no limit at all. */
#include "unit/test.h"

#include "base/cgroup.h"
#include "base/file.h"

#include <stdio.h>
#include <string.h>

/* Writes ROOT/name with its folders. */
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

TEST(version_2_in_a_container)
{
	const char *root = test_path("two");
	uint64_t bytes = 0;
	double cores = 0;
	put(root, "proc/self/cgroup", "0::/\n");
	put(root, "sys/fs/cgroup/memory.max", "536870912\n");
	put(root, "sys/fs/cgroup/cpu.max", "150000 100000\n");
	assert_true(cgroup_memory(root, &bytes) && bytes == 536870912);
	assert_true(cgroup_cpu(root, &cores) && cores == 1.5);
	put(root, "sys/fs/cgroup/memory.max", "max\n");
	put(root, "sys/fs/cgroup/cpu.max", "max 100000\n");
	assert_false(cgroup_memory(root, &bytes));
	assert_false(cgroup_cpu(root, &cores));
}

TEST(version_2_takes_the_lowest_up_to_the_root)
{
	const char *root = test_path("walk");
	uint64_t bytes = 0;
	double cores = 0;
	put(root, "proc/self/cgroup", "0::/kubepods/pod1/c1\n");
	put(root, "sys/fs/cgroup/kubepods/pod1/c1/memory.max", "max\n");
	put(root, "sys/fs/cgroup/kubepods/pod1/memory.max", "1000000\n");
	put(root, "sys/fs/cgroup/kubepods/memory.max", "2000000\n");
	put(root, "sys/fs/cgroup/kubepods/pod1/c1/cpu.max", "400000 100000\n");
	put(root, "sys/fs/cgroup/kubepods/cpu.max", "200000 100000\n");
	assert_true(cgroup_memory(root, &bytes) && bytes == 1000000);
	assert_true(cgroup_cpu(root, &cores) && cores == 2);
	/* the host's path, of which the container sees only its own root */
	put(root, "proc/self/cgroup", "0::/system.slice/unseen\n");
	put(root, "sys/fs/cgroup/memory.max", "777\n");
	assert_true(cgroup_memory(root, &bytes) && bytes == 777);
	put(root, "proc/self/cgroup", "0::/../../kubepods/pod1/c1\n");
	assert_true(cgroup_memory(root, &bytes) && bytes == 777);
}

TEST(version_1)
{
	const char *root = test_path("one");
	uint64_t bytes = 0;
	double cores = 0;
	put(root, "proc/self/cgroup", "9:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n0::/\n");
	put(root, "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
	put(root, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
	put(root, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
	assert_false(cgroup_memory(root, &bytes));
	assert_false(cgroup_cpu(root, &cores));
	put(root, "sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "268435456\n");
	put(root, "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us", "50000\n");
	put(root, "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us", "100000\n");
	assert_true(cgroup_memory(root, &bytes) && bytes == 268435456);
	assert_true(cgroup_cpu(root, &cores) && cores == 0.5);
	/* only the controller's own name is mounted */
	root = test_path("plain");
	put(root, "proc/self/cgroup", "4:cpu,cpuacct:/\n");
	put(root, "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "300000\n");
	put(root, "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
	assert_true(cgroup_cpu(root, &cores) && cores == 3);
}

TEST(nothing_there_or_nonsense_is_no_limit)
{
	const char *root = test_path("none");
	uint64_t bytes = 0;
	double cores = 0;
	assert_false(cgroup_memory(root, &bytes));
	assert_false(cgroup_cpu(root, &cores));
	put(root, "proc/self/cgroup", "no colons\n\n::\n");
	put(root, "sys/fs/cgroup/memory.max", "lots\n");
	put(root, "sys/fs/cgroup/cpu.max", "100000 0\n");
	assert_false(cgroup_memory(root, &bytes));
	assert_false(cgroup_cpu(root, &cores));
	assert_int_equal(bytes, 0);
}
