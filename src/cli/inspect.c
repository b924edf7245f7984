/* `nereid inspect`: prints what engine_inspect writes: tables, JSON, or a graph for Graphviz.
 *
 * Reads the model and prints; nothing is compiled to a file.
 */
#include "cli/args.h"
#include "cli/cli.h"
#include "engine/engine.h"

#include <stdio.h>

#define TEXT_BYTES_MAX ((size_t)256 << 20)

static struct status inspect(int argc, char **argv)
{
	struct args a;
	struct buf b;
	const char *path;
	TRY(args_parse(WORD_INSPECT, argc, argv, &a));
	TRY(args_one(&a, WORD_INSPECT, &path));
	buf_init(&b, TEXT_BYTES_MAX);
	struct status st = engine_inspect(path, args_flag(&a, OPT_INSPECT_DOT), args_flag(&a, OPT_INSPECT_JSON), &b);
	if (!st.code)
		fwrite(b.p, 1, b.n, stdout);
	buf_release(&b);
	return st;
}

int cli_inspect(int argc, char **argv)
{
	return args_report(WORD_INSPECT, inspect(argc, argv));
}
