/* The cache's folder and the model repository. Models that load are in tests/e2e/test_doctor.py.
 */
#include "unit/cli/doctor_parts.h"

#include "base/log.h"

TEST(the_cache)
{
	struct doctor d;
	char file[600];
	doctor_begin(&d);
	setenv("NEREID_CACHE", "", 1);
	ASSERT_FINDING(doctor_run(&d, DOCTOR_CACHE, doctor__cache), WARN, "NEREID_CACHE is empty");
	setenv("NEREID_CACHE", test_path("a/b/c"), 1);
	const struct doctor_finding *f = doctor_run(&d, DOCTOR_CACHE, doctor__cache);
	assert_non_null(strstr(f->text, "/a/b/c"));
	assert_true(f->state == DOCTOR_OK ? strstr(f->text, "it will be made") != 0
	                                  : f->state == DOCTOR_WARN);
	assert_false(file_exists(test_path("a")));
	snprintf(file, sizeof file, "%s", test_path("file"));
	doctor_write(file, "x");
	setenv("NEREID_CACHE", file, 1);
	ASSERT_FINDING(doctor_run(&d, DOCTOR_CACHE, doctor__cache), WARN, "is not a folder");
	unsetenv("NEREID_CACHE");
	unsetenv("HOME");
	ASSERT_FINDING(doctor_run(&d, DOCTOR_CACHE, doctor__cache), WARN,
	               "neither NEREID_CACHE nor HOME");
	doctor_release(&d);
}

TEST(the_repository)
{
	struct doctor d;
	char dir[600], model[700];
	struct log_settings quiet = {0};
	ASSERT_GOOD(log_set(quiet));
	doctor_begin(&d);
	snprintf(dir, sizeof dir, "%s", test_path("models"));
	d.repository[d.n_repositories++] = dir;
	ASSERT_FINDING(doctor_run(&d, DOCTOR_REPOSITORY, doctor__repository), MISSING,
	               "is not a folder");
	ASSERT_GOOD(file_mkdirs(dir));
	ASSERT_FINDING(doctor_run(&d, DOCTOR_REPOSITORY, doctor__repository), WARN, "has no models");
	snprintf(model, sizeof model, "%s/m/1/model.onnx", dir);
	doctor_write(model, "this is no model");
	ASSERT_FINDING(doctor_run(&d, DOCTOR_REPOSITORY, doctor__repository), FAIL,
	               "model m does not load: ");
	doctor_release(&d);
}
