#pragma once
/*
 * schedules_int: what the two files of the schedules' repository share.
 */
#include "store/schedules.h"
#include "store/store_int.h"

#define NIMA_SCHEDULE_COLUMNS                                                                      \
    "id, user_id, name, mode, spec, timezone, action, body, conversation_id, enabled, next_at, "   \
    "last_at, created_at, updated_at"

/* The row a statement on those columns stands at, the first of them being column `from`. */
void nima_store_schedule_row(struct nima_ctx *ctx, struct nima_db_stmt *stmt, int from,
                             struct nima_schedule_row *out);
/* All rows, at most `max`; ends the statement. */
NIMA_MUST_USE nima_rc nima_store_schedule_rows(struct nima_ctx *ctx, struct nima_db_stmt *stmt,
                                               size_t max, struct nima_schedule_rows *out);
