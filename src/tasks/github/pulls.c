/*
 * Pull requests: one is opened at most, whatever was tried before; its commit, labels and reviewers
 * come with it.
 */
#include <string.h>

#include "tasks/github/github_int.h"

enum { MADE_MAX = 300 };

struct user {
    nima_str login;
};
static const struct nima_field user_fields[] = {NIMA_FIELD(STR, struct user, login)};
static const struct nima_shape user_shape =
    NIMA_SHAPE("GithubUser", struct user, user_fields, .open = true);

struct side {
    nima_str ref, sha;
};
static const struct nima_field side_fields[] = {NIMA_FIELD(STR, struct side, ref),
                                                NIMA_FIELD(STR, struct side, sha)};
static const struct nima_shape side_shape =
    NIMA_SHAPE("GithubSide", struct side, side_fields, .open = true);

struct pull {
    int64_t number;
    nima_str title, state, html_url, body, created_at, updated_at, merged_at, merge_commit_sha;
    struct user *user;
    struct side *head, *base;
    bool draft, merged, has_merged, existing, has_existing;
};
#define PULL_FIELDS                                                                                \
    NIMA_FIELD(INT, struct pull, number), NIMA_FIELD(STR, struct pull, title),                     \
        NIMA_FIELD(STR, struct pull, state), NIMA_FIELD(STR, struct pull, html_url),               \
        NIMA_FIELD(OBJECT, struct pull, user, .shape = &user_shape),                               \
        NIMA_FIELD(OBJECT, struct pull, head, .shape = &side_shape),                               \
        NIMA_FIELD(OBJECT, struct pull, base, .shape = &side_shape),                               \
        NIMA_FIELD(BOOL, struct pull, draft), NIMA_FIELD(STR, struct pull, created_at),            \
        NIMA_FIELD(STR, struct pull, updated_at), NIMA_FIELD(STR, struct pull, merged_at)
static const struct nima_field pull_fields[] = {
    PULL_FIELDS,
    NIMA_FIELD(STR, struct pull, body),
    NIMA_FIELD(BOOL, struct pull, merged, .has = NIMA_HAS(struct pull, has_merged)),
    NIMA_FIELD(STR, struct pull, merge_commit_sha),
    NIMA_FIELD(BOOL, struct pull, existing, .has = NIMA_HAS(struct pull, has_existing)),
};
static const struct nima_shape pull_shape =
    NIMA_SHAPE("GithubPull", struct pull, pull_fields, .open = true);
static const struct nima_field brief_fields[] = {PULL_FIELDS};
static const struct nima_shape brief_shape =
    NIMA_SHAPE("GithubPullBrief", struct pull, brief_fields, .open = true);

struct listed {
    struct nima_list pulls;
    bool more;
};
static const struct nima_field listed_fields[] = {
    NIMA_FIELD(LIST, struct listed, pulls, .shape = &brief_shape),
    NIMA_FIELD(BOOL, struct listed, more),
};
static const struct nima_shape listed_shape =
    NIMA_SHAPE("GithubPulls", struct listed, listed_fields);

/* "owner:branch", as the list of pull requests wants its head. */
static nima_str head_of(struct nima_ctx *ctx, const struct nima_github *github, nima_str head)
{
    nima_str owner =
        nima_str_sub(github->p->repo, 0, nima_str_find(github->p->repo, NIMA_STR("/"), 0));
    return nima_str_find(head, NIMA_STR(":"), 0) != SIZE_MAX
               ? head
               : nima_fmt(ctx, NIMA_FMT ":" NIMA_FMT, NIMA_ARG(owner), NIMA_ARG(head));
}

nima_rc nima_github_list_prs(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    const struct nima_github_params *p = job->params;
    struct nima_github github;
    struct listed out;
    nima_str query = nima_fmt(ctx, "per_page=%d", NIMA_GITHUB_PAGE);
    NIMA_TRY(nima_github_begin(ctx, job, &github));
    nima_github_query(ctx, &query, "state", p->state);
    nima_github_query(ctx, &query, "head",
                      p->head.len > 0 ? head_of(ctx, &github, p->head) : (nima_str){0});
    nima_github_query(ctx, &query, "base", p->base);
    nima_github_query(ctx, &query, "sort", p->sort);
    nima_github_query(ctx, &query, "direction", p->direction);
    NIMA_TRY(nima_github_list(ctx, &github,
                              nima_github_path(ctx, &github, "/pulls?" NIMA_FMT, NIMA_ARG(query)),
                              &brief_shape, (size_t)p->limit, &out.pulls, &out.more));
    return nima_github_json(ctx, &listed_shape, &out, result);
}

