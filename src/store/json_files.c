/*
 * The folder of the JSON engine: one process at a time (flock on .lock), and commits that reach
 * all of their files or none, whatever happens in between.
 *
 * A commit writes each new file into .commit/, syncs it, and then writes .commit/journal, which
 * names what goes where: from the moment that this name is on disk the commit has happened. Then
 * the files are renamed to their places and the journal is removed. A crash before the journal
 * leaves the old files; one after it, and the next start finishes the renaming.
 *
 * A file that somebody has edited since it was read is not overwritten: the commit fails.
 */
#include "store/json_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "util/digest.h"
#include "util/file.h"

#define JOURNAL ".commit/journal"
enum { JOURNAL_BYTES_MAX = 64 << 10 };

void nima_json_commit_init(struct nima_json_commit *commit)
{
    commit->count = 0;
}

void nima_json_commit_done(struct nima_json_commit *commit)
{
    for (size_t i = 0; i < commit->count; i++) {
        nima_buf_done(&commit->items[i].data);
    }
}

struct nima_json_change *nima_json_commit_add(struct nima_json_commit *commit, const char *path)
{
    nima_assert(commit->count < NIMA_JSON_FILES_MAX);
    struct nima_json_change *change = &commit->items[commit->count++];
    *change = (struct nima_json_change){.path = path};
    nima_buf_init(&change->data, NIMA_JSON_BYTES_MAX);
    return change;
}

static const char *below(struct nima_ctx *ctx, const struct nima_json_dir *dir, const char *path)
{
    return nima_fmt(ctx, "%s/%s", dir->folder, path).ptr;
}

static nima_rc fail_errno(struct nima_ctx *ctx, const char *what, const char *path)
{
    return nima_fail(ctx, NIMA_E_STORE, "%s %s failed: %s", what, path,
                     errno == ENOSPC ? "the disk is full" : strerror(errno));
}

static struct nima_json_file *file_of(struct nima_json_dir *dir, const char *path)
{
    for (size_t i = 0; i < dir->file_count; i++) {
        if (strcmp(dir->files[i].path, path) == 0) {
            return &dir->files[i];
        }
    }
    nima_assert(dir->file_count < NIMA_JSON_FILES_MAX);
    struct nima_json_file *file = &dir->files[dir->file_count++];
    *file = (struct nima_json_file){.path = nima_xstrdup(nima_str_of(path))};
    return file;
}

/* What is on disk now becomes what is known. */
static void remember(struct nima_ctx *ctx, struct nima_json_dir *dir, const char *path,
                     nima_str data)
{
    struct nima_json_file *file = file_of(dir, path);
    file->there = data.ptr != NULL && stat(below(ctx, dir, path), &file->info) == 0;
    if (data.ptr != NULL) {
        nima_sha256(data, file->hash);
    }
}

static bool sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

/* The folder that a path of ours lies in. */
static const char *folder_of(struct nima_ctx *ctx, const struct nima_json_dir *dir, nima_str path)
{
    nima_str name = nima_str_sub(path, 0, nima_str_find(path, NIMA_STR("/"), 0));
    return nima_fmt(ctx, "%s/" NIMA_FMT, dir->folder, NIMA_ARG(name)).ptr;
}

/* Every folder that the journal names, once. */
static nima_rc sync_named(struct nima_ctx *ctx, const struct nima_json_dir *dir, nima_str journal)
{
    const char *synced[NIMA_JSON_FILES_MAX];
    size_t count = 0;
    nima_str line, from;
    while (nima_str_next(&journal, '\n', &line)) {
        nima_str_next(&line, ' ', &from);
        const char *folder = folder_of(ctx, dir, line);
        size_t i = 0;
        while (i < count && strcmp(synced[i], folder) != 0) {
            i++;
        }
        if (line.len == 0 || i < count || count == NIMA_JSON_FILES_MAX) {
            continue;
        }
        if (!sync_folder(folder)) {
            return fail_errno(ctx, "syncing", folder);
        }
        synced[count++] = folder;
    }
    return NIMA_OK;
}

/* Written to its end and synced, under a name that nobody looks at. */
static nima_rc write_file(struct nima_ctx *ctx, const char *path, nima_str data)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return fail_errno(ctx, "making", path);
    }
    bool ok = true;
    while (ok && data.len > 0) {
        ssize_t n = write(fd, data.ptr, data.len);
        if (n >= 0) {
            data.ptr += n;
            data.len -= (size_t)n;
        }
        ok = n >= 0 || errno == EINTR;
    }
    nima_rc rc = ok && fsync(fd) == 0 ? NIMA_OK : fail_errno(ctx, "writing", path);
    close(fd);
    return rc;
}

/* Leftovers of a commit that did not happen. */
static void clean(struct nima_ctx *ctx, const struct nima_json_dir *dir)
{
    DIR *folder = opendir(below(ctx, dir, ".commit"));
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] != '.') {
            unlinkat(dirfd(folder), entry->d_name, 0);
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
}

/* A line is "3 memory/facts.json", put there from .commit/3, or "- PATH", removed. What is not
 * there any more was done before a crash. */
