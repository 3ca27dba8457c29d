/*
 * One request to GitHub. Answers are kept with their ETag, so that asking again costs nothing of
 * the rate; a limit that was met is remembered, so that nothing is asked before it is over.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tasks/github/github_int.h"
#include "util/clock.h"
#include "util/digest.h"

enum {
    KEPT_MAX = 64,
    KEPT_BYTES_MAX = 256 << 10,
    REDIRECTS_MAX = 3,
    LIMIT_WAIT_S = 60, /* GitHub's advice where it names no time */
    LIMIT_WAIT_MAX_S = 3600,
    SHOWN_BYTES_MAX = 240,
    PREVIEW_MS = 20000,
    CLOCK_SKEW_MS = 600000,
};

/* What a process remembers */

struct kept {
    char key[NIMA_SHA256_HEX + 1];
    char *etag, *body, *next;
    uint64_t used;
};
struct nima_github_memory {
    pthread_mutex_t lock; /* guards all that follows */
    struct kept kept[KEPT_MAX];
    uint64_t clock;
    char limited[NIMA_SHA256_HEX + 1]; /* digest of the token that must wait */
    int64_t limited_until_ms;          /* on nima_mono_ms() */
};

static nima_rc check_url(struct nima_ctx *ctx, const char *field, nima_str text)
{
    struct nima_url url;
    if (text.len > 0 && nima_url_read(ctx, text, &url) != NIMA_OK) {
        const char *why = nima_fmt(ctx, "%s", ctx->error.message).ptr;
        return nima_fail_field(ctx, NIMA_E_INVALID, field, "tasks.%s: %s", field, why);
    }
    return NIMA_OK;
}

/* "Name <address>", each once and without what git would leave out. */
static nima_rc check_author(struct nima_ctx *ctx, nima_str author)
{
    size_t open = nima_str_find(author, NIMA_STR(" <"), 0);
    bool good = author.len == 0 || (open != SIZE_MAX && open > 0 && author.len > open + 3 &&
                                    nima_str_ends(author, NIMA_STR(">")));
    for (size_t i = 0; good && i < author.len; i++) {
        unsigned char c = (unsigned char)author.ptr[i];
        bool bracket = c == '<' || c == '>';
        good = c >= 0x20 && c != 0x7f && (!bracket || i == open + 1 || i == author.len - 1);
    }
    return good ? NIMA_OK
                : nima_fail_field(ctx, NIMA_E_INVALID, "github_author",
                                  "tasks.github_author must be Name <address>");
}

nima_rc nima_github_open(struct nima_ctx *ctx, const struct nima_tasks_options *options,
                         struct nima_github_memory **out)
{
    NIMA_TRY(check_url(ctx, "github_api_url", options->github_api_url));
    NIMA_TRY(check_author(ctx, options->github_author));
    struct nima_github_memory *memory = NIMA_XNEW(struct nima_github_memory, 1);
    pthread_mutex_init(&memory->lock, NULL);
    *out = memory;
    return NIMA_OK;
}

static void forget(struct kept *kept)
{
    free(kept->etag);
    free(kept->body);
    free(kept->next);
    *kept = (struct kept){0};
}

void nima_github_close(struct nima_github_memory *memory)
{
    if (memory == NULL) {
        return;
    }
    for (size_t i = 0; i < KEPT_MAX; i++) {
        forget(&memory->kept[i]);
    }
    pthread_mutex_destroy(&memory->lock);
    free(memory);
}

/* With the lock held; NULL: none. */
static struct kept *find(struct nima_github_memory *memory, nima_str key)
{
    for (size_t i = 0; i < KEPT_MAX; i++) {
        if (nima_str_eq(key, nima_str_of(memory->kept[i].key))) {
            memory->kept[i].used = ++memory->clock;
            return &memory->kept[i];
        }
    }
    return NULL;
}

static nima_str etag_of(struct nima_ctx *ctx, struct nima_github_memory *memory, nima_str key)
{
    pthread_mutex_lock(&memory->lock);
    const struct kept *kept = find(memory, key);
    nima_str etag = kept != NULL ? nima_fmt(ctx, "%s", kept->etag) : (nima_str){0};
    pthread_mutex_unlock(&memory->lock);
    return etag;
}

