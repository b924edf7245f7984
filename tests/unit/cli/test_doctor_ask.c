/* How the doctor looks: first lines, sizes in words, answers of programs. */
#include "unit/cli/doctor_parts.h"

TEST(first_lines)
{
	assert_true(str_is(doctor__first(STR("\n  one two \nthree")), "one two"));
	assert_true(str_is(doctor__first(STR("a\033[31mb")), "a"));
	assert_true(str_is(doctor__first(STR("\n\n")), ""));
	assert_true(str_is(doctor__first(STR_NONE), ""));
}

TEST(sizes_in_words)
{
	struct doctor d;
	doctor_init(&d);
	assert_string_equal(doctor__bytes(&d, (uint64_t)1 << 30), "1 GiB");
	assert_string_equal(doctor__bytes(&d, (uint64_t)3 << 29), "1.5 GiB");
	assert_string_equal(doctor__bytes(&d, (uint64_t)64 << 20), "64 MiB");
	assert_string_equal(doctor__bytes(&d, 0), "0 KiB");
	doctor_release(&d);
}

TEST(files_below_the_root)
{
	struct doctor d;
	doctor_begin(&d);
	assert_null(doctor__line(&d, "/proc/x"));
	doctor_file(&d, "/proc/x", "first\nsecond\n");
	assert_string_equal(doctor__line(&d, "/proc/x"), "first");
	doctor_release(&d);
}

TEST(programs_answer)
{
	struct doctor d;
	struct doctor_answer a;
	doctor_begin(&d);
	doctor_program(
		"tool", "case $1 in\n"
				"good) echo fine ;;\n"
				"log) printf 'E1126 13:08:10.1 noise\\n\\nthe reason\\nmore\\n' >&2; exit 1 ;;\n"
				"mute) exit 5 ;;\n"
				"loud) exec cat /dev/zero ;;\n"
				"hang) exec sleep 60 ;;\nesac");
	assert_true(DOCTOR_ASK(&d, 1, &a, "tool", "good"));
	assert_true(str_is(a.text, "fine\n"));
	assert_string_equal(a.error, "");
	assert_false(DOCTOR_ASK(&d, 1, &a, "tool", "log"));
	assert_string_equal(a.error, "the reason");
	assert_false(DOCTOR_ASK(&d, 1, &a, "tool", "mute"));
	assert_string_equal(a.error, "tool ended with status 5");
	assert_false(DOCTOR_ASK(&d, 1, &a, "tool", "loud"));
	assert_non_null(strstr(a.error, "wrote over 1048576 bytes"));
	d.timeout_ns = 200000000;
	assert_false(DOCTOR_ASK(&d, 1, &a, "tool", "hang"));
	assert_int_equal(a.st.code, STATUS_TIMEOUT);
	assert_false(DOCTOR_ASK(&d, 1, &a, "no-such-tool-here"));
	assert_int_equal(a.st.code, STATUS_NOT_FOUND);
	doctor_release(&d);
}
