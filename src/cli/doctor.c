/* `nereid doctor`: says in sentences what is there and what is missing, and what to do about it.
 *
 * The checks are the table doctor.def; each adds findings, and here they are chosen, run in the
 * table's order, printed for people or as JSON, and summed up in the exit status: 0 all that is
 * needed is there, 1 something needed is missing, 2 the command line is wrong. Whether a thing is
 * needed follows from --for; with --only, all that is named is. Nothing is changed on the machine
 * but for one file that is made in the cache's folder and removed, and plans that a repository's
 * models leave in the cache, as they would when served. One thread.
 */
#include "base/log.h"
#include "base/panic.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/doctor_priv.h"

#include <stdarg.h>
#include <stdio.h>

enum { ARENA_BYTES_MAX = 256 << 20, TEXT_BYTES_MAX = 16 << 20, USAGE = 2 };
/* Of the column "needed by" in doctor.def. HERE: to serve on this machine itself. */
enum { ALWAYS = 0, NEVER = 1 << 30, HERE = 1 << 29 };
enum { GPU = DOCTOR_FOR_GPU, KUBERNETES = DOCTOR_FOR_KUBERNETES };

struct row {
	const char *text;
	uint32_t need;
	void (*run)(struct doctor *d);
};
static const struct row rows[DOCTOR_CHECKS] = {
#define X(name, text, need, function, help) {text, need, function},
#include "cli/doctor.def"
#undef X
};
static const char *const states[DOCTOR_STATES_N] = {
#define X(name, text) text,
	DOCTOR_STATES(X)
#undef X
};
static const struct {
	const char *text;
	uint32_t bit;
} goals[] = {
#define X(name, bit, text) {text, DOCTOR_FOR_##name},
	DOCTOR_GOALS(X)
#undef X
};
enum { GOALS = sizeof goals / sizeof *goals };

void doctor_init(struct doctor *d)
{
	*d = (struct doctor){.root = "", .goals = DOCTOR_FOR_CPU, .timeout_ns = 5000000000u};
	arena_init(&d->arena, ARENA_BYTES_MAX);
}

void doctor_release(struct doctor *d)
{
	arena_release(&d->arena);
}

static bool needed(const struct doctor *d, enum doctor_check c)
{
	if (d->only || rows[c].need == HERE)
		return d->only || (d->goals & (DOCTOR_FOR_CPU | DOCTOR_FOR_GPU));
	return (rows[c].need & d->goals) == rows[c].need;
}

/* Bytes of the character of UTF-8 that begins here; 0: it is none, or one that controls. */
static int character(const unsigned char *p)
{
	int n = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
		: p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : 0;
	for (int i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	bool wide = n == 3 && ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f));
	bool huge = n == 4 && ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f));
	return wide || huge || p[0] < ' ' || p[0] == 127 || (p[0] == 0xc2 && p[1] < 0xa0) ? 0 : n;
}

/* What comes from outside must neither break JSON nor steer a terminal. */
static void make_plain(char *text)
{
	while (*text) {
		int n = character((const unsigned char *)text);
		if (!n)
			*text = '?';
		text += n ? n : 1;
	}
}

static char *keep(struct doctor *d, const char *fmt, va_list args)
{
	static char none[1];
	char text[4096];
	int n = vsnprintf(text, sizeof text, fmt, args);
	CHECK(n >= 0);
	char *kept = arena_text(&d->arena, str_from(text));
	d->full |= !kept;
	return kept ? kept : none;
}

const char *doctor__text(struct doctor *d, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	const char *text = keep(d, fmt, args);
	va_end(args);
	return text;
}

void doctor__add(struct doctor *d, enum doctor_state state, const char *advice, const char *fmt,
                 ...)
{
	va_list args;
	CHECK((unsigned)d->now < DOCTOR_CHECKS && (state == DOCTOR_OK || advice));
	if (!ARENA_GROW(&d->arena, d->findings, d->n, d->cap, DOCTOR_FINDINGS_MAX)) {
		d->full = true;
		return;
	}
	va_start(args, fmt);
	char *text = keep(d, fmt, args);
	va_end(args);
	make_plain(text);
	d->findings[d->n++] =
		(struct doctor_finding){d->now, state, needed(d, d->now), text, advice};
}

