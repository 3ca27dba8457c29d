/*
 * Beginnings that many prompts share (a persona), kept evaluated: in a slot of their own, and on
 * disk, so that a new conversation evaluates nothing of them, not even the first after a start.
 *
 * A file holds the tokens and what llama.cpp gives as the state of a sequence. Its name is a digest
 * of everything it depends on: the model's file, llama.cpp's version, the tokens. Its own digest
 * is checked before a byte of it reaches llama.cpp; a file that does not fit is made anew.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "llm/local_int.h"
#include "util/digest.h"
#include "util/file.h"

enum {
    FILES_MAX = 8,
    FILE_BYTES_MAX = 128 * 1024 * 1024,
    SAMPLE_BYTES = 256 * 1024, /* of the model's file, from either end */
    HEAD_BYTES = 8 + NIMA_SHA256_BYTES
};
static const char magic[] = "NIMAPFX1";

/* Size, time and both ends: to read all of a model of gigabytes would take longer than to evaluate
 * the persona. */
static nima_rc fingerprint(struct nima_ctx *ctx, const char *path, nima_str *out)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (file < 0 || fstat(file, &st) != 0) {
        if (file >= 0) {
            close(file);
        }
        return nima_fail(ctx, NIMA_E_NOT_FOUND, "the model file %s cannot be read", path);
    }
    char *sample = nima_alloc(ctx->arena, 2 * SAMPLE_BYTES);
    ssize_t head = pread(file, sample, SAMPLE_BYTES, 0);
    off_t from = st.st_size > SAMPLE_BYTES ? st.st_size - SAMPLE_BYTES : 0;
    ssize_t tail = pread(file, sample + SAMPLE_BYTES, SAMPLE_BYTES, from);
    close(file);
    nima_str ends = {sample, 2 * SAMPLE_BYTES};
    *out = nima_fmt(ctx, "%lld %lld.%09ld %zd %zd " NIMA_FMT, (long long)st.st_size,
                    (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, head, tail,
                    NIMA_ARG(nima_sha256_hex(ctx, ends)));
    return NIMA_OK;
}

/* The file for these tokens. */
static nima_rc path_of(struct nima_ctx *ctx, const struct nima_local *engine,
                       const struct nima_local_job *job, const char **out)
{
    nima_str model;
    NIMA_TRY(fingerprint(ctx, engine->chat_path, &model));
    nima_str tokens = {(const char *)job->tokens, (size_t)job->prompt_count * sizeof(*job->tokens)};
    nima_str all = nima_fmt(ctx, NIMA_FMT "\n%s\n%d " NIMA_FMT, NIMA_ARG(model), NIMA_LLAMA_VERSION,
                            job->prompt_count, NIMA_ARG(nima_sha256_hex(ctx, tokens)));
    *out = nima_fmt(ctx, "%s/prefix-%.32s.state", engine->cache_dir, nima_sha256_hex(ctx, all).ptr)
               .ptr;
    return NIMA_OK;
}

/* Absent when there is none that can be trusted. */
static nima_str read_state(struct nima_ctx *ctx, const char *path)
{
    nima_str file;
    if (nima_file_read(ctx, path, FILE_BYTES_MAX, &file) != NIMA_OK) {
        ctx->error = (struct nima_error){0};
        return (nima_str){NULL, 0};
    }
    unsigned char digest[NIMA_SHA256_BYTES];
    nima_str state = nima_str_sub(file, HEAD_BYTES, file.len);
    if (file.len <= HEAD_BYTES || memcmp(file.ptr, magic, 8) != 0) {
        return (nima_str){NULL, 0};
    }
    nima_sha256(state, digest);
    bool whole = memcmp(file.ptr + 8, digest, sizeof(digest)) == 0;
    if (whole) {
        (void)utimensat(AT_FDCWD, path, NULL, 0); /* used: the last to be cleared away */
    }
    return whole ? state : (nima_str){NULL, 0};
}

struct kept_file {
    int64_t used;
    char name[64];
};

static int by_use(const void *a, const void *b)
{
    int64_t left = ((const struct kept_file *)a)->used, right = ((const struct kept_file *)b)->used;
    return left > right ? -1 : left < right;
}

