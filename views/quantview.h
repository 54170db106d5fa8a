/*
 * quantview -- what the pane of quantization errors looks at: part of the view.
 *
 * Owns     nothing: good until the frame is drawn
 */
#ifndef VIEWS_QUANTVIEW_H
#define VIEWS_QUANTVIEW_H

#include "analysis/quantinside.h"
#include "analysis/quantmap.h"

struct view_quant {
	const struct quantmap *map;             /* NULL: no method was chosen yet */
	const struct quantinside *inside;       /* the tensor looked into; NULL: the whole map */
	enum quantmap_figure figure;
	bool works;                             /* tensors are being measured, or a text read */
	float done;                             /* 0..1 of that */
	double left_s;                          /* NAN: cannot be said yet */
	bool stopped;                           /* the map has holes because the user said stop */
	const char *doing;                      /* "q4_0", "reading a.txt", ...; "" */
	const char *inputs;                     /* whose inputs output errors are of: "the text here", a file */
};

#endif
