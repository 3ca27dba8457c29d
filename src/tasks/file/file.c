/*
 * The file integration: reading and writing below the roots. file/path.c sees to it that nothing
 * leads outside; each change keeps what it replaces for a day.
 *
 * A second attempt of a task, after a crash in the first, finds what the first one kept, and so
 * begins from the same state: appending twice does not append twice.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tasks/file/file_int.h"
#include "util/base64.h"
#include "util/digest.h"

enum { ENTRIES_MAX = 1000, CONTENT_CHARS_MAX = 1 << 20, RESULT_BYTES_MAX = 2 << 20 };

#define ROOT                                                                                       \
    NIMA_FIELD(STR, struct nima_file_params, root, .max = 255,                                     \
               .doc = "Which root, by the name of its folder; else the first.")
#define PATH(doc_)                                                                                 \
    NIMA_FIELD(STR, struct nima_file_params, path, .required = true, .max = NIMA_PATH_BYTES_MAX,   \
               .doc = doc_)
#define PARENTS                                                                                    \
    NIMA_FIELD(BOOL, struct nima_file_params, parents, .doc = "Make folders that are missing.")
#define OVERWRITE(preset_)                                                                         \
    NIMA_FIELD(BOOL, struct nima_file_params, overwrite, .preset = (preset_),                      \
               .doc = "Replace what is there.")
#define CONTENT                                                                                    \
    NIMA_FIELD(STR, struct nima_file_params, content, .blank_ok = true, .max = CONTENT_CHARS_MAX,  \
               .doc = "The text."),                                                                \
        NIMA_FIELD(STR, struct nima_file_params, content_base64, .blank_ok = true,                 \
                   .max = CONTENT_CHARS_MAX, .doc = "Instead of content: bytes in base64.")

static const struct nima_field read_fields[] = {
    ROOT,
    PATH("The file."),
    NIMA_FIELD(INT, struct nima_file_params, offset, .min = 0, .max = INT64_C(1) << 40,
               .doc = "Bytes to skip."),
    NIMA_FIELD(INT, struct nima_file_params, max_bytes, .min = 1, .max = NIMA_FILE_READ_BYTES_MAX,
               .preset = 65536, .doc = "Bytes to read at most."),
};
static const struct nima_field write_fields[] = {ROOT, PATH("The file."), CONTENT, OVERWRITE(1),
                                                 PARENTS};
static const struct nima_field append_fields[] = {
    ROOT, PATH("The file; made when missing."), CONTENT, PARENTS,
    NIMA_FIELD(BOOL, struct nima_file_params, line, .doc = "Begin on a new line.")};
static const struct nima_field one_fields[] = {ROOT, PATH("The file or folder.")};
static const struct nima_field list_fields[] = {
    ROOT,
    NIMA_FIELD(STR, struct nima_file_params, path, .blank_ok = true, .preset_str = "",
               .max = NIMA_PATH_BYTES_MAX, .doc = "The folder; the root when empty."),
    NIMA_FIELD(INT, struct nima_file_params, limit, .min = 1, .max = ENTRIES_MAX, .preset = 200,
               .doc = "Entries at most."),
};
static const struct nima_field make_fields[] = {ROOT, PATH("The folder."), PARENTS};
static const struct nima_field two_fields[] = {
    ROOT,
    PATH("What."),
    NIMA_FIELD(STR, struct nima_file_params, to, .required = true, .max = NIMA_PATH_BYTES_MAX,
               .doc = "The new path, below the same root."),
    OVERWRITE(0),
    PARENTS,
};
static const struct nima_field search_fields[] = {
    ROOT,
    NIMA_FIELD(STR, struct nima_file_params, path, .blank_ok = true, .preset_str = "",
               .max = NIMA_PATH_BYTES_MAX, .doc = "Where to begin; the root when empty."),
    NIMA_FIELD(STR, struct nima_file_params, query, .max = 400,
               .doc = "Text to find in lines, in any letter case; without it names are listed."),
    NIMA_FIELD(STR, struct nima_file_params, pattern, .preset_str = "**", .max = 400,
               .doc = "Paths to look at: * is within a folder, ** across folders."),
    NIMA_FIELD(INT, struct nima_file_params, limit, .min = 1, .max = 500, .preset = 50,
               .doc = "Hits at most."),
};
static const struct nima_field process_fields[] = {
    ROOT,
    PATH("The file."),
    NIMA_FIELD(STR, struct nima_file_params, op, .required = true,
               .choices =
                   (const char *const[]){"lines", "hash", "head", "tail", "replace", "json", NULL},
               .doc = "Count lines, SHA-256, first or last lines, replace text, a value of JSON."),
    NIMA_FIELD(INT, struct nima_file_params, lines, .min = 1, .max = 1000, .preset = 10,
               .doc = "head, tail: how many lines."),
    NIMA_FIELD(STR, struct nima_file_params, find, .blank_ok = true, .max = 8000,
               .doc = "replace: the text to find."),
    NIMA_FIELD(STR, struct nima_file_params, with, .blank_ok = true, .preset_str = "", .max = 8000,
               .doc = "replace: what to put in its place, everywhere."),
    NIMA_FIELD(STR, struct nima_file_params, pointer, .blank_ok = true, .preset_str = "",
               .max = 1000, .doc = "json: which value, as /key/0 (RFC 6901); empty: all."),
};
static const struct nima_field undo_fields[] = {
    NIMA_FIELD(UUID, struct nima_file_params, task_id, .required = true,
               .doc = "The task whose change is taken back; within a day."),
};
#define SHAPE(name_, table) NIMA_SHAPE(name_, struct nima_file_params, table)
static const struct nima_shape read_shape = SHAPE("FileRead", read_fields),
                               write_shape = SHAPE("FileWrite", write_fields),
                               append_shape = SHAPE("FileAppend", append_fields),
                               one_shape = SHAPE("FileOne", one_fields),
                               list_shape = SHAPE("FileList", list_fields),
                               make_shape = SHAPE("FileMakeDir", make_fields),
                               two_shape = SHAPE("FileTwo", two_fields),
                               search_shape = SHAPE("FileSearch", search_fields),
                               process_shape = SHAPE("FileProcess", process_fields),
                               undo_shape = SHAPE("FileUndo", undo_fields);

/* Results */

