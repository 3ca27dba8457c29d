/*
 * The manifests in <data>/integrations. Whoever may write there decides what is run, so neither
 * other users of the machine nor tasks may: a folder or file that they could write is refused.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tasks/program/program_int.h"
#include "tasks/sandbox.h"
#include "util/clock.h"
#include "util/digest.h"
#include "util/file.h"
#include "util/log.h"

enum { MANIFEST_BYTES_MAX = 1 << 18, SEALED_BYTES_MAX = 1 << 23, LOOK_MS = 2000, ENTRIES_MAX = 64 };
static const char suffix[] = ".yaml";

static const char *folder_of(struct nima_ctx *ctx, const struct nima_tasks_options *options)
{
    return nima_fmt(ctx, NIMA_FMT "/integrations", NIMA_ARG(options->data)).ptr;
}

static const char *file_of(struct nima_ctx *ctx, const char *folder, nima_str name)
{
    return nima_fmt(ctx, "%s/" NIMA_FMT "%s", folder, NIMA_ARG(name), suffix).ptr;
}

static bool is_ours(nima_str name)
{
    for (size_t i = 0; nima_integrations[i] != NULL; i++) {
        if (nima_str_eq(name, nima_str_of(nima_integrations[i]->name))) {
            return true;
        }
    }
    return false;
}

/* Reading one */

static nima_rc check_owner(struct nima_ctx *ctx, const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        return nima_fail(ctx, errno == ENOENT || errno == ENOTDIR ? NIMA_E_NOT_FOUND : NIMA_E_STORE,
                         "%s: %s", path, strerror(errno));
    }
    if ((info.st_uid != geteuid() && info.st_uid != 0) || (info.st_mode & 022) != 0) {
        return nima_fail(ctx, NIMA_E_INVALID,
                         "%s: others may write it; it must belong to this user: chmod go-w", path);
    }
    return NIMA_OK;
}

static nima_rc check_roots(struct nima_ctx *ctx, const struct nima_tasks_options *options,
                           const char *folder)
{
    nima_str rest = options->file_roots, root;
    char whole[PATH_MAX], above[PATH_MAX];
    while (rest.ptr != NULL && nima_str_next(&rest, ',', &root)) {
        root = nima_str_trim(root);
        size_t len = root.len > 0 && realpath(nima_cstr(ctx, root), above) != NULL &&
                             realpath(folder, whole) != NULL
                         ? strlen(above)
                         : SIZE_MAX;
        if (len == 1 || (len < SIZE_MAX && strncmp(whole, above, len) == 0 &&
                         (whole[len] == '/' || whole[len] == '\0'))) {
            return nima_fail(ctx, NIMA_E_INVALID,
                             "%s: tasks.file_roots has %s, so that a task could write manifests",
                             folder, above);
        }
    }
    return NIMA_OK;
}

nima_rc nima_program_find(struct nima_ctx *ctx, const struct nima_tasks_options *options,
                          nima_str name, const struct nima_integration **out)
{
    struct nima_program *program = NIMA_NEW(ctx->arena, struct nima_program, 1);
    char whole[PATH_MAX];
    nima_str text;
    if (!nima_spot_is_name(name, NIMA_PROGRAM_NAME_CHARS_MAX) || is_ours(name)) {
        return nima_fail(ctx, NIMA_E_NOT_FOUND, "there is no such integration");
    }
    const char *folder = folder_of(ctx, options), *path = file_of(ctx, folder, name);
    NIMA_TRY(check_owner(ctx, folder));
    NIMA_TRY(check_owner(ctx, path));
    NIMA_TRY(check_roots(ctx, options, folder));
    NIMA_TRY(nima_file_read(ctx, path, MANIFEST_BYTES_MAX, &text));
    if (realpath(folder, whole) == NULL) {
        return nima_fail(ctx, NIMA_E_STORE, "%s: %s", folder, strerror(errno));
    }
    program->folder = nima_cstr(ctx, nima_str_of(whole));
    NIMA_TRY(nima_program_read(ctx, file_of(ctx, "integrations", name), name, text, program));
    *out = &program->integration;
    return NIMA_OK;
}

