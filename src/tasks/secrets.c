/*
 * Secrets: named in params, filled in at the last moment, and taken out of everything that comes
 * back. A value is looked for as it is, as JSON escapes it, in base64 and percent-encoded.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tasks/api/api_int.h"
#include "util/base64.h"

static const char environment_prefix[] = "NIMA_SECRET_";
static const char opening[] = "${secret:";
enum {
    NAME_CHARS_MAX = 64,
    FILE_BYTES_MAX = 1 << 20,
    LINE_BYTES_MIN = 8, /* shorter ones say nothing, and are words elsewhere */
};

static bool is_name(nima_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        if (!isalnum(c) && c != '_') {
            return false;
        }
    }
    return name.len > 0 && name.len <= NAME_CHARS_MAX;
}

/* The first value of a name stays: the environment is read before the file. */
static nima_rc add(struct nima_ctx *ctx, struct nima_secrets *secrets, nima_str name,
                   nima_str value)
{
    for (size_t i = 0; i < secrets->count; i++) {
        if (nima_str_eq(name, nima_str_of(secrets->names[i]))) {
            return NIMA_OK;
        }
    }
    if (!is_name(name) || value.len < NIMA_SECRET_BYTES_MIN || value.len > NIMA_SECRET_BYTES_MAX ||
        !nima_utf8_valid(value) || secrets->count >= NIMA_SECRETS_MAX) {
        return nima_fail(ctx, NIMA_E_INVALID,
                         "the secret " NIMA_FMT ": a name is letters, digits and _, a value has %d "
                         "to %d bytes, and there are %d at most",
                         NIMA_ARG(nima_utf8_prefix(name, NAME_CHARS_MAX)), NIMA_SECRET_BYTES_MIN,
                         NIMA_SECRET_BYTES_MAX, NIMA_SECRETS_MAX);
    }
    secrets->names[secrets->count] = nima_xstrdup(name);
    secrets->values[secrets->count++] = nima_xstrdup(value);
    return NIMA_OK;
}

static nima_rc read_environment(struct nima_ctx *ctx, char *const *environ_,
                                struct nima_secrets *out)
{
    for (; environ_ != NULL && *environ_ != NULL; environ_++) {
        nima_str rest = nima_str_of(*environ_), name;
        if (nima_str_starts(rest, nima_str_of(environment_prefix)) &&
            nima_str_next(&rest, '=', &name) && rest.len > 0) {
            name = nima_str_sub(name, sizeof(environment_prefix) - 1, name.len);
            NIMA_TRY(add(ctx, out, name, rest));
        }
    }
    return NIMA_OK;
}

static nima_rc read_open_file(struct nima_ctx *ctx, const char *path, int fd, nima_str *out)
{
    struct stat info;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_uid != geteuid() ||
        (info.st_mode & 077) != 0) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "secrets_file",
                               "tasks.secrets_file: %s must be a file of this user that nobody "
                               "else may read: chmod 600 %s",
                               path, path);
    }
    char *text = nima_alloc(ctx->arena, FILE_BYTES_MAX);
    ssize_t got = read(fd, text, FILE_BYTES_MAX);
    if (got < 0 || got == FILE_BYTES_MAX) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "secrets_file",
                               "tasks.secrets_file: %s cannot be read, or is too long", path);
    }
    *out = (nima_str){text, (size_t)got};
    return NIMA_OK;
}

static nima_rc read_file(struct nima_ctx *ctx, nima_str file, struct nima_secrets *out)
{
    const char *path = nima_cstr(ctx, file);
    nima_str text, line, name;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "secrets_file",
                               "tasks.secrets_file: %s cannot be opened: %s", path,
                               strerror(errno));
    }
    nima_rc rc = read_open_file(ctx, path, fd, &text);
    close(fd);
    NIMA_TRY(rc);
    while (nima_str_next(&text, '\n', &line)) {
        line = nima_str_trim(line);
        if (line.len > 0 && line.ptr[0] != '#' && nima_str_next(&line, '=', &name)) {
            NIMA_TRY(add(ctx, out, nima_str_trim(name), nima_str_trim(line)));
        }
    }
    return NIMA_OK;
}

nima_rc nima_secrets_read(struct nima_ctx *ctx, nima_str file, char *const *environ_,
                          struct nima_secrets *out)
{
    NIMA_TRY(read_environment(ctx, environ_, out));
    return file.len > 0 ? read_file(ctx, file, out) : NIMA_OK;
}

void nima_secrets_done(struct nima_secrets *secrets)
{
    for (size_t i = 0; i < secrets->count; i++) {
        explicit_bzero(secrets->values[i], strlen(secrets->values[i]));
        free(secrets->values[i]);
        free(secrets->names[i]);
    }
    secrets->count = 0;
}

/* Filling in */

bool nima_secrets_named(nima_str json)
{
    return nima_str_find(json, nima_str_of(opening), 0) != SIZE_MAX;
}