static nima_rc finish_line(struct nima_ctx *ctx, const struct nima_json_dir *dir, nima_str line)
{
    nima_str from;
    nima_str_next(&line, ' ', &from);
    if (line.len == 0 || nima_str_find(line, NIMA_STR(".."), 0) != SIZE_MAX) {
        return nima_fail(ctx, NIMA_E_STORE, "%s/" JOURNAL " is damaged: restore a backup",
                         dir->folder);
    }
    const char *to = below(ctx, dir, nima_cstr(ctx, line));
    if (nima_str_eq(from, NIMA_STR("-"))) {
        return unlink(to) == 0 || errno == ENOENT ? NIMA_OK : fail_errno(ctx, "removing", to);
    }
    const char *source = nima_fmt(ctx, "%s/.commit/" NIMA_FMT, dir->folder, NIMA_ARG(from)).ptr;
    return rename(source, to) == 0 || errno == ENOENT ? NIMA_OK : fail_errno(ctx, "writing", to);
}

/* Does what the journal says; nothing when there is none. */
static nima_rc finish(struct nima_ctx *ctx, struct nima_json_dir *dir)
{
    nima_str journal, line, rest;
    const char *path = below(ctx, dir, JOURNAL);
    nima_rc rc = nima_file_read(ctx, path, JOURNAL_BYTES_MAX, &journal);
    if (rc == NIMA_E_NOT_FOUND) {
        dir->unfinished = false;
        return NIMA_OK;
    }
    NIMA_TRY(rc);
    rest = journal;
    while (nima_str_next(&rest, '\n', &line)) {
        if (line.len > 0) {
            NIMA_TRY(finish_line(ctx, dir, line));
        }
    }
    NIMA_TRY(sync_named(ctx, dir, journal));
    if (unlink(path) != 0 || !sync_folder(below(ctx, dir, ".commit"))) {
        return fail_errno(ctx, "removing", path);
    }
    dir->unfinished = false;
    return NIMA_OK;
}

static nima_rc take_lock(struct nima_ctx *ctx, struct nima_json_dir *dir)
{
    const char *path = below(ctx, dir, ".lock");
    dir->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (dir->lock < 0) {
        return nima_fail(ctx, NIMA_E_STORE,
                         "cannot make %s: %s; give this user the right to write there, or name "
                         "another folder",
                         path, strerror(errno));
    }
    if (flock(dir->lock, LOCK_EX | LOCK_NB) != 0) {
        return nima_fail(ctx, NIMA_E_BUSY,
                         "%s is in use by another process: stop it first (a folder of JSON files "
                         "is for one process; SQLite and PostgreSQL are for several)",
                         dir->folder);
    }
    return NIMA_OK;
}

nima_rc nima_json_files_open(struct nima_ctx *ctx, struct nima_json_dir *dir,
                             enum nima_db_mode mode)
{
    static const char *const folders[] = {"", "memory", "tables", "embeddings", ".commit"};
    struct stat info;
    dir->lock = -1;
    if (stat(dir->folder, &info) == 0 && !S_ISDIR(info.st_mode)) {
        return nima_fail(ctx, NIMA_E_STORE, "%s is a file: the store needs a folder", dir->folder);
    }
    if (mode == NIMA_DB_LOOK) {
        return access(dir->folder, F_OK) == 0
                   ? NIMA_OK
                   : nima_fail(ctx, NIMA_E_NOT_FOUND, "%s is not there", dir->folder);
    }
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        NIMA_TRY(nima_dir_make(ctx, i == 0 ? dir->folder : below(ctx, dir, folders[i])));
        if (i == 0) {
            NIMA_TRY(take_lock(ctx, dir));
        }
    }
    NIMA_TRY(finish(ctx, dir));
    clean(ctx, dir);
    return NIMA_OK;
}

void nima_json_files_close(struct nima_json_dir *dir)
{
    for (size_t i = 0; i < dir->file_count; i++) {
        free(dir->files[i].path);
    }
    if (dir->lock >= 0) {
        close(dir->lock);
    }
}

nima_rc nima_json_files_read(struct nima_ctx *ctx, struct nima_json_dir *dir, const char *path,
                             nima_str *out)
{
    nima_str data = {0};
    nima_rc rc = nima_file_read(ctx, below(ctx, dir, path), NIMA_JSON_BYTES_MAX, &data);
    if (rc == NIMA_OK || rc == NIMA_E_NOT_FOUND) {
        remember(ctx, dir, path, data);
    }
    *out = data;
    return rc;
}

/* Whether the file is what it was when it was read or written last. */
static nima_rc check_untouched(struct nima_ctx *ctx, struct nima_json_dir *dir, const char *path)
{
    const struct nima_json_file *file = file_of(dir, path);
    struct stat now;
    bool there = stat(below(ctx, dir, path), &now) == 0;
    bool same = there == file->there &&
                (!there || (now.st_size == file->info.st_size && now.st_ino == file->info.st_ino &&
                            now.st_mtim.tv_sec == file->info.st_mtim.tv_sec &&
                            now.st_mtim.tv_nsec == file->info.st_mtim.tv_nsec));
    return same ? NIMA_OK
                : nima_fail(ctx, NIMA_E_STORE,
                            "%s/%s was changed by somebody else while it was in use: nothing is "
                            "written until Nima is started again, which takes the change in",
                            dir->folder, path);
}

