/*
 * Files by the git data API: read one, commit several at once. A commit carries the task's id in
 * its message, by which a second attempt knows it.
 */
#include <string.h>

#include "tasks/file/file_int.h"
#include "tasks/github/github_int.h"
#include "util/base64.h"

enum { LOOKED_BACK = 30, TRIES = 3, READ_BYTES_MAX = 1 << 20, DIFF_BYTES_MAX = 64 << 10 };

/* Reading */

struct content {
    nima_str type, path, sha, encoding, content, html_url, content_base64;
    int64_t size;
};
static const struct nima_field content_fields[] = {
    NIMA_FIELD(STR, struct content, type),     NIMA_FIELD(STR, struct content, path),
    NIMA_FIELD(STR, struct content, sha),      NIMA_FIELD(STR, struct content, encoding),
    NIMA_FIELD(STR, struct content, content),  NIMA_FIELD(INT, struct content, size),
    NIMA_FIELD(STR, struct content, html_url),
};
static const struct nima_shape content_shape =
    NIMA_SHAPE("GithubContent", struct content, content_fields, .open = true);
static const struct nima_field read_fields[] = {
    NIMA_FIELD(STR, struct content, path),     NIMA_FIELD(STR, struct content, sha),
    NIMA_FIELD(INT, struct content, size),     NIMA_FIELD(STR, struct content, content),
    NIMA_FIELD(STR, struct content, html_url), NIMA_FIELD(STR, struct content, content_base64),
};
static const struct nima_shape read_shape = NIMA_SHAPE("GithubRead", struct content, read_fields);

/* GitHub breaks base64 into lines. */
static nima_rc plain(struct nima_ctx *ctx, nima_str base64, nima_str *out)
{
    char *joined = nima_alloc(ctx->arena, base64.len + 1);
    size_t used = 0;
    for (size_t i = 0; i < base64.len; i++) {
        if (base64.ptr[i] != '\n' && base64.ptr[i] != '\r') {
            joined[used++] = base64.ptr[i];
        }
    }
    if (!nima_base64_read(ctx, (nima_str){joined, used}, out)) {
        return nima_fail(ctx, NIMA_E_INVALID, "GitHub sent a file that is not in base64");
    }
    return NIMA_OK;
}

/* `bytes` absent: there is no such file. */
static nima_rc fetch(struct nima_ctx *ctx, struct nima_github *github, nima_str path, nima_str ref,
                     struct content *info, nima_str *bytes)
{
    struct nima_github_reply reply;
    const struct nima_json *tree;
    bool found;
    nima_str query = NIMA_STR("");
    nima_github_query(ctx, &query, "ref", ref);
    nima_str at = nima_github_path(
        ctx, github, "/contents/" NIMA_FMT "%s" NIMA_FMT, NIMA_ARG(nima_url_escape(ctx, path, "/")),
        query.len > 0 ? "?" : "", NIMA_ARG(nima_str_sub(query, 1, query.len)));
    *bytes = (nima_str){0};
    NIMA_TRY(nima_github_get(ctx, github, at, &found, &reply));
    if (!found) {
        return NIMA_OK;
    }
    NIMA_TRY(nima_json_parse(ctx, reply.body, &tree));
    if (nima_json_kind(tree) != NIMA_JSON_OBJECT) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "params.path", NIMA_FMT " is a folder",
                               NIMA_ARG(path));
    }
    NIMA_TRY(nima_json_decode(ctx, &content_shape, reply.body, info));
    if (!nima_str_eq(info->type, NIMA_STR("file"))) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "params.path",
                               NIMA_FMT " is no file but a " NIMA_FMT, NIMA_ARG(path),
                               NIMA_ARG(info->type));
    }
    if (info->size > READ_BYTES_MAX) {
        return nima_fail_field(ctx, NIMA_E_TOO_LARGE, "params.path", NIMA_FMT " is over %d bytes",
                               NIMA_ARG(path), READ_BYTES_MAX);
    }
    return plain(ctx, info->content, bytes);
}

