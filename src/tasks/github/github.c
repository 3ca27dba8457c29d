/*
 * The github integration: its actions, what they take, and what rules are matched with. Names of
 * params are GitHub's own.
 */
#include <ctype.h>
#include <string.h>

#include "tasks/github/github_int.h"

enum {
    TEXT_MAX = 65536,
    NAME_MAX_CHARS = 255,
    LISTED_MAX = 500,
    FILES_MAX = 100,
    PATH_MAX_CHARS = 1024
};

#define P struct nima_github_params
#define CHOICES(...)                                                                               \
    .choices = (const char *const[])                                                               \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }
#define REPO                                                                                       \
    NIMA_FIELD(STR, P, repo, .required = true, .max = 140, .doc = "owner/name."),                  \
        NIMA_FIELD(STR, P, token, .max = 200,                                                      \
                   .doc = "${secret:NAME} of another token than tasks.github_token_secret.")
#define ISSUE_NUMBER                                                                               \
    NIMA_FIELD_AS(INT, "issue_number", P, number, .required = true, .min = 1, .max = INT32_MAX,    \
                  .doc = "Its number, as in its address.")
#define PULL_NUMBER                                                                                \
    NIMA_FIELD_AS(INT, "pull_number", P, number, .required = true, .min = 1, .max = INT32_MAX,     \
                  .doc = "Its number, as in its address.")
#define LIMIT                                                                                      \
    NIMA_FIELD(INT, P, limit, .min = 1, .max = LISTED_MAX, .preset = 30, .doc = "How many at most.")
#define DIRECTION                                                                                  \
    NIMA_FIELD(STR, P, direction, .preset_str = "desc", CHOICES("asc", "desc"),                    \
               .doc = "In which order.")
#define LABELS                                                                                     \
    NIMA_FIELD(STR_LIST, P, labels, .has = NIMA_HAS(P, has_labels), .max = 100,                    \
               .doc = "Names of labels.")
#define ASSIGNEES                                                                                  \
    NIMA_FIELD(STR_LIST, P, assignees, .has = NIMA_HAS(P, has_assignees), .max = 10,               \
               .doc = "Logins of who shall do it.")
#define MILESTONE                                                                                  \
    NIMA_FIELD(INT, P, milestone, .has = NIMA_HAS(P, has_milestone), .min = 1, .max = INT32_MAX,   \
               .doc = "Number of the milestone.")

static const struct nima_field file_fields[] = {
    NIMA_FIELD(STR, struct nima_github_file, path, .required = true, .max = PATH_MAX_CHARS,
               .doc = "Where, from the repository's root."),
    NIMA_FIELD(STR, struct nima_github_file, content, .blank_ok = true, .doc = "All of its text."),
    NIMA_FIELD(STR, struct nima_github_file, content_base64, .blank_ok = true,
               .doc = "All of its bytes, for what is no text."),
    NIMA_FIELD(STR, struct nima_github_file, find, .min = 1, .max = TEXT_MAX,
               .doc = "A text that is in it now."),
    NIMA_FIELD(STR, struct nima_github_file, with, .blank_ok = true, .max = TEXT_MAX,
               .doc = "What takes its place."),
    NIMA_FIELD_AS(BOOL, "delete", struct nima_github_file, delete_file, .doc = "Takes it away."),
    NIMA_FIELD(BOOL, struct nima_github_file, executable, .doc = "Whether it can be run."),
};
static const struct nima_shape file_shape =
    NIMA_SHAPE("GithubFile", struct nima_github_file, file_fields);
#define FILES(...)                                                                                 \
    NIMA_FIELD(LIST, P, files, .shape = &file_shape, .max = FILES_MAX, __VA_ARGS__,                \
               .doc = "Files that one commit writes or takes away.")

