/*
 * Searching files, and looking into one: lines, digest, beginning, end, a value of JSON.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tasks/file/file_int.h"
#include "util/digest.h"

enum {
    SEARCH_FILES_MAX = 5000,
    SEARCH_DEPTH_MAX = 16,
    SEARCH_BYTES_MAX = 64 << 20,
    SEARCHED_FILE_BYTES_MAX = 4 << 20,
    LINE_BYTES_MAX = 400,
};

struct hit {
    nima_str path, text;
    int64_t line;
};
static const struct nima_field hit_fields[] = {
    NIMA_FIELD(STR, struct hit, path),
    NIMA_FIELD(INT, struct hit, line),
    NIMA_FIELD(STR, struct hit, text),
};
static const struct nima_shape hit_shape = NIMA_SHAPE("FileHit", struct hit, hit_fields);
struct hits_out {
    struct {
        struct hit *items;
        size_t count;
    } hits;
    int64_t files;
    bool truncated;
};
static const struct nima_field hits_fields[] = {
    NIMA_FIELD(LIST, struct hits_out, hits, .shape = &hit_shape),
    NIMA_FIELD(INT, struct hits_out, files),
    NIMA_FIELD(BOOL, struct hits_out, truncated),
};
static const struct nima_shape hits_shape = NIMA_SHAPE("FileHits", struct hits_out, hits_fields);

struct search {
    const struct nima_file_params *params;
    struct hits_out out;
    int64_t bytes;
};

static bool is_full(struct search *search)
{
    search->out.truncated =
        search->out.truncated || search->out.hits.count >= (size_t)search->params->limit ||
        search->out.files >= SEARCH_FILES_MAX || search->bytes >= SEARCH_BYTES_MAX;
    return search->out.truncated;
}

static void add_hit(struct nima_ctx *ctx, struct search *search, nima_str path, int64_t line,
                    nima_str text)
{
    struct hit hit = {.path = path, .line = line};
    hit.text = nima_str_copy(ctx->arena, nima_utf8_prefix(text, LINE_BYTES_MAX));
    search->out.hits.items[search->out.hits.count++] = hit;
}

static nima_rc search_file(struct nima_ctx *ctx, struct search *search, int dir, const char *name,
                           nima_str path)
{
    struct nima_place place = {.dir = dir, .path = path};
    struct stat info;
    nima_str text, line;
    struct nima_arena_mark mark = nima_scratch(ctx);
    memcpy(place.name, name, strlen(name) + 1);
    if (nima_place_content(ctx, &place, SEARCHED_FILE_BYTES_MAX, &text, &info) != NIMA_OK) {
        nima_scratch_end(ctx, mark);
        return nima_ctx_stopped(ctx); /* what cannot be read is passed over */
    }
    search->bytes += (int64_t)text.len;
    bool whole = nima_utf8_valid(text), found = false;
    int64_t at = 0;
    while (whole && !is_full(search) && nima_str_next(&text, '\n', &line)) {
        at++;
        if (nima_str_find_nocase(line, search->params->query, 0) != SIZE_MAX) {
            add_hit(ctx, search, path, at, line);
            found = true;
        }
    }
    if (!found) {
        nima_scratch_end(ctx, mark);
    }
    return nima_ctx_stopped(ctx);
}

static nima_rc search_folder(struct nima_ctx *ctx, struct search *search, int fd, nima_str path,
                             int depth);

static nima_rc search_entry(struct nima_ctx *ctx, struct search *search, int dir, const char *name,
                            nima_str path, int depth)
{
    struct stat info;
    if (fstatat(dir, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
        return NIMA_OK;
    }
    if (S_ISDIR(info.st_mode) && depth < SEARCH_DEPTH_MAX) {
        int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
            return nima_place_fail(ctx, path, errno); /* else half of it would be the answer */
        }
        return fd >= 0 ? search_folder(ctx, search, fd, path, depth + 1) : NIMA_OK;
    }
    if (!S_ISREG(info.st_mode) || !nima_glob(search->params->pattern, path)) {
        return NIMA_OK;
    }
    search->out.files++;
    if (search->params->query.len == 0) {
        add_hit(ctx, search, path, 0, NIMA_STR(""));
        return NIMA_OK;
    }
    return search_file(ctx, search, dir, name, path);
}