nima_rc nima_github_read_file(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    const struct nima_github_params *p = job->params;
    struct nima_github github;
    struct content info;
    nima_str bytes;
    NIMA_TRY(nima_github_begin(ctx, job, &github));
    NIMA_TRY(fetch(ctx, &github, p->path, p->ref, &info, &bytes));
    if (bytes.ptr == NULL) {
        return nima_fail_field(ctx, NIMA_E_NOT_FOUND, "params.path",
                               "there is no " NIMA_FMT " in " NIMA_FMT, NIMA_ARG(p->path),
                               NIMA_ARG(p->repo));
    }
    info.content = (nima_str){0};
    if (nima_utf8_valid(bytes)) {
        info.content = bytes;
    } else {
        const struct nima_tasks *tasks = job->tasks;
        info.content_base64 =
            nima_base64_write(ctx, nima_secrets_mask(ctx, &tasks->secrets, bytes));
    }
    return nima_github_json(ctx, &read_shape, &info, result);
}

/* Committing */

struct object {
    nima_str sha;
};
static const struct nima_field object_fields[] = {NIMA_FIELD(STR, struct object, sha)};
static const struct nima_shape object_shape =
    NIMA_SHAPE("GithubObject", struct object, object_fields, .open = true);
struct reference {
    struct object *object;
};
static const struct nima_field reference_fields[] = {
    NIMA_FIELD(OBJECT, struct reference, object, .required = true, .shape = &object_shape)};
static const struct nima_shape reference_shape =
    NIMA_SHAPE("GithubRef", struct reference, reference_fields, .open = true);
struct inner_commit {
    nima_str message;
    struct object *tree;
};
static const struct nima_field inner_fields[] = {
    NIMA_FIELD(STR, struct inner_commit, message),
    NIMA_FIELD(OBJECT, struct inner_commit, tree, .required = true, .shape = &object_shape)};
static const struct nima_shape inner_shape =
    NIMA_SHAPE("GithubInnerCommit", struct inner_commit, inner_fields, .open = true);
struct commit {
    nima_str sha;
    struct inner_commit *commit;
};
static const struct nima_field commit_fields[] = {
    NIMA_FIELD(STR, struct commit, sha),
    NIMA_FIELD(OBJECT, struct commit, commit, .required = true, .shape = &inner_shape)};
static const struct nima_shape commit_shape =
    NIMA_SHAPE("GithubCommit", struct commit, commit_fields, .open = true);

struct entry {
    nima_str path, mode, type, sha, content;
    bool has_sha;
};
static const struct nima_field entry_fields[] = {
    NIMA_FIELD(STR, struct entry, path),    NIMA_FIELD(STR, struct entry, mode),
    NIMA_FIELD(STR, struct entry, type),    NIMA_FIELD(ANY, struct entry, sha),
    NIMA_FIELD(STR, struct entry, content),
};
static const struct nima_shape entry_shape = NIMA_SHAPE("GithubEntry", struct entry, entry_fields);
struct tree {
    nima_str base_tree;
    struct nima_list tree;
};
static const struct nima_field tree_fields[] = {
    NIMA_FIELD(STR, struct tree, base_tree),
    NIMA_FIELD(LIST, struct tree, tree, .shape = &entry_shape)};
static const struct nima_shape tree_shape = NIMA_SHAPE("GithubTree", struct tree, tree_fields);
struct made {
    nima_str message, tree, ref, sha, content, encoding;
    struct nima_github_texts parents;
    bool has_parents, force, has_force;
};
static const struct nima_field made_fields[] = {
    NIMA_FIELD(STR, struct made, message),
    NIMA_FIELD(STR, struct made, tree),
    NIMA_FIELD(STR_LIST, struct made, parents, .has = NIMA_HAS(struct made, has_parents)),
    NIMA_FIELD(STR, struct made, ref),
    NIMA_FIELD(STR, struct made, sha),
    NIMA_FIELD(BOOL, struct made, force, .has = NIMA_HAS(struct made, has_force)),
    NIMA_FIELD(STR, struct made, content),
    NIMA_FIELD(STR, struct made, encoding),
};
static const struct nima_shape made_shape = NIMA_SHAPE("GithubMade", struct made, made_fields);

struct tip {
    bool exists;        /* the branch is there */
    nima_str sha, tree; /* what it is built on */
    nima_str done;      /* this task's commit, where it was made before */
};

static nima_rc find_ref(struct nima_ctx *ctx, struct nima_github *github, nima_str branch,
                        bool *found, nima_str *sha)
{
    struct nima_github_reply reply;
    struct reference reference;
    nima_str name = nima_url_escape(ctx, branch, "/");
    nima_str path = nima_github_path(ctx, github, "/git/ref/heads/" NIMA_FMT, NIMA_ARG(name));
    NIMA_TRY(nima_github_get(ctx, github, path, found, &reply));
    if (*found) {
        NIMA_TRY(nima_json_decode(ctx, &reference_shape, reply.body, &reference));
        *sha = reference.object->sha;
    }
    return NIMA_OK;
}

