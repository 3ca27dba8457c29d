/* nima token: API tokens. The token itself is shown once and kept only as its SHA-256. */
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "store/people.h"
#include "util/clock.h"
#include "util/digest.h"
#include "util/uuid.h"

enum { TOKEN_BYTES = 32, TOKEN_CHARS = 43, FLAGS_MAX = 64 };

static const char *const all_scopes[] = {"chat", "memory", "tasks", "admin"};
enum { SCOPE_COUNT = sizeof(all_scopes) / sizeof(all_scopes[0]) };

struct job {
    nima_str verb, id, user, scopes;
    int argc; /* flags of serve that are left for the configuration */
    char *argv[FLAGS_MAX];
};

/* Any order and commas too; written in our order, each once. */
static nima_rc check_scopes(struct nima_ctx *ctx, nima_str text, nima_str *out)
{
    bool wanted[SCOPE_COUNT] = {false};
    nima_str word;
    char *plain = nima_cstr(ctx, text);
    for (char *p = plain; *p != '\0'; p++) {
        *p = *p == ',' ? ' ' : *p;
    }
    text = nima_str_of(plain);
    while (nima_str_next(&text, ' ', &word)) {
        size_t i = 0;
        while (i < SCOPE_COUNT && !nima_str_eq(word, nima_str_of(all_scopes[i]))) {
            i++;
        }
        if (i == SCOPE_COUNT && word.len > 0) {
            return nima_fail_field(ctx, NIMA_E_INVALID, "scopes",
                                   "there is no scope \"" NIMA_FMT
                                   "\"; --scopes takes any of: chat memory tasks admin",
                                   NIMA_ARG(nima_utf8_prefix(word, 40)));
        }
        if (i < SCOPE_COUNT) {
            wanted[i] = true;
        }
    }
    nima_str list = NIMA_STR("");
    for (size_t i = 0; i < SCOPE_COUNT; i++) {
        if (wanted[i]) {
            list = nima_fmt(ctx, NIMA_FMT "%s%s", NIMA_ARG(list), list.len > 0 ? " " : "",
                            all_scopes[i]);
        }
    }
    if (list.len == 0) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "scopes",
                               "--scopes names nothing; it takes any of: chat memory tasks admin");
    }
    *out = list;
    return NIMA_OK;
}

static nima_str make_secret(struct nima_ctx *ctx)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char bytes[TOKEN_BYTES + 1] = {0}; /* one more, so that the last group is whole */
    nima_random_bytes(bytes, TOKEN_BYTES);
    char text[TOKEN_CHARS + 1];
    for (size_t i = 0; i < TOKEN_CHARS; i++) {
        size_t bit = i * 6;
        unsigned pair = (unsigned)bytes[bit / 8] << 8 | bytes[bit / 8 + 1];
        text[i] = digits[pair >> (10 - bit % 8) & 63];
    }
    text[TOKEN_CHARS] = '\0';
    return nima_fmt(ctx, "nima_%s", text);
}

static nima_rc create(struct nima_ctx *ctx, struct nima_store *store, const struct job *job)
{
    nima_str secret = make_secret(ctx);
    struct nima_api_token token = {.id = nima_uuid_new(ctx),
                                   .user_id = job->user,
                                   .scopes = job->scopes,
                                   .hash = nima_sha256_hex(ctx, secret),
                                   .created_at = nima_now_ms()};
    NIMA_TRY(nima_tokens_add(ctx, store, &token));
    printf("token " NIMA_FMT " for " NIMA_FMT " (" NIMA_FMT
           ")\nkeep it, it is not shown again: " NIMA_FMT "\n",
           NIMA_ARG(token.id), NIMA_ARG(token.user_id), NIMA_ARG(token.scopes), NIMA_ARG(secret));
    return NIMA_OK;
}

static const char *day_of(int64_t at, const char *never, char out[NIMA_TIME_CHARS + 1])
{
    if (at == 0) {
        return never;
    }
    nima_time_write(at, out);
    out[16] = '\0'; /* minutes will do */
    out[10] = ' ';
    return out;
}