static const struct nima_field get_repo_fields[] = {REPO};
static const struct nima_field list_issues_fields[] = {
    REPO,
    NIMA_FIELD(STR, P, state, .preset_str = "open", CHOICES("open", "closed", "all"),
               .doc = "Which ones."),
    NIMA_FIELD_AS(STR, "labels", P, labels_text, .max = 500,
                  .doc = "Only with all of these, separated by commas."),
    NIMA_FIELD(STR, P, assignee, .max = 100, .doc = "Only of this login; none or *."),
    NIMA_FIELD(STR, P, creator, .max = 100, .doc = "Only by this login."),
    NIMA_FIELD(STR, P, since, .max = 40, .doc = "Only what changed since: 2026-01-31T00:00:00Z."),
    NIMA_FIELD(STR, P, sort, .preset_str = "created", CHOICES("created", "updated", "comments"),
               .doc = "By what."),
    DIRECTION,
    LIMIT,
};
static const struct nima_field get_issue_fields[] = {REPO, ISSUE_NUMBER};
static const struct nima_field create_issue_fields[] = {
    REPO,
    NIMA_FIELD(STR, P, title, .required = true, .max = 256, .doc = "What it is about."),
    NIMA_FIELD(STR, P, body, .blank_ok = true, .max = TEXT_MAX - 100, .doc = "In Markdown."),
    LABELS,
    ASSIGNEES,
    MILESTONE,
};
#define REASON                                                                                     \
    NIMA_FIELD(STR, P, state_reason, CHOICES("completed", "not_planned", "reopened", "duplicate"), \
               .doc = "Why.")
static const struct nima_field update_issue_fields[] = {
    REPO,
    ISSUE_NUMBER,
    NIMA_FIELD(STR, P, title, .min = 1, .max = 256, .doc = "The new title."),
    NIMA_FIELD(STR, P, body, .blank_ok = true, .max = TEXT_MAX, .doc = "The new text."),
    NIMA_FIELD(STR, P, state, CHOICES("open", "closed"), .doc = "Open or closed."),
    REASON,
    LABELS,
    ASSIGNEES,
    MILESTONE,
};
static const struct nima_field close_issue_fields[] = {
    REPO,
    ISSUE_NUMBER,
    NIMA_FIELD(STR, P, comment, .max = TEXT_MAX - 100, .doc = "A last word."),
    NIMA_FIELD(STR, P, state_reason, .preset_str = "completed",
               CHOICES("completed", "not_planned", "duplicate"), .doc = "Why."),
};
static const struct nima_field comment_issue_fields[] = {
    REPO,
    ISSUE_NUMBER,
    NIMA_FIELD(STR, P, body, .required = true, .max = TEXT_MAX - 100, .doc = "In Markdown."),
};
static const struct nima_field list_prs_fields[] = {
    REPO,
    NIMA_FIELD(STR, P, state, .preset_str = "open", CHOICES("open", "closed", "all"),
               .doc = "Which ones."),
    NIMA_FIELD(STR, P, head, .max = NAME_MAX_CHARS, .doc = "Only from this branch."),
    NIMA_FIELD(STR, P, base, .max = NAME_MAX_CHARS, .doc = "Only into this branch."),
    NIMA_FIELD(STR, P, sort, .preset_str = "created",
               CHOICES("created", "updated", "popularity", "long-running"), .doc = "By what."),
    DIRECTION,
    LIMIT,
};
static const struct nima_field create_pr_fields[] = {
    REPO,
    NIMA_FIELD(STR, P, title, .required = true, .max = 256, .doc = "What it is about."),
    NIMA_FIELD(STR, P, head, .required = true, .max = NAME_MAX_CHARS,
               .doc = "The branch with the changes; made when files are given."),
    NIMA_FIELD(STR, P, base, .min = 1, .max = NAME_MAX_CHARS,
               .doc = "The branch it shall be merged into; absent: the default branch."),
    NIMA_FIELD(STR, P, body, .blank_ok = true, .max = TEXT_MAX - 100, .doc = "In Markdown."),
    NIMA_FIELD(BOOL, P, draft, .doc = "Whether it is not ready yet."),
    LABELS,
    ASSIGNEES,
    NIMA_FIELD(STR_LIST, P, reviewers, .has = NIMA_HAS(P, has_reviewers), .max = 15,
               .doc = "Logins of who shall look at it."),
    NIMA_FIELD(STR_LIST, P, team_reviewers, .has = NIMA_HAS(P, has_team_reviewers), .max = 15,
               .doc = "Names of teams that shall."),
    FILES(.min = 0),
    NIMA_FIELD(STR, P, message, .min = 1, .max = TEXT_MAX,
               .doc = "Message of the files' commit; absent: the title."),
};
static const struct nima_field merge_pr_fields[] = {
    REPO,
    PULL_NUMBER,
    NIMA_FIELD(STR, P, merge_method, .preset_str = "merge", CHOICES("merge", "squash", "rebase"),
               .doc = "How."),
    NIMA_FIELD(STR, P, commit_title, .max = 256, .doc = "Title of the merge's commit."),
    NIMA_FIELD(STR, P, commit_message, .max = TEXT_MAX, .doc = "Its message."),
    NIMA_FIELD(STR, P, sha, .max = 64, .doc = "Only when its head is this commit."),
};
static const struct nima_field read_file_fields[] = {
    REPO,
    NIMA_FIELD(STR, P, path, .required = true, .max = PATH_MAX_CHARS, .doc = "Which one."),
    NIMA_FIELD(STR, P, ref, .max = NAME_MAX_CHARS,
               .doc = "Branch, tag or commit; absent: the default branch."),
};
static const struct nima_field commit_files_fields[] = {
    REPO,
    NIMA_FIELD(STR, P, branch, .min = 1, .max = NAME_MAX_CHARS,
               .doc = "Where; made when it is not there. Absent: the default branch."),
    NIMA_FIELD(STR, P, base, .min = 1, .max = NAME_MAX_CHARS,
               .doc = "What a new branch begins from; absent: the default branch."),
    NIMA_FIELD(STR, P, message, .required = true, .max = TEXT_MAX, .doc = "Of the commit."),
    FILES(.required = true, .min = 1),
};
#define CHECKOUT                                                                                   \
    NIMA_FIELD(STR, P, root, .max = 255, .doc = "Which of the file roots; absent: the first."),    \
        NIMA_FIELD(STR, P, path, .required = true, .min = 1, .max = PATH_MAX_CHARS,                \
                   .doc = "The folder below it.")
