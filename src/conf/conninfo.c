/* SPDX-License-Identifier: PostgreSQL */
#include "conf/conninfo.h"

#include "base/buf.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#define MASK "****"

/* Options whose values are secret, of all versions of libpq. */
static const char *const secret_names[] = {
	"password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key",
};

static bool is_secret(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(secret_names); i++) {
		/* libpq knows no capitals and will refuse them, but a password is one however it is
		 * announced */
		if (strlen(secret_names[i]) == len && strncasecmp(secret_names[i], name, len) == 0)
			return true;
	}
	return false;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static const char *skip_space(const char *p)
{
	while (is_space(*p))
		p++;
	return p;
}

/* The end of a value of the key = value form, as libpq finds it; NULL when its quote is not closed.
 */
static const char *value_end(const char *p)
{
	bool quoted = *p == '\'';

	if (quoted)
		p++;
	while (*p != '\0' && (quoted ? *p != '\'' : !is_space(*p))) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		p++;
	}
	if (quoted && *p == '\0')
		return NULL;
	return quoted ? p + 1 : p;
}

static int mask_pairs(const char *p, struct buf *out, const char **ret_problem)
{
	while (*skip_space(p) != '\0') {
		const char *name = skip_space(p), *name_end = name, *value, *end;

		while (*name_end != '\0' && *name_end != '=' && !is_space(*name_end))
			name_end++;
		value = skip_space(name_end);
		if (name_end == name || *value != '=') {
			*ret_problem = name_end == name ? "an = without an option before it"
							: "an option without an = after it";
			return -EINVAL;
		}
		value = skip_space(value + 1);
		end = value_end(value);
		if (end == NULL) {
			*ret_problem = "a quote is not closed";
			return -EINVAL;
		}
		buf_append(out, p, (size_t)(value - p));
		if (!is_secret(name, (size_t)(name_end - name)) || end == value)
			buf_append(out, value, (size_t)(end - value));
		else
			/* what follows a quoted one need not be set off from it */
			buf_puts(out, *value == '\'' ? "'" MASK "'" : MASK);
		p = end;
	}
	buf_puts(out, p);
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

/* An option's name in a URI may be written with %XX. */
static bool is_secret_encoded(const char *name, size_t len)
{
	char plain[32];
	size_t used = 0;

	for (size_t i = 0; i < len; i++, used++) {
		if (used == sizeof(plain))
			return false;
		plain[used] = name[i];
		if (name[i] == '%' && len - i > 2 && hex_digit(name[i + 1]) >= 0 &&
		    hex_digit(name[i + 2]) >= 0) {
			plain[used] = (char)(hex_digit(name[i + 1]) * 16 + hex_digit(name[i + 2]));
			i += 2;
		}
	}
	return is_secret(plain, used);
}

/* host:port,[v6]:port,… and nothing else: no password that was meant to stand before an @. */
static bool is_host_list(const char *p, const char *end)
{
	while (p < end) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		const char *host_end = comma != NULL ? comma : end, *port = p;

		if (*p == '[')
			while (port < host_end && *port != ']')
				port++;
		while (port < host_end && *port != ':')
			port++;
		for (port++; port < host_end; port++) {
			if (*port < '0' || *port > '9')
				return false;
		}
		p = host_end + 1;
	}
	return true;
}

/*
 * The @ that ends user:password, NULL without one. libpq takes the first @ before the first /,
 * whatever lies between. A password with an unescaped @ or / in it is therefore taken apart and
 * refused by it, but must not be shown either.
 */
static const char *credentials_end(const char *p)
{
	const char *end = p + strlen(p), *host_end = strchrnul(p, '/');
	const char *at = memchr(p, '@', (size_t)(host_end - p));

	if (at != NULL)
		return memrchr(at, '@', 1 + strcspn(at + 1, "/?"));
	if (is_host_list(p, p + strcspn(p, "/?")))
		return NULL;
	return memrchr(p, '@', (size_t)(end - p));
}

static void mask_uri(const char *p, struct buf *out)
{
	const char *rest = strstr(p, "://") + 3, *at = credentials_end(rest);
	const char *colon = at == NULL ? NULL : memchr(rest, ':', (size_t)(at - rest));

	if (colon != NULL && colon + 1 < at) {
		buf_append(out, p, (size_t)(colon + 1 - p));
		buf_puts(out, MASK);
		p = rest = at;
	}
	rest += strcspn(rest, "?");
	buf_append(out, p, (size_t)(rest - p));
	/* A ? in a user's name is no beginning of options to libpq: each ? and & may be one here.
	 */
	for (p = rest; *p != '\0';) {
		const char *name = p + 1, *end = name + strcspn(name, "?&");
		const char *equals = memchr(name, '=', (size_t)(end - name));

		if (equals != NULL && is_secret_encoded(name, (size_t)(equals - name))) {
			buf_append(out, p, (size_t)(equals + 1 - p));
			buf_puts(out, MASK);
			end = strchrnul(name, '&');
		} else {
			buf_append(out, p, (size_t)(end - p));
		}
		p = end;
	}
}

bool conninfo_is_uri(const char *conninfo)
{
	return strncmp(conninfo, "postgresql://", 13) == 0 ||
	       strncmp(conninfo, "postgres://", 11) == 0;
}

int conninfo_mask(const char *conninfo, struct buf *out, const char **ret_problem)
{
	size_t before = buf_len(out);
	int rc;

	if (conninfo_is_uri(conninfo)) {
		mask_uri(conninfo, out);
		return 0;
	}
	rc = mask_pairs(conninfo, out, ret_problem);
	/* An error of the buffer is kept for the caller to see. */
	if (rc < 0 && buf_error(out) == 0)
		buf_truncate(out, before);
	return rc;
}
