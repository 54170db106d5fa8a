/*
 * adadim_sides -- AdaDim's choice for every matrix of a model, measured where the
 * paper does (Heo et al., arXiv 2309.15531): groups along the inputs of a row or
 * along the outputs of an input channel, whichever leaves the smaller squared error
 *
 *      q, k, v        at the output of the attention block
 *      gate, up       at the output of the MLP
 *      attn_output, down      at their own output
 *
 * in the order of the layers, what was chosen before staying in place.  One layer
 * is run at a time, on the residual stream that the quantized layers before it
 * leave, so a choice costs two passes through a layer.
 *
 * Threads  one at a time; passes use the pool
 */
#ifndef ANALYSIS_ADADIM_SIDES_H
#define ANALYSIS_ADADIM_SIDES_H

#include "analysis/calibration.h"

/* Values of the method's parameter `side`. */
enum adadim_side { ADADIM_OWN, ADADIM_ROWS, ADADIM_CHANNELS };

enum { ADADIM_POSITIONS = 512 };        /* of the text, at most */

/* sides: [tensors of the file], ADADIM_OWN for those that are in no layer.
 * progress of `text` is called with layers.  ERR_INTERRUPTED when stopped. */
bool adadim_choose(const struct model *m, const struct quant_spec *spec, const struct calibration_text *text, int *sides,
    struct err *e) MUST_CHECK;

#endif
