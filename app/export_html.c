/*
 * A report that any browser shows: one file, no reference to anything outside
 * it.  Everything a session says passes html_text() or json_safe() on its way
 * into the page.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/export_page.h"
#include "app/export_report.h"
#include "engine/base/utf8.h"

enum { CANDIDATES = 8 };

/* ---------------------------------------------------------------- style */

/* Sixteen grounds, even in lightness: what matters stands out on either ground. */
static void put_ramp(struct buf *out, const int stops[4], int dark_from)
{
	for (int i = 0; i < 16; i++) {
		double at = i / 15.0 * 3;
		int k = at >= 3 ? 2 : (int)at, rgb[3];

		for (int c = 0; c < 3; c++) {
			int a = stops[k] >> (16 - 8 * c) & 255, b = stops[k + 1] >> (16 - 8 * c) & 255;

			rgb[c] = (int)(a + (b - a) * (at - k) + 0.5);
		}
		buf_printf(out, ".g%x{background:#%02x%02x%02x;fill:#%02x%02x%02x", (unsigned)i, rgb[0], rgb[1], rgb[2], rgb[0], rgb[1],
		    rgb[2]);
		if (dark_from >= 0)
			buf_printf(out, ";color:%s", i >= dark_from ? "#14171c" : "inherit");
		else
			buf_printf(out, ";color:%s", i >= -dark_from ? "#fff" : "inherit");
		buf_str(out, "}\n");
	}
}

void html_style(struct buf *out)
{
	static const int light[4] = { 0xffffff, 0xfde3b5, 0xf0904d, 0xa8201a }, dark[4] = { 0x191d25, 0x51331f, 0xc46a1c, 0xffd97a };

	buf_str(out, "<style>\n");
	for (size_t i = 0; i < sizeof page_style / sizeof *page_style; i++)
		buf_str(out, page_style[i]);
	put_ramp(out, light, -11);
	buf_str(out, "@media(prefers-color-scheme:dark){\n");
	put_ramp(out, dark, 10);
	buf_str(out, "}\n</style>\n");
}

/* ---------------------------------------------------------------- text */

static void put_escaped(struct buf *out, const char *s)
{
	html_text(out, s, strlen(s));
}

/* One letter a signal: 0 to f along its range, - for a hole. */
static void put_steps_of_ramp(struct buf *out, const struct history *h, const struct step *s)
{
	for (int i = 0; i < signal_count(); i++) {
		float lo, hi, v = signal_at(s, i), unit;

		signal_range(h, i, &lo, &hi);
		unit = fminf(fmaxf((v - lo) / (hi - lo), 0), 0.9999F);
		buf_char(out, isnan(v) ? '-' : "0123456789abcdef"[(int)(unit * 16)]);
	}
}

/* Text whose line breaks are seen and kept. */
static void put_shown(struct buf *out, const char *s, size_t n)
{
	for (size_t at = 0; at < n;) {
		size_t line = 0;

		while (at + line < n && s[at + line] != '\n')
			line++;
		html_text(out, s + at, line);
		if (at + line < n)
			buf_str(out, "<span class=\"nl\">\xe2\x86\xb5</span>\n");
		at += line + 1;
	}
}

static void put_token(struct buf *out, const struct export *x, const struct history *h, int i, struct utf8_joiner *j)
{
	const struct step *s = timeline_at(h->steps, i - 1);
	enum step_why why = timeline_why(h->steps, i);
	struct buf text = { 0 }, ramp = { 0 };
	size_t n = 0;
	const char *bytes = session_file_piece(x->file, timeline_token(h->steps, i), &n);

	if (bytes)
		utf8_join(j, bytes, n, &text);
	else
		buf_printf(&text, "[%d]", timeline_token(h->steps, i));
	put_steps_of_ramp(&ramp, h, s);
	buf_printf(out, "<span id=\"t%d\" class=\"t%s %s%c\" data-p=\"%d\" data-s=\"%s\">", i,
	    why == WHY_PROMPT ? " given" : why == WHY_FORCED ? " forced" : "", ramp.data[0] == '-' ? "hole" : "g",
	    ramp.data[0] == '-' ? ' ' : ramp.data[0], i - 1, ramp.data);
	put_shown(out, text.data ? text.data : "", text.len);
	buf_str(out, "</span>");
	buf_free(&text);
	buf_free(&ramp);
}