/* False: it was dropped in between. */
static bool recall(struct nima_ctx *ctx, struct nima_github_memory *memory, nima_str key,
                   struct nima_github_reply *out)
{
    pthread_mutex_lock(&memory->lock);
    const struct kept *kept = find(memory, key);
    if (kept != NULL) {
        *out = (struct nima_github_reply){
            .status = 200, .body = nima_str_copy(ctx->arena, nima_str_of(kept->body))};
        out->next = kept->next != NULL ? nima_fmt(ctx, "%s", kept->next) : (nima_str){0};
    }
    pthread_mutex_unlock(&memory->lock);
    return kept != NULL;
}

static void keep(struct nima_github_memory *memory, nima_str key, nima_str etag,
                 const struct nima_github_reply *reply)
{
    bool text = memchr(reply->body.ptr, '\0', reply->body.len) == NULL;
    if (etag.len == 0 || !text || reply->body.len > KEPT_BYTES_MAX || key.len > NIMA_SHA256_HEX) {
        return;
    }
    pthread_mutex_lock(&memory->lock);
    struct kept *slot = find(memory, key);
    for (size_t i = 0; slot == NULL && i < KEPT_MAX; i++) {
        slot = memory->kept[i].used == 0 ? &memory->kept[i] : NULL;
    }
    if (slot == NULL) {
        slot = &memory->kept[0];
        for (size_t i = 1; i < KEPT_MAX; i++) {
            slot = memory->kept[i].used < slot->used ? &memory->kept[i] : slot;
        }
    }
    forget(slot);
    memcpy(slot->key, key.ptr, key.len);
    slot->etag = nima_xstrdup(etag);
    slot->body = nima_xstrdup(reply->body);
    slot->next = reply->next.ptr != NULL ? nima_xstrdup(reply->next) : NULL;
    slot->used = ++memory->clock;
    pthread_mutex_unlock(&memory->lock);
}

static nima_rc wait_out(struct nima_ctx *ctx, struct nima_github *github)
{
    struct nima_github_memory *memory = github->job->tasks->github;
    nima_str token = nima_sha256_hex(ctx, github->token);
    pthread_mutex_lock(&memory->lock);
    bool same = nima_str_eq(token, nima_str_of(memory->limited));
    int64_t left = same ? memory->limited_until_ms - nima_mono_ms() : 0;
    pthread_mutex_unlock(&memory->lock);
    if (left <= 0) {
        return NIMA_OK;
    }
    int seconds = (int)((left + 999) / 1000);
    nima_rc rc =
        nima_fail(ctx, NIMA_E_RATE,
                  "GitHub limits the rate of this token; to be asked again in %d s", seconds);
    ctx->error.retry_after_s = seconds;
    return rc;
}

/* The session */

static nima_rc token_of(struct nima_ctx *ctx, const struct nima_job *job, nima_str *out)
{
    const struct nima_github_params *p = job->params;
    const struct nima_tasks *tasks = job->tasks;
    *out = (nima_str){0};
    if (p->token.ptr != NULL) {
        /* A preview has it as it was written; the executor has filled it in. */
        return nima_secrets_fill(ctx, &tasks->secrets, p->token, out);
    }
    for (size_t i = 0; i < tasks->secrets.count; i++) {
        if (nima_str_eq(tasks->options.github_token_secret, nima_str_of(tasks->secrets.names[i]))) {
            *out = nima_str_of(tasks->secrets.values[i]);
        }
    }
    return NIMA_OK;
}

