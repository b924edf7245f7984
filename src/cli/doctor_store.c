/* What the server keeps and reads on disk, for `nereid doctor`: the cache of plans, the models.
 *
 * The cache's folder is found as the engine finds it. A repository is checked by loading it, as
 * `serve` would: only that shows that every model will be served. It takes as long and as
 * much memory as a start of the server. One thread.
 */
#include "base/clock.h"
#include "base/file.h"
#include "base/panic.h"
#include "base/pool.h"
#include "cli/doctor_priv.h"
#include "serve/repo.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define CACHE_FREE_BYTES ((uint64_t)512 << 20)

/* The folder, or the nearest one above it that is there. */
static const char *existing(struct doctor *d, const char *path)
{
	char *p = arena_text(&d->arena, str_from(path));
	if (!p)
		return 0;
	while (!file_exists(p)) {
		char *slash = strrchr(p, '/');
		if (!slash)
			return ".";
		if (slash == p)
			return "/";
		*slash = 0;
	}
	return p;
}

/* Whether a file can be made in the folder; it is removed again. */
static struct status try_write(struct doctor *d, const char *dir)
{
	const char *path = doctor__text(d, "%s/.nereid-doctor-%ld", dir, (long)getpid());
	TRY(file_write(path, (struct span){(const uint8_t *)"doctor", 6}));
	return file_remove(path);
}

void doctor__cache(struct doctor *d)
{
	const char *set = getenv("NEREID_CACHE"), *home = getenv("HOME"), *dir, *at;
	struct statvfs s;

	if (set ? !*set : !home || !*home) {
		doctor__add(
			d, DOCTOR_WARN, "set NEREID_CACHE to a folder that stays",
			set ? "NEREID_CACHE is empty: plans for other processors are compiled at each start"
			    : "neither NEREID_CACHE nor HOME is set: plans for other processors are "
			      "compiled at each start");
		return;
	}
	dir = set ? set : doctor__text(d, "%s/.cache/nereid", home);
	at = existing(d, dir);
	if (!at)
		return;
	struct status st =
		file_is_dir(at) ? try_write(d, at) : FAIL(INVALID_ARG, "%s is not a folder", at);
	if (st.code) {
		/* the server does without: only slower to start */
		doctor__add(d, DOCTOR_WARN,
		            "set NEREID_CACHE to a folder that this user may write, in a pod "
		            "an emptyDir",
		            "the cache's folder %s cannot be written, so plans for other "
		            "processors are compiled at each start: %s",
		            dir, doctor__text(d, "%s", st.msg));
		return;
	}
	if (statvfs(at, &s)) {
		doctor__add(d, DOCTOR_WARN, "see that its file system is mounted",
		            "the free space of the cache's folder %s cannot be told", dir);
		return;
	}
	uint64_t room = (uint64_t)s.f_bavail * s.f_frsize;
	if (room < CACHE_FREE_BYTES)
		doctor__add(d, DOCTOR_WARN, "make room, or set NEREID_CACHE to a folder on a larger disk",
		            "the cache's folder %s has %s free; ResNet50's plan takes about 200 MiB", dir,
		            doctor__bytes(d, room));
	else
		doctor__add(d, DOCTOR_OK, 0, "the cache's folder %s can be written%s, %s are free", dir,
		            strcmp(at, dir) ? " (it will be made)" : "", doctor__bytes(d, room));
}

static void tell_model(struct doctor *d, const struct served *m)
{
	uint32_t ready = 0;
	const char *why = m->failure;
	for (uint32_t i = 0; i < m->n_versions; i++) {
		ready += m->versions[i].state == SERVED_READY;
		if (m->versions[i].state != SERVED_READY && m->versions[i].reason)
			why = doctor__text(d, "version %lld: %s", (long long)m->versions[i].number,
			                   m->versions[i].reason);
	}
	CHECK(m->name);
	if (ready && ready == m->n_versions)
		doctor__add(d, DOCTOR_OK, 0, "model %s loads, %u version%s", m->name, ready,
		            ready == 1 ? "" : "s");
	else
		doctor__add(d, DOCTOR_FAIL,
		            "see NAME/config.pbtxt and NAME/VERSION/model.plan or model.onnx; "
		            "`nereid inspect FILE` reads one model",
		            "model %s does not load: %s", m->name, why ? why : "it has no version");
}

void doctor__repository(struct doctor *d)
{
	struct repo r = {0};
	struct served_options o = {.complete = true,
	                           .loop_threads = pool_usable_cpus(),
	                           .default_batch = 4,
	                           .clock = {clock_ns, clock_unix_ns}};
	struct status st = STATUS_GOOD;

	for (uint32_t i = 0; i < d->n_repositories && !st.code; i++)
		if (!file_is_dir(d->repository[i]))
			st = FAIL(NOT_FOUND, "%s is not a folder", d->repository[i]);
	if (st.code) {
		doctor__add(d, DOCTOR_MISSING,
		            "give the folder that has one folder a model; `nereid "
		            "prepare DIR` makes one in DIR/models",
		            "the model repository: %s", doctor__text(d, "%s", st.msg));
		return;
	}
	st = repo_open(&r, d->repository, d->n_repositories, &o);
	if (st.code) {
		doctor__add(d, DOCTOR_FAIL, "let this user read the folder and all below it",
		            "the model repository cannot be read: %s", doctor__text(d, "%s", st.msg));
		return;
	}
	for (uint32_t i = 0; i < r.n_models; i++)
		tell_model(d, r.models[i]);
	if (!r.n_models)
		doctor__add(d, DOCTOR_WARN,
		            "`nereid prepare DIR` makes the two of the tutorial in DIR/models",
		            "the model repository has no models");
	repo_release(&r);
}
