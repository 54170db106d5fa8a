/* fuzz_session: any bytes as a session file: read to its end, or refused in one line. */
#include <stdint.h>
#include <stdlib.h>

#include "analysis/lens.h"
#include "engine/session_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct err e = { 0 };
	struct session_entry en;
	struct session_file *f = session_file_open_mem("fuzz", data, n, &e);

	if (!f)
		return 0;
	const struct hparams *hp = &session_file_header(f)->hp;
	/* A step of a giant would take the fuzzer's memory, which proves nothing. */
	struct probe_plan *plan = hp->n_layers * hp->n_heads <= 4096 ? lens_plan(hp) : NULL;
	session_file_plan(f, plan);
	for (int failures = 0; failures < 100;) {
		if (!session_file_next(f, &en, &e)) {
			failures++;
			continue;
		}
		bool end = en.kind == ENTRY_END;
		session_entry_clear(&en);
		if (end)
			break;
	}
	session_file_close(f);
	probe_plan_free(plan);
	return 0;
}
