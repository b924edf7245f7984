/* Inside net: what link.c calls for links with TLS (link.tls is set). */
#ifndef NEREID_NET_LINK_TLS_H
#define NEREID_NET_LINK_TLS_H

#include "net/link.h"
#include "net/tls.h"

bool link__tls_begin(struct link *l);            /* false: no memory */
void *link__tls_room(struct link *l, size_t *n);
void link__tls_came(struct link *l, size_t n);   /* n bytes lie in that room */
void link__tls_ended(struct link *l);
void link__tls_resume(struct link *l);           /* the protocol reads again */
enum link_sent link__tls_write(struct link *l, uv_buf_t *parts, unsigned n);
void link__tls_try(struct link *l, const char *p, size_t n);
size_t link__tls_unsent(const struct link *l);   /* beside what uv has */
void link__tls_farewell(struct link *l);         /* before the end; as far as the socket takes it */
void link__tls_tick(struct link *l, uint64_t now_ms);
/* Frees l->tls; false: something still refers to it, and link__closed will be called again. */
bool link__tls_release(struct link *l);
/* link.c: the socket is closed. */
void link__closed(struct link *l);

#endif
