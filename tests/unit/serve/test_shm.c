/* Regions of shared memory: names, ranges, objects that change, regions that are held. */
#include "../test.h"

#include "base/limits.h"
#include "serve/shm.h"
#include "unit/base/fake_cuda.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { BYTES = 4096 };
static char key[64];

/* A server's registry, and an object of BYTES bytes with their index modulo 251. */
static int begin(struct shm *s)
{
	snprintf(key, sizeof key, "/nereid-shm-%d", (int)getpid());
	int fd = shm_open(key, O_RDWR | O_CREAT, 0600);
	uint8_t data[BYTES];
	for (int i = 0; i < BYTES; i++)
		data[i] = (uint8_t)(i % 251);
	assert_int_equal(write(fd, data, BYTES), BYTES);
	shm_init(s, true);
	return fd;
}

static void end(struct shm *s, int fd)
{
	shm_release(s);
	close(fd);
	shm_unlink(key);
}

#define REGISTER(s, name, k, offset, bytes) \
	shm_register(s, str_from(name), str_from(k), offset, bytes).code

TEST(serve_shm_reads_and_writes_the_registered_range_only)
{
	struct shm s;
	uint8_t got[BYTES];
	struct shm_region *r;
	int fd = begin(&s);
	assert_int_equal(REGISTER(&s, "r", key, 100, 1000), STATUS_OK);
	ASSERT_GOOD(shm_read(&s, STR("r"), 10, 990, got));
	for (int i = 0; i < 990; i++)
		assert_int_equal(got[i], (110 + i) % 251);
	assert_int_equal(shm_read(&s, STR("r"), 10, 991, got).code, STATUS_INVALID_ARG);
	assert_int_equal(shm_read(&s, STR("r"), 1000, 1, got).code, STATUS_INVALID_ARG);
	assert_int_equal(shm_read(&s, STR("r"), UINT64_MAX, 2, got).code, STATUS_INVALID_ARG);
	assert_int_equal(shm_read(&s, STR("r"), 999, UINT64_MAX, got).code, STATUS_INVALID_ARG);
	assert_int_equal(shm_read(&s, STR("r"), 0, 0, got).code, STATUS_INVALID_ARG);
	assert_int_equal(shm_read(&s, STR("q"), 0, 1, got).code, STATUS_NOT_FOUND);
	ASSERT_GOOD(shm_hold(&s, STR("r"), 999, 1, &r));
	ASSERT_GOOD(shm_write(r, 999, "\xff", 1));
	shm_drop(&s, r);
	assert_int_equal(pread(fd, got, 2, 1099), 2);
	assert_true(got[0] == 0xff && got[1] == 1100 % 251);
	end(&s, fd);
}

TEST(serve_shm_ranges_lie_in_the_object)
{
	struct shm s;
	int fd = begin(&s);
	assert_int_equal(REGISTER(&s, "a", key, 0, BYTES), STATUS_OK);
	assert_int_equal(REGISTER(&s, "a", key, 0, 1), STATUS_ALREADY_EXISTS);
	assert_int_equal(REGISTER(&s, "b", key, BYTES - 1, 1), STATUS_OK);
	assert_int_equal(REGISTER(&s, "c", key, 0, BYTES + 1), STATUS_INVALID_ARG);
	assert_int_equal(REGISTER(&s, "c", key, BYTES, 1), STATUS_INVALID_ARG);
	assert_int_equal(REGISTER(&s, "c", key, UINT64_MAX, 2), STATUS_INVALID_ARG);
	assert_int_equal(REGISTER(&s, "c", key, 2, UINT64_MAX), STATUS_INVALID_ARG);
	assert_int_equal(REGISTER(&s, "c", key, 0, 0), STATUS_INVALID_ARG);
	assert_int_equal(REGISTER(&s, "", key, 0, 1), STATUS_INVALID_ARG);
	end(&s, fd);
}