void doctor_examine(struct doctor *d)
{
	for (int c = 0; c < DOCTOR_CHECKS; c++)
		if (d->chosen[c]) {
			d->now = (enum doctor_check)c;
			rows[c].run(d);
		}
}

bool doctor_lacks(const struct doctor *d)
{
	bool lacks = d->full;
	for (uint32_t i = 0; i < d->n; i++)
		lacks |= d->findings[i].needed && d->findings[i].state >= DOCTOR_MISSING;
	return lacks;
}

static void put_json(const struct doctor *d, struct buf *out)
{
	for (uint32_t i = 0; i < d->n; i++) {
		const struct doctor_finding *f = &d->findings[i];
		buf_printf(out, "%s{\"check\":\"%s\",\"status\":\"%s\",\"needed\":%s,\"text\":",
		           i ? ",\n " : "[", rows[f->check].text, states[f->state],
		           f->needed ? "true" : "false");
		json_put_str(out, str_from(f->text));
		buf_z(out, ",\"advice\":");
		json_put_str(out, str_from(f->advice ? f->advice : ""));
		buf_z(out, "}");
	}
	buf_z(out, d->n ? "]\n" : "[]\n");
}

/* Names of the goals, as in a sentence. */
static void put_goals(const struct doctor *d, struct buf *out)
{
	bool begun = false;
	for (int i = 0; i < GOALS; i++)
		if (d->goals & goals[i].bit) {
			buf_printf(out, "%s%s", begun ? ", " : "", goals[i].text);
			begun = true;
		}
}

void doctor_print(const struct doctor *d, bool json, struct buf *out)
{
	uint32_t bad = 0, mind = 0;
	if (json) {
		put_json(d, out);
		return;
	}
	for (uint32_t i = 0; i < d->n; i++) {
		const struct doctor_finding *f = &d->findings[i];
		bool lack = f->state >= DOCTOR_MISSING;
		bad += lack && f->needed;
		mind += f->state == DOCTOR_WARN;
		buf_printf(out, "%-8s %-14s %s%s\n", states[f->state], rows[f->check].text, f->text,
		           lack && !f->needed ? " (not needed here)" : "");
		if (f->advice && *f->advice)
			buf_printf(out, "%24s%s\n", "-> ", f->advice);
	}
	if (d->only)
		buf_z(out, "\nOf the checks that were named, ");
	else {
		buf_z(out, "\nFor ");
		put_goals(d, out);
		buf_z(out, ": ");
	}
	if (bad)
		buf_printf(out, "%u needed thing%s missing or not working", bad,
		           bad > 1 ? "s are" : " is");
	else
		buf_z(out, "all that is needed is there");
	buf_printf(out, "; %u warning%s.\n", mind, mind == 1 ? "" : "s");
}

/* The next name of a list with commas; false at its end. */
static bool next_name(const char **at, struct str *name)
{
	if (!*at)
		return false;
	const char *comma = strchr(*at, ',');
	*name = (struct str){*at, comma ? (size_t)(comma - *at) : strlen(*at)};
	*at = comma ? comma + 1 : 0;
	return true;
}

static struct status read_goals(struct doctor *d, const char *list)
{
	struct str name;
	d->goals = 0;
	while (next_name(&list, &name)) {
		uint32_t bit = 0;
		for (int i = 0; i < GOALS; i++)
			if (str_is(name, goals[i].text))
				bit = goals[i].bit;
		if (!bit)
			return FAIL(INVALID_ARG,
			            "--%s takes cpu, gpu and kubernetes, several with commas; "
			            "not '%.*s'",
			            args_option(OPT_DOCTOR_FOR), STR_ARG(name));
		d->goals |= bit;
	}
	return STATUS_GOOD;
}