nima_rc nima_file_result(struct nima_ctx *ctx, const struct nima_shape *shape, const void *out,
                         nima_str *result)
{
    return nima_json_encode_text(ctx, shape, out, RESULT_BYTES_MAX, result);
}

struct content_out {
    nima_str path, content, content_base64;
    int64_t size, offset;
    bool truncated;
};
static const struct nima_field content_fields[] = {
    NIMA_FIELD(STR, struct content_out, path),
    NIMA_FIELD(STR, struct content_out, content),
    NIMA_FIELD(STR, struct content_out, content_base64),
    NIMA_FIELD(INT, struct content_out, size),
    NIMA_FIELD(INT, struct content_out, offset),
    NIMA_FIELD(BOOL, struct content_out, truncated),
};
static const struct nima_shape content_shape =
    NIMA_SHAPE("FileContent", struct content_out, content_fields);

struct change_out {
    nima_str path, to, what, diff;
    int64_t bytes;
};
static const struct nima_field change_fields[] = {
    NIMA_FIELD(STR, struct change_out, path),  NIMA_FIELD(STR, struct change_out, to),
    NIMA_FIELD(STR, struct change_out, what),  NIMA_FIELD(STR, struct change_out, diff),
    NIMA_FIELD(INT, struct change_out, bytes),
};
static const struct nima_shape change_shape =
    NIMA_SHAPE("FileChange", struct change_out, change_fields);

struct entry_out {
    nima_str name, type;
    int64_t size, modified_at;
};
static const struct nima_field entry_fields[] = {
    NIMA_FIELD(STR, struct entry_out, name),
    NIMA_FIELD(STR, struct entry_out, type),
    NIMA_FIELD(INT, struct entry_out, size),
    NIMA_FIELD(TIME, struct entry_out, modified_at),
};
static const struct nima_shape entry_shape =
    NIMA_SHAPE("FileEntry", struct entry_out, entry_fields);
