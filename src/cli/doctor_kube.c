/* kubectl and the cluster behind it, for `nereid doctor`.
 *
 * kubectl is asked in JSON, with the doctor's deadline and one of its own that is a little
 * shorter, so that its words on a cluster that does not answer come through. Once the cluster did
 * not answer, what else would be asked of it is told as not known, without waiting again. The
 * nodes' list is asked once for two checks. One thread.
 */
#include "base/panic.h"
#include "cli/doctor_priv.h"

#include <stdio.h>

enum { LIST_MEGABYTES = 32, NAMES_MAX = 8 };
static const char resource[] = "nvidia.com/gpu";

static bool path_str(struct doctor *d, struct json v, const char *const *names, struct str *out)
{
	for (; *names; names++)
		if (json_kind(v) != JSON_OBJECT || !json_member(v, *names, &v))
			return false;
	return json_kind(v) == JSON_STRING && json_str(v, &d->arena, out) && out->n < 256;
}
#define PATH_STR(d, v, out, ...) path_str(d, v, (const char *const[]){__VA_ARGS__, 0}, out)

static bool member(struct json v, const char *name, enum json_kind kind, struct json *out)
{
	return json_kind(v) == JSON_OBJECT && json_member(v, name, out) && json_kind(*out) == kind;
}

/* Asks kubectl something in JSON. On false *error says why. */
static bool ask_json(struct doctor *d, const char *const *argv, struct json *out,
                     const char **error)
{
	struct doctor_answer a;
	if (!doctor__ask(d, LIST_MEGABYTES, &a, argv)) {
		*error = a.error;
		return false;
	}
	struct status st = json_check(a.text, out);
	if (st.code || json_kind(*out) != JSON_OBJECT) {
		struct str said = doctor__first(a.text);
		*error = doctor__text(d, "kubectl's answer is not JSON but begins with \"%.*s\"",
		                      said.n < 60 ? (int)said.n : 60, said.p);
		return false;
	}
	return true;
}

void doctor__kubectl(struct doctor *d)
{
	struct json root;
	struct str version;
	const char *error;
	struct doctor_answer a;
	static const char *const argv[] = {"kubectl", "version", "--client", "--output=json", 0};
	if (!doctor__ask(d, 1, &a, argv) && a.st.code == STATUS_NOT_FOUND)
		doctor__add(d, DOCTOR_MISSING,
		            "install it: kubernetes.io/docs/tasks/tools (minikube has one: "
		            "`minikube kubectl --`)",
		            "kubectl is not installed");
	else if (!ask_json(d, argv, &root, &error))
		doctor__add(d, DOCTOR_FAIL, "reinstall kubectl: kubernetes.io/docs/tasks/tools",
		            "kubectl does not tell its version: %s", error);
	else if (!PATH_STR(d, root, &version, "clientVersion", "gitVersion"))
		doctor__add(d, DOCTOR_WARN, "install a newer kubectl: kubernetes.io/docs/tasks/tools",
		            "kubectl is there, and its version is not told in a known form");
	else
		doctor__add(d, DOCTOR_OK, 0, "kubectl %.*s is there", STR_ARG(version));
}

static const char *deadline(struct doctor *d)
{
	uint64_t ms = d->timeout_ns / 1000000;
	return doctor__text(d, "--request-timeout=%llums", (unsigned long long)(ms - ms / 5));
}

/* Asks the cluster's version, once. */
static bool reach(struct doctor *d, struct str *version, const char **error)
{
	struct json root;
	const char *argv[] = {"kubectl", "version", "--output=json", deadline(d), 0};
	*version = STR_NONE;
	*error = "it did not answer before";
	if (d->cluster == DOCTOR_UNREACHED)
		return false;
	bool ok = ask_json(d, argv, &root, error);
	if (ok && !PATH_STR(d, root, version, "serverVersion", "gitVersion")) {
		*error = "kubectl did not tell the server's version";
		ok = false;
	}
	d->cluster = ok ? DOCTOR_REACHED : DOCTOR_UNREACHED;
	return ok;
}

void doctor__cluster(struct doctor *d)
{
	struct str version;
	const char *error;
	if (reach(d, &version, &error))
		doctor__add(d, DOCTOR_OK, 0, "the cluster answers: Kubernetes %.*s", STR_ARG(version));
	else
		doctor__add(d, DOCTOR_FAIL,
		            "start it (`minikube start`), or see that `kubectl config "
		            "current-context` and KUBECONFIG name a cluster that can be reached",
		            "no cluster answers kubectl: %s", error);
}

