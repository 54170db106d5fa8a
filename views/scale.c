#include "views/scale.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/reading.h"

struct scale scale_of(const struct reading *r)
{
	struct scale s = { .lo = r->lens->lo, .hi = r->lens->hi, .near = r->lens->near };
	float lo = 0, hi = 1;
	bool any = reading_range(r, &lo, &hi);

	if (isnan(s.lo))
		s.lo = any ? lo : 0;
	if (isnan(s.hi))
		s.hi = any ? hi : 1;
	if (!(s.hi > s.lo))
		s.hi = s.lo + 1;
	return s;
}

float scale_unit(struct scale s, float v)
{
	float u = (v - s.lo) / (s.hi - s.lo), below = s.hi - v;

	if (s.near > 0 && !isnan(v))
		u = logf((s.hi - s.lo) / (below > s.near ? below : s.near)) / logf((s.hi - s.lo) / s.near);
	return isnan(u) ? NAN : u < 0 ? 0 : u > 1 ? 1 : u;
}

int scale_step(float unit)
{
	int step = (int)(unit * RAMP);

	return step < 0 ? 0 : step >= RAMP ? RAMP - 1 : step;
}

const char *scale_short(float v, char *out, size_t room)
{
	float a = fabsf(v);

	if (isnan(v))
		snprintf(out, room, "%s", "");
	else if (a < 0.995f)
		snprintf(out, room, "%s.%02d", v < 0 && a >= 0.005f ? "-" : "", (int)lrintf(a * 100));
	else if (a < 9.95f)
		snprintf(out, room, "%.1f", (double)v);
	else if (a < 999.5f)
		snprintf(out, room, "%.0f", (double)v);
	else if (a < 99950)
		snprintf(out, room, "%.*fk", a < 9950 ? 1 : 0, (double)v / 1e3);
	else
		snprintf(out, room, "%.0e", (double)v);
	return out;
}

const char *scale_figure(const struct lens_def *d, float v, int letters, char *out, size_t room)
{
	float below = d->hi - v;
	char digits[16];

	if (!d->ceiling || below > 0.1f) {
		snprintf(out, room, "%.3f", (double)v);
		return out;
	}
	snprintf(digits, sizeof digits, "%.*f", letters - (int)strlen(d->ceiling) - 2, (double)(below > 0 ? below : 0));
	snprintf(out, room, "%s-%s", d->ceiling, digits + 1);
	return out;
}

int scale_legend(struct canvas *c, int y, int from, int x, struct scale s, const char *unit)
{
	char lo[16], hi[16];
	const char *log = s.near > 0 ? ", log below the top" : "";
	int n_unit = (int)strlen(unit) + (int)strlen(log), width;

	scale_short(s.lo, lo, sizeof lo);
	scale_short(s.hi, hi, sizeof hi);
	if (!strcmp(lo, ".00"))
		snprintf(lo, sizeof lo, "0");
	width = (int)strlen(lo) + (int)strlen(hi) + 8 + 2 + (n_unit ? n_unit + 1 : 0);
	if (x - width < from)
		return x;
	int at = canvas_str(c, y, x - width, STYLE_DIM, lo) + 1;

	canvas_put(c, y, at - 1, STYLE_DIM, ' ');
	for (int i = 1; i <= 8; i++)
		at = canvas_put(c, y, at, style_heat(scale_step((float)(i - 1) / 7)), glyph_column(i, c->ascii));
	at = canvas_printf(c, y, at, STYLE_DIM, " %s%s%s%s", hi, n_unit ? " " : "", unit, log);
	return x - width;
}
