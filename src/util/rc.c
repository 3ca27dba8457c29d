#include "util/rc.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
    int status;
    const char *code;
    const char *text;
} rows[NIMA_RC_COUNT] = {
    [NIMA_OK] = {200, "ok", "Done"},
#define X(name, status, code, text) [NIMA_E_##name] = {status, code, text},
#include "util/rc.def"
#undef X
};

int nima_rc_status(nima_rc rc)
{
    return rows[rc].status;
}

const char *nima_rc_code(nima_rc rc)
{
    return rows[rc].code;
}

const char *nima_rc_text(nima_rc rc)
{
    return rows[rc].text;
}

_Noreturn void nima_assert_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "nima: bug: %s does not hold at %s:%d\n", condition, file, line);
    abort();
}