/* Takes over `fd`. */
static nima_rc search_folder(struct nima_ctx *ctx, struct search *search, int fd, nima_str path,
                             int depth)
{
    nima_rc rc = NIMA_OK;
    DIR *folder = fdopendir(fd);
    if (folder == NULL) {
        close(fd);
        return nima_place_fail(ctx, path, errno);
    }
    struct dirent *entry;
    while (rc == NIMA_OK && !is_full(search) && (entry = readdir(folder)) != NULL) {
        nima_str name = nima_str_of(entry->d_name);
        if (nima_str_eq(name, NIMA_STR(".")) || nima_str_eq(name, NIMA_STR("..")) ||
            nima_str_starts(name, NIMA_STR(".nima-")) || !nima_utf8_valid(name)) {
            continue;
        }
        nima_str below = path.len > 0 ? nima_fmt(ctx, NIMA_FMT "/%s", NIMA_ARG(path), entry->d_name)
                                      : nima_str_copy(ctx->arena, name);
        rc = search_entry(ctx, search, dirfd(folder), entry->d_name, below, depth);
        rc = rc == NIMA_OK ? nima_ctx_stopped(ctx) : rc;
    }
    closedir(folder);
    return rc;
}

nima_rc nima_file_search(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    const struct nima_file_params *p = job->params;
    struct search search = {.params = p};
    struct nima_place place;
    int fd = -1;
    search.out.hits.items = NIMA_NEW(ctx->arena, struct hit, (size_t)p->limit);
    nima_rc rc = nima_place_open(ctx, &job->tasks->roots, p->root, p->path, false, &place);
    rc = rc == NIMA_OK ? nima_place_folder(ctx, &place, &fd) : rc;
    nima_place_done(&place);
    NIMA_TRY(rc);
    NIMA_TRY(search_folder(ctx, &search, fd, place.path, 0));
    return nima_file_result(ctx, &hits_shape, &search.out, result);
}

/* One file */

struct process_out {
    nima_str path, sha256, text, value;
    int64_t lines, bytes;
    bool has_lines;
};
static const struct nima_field process_fields[] = {
    NIMA_FIELD(STR, struct process_out, path),
    NIMA_FIELD(INT, struct process_out, bytes),
    NIMA_FIELD(INT, struct process_out, lines, .has = NIMA_HAS(struct process_out, has_lines)),
    NIMA_FIELD(STR, struct process_out, sha256),
    NIMA_FIELD(STR, struct process_out, text),
    NIMA_FIELD(ANY, struct process_out, value),
};
static const struct nima_shape process_shape =
    NIMA_SHAPE("FileProcessed", struct process_out, process_fields);

static int64_t count_lines(nima_str text)
{
    int64_t count = text.len > 0 && text.ptr[text.len - 1] != '\n';
    for (size_t i = 0; i < text.len; i++) {
        count += text.ptr[i] == '\n';
    }
    return count;
}

static nima_str first_lines(nima_str text, int64_t lines)
{
    size_t end = 0;
    while (end < text.len && lines > 0) {
        lines -= text.ptr[end++] == '\n';
    }
    return nima_str_sub(text, 0, end);
}

static nima_str last_lines(nima_str text, int64_t lines)
{
    size_t from = text.len;
    while (from > 0) {
        bool begins = from < text.len && text.ptr[from - 1] == '\n';
        if (begins && --lines == 0) {
            break;
        }
        from--;
    }
    return nima_str_sub(text, from, text.len);
}

