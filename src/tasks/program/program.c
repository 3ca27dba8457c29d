/*
 * An action that is a program: params as JSON on its standard input, a JSON object on its standard
 * output. It runs in the sandbox, without network, sees the system's programs and libraries, its
 * manifest's folder and what the manifest names, and nothing of the server's environment; a secret
 * comes to it on standard input alone.
 */
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>

#include "tasks/program/program_int.h"
#include "tasks/sandbox.h"
#include "util/child.h"
#include "util/clock.h"

enum {
    ERR_BYTES_MAX = 65536,
    ERR_TOLD_BYTES = 300,
    FILE_BYTES_MAX = 1 << 28,
    RESOURCE_BYTES_MAX = 1000,
    PATHS_MAX = 96,
    INPUT_BYTES_MAX = 2 * NIMA_TASK_PARAMS_BYTES_MAX + (1 << 16),
};

static const struct nima_program_shape *shape_of(const void *params)
{
    return *(const struct nima_program_shape *const *)params;
}

static nima_str name_of(struct nima_ctx *ctx, const struct nima_program_shape *shape)
{
    return nima_fmt(ctx, "%s.%s", shape->program->integration.name, shape->action->name);
}

bool nima_program_configured(const struct nima_tasks *tasks)
{
    return nima_sandbox_landlock() > 0 || nima_str_eq(tasks->options.sandbox, NIMA_STR("off"));
}

/* What rules are matched with */

static nima_rc add_value(struct nima_ctx *ctx, const struct nima_shape *shape, const void *params,
                         nima_str name, struct nima_buf *buf)
{
    for (size_t i = 0; i < shape->count; i++) {
        const struct nima_field *field = &shape->fields[i];
        const void *value = (const char *)params + field->offset;
        if (!nima_str_eq(name, nima_str_of(field->name))) {
            continue;
        }
        if (field->has != 0 && !*((const bool *)params + field->has - 1)) {
            return NIMA_OK; /* not given */
        }
        if (field->kind == NIMA_KIND_INT) {
            nima_buf_fmt(buf, "%lld", (long long)*(const int64_t *)value);
        } else if (field->kind == NIMA_KIND_NUM) {
            nima_json_write_num(buf, *(const double *)value);
        } else if (field->kind == NIMA_KIND_BOOL) {
            nima_buf_add(buf, *(const bool *)value ? NIMA_STR("true") : NIMA_STR("false"));
        } else {
            nima_buf_add(buf, *(const nima_str *)value);
        }
        if (buf->overflowed) {
            return nima_fail_field(ctx, NIMA_E_INVALID, field->name,
                                   "%s is too long for what rules are matched with (%d bytes)",
                                   field->name, RESOURCE_BYTES_MAX);
        }
    }
    return NIMA_OK;
}

static nima_rc fill(struct nima_ctx *ctx, const struct nima_shape *shape, const void *params,
                    nima_str text, nima_str *out)
{
    struct nima_buf buf;
    nima_rc rc = NIMA_OK;
    nima_buf_init(&buf, RESOURCE_BYTES_MAX);
    while (rc == NIMA_OK && text.len > 0) {
        size_t from = nima_str_find(text, NIMA_STR("{"), 0);
        size_t end = from != SIZE_MAX ? nima_str_find(text, NIMA_STR("}"), from) : SIZE_MAX;
        nima_buf_add(&buf, nima_str_sub(text, 0, end != SIZE_MAX ? from : text.len));
        if (end == SIZE_MAX) {
            break;
        }
        rc = add_value(ctx, shape, params, nima_str_sub(text, from + 1, end), &buf);
        text = nima_str_sub(text, end + 1, text.len);
    }
    rc = rc == NIMA_OK ? nima_buf_take(ctx, &buf, out) : rc;
    nima_buf_done(&buf);
    return rc;
}

