/* The option parser of all words.
 *
 * One table holds every option with its help and default, so --help cannot lie. Names may be
 * shortened as long as they mean one option, values follow after = or a blank, and what is not an
 * option is positional. Pointers go into argv and the table; nothing is copied. Printing is this
 * room's right.
 */
#include "cli/args.h"

#include "base/panic.h"
#include "base/span.h"

#include <stdio.h>
#include <string.h>

struct row { enum word word; const char *text, *value, *otherwise, *help; };
static const struct row rows[OPT_COUNT] = {
#define X(w, name, text, value, otherwise, help) {WORD_##w, text, value, otherwise, help},
#include "tables/options.def"
#undef X
};

struct word_row { const char *text, *arguments, *help; };
static const struct word_row words[WORD_COUNT] = {
#define X(name, text, arguments, help) {text, arguments, help},
#include "tables/words.def"
#undef X
};

const char *args_word(enum word w)
{
	CHECK((unsigned)w < WORD_COUNT);
	return words[w].text;
}

const char *args_option(enum option o)
{
	CHECK((unsigned)o < OPT_COUNT);
	return rows[o].text;
}

const char *args_default(enum option o)
{
	CHECK((unsigned)o < OPT_COUNT);
	return rows[o].otherwise;
}

/* The option of that name or unambiguous beginning. */
static struct status find(enum word w, struct str name, enum option *out)
{
	int found = -1, count = 0;
	for (int i = 0; i < OPT_COUNT; i++) {
		struct str text = str_from(rows[i].text);
		if (rows[i].word != w || !str_starts(text, name))
			continue;
		found = i;
		count++;
		if (text.n == name.n) {
			count = 1;
			break;
		}
	}
	if (count > 1)
		return FAIL(INVALID_ARG, "option --%.*s may mean several; write it out", STR_ARG(name));
	if (!count || !name.n)
		return FAIL(INVALID_ARG, "there is no option --%.*s; see nereid %s --help", STR_ARG(name), words[w].text);
	*out = (enum option)found;
	return STATUS_GOOD;
}

static struct status take(struct args *a, enum option o, const char *value)
{
	if (a->n_given == ARGS_REPEAT_MAX)
		return FAIL(LIMIT, "over %d options are given", ARGS_REPEAT_MAX);
	a->value[o] = value;
	a->given[a->n_given].option = o;
	a->given[a->n_given++].value = value;
	return STATUS_GOOD;
}

static struct status option(enum word w, int argc, char **argv, int *at, struct args *a)
{
	const char *text = argv[*at] + 2, *eq = strchr(text, '=');
	enum option o;
	TRY(find(w, (struct str){text, eq ? (size_t)(eq - text) : strlen(text)}, &o));
	if (!rows[o].value && eq)
		return FAIL(INVALID_ARG, "option --%s takes no value", rows[o].text);
	if (!rows[o].value)
		return take(a, o, "");
	if (eq)
		return take(a, o, eq + 1);
	if (*at + 1 >= argc)
		return FAIL(INVALID_ARG, "option --%s needs a value: %s", rows[o].text, rows[o].value);
	return take(a, o, argv[++*at]);
}

struct status args_parse(enum word w, int argc, char **argv, struct args *out)
{
	memset(out, 0, sizeof *out);
	for (int i = 0; i < OPT_COUNT; i++)
		if (rows[i].word == w)
			out->value[i] = rows[i].otherwise;
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-o")) {
			argv[i] = (char *)"--output";
		}
		if (!strncmp(argv[i], "--", 2) && argv[i][2]) {
			TRY(option(w, argc, argv, &i, out));
			continue;
		}
		if (argv[i][0] == '-' && argv[i][1])
			return FAIL(INVALID_ARG, "there is no option %s; see nereid %s --help", argv[i], words[w].text);
		if (out->n_positional == ARGS_POSITIONAL_MAX)
			return FAIL(LIMIT, "over %d arguments are given", ARGS_POSITIONAL_MAX);
		out->positional[out->n_positional++] = argv[i];
	}
	return STATUS_GOOD;
}

struct status args_one(const struct args *a, enum word w, const char **out)
{
	if (a->n_positional != 1)
		return FAIL(INVALID_ARG, "it takes one argument, %s; %u are given", words[w].arguments, a->n_positional);
	*out = a->positional[0];
	return STATUS_GOOD;
}

struct status args_u64(const struct args *a, enum option o, uint64_t least, uint64_t most, uint64_t *out)
{
	CHECK(a->value[o]);
	uint64_t v;
	if (!str_u64(str_from(a->value[o]), &v) || v < least || v > most)
		return FAIL(INVALID_ARG, "--%s %s: give a whole number from %llu to %llu", rows[o].text, a->value[o],
		            (unsigned long long)least, (unsigned long long)most);
	*out = v;
	return STATUS_GOOD;
}

struct status args_f64(const struct args *a, enum option o, double least, double most, double *out)
{
	CHECK(a->value[o]);
	double v;
	if (!str_f64(str_from(a->value[o]), &v) || !(v >= least && v <= most))
		return FAIL(INVALID_ARG, "--%s %s: give a number from %g to %g", rows[o].text, a->value[o], least, most);
	*out = v;
	return STATUS_GOOD;
}

void args_help(enum word w)
{
	printf("usage: nereid %s %s [options]\n%s\n", words[w].text, words[w].arguments, words[w].help);
	for (int i = 0; i < OPT_COUNT; i++) {
		char left[64];
		if (rows[i].word != w)
			continue;
		snprintf(left, sizeof left, "--%s %s", rows[i].text, rows[i].value ? rows[i].value : "");
		printf("  %-34s %s%s%s%s\n", left, rows[i].help + (rows[i].help[0] == '+'),
		       rows[i].otherwise ? " (default " : "", rows[i].otherwise ? rows[i].otherwise : "",
		       rows[i].otherwise ? ")" : "");
	}
}

void args_overview(void)
{
	printf("usage: nereid WORD [arguments] [options]; nereid WORD --help tells more\n");
	for (int i = 0; i < WORD_COUNT; i++)
		printf("  %-8s %s\n", words[i].text, words[i].help);
}

int args_report(enum word w, struct status st)
{
	if (!st.code)
		return 0;
	fflush(stdout);
	fprintf(stderr, "nereid %s: %s\n", words[w].text, st.msg);
	return 1;
}
