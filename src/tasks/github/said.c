/*
 * GitHub in a conversation: "open an issue in me/shop that the cart loses items" as a step, its
 * requests in a proposal, and results with their links. A pattern must be all of a sentence that
 * names a repository, as in heard.c. What is missing is asked back. Only what the person says now
 * is read here.
 */
#include <string.h>

#include "tasks/github/github_int.h"
#include "tasks/words.h"
#include "util/digest.h"

enum { SAID_BYTES_MAX = 32 << 10, KEY_CHARS = 8 };

#define AT    "in|on|at|for [the] [repo|repository] "
#define BUG   "open|create|file|make|raise|report [a|an] [new] [github] issue|bug "
#define ISSUE BUG AT
#define SAYS  "that|saying|about [that] "
#define NAMED "titled|called|named"
#define BODY  "with|and [the] body|text|description <q:body>"
#define PR    "make|open|create|raise [a] [new] [github] pr|pull [request] "
#define PR_AT PR "in|on|at|for|to [the] [repo|repository] <r:repo> "
#define CHANGES                                                                                    \
    "[that|which|to] "                                                                             \
    "replaces|changes|fixes|corrects|replace|change|fix|correct|replacing|changing|fixing "        \
    "[the|a] [typo|word|text] "
#define INTO    "with|by|to|into|as|-> [be] <q:with> "
#define IN_FILE "in|of [the] [file] <d:path>"
#define LIST    "list|show|get [me] [all] [of] [the] [open] "
#define ARE     "are there [any] [open] "
#define OF      " of|in|on|for|from [the] [repo|repository] <r:repo>"
#define NO      "<h:issue_number> of|in|on [the] [repo|repository] "
#define SHUT    "close [the] [github] [issue] "
#define NOTE    "comment on [the] [github] [issue|pr] "

struct rule {
    const char *action, *pattern;
    const char *question; /* asked back instead of an action; NULL: none */
};
static const char which_title[] = "What shall the issue say? As in: that the cart loses items, or "
                                  "a title in quotes.";
static const char which_repo[] = "In which repository? Please say it in full, as owner/name.";
static const char which_text[] = "What shall the comment say? As in: that I see it too, or a text "
                                 "in quotes.";
static const char which_change[] = "What is wrong there, and what shall it say? As in: make a PR "
                                   "that replaces \"teh\" with \"the\" in README.md of me/shop.";
static const char which_both[] =
    "In which repository, and what is wrong there? As in: make a PR that replaces \"teh\" with "
    "\"the\" in README.md of me/shop.";
