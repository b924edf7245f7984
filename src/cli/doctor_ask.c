/* How the checks of `nereid doctor` look at the machine: files of the system, and other programs.
 *
 * Files are read under a root that tests choose. Programs run without a shell, with a deadline
 * and with bounded output (base/child.h), and what they said is kept in the doctor's arena. Texts
 * that come from outside are printed only as the first line, without control characters. One
 * thread.
 */
#include "base/child.h"
#include "base/file.h"
#include "cli/doctor_priv.h"

#include <stdio.h>

enum { FILE_BYTES_MAX = 1 << 20, ERROR_BYTES_MAX = 64 << 10, FIRST_BYTES_MAX = 300 };

struct str doctor__first(struct str text)
{
	size_t i = 0;
	while (text.n && (unsigned char)text.p[0] <= ' ') {
		text.p++;
		text.n--;
	}
	while (i < text.n && i < FIRST_BYTES_MAX && (unsigned char)text.p[i] >= ' ' &&
	       text.p[i] != 127)
		i++;
	return str_trim((struct str){text.p, i});
}

const char *doctor__line(struct doctor *d, const char *path)
{
	struct buf text;
	const char *line = 0;
	struct status st =
		file_read_stream(doctor__text(d, "%s%s", d->root, path), FILE_BYTES_MAX, &text);
	if (st.code)
		return 0;
	line = doctor__text(d, "%.*s", STR_ARG(doctor__first(buf_text(&text))));
	buf_release(&text);
	return line;
}

const char *doctor__bytes(struct doctor *d, uint64_t bytes)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
	double v = (double)bytes / 1024;
	int u = 0;
	while (v >= 1024 && u < 3) {
		v /= 1024;
		u++;
	}
	return doctor__text(d, "%.*f %s", v < 10 && v != (double)(long)v, v, units[u]);
}

/* A line of kubectl's own log, as "E1126 13:08:10.123456 ...", comes before what it says to
 * people. */
static bool is_log(struct str line)
{
	if (line.n < 6 || !memchr("EWIF", line.p[0], 4) || line.p[5] != ' ')
		return false;
	for (int i = 1; i < 5; i++)
		if (line.p[i] < '0' || line.p[i] > '9')
			return false;
	return true;
}

/* The first line that is no log, or the first of all. */
static struct str said_line(struct str text)
{
	struct str all = text;
	while (text.n) {
		const char *end = memchr(text.p, '\n', text.n);
		size_t n = end ? (size_t)(end - text.p) : text.n;
		struct str line = doctor__first((struct str){text.p, n});
		if (line.n && !is_log(line))
			return line;
		text = (struct str){text.p + n + (end != 0), text.n - n - (end != 0)};
	}
	return doctor__first(all);
}

bool doctor__ask(struct doctor *d, uint32_t megabytes, struct doctor_answer *out,
                 const char *const *argv)
{
	struct buf text, error;
	*out = (struct doctor_answer){.text = STR(""), .error = ""};
	buf_init(&text, (size_t)megabytes << 20);
	buf_init(&error, ERROR_BYTES_MAX);
	out->st = child_catch(argv, d->timeout_ns, &text, &error, &out->code);
	struct str kept = arena_str(&d->arena, buf_text(&text));
	d->full |= text.n && !kept.p;
	out->text = kept.p ? kept : STR("");
	struct str said = said_line(buf_text(error.n ? &error : &text));
	if (out->st.code)
		out->error = doctor__text(d, "%s", out->st.msg);
	else if (out->code)
		out->error = said.n ? doctor__text(d, "%.*s", STR_ARG(said))
		                    : doctor__text(d, "%s ended with status %d", argv[0], out->code);
	buf_release(&text);
	buf_release(&error);
	return !out->st.code && !out->code;
}
