/*
 * Commands of the neurons pane: from a word to a neuron, from a neuron to words.
 */
#include "app/app.h"
#include "app/command.h"

bool cmd_search(struct app *a, const struct args *args, struct err *e)
{
	return neuronpane_search(a, args->text[0], e);
}

bool cmd_neuron(struct app *a, const struct args *args, struct err *e)
{
	return neuronpane_show(a, args->text[0], e);
}

bool cmd_vector(struct app *a, const struct args *args, struct err *e)
{
	return neuronpane_vector(a, args->text[0], e);
}

bool cmd_variant(struct app *a, const struct args *args, struct err *e)
{
	return neuronpane_variant(a, args->text[0], e);
}

bool cmd_map(struct app *a, const struct args *args, struct err *e)
{
	return neuronpane_map(a, args->text[0], e);
}
