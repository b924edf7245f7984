/* The cache of plans: one file for each plan and instruction set, named by what they are.
 *
 * The name is made of the checksums in the plan's section table, the host's key and the
 * format's version, so a changed plan has another name and nothing is ever invalidated. Files
 * appear by rename, so two processes that compile at once do no harm. The cache may be deleted at
 * any time.
 */
#include "engine/cache_priv.h"

#include "base/cpu.h"
#include "base/crc32c.h"
#include "base/log.h"
#include "base/panic.h"
#include "engine/engine_priv.h"

#include <stdio.h>
#include <stdlib.h>

#define CACHE_GRAPH_BYTES_MAX ((size_t)64 << 30)

void cache__host_key(char key[PLAN_KEY_BYTES])
{
	uint32_t flags = cpu_flags() & (CPU_AVX2 | CPU_AVX512);
	int n = snprintf(key, PLAN_KEY_BYTES, "cpu-%s", cpu_level_text(flags));
	CHECK(n > 0 && n < PLAN_KEY_BYTES);
}

/* The directory; false: there is to be no cache. */
static bool directory(const char *dir, char *path, size_t n)
{
	const char *set = getenv("NEREID_CACHE"), *home = getenv("HOME");
	if (dir || set)
		snprintf(path, n, "%s", dir ? dir : set);
	else if (home && *home)
		snprintf(path, n, "%s/.cache/nereid", home);
	else
		return false;
	return *path != 0;
}

static struct status compile(struct plan *p, const char *key, const char *path)
{
	struct status st = STATUS_GOOD;
	struct arena a, b;
	struct ir_graph *g, *target;
	struct str info;
	int64_t symbols[IR_SYMBOLS_MAX];
	struct build_options o = {.batch_opt = 1};

	arena_init(&a, CACHE_GRAPH_BYTES_MAX);
	arena_init(&b, CACHE_GRAPH_BYTES_MAX);
	for (int i = 0; i < IR_SYMBOLS_MAX; i++)
		symbols[i] = -1;
	uint32_t s = plan_find(p, PLAN_PORTABLE, 0);
	CHECK(s < PLAN_SECTIONS_MAX);
	GO(plan_graph(p, s, &a, &g));
	GO(build_portable(g, 0));
	GO(ir_bind(g, symbols, &b, &target));
	GO(build_target(target, &o));
	GO(plan_info(p, &info));
	const struct plan_part parts[] = {
		{PLAN_TARGET, key, target, p->sections[s].batch_max, 0},
		{PLAN_PORTABLE, 0, g, p->sections[s].batch_max, 0},
	};
	GO(plan_write(path, parts, 2, info));
out:
	arena_release(&a);
	arena_release(&b);
	return st;
}

static struct status exchange(struct plan *p, const char *dir)
{
	char key[PLAN_KEY_BYTES], path[4096];
	struct plan cached;
	cache__host_key(key);
	uint32_t crc = crc32c(0, p->sections, p->n_sections * sizeof *p->sections);
	int n = snprintf(path, sizeof path, "%s/%08x-%llx-v%d-%s.plan", dir, crc,
	                 (unsigned long long)p->map.bytes.n, PLAN_VERSION, key);
	if (n < 0 || (size_t)n >= sizeof path)
		return FAIL(INVALID_ARG, "the path of the cache is too long");
	if (!file_exists(path)) {
		TRY(file_mkdirs(dir));
		LOG_I("compiling %s for %s once; the result is kept in %s", p->path, key, dir);
		TRY(compile(p, key, path));
	}
	TRY(plan_open(path, &cached));
	plan_release(p);
	*p = cached;
	return STATUS_GOOD;
}

void cache__exchange(struct plan *p, const char *dir)
{
	char path[3800];
	if (!directory(dir, path, sizeof path))
		return;
	struct status st = exchange(p, path);
	if (st.code)
		LOG_W("the cache in %s is not used: %s", path, st.msg);
}