static const struct rule rules[] = {
    {"create_issue", ISSUE "<r:repo> " NAMED "|saying <q:title>", NULL},
    {"create_issue", ISSUE "<r:repo> " NAMED " <q:title> " BODY, NULL},
    {"create_issue", ISSUE "<r:repo> " NAMED " <w:title> " BODY, NULL},
    {"create_issue", ISSUE "<r:repo> " NAMED " <t:title>", NULL},
    {"create_issue", ISSUE "<r:repo> " SAYS "<t:title>", NULL},
    {"create_issue", ISSUE "<R:repo> <q:title>", NULL},
    {"create_issue", ISSUE "<R:repo> <t:title>", NULL},
    {"create_issue", ISSUE "<r:repo>", which_title},
    {"create_issue", BUG "<q:title> " AT "<r:repo>", NULL},
    {"create_issue", BUG NAMED " <q:title> " AT "<r:repo>", NULL},
    {"create_issue", BUG SAYS "<w:title> in|on|at [the] [repo|repository] <r:repo>", NULL},
    {"create_issue", "in|on <r:repo> " BUG SAYS "<t:title>", NULL},
    {"create_issue", "in|on <r:repo> " BUG NAMED " <q:title>", NULL},
    {"create_issue", ISSUE "github", which_repo},
    {"create_issue", ISSUE "github " NAMED "|that|saying|about <t:title>", which_repo},
    {"comment_issue", NOTE "<g:issue> that|saying|with <q:body>", NULL},
    {"comment_issue", NOTE "<G:issue> <q:body>", NULL},
    {"comment_issue", NOTE "<G:issue> <t:body>", NULL},
    {"comment_issue", NOTE "<g:issue> that|saying <t:body>", NULL},
    {"comment_issue", NOTE NO "<R:repo> <t:body>", NULL},
    {"comment_issue", NOTE NO "<R:repo> <q:body>", NULL},
    {"comment_issue", "comment <q:body> on [the] [issue|pr] <g:issue>", NULL},
    {"comment_issue", "comment <q:body> on [the] [issue|pr] " NO "<r:repo>", NULL},
    {"comment_issue", "add|post the|a comment <q:body> to|on [the] [issue|pr] <g:issue>", NULL},
    {"comment_issue", "add|post the|a comment to|on [the] [issue|pr] <G:issue> <t:body>", NULL},
    {"comment_issue", "add|post the|a comment to|on [the] [issue|pr] <G:issue> <q:body>", NULL},
    {"comment_issue", NOTE "<g:issue>", which_text},
    {"close_issue", SHUT "<g:issue>", NULL},
    {"close_issue", SHUT "<g:issue> with [the|a] comment <q:comment>", NULL},
    {"close_issue", SHUT NO "<r:repo>", NULL},
    {"close_issue", SHUT "<h:issue_number> on github", which_repo},
    {"get_issue", "show|read [me] [the] [issue|pr] <g:issue>", NULL},
    {"get_issue", "show|read [me] [the] issue|pr " NO "<r:repo>", NULL},
    {"get_issue", "what's|what [is] [issue|pr] <g:issue> about", NULL},
    {"get_issue", "what's|what [is|does] issue|pr " NO "<r:repo> about|say", NULL},
    {"merge_pr", "merge [the] [pr] <g:pull>", NULL},
    {"merge_pr", "merge the pull request <g:pull>", NULL},
    {"merge_pr", "merge [the] pr|pull [request] " NO "<r:repo>", NULL},
    {"list_issues", LIST "issues" OF, NULL},
    {"list_issues", "what|which issues are [there] [open]" OF, NULL},
    {"list_issues", ARE "issues [open]" OF, NULL},
    {"list_issues", LIST "issues on|of|in github", which_repo},
    {"list_prs", LIST "prs|pulls" OF, NULL},
    {"list_prs", LIST "pull requests" OF, NULL},
    {"list_prs", "what|which prs|pulls are [there] [open]" OF, NULL},
    {"list_prs", "what|which pull requests are [there] [open]" OF, NULL},
    {"list_prs", ARE "prs|pulls [open]" OF, NULL},
    {"list_prs", ARE "pull requests [open]" OF, NULL},
    {"list_prs", LIST "prs on|of|in github", which_repo},
    {"create_pr", PR CHANGES "<q:find> " INTO IN_FILE OF, NULL},
    {"create_pr", PR CHANGES "<q:find> " IN_FILE OF " [it] should be|say|read <q:with>", NULL},
    {"create_pr", PR_AT CHANGES "<q:find> " INTO IN_FILE, NULL},
    {"create_pr", "in|on <r:repo> " PR CHANGES "<q:find> " INTO IN_FILE, NULL},
    {"create_pr", CHANGES "<q:find> " INTO IN_FILE OF " with|by|in|as a pr|pull [request]", NULL},
    {"create_pr", PR CHANGES IN_FILE OF, which_change},
    {"create_pr", PR CHANGES "<q:find> " IN_FILE OF, which_change},
    {"create_pr", PR CHANGES "[the] [file] <d:path>" OF, which_change},
    {"create_pr", PR_AT CHANGES IN_FILE, which_change},
    {"create_pr", PR_AT CHANGES "<q:find> " IN_FILE, which_change},
    {"create_pr", CHANGES "<q:find> " IN_FILE OF " with|by|in|as a pr|pull [request]",
     which_change},
    {"create_pr", PR CHANGES IN_FILE, which_both},
    {"create_pr", PR CHANGES "<q:find> " IN_FILE, which_both},
    {"create_pr", PR CHANGES "<q:find> " INTO IN_FILE, which_repo},
};

const struct nima_task_ask nima_github_asks[] = {
    {"repo",
     which_repo,
     NIMA_WRITTEN_AS_SAID,
     {"[i] [mean|meant] [in|on|of|for|from|use] [the|my|our] [repo|repository] <r:value> [one]",
      "[in|on|of|for|from|use] [the|my|our] <r:value> repo|repository",
      "the repo|repository is <r:value>"}},
    {"title",
     which_title,
     NIMA_WRITTEN_AS_SENTENCE,
     {"[it] [should|shall] [say|be] [titled|called|named] <q:value>",
      "[it] [should|shall] [say] that|titled|called|named|about <t:value>",
      "it should|shall say <t:value>"}},
    {"body",
     which_text,
     NIMA_WRITTEN_AS_SAID,
     {"[it] [should|shall] [say] <q:value>", "[it] [should|shall] [say] that <t:value>",
      "it should|shall say <t:value>"}},
    {0},
};

/* The param that a question asks for; absent: more than one. */
static nima_str asked_for(const char *question)
{
    const struct nima_task_ask *ask = nima_github_asks;
    while (ask->param != NULL && ask->question != question) {
        ask++;
    }
    return nima_str_of(ask->param);
}

