/* Container tools and helm, by scripts that stand for them. */
#include "unit/cli/doctor_parts.h"

TEST(one_builder_is_enough)
{
	struct doctor d;
	doctor_begin(&d);
	doctor_program("docker", "echo 'Cannot connect to the Docker daemon' >&2; exit 1");
	doctor_program("buildah", "echo junk");
	doctor_program("podman", "exit 3");
	doctor_program("nerdctl", "exit 3");
	const struct doctor_finding *f = doctor_run(&d, DOCTOR_CONTAINERS, doctor__containers);
	ASSERT_FINDING(f, FAIL, "docker's daemon (Cannot connect to the Docker daemon)");
	assert_non_null(strstr(f->text, "buildah (it does not tell its version)"));
	doctor_program("podman", "echo podman version 4.3.1");
	f = doctor_run(&d, DOCTOR_CONTAINERS, doctor__containers);
	ASSERT_FINDING(f, OK, "built with podman 4.3.1; not with docker's daemon");
	doctor_program("docker",
	               "[ \"$1 $2\" = 'version --format={{.Server.Version}}' ] && echo 27.0.1");
	doctor_program(
		"buildah",
		"echo 'buildah version 1.28.2 (image-spec 1.0.2-dev, runtime-spec 1.0.2-dev)'");
	ASSERT_FINDING(doctor_run(&d, DOCTOR_CONTAINERS, doctor__containers), OK,
	               "built with docker 27.0.1, buildah 1.28.2, podman 4.3.1");
	doctor_release(&d);
}

TEST(no_tools_at_all)
{
	struct doctor d;
	doctor_begin(&d);
	setenv("PATH", test_path("empty"), 1);
	ASSERT_FINDING(doctor_run(&d, DOCTOR_CONTAINERS, doctor__containers), MISSING,
	               "no docker, buildah");
	ASSERT_FINDING(doctor_run(&d, DOCTOR_TOOLKIT, doctor__toolkit), MISSING, "not installed");
	ASSERT_FINDING(doctor_run(&d, DOCTOR_MINIKUBE, doctor__minikube), MISSING, "not installed");
	ASSERT_FINDING(doctor_run(&d, DOCTOR_HELM, doctor__helm), MISSING, "not installed");
	ASSERT_FINDING(doctor_run(&d, DOCTOR_KUBECTL, doctor__kubectl), MISSING, "not installed");
	doctor_release(&d);
}

TEST(versions)
{
	struct doctor d;
	doctor_begin(&d);
	doctor_program("helm", "echo v3.16.1+g5a5449d");
	ASSERT_FINDING(doctor_run(&d, DOCTOR_HELM, doctor__helm), OK, "helm 3.16.1+g5a5449d");
	doctor_program("helm", "echo 'Client: v2.17.0+ga690bad'");
	ASSERT_FINDING(doctor_run(&d, DOCTOR_HELM, doctor__helm), FAIL, "too old");
	doctor_program("helm", "echo '<html>'");
	ASSERT_FINDING(doctor_run(&d, DOCTOR_HELM, doctor__helm), WARN, "does not tell");
	doctor_program("helm", "echo broken >&2; exit 1");
	ASSERT_FINDING(doctor_run(&d, DOCTOR_HELM, doctor__helm), FAIL, "broken");
	doctor_program("minikube", "echo v1.33.1");
	ASSERT_FINDING(doctor_run(&d, DOCTOR_MINIKUBE, doctor__minikube), OK, "minikube 1.33.1");
	doctor_program("nvidia-ctk", "echo 'NVIDIA Container Toolkit CLI version 1.16.2'");
	ASSERT_FINDING(doctor_run(&d, DOCTOR_TOOLKIT, doctor__toolkit), OK, "CLI version 1.16.2");
	doctor_release(&d);
}