static nima_str trailer(struct nima_ctx *ctx, const struct nima_github *github)
{
    nima_str id = github->dry ? NIMA_STR("{task}") : github->job->id;
    return nima_fmt(ctx, "Nima-Task: " NIMA_FMT, NIMA_ARG(id));
}

static nima_rc look_back(struct nima_ctx *ctx, struct nima_github *github, struct tip *tip)
{
    struct nima_list commits;
    bool more;
    nima_str mark = trailer(ctx, github);
    nima_str path = nima_github_path(ctx, github, "/commits?sha=" NIMA_FMT "&per_page=%d",
                                     NIMA_ARG(tip->sha), LOOKED_BACK);
    NIMA_TRY(nima_github_list(ctx, github, path, &commit_shape, LOOKED_BACK, &commits, &more));
    for (size_t i = 0; i < commits.count; i++) {
        const struct commit *commit = (const struct commit *)commits.items + i;
        tip->tree = i == 0 ? commit->commit->tree->sha : tip->tree;
        if (nima_str_find(commit->commit->message, mark, 0) != SIZE_MAX) {
            tip->done = commit->sha;
            break;
        }
    }
    return NIMA_OK;
}

static nima_rc find_tip(struct nima_ctx *ctx, struct nima_github *github, nima_str branch,
                        nima_str base, struct tip *out)
{
    struct tip tip = {0};
    bool found;
    NIMA_TRY(find_ref(ctx, github, branch, &tip.exists, &tip.sha));
    if (!tip.exists) {
        if (base.ptr == NULL) {
            NIMA_TRY(nima_github_default_branch(ctx, github, &base));
        }
        NIMA_TRY(find_ref(ctx, github, base, &found, &tip.sha));
        if (!found) {
            return nima_fail_field(ctx, NIMA_E_NOT_FOUND, "params.base",
                                   NIMA_FMT " has no branch " NIMA_FMT, NIMA_ARG(github->p->repo),
                                   NIMA_ARG(base));
        }
    }
    NIMA_TRY(look_back(ctx, github, &tip));
    *out = tip;
    return NIMA_OK;
}

static nima_rc make(struct nima_ctx *ctx, struct nima_github *github, const char *method,
                    const char *what, nima_str body, nima_str *sha)
{
    struct nima_github_reply reply;
    struct object object;
    NIMA_TRY(nima_github_send(ctx, github, method, nima_github_path(ctx, github, "/git/%s", what),
                              body, &reply));
    NIMA_TRY(nima_json_decode(ctx, &object_shape, reply.body, &object));
    if (object.sha.ptr != NULL) {
        *sha = object.sha;
    }
    return NIMA_OK;
}

static nima_rc make_blob(struct nima_ctx *ctx, struct nima_github *github, nima_str base64,
                         nima_str *sha)
{
    struct made blob = {.content = base64, .encoding = NIMA_STR("base64")};
    nima_str body;
    NIMA_TRY(nima_github_json(ctx, &made_shape, &blob, &body));
    return make(ctx, github, "POST", "blobs", body, sha);
}

static nima_str replaced(struct nima_ctx *ctx, nima_str text, nima_str find, nima_str with)
{
    struct nima_buf buf;
    size_t from = 0, at;
    nima_buf_init(&buf, (size_t)2 * READ_BYTES_MAX);
    while ((at = nima_str_find(text, find, from)) != SIZE_MAX) {
        nima_buf_add(&buf, nima_str_sub(text, from, at));
        nima_buf_add(&buf, with);
        from = at + find.len;
    }
    nima_buf_add(&buf, nima_str_sub(text, from, text.len));
    nima_str out = {NULL, 0};
    if (!buf.overflowed) {
        out = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    }
    nima_buf_done(&buf);
    return out;
}