nima_rc nima_github_begin(struct nima_ctx *ctx, struct nima_job *job, struct nima_github *out)
{
    struct nima_github github = {.job = job, .p = job->params, .dry = job->id.ptr == NULL};
    github.base = job->tasks->options.github_api_url;
    while (nima_str_ends(github.base, NIMA_STR("/"))) {
        github.base.len--;
    }
    NIMA_TRY(token_of(ctx, job, &github.token));
    for (size_t i = 0; i < github.token.len; i++) {
        if ((unsigned char)github.token.ptr[i] <= 0x20 || github.token.ptr[i] == 0x7f) {
            return nima_fail(ctx, NIMA_E_INVALID,
                             "the secret that is GitHub's token holds a blank or control "
                             "character");
        }
    }
    if (github.token.len > 0) {
        github.authorization =
            nima_fmt(ctx, "Authorization: Bearer " NIMA_FMT, NIMA_ARG(github.token));
    }
    *out = github;
    return NIMA_OK;
}

nima_str nima_github_path(struct nima_ctx *ctx, const struct nima_github *github, const char *fmt,
                          ...)
{
    char rest[2048];
    va_list args;
    va_start(args, fmt);
    int count = vsnprintf(rest, sizeof(rest), fmt, args);
    va_end(args);
    nima_assert(count >= 0 && (size_t)count < sizeof(rest));
    return nima_fmt(ctx, "/repos/" NIMA_FMT "%s", NIMA_ARG(github->p->repo), rest);
}

void nima_github_query(struct nima_ctx *ctx, nima_str *query, const char *name, nima_str value)
{
    if (value.len > 0) {
        *query = nima_fmt(ctx, NIMA_FMT "&%s=" NIMA_FMT, NIMA_ARG(*query), name,
                          NIMA_ARG(nima_url_escape(ctx, value, "")));
    }
}

nima_rc nima_github_json(struct nima_ctx *ctx, const struct nima_shape *shape, const void *in,
                         nima_str *out)
{
    return nima_json_encode_text(ctx, shape, in, NIMA_TASK_RESULT_BYTES_MAX, out);
}

nima_str nima_github_marker(struct nima_ctx *ctx, const struct nima_github *github)
{
    nima_str id = github->dry ? NIMA_STR("{task}") : github->job->id;
    return nima_fmt(ctx, "<!-- nima-task: " NIMA_FMT " -->", NIMA_ARG(id));
}

nima_str nima_github_marked(struct nima_ctx *ctx, const struct nima_github *github, nima_str text)
{
    nima_str marker = nima_github_marker(ctx, github);
    return text.len == 0
               ? marker
               : nima_fmt(ctx, NIMA_FMT "\n\n" NIMA_FMT, NIMA_ARG(text), NIMA_ARG(marker));
}

nima_str nima_github_since(struct nima_ctx *ctx, const struct nima_github *github)
{
    char text[NIMA_TIME_CHARS + 1];
    if (github->job->created_at == 0) {
        return NIMA_STR("");
    }
    nima_time_write(github->job->created_at - CLOCK_SKEW_MS, text);
    /* GitHub knows whole seconds. */
    return nima_fmt(ctx, "since=%.19sZ", text);
}

/* Answers */

enum wanted {
    ETAG,
    LINK,
    REMAINING,
    RESET,
    ACCEPTED_PERMISSIONS,
    ACCEPTED_SCOPES,
    SCOPES,
    REQUEST_ID,
};
static const char *const wanted[] = {
    [ETAG] = "etag",
    [LINK] = "link",
    [REMAINING] = "x-ratelimit-remaining",
    [RESET] = "x-ratelimit-reset",
    [ACCEPTED_PERMISSIONS] = "x-accepted-github-permissions",
    [ACCEPTED_SCOPES] = "x-accepted-oauth-scopes",
    [SCOPES] = "x-oauth-scopes",
    [REQUEST_ID] = "x-github-request-id",
    NULL,
};

