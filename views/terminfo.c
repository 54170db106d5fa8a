#include "views/terminfo.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <term.h>
#undef lines
#undef columns
#undef tab
#undef newline

enum {
	MAGIC_WIDE = 01036,             /* term(5): numbers take four bytes */
	ABSENT = 0xffff,
	MOST = 32000,                   /* bytes of a table: offsets are signed and short */
};

/* Where the entry says something else than the terminal's own: ISO 8613-6 colours,
 * in the form that every terminal with them takes. */
static const struct { const char *fore, *back; } paints[2] = {
	{ "\033[38;5;%p1%dm", "\033[48;5;%p1%dm" },
	{ "\033[38;2;%p1%{65536}%/%d;%p1%{256}%/%{255}%&%d;%p1%{255}%&%dm",
	    "\033[48;2;%p1%{65536}%/%d;%p1%{256}%/%{255}%&%d;%p1%{255}%&%dm" },
};

static void put16(struct buf *b, unsigned v)
{
	buf_char(b, (char)(v & 255));
	buf_char(b, (char)(v >> 8 & 255));
}

static void put32(struct buf *b, unsigned v)
{
	put16(b, v & 0xffff);
	put16(b, v >> 16);
}

static void even(struct buf *b)
{
	if (b->len & 1)
		buf_char(b, 0);
}

static bool is_text(const char *s)
{
	return s && s != (const char *)-1;
}

/* The offset of a string in its table, where it is put. */
static void put_text(struct buf *offsets, struct buf *table, const char *s)
{
	put16(offsets, is_text(s) ? (unsigned)table->len : ABSENT);
	if (is_text(s))
		buf_add(table, s, strlen(s) + 1);
}

static const char *string_of(const char *cap, bool direct)
{
	if (!strcmp(cap, "setaf"))
		return paints[direct].fore;
	if (!strcmp(cap, "setab"))
		return paints[direct].back;
	/* The palette stays the user's. */
	if (!strcmp(cap, "initc") || !strcmp(cap, "initp") || !strcmp(cap, "oc"))
		return NULL;
	return tigetstr(cap);
}

static int number_of(const char *cap, int colors)
{
	if (!strcmp(cap, "colors"))
		return colors;
	return !strcmp(cap, "pairs") ? 0x10000 : tigetnum(cap);
}

static bool flag_of(const char *cap)
{
	return strcmp(cap, "ccc") != 0 && tigetflag(cap) > 0;
}

/* What is not in the standard tables; of the terminal's own, those that ncurses
 * goes by: default colours, the form in which the mouse is reported, and the
 * scrollback that clearing leaves alone. */
static void put_extended(struct buf *b, bool direct)
{
	static const char *const flags[] = { "AX", "RGB" }, *const texts[] = { "XM", "xm", "E3" };
	bool has[2] = { tigetflag("AX") > 0, direct };
	struct buf offsets = { 0 }, names = { 0 }, table = { 0 }, name_table = { 0 };
	int n_flags = 0, n_texts = 0;

	for (int i = 0; i < 2; i++)
		if (has[i]) {
			put_text(&names, &name_table, flags[i]);
			n_flags++;
		}
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (is_text(tigetstr(texts[i]))) {
			put_text(&offsets, &table, tigetstr(texts[i]));
			put_text(&names, &name_table, texts[i]);
			n_texts++;
		}
	put16(b, (unsigned)n_flags);
	put16(b, 0);
	put16(b, (unsigned)n_texts);
	put16(b, (unsigned)(n_flags + 2 * n_texts));
	put16(b, (unsigned)(table.len + name_table.len));
	for (int i = 0; i < n_flags; i++)
		buf_char(b, 1);
	even(b);
	buf_add(b, offsets.data, offsets.len);
	buf_add(b, names.data, names.len);
	buf_add(b, table.data, table.len);
	buf_add(b, name_table.data, name_table.len);
	buf_free(&offsets);
	buf_free(&names);
	buf_free(&table);
	buf_free(&name_table);
}

/* The compiled form, as term(5) has it. */
static void put_entry(struct buf *b, const char *name, int colors)
{
	struct buf flags = { 0 }, numbers = { 0 }, offsets = { 0 }, table = { 0 };
	int n_flags = 0, n_numbers = 0, n_texts = 0;

	for (; boolnames[n_flags]; n_flags++)
		buf_char(&flags, flag_of(boolnames[n_flags]));
	for (; numnames[n_numbers]; n_numbers++)
		put32(&numbers, (unsigned)number_of(numnames[n_numbers], colors));
	for (; strnames[n_texts]; n_texts++)
		put_text(&offsets, &table, string_of(strnames[n_texts], colors == TERMINFO_DIRECT));
	put16(b, MAGIC_WIDE);
	put16(b, (unsigned)strlen(name) + 1);
	put16(b, (unsigned)n_flags);
	put16(b, (unsigned)n_numbers);
	put16(b, (unsigned)n_texts);
	put16(b, (unsigned)table.len);
	buf_add(b, name, strlen(name) + 1);
	buf_add(b, flags.data, flags.len);
	even(b);
	buf_add(b, numbers.data, numbers.len);
	buf_add(b, offsets.data, offsets.len);
	buf_add(b, table.data, table.len);
	even(b);
	put_extended(b, colors == TERMINFO_DIRECT);
	buf_free(&flags);
	buf_free(&numbers);
	buf_free(&offsets);
	buf_free(&table);
}

bool terminfo_with(const char *name, int colors, struct buf *out)
{
	struct buf entry = { 0 };
	int found;
	bool ok;

	if (strlen(name) > 100 || setupterm(name, 1, &found) != OK)
		return false;
	/* A terminal without colours, or without a way back to its own, is left alone. */
	ok = tigetnum("colors") >= 8 && is_text(tigetstr("op"));
	if (ok)
		put_entry(&entry, name, colors);
	del_curterm(cur_term);
	ok = ok && entry.len < MOST;
	if (ok)
		buf_str(out, "hex:");
	for (size_t i = 0; ok && i < entry.len; i++)
		buf_printf(out, "%02X", (unsigned char)entry.data[i]);
	buf_free(&entry);
	return ok;
}
