#include "views/glyph.h"

#include <utf8proc.h>

static const struct { uint32_t unicode, ascii; } glyphs[N_GLYPHS] = {
#define GLYPH(id, unicode, ascii, doc) [GLYPH_##id] = { unicode, ascii },
#include "views/glyphs.def"
#undef GLYPH
};

uint32_t glyph_char(enum glyph g, bool ascii)
{
	return ascii ? glyphs[g].ascii : glyphs[g].unicode;
}

uint32_t glyph_density(int tenth)
{
	static const char ramp[] = " .:-=+*#%@";

	return (uint32_t)ramp[tenth < 0 ? 0 : tenth > 9 ? 9 : tenth];
}

uint32_t glyph_column(int eighths, bool ascii)
{
	if (eighths <= 0)
		return ' ';
	if (eighths > 8)
		eighths = 8;
	return ascii ? glyph_density(eighths + 1) : 0x2580u + (uint32_t)eighths;
}

uint32_t glyph_bar(int halves, bool ascii)
{
	if (halves <= 0)
		return ascii ? ' ' : 0x2500;
	if (ascii)
		return halves > 1 ? '=' : '-';
	return halves > 1 ? 0x2501 : 0x257e;
}

uint32_t glyph_line(int bits, bool ascii)
{
	/* Indexed by LINE_ bits: up 1, down 2, left 4, right 8. */
	static const uint16_t unicode[16] = {
		' ',    0x2575, 0x2577, 0x2502, 0x2574, 0x256f, 0x256e, 0x2524,
		0x2576, 0x2570, 0x256d, 0x251c, 0x2500, 0x2534, 0x252c, 0x253c,
	};
	static const char plain[16] = " |||-+++-+++-+++";

	return ascii ? (uint32_t)plain[bits & 15] : unicode[bits & 15];
}

uint32_t glyph_braille(int dots)
{
	/* Unicode numbers the upper six dots column by column, the lowest row last. */
	static const uint8_t bit[8] = { 0x01, 0x02, 0x04, 0x40, 0x08, 0x10, 0x20, 0x80 };
	uint32_t cp = 0x2800;

	for (int i = 0; i < 8; i++)
		if (dots & 1 << i)
			cp |= bit[i];
	return cp;
}

int glyph_width(uint32_t cp)
{
	return cp < 0x7f ? 1 : utf8proc_charwidth((utf8proc_int32_t)cp);
}
