/* The list of all tables, and who may use them. */
#include "api/api_int.h"
#include "store/people.h"
#include "util/digest.h"

const struct nima_route *const nima_api_tables[] = {
    nima_api_chat_routes,          nima_api_openai_routes,
    nima_api_memory_routes,        nima_api_search_routes,
    nima_api_goal_routes,          nima_api_schedule_routes,
    nima_api_personality_routes,   nima_api_conversation_routes,
    nima_api_knowledge_routes,     nima_api_task_routes,
    nima_api_list_routes,          nima_api_system_routes,
    nima_api_understanding_routes, NULL,
};

static bool has_scope(nima_str scopes, const char *wanted)
{
    nima_str scope;
    while (nima_str_next(&scopes, ' ', &scope)) {
        if (nima_str_eq(scope, nima_str_of(wanted)) || nima_str_eq(scope, NIMA_STR("admin"))) {
            return true;
        }
    }
    return false;
}

static nima_rc by_token(struct nima_ctx *ctx, struct nima_api *api, nima_str bearer,
                        const char *scope)
{
    struct nima_api_token token;
    nima_rc rc = nima_tokens_find(ctx, api->store, nima_sha256_hex(ctx, bearer), &token);
    if (rc == NIMA_E_NOT_FOUND) {
        return nima_fail(ctx, NIMA_E_UNAUTHORIZED,
                         "this token is not known; make one with: nima token create --user NAME");
    }
    NIMA_TRY(rc);
    if (scope != NULL && !has_scope(token.scopes, scope)) {
        return nima_fail(ctx, NIMA_E_FORBIDDEN, "this token lacks the scope \"%s\"", scope);
    }
    ctx->user_id = token.user_id;
    return NIMA_OK;
}

nima_rc nima_api_authorize(struct nima_ctx *ctx, void *user, nima_str bearer, const char *scope)
{
    struct nima_api *api = user;
    ctx->user_id = NIMA_STR("default");
    if (scope == NULL) {
        return NIMA_OK;
    }
    bool any = api->token_needed;
    if (!any) {
        NIMA_TRY(nima_tokens_ever(ctx, api->store, &any));
    }
    if (!any) {
        return NIMA_OK;
    }
    if (bearer.len == 0) {
        return nima_fail(ctx, NIMA_E_UNAUTHORIZED,
                         "send a token as \"Authorization: Bearer TOKEN\"; make one with: "
                         "nima token create --user NAME");
    }
    return by_token(ctx, api, bearer, scope);
}

bool nima_api_may(struct nima_ctx *ctx, struct nima_exchange *exchange, const char *scope)
{
    struct nima_error before = ctx->error;
    nima_str user = ctx->user_id, sent = nima_exchange_header(exchange, "Authorization");
    bool bearer = nima_str_starts_nocase(sent, NIMA_STR("Bearer "));
    nima_str token = bearer ? nima_str_trim(nima_str_sub(sent, 7, sent.len)) : (nima_str){0};
    bool may = nima_api_authorize(ctx, nima_api_of(exchange), token, scope) == NIMA_OK;
    ctx->error = before;
    ctx->user_id = user;
    return may;
}

static nima_rc find(struct nima_ctx *ctx, void *user, nima_str key, nima_str route,
                    nima_str body_hash, bool *hit, int *status, nima_str *reply)
{
    struct nima_api *api = user;
    struct nima_idempotent kept;
    nima_rc rc = nima_idempotent_get(ctx, api->store, key, route, &kept);
    if (rc == NIMA_E_NOT_FOUND) {
        *hit = false;
        return NIMA_OK;
    }
    NIMA_TRY(rc);
    if (!nima_str_eq(kept.body_hash, body_hash)) {
        return nima_fail(ctx, NIMA_E_CONFLICT,
                         "this Idempotency-Key was used with another body; take a new key");
    }
    *hit = true;
    *status = kept.status;
    *reply = kept.reply;
    return NIMA_OK;
}

static nima_rc keep(struct nima_ctx *ctx, void *user, nima_str key, nima_str route,
                    nima_str body_hash, int status, nima_str reply)
{
    struct nima_api *api = user;
    struct nima_idempotent entry = {key, route, body_hash, status, reply};
    return nima_idempotent_put(ctx, api->store, &entry);
}

const struct nima_http_idempotency nima_api_idempotency = {find, keep};

void nima_api_openapi(const char *version, struct nima_buf *buf)
{
    nima_openapi_write(nima_api_tables, "Nima", version, buf);
}