/* The files as they will be: what is to be replaced is looked for in what is there. */
static nima_rc find_texts(struct nima_ctx *ctx, struct nima_github *github, const struct tip *tip)
{
    size_t count = github->p->files.count;
    github->files = NIMA_NEW(ctx->arena, struct nima_github_file, count);
    for (size_t i = 0; i < count; i++) {
        struct nima_github_file *file = &github->files[i];
        struct content info;
        nima_str before;
        *file = github->p->files.items[i];
        if (file->find.ptr == NULL) {
            continue;
        }
        NIMA_TRY(fetch(ctx, github, file->path, tip->sha, &info, &before));
        if (before.ptr == NULL || nima_str_find(before, file->find, 0) == SIZE_MAX) {
            return nima_fail_field(ctx, NIMA_E_NOT_FOUND, "params.files",
                                   "there is no \"" NIMA_FMT "\" in " NIMA_FMT " of " NIMA_FMT,
                                   NIMA_ARG(file->find), NIMA_ARG(file->path),
                                   NIMA_ARG(github->p->repo));
        }
        file->content = replaced(ctx, before, file->find, file->with);
        if (file->content.ptr == NULL || !nima_utf8_valid(file->content)) {
            return nima_fail_field(ctx, NIMA_E_INVALID, "params.files",
                                   NIMA_FMT " is no text, or would be too long",
                                   NIMA_ARG(file->path));
        }
    }
    return NIMA_OK;
}

static nima_rc make_tree(struct nima_ctx *ctx, struct nima_github *github, const struct tip *tip,
                         nima_str *sha)
{
    size_t count = github->p->files.count;
    struct entry *entries = NIMA_NEW(ctx->arena, struct entry, count);
    for (size_t i = 0; i < count; i++) {
        const struct nima_github_file *file = &github->files[i];
        entries[i] =
            (struct entry){.path = file->path,
                           .mode = file->executable ? NIMA_STR("100755") : NIMA_STR("100644"),
                           .type = NIMA_STR("blob")};
        if (file->delete_file) {
            entries[i].sha = NIMA_STR("null");
        } else if (file->content_base64.ptr != NULL) {
            nima_str blob = NIMA_STR("");
            NIMA_TRY(make_blob(ctx, github, file->content_base64, &blob));
            entries[i].sha = nima_fmt(ctx, "\"" NIMA_FMT "\"", NIMA_ARG(blob));
        } else {
            entries[i].content = file->content;
        }
    }
    struct tree tree = {.base_tree = tip->tree, .tree = {entries, count}};
    nima_str body;
    NIMA_TRY(nima_github_json(ctx, &tree_shape, &tree, &body));
    return make(ctx, github, "POST", "trees", body, sha);
}

/* Where the branch stands is moved on; never by force. */
static nima_rc move_branch(struct nima_ctx *ctx, struct nima_github *github, nima_str branch,
                           const struct tip *tip, nima_str sha)
{
    nima_str body, ignored;
    struct made made = {.sha = sha};
    if (tip->exists) {
        made.has_force = true;
        NIMA_TRY(nima_github_json(ctx, &made_shape, &made, &body));
        nima_str name = nima_url_escape(ctx, branch, "/");
        return make(ctx, github, "PATCH", nima_fmt(ctx, "refs/heads/" NIMA_FMT, NIMA_ARG(name)).ptr,
                    body, &ignored);
    }
    made.ref = nima_fmt(ctx, "refs/heads/" NIMA_FMT, NIMA_ARG(branch));
    NIMA_TRY(nima_github_json(ctx, &made_shape, &made, &body));
    return make(ctx, github, "POST", "refs", body, &ignored);
}

static nima_rc try_commit(struct nima_ctx *ctx, struct nima_github *github, nima_str branch,
                          const struct tip *tip, nima_str message, nima_str *sha)
{
    nima_str tree = {0}, body;
    nima_str parents[1] = {tip->sha};
    struct made commit = {.has_parents = true, .parents = {parents, 1}};
    NIMA_TRY(make_tree(ctx, github, tip, &tree));
    commit.tree = tree;
    commit.message =
        nima_fmt(ctx, NIMA_FMT "\n\n" NIMA_FMT, NIMA_ARG(message), NIMA_ARG(trailer(ctx, github)));
    NIMA_TRY(nima_github_json(ctx, &made_shape, &commit, &body));
    NIMA_TRY(make(ctx, github, "POST", "commits", body, sha));
    return move_branch(ctx, github, branch, tip, *sha);
}