static const struct nima_field clone_fields[] = {
    REPO,
    CHECKOUT,
    NIMA_FIELD(STR, P, branch, .min = 1, .max = NAME_MAX_CHARS,
               .doc = "Which one; absent: the default branch."),
    NIMA_FIELD(INT, P, depth, .min = 0, .max = INT32_MAX, .preset = 1,
               .doc = "How many commits of its history; 0: all."),
};
static const struct nima_field commit_and_push_fields[] = {
    REPO,
    CHECKOUT,
    NIMA_FIELD(STR, P, branch, .min = 1, .max = NAME_MAX_CHARS,
               .doc = "Where to; made when it is not there. Absent: the one that is checked out."),
    NIMA_FIELD(STR, P, message, .required = true, .max = TEXT_MAX, .doc = "Of the commit."),
    NIMA_FIELD(STR_LIST, P, paths, .max = FILES_MAX,
               .doc = "Only what changed at or below these; absent: everywhere."),
};

#define SHAPE(name)                                                                                \
    static const struct nima_shape name##_shape = NIMA_SHAPE("Github_" #name, P, name##_fields)
SHAPE(get_repo);
SHAPE(list_issues);
SHAPE(get_issue);
SHAPE(create_issue);
SHAPE(update_issue);
SHAPE(close_issue);
SHAPE(comment_issue);
SHAPE(list_prs);
SHAPE(create_pr);
SHAPE(merge_pr);
SHAPE(read_file);
SHAPE(commit_files);
SHAPE(clone);
SHAPE(commit_and_push);

/* What is asked for */

static nima_rc wrong(struct nima_ctx *ctx, const char *field, const char *why)
{
    return nima_fail_field(ctx, NIMA_E_INVALID, field, "%s %s", field, why);
}

