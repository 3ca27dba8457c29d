#include "http/http_int.h"
void nima_openapi_write(const struct nima_route *const *tables, const char *title,
                        const char *version, struct nima_buf *buf)
{
    (void)tables;
    (void)title;
    (void)version;
    nima_buf_add(buf, NIMA_STR("{}\n"));
}
