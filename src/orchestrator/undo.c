/* What can be taken back, in memory for ten minutes. */
#include "orchestrator/undo.h"

#include <pthread.h>
#include <stdlib.h>

#include "util/clock.h"
#include "util/uuid.h"

struct entry {
    char id[NIMA_UUID_CHARS + 1];
    char *user_id; /* NULL: the place is free */
    nima_undo_take take;
    char *texts[NIMA_UNDO_TEXTS]; /* NULL: absent */
    size_t lens[NIMA_UNDO_TEXTS];
    int64_t until_ms; /* on nima_mono_ms() */
};
struct nima_undo_table {
    pthread_mutex_t lock; /* guards all of it */
    struct entry entries[NIMA_UNDO_KEPT_MAX];
    size_t next; /* the oldest, which is used next */
};

struct nima_undo_table *nima_undo_table_new(void)
{
    struct nima_undo_table *table = NIMA_XNEW(struct nima_undo_table, 1);
    pthread_mutex_init(&table->lock, NULL);
    return table;
}

static void drop(struct entry *entry)
{
    free(entry->user_id);
    for (size_t i = 0; i < NIMA_UNDO_TEXTS; i++) {
        free(entry->texts[i]);
    }
    *entry = (struct entry){0};
}

void nima_undo_table_free(struct nima_undo_table *table)
{
    if (table == NULL) {
        return;
    }
    for (size_t i = 0; i < NIMA_UNDO_KEPT_MAX; i++) {
        drop(&table->entries[i]);
    }
    pthread_mutex_destroy(&table->lock);
    free(table);
}

void nima_undo_table_keep(struct nima_ctx *ctx, struct nima_undo_table *table, nima_undo_take take,
                          const nima_str texts[NIMA_UNDO_TEXTS], nima_str *id_out)
{
    pthread_mutex_lock(&table->lock);
    struct entry *entry = &table->entries[table->next];
    table->next = (table->next + 1) % NIMA_UNDO_KEPT_MAX;
    drop(entry);
    nima_uuid_write(entry->id);
    entry->user_id = nima_xstrdup(ctx->user_id);
    entry->take = take;
    entry->until_ms = nima_mono_ms() + (int64_t)NIMA_UNDO_MINUTES * 60 * 1000;
    for (size_t i = 0; i < NIMA_UNDO_TEXTS; i++) {
        entry->texts[i] = texts[i].ptr != NULL ? nima_xstrdup(texts[i]) : NULL;
        entry->lens[i] = texts[i].len;
    }
    *id_out = nima_str_copy(ctx->arena, nima_str_of(entry->id));
    pthread_mutex_unlock(&table->lock);
}

static struct entry *find(struct nima_ctx *ctx, struct nima_undo_table *table, nima_str id)
{
    for (size_t i = 0; i < NIMA_UNDO_KEPT_MAX; i++) {
        struct entry *entry = &table->entries[i];
        if (entry->user_id != NULL && nima_str_eq(nima_str_of(entry->id), id) &&
            nima_str_eq(nima_str_of(entry->user_id), ctx->user_id)) {
            return entry;
        }
    }
    return NULL;
}

nima_rc nima_undo_table_run(struct nima_ctx *ctx, struct nima_undo_table *table,
                            struct nima_orchestrator *o, nima_str id, nima_str *told)
{
    nima_str texts[NIMA_UNDO_TEXTS] = {{0}};
    nima_undo_take take = NULL;
    pthread_mutex_lock(&table->lock);
    struct entry *entry = find(ctx, table, id);
    if (entry != NULL && entry->until_ms > nima_mono_ms()) {
        take = entry->take;
        for (size_t i = 0; i < NIMA_UNDO_TEXTS; i++) {
            if (entry->texts[i] != NULL) {
                texts[i] = nima_str_copy(ctx->arena, (nima_str){entry->texts[i], entry->lens[i]});
            }
        }
    }
    pthread_mutex_unlock(&table->lock);
    if (take == NULL) {
        return nima_fail(ctx, NIMA_E_NOT_FOUND,
                         "that cannot be taken back any more: it is kept for %d minutes",
                         NIMA_UNDO_MINUTES);
    }
    NIMA_TRY(take(ctx, o, texts, told));
    pthread_mutex_lock(&table->lock);
    entry = find(ctx, table, id);
    if (entry != NULL) {
        drop(entry);
    }
    pthread_mutex_unlock(&table->lock);
    return NIMA_OK;
}

void nima_undo_table_forget(struct nima_ctx *ctx, struct nima_undo_table *table)
{
    pthread_mutex_lock(&table->lock);
    for (size_t i = 0; i < NIMA_UNDO_KEPT_MAX; i++) {
        struct entry *entry = &table->entries[i];
        if (entry->user_id != NULL && nima_str_eq(nima_str_of(entry->user_id), ctx->user_id)) {
            drop(entry);
        }
    }
    pthread_mutex_unlock(&table->lock);
}
