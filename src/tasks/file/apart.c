/*
 * A file's content is worked on apart: by a program that has the content on its standard input, may
 * open no file, start no program and reach no network, and ends by itself when it takes too much.
 * Whatever a crafted file does to a parser, it does it there.
 *
 * The program is Nima itself (nima process); it enters the sandbox before it reads. It is told what
 * to do by a JSON object as its one argument, and writes the result; what went wrong is its exit
 * code, an nima_rc, and on its standard error.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tasks/file/file_int.h"
#include "tasks/sandbox.h"
#include "util/child.h"
#include "util/digest.h"

enum {
    CPU_S = 20,
    ERR_BYTES_MAX = 2000,
    ARGUMENT_BYTES_MAX = 100000,
    PIECE_BYTES = 65536,
};
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const size_t memory_bytes = 0; /* their shadow alone is larger */
#else
static const size_t memory_bytes = (size_t)1 << 30;
#endif

struct order {
    nima_str path, op, pointer;
    int64_t lines;
};
static const struct nima_field order_fields[] = {
    NIMA_FIELD(STR, struct order, path, .required = true, .blank_ok = true),
    NIMA_FIELD(STR, struct order, op, .required = true),
    NIMA_FIELD(STR, struct order, pointer, .preset_str = ""),
    NIMA_FIELD(INT, struct order, lines),
};
static const struct nima_shape order_shape = NIMA_SHAPE("FileOrder", struct order, order_fields);

nima_rc nima_file_process_apart(struct nima_ctx *ctx, nima_str processor,
                                const struct nima_file_params *p, nima_str path, nima_str text,
                                nima_str *result)
{
    struct order order = {path, p->op, p->pointer, p->lines};
    struct nima_child_end end;
    nima_str argument;
    NIMA_TRY(nima_json_encode_text(ctx, &order_shape, &order, ARGUMENT_BYTES_MAX, &argument));
    const char *const argv[] = {nima_cstr(ctx, processor), "process", nima_cstr(ctx, argument),
                                NULL};
    const char *const env[] = {"LC_ALL=C.UTF-8", NULL};
    struct nima_child child = {.argv = argv,
                               .env = env,
                               .input = text,
                               .out_bytes_max = NIMA_TASK_RESULT_BYTES_MAX,
                               .err_bytes_max = ERR_BYTES_MAX};
    NIMA_TRY(nima_child_run(ctx, &child, &end));
    if (end.out_cut) {
        return nima_fail(ctx, NIMA_E_TOO_LARGE, "the result is over %d bytes",
                         NIMA_TASK_RESULT_BYTES_MAX);
    }
    if (end.code == 0) {
        *result = end.out;
        return NIMA_OK;
    }
    if (end.code > 0 && end.code < NIMA_RC_COUNT) {
        nima_str rest = end.err, field = {0};
        (void)nima_str_next(&rest, '\n', &field);
        return nima_fail_field(ctx, (nima_rc)end.code, nima_cstr(ctx, field), NIMA_FMT,
                               NIMA_ARG(nima_str_trim(rest)));
    }
    return nima_fail(ctx, NIMA_E_INVALID, "the work on " NIMA_FMT " was ended: %s", NIMA_ARG(path),
                     end.signal > 0 ? strsignal(end.signal) : "it failed");
}

/* In the processor */

static nima_rc read_all(struct nima_ctx *ctx, nima_str *out)
{
    struct nima_buf buf;
    char piece[PIECE_BYTES];
    ssize_t got;
    nima_buf_init(&buf, NIMA_FILE_BYTES_MAX);
    while ((got = read(STDIN_FILENO, piece, sizeof(piece))) > 0 || (got < 0 && errno == EINTR)) {
        nima_buf_add(&buf, (nima_str){piece, got > 0 ? (size_t)got : 0});
    }
    nima_rc rc = got < 0 ? nima_fail(ctx, NIMA_E_STORE, "%s", strerror(errno))
                         : nima_buf_take(ctx, &buf, out);
    nima_buf_done(&buf);
    return rc;
}

static nima_rc process(struct nima_ctx *ctx, nima_str argument, nima_str *result)
{
    struct nima_sandbox_options options = {.memory_bytes = memory_bytes,
                                           .file_bytes = NIMA_TASK_RESULT_BYTES_MAX,
                                           .cpu_s = CPU_S,
                                           .alone = true,
                                           .without_landlock = true}; /* it opens nothing */
    struct nima_sandbox sandbox;
    struct order order;
    nima_str text;
    (void)nima_sha256_hex(ctx, argument); /* what is loaded for it must be loaded now */
    NIMA_TRY(nima_sandbox_open(ctx, &options, &sandbox));
    int error = nima_sandbox_enter(&sandbox);
    nima_sandbox_close(&sandbox);
    if (error != 0) {
        return nima_fail(ctx, NIMA_E_UNAVAILABLE, "the sandbox cannot be entered: %s",
                         strerror(error));
    }
    NIMA_TRY(nima_json_decode(ctx, &order_shape, argument, &order));
    NIMA_TRY(read_all(ctx, &text));
    struct nima_file_params p = {.op = order.op, .pointer = order.pointer, .lines = order.lines};
    return nima_file_process_text(ctx, &p, order.path, text, result);
}

static bool write_all(int fd, nima_str text)
{
    while (text.len > 0) {
        ssize_t put = write(fd, text.ptr, text.len);
        if (put < 0 && errno != EINTR) {
            return false;
        }
        text = nima_str_sub(text, put > 0 ? (size_t)put : 0, text.len);
    }
    return true;
}

void nima_tasks_processor(nima_str argument)
{
    struct nima_ctx ctx;
    nima_str result = {0};
    nima_ctx_init(&ctx);
    nima_rc rc = process(&ctx, argument, &result);
    if (rc == NIMA_OK && !write_all(STDOUT_FILENO, result)) {
        rc = NIMA_E_STORE;
    } else if (rc != NIMA_OK) {
        (void)write_all(STDERR_FILENO,
                        nima_fmt(&ctx, "%s\n%s", ctx.error.field, ctx.error.message));
    }
    _exit((int)rc); /* a sanitizer's farewell would want what the sandbox refuses */
}