/* What the preview shows of the files. */
static nima_rc show_diff(struct nima_ctx *ctx, struct nima_github *github, const struct tip *tip)
{
    for (size_t i = 0; i < github->p->files.count; i++) {
        const struct nima_github_file *file = &github->files[i];
        struct content info;
        nima_str before, diff;
        NIMA_TRY(fetch(ctx, github, file->path, tip->sha, &info, &before));
        bool text = file->content_base64.ptr == NULL && nima_utf8_valid(before);
        nima_str after = file->delete_file ? NIMA_STR("") : file->content;
        diff = text ? nima_diff(ctx, before.ptr != NULL ? before : NIMA_STR(""), after)
                    : NIMA_STR("(not a text)\n");
        diff = nima_utf8_prefix(diff, DIFF_BYTES_MAX);
        github->diff = nima_fmt(ctx, NIMA_FMT "--- %s" NIMA_FMT "\n+++ %s" NIMA_FMT "\n" NIMA_FMT,
                                NIMA_ARG(github->diff), before.ptr != NULL ? "a/" : "(nothing) ",
                                NIMA_ARG(file->path), file->delete_file ? "(nothing) " : "b/",
                                NIMA_ARG(file->path), NIMA_ARG(diff));
    }
    return NIMA_OK;
}

static nima_rc check_files(struct nima_ctx *ctx, const struct nima_github *github)
{
    for (size_t i = 0; i < github->p->files.count; i++) {
        const struct nima_github_file *file = &github->p->files.items[i];
        nima_str same, bytes;
        const char *field = nima_fmt(ctx, "params.files[%zu].path", i).ptr;
        int given = (file->content.ptr != NULL) + (file->content_base64.ptr != NULL) +
                    (file->find.ptr != NULL) + file->delete_file;
        NIMA_TRY(nima_path_plain(ctx, field, file->path, &same));
        if (!nima_str_eq(same, file->path) || same.len == 0) {
            return nima_fail_field(ctx, NIMA_E_INVALID, field, "%s must be plain: a/b.txt", field);
        }
        if (given != 1 || (file->find.ptr == NULL) != (file->with.ptr == NULL) ||
            (file->content_base64.ptr != NULL &&
             !nima_base64_read(ctx, file->content_base64, &bytes))) {
            return nima_fail_field(ctx, NIMA_E_INVALID, field,
                                   NIMA_FMT ": give one of content, content_base64, find with "
                                            "with, and delete",
                                   NIMA_ARG(file->path));
        }
    }
    return NIMA_OK;
}

/* Somebody else may have moved the branch in between: then it is built on what is there now. */
nima_rc nima_github_commit(struct nima_ctx *ctx, struct nima_github *github, nima_str branch,
                           nima_str base, nima_str message, nima_str *sha)
{
    NIMA_TRY(check_files(ctx, github));
    for (int i = 1;; i++) {
        struct tip tip = {0};
        NIMA_TRY(find_tip(ctx, github, branch, base, &tip));
        if (tip.done.ptr != NULL) {
            *sha = tip.done;
            return NIMA_OK;
        }
        NIMA_TRY(find_texts(ctx, github, &tip));
        if (github->dry) {
            NIMA_TRY(show_diff(ctx, github, &tip));
        }
        nima_rc rc = try_commit(ctx, github, branch, &tip, message, sha);
        bool raced =
            rc == NIMA_E_INVALID && (strstr(ctx->error.message, "not a fast forward") != NULL ||
                                     strstr(ctx->error.message, "already exists") != NULL);
        if (!raced || i == TRIES) {
            return rc;
        }
    }
}

struct committed {
    nima_str sha, branch, html_url;
    int64_t files;
};
static const struct nima_field committed_fields[] = {
    NIMA_FIELD(STR, struct committed, sha),
    NIMA_FIELD(STR, struct committed, branch),
    NIMA_FIELD(INT, struct committed, files),
};
static const struct nima_shape committed_shape =
    NIMA_SHAPE("GithubCommitted", struct committed, committed_fields);

nima_rc nima_github_commit_files(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    const struct nima_github_params *p = job->params;
    struct nima_github github;
    struct committed out = {.branch = p->branch, .files = (int64_t)p->files.count};
    NIMA_TRY(nima_github_begin(ctx, job, &github));
    if (out.branch.ptr == NULL) {
        NIMA_TRY(nima_github_default_branch(ctx, &github, &out.branch));
    }
    NIMA_TRY(nima_github_commit(ctx, &github, out.branch, p->base, p->message, &out.sha));
    return github.dry ? nima_github_would(ctx, &github, result)
                      : nima_github_json(ctx, &committed_shape, &out, result);
}
