/* `nereid compile`: ONNX to plan, with the build log on the terminal or in a file.
 *
 * The work is engine_compile; this file turns options into its struct. The plan appears whole
 * or not at all.
 */
#include "base/file.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "engine/engine.h"

#include <stdio.h>

#define LOG_BYTES_MAX ((size_t)64 << 20)

static struct status compile(int argc, char **argv)
{
	struct status st = STATUS_GOOD;
	struct args a;
	struct compile_options o = {0};
	struct buf log;
	const char *model;
	uint64_t threads;

	buf_init(&log, LOG_BYTES_MAX);
	GO(args_parse(WORD_COMPILE, argc, argv, &a));
	GO(args_one(&a, WORD_COMPILE, &model));
	GO(args_u64(&a, OPT_COMPILE_THREADS, 0, 256, &threads));
	const struct { enum option option; enum profile_end end; } ends[] = {
		{OPT_COMPILE_MIN_SHAPES, PROFILE_MIN}, {OPT_COMPILE_OPT_SHAPES, PROFILE_OPT},
		{OPT_COMPILE_MAX_SHAPES, PROFILE_MAX},
	};
	for (int i = 0; i < 3; i++)
		if (a.value[ends[i].option])
			GO(profile_parse(&o.profile, ends[i].end, str_from(a.value[ends[i].option])));
	o.threads = (uint32_t)threads;
	o.fp16 = args_flag(&a, OPT_COMPILE_FP16);
	o.bf16 = args_flag(&a, OPT_COMPILE_BF16);
	o.int8 = args_flag(&a, OPT_COMPILE_INT8);
	o.best = args_flag(&a, OPT_COMPILE_BEST);
	o.no_tune = args_flag(&a, OPT_COMPILE_NO_TUNE);
	o.backend = a.value[OPT_COMPILE_BACKEND];
	GO(engine_compile(model, &o, a.value[OPT_COMPILE_OUTPUT], &log));
	if (a.value[OPT_COMPILE_LOG])
		GO(file_write(a.value[OPT_COMPILE_LOG], buf_span(&log)));
	else
		fwrite(log.p, 1, log.n, stdout);
out:
	buf_release(&log);
	return st;
}

int cli_compile(int argc, char **argv)
{
	return args_report(WORD_COMPILE, compile(argc, argv));
}
