/* clock -- monotonic nanoseconds; set by hand, time stands still: in
 * tests, and where a screen is drawn that nobody watches. */
#ifndef ENGINE_BASE_CLOCK_H
#define ENGINE_BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_ns(void);
/* From now on clock_ns() answers `ns`; 0 gives the real clock back. */
void clock_fake(uint64_t ns);

#endif
