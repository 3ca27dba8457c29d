/*
 * The OpenAPI 3.1 document, from the same rows and fields that decode requests and encode replies:
 * it cannot say anything else than what the server does. Order is that of the tables.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "http/openapi_int.h"

enum { STATUS_MAX = 600, STATUS_TEXT_MAX = 200, STATUS_HEADERS_LARGE = 431 };

/* Runs over all rows: tables is a list of tables, each ending in {0}. */
#define EACH_ROW(tables, row)                                                                      \
    for (size_t row##_at = 0; (tables)[row##_at] != NULL; row##_at++)                              \
        for (const struct nima_route *row = (tables)[row##_at]; row->method != NULL; row++)

/* A POST whose reply an Idempotency-Key keeps. */
static bool is_repeatable(const struct nima_route *row)
{
    return row->out != NULL && row->kind != NIMA_ROUTE_BYTES && strcmp(row->method, "POST") == 0;
}

/* What any route can give because of the door, beside what the row names. */
static uint32_t errors_of(const struct nima_route *row)
{
    uint32_t errors = row->errors | NIMA_E_BIT(MALFORMED) | NIMA_E_BIT(FORBIDDEN) |
                      NIMA_E_BIT(INTERNAL) | NIMA_E_BIT(BUSY) | NIMA_E_BIT(UNAVAILABLE) |
                      NIMA_E_BIT(METHOD);
    bool json = row->kind == NIMA_ROUTE_JSON || row->kind == NIMA_ROUTE_LIST;
    if (nima_doc_has_body_field(row->in)) {
        errors |= NIMA_E_BIT(TOO_LARGE) | NIMA_E_BIT(MEDIA_TYPE);
    }
    if (row->kind != NIMA_ROUTE_BYTES || row->in != NULL) {
        errors |= NIMA_E_BIT(INVALID);
    }
    if (is_repeatable(row)) {
        errors |= NIMA_E_BIT(CONFLICT);
    }
    if (json && !row->quick) {
        errors |= NIMA_E_BIT(TIMEOUT);
    }
    if (strchr(row->path, '{') != NULL) {
        errors |= NIMA_E_BIT(NOT_FOUND);
    }
    if (row->scope != NULL) {
        errors |= NIMA_E_BIT(UNAUTHORIZED);
    }
    return errors;
}

/* "get_v1_memory_facts_id" */
static void write_operation_id(struct doc *doc, const struct nima_route *row)
{
    char id[200];
    size_t used = 0;
    for (const char *c = row->method; *c != '\0' && used < 20; c++) {
        id[used++] = (char)tolower((unsigned char)*c);
    }
    for (const char *c = row->path; *c != '\0' && used < sizeof(id) - 1; c++) {
        if (isalnum((unsigned char)*c)) {
            id[used++] = *c;
        } else if (id[used - 1] != '_') {
            id[used++] = '_';
        }
    }
    while (used > 0 && id[used - 1] == '_') {
        used--;
    }
    id[used] = '\0';
    nima_doc_str(doc, "operationId", strcmp(row->path, "/") == 0 ? "get_root" : id);
}

static void write_parameter(struct doc *doc, const struct nima_field *field)
{
    bool path = field->place == NIMA_IN_PATH;
    nima_doc_open(doc, NULL, '{');
    nima_doc_str(doc, "name", field->name);
    nima_doc_str(doc, "in", path ? "path" : "query");
    nima_doc_raw(doc, "required", path || field->required ? "true" : "false");
    nima_doc_open(doc, "schema", '{');
    nima_doc_field_schema(doc, field, true);
    nima_doc_close(doc, '}');
    nima_doc_close(doc, '}');
}

static bool has_field(const struct nima_shape *shape, const char *name, size_t len)
{
    for (size_t i = 0; shape != NULL && i < shape->count; i++) {
        const struct nima_field *field = &shape->fields[i];
        if (field->place == NIMA_IN_PATH && strlen(field->name) == len &&
            memcmp(field->name, name, len) == 0) {
            return true;
        }
    }
    return false;
}

/* Parameters of the path that the row takes no notice of are parameters all the same. */
static void write_unread_path(struct doc *doc, const struct nima_route *row)
{
    for (const char *at = strchr(row->path, '{'); at != NULL; at = strchr(at + 1, '{')) {
        size_t len = strcspn(at + 1, "}");
        if (has_field(row->in, at + 1, len)) {
            continue;
        }
        char name[60];
        snprintf(name, sizeof(name), "%.*s", (int)len, at + 1);
        nima_doc_open(doc, NULL, '{');
        nima_doc_str(doc, "name", name);
        nima_doc_str(doc, "in", "path");
        nima_doc_raw(doc, "required", "true");
        nima_doc_raw(doc, "schema", "{\"type\": \"string\", \"minLength\": 1}");
        nima_doc_close(doc, '}');
    }
}

static void write_parameters(struct doc *doc, const struct nima_route *row)
{
    nima_doc_open(doc, "parameters", '[');
    for (size_t i = 0; row->in != NULL && !row->in_list && i < row->in->count; i++) {
        if (row->in->fields[i].place != NIMA_IN_BODY) {
            write_parameter(doc, &row->in->fields[i]);
        }
    }
    write_unread_path(doc, row);
    if (is_repeatable(row)) {
        nima_doc_raw(doc, NULL, "{\"$ref\": \"#/components/parameters/IdempotencyKey\"}");
    }
    nima_doc_close(doc, ']');
}

static bool body_is_required(const struct nima_route *row)
{
    for (size_t i = 0; i < row->in->count; i++) {
        if (row->in->fields[i].place == NIMA_IN_BODY && row->in->fields[i].required) {
            return true;
        }
    }
    return row->in_list;
}

static void write_list_schema(struct doc *doc, const struct nima_shape *shape, int64_t max, bool in)
{
    nima_doc_open(doc, "schema", '{');
    nima_doc_str(doc, "type", "array");
    if (in) {
        nima_doc_int(doc, "minItems", 1);
    }
    if (max > 0) {
        nima_doc_int(doc, "maxItems", max);
    }
    nima_doc_shape_ref(doc, "items", shape, in);
    nima_doc_close(doc, '}');
}

static bool takes_body(const struct nima_route *row)
{
    return strcmp(row->method, "GET") != 0 && (row->in_list || nima_doc_has_body_field(row->in));
}

static void write_request_body(struct doc *doc, const struct nima_route *row)
{
    if (!takes_body(row)) {
        return;
    }
    nima_doc_open(doc, "requestBody", '{');
    nima_doc_raw(doc, "required", body_is_required(row) ? "true" : "false");
    nima_doc_open(doc, "content", '{');
    nima_doc_open(doc, "application/json", '{');
    if (row->in_list) {
        write_list_schema(doc, row->in, row->in_list_max, true);
    } else {
        nima_doc_shape_ref(doc, "schema", row->in, true);
    }
    nima_doc_close(doc, '}');
    nima_doc_close(doc, '}');
    nima_doc_close(doc, '}');
}

static void write_header_ref(struct doc *doc, const char *name)
{
    char ref[100];
    snprintf(ref, sizeof(ref), "{\"$ref\": \"#/components/headers/%s\"}", name);
    nima_doc_raw(doc, name, ref);
}

static void write_json_content(struct doc *doc, const struct nima_route *row)
{
    nima_doc_open(doc, "application/json", '{');
    if (row->out == NULL) {
        nima_doc_raw(doc, "schema", "{\"type\": \"object\"}");
    } else if (row->kind == NIMA_ROUTE_LIST) {
        write_list_schema(doc, row->out, 0, false);
    } else {
        nima_doc_shape_ref(doc, "schema", row->out, false);
    }
    nima_doc_close(doc, '}');
}

/* out_schema is JSON Schema when it begins with a brace, else a sentence. */
static void write_other_content(struct doc *doc, const struct nima_route *row)
{
    bool stream = row->kind == NIMA_ROUTE_STREAM;
    const char *type = row->out_type != NULL ? row->out_type
                       : stream              ? "text/event-stream"
                                             : "application/octet-stream";
    nima_doc_open(doc, type, '{');
    if (row->out_schema != NULL && row->out_schema[0] == '{') {
        nima_doc_raw(doc, "schema", row->out_schema);
    } else {
        nima_doc_open(doc, "schema", '{');
        if (!stream) { /* of a stream some tools hold the schema against each event */
            nima_doc_str(doc, "type", "string");
        }
        if (row->out_schema != NULL) {
            nima_doc_str(doc, "description", row->out_schema);
        }
        nima_doc_close(doc, '}');
    }
    nima_doc_close(doc, '}');
}

static void write_success(struct doc *doc, const struct nima_route *row, int status)
{
    char key[16];
    snprintf(key, sizeof(key), "%d", status);
    nima_doc_open(doc, key, '{');
    nima_doc_str(doc, "description",
                 status == 201   ? "Made"
                 : status == 202 ? "Accepted"
                 : status == 204 ? "Done"
                                 : "OK");
    nima_doc_open(doc, "headers", '{');
    write_header_ref(doc, "X-Request-Id");
    if (row->kind == NIMA_ROUTE_LIST && strcmp(row->method, "GET") == 0) {
        write_header_ref(doc, "X-Next-Cursor");
        write_header_ref(doc, "Link");
    }
    nima_doc_close(doc, '}');
    if (status != 204) {
        nima_doc_open(doc, "content", '{');
        if (row->kind == NIMA_ROUTE_STREAM || row->kind == NIMA_ROUTE_BYTES) {
            write_other_content(doc, row);
        }
        bool json = row->kind == NIMA_ROUTE_JSON || row->kind == NIMA_ROUTE_LIST;
        if (json || row->out != NULL) {
            write_json_content(doc, row);
        }
        nima_doc_close(doc, '}');
    }
    nima_doc_close(doc, '}');
}

static void write_responses(struct doc *doc, const struct nima_route *row)
{
    uint32_t errors = errors_of(row);
    bool written[STATUS_MAX] = {false};
    nima_doc_open(doc, "responses", '{');
    write_success(doc, row, row->status != 0 ? row->status : 200);
    if (row->status_also != 0) {
        write_success(doc, row, row->status_also);
    }
    if (row->kind == NIMA_ROUTE_BYTES) {
        nima_doc_raw(doc, "304", "{\"description\": \"The client has it already\"}");
    }
    for (int rc = 1; rc < NIMA_RC_COUNT; rc++) {
        int status = nima_rc_status((nima_rc)rc);
        if ((errors >> rc & 1) != 0 && !written[status] && rc != NIMA_E_CANCELLED) {
            char key[16], ref[80];
            snprintf(key, sizeof(key), "%d", status);
            snprintf(ref, sizeof(ref), "{\"$ref\": \"#/components/responses/E%d\"}", status);
            nima_doc_raw(doc, key, ref);
            written[status] = true;
        }
    }
    nima_doc_raw(doc, "431", "{\"$ref\": \"#/components/responses/E431\"}");
    nima_doc_close(doc, '}');
}

static void write_operation(struct doc *doc, const struct nima_route *row)
{
    char method[16] = {0};
    for (size_t i = 0; i < sizeof(method) - 1 && row->method[i] != '\0'; i++) {
        method[i] = (char)tolower((unsigned char)row->method[i]);
    }
    nima_doc_open(doc, method, '{');
    if (row->tag != NULL) {
        nima_doc_open(doc, "tags", '[');
        nima_doc_str(doc, NULL, row->tag);
        nima_doc_close(doc, ']');
    }
    if (row->summary != NULL) {
        nima_doc_str(doc, "summary", row->summary);
    }
    write_operation_id(doc, row);
    nima_doc_open(doc, "security", '[');
    if (row->scope != NULL) {
        nima_doc_open(doc, NULL, '{');
        nima_doc_open(doc, "bearer", '[');
        nima_doc_str(doc, NULL, row->scope);
        nima_doc_close(doc, ']');
        nima_doc_close(doc, '}');
    }
    nima_doc_raw(doc, NULL, "{}"); /* none while no token was made, on a loopback bind */
    nima_doc_close(doc, ']');
    write_parameters(doc, row);
    write_request_body(doc, row);
    write_responses(doc, row);
    nima_doc_close(doc, '}');
}

static bool is_first_of_path(const struct nima_route *const *tables, const struct nima_route *row)
{
    EACH_ROW(tables, other)
    {
        if (other == row) {
            return true;
        }
        if (strcmp(other->path, row->path) == 0) {
            return false;
        }
    }
    return true;
}

static void write_paths(struct doc *doc, const struct nima_route *const *tables)
{
    nima_doc_open(doc, "paths", '{');
    EACH_ROW(tables, row)
    {
        if (!is_first_of_path(tables, row)) {
            continue;
        }
        nima_doc_open(doc, row->path, '{');
        EACH_ROW(tables, same)
        {
            if (strcmp(same->path, row->path) == 0) {
                write_operation(doc, same);
            }
        }
        nima_doc_close(doc, '}');
    }
    nima_doc_close(doc, '}');
}

static void write_error_schema(struct doc *doc)
{
    nima_doc_open(doc, "Error", '{');
    nima_doc_str(doc, "type", "object");
    nima_doc_str(doc, "description", "Every reply that is no success.");
    nima_doc_open(doc, "properties", '{');
    nima_doc_open(doc, "error", '{');
    nima_doc_str(doc, "type", "object");
    nima_doc_open(doc, "properties", '{');
    nima_doc_open(doc, "code", '{');
    nima_doc_str(doc, "type", "string");
    nima_doc_open(doc, "enum", '[');
    for (int rc = 1; rc < NIMA_RC_COUNT; rc++) {
        nima_doc_str(doc, NULL, nima_rc_code((nima_rc)rc));
    }
    nima_doc_close(doc, ']');
    nima_doc_close(doc, '}');
    nima_doc_raw(doc, "message",
                 "{\"type\": \"string\", \"description\": \"What is wrong, and what to do.\"}");
    nima_doc_raw(doc, "field",
                 "{\"type\": \"string\", \"description\": \"Which input was wrong, such as "
                 "messages[2].role.\"}");
    nima_doc_raw(doc, "request_id", "{\"type\": \"string\"}");
    nima_doc_close(doc, '}');
    nima_doc_raw(doc, "required", "[\"code\", \"message\", \"request_id\"]");
    nima_doc_close(doc, '}');
    nima_doc_raw(doc, "detail", "{\"type\": \"string\", \"description\": \"The same message.\"}");
    nima_doc_close(doc, '}');
    nima_doc_raw(doc, "required", "[\"error\", \"detail\"]");
    nima_doc_close(doc, '}');
}

static void write_error_response(struct doc *doc, int status)
{
    char key[16], text[STATUS_TEXT_MAX] = "";
    if (status == STATUS_HEADERS_LARGE) { /* has no rc of its own: TOO_LARGE, at the door */
        snprintf(text, sizeof(text), "The request's headers are larger than allowed");
    }
    for (int rc = 1; rc < NIMA_RC_COUNT; rc++) {
        size_t used = strlen(text);
        if (nima_rc_status((nima_rc)rc) == status) {
            snprintf(text + used, sizeof(text) - used, "%s%s", used > 0 ? "; or: " : "",
                     nima_rc_text((nima_rc)rc));
        }
    }
    snprintf(key, sizeof(key), "E%d", status);
    nima_doc_open(doc, key, '{');
    nima_doc_str(doc, "description", text);
    nima_doc_open(doc, "headers", '{');
    write_header_ref(doc, "X-Request-Id");
    if (status == 429 || status == 503) {
        write_header_ref(doc, "Retry-After");
    }
    nima_doc_close(doc, '}');
    nima_doc_raw(
        doc, "content",
        "{\"application/json\": {\"schema\": {\"$ref\": \"#/components/schemas/Error\"}}}");
    nima_doc_close(doc, '}');
}

static void write_components(struct doc *doc)
{
    bool written[STATUS_MAX] = {false};
    nima_doc_open(doc, "components", '{');
    nima_doc_open(doc, "schemas", '{');
    write_error_schema(doc);
    nima_doc_shapes_write(doc);
    nima_doc_close(doc, '}');
    nima_doc_open(doc, "responses", '{');
    for (int rc = 1; rc < NIMA_RC_COUNT; rc++) {
        int status = nima_rc_status((nima_rc)rc);
        if (!written[status] && rc != NIMA_E_CANCELLED) {
            write_error_response(doc, status);
            written[status] = true;
        }
    }
    write_error_response(doc, STATUS_HEADERS_LARGE);
    nima_doc_close(doc, '}');
    nima_doc_open(doc, "parameters", '{');
    nima_doc_raw(doc, "IdempotencyKey",
                 "{\"name\": \"Idempotency-Key\", \"in\": \"header\", \"required\": false, "
                 "\"description\": \"The same key and body within 24 hours get the first reply.\", "
                 "\"schema\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 255, "
                 "\"pattern\": \"^[ -~]+$\"}}");
    nima_doc_close(doc, '}');
    nima_doc_open(doc, "headers", '{');
    nima_doc_raw(doc, "X-Request-Id",
                 "{\"description\": \"The request's own id when it sent one, else a new one.\", "
                 "\"schema\": {\"type\": \"string\"}}");
    nima_doc_raw(doc, "X-Next-Cursor",
                 "{\"description\": \"Send it as cursor for what follows; absent at the end.\", "
                 "\"schema\": {\"type\": \"string\"}}");
    nima_doc_raw(doc, "Link",
                 "{\"description\": \"rel=next: the address of what follows; absent at the end.\", "
                 "\"schema\": {\"type\": \"string\"}}");
    nima_doc_raw(doc, "Retry-After",
                 "{\"description\": \"Seconds to wait.\", \"schema\": {\"type\": \"integer\"}}");
    nima_doc_close(doc, '}');
    nima_doc_raw(
        doc, "securitySchemes",
        "{\"bearer\": {\"type\": \"http\", \"scheme\": \"bearer\", \"description\": \"A token of "
        "nima token create. While none was made and the server listens on this machine alone, "
        "none is needed.\"}}");
    nima_doc_close(doc, '}');
}

void nima_openapi_write(const struct nima_route *const *tables, const char *title,
                        const char *version, struct nima_buf *buf)
{
    struct doc doc = {.buf = buf};
    EACH_ROW(tables, row)
    {
        if (takes_body(row)) {
            nima_doc_shape_use(&doc, row->in, true);
        }
        if (row->out != NULL) {
            nima_doc_shape_use(&doc, row->out, false);
        }
    }
    nima_doc_open(&doc, NULL, '{');
    nima_doc_str(&doc, "openapi", "3.1.0");
    nima_doc_open(&doc, "info", '{');
    nima_doc_str(&doc, "title", title);
    nima_doc_str(&doc, "version", version);
    nima_doc_close(&doc, '}');
    write_paths(&doc, tables);
    write_components(&doc);
    nima_doc_close(&doc, '}');
    nima_buf_add_char(buf, '\n');
}
