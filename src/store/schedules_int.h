#pragma once
/*
 * schedules_int: what the two files of the schedules' repository share.
 */
#include "store/conversations.h"
#include "store/schedules.h"
#include "store/store_int.h"

#define NIMA_SCHEDULE_COLUMNS                                                                      \
    "id, user_id, name, mode, spec, timezone, action, body, conversation_id, enabled, next_at, "   \
    "last_at, created_at, updated_at, label"

/* The row a statement on those columns stands at, the first of them being column `from`. */
void nima_store_schedule_row(struct nima_ctx *ctx, struct nima_db_stmt *stmt, int from,
                             struct nima_schedule_row *out);
/* All rows, at most `max`; ends the statement. */
NIMA_MUST_USE nima_rc nima_store_schedule_rows(struct nima_ctx *ctx, struct nima_db_stmt *stmt,
                                               size_t max, struct nima_schedule_rows *out);
/* Puts a message of the assistant into the person's own conversation for reminders, which is made
 * when it is not there. */
NIMA_MUST_USE nima_rc nima_store_say_own(struct nima_ctx *ctx, struct nima_db *db,
                                         const struct nima_message_row *row,
                                         nima_str *conversation_id, struct nima_message_row *out);
