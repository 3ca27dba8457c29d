/* nima export and nima import: one person's everything, out and in. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "app/archive.h"
#include "app/import.h"
#include "store/copy.h"
#include "util/buf.h"

#define FILE_BYTES_MAX ((size_t)1 << 30)

static nima_rc open_store(struct nima_ctx *ctx, const struct nima_config *config,
                          struct nima_store **out)
{
    struct nima_store_options options = {.address = config->store.address};
    return nima_store_open(ctx, &options, out);
}

static nima_rc write_line(struct nima_ctx *ctx, void *user, nima_str line)
{
    int64_t *lines = user;
    if (fwrite(line.ptr, 1, line.len, stdout) != line.len) {
        return nima_fail(ctx, NIMA_E_STORE, "writing failed: %s", strerror(errno));
    }
    nima_command_progress("lines", ++*lines, 0);
    return NIMA_OK;
}

static nima_rc export_all(struct nima_ctx *ctx, const struct nima_config *config)
{
    struct nima_store *store = NULL;
    int64_t lines = 0;
    nima_rc rc = open_store(ctx, config, &store);
    if (rc == NIMA_OK) {
        rc = nima_store_export(ctx, store, write_line, &lines);
        nima_command_progress_done();
    }
    nima_store_close(store);
    if (rc == NIMA_OK && fflush(stdout) != 0) {
        rc = nima_fail(ctx, NIMA_E_STORE, "writing failed: %s", strerror(errno));
    }
    return rc;
}

int nima_cmd_export(int argc, char **argv)
{
    struct nima_ctx ctx;
    struct nima_config config;
    nima_str user = {0};
    if (!nima_command_flag(&argc, argv, "--user", &user) || user.len == 0) {
        return nima_command_usage("export");
    }
    nima_ctx_init(&ctx);
    ctx.user_id = user;
    int code = NIMA_EXIT_DONE;
    if (nima_command_user(&ctx, user) != NIMA_OK) {
        code = nima_command_fail(&ctx, NIMA_E_INVALID);
    } else {
        code = nima_command_config(&ctx, argc, argv, &config);
    }
    if (code == NIMA_EXIT_DONE) {
        nima_rc rc = export_all(&ctx, &config);
        code = rc == NIMA_OK ? NIMA_EXIT_DONE : nima_command_fail(&ctx, rc);
    }
    nima_ctx_done(&ctx);
    return code;
}

/* Import */

struct input {
    FILE *file;
    char *line;
    size_t room;
    int64_t lines;
};

static nima_rc next_line(struct nima_ctx *ctx, void *user, nima_str *line)
{
    struct input *input = user;
    ssize_t length = getline(&input->line, &input->room, input->file);
    if (length < 0 && ferror(input->file) != 0) {
        return nima_fail(ctx, NIMA_E_STORE, "reading failed: %s", strerror(errno));
    }
    *line = length < 0 ? (nima_str){0} : (nima_str){input->line, (size_t)length};
    nima_command_progress("lines", ++input->lines, 0);
    return NIMA_OK;
}

static nima_rc import_own(struct nima_ctx *ctx, struct nima_store *store, FILE *file)
{
    struct input input = {.file = file};
    struct nima_import_report report = {0};
    nima_rc rc = nima_store_import(ctx, store, next_line, &input, &report);
    free(input.line);
    nima_command_progress_done();
    if (rc == NIMA_OK) {
        printf(NIMA_FMT ": %lld rows added, %lld were there\n", NIMA_ARG(report.user_id),
               (long long)report.added, (long long)report.there);
    }
    return rc;
}

/* To its end, which need not be known: it may be a pipe. */
static nima_rc read_all(struct nima_ctx *ctx, FILE *file, struct nima_buf *out)
{
    char piece[1 << 14];
    size_t got;
    while ((got = fread(piece, 1, sizeof(piece), file)) > 0) {
        nima_buf_add(out, (nima_str){piece, got});
    }
    if (ferror(file) != 0) {
        return nima_fail(ctx, NIMA_E_STORE, "reading failed: %s", strerror(errno));
    }
    return out->overflowed ? nima_fail(ctx, NIMA_E_TOO_LARGE, "the file is over 1 GiB") : NIMA_OK;
}

static void print_reasons(const struct nima_left_out *list, const char *what)
{
    for (size_t i = 0; i < NIMA_LEFT_REASONS_MAX && list[i].why != NULL; i++) {
        printf("  %lld %s: %s", (long long)list[i].count, what, list[i].why);
        if (list[i].first[0] != '\0') {
            printf(" (%s\"%s\")", list[i].count > 1 ? "the first is " : "", list[i].first);
        }
        printf("\n");
    }
}

/* What was taken in is told also when the file ends too early. */
static void print_imported(const struct nima_ctx *ctx, const struct nima_imported *done,
                           bool chatgpt)
{
    printf(NIMA_FMT ": %lld %s added, %lld were there", NIMA_ARG(ctx->user_id),
           (long long)done->added, chatgpt ? "conversations" : "facts", (long long)done->there);
    if (done->grown > 0) {
        printf(" (%lld of them got new messages)", (long long)done->grown);
    }
    printf(", %lld left out\n", (long long)done->left_out);
    print_reasons(done->reasons, "left out");
    print_reasons(done->notes, "taken in, but");
}

