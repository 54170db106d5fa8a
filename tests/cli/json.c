/*
 * json FILE [KEY...] -- checks that the file is one JSON value, and prints what the
 * keys lead to: strings as they are, everything else as JSON.  Numbers index
 * arrays.  Status 1 with a line on standard error when something is not there.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const json_t *step_into(const json_t *v, const char *key)
{
	return json_is_array(v) ? json_array_get(v, strtoul(key, NULL, 10)) : json_object_get(v, key);
}

int main(int argc, char **argv)
{
	json_error_t e;
	json_t *root = argc > 1 ? json_load_file(argv[1], JSON_DECODE_ANY | JSON_ALLOW_NUL, &e) : NULL;
	const json_t *v = root;
	char *text = NULL;

	if (!root) {
		fprintf(stderr, "not JSON: line %d: %s\n", e.line, e.text);
		return 1;
	}
	for (int i = 2; v && i < argc; i++)
		if (!(v = step_into(v, argv[i])))
			fprintf(stderr, "no %s\n", argv[i]);
	if (json_is_string(v))
		fwrite(json_string_value(v), 1, json_string_length(v), stdout);
	else if (v && (text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT)))
		fputs(text, stdout);
	putchar('\n');
	free(text);
	json_decref(root);
	return v ? 0 : 1;
}
