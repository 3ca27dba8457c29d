/* The reference for people: one page, no script, from the route tables that serve the requests. */
#include "api/api_int.h"

static void add_escaped(struct nima_buf *buf, const char *text)
{
    for (; text != NULL && *text != '\0'; text++) {
        switch (*text) {
        case '<':
            nima_buf_add(buf, NIMA_STR("&lt;"));
            break;
        case '>':
            nima_buf_add(buf, NIMA_STR("&gt;"));
            break;
        case '&':
            nima_buf_add(buf, NIMA_STR("&amp;"));
            break;
        case '"':
            nima_buf_add(buf, NIMA_STR("&quot;"));
            break;
        default:
            nima_buf_add_char(buf, *text);
        }
    }
}

static const char *kind_name(const struct nima_field *field)
{
    static const char *const names[] = {
        [NIMA_KIND_STR] = "text",
        [NIMA_KIND_UUID] = "UUID",
        [NIMA_KIND_TIME] = "time",
        [NIMA_KIND_INT] = "whole number",
        [NIMA_KIND_NUM] = "number",
        [NIMA_KIND_BOOL] = "true or false",
        [NIMA_KIND_JSON] = "object",
        [NIMA_KIND_ANY] = "any",
        [NIMA_KIND_OBJECT] = "object",
        [NIMA_KIND_LIST] = "list of",
        [NIMA_KIND_STR_LIST] = "list of texts",
    };
    return names[field->kind];
}

static void add_limits(struct nima_buf *buf, const struct nima_field *field)
{
    if (field->choices != NULL) {
        nima_buf_add(buf, NIMA_STR(" One of:"));
        for (const char *const *c = field->choices; *c != NULL; c++) {
            nima_buf_add(buf, NIMA_STR(" <code>"));
            add_escaped(buf, *c);
            nima_buf_add(buf, NIMA_STR("</code>"));
        }
        nima_buf_add_char(buf, '.');
    }
    if (field->max > field->min) {
        bool text = field->kind == NIMA_KIND_STR;
        bool list = field->kind == NIMA_KIND_LIST || field->kind == NIMA_KIND_STR_LIST;
        nima_buf_fmt(buf, " %lld to %lld%s.", (long long)field->min, (long long)field->max,
                     text ? " characters" : (list ? " items" : ""));
    }
    if (field->high > field->low) {
        nima_buf_fmt(buf, " %g to %g.", field->low, field->high);
    }
}

static void add_field(struct nima_buf *buf, const struct nima_field *field)
{
    static const char *const places[] = {"body", "query", "path"};
    nima_buf_add(buf, NIMA_STR("<tr><td><code>"));
    add_escaped(buf, field->name);
    nima_buf_fmt(buf, "</code>%s</td><td>%s ", field->required ? " *" : "", kind_name(field));
    if (field->shape != NULL) {
        nima_buf_fmt(buf, "<a href=\"#shape-%s\">%s</a>", field->shape->name, field->shape->name);
    }
    nima_buf_fmt(buf, "</td><td>%s</td><td>", places[field->place]);
    add_escaped(buf, field->doc);
    add_limits(buf, field);
    nima_buf_add(buf, NIMA_STR("</td></tr>\n"));
}

static void add_fields(struct nima_buf *buf, const struct nima_shape *shape)
{
    nima_buf_add(buf, NIMA_STR("<table><thead><tr><th>field</th><th>type</th><th>in</th>"
                               "<th>meaning</th></tr></thead><tbody>\n"));
    for (size_t i = 0; i < shape->count; i++) {
        add_field(buf, &shape->fields[i]);
    }
    nima_buf_add(buf, NIMA_STR("</tbody></table>\n"));
}

