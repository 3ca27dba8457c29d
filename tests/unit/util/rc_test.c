#include <string.h>

#include "support/test.h"
#include "util/rc.h"

TEST(every_result_has_a_status_a_code_and_a_text)
{
    for (int i = 0; i < NIMA_RC_COUNT; i++) {
        nima_rc rc = (nima_rc)i;
        int status = nima_rc_status(rc);
        assert_true(status == 200 || (status >= 400 && status <= 599));
        assert_true(strlen(nima_rc_code(rc)) > 1);
        assert_true(strlen(nima_rc_text(rc)) > 3);
    }
}

TEST(codes_are_all_different)
{
    for (int i = 0; i < NIMA_RC_COUNT; i++) {
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(nima_rc_code((nima_rc)i), nima_rc_code((nima_rc)j));
        }
    }
}

TEST(the_statuses_that_clients_rely_on_stay)
{
    ASSERT_INT_EQ(nima_rc_status(NIMA_OK), 200);
    ASSERT_INT_EQ(nima_rc_status(NIMA_E_MALFORMED), 400);
    ASSERT_INT_EQ(nima_rc_status(NIMA_E_NOT_FOUND), 404);
    ASSERT_INT_EQ(nima_rc_status(NIMA_E_INVALID), 422);
    ASSERT_INT_EQ(nima_rc_status(NIMA_E_BUSY), 503);
    assert_string_equal(nima_rc_code(NIMA_E_INVALID), "invalid_request");
}

static nima_rc pass_up(nima_rc inner, int *reached)
{
    NIMA_TRY(inner);
    *reached = 1;
    return NIMA_OK;
}

TEST(try_passes_a_failure_up_untouched)
{
    int reached = 0;
    ASSERT_RC(NIMA_E_STORE, pass_up(NIMA_E_STORE, &reached));
    ASSERT_INT_EQ(reached, 0);
    ASSERT_OK(pass_up(NIMA_OK, &reached));
    ASSERT_INT_EQ(reached, 1);
}

TEST(each_result_has_a_bit_of_its_own)
{
    assert_true(NIMA_RC_COUNT <= 32);
    assert_true(NIMA_E_BIT(NOT_FOUND) != NIMA_E_BIT(INVALID));
    assert_int_equal(NIMA_E_BIT(NOT_FOUND) & NIMA_E_BIT(INVALID), 0);
}

TEST_MAIN