static void put_text(struct buf *out, const struct export *x, const struct history *h)
{
	struct utf8_joiner j = { .n_held = 0 };

	buf_str(out, "<h2>Text <small>coloured by a signal of the step that made each token; grey was given, underlined was put "
	    "there by hand</small></h2>\n<div class=\"reader\"><div class=\"card\"><div class=\"pick\" role=\"radiogroup\" "
	    "aria-label=\"signal\">");
	for (int i = 0; i < signal_count(); i++)
		buf_printf(out, "<label><input type=\"radio\" name=\"lens\"%s><span>%s</span></label>", i == 0 ? " checked" : "",
		    signal_name(i));
	buf_str(out, "</div>\n<div class=\"text\">");
	for (int i = 0; i < timeline_n_tokens(h->steps); i++)
		put_token(out, x, h, i, &j);
	buf_str(out, "</div>\n<div class=\"legend\"><span id=\"lo\">0</span><span class=\"ramp\">");
	for (int i = 0; i < 16; i++)
		buf_printf(out, "<i class=\"g%x\"></i>", (unsigned)i);
	buf_str(out, "</span><span id=\"hi\"></span><span class=\"read\" id=\"read\"></span></div></div>\n"
	    "<div class=\"card\" id=\"detail\"></div></div>\n");
}

/* ---------------------------------------------------------------- data */

/* JSON inside a script element: no < of it may begin a tag. */
static void json_safe(struct buf *out, const char *s, size_t n)
{
	struct buf json = { 0 };

	buf_json(&json, s, n);
	for (size_t i = 0; i < json.len; i++)
		if (json.data[i] == '<' || json.data[i] == '>' || json.data[i] == '&')
			buf_printf(out, "\\u%04x", (unsigned)(unsigned char)json.data[i]);
		else
			buf_char(out, json.data[i]);
	buf_free(&json);
}

static void json_piece(struct buf *out, const struct export *x, int32_t id)
{
	struct buf shown = { 0 };

	export_piece(x, id, &shown);
	json_safe(out, shown.data ? shown.data : "", shown.len);
	buf_free(&shown);
}

static void put_number(struct buf *out, float v)
{
	if (isfinite(v))
		buf_printf(out, "%.4g", (double)v);
	else
		buf_str(out, "null");
}

static void put_step_data(struct buf *out, const struct export *x, const struct step *s)
{
	static const char *const why[] = { "given", "generated", "put there by hand" };

	buf_printf(out, "{\"pos\":%d,\"token\":%d,\"why\":\"%s\",\"text\":", s->pos, s->token, s->token < 0 ? "nothing yet" :
	    why[s->why]);
	if (s->token < 0)
		buf_str(out, "\"\"");
	else
		json_piece(out, x, s->token);
	buf_str(out, ",\"v\":[");
	for (int i = 0; i < signal_count(); i++) {
		buf_str(out, i ? "," : "");
		put_number(out, signal_at(s, i));
	}
	buf_str(out, "],\"top\":[");
	for (int i = 0; i < s->n_top && i < CANDIDATES; i++) {
		buf_str(out, i ? ",[" : "[");
		json_piece(out, x, s->top[i].id);
		buf_char(out, ',');
		put_number(out, s->top[i].p_raw);
		buf_char(out, ',');
		put_number(out, s->top[i].p_final);
		buf_printf(out, ",%d]", s->top[i].id == s->token);
	}
	buf_str(out, "]}");
}

static void put_data(struct buf *out, const struct export *x, const struct history *h)
{
	buf_str(out, "<script type=\"application/json\" id=\"data\">{\"lenses\":[");
	for (int i = 0; i < signal_count(); i++) {
		float lo, hi;

		signal_range(h, i, &lo, &hi);
		buf_printf(out, "%s{\"name\":\"%s\",\"lo\":%.4g,\"hi\":%.4g,\"unit\":", i ? "," : "", signal_name(i), (double)lo, (double)hi);
		json_safe(out, signal_unit(i), strlen(signal_unit(i)));
		buf_str(out, ",\"doc\":");
		json_safe(out, signal_doc(i), strlen(signal_doc(i)));
		buf_char(out, '}');
	}
	buf_printf(out, "],\"start\":%d,\"steps\":[", h->peak_pos + 1);
	for (int pos = 0; pos < timeline_n(h->steps); pos++) {
		const struct step *s = timeline_at(h->steps, pos);

		buf_str(out, pos ? "," : "");
		if (s)
			put_step_data(out, x, s);
		else
			buf_str(out, "null");
	}
	buf_str(out, "]}</script>\n<script>\n");
	for (size_t i = 0; i < sizeof page_script / sizeof *page_script; i++)
		buf_str(out, page_script[i]);
	buf_str(out, "</script>\n");
}

