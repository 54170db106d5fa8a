/*
 * pace -- how long something slow will yet take, from how far it has come.
 *
 * Nothing is said in the first half second, when it would be a guess, nor before a
 * hundredth is done.  What begins in the middle (a map half made before) is timed
 * from there; what goes back has begun again.
 */
#ifndef ENGINE_BASE_PACE_H
#define ENGINE_BASE_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pace {
	uint64_t since_ns;      /* 0: not begun */
	double first, last;     /* 0..1 done */
};

/* So far it is `done` (0..1; NAN: it cannot say). */
void pace_at(struct pace *p, double done, uint64_t now_ns);
/* It takes longer than half a second: worth a line. */
bool pace_is_slow(const struct pace *p, uint64_t now_ns);
/* Seconds yet to go, NAN while nobody knows. */
double pace_left_s(const struct pace *p, uint64_t now_ns);
/* "0:14 left", "2:05:00 left", or nothing for NAN. */
const char *pace_text(double left_s, char *out, size_t room);

#endif