static nima_str slot(const struct nima_task_match *match, const char *field)
{
    for (size_t i = 0; i < match->count; i++) {
        if (nima_str_eq(match->slots[i].field, nima_str_of(field))) {
            return match->slots[i].value;
        }
    }
    return (nima_str){NULL, 0};
}

/* "he/she" is no repository. */
static bool is_pair_of_words(nima_str repo)
{
    static const char *const pairs[] = {
        "and/or",     "either/or",    "he/she",        "his/her",   "him/her", "yes/no", "on/off",
        "read/write", "input/output", "client/server", "pros/cons", "tcp/ip",  "ci/cd",  NULL};
    for (size_t i = 0; pairs[i] != NULL; i++) {
        if (nima_str_eq_nocase(repo, nima_str_of(pairs[i]))) {
            return true;
        }
    }
    return false;
}

static void write_text(struct nima_buf *buf, const char *field, nima_str value)
{
    if (value.ptr != NULL) {
        nima_buf_fmt(buf, "%s\"%s\":", buf->len > 1 ? "," : "", field);
        nima_json_write_str(buf, value);
    }
}

static void write_number(struct nima_buf *buf, const char *field, nima_str value)
{
    nima_buf_fmt(buf, "%s\"%s\":" NIMA_FMT, buf->len > 1 ? "," : "", field, NIMA_ARG(value));
}

/* The branch names the change, so that asking twice finds the same pull request. */
static void write_pull(struct nima_ctx *ctx, const struct nima_task_match *match,
                       struct nima_buf *buf)
{
    nima_str path = slot(match, "path"), find = slot(match, "find"), with = slot(match, "with");
    path = nima_str_eq_nocase(path, NIMA_STR("readme")) ? NIMA_STR("README.md") : path;
    nima_str what = nima_fmt(ctx, NIMA_FMT "\n" NIMA_FMT "\n" NIMA_FMT, NIMA_ARG(path),
                             NIMA_ARG(find), NIMA_ARG(with));
    nima_str key = nima_str_sub(nima_sha256_hex(ctx, what), 0, KEY_CHARS);
    write_text(buf, "title", nima_fmt(ctx, "Change a text in " NIMA_FMT, NIMA_ARG(path)));
    write_text(buf, "head", nima_fmt(ctx, "nima/text-" NIMA_FMT, NIMA_ARG(key)));
    nima_buf_add(buf, NIMA_STR(",\"files\":[{\"path\":"));
    nima_json_write_str(buf, path);
    write_text(buf, "find", find);
    write_text(buf, "with", with);
    nima_buf_add(buf, NIMA_STR("}]"));
}

static nima_str params_of(struct nima_ctx *ctx, const struct rule *rule,
                          const struct nima_task_match *match, nima_str repo, nima_str number)
{
    static const char *const plain[] = {"body", "comment", NULL};
    bool pull = strcmp(rule->action, "merge_pr") == 0;
    nima_str title = slot(match, "title");
    struct nima_buf buf;
    nima_buf_init(&buf, NIMA_TASK_PARAMS_BYTES_MAX);
    nima_buf_add_char(&buf, '{');
    write_text(&buf, "repo", repo);
    if (number.ptr != NULL) {
        write_number(&buf, pull ? "pull_number" : "issue_number", number);
    }
    if (title.ptr != NULL) {
        write_text(&buf, "title", nima_task_sentence(ctx, title));
    }
    for (size_t i = 0; plain[i] != NULL; i++) {
        write_text(&buf, plain[i], slot(match, plain[i]));
    }
    if (strcmp(rule->action, "create_pr") == 0) {
        write_pull(ctx, match, &buf);
    }
    nima_buf_add_char(&buf, '}');
    nima_str params = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    return params;
}

static const struct rule *find_rule(const struct nima_task_words *words, size_t from, size_t end,
                                    struct nima_task_match *match)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (nima_task_pattern(rules[i].pattern, words, from, end, match)) {
            return &rules[i];
        }
    }
    return NULL;
}