/* ---------------------------------------------------------------- page */

static void put_tile(struct buf *out, const char *what, double v, const char *fmt, const char *unit)
{
	char text[32] = "\xe2\x80\x93";         /* a dash: not measured */

	if (isfinite(v))
		snprintf(text, sizeof text, *fmt == 'd' ? "%.0f" : "%.3f", v);
	buf_printf(out, "<div class=\"tile\"><b>%s<i>%s</i></b><span>%s</span></div>", text, isfinite(v) ? unit : "", what);
}

static void put_head(struct buf *out, const struct export *x, const struct history *h)
{
	const struct session_header *m = x->header;

	buf_str(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<meta name=\"viewport\" "
	    "content=\"width=device-width,initial-scale=1\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	    "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n<title>");
	put_escaped(out, m->model_name);
	buf_str(out, " \xe2\x80\x93 clampmeter session</title>\n");
	html_style(out);
	buf_str(out, "</head><body><main>\n<h1>");
	put_escaped(out, m->model_name);
	buf_printf(out, "</h1>\n<p class=\"sub\">a recorded session of clampmeter: ");
	put_escaped(out, m->arch);
	buf_printf(out, ", %d layers of %d heads, width %d, %d tokens of vocabulary</p>\n<div class=\"tiles\">", m->hp.n_layers,
	    m->hp.n_heads, m->hp.d_model, m->hp.n_vocab);
	put_tile(out, "tokens of the text", timeline_n_tokens(h->steps), "d", "");
	put_tile(out, "generated", h->n_generated, "d", "");
	put_tile(out, "mean surprisal", h->surprisal, "f", "nats");
	put_tile(out, "mean entropy", h->trace.h_mean, "f", "nats");
	put_tile(out, "instability, at its peak", h->trace.peak, "f", "nats");
	put_tile(out, "position of that peak", h->peak_pos >= 0 ? h->peak_pos : (double)NAN, "d", "");
	buf_str(out, "</div>\n");
}

static void put_charts(struct buf *out, const struct history *h)
{
	static const char *const shown[] = { "entropy", "instability", "surprisal" };

	buf_str(out, "<h2>Signals along the text <small>shaded: given text; holes were not measured</small></h2>\n<div class=\"card\">\n");
	for (size_t k = 0; k < sizeof shown / sizeof *shown; k++)
		for (int i = 0; i < signal_count(); i++)
			if (!strcmp(signal_name(i), shown[k]))
				svg_chart(out, h, i);
	buf_str(out, "</div>\n");
}

static void put_edits(struct buf *out, const struct history *h)
{
	if (!h->n_edits)
		return;
	buf_str(out, "<h2>Edits <small>what was written into the forward pass, and what came of it</small></h2>\n<div class=\"card\"><table>"
	    "<tr><th class=\"num\">no.</th><th>edit</th><th class=\"num\">from position</th><th class=\"num\">steps</th>"
	    "<th class=\"num\">mean change</th><th>in the end</th></tr>\n");
	for (int i = 0; i < h->n_edits; i++) {
		const struct edited *ed = &h->edits[i];

		buf_printf(out, "<tr><td class=\"num\">%d</td><td class=\"line\">", ed->number);
		put_escaped(out, ed->text);
		buf_printf(out, "</td><td class=\"num\">%d</td><td class=\"num\">%ld</td><td class=\"num\">", ed->from, ed->steps);
		if (ed->steps)
			buf_printf(out, "%.3g on %.3g", ed->change / (double)ed->steps, ed->before / (double)ed->steps);
		buf_printf(out, "</td><td>%s%s</td></tr>\n", ed->on ? "on" : "off", ed->steps ? "" : ", <b>applied 0 times</b>");
	}
	buf_str(out, "</table></div>\n");
}

static void put_branches(struct buf *out, const struct export *x, const struct history *h)
{
	if (!timeline_n_branches(h->steps))
		return;
	buf_str(out, "<h2>Branches that were left <small>by going back and on another way</small></h2>\n<div class=\"card\"><table><tr>"
	    "<th class=\"num\">no.</th><th class=\"num\">left at</th><th>how it went on</th></tr>\n");
	for (int b = 0; b < timeline_n_branches(h->steps); b++) {
		struct timeline_branch br = timeline_branch(h->steps, b);
		struct buf text = { 0 };
		struct utf8_joiner j = { .n_held = 0 };

		for (int i = 0; i < br.n && i < 400; i++) {
			size_t n = 0;
			const char *s = br.steps[i] && br.steps[i]->token >= 0 ?
			    session_file_piece(x->file, br.steps[i]->token, &n) : NULL;

			if (s)
				utf8_join(&j, s, n, &text);
		}
		buf_printf(out, "<tr><td class=\"num\">%d</td><td class=\"num\">%d</td><td class=\"line\">", br.number, br.fork);
		put_shown(out, text.data ? text.data : "", text.len);
		buf_str(out, "</td></tr>\n");
		buf_free(&text);
	}
	buf_str(out, "</table></div>\n");
}

static void put_events(struct buf *out, const struct history *h)
{
	if (!h->n_events)
		return;
	buf_str(out, "<h2>What was done <small>commands as typed, samplers, captions</small></h2>\n<div class=\"card\"><table><tr>"
	    "<th class=\"num\">after position</th><th>kind</th><th></th></tr>\n");
	for (int i = 0; i < h->n_events; i++) {
		const struct event *ev = &h->events[i];

		buf_printf(out, "<tr%s><td class=\"num\">", ev->kind == ENTRY_SAY ? " class=\"say\"" : "");
		if (ev->pos >= 0)
			buf_printf(out, "%d", ev->pos);
		buf_printf(out, "</td><td class=\"kind\">%s</td><td class=\"line\">", ev->kind == ENTRY_COMMAND ? "command" :
		    ev->kind == ENTRY_SAY ? "caption" : "sampler");
		put_escaped(out, ev->text);
		buf_str(out, "</td></tr>\n");
	}
	buf_str(out, "</table></div>\n");
}

static void put_foot(struct buf *out, const struct export *x)
{
	const struct session_header *m = x->header;

	buf_str(out, "<footer><p>Figures are those of the forward pass as it was executed, in nats (natural logarithms) where no other unit "
	    "stands. Instability is the Jensen-Shannon divergence to the step before plus the entropy, both of the 50 likeliest tokens "
	    "(arXiv 2602.02863). Raw probability is the model's; final is after the sampler.</p>\n<p class=\"mono\">model ");
	put_escaped(out, m->file);
	buf_str(out, "<br>fingerprint ");
	put_escaped(out, *m->fingerprint ? m->fingerprint : "not known when the recording ended");
	buf_str(out, "<br>build ");
	put_escaped(out, m->build);
	buf_str(out, ", kernels ");
	put_escaped(out, m->kernels);
	buf_printf(out, ", %d threads, seed %llu, context %d%s, %d steps recorded</p></footer>\n", m->n_threads, (unsigned long long)m->seed,
	    m->n_ctx, m->exact ? ", activations in float" : "", x->n_steps);
}

bool export_html(struct export *x, struct err *e)
{
	struct history h;
	bool ok = history_read(&h, x, e);

	if (ok) {
		put_head(&x->text, x, &h);
		put_text(&x->text, x, &h);
		put_charts(&x->text, &h);
		buf_str(&x->text, "<h2>Attention <small>how widely each head looks: mean over the text of its entropy, 0 one position, 1 all "
		    "alike</small></h2>\n<div class=\"card\">");
		svg_heads(&x->text, &h, &x->header->hp);
		buf_str(&x->text, "</div>\n");
		put_edits(&x->text, &h);
		put_branches(&x->text, x, &h);
		put_events(&x->text, &h);
		put_foot(&x->text, x);
		buf_str(&x->text, "</main>\n");
		put_data(&x->text, x, &h);
		buf_str(&x->text, "</body></html>\n");
	}
	history_drop(&h);
	return ok;
}
