/* Between the files of the JSON codec. */
#ifndef NEREID_CODEC_JSON_PRIV_H
#define NEREID_CODEC_JSON_PRIV_H

#include "base/span.h"

static inline bool json__plain(unsigned char c) { return c >= 0x20 && c != '"' && c != '\\'; }
static inline int json__hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}
const char *json__skip(const char *p, const char *end);
/* Reads one checked number; returns where it ends. Exact: what strtod gives. */
const char *json__number(const char *p, const char *end, double *out);
/* raw without quotes, into room for raw.n bytes. */
bool json__unescape(struct str raw, char *to, size_t *n);

#endif
