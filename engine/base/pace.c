#include "engine/base/pace.h"

#include <math.h>
#include <stdio.h>

#define HALF_A_SECOND 500000000ull

/* Less than this is not yet a pace. */
static const double enough = 0.01;

void pace_at(struct pace *p, double done, uint64_t now_ns)
{
	if (!p->since_ns || (!isnan(done) && !(done >= p->last)))
		*p = (struct pace){ .since_ns = now_ns, .first = done };
	p->last = done;
}

bool pace_is_slow(const struct pace *p, uint64_t now_ns)
{
	return p->since_ns && now_ns - p->since_ns > HALF_A_SECOND;
}

double pace_left_s(const struct pace *p, uint64_t now_ns)
{
	double gone = p->last - p->first;

	if (!pace_is_slow(p, now_ns) || !(gone >= enough))
		return (double)NAN;
	return (double)(now_ns - p->since_ns) * 1e-9 * (1 - p->last) / gone;
}

const char *pace_text(double left_s, char *out, size_t room)
{
	long s = isnan(left_s) ? 0 : (long)ceil(fmin(left_s, 360000));

	if (isnan(left_s))
		snprintf(out, room, "%s", "");
	else if (s < 3600)
		snprintf(out, room, "%ld:%02ld left", s / 60, s % 60);
	else
		snprintf(out, room, "%ld:%02ld:%02ld left", s / 3600, s / 60 % 60, s % 60);
	return out;
}