/* Those used last stay. */
static void clear_old(struct nima_ctx *ctx, const char *dir)
{
    enum { LOOK_MAX = 256 };
    DIR *folder = opendir(dir);
    struct kept_file *files = NIMA_NEW(ctx->arena, struct kept_file, LOOK_MAX);
    size_t count = 0;
    for (struct dirent *entry;
         folder != NULL && count < LOOK_MAX && (entry = readdir(folder)) != NULL;) {
        struct stat st;
        nima_str name = nima_str_of(entry->d_name);
        if (nima_str_starts(name, NIMA_STR("prefix-")) && nima_str_ends(name, NIMA_STR(".state")) &&
            name.len < sizeof(files->name) &&
            fstatat(dirfd(folder), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
            files[count].used = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
            memcpy(files[count++].name, name.ptr, name.len + 1);
        }
    }
    qsort(files, count, sizeof(*files), by_use);
    for (size_t i = FILES_MAX; i < count; i++) {
        (void)unlinkat(dirfd(folder), files[i].name, 0);
    }
    if (folder != NULL) {
        closedir(folder);
    }
}

static nima_rc write_state(struct nima_ctx *ctx, const struct nima_local *engine, const char *path,
                           nima_str state)
{
    if (state.len > FILE_BYTES_MAX - HEAD_BYTES) {
        return NIMA_OK;
    }
    char *file = nima_alloc(ctx->arena, HEAD_BYTES + state.len);
    unsigned char digest[NIMA_SHA256_BYTES];
    nima_sha256(state, digest);
    memcpy(file, magic, 8);
    memcpy(file + 8, digest, sizeof(digest));
    memcpy(file + HEAD_BYTES, state.ptr, state.len);
    NIMA_TRY(nima_dir_make(ctx, engine->cache_dir));
    NIMA_TRY(nima_file_write(ctx, path, (nima_str){file, HEAD_BYTES + state.len}, 0600));
    clear_old(ctx, engine->cache_dir);
    return NIMA_OK;
}

bool nima_local_prefix_load(struct nima_local *engine, struct nima_local_job *job)
{
    struct nima_local_slot *slot = job->slot;
    if (job->state_len == 0 || slot->count >= job->count - 1) {
        return false;
    }
    nima_local_slot_clear(engine, slot);
    if (nima_guard_state_set(engine->chat.llama, job->state, job->state_len, slot->seq) == 0) {
        nima_local_slot_clear(engine, slot);
        slot->key = job->slot_key;
        return false;
    }
    memcpy(slot->tokens, job->tokens, (size_t)job->count * sizeof(*slot->tokens));
    slot->count = job->count;
    slot->key = job->slot_key;
    job->cached_count = job->count;
    return true;
}

void nima_local_prefix_take(struct nima_local *engine, struct nima_local_job *job)
{
    job->slot->kept = true;
    if (engine->cache_dir == NULL) {
        return;
    }
    size_t size = nima_guard_state_size(engine->chat.llama, job->slot->seq);
    if (size == 0 || size > FILE_BYTES_MAX) {
        return;
    }
    job->made = (unsigned char *)nima_xcalloc(1, size);
    job->made_len = nima_guard_state_get(engine->chat.llama, job->made, size, job->slot->seq);
}

nima_rc nima_local_keep(struct nima_ctx *ctx, struct nima_local *engine, struct nima_local_job *job,
                        nima_rc (*run)(struct nima_ctx *ctx, struct nima_local *engine,
                                       struct nima_local_job *job))
{
    const char *path = NULL;
    job->keep = true;
    if (engine->cache_dir != NULL) {
        NIMA_TRY(path_of(ctx, engine, job, &path));
        nima_str state = read_state(ctx, path);
        job->state = (const unsigned char *)state.ptr;
        job->state_len = state.len;
    }
    nima_rc rc = run(ctx, engine, job);
    if (rc == NIMA_OK && job->made_len > 0) {
        rc = write_state(ctx, engine, path, (nima_str){(const char *)job->made, job->made_len});
    }
    free(job->made);
    job->made = NULL;
    return rc;
}
