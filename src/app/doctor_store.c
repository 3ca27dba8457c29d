/* doctor: whether what the store holds fits together, and whose vectors it has. */
#include <string.h>

#include "app/doctor.h"
#include "store/facts.h"

enum { PEOPLE_AT_ONCE = 256 };

/* What somebody can do whose data may be damaged, and who is frightened. */
static const char *advice(struct nima_doctor *doctor, struct nima_store *store)
{
    const char *kind = nima_store_kind(store);
    if (strcmp(kind, "postgres") == 0) {
        return "take a backup now (pg_dump), see the server's log, then restore the last good one";
    }
    nima_str data = nima_store_address_shown(doctor->ctx, doctor->config.store.address);
    return nima_fmt(doctor->ctx,
                    "stop Nima, copy " NIMA_FMT " somewhere safe, then restore a backup, or save "
                    "what can be read (nima export --user NAME) and import it into a new store",
                    NIMA_ARG(data))
        .ptr;
}

void nima_doctor_integrity(struct nima_doctor *doctor, struct nima_store *store)
{
    struct nima_store_check found = {0};
    nima_rc rc = nima_store_check(doctor->ctx, store, &found);
    if (rc != NIMA_OK || found.problem.ptr != NULL) {
        nima_str what = rc != NIMA_OK ? nima_str_of(doctor->ctx->error.message) : found.problem;
        nima_doctor_tell(doctor, NIMA_ILL, "integrity", NIMA_FMT "; %s",
                         NIMA_ARG(nima_utf8_prefix(what, NIMA_ERROR_CHARS_MAX)),
                         advice(doctor, store));
    } else if (nima_store_notes(store) != NULL) {
        nima_doctor_tell(doctor, NIMA_WARN, "integrity", "%s", nima_store_notes(store));
    } else {
        nima_doctor_tell(doctor, NIMA_WELL, "integrity",
                         "%lld facts and %lld messages fit together", (long long)found.facts,
                         (long long)found.messages);
    }
}

struct tally {
    struct nima_fact_count items[NIMA_FACT_MODELS_MAX];
    size_t count;
};

static void add(struct nima_ctx *ctx, struct tally *tally, const struct nima_fact_count *more)
{
    size_t i = 0;
    while (i < tally->count && !nima_str_eq(tally->items[i].name, more->name)) {
        i++;
    }
    if (i == NIMA_FACT_MODELS_MAX) {
        return;
    }
    if (i == tally->count) {
        tally->items[tally->count++] =
            (struct nima_fact_count){.name = nima_str_copy(ctx->arena, more->name)};
    }
    tally->items[i].count += more->count;
}

static nima_rc count_models(struct nima_ctx *ctx, struct nima_store *store, struct tally *out)
{
    nima_str *people = NIMA_NEW(ctx->arena, nima_str, PEOPLE_AT_ONCE);
    nima_str after = {0};
    size_t count = PEOPLE_AT_ONCE;
    while (count == PEOPLE_AT_ONCE) {
        NIMA_TRY(nima_facts_people(ctx, store, after, PEOPLE_AT_ONCE, people, &count));
        for (size_t i = 0; i < count; i++) {
            struct nima_fact_models models;
            ctx->user_id = people[i];
            NIMA_TRY(nima_facts_models(ctx, store, &models));
            for (size_t k = 0; k < models.count; k++) {
                add(ctx, out, &models.items[k]);
            }
            after = people[i];
        }
    }
    return NIMA_OK;
}

void nima_doctor_vectors(struct nima_doctor *doctor, struct nima_store *store)
{
    struct nima_ctx *ctx = doctor->ctx;
    struct tally tally = {0};
    nima_str asking = ctx->user_id, shown = NIMA_STR("");
    nima_rc rc = count_models(ctx, store, &tally);
    ctx->user_id = asking;
    if (rc != NIMA_OK) {
        nima_doctor_tell(doctor, NIMA_ILL, "vectors", "%s", ctx->error.message);
        return;
    }
    for (size_t i = 0; i < tally.count; i++) {
        const struct nima_fact_count *of = &tally.items[i];
        nima_str by = of->name.ptr != NULL ? nima_fmt(ctx, "by " NIMA_FMT, NIMA_ARG(of->name))
                                           : NIMA_STR("by no model yet");
        shown = nima_fmt(ctx, NIMA_FMT "%s%lld " NIMA_FMT, NIMA_ARG(shown), i > 0 ? ", " : "",
                         (long long)of->count, NIMA_ARG(by));
    }
    if (tally.count > 1) {
        nima_doctor_tell(doctor, NIMA_WARN, "vectors",
                         "facts embedded " NIMA_FMT "; while the server runs all of them are by "
                         "its embedding model, GET /health says how far it is",
                         NIMA_ARG(shown));
    } else {
        nima_doctor_tell(doctor, NIMA_WELL, "vectors", NIMA_FMT,
                         NIMA_ARG(tally.count > 0
                                      ? nima_fmt(ctx, "facts embedded " NIMA_FMT, NIMA_ARG(shown))
                                      : NIMA_STR("no facts yet")));
    }
}