/* Opening one */

/* The one that an earlier attempt opened, or an open one of the same branches. */
static nima_rc find_pull(struct nima_ctx *ctx, struct nima_github *github, nima_str base,
                         bool *found, struct pull *out)
{
    struct nima_list list;
    bool more;
    nima_str query = nima_fmt(ctx, "state=all&per_page=%d", NIMA_GITHUB_PAGE);
    nima_github_query(ctx, &query, "head", head_of(ctx, github, github->p->head));
    nima_github_query(ctx, &query, "base", base);
    NIMA_TRY(nima_github_list(ctx, github,
                              nima_github_path(ctx, github, "/pulls?" NIMA_FMT, NIMA_ARG(query)),
                              &pull_shape, MADE_MAX, &list, &more));
    nima_str marker = nima_github_marker(ctx, github);
    *found = false;
    for (size_t i = 0; i < list.count; i++) {
        const struct pull *pull = (const struct pull *)list.items + i;
        bool own = nima_str_find(pull->body, marker, 0) != SIZE_MAX;
        if (own || (!*found && nima_str_eq(pull->state, NIMA_STR("open")))) {
            *out = *pull;
            out->existing = !own;
            out->has_existing = true;
            *found = true;
        }
        if (own) {
            break;
        }
    }
    return NIMA_OK;
}

static const struct nima_field open_fields[] = {
    NIMA_FIELD(STR, struct nima_github_params, title),
    NIMA_FIELD(STR, struct nima_github_params, head),
    NIMA_FIELD(STR, struct nima_github_params, base),
    NIMA_FIELD(STR, struct nima_github_params, body),
    NIMA_FIELD(BOOL, struct nima_github_params, draft,
               .has = NIMA_HAS(struct nima_github_params, has_draft)),
};
static const struct nima_shape open_shape =
    NIMA_SHAPE("GithubOpen", struct nima_github_params, open_fields);

static nima_rc open_pull(struct nima_ctx *ctx, struct nima_github *github, nima_str base,
                         struct pull *out)
{
    const struct nima_github_params *p = github->p;
    struct nima_github_params wanted = {
        .title = p->title, .head = p->head, .base = base, .draft = p->draft};
    struct nima_github_reply reply;
    nima_str body;
    wanted.has_draft = p->draft;
    wanted.body = nima_github_marked(ctx, github, p->body);
    NIMA_TRY(nima_github_json(ctx, &open_shape, &wanted, &body));
    NIMA_TRY(nima_github_send(ctx, github, "POST", nima_github_path(ctx, github, "/pulls"), body,
                              &reply));
    NIMA_TRY(nima_json_decode(ctx, &pull_shape, reply.body, out));
    out->existing = false;
    out->has_existing = true;
    return NIMA_OK;
}

static const struct nima_field labels_fields[] = {
    NIMA_FIELD(STR_LIST, struct nima_github_params, labels,
               .has = NIMA_HAS(struct nima_github_params, has_labels)),
    NIMA_FIELD(STR_LIST, struct nima_github_params, assignees,
               .has = NIMA_HAS(struct nima_github_params, has_assignees)),
};
static const struct nima_shape labels_shape =
    NIMA_SHAPE("GithubLabels", struct nima_github_params, labels_fields);
static const struct nima_field reviewers_fields[] = {
    NIMA_FIELD(STR_LIST, struct nima_github_params, reviewers,
               .has = NIMA_HAS(struct nima_github_params, has_reviewers)),
    NIMA_FIELD(STR_LIST, struct nima_github_params, team_reviewers,
               .has = NIMA_HAS(struct nima_github_params, has_team_reviewers)),
};
static const struct nima_shape reviewers_shape =
    NIMA_SHAPE("GithubReviewers", struct nima_github_params, reviewers_fields);

static nima_rc send_lists(struct nima_ctx *ctx, struct nima_github *github, const char *what,
                          nima_str number, const struct nima_shape *shape,
                          const struct nima_github_params *lists)
{
    struct nima_github_reply reply;
    nima_str body;
    NIMA_TRY(nima_github_json(ctx, shape, lists, &body));
    nima_str path =
        nima_github_path(ctx, github, "/%s/" NIMA_FMT "/%s",
                         shape == &reviewers_shape ? "pulls" : "issues", NIMA_ARG(number), what);
    return nima_github_send(ctx, github, "POST", path, body, &reply);
}

