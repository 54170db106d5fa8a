/*
 * chat -- turns of a conversation, written the way the model was trained to read them.
 *
 * Files carry their template as a Jinja program (tokenizer.chat_template).  We
 * do not run programs out of files: chats.def has the common templates as data,
 * each recognised by words only it uses.  A template that is none of them is an
 * error that says so.  What a template adds beside the turns (a default system
 * text, today's date) is left out.
 *
 * Rendered text is to be tokenized with special tokens on, BOS as vocab_add_bos()
 * says (a row never writes the first BOS itself); chat_encode() does both and
 * keeps a text from ending its own turn.
 *
 * Owns     nothing; rows are constant
 */
#ifndef ENGINE_CHAT_H
#define ENGINE_CHAT_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/buf.h"

struct chat;
struct gguf;
struct model;
struct vocab;

enum chat_role { CHAT_SYSTEM, CHAT_USER, CHAT_ASSISTANT, N_CHAT_ROLES };

struct chat_turn {
	enum chat_role role;
	const char *text;
};

/* Row i of the table, NULL past its end, and what it is called ("chatml"). */
const struct chat *chat_at(size_t i);
const char *chat_name(const struct chat *c);
/* The row whose marks are in the text of a template, NULL if none. */
const struct chat *chat_recognise(const char *text, size_t n);

/* The model's own template.  NULL with `e`: the file has none, or one we do not know. */
const struct chat *chat_from_gguf(const struct gguf *g, struct err *e) MUST_CHECK;
/* The same of a model, whatever file it came from. */
const struct chat *chat_of_model(const struct model *m, struct err *e) MUST_CHECK;
/* By name, for a user who knows better.  NULL with `e` listing the names. */
const struct chat *chat_from_name(const char *name, struct err *e) MUST_CHECK;

/* Appends the turns; `answer` leaves the text where the assistant begins to speak.
 * The vocabulary gives the names of BOS and EOS. */
void chat_render(const struct chat *c, const struct vocab *v, const struct chat_turn *turns, size_t n, bool answer,
    struct buf *out);
/* Rendered and tokenized in one go, BOS included where the model wants it.  Inside the
 * texts of the turns special tokens are mere text.  *ids is allocated (free()). */
bool chat_encode(const struct chat *c, const struct vocab *v, const struct chat_turn *turns, size_t n, bool answer,
    int32_t **ids, size_t *n_ids, struct err *e) MUST_CHECK;
/* What the user says next, behind an answer of the assistant that is there already as
 * tokens: the end of the answer (all of it, or with `ended`, when the model wrote the
 * token that ends it, what a template puts behind that token), the user's turn, and
 * where the assistant begins to speak.  The tokens are those that chat_encode() gives
 * for the whole conversation. */
bool chat_encode_next(const struct chat *c, const struct vocab *v, const char *text, bool ended, int32_t **ids,
    size_t *n_ids, struct err *e) MUST_CHECK;

#endif
