/* `nereid doctor`: what is needed for what, how findings are printed, and command lines refused.
 */
#include "cli/cli.h"
#include "unit/cli/doctor_parts.h"

static bool lacks(uint32_t goals, bool only, enum doctor_check c, enum doctor_state state)
{
	struct doctor d;
	doctor_init(&d);
	d.goals = goals;
	d.only = only;
	d.now = c;
	doctor__add(&d, state, "do", "found");
	bool yes = doctor_lacks(&d);
	doctor_release(&d);
	return yes;
}

TEST(what_is_needed_follows_from_the_goal)
{
	assert_true(lacks(DOCTOR_FOR_CPU, false, DOCTOR_PORTS, DOCTOR_FAIL));
	assert_false(lacks(DOCTOR_FOR_CPU, false, DOCTOR_PORTS, DOCTOR_WARN));
	assert_true(lacks(DOCTOR_FOR_GPU, false, DOCTOR_PORTS, DOCTOR_FAIL));
	assert_false(lacks(DOCTOR_FOR_KUBERNETES, false, DOCTOR_PORTS, DOCTOR_FAIL));
	assert_true(lacks(DOCTOR_FOR_KUBERNETES, true, DOCTOR_PORTS, DOCTOR_FAIL));
	assert_true(lacks(DOCTOR_FOR_KUBERNETES, false, DOCTOR_MEMORY, DOCTOR_FAIL));
	assert_false(lacks(DOCTOR_FOR_CPU, false, DOCTOR_DRIVER, DOCTOR_MISSING));
	assert_true(lacks(DOCTOR_FOR_GPU, false, DOCTOR_DRIVER, DOCTOR_MISSING));
	assert_false(lacks(DOCTOR_FOR_GPU, false, DOCTOR_CLUSTER_GPUS, DOCTOR_MISSING));
	assert_false(lacks(DOCTOR_FOR_KUBERNETES, false, DOCTOR_CLUSTER_GPUS, DOCTOR_MISSING));
	assert_true(lacks(DOCTOR_FOR_KUBERNETES | DOCTOR_FOR_GPU, false, DOCTOR_CLUSTER_GPUS,
	                  DOCTOR_MISSING));
	assert_true(lacks(DOCTOR_FOR_KUBERNETES, false, DOCTOR_KUBECTL, DOCTOR_FAIL));
	assert_false(lacks(DOCTOR_FOR_KUBERNETES, false, DOCTOR_HELM, DOCTOR_MISSING));
	assert_true(lacks(DOCTOR_FOR_CPU, true, DOCTOR_HELM, DOCTOR_MISSING));
}

TEST(findings_are_printed)
{
	struct doctor d;
	struct buf out;
	doctor_init(&d);
	buf_init(&out, 1 << 20);
	doctor_print(&d, true, &out);
	assert_true(str_is(buf_text(&out), "[]\n"));
	buf_reset(&out);
	d.now = DOCTOR_PORTS;
	doctor__add(&d, DOCTOR_FAIL, "stop \"it\"", "port %d", 8000);
	d.now = DOCTOR_HELM;
	doctor__add(&d, DOCTOR_MISSING, "get it", "no helm");
	doctor_print(&d, true, &out);
	assert_true(str_is(buf_text(&out),
	                   "[{\"check\":\"ports\",\"status\":\"fail\",\"needed\":true,"
	                   "\"text\":\"port 8000\",\"advice\":\"stop \\\"it\\\"\"},\n"
	                   " {\"check\":\"helm\",\"status\":\"missing\",\"needed\":false,"
	                   "\"text\":\"no helm\",\"advice\":\"get it\"}]\n"));
	buf_reset(&out);
	doctor_print(&d, false, &out);
	buf_byte(&out, 0);
	assert_non_null(strstr((char *)out.p, "no helm (not needed here)"));
	assert_non_null(strstr((char *)out.p, "-> stop \"it\""));
	assert_non_null(strstr((char *)out.p,
	                       "\nFor cpu: 1 needed thing is missing or not working; 0 warnings."));
	buf_release(&out);
	doctor_release(&d);
}

TEST(findings_have_a_limit)
{
	struct doctor d;
	doctor_init(&d);
	for (int i = 0; i < DOCTOR_FINDINGS_MAX; i++)
		doctor__add(&d, DOCTOR_OK, 0, "%d", i);
	assert_false(d.full || doctor_lacks(&d));
	doctor__add(&d, DOCTOR_OK, 0, "one more");
	assert_true(d.full && doctor_lacks(&d) && d.n == DOCTOR_FINDINGS_MAX);
	doctor_release(&d);
}

#define REFUSED(...)                                                                  \
	assert_int_equal(                                                                 \
		cli_doctor((int)(sizeof((char *[]){"doctor", __VA_ARGS__}) / sizeof(char *)), \
		           (char *[]){(char *)"doctor", __VA_ARGS__}),                        \
		2)

TEST(command_lines_refused)
{
	REFUSED((char *)"--for", (char *)"tpu");
	REFUSED((char *)"--for", (char *)"cpu,");
	REFUSED((char *)"--only", (char *)"cpu,nothing");
	REFUSED((char *)"--only", (char *)"repository");
	REFUSED((char *)"--http-port", (char *)"0");
	REFUSED((char *)"--http-port", (char *)"70000");
	REFUSED((char *)"--http-port", (char *)"8001");
	REFUSED((char *)"--timeout", (char *)"0");
	REFUSED((char *)"--no-such");
	REFUSED((char *)"something");
}

TEST(texts_from_outside_are_made_plain)
{
	struct doctor d;
	doctor_init(&d);
	doctor__add(&d, DOCTOR_OK, 0, "a\001b\033[2J\377\303\244\302\205"
	            "\355\240\200\342\202\254\342\202");
	assert_string_equal(d.findings[0].text, "a?b?[2J?\303\244??" "???" "\342\202\254??");
	doctor_release(&d);
}
