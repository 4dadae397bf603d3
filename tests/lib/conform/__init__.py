# SPDX-License-Identifier: ISC
"""The assertions of tests/conformance, and what they need: sessions, verdicts, a next hop."""
from conform import (case_bounce, case_commands, case_content, case_envelope, case_route,
                     case_session, case_sender, case_transfer)

CASES = (case_session, case_envelope, case_content, case_commands, case_route, case_sender,
         case_transfer, case_bounce)
