/*
 * A branch in a folder, and back. refs/nima/base is the commit at GitHub that the folder was made
 * from; refs/nima/pending is the last commit that was made here, pushed or not. A commit names its
 * task, by which a second attempt finds it here; what was pushed is asked of GitHub.
 */
#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "tasks/github/github_int.h"
#include "util/uuid.h"

enum {
    DIFF_BYTES_MAX = 64 << 10,
    LIST_BYTES_MAX = 4 << 20,
    TEXT_BYTES_MAX = 128 << 10,
    LOOKED_BACK = 30
};

#define BASE    "refs/nima/base"
#define PENDING "refs/nima/pending"
#define ARGUMENTS(...)                                                                             \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

static const nima_str nothing = {NULL, 0};
static const char begun[] = "nima-begun", whole[] = "nima-whole";

struct pushed {
    nima_str repo, path, branch, sha, html_url;
    int64_t files;
};
static const struct nima_field pushed_fields[] = {
    NIMA_FIELD(STR, struct pushed, repo),   NIMA_FIELD(STR, struct pushed, path),
    NIMA_FIELD(STR, struct pushed, branch), NIMA_FIELD(STR, struct pushed, sha),
    NIMA_FIELD(INT, struct pushed, files),  NIMA_FIELD(STR, struct pushed, html_url),
};
static const struct nima_shape pushed_shape =
    NIMA_SHAPE("GithubPushed", struct pushed, pushed_fields);

static nima_rc run(struct nima_ctx *ctx, const struct nima_git *git, const char *const *arguments)
{
    nima_str ignored;
    return nima_git_run(ctx, git, arguments, nothing, TEXT_BYTES_MAX, &ignored);
}

/* Cloning */

static bool is_empty(const struct nima_git *git)
{
    bool empty = true;
    int fd = git->tree >= 0 ? dup(git->tree) : -1;
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    if (folder == NULL) {
        return true;
    }
    rewinddir(folder);
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        empty = empty && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0);
    }
    closedir(folder);
    return empty;
}

static nima_rc check_out(struct nima_ctx *ctx, struct nima_git *git, nima_str branch)
{
    const struct nima_github_params *p = git->github.p;
    const struct nima_git_note note = {p->repo, branch, git->github.job->id};
    const char *refs = nima_fmt(ctx, "+refs/heads/" NIMA_FMT ":" BASE, NIMA_ARG(branch)).ptr;
    const char *url = git->url.ptr;
    unlink(nima_fmt(ctx, "%s/%s", git->dir, whole).ptr);
    unlink(nima_fmt(ctx, "%s/index", git->dir).ptr);
    NIMA_TRY(run(ctx, git, ARGUMENTS("init", "-q", "--template=")));
    NIMA_TRY(nima_git_note_write(ctx, git, begun, &note));
    if (p->depth > 0) {
        const char *depth = nima_fmt(ctx, "--depth=%lld", (long long)p->depth).ptr;
        NIMA_TRY(run(ctx, git,
                     ARGUMENTS("fetch", "-q", "--no-tags", "--no-write-fetch-head", depth, "--",
                               url, refs)));
    } else {
        NIMA_TRY(
            run(ctx, git,
                ARGUMENTS("fetch", "-q", "--no-tags", "--no-write-fetch-head", "--", url, refs)));
    }
    NIMA_TRY(run(ctx, git, ARGUMENTS("read-tree", "--reset", "-u", BASE)));
    return nima_git_note_write(ctx, git, whole, &note);
}

static nima_rc tell(struct nima_ctx *ctx, const struct nima_git *git, nima_str branch, nima_str sha,
                    nima_str *result)
{
    struct pushed out = {
        .repo = git->github.p->repo, .path = git->path, .branch = branch, .sha = sha};
    nima_str names;
    NIMA_TRY(nima_git_run(ctx, git, ARGUMENTS("ls-tree", "-r", "-z", "--name-only", sha.ptr),
                          nothing, LIST_BYTES_MAX, &names));
    for (size_t i = 0; i < names.len; i++) {
        out.files += names.ptr[i] == '\0';
    }
    nima_str site = nima_str_sub(git->url, 0, git->url.len - 4); /* without ".git" */
    out.html_url = nima_fmt(ctx, NIMA_FMT "/commit/" NIMA_FMT, NIMA_ARG(site), NIMA_ARG(sha));
    return nima_github_json(ctx, &pushed_shape, &out, result);
}

