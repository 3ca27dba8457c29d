#pragma once
/*
 * github_int: what the files of the github integration share. Private to this room.
 *
 * Everything a task does goes through one nima_github: with `dry` what would be sent is written
 * down instead, so that a preview and the run cannot differ. Reading is done in both.
 */
#include "tasks/api/api_int.h"

enum { NIMA_GITHUB_BYTES_MAX = 4 << 20, NIMA_GITHUB_PAGE = 100 };

struct nima_github_file {
    nima_str path, content, content_base64;
    nima_str find, with; /* in what is there */
    bool delete_file, executable;
};
struct nima_github_texts {
    nima_str *items;
    size_t count;
};
/* Params of all actions of this integration; each takes some. The names are GitHub's. */
struct nima_github_params {
    nima_str repo, token;
    nima_str title, body, state, state_reason, comment;
    nima_str head, base, branch, ref, path, message;
    nima_str sort, direction, since, labels_text, assignee, creator;
    nima_str root; /* of a checkout, which is at `path` */
    nima_str merge_method, commit_title, commit_message, sha;
    struct nima_github_texts labels, assignees, reviewers, team_reviewers, paths;
    struct {
        struct nima_github_file *items;
        size_t count;
    } files;
    int64_t number, milestone, limit, depth;
    bool draft, has_labels, has_assignees, has_reviewers, has_team_reviewers, has_milestone,
        has_draft;
};

struct nima_github {
    struct nima_job *job;
    const struct nima_github_params *p;
    nima_str base;          /* of the API, without a slash at its end */
    nima_str token;         /* absent: none is set */
    nima_str authorization; /* its header line */
    bool dry;
    nima_str would;                 /* dry: the requests as JSON objects, with commas between */
    int steps;                      /* dry: how many they are */
    nima_str diff;                  /* dry: what changes in files */
    struct nima_github_file *files; /* the params', with what `find` and `with` make of them */
};
struct nima_github_reply {
    int status;
    nima_str body;
    nima_str next; /* where the next page is, below the base; absent: this was the last */
};

NIMA_MUST_USE nima_rc nima_github_begin(struct nima_ctx *ctx, struct nima_job *job,
                                        struct nima_github *out);
/* One request below the base ("/repos/…"); `body` absent: none. What GitHub refuses is an error
 * that says why; what limits the rate is RATE with the time to wait. */
NIMA_MUST_USE nima_rc nima_github_send(struct nima_ctx *ctx, struct nima_github *github,
                                       const char *method, nima_str path, nima_str body,
                                       struct nima_github_reply *out);
/* GET; *found false for 404, which is then no error. `found` NULL: it is one. */
NIMA_MUST_USE nima_rc nima_github_get(struct nima_ctx *ctx, struct nima_github *github,
                                      nima_str path, bool *found, struct nima_github_reply *out);
/* Up to `limit` items of a list over its pages; *more tells whether there are further ones. */
NIMA_MUST_USE nima_rc nima_github_list(struct nima_ctx *ctx, struct nima_github *github,
                                       nima_str path, const struct nima_shape *shape, size_t limit,
                                       struct nima_list *out, bool *more);
/* "/repos/OWNER/NAME" and the rest, which is formatted. */
nima_str nima_github_path(struct nima_ctx *ctx, const struct nima_github *github, const char *fmt,
                          ...) __attribute__((format(printf, 3, 4)));
/* Adds "&name=value" to a query, where there is a value. */
void nima_github_query(struct nima_ctx *ctx, nima_str *query, const char *name, nima_str value);
/* The struct as JSON text. */
NIMA_MUST_USE nima_rc nima_github_json(struct nima_ctx *ctx, const struct nima_shape *shape,
                                       const void *in, nima_str *out);
/* What the dry run wrote down. */
NIMA_MUST_USE nima_rc nima_github_would(struct nima_ctx *ctx, const struct nima_github *github,
                                        nima_str *result);
