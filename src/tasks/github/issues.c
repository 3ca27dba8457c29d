/*
 * Repositories, issues and comments. What is made carries a marker with the task's id, which a
 * second attempt looks for before it makes anything.
 */
#include <string.h>

#include "tasks/github/github_int.h"

enum { MADE_MAX = 1000, COMMENTS_MAX = 100 };

/* What is told of GitHub's answers */

struct user {
    nima_str login;
};
static const struct nima_field user_fields[] = {NIMA_FIELD(STR, struct user, login)};
static const struct nima_shape user_shape =
    NIMA_SHAPE("GithubUser", struct user, user_fields, .open = true);

struct label {
    nima_str name;
};
static const struct nima_field label_fields[] = {NIMA_FIELD(STR, struct label, name)};
static const struct nima_shape label_shape =
    NIMA_SHAPE("GithubLabel", struct label, label_fields, .open = true);

struct repo {
    nima_str full_name, description, html_url, default_branch, language, visibility, pushed_at;
    int64_t open_issues_count, stargazers_count, forks_count;
    bool private_, archived, fork;
};
static const struct nima_field repo_fields[] = {
    NIMA_FIELD(STR, struct repo, full_name),
    NIMA_FIELD(STR, struct repo, description),
    NIMA_FIELD(STR, struct repo, html_url),
    NIMA_FIELD(STR, struct repo, default_branch),
    NIMA_FIELD(STR, struct repo, language),
    NIMA_FIELD(STR, struct repo, visibility),
    NIMA_FIELD(STR, struct repo, pushed_at),
    NIMA_FIELD(INT, struct repo, open_issues_count),
    NIMA_FIELD(INT, struct repo, stargazers_count),
    NIMA_FIELD(INT, struct repo, forks_count),
    NIMA_FIELD_AS(BOOL, "private", struct repo, private_),
    NIMA_FIELD(BOOL, struct repo, archived),
    NIMA_FIELD(BOOL, struct repo, fork),
};
static const struct nima_shape repo_shape =
    NIMA_SHAPE("GithubRepo", struct repo, repo_fields, .open = true);

struct comment {
    int64_t id;
    nima_str body, html_url, created_at;
    struct user *user;
};
static const struct nima_field comment_fields[] = {
    NIMA_FIELD(INT, struct comment, id),
    NIMA_FIELD(STR, struct comment, body),
    NIMA_FIELD(STR, struct comment, html_url),
    NIMA_FIELD(STR, struct comment, created_at),
    NIMA_FIELD(OBJECT, struct comment, user, .shape = &user_shape),
};
static const struct nima_shape comment_shape =
    NIMA_SHAPE("GithubComment", struct comment, comment_fields, .open = true);

struct issue {
    int64_t number, comments;
    nima_str title, state, state_reason, html_url, body, created_at, updated_at, closed_at;
    struct user *user;
    struct nima_list labels, assignees;
    bool has_assignees, has_labels;
};
#define ISSUE_FIELDS                                                                               \
    NIMA_FIELD(INT, struct issue, number), NIMA_FIELD(STR, struct issue, title),                   \
        NIMA_FIELD(STR, struct issue, state), NIMA_FIELD(STR, struct issue, state_reason),         \
        NIMA_FIELD(STR, struct issue, html_url),                                                   \
        NIMA_FIELD(OBJECT, struct issue, user, .shape = &user_shape),                              \
        NIMA_FIELD(LIST, struct issue, labels, .has = NIMA_HAS(struct issue, has_labels),          \
                   .shape = &label_shape),                                                         \
        NIMA_FIELD(LIST, struct issue, assignees, .has = NIMA_HAS(struct issue, has_assignees),    \
                   .shape = &user_shape),                                                          \
        NIMA_FIELD(INT, struct issue, comments), NIMA_FIELD(STR, struct issue, created_at),        \
        NIMA_FIELD(STR, struct issue, updated_at), NIMA_FIELD(STR, struct issue, closed_at)
static const struct nima_field issue_fields[] = {ISSUE_FIELDS, NIMA_FIELD(STR, struct issue, body)};
static const struct nima_shape issue_shape =
    NIMA_SHAPE("GithubIssue", struct issue, issue_fields, .open = true);
