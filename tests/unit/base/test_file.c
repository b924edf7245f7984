/* Files: mapping, reading, atomic writing, listing;
 * what is missing, too large, cut short, or not a file. */
#include "unit/test.h"

#include "base/file.h"
#include "base/mem.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct span bytes(const char *z)
{
	return (struct span){(const uint8_t *)z, strlen(z)};
}

/* Names in the test's directory. */
static uint32_t names(void)
{
	struct arena a;
	char **list;
	uint32_t n;
	arena_init(&a, 1 << 16);
	ASSERT_GOOD(file_list(test_path(""), &a, &list, &n));
	arena_release(&a);
	return n;
}

TEST(write_then_read)
{
	struct buf b;
	struct file_map m;
	const char *path = test_path("f");
	uint64_t size, time;
	ASSERT_GOOD(file_write(path, bytes("hello")));
	ASSERT_GOOD(file_write(path, bytes("hello again")));
	assert_int_equal(names(), 1);
	ASSERT_GOOD(file_read(path, 11, &b));
	assert_true(str_is(buf_text(&b), "hello again"));
	buf_release(&b);
	ASSERT_FAILS(file_read(path, 10, &b), LIMIT, "has 11 bytes; at most 10");
	assert_null(b.p);
	ASSERT_GOOD(file_map(path, &m));
	assert_int_equal(m.bytes.n, 11);
	assert_memory_equal(m.bytes.p, "hello again", 11);
	file_unmap(&m);
	file_unmap(&m);
	ASSERT_GOOD(file_size(path, &size));
	ASSERT_GOOD(file_mtime_ns(path, &time));
	assert_int_equal(size, 11);
	assert_true(time > 1600000000ull * 1000000000u);
	assert_true(file_exists(path) && !file_is_dir(path));
	ASSERT_GOOD(file_remove(path));
	assert_false(file_exists(path));
	ASSERT_FAILS(file_remove(path), NOT_FOUND, "cannot remove");
}

TEST(empty_file)
{
	struct buf b;
	struct file_map m;
	ASSERT_GOOD(file_write(test_path("e"), bytes("")));
	ASSERT_GOOD(file_map(test_path("e"), &m));
	assert_int_equal(m.bytes.n, 0);
	assert_non_null(m.bytes.p);
	file_unmap(&m);
	ASSERT_GOOD(file_read(test_path("e"), 0, &b));
	assert_int_equal(b.n, 0);
	buf_release(&b);
}

TEST(missing_and_not_files)
{
	struct buf b;
	struct file_map m;
	struct file_reader r = {.fd = -1};
	uint64_t n;
	const char *none = test_path("none");
	ASSERT_FAILS(file_map(none, &m), NOT_FOUND, "no such file");
	ASSERT_FAILS(file_read(none, 10, &b), NOT_FOUND, "none");
	ASSERT_FAILS(file_read_stream(none, 10, &b), NOT_FOUND, "none");
	ASSERT_FAILS(file_size(none, &n), NOT_FOUND, "none");
	ASSERT_FAILS(file_mtime_ns(none, &n), NOT_FOUND, "none");
	ASSERT_FAILS(file_reader_open(&r, none), NOT_FOUND, "none");
	ASSERT_FAILS(file_map(test_path(""), &m), INVALID_ARG, "is not a regular file");
	ASSERT_FAILS(file_write(test_path("no/where"), bytes("x")), NOT_FOUND, "cannot write");
	assert_int_equal(r.fd, -1);
}

TEST(streams)
{
	struct buf b;
	ASSERT_GOOD(file_read_stream("/proc/self/status", 1 << 20, &b));
	assert_true(str_starts(buf_text(&b), STR("Name:")));
	buf_release(&b);
	ASSERT_FAILS(file_read_stream("/proc/self/status", 100, &b), LIMIT, "100 bytes");
	assert_null(b.p);
}

