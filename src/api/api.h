#pragma once
/*
 * api: what is served: route tables and their handlers. A handler decodes nothing by hand: a struct
 * in, one call into a domain room, a struct out.
 *
 * A new endpoint is one row in a table, one handler and its tables of fields
 * (docs/architecture.md).
 */
#include <stdatomic.h>

#include "http/http.h"

struct nima_goals;
struct nima_knowledge;
struct nima_llm;
struct nima_memory;
struct nima_orchestrator;
struct nima_personality;
struct nima_schedules;
struct nima_store;
struct nima_tasks;

/* What handlers work with; the caller owns it and everything in it. */

struct nima_api {
    struct nima_store *store;
    struct nima_llm *llm;
    struct nima_memory *memory;
    struct nima_goals *goals;
    struct nima_knowledge *knowledge;
    struct nima_understand *understand;
    struct nima_tasks *tasks;
    struct nima_orchestrator *orchestrator;
    struct nima_personality *personality;
    struct nima_schedules *schedules;
    struct nima_http *http; /* set once the server has started; for /metrics */
    int64_t started_ms;     /* on nima_mono_ms() */
    const char *version;
    atomic_bool store_ok; /* the store answered when it was last asked; for /health, which may not
                             wait for it */
    bool token_needed;    /* a bind that is not loopback: nobody is "default" */
};

/* All tables, ending in NULL. */
extern const struct nima_route *const nima_api_tables[];

/* The hooks of nima_http_options, with the struct nima_api as user. */
NIMA_MUST_USE nima_rc nima_api_authorize(struct nima_ctx *ctx, void *user, nima_str bearer,
                                         const char *scope);
extern const struct nima_http_idempotency nima_api_idempotency;

/* The OpenAPI document, as served and as committed in api/openapi.json. */
void nima_api_openapi(const char *version, struct nima_buf *buf);