TEST(serve_shm_keys_are_names_of_objects_not_paths)
{
	static const char *const bad[] = {"", "/", ".", "..", "/..", "../etc/passwd", "/../etc/passwd",
	                                  "/a/b", "a/b", "//x", "/no-such-object-here"};
	struct shm s;
	char longest[2000];
	int fd = begin(&s);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(REGISTER(&s, "r", bad[i], 0, 1), STATUS_INTERNAL);
	memset(longest, 'x', sizeof longest);
	longest[sizeof longest - 1] = 0;
	assert_int_equal(REGISTER(&s, "r", longest, 0, 1), STATUS_INVALID_ARG);
	assert_int_equal(REGISTER(&s, longest, key, 0, 1), STATUS_INVALID_ARG);
	assert_int_equal(REGISTER(&s, "r", key + 1, 0, 1), STATUS_OK); /* without the slash */
	end(&s, fd);
}

TEST(serve_shm_an_object_cut_short_is_an_error)
{
	struct shm s;
	uint8_t got[BYTES];
	struct shm_region *r;
	int fd = begin(&s);
	assert_int_equal(REGISTER(&s, "r", key, 0, BYTES), STATUS_OK);
	ASSERT_GOOD(shm_hold(&s, STR("r"), 0, BYTES, &r));
	assert_int_equal(ftruncate(fd, 10), 0);
	assert_int_equal(shm_read(&s, STR("r"), 0, BYTES, got).code, STATUS_INVALID_ARG);
	assert_int_equal(shm_write(r, 0, got, BYTES).code, STATUS_INVALID_ARG);
	ASSERT_GOOD(shm_read(&s, STR("r"), 0, 10, got));
	shm_drop(&s, r);
	end(&s, fd);
}

TEST(serve_shm_a_held_region_outlives_its_name)
{
	struct shm s;
	struct shm_region *r;
	struct arena a;
	struct shm_info *list;
	uint32_t n;
	int fd = begin(&s);
	arena_init(&a, 1 << 20);
	assert_int_equal(REGISTER(&s, "b", key, 0, 8), STATUS_OK);
	assert_int_equal(REGISTER(&s, "a", key, 4, 8), STATUS_OK);
	ASSERT_GOOD(shm_status(&s, SHM_SYSTEM, STR_NONE, &a, &list, &n));
	assert_true(n == 2 && str_is(list[0].name, "a") && list[0].offset == 4 && list[1].bytes == 8);
	ASSERT_GOOD(shm_hold(&s, STR("a"), 0, 8, &r));
	ASSERT_GOOD(shm_unregister(&s, SHM_SYSTEM, STR("a")));
	ASSERT_GOOD(shm_unregister(&s, SHM_SYSTEM, STR("a"))); /* unknown by now, and no error */
	assert_int_equal(shm_status(&s, SHM_SYSTEM, STR("a"), &a, &list, &n).code, STATUS_NOT_FOUND);
	ASSERT_GOOD(shm_write(r, 0, "12345678", 8));
	shm_drop(&s, r);
	ASSERT_GOOD(shm_unregister(&s, SHM_SYSTEM, STR_NONE));
	ASSERT_GOOD(shm_status(&s, SHM_SYSTEM, STR_NONE, &a, &list, &n));
	assert_int_equal(n, 0);
	arena_release(&a);
	end(&s, fd);
}

TEST(serve_shm_has_a_limit_and_can_be_off)
{
	struct shm s;
	char name[16];
	int fd = begin(&s);
	for (int i = 0; i < 200 && i < LIMIT_SHM_REGIONS; i++) {
		snprintf(name, sizeof name, "r%d", i);
		assert_int_equal(REGISTER(&s, name, key, 0, 1), STATUS_OK);
	}
	if (s.n == LIMIT_SHM_REGIONS)
		assert_int_equal(REGISTER(&s, "more", key, 0, 1), STATUS_UNAVAILABLE);
	end(&s, fd);
	shm_init(&s, false);
	assert_int_equal(REGISTER(&s, "r", key, 0, 1), STATUS_UNSUPPORTED);
	shm_release(&s);
}