static bool is_repo(nima_str repo)
{
    size_t slash = nima_str_find(repo, NIMA_STR("/"), 0);
    nima_str owner = nima_str_sub(repo, 0, slash);
    nima_str name = slash == SIZE_MAX ? NIMA_STR("") : nima_str_sub(repo, slash + 1, repo.len);
    for (size_t i = 0; i < repo.len; i++) {
        unsigned char c = (unsigned char)repo.ptr[i];
        if (i != slash && !isalnum(c) && strchr("-_.", c) == NULL) {
            return false;
        }
    }
    return owner.len > 0 && name.len > 0 && !nima_str_starts(owner, NIMA_STR(".")) &&
           !nima_str_eq(name, NIMA_STR(".")) && !nima_str_eq(name, NIMA_STR("..")) &&
           !nima_str_starts(owner, NIMA_STR("-"));
}

/* As git-check-ref-format says. */
nima_rc nima_github_branch(struct nima_ctx *ctx, const char *field, nima_str name)
{
    bool good = name.len > 0 && !nima_str_starts(name, NIMA_STR("-")) &&
                !nima_str_starts(name, NIMA_STR("/")) && !nima_str_ends(name, NIMA_STR("/")) &&
                !nima_str_ends(name, NIMA_STR(".")) && !nima_str_ends(name, NIMA_STR(".lock")) &&
                nima_str_find(name, NIMA_STR(".."), 0) == SIZE_MAX &&
                nima_str_find(name, NIMA_STR("//"), 0) == SIZE_MAX &&
                nima_str_find(name, NIMA_STR("/."), 0) == SIZE_MAX &&
                nima_str_find(name, NIMA_STR("@{"), 0) == SIZE_MAX &&
                !nima_str_starts(name, NIMA_STR("."));
    for (size_t i = 0; good && i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        good = c > 0x20 && c != 0x7f && strchr("~^:?*[\\", c) == NULL;
    }
    return good ? NIMA_OK : wrong(ctx, field, "is no name of a branch");
}

static nima_rc check_names(struct nima_ctx *ctx, const struct nima_github_params *p)
{
    nima_str head = p->head;
    size_t colon = head.ptr != NULL ? nima_str_find(head, NIMA_STR(":"), 0) : SIZE_MAX;
    if (colon != SIZE_MAX) { /* "owner:branch", of a fork */
        head = nima_str_sub(head, colon + 1, head.len);
    }
    if (head.ptr != NULL) {
        NIMA_TRY(nima_github_branch(ctx, "params.head", head));
    }
    if (colon != SIZE_MAX && p->files.count > 0) {
        return wrong(ctx, "params.head", "must be a branch of this repository to commit files to");
    }
    if (p->base.ptr != NULL) {
        NIMA_TRY(nima_github_branch(ctx, "params.base", p->base));
    }
    if (p->branch.ptr != NULL) {
        NIMA_TRY(nima_github_branch(ctx, "params.branch", p->branch));
    }
    return p->ref.ptr != NULL ? nima_github_branch(ctx, "params.ref", p->ref) : NIMA_OK;
}

/* A secret stands for the token alone: GitHub is where texts are read by others. */
static nima_rc check_secrets(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                             const struct nima_github_params *p)
{
    const nima_str texts[] = {p->repo,           p->title,    p->body, p->comment, p->head,
                              p->base,           p->branch,   p->ref,  p->path,    p->message,
                              p->labels_text,    p->assignee, p->sha,  p->creator, p->commit_title,
                              p->commit_message, p->since,    p->root};
    bool named = false;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        named = named || (texts[i].ptr != NULL && nima_secrets_named(texts[i]));
    }
    for (size_t i = 0; i < p->files.count; i++) {
        const struct nima_github_file *file = &p->files.items[i];
        named = named || nima_secrets_named(file->path) ||
                (file->find.ptr != NULL && nima_secrets_named(file->find)) ||
                (file->with.ptr != NULL && nima_secrets_named(file->with)) ||
                (file->content.ptr != NULL && nima_secrets_named(file->content));
    }
    const struct nima_github_texts lists[] = {p->labels, p->assignees, p->reviewers,
                                              p->team_reviewers, p->paths};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        for (size_t n = 0; n < lists[i].count; n++) {
            named = named || nima_secrets_named(lists[i].items[n]);
        }
    }
    if (named) {
        return wrong(ctx, "params", "may name a secret in token only");
    }
    if (p->token.ptr != NULL && (!nima_str_starts(p->token, NIMA_STR("${secret:")) ||
                                 !nima_str_ends(p->token, NIMA_STR("}")))) {
        (void)tasks;
        return wrong(ctx, "params.token", "must be ${secret:NAME}: a token itself would be kept");
    }
    return NIMA_OK;
}