/* Drops files that would be written as they are. */
static nima_rc thin_out(struct nima_ctx *ctx, struct nima_json_dir *dir,
                        struct nima_json_commit *commit)
{
    size_t kept = 0;
    for (size_t i = 0; i < commit->count; i++) {
        struct nima_json_change *change = &commit->items[i];
        const struct nima_json_file *file = file_of(dir, change->path);
        unsigned char hash[32];
        bool same = change->gone && !file->there;
        if (!change->gone) {
            if (change->data.overflowed) {
                return nima_fail(ctx, NIMA_E_STORE,
                                 "%s/%s would be over 1 GiB: use SQLite or PostgreSQL (nima "
                                 "migrate copy)",
                                 dir->folder, change->path);
            }
            nima_sha256(nima_buf_view(&change->data), hash);
            same = file->there && memcmp(hash, file->hash, sizeof(hash)) == 0;
        }
        if (!same) {
            NIMA_TRY(check_untouched(ctx, dir, change->path));
            struct nima_json_change swap = commit->items[kept];
            commit->items[kept++] = *change;
            commit->items[i] = swap;
        }
    }
    for (size_t i = kept; i < commit->count; i++) {
        nima_buf_done(&commit->items[i].data);
    }
    commit->count = kept;
    return NIMA_OK;
}

static nima_rc write_all(struct nima_ctx *ctx, struct nima_json_dir *dir,
                         const struct nima_json_commit *commit)
{
    nima_str journal = NIMA_STR("");
    for (size_t i = 0; i < commit->count; i++) {
        const struct nima_json_change *change = &commit->items[i];
        if (change->gone) {
            journal = nima_fmt(ctx, NIMA_FMT "- %s\n", NIMA_ARG(journal), change->path);
            continue;
        }
        const char *path = nima_fmt(ctx, "%s/.commit/%zu", dir->folder, i).ptr;
        NIMA_TRY(write_file(ctx, path, nima_buf_view(&change->data)));
        journal = nima_fmt(ctx, NIMA_FMT "%zu %s\n", NIMA_ARG(journal), i, change->path);
    }
    const char *draft = below(ctx, dir, ".commit/draft"), *folder = below(ctx, dir, ".commit");
    NIMA_TRY(write_file(ctx, draft, journal));
    if (!sync_folder(folder)) { /* the new files' names, before the journal speaks of them */
        return fail_errno(ctx, "syncing", folder);
    }
    if (rename(draft, below(ctx, dir, JOURNAL)) != 0) {
        return fail_errno(ctx, "writing", folder);
    }
    if (!sync_folder(folder)) { /* not known to be on disk: then it shall not be */
        nima_rc rc = fail_errno(ctx, "syncing", folder);
        unlink(below(ctx, dir, JOURNAL));
        return rc;
    }
    return NIMA_OK;
}

/* One file alone needs no journal: it is renamed to its place or not. */
static nima_rc replace_one(struct nima_ctx *ctx, struct nima_json_dir *dir,
                           const struct nima_json_change *change)
{
    const char *draft = below(ctx, dir, ".commit/0"), *path = below(ctx, dir, change->path);
    const char *folder = folder_of(ctx, dir, nima_str_of(change->path));
    NIMA_TRY(write_file(ctx, draft, nima_buf_view(&change->data)));
    if (rename(draft, path) != 0) {
        return fail_errno(ctx, "writing", path);
    }
    remember(ctx, dir, change->path, nima_buf_view(&change->data));
    /* Renamed, but perhaps not on disk: what is in memory is now the older of the two. */
    if (!sync_folder(folder)) {
        atomic_store(&dir->out_of_step, true);
        return fail_errno(ctx, "syncing", folder);
    }
    return NIMA_OK;
}

nima_rc nima_json_files_commit(struct nima_ctx *ctx, struct nima_json_dir *dir,
                               struct nima_json_commit *commit)
{
    if (dir->unfinished) {
        NIMA_TRY(finish(ctx, dir));
    }
    NIMA_TRY(thin_out(ctx, dir, commit));
    if (commit->count == 0) {
        return NIMA_OK;
    }
    if (commit->count == 1 && !commit->items[0].gone) {
        return replace_one(ctx, dir, &commit->items[0]);
    }
    nima_rc rc = write_all(ctx, dir, commit);
    if (rc != NIMA_OK) {
        clean(ctx, dir);
        return rc;
    }
    /* It has happened. What the disk refuses now is done before the next commit, or at a start. */
    dir->unfinished = true;
    struct nima_error before = ctx->error;
    if (finish(ctx, dir) != NIMA_OK) {
        ctx->error = before;
    }
    for (size_t i = 0; i < commit->count; i++) {
        const struct nima_json_change *change = &commit->items[i];
        remember(ctx, dir, change->path,
                 change->gone ? (nima_str){0} : nima_buf_view(&change->data));
    }
    return NIMA_OK;
}
