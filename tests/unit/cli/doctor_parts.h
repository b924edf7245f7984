/* What the tests of `nereid doctor` share: a root of their own, programs of their own, findings. */
#ifndef NEREID_TEST_DOCTOR_PARTS_H
#define NEREID_TEST_DOCTOR_PARTS_H

#include "base/file.h"
#include "cli/doctor_priv.h"
#include "unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static inline void doctor_write(const char *path, const char *text)
{
	char dir[1024];
	snprintf(dir, sizeof dir, "%s", path);
	*strrchr(dir, '/') = 0;
	ASSERT_GOOD(file_mkdirs(dir));
	ASSERT_GOOD(file_write(path, (struct span){(const uint8_t *)text, strlen(text)}));
}
/* A doctor whose /proc, /sys and /dev are in the test's folder. */
static inline void doctor_begin(struct doctor *d)
{
	static char root[512];
	snprintf(root, sizeof root, "%s", test_path("root"));
	doctor_init(d);
	d->root = root;
	d->timeout_ns = 3000000000u;
}
static inline void doctor_file(struct doctor *d, const char *path, const char *text)
{
	char full[1024];
	snprintf(full, sizeof full, "%s%s", d->root, path);
	doctor_write(full, text);
}
/* A shell script in a folder that comes first in PATH. */
static inline void doctor_program(const char *name, const char *script)
{
	char full[1024], path[4096], text[4096];
	const char *dir = test_path("bin");
	snprintf(full, sizeof full, "%s/%s", dir, name);
	snprintf(text, sizeof text, "#!/bin/sh\n%s\n", script);
	doctor_write(full, text);
	assert_int_equal(chmod(full, 0755), 0);
	if (strncmp(getenv("PATH"), dir, strlen(dir))) {
		snprintf(path, sizeof path, "%s:%s", dir, getenv("PATH"));
		setenv("PATH", path, 1);
	}
}
/* Runs one check and gives its last finding. */
static inline const struct doctor_finding *doctor_run(struct doctor *d, enum doctor_check c,
                                                      void (*run)(struct doctor *d))
{
	uint32_t before = d->n;
	d->now = c;
	run(d);
	assert_true(d->n > before && !d->full);
	return &d->findings[d->n - 1];
}
#define ASSERT_FINDING(f, what, part)                                                          \
	do {                                                                                   \
		const struct doctor_finding *f_ = (f);                                         \
		if (f_->state != DOCTOR_##what || !strstr(f_->text, (part)))                   \
			fail_msg("want %s with '%s', got %d: %s", #what, (part), f_->state, f_->text); \
	} while (0)

#endif