struct would {
    nima_str path, url, branch, from, to, message, diff;
};
static const struct nima_field would_fields[] = {
    NIMA_FIELD(STR, struct would, path),   NIMA_FIELD(STR, struct would, url),
    NIMA_FIELD(STR, struct would, branch), NIMA_FIELD(STR, struct would, from),
    NIMA_FIELD(STR, struct would, to),     NIMA_FIELD(STR, struct would, message),
    NIMA_FIELD(STR, struct would, diff),
};
static const struct nima_shape would_shape = NIMA_SHAPE("GithubWould", struct would, would_fields);

static nima_rc clone_into(struct nima_ctx *ctx, struct nima_git *git, nima_str *result)
{
    const struct nima_github_params *p = git->github.p;
    struct nima_git_note done, tried;
    nima_str branch = p->branch, sha;
    NIMA_TRY(nima_git_may(ctx, git, "write_file", NIMA_STR("")));
    NIMA_TRY(nima_git_note_read(ctx, git, whole, &done));
    NIMA_TRY(nima_git_note_read(ctx, git, begun, &tried));
    bool own = !git->github.dry && nima_str_eq(tried.task, git->github.job->id);
    if (own && done.repo.ptr != NULL) {
        return tell(ctx, git, done.branch, nima_git_line(ctx, git, ARGUMENTS("rev-parse", BASE)),
                    result);
    }
    if (!own && !is_empty(git)) {
        return nima_fail_field(ctx, NIMA_E_CONFLICT, "params.path",
                               NIMA_FMT " is not empty: name a new folder", NIMA_ARG(git->path));
    }
    if (branch.ptr == NULL) {
        NIMA_TRY(nima_github_default_branch(ctx, &git->github, &branch));
    }
    NIMA_TRY(nima_git_remote(ctx, git, branch, &sha));
    if (sha.ptr == NULL) {
        return nima_fail_field(ctx, NIMA_E_NOT_FOUND, "params.branch",
                               NIMA_FMT " has no branch " NIMA_FMT, NIMA_ARG(p->repo),
                               NIMA_ARG(branch));
    }
    if (git->github.dry) {
        struct would out = {.path = git->path, .url = git->url, .branch = branch, .to = sha};
        return nima_github_json(ctx, &would_shape, &out, result);
    }
    NIMA_TRY(check_out(ctx, git, branch));
    return tell(ctx, git, branch, nima_git_line(ctx, git, ARGUMENTS("rev-parse", BASE)), result);
}

nima_rc nima_github_clone(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    struct nima_git git;
    nima_rc rc = nima_git_begin(ctx, job, job->id.ptr != NULL, &git);
    rc = rc == NIMA_OK ? clone_into(ctx, &git, result) : rc;
    nima_git_done(&git);
    return rc;
}

/* Committing */

/* What changed, by one index that is made anew: nothing is in it that an earlier task left. */
static nima_rc stage(struct nima_ctx *ctx, struct nima_git *git)
{
    const struct nima_github_texts *paths = &git->github.p->paths;
    const char **arguments = NIMA_NEW(ctx->arena, const char *, paths->count + 5);
    size_t count = 0;
    arguments[count++] = "add";
    arguments[count++] = "-A";
    arguments[count++] = "--";
    for (size_t i = 0; i < paths->count; i++) {
        arguments[count++] = nima_cstr(ctx, paths->items[i]);
    }
    arguments[count] = paths->count > 0 ? NULL : ".";
    char id[NIMA_UUID_CHARS + 1];
    nima_uuid_write(id);
    git->index = nima_fmt(ctx, "%s/index-%s", git->dir, id).ptr;
    NIMA_TRY(run(ctx, git, ARGUMENTS("read-tree", BASE)));
    return run(ctx, git, arguments);
}

/* Each name that changed, as ":MODE MODE SHA SHA X\0NAME\0". */
static nima_rc check_changes(struct nima_ctx *ctx, const struct nima_git *git)
{
    nima_str list, about, name;
    NIMA_TRY(nima_git_run(ctx, git,
                          ARGUMENTS("diff-index", "--cached", "--raw", "--no-renames", "-z", BASE),
                          nothing, LIST_BYTES_MAX, &list));
    if (list.len == 0) {
        return nima_fail(ctx, NIMA_E_CONFLICT, "there is nothing to commit in " NIMA_FMT,
                         NIMA_ARG(git->path));
    }
    while (nima_str_next(&list, '\0', &about) && nima_str_next(&list, '\0', &name)) {
        if (nima_str_eq(nima_str_sub(about, 8, 14), NIMA_STR("160000"))) {
            return nima_fail_field(ctx, NIMA_E_INVALID, "params.path",
                                   NIMA_FMT " is a repository of its own", NIMA_ARG(name));
        }
        NIMA_TRY(nima_git_may(ctx, git, "read_file", name));
    }
    return NIMA_OK;
}