/* In a list: without its text. */
static const struct nima_field brief_fields[] = {ISSUE_FIELDS};
static const struct nima_shape brief_shape =
    NIMA_SHAPE("GithubIssueBrief", struct issue, brief_fields, .open = true);

/* Decoded and encoded by one table, what is not in it stays behind. */
static nima_rc pick(struct nima_ctx *ctx, const struct nima_shape *shape, nima_str body,
                    nima_str *result)
{
    void *picked = nima_alloc(ctx->arena, shape->size);
    NIMA_TRY(nima_json_decode(ctx, shape, body, picked));
    return nima_github_json(ctx, shape, picked, result);
}

nima_rc nima_github_get_repo(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    struct nima_github github;
    struct nima_github_reply reply;
    NIMA_TRY(nima_github_begin(ctx, job, &github));
    NIMA_TRY(nima_github_get(ctx, &github, nima_github_path(ctx, &github, "%s", ""), NULL, &reply));
    return pick(ctx, &repo_shape, reply.body, result);
}

nima_rc nima_github_default_branch(struct nima_ctx *ctx, struct nima_github *github, nima_str *out)
{
    struct nima_github_reply reply;
    struct repo repo;
    NIMA_TRY(nima_github_get(ctx, github, nima_github_path(ctx, github, "%s", ""), NULL, &reply));
    NIMA_TRY(nima_json_decode(ctx, &repo_shape, reply.body, &repo));
    *out = repo.default_branch.len > 0 ? repo.default_branch : NIMA_STR("main");
    return NIMA_OK;
}

/* Lists */

struct listed {
    struct nima_list issues;
    bool more;
};
static const struct nima_field listed_fields[] = {
    NIMA_FIELD(LIST, struct listed, issues, .shape = &brief_shape),
    NIMA_FIELD(BOOL, struct listed, more),
};
static const struct nima_shape listed_shape =
    NIMA_SHAPE("GithubIssues", struct listed, listed_fields);

/* GitHub's list of issues holds the pull requests too. */
struct either {
    struct issue issue;
    nima_str pull_request;
};
static const struct nima_field either_fields[] = {
    ISSUE_FIELDS,
    NIMA_FIELD(STR, struct issue, body),
    NIMA_FIELD(JSON, struct either, pull_request),
};
static const struct nima_shape either_shape =
    NIMA_SHAPE("GithubEither", struct either, either_fields, .open = true);

static struct nima_list without_pulls(struct nima_ctx *ctx, const struct nima_list *mixed,
                                      size_t limit, bool *more)
{
    const struct either *items = mixed->items;
    struct issue *issues = NIMA_NEW(ctx->arena, struct issue, mixed->count);
    size_t count = 0;
    for (size_t i = 0; i < mixed->count; i++) {
        if (items[i].pull_request.ptr == NULL) {
            issues[count++] = items[i].issue;
        }
    }
    *more = *more || count > limit;
    return (struct nima_list){issues, count < limit ? count : limit};
}

nima_rc nima_github_list_issues(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    const struct nima_github_params *p = job->params;
    struct nima_github github;
    struct nima_list mixed;
    struct listed out;
    nima_str query = nima_fmt(ctx, "per_page=%d", NIMA_GITHUB_PAGE);
    NIMA_TRY(nima_github_begin(ctx, job, &github));
    nima_github_query(ctx, &query, "state", p->state);
    nima_github_query(ctx, &query, "labels", p->labels_text);
    nima_github_query(ctx, &query, "assignee", p->assignee);
    nima_github_query(ctx, &query, "creator", p->creator);
    nima_github_query(ctx, &query, "since", p->since);
    nima_github_query(ctx, &query, "sort", p->sort);
    nima_github_query(ctx, &query, "direction", p->direction);
    nima_str path = nima_github_path(ctx, &github, "/issues?" NIMA_FMT, NIMA_ARG(query));
    size_t limit = (size_t)p->limit;
    NIMA_TRY(nima_github_list(ctx, &github, path, &either_shape, limit * 2 + NIMA_GITHUB_PAGE,
                              &mixed, &out.more));
    out.issues = without_pulls(ctx, &mixed, limit, &out.more);
    return nima_github_json(ctx, &listed_shape, &out, result);
}

