/*
 * quantwork -- the questions of the quantlab, and how its thread answers them.
 *
 * Owns     a question owns all it holds until quantwork_free()
 * Threads  made and taken apart on the UI thread, answered on the lab's
 */
#ifndef APP_QUANTWORK_H
#define APP_QUANTWORK_H

#include "analysis/analyst.h"
#include "analysis/calibration.h"
#include "analysis/quantinside.h"
#include "analysis/quantmap.h"
#include "engine/model.h"

enum quantwork_kind { QUANTWORK_TENSOR, QUANTWORK_INSIDE, QUANTWORK_TEXT };

/* A text whose activations stand for the inputs; moments may be copied out while
 * it is being read. */
struct quanttext {
	char *name;                     /* the file; "" for the text of the session */
	struct calibration *calibration;
	int32_t *tokens;                /* [n_tokens], once it is read */
	size_t n_tokens;
};

struct quanttext *quanttext_new(const struct model *m, const char *name);
void quanttext_free(struct quanttext *t);

struct quantwork {
	enum quantwork_kind kind;
	const struct model *m;
	struct pool *pool;              /* borrowed */
	atomic_bool stop;               /* set: give up soon */
	struct analyst_desk *desk;      /* while it is answered */
	struct quant_spec spec;
	unsigned map;                   /* which map, and which of its cells, it is for */
	int at;
	struct quant_cell cell;         /* TENSOR, INSIDE: the tensor */
	float *moments;                 /* [cols] or NULL */
	uint64_t n_tokens;
	struct quanttext *text;         /* TEXT: to read; else where Gram matrices are from.  Borrowed */
	struct quantinside inside;
	bool ok;
	struct err err;
};

void quantwork_answer(void *question, struct analyst_desk *desk);
void quantwork_free(void *question);

#endif