struct entries_out {
    nima_str path;
    struct {
        struct entry_out *items;
        size_t count;
    } entries;
    bool truncated;
};
static const struct nima_field entries_fields[] = {
    NIMA_FIELD(STR, struct entries_out, path),
    NIMA_FIELD(LIST, struct entries_out, entries, .shape = &entry_shape),
    NIMA_FIELD(BOOL, struct entries_out, truncated),
};
static const struct nima_shape entries_shape =
    NIMA_SHAPE("FileEntries", struct entries_out, entries_fields);

static const struct nima_roots *roots_of(const struct nima_job *job)
{
    return &job->tasks->roots;
}

static nima_rc resources(struct nima_ctx *ctx, const struct nima_tasks *tasks, const void *params,
                         nima_str out[NIMA_ACTION_RESOURCES])
{
    const struct nima_file_params *p = params;
    (void)tasks;
    NIMA_TRY(nima_path_plain(ctx, "path", p->path, &out[0]));
    return p->to.ptr != NULL ? nima_path_plain(ctx, "to", p->to, &out[1]) : NIMA_OK;
}

/* Reading */

static nima_rc read_part(struct nima_ctx *ctx, const struct nima_file_params *p, int fd,
                         nima_str *out)
{
    char *bytes = nima_alloc(ctx->arena, (size_t)p->max_bytes + 1);
    size_t used = 0;
    ssize_t got = 1;
    while (got > 0 && used < (size_t)p->max_bytes) {
        got = pread(fd, bytes + used, (size_t)p->max_bytes - used,
                    (off_t)(p->offset + (int64_t)used));
        used += got > 0 ? (size_t)got : 0;
    }
    *out = (nima_str){bytes, used};
    return got < 0 ? nima_place_fail(ctx, p->path, errno) : nima_ctx_stopped(ctx);
}

static nima_rc read_file(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    const struct nima_file_params *p = job->params;
    struct nima_place place;
    struct stat info;
    nima_str bytes = {0};
    int fd = -1;
    nima_rc rc = nima_place_open(ctx, roots_of(job), p->root, p->path, false, &place);
    rc = rc == NIMA_OK ? nima_place_read(ctx, &place, &fd, &info) : rc;
    rc = rc == NIMA_OK ? read_part(ctx, p, fd, &bytes) : rc;
    if (fd >= 0) {
        close(fd);
    }
    nima_place_done(&place);
    NIMA_TRY(rc);
    struct content_out out = {.path = place.path,
                              .size = info.st_size,
                              .offset = p->offset,
                              .truncated = p->offset + (int64_t)bytes.len < info.st_size};
    nima_str text =
        nima_str_sub(bytes, 0, bytes.len - (out.truncated ? nima_utf8_incomplete_tail(bytes) : 0));
    if (nima_utf8_valid(text) && memchr(bytes.ptr, '\0', bytes.len) == NULL) {
        out.content = text;
    } else {
        out.content_base64 = nima_base64_write(ctx, bytes);
    }
    return nima_file_result(ctx, &content_shape, &out, result);
}

static const char *type_of(const struct stat *info)
{
    return S_ISREG(info->st_mode)   ? "file"
           : S_ISDIR(info->st_mode) ? "folder"
           : S_ISLNK(info->st_mode) ? "link"
                                    : "other";
}

static struct entry_out entry_of(nima_str name, const struct stat *info)
{
    return (struct entry_out){.name = name,
                              .type = nima_str_of(type_of(info)),
                              .size = info->st_size,
                              .modified_at = (int64_t)info->st_mtim.tv_sec * 1000 +
                                             info->st_mtim.tv_nsec / 1000000};
}

static nima_rc stat_one(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    const struct nima_file_params *p = job->params;
    struct nima_place place;
    struct stat info;
    bool exists = false;
    nima_rc rc = nima_place_open(ctx, roots_of(job), p->root, p->path, false, &place);
    rc = rc == NIMA_OK ? nima_place_stat(ctx, &place, &info, &exists) : rc;
    nima_place_done(&place);
    NIMA_TRY(rc);
    if (!exists) {
        return nima_place_fail(ctx, place.path, ENOENT);
    }
    struct entry_out out = entry_of(place.path, &info);
    return nima_file_result(ctx, &entry_shape, &out, result);
}