static void add_route(struct nima_buf *buf, const struct nima_route *route)
{
    nima_buf_fmt(buf, "<section><h3><code>%s ", route->method);
    add_escaped(buf, route->path);
    nima_buf_add(buf, NIMA_STR("</code></h3><p>"));
    add_escaped(buf, route->summary);
    nima_buf_add(buf, NIMA_STR("</p>\n"));
    if (route->in != NULL) {
        if (route->in_list) {
            nima_buf_add(buf, NIMA_STR("<p>The body is a list of:</p>\n"));
        }
        add_fields(buf, route->in);
    }
    nima_buf_fmt(buf, "<p>Replies %d", route->status != 0 ? route->status : 200);
    if (route->out != NULL) {
        nima_buf_fmt(buf, " with %s<a href=\"#shape-%s\">%s</a>",
                     route->kind == NIMA_ROUTE_LIST ? "a list of " : "", route->out->name,
                     route->out->name);
    }
    if (route->out_type != NULL) {
        nima_buf_fmt(buf, "%s %s", route->out != NULL ? ", or" : " with", route->out_type);
    }
    nima_buf_add(buf, NIMA_STR(".</p></section>\n"));
}

enum { SHAPES_MAX = 128 };
struct shapes {
    const struct nima_shape *items[SHAPES_MAX];
    size_t count;
};

/* Nested shapes too; the tables are ours, so the depth is small. */
static void collect(struct shapes *shapes, const struct nima_shape *shape)
{
    for (size_t i = 0; i < shapes->count; i++) {
        if (shapes->items[i] == shape) {
            return;
        }
    }
    nima_assert(shapes->count < SHAPES_MAX);
    shapes->items[shapes->count++] = shape;
    for (size_t i = 0; i < shape->count; i++) {
        if (shape->fields[i].shape != NULL) {
            collect(shapes, shape->fields[i].shape);
        }
    }
}

static void collect_route(struct shapes *shapes, const struct nima_route *route)
{
    if (route->out != NULL) {
        collect(shapes, route->out);
    }
    for (size_t i = 0; route->in != NULL && i < route->in->count; i++) {
        if (route->in->fields[i].shape != NULL) {
            collect(shapes, route->in->fields[i].shape);
        }
    }
}

void nima_api_docs_html(const char *version, struct nima_buf *buf)
{
    struct shapes shapes = {.count = 0};
    nima_buf_fmt(buf,
                 "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                 "<meta name=\"viewport\" content=\"width=device-width\">"
                 "<title>Nima %s: API</title><link rel=\"icon\" href=\"app/mark.svg\">"
                 "<link rel=\"stylesheet\" href=\"app/docs.css\">"
                 "</head><body><main><h1>Nima %s: API</h1>"
                 "<p>The same as <a href=\"openapi.json\">openapi.json</a>. Fields with * are "
                 "required. Errors are <code>{\"error\": {code, message, field, request_id}, "
                 "detail}</code>.</p>\n",
                 version, version);
    const char *tag = "";
    for (const struct nima_route *const *t = nima_api_tables; *t != NULL; t++) {
        for (const struct nima_route *r = *t; r->path != NULL; r++) {
            if (nima_str_cmp(nima_str_of(tag), nima_str_of(r->tag)) != 0) {
                tag = r->tag;
                nima_buf_fmt(buf, "<h2>%s</h2>\n", tag);
            }
            add_route(buf, r);
            collect_route(&shapes, r);
        }
    }
    nima_buf_add(buf, NIMA_STR("<h2>shapes</h2>\n"));
    for (size_t i = 0; i < shapes.count; i++) {
        nima_buf_fmt(buf, "<section><h3 id=\"shape-%s\">%s</h3><p>", shapes.items[i]->name,
                     shapes.items[i]->name);
        add_escaped(buf, shapes.items[i]->doc);
        nima_buf_add(buf, NIMA_STR("</p>\n"));
        add_fields(buf, shapes.items[i]);
        nima_buf_add(buf, NIMA_STR("</section>\n"));
    }
    nima_buf_add(buf, NIMA_STR("</main></body></html>\n"));
}