static bool is_listed(nima_str globs, nima_str repo)
{
    nima_str glob;
    bool any = false;
    while (nima_str_next(&globs, ',', &glob)) {
        glob = nima_str_trim(glob);
        any = any || glob.len > 0;
        if (glob.len > 0 && nima_glob(glob, repo)) {
            return true;
        }
    }
    return !any;
}

static nima_rc resources(struct nima_ctx *ctx, const struct nima_tasks *tasks, const void *params,
                         nima_str out[NIMA_ACTION_RESOURCES])
{
    const struct nima_github_params *p = params;
    if (!is_repo(p->repo)) {
        return wrong(ctx, "params.repo", "must be owner/name");
    }
    NIMA_TRY(check_names(ctx, p));
    NIMA_TRY(check_secrets(ctx, tasks, p));
    if (!is_listed(tasks->options.github_repos, p->repo)) {
        return nima_fail_field(ctx, NIMA_E_FORBIDDEN, "params.repo",
                               "tasks.github_repos: " NIMA_FMT " is not on the list",
                               NIMA_ARG(p->repo));
    }
    out[0] = p->repo;
    return NIMA_OK;
}

#define READ(name, doc)                                                                            \
    {                                                                                              \
#name, doc, NULL, &name##_shape, false, NULL, resources, nima_github_##name, NULL          \
    }
#define WRITE(name, doc, past)                                                                     \
    {                                                                                              \
#name, doc, past, &name##_shape, true, NULL, resources, nima_github_##name,                \
            nima_github_##name                                                                     \
    }

static const struct nima_action actions[] = {
    READ(get_repo, "Tells of a repository."),
    READ(list_issues, "Lists issues, without pull requests."),
    READ(get_issue, "Shows an issue with its comments."),
    WRITE(create_issue, "Opens an issue.", "opened an issue in"),
    WRITE(update_issue, "Changes an issue.", "changed an issue in"),
    WRITE(close_issue, "Closes an issue, with a comment if there is one.", "closed an issue in"),
    WRITE(comment_issue, "Adds a comment to an issue or a pull request.", "wrote a comment in"),
    READ(list_prs, "Lists pull requests."),
    WRITE(create_pr, "Opens a pull request, with a commit of files if there are some.",
          "opened a pull request in"),
    WRITE(merge_pr, "Merges a pull request.", "merged a pull request in"),
    READ(read_file, "Reads a file of a repository."),
    WRITE(commit_files, "Commits files to a branch, without a checkout.", "committed files to"),
    WRITE(clone, "Checks a branch out into a new folder below the file roots.", "cloned"),
    WRITE(commit_and_push, "Commits what changed in such a folder, and pushes it.",
          "committed and pushed"),
    {0},
};

static bool configured(const struct nima_tasks *tasks)
{
    for (size_t i = 0; i < tasks->secrets.count; i++) {
        if (nima_str_eq(tasks->options.github_token_secret, nima_str_of(tasks->secrets.names[i]))) {
            return true;
        }
    }
    return false;
}

const struct nima_integration nima_integration_github = {
    .name = "github",
    .doc = "Repositories, issues and pull requests on GitHub.",
    .actions = actions,
    .asks = nima_github_asks,
    .at_once = 2,
    .secrets = true,
    .configured = configured,
    .permission = offsetof(struct nima_tasks_options, github_permission),
};