static int by_name(const void *a, const void *b)
{
    return nima_str_cmp(((const struct entry_out *)a)->name, ((const struct entry_out *)b)->name);
}

static nima_rc list_folder(struct nima_ctx *ctx, DIR *folder, int64_t limit,
                           struct entries_out *out)
{
    out->entries.items = NIMA_NEW(ctx->arena, struct entry_out, ENTRIES_MAX);
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        struct stat info;
        nima_str name = nima_str_of(entry->d_name);
        if (nima_str_eq(name, NIMA_STR(".")) || nima_str_eq(name, NIMA_STR("..")) ||
            nima_str_starts(name, NIMA_STR(".nima-")) || !nima_utf8_valid(name) ||
            fstatat(dirfd(folder), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
            continue;
        }
        if (out->entries.count == (size_t)limit) {
            out->truncated = true;
            break;
        }
        out->entries.items[out->entries.count++] = entry_of(nima_str_copy(ctx->arena, name), &info);
    }
    qsort(out->entries.items, out->entries.count, sizeof(struct entry_out), by_name);
    return NIMA_OK;
}

static nima_rc list_dir(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    const struct nima_file_params *p = job->params;
    struct nima_place place;
    struct entries_out out = {0};
    int fd = -1;
    nima_rc rc = nima_place_open(ctx, roots_of(job), p->root, p->path, false, &place);
    rc = rc == NIMA_OK ? nima_place_folder(ctx, &place, &fd) : rc;
    nima_place_done(&place);
    NIMA_TRY(rc);
    DIR *folder = fdopendir(fd);
    if (folder == NULL) {
        close(fd);
        return nima_place_fail(ctx, place.path, errno);
    }
    rc = list_folder(ctx, folder, p->limit, &out);
    closedir(folder);
    NIMA_TRY(rc);
    out.path = place.path;
    return nima_file_result(ctx, &entries_shape, &out, result);
}

/* Changing the content of one file */

enum change { CHANGE_WRITE, CHANGE_APPEND, CHANGE_REPLACE };

static nima_rc given_content(struct nima_ctx *ctx, const struct nima_file_params *p, nima_str *out)
{
    if ((p->content.ptr != NULL) == (p->content_base64.ptr != NULL)) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "params.content",
                               "give content or content_base64");
    }
    if (p->content.ptr != NULL) {
        *out = p->content;
        return NIMA_OK;
    }
    if (!nima_base64_read(ctx, p->content_base64, out)) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "params.content_base64",
                               "content_base64 is no base64");
    }
    return NIMA_OK;
}

static nima_rc replaced_text(struct nima_ctx *ctx, const struct nima_file_params *p, nima_str old,
                             nima_str *out)
{
    if (p->find.len == 0) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "params.find", "replace needs find");
    }
    struct nima_buf buf;
    nima_buf_init(&buf, NIMA_FILE_BYTES_MAX);
    nima_buf_add(&buf, NIMA_STR(""));
    size_t at = 0;
    for (size_t f = nima_str_find(old, p->find, 0); f != SIZE_MAX && !buf.overflowed;
         f = nima_str_find(old, p->find, at)) {
        nima_buf_add(&buf, nima_str_sub(old, at, f));
        nima_buf_add(&buf, p->with);
        at = f + p->find.len;
    }
    nima_buf_add(&buf, nima_str_sub(old, at, old.len));
    nima_rc rc = nima_buf_take(ctx, &buf, out);
    nima_buf_done(&buf);
    return rc;
}

struct edit {
    struct nima_place place;
    struct stat info;
    bool exists, began, made; /* made: by this task */
    nima_str before, after;
};

/* *began: an attempt before this one began the change, kept this, and was not heard of again. */
static nima_rc look_before(struct nima_ctx *ctx, const struct nima_job *job, struct nima_undo *kept,
                           bool *began)
{
    struct nima_error before = ctx->error;
    *began = false;
    if (job->id.ptr == NULL) {
        return NIMA_OK;
    }
    nima_rc rc = nima_undo_get(ctx, job->tasks, job->id, kept);
    if (rc == NIMA_E_NOT_FOUND) {
        ctx->error = before;
        return NIMA_OK;
    }
    *began = rc == NIMA_OK;
    return rc; /* what cannot be looked at now is no fresh start */
}

