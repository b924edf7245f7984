/* Files inside a directory are mapped; names and links that lead out of it are refused. */
#include "unit/test.h"

#include "base/beneath.h"

#include <stdio.h>
#include <unistd.h>

TEST(inside_and_outside)
{
	struct file_map m;
	char dir[512], path[600];
	snprintf(dir, sizeof dir, "%s", test_path("d"));
	snprintf(path, sizeof path, "%s/sub", dir);
	ASSERT_GOOD(file_mkdirs(path));
	snprintf(path, sizeof path, "%s/sub/w", dir);
	ASSERT_GOOD(file_write(path, (struct span){(const uint8_t *)"abc", 3}));
	ASSERT_GOOD(file_write(test_path("secret"), (struct span){(const uint8_t *)"no", 2}));
	ASSERT_GOOD(file_map_beneath(dir, STR("sub/w"), &m));
	assert_int_equal(m.bytes.n, 3);
	file_unmap(&m);
	snprintf(path, sizeof path, "%s/in", dir);
	assert_int_equal(symlink("sub/w", path), 0);
	ASSERT_GOOD(file_map_beneath(dir, STR("in"), &m));
	file_unmap(&m);
	snprintf(path, sizeof path, "%s/out", dir);
	assert_int_equal(symlink("../secret", path), 0);
	ASSERT_FAILS(file_map_beneath(dir, STR("out"), &m), INVALID_ARG, "a link that leads out of");
	ASSERT_FAILS(file_map_beneath(dir, STR("../secret"), &m), INVALID_ARG, "leads out of");
	ASSERT_FAILS(file_map_beneath(dir, STR("sub/../../secret"), &m), INVALID_ARG, "leads out of");
	ASSERT_FAILS(file_map_beneath(dir, STR("/etc/passwd"), &m), INVALID_ARG, "leads out of");
	ASSERT_FAILS(file_map_beneath(dir, STR(""), &m), INVALID_ARG, "empty");
	ASSERT_FAILS(file_map_beneath(dir, STR("a\0b"), &m), INVALID_ARG, "zero byte");
	ASSERT_FAILS(file_map_beneath(dir, STR("absent"), &m), NOT_FOUND, "no such file");
}
