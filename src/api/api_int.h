#pragma once
/*
 * Private to src/api.
 */
#include "api/api.h"
#include "memory/memory.h"

extern const struct nima_route nima_api_chat_routes[];
extern const struct nima_route nima_api_openai_routes[];
extern const struct nima_route nima_api_memory_routes[];
extern const struct nima_route nima_api_search_routes[];
extern const struct nima_route nima_api_conversation_routes[];
extern const struct nima_route nima_api_knowledge_routes[];
extern const struct nima_route nima_api_personality_routes[];
extern const struct nima_route nima_api_goal_routes[];
extern const struct nima_route nima_api_task_routes[];
extern const struct nima_route nima_api_list_routes[];
extern const struct nima_route nima_api_understanding_routes[];
extern const struct nima_route nima_api_schedule_routes[];
extern const struct nima_route nima_api_system_routes[];

static inline struct nima_api *nima_api_of(struct nima_exchange *exchange)
{
    return nima_exchange_app(exchange);
}

/* The fields of a fact, for a struct that holds a struct nima_fact as `member`. */
#define NIMA_FACT_FIELDS(type, member)                                                             \
    NIMA_FIELD_AS(UUID, "id", type, member.id, .required = true, .doc = "The fact's id."),         \
        NIMA_FIELD_AS(STR, "fact", type, member.fact, .required = true, .doc = "Its text."),       \
        NIMA_FIELD_AS(STR, "category", type, member.category, .required = true,                    \
                      .doc = "Free text, such as location or work."),                              \
        NIMA_FIELD_AS(STR, "source", type, member.source, .required = true,                        \
                      .choices = nima_api_sources, .doc = "How it became known."),                 \
        NIMA_FIELD_AS(NUM, "confidence", type, member.confidence, .low = 0, .high = 1,             \
                      .doc = "How sure it is."),                                                   \
        NIMA_FIELD_AS(JSON, "metadata", type, member.metadata, .required = true,                   \
                      .doc = "Anything the writer wanted to keep with it."),                       \
        NIMA_FIELD_AS(TIME, "created_at", type, member.created_at, .doc = "When it was stored."),  \
        NIMA_FIELD_AS(TIME, "updated_at", type, member.updated_at,                                 \
                      .doc = "When it was last changed or said again."),                           \
        NIMA_FIELD_AS(STR, "status", type, member.status, .required = true,                        \
                      .choices = nima_api_statuses, .doc = "A superseded fact is out of search."), \
        NIMA_FIELD_AS(UUID, "superseded_by", type, member.superseded_by,                           \
                      .doc = "The fact that took its place."),                                     \
        NIMA_FIELD_AS(UUID, "conversation_id", type, member.conversation_id,                       \
                      .doc = "The conversation it was learned in."),                               \
        NIMA_FIELD_AS(UUID, "message_id", type, member.message_id,                                 \
                      .doc = "The message it was learned from.")
extern const char *const nima_api_sources[];
extern const char *const nima_api_statuses[];

/* How far the facts are embedded by the present model (system_routes.c). */
struct nima_memory_change;
struct nima_api_embedding {
    nima_str state, former_model;
    int64_t done, total;
};
extern const struct nima_shape nima_api_embedding_shape;
struct nima_api_embedding *nima_api_embedding_of(struct nima_ctx *ctx,
                                                 const struct nima_memory_change *change);

/* Whether the sender of the request has this scope too. */
bool nima_api_may(struct nima_ctx *ctx, struct nima_exchange *exchange, const char *scope);

/* docs.c: the reference as a page without scripts, from the same tables as the document. */
void nima_api_docs_html(const char *version, struct nima_buf *buf);
