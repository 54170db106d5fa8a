#include "app/answer.h"

#include <string.h>

#include "app/app.h"
#include "app/script.h"

void app_answer(struct app *a, const char *what, const char *text, const struct figure *figures, int n_figures)
{
	char place[256];

	app_say(a, "%s", text);
	script_place(a, place, sizeof place);
	if (a->tell)
		a->tell(place, what, text);
	if (!a->hurry)
		return;
	buf_str(&a->answers, a->answers.len ? ", {\"at\": " : "{\"at\": ");
	buf_json(&a->answers, place, strlen(place));
	buf_str(&a->answers, ", \"command\": ");
	buf_json(&a->answers, what, strlen(what));
	for (int i = 0; i < n_figures; i++) {
		buf_printf(&a->answers, ", \"%s\": ", figures[i].name);
		buf_json_num(&a->answers, figures[i].value);
	}
	buf_str(&a->answers, ", \"text\": ");
	buf_json(&a->answers, text, strlen(text));
	buf_char(&a->answers, '}');
}
