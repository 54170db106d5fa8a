/* edit_text -- edits as they are typed and shown. */
#include "engine/edit.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void skip_blanks(const char **p)
{
	while (**p == ' ' || **p == '\t')
		++*p;
}

static bool take_word(const char **p, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*p, word, n) || (isalpha((unsigned char)word[n - 1]) && isalnum((unsigned char)(*p)[n])))
		return false;
	*p += n;
	skip_blanks(p);
	return true;
}

static bool read_range(const char **p, struct edit *out, struct err *e)
{
	char *end;
	long from = strtol(*p, &end, 10), to;

	if (end == *p || strncmp(end, "..", 2))
		return err_set(e, ERR_USAGE, "a scope is all, prompt, generated, or a range of positions like 4..9");
	*p = end + 2;
	to = strtol(*p, &end, 10);
	if (end == *p || from < 0 || to < from || to > 1 << 24)
		return err_set(e, ERR_USAGE, "a range of positions goes from a smaller to a larger one, like 4..9");
	*p = end;
	out->from = (int)from;
	out->to = (int)to;
	return true;
}

bool edit_parse_scope(const char **text, struct edit *out, struct err *e)
{
	skip_blanks(text);
	out->scope = SCOPE_ALL;
	out->back = false;
	if (!**text)
		return true;
	if (!take_word(text, "in"))
		return err_set(e, ERR_USAGE, "after the value comes nothing, or: in all, prompt, generated, or A..B");
	out->back = true;
	if (take_word(text, "all"))
		return true;
	if (take_word(text, "prompt")) {
		out->scope = SCOPE_PROMPT;
		return true;
	}
	if (take_word(text, "generated")) {
		out->scope = SCOPE_GENERATED;
		out->back = false;
		return true;
	}
	out->scope = SCOPE_RANGE;
	return read_range(text, out, e);
}

/* A vector's file must say that it is for this operation and this place. */
static bool check_vec(const struct edit *ed, struct err *e)
{
	char here[ADDRESS_TEXT], there[ADDRESS_TEXT];
	const struct vec *v = ed->vec;

	if (strcmp(v->operation, ed->op->name))
		return err_set(e, ERR_USAGE, "%.100s is a vector to %s; write %s", v->name, v->operation,
		    strcmp(v->operation, "add") ? "SITE project FILE" : "SITE + FILE * NUMBER");
	if (v->at.site != ed->at.site || v->at.head != ed->at.head || ed->at.index >= 0 ||
	    (v->at.layer != ed->at.layer && ed->at.layer != EVERY_LAYER))
		return err_set(e, ERR_USAGE, "%.100s is a vector for %s, not for %s", v->name, address_format(&v->at, there),
		    address_format(&ed->at, here));
	return true;
}

/* FILE [* NUMBER]; a file with blanks in its name stands in quotation marks. */
static bool read_vec(const char **p, const struct hparams *hp, struct edit *out, struct err *e)
{
	char path[1024], *stop;
	char quote = **p == '"' ? '"' : 0;
	size_t n = 0;

	for (*p += quote != 0; **p && (quote ? **p != quote : !isspace((unsigned char)**p)) && n + 1 < sizeof path;)
		path[n++] = *(*p)++;
	path[n] = '\0';
	*p += quote && **p == quote;
	skip_blanks(p);
	if (!out->op->apply_vec || !n)
		return err_set(e, ERR_USAGE, "wants a number, as in L4.up[219] = 8, not \"%.20s\"", path);
	if (!(out->vec = vec_open(path, hp, e)) || !check_vec(out, e))
		return false;
	out->value = 1;
	if (**p == '*') {
		++*p;
		out->value = strtof(*p, &stop);
		if (stop == *p || !isfinite(out->value))
			return err_set(e, ERR_USAGE, "after FILE * comes a number, not \"%.20s\"", *p);
		*p = stop;
	}
	return true;
}

static bool read_value(const char **p, const struct hparams *hp, struct edit *out, struct err *e)
{
	char *end;

	out->value = strtof(*p, &end);
	/* "8.vec" begins like a number. */
	if (end == *p || !out->op->apply || (*end && !isspace((unsigned char)*end)))
		return read_vec(p, hp, out, e);
	if (!isfinite(out->value))
		return err_set(e, ERR_USAGE, "wants a finite number, not \"%.20s\"", *p);
	*p = end;
	return true;
}

