/* Container tools for `nereid doctor`: who can build images, who brings GPUs into them, minikube.
 *
 * Each program is asked for its version; docker also for its daemon's, since the client alone
 * builds nothing. One of the builders is enough. One thread.
 */
#include "base/panic.h"
#include "cli/doctor_priv.h"

#include <stdio.h>

/* The word of a text that begins with a digit, or with v and a digit: its version. */
static struct str version_in(struct str text)
{
	struct str line = doctor__first(text);
	for (size_t i = 0; i < line.n; i++) {
		size_t at = i + (line.p[i] == 'v');
		if ((i && line.p[i - 1] != ' ') || at >= line.n || line.p[at] < '0' || line.p[at] > '9')
			continue;
		size_t n = 0;
		while (at + n < line.n && line.p[at + n] != ' ' && line.p[at + n] != ',')
			n++;
		return (struct str){line.p + at, n};
	}
	return STR_NONE;
}

enum { DOCKER = 0 };
static const char *const builders[][4] = {
	{"docker", "version", "--format={{.Server.Version}}", 0},
	{"buildah", "--version", 0},
	{"podman", "--version", 0},
	{"nerdctl", "--version", 0},
};
enum { BUILDERS = sizeof builders / sizeof *builders };

void doctor__containers(struct doctor *d)
{
	char good[400] = "", bad[800] = "";
	for (int i = 0; i < BUILDERS; i++) {
		struct doctor_answer a;
		const char *name = builders[i][0];
		size_t n = strlen(good), m = strlen(bad);
		bool ok = doctor__ask(d, 1, &a, builders[i]);
		struct str version = version_in(a.text);
		if (ok && version.n)
			snprintf(good + n, sizeof good - n, "%s%s %.*s", n ? ", " : "", name,
			         (int)(version.n < 40 ? version.n : 40), version.p);
		else if (a.st.code != STATUS_NOT_FOUND)
			snprintf(bad + m, sizeof bad - m, "%s%s%s (%.150s)", m ? ", " : "", name,
			         i == DOCKER ? "'s daemon" : "",
			         ok ? "it does not tell its version" : a.error);
	}
	if (*good)
		doctor__add(d, DOCTOR_OK, 0, "images can be built with %s%s%s", good,
		            *bad ? "; not with " : "", bad);
	else if (*bad)
		doctor__add(d, DOCTOR_FAIL,
		            "start docker's daemon (`systemctl start docker`) and join the group "
		            "docker, or install buildah",
		            "images cannot be built: no answer from %s", bad);
	else
		doctor__add(d, DOCTOR_MISSING,
		            "install one: docker.io, buildah or podman are packages of Debian "
		            "and Ubuntu",
		            "there is no docker, buildah, podman or nerdctl to build images with");
}

void doctor__toolkit(struct doctor *d)
{
	struct doctor_answer a;
	static const char *const programs[] = {"nvidia-ctk", "nvidia-container-cli"};
	for (int i = 0; i < 2; i++) {
		bool ok = DOCTOR_ASK(d, 1, &a, programs[i], "--version");
		if (a.st.code == STATUS_NOT_FOUND)
			continue;
		struct str said = doctor__first(a.text);
		if (ok)
			doctor__add(d, DOCTOR_OK, 0, "nvidia-container-toolkit is there: %.*s",
			            STR_ARG(said));
		else
			doctor__add(d, DOCTOR_FAIL, "reinstall the package nvidia-container-toolkit",
			            "%s does not run: %s", programs[i], a.error);
		return;
	}
	doctor__add(d, DOCTOR_MISSING,
	            "for GPUs in containers of this machine install the package "
	            "nvidia-container-toolkit, then `nvidia-ctk runtime configure --runtime=docker`",
	            "nvidia-container-toolkit is not installed");
}

void doctor__minikube(struct doctor *d)
{
	struct doctor_answer a;
	if (DOCTOR_ASK(d, 1, &a, "minikube", "version", "--short")) {
		struct str version = version_in(a.text);
		if (version.n)
			doctor__add(d, DOCTOR_OK, 0, "minikube %.*s is there", STR_ARG(version));
		else
			doctor__add(d, DOCTOR_WARN, "reinstall minikube",
			            "minikube does not tell its version");
	} else if (a.st.code == STATUS_NOT_FOUND) {
		doctor__add(d, DOCTOR_MISSING,
		            "only to try Kubernetes on this machine: see "
		            "minikube.sigs.k8s.io/docs/start",
		            "minikube is not installed");
	} else {
		doctor__add(d, DOCTOR_FAIL, "reinstall minikube", "minikube does not run: %s", a.error);
	}
}

void doctor__helm(struct doctor *d)
{
	struct doctor_answer a;
	if (DOCTOR_ASK(d, 1, &a, "helm", "version", "--short")) {
		struct str version = version_in(a.text);
		if (version.n > 1 && version.p[0] == '2' && version.p[1] == '.')
			doctor__add(d, DOCTOR_FAIL, "install helm 3 or newer: helm.sh/docs/intro/install",
			            "helm %.*s is too old for the chart", STR_ARG(version));
		else if (version.n)
			doctor__add(d, DOCTOR_OK, 0, "helm %.*s is there", STR_ARG(version));
		else
			doctor__add(d, DOCTOR_WARN, "reinstall helm: helm.sh/docs/intro/install",
			            "helm does not tell its version");
	} else if (a.st.code == STATUS_NOT_FOUND) {
		doctor__add(d, DOCTOR_MISSING,
		            "for the chart install helm 3: helm.sh/docs/intro/install; "
		            "`kubectl apply -k` does without",
		            "helm is not installed");
	} else {
		doctor__add(d, DOCTOR_FAIL, "reinstall helm: helm.sh/docs/intro/install",
		            "helm does not run: %s", a.error);
	}
}