/* Each adds what is not there yet, so that adding twice leaves the same. */
static nima_rc dress(struct nima_ctx *ctx, struct nima_github *github, const struct pull *pull)
{
    const struct nima_github_params *p = github->p;
    nima_str number = github->dry && pull->number == 0
                          ? NIMA_STR("{number}")
                          : nima_fmt(ctx, "%lld", (long long)pull->number);
    if (p->labels.count > 0) {
        struct nima_github_params labels = {.labels = p->labels, .has_labels = true};
        NIMA_TRY(send_lists(ctx, github, "labels", number, &labels_shape, &labels));
    }
    if (p->assignees.count > 0) {
        struct nima_github_params assignees = {.assignees = p->assignees, .has_assignees = true};
        NIMA_TRY(send_lists(ctx, github, "assignees", number, &labels_shape, &assignees));
    }
    if (p->reviewers.count > 0 || p->team_reviewers.count > 0) {
        NIMA_TRY(send_lists(ctx, github, "requested_reviewers", number, &reviewers_shape, p));
    }
    return NIMA_OK;
}

nima_rc nima_github_create_pr(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    const struct nima_github_params *p = job->params;
    struct nima_github github;
    struct pull pull;
    bool found;
    nima_str base = p->base, sha;
    NIMA_TRY(nima_github_begin(ctx, job, &github));
    if (base.ptr == NULL) {
        NIMA_TRY(nima_github_default_branch(ctx, &github, &base));
    }
    NIMA_TRY(find_pull(ctx, &github, base, &found, &pull));
    bool done = found && !pull.existing && !nima_str_eq(pull.state, NIMA_STR("open"));
    if (p->files.count > 0 && !done) {
        nima_str message = p->message.ptr != NULL ? p->message : p->title;
        NIMA_TRY(nima_github_commit(ctx, &github, p->head, base, message, &sha));
    }
    if (!found) {
        NIMA_TRY(open_pull(ctx, &github, base, &pull));
    }
    if (!done) {
        NIMA_TRY(dress(ctx, &github, &pull));
    }
    return github.dry ? nima_github_would(ctx, &github, result)
                      : nima_github_json(ctx, &pull_shape, &pull, result);
}

/* Merging */

static const struct nima_field merge_fields[] = {
    NIMA_FIELD(STR, struct nima_github_params, merge_method),
    NIMA_FIELD(STR, struct nima_github_params, commit_title),
    NIMA_FIELD(STR, struct nima_github_params, commit_message),
    NIMA_FIELD(STR, struct nima_github_params, sha),
};
static const struct nima_shape merge_shape =
    NIMA_SHAPE("GithubMerge", struct nima_github_params, merge_fields);

struct merged {
    nima_str sha, message, html_url;
    bool merged;
};
static const struct nima_field merged_fields[] = {
    NIMA_FIELD(BOOL, struct merged, merged),
    NIMA_FIELD(STR, struct merged, sha),
    NIMA_FIELD(STR, struct merged, message),
    NIMA_FIELD(STR, struct merged, html_url),
};
static const struct nima_shape merged_shape =
    NIMA_SHAPE("GithubMerged", struct merged, merged_fields, .open = true);

/* What is merged is the commit that was looked at here, unless the task names another. */
nima_rc nima_github_merge_pr(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    const struct nima_github_params *p = job->params;
    struct nima_github github;
    struct nima_github_reply reply;
    struct nima_github_params wanted = *p;
    struct pull pull;
    struct merged out = {0};
    nima_str body;
    NIMA_TRY(nima_github_begin(ctx, job, &github));
    nima_str path = nima_github_path(ctx, &github, "/pulls/%lld", (long long)p->number);
    NIMA_TRY(nima_github_get(ctx, &github, path, NULL, &reply));
    NIMA_TRY(nima_json_decode(ctx, &pull_shape, reply.body, &pull));
    if (pull.merged) {
        out = (struct merged){.merged = true,
                              .sha = pull.merge_commit_sha,
                              .message = NIMA_STR("It is merged already."),
                              .html_url = pull.html_url};
        return github.dry ? nima_github_would(ctx, &github, result)
                          : nima_github_json(ctx, &merged_shape, &out, result);
    }
    if (wanted.sha.ptr == NULL && pull.head != NULL) {
        wanted.sha = pull.head->sha;
    }
    NIMA_TRY(nima_github_json(ctx, &merge_shape, &wanted, &body));
    path = nima_github_path(ctx, &github, "/pulls/%lld/merge", (long long)p->number);
    NIMA_TRY(nima_github_send(ctx, &github, "PUT", path, body, &reply));
    if (github.dry) {
        return nima_github_would(ctx, &github, result);
    }
    NIMA_TRY(nima_json_decode(ctx, &merged_shape, reply.body, &out));
    out.html_url = pull.html_url;
    return nima_github_json(ctx, &merged_shape, &out, result);
}
