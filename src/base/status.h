/* Errors as values: a code, a sentence, and where it was made.
 *
 * Every function that can fail returns struct status and writes its results only on success. A status is small and is
 * passed by value. Its message is a literal or lies in a ring of the calling thread (STATUS_RING messages of STATUS_TEXT
 * bytes), so that making an error never allocates: it stays valid until STATUS_RING more were made on that thread;
 * whoever keeps it longer, or hands it to another thread, copies the text.
 */
#ifndef NEREID_BASE_STATUS_H
#define NEREID_BASE_STATUS_H

enum status_code {
#define X(name, number, text) STATUS_##name = number,
#include "nereid/status.def"
#undef X
};

enum { STATUS_RING = 16, STATUS_TEXT = 1024, STATUS_FATAL_MIN = 90 };

struct status {
	enum status_code code;
	int line;         /* of the statement that made it */
	const char *file; /* literal */
	const char *msg;  /* one sentence: which input, what was wrong, what to do; never NULL unless OK */
};

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

#define STATUS_GOOD ((struct status){STATUS_OK, 0, 0, 0})
/* FAIL(INVALID_ARG, "%s: the header ends after %zu bytes", path, n) makes a status. */
#define FAIL(name, ...) status_make(STATUS_##name, __FILE__, __LINE__, __VA_ARGS__)

/* Forward a failure. Only in functions that own nothing yet; others use GO. */
#define TRY(expr)                                     \
	do {                                          \
		struct status try_status = (expr);    \
		if (try_status.code)                  \
			return try_status;            \
	} while (0)
/* Same, with what was being done in front: "loading m: <message>". */
#define TRY_MSG(expr, ...)                                                       \
	do {                                                                     \
		struct status try_status = (expr);                               \
		if (try_status.code)                                             \
			return status_wrap(try_status, __VA_ARGS__);             \
	} while (0)
/* Set the local `st` and leave through the label `out`. */
#define GO(expr)                   \
	do {                       \
		st = (expr);       \
		if (st.code)       \
			goto out;  \
	} while (0)
#define GO_MSG(expr, ...)                                     \
	do {                                                  \
		st = (expr);                                  \
		if (st.code) {                                \
			st = status_wrap(st, __VA_ARGS__);    \
			goto out;                             \
		}                                             \
	} while (0)

struct status status_make(enum status_code code, const char *file, int line, const char *fmt, ...)
	PRINTF_LIKE(4, 5) MUST_CHECK;
/* The same code with "<fmt>: " before the message; file and line stay those of the origin. */
struct status status_wrap(struct status st, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_CHECK;
/* Triton's spelling of the code, as "Invalid argument"; never NULL. */
const char *status_name(enum status_code code);
static inline int status_fatal(struct status st) { return (int)st.code >= STATUS_FATAL_MIN; }

#endif
