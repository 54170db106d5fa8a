#include "views/clipboard.h"

#include <stdint.h>

void base64(const void *bytes, size_t n, struct buf *out)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *p = bytes;

	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i;
		uint32_t three = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (left > 2 ? p[i + 2] : 0);

		buf_char(out, letters[three >> 18]);
		buf_char(out, letters[three >> 12 & 63]);
		buf_char(out, left > 1 ? letters[three >> 6 & 63] : '=');
		buf_char(out, left > 2 ? letters[three & 63] : '=');
	}
}

void clipboard_sequence(const char *bytes, size_t n, bool in_tmux, struct buf *out)
{
	size_t from = out->len;

	buf_str(out, "\033]52;c;");
	base64(bytes, n, out);
	buf_char(out, '\a');
	if (in_tmux) {
		struct buf again = { 0 };

		buf_add(&again, out->data + from, out->len - from);
		buf_str(out, "\033Ptmux;\033");        /* an escape inside is doubled: there is one, the first */
		buf_add(out, again.data, again.len);
		buf_str(out, "\033\\");
		buf_free(&again);
	}
}