/* The value as it stands inside a JSON string. */
static nima_str escaped(struct nima_ctx *ctx, nima_str value)
{
    struct nima_buf buf;
    nima_buf_init(&buf, value.len * 6 + 2);
    nima_json_write_str(&buf, value);
    nima_str quoted = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    explicit_bzero(buf.ptr, buf.len);
    nima_buf_done(&buf);
    return nima_str_sub(quoted, 1, quoted.len - 1);
}

static nima_rc value_of(struct nima_ctx *ctx, const struct nima_secrets *secrets, nima_str name,
                        nima_str *out)
{
    for (size_t i = 0; i < secrets->count; i++) {
        if (nima_str_eq(name, nima_str_of(secrets->names[i]))) {
            *out = escaped(ctx, nima_str_of(secrets->values[i]));
            return NIMA_OK;
        }
    }
    name = nima_utf8_prefix(name, NAME_CHARS_MAX);
    return nima_fail_field(ctx, NIMA_E_INVALID, "params",
                           "there is no secret " NIMA_FMT "; set it as NIMA_SECRET_" NIMA_FMT
                           " or in the secrets file",
                           NIMA_ARG(name), NIMA_ARG(name));
}

nima_rc nima_secrets_fill(struct nima_ctx *ctx, const struct nima_secrets *secrets, nima_str json,
                          nima_str *out)
{
    struct nima_buf buf;
    nima_rc rc = NIMA_OK;
    size_t at = 0;
    nima_buf_init(&buf, (size_t)2 * NIMA_TASK_PARAMS_BYTES_MAX);
    while (rc == NIMA_OK) {
        size_t from = nima_str_find(json, nima_str_of(opening), at);
        size_t end = from == SIZE_MAX ? SIZE_MAX : nima_str_find(json, NIMA_STR("}"), from);
        nima_str value;
        if (end == SIZE_MAX) {
            break;
        }
        nima_buf_add(&buf, nima_str_sub(json, at, from));
        nima_str name = nima_str_sub(json, from + sizeof(opening) - 1, end);
        rc = value_of(ctx, secrets, name, &value);
        if (rc == NIMA_OK) {
            nima_buf_add(&buf, value);
        }
        at = end + 1;
    }
    if (rc == NIMA_OK) {
        nima_buf_add(&buf, nima_str_sub(json, at, json.len));
        rc = nima_buf_take(ctx, &buf, out);
    }
    nima_buf_done(&buf);
    return rc;
}

/* Masking */

static nima_str replace_all(struct nima_ctx *ctx, nima_str text, nima_str what, nima_str by)
{
    size_t at = 0, found = what.len > 0 ? nima_str_find(text, what, 0) : SIZE_MAX;
    if (found == SIZE_MAX) {
        return text;
    }
    struct nima_buf buf;
    nima_buf_init(&buf, SIZE_MAX / 2);
    for (; found != SIZE_MAX; found = nima_str_find(text, what, at)) {
        nima_buf_add(&buf, nima_str_sub(text, at, found));
        nima_buf_add(&buf, by);
        at = found + what.len;
    }
    nima_buf_add(&buf, nima_str_sub(text, at, text.len));
    text = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    return text;
}

/* Where a text is shown line by line, one of several lines stands there line by line too. */
static nima_str mask_lines(struct nima_ctx *ctx, nima_str text, nima_str value, nima_str name)
{
    nima_str line;
    if (nima_str_find(value, NIMA_STR("\n"), 0) == SIZE_MAX) {
        return text;
    }
    while (nima_str_next(&value, '\n', &line)) {
        line = nima_str_trim(line);
        text = line.len >= LINE_BYTES_MIN ? replace_all(ctx, text, line, name) : text;
    }
    return text;
}

nima_str nima_secrets_mask(struct nima_ctx *ctx, const struct nima_secrets *secrets, nima_str text)
{
    for (size_t i = 0; i < secrets->count && text.len > 0; i++) {
        nima_str value = nima_str_of(secrets->values[i]);
        nima_str name = nima_fmt(ctx, "(secret %s)", secrets->names[i]);
        nima_str base64 = nima_base64_write(ctx, value);
        while (nima_str_ends(base64, NIMA_STR("="))) {
            base64.len--;
        }
        nima_str once = escaped(ctx, value); /* twice: JSON that is told in JSON */
        const nima_str forms[] = {value, once, escaped(ctx, once), nima_url_escape(ctx, value, ""),
                                  base64};
        for (size_t f = 0; f < sizeof(forms) / sizeof(forms[0]); f++) {
            text = replace_all(ctx, text, forms[f], name);
        }
        text = mask_lines(ctx, text, value, name);
    }
    return text;
}

nima_str nima_secrets_cut_tail(const struct nima_secrets *secrets, nima_str text)
{
    size_t shortest = text.len;
    for (size_t i = 0; i < secrets->count; i++) {
        nima_str value = nima_str_of(secrets->values[i]);
        for (size_t n = 1; n <= value.len && n <= text.len; n++) {
            if (nima_str_ends(text, nima_str_sub(value, 0, n)) && text.len - n < shortest) {
                shortest = text.len - n;
            }
        }
    }
    return nima_str_sub(text, 0, shortest);
}