/* "message", and what "errors" says of single fields. */
static nima_str words_of(struct nima_ctx *ctx, const struct nima_github *github, nima_str body)
{
    const struct nima_json *tree, *error = NULL;
    if (nima_json_parse(ctx, body, &tree) != NIMA_OK) {
        return NIMA_STR("no JSON came with it");
    }
    nima_str text = nima_json_str(nima_json_get(tree, "message"));
    text = text.ptr != NULL ? text : NIMA_STR("no message came with it");
    const struct nima_json *errors = nima_json_get(tree, "errors");
    if (nima_json_kind(errors) == NIMA_JSON_ARRAY) {
        for (size_t i = 0; (error = nima_json_next(errors, error, &i)) != NULL;) {
            nima_str plain = nima_json_str(error);
            nima_str field = nima_json_str(nima_json_get(error, "field"));
            nima_str code = nima_json_str(nima_json_get(error, "code"));
            nima_str more = nima_json_str(nima_json_get(error, "message"));
            text =
                nima_fmt(ctx, NIMA_FMT "; " NIMA_FMT NIMA_FMT "%s" NIMA_FMT "%s" NIMA_FMT,
                         NIMA_ARG(text), NIMA_ARG(plain), NIMA_ARG(field), field.len > 0 ? " " : "",
                         NIMA_ARG(code), more.len > 0 ? " " : "", NIMA_ARG(more));
        }
    }
    text = nima_secrets_mask(ctx, &github->job->tasks->secrets, text); /* before it is cut */
    char *line = nima_cstr(ctx, nima_utf8_prefix(text, SHOWN_BYTES_MAX));
    for (char *c = line; *c != '\0'; c++) {
        *c = (unsigned char)*c < 0x20 ? ' ' : *c;
    }
    return nima_str_of(line);
}

/* 0: no limit was met. */
static int limit_wait_s(const struct nima_api_reply *reply, nima_str words, bool *primary)
{
    int64_t remaining = -1, reset = 0;
    bool named = nima_str_find_nocase(words, NIMA_STR("rate limit"), 0) != SIZE_MAX ||
                 nima_str_find_nocase(words, NIMA_STR("abuse detection"), 0) != SIZE_MAX;
    if (reply->wanted[REMAINING].ptr != NULL &&
        !nima_str_to_i64(reply->wanted[REMAINING], &remaining)) {
        remaining = -1;
    }
    *primary = remaining == 0;
    bool limited = reply->status == 429 ||
                   (reply->status == 403 && (*primary || named || reply->retry_after_s > 0));
    if (!limited) {
        return 0;
    }
    int64_t wait = reply->retry_after_s;
    if (wait <= 0 && *primary && reply->wanted[RESET].ptr != NULL &&
        nima_str_to_i64(reply->wanted[RESET], &reset)) {
        wait = reset - nima_now_ms() / 1000 + 1;
        wait = wait < 1 ? 1 : wait;
    }
    wait = wait <= 0 ? LIMIT_WAIT_S : wait;
    return wait > LIMIT_WAIT_MAX_S ? LIMIT_WAIT_MAX_S : (int)wait;
}

static nima_rc limited(struct nima_ctx *ctx, struct nima_github *github, int wait_s, bool primary,
                       nima_str words)
{
    struct nima_github_memory *memory = github->job->tasks->github;
    nima_str token = nima_sha256_hex(ctx, github->token);
    pthread_mutex_lock(&memory->lock);
    memcpy(memory->limited, token.ptr, token.len);
    memory->limited[token.len] = '\0';
    memory->limited_until_ms = nima_mono_ms() + (int64_t)wait_s * 1000;
    pthread_mutex_unlock(&memory->lock);
    nima_rc rc = nima_fail(
        ctx, NIMA_E_RATE, "GitHub's %s rate limit is used up; to be asked again in %d s: " NIMA_FMT,
        primary ? "primary" : "secondary", wait_s, NIMA_ARG(words));
    ctx->error.retry_after_s = wait_s;
    return rc;
}

/* Which right the token lacks, in GitHub's own words; "": it does not say. */
static nima_str lacking(struct nima_ctx *ctx, const struct nima_github *github,
                        const struct nima_api_reply *reply)
{
    if (github->token.len == 0) {
        nima_str name = github->job->tasks->options.github_token_secret;
        return nima_fmt(ctx, "; no token is set: NIMA_SECRET_" NIMA_FMT, NIMA_ARG(name));
    }
    nima_str permissions = reply->wanted[ACCEPTED_PERMISSIONS];
    if (permissions.len > 0) {
        return nima_fmt(ctx, "; this takes a token with the permission " NIMA_FMT,
                        NIMA_ARG(permissions));
    }
    nima_str accepted = reply->wanted[ACCEPTED_SCOPES], has = reply->wanted[SCOPES];
    if (accepted.len > 0) {
        return nima_fmt(ctx, "; this takes a token with the scope " NIMA_FMT ", it has: " NIMA_FMT,
                        NIMA_ARG(accepted), NIMA_ARG(has.len > 0 ? has : NIMA_STR("none")));
    }
    return NIMA_STR("");
}