struct shown {
    struct issue issue;
    struct nima_list comment_list;
    bool more_comments;
};
static const struct nima_field shown_fields[] = {
    ISSUE_FIELDS,
    NIMA_FIELD(STR, struct issue, body),
    NIMA_FIELD(LIST, struct shown, comment_list, .shape = &comment_shape),
    NIMA_FIELD(BOOL, struct shown, more_comments),
};
static const struct nima_shape shown_shape =
    NIMA_SHAPE("GithubShownIssue", struct shown, shown_fields);

nima_rc nima_github_get_issue(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    const struct nima_github_params *p = job->params;
    struct nima_github github;
    struct nima_github_reply reply;
    struct shown out = {0};
    NIMA_TRY(nima_github_begin(ctx, job, &github));
    nima_str path = nima_github_path(ctx, &github, "/issues/%lld", (long long)p->number);
    NIMA_TRY(nima_github_get(ctx, &github, path, NULL, &reply));
    NIMA_TRY(nima_json_decode(ctx, &issue_shape, reply.body, &out.issue));
    if (out.issue.comments > 0) {
        path = nima_github_path(ctx, &github, "/issues/%lld/comments?per_page=%d",
                                (long long)p->number, NIMA_GITHUB_PAGE);
        NIMA_TRY(nima_github_list(ctx, &github, path, &comment_shape, COMMENTS_MAX,
                                  &out.comment_list, &out.more_comments));
    }
    return nima_github_json(ctx, &shown_shape, &out, result);
}

/* Making */

static const struct nima_field make_fields[] = {
    NIMA_FIELD(STR, struct nima_github_params, title),
    NIMA_FIELD(STR, struct nima_github_params, body),
    NIMA_FIELD(STR_LIST, struct nima_github_params, labels,
               .has = NIMA_HAS(struct nima_github_params, has_labels)),
    NIMA_FIELD(STR_LIST, struct nima_github_params, assignees,
               .has = NIMA_HAS(struct nima_github_params, has_assignees)),
    NIMA_FIELD(INT, struct nima_github_params, milestone,
               .has = NIMA_HAS(struct nima_github_params, has_milestone)),
    NIMA_FIELD(STR, struct nima_github_params, state),
    NIMA_FIELD(STR, struct nima_github_params, state_reason),
};
static const struct nima_shape make_shape =
    NIMA_SHAPE("GithubMake", struct nima_github_params, make_fields);

struct found {
    nima_str body;
};
static const struct nima_field found_fields[] = {NIMA_FIELD(STR, struct found, body)};
static const struct nima_shape found_shape =
    NIMA_SHAPE("GithubFound", struct found, found_fields, .open = true);

/* What an earlier attempt of this task made, out of a list of what was changed since: its place in
 * the list, as JSON of `shape`. Absent: nothing. */
static nima_rc made_before(struct nima_ctx *ctx, struct nima_github *github, nima_str path,
                           const struct nima_shape *shape, nima_str (*body_of)(const void *item),
                           nima_str *out)
{
    struct nima_list list;
    bool more;
    nima_str marker = nima_github_marker(ctx, github);
    *out = (nima_str){0};
    if (github->dry) {
        return NIMA_OK;
    }
    NIMA_TRY(nima_github_list(ctx, github, path, shape, MADE_MAX, &list, &more));
    for (size_t i = 0; i < list.count; i++) {
        const void *item = (const char *)list.items + i * shape->size;
        if (nima_str_find(body_of(item), marker, 0) != SIZE_MAX) {
            return nima_github_json(ctx, shape, item, out);
        }
    }
    return NIMA_OK;
}

static nima_str issue_body(const void *item)
{
    return ((const struct issue *)item)->body;
}

static nima_str comment_body(const void *item)
{
    return ((const struct comment *)item)->body;
}

