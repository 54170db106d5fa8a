#include "engine/pieces.h"

#include <string.h>

#include "engine/base/mem.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int piece_byte(struct gguf_str p)
{
	if (p.n != 6 || memcmp(p.s, "<0x", 3) != 0 || p.s[5] != '>')
		return -1;
	int hi = hex_digit(p.s[3]), lo = hex_digit(p.s[4]);

	return hi < 0 || lo < 0 ? -1 : hi << 4 | lo;
}

bool piece_is_text(const struct pieces *p, int id)
{
	int kind = p->kind ? p->kind[id] : TOKEN_NORMAL;

	return kind != TOKEN_CONTROL && kind != TOKEN_UNKNOWN && kind != TOKEN_BYTE;
}

/* Printable Latin-1 stands for itself; the 68 other bytes are numbered from U+0100:
 * 00..20, 7F..A0, AD. */
uint32_t alphabet_char(unsigned char byte)
{
	if (byte <= 0x20)
		return 0x100u + byte;
	if (byte >= 0x7f && byte <= 0xa0)
		return 0x121u + (byte - 0x7fu);
	return byte == 0xad ? 0x143 : byte;
}

int alphabet_byte(uint32_t cp)
{
	if (cp > 0x143)
		return -1;
	if (cp == 0x143)
		return 0xad;
	if (cp >= 0x121)
		return (int)(cp - 0x121 + 0x7f);
	if (cp >= 0x100)
		return (int)(cp - 0x100);
	return alphabet_char((unsigned char)cp) == cp ? (int)cp : -1;
}

static void ids_room(struct ids *ids, size_t n)
{
	if (ids->n + n <= ids->room)
		return;
	while (ids->room < ids->n + n)
		ids->room = ids->room ? ids->room * 2 : 64;
	ids->v = mem_resize(ids->v, ids->room, sizeof *ids->v);
}

void ids_add(struct ids *ids, int32_t id)
{
	ids_room(ids, 1);
	ids->v[ids->n++] = id;
}

void ids_repeat(struct ids *ids, size_t at, size_t n)
{
	ids_room(ids, n);
	memcpy(ids->v + ids->n, ids->v + at, n * sizeof *ids->v);
	ids->n += n;
}

bool ids_add_unknown(struct ids *ids, const struct pieces *p, unsigned char byte, struct err *e)
{
	if (p->unk < 0)
		return err_set(e, ERR_UNSUPPORTED,
		    "the vocabulary has no token for byte 0x%02X of the text, and no unknown token", byte);
	ids_add(ids, p->unk);
	return true;
}
