#include "app/process.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The value of "KEY: value" in one of the system's text files. */
static bool find_value(const char *path, const char *key, char *out, size_t room)
{
	FILE *f = fopen(path, "r");
	char line[256];
	bool found = false;

	while (f && !found && fgets(line, sizeof line, f)) {
		const char *value = strchr(line, ':');

		if (strncmp(line, key, strlen(key)) || !value)
			continue;
		value += 1 + strspn(value + 1, " \t");
		snprintf(out, room, "%.*s", (int)strcspn(value, "\n"), value);
		found = true;
	}
	if (f)
		fclose(f);
	return found;
}

size_t process_peak_memory(void)
{
	char text[64];
	unsigned long kb = 0;

	if (find_value("/proc/self/status", "VmHWM", text, sizeof text) && sscanf(text, "%lu kB", &kb) != 1)
		kb = 0;
	return (size_t)kb * 1024;
}

const char *process_cpu(char *out, size_t room)
{
	if (!find_value("/proc/cpuinfo", "model name", out, room))
		snprintf(out, room, "%s", "");
	return out;
}