/* Behind `swap'. */
static bool parse_swap(const char *p, const struct hparams *hp, struct edit *out, struct err *e)
{
	if (!(out->swap = swap_parse(&p, hp, e)))
		return false;
	out->op = &edit_swap;
	out->at = (struct address){ .site = SITE_NONE, .layer = out->swap->layer, .head = -1, .index = (int)out->swap->which };
	if (!edit_parse_scope(&p, out, e))
		return false;
	skip_blanks(&p);
	return !*p || err_set(e, ERR_USAGE, "does not understand \"%.40s\" at the end", p);
}

static bool parse(const char *p, const struct hparams *hp, const struct vocab *vocab, struct edit *out, struct err *e)
{
	skip_blanks(&p);
	if (take_word(&p, "swap"))
		return parse_swap(p, hp, out, e);
	if (!address_parse_in(&p, hp, vocab, &out->at, e))
		return false;
	if (out->at.site == SITE_attn_probs)
		return err_set(e, ERR_USAGE, "attention probabilities cannot be written; edit a head (L5.H3) or its "
		    "temperature (L5.H3.temp)");
	skip_blanks(&p);
	for (size_t i = 0; i < n_edit_defs && !out->op; i++)
		if (take_word(&p, edit_defs[i]->symbol))
			out->op = edit_defs[i];
	if (!out->op)
		return err_set(e, ERR_USAGE, "after the address comes = * + max or min, as in L4.up[219] = 8");
	if (!read_value(&p, hp, out, e))
		return false;
	skip_blanks(&p);
	if (!edit_parse_scope(&p, out, e))
		return false;
	skip_blanks(&p);
	if (*p)
		return err_set(e, ERR_USAGE, "does not understand \"%.40s\" at the end", p);
	return true;
}

bool edit_parse_in(const char *text, const struct hparams *hp, const struct vocab *vocab, struct edit *out,
    struct err *e)
{
	memset(out, 0, sizeof *out);
	out->on = true;
	if (parse(text, hp, vocab, out, e))
		return true;
	edit_drop(out);
	return false;
}

bool edit_parse(const char *text, const struct hparams *hp, struct edit *out, struct err *e)
{
	return edit_parse_in(text, hp, NULL, out, e);
}

void edit_drop(struct edit *ed)
{
	vec_unref(ed->vec);
	swap_unref(ed->swap);
	ed->vec = NULL;
	ed->swap = NULL;
}

/* The fewest digits that read back as the same float. */
static const char *write_value(float v, char out[32])
{
	for (int digits = 6; digits <= 9; digits++) {
		snprintf(out, 32, "%.*g", digits, (double)v);
		if (strtof(out, NULL) == v)
			break;
	}
	return out;
}

static int format_what(const struct edit *ed, char *out, size_t room)
{
	char at[ADDRESS_TEXT], swap[SWAP_TEXT], value[32];
	bool times = ed->vec && ed->value != 1;

	if (ed->swap)
		return snprintf(out, room, "%s %s", ed->op->symbol, swap_format(ed->swap, swap));
	if (ed->vec)
		return snprintf(out, room, "%s %s %.100s%s%s", address_format(&ed->at, at), ed->op->symbol, ed->vec->name,
		    times ? " * " : "", times ? write_value(ed->value, value) : "");
	return snprintf(out, room, "%s %s %s", address_format(&ed->at, at), ed->op->symbol, write_value(ed->value, value));
}

const char *edit_format(const struct edit *ed, char *out, size_t room)
{
	int n = format_what(ed, out, room);
	size_t used = n < 0 ? 0 : (size_t)n < room ? (size_t)n : room;

	switch (ed->scope) {
	case SCOPE_ALL:
		if (ed->back)
			snprintf(out + used, room - used, " in all");
		break;
	case SCOPE_PROMPT:
		snprintf(out + used, room - used, " in prompt");
		break;
	case SCOPE_GENERATED:
		snprintf(out + used, room - used, " in generated");
		break;
	case SCOPE_RANGE:
		snprintf(out + used, room - used, " in %d..%d", ed->from, ed->to);
		break;
	}
	return out;
}
