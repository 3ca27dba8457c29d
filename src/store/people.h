#pragma once
/*
 * people: the tables `users`, `human_profiles` and `api_tokens`.
 */
#include "store/store.h"

struct nima_profile {
    nima_str user_id;
    nima_str name;        /* absent when not known */
    nima_str preferences; /* JSON objects' texts */
    nima_str context;
    int64_t updated_at; /* 0: never written */
};

/* Never NOT_FOUND: a person without a profile has an empty one. */
NIMA_MUST_USE nima_rc nima_profile_get(struct nima_ctx *ctx, struct nima_store *store,
                                       struct nima_profile *out);
/* Replaces all of it, user_id and updated_at apart. */
NIMA_MUST_USE nima_rc nima_profile_put(struct nima_ctx *ctx, struct nima_store *store,
                                       const struct nima_profile *profile,
                                       struct nima_profile *out);
/* Facts, versions, profile, conversations, messages, idempotent replies, schedules, tasks and
 * their record of ctx->user_id; the free pages are overwritten (secure_delete) and the log is
 * truncated, so nothing is left in the file. Tokens, and the person's id with the change counter,
 * stay. BUSY: all is deleted, but the log could not be truncated while somebody read it; do it
 * again. */
NIMA_MUST_USE nima_rc nima_people_forget(struct nima_ctx *ctx, struct nima_store *store,
                                         int64_t *change_out);

struct nima_api_token {
    nima_str id, user_id, scopes; /* scopes: "chat memory tasks admin", space-separated */
    nima_str hash;                /* SHA-256 hex of the token; never the token */
    int64_t created_at, revoked_at, last_used_at; /* 0: not */
};
struct nima_api_tokens {
    struct nima_api_token *items;
    size_t count;
};
/* Tokens are not scoped to ctx->user_id: they say who somebody is. */
NIMA_MUST_USE nima_rc nima_tokens_add(struct nima_ctx *ctx, struct nima_store *store,
                                      const struct nima_api_token *token);
NIMA_MUST_USE nima_rc nima_tokens_list(struct nima_ctx *ctx, struct nima_store *store,
                                       struct nima_api_tokens *out);
NIMA_MUST_USE nima_rc nima_tokens_revoke(struct nima_ctx *ctx, struct nima_store *store,
                                         nima_str id);
/* NOT_FOUND for an unknown or revoked one. last_used_at is kept to the hour. */
NIMA_MUST_USE nima_rc nima_tokens_find(struct nima_ctx *ctx, struct nima_store *store,
                                       nima_str hash, struct nima_api_token *out);
/* Whether any token that is not revoked exists. */
NIMA_MUST_USE nima_rc nima_tokens_any(struct nima_ctx *ctx, struct nima_store *store, bool *out);

/* Whether a token was ever made: from then on nobody is served without one, also when the last
 * was revoked. */
NIMA_MUST_USE nima_rc nima_tokens_ever(struct nima_ctx *ctx, struct nima_store *store, bool *out);

/* Idempotent replies (table `idempotency`): the reply to a POST, kept for a day by key. */
struct nima_idempotent {
    nima_str key, route, body_hash;
    int status;
    nima_str reply;
};
/* NOT_FOUND when the key was not used by this person in the last 24 hours. */
NIMA_MUST_USE nima_rc nima_idempotent_get(struct nima_ctx *ctx, struct nima_store *store,
                                          nima_str key, nima_str route,
                                          struct nima_idempotent *out);
/* The first reply of a key stays: a second one within the day changes nothing. */
NIMA_MUST_USE nima_rc nima_idempotent_put(struct nima_ctx *ctx, struct nima_store *store,
                                          const struct nima_idempotent *entry);
