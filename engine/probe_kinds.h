/*
 * probe_kinds -- reductions that are computed where the values are, so that a
 * device sends a number and not a vector.
 */
#ifndef ENGINE_PROBE_KINDS_H
#define ENGINE_PROBE_KINDS_H

enum probe_kind {
	PROBE_ANY,              /* reduce() sees the values */
	PROBE_SOFTMAX,          /* reduce() asks only for .softmax and for the first of a row (key 0) */
	PROBE_LENGTH,           /* the L2 norm, at attn_out, mlp_out or resid_post */
	PROBE_SILENT_SHARE,     /* share of values at most PROBE_SILENT of the largest, at mlp; NAN unless finite */
};

#define PROBE_SILENT 0.01f

#endif
