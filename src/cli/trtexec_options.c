/* Options of trtexec: --name=value and flags, as TensorRT's program of that name takes them.
 *
 * They are not the options of a word: names may not be shortened, values follow = only, and some
 * are known but change nothing here, which the report says in a line each. Nothing is copied.
 * What means something is checked here whole, so the work starts only when every value is good.
 */
#include "cli/trtexec.h"

#include "base/panic.h"

#include <string.h>

enum fate { FATE_USE, FATE_IGNORE };
struct row { const char *text, *value, *otherwise; enum fate fate; const char *help; };
static const struct row rows[TRT_COUNT] = {
#define X(name, text, value, otherwise, fate, help) {text, value, otherwise, FATE_##fate, help},
#include "tables/trtexec.def"
#undef X
};

static struct status take(struct trtexec *t, const char *arg)
{
	const char *text = arg + 2, *eq = strchr(text, '=');
	struct str name = {text, eq ? (size_t)(eq - text) : strlen(text)};
	for (int i = 0; i < TRT_COUNT; i++) {
		if (!str_is(name, rows[i].text))
			continue;
		if (rows[i].value && (!eq || !eq[1]))
			return FAIL(INVALID_ARG, "option --%s needs a value: --%s=%s", rows[i].text,
			            rows[i].text, rows[i].value);
		if (!rows[i].value && eq)
			return FAIL(INVALID_ARG, "option --%s takes no value", rows[i].text);
		t->value[i] = eq ? eq + 1 : "";
		return STATUS_GOOD;
	}
	return FAIL(INVALID_ARG, "there is no option --%.*s; see trtexec --help", STR_ARG(name));
}

static struct status whole(const struct trtexec *t, enum trt_option o, uint64_t least,
                           uint64_t most,
                           uint64_t *out)
{
	uint64_t v;
	const char *text = t->value[o] ? t->value[o] : rows[o].otherwise;
	CHECK(text);
	if (!str_u64(str_from(text), &v) || v < least || v > most)
		return FAIL(INVALID_ARG, "--%s=%s: give a whole number from %llu to %llu", rows[o].text,
		            text,
		            (unsigned long long)least, (unsigned long long)most);
	*out = v;
	return STATUS_GOOD;
}

static struct status percentiles(struct trtexec *t)
{
	const char *p = t->value[TRT_PERCENTILE];
	p = p ? p : rows[TRT_PERCENTILE].otherwise;
	const char *all = p;
	while (*p) {
		const char *comma = strchrnul(p, ',');
		double v;
		if (t->n_percentiles == TRT_PERCENTILES_MAX)
			return FAIL(LIMIT, "--percentile=%s: over %d are given", all, TRT_PERCENTILES_MAX);
		if (!str_f64((struct str){p, (size_t)(comma - p)}, &v) || !(v >= 0 && v <= 100))
			return FAIL(INVALID_ARG, "--percentile=%s: give numbers from 0 to 100", all);
		t->percentile[t->n_percentiles++] = v;
		p = *comma ? comma + 1 : comma;
	}
	return STATUS_GOOD;
}

static struct status numbers(struct trtexec *t)
{
	uint64_t warm_up, streams, level;
	const char *seconds = t->value[TRT_DURATION];
	TRY(whole(t, TRT_ITERATIONS, 1, 1 << 20, &t->iterations));
	TRY(whole(t, TRT_WARM_UP, 0, 3600000, &warm_up));
	TRY(whole(t, TRT_AVG_RUNS, 1, 1 << 20, &t->avg_runs));
	TRY(whole(t, t->value[TRT_STREAMS] ? TRT_STREAMS : TRT_INF_STREAMS, 1, TRT_STREAMS_MAX,
	          &streams));
	TRY(whole(t, TRT_OPT_LEVEL, 0, 5, &level));
	seconds = seconds ? seconds : rows[TRT_DURATION].otherwise;
	if (!str_f64(str_from(seconds), &t->duration_s) || !(t->duration_s >= 0 &&
	                                                     t->duration_s <= 3600))
		return FAIL(INVALID_ARG, "--%s=%s: give a number from 0 to 3600",
		            rows[TRT_DURATION].text, seconds);
	t->warm_up_ns = warm_up * 1000000;
	t->streams = (uint32_t)streams;
	t->compile.no_tune = level == 0;
	return percentiles(t);
}