static nima_str message_of(struct nima_ctx *ctx, const struct nima_git *git)
{
    const struct nima_tasks_options *options = &git->github.job->tasks->options;
    nima_str id = git->github.dry ? NIMA_STR("{task}") : git->github.job->id;
    nima_str text = nima_str_trim(git->github.p->message);
    nima_str signed_off = NIMA_STR("");
    if (options->github_signoff) {
        signed_off = nima_fmt(ctx, "\nSigned-off-by: " NIMA_FMT, NIMA_ARG(options->github_author));
    }
    return nima_fmt(ctx, NIMA_FMT "\n\nNima-Task: " NIMA_FMT NIMA_FMT "\n", NIMA_ARG(text),
                    NIMA_ARG(id), NIMA_ARG(signed_off));
}

/* Whether the commit that the name stands for is this task's; then *sha is it. */
static bool is_own(struct nima_ctx *ctx, const struct nima_git *git, const char *name,
                   nima_str *sha)
{
    nima_str id = git->github.job->id, found;
    found = nima_git_line(
        ctx, git,
        ARGUMENTS("log", "-1", "--no-show-signature",
                  "--format=%H %(trailers:key=Nima-Task,valueonly,separator=%x2C)", name));
    size_t blank = nima_str_find(found, NIMA_STR(" "), 0);
    if (id.ptr == NULL || blank == SIZE_MAX ||
        !nima_str_eq(nima_str_sub(found, blank + 1, found.len), id)) {
        return false;
    }
    *sha = nima_str_sub(found, 0, blank);
    return true;
}

static nima_rc make_commit(struct nima_ctx *ctx, const struct nima_git *git, nima_str *sha)
{
    nima_str made, line;
    nima_str tree = nima_git_line(ctx, git, ARGUMENTS("write-tree"));
    if (tree.len == 0) {
        return nima_fail(ctx, NIMA_E_UNAVAILABLE, "git could not write what is to be committed");
    }
    NIMA_TRY(nima_git_run(ctx, git,
                          ARGUMENTS("commit-tree", nima_cstr(ctx, tree), "-p", BASE, "-F", "-"),
                          message_of(ctx, git), TEXT_BYTES_MAX, &made));
    nima_str_next(&made, '\n', &line);
    line = nima_fmt(ctx, NIMA_FMT, NIMA_ARG(line));
    NIMA_TRY(run(ctx, git, ARGUMENTS("update-ref", PENDING, line.ptr)));
    *sha = line;
    return NIMA_OK;
}

static nima_rc moved_on(struct nima_ctx *ctx, const struct nima_git *git, nima_str branch)
{
    return nima_fail_field(ctx, NIMA_E_CONFLICT, "params.branch",
                           NIMA_FMT " is not at GitHub as it is in " NIMA_FMT
                                    ": clone it into a new folder, or push to a new branch",
                           NIMA_ARG(branch), NIMA_ARG(git->path));
}

/* Whether the commit is in what the branch holds at GitHub, where others may have gone on. */
static bool is_there(struct nima_ctx *ctx, const struct nima_git *git, nima_str branch,
                     nima_str sha)
{
    const char *refs =
        nima_fmt(ctx, "+refs/heads/" NIMA_FMT ":refs/nima/seen", NIMA_ARG(branch)).ptr;
    const char *depth = nima_fmt(ctx, "--depth=%d", LOOKED_BACK).ptr;
    return run(ctx, git,
               ARGUMENTS("fetch", "-q", "--no-tags", "--no-write-fetch-head", depth, "--",
                         git->url.ptr, refs)) == NIMA_OK &&
           run(ctx, git,
               ARGUMENTS("merge-base", "--is-ancestor", nima_cstr(ctx, sha), "refs/nima/seen")) ==
               NIMA_OK;
}