/* Whether the cluster can be asked; else a finding says that this check could not be made. */
static bool reached(struct doctor *d)
{
	struct str version;
	const char *error;
	if (d->cluster == DOCTOR_REACHED || reach(d, &version, &error))
		return true;
	doctor__add(d, DOCTOR_MISSING, "see the check cluster",
	            "it is not known, since no cluster answers kubectl");
	return false;
}

/* The list of nodes; a finding where it cannot be had. */
static bool get_nodes(struct doctor *d)
{
	const char *error;
	const char *argv[] = {"kubectl", "get", "nodes", "--output=json", deadline(d), 0};
	if (!reached(d))
		return false;
	if (d->nodes.p || ask_json(d, argv, &d->nodes, &error))
		return true;
	d->nodes = (struct json){0};
	doctor__add(d, DOCTOR_FAIL,
	            "`kubectl auth can-i list nodes` tells whether you may; ask for that "
	            "right",
	            "the nodes cannot be listed: %s", error);
	return false;
}

static bool node_ready(struct doctor *d, struct json node)
{
	struct json status, list;
	struct str text;
	if (!member(node, "status", JSON_OBJECT, &status) ||
	    !member(status, "conditions", JSON_ARRAY, &list))
		return false;
	struct json_walk w = json_walk(list);
	while (json_next(&w))
		if (PATH_STR(d, w.value, &text, "type") && str_is(text, "Ready"))
			return PATH_STR(d, w.value, &text, "status") && str_is(text, "True");
	return false;
}

struct status doctor__count_nodes(struct doctor *d, struct json list, struct doctor_nodes *out)
{
	struct json items, spec, closed;
	struct str text;
	bool yes;
	uint64_t gpus;
	struct doctor_nodes n = {.bad = ""};
	if (!member(list, "items", JSON_ARRAY, &items))
		return FAIL(INVALID_ARG, "the list of nodes has no items");
	struct json_walk w = json_walk(items);
	while (json_next(&w)) {
		bool ready = node_ready(d, w.value);
		n.n++;
		n.ready += ready;
		if (!ready && n.n - n.ready <= NAMES_MAX &&
		    PATH_STR(d, w.value, &text, "metadata", "name"))
			n.bad = doctor__text(d, "%s%s%.*s", n.bad, *n.bad ? ", " : "", STR_ARG(text));
		yes = false;
		if (member(w.value, "spec", JSON_OBJECT, &spec) &&
		    json_member(spec, "unschedulable", &closed))
			yes = json_kind(closed) == JSON_BOOL && json_bool(closed, &yes) && yes;
		n.closed += yes;
		if (ready && !yes && PATH_STR(d, w.value, &text, "status", "allocatable", resource) &&
		    str_u64(text, &gpus) && gpus) {
			n.gpus += gpus;
			n.gpu_nodes++;
		}
	}
	*out = n;
	return STATUS_GOOD;
}

void doctor__nodes(struct doctor *d)
{
	struct doctor_nodes n;
	const char *advice =
		"`kubectl describe nodes` tells why; `kubectl uncordon NODE` opens a closed one";
	if (!get_nodes(d))
		return;
	struct status st = doctor__count_nodes(d, d->nodes, &n);
	if (st.code)
		doctor__add(d, DOCTOR_FAIL, "see what `kubectl get nodes` says", "%s",
		            doctor__text(d, "%s", st.msg));
	else if (!n.n)
		doctor__add(d, DOCTOR_FAIL, "add a node: without one nothing runs",
		            "the cluster has no nodes");
	else if (!n.ready)
		doctor__add(d, DOCTOR_FAIL, advice, "none of %u nodes is Ready: %s", n.n, n.bad);
	else if (n.closed >= n.n)
		doctor__add(d, DOCTOR_FAIL, advice, "all %u nodes are closed to new pods", n.n);
	else if (n.ready < n.n || n.closed)
		doctor__add(d, DOCTOR_WARN, advice, "%u of %u nodes are Ready%s%s; %u closed to new pods",
		            n.ready, n.n, *n.bad ? ", not " : "", n.bad, n.closed);
	else
		doctor__add(d, DOCTOR_OK, 0, "%u node%s Ready", n.n, n.n == 1 ? " is" : "s are all");
}