/* ChatGPT numbers them where one would be too large. */
static bool is_talks(nima_str name)
{
    return nima_str_starts(name, NIMA_STR("conversations")) &&
           nima_str_ends(name, NIMA_STR(".json"));
}

static bool is_memories(nima_str name)
{
    return nima_str_eq(name, NIMA_STR("memories.json"));
}

struct other {
    struct nima_store *store;
    bool chatgpt;
    nima_str from;
    struct nima_imported done;
};

static nima_rc import_text(struct nima_ctx *ctx, void *user, nima_str text)
{
    struct other *other = user;
    return other->chatgpt ? nima_import_chatgpt(ctx, other->store, text, &other->done)
                          : nima_import_mem0(ctx, other->store, text, other->from, &other->done);
}

static nima_rc import_archive(struct nima_ctx *ctx, nima_str bytes, struct other *other)
{
    size_t count = 0;
    NIMA_TRY(nima_archive_read(ctx, bytes, FILE_BYTES_MAX, other->chatgpt ? is_talks : is_memories,
                               import_text, other, &count));
    return count > 0 ? NIMA_OK
                     : nima_fail(ctx, NIMA_E_INVALID, "there is no %s in this zip",
                                 other->chatgpt ? "conversations.json" : "memories.json");
}

struct import {
    nima_str user, format, from;
    const char *path; /* NULL: standard input */
};

static nima_rc import_other(struct nima_ctx *ctx, struct nima_store *store, FILE *file,
                            const struct import *job)
{
    bool chatgpt = nima_str_eq(job->format, NIMA_STR("chatgpt"));
    struct other other = {.store = store, .chatgpt = chatgpt, .from = job->from};
    struct nima_buf buf;
    nima_buf_init(&buf, FILE_BYTES_MAX);
    nima_rc rc = read_all(ctx, file, &buf);
    nima_str bytes = nima_buf_view(&buf);
    if (rc == NIMA_OK) {
        rc = nima_archive_is(bytes) ? import_archive(ctx, bytes, &other)
                                    : import_text(ctx, &other, bytes);
    }
    nima_buf_done(&buf);
    nima_command_progress_done();
    const struct nima_imported *done = &other.done;
    if (rc == NIMA_OK || done->added + done->there + done->left_out > 0) {
        print_imported(ctx, done, chatgpt);
    }
    return rc;
}

static nima_rc import(struct nima_ctx *ctx, const struct nima_config *config,
                      const struct import *job)
{
    struct nima_store *store = NULL;
    FILE *file = job->path != NULL ? fopen(job->path, "re") : stdin;
    if (file == NULL) {
        return nima_fail(ctx, NIMA_E_STORE, "cannot open %s: %s", job->path, strerror(errno));
    }
    nima_rc rc = open_store(ctx, config, &store);
    ctx->user_id = job->user;
    if (rc == NIMA_OK) {
        rc = nima_str_eq(job->format, NIMA_STR("nima")) ? import_own(ctx, store, file)
                                                        : import_other(ctx, store, file, job);
    }
    nima_store_close(store);
    if (file != stdin) {
        fclose(file);
    }
    return rc;
}

/* False when the words make no command. */
static bool read_words(int *argc, char **argv, struct import *job)
{
    *job = (struct import){.format = NIMA_STR("nima")};
    nima_command_flag(argc, argv, "--user", &job->user);
    nima_command_flag(argc, argv, "--format", &job->format);
    bool from = nima_command_flag(argc, argv, "--from", &job->from);
    bool own = nima_str_eq(job->format, NIMA_STR("nima"));
    bool other =
        nima_str_eq(job->format, NIMA_STR("chatgpt")) || nima_str_eq(job->format, NIMA_STR("mem0"));
    /* The file is the last word, or the first; the others are flags and their values. */
    if (*argc > 0 && argv[0][0] != '-') {
        job->path = argv[0];
        memmove(argv, argv + 1, (size_t)-- * argc * sizeof(argv[0]));
    } else if (*argc % 2 == 1 && argv[*argc - 1][0] != '-') {
        job->path = argv[--*argc];
    }
    if (from && !nima_str_eq(job->format, NIMA_STR("mem0"))) {
        return false;
    }
    return own || (other && job->user.len > 0);
}

int nima_cmd_import(int argc, char **argv)
{
    struct nima_ctx ctx;
    struct nima_config config;
    struct import job;
    if (!read_words(&argc, argv, &job)) {
        return nima_command_usage("import");
    }
    nima_ctx_init(&ctx);
    int code = NIMA_EXIT_DONE;
    if (job.user.ptr != NULL && nima_command_user(&ctx, job.user) != NIMA_OK) {
        code = nima_command_fail(&ctx, NIMA_E_INVALID);
    } else {
        code = nima_command_config(&ctx, argc, argv, &config);
    }
    if (code == NIMA_EXIT_DONE) {
        nima_rc rc = import(&ctx, &config, &job);
        if (rc != NIMA_OK) { /* what is wrong with a file is no wrong usage */
            nima_command_fail(&ctx, rc);
            code = NIMA_EXIT_FAILED;
        }
    }
    nima_ctx_done(&ctx);
    return code;
}
