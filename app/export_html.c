#include "app/export.h"
bool export_html(struct export *x, struct err *e) { (void)x; return err_set(e, ERR_UNSUPPORTED, "not yet"); }