/* As in TensorRT: shapes alone are the profile's, and the profile's opt end is what is measured. */
static struct status profiles(struct trtexec *t)
{
	static const struct { enum trt_option option; enum profile_end end; } ends[] = {
		{TRT_MIN_SHAPES, PROFILE_MIN}, {TRT_OPT_SHAPES, PROFILE_OPT}, {TRT_MAX_SHAPES,
		                                                               PROFILE_MAX},
	};
	const char *shapes = t->value[TRT_SHAPES];
	for (int i = 0; i < 3; i++)
		if (t->value[ends[i].option])
			TRY_MSG(profile_parse(&t->compile.profile, ends[i].end,
			                      str_from(t->value[ends[i].option])),
			        "--%s", rows[ends[i].option].text);
	if (shapes)
		TRY_MSG(profile_parse(&t->shapes, PROFILE_OPT, str_from(shapes)), "--%s",
		        rows[TRT_SHAPES].text);
	if (!t->compile.profile.n)
		t->compile.profile = t->shapes;
	if (!shapes)
		t->shapes = t->compile.profile;
	return STATUS_GOOD;
}

static struct status check(const struct trtexec *t)
{
	if (!t->value[TRT_ONNX] == !t->value[TRT_LOAD_ENGINE])
		return FAIL(INVALID_ARG,
				"give one of --onnx=FILE, to build a plan, and --loadEngine=FILE, to measure one");
	if (t->value[TRT_LOAD_ENGINE] && (t->value[TRT_SAVE_ENGINE] || !t->measure))
		return FAIL(INVALID_ARG,
		            "--loadEngine builds nothing: leave out --saveEngine and --skipInference");
	return STATUS_GOOD;
}

struct status trtexec_parse(int argc, char **argv, struct trtexec *out)
{
	memset(out, 0, sizeof *out);
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			out->help = true;
			return STATUS_GOOD;
		}
		if (strncmp(argv[i], "--", 2) || !argv[i][2])
			return FAIL(INVALID_ARG, "'%s' is not an option; see trtexec --help", argv[i]);
		TRY(take(out, argv[i]));
	}
	out->measure = !out->value[TRT_SKIP_INFERENCE] && !out->value[TRT_BUILD_ONLY];
	out->compile.fp16 = out->value[TRT_FP16];
	out->compile.bf16 = out->value[TRT_BF16];
	out->compile.int8 = out->value[TRT_INT8];
	out->compile.best = out->value[TRT_BEST];
	TRY(check(out));
	TRY(profiles(out));
	return numbers(out);
}

const char *trtexec_ignored(const struct trtexec *t, int *i, const char **why)
{
	for (; *i < TRT_COUNT; ++*i)
		if (rows[*i].fate == FATE_IGNORE && t->value[*i]) {
			*why = rows[*i].help;
			return rows[(*i)++].text;
		}
	return 0;
}

void trtexec_help(struct buf *out)
{
	buf_z(out, "usage: trtexec --onnx=FILE [--saveEngine=FILE] | --loadEngine=FILE [options]\n"
	           "builds a plan from an ONNX model, measures it, or both\n");
	for (int i = 0; i < TRT_COUNT; i++) {
		size_t from = out->n;
		buf_printf(out, "  --%s%s%s", rows[i].text, rows[i].value ? "=" : "",
		           rows[i].value ? rows[i].value : "");
		while (!out->bad && out->n - from < 36)
			buf_byte(out, ' ');
		buf_printf(out, " %s%s%s%s%s\n", rows[i].fate == FATE_IGNORE ? "no effect: " : "",
		           rows[i].help,
		           rows[i].otherwise ? " (default " : "", rows[i].otherwise ? rows[i].otherwise :
		        "",
		           rows[i].otherwise ? ")" : "");
	}
}
