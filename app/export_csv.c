/*
 * One row a step, one column a figure that has one value a step; figures of
 * layers and heads are in the trace.  RFC 4180, with \n.  Text of a token is a
 * JSON string inside its cell: blanks can be seen, and nothing a model wrote is
 * taken for a formula by a spreadsheet.
 */
#include <math.h>

#include "analysis/lens.h"
#include "app/export.h"

static void put_number(struct buf *out, double v)
{
	buf_char(out, ',');
	if (isfinite(v))
		buf_json_num(out, v);           /* a hole is an empty cell */
}

/* A cell in quotes, with the quotes inside it doubled. */
static void put_quoted(struct buf *out, const char *s, size_t n)
{
	buf_str(out, ",\"");
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '"')
			buf_char(out, '"');
		buf_char(out, s[i]);
	}
	buf_char(out, '"');
}

static void put_text(const struct export *x, int32_t id, struct buf *out)
{
	struct buf json = { 0 };
	size_t n = 0;
	const char *s = session_file_piece(x->file, id, &n);

	if (s) {
		buf_json(&json, s, n);
		put_quoted(out, json.data, json.len);
	} else {
		buf_char(out, ',');
	}
	buf_free(&json);
}

static void put_head(struct buf *out)
{
	buf_str(out, "step,pos,branch,input,token,text,why,logprob,p_final");
	for (int i = 0; i < N_LENSES; i++)
		if (lenses[i]->probe.axes == PROBE_SCALAR)
			buf_printf(out, ",%s", lenses[i]->probe.name);
	buf_str(out, ",edits,sampler,ms\n");
}

static void put_row(const struct export *x, const struct step *s, struct buf *out)
{
	static const char *const why[] = { "prompt", "sampled", "forced" };

	buf_printf(out, "%d,%d,%d,%d,", s->index, s->pos, s->branch, s->input);
	if (s->token >= 0)
		buf_printf(out, "%d", s->token);
	put_text(x, s->token, out);
	buf_printf(out, ",%s", s->token >= 0 ? why[s->why] : "");
	put_number(out, (double)s->logprob);
	put_number(out, (double)s->p_final);
	for (int i = 0; i < N_LENSES; i++)
		if (lenses[i]->probe.axes == PROBE_SCALAR)
			put_number(out, (double)lens_scalar(s, (enum lens_id)i));
	buf_printf(out, ",%u,%u", s->edits, s->sampler);
	put_number(out, (double)s->ms_forward);
	buf_char(out, '\n');
}

bool export_csv(struct export *x, struct err *e)
{
	struct session_entry en;

	put_head(&x->text);
	for (bool end = false; !end;) {
		if (!export_next(x, &en, e))
			return false;
		end = en.kind == ENTRY_END;
		if (en.kind == ENTRY_STEP)
			put_row(x, en.step, &x->text);
		session_entry_clear(&en);
		if (x->text.len > 1 << 16 && !export_flush(x, e))
			return false;
	}
	return true;
}