static nima_rc read_before(struct nima_ctx *ctx, struct nima_job *job, struct edit *edit)
{
    const struct nima_file_params *p = job->params;
    struct nima_undo undo;
    edit->before = NIMA_STR("");
    NIMA_TRY(look_before(ctx, job, &undo, &edit->began));
    NIMA_TRY(nima_place_stat(ctx, &edit->place, &edit->info, &edit->exists));
    if (edit->exists) {
        NIMA_TRY(
            nima_place_content(ctx, &edit->place, NIMA_FILE_BYTES_MAX, &edit->before, &edit->info));
    }
    edit->made = !edit->exists;
    if (edit->began && nima_str_eq(undo.path, edit->place.path) &&
        nima_str_eq(undo.root, p->root)) {
        edit->before = undo.content.ptr != NULL ? undo.content : NIMA_STR("");
        edit->made = nima_str_eq(undo.kind, NIMA_STR("made"));
    }
    return NIMA_OK;
}

/* What the file is and what it will be. */
static nima_rc prepare(struct nima_ctx *ctx, struct nima_job *job, enum change change, bool parents,
                       struct edit *edit)
{
    const struct nima_file_params *p = job->params;
    nima_str content;
    NIMA_TRY(nima_place_open(ctx, roots_of(job), p->root, p->path, parents, &edit->place));
    if (edit->place.path.len == 0) {
        return nima_place_fail(ctx, edit->place.path, EISDIR);
    }
    NIMA_TRY(read_before(ctx, job, edit));
    if (change == CHANGE_REPLACE) {
        return edit->exists ? replaced_text(ctx, p, edit->before, &edit->after)
                            : nima_place_fail(ctx, edit->place.path, ENOENT);
    }
    NIMA_TRY(given_content(ctx, p, &content));
    if (change == CHANGE_WRITE && edit->exists && !p->overwrite && !edit->began) {
        return nima_fail(ctx, NIMA_E_CONFLICT, NIMA_FMT " is there already",
                         NIMA_ARG(edit->place.path));
    }
    if (change == CHANGE_WRITE) {
        edit->after = content;
        return NIMA_OK;
    }
    if (edit->before.len + content.len + p->line > NIMA_FILE_BYTES_MAX) {
        return nima_fail(ctx, NIMA_E_TOO_LARGE, NIMA_FMT " would be over %d bytes",
                         NIMA_ARG(edit->place.path), NIMA_FILE_BYTES_MAX);
    }
    size_t len = edit->before.len;
    char *joined = nima_alloc(ctx->arena, len + content.len + 1);
    memcpy(joined, edit->before.ptr, len);
    if (p->line && len > 0 && joined[len - 1] != '\n') {
        joined[len++] = '\n';
    }
    memcpy(joined + len, content.ptr, content.len);
    edit->after = (nima_str){joined, len + content.len};
    return NIMA_OK;
}

static nima_rc commit(struct nima_ctx *ctx, struct nima_job *job, struct edit *edit)
{
    const struct nima_file_params *p = job->params;
    bool earlier, made = false;
    struct nima_undo undo = {.kind = edit->exists ? NIMA_STR("replaced") : NIMA_STR("made"),
                             .root = p->root,
                             .path = edit->place.path,
                             .mode = edit->exists ? edit->info.st_mode & 07777 : 0,
                             .content = edit->exists ? edit->before : (nima_str){0}};
    NIMA_TRY(nima_ctx_stopped(ctx));
    NIMA_TRY(nima_undo_keep(ctx, job, &undo, &earlier));
    nima_rc rc = nima_place_write(ctx, &edit->place, edit->after, edit->exists ? &edit->info : NULL,
                                  !edit->exists, &made);
    if (!made && !earlier) {
        nima_undo_drop(ctx, job);
    }
    return rc;
}

