/* nereid WORD ...: finds the word and hands over.
 *
 * Called by the name tritonserver it is `serve`, so that scripts made for Triton find it.
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

int main(int argc, char **argv)
{
	const char *name = argc ? strrchr(argv[0], '/') : 0;
	name = name ? name + 1 : argc ? argv[0] : "nereid";
	panic_install();
	if (!strcmp(name, "tritonserver"))
		return run(WORD_SERVE, argc, argv);
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
	for (int i = 0; i < WORD_COUNT; i++)
		if (!strcmp(argv[1], args_word((enum word)i)))
			return run((enum word)i, argc - 1, argv + 1);
	fprintf(stderr, "nereid: there is no word %s; see nereid --help\n", argv[1]);
	return 1;
}