static nima_rc refuse(struct nima_ctx *ctx, struct nima_github *github,
                      const struct nima_api_call *call, const struct nima_api_reply *reply)
{
    bool primary;
    nima_str words = words_of(ctx, github, reply->body);
    int wait_s = limit_wait_s(reply, words, &primary);
    if (wait_s > 0) {
        return limited(ctx, github, wait_s, primary, words);
    }
    nima_str path = nima_str_sub(call->url.text, github->base.len, call->url.text.len);
    nima_str what =
        nima_fmt(ctx, NIMA_FMT " " NIMA_FMT ": " NIMA_FMT NIMA_FMT, NIMA_ARG(call->method),
                 NIMA_ARG(path), NIMA_ARG(words), NIMA_ARG(lacking(ctx, github, reply)));
    switch (reply->status) {
    case 401:
        return nima_fail(ctx, NIMA_E_UNAUTHORIZED, "GitHub does not accept the token: " NIMA_FMT,
                         NIMA_ARG(what));
    case 403:
    case 451:
        return nima_fail(ctx, NIMA_E_FORBIDDEN, "GitHub does not let this token do that: " NIMA_FMT,
                         NIMA_ARG(what));
    case 404:
    case 410:
        return nima_fail(ctx, NIMA_E_NOT_FOUND,
                         "GitHub has no such thing, or the token may not see it: " NIMA_FMT,
                         NIMA_ARG(what));
    case 405:
    case 409:
        return nima_fail(ctx, NIMA_E_CONFLICT, "GitHub cannot do that as things are: " NIMA_FMT,
                         NIMA_ARG(what));
    case 400:
    case 422:
        return nima_fail(ctx, NIMA_E_INVALID, "GitHub does not take that: " NIMA_FMT,
                         NIMA_ARG(what));
    default:
        return nima_fail(
            ctx, reply->status >= 500 || reply->status == 408 ? NIMA_E_UNAVAILABLE : NIMA_E_INVALID,
            "GitHub answered %d: " NIMA_FMT, reply->status, NIMA_ARG(what));
    }
}

/* The next page's address out of `<URL>; rel="next", …`, without the base. */
static nima_str next_of(const struct nima_github *github, nima_str link)
{
    nima_str entry;
    while (nima_str_next(&link, ',', &entry)) {
        entry = nima_str_trim(entry);
        size_t end = nima_str_find(entry, NIMA_STR(">"), 0);
        bool next = nima_str_find(entry, NIMA_STR("rel=\"next\""), 0) != SIZE_MAX;
        if (next && end != SIZE_MAX && nima_str_starts(entry, NIMA_STR("<"))) {
            nima_str url = nima_str_sub(entry, 1, end);
            nima_str rest = nima_str_sub(url, github->base.len, url.len);
            bool ours = nima_str_starts(url, github->base) && nima_str_starts(rest, NIMA_STR("/"));
            return ours ? rest : (nima_str){0};
        }
    }
    return (nima_str){0};
}

/* Sending */