static nima_rc change_file(struct nima_ctx *ctx, struct nima_job *job, enum change change,
                           bool preview, nima_str *result)
{
    const struct nima_file_params *p = job->params;
    struct edit edit = {.place.dir = -1};
    nima_rc rc = prepare(ctx, job, change, p->parents && !preview, &edit);
    if (preview && rc == NIMA_E_NOT_FOUND && p->parents && change != CHANGE_REPLACE) {
        edit.before = NIMA_STR("");
        rc = given_content(ctx, p, &edit.after);
    }
    if (rc == NIMA_OK && !preview) {
        rc = commit(ctx, job, &edit);
    }
    nima_place_done(&edit.place);
    NIMA_TRY(rc);
    struct change_out out = {.path = edit.place.path,
                             .what = edit.made ? NIMA_STR("made") : NIMA_STR("changed"),
                             .diff = nima_diff(ctx, edit.before, edit.after),
                             .bytes = (int64_t)edit.after.len};
    return nima_file_result(ctx, &change_shape, &out, result);
}

static nima_rc write_file(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    return change_file(ctx, job, CHANGE_WRITE, false, result);
}
static nima_rc write_preview(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    return change_file(ctx, job, CHANGE_WRITE, true, result);
}
static nima_rc append_file(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    return change_file(ctx, job, CHANGE_APPEND, false, result);
}
static nima_rc append_preview(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    return change_file(ctx, job, CHANGE_APPEND, true, result);
}

static bool is_replace(const void *params)
{
    return nima_str_eq(((const struct nima_file_params *)params)->op, NIMA_STR("replace"));
}
static nima_rc process(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    return is_replace(job->params) ? change_file(ctx, job, CHANGE_REPLACE, false, result)
                                   : nima_file_process(ctx, job, result);
}
static nima_rc process_preview(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    return is_replace(job->params) ? change_file(ctx, job, CHANGE_REPLACE, true, result) : NIMA_OK;
}

/* Actions on names */

nima_rc nima_file_told(struct nima_ctx *ctx, nima_str path, nima_str to, const char *what,
                       nima_str *result)
{
    struct change_out out = {.path = path, .to = to, .what = nima_str_of(what)};
    return nima_file_result(ctx, &change_shape, &out, result);
}

static nima_rc make_dir(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    const struct nima_file_params *p = job->params;
    struct nima_place place;
    struct stat info;
    bool exists = false;
    nima_rc rc = nima_place_open(ctx, roots_of(job), p->root, p->path, p->parents, &place);
    if (rc == NIMA_OK && mkdirat(place.dir, place.name, 0755) != 0) {
        int error = errno;
        rc = nima_place_stat(ctx, &place, &info, &exists);
        rc = rc == NIMA_OK && !(exists && S_ISDIR(info.st_mode))
                 ? nima_place_fail(ctx, place.path, error)
                 : rc;
    }
    nima_place_done(&place);
    NIMA_TRY(rc);
    return nima_file_told(ctx, place.path, (nima_str){0}, exists ? "was there" : "made", result);
}

static nima_rc remove_it(struct nima_ctx *ctx, struct nima_job *job, const struct nima_place *place)
{
    const struct nima_file_params *p = job->params;
    struct nima_undo undo = {.kind = NIMA_STR("replaced"), .root = p->root, .path = place->path};
    struct nima_undo kept;
    struct stat info;
    bool exists, began, earlier = false;
    NIMA_TRY(look_before(ctx, job, &kept, &began));
    NIMA_TRY(nima_place_stat(ctx, place, &info, &exists));
    if (!exists) {
        return began ? NIMA_OK : nima_place_fail(ctx, place->path, ENOENT);
    }
    bool folder = S_ISDIR(info.st_mode);
    if (folder) {
        undo.kind = NIMA_STR("folder");
    } else {
        NIMA_TRY(nima_place_content(ctx, place, NIMA_FILE_BYTES_MAX, &undo.content, &info));
    }
    undo.mode = info.st_mode & 07777;
    NIMA_TRY(nima_undo_keep(ctx, job, &undo, &earlier));
    if (unlinkat(place->dir, place->name, folder ? AT_REMOVEDIR : 0) == 0) {
        return NIMA_OK;
    }
    int error = errno;
    if (!earlier) {
        nima_undo_drop(ctx, job);
    }
    return nima_place_fail(ctx, place->path, error);
}