bool nima_program_is_there(struct nima_ctx *ctx, const struct nima_tasks_options *options,
                           nima_str name)
{
    return nima_spot_is_name(name, NIMA_PROGRAM_NAME_CHARS_MAX) &&
           access(file_of(ctx, folder_of(ctx, options), name), F_OK) == 0;
}

/* All of them */

static int by_bytes(const void *a, const void *b)
{
    return nima_str_cmp(*(const nima_str *)a, *(const nima_str *)b);
}

void nima_program_names(struct nima_ctx *ctx, const struct nima_tasks_options *options,
                        const nima_str **out, size_t *count)
{
    nima_str *names = NIMA_NEW(ctx->arena, nima_str, ENTRIES_MAX);
    DIR *dir = options->data.len > 0 ? opendir(folder_of(ctx, options)) : NULL;
    *count = 0;
    *out = names;
    for (struct dirent *e; dir != NULL && *count < ENTRIES_MAX && (e = readdir(dir)) != NULL;) {
        nima_str name = nima_str_of(e->d_name);
        if (name.ptr[0] != '.' && nima_str_ends(name, nima_str_of(suffix))) {
            name = nima_str_sub(name, 0, name.len - (sizeof(suffix) - 1));
            names[(*count)++] = nima_str_copy(ctx->arena, name);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    qsort(names, *count, sizeof(*names), by_bytes);
}

static nima_str problem_of(struct nima_ctx *ctx, nima_str name)
{
    const char *file = file_of(ctx, "integrations", nima_utf8_prefix(name, 100));
    if (is_ours(name)) {
        return nima_fmt(ctx, "%s: an integration of Nima itself has this name", file);
    }
    return nima_spot_is_name(name, NIMA_PROGRAM_NAME_CHARS_MAX)
               ? nima_fmt(ctx, "%s", ctx->error.message)
               : nima_fmt(ctx, "%s: a name is letters, digits and _, at most %d", file,
                          NIMA_PROGRAM_NAME_CHARS_MAX);
}

nima_rc nima_tasks_programs(struct nima_ctx *ctx, const struct nima_tasks_options *options,
                            struct nima_tasks_integrations *out)
{
    const nima_str *names;
    size_t count;
    nima_program_names(ctx, options, &names, &count);
    struct nima_tasks_integrations list = {.count = count};
    list.items = NIMA_NEW(ctx->arena, struct nima_tasks_integration, count + 1);
    for (size_t i = 0; i < count; i++) {
        const struct nima_integration *integration;
        struct nima_tasks_integration *item = &list.items[i];
        *item = (struct nima_tasks_integration){.name = names[i], .doc = NIMA_STR("")};
        if (i >= NIMA_PROGRAMS_MAX) {
            item->problem = nima_fmt(ctx, "at most %d manifests are read", NIMA_PROGRAMS_MAX);
        } else if (nima_program_find(ctx, options, names[i], &integration) != NIMA_OK) {
            item->problem = problem_of(ctx, names[i]);
        } else {
            item->doc = nima_str_of(integration->doc);
            while (integration->actions[item->actions.count].name != NULL) {
                item->actions.count++;
            }
        }
    }
    *out = list;
    return NIMA_OK;
}

int nima_tasks_landlock(void)
{
    return nima_sandbox_landlock();
}

/* Seeing changes */

static uint64_t look(struct nima_ctx *ctx, const struct nima_tasks_options *options)
{
    const char *folder = folder_of(ctx, options);
    const nima_str *names;
    size_t count;
    nima_str all = NIMA_STR("manifests");
    nima_program_names(ctx, options, &names, &count);
    for (size_t i = 0; i < count; i++) {
        struct stat info = {0};
        (void)stat(file_of(ctx, folder, names[i]), &info);
        all = nima_fmt(ctx, NIMA_FMT " " NIMA_FMT " %lld.%09ld %lld %o", NIMA_ARG(all),
                       NIMA_ARG(names[i]), (long long)info.st_mtim.tv_sec, info.st_mtim.tv_nsec,
                       (long long)info.st_size, (unsigned)info.st_mode);
    }
    return count > 0 ? nima_str_hash(all) : 0;
}

void nima_programs_watch(struct nima_ctx *ctx, struct nima_tasks *tasks)
{
    struct nima_tasks_integrations list;
    if (nima_mono_ms() - tasks->programs_looked_ms < LOOK_MS) {
        return;
    }
    tasks->programs_looked_ms = nima_mono_ms();
    uint64_t seen = look(ctx, &tasks->options);
    if (seen == tasks->programs_seen) {
        return;
    }
    tasks->programs_seen = seen;
    if (nima_tasks_programs(ctx, &tasks->options, &list) != NIMA_OK) {
        return;
    }
    for (size_t i = 0; i < list.count; i++) {
        const struct nima_tasks_integration *item = &list.items[i];
        if (item->problem.ptr != NULL) {
            nima_log_warn("an integration is left out: " NIMA_FMT, NIMA_ARG(item->problem));
        } else {
            nima_log_info("integration " NIMA_FMT ": %zu actions", NIMA_ARG(item->name),
                          item->actions.count);
        }
    }
    if (list.count > 0 && nima_sandbox_landlock() == 0) {
        nima_log_warn("this kernel has no Landlock: programs of integrations %s",
                      nima_program_configured(tasks)
                          ? "can open every file that this user can (tasks.sandbox: off)"
                          : "are not run");
    }
}

/* What a task was asked for must be what is run. */

static bool is_system(const char *path)
{
    static const char *const folders[] = {"/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/", NULL};
    for (size_t i = 0; folders[i] != NULL; i++) {
        if (strncmp(path, folders[i], strlen(folders[i])) == 0) {
            return true;
        }
    }
    return false;
}

static void seal_file(struct nima_ctx *ctx, const char *folder, const char *argument,
                      struct nima_sha256 *sha)
{
    nima_str text;
    const char *path = argument[0] == '/' ? argument : nima_fmt(ctx, "%s/%s", folder, argument).ptr;
    struct stat info;
    if (!is_system(path) && stat(path, &info) == 0 && S_ISREG(info.st_mode) &&
        nima_file_read(ctx, path, SEALED_BYTES_MAX, &text) == NIMA_OK) {
        nima_sha256_add(sha, nima_fmt(ctx, "file %zu\n", text.len));
        nima_sha256_add(sha, text);
    }
}

nima_str nima_program_seal(struct nima_ctx *ctx, const struct nima_action *action, nima_str type)
{
    if (action->run != nima_program_run) {
        return type;
    }
    const struct nima_program_shape *shape = (const struct nima_program_shape *)action->params;
    const char *const *const lists[] = {shape->call.argv, shape->call.readable,
                                        shape->call.writable};
    unsigned char raw[NIMA_SHA256_BYTES];
    struct nima_sha256 *sha = nima_sha256_new();
    for (size_t l = 0; l < sizeof(lists) / sizeof(lists[0]); l++) {
        for (size_t i = 0; lists[l][i] != NULL; i++) {
            nima_sha256_add(sha,
                            nima_fmt(ctx, "%zu %zu %s\n", l, strlen(lists[l][i]), lists[l][i]));
            if (l == 0) {
                seal_file(ctx, shape->program->folder, lists[l][i], sha);
            }
        }
    }
    nima_sha256_end(sha, raw);
    nima_sha256_free(sha);
    return nima_fmt(ctx, NIMA_FMT " " NIMA_FMT, NIMA_ARG(type),
                    NIMA_ARG(nima_hex(ctx, raw, sizeof(raw))));
}

nima_rc nima_program_unchanged(struct nima_ctx *ctx, const struct nima_task_row *task,
                               const struct nima_action *action)
{
    nima_str type = nima_program_seal(ctx, action, task->type);
    nima_str hash = nima_task_hash(ctx, type, task->action, task->params);
    if (action->run != nima_program_run || nima_str_eq(hash, task->params_hash)) {
        return NIMA_OK;
    }
    return nima_fail(ctx, NIMA_E_CONFLICT,
                     NIMA_FMT "." NIMA_FMT " is not the program that it was when this was asked "
                              "for; ask anew",
                     NIMA_ARG(task->type), NIMA_ARG(task->action));
}

void nima_program_mark(const struct nima_action *action, void *params)
{
    if (action->run == nima_program_run) {
        *(const struct nima_shape **)params = action->params;
    }
}