static struct status read_only(struct doctor *d, const char *list)
{
	struct str name;
	char all[512] = "";
	for (int c = 0; c < DOCTOR_CHECKS; c++) {
		size_t n = strlen(all);
		d->chosen[c] = !list && (c != DOCTOR_REPOSITORY || d->n_repositories);
		snprintf(all + n, sizeof all - n, "%s%s", n ? ", " : "", rows[c].text);
	}
	d->only = list != 0;
	while (next_name(&list, &name)) {
		int found = -1;
		for (int c = 0; c < DOCTOR_CHECKS; c++)
			if (str_is(name, rows[c].text))
				found = c;
		if (found < 0)
			return FAIL(INVALID_ARG, "there is no check '%.*s'; there are %s", STR_ARG(name),
			            all);
		d->chosen[found] = true;
	}
	if (d->chosen[DOCTOR_REPOSITORY] && !d->n_repositories)
		return FAIL(INVALID_ARG, "give the folder of models to check with --%s",
		            args_option(OPT_DOCTOR_MODEL_REPOSITORY));
	return STATUS_GOOD;
}

static struct status read_options(struct doctor *d, const struct args *a)
{
	static const struct {
		const char *name;
		enum option option;
	} ports[DOCTOR_PORTS_N] = {
		{"HTTP", OPT_DOCTOR_HTTP_PORT},
		{"gRPC", OPT_DOCTOR_GRPC_PORT},
		{"metrics", OPT_DOCTOR_METRICS_PORT},
	};
	double seconds;
	if (a->n_positional)
		return FAIL(INVALID_ARG, "it takes no argument such as %s", a->positional[0]);
	for (int i = 0; i < DOCTOR_PORTS_N; i++) {
		d->port[i].name = ports[i].name;
		d->port[i].option = args_option(ports[i].option);
		TRY(args_u64(a, ports[i].option, 1, 65535, &d->port[i].number));
		for (int k = 0; k < i; k++)
			if (d->port[k].number == d->port[i].number)
				return FAIL(INVALID_ARG, "--%s and --%s are the same port", d->port[k].option,
				            d->port[i].option);
	}
	TRY(args_f64(a, OPT_DOCTOR_TIMEOUT, 0.1, 600, &seconds));
	d->timeout_ns = (uint64_t)(seconds * 1e9);
	for (uint32_t i = 0; i < a->n_given; i++)
		if (a->given[i].option == OPT_DOCTOR_MODEL_REPOSITORY) {
			if (d->n_repositories == DOCTOR_REPOSITORIES_MAX)
				return FAIL(LIMIT, "over %d model repositories are given",
				            DOCTOR_REPOSITORIES_MAX);
			d->repository[d->n_repositories++] = a->given[i].value;
		}
	TRY(read_goals(d, a->value[OPT_DOCTOR_FOR]));
	return read_only(d, a->value[OPT_DOCTOR_ONLY]);
}

static struct status run(struct doctor *d, bool json)
{
	struct buf out;
	buf_init(&out, TEXT_BYTES_MAX);
	/* what loading models would log is told by the findings, and JSON stands alone */
	struct log_settings quiet = log_get();
	quiet.error = quiet.warning = quiet.info = false;
	struct status st = log_set(quiet);
	if (!st.code) {
		doctor_examine(d);
		doctor_print(d, json, &out);
		st = buf_status(&out);
	}
	if (!st.code && d->full)
		st = FAIL(NO_MEMORY, "not every finding is shown: there were too many for the memory");
	if (!st.code)
		fwrite(out.p, 1, out.n, stdout);
	buf_release(&out);
	return st;
}

int cli_doctor(int argc, char **argv)
{
	struct args a;
	struct doctor d;
	int code = USAGE;

	doctor_init(&d);
	struct status st = args_parse(WORD_DOCTOR, argc, argv, &a);
	if (!st.code)
		st = read_options(&d, &a);
	if (st.code) {
		args_report(WORD_DOCTOR, st);
		goto out;
	}
	code = args_report(WORD_DOCTOR, run(&d, args_flag(&a, OPT_DOCTOR_JSON)));
	if (!code)
		code = doctor_lacks(&d);
out:
	doctor_release(&d);
	return code;
}
