/* session_put -- the lines of a session file, written. */
#include <stdio.h>
#include <string.h>

#include "engine/base/utf8.h"
#include "engine/session_file.h"

static void put_string(struct buf *b, const char *key, const char *s)
{
	buf_printf(b, ",\"%s\":", key);
	buf_json(b, s, strlen(s));
}

void session_put_header(struct buf *out, const struct session_header *h)
{
	const struct hparams *hp = &h->hp;

	buf_printf(out, "{\"clampmeter\":\"session\",\"version\":%d", SESSION_VERSION);
	put_string(out, "build", h->build);
	put_string(out, "kernels", h->kernels);
	buf_printf(out, ",\"threads\":%d,\"piece\":%d,\"context\":%d,\"exact\":%s,\"bos\":%s,\"prompt_logits\":%s,"
	    "\"seed\":\"%llu\"", h->n_threads, h->piece, h->n_ctx, h->exact ? "true" : "false",
	    h->add_bos ? "true" : "false", h->prompt_logits ? "true" : "false", (unsigned long long)h->seed);
	buf_str(out, ",\"model\":{\"name\":");
	buf_json(out, h->model_name, strlen(h->model_name));
	put_string(out, "file", h->file);
	put_string(out, "fingerprint", h->fingerprint);
	put_string(out, "architecture", h->arch);
	buf_printf(out, ",\"n_layers\":%d,\"n_heads\":%d,\"n_kv_heads\":%d,\"d_model\":%d,\"d_head\":%d,\"d_ff\":%d,"
	    "\"n_vocab\":%d}}\n", hp->n_layers, hp->n_heads, hp->n_kv_heads, hp->d_model, hp->d_head, hp->d_ff, hp->n_vocab);
}

static void put_line(struct buf *out, const char *key, const char *text)
{
	buf_printf(out, "{\"%s\":", key);
	buf_json(out, text, strlen(text));
	buf_str(out, "}\n");
}

void session_put_command(struct buf *out, const char *line)
{
	put_line(out, "command", line);
}

void session_put_say(struct buf *out, const char *words)
{
	put_line(out, "say", words);
}

void session_put_piece(struct buf *out, int32_t id, const char *s, size_t n, bool mark)
{
	buf_printf(out, "{\"piece\":[%d,", id);
	if (utf8_is_whole(s, n)) {
		buf_json(out, s, n);
	} else {
		for (size_t i = 0; i < n; i++)
			buf_printf(out, "%c%d", i ? ',' : '[', (unsigned char)s[i]);
		buf_char(out, ']');
	}
	buf_str(out, mark ? ",\"mark\"]}\n" : "]}\n");
}

static void put_edits(struct buf *out, const struct edit_set *set)
{
	char text[256];

	buf_printf(out, "{\"order\":\"edits\",\"revision\":%u,\"edits\":[", edit_set_revision(set));
	for (int i = 0; i < edit_set_n(set); i++) {
		const struct edit *ed = edit_set_at(set, i);

		buf_printf(out, "%s{\"number\":%d,\"on\":%s,\"edit\":", i ? "," : "", ed->number, ed->on ? "true" : "false");
		edit_format(ed, text, sizeof text);
		buf_json(out, text, strlen(text));
		if (ed->vec) {
			buf_printf(out, ",\"operation\":\"%s\",\"scale\":", ed->vec->operation);
			buf_json_num(out, (double)ed->vec->scale);
			buf_str(out, ",\"vector\":[");
			for (int j = 0; j < ed->vec->n; j++) {
				if (j)
					buf_char(out, ',');
				buf_json_num(out, (double)ed->vec->v[j]);
			}
			buf_char(out, ']');
		}
		buf_char(out, '}');
	}
	buf_str(out, "]}\n");
}

void session_put_order(struct buf *out, const struct order *o)
{
	switch (o->kind) {
	case ORDER_APPEND:
	case ORDER_RESTART:
		buf_printf(out, "{\"order\":\"%s\",\"special\":%s,\"text\":", o->kind == ORDER_APPEND ? "append" : "restart",
		    o->special ? "true" : "false");
		buf_json(out, o->text, strlen(o->text));
		buf_str(out, "}\n");
		break;
	case ORDER_CHAT:
		buf_str(out, "{\"order\":\"chat\"");
		put_string(out, "text", o->text);
		buf_str(out, "}\n");
		break;
	case ORDER_CUT:
		buf_printf(out, "{\"order\":\"cut\",\"n\":%d}\n", o->n);
		break;
	case ORDER_REREAD:
		buf_printf(out, "{\"order\":\"reread\",\"n\":%d}\n", o->n);
		break;
	case ORDER_FORCE:
		buf_printf(out, "{\"order\":\"force\",\"n\":%d}\n", o->n);
		break;
	case ORDER_EDITS:
		put_edits(out, o->edits);
		break;
	case ORDER_CHAIN:
		buf_printf(out, "{\"order\":\"chain\",\"revision\":%u", chain_revision(o->chain));
		put_string(out, "text", chain_text(o->chain));
		buf_str(out, "}\n");
		break;
	case ORDER_SEED:
		buf_printf(out, "{\"order\":\"seed\",\"seed\":\"%llu\"}\n", (unsigned long long)o->seed);
		break;
	case ORDER_RUN:
	case ORDER_PAUSE:
	case ORDER_LOOK:
		break;
	}
}
