/* The cluster: lists of nodes and daemon sets as kubectl prints them, and what is no such list.
 */
#include "unit/cli/doctor_parts.h"

#define NODE(name, ready, spec, gpus)                                                        \
	"{\"metadata\":{\"name\":\"" name "\"},\"spec\":{" spec "},\"status\":{\"allocatable\":" \
	"{\"cpu\":\"8\"" gpus                                                                    \
	"},\"conditions\":[{\"type\":\"MemoryPressure\",\"status\":\"False\"},"                  \
	"{\"type\":\"Ready\",\"status\":\"" ready "\"}]}}"

static struct json parsed(const char *text)
{
	struct json root;
	ASSERT_GOOD(json_check(str_from(text), &root));
	return root;
}

#define OFFERS(n) ",\"nvidia.com/gpu\":\"" n "\""
static const char four_nodes[] = "{\"items\":["
	NODE("a", "True", "", OFFERS("2")) ","
	NODE("b", "Unknown", "", OFFERS("4")) ","
	NODE("c", "True", "\"unschedulable\":true", OFFERS("8")) ","
	NODE("d", "True", "\"unschedulable\":false", OFFERS("0")) "]}";

TEST(nodes_are_counted)
{
	struct doctor d;
	struct doctor_nodes n;
	doctor_init(&d);
	ASSERT_GOOD(doctor__count_nodes(&d, parsed(four_nodes), &n));
	assert_int_equal(n.n, 4);
	assert_int_equal(n.ready, 3);
	assert_int_equal(n.closed, 1);
	assert_true(n.gpus == 2 && n.gpu_nodes == 1);
	assert_string_equal(n.bad, "b");
	doctor_release(&d);
}

TEST(odd_lists_do_no_harm)
{
	struct doctor d;
	struct doctor_nodes n;
	struct doctor_plugin p;
	doctor_init(&d);
	ASSERT_FAILS(doctor__count_nodes(&d, parsed("{}"), &n), INVALID_ARG, "no items");
	ASSERT_FAILS(doctor__count_nodes(&d, parsed("{\"items\":3}"), &n), INVALID_ARG, "no items");
	ASSERT_FAILS(doctor__find_plugin(&d, parsed("[]"), &p), INVALID_ARG, "no items");
	ASSERT_GOOD(doctor__count_nodes(
		&d,
		parsed("{\"items\":[1,null,[],{},{\"status\":[]},"
		       "{\"status\":{\"conditions\":[3,{\"type\":\"Ready\"}],\"allocatable\":7},\"spec\":"
		       "{\"unschedulable\":\"yes\"}}]}"),
		&n));
	assert_int_equal(n.n, 6);
	assert_int_equal(n.ready + n.closed, 0);
	ASSERT_GOOD(
		doctor__find_plugin(&d, parsed("{\"items\":[1,{\"metadata\":{\"name\":4}}]}"), &p));
	assert_int_equal(p.found, 0);
	doctor_release(&d);
}

TEST(the_device_plugin_is_found)
{
	struct doctor d;
	struct doctor_plugin p;
	doctor_init(&d);
	ASSERT_GOOD(doctor__find_plugin(
		&d,
		parsed("{\"items\":["
		       "{\"metadata\":{\"name\":\"kube-proxy\",\"namespace\":\"kube-system\"},"
		       "\"status\":{\"desiredNumberScheduled\":9,\"numberReady\":9}},"
		       "{\"metadata\":{\"name\":\"plug\",\"namespace\":\"gpu\"},\"spec\":{\"template\":{"
		       "\"spec\":"
		       "{\"containers\":[{\"image\":\"nvcr.io/nvidia/k8s-device-plugin:v0.16\"}]}}},"
		       "\"status\":{\"desiredNumberScheduled\":3,\"numberReady\":2}}]}"),
		&p));
	assert_int_equal(p.found, 1);
	assert_string_equal(p.name, "gpu/plug");
	assert_true(p.wanted == 3 && p.ready == 2);
	doctor_release(&d);
}

TEST(a_cluster_that_answers)
{
	struct doctor d;
	doctor_begin(&d);
	doctor_program("kubectl",
	               "case \"$*\" in\n"
	               "*--client*) echo '{\"clientVersion\":{\"gitVersion\":\"v1.31.0\"}}' ;;\n"
	               "version*) echo '{\"serverVersion\":{\"gitVersion\":\"v1.32.4\"}}' ;;\n"
	               "*nodes*) echo '{\"items\":[" NODE(
					   "a", "True", "", "") "]}' ;;\n"
	                                        "*daemonsets*) echo '{\"items\":[]}' ;;\nesac");
	ASSERT_FINDING(doctor_run(&d, DOCTOR_KUBECTL, doctor__kubectl), OK, "kubectl v1.31.0");
	ASSERT_FINDING(doctor_run(&d, DOCTOR_CLUSTER, doctor__cluster), OK, "Kubernetes v1.32.4");
	ASSERT_FINDING(doctor_run(&d, DOCTOR_NODES, doctor__nodes), OK, "1 node is Ready");
	ASSERT_FINDING(doctor_run(&d, DOCTOR_CLUSTER_GPUS, doctor__cluster_gpus), MISSING,
	               "nvidia.com/gpu");
	ASSERT_FINDING(doctor_run(&d, DOCTOR_PLUGIN, doctor__plugin), MISSING, "not in the cluster");
	doctor_release(&d);
}

TEST(a_cluster_that_is_asked_once_when_it_does_not_answer)
{
	struct doctor d;
	char script[1024];
	struct buf calls;
	doctor_begin(&d);
	snprintf(script, sizeof script, "echo $1 >>%s; echo '{\"clientVersion\":{}}'",
	         test_path("calls"));
	doctor_program("kubectl", script);
	ASSERT_FINDING(doctor_run(&d, DOCTOR_NODES, doctor__nodes), MISSING, "not known");
	ASSERT_FINDING(doctor_run(&d, DOCTOR_PLUGIN, doctor__plugin), MISSING, "not known");
	ASSERT_GOOD(file_read(test_path("calls"), 1000, &calls));
	assert_true(str_is(buf_text(&calls), "version\n"));
	buf_release(&calls);
	doctor_program("kubectl", "echo Not JSON");
	ASSERT_FINDING(doctor_run(&d, DOCTOR_KUBECTL, doctor__kubectl), FAIL,
	               "begins with \"Not JSON\"");
	doctor_release(&d);
}