static nima_rc delete_one(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    const struct nima_file_params *p = job->params;
    struct nima_place place;
    nima_rc rc = nima_place_open(ctx, roots_of(job), p->root, p->path, false, &place);
    if (rc == NIMA_OK && place.path.len == 0) {
        rc = nima_fail(ctx, NIMA_E_FORBIDDEN, "the root itself stays");
    }
    rc = rc == NIMA_OK ? remove_it(ctx, job, &place) : rc;
    nima_place_done(&place);
    NIMA_TRY(rc);
    return nima_file_told(ctx, place.path, (nima_str){0}, "deleted", result);
}

static nima_rc delete_preview(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    const struct nima_file_params *p = job->params;
    struct nima_place place;
    struct stat info;
    bool exists = false;
    nima_rc rc = nima_place_open(ctx, roots_of(job), p->root, p->path, false, &place);
    rc = rc == NIMA_OK ? nima_place_stat(ctx, &place, &info, &exists) : rc;
    nima_place_done(&place);
    NIMA_TRY(rc);
    if (!exists) {
        return nima_place_fail(ctx, place.path, ENOENT);
    }
    return nima_file_told(ctx, place.path, (nima_str){0}, "deleted", result);
}

/* Both ends of a move or a copy. */
struct two {
    struct nima_place from, to;
    struct stat info, there;
    bool exists, began;
};

static nima_rc open_two(struct nima_ctx *ctx, struct nima_job *job, bool parents, struct two *two)
{
    const struct nima_file_params *p = job->params;
    bool found = false;
    NIMA_TRY(nima_place_open(ctx, roots_of(job), p->root, p->path, false, &two->from));
    NIMA_TRY(nima_place_open(ctx, roots_of(job), p->root, p->to, parents, &two->to));
    if (two->from.path.len == 0 || two->to.path.len == 0) {
        return nima_fail(ctx, NIMA_E_FORBIDDEN, "the root itself stays");
    }
    NIMA_TRY(nima_place_stat(ctx, &two->from, &two->info, &found));
    if (!found) {
        return nima_place_fail(ctx, two->from.path, ENOENT);
    }
    if (!S_ISDIR(two->info.st_mode)) {
        NIMA_TRY(nima_place_regular(ctx, two->from.path, &two->info));
    }
    NIMA_TRY(nima_place_stat(ctx, &two->to, &two->there, &two->exists));
    if (two->exists && !p->overwrite && !two->began) {
        return nima_fail(ctx, NIMA_E_CONFLICT, NIMA_FMT " is there already",
                         NIMA_ARG(two->to.path));
    }
    return two->exists ? nima_place_regular(ctx, two->to.path, &two->there) : NIMA_OK;
}

static void two_done(struct two *two)
{
    nima_place_done(&two->from);
    nima_place_done(&two->to);
}

static nima_rc move_it(struct nima_ctx *ctx, struct nima_job *job, struct two *two)
{
    const struct nima_file_params *p = job->params;
    struct nima_undo undo = {
        .kind = NIMA_STR("moved"), .root = p->root, .path = two->from.path, .to = two->to.path};
    bool earlier;
    if (two->exists && !two->began) {
        undo.kind = NIMA_STR("moved over");
        undo.mode = two->there.st_mode & 07777;
        NIMA_TRY(
            nima_place_content(ctx, &two->to, NIMA_FILE_BYTES_MAX, &undo.content, &two->there));
    }
    NIMA_TRY(nima_undo_keep(ctx, job, &undo, &earlier));
    unsigned flags = p->overwrite ? 0 : RENAME_NOREPLACE;
    if (renameat2(two->from.dir, two->from.name, two->to.dir, two->to.name, flags) != 0) {
        int error = errno;
        if (!earlier) {
            nima_undo_drop(ctx, job);
        }
        return nima_place_fail(ctx, two->from.path, error);
    }
    return fsync(two->to.dir) == 0 && fsync(two->from.dir) == 0
               ? NIMA_OK
               : nima_place_fail(ctx, two->to.path, errno);
}