/* A hidden line that tells what the task made: a second attempt finds it. */
nima_str nima_github_marker(struct nima_ctx *ctx, const struct nima_github *github);
/* The text with the marker below it. */
nima_str nima_github_marked(struct nima_ctx *ctx, const struct nima_github *github, nima_str text);
/* "since=…" for lists of what was changed since the task was asked for; "" in a preview. */
nima_str nima_github_since(struct nima_ctx *ctx, const struct nima_github *github);
/* INVALID for what is no name of a branch. */
NIMA_MUST_USE nima_rc nima_github_branch(struct nima_ctx *ctx, const char *field, nima_str name);
NIMA_MUST_USE nima_rc nima_github_default_branch(struct nima_ctx *ctx, struct nima_github *github,
                                                 nima_str *out);
/* github/files.c: the files as one commit on `branch`, which is made from `base` where there is
 * none (absent: the default branch). *sha is the commit. */
NIMA_MUST_USE nima_rc nima_github_commit(struct nima_ctx *ctx, struct nima_github *github,
                                         nima_str branch, nima_str base, nima_str message,
                                         nima_str *sha);

/* github/git.c: git itself, on a folder below the file roots. What git could run something from
 * (its configuration, its hooks) is kept outside of the roots, where no file action reaches it. */
struct nima_git {
    struct nima_github github;
    nima_str path;     /* of the checkout, plain, below its root */
    nima_str url;      /* of the repository */
    const char *dir;   /* git's own folder, in the folder of everything that is kept */
    const char *index; /* NULL: its own */
    int tree;          /* the checkout's folder, open; -1: it is not there */
    int lock;
};
/* What stands beside a whole checkout. */
struct nima_git_note {
    nima_str repo, branch, task; /* repo absent: there is none */
};
/* Finds the folder and locks the checkout; with `make` the folder is made. BUSY when another task
 * works in it. End it with nima_git_done, also when this failed. */
NIMA_MUST_USE nima_rc nima_git_begin(struct nima_ctx *ctx, struct nima_job *job, bool make,
                                     struct nima_git *out);
void nima_git_done(struct nima_git *git);
/* Runs git with these arguments up to a NULL; what it refuses is an error that says why. `out` is
 * what it wrote, as far as `max` bytes. */
NIMA_MUST_USE nima_rc nima_git_run(struct nima_ctx *ctx, const struct nima_git *git,
                                   const char *const *arguments, nima_str input, size_t max,
                                   nima_str *out);
/* The first line that it wrote; "" when it wrote none or failed. */
nima_str nima_git_line(struct nima_ctx *ctx, const struct nima_git *git,
                       const char *const *arguments);
NIMA_MUST_USE nima_rc nima_git_note_read(struct nima_ctx *ctx, const struct nima_git *git,
                                         const char *name, struct nima_git_note *out);
NIMA_MUST_USE nima_rc nima_git_note_write(struct nima_ctx *ctx, const struct nima_git *git,
                                          const char *name, const struct nima_git_note *note);
/* FORBIDDEN when the file actions are denied this below the checkout. */
NIMA_MUST_USE nima_rc nima_git_may(struct nima_ctx *ctx, const struct nima_git *git,
                                   const char *action, nima_str below);
/* Where the branch stands at GitHub; absent: there is no such branch. */
NIMA_MUST_USE nima_rc nima_git_remote(struct nima_ctx *ctx, const struct nima_git *git,
                                      nima_str branch, nima_str *sha);

/* The actions. Each serves as its own preview when job->id is absent. */
nima_rc nima_github_get_repo(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
nima_rc nima_github_list_issues(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
nima_rc nima_github_get_issue(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
nima_rc nima_github_create_issue(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
nima_rc nima_github_update_issue(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
nima_rc nima_github_close_issue(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
nima_rc nima_github_comment_issue(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
nima_rc nima_github_list_prs(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
nima_rc nima_github_create_pr(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
nima_rc nima_github_merge_pr(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
nima_rc nima_github_read_file(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
nima_rc nima_github_commit_files(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
nima_rc nima_github_clone(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
nima_rc nima_github_commit_and_push(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