static nima_rc exchange(struct nima_ctx *ctx, struct nima_github *github,
                        struct nima_api_call *call, struct nima_api_reply *reply)
{
    for (int hops = 0; hops <= REDIRECTS_MAX; hops++) {
        NIMA_TRY(nima_api_send(ctx, call, reply));
        bool same = reply->status == 307 || reply->status == 308;
        bool moved = same || reply->status == 301 || reply->status == 302;
        if (!moved || reply->location.ptr == NULL) {
            return NIMA_OK;
        }
        nima_str rest = nima_str_sub(reply->location, github->base.len, reply->location.len);
        if (!nima_str_starts(reply->location, github->base) ||
            !nima_str_starts(rest, NIMA_STR("/")) ||
            (!same && !nima_str_eq(call->method, NIMA_STR("GET")))) {
            return nima_fail(ctx, NIMA_E_CONFLICT,
                             "GitHub says that " NIMA_FMT " has moved; name it as it is called now",
                             NIMA_ARG(github->p->repo));
        }
        NIMA_TRY(nima_url_read(ctx, reply->location, &call->url));
    }
    return nima_fail(ctx, NIMA_E_INVALID, "GitHub sends on more than %d times", REDIRECTS_MAX);
}

static nima_rc ask(struct nima_ctx *ctx, struct nima_github *github, struct nima_api_call *call,
                   struct nima_api_reply *reply)
{
    int64_t deadline_ms = ctx->deadline_ms, soon_ms = nima_mono_ms() + PREVIEW_MS;
    if (github->dry && (deadline_ms == 0 || deadline_ms > soon_ms)) {
        ctx->deadline_ms = soon_ms; /* somebody waits for the preview */
    }
    nima_rc rc = wait_out(ctx, github);
    rc = rc == NIMA_OK ? exchange(ctx, github, call, reply) : rc;
    ctx->deadline_ms = deadline_ms;
    NIMA_TRY(rc);
    if (reply->truncated) {
        return nima_fail(ctx, NIMA_E_TOO_LARGE, "GitHub's answer is over %d bytes",
                         NIMA_GITHUB_BYTES_MAX);
    }
    return NIMA_OK;
}

static nima_rc perform(struct nima_ctx *ctx, struct nima_github *github, nima_str method,
                       nima_str path, nima_str body, bool *found, struct nima_github_reply *out)
{
    struct nima_github_memory *memory = github->job->tasks->github;
    bool reads = nima_str_eq(method, NIMA_STR("GET"));
    nima_str url = nima_fmt(ctx, NIMA_FMT NIMA_FMT, NIMA_ARG(github->base), NIMA_ARG(path));
    nima_str key = nima_sha256_hex(
        ctx, nima_fmt(ctx, NIMA_FMT "\n" NIMA_FMT, NIMA_ARG(github->token), NIMA_ARG(url)));
    nima_str etag = reads ? etag_of(ctx, memory, key) : (nima_str){0};
    nima_str headers[5] = {NIMA_STR("Accept: application/vnd.github+json"),
                           NIMA_STR("X-GitHub-Api-Version: 2022-11-28")};
    size_t count = 2;
    if (github->authorization.len > 0) {
        headers[count++] = github->authorization;
    }
    if (etag.len > 0) {
        headers[count++] = nima_fmt(ctx, "If-None-Match: " NIMA_FMT, NIMA_ARG(etag));
    }
    if (body.ptr != NULL) {
        headers[count++] = NIMA_STR("Content-Type: application/json");
    }
    struct nima_api_reply reply;
    struct nima_api_call call = {.method = method,
                                 .body = body,
                                 .headers = headers,
                                 .header_count = count,
                                 .any_address = true,
                                 .body_max = NIMA_GITHUB_BYTES_MAX,
                                 .wanted = wanted};
    NIMA_TRY(nima_url_read(ctx, url, &call.url));
    NIMA_TRY(ask(ctx, github, &call, &reply));
    if (reply.status == 304 && recall(ctx, memory, key, out)) {
        return NIMA_OK;
    }
    if (found != NULL && reply.status == 404) {
        *found = false;
        *out = (struct nima_github_reply){.status = 404};
        return NIMA_OK;
    }
    if (reply.status < 200 || reply.status >= 300) {
        return refuse(ctx, github, &call, &reply);
    }
    *out = (struct nima_github_reply){.status = reply.status, .body = reply.body};
    out->next = next_of(github, reply.wanted[LINK]);
    if (reads) {
        keep(memory, key, reply.wanted[ETAG], out);
    }
    return NIMA_OK;
}