nima_rc nima_program_resources(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                               const void *params, nima_str out[NIMA_ACTION_RESOURCES])
{
    const struct nima_program_shape *shape = shape_of(params);
    if (!nima_program_configured(tasks)) {
        return nima_fail(ctx, NIMA_E_FORBIDDEN,
                         "tasks.sandbox: this kernel has no Landlock to keep a program in; nima "
                         "doctor says what can be done");
    }
    for (size_t i = 0; i < NIMA_ACTION_RESOURCES && shape->call.templates[i].ptr != NULL; i++) {
        NIMA_TRY(fill(ctx, &shape->shape, params, shape->call.templates[i], &out[i]));
    }
    return NIMA_OK;
}

/* Running it */

/* What every program needs, and nothing that is this machine's own. */
static const char *const system_paths[] = {
    "/usr",           "/bin",         "/lib",      "/lib64",    "/etc/ld.so.cache",
    "/etc/localtime", "/dev/urandom", "/dev/zero", "/dev/null", NULL};

static size_t add_paths(const char **paths, size_t count, const char *const *more)
{
    for (size_t i = 0; more[i] != NULL && count < PATHS_MAX - 1; i++) {
        if (more[i][0] == '/') { /* of arguments, those that are paths */
            paths[count++] = more[i];
        }
    }
    paths[count] = NULL;
    return count;
}

static nima_rc start(struct nima_ctx *ctx, const struct nima_job *job,
                     const struct nima_program_shape *shape, nima_str input,
                     struct nima_child_end *end)
{
    static const char *const also_writable[] = {"/dev/null", NULL};
    const struct nima_program_call *call = &shape->call;
    const char *own[] = {shape->program->folder, NULL}, *readable[PATHS_MAX], *writable[PATHS_MAX];
    struct nima_sandbox sandbox;
    size_t count = add_paths(readable, 0, system_paths);
    count = add_paths(readable, count, own);
    count = add_paths(readable, count, call->readable);
    (void)add_paths(readable, count, call->argv);
    (void)add_paths(writable, add_paths(writable, 0, call->writable), also_writable);
    struct nima_sandbox_options options = {
        .readable = readable,
        .writable = writable,
        .memory_bytes = (size_t)call->memory_mib << 20,
        .file_bytes = FILE_BYTES_MAX,
        .cpu_s = (int)call->timeout_s,
        .without_landlock = nima_str_eq(job->tasks->options.sandbox, NIMA_STR("off"))};
    const char *const env[] = {
        "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8",
        nima_fmt(ctx, "NIMA_TASK_ID=" NIMA_FMT, NIMA_ARG(job->id)).ptr,
        call->writable[0] != NULL ? nima_fmt(ctx, "TMPDIR=%s", call->writable[0]).ptr : NULL, NULL};
    struct nima_child child = {.argv = call->argv,
                               .env = env,
                               .folder = shape->program->folder,
                               .input = input,
                               .out_bytes_max = (size_t)call->output_kib << 10,
                               .err_bytes_max = ERR_BYTES_MAX,
                               .err_end = true,
                               .before = nima_sandbox_enter,
                               .user = &sandbox};
    NIMA_TRY(nima_sandbox_open(ctx, &options, &sandbox));
    nima_rc rc = nima_child_run(ctx, &child, end);
    nima_sandbox_close(&sandbox);
    return rc;
}

/* The end of what it wrote there, on one line; masked before it is cut, so that no half of a
 * secret is left. */
static nima_str last_words(struct nima_ctx *ctx, const struct nima_tasks *tasks, nima_str err)
{
    err = nima_str_trim(nima_secrets_mask(ctx, &tasks->secrets, err));
    struct nima_buf buf;
    size_t from = err.len > ERR_TOLD_BYTES ? err.len - ERR_TOLD_BYTES : 0;
    nima_buf_init(&buf, 4 * ERR_TOLD_BYTES);
    while (from < err.len && from > 0 && ((unsigned char)err.ptr[from] & 0xC0) == 0x80) {
        from++;
    }
    for (size_t i = from; i < err.len; i++) {
        unsigned char c = (unsigned char)err.ptr[i];
        nima_buf_add_char(&buf, c < 0x20 || c == 0x7F ? ' ' : err.ptr[i]);
    }
    nima_str text = nima_buf_view(&buf);
    text = text.len > 0 && nima_utf8_valid(text)
               ? nima_fmt(ctx, "%s" NIMA_FMT, from > 0 ? ": …" : ": ", NIMA_ARG(text))
               : NIMA_STR("");
    nima_buf_done(&buf);
    return text;
}

