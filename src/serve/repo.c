/* The repository: which models there are.
 *
 * Every folder in a repository is a model, whatever is wrong with it; a name that two
 * repositories have is unavailable in both, as in Triton. Loading is done once, in the order of
 * names, on the calling thread; afterwards only the ready flag changes. Models own themselves.
 */
#include "serve/repo.h"

#include "base/file.h"
#include "base/log.h"
#include "base/panic.h"
#include "serve/ensemble.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define REPO_BYTES_MAX ((size_t)256 << 20)
enum { REPO_MODELS_MAX = 10000 };

static struct status add(struct repo *r, const char *dir, const char *name,
                         const struct served_options *o)
{
	struct served *m;
	const char *path = arena_printf(&r->arena, "%s/%s", dir, name);
	if (!path)
		return FAIL(NO_MEMORY, "no memory to list %s", dir);
	if (!file_is_dir(path))
		return STATUS_GOOD;
	struct served *twin = repo_find(r, str_from(name));
	if (twin) {
		twin->failure = "Invalid argument: model appears in two or more repositories";
		for (uint32_t i = 0; i < twin->n_versions; i++)
			twin->versions[i].state = SERVED_UNAVAILABLE;
		LOG_E("failed to load '%s': model appears in two or more repositories", name);
		return STATUS_GOOD;
	}
	if (!ARENA_GROW(&r->arena, r->models, r->n_models, r->cap_models, REPO_MODELS_MAX))
		return FAIL(LIMIT, "%s holds over %d models, or memory ran out", dir, REPO_MODELS_MAX);
	TRY(served_load(path, name, o, &m));
	r->models[r->n_models++] = m;
	if (!map_put(&r->by_name, str_from(m->name), m))
		return FAIL(NO_MEMORY, "no memory to list %s", dir);
	return STATUS_GOOD;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct served *const *)a)->name, (*(struct served *const *)b)->name);
}

static struct served *find_any(const void *repo, struct str name)
{
	return repo_find(repo, name);
}

struct status repo_open(struct repo *r, const char *const *dirs, uint32_t n,
                        const struct served_options *o)
{
	struct status st = STATUS_GOOD;
	char **names;
	uint32_t count;

	memset(r, 0, sizeof *r);
	arena_init(&r->arena, REPO_BYTES_MAX);
	map_init(&r->by_name, &r->arena);
	for (uint32_t i = 0; i < n; i++) {
		GO(file_list(dirs[i], &r->arena, &names, &count));
		for (uint32_t k = 0; k < count; k++)
			if (names[k][0] != '.')
				GO(add(r, dirs[i], names[k], o));
	}
	if (r->n_models)
		qsort(r->models, r->n_models, sizeof *r->models, by_name);
	ensemble_link_all(r->models, r->n_models, find_any, r);
	atomic_store(&r->ready, 1);
out:
	if (st.code)
		repo_release(r);
	return st;
}

void repo_release(struct repo *r)
{
	for (uint32_t i = 0; i < r->n_models; i++)
		served_free(r->models[i]);
	r->n_models = 0;
	arena_release(&r->arena);
	map_init(&r->by_name, &r->arena);
}

struct served *repo_find(const struct repo *r, struct str name)
{
	return map_get(&r->by_name, name);
}

bool repo_all_loaded(const struct repo *r)
{
	for (uint32_t i = 0; i < r->n_models; i++) {
		if (r->models[i]->failure)
			return false;
		for (uint32_t k = 0; k < r->models[i]->n_versions; k++)
			if (r->models[i]->versions[k].state != SERVED_READY)
				return false;
	}
	return true;
}

bool repo_ready(const struct repo *r, bool strict)
{
	return atomic_load(&((struct repo *)r)->ready) && (!strict || repo_all_loaded(r));
}

static void version_row(struct table *out, const struct served *m, const struct served_version *v)
{
	char number[32], status[STATUS_TEXT + 32];
	snprintf(number, sizeof number, "%" PRId64, v->number);
	snprintf(status, sizeof status, "UNAVAILABLE: %s", v->reason ? v->reason : "");
	TABLE_ROW(out, m->name, number, v->state == SERVED_READY ? "READY" : status);
}

void repo_table(const struct repo *r, struct table *out)
{
	CHECK(out->columns == 3);
	TABLE_ROW(out, "Model", "Version", "Status");
	for (uint32_t i = 0; i < r->n_models; i++) {
		const struct served *m = r->models[i];
		char status[STATUS_TEXT + 32];
		snprintf(status, sizeof status, "UNAVAILABLE: %s", m->failure ? m->failure : "");
		if (m->failure)
			TABLE_ROW(out, m->name, "-", status);
		for (uint32_t k = 0; !m->failure && k < m->n_versions; k++)
			version_row(out, m, &m->versions[k]);
	}
}
