#pragma once
/*
 * rc: what a call that can fail returns. The list lives in rc.def.
 */
#include <stdint.h>

typedef enum nima_rc {
    NIMA_OK = 0,
#define X(name, status, code, text) NIMA_E_##name,
#include "util/rc.def"
#undef X
    NIMA_RC_COUNT
} nima_rc;

#define NIMA_E_BIT(name) (UINT32_C(1) << NIMA_E_##name)
#define NIMA_MUST_USE    __attribute__((warn_unused_result))

/* Passes a failure up untouched. The only macro in the house that returns. */
#define NIMA_TRY(call)                                                                             \
    do {                                                                                           \
        nima_rc nima_try_rc = (call);                                                              \
        if (nima_try_rc != NIMA_OK) {                                                              \
            return nima_try_rc;                                                                    \
        }                                                                                          \
    } while (0)

int nima_rc_status(nima_rc rc);       /* HTTP status, 200 for NIMA_OK */
const char *nima_rc_code(nima_rc rc); /* "not_found": on the wire and in logs */
const char *nima_rc_text(nima_rc rc); /* the general sentence, when nothing better is known */

/* A caller's bug, never bad input: ends the process, in release builds too. */
#define nima_assert(condition)                                                                     \
    ((condition) ? (void)0 : nima_assert_failed(#condition, __FILE__, __LINE__))
_Noreturn void nima_assert_failed(const char *condition, const char *file, int line);