static nima_rc take(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                    const struct nima_program_shape *shape, const struct nima_child_end *end,
                    nima_str *result)
{
    nima_str name = name_of(ctx, shape), words = last_words(ctx, tasks, end->err);
    const struct nima_json *tree;
    if (end->out_cut) {
        return nima_fail(ctx, NIMA_E_TOO_LARGE, NIMA_FMT " wrote over %lld KiB", NIMA_ARG(name),
                         (long long)shape->call.output_kib);
    }
    if (end->signal > 0) {
        return nima_fail(ctx, NIMA_E_INVALID, NIMA_FMT " was ended: %s" NIMA_FMT, NIMA_ARG(name),
                         strsignal(end->signal), NIMA_ARG(words));
    }
    if (end->code != 0) {
        return nima_fail(ctx, end->code == EX_TEMPFAIL ? NIMA_E_UNAVAILABLE : NIMA_E_INVALID,
                         NIMA_FMT " ended with %d" NIMA_FMT, NIMA_ARG(name), end->code,
                         NIMA_ARG(words));
    }
    if (nima_json_parse(ctx, end->out, &tree) != NIMA_OK ||
        nima_json_kind(tree) != NIMA_JSON_OBJECT) {
        return nima_fail(ctx, NIMA_E_INVALID, NIMA_FMT " wrote no JSON object" NIMA_FMT,
                         NIMA_ARG(name), NIMA_ARG(words));
    }
    *result = nima_json_text(ctx, tree);
    return NIMA_OK;
}

nima_rc nima_program_run(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    const struct nima_program_shape *shape = shape_of(job->params);
    struct nima_child_end end;
    nima_str input;
    int64_t asked_ms = ctx->deadline_ms, own_ms = nima_mono_ms() + shape->call.timeout_s * 1000;
    NIMA_TRY(nima_json_encode_text(ctx, &shape->shape, job->params, INPUT_BYTES_MAX, &input));
    ctx->deadline_ms = asked_ms != 0 && asked_ms < own_ms ? asked_ms : own_ms;
    nima_rc rc = start(ctx, job, shape, input, &end);
    ctx->deadline_ms = asked_ms;
    if (rc == NIMA_E_TIMEOUT) {
        return nima_fail(ctx, NIMA_E_TIMEOUT, NIMA_FMT " took too long, and was ended",
                         NIMA_ARG(name_of(ctx, shape)));
    }
    return rc == NIMA_OK ? take(ctx, job->tasks, shape, &end, result) : rc;
}

static void add_list(struct nima_buf *buf, const char *key, const char *const *texts)
{
    nima_buf_fmt(buf, "\"%s\":[", key);
    for (size_t i = 0; texts[i] != NULL; i++) {
        nima_buf_add(buf, i > 0 ? NIMA_STR(",") : NIMA_STR(""));
        nima_json_write_str(buf, nima_str_of(texts[i]));
    }
    nima_buf_add(buf, NIMA_STR("],"));
}

nima_rc nima_program_preview(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    const struct nima_program_shape *shape = shape_of(job->params);
    struct nima_buf buf;
    nima_buf_init(&buf, INPUT_BYTES_MAX);
    nima_buf_add_char(&buf, '{');
    add_list(&buf, "run", shape->call.argv);
    add_list(&buf, "may_read", shape->call.readable);
    add_list(&buf, "may_write", shape->call.writable);
    nima_buf_fmt(&buf, "\"timeout_s\":%lld,\"input\":", (long long)shape->call.timeout_s);
    nima_json_encode(&buf, &shape->shape, job->params);
    nima_buf_add_char(&buf, '}');
    nima_rc rc = nima_buf_take(ctx, &buf, result);
    nima_buf_done(&buf);
    return rc;
}
