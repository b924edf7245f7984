/* The only reader of time. */
#ifndef NEREID_BASE_CLOCK_H
#define NEREID_BASE_CLOCK_H
#include <stdint.h>
uint64_t clock_ns(void);        /* monotonic */
uint64_t clock_unix_ns(void);   /* since 1970 */
void clock_sleep_ns(uint64_t ns);
#endif
