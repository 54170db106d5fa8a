#include "engine/dialog.h"

#include <stdlib.h>

#include "engine/chat.h"

bool dialog_say(struct session *s, const char *text, struct err *e)
{
	const struct model *m = session_model(s);
	const struct chat_turn first = { .role = CHAT_USER, .text = text };
	const struct chat *c = chat_of_model(m, e);
	int len = session_len(s);
	int32_t *ids = NULL;
	size_t n = 0;
	bool ok;

	if (!c)
		return false;
	if (len == 0)
		ok = chat_encode(c, m->vocab, &first, 1, true, &ids, &n, e);
	else
		ok = chat_encode_next(c, m->vocab, text, vocab_is_end(m->vocab, session_tokens(s)[len - 1]), &ids, &n, e);
	ok = ok && session_append(s, ids, n, e);
	free(ids);
	return ok;
}
