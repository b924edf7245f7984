/* Options of a word, from tables/options.def: --name=value or --name value, unambiguous prefixes, one positional list. */
#ifndef NEREID_CLI_ARGS_H
#define NEREID_CLI_ARGS_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

enum word {
#define X(name, text, arguments, help) WORD_##name,
#include "tables/words.def"
#undef X
	WORD_COUNT
};
enum option {
#define X(word, name, text, value, otherwise, help) OPT_##word##_##name,
#include "tables/options.def"
#undef X
	OPT_COUNT
};

enum { ARGS_REPEAT_MAX = 64, ARGS_POSITIONAL_MAX = 64 };
struct args {
	const char *value[OPT_COUNT];    /* last one given, else the default, else NULL; flags: "" when given */
	struct { enum option option; const char *value; } given[ARGS_REPEAT_MAX];  /* in order */
	uint32_t n_given;
	const char *positional[ARGS_POSITIONAL_MAX];
	uint32_t n_positional;
};
/* argv[0] is the word itself. INVALID_ARG says which argument and what would be right. */
struct status args_parse(enum word w, int argc, char **argv, struct args *out) MUST_CHECK;
/* Exactly one positional argument, or a sentence that names what it is to be. */
struct status args_one(const struct args *a, enum word w, const char **out) MUST_CHECK;
/* Numbers within bounds. */
struct status args_u64(const struct args *a, enum option o, uint64_t least, uint64_t most, uint64_t *out) MUST_CHECK;
struct status args_f64(const struct args *a, enum option o, double least, double most, double *out) MUST_CHECK;
static inline bool args_flag(const struct args *a, enum option o) { return a->value[o] != 0; }
const char *args_word(enum word w);
const char *args_option(enum option o);    /* its name, without dashes */
const char *args_default(enum option o);   /* NULL: none */
/* Text of --help for one word, or for all words, to stdout. */
void args_help(enum word w);
void args_overview(void);
/* Prints "nereid WORD: <sentence>" to stderr and gives the exit status: 0 for GOOD, else 1. */
int args_report(enum word w, struct status st);

#endif