void doctor__cluster_gpus(struct doctor *d)
{
	struct doctor_nodes n;
	if (!get_nodes(d))
		return;
	struct status st = doctor__count_nodes(d, d->nodes, &n);
	if (st.code)
		doctor__add(d, DOCTOR_FAIL, "see what `kubectl get nodes` says", "%s",
		            doctor__text(d, "%s", st.msg));
	else if (!n.gpus)
		doctor__add(d, DOCTOR_MISSING,
		            "put GPU nodes into the cluster and install NVIDIA's device plugin "
		            "(github.com/NVIDIA/k8s-device-plugin), or start minikube with --gpus=all",
		            "no Ready node offers %s to pods", resource);
	else
		doctor__add(d, DOCTOR_OK, 0, "%llu %s on %u Ready node%s for pods",
		            (unsigned long long)n.gpus, resource, n.gpu_nodes,
		            n.gpu_nodes == 1 ? "" : "s");
}

/* A whole number at status.NAME; 0: none. */
static uint64_t number(struct json set, const char *name)
{
	struct json status, v;
	uint64_t n;
	if (!member(set, "status", JSON_OBJECT, &status) || !member(status, name, JSON_NUMBER, &v) ||
	    !json_u64(v, &n))
		return 0;
	return n;
}

static bool holds(struct str text, struct str part)
{
	for (size_t i = 0; i + part.n <= text.n; i++)
		if (!memcmp(text.p + i, part.p, part.n))
			return true;
	return false;
}

/* Whether a daemon set is the plugin, by its containers' images. */
static bool is_plugin(struct doctor *d, struct json set)
{
	struct json v, list;
	struct str image;
	if (!member(set, "spec", JSON_OBJECT, &v) || !member(v, "template", JSON_OBJECT, &v) ||
	    !member(v, "spec", JSON_OBJECT, &v) || !member(v, "containers", JSON_ARRAY, &list))
		return false;
	struct json_walk w = json_walk(list);
	while (json_next(&w))
		if (PATH_STR(d, w.value, &image, "image") && holds(image, STR("nvidia")) &&
		    holds(image, STR("device-plugin")))
			return true;
	return false;
}

struct status doctor__find_plugin(struct doctor *d, struct json list, struct doctor_plugin *out)
{
	struct json items;
	struct str space, name;
	struct doctor_plugin p = {.name = ""};
	if (!member(list, "items", JSON_ARRAY, &items))
		return FAIL(INVALID_ARG, "the list of daemon sets has no items");
	struct json_walk w = json_walk(items);
	while (json_next(&w)) {
		if (!PATH_STR(d, w.value, &name, "metadata", "name") ||
		    !PATH_STR(d, w.value, &space, "metadata", "namespace") ||
		    !(is_plugin(d, w.value) || holds(name, STR("nvidia-device-plugin"))))
			continue;
		if (!p.found++)
			p.name = doctor__text(d, "%.*s/%.*s", STR_ARG(space), STR_ARG(name));
		p.wanted += number(w.value, "desiredNumberScheduled");
		p.ready += number(w.value, "numberReady");
	}
	*out = p;
	return STATUS_GOOD;
}

void doctor__plugin(struct doctor *d)
{
	struct json list;
	struct doctor_plugin p;
	const char *error;
	const char *argv[] = {"kubectl",   "get", "daemonsets", "--all-namespaces", "--output=json",
	                      deadline(d), 0};
	if (!reached(d))
		return;
	if (!ask_json(d, argv, &list, &error)) {
		doctor__add(d, DOCTOR_FAIL,
		            "`kubectl auth can-i list daemonsets --all-namespaces` tells "
		            "whether you may; ask for that right",
		            "the daemon sets cannot be listed: %s", error);
		return;
	}
	struct status st = doctor__find_plugin(d, list, &p);
	CHECK(st.code || p.name);
	if (st.code)
		doctor__add(d, DOCTOR_FAIL, "see what `kubectl get daemonsets -A` says", "%s",
		            doctor__text(d, "%s", st.msg));
	else if (!p.found)
		doctor__add(d, DOCTOR_MISSING,
		            "install it: github.com/NVIDIA/k8s-device-plugin; with minikube "
		            "`minikube addons enable nvidia-device-plugin`",
		            "NVIDIA's device plugin is not in the cluster");
	else if (!p.ready || p.ready < p.wanted)
		doctor__add(d, DOCTOR_FAIL,
		            "see `kubectl describe` and the logs of its pods; GPU nodes need the "
		            "driver and nvidia-container-toolkit",
		            "NVIDIA's device plugin %s is ready on %llu "
		            "of %llu nodes",
		            p.name, (unsigned long long)p.ready, (unsigned long long)p.wanted);
	else
		doctor__add(d, DOCTOR_OK, 0, "NVIDIA's device plugin %s is ready on %llu node%s", p.name,
		            (unsigned long long)p.ready, p.ready == 1 ? "" : "s");
}