static nima_rc list(struct nima_ctx *ctx, struct nima_store *store)
{
    struct nima_api_tokens tokens;
    NIMA_TRY(nima_tokens_list(ctx, store, &tokens));
    if (tokens.count == 0) {
        printf("no tokens; make one with: nima token create --user NAME\n");
        return NIMA_OK;
    }
    printf("%-36s  %-16s  %-24s  %-16s  %-16s  %s\n", "id", "user", "scopes", "created",
           "last used", "revoked");
    for (size_t i = 0; i < tokens.count; i++) {
        const struct nima_api_token *t = &tokens.items[i];
        char made[NIMA_TIME_CHARS + 1], used[NIMA_TIME_CHARS + 1], ended[NIMA_TIME_CHARS + 1];
        printf("%-36.*s  %-16.*s  %-24.*s  %-16s  %-16s  %s\n", NIMA_ARG(t->id),
               NIMA_ARG(t->user_id), NIMA_ARG(t->scopes), day_of(t->created_at, "-", made),
               day_of(t->last_used_at, "never", used), day_of(t->revoked_at, "-", ended));
    }
    return NIMA_OK;
}

static nima_rc revoke(struct nima_ctx *ctx, struct nima_store *store, nima_str id)
{
    nima_rc rc = nima_uuid_valid(id) ? nima_tokens_revoke(ctx, store, id) : NIMA_E_NOT_FOUND;
    if (rc == NIMA_E_NOT_FOUND) {
        return nima_fail(ctx, rc, "there is no token " NIMA_FMT "; see: nima token list",
                         NIMA_ARG(nima_utf8_prefix(id, 64)));
    }
    NIMA_TRY(rc);
    printf("revoked " NIMA_FMT "\n", NIMA_ARG(id));
    return NIMA_OK;
}

static nima_rc work(struct nima_ctx *ctx, struct nima_store *store, const struct job *job)
{
    if (nima_str_eq(job->verb, NIMA_STR("create"))) {
        return create(ctx, store, job);
    }
    return nima_str_eq(job->verb, NIMA_STR("list")) ? list(ctx, store)
                                                    : revoke(ctx, store, job->id);
}

/* Takes "--name VALUE" or "--name=VALUE" at *at; false when it is another flag. */
static bool own_flag(int argc, char **argv, int *at, const char *name, nima_str *out)
{
    nima_str word = nima_str_of(argv[*at]), flag = nima_str_of(name);
    if (nima_str_eq(word, flag) && *at + 1 < argc) {
        *out = nima_str_of(argv[++*at]);
        return true;
    }
    if (nima_str_starts(word, flag) && word.len > flag.len && word.ptr[flag.len] == '=') {
        *out = nima_str_sub(word, flag.len + 1, word.len);
        return true;
    }
    return false;
}

/* False when the words make no command. */
static bool read_words(int argc, char **argv, struct job *job)
{
    *job = (struct job){.scopes = NIMA_STR("chat memory")};
    if (argc == 0 || argc >= FLAGS_MAX) {
        return false;
    }
    job->verb = nima_str_of(argv[0]);
    bool making = nima_str_eq(job->verb, NIMA_STR("create"));
    bool ending = nima_str_eq(job->verb, NIMA_STR("revoke"));
    if (!making && !ending && !nima_str_eq(job->verb, NIMA_STR("list"))) {
        return false;
    }
    int at = 1;
    if (ending) {
        if (argc < 2 || argv[1][0] == '-') {
            return false;
        }
        job->id = nima_str_of(argv[at++]);
    }
    for (; at < argc; at++) {
        if (!making || (!own_flag(argc, argv, &at, "--user", &job->user) &&
                        !own_flag(argc, argv, &at, "--scopes", &job->scopes))) {
            job->argv[job->argc++] = argv[at];
        }
    }
    return !making || job->user.ptr != NULL;
}

static int token(struct nima_ctx *ctx, struct job *job)
{
    struct nima_config config;
    struct nima_store *store = NULL;
    nima_rc rc = NIMA_OK;
    if (job->user.ptr != NULL) {
        rc = nima_command_user(ctx, job->user);
        rc = rc == NIMA_OK ? check_scopes(ctx, job->scopes, &job->scopes) : rc;
        if (rc != NIMA_OK) {
            return nima_command_fail(ctx, rc);
        }
    }
    int code = nima_command_config(ctx, job->argc, job->argv, &config);
    if (code != NIMA_EXIT_DONE) {
        return code;
    }
    struct nima_store_options options = {.address = config.store.address};
    rc = nima_store_open(ctx, &options, &store);
    if (rc == NIMA_OK) {
        rc = work(ctx, store, job);
    }
    nima_store_close(store);
    return rc == NIMA_OK ? NIMA_EXIT_DONE : nima_command_fail(ctx, rc);
}

int nima_cmd_token(int argc, char **argv)
{
    struct job job;
    if (!read_words(argc, argv, &job)) {
        return nima_command_usage("token");
    }
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    int code = token(&ctx, &job);
    nima_ctx_done(&ctx);
    return code;
}