static nima_rc move_or_copy(struct nima_ctx *ctx, struct nima_job *job, bool move, bool preview,
                            nima_str *result)
{
    const struct nima_file_params *p = job->params;
    struct two two = {.from.dir = -1, .to.dir = -1};
    struct nima_undo kept;
    NIMA_TRY(look_before(ctx, job, &kept, &two.began));
    nima_rc rc = open_two(ctx, job, p->parents && !preview, &two);
    if (rc == NIMA_E_NOT_FOUND && !preview && move && two.began) {
        rc = NIMA_OK;
    } else if (rc == NIMA_OK && !preview && move) {
        rc = move_it(ctx, job, &two);
    } else if (rc == NIMA_OK && !preview) {
        struct edit edit = {.place = two.to, .info = two.there, .exists = two.exists};
        rc = nima_place_content(ctx, &two.from, NIMA_FILE_BYTES_MAX, &edit.after, &two.info);
        if (rc == NIMA_OK && two.exists) {
            rc = nima_place_content(ctx, &two.to, NIMA_FILE_BYTES_MAX, &edit.before, &edit.info);
        }
        rc = rc == NIMA_OK ? commit(ctx, job, &edit) : rc;
    }
    two_done(&two);
    NIMA_TRY(rc);
    return nima_file_told(ctx, two.from.path, two.to.path, move ? "moved" : "copied", result);
}

static nima_rc move_run(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    return move_or_copy(ctx, job, true, false, result);
}
static nima_rc move_preview(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    return move_or_copy(ctx, job, true, true, result);
}
static nima_rc copy_run(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    return move_or_copy(ctx, job, false, false, result);
}
static nima_rc copy_preview(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    return move_or_copy(ctx, job, false, true, result);
}
static nima_rc make_preview(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    const struct nima_file_params *p = job->params;
    nima_str plain;
    NIMA_TRY(nima_path_plain(ctx, "path", p->path, &plain));
    return nima_file_told(ctx, plain, (nima_str){0}, "made", result);
}

static const struct nima_action actions[] = {
    {"read_file", "The content of a file.", NULL, &read_shape, false, NULL, resources, read_file,
     NULL},
    {"list_dir", "What is in a folder.", NULL, &list_shape, false, NULL, resources, list_dir, NULL},
    {"stat", "Type, size and time of one name.", NULL, &one_shape, false, NULL, resources, stat_one,
     NULL},
    {"search", "Files by name, or lines by text.", NULL, &search_shape, false, NULL, resources,
     nima_file_search, NULL},
    {"process", "Counts, hashes, cuts, queries or replaces.", "replaced text in", &process_shape,
     false, is_replace, resources, process, process_preview},
    {"write_file", "Makes a file, or replaces all of it.", "wrote", &write_shape, true, NULL,
     resources, write_file, write_preview},
    {"append_file", "Adds to the end of a file.", "added to", &append_shape, true, NULL, resources,
     append_file, append_preview},
    {"make_dir", "Makes a folder.", "made the folder", &make_shape, true, NULL, resources, make_dir,
     make_preview},
    {"move", "Gives a file or folder another path.", "moved", &two_shape, true, NULL, resources,
     move_run, move_preview},
    {"copy", "Makes a file's content another file.", "copied", &two_shape, true, NULL, resources,
     copy_run, copy_preview},
    {"delete", "Deletes a file or an empty folder.", "deleted", &one_shape, true, NULL, resources,
     delete_one, delete_preview},
    {"undo", "Takes back what a task changed.", "took back", &undo_shape, true, NULL,
     nima_undo_resources, nima_undo_run, nima_undo_preview},
    {0},
};

static bool configured(const struct nima_tasks *tasks)
{
    return tasks->roots.count > 0;
}

const struct nima_integration nima_integration_file = {
    .name = "file",
    .doc = "Files below the roots.",
    .actions = actions,
    .at_once = 4,
    .configured = configured,
    .permission = offsetof(struct nima_tasks_options, file_permission),
};