TEST(directories)
{
	struct arena a;
	char **list, path[600];
	uint32_t n;
	snprintf(path, sizeof path, "%s/y/z", test_path("x"));
	ASSERT_GOOD(file_mkdirs(path));
	ASSERT_GOOD(file_mkdirs(path));
	assert_true(file_is_dir(path));
	ASSERT_GOOD(file_write(test_path("b"), bytes("1")));
	ASSERT_GOOD(file_write(test_path("a"), bytes("1")));
	arena_init(&a, 1 << 16);
	ASSERT_GOOD(file_list(test_path(""), &a, &list, &n));
	assert_int_equal(n, 3);
	assert_string_equal(list[0], "a");
	assert_string_equal(list[1], "b");
	assert_string_equal(list[2], "x");
	ASSERT_GOOD(file_list(path, &a, &list, &n));
	assert_int_equal(n, 0);
	ASSERT_FAILS(file_list(test_path("none"), &a, &list, &n), NOT_FOUND, "cannot list");
	arena_release(&a);
	arena_init(&a, 8);
	ASSERT_FAILS(file_list(test_path(""), &a, &list, &n), LIMIT, "holds over");
	arena_release(&a);
	ASSERT_FAILS(file_mkdirs(test_path("a")), ALREADY_EXISTS, "is not a directory");
	ASSERT_FAILS(file_mkdirs(""), INVALID_ARG, "0 bytes");
	snprintf(path, sizeof path, "%s/sub", test_path("a"));
	ASSERT_FAILS(file_mkdirs(path), IO, "cannot make the directory");
}

TEST(writer)
{
	struct file_writer w;
	struct buf b;
	struct stat s;
	const char *path = test_path("w");
	ASSERT_GOOD(file_writer_open(&w, path));
	ASSERT_GOOD(file_writer_add(&w, "head", 4));
	ASSERT_GOOD(file_writer_add(&w, "tail", 4));
	ASSERT_GOOD(file_writer_at(&w, 1, "EA", 2));
	ASSERT_GOOD(file_writer_add(&w, "!", 1));
	assert_false(file_exists(path));
	ASSERT_GOOD(file_writer_commit(&w));
	file_writer_release(&w);
	file_writer_release(&w);
	ASSERT_GOOD(file_read(path, 100, &b));
	assert_true(str_is(buf_text(&b), "hEAdtail!"));
	buf_release(&b);
	assert_int_equal(stat(path, &s), 0);
	mode_t mask = umask(0);
	umask(mask);
	assert_int_equal(s.st_mode & 0777, 0666 & ~mask);
	ASSERT_GOOD(file_writer_open(&w, path));
	ASSERT_GOOD(file_writer_add(&w, "never seen", 10));
	file_writer_release(&w);
	assert_int_equal(names(), 1);
	ASSERT_GOOD(file_read(path, 100, &b));
	assert_true(str_is(buf_text(&b), "hEAdtail!"));
	buf_release(&b);
}

TEST(reader)
{
	struct file_reader r = {.fd = -1};
	char text[8] = "";
	ASSERT_GOOD(file_write(test_path("r"), bytes("0123456789")));
	const char *path = test_path("r");
	ASSERT_GOOD(file_reader_open(&r, path));
	assert_int_equal(r.size, 10);
	ASSERT_GOOD(file_reader_at(&r, 7, text, 3));
	assert_string_equal(text, "789");
	ASSERT_GOOD(file_reader_at(&r, 10, text, 0));
	ASSERT_FAILS(file_reader_at(&r, 8, text, 3), CORRUPT, "1 bytes too early");
	ASSERT_FAILS(file_reader_at(&r, 100, text, 1), CORRUPT, "too early");
	file_reader_release(&r);
	file_reader_release(&r);
}

TEST(every_allocation_fails_once)
{
	const char *path = test_path("m");
	for (int i = 0;; i++) {
		mem_fail_after(i);
		struct status st = file_write(path, bytes("x"));
		bool failed = mem_failed();
		mem_fail_after(-1);
		assert_int_equal(st.code, failed ? STATUS_NO_MEMORY : STATUS_OK);
		if (!failed)
			break;
		assert_int_equal(names(), 0);
		assert_true(i < 10);
	}
	struct buf b;
	mem_fail_after(0);
	ASSERT_FAILS(file_read(path, 10, &b), NO_MEMORY, "no memory");
	mem_fail_after(-1);
	assert_null(b.p);
}
