/* nereid WORD ...: finds the word and hands over.
 *
 * Called by the name tritonserver, or with that as the first word, it is `serve`; called as trtexec
 * it takes TensorRT's options: so scripts and images made for those programs find them.
 * Besides words there are --help and --version. Crash handlers are set here, once.
 */
#include "base/panic.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "nereid/nereid.h"

#include <stdio.h>
#include <string.h>

typedef int word_fn(int argc, char **argv);
static word_fn *const functions[WORD_COUNT] = {
	[WORD_SERVE] = cli_serve, [WORD_COMPILE] = cli_compile, [WORD_TRAIN] = cli_train,
	[WORD_EXPORT] = cli_export, [WORD_PREPARE] = cli_prepare, [WORD_FETCH] = cli_fetch,
	[WORD_INFER] = cli_infer, [WORD_BENCH] = cli_bench, [WORD_INSPECT] = cli_inspect,
	[WORD_DOCTOR] = cli_doctor,
};

static int run(enum word w, int argc, char **argv)
{
	CHECK(functions[w]);
	if (w != WORD_SERVE)
		for (int i = 1; i < argc; i++)
			if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
				args_help(w);
				return 0;
			}
	return functions[w](argc, argv);
}

/* Runs the program of another maker that `path` names; false: it names none. */
static bool run_alias(const char *path, int argc, char **argv, int *status)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	if (!strcmp(name, "tritonserver"))
		*status = run(WORD_SERVE, argc, argv);
	else if (!strcmp(name, "trtexec"))
		*status = cli_trtexec(argc, argv);
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	int status;
	panic_install();
	if (argc && run_alias(argv[0], argc, argv, &status))
		return status;
	if (argc < 2) {
		args_overview();
		return 1;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		args_overview();
		return 0;
	}
	if (!strcmp(argv[1], "--version")) {
		printf("nereid %s\n", nrd_version());
		return 0;
	}
	if (run_alias(argv[1], argc - 1, argv + 1, &status))
		return status;
	for (int i = 0; i < WORD_COUNT; i++)
		if (!strcmp(argv[1], args_word((enum word)i)))
			return run((enum word)i, argc - 1, argv + 1);
	fprintf(stderr, "nereid: there is no word %s; see nereid --help\n", argv[1]);
	return 1;
}
