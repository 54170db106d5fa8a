/* metadata -- the keys of a GGUF file as facts of a report; long values are cut. */
#ifndef APP_METADATA_H
#define APP_METADATA_H

#include "app/report.h"

struct gguf;

void metadata_show(struct report *r, const struct gguf *g);

#endif
