/* SPDX-License-Identifier: PostgreSQL */
#include "cli/template.h"

#include "base/buf.h"
#include "base/mem.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <unistd.h>

int template_check(const char *template, bool *ret_per_query)
{
	bool per_query = false;

	for (const char *at = template; *at != '\0'; at++) {
		if (*at != '%')
			continue;
		at++;
		if (*at != 'n' && *at != '%')
			return -EINVAL;
		per_query |= *at == 'n';
	}
	if (*template == '\0')
		return -ENOENT;
	*ret_per_query = per_query;
	return 0;
}

char *template_expand(const char *template, const char *name)
{
	struct buf path;
	char *copy;

	buf_init(&path, 0, NULL);
	for (const char *at = template; *at != '\0'; at++) {
		if (*at == '%' && at[1] == 'n' && name != NULL) {
			buf_puts(&path, name);
			at++;
		} else {
			buf_putc(&path, *at);
			at += *at == '%';
		}
	}
	copy = buf_error(&path) == 0 ? mem_strndup(buf_str(&path).data, buf_len(&path)) : NULL;
	buf_free(&path);
	return copy;
}

int template_check_directory(const char *template)
{
	char *path = template_expand(template, "n");
	int rc;

	if (path == NULL)
		return -ENOMEM;
	rc = access(dirname(path), W_OK | X_OK) < 0 ? -errno : 0;
	mem_free(path);
	return rc;
}

bool template_name_valid(const char *name)
{
	return name[0] != '\0' && strchr(name, '/') == NULL && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0 && strlen(name) < NAME_MAX;
}