bool nima_github_heard(struct nima_ctx *ctx, const struct nima_task_words *words, size_t from,
                       size_t end, struct nima_tasks_step *out)
{
    struct nima_task_match match;
    const struct rule *rule = find_rule(words, from, end, &match);
    if (rule == NULL) {
        return false;
    }
    nima_str repo = slot(&match, "repo"), number = slot(&match, "issue_number");
    nima_str issue = slot(&match, "issue");
    issue = issue.ptr != NULL ? issue : slot(&match, "pull");
    if (issue.ptr != NULL) { /* "owner/name#12" */
        size_t hash = nima_str_find(issue, NIMA_STR("#"), 0);
        repo = nima_str_sub(issue, 0, hash);
        number = nima_str_sub(issue, hash + 1, issue.len);
    } else if (nima_str_starts(number, NIMA_STR("#"))) {
        number = nima_str_sub(number, 1, number.len);
    }
    if (repo.ptr != NULL && is_pair_of_words(repo)) {
        return false;
    }
    *out = (struct nima_tasks_step){.type = NIMA_STR("github"),
                                    .action = nima_str_of(rule->action),
                                    .params = params_of(ctx, rule, &match, repo, number)};
    if (rule->question != NULL) {
        out->missing = asked_for(rule->question);
        out->question =
            out->missing.ptr == NULL ? nima_str_of(rule->question) : (nima_str){NULL, 0};
    }
    return true;
}

size_t nima_github_place(const struct nima_tasks *tasks, const struct nima_tasks_step *steps,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (nima_str_eq(steps[i].type, NIMA_STR("github")) &&
            !nima_integration_github.configured(tasks)) {
            return 0; /* without a token it was about something else */
        }
    }
    return count;
}

/* What is said of it */

/* Where a branch is taken from, or how a push moves it. */
static void write_move(struct nima_buf *buf, const struct nima_json *would)
{
    nima_str from = nima_json_str(nima_json_get(would, "from"));
    nima_str message = nima_json_str(nima_json_get(would, "message"));
    nima_buf_fmt(buf, "git " NIMA_FMT "\n" NIMA_FMT ": " NIMA_FMT "%s" NIMA_FMT "\n",
                 NIMA_ARG(nima_json_str(nima_json_get(would, "url"))),
                 NIMA_ARG(nima_json_str(nima_json_get(would, "branch"))), NIMA_ARG(from),
                 from.len > 0 ? " -> " : "", NIMA_ARG(nima_json_str(nima_json_get(would, "to"))));
    if (message.len > 0) {
        nima_buf_fmt(buf, "\n" NIMA_FMT, NIMA_ARG(message));
    }
}

nima_str nima_github_requests(struct nima_ctx *ctx, const struct nima_json *would)
{
    const struct nima_json *requests = nima_json_get(would, "requests");
    struct nima_buf buf;
    nima_buf_init(&buf, SAID_BYTES_MAX);
    for (size_t i = 0; i < nima_json_count(requests); i++) {
        const struct nima_json *request = nima_json_at(requests, i, NULL);
        const struct nima_json *body = nima_json_get(request, "body");
        nima_buf_fmt(&buf, NIMA_FMT " " NIMA_FMT "\n",
                     NIMA_ARG(nima_json_str(nima_json_get(request, "method"))),
                     NIMA_ARG(nima_json_str(nima_json_get(request, "url"))));
        if (body != NULL) {
            nima_buf_fmt(&buf, NIMA_FMT "\n", NIMA_ARG(nima_json_text(ctx, body)));
        }
    }
    if (nima_json_str(nima_json_get(would, "branch")).len > 0) {
        write_move(&buf, would);
    }
    nima_str text = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    return text;
}

static void say_row(struct nima_buf *buf, const struct nima_json *row)
{
    int64_t number = 0;
    if (nima_json_int(nima_json_get(row, "number"), &number)) {
        nima_buf_fmt(buf, "#%lld ", (long long)number);
    }
    nima_str title = nima_json_str(nima_json_get(row, "title"));
    nima_buf_fmt(buf, NIMA_FMT "%s" NIMA_FMT, NIMA_ARG(title), title.len > 0 ? ": " : "",
                 NIMA_ARG(nima_json_str(nima_json_get(row, "html_url"))));
}

bool nima_github_say(const struct nima_json *result, struct nima_buf *buf)
{
    const struct nima_json *rows = nima_json_get(result, "issues");
    rows = rows != NULL ? rows : nima_json_get(result, "pulls");
    for (size_t i = 0; i < nima_json_count(rows); i++) {
        nima_buf_add(buf, NIMA_STR("\n- "));
        say_row(buf, nima_json_at(rows, i, NULL));
    }
    if (rows != NULL) {
        nima_buf_add(buf,
                     nima_json_count(rows) == 0 ? NIMA_STR("\nThere are none.") : NIMA_STR(""));
        return true;
    }
    if (nima_json_str(nima_json_get(result, "html_url")).len == 0 ||
        nima_json_get(result, "content") != NULL || nima_json_get(result, "comment_list") != NULL) {
        return false;
    }
    nima_buf_add_char(buf, '\n');
    say_row(buf, result);
    return true;
}