static nima_rc push(struct nima_ctx *ctx, const struct nima_git *git, nima_str branch, nima_str sha)
{
    const char *refs =
        nima_fmt(ctx, NIMA_FMT ":refs/heads/" NIMA_FMT, NIMA_ARG(sha), NIMA_ARG(branch)).ptr;
    nima_rc rc = run(ctx, git,
                     ARGUMENTS("push", "--porcelain", "--no-signed", "--no-follow-tags",
                               "--no-verify", "--", git->url.ptr, refs));
    if (rc != NIMA_E_CONFLICT && rc != NIMA_E_FORBIDDEN) {
        return rc;
    }
    /* A request whose answer was lost is sent again below us, and refused: the branch counts. */
    struct nima_error refusal = ctx->error;
    nima_str there;
    if (nima_git_remote(ctx, git, branch, &there) == NIMA_OK && nima_str_eq(there, sha)) {
        return NIMA_OK;
    }
    ctx->error = refusal;
    return rc == NIMA_E_CONFLICT ? moved_on(ctx, git, branch) : rc;
}

static nima_rc pushed(struct nima_ctx *ctx, const struct nima_git *git, nima_str branch,
                      nima_str sha, nima_str *result)
{
    const struct nima_git_note note = {git->github.p->repo, branch, git->github.job->id};
    NIMA_TRY(run(ctx, git, ARGUMENTS("update-ref", BASE, nima_cstr(ctx, sha))));
    NIMA_TRY(nima_git_note_write(ctx, git, whole, &note));
    return tell(ctx, git, branch, nima_fmt(ctx, NIMA_FMT, NIMA_ARG(sha)), result);
}

static nima_rc show(struct nima_ctx *ctx, const struct nima_git *git, nima_str branch,
                    nima_str *result)
{
    struct would out = {.path = git->path, .url = git->url, .branch = branch};
    nima_str diff;
    NIMA_TRY(nima_git_run(ctx, git,
                          ARGUMENTS("diff-index", "--cached", "-p", "--no-color", "--no-ext-diff",
                                    "--no-textconv", BASE),
                          nothing, DIFF_BYTES_MAX, &diff));
    diff = nima_utf8_prefix(diff, DIFF_BYTES_MAX);
    out.from = nima_git_line(ctx, git, ARGUMENTS("rev-parse", BASE));
    out.to = NIMA_STR("{commit}");
    out.message = message_of(ctx, git);
    out.diff = nima_utf8_valid(diff) ? diff : NIMA_STR("(not a text)\n");
    return nima_github_json(ctx, &would_shape, &out, result);
}

static nima_rc commit(struct nima_ctx *ctx, struct nima_git *git, nima_str *result)
{
    const struct nima_github_params *p = git->github.p;
    struct nima_git_note note = {0};
    nima_str sha, there;
    if (git->tree >= 0) {
        NIMA_TRY(nima_git_note_read(ctx, git, whole, &note));
    }
    if (git->tree < 0 || !nima_str_eq(note.repo, p->repo)) {
        return nima_fail_field(ctx, NIMA_E_NOT_FOUND, "params.path",
                               NIMA_FMT " is no folder that " NIMA_FMT " was cloned into",
                               NIMA_ARG(git->path), NIMA_ARG(p->repo));
    }
    nima_str branch = p->branch.ptr != NULL ? p->branch : note.branch;
    if (is_own(ctx, git, BASE, &sha)) {
        return pushed(ctx, git, branch, sha, result);
    }
    NIMA_TRY(nima_git_remote(ctx, git, branch, &there));
    bool made = is_own(ctx, git, PENDING, &sha);
    if (made && there.ptr != NULL && (nima_str_eq(there, sha) || is_there(ctx, git, branch, sha))) {
        return pushed(ctx, git, branch, sha, result);
    }
    nima_str base = nima_git_line(ctx, git, ARGUMENTS("rev-parse", BASE));
    if (there.ptr != NULL && !nima_str_eq(there, base)) {
        return moved_on(ctx, git, branch);
    }
    if (!made) {
        NIMA_TRY(stage(ctx, git));
        NIMA_TRY(check_changes(ctx, git));
    }
    if (git->github.dry) {
        return show(ctx, git, branch, result);
    }
    if (!made) {
        NIMA_TRY(make_commit(ctx, git, &sha));
    }
    NIMA_TRY(push(ctx, git, branch, sha));
    return pushed(ctx, git, branch, sha, result);
}

nima_rc nima_github_commit_and_push(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    struct nima_git git;
    nima_rc rc = nima_git_begin(ctx, job, false, &git);
    rc = rc == NIMA_OK ? commit(ctx, &git, result) : rc;
    nima_git_done(&git);
    return rc;
}
