/*
 * Columns of PostgreSQL. Results come in its binary formats, which say exactly what is meant: a
 * text never depends on a server's settings, and an embedding is not spelled out in hexadecimal.
 */
#include "store/postgres_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/clock.h"
#include "util/uuid.h"

/* pg_type.dat: these numbers are part of the protocol and never change. */
enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_NAME = 19,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_JSON = 114,
    OID_FLOAT4 = 700,
    OID_FLOAT8 = 701,
    OID_VARCHAR = 1043,
    OID_TIMESTAMPTZ = 1184,
    OID_UUID = 2950,
    OID_JSONB = 3802,
};

/* 1970 to 2000, where PostgreSQL's times begin. */
static const int64_t epoch_ms = INT64_C(946684800000);

struct column {
    unsigned type;
    nima_str raw; /* absent: NULL */
};

static struct column column_of(struct nima_db_stmt *stmt, int column)
{
    struct nima_pg_stmt *pg = stmt->engine;
    nima_assert(pg->row != NULL && column < PQnfields(pg->row));
    struct column found = {.type = PQftype(pg->row, column)};
    if (PQgetisnull(pg->row, 0, column) == 0) {
        found.raw =
            (nima_str){PQgetvalue(pg->row, 0, column), (size_t)PQgetlength(pg->row, 0, column)};
    }
    return found;
}

/* Network order, of 1 to 8 bytes, with its sign. */
static int64_t big_endian(nima_str raw)
{
    nima_assert(raw.len >= 1 && raw.len <= 8);
    uint64_t value = (raw.ptr[0] & 0x80) != 0 ? UINT64_MAX : 0;
    for (size_t i = 0; i < raw.len; i++) {
        value = value << 8 | (unsigned char)raw.ptr[i];
    }
    return (int64_t)value;
}

static int64_t time_of(nima_str raw)
{
    int64_t us = big_endian(raw);
    int64_t ms = us / 1000 - (us % 1000 < 0); /* down, also before 2000 */
    return ms + epoch_ms;
}

bool nima_pg_is_null(struct nima_db_stmt *stmt, int column)
{
    return column_of(stmt, column).raw.ptr == NULL;
}

double nima_pg_real(struct nima_db_stmt *stmt, int column)
{
    struct column found = column_of(stmt, column);
    if (found.raw.ptr == NULL) {
        return 0;
    }
    if (found.type == OID_FLOAT8) {
        int64_t bits = big_endian(found.raw);
        double value;
        memcpy(&value, &bits, sizeof(value));
        return value;
    }
    if (found.type == OID_FLOAT4) {
        int32_t bits = (int32_t)big_endian(found.raw);
        float value;
        memcpy(&value, &bits, sizeof(value));
        return (double)value;
    }
    return (double)nima_pg_integer(stmt, column);
}

int64_t nima_pg_integer(struct nima_db_stmt *stmt, int column)
{
    struct column found = column_of(stmt, column);
    if (found.raw.ptr == NULL) {
        return 0;
    }
    switch (found.type) {
    case OID_INT8:
    case OID_INT4:
    case OID_INT2:
        return big_endian(found.raw);
    case OID_BOOL:
        return found.raw.ptr[0] != 0;
    case OID_FLOAT8:
    case OID_FLOAT4:
        return (int64_t)nima_pg_real(stmt, column);
    default:
        nima_assert(!"a column that is no number"); /* cast it in the query */
    }
}

char *nima_pg_room(struct nima_pg_piece *piece, size_t bytes)
{
    if (piece->room < bytes) {
        piece->room = bytes < 64 ? 64 : bytes;
        piece->ptr = nima_xrealloc(piece->ptr, piece->room);
    }
    return piece->ptr;
}

static nima_str uuid_text(nima_str raw, struct nima_pg_piece *cell)
{
    static const char digits[] = "0123456789abcdef";
    char *text = nima_pg_room(cell, NIMA_UUID_CHARS + 1);
    size_t used = 0;
    for (size_t i = 0; i < raw.len; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            text[used++] = '-';
        }
        text[used++] = digits[(unsigned char)raw.ptr[i] >> 4];
        text[used++] = digits[raw.ptr[i] & 15];
    }
    text[used] = '\0';
    return (nima_str){text, used};
}

/* JSONB is spelled with a blank behind each colon and comma; the other engines keep none. */
static nima_str json_text(nima_str raw, struct nima_pg_piece *cell)
{
    char *text = nima_pg_room(cell, raw.len + 1);
    size_t used = 0;
    bool quoted = false;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        if (quoted && c == '\\' && i + 1 < raw.len) {
            text[used++] = c;
            c = raw.ptr[++i];
        } else if (c == '"') {
            quoted = !quoted;
        } else if (c == ' ' && !quoted) {
            continue;
        }
        text[used++] = c;
    }
    text[used] = '\0';
    return (nima_str){text, used};
}

static nima_str number_text(struct nima_db_stmt *stmt, int column, struct nima_pg_piece *cell)
{
    enum { CHARS = 32 };
    char *text = nima_pg_room(cell, CHARS);
    int length = snprintf(text, CHARS, "%lld", (long long)nima_pg_integer(stmt, column));
    return (nima_str){text, (size_t)length};
}

nima_str nima_pg_text(struct nima_db_stmt *stmt, int column)
{
    struct nima_pg_stmt *pg = stmt->engine;
    struct column found = column_of(stmt, column);
    nima_assert(column < NIMA_PG_COLUMNS_MAX);
    struct nima_pg_piece *cell = &pg->cells[column];
    if (found.raw.ptr == NULL) {
        return found.raw;
    }
    switch (found.type) {
    case OID_UUID:
        return uuid_text(found.raw, cell);
    case OID_TIMESTAMPTZ: {
        char *text = nima_pg_room(cell, NIMA_TIME_CHARS + 1);
        nima_time_write(time_of(found.raw), text);
        return (nima_str){text, NIMA_TIME_CHARS};
    }
    case OID_JSONB: /* a byte that says which version of the format follows: 1, so far */
        return json_text(nima_str_sub(found.raw, 1, found.raw.len), cell);
    case OID_JSON:
        return json_text(found.raw, cell);
    case OID_TEXT:
    case OID_VARCHAR:
    case OID_NAME:
        return found.raw;
    default:
        return number_text(stmt, column, cell);
    }
}

nima_str nima_pg_bytes(struct nima_db_stmt *stmt, int column)
{
    struct column found = column_of(stmt, column);
    nima_assert(found.raw.ptr == NULL || found.type == OID_BYTEA);
    return found.raw;
}