TEST(serve_shm_of_a_gpu)
{
	struct shm s;
	struct arena a;
	struct shm_info *list;
	struct shm_region *held;
	uint32_t n;
	uint8_t got[BYTES];
	const char *path = fake_cuda("-DPLAIN"); /* by its name it is what the registry opens */
	struct gpu_memory m = gpu_memory(path, BYTES);
	int fd = begin(&s);
	arena_init(&a, 1 << 16);
	assert_int_equal(REGISTER(&s, "b", key, 0, BYTES), STATUS_OK);
	ASSERT_FAILS(shm_register_cuda(&s, STR("g"), &m.handle, 2, BYTES), INVALID_ARG,
	             "region: 'g': there is no GPU 2");
	ASSERT_FAILS(shm_register_cuda(&s, STR("g"), &m.handle, 0, BYTES + 1), INVALID_ARG,
	             "invalid args");
	ASSERT_FAILS(shm_register_cuda(&s, STR("g"), &m.handle, 0, 0), INVALID_ARG, "invalid args");
	ASSERT_FAILS(shm_register_cuda(&s, STR("b"), &m.handle, 0, BYTES), ALREADY_EXISTS,
	             "'b' already in manager");
	ASSERT_GOOD(shm_register_cuda(&s, STR("g"), &m.handle, 1, BYTES));
	assert_int_equal(REGISTER(&s, "g", key, 0, BYTES), STATUS_ALREADY_EXISTS);
	ASSERT_GOOD(shm_read(&s, STR("g"), 10, 20, got));
	for (int i = 0; i < 20; i++)
		assert_int_equal(got[i], 10 + i);
	assert_int_equal(shm_read(&s, STR("g"), BYTES - 1, 2, got).code, STATUS_INVALID_ARG);
	ASSERT_GOOD(shm_status(&s, SHM_CUDA, STR_NONE, &a, &list, &n));
	assert_true(n == 1 && str_is(list->name, "g") && list->gpu == 1 && list->bytes == BYTES);
	ASSERT_GOOD(shm_status(&s, SHM_SYSTEM, STR_NONE, &a, &list, &n));
	assert_true(n == 1 && str_is(list->name, "b"));
	ASSERT_FAILS(shm_status(&s, SHM_SYSTEM, STR("g"), &a, &list, &n), NOT_FOUND,
	             "registered as CUDA shared memory, not system");
	ASSERT_FAILS(shm_status(&s, SHM_CUDA, STR("b"), &a, &list, &n), NOT_FOUND,
	             "registered as system shared memory, not CUDA");
	ASSERT_FAILS(shm_status(&s, SHM_CUDA, STR("q"), &a, &list, &n), NOT_FOUND,
	             "Unable to find cuda shared memory region: 'q'");
	ASSERT_GOOD(shm_hold(&s, STR("g"), 5, 1, &held));
	ASSERT_GOOD(shm_unregister(&s, SHM_SYSTEM, STR("g"))); /* not of this kind: stays */
	ASSERT_GOOD(shm_read(&s, STR("g"), 0, 1, got));
	ASSERT_GOOD(shm_unregister(&s, SHM_CUDA, STR_NONE));
	assert_int_equal(shm_read(&s, STR("g"), 0, 1, got).code, STATUS_NOT_FOUND);
	ASSERT_GOOD(shm_read(&s, STR("b"), 0, 1, got));
	ASSERT_GOOD(shm_write(held, 5, "\xff", 1)); /* who holds it still has it */
	shm_drop(&s, held);
	gpu_do(&m, "cuMemcpyDtoH_v2", got, (void *)m.at, 7);
	assert_true(got[4] == 4 && got[5] == 0xff && got[6] == 6);
	ASSERT_GOOD(shm_register_cuda(&s, STR("left"), &m.handle, 0, 1)); /* closed with the registry */
	arena_release(&a);
	end(&s, fd);
	gpu_free(&m);
}
