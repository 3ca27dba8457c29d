#include "store/store_int.h"

#include <stdio.h>
#include <string.h>

#include "util/uuid.h"

nima_rc nima_store_no_such(struct nima_ctx *ctx, const char *what)
{
    return nima_fail(ctx, NIMA_E_NOT_FOUND, "there is no such %s", what);
}

nima_rc nima_store_id(struct nima_ctx *ctx, nima_str id, const char *what, nima_str *out)
{
    if (!nima_uuid_valid(id)) {
        return nima_store_no_such(ctx, what);
    }
    return nima_uuid_read(ctx, id, "id", out);
}

nima_rc nima_store_new_id(struct nima_ctx *ctx, nima_str id, const char *field, nima_str *out)
{
    if (id.ptr == NULL) {
        *out = nima_uuid_new(ctx);
        return NIMA_OK;
    }
    return nima_uuid_read(ctx, id, field, out);
}

nima_rc nima_store_maybe_id(struct nima_ctx *ctx, nima_str id, const char *field, nima_str *out)
{
    if (id.ptr == NULL) {
        *out = id;
        return NIMA_OK;
    }
    return nima_uuid_read(ctx, id, field, out);
}

nima_rc nima_store_ids(struct nima_ctx *ctx, const nima_str *ids, size_t count, nima_str **out,
                       size_t *count_out)
{
    nima_str *valid = NIMA_NEW(ctx->arena, nima_str, count + 1);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (nima_uuid_valid(ids[i])) {
            NIMA_TRY(nima_uuid_read(ctx, ids[i], "id", &valid[used++]));
        }
    }
    *out = valid;
    *count_out = used;
    return NIMA_OK;
}

nima_str nima_store_json(nima_str text)
{
    return text.ptr != NULL ? text : NIMA_STR("{}");
}

nima_rc nima_store_limit(struct nima_ctx *ctx, int limit, int *out)
{
    if (limit < 0 || limit > NIMA_STORE_LIMIT_MAX) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "limit", "limit must be 1..%d",
                               NIMA_STORE_LIMIT_MAX);
    }
    *out = limit > 0 ? limit : NIMA_STORE_LIMIT_DEFAULT;
    return NIMA_OK;
}

/* One letter for the list, 16 hexadecimal digits of the time, and the id without its hyphens. */
enum { TIME_DIGITS = 16, ID_DIGITS = 32, CURSOR_CHARS = 1 + TIME_DIGITS + ID_DIGITS };
static const int hyphens_at[] = {8, 13, 18, 23};

nima_str nima_store_cursor_write(struct nima_ctx *ctx, char kind, struct nima_store_cursor at)
{
    nima_assert(at.id.len == NIMA_UUID_CHARS);
    char id[ID_DIGITS + 1] = {0};
    size_t used = 0;
    for (size_t i = 0; i < at.id.len; i++) {
        if (at.id.ptr[i] != '-') {
            id[used++] = at.id.ptr[i];
        }
    }
    return nima_fmt(ctx, "%c%016llx%s", kind, (unsigned long long)at.time, id);
}

static bool is_hex(nima_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
    }
    return true;
}

nima_rc nima_store_cursor_read(struct nima_ctx *ctx, char kind, nima_str text,
                               struct nima_store_cursor *out)
{
    nima_str digits = nima_str_sub(text, 1, text.len);
    if (text.len != CURSOR_CHARS || text.ptr[0] != kind || !is_hex(digits)) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "cursor",
                               "cursor must be the one that the last page of this list came with");
    }
    unsigned long long time = 0;
    for (size_t i = 0; i < TIME_DIGITS; i++) {
        char c = digits.ptr[i];
        time = time << 4 | (unsigned long long)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    char id[NIMA_UUID_CHARS + 1] = {0};
    size_t used = 0, hyphen = 0;
    for (size_t i = 0; i < ID_DIGITS; i++) {
        if (hyphen < 4 && used == (size_t)hyphens_at[hyphen]) {
            id[used++] = '-';
            hyphen++;
        }
        id[used++] = digits.ptr[TIME_DIGITS + i];
    }
    *out = (struct nima_store_cursor){
        .time = (int64_t)time,
        .id = nima_str_copy(ctx->arena, (nima_str){id, NIMA_UUID_CHARS}),
    };
    return NIMA_OK;
}

void nima_store_select_add(struct nima_store_select *select, const char *text,
                           struct nima_db_value value)
{
    nima_assert(select->count < NIMA_STORE_SELECT_ARGS);
    select->args[select->count++] = value;
    nima_buf_fmt(&select->sql, " %s $%zu", text, select->count);
}

void nima_store_select_text(struct nima_store_select *select, const char *text, nima_str value)
{
    if (value.ptr != NULL) {
        nima_store_select_add(select, text, nima_db_text(value));
    }
}

const float *nima_store_vector(struct nima_ctx *ctx, struct nima_db_stmt *stmt, int column,
                               struct nima_store_vector *room, size_t *dims_out)
{
    nima_str bytes = nima_db_view_bytes(stmt, column);
    *dims_out = bytes.len / sizeof(float);
    if (bytes.ptr == NULL) {
        return NULL;
    }
    if (room->room == NULL || *dims_out > room->dims) {
        room->room = NIMA_NEW(ctx->arena, float, *dims_out);
        room->dims = *dims_out;
    }
    memcpy(room->room, bytes.ptr, *dims_out * sizeof(float));
    return room->room;
}