/* The dry run */

struct request {
    nima_str method, url, body;
};
static const struct nima_field request_fields[] = {
    NIMA_FIELD(STR, struct request, method),
    NIMA_FIELD(STR, struct request, url),
    NIMA_FIELD(ANY, struct request, body),
};
static const struct nima_shape request_shape =
    NIMA_SHAPE("GithubRequest", struct request, request_fields);

/* What is not known before it is made stands in braces, with the request that makes it. */
static nima_rc write_down(struct nima_ctx *ctx, struct nima_github *github, const char *method,
                          nima_str path, nima_str body, struct nima_github_reply *out)
{
    struct request request = {.method = nima_str_of(method), .body = body};
    nima_str text;
    request.url = nima_fmt(ctx, NIMA_FMT NIMA_FMT, NIMA_ARG(github->base), NIMA_ARG(path));
    NIMA_TRY(nima_github_json(ctx, &request_shape, &request, &text));
    github->would = nima_fmt(ctx, NIMA_FMT "%s" NIMA_FMT, NIMA_ARG(github->would),
                             github->steps > 0 ? "," : "", NIMA_ARG(text));
    github->steps++;
    *out = (struct nima_github_reply){
        .status = 200,
        .body = nima_fmt(ctx, "{\"sha\":\"{sha of %d}\",\"number\":0,\"html_url\":\"\"}",
                         github->steps)};
    return NIMA_OK;
}

nima_rc nima_github_would(struct nima_ctx *ctx, const struct nima_github *github, nima_str *result)
{
    struct nima_buf buf;
    nima_buf_init(&buf, (size_t)2 * NIMA_TASK_RESULT_BYTES_MAX);
    nima_buf_fmt(&buf, "{\"requests\":[" NIMA_FMT "]", NIMA_ARG(github->would));
    if (github->diff.len > 0) {
        nima_buf_add(&buf, NIMA_STR(",\"diff\":"));
        nima_json_write_str(&buf, github->diff);
    }
    nima_buf_add_char(&buf, '}');
    nima_rc rc = nima_buf_take(ctx, &buf, result);
    nima_buf_done(&buf);
    return rc;
}

nima_rc nima_github_send(struct nima_ctx *ctx, struct nima_github *github, const char *method,
                         nima_str path, nima_str body, struct nima_github_reply *out)
{
    if (github->dry) {
        return write_down(ctx, github, method, path, body, out);
    }
    return perform(ctx, github, nima_str_of(method), path, body, NULL, out);
}

nima_rc nima_github_get(struct nima_ctx *ctx, struct nima_github *github, nima_str path,
                        bool *found, struct nima_github_reply *out)
{
    if (found != NULL) {
        *found = true;
    }
    return perform(ctx, github, NIMA_STR("GET"), path, (nima_str){0}, found, out);
}

nima_rc nima_github_list(struct nima_ctx *ctx, struct nima_github *github, nima_str path,
                         const struct nima_shape *shape, size_t limit, struct nima_list *out,
                         bool *more)
{
    struct nima_list all = {nima_alloc_array(ctx->arena, limit, shape->size), 0};
    *more = false;
    while (path.ptr != NULL && !*more) {
        struct nima_github_reply reply;
        struct nima_list page = {0};
        const struct nima_json *tree;
        NIMA_TRY(nima_ctx_stopped(ctx));
        NIMA_TRY(nima_github_get(ctx, github, path, NULL, &reply));
        NIMA_TRY(nima_json_parse(ctx, reply.body, &tree));
        if (nima_json_count(tree) > 0) {
            NIMA_TRY(nima_json_decode_list(ctx, shape, reply.body, NIMA_GITHUB_PAGE, &page));
        }
        size_t room = limit - all.count, taken = page.count < room ? page.count : room;
        if (taken > 0) {
            memcpy((char *)all.items + all.count * shape->size, page.items, taken * shape->size);
        }
        all.count += taken;
        *more = taken < page.count || (all.count == limit && reply.next.ptr != NULL);
        path = reply.next;
    }
    *out = all;
    return NIMA_OK;
}