/* RFC 6901: "~1" is a slash in a key, "~0" a tilde. */
static nima_str pointer_part(struct nima_ctx *ctx, nima_str part)
{
    char *key = nima_alloc(ctx->arena, part.len + 1);
    size_t used = 0;
    for (size_t i = 0; i < part.len; i++) {
        bool escape = part.ptr[i] == '~' && i + 1 < part.len;
        key[used++] = !escape ? part.ptr[i] : part.ptr[i + 1] == '1' ? '/' : '~';
        i += escape;
    }
    return (nima_str){key, used};
}

static nima_rc json_value(struct nima_ctx *ctx, nima_str text, nima_str pointer, nima_str *out)
{
    const struct nima_json *node;
    nima_str part, rest = pointer;
    nima_rc rc = nima_json_parse(ctx, text, &node);
    if (rc != NIMA_OK) {
        return nima_fail(ctx, NIMA_E_INVALID, "the file is no JSON");
    }
    if (pointer.len > 0 && pointer.ptr[0] != '/') {
        return nima_fail_field(ctx, NIMA_E_INVALID, "params.pointer",
                               "pointer begins with a slash, or is empty");
    }
    rest = nima_str_sub(rest, rest.len > 0 ? 1 : 0, rest.len);
    while (pointer.len > 0 && node != NULL && nima_str_next(&rest, '/', &part)) {
        nima_str key = pointer_part(ctx, part);
        int64_t index = -1;
        if (nima_json_kind(node) == NIMA_JSON_ARRAY) {
            bool fits =
                nima_str_to_i64(key, &index) && index >= 0 && (size_t)index < nima_json_count(node);
            node = fits ? nima_json_at(node, (size_t)index, NULL) : NULL;
        } else {
            node = nima_json_kind(node) == NIMA_JSON_OBJECT
                       ? nima_json_get(node, nima_cstr(ctx, key))
                       : NULL;
        }
    }
    if (node == NULL) {
        return nima_fail(ctx, NIMA_E_NOT_FOUND, "the file has no value at " NIMA_FMT,
                         NIMA_ARG(nima_utf8_prefix(pointer, 100)));
    }
    *out = nima_json_text(ctx, node);
    return NIMA_OK;
}

nima_rc nima_file_process_text(struct nima_ctx *ctx, const struct nima_file_params *p,
                               nima_str path, nima_str text, nima_str *result)
{
    struct process_out out = {.path = path, .bytes = (int64_t)text.len};
    bool head = nima_str_eq(p->op, NIMA_STR("head"));
    if (nima_str_eq(p->op, NIMA_STR("hash"))) {
        out.sha256 = nima_sha256_hex(ctx, text);
    } else if (nima_str_eq(p->op, NIMA_STR("lines"))) {
        out.has_lines = true;
        out.lines = count_lines(text);
    } else if (nima_str_eq(p->op, NIMA_STR("json"))) {
        NIMA_TRY(json_value(ctx, text, p->pointer, &out.value));
    } else if (!nima_utf8_valid(text)) {
        return nima_fail(ctx, NIMA_E_INVALID, NIMA_FMT " is no text", NIMA_ARG(path));
    } else {
        out.text = head ? first_lines(text, p->lines) : last_lines(text, p->lines);
    }
    return nima_file_result(ctx, &process_shape, &out, result);
}

nima_rc nima_file_process(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    const struct nima_file_params *p = job->params;
    struct nima_place place;
    struct stat info;
    nima_str text = {0};
    nima_rc rc = nima_place_open(ctx, &job->tasks->roots, p->root, p->path, false, &place);
    rc = rc == NIMA_OK ? nima_place_content(ctx, &place, NIMA_FILE_BYTES_MAX, &text, &info) : rc;
    nima_place_done(&place);
    NIMA_TRY(rc);
    return job->tasks->options.processor.len > 0
               ? nima_file_process_apart(ctx, job->tasks->options.processor, p, place.path, text,
                                         result)
               : nima_file_process_text(ctx, p, place.path, text, result);
}