nima_rc nima_github_create_issue(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    const struct nima_github_params *p = job->params;
    struct nima_github github;
    struct nima_github_reply reply;
    struct nima_github_params wanted = {
        .title = p->title,
        .labels = p->labels,
        .assignees = p->assignees,
        .milestone = p->milestone,
        .has_labels = p->has_labels,
        .has_assignees = p->has_assignees,
        .has_milestone = p->has_milestone,
    };
    nima_str body, before;
    NIMA_TRY(nima_github_begin(ctx, job, &github));
    nima_str since = nima_github_since(ctx, &github);
    nima_str path = nima_github_path(
        ctx, &github, "/issues?state=all&sort=created&direction=desc&per_page=%d&" NIMA_FMT,
        NIMA_GITHUB_PAGE, NIMA_ARG(since));
    NIMA_TRY(made_before(ctx, &github, path, &issue_shape, issue_body, &before));
    if (before.ptr != NULL) {
        *result = before;
        return NIMA_OK;
    }
    wanted.body = nima_github_marked(ctx, &github, p->body);
    NIMA_TRY(nima_github_json(ctx, &make_shape, &wanted, &body));
    NIMA_TRY(nima_github_send(ctx, &github, "POST", nima_github_path(ctx, &github, "/issues"), body,
                              &reply));
    return github.dry ? nima_github_would(ctx, &github, result)
                      : pick(ctx, &issue_shape, reply.body, result);
}

static nima_rc comment(struct nima_ctx *ctx, struct nima_github *github, nima_str text,
                       nima_str *result)
{
    long long number = (long long)github->p->number;
    struct nima_github_reply reply;
    struct found wanted = {nima_github_marked(ctx, github, text)};
    nima_str body, before, since = nima_github_since(ctx, github);
    nima_str path = nima_github_path(ctx, github, "/issues/%lld/comments?per_page=%d&" NIMA_FMT,
                                     number, NIMA_GITHUB_PAGE, NIMA_ARG(since));
    NIMA_TRY(made_before(ctx, github, path, &comment_shape, comment_body, &before));
    if (before.ptr != NULL) {
        *result = before;
        return NIMA_OK;
    }
    NIMA_TRY(nima_github_json(ctx, &found_shape, &wanted, &body));
    NIMA_TRY(nima_github_send(ctx, github, "POST",
                              nima_github_path(ctx, github, "/issues/%lld/comments", number), body,
                              &reply));
    return github->dry ? NIMA_OK : pick(ctx, &comment_shape, reply.body, result);
}

nima_rc nima_github_comment_issue(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    const struct nima_github_params *p = job->params;
    struct nima_github github;
    NIMA_TRY(nima_github_begin(ctx, job, &github));
    NIMA_TRY(comment(ctx, &github, p->body, result));
    return github.dry ? nima_github_would(ctx, &github, result) : NIMA_OK;
}

/* Changing: what is asked for is a state, so asking twice leaves the same. */
static nima_rc change(struct nima_ctx *ctx, struct nima_github *github,
                      const struct nima_github_params *wanted, nima_str *result)
{
    struct nima_github_reply reply;
    nima_str body;
    nima_str path = nima_github_path(ctx, github, "/issues/%lld", (long long)github->p->number);
    NIMA_TRY(nima_github_json(ctx, &make_shape, wanted, &body));
    NIMA_TRY(nima_github_send(ctx, github, "PATCH", path, body, &reply));
    return github->dry ? nima_github_would(ctx, github, result)
                       : pick(ctx, &issue_shape, reply.body, result);
}

nima_rc nima_github_update_issue(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    const struct nima_github_params *p = job->params;
    struct nima_github github;
    if (p->title.ptr == NULL && p->body.ptr == NULL && p->state.ptr == NULL &&
        p->state_reason.ptr == NULL && !p->has_labels && !p->has_assignees && !p->has_milestone) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "params", "there is nothing to change");
    }
    NIMA_TRY(nima_github_begin(ctx, job, &github));
    return change(ctx, &github, p, result);
}

nima_rc nima_github_close_issue(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    const struct nima_github_params *p = job->params;
    struct nima_github github;
    struct nima_github_params wanted = {.state = NIMA_STR("closed"),
                                        .state_reason = p->state_reason};
    nima_str said;
    NIMA_TRY(nima_github_begin(ctx, job, &github));
    if (p->comment.len > 0) {
        NIMA_TRY(comment(ctx, &github, p->comment, &said));
    }
    return change(ctx, &github, &wanted, result);
}
